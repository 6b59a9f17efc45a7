/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HMAC, CMAC, GMAC, KMAC and Poly1305. */
#include "internal.h"

#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#define KMAC_CUSTOM_MAX 512 /* bytes; OpenSSL's bound */

/* The digest or cipher that a row names. Room for 2. */
static void sub_params(const struct soft_row *row, OSSL_PARAM *params)
{
	const char *what =
	        strcmp(row->name, "HMAC") ? OSSL_MAC_PARAM_CIPHER : OSSL_MAC_PARAM_DIGEST;

	if (row->sub)
		*params++ = OSSL_PARAM_construct_utf8_string(what, (char *)row->sub, 0);
	*params = OSSL_PARAM_construct_end();
}

static EVP_MAC_CTX *make_ctx(const struct soft_cap *cap)
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(cap->mac);
	OSSL_PARAM params[2];

	sub_params(cap->row, params);
	if (ctx && EVP_MAC_CTX_set_params(ctx, params))
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

/* Setting the name makes OpenSSL look it up. So do that once, in a template which each
 * operation duplicates; CMAC can't be duplicated before it has a key. */
static bool mac_fetch(struct soft_cap *cap)
{
	EVP_MAC_CTX *copy;

	cap->mac = EVP_MAC_fetch(NULL, cap->row->name, NULL);
	if (!cap->mac)
		return false;
	cap->mac_template = make_ctx(cap);
	if (!cap->mac_template)
		return false;
	copy = EVP_MAC_CTX_dup(cap->mac_template);
	if (!copy) {
		EVP_MAC_CTX_free(cap->mac_template);
		cap->mac_template = NULL;
	}
	EVP_MAC_CTX_free(copy);
	return true;
}

static void mac_drop(struct soft_cap *cap)
{
	EVP_MAC_CTX_free(cap->mac_template);
	EVP_MAC_free(cap->mac);
}

/* params: what the family adds, used with the key. */
static int begin(struct acr_op *op, const struct soft_cap *cap, const OSSL_PARAM *params,
                 EVP_MAC_CTX **ctx)
{
	if (!(op->flags & ACR_OP_FIRST))
		return soft_mac_resume(op, ctx);
	*ctx = cap->mac_template ? EVP_MAC_CTX_dup(cap->mac_template) : make_ctx(cap);
	if (!*ctx)
		return soft_error();
	/* An empty key needs a pointer: NULL would mean "the key set before". */
	if (EVP_MAC_init(*ctx, soft_bytes(op->key), op->key.len, params))
		return 0;
	EVP_MAC_CTX_free(*ctx);
	return soft_error();
}

/* The whole MAC, of which the caller wants the first tag_size bytes. */
static int finish(struct acr_op *op, EVP_MAC_CTX *ctx)
{
	uint8_t full[EVP_MAX_MD_SIZE];
	size_t written = 0;
	int error = 0;

	if (!EVP_MAC_final(ctx, full, &written, sizeof(full)))
		error = soft_error();
	else if (op->tag_size > written ||
	         (op->opcode == ACR_MAC && op->tag_size > op->dst_size))
		error = soft_refuse(op, "the MAC is not that long");
	else if (op->opcode == ACR_VERIFY)
		error = soft_verified(op,
		                      op->tag_size && op->sig.len == op->tag_size &&
		                              !CRYPTO_memcmp(full, op->sig.data, op->tag_size));
	else if (op->tag_size)
		memcpy(op->dst, full, op->tag_size);
	OPENSSL_cleanse(full, sizeof(full));
	if (op->opcode == ACR_MAC)
		op->dst_len = op->tag_size;
	return error;
}

/* KMAC makes as much as is asked for, and the length goes into the result. */
static int make_kmac(struct acr_op *op, EVP_MAC_CTX *ctx, uint8_t *out, size_t size)
{
	OSSL_PARAM params[] = { OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
		                OSSL_PARAM_construct_end() };
	size_t written;

	if (!size || !EVP_MAC_CTX_set_params(ctx, params))
		return soft_refuse(op, "KMAC cannot make an output of this length");
	return EVP_MAC_final(ctx, out, &written, size) ? 0 : soft_error();
}

static int finish_kmac(struct acr_op *op, EVP_MAC_CTX *ctx)
{
	uint8_t *full;
	int error;

	if (op->opcode == ACR_MAC) {
		op->dst_len = op->dst_size;
		return make_kmac(op, ctx, op->dst, op->dst_size);
	}
	full = OPENSSL_malloc(op->sig.len ? op->sig.len : 1);
	if (!full)
		return -ENOMEM;
	error = make_kmac(op, ctx, full, op->sig.len);
	if (!error)
		error = soft_verified(op,
		                      op->sig.len == op->tag_size &&
		                              !CRYPTO_memcmp(full, op->sig.data, op->sig.len));
	OPENSSL_clear_free(full, op->sig.len ? op->sig.len : 1);
	return error;
}

static int run(struct acr_op *op, const struct soft_cap *cap, const OSSL_PARAM *params,
               int (*last)(struct acr_op *op, EVP_MAC_CTX *ctx))
{
	EVP_MAC_CTX *ctx;
	int error = begin(op, cap, params, &ctx);

	if (error)
		return error;
	if (op->src.len && !EVP_MAC_update(ctx, op->src.data, op->src.len))
		error = soft_error();
	else if (!(op->flags & ACR_OP_LAST))
		return soft_state_keep(op, (struct soft_state){ .mac = ctx });
	else
		error = last(op, ctx);
	EVP_MAC_CTX_free(ctx);
	return error;
}

static int mac_compute(struct acr_op *op, const struct soft_cap *cap)
{
	return run(op, cap, NULL, finish);
}

static int gmac_compute(struct acr_op *op, const struct soft_cap *cap)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, (void *)op->iv.data,
		                                  op->iv.len),
		OSSL_PARAM_construct_end(),
	};

	if (!op->iv.len)
		return soft_refuse(op, "GMAC needs a nonce");
	return run(op, cap, params, finish);
}

static int kmac_compute(struct acr_op *op, const struct soft_cap *cap)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_CUSTOM,
		                                  (void *)soft_bytes(op->aad), op->aad.len),
		OSSL_PARAM_construct_end(),
	};

	if (op->aad.len > KMAC_CUSTOM_MAX)
		return soft_refuse(op, "KMAC takes a custom string of at most 512 bytes");
	return run(op, cap, params, finish_kmac);
}

#define MAC_FAMILY(NAME, COMPUTE)                                                              \
	const struct soft_family NAME = { .opcodes = 1u << ACR_MAC | 1u << ACR_VERIFY,         \
		                          .parts = 1u << ACR_MAC | 1u << ACR_VERIFY,           \
		                          .fetch = mac_fetch,                                  \
		                          .drop = mac_drop,                                    \
		                          .compute = COMPUTE }

MAC_FAMILY(soft_mac_family, mac_compute);
MAC_FAMILY(soft_gmac_family, gmac_compute);
MAC_FAMILY(soft_kmac_family, kmac_compute);
