/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long an output will be. All with the lock held. */
#ifndef ACR_EXPECTED_H
#define ACR_EXPECTED_H

#include "session.h"

/* Bytes that a driver needs room for to put out what comes of len bytes of bare input. */
size_t acr_expected_room(const struct acr_stage *stage, size_t len);

/* Length of a stage's dst as it will read once the request has ended: exact where the
 * parameters fix it, else the longest that it can be. stage 0: the session's own dst. 0:
 * the request could not start as it is now, or is a stream, or has ended. Changes nothing
 * that a user sees. */
uint64_t acr_expected_size(struct acr_session *session, unsigned stage);

#endif
