/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signatures: RSA with either padding, ECDSA, SM2 and EdDSA. */
#include "internal.h"

#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

/* GM/T 0009: the signer's identity where none was agreed on. */
static const char sm2_identity[] = "1234567812345678";

#define TEXT(name, text) OSSL_PARAM_construct_utf8_string(name, (char *)(text), 0)

/* ---- the parameters of each family; each has room for 5 ---- */

static void rsa_params(const struct acr_op *op, OSSL_PARAM *params, int *saltlen)
{
	(void)op;
	(void)saltlen;
	params[0] = TEXT(OSSL_SIGNATURE_PARAM_PAD_MODE, OSSL_PKEY_RSA_PAD_MODE_PKCSV15);
	params[1] = OSSL_PARAM_construct_end();
}

static void pss_params(const struct acr_op *op, OSSL_PARAM *params, int *saltlen)
{
	*saltlen = op->pkey.saltlen == ACR_SALT_MAX    ? RSA_PSS_SALTLEN_MAX
	           : op->pkey.saltlen == ACR_SALT_AUTO ? RSA_PSS_SALTLEN_AUTO
	                                               : op->pkey.saltlen;
	params[0] = TEXT(OSSL_SIGNATURE_PARAM_PAD_MODE, OSSL_PKEY_RSA_PAD_MODE_PSS);
	params[1] = TEXT(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, soft_digest_name(op->pkey.mgf1));
	params[2] = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, saltlen);
	params[3] = OSSL_PARAM_construct_end();
}

static void sm2_params(const struct acr_op *op, OSSL_PARAM *params, int *saltlen)
{
	bool own = op->aad.len;

	(void)saltlen;
	params[0] = OSSL_PARAM_construct_octet_string(
	        OSSL_PKEY_PARAM_DIST_ID, own ? (void *)op->aad.data : (void *)sm2_identity,
	        own ? op->aad.len : strlen(sm2_identity));
	params[1] = OSSL_PARAM_construct_end();
}

static void no_params(const struct acr_op *op, OSSL_PARAM *params, int *saltlen)
{
	(void)op;
	(void)saltlen;
	params[0] = OSSL_PARAM_construct_end();
}

/* ---- signing and verifying ---- */

static int sign(struct acr_op *op, EVP_MD_CTX *ctx, bool raw, size_t half)
{
	uint8_t der[SOFT_SIG_DER_MAX];
	size_t len = raw ? sizeof(der) : op->dst_size;

	if (EVP_DigestSign(ctx, raw ? der : op->dst, &len, soft_bytes(op->src), op->src.len) <=
	    0)
		return soft_key_unfit(op,
		                      "the key can't sign this: it may be too short for the "
		                      "digest and the salt");
	op->dst_len = len;
	return raw ? soft_sig_raw(op, der, len, half) : 0;
}

static int verify(struct acr_op *op, EVP_MD_CTX *ctx, bool raw, size_t half, size_t size)
{
	uint8_t der[SOFT_SIG_DER_MAX];
	struct acr_bytes sig = op->sig;
	int result = 0;

	if (raw) {
		sig.data = der;
		sig.len = soft_sig_der(op->sig, half, der);
	}
	if (!raw || sig.len)
		result = EVP_DigestVerify(ctx, soft_bytes(sig), sig.len, soft_bytes(op->src),
		                          op->src.len);
	if (result != 1 && soft_error() == -ENOMEM)
		return -ENOMEM;
	if (result != 1)
		soft_sig_explain(op, half, size);
	return soft_verified(op, result == 1);
}

static int run(struct acr_op *op, const struct soft_row *row, EVP_PKEY *pkey,
               void (*fill)(const struct acr_op *op, OSSL_PARAM *params, int *saltlen))
{
	bool signs = op->opcode == ACR_SIGN;
	bool raw = row->curve && op->pkey.sigformat == ACR_SIG_RAW;
	size_t half = row->curve ? row->curve->bytes : 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	OSSL_PARAM params[5];
	int saltlen, error;

	if (!ctx)
		return -ENOMEM;
	fill(op, params, &saltlen);
	if ((signs ? EVP_DigestSignInit_ex : EVP_DigestVerifyInit_ex)(
	            ctx, &pctx, row->sub, NULL, NULL, pkey, NULL) <= 0 ||
	    (params[0].key && !EVP_PKEY_CTX_set_params(pctx, params)))
		error = soft_key_unfit(op,
		                       "the key does not allow this digest or these params");
	else
		error = signs ? sign(op, ctx, raw, half)
		              : verify(op, ctx, raw, half, (size_t)EVP_PKEY_get_size(pkey));
	EVP_MD_CTX_free(ctx);
	return error;
}

static int compute(struct acr_op *op, const struct soft_cap *cap,
                   void (*fill)(const struct acr_op *op, OSSL_PARAM *params, int *saltlen))
{
	const struct soft_row *row = cap->row;
	EVP_PKEY *pkey;
	int error = soft_key_parse(op, row, op->key, "key",
	                           op->opcode == ACR_SIGN ? SOFT_PRIVATE : SOFT_PUBLIC, &pkey);

	if (error)
		return error;
	error = run(op, row, pkey, fill);
	EVP_PKEY_free(pkey);
	return error;
}

#define SIGN_FAMILY(NAME, FILL)                                                                \
	static int NAME##_compute(struct acr_op *op, const struct soft_cap *cap)               \
	{                                                                                      \
		return compute(op, cap, FILL);                                                 \
	}                                                                                      \
	const struct soft_family soft_##NAME##_family = {                                      \
		.opcodes = 1u << ACR_SIGN | 1u << ACR_VERIFY,                                  \
		.fetch = soft_pkey_fetch,                                                      \
		.drop = soft_pkey_drop,                                                        \
		.compute = NAME##_compute,                                                     \
	}

SIGN_FAMILY(rsa, rsa_params);
SIGN_FAMILY(pss, pss_params);
SIGN_FAMILY(ecdsa, no_params);
SIGN_FAMILY(sm2, sm2_params);
SIGN_FAMILY(eddsa, no_params);
