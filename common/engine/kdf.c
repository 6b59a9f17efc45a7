/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HKDF, PBKDF2 and scrypt, and random bytes: what makes output without input. */
#include "internal.h"

#include <errno.h>
#include <stdio.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#define HKDF_INFO_SAFE 1024 /* bytes that every OpenSSL takes */

#define OCTETS(name, bytes)                                                                    \
	OSSL_PARAM_construct_octet_string(name, (void *)soft_bytes(bytes), (bytes).len)

/* The digest must be there too. */
static bool kdf_fetch(struct soft_cap *cap)
{
	cap->kdf = EVP_KDF_fetch(NULL, cap->row->name, NULL);
	if (cap->row->sub)
		cap->md = EVP_MD_fetch(NULL, cap->row->sub, NULL);
	return cap->kdf && (cap->md || !cap->row->sub);
}

static void kdf_drop(struct soft_cap *cap)
{
	EVP_KDF_free(cap->kdf);
	EVP_MD_free(cap->md);
}

static int run(struct acr_op *op, const struct soft_cap *cap, const OSSL_PARAM *params)
{
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(cap->kdf);
	int error = 0;

	if (!ctx)
		return -ENOMEM;
	if (EVP_KDF_derive(ctx, op->dst, op->dst_size, params) > 0)
		op->dst_len = op->dst_size;
	else
		error = soft_error();
	EVP_KDF_CTX_free(ctx);
	return error;
}

static int hkdf_compute(struct acr_op *op, const struct soft_cap *cap)
{
	int mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)cap->row->sub,
		                                 0),
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OCTETS(OSSL_KDF_PARAM_KEY, op->key),
		OCTETS(OSSL_KDF_PARAM_SALT, op->iv),
		OCTETS(OSSL_KDF_PARAM_INFO, op->aad),
		OSSL_PARAM_construct_end(),
	};

	int error;

	if (!op->dst_size || op->dst_size > 255 * (size_t)EVP_MD_get_size(cap->md))
		return soft_refuse(op, "HKDF makes 1 byte to 255 digests of output");
	error = run(op, cap, params);
	/* OpenSSL's bound has changed between releases: let it say. */
	if (error == -EIO && op->aad.len > HKDF_INFO_SAFE)
		return soft_refuse(op, "the info is too long for this OpenSSL");
	return error;
}

static int pbkdf2_compute(struct acr_op *op, const struct soft_cap *cap)
{
	/* Non-zero is "as PKCS #5 version 2 has it": without the lower bounds on salt, key
	 * and iterations of SP 800-132. */
	int pkcs5 = 1;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)cap->row->sub,
		                                 0),
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &pkcs5),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &op->numbers.iterations),
		OCTETS(OSSL_KDF_PARAM_PASSWORD, op->key),
		OCTETS(OSSL_KDF_PARAM_SALT, op->iv),
		OSSL_PARAM_construct_end(),
	};

	if (!op->numbers.iterations || !op->dst_size)
		return soft_refuse(op,
		                   "PBKDF2 needs at least one iteration and one byte to make");
	return run(op, cap, params);
}

static uint64_t scrypt_memory(const struct acr_op *op)
{
	const struct soft_limits *limits = op->driver_data;

	return limits ? limits->scrypt_memory : (uint64_t)SOFT_SCRYPT_MIB << 20;
}

/* RFC 7914: B has 128 r p bytes, V has 128 r n; OpenSSL adds two rows to V. */
static int check_scrypt(struct acr_op *op, uint64_t memory)
{
	uint64_t n = op->numbers.n, r = op->numbers.r, p = op->numbers.p, rows, bytes;
	char sentence[80];

	if (n < 2 || n & (n - 1) || !r || !p)
		return soft_refuse(
		        op, "scrypt needs n a power of two above 1, and r and p above 0");
	if (__builtin_add_overflow(n, 2, &rows) || __builtin_add_overflow(rows, p, &rows) ||
	    __builtin_mul_overflow(rows, r, &bytes) ||
	    __builtin_mul_overflow(bytes, 128, &bytes) || bytes > memory) {
		snprintf(sentence, sizeof sentence,
		         "scrypt with these n, r and p needs more than %llu MiB",
		         (unsigned long long)(memory >> 20));
		return soft_refuse(op, sentence);
	}
	return 0;
}

static int scrypt_compute(struct acr_op *op, const struct soft_cap *cap)
{
	uint64_t memory = scrypt_memory(op);
	OSSL_PARAM params[] = {
		OCTETS(OSSL_KDF_PARAM_PASSWORD, op->key),
		OCTETS(OSSL_KDF_PARAM_SALT, op->iv),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &op->numbers.n),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_R, &op->numbers.r),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_P, &op->numbers.p),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
		OSSL_PARAM_construct_end(),
	};
	int error = check_scrypt(op, memory);

	return error ? error : run(op, cap, params);
}

static bool random_fetch(struct soft_cap *cap)
{
	(void)cap;
	return true;
}

static void random_drop(struct soft_cap *cap)
{
	(void)cap;
}

static int random_compute(struct acr_op *op, const struct soft_cap *cap)
{
	(void)cap;
	if (op->dst_size && RAND_bytes_ex(NULL, op->dst, op->dst_size, 0) <= 0)
		return soft_error();
	op->dst_len = op->dst_size;
	return 0;
}

#define KDF_FAMILY(NAME, COMPUTE)                                                              \
	const struct soft_family NAME = { .opcodes = 1u << ACR_DERIVE,                         \
		                          .fetch = kdf_fetch,                                  \
		                          .drop = kdf_drop,                                    \
		                          .compute = COMPUTE }

KDF_FAMILY(soft_hkdf_family, hkdf_compute);
KDF_FAMILY(soft_pbkdf2_family, pbkdf2_compute);
KDF_FAMILY(soft_scrypt_family, scrypt_compute);

const struct soft_family soft_random_family = {
	.opcodes = 1u << ACR_RANDOM,
	.fetch = random_fetch,
	.drop = random_drop,
	.compute = random_compute,
};
