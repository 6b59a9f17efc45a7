/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Key agreement: ECDH, X25519 and X448. The other's public key is the input. */
#include "internal.h"

#include <errno.h>

static int run(struct acr_op *op, EVP_PKEY *own, EVP_PKEY *peer)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	size_t len = op->dst_size;
	int error = 0;

	if (!ctx)
		return -ENOMEM;
	if (EVP_PKEY_derive_init(ctx) <= 0 || EVP_PKEY_derive_set_peer(ctx, peer) <= 0)
		error = soft_key_unfit(op, "src holds no valid public key for this key");
	else if (EVP_PKEY_derive(ctx, op->dst, &len) <= 0)
		error = soft_key_unfit(op,
		                       "src holds a public key of low order: what comes of it "
		                       "is no secret");
	op->dst_len = len;
	EVP_PKEY_CTX_free(ctx);
	return error;
}

static int agree_compute(struct acr_op *op, const struct soft_cap *cap)
{
	EVP_PKEY *own, *peer;
	int error;

	/* OpenSSL would cut the secret. */
	if (cap->row->curve && op->dst_size < cap->row->curve->bytes)
		return soft_refuse(op, "the output does not fit");
	error = soft_key_parse(op, cap->row, op->key, "key", SOFT_PRIVATE, &own);

	if (error)
		return error;
	error = soft_key_parse(op, cap->row, op->src, "src", SOFT_PUBLIC, &peer);
	if (!error)
		error = run(op, own, peer);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(own);
	return error;
}

#define AGREE_FAMILY(NAME)                                                                     \
	const struct soft_family NAME = { .opcodes = 1u << ACR_DERIVE,                         \
		                          .fetch = soft_pkey_fetch,                            \
		                          .drop = soft_pkey_drop,                              \
		                          .compute = agree_compute }

AGREE_FAMILY(soft_ecdh_family);
AGREE_FAMILY(soft_xdh_family);
