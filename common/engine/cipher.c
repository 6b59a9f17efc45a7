/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ECB, CBC, CFB, OFB, CTR, XTS and ChaCha20. */
#include "internal.h"

#include <errno.h>

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/params.h>

#define XTS_MIN ((size_t)16)
#define XTS_MAX ((size_t)16 << 20) /* IEEE 1619: 2^20 blocks a data unit */

/* core_names.h of OpenSSL 3.0 doesn't have it. */
#define XTS_STANDARD "xts_standard"

bool soft_cipher_fetch(struct soft_cap *cap)
{
	cap->cipher = EVP_CIPHER_fetch(NULL, cap->row->name, NULL);
	return cap->cipher;
}

void soft_cipher_drop(struct soft_cap *cap)
{
	EVP_CIPHER_free(cap->cipher);
}

bool soft_cipher_update(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *in, size_t n,
                        size_t *done)
{
	*done = 0;
	while (n) {
		size_t piece = n < SOFT_CHUNK ? n : SOFT_CHUNK;
		int written = 0;

		if (!EVP_CipherUpdate(ctx, out ? out + *done : NULL, &written, in, (int)piece))
			return false;
		*done += (size_t)written;
		in += piece;
		n -= piece;
	}
	return true;
}

/* The core has checked sizes against its own table; here they keep OpenSSL inside our
 * buffers. */
static int check_sizes(struct acr_op *op, const struct soft_cap *cap, bool padded)
{
	size_t block = (size_t)EVP_CIPHER_get_block_size(cap->cipher);
	size_t n = op->src.len, need = n;

	if (op->key.len != (size_t)EVP_CIPHER_get_key_length(cap->cipher))
		return soft_refuse(op, "the key is not of the algorithm's size");
	if (op->iv.len != (size_t)EVP_CIPHER_get_iv_length(cap->cipher))
		return soft_refuse(op, "the iv is not of the algorithm's size");
	if (padded && op->opcode == ACR_ENCRYPT)
		need += block - n % block;
	else if (n % block)
		return soft_refuse(op, "the input is not a multiple of the block size");
	else if (padded && !n)
		return soft_refuse(op, "an empty input has no padding to remove");
	else if (padded)
		need--;
	return op->dst_size < need ? soft_refuse(op, "the output does not fit") : 0;
}

static int check_xts(struct acr_op *op)
{
	size_t half = op->key.len / 2;

	if (op->src.len < XTS_MIN || op->src.len > XTS_MAX)
		return soft_refuse(op, "XTS takes 16 bytes to 16 MiB");
	/* Equal halves undo XTS; OpenSSL refuses to encrypt with them. */
	if (op->opcode == ACR_ENCRYPT &&
	    !CRYPTO_memcmp(op->key.data, op->key.data + half, half))
		return soft_refuse(op, "the two halves of an XTS key must differ");
	return 0;
}

/* params: what the family adds, used with the key; NULL: nothing */
static int run(struct acr_op *op, EVP_CIPHER_CTX *ctx, const struct soft_cap *cap, bool padded,
               const OSSL_PARAM *params)
{
	bool encrypt = op->opcode == ACR_ENCRYPT;
	uint8_t none[EVP_MAX_BLOCK_LENGTH];
	size_t done;
	int last = 0;

	if (!EVP_CipherInit_ex2(ctx, cap->cipher, op->key.data, op->iv.len ? op->iv.data : NULL,
	                        encrypt, params) ||
	    !EVP_CIPHER_CTX_set_padding(ctx, padded))
		return soft_error();
	if (!soft_cipher_update(ctx, op->dst, op->src.data, op->src.len, &done))
		return soft_error();
	if (!EVP_CipherFinal_ex(ctx, op->dst ? op->dst + done : none, &last)) {
		if (encrypt || !padded)
			return soft_error();
		acr_op_explain(op, "the padding does not verify");
		return -EBADMSG;
	}
	op->dst_len = done + (size_t)last;
	return 0;
}

static int compute(struct acr_op *op, const struct soft_cap *cap, const OSSL_PARAM *params)
{
	bool blocks = EVP_CIPHER_get_block_size(cap->cipher) > 1;
	bool padded = op->padding == ACR_PAD_PKCS7 && blocks;
	EVP_CIPHER_CTX *ctx;
	int error = check_sizes(op, cap, padded);

	if (error)
		return error;
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx)
		return -ENOMEM;
	error = run(op, ctx, cap, padded, params);
	EVP_CIPHER_CTX_free(ctx);
	return error;
}

static int cipher_compute(struct acr_op *op, const struct soft_cap *cap)
{
	return compute(op, cap, NULL);
}

/* OpenSSL's SM4-XTS is that of GB/T 17964, unless told that it be that of IEEE 1619. Where
 * it can't be told, it isn't what the core means. */
static bool xts_fetch(struct soft_cap *cap)
{
	if (!soft_cipher_fetch(cap))
		return false;
	return strcmp(cap->row->name, "SM4-XTS") ||
	       OSSL_PARAM_locate_const(EVP_CIPHER_settable_ctx_params(cap->cipher),
	                               XTS_STANDARD);
}

static int xts_compute(struct acr_op *op, const struct soft_cap *cap)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(XTS_STANDARD, (char *)"IEEE", 0),
		OSSL_PARAM_construct_end(),
	};
	int error = check_xts(op);

	return error ? error : compute(op, cap, params);
}

#define CIPHER_FAMILY(NAME, FETCH, COMPUTE)                                                    \
	const struct soft_family NAME = { .opcodes = 1u << ACR_ENCRYPT | 1u << ACR_DECRYPT,    \
		                          .fetch = FETCH,                                      \
		                          .drop = soft_cipher_drop,                            \
		                          .compute = COMPUTE }

CIPHER_FAMILY(soft_cipher_family, soft_cipher_fetch, cipher_compute);
CIPHER_FAMILY(soft_xts_family, xts_fetch, xts_compute);
