/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two stages done by a device at once: an encryption and the MAC of its output. sched/follow.h
 * has the device's side. */
#ifndef ACR_SESSION_FOLLOW_H
#define ACR_SESSION_FOLLOW_H

#include "session.h"

/* Under the session's lock: the job of a stage was built and will be submitted. If the next
 * stage is the MAC of its output, note that in the job. */
void acr_follow_note(struct acr_session *session, const struct acr_stage *stage,
                     struct acr_job *job);

/* Under the session's lock: has the device of `job` done what `next`, the job of the stage
 * after it, was built for? Then next has its output, and history its line. */
bool acr_follow_take(struct acr_session *session, const struct acr_job *job,
                     struct acr_job *next);

#endif
