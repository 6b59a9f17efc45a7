/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last attempts of a session, one line each. */
#ifndef ACR_HISTORY_H
#define ACR_HISTORY_H

#include "sched/job.h"

#include <glib.h>

#define ACR_HISTORY_LINES 256

/* A ring that grows up to that many. All zero: empty. */
struct acr_history {
	struct acr_history_entry *entries;
	unsigned room, count, next; /* next: where the next one goes */
};

/* Without memory or quota the line is left out: the session's work matters more. */
void acr_history_add(struct acr_history *history, unsigned stage, const struct acr_note *note,
                     struct acr_account *account);
/* The `#` line and all others. */
void acr_history_text(const struct acr_history *history, GString *text);
/* Empty it; account: what it was charged to. */
void acr_history_clear(struct acr_history *history, struct acr_account *account);

#endif
