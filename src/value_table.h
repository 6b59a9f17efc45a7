/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of a session's values: one row for each file. */
#ifndef ACR_VALUE_TABLE_H
#define ACR_VALUE_TABLE_H

#include "session.h"

#define ACR_TEXT_MAX   1024 /* of a text value */
#define ACR_HEX_PREFIX 4    /* strlen("hex:") */

#define REFUSE(session, stage, error, ...)                                                      \
	(acr_stage_explain(session, stage, error, __VA_ARGS__), (error))

struct acr_value_row {
	const char *name;
	bool text;
	bool hex;   /* "hex:" is decoded */
	bool secret; /* no part of it in a sentence, and left bad when refused */
	size_t max; /* bytes, of the value */
	/* Under the lock. text is terminated; bytes are taken (a reference) on success. */
	int (*set_text)(struct acr_session *session, struct acr_stage *stage, const char *text,
			bool privileged);
	int (*set_bytes)(struct acr_session *session, struct acr_stage *stage,
			 struct acr_blob *bytes);
	void (*get_text)(const struct acr_session *session, const struct acr_stage *stage,
			 char *text, size_t size);
	struct acr_blob *(*get_bytes)(const struct acr_session *session,
				      const struct acr_stage *stage);
	void (*reset)(struct acr_session *session, struct acr_stage *stage);
};

extern const struct acr_value_row acr_value_table[ACR_VALUES];

/* params.c: a value as it may stand in a sentence, escaped, at most 64 bytes of it. Returns out. */
const char *acr_value_quote(const char *value, char *out, size_t size);
#define QUOTE(value) acr_value_quote(value, (char[300]){ 0 }, 300)

/* params.c: a whole number in min..max. 0, or -EINVAL with a sentence that names it. */
int acr_value_number(struct acr_session *session, struct acr_stage *stage, const char *name,
		     const char *text, uint64_t min, uint64_t max, uint64_t *value);

#endif
