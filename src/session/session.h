/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A session: parameters, input, output and state of one user's request after another.
 *
 * States:  idle (`new` or `ready`) -> active (`queued` or `running`) -> ended (`done`,
 * `failed`, `cancelled`) -> idle with the next request. All moves are made under the lock by
 * acr_session_start(), the job's done(), acr_session_cancel(), the deadline and
 * acr_session_new_request(); see doc/design.md.
 *
 * A front end (fsops) never blocks in here: what would have to wait gives -EAGAIN, and
 * acr_session_changed tells when to try again. Functions take the lock themselves unless
 * their comment says otherwise. */
#ifndef ACR_SESSION_H
#define ACR_SESSION_H

#include "history.h"
#include "stage.h"

#include "base/timer.h"

#include <pthread.h>

enum acr_session_state { ACR_IDLE, ACR_ACTIVE, ACR_DONE, ACR_FAILED, ACR_CANCELLED };

struct acr_stream;

struct acr_session {
	atomic_uint refs;
	uint64_t serial; /* never reused */
	char *name;
	uint32_t uid, gid; /* (s) of the directory */
	uint16_t mode;     /* (s) permission bits of the directory */
	int32_t pid;
	uint64_t made_ns; /* wall clock */
	struct acr_account *account;

	pthread_mutex_t lock; /* (s) for all below */
	enum acr_session_state state;
	atomic_bool removed;      /* written under (s) */
	unsigned request;         /* number of the present request */
	struct acr_stage stage;   /* the first */
	struct acr_stage **route; /* the others, by number - 2; NULL: there are none */
	unsigned last; /* the stage whose output is dst: it ends the present request */
	unsigned at;   /* the stage that is running, or ran last; 0: none yet */
	atomic_bool stream_mode; /* written under (s) */
	uint16_t priority;
	uint64_t deadline_ms;
	struct acr_blob *private_area;

	struct acr_buf *src;
	bool src_opened;           /* for writing, in this request */
	bool src_begun;            /* something was written, in this request */
	const char *src_hint;      /* what its beginning looks like; NULL: nothing to say */
	struct acr_stream *stream; /* while a stream is active, and until its output is read */
	bool refused;              /* idle, and the last start was refused: reads as failed */
	bool no_fault;             /* not on fault devices, for `random` */
	bool pumping;              /* a thread is in acr_stream_pump() */
	bool src_eof;              /* a stream's last writer has gone */
	unsigned writers;          /* descriptors of src open for writing in this request */
	bool silent;               /* rules are asked what they would say: keep no sentence */
	struct acr_job *job;
	struct acr_timer deadline;
	uint64_t deadline_at; /* monotonic; of the active request, 0: none */

	int result; /* of the request that has ended: 0 or negative */
	int error;  /* negative; of the last refusal or failure, 0: none */
	char *sentence;
	const char *device_name; /* of the last attempt, interned */
	uint64_t bytes_in, bytes_out, queue_ns, process_ns, requests;
	struct acr_history history;

	_Atomic(void *) front; /* (a) the front end's; set once */
};

/* Set by the front end: something that a waiter may wait for has happened. Any thread, no
 * locks held; the caller has a reference. */
extern void (*acr_session_changed)(struct acr_session *session);
/* Set by the front end: the session is being freed; drop `front`. */
extern void (*acr_session_freed)(struct acr_session *session);

/* Start the request. 0 or the errno of the contract, with the sentence set. */
int acr_session_start(struct acr_session *session);
/* Done: go on through the stages that were added since. As acr_session_start(). */
int acr_session_continue(struct acr_session *session);
/* End an active request with ECANCELED; idle and ended ones stay as they are. */
void acr_session_stop(struct acr_session *session);
/* The same, and give up a stream that was not started yet. */
void acr_session_cancel(struct acr_session *session);
/* As new: everything forgotten and wiped. */
void acr_session_reset(struct acr_session *session);
bool acr_session_ended(struct acr_session *session, bool *failed);

/* With the lock held: */
void acr_session_new_request(struct acr_session *session);
void acr_session_end(struct acr_session *session, enum acr_session_state state, int error);
/* Take the job away, to be cancelled after unlocking. NULL: none. */
struct acr_job *acr_session_detach_job(struct acr_session *session);
/* Without it: cancel what acr_session_detach_job() gave. NULL is fine. */
void acr_session_abandon_job(struct acr_job *job);

#endif
