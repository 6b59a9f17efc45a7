/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modular exponentiation, what the public-key engines of old cards do. The key is a SEQUENCE of
 * modulus and exponent, which is the form of a bare RSA public key, or any RSA key. */
#include "internal.h"

#include <errno.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>

#define MOST_BITS 16384

/* Encryption takes the public exponent. Decryption takes the private one, or the only one. */
static bool get_numbers(const struct acr_op *op, const EVP_PKEY *pkey, BIGNUM **modulus,
                        BIGNUM **exponent)
{
	if (!EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, modulus))
		return false;
	return (op->opcode == ACR_DECRYPT &&
	        EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_D, exponent)) ||
	       EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, exponent);
}

static int power(struct acr_op *op, const BIGNUM *modulus, BIGNUM *exponent)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *base = BN_bin2bn(soft_bytes(op->src), (int)op->src.len, NULL);
	BIGNUM *result = BN_new();
	int bytes = BN_num_bytes(modulus), error = -ENOMEM;

	BN_set_flags(exponent, BN_FLG_CONSTTIME);
	if (ctx && base && result && BN_nnmod(base, base, modulus, ctx) &&
	    BN_mod_exp_mont_consttime(result, base, exponent, modulus, ctx, NULL) &&
	    BN_bn2binpad(result, op->dst, bytes) == bytes)
		error = 0;
	else if (ctx && base && result)
		error = soft_error();
	op->dst_len = (size_t)bytes;
	BN_clear_free(result);
	BN_clear_free(base);
	BN_CTX_free(ctx);
	return error;
}

static int check_and_run(struct acr_op *op, const BIGNUM *modulus, BIGNUM *exponent)
{
	if (!BN_is_odd(modulus) || BN_is_one(modulus) || BN_is_negative(modulus))
		return soft_refuse(op, "the modulus must be odd and above 1");
	if (BN_num_bits(modulus) > MOST_BITS || BN_num_bits(exponent) > MOST_BITS ||
	    (size_t)BN_num_bytes(modulus) > op->dst_size)
		return soft_refuse(op, "modulus and exponent may have at most 16384 bits");
	if (BN_is_negative(exponent))
		return soft_refuse(op, "the exponent must not be negative");
	return power(op, modulus, exponent);
}

static int modexp_compute(struct acr_op *op, const struct soft_cap *cap)
{
	BIGNUM *modulus = NULL, *exponent = NULL;
	EVP_PKEY *pkey;
	int error = soft_key_parse(op, cap->row, op->key, "key", SOFT_PUBLIC, &pkey);

	if (error)
		return error;
	if (get_numbers(op, pkey, &modulus, &exponent))
		error = check_and_run(op, modulus, exponent);
	else
		error = soft_key_unfit(op, "key must hold a modulus and an exponent");
	BN_clear_free(modulus);
	BN_clear_free(exponent);
	EVP_PKEY_free(pkey);
	return error;
}

const struct soft_family soft_modexp_family = {
	.opcodes = 1u << ACR_ENCRYPT | 1u << ACR_DECRYPT,
	.fetch = soft_pkey_fetch,
	.drop = soft_pkey_drop,
	.compute = modexp_compute,
};
