/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of a session that hold a value. */
#ifndef ACR_VALUES_H
#define ACR_VALUES_H

#include "session.h"

/* Each is a value of one stage: stage is its number, 1 for the session's own files. Without
 * that stage they give -ECANCELED, an empty value, or do nothing. */

/* One value is complete. 0 or the errno of the contract, with the sentence set.
 * privileged: may set priorities above the default. */
int acr_value_set(struct acr_session *session, unsigned stage, enum acr_value value,
                  const void *data, size_t len, bool privileged);
/* The same for a value of bytes that are taken as they are, "hex:" or not. Keeps a reference to
 * blob, which is in secret memory if it is a key, and charged. */
int acr_value_give(struct acr_session *session, unsigned stage, enum acr_value value,
                   struct acr_blob *blob);
/* The value of a file's name; -1: there is none. */
int acr_value_find(const char *name);
/* Could a value begin with these len bytes? Refuses what is too long already. */
int acr_value_may_begin(struct acr_session *session, unsigned stage, enum acr_value value,
                        const void *data, size_t len);
/* It is opened to be added to. 0: that makes no difference; -EINVAL with the sentence set. */
int acr_value_append(struct acr_session *session, unsigned stage, enum acr_value value);
/* Text (with its newline) or bytes as the file reads. Returns owned. NULL: no memory. */
struct acr_blob *acr_value_get(struct acr_session *session, unsigned stage,
                               enum acr_value value);
/* Back to the default, cancelling what is active. */
void acr_value_reset(struct acr_session *session, unsigned stage, enum acr_value value);
bool acr_value_is_text(enum acr_value value);
/* Most bytes that one value may have as written. */
size_t acr_value_max(enum acr_value value);

#endif
