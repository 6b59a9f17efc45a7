/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The nonces that a session has used under its present key. */
#ifndef ACR_NONCE_H
#define ACR_NONCE_H

#include "base/buf.h"

#define ACR_WRITTEN_NONCES 1024

struct acr_nonces; /* NULL is an empty list */

/* Record one. written: chosen by the user, of whom only so many are taken. 0; -EEXIST: used
 * before, or too many; -EDQUOT, -ENOSPC. On an error nothing changes. */
int acr_nonces_add(struct acr_nonces **list, struct acr_bytes nonce, bool written,
                   struct acr_account *account);
/* Would a written one be refused with -EEXIST? */
bool acr_nonces_refuse(const struct acr_nonces *list, struct acr_bytes nonce);
/* Take back the one added last: it was not used after all. */
void acr_nonces_undo(struct acr_nonces *list);
void acr_nonces_free(struct acr_nonces *list); /* NULL is fine */

#endif
