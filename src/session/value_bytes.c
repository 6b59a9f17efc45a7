/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of a session that are bytes: what is kept of each, and which sizes are taken. */
#include "value_table.h"

#include <errno.h>

/* They have the shapes of the table's columns, and some need only part of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

static int check_given_size(struct acr_stage *stage, const char *name, size_t len, bool ok,
                            unsigned max, void (*sizes)(const struct acr_alg *alg, char *text))
{
	char text[ACR_SIZES];

	/* A value that this algorithm has no use for may be meant for the next one. */
	if (ok || !max)
		return 0;
	sizes(stage->alg, text);
	return REFUSE(stage, -EINVAL, "%s has %zu bytes, %s takes %s", name, len,
	              stage->alg_text, text);
}

static void replace(struct acr_blob **where, struct acr_blob *with)
{
	acr_blob_unref(*where);
	*where = acr_blob_ref(with);
}

int acr_value_set_key(struct acr_stage *stage, struct acr_blob *bytes)
{
	int error = 0;

	if (stage->alg)
		error = check_given_size(stage, "key", bytes->len,
		                         acr_alg_key_ok(stage->alg, bytes->len),
		                         stage->alg->key_max, acr_alg_key_sizes);
	if (error)
		return error;
	replace(&stage->key, bytes);
	acr_nonces_free(stage->nonces);
	stage->nonces = NULL;
	return 0;
}

void acr_value_reset_key(struct acr_stage *stage)
{
	replace(&stage->key, NULL);
	acr_nonces_free(stage->nonces);
	stage->nonces = NULL;
}

int acr_value_set_iv(struct acr_stage *stage, struct acr_blob *bytes)
{
	int error = 0;

	if (stage->alg)
		error = check_given_size(stage, "iv", bytes->len,
		                         acr_alg_iv_ok(stage->alg, bytes->len),
		                         stage->alg->iv_max, acr_alg_iv_sizes);
	if (!error)
		replace(&stage->iv, bytes);
	return error;
}

struct acr_blob *acr_value_get_iv(const struct acr_stage *stage)
{
	return acr_blob_ref(stage->iv ? stage->iv : stage->iv_used);
}

void acr_value_reset_iv(struct acr_stage *stage)
{
	replace(&stage->iv, NULL);
	replace(&stage->iv_used, NULL);
}

int acr_value_set_tag(struct acr_stage *stage, struct acr_blob *bytes)
{
	int error = 0;

	if (stage->alg)
		error = check_given_size(stage, "tag", bytes->len,
		                         acr_alg_tag_ok(stage->alg, bytes->len),
		                         stage->alg->kind == ACR_KIND_AEAD, acr_alg_tag_sizes);
	if (!error)
		replace(&stage->tag, bytes);
	return error;
}

struct acr_blob *acr_value_get_tag(const struct acr_stage *stage)
{
	return acr_blob_ref(stage->tag);
}

void acr_value_reset_tag(struct acr_stage *stage)
{
	replace(&stage->tag, NULL);
}

int acr_value_set_sig(struct acr_stage *stage, struct acr_blob *bytes)
{
	replace(&stage->sig, bytes);
	return 0;
}

struct acr_blob *acr_value_get_sig(const struct acr_stage *stage)
{
	return acr_blob_ref(stage->sig);
}

void acr_value_reset_sig(struct acr_stage *stage)
{
	replace(&stage->sig, NULL);
}

int acr_value_set_aad(struct acr_stage *stage, struct acr_blob *bytes)
{
	replace(&stage->aad, bytes);
	return 0;
}

struct acr_blob *acr_value_get_aad(const struct acr_stage *stage)
{
	return acr_blob_ref(stage->aad);
}

void acr_value_reset_aad(struct acr_stage *stage)
{
	replace(&stage->aad, NULL);
}

int acr_value_set_private(struct acr_stage *stage, struct acr_blob *bytes)
{
	replace(&stage->session->private_area, bytes);
	return 0;
}

struct acr_blob *acr_value_get_private(const struct acr_stage *stage)
{
	return acr_blob_ref(stage->session->private_area);
}

void acr_value_reset_private(struct acr_stage *stage)
{
	replace(&stage->session->private_area, NULL);
}
