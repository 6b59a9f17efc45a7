/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a session says of itself: the files `state` and `status`. */
#ifndef ACR_STATUS_H
#define ACR_STATUS_H

#include "session.h"

/* One word for `state`. */
const char *acr_session_state_name(struct acr_session *session);
/* Contents of `status`. */
void acr_session_status(struct acr_session *session, GString *text);
/* The same of one stage; empty if there is none. */
void acr_stage_status(struct acr_session *session, unsigned stage, GString *text);

#endif
