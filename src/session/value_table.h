/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of a session's values: one row for each file. */
#ifndef ACR_VALUE_TABLE_H
#define ACR_VALUE_TABLE_H

#include "session.h"

#define ACR_TEXT_MAX   1024 /* of a text value */
#define ACR_HEX_PREFIX 4    /* strlen("hex:") */

#define REFUSE(stage, error, ...) (acr_stage_explain(stage, error, __VA_ARGS__), (error))

/* Under the lock. Bytes are taken (a reference) on success. */
typedef int acr_value_setter(struct acr_stage *stage, struct acr_blob *bytes);
typedef struct acr_blob *acr_value_getter(const struct acr_stage *stage);
typedef void acr_value_resetter(struct acr_stage *stage);

struct acr_value_row {
	const char *name;
	bool text;
	bool hex;    /* "hex:" is decoded */
	bool secret; /* no part of it in a sentence, and left bad when refused */
	size_t max;  /* bytes, of the value */
	/* Under the lock. text is terminated. */
	int (*set_text)(struct acr_stage *stage, const char *text, bool privileged);
	acr_value_setter *set_bytes;
	void (*get_text)(const struct acr_stage *stage, char *text, size_t size);
	acr_value_getter *get_bytes;
	acr_value_resetter *reset;
};

extern const struct acr_value_row acr_value_table[ACR_VALUES];

/* value_bytes.c: of the rows that are bytes. The key can't be read. */
acr_value_setter acr_value_set_key, acr_value_set_iv, acr_value_set_aad, acr_value_set_tag,
        acr_value_set_sig, acr_value_set_private;
acr_value_getter acr_value_get_iv, acr_value_get_aad, acr_value_get_tag, acr_value_get_sig,
        acr_value_get_private;
acr_value_resetter acr_value_reset_key, acr_value_reset_iv, acr_value_reset_aad,
        acr_value_reset_tag, acr_value_reset_sig, acr_value_reset_private;

/* value_bytes.c: does it fit the algorithm, as far as that is known? 0, or -EINVAL with a
 * sentence. */
int acr_rule_key_size(struct acr_stage *stage, const struct acr_blob *key);
int acr_rule_iv_size(struct acr_stage *stage, const struct acr_blob *iv);

/* value_bytes.c: is it so many bytes as hex digits, without "hex:" before them? */
bool acr_value_is_bare_hex(const uint8_t *data, size_t len, size_t *bytes);
/* What to add to the sentence where these would be right. */
#define ACR_HEX_HINT ": if these are hex digits, write hex: before them"

/* params.c: a value as it may stand in a sentence, escaped, at most 64 bytes of it. Returns
 * out. */
const char *acr_value_quote(const char *value, char *out, size_t size);
#define QUOTE(value) acr_value_quote(value, (char[300]){ 0 }, 300)

/* params.c: a whole number in min..max. 0, or -EINVAL with a sentence that names it. */
int acr_value_number(struct acr_stage *stage, const char *name, const char *text, uint64_t min,
                     uint64_t max, uint64_t *value);

#endif
