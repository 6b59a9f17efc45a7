/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last attempts of a session, one line each. */
#ifndef ACR_HISTORY_H
#define ACR_HISTORY_H

#include "job.h"

#include <glib.h>

#define ACR_HISTORY_LINES 256

struct acr_history; /* NULL is an empty one */

/* Without memory or quota the line is left out: the session's work matters more. */
void acr_history_add(struct acr_history **history, unsigned stage,
		     const struct acr_report *report, struct acr_account *account);
/* The `#` line and all others. */
void acr_history_text(const struct acr_history *history, GString *text);
void acr_history_free(struct acr_history *history); /* NULL is fine */

#endif
