/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Key wrap of SP 800-38F, without and with padding, with the standard's own initial values. */
#include "internal.h"

#include <errno.h>
#include <string.h>

#define SEMIBLOCK ((size_t)8)
#define WRAP_MAX  (((size_t)2 << 30) - 16)

static bool pads(const struct soft_cap *cap)
{
	return strstr(cap->row->name, "PAD");
}

/* Bytes of the result, of the longest where it can vary. */
static size_t result_bytes(const struct acr_op *op)
{
	size_t n = op->src.len;

	if (op->opcode == ACR_DECRYPT)
		return n - SEMIBLOCK;
	return (n + SEMIBLOCK - 1) / SEMIBLOCK * SEMIBLOCK + SEMIBLOCK;
}

static int check_sizes(struct acr_op *op, const struct soft_cap *cap)
{
	size_t n = op->src.len;
	size_t least = pads(cap) ? 1 : 2 * SEMIBLOCK;

	if (op->key.len != (size_t)EVP_CIPHER_get_key_length(cap->cipher))
		return soft_refuse(op, "the key is not of the algorithm's size");
	if (op->opcode == ACR_DECRYPT)
		least = (pads(cap) ? 2 : 3) * SEMIBLOCK;
	if (n < least || n > WRAP_MAX)
		return soft_refuse(op, "the input is too short or too long for key wrap");
	if ((op->opcode == ACR_DECRYPT || !pads(cap)) && n % SEMIBLOCK)
		return soft_refuse(op, "the input is not a multiple of 8 bytes");
	return op->dst_size < result_bytes(op) ? soft_refuse(op, "the output does not fit") : 0;
}

static int run(struct acr_op *op, const struct soft_cap *cap, EVP_CIPHER_CTX *ctx)
{
	bool encrypt = op->opcode == ACR_ENCRYPT;
	int written = 0;

	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (!EVP_CipherInit_ex2(ctx, cap->cipher, op->key.data, NULL, encrypt, NULL))
		return soft_error();
	if (EVP_CipherUpdate(ctx, op->dst, &written, op->src.data, (int)op->src.len) <= 0) {
		if (encrypt)
			return soft_error();
		acr_op_explain(op, "the wrapped key does not verify");
		return -EBADMSG;
	}
	op->dst_len = (size_t)written;
	return 0;
}

static int wrap_compute(struct acr_op *op, const struct soft_cap *cap)
{
	int error = check_sizes(op, cap);
	EVP_CIPHER_CTX *ctx;

	if (error)
		return error;
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx)
		return -ENOMEM;
	error = run(op, cap, ctx);
	EVP_CIPHER_CTX_free(ctx);
	return error;
}

const struct soft_family soft_wrap_family = {
	.opcodes = 1u << ACR_ENCRYPT | 1u << ACR_DECRYPT,
	.fetch = soft_cipher_fetch,
	.drop = soft_cipher_drop,
	.compute = wrap_compute,
};
