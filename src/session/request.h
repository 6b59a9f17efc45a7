/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making jobs of requests. All with the lock held. */
#ifndef ACR_REQUEST_H
#define ACR_REQUEST_H

#include "session.h"

/* Make the job of a whole request. in: the input, with IV and tag around it if combined; NULL:
 * none. 0 and a job, or as above. */
int acr_request_build(struct acr_stage *stage, struct acr_buf *in, struct acr_job **job);
/* Make the job of a part: all of in. flags: ACR_OP_*, of the part's place in the stream.
 * job->iv and job->state are left to the caller. */
int acr_request_part(struct acr_stage *stage, struct acr_buf *in, unsigned flags,
                     struct acr_job **job);
/* The IV to use when not decrypting: the written one or a fresh one, recorded as used. */
int acr_request_iv(struct acr_stage *stage, struct acr_blob **iv, bool *recorded);
/* The output has come: remember the tag, and put it and the IV around the output. */
void acr_request_collect(struct acr_stage *stage, struct acr_job *job);
void acr_request_keep_tag(struct acr_stage *stage, struct acr_job *job);
/* Sentence for a job that failed, where neither driver nor scheduler gave one. */
const char *acr_request_failure(const struct acr_job *job, int error);
/* A job's note() for history; owner is the session. */
void acr_request_take_note(struct acr_job *job, const struct acr_note *note);
/* The same with the lock held. */
void acr_request_note(struct acr_session *session, const struct acr_job *job,
                      const struct acr_note *note);

#endif
