/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a key that could be decoded must be before it is used: of the right half and curve, of a
 * bearable length, and no point under which anything verifies. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>

#define MOST_BITS    16384 /* of any number of an RSA key */
#define HARMLESS_KEY 4096  /* bytes in which no two numbers are that long */

/* ---- what a key has ---- */

static bool has_number(const EVP_PKEY *pkey, const char *name)
{
	BIGNUM *number = NULL;
	bool found = EVP_PKEY_get_bn_param(pkey, name, &number);

	BN_clear_free(number);
	return found;
}

bool soft_key_has(const EVP_PKEY *pkey, enum soft_half half)
{
	bool private = half == SOFT_PRIVATE;
	size_t len = 0;

	if (EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_is_a(pkey, "RSA-PSS"))
		return has_number(pkey,
		                  private ? OSSL_PKEY_PARAM_RSA_D : OSSL_PKEY_PARAM_RSA_N);
	if (EVP_PKEY_is_a(pkey, "EC") || EVP_PKEY_is_a(pkey, "SM2"))
		return private ? has_number(pkey, OSSL_PKEY_PARAM_PRIV_KEY)
		               : EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY,
		                                                 NULL, 0, &len);
	return private ? EVP_PKEY_get_raw_private_key(pkey, NULL, &len)
	               : EVP_PKEY_get_raw_public_key(pkey, NULL, &len);
}

/* ---- lengths ---- */

static bool number_too_long(const EVP_PKEY *pkey, const char *name)
{
	BIGNUM *number = NULL;
	bool too_long =
	        EVP_PKEY_get_bn_param(pkey, name, &number) && BN_num_bits(number) > MOST_BITS;

	BN_clear_free(number);
	return too_long;
}

/* Time grows with the third power of the length: minutes for what fits into a key file. */
static bool too_long(const EVP_PKEY *pkey, size_t file_len)
{
	static const char *const names[] = { OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E,
		                             OSSL_PKEY_PARAM_RSA_D };
	char name[32];

	if (file_len <= HARMLESS_KEY)
		return false;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (number_too_long(pkey, names[i]))
			return true;
	for (unsigned i = 1; i <= 10; i++) { /* OpenSSL's most primes */
		snprintf(name, sizeof(name), "rsa-factor%u", i);
		if (number_too_long(pkey, name))
			return true;
		snprintf(name, sizeof(name), "rsa-exponent%u", i);
		if (number_too_long(pkey, name))
			return true;
	}
	return false;
}

/* ---- points of EdDSA ---- */

#define POINT_MAX 57 /* bytes */

/* The y of each point whose order divides the cofactor; x only adds a sign. All
 * little-endian. */
static const struct edwards {
	const char *type;
	size_t bytes;
	uint8_t prime[POINT_MAX];
	uint8_t low[5][POINT_MAX];
	unsigned lows;
} edwards[] = {
	{ "ED25519",
	  32,
	  { 0xed, [1 ... 30] = 0xff, [31] = 0x7f },
	  { { 0 },
	    { 1 },
	    { 0xec, [1 ... 30] = 0xff, [31] = 0x7f },
	    { 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
	      0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
	      0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
	    { 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
	      0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
	      0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a } },
	  5 },
	{ "ED448",
	  57,
	  { [0 ... 27] = 0xff, [28] = 0xfe, [29 ... 55] = 0xff },
	  { { 0 }, { 1 }, { 0xfe, [1 ... 27] = 0xff, [28] = 0xfe, [29 ... 55] = 0xff } },
	  3 },
};

static bool is_below(const uint8_t *number, const uint8_t *bound, size_t bytes)
{
	while (bytes-- > 0)
		if (number[bytes] != bound[bytes])
			return number[bytes] < bound[bytes];
	return false;
}

/* Why signatures under this key mean nothing; NULL: they do. */
static const char *wrong_point(const struct edwards *curve, const EVP_PKEY *pkey)
{
	uint8_t y[POINT_MAX];
	size_t len = sizeof(y);

	if (!EVP_PKEY_get_raw_public_key(pkey, y, &len) || len != curve->bytes)
		return "holds no point";
	y[len - 1] &= 0x7f; /* the sign of x */
	if (!is_below(y, curve->prime, len))
		return "holds a point that is not encoded as the standard says";
	for (unsigned i = 0; i < curve->lows; i++)
		if (!memcmp(y, curve->low[i], len))
			return "holds a point of low order, under which any message verifies";
	return NULL;
}

static const char *wrong_edwards(const EVP_PKEY *pkey)
{
	for (size_t i = 0; i < sizeof(edwards) / sizeof(edwards[0]); i++)
		if (EVP_PKEY_is_a(pkey, edwards[i].type))
			return wrong_point(&edwards[i], pkey);
	return NULL;
}

/* ---- all of it ---- */

/* Are the curve's numbers in the file? OpenSSL knows the curve again by some of them, and
 * goes by what the others say. */
static bool spells_curve_out(const EVP_PKEY *pkey)
{
	int explicit = 0;

	return EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
	                              &explicit) &&
	       explicit;
}

int soft_key_check(struct acr_op *op, const struct soft_row *row, size_t file_len,
                   const char *file, enum soft_half half, const EVP_PKEY *pkey)
{
	const char *wrong = wrong_edwards(pkey);
	char group[32] = "";

	if (half == SOFT_PRIVATE && !soft_key_has(pkey, SOFT_PRIVATE))
		return soft_key_refuse(op, file,
		                       "holds a public key: the private one is needed", "");
	if (wrong)
		return soft_key_refuse(op, file, wrong, "");
	if (row->curve && spells_curve_out(pkey))
		return soft_key_refuse(op, file,
		                       "spells its curve out: write the output of openssl pkey "
		                       "-ec_param_enc named_curve -in FILE",
		                       soft_key_has(pkey, SOFT_PRIVATE) ? "" : " -pubin");
	if (row->curve && (!EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) ||
	                   strcmp(group, row->curve->group)))
		return soft_key_refuse(op, file, "is on another curve: this takes ",
		                       row->curve->group);
	if (EVP_PKEY_get_size(pkey) <= 0)
		return soft_key_refuse(op, file, "holds a key of no length", "");
	if (!strcmp(row->name, "RSA") && too_long(pkey, file_len))
		return soft_key_refuse(op, file, "is longer than 16384 bits", "");
	return 0;
}
