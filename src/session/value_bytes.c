/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of a session that are bytes: what is kept of each, and which sizes are taken. */
#include "value_table.h"

#include <errno.h>

/* They have the shapes of the table's columns, and some need only part of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

bool acr_value_is_bare_hex(const uint8_t *data, size_t len, size_t *bytes)
{
	if (len && data[len - 1] == '\n')
		len--;
	*bytes = len / 2;
	for (size_t i = 0; i < len; i++)
		if (!g_ascii_isxdigit((char)data[i]))
			return false;
	return len && len % 2 == 0;
}

typedef bool fits(const struct acr_alg *alg, size_t bytes);
typedef void sizes(const struct acr_alg *alg, char *text);

static int rule_size(struct acr_stage *stage, const char *name, const struct acr_blob *value,
                     unsigned max, fits *fits_alg, sizes *sizes_of)
{
	const struct acr_alg *alg = stage->alg;
	char text[ACR_SIZES];
	size_t decoded;
	bool hex;

	/* A value that this algorithm has no use for may be meant for the next one. */
	if (!alg || !max || fits_alg(alg, value->len))
		return 0;
	sizes_of(alg, text);
	hex = acr_value_is_bare_hex(value->data, value->len, &decoded) &&
	      fits_alg(alg, decoded);
	return REFUSE(stage, -EINVAL, "%s has %zu bytes, %s takes %s%s", name, value->len,
	              stage->alg_text, text, hex ? ACR_HEX_HINT : "");
}

int acr_rule_key_size(struct acr_stage *stage, const struct acr_blob *key)
{
	return rule_size(stage, "key", key, stage->alg ? stage->alg->key_max : 0,
	                 acr_alg_key_ok, acr_alg_key_sizes);
}

int acr_rule_iv_size(struct acr_stage *stage, const struct acr_blob *iv)
{
	return rule_size(stage, "iv", iv, stage->alg ? stage->alg->iv_max : 0, acr_alg_iv_ok,
	                 acr_alg_iv_sizes);
}

static void replace(struct acr_blob **where, struct acr_blob *with)
{
	acr_blob_unref(*where);
	*where = acr_blob_ref(with);
}

int acr_value_set_key(struct acr_stage *stage, struct acr_blob *bytes)
{
	int error = acr_rule_key_size(stage, bytes);

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
	int error = acr_rule_iv_size(stage, bytes);

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
	bool takes = stage->alg && stage->alg->kind == ACR_KIND_AEAD;
	int error = rule_size(stage, "tag", bytes, takes, acr_alg_tag_ok, acr_alg_tag_sizes);

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
