/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stages of a session: added, removed, and what each works on. All with the lock held
 * unless said otherwise. */
#ifndef ACR_ROUTE_H
#define ACR_ROUTE_H

#include "session.h"

/* The highest number there is. */
unsigned acr_route_highest(const struct acr_session *session);
/* mkdir and rmdir; they take the lock. 0, -EEXIST, -EINVAL, -EBUSY, -EDQUOT, -ENOSPC, -ENOENT,
 * -ECANCELED (the session is gone). */
int acr_route_add(struct acr_session *session, unsigned number);
int acr_route_remove(struct acr_session *session, unsigned number);
/* Back to one stage as new. */
void acr_route_clear(struct acr_session *session);
/* Does any stage of the route read src? */
bool acr_route_takes_src(const struct acr_session *session);
/* Gaps, and stages that name a wrong one. 0 or the errno with the sentence set. */
int acr_route_rule(struct acr_session *session);
/* Where a stage's input comes from: a stage's number, 0 for src. */
unsigned acr_route_source(const struct acr_stage *stage);
/* What a stage works on, borrowed; NULL: nothing there. */
struct acr_buf *acr_route_input(const struct acr_stage *stage);
struct acr_buf *acr_route_input2(const struct acr_stage *stage);
/* Forget what the stages from this number on have put out. */
void acr_route_drop_outputs(struct acr_session *session, unsigned from);

#endif
