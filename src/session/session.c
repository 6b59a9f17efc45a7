/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The life of one session: started, ended, cancelled, reset. */
#include "sched/follow.h"
#include "follow.h"
#include "request.h"
#include "rules.h"
#include "route.h"
#include "sessions.h"
#include "stream.h"
#include "base/stats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_bool refusing; /* the daemon is going down */
static atomic_size_t active_count;

void acr_sessions_refuse(void)
{
	atomic_store(&refusing, true);
}

bool acr_sessions_refused(void)
{
	return atomic_load(&refusing);
}

size_t acr_session_active(void)
{
	return atomic_load(&active_count);
}

/* ---- endings ---- */

void acr_session_end(struct acr_session *session, enum acr_session_state state, int error)
{
	if (session->state == ACR_ACTIVE)
		atomic_fetch_sub(&active_count, 1);
	session->state = state;
	session->error = session->result = error;
	if (state > ACR_ACTIVE && session->at) {
		struct acr_stage *stage = acr_stage_find(session, session->at);
		stage->ended = true;
		stage->result = error;
	}
	/* Frozen input is no longer needed; a stream keeps output that was not read yet. */
	acr_buf_unref(session->src);
	session->src = NULL;
	session->src_opened = false;
	if (session->deadline_at && acr_timer_cancel(&session->deadline))
		atomic_fetch_sub(&session->refs, 1); /* the timer's; the caller has one */
	session->deadline_at = 0;
}

struct acr_job *acr_session_detach_job(struct acr_session *session)
{
	struct acr_job *job = session->job;

	session->job = NULL;
	return job;
}

void acr_session_abandon_job(struct acr_job *job)
{
	struct acr_session *session;

	if (!job)
		return;
	session = job->owner;
	if (acr_job_cancel(job)) {
		/* done() won't come: give back what it would have. */
		acr_job_unref(job);
		acr_session_unref(session);
	}
	acr_job_unref(job);
}

static void request_done(struct acr_job *job, int error);

/* Under the lock: a job of this session, to be submitted. */
static void take_job(struct acr_session *session, struct acr_job *job)
{
	job->owner = acr_session_ref(session);
	job->done = request_done;
	session->job = job;
	acr_job_ref(job); /* one for session->job, one for the submission */
	acr_job_ref(job); /* and the submitter's own */
}

/* Under the lock: what the next stage of the route is to do. 0 and a job, or why it can't. */
static int next_stage(struct acr_session *session, struct acr_job **job)
{
	struct acr_stage *stage = acr_stage_find(session, session->at + 1);
	int error;

	session->at++;
	error = acr_rules_all(stage);
	if (!error)
		error = acr_request_build(stage, acr_route_input(stage), job);
	if (!error)
		acr_follow_note(session, stage, *job);
	acr_rules_settle(stage);
	return error;
}

/* Under the lock: account for what a stage has done. */
static void stage_finished(struct acr_stage *stage, struct acr_job *job)
{
	struct acr_session *session = stage->session;

	acr_request_collect(stage, job);
	stage->ended = true;
	stage->bytes_in = job->src_len;
	stage->bytes_out = stage->dst->len;
	if (stage->number == 1)
		session->bytes_in += job->src_len;
	if (stage->number == session->last)
		session->bytes_out += stage->dst->len;
}

static struct acr_job *stage_done(struct acr_session *session, struct acr_job *job, int error);

/* Under the lock: the job of the stage after `job`. Returns it, or what comes after it if it
 * was done along with job. */
static struct acr_job *go_to(struct acr_session *session, struct acr_job *job,
                             struct acr_job *next)
{
	struct acr_job *after;

	if (!acr_follow_take(session, job, next)) {
		take_job(session, next);
		return next;
	}
	after = stage_done(session, next, 0);
	acr_job_unref(next);
	return after;
}

/* Under the lock: one stage has come to its end. Returns the next one's job, or NULL: the
 * request has ended. */
static struct acr_job *stage_done(struct acr_session *session, struct acr_job *job, int error)
{
	struct acr_stage *stage = acr_stage_find(session, job->stage);
	struct acr_job *next = NULL;

	session->job = NULL;
	stage->queue_ns = job->queue_ns;
	stage->process_ns = job->process_ns;
	session->queue_ns += job->queue_ns;
	session->process_ns += job->process_ns;
	if (error)
		acr_stage_explain(stage, error, "%s", acr_request_failure(job, error));
	else
		stage_finished(stage, job);
	if (!error && session->at < session->last) {
		error = next_stage(session, &next);
		if (!error)
			return go_to(session, job, next);
	}
	acr_session_end(session, error ? ACR_FAILED : ACR_DONE, error);
	return NULL;
}

/* A job that was made by stage_done(). */
static void submit_next(struct acr_job *job, bool may_inline)
{
	int error = acr_job_submit(job, may_inline);

	if (error)
		request_done(job, error);
	acr_job_unref(job);
}

static void request_done(struct acr_job *job, int error)
{
	struct acr_session *session = job->owner;
	struct acr_job *next = NULL;
	bool mine;

	pthread_mutex_lock(&session->lock);
	mine = session->job == job;
	if (mine)
		next = stage_done(session, job, error);
	pthread_mutex_unlock(&session->lock);
	if (mine) {
		acr_session_changed(session);
		acr_job_unref(job);
	}
	if (next)
		submit_next(next, job->in_caller);
	acr_job_unref(job); /* submission's */
	acr_session_unref(session);
}

/* ---- beginnings ---- */

static void arm_deadline(struct acr_session *session)
{
	if (!session->deadline_ms)
		return;
	acr_session_ref(session);
	session->deadline_at = acr_now_ns() + session->deadline_ms * 1000000;
	if (!acr_timer_set(&session->deadline, session->deadline_at))
		atomic_fetch_sub(&session->refs, 1);
}

/* Everything that can be said of the route before it begins, from a stage on. */
static int rules_of_route(struct acr_session *session, unsigned from)
{
	int error = acr_route_rule(session);

	for (unsigned i = from; i <= acr_route_highest(session) && !error; i++) {
		struct acr_stage *stage = acr_stage_find(session, i);
		error = acr_rules_all(stage);
		acr_rules_settle(stage);
	}
	return error;
}

static int busy(struct acr_session *session)
{
	acr_session_explain(session, -EBUSY, "the request is running already");
	return -EBUSY;
}

/* Under the lock: is this a moment to start something? */
static int may_begin(struct acr_session *session)
{
	if (session->removed && session->name)
		return -ECANCELED;
	if (session->state == ACR_ACTIVE)
		return busy(session);
	if (!atomic_load(&refusing))
		return 0;
	acr_session_explain(session, -ECANCELED, "acryptod is ending");
	return -ECANCELED;
}

/* Under the lock: it is started. */
static void activate(struct acr_session *session)
{
	session->state = ACR_ACTIVE;
	atomic_fetch_add(&active_count, 1);
	session->error = 0;
	session->queue_ns = session->process_ns = 0;
	arm_deadline(session);
}

/* Under the lock: make everything ready and say what is to be submitted. */
static int begin(struct acr_session *session, struct acr_job **job)
{
	int error = may_begin(session);

	if (error)
		return error;
	if (session->state != ACR_IDLE) {
		if (acr_route_takes_src(session)) {
			acr_session_explain(session, -ENODATA,
			                    "write src for the next request");
			return -ENODATA;
		}
		acr_session_new_request(session);
	}
	acr_route_drop_outputs(session, 1);
	session->last = acr_route_highest(session);
	session->at = 0;
	error = rules_of_route(session, 1);
	if (!error && session->stream_mode) {
		session->at = 1;
		error = acr_stream_start(session);
	} else if (!error) {
		error = next_stage(session, job);
	}
	session->refused = error != 0;
	if (error)
		return error;
	acr_log(ACR_LOG_DEBUG, "session", "%s: %s %s starts",
	        session->name ? session->name : "-",
	        acr_opcode_name(acr_stage_op(&session->stage)),
	        session->stage.alg_text ? session->stage.alg_text : "");
	session->requests++;
	activate(session);
	return 0;
}

/* Nobody could take the first job: the request stays as it was, with its input. */
static int refused(struct acr_session *session, struct acr_job *job, int error)
{
	struct acr_stage *stage = &session->stage;
	struct acr_buf *src;

	pthread_mutex_lock(&session->lock);
	if (session->job == job) {
		session->job = NULL;
		if (stage->nonces && job->nonce_recorded)
			acr_nonces_undo(stage->nonces);
		src = acr_buf_ref(session->src);
		acr_session_end(session, ACR_IDLE, error);
		acr_stage_explain(stage, error, "%s", acr_request_failure(job, error));
		session->refused = true;
		session->src = src;
		session->src_opened = true;
		session->requests--;
		acr_job_unref(job);
	}
	pthread_mutex_unlock(&session->lock);
	acr_session_changed(session);
	acr_job_unref(job); /* submission's */
	acr_session_unref(session);
	return error;
}

int acr_session_start(struct acr_session *session)
{
	struct acr_job *job = NULL;
	int error;

	pthread_mutex_lock(&session->lock);
	error = begin(session, &job);
	if (!error && job)
		take_job(session, job);
	pthread_mutex_unlock(&session->lock);
	if (error && error != -EBUSY)
		acr_session_changed(
		        session); /* those that wait for the end learn of the refusal */
	if (error)
		return error;
	if (!job) {
		acr_stream_pump(session);
		acr_session_changed(
		        session); /* what is collected whole has no window any more */
		return 0;
	}
	error = acr_job_submit(job, true);
	if (error)
		error = refused(session, job, error);
	acr_job_unref(job);
	return error;
}

/* Under the lock. */
static int go_on(struct acr_session *session, struct acr_job **job)
{
	unsigned highest = acr_route_highest(session);
	int error = may_begin(session);

	if (error)
		return error;
	if (session->state != ACR_DONE || session->stream || session->last == highest) {
		acr_session_explain(session, -EINVAL,
		                    "continue goes on after done, through the "
		                    "stages that were added to route since");
		return -EINVAL;
	}
	error = rules_of_route(session, session->last + 1);
	if (error)
		return error;
	acr_route_drop_outputs(session, session->last + 1);
	session->last = highest;
	error = next_stage(session, job);
	if (error) {
		session->last = --session->at;
		return error;
	}
	take_job(session, *job);
	activate(session);
	return 0;
}

int acr_session_continue(struct acr_session *session)
{
	struct acr_job *job = NULL;
	int error;

	pthread_mutex_lock(&session->lock);
	error = go_on(session, &job);
	pthread_mutex_unlock(&session->lock);
	if (!error)
		submit_next(job, true);
	return error;
}

/* Under the lock: cancel what is active. Returns the job, to be abandoned after unlocking. */
static struct acr_job *cancel_active(struct acr_session *session, bool *was_active)
{
	struct acr_job *job = NULL;

	*was_active = session->state == ACR_ACTIVE;
	if (*was_active) {
		job = acr_session_detach_job(session);
		acr_session_explain(session, -ECANCELED, "the request was cancelled");
		acr_session_end(session, ACR_CANCELLED, -ECANCELED);
	}
	return job;
}

void acr_session_stop(struct acr_session *session)
{
	struct acr_job *job;
	bool was_active;

	pthread_mutex_lock(&session->lock);
	job = cancel_active(session, &was_active);
	pthread_mutex_unlock(&session->lock);
	acr_session_abandon_job(job);
	if (was_active)
		acr_session_changed(session);
}

void acr_session_cancel(struct acr_session *session)
{
	bool waits;

	acr_session_stop(session);
	/* A stream that waits for its start may have writers who wait for room. */
	pthread_mutex_lock(&session->lock);
	waits = session->state == ACR_IDLE && session->stream_mode && session->src_opened;
	if (waits) {
		acr_session_explain(session, -ECANCELED, "the request was cancelled");
		acr_session_end(session, ACR_CANCELLED, -ECANCELED);
	}
	pthread_mutex_unlock(&session->lock);
	if (waits)
		acr_session_changed(session);
}

void acr_session_new_request(struct acr_session *session)
{
	session->state = ACR_IDLE;
	session->request++;
	session->error = 0;
	session->src_opened = session->src_begun = false;
	session->src_hint = NULL;
	session->src_eof = session->refused = false;
	session->writers = 0;
	acr_buf_unref(session->src);
	session->src = NULL;
	acr_route_drop_outputs(session, 1);
	session->at = 0;
	acr_stream_free(session->stream);
	session->stream = NULL;
}

void acr_session_reset(struct acr_session *session)
{
	struct acr_job *job;
	bool was_active;

	pthread_mutex_lock(&session->lock);
	job = cancel_active(session, &was_active);
	acr_blob_unref(session->private_area);
	session->private_area = NULL;
	session->stream_mode = false;
	session->priority = 1000;
	session->deadline_ms = 0;
	acr_session_new_request(session);
	acr_route_clear(session);
	if (session->removed)
		acr_history_clear(&session->history, session->account);
	pthread_mutex_unlock(&session->lock);
	acr_session_abandon_job(job);
}
