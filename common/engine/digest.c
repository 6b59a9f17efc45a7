/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Digests and extendable-output functions. */
#include "internal.h"

#include <errno.h>

static bool hash_fetch(struct soft_cap *cap)
{
	cap->md = EVP_MD_fetch(NULL, cap->row->name, NULL);
	return cap->md;
}

static void hash_drop(struct soft_cap *cap)
{
	EVP_MD_free(cap->md);
}

static int begin(struct acr_op *op, const struct soft_cap *cap, EVP_MD_CTX **ctx)
{
	if (!(op->flags & ACR_OP_FIRST))
		return soft_md_resume(op, ctx);
	*ctx = EVP_MD_CTX_new();
	if (!*ctx)
		return -ENOMEM;
	if (EVP_DigestInit_ex2(*ctx, cap->md, NULL))
		return 0;
	EVP_MD_CTX_free(*ctx);
	return soft_error();
}

static int finish(struct acr_op *op, const struct soft_cap *cap, EVP_MD_CTX *ctx)
{
	unsigned written = 0;

	if (EVP_MD_get_flags(cap->md) & EVP_MD_FLAG_XOF) {
		if (op->dst_size && !EVP_DigestFinalXOF(ctx, op->dst, op->dst_size))
			return soft_error();
		op->dst_len = op->dst_size;
		return 0;
	}
	if (op->dst_size < (size_t)EVP_MD_get_size(cap->md))
		return soft_refuse(op, "the output does not fit");
	if (!EVP_DigestFinal_ex(ctx, op->dst, &written))
		return soft_error();
	op->dst_len = written;
	return 0;
}

static int hash_compute(struct acr_op *op, const struct soft_cap *cap)
{
	EVP_MD_CTX *ctx;
	int error = begin(op, cap, &ctx);

	if (error)
		return error;
	if (op->src.len && !EVP_DigestUpdate(ctx, op->src.data, op->src.len))
		error = soft_error();
	else if (!(op->flags & ACR_OP_LAST))
		return soft_state_keep(op, (struct soft_state){ .md = ctx });
	else
		error = finish(op, cap, ctx);
	EVP_MD_CTX_free(ctx);
	return error;
}

const struct soft_family soft_hash_family = {
	.opcodes = 1u << ACR_HASH,
	.parts = 1u << ACR_HASH,
	.fetch = hash_fetch,
	.drop = hash_drop,
	.compute = hash_compute,
};
