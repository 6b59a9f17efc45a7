/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the bytes of a key file to a key: PEM, DER, a certificate, or the bare bytes of a point
 * or scalar.
 *
 * Setting up a decoder costs OpenSSL several times what decoding does, and more than a
 * signature on P-256. So decoders are kept, a list for each type of key. Keys are not:
 * those end with the operation. Nothing here asks for a passphrase or opens a file. */
#include "internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#define MOST_BLOCKS 16 /* of PEM that a file may have before the key */

struct decoder {
	SLIST_ENTRY(decoder) link; /* idle_lock */
	OSSL_DECODER_CTX *ctx;
	EVP_PKEY *pkey; /* where ctx puts it */
	bool encrypted; /* it wanted a passphrase */
};

/* What is true of all keys of a type. */
static struct type {
	const char *name; /* OpenSSL's; NULL: any type, to say what it is */
	const char *what; /* for sentences */
	size_t raw[2];    /* bytes of a bare public and private key; 0: see the curve */
	SLIST_HEAD(, decoder) idle; /* idle_lock */
} types[] = {
	{ .name = "RSA", .what = "an RSA key" },
	{ .name = "EC", .what = "an elliptic-curve key" },
	{ .name = "SM2", .what = "an SM2 key" },
	{ .name = "ED25519", .what = "an Ed25519 key", .raw = { 32, 32 } },
	{ .name = "ED448", .what = "an Ed448 key", .raw = { 57, 57 } },
	{ .name = "X25519", .what = "an X25519 key", .raw = { 32, 32 } },
	{ .name = "X448", .what = "an X448 key", .raw = { 56, 56 } },
	{ .what = "a key" },
};

static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;

/* name: NULL finds the last. */
static struct type *type_find(const char *name)
{
	struct type *type = types;

	while (type->name && (!name || strcmp(type->name, name)))
		type++;
	return type;
}

/* ---- decoders ---- */

static int no_passphrase(char *pass, size_t size, size_t *len, const OSSL_PARAM *params,
                         void *arg)
{
	struct decoder *decoder = arg;

	(void)pass;
	(void)size;
	(void)params;
	*len = 0;
	decoder->encrypted = true;
	return 0;
}

static void decoder_free(struct decoder *decoder)
{
	OSSL_DECODER_CTX_free(decoder->ctx);
	free(decoder);
}

static struct decoder *decoder_new(const char *type)
{
	struct decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
		return NULL;
	decoder->ctx =
	        OSSL_DECODER_CTX_new_for_pkey(&decoder->pkey, NULL, NULL, type, 0, NULL, NULL);
	if (decoder->ctx &&
	    OSSL_DECODER_CTX_set_passphrase_cb(decoder->ctx, no_passphrase, decoder))
		return decoder;
	decoder_free(decoder);
	return NULL;
}

static struct decoder *decoder_take(struct type *type)
{
	struct decoder *decoder;

	pthread_mutex_lock(&idle_lock);
	decoder = SLIST_FIRST(&type->idle);
	if (decoder)
		SLIST_REMOVE_HEAD(&type->idle, link);
	pthread_mutex_unlock(&idle_lock);
	return decoder ? decoder : decoder_new(type->name);
}

static void decoder_give_back(struct type *type, struct decoder *decoder)
{
	pthread_mutex_lock(&idle_lock);
	SLIST_INSERT_HEAD(&type->idle, decoder, link);
	pthread_mutex_unlock(&idle_lock);
}

void soft_key_drop_decoders(void)
{
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct decoder *decoder;

		while ((decoder = SLIST_FIRST(&types[i].idle))) {
			SLIST_REMOVE_HEAD(&types[i].idle, link);
			decoder_free(decoder);
		}
	}
}

/* ---- decoding ---- */

/* The first key in the file: other things may stand before it, as curve parameters do. */
static EVP_PKEY *decode_with(struct decoder *decoder, BIO *bio)
{
	EVP_PKEY *pkey;
	int last = -1;

	for (unsigned block = 0; block < MOST_BLOCKS; block++) {
		bool done;

		decoder->pkey = NULL;
		done = OSSL_DECODER_from_bio(decoder->ctx, bio);
		pkey = decoder->pkey;
		decoder->pkey = NULL;
		if (done && pkey && soft_key_has(pkey, SOFT_PUBLIC))
			return pkey;
		EVP_PKEY_free(pkey);
		if (BIO_eof(bio) || BIO_tell(bio) <= last)
			break;
		last = BIO_tell(bio);
	}
	return NULL;
}

/* Returns owned, NULL: there is no such key. */
static EVP_PKEY *decode(struct type *type, struct acr_bytes bytes, bool *encrypted)
{
	struct decoder *decoder = decoder_take(type);
	BIO *bio = BIO_new_mem_buf(soft_bytes(bytes), (int)bytes.len);
	EVP_PKEY *pkey = NULL;

	if (decoder && bio) {
		decoder->encrypted = false;
		pkey = decode_with(decoder, bio);
		*encrypted |= decoder->encrypted;
	}
	BIO_free(bio);
	if (decoder)
		decoder_give_back(type, decoder);
	return pkey;
}

/* ---- bare bytes ---- */

static OSSL_PARAM *curve_params(const struct soft_curve *curve, struct acr_bytes bytes,
                                const BIGNUM *scalar)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;

	if (build &&
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve->group,
	                                    0) &&
	    (scalar ? OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, scalar)
	            : OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY,
	                                               bytes.data, bytes.len)))
		params = OSSL_PARAM_BLD_to_param(build);
	OSSL_PARAM_BLD_free(build);
	return params;
}

/* Is it from 1 to the order less 1? */
static bool scalar_fits(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool fits = ctx && EVP_PKEY_private_check(ctx) > 0;

	EVP_PKEY_CTX_free(ctx);
	return fits;
}

static EVP_PKEY *curve_key(const struct soft_curve *curve, struct acr_bytes bytes,
                           enum soft_half half)
{
	int selection = half == SOFT_PRIVATE ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
	BIGNUM *scalar =
	        half == SOFT_PRIVATE ? BN_bin2bn(bytes.data, (int)bytes.len, NULL) : NULL;
	OSSL_PARAM *params = curve_params(curve, bytes, scalar);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *pkey = NULL;

	if (params && ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
	    EVP_PKEY_fromdata(ctx, &pkey, selection, params) > 0 && half == SOFT_PRIVATE &&
	    !scalar_fits(pkey)) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	BN_clear_free(scalar);
	return pkey;
}

/* No DER of a key is as short as the bare key, so the length tells them apart. */
static bool is_bare(const struct soft_row *row, struct acr_bytes bytes, enum soft_half half)
{
	const struct type *type = type_find(row->name);
	size_t size = row->curve ? row->curve->bytes : 0;

	if (!bytes.len)
		return false;
	if (type->raw[half])
		return bytes.len == type->raw[half];
	if (!size || !strcmp(row->name, "SM2"))
		return false; /* SM2 signs its public key too */
	if (half == SOFT_PRIVATE)
		return bytes.len == size;
	return (bytes.data[0] == 4 && bytes.len == 1 + 2 * size) ||
	       ((bytes.data[0] == 2 || bytes.data[0] == 3) && bytes.len == 1 + size);
}

static EVP_PKEY *bare_key(const struct soft_row *row, struct acr_bytes bytes,
                          enum soft_half half)
{
	if (row->curve)
		return curve_key(row->curve, bytes, half);
	return half == SOFT_PRIVATE ? EVP_PKEY_new_raw_private_key_ex(NULL, row->name, NULL,
	                                                              bytes.data, bytes.len)
	                            : EVP_PKEY_new_raw_public_key_ex(NULL, row->name, NULL,
	                                                             bytes.data, bytes.len);
}

/* ---- saying what is wrong ---- */

int soft_key_refuse(struct acr_op *op, const char *file, const char *what, const char *more)
{
	char sentence[160];

	snprintf(sentence, sizeof(sentence), "%s %s%s", file, what, more);
	return soft_refuse(op, sentence);
}

static bool is_restricted_rsa(const struct soft_row *row, const EVP_PKEY *pkey)
{
	return row->family == &soft_pss_family && EVP_PKEY_is_a(pkey, "RSA-PSS");
}

/* No key of the right type is in the file: is one of another? */
static int refuse_or_other(struct acr_op *op, const struct soft_row *row,
                           struct acr_bytes bytes, const char *file, EVP_PKEY **pkey)
{
	bool encrypted = false, bare = row->curve || type_find(row->name)->raw[0];
	EVP_PKEY *other = decode(type_find(NULL), bytes, &encrypted);
	bool another = other;
	const char *form;

	if (other && is_restricted_rsa(row, other)) {
		*pkey = other;
		return 0;
	}
	EVP_PKEY_free(other);
	if (encrypted)
		return soft_key_refuse(op, file, "is encrypted",
		                       ": write the output of openssl pkey -in FILE, which "
		                       "asks for the passphrase");
	if (another)
		return soft_key_refuse(op, file, "holds another kind of key: this takes ",
		                       type_find(row->name)->what);
	form = soft_key_form(bytes);
	if (form)
		return soft_key_refuse(op, file, form, "");
	if (!strcmp(row->name, "RSA") && soft_key_looks_whole(bytes))
		return soft_key_refuse(op, file,
		                       "holds no RSA key that can be used: its numbers ",
		                       "don't belong together, or have over 16384 bits");
	return soft_key_refuse(op, file, "holds no key in PEM or DER",
	                       bare ? ", nor bare bytes of the right length" : "");
}

/* The key in a file, or that of the certificate in it. Returns owned in *pkey and 0;
 * -EINVAL. */
static int read_file(struct acr_op *op, const struct soft_row *row, struct acr_bytes bytes,
                     const char *file, enum soft_half half, EVP_PKEY **pkey)
{
	struct type *type = type_find(row->name);
	struct acr_bytes key;
	bool encrypted = false;
	int error = 0;

	*pkey = decode(type, bytes, &encrypted);
	if (*pkey)
		return 0;
	if (encrypted || !soft_key_of_certificate(bytes, &key))
		return refuse_or_other(op, row, bytes, file, pkey);
	if (half == SOFT_PRIVATE)
		error = soft_key_refuse(op, file, "holds a certificate, in which is no more ",
		                        "than a public key: the private one is needed");
	else
		*pkey = decode(type, key, &encrypted);
	if (!error && !*pkey)
		error = refuse_or_other(op, row, key, file, pkey);
	OPENSSL_free((void *)key.data);
	return error;
}

int soft_key_parse(struct acr_op *op, const struct soft_row *row, struct acr_bytes bytes,
                   const char *file, enum soft_half half, EVP_PKEY **pkey)
{
	int error = 0;

	ERR_clear_error();
	if (!is_bare(row, bytes, half))
		error = read_file(op, row, bytes, file, half, pkey);
	else if (!(*pkey = bare_key(row, bytes, half)))
		error = soft_key_refuse(op, file, "has the length of a bare key and is none: ",
		                        "out of range, or not on the curve");
	if (!error)
		error = soft_key_check(op, row, bytes.len, file, half, *pkey);
	if (error) {
		EVP_PKEY_free(*pkey);
		*pkey = NULL;
	}
	return error;
}

int soft_key_unfit(struct acr_op *op, const char *sentence)
{
	return soft_error() == -ENOMEM ? -ENOMEM : soft_refuse(op, sentence);
}

/* ---- fetching ---- */

const char *soft_digest_name(const char *alg)
{
	for (unsigned i = 0; alg && i < soft_row_count; i++)
		if (soft_rows[i].family == &soft_hash_family && !strcmp(soft_rows[i].alg, alg))
			return soft_rows[i].name;
	return "";
}

/* Distributions leave out curves. */
static bool has_curve(const struct soft_curve *curve)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(OBJ_sn2nid(curve->group));

	EC_GROUP_free(group);
	return group;
}

bool soft_pkey_fetch(struct soft_cap *cap)
{
	EVP_KEYMGMT *type = EVP_KEYMGMT_fetch(NULL, cap->row->name, NULL);

	EVP_KEYMGMT_free(type);
	if (!type || (cap->row->curve && !has_curve(cap->row->curve)))
		return false;
	if (cap->row->sub)
		cap->md = EVP_MD_fetch(NULL, cap->row->sub, NULL);
	return cap->md || !cap->row->sub;
}

void soft_pkey_drop(struct soft_cap *cap)
{
	EVP_MD_free(cap->md);
}
