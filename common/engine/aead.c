/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GCM, CCM, OCB, ChaCha20-Poly1305 and GCM-SIV. Encryption goes in parts where the mode lets
 * it; decryption is always whole, because nothing may be put out before the tag verifies. */
#include "internal.h"

#include <errno.h>
#include <limits.h>

#define TAG_MAX   16
#define NONCE_MAX 128 /* OpenSSL's bound, for GCM */

static bool is_ccm(const struct soft_cap *cap)
{
	return EVP_CIPHER_get_mode(cap->cipher) == EVP_CIPH_CCM_MODE;
}

static bool is_ocb(const struct soft_cap *cap)
{
	return EVP_CIPHER_get_mode(cap->cipher) == EVP_CIPH_OCB_MODE;
}

/* Modes that need the whole input in one call. */
static bool is_one_shot(const struct soft_cap *cap)
{
	return cap->row->family == &soft_aead_whole_family;
}

static size_t tag_bytes(const struct acr_op *op)
{
	return op->opcode == ACR_ENCRYPT ? op->tag_size : op->tag.len;
}

static int check_ccm(struct acr_op *op)
{
	size_t length_bytes;

	if (op->iv.len < 7 || op->iv.len > 13)
		return soft_refuse(op, "a CCM nonce has 7 to 13 bytes");
	if (tag_bytes(op) < 4 || tag_bytes(op) % 2)
		return soft_refuse(op, "a CCM tag has 4, 6, 8, 10, 12, 14 or 16 bytes");
	length_bytes = 15 - op->iv.len;
	if (length_bytes < sizeof(size_t) && op->src.len >> (8 * length_bytes))
		return soft_refuse(op, "the input is too long for a CCM nonce of this size");
	return 0;
}

/* As in cipher.c: bounds for OpenSSL's sake, not the user's first line of defence. */
static int check_sizes(struct acr_op *op, const struct soft_cap *cap)
{
	if (op->key.len != (size_t)EVP_CIPHER_get_key_length(cap->cipher))
		return soft_refuse(op, "the key is not of the algorithm's size");
	if (!op->iv.len || op->iv.len > NONCE_MAX)
		return soft_refuse(op, "the algorithm needs a nonce of 1 to 128 bytes");
	if (!tag_bytes(op) || tag_bytes(op) > TAG_MAX)
		return soft_refuse(op, "the tag is not of a size that the algorithm has");
	if (is_one_shot(cap) && (op->src.len > INT_MAX || op->aad.len > INT_MAX))
		return soft_refuse(op, "the algorithm takes less than 2 GiB at once");
	return is_ccm(cap) ? check_ccm(op) : 0;
}

static bool set_nonce_size(EVP_CIPHER_CTX *ctx, size_t bytes)
{
	if ((size_t)EVP_CIPHER_CTX_get_iv_length(ctx) == bytes)
		return true;
	return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)bytes, NULL) > 0;
}

/* CCM and OCB mix the tag's size into the work, so they want it first. */
static bool set_tag_size(EVP_CIPHER_CTX *ctx, const struct soft_cap *cap, size_t bytes)
{
	if (!is_ccm(cap) && !is_ocb(cap))
		return true;
	return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)bytes, NULL) > 0;
}

static bool set_expected_tag(EVP_CIPHER_CTX *ctx, const struct acr_op *op)
{
	if (op->opcode == ACR_ENCRYPT)
		return true;
	return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)op->tag.len,
	                           (void *)op->tag.data) > 0;
}

static bool feed_aad(EVP_CIPHER_CTX *ctx, const struct acr_op *op, const struct soft_cap *cap)
{
	size_t done;
	int written;

	if (is_ccm(cap) && !EVP_CipherUpdate(ctx, NULL, &written, NULL, (int)op->src.len))
		return false;
	if (!op->aad.len)
		return true;
	if (is_one_shot(cap))
		return EVP_CipherUpdate(ctx, NULL, &written, op->aad.data, (int)op->aad.len);
	return soft_cipher_update(ctx, NULL, op->aad.data, op->aad.len, &done);
}

/* A context with key, nonce and associated data. */
static int begin(struct acr_op *op, const struct soft_cap *cap, EVP_CIPHER_CTX **made)
{
	bool encrypt = op->opcode == ACR_ENCRYPT;
	int error = check_sizes(op, cap);
	EVP_CIPHER_CTX *ctx;

	if (error)
		return error;
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx)
		return -ENOMEM;
	if (EVP_CipherInit_ex2(ctx, cap->cipher, NULL, NULL, encrypt, NULL) &&
	    set_nonce_size(ctx, op->iv.len) && set_tag_size(ctx, cap, tag_bytes(op)) &&
	    EVP_CipherInit_ex2(ctx, NULL, op->key.data, op->iv.data, encrypt, NULL) &&
	    set_expected_tag(ctx, op) && feed_aad(ctx, op, cap)) {
		*made = ctx;
		return 0;
	}
	EVP_CIPHER_CTX_free(ctx);
	return soft_error();
}

static bool feed_src(EVP_CIPHER_CTX *ctx, struct acr_op *op, const struct soft_cap *cap)
{
	uint8_t none[1];
	int written = 0;

	if (!is_one_shot(cap))
		return soft_cipher_update(ctx, op->dst, op->src.data, op->src.len,
		                          &op->dst_len);
	/* Also when it is empty: this call makes or checks the tag. */
	if (!EVP_CipherUpdate(ctx, op->dst ? op->dst : none, &written, soft_bytes(op->src),
	                      (int)op->src.len))
		return false;
	op->dst_len = (size_t)written;
	return true;
}

static int finish(EVP_CIPHER_CTX *ctx, struct acr_op *op)
{
	uint8_t none[EVP_MAX_BLOCK_LENGTH];
	int last = 0;

	if (EVP_CipherFinal_ex(ctx, op->dst ? op->dst + op->dst_len : none, &last) <= 0)
		return -EBADMSG;
	op->dst_len += (size_t)last;
	if (op->opcode == ACR_DECRYPT)
		return 0;
	if (op->tag_size > TAG_MAX)
		return -EINVAL;
	if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)op->tag_size, op->tag_out) <=
	    0)
		return soft_error();
	return 0;
}

static int decrypt(struct acr_op *op, const struct soft_cap *cap)
{
	EVP_CIPHER_CTX *ctx;
	int error;

	if ((op->flags & ACR_OP_WHOLE) != ACR_OP_WHOLE)
		return -EOPNOTSUPP;
	if (op->dst_size < op->src.len)
		return soft_refuse(op, "the output does not fit");
	error = begin(op, cap, &ctx);
	if (error)
		return error;
	/* CCM compares the tag in the first of these, the others in the second. */
	if (!feed_src(ctx, op, cap))
		error = is_one_shot(cap) ? -EBADMSG : soft_error();
	else
		error = finish(ctx, op);
	if (error == -EBADMSG)
		acr_op_explain(op, "the tag does not verify");
	EVP_CIPHER_CTX_free(ctx);
	return error;
}

/* Bytes of earlier parts that OCB holds back until a block is full. */
static size_t held_back(const struct soft_cap *cap, uint64_t bytes)
{
	return is_ocb(cap) ? bytes % 16 : 0;
}

static int encrypt_part(struct acr_op *op, const struct soft_cap *cap, EVP_CIPHER_CTX *ctx,
                        uint64_t before)
{
	bool last = op->flags & ACR_OP_LAST;
	int error = 0;

	if (op->dst_size < op->src.len + (last ? held_back(cap, before) : 0))
		error = soft_refuse(op, "the output does not fit");
	else if (!feed_src(ctx, op, cap))
		error = soft_error();
	else if (!last)
		return soft_state_keep(
		        op,
		        (struct soft_state){ .cipher = ctx, .bytes = before + op->src.len });
	else
		error = finish(ctx, op);
	EVP_CIPHER_CTX_free(ctx);
	return error == -EBADMSG ? -EIO : error;
}

static int encrypt(struct acr_op *op, const struct soft_cap *cap)
{
	bool first = op->flags & ACR_OP_FIRST;
	EVP_CIPHER_CTX *ctx = NULL;
	uint64_t before;
	int error;

	if (is_one_shot(cap) && (op->flags & ACR_OP_WHOLE) != ACR_OP_WHOLE)
		return -EOPNOTSUPP;
	error = first ? begin(op, cap, &ctx) : soft_cipher_resume(op, &ctx);
	if (error)
		return error;
	before = first ? 0 : ((const struct soft_state *)op->state)->bytes;
	return encrypt_part(op, cap, ctx, before);
}

static int aead_compute(struct acr_op *op, const struct soft_cap *cap)
{
	return op->opcode == ACR_ENCRYPT ? encrypt(op, cap) : decrypt(op, cap);
}

#define AEAD_FAMILY(NAME, PARTS)                                                               \
	const struct soft_family NAME = { .opcodes = 1u << ACR_ENCRYPT | 1u << ACR_DECRYPT,    \
		                          .parts = PARTS,                                      \
		                          .fetch = soft_cipher_fetch,                          \
		                          .drop = soft_cipher_drop,                            \
		                          .compute = aead_compute }

AEAD_FAMILY(soft_aead_family, 1u << ACR_ENCRYPT);
AEAD_FAMILY(soft_aead_whole_family, 0);
