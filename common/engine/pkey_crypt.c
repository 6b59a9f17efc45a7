/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RSA encryption with the padding OAEP. */
#include "internal.h"

#include <errno.h>
#include <stdio.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#define TEXT(name, text) OSSL_PARAM_construct_utf8_string(name, (char *)(text), 0)

/* What is allowed: k - 2 h - 2 bytes for a key of k and a digest of h. */
static int refuse_length(struct acr_op *op, const struct soft_cap *cap, const EVP_PKEY *pkey)
{
	int most = EVP_PKEY_get_size(pkey) - 2 * EVP_MD_get_size(cap->md) - 2;
	char sentence[160];

	if (most < 0)
		return soft_refuse(op, "the key is too short for this digest");
	if (op->src.len <= (size_t)most)
		return soft_key_unfit(op, "the key can't encrypt this");
	snprintf(sentence, sizeof(sentence),
	         "src has %zu bytes, this key and digest can encrypt at most %d", op->src.len,
	         most);
	return soft_refuse(op, sentence);
}

static int not_decrypted(struct acr_op *op, const EVP_PKEY *pkey)
{
	size_t size = (size_t)EVP_PKEY_get_size(pkey);
	char sentence[160];

	snprintf(sentence, sizeof(sentence), "src has %zu bytes, this key decrypts %zu at once",
	         op->src.len, size);
	if (op->src.len != size)
		acr_op_explain(op, sentence);
	return -EBADMSG;
}

static int run(struct acr_op *op, const struct soft_cap *cap, EVP_PKEY *pkey, EVP_PKEY_CTX *ctx)
{
	const char *mgf1 = op->pkey.mgf1 ? soft_digest_name(op->pkey.mgf1) : cap->row->sub;
	OSSL_PARAM params[] = {
		TEXT(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, OSSL_PKEY_RSA_PAD_MODE_OAEP),
		TEXT(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, cap->row->sub),
		TEXT(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, mgf1),
		OSSL_PARAM_construct_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL,
		                                  (void *)soft_bytes(op->aad), op->aad.len),
		OSSL_PARAM_construct_end(),
	};
	bool encrypts = op->opcode == ACR_ENCRYPT;
	size_t len = op->dst_size;

	/* OpenSSL would count what is far too long in int. */
	if (op->src.len > (size_t)EVP_PKEY_get_size(pkey))
		return encrypts ? refuse_length(op, cap, pkey) : not_decrypted(op, pkey);
	if (!op->aad.len)
		params[3] = OSSL_PARAM_construct_end();
	if ((encrypts ? EVP_PKEY_encrypt_init : EVP_PKEY_decrypt_init)(ctx) <= 0 ||
	    EVP_PKEY_CTX_set_params(ctx, params) <= 0)
		return soft_key_unfit(op, "the key does not allow this digest or these params");
	if ((encrypts ? EVP_PKEY_encrypt : EVP_PKEY_decrypt)(
	            ctx, op->dst, &len, soft_bytes(op->src), op->src.len) > 0) {
		op->dst_len = len;
		return 0;
	}
	if (encrypts)
		return refuse_length(op, cap, pkey);
	return soft_error() == -ENOMEM ? -ENOMEM : not_decrypted(op, pkey);
}

static int oaep_compute(struct acr_op *op, const struct soft_cap *cap)
{
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *pkey;
	int error =
	        soft_key_parse(op, cap->row, op->key, "key",
	                       op->opcode == ACR_DECRYPT ? SOFT_PRIVATE : SOFT_PUBLIC, &pkey);

	if (error)
		return error;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	error = ctx ? run(op, cap, pkey, ctx) : -ENOMEM;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return error;
}

const struct soft_family soft_oaep_family = {
	.opcodes = 1u << ACR_ENCRYPT | 1u << ACR_DECRYPT,
	.fetch = soft_pkey_fetch,
	.drop = soft_pkey_drop,
	.compute = oaep_compute,
};
