/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The life of one session: started, ended, cancelled, reset. */
#include "session.h"

#include "stats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENTENCE 200

static atomic_bool refusing;      /* the daemon is going down */
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

void acr_session_explain(struct acr_session *session, int error, const char *format, ...)
{
	va_list args;

	session->error = error;
	if (!session->sentence && !(session->sentence = malloc(SENTENCE)))
		return;
	va_start(args, format);
	vsnprintf(session->sentence, SENTENCE, format, args);
	va_end(args);
	g_strdelimit(session->sentence, "\n\t", ' ');
}

enum acr_opcode acr_stage_op(const struct acr_stage *stage)
{
	if (stage->op >= 0)
		return (enum acr_opcode)stage->op;
	return stage->alg ? acr_alg_default_op(stage->alg) : ACR_ENCRYPT;
}

bool acr_stage_takes_input(const struct acr_stage *stage)
{
	enum acr_opcode op = acr_stage_op(stage);

	return op != ACR_RANDOM && op != ACR_DERIVE;
}

enum acr_layout acr_stage_layout(const struct acr_stage *stage)
{
	if (stage->layout != ACR_LAYOUT_AUTO)
		return stage->layout;
	return stage->iv ? ACR_LAYOUT_DETACHED : ACR_LAYOUT_COMBINED;
}

size_t acr_stage_taglen(const struct acr_stage *stage)
{
	return stage->taglen ? stage->taglen : stage->alg->tag_default;
}

/* What makes a state `ready`. */
static bool is_ready(const struct acr_session *session)
{
	const struct acr_stage *stage = &session->stage;

	if (stage->bad || (!stage->alg && acr_stage_op(stage) != ACR_RANDOM))
		return false;
	if (stage->alg && stage->alg->key_max && !stage->key)
		return false;
	return session->src_opened || session->stream_mode || !acr_stage_takes_input(stage);
}

static const char *state_name(struct acr_session *session)
{
	struct acr_attempt *attempt;

	switch (session->state) {
	case ACR_IDLE:
		if (!is_ready(session))
			return "new";
		return session->refused ? "failed" : "ready";
	case ACR_DONE:
		return "done";
	case ACR_FAILED:
		return "failed";
	case ACR_CANCELLED:
		return "cancelled";
	case ACR_ACTIVE:
		break;
	}
	attempt = session->job ? atomic_load(&session->job->current) : NULL;
	if (!attempt)
		return session->stream_mode ? "running" : "queued";
	return atomic_load(&attempt->state) == ACR_QUEUED ? "queued" : "running";
}

const char *acr_session_state_name(struct acr_session *session)
{
	const char *name;

	pthread_mutex_lock(&session->lock);
	name = state_name(session);
	pthread_mutex_unlock(&session->lock);
	return name;
}

bool acr_session_ended(struct acr_session *session, bool *failed)
{
	enum acr_session_state state;

	pthread_mutex_lock(&session->lock);
	state = session->state;
	*failed = state == ACR_FAILED || state == ACR_CANCELLED || session->removed ||
		  (state == ACR_IDLE && session->refused);
	pthread_mutex_unlock(&session->lock);
	return state > ACR_ACTIVE || *failed;
}

void acr_session_status(struct acr_session *session, GString *text)
{
	pthread_mutex_lock(&session->lock);
	g_string_append_printf(text, "state: %s\n", state_name(session));
	if (session->error)
		g_string_append_printf(text, "error: %s: %s\n", strerrorname_np(-session->error),
				       session->sentence ? session->sentence : "");
	else
		g_string_append(text, "error: none\n");
	g_string_append_printf(text, "device: %s\nstage: 1\n",
			       session->device_name ? session->device_name : "none");
	g_string_append_printf(text,
			       "bytes-in: %" PRIu64 "\nbytes-out: %" PRIu64 "\n"
			       "queue-time-us: %" PRIu64 "\nprocess-time-us: %" PRIu64 "\n"
			       "requests: %" PRIu64 "\n",
			       session->bytes_in, session->bytes_out, session->queue_ns / 1000,
			       session->process_ns / 1000, session->requests);
	pthread_mutex_unlock(&session->lock);
}

/* ---- endings ---- */

void acr_session_end(struct acr_session *session, enum acr_session_state state, int error)
{
	if (session->state == ACR_ACTIVE)
		atomic_fetch_sub(&active_count, 1);
	session->state = state;
	session->error = session->result = error;
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

/* A whole request has come to its end. */
static void request_done(struct acr_job *job, int error)
{
	struct acr_session *session = job->owner;
	bool mine;

	pthread_mutex_lock(&session->lock);
	mine = session->job == job;
	if (mine) {
		session->job = NULL;
		session->queue_ns = job->queue_ns;
		session->process_ns = job->process_ns;
		if (error) {
			acr_session_explain(session, error, "%s", acr_request_failure(job, error));
		} else {
			session->bytes_in += job->src_len;
			acr_request_collect(session, job);
			session->bytes_out += session->dst->len;
		}
		acr_session_end(session, error ? ACR_FAILED : ACR_DONE, error);
	}
	pthread_mutex_unlock(&session->lock);
	if (mine) {
		acr_session_changed(session);
		acr_job_unref(job);
	}
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

/* Under the lock: make everything ready and say what is to be submitted. */
static int begin(struct acr_session *session, struct acr_job **job)
{
	int error = 0;

	if (session->removed && session->name)
		return -ECANCELED;
	if (session->state == ACR_ACTIVE) {
		acr_session_explain(session, -EBUSY, "the request is running already");
		return -EBUSY;
	}
	if (session->state != ACR_IDLE) {
		if (acr_stage_takes_input(&session->stage)) {
			acr_session_explain(session, -ENODATA, "write src for the next request");
			return -ENODATA;
		}
		acr_session_new_request(session);
	}
	if (atomic_load(&refusing)) {
		acr_session_explain(session, -ECANCELED, "acryptod is ending");
		return -ECANCELED;
	}
	error = acr_request_check(session);
	if (!error)
		error = session->stream_mode ? acr_stream_start(session)
					     : acr_request_build(session, session->src, job);
	if (acr_stage_op(&session->stage) == ACR_RANDOM) /* which needs no alg: back to it */
		session->stage.alg = session->stage.alg_text
					     ? acr_alg_find(session->stage.alg_text) : NULL;
	session->refused = error != 0;
	if (error)
		return error;
	acr_log(ACR_LOG_DEBUG, "session", "%s: %s %s starts", session->name ? session->name : "-",
		acr_opcode_name(acr_stage_op(&session->stage)),
		session->stage.alg_text ? session->stage.alg_text : "");
	session->state = ACR_ACTIVE;
	atomic_fetch_add(&active_count, 1);
	session->error = 0;
	session->requests++;
	arm_deadline(session);
	return 0;
}

/* Nobody could take the job: the request stays as it was, with its input. */
static int refused(struct acr_session *session, struct acr_job *job, int error)
{
	struct acr_buf *src;

	pthread_mutex_lock(&session->lock);
	if (session->job == job) {
		session->job = NULL;
		if (session->stage.nonces && job->nonce_recorded)
			acr_nonces_undo(session->stage.nonces);
		src = acr_buf_ref(job->src);
		acr_session_end(session, ACR_IDLE, error);
		acr_session_explain(session, error, "%s", acr_request_failure(job, error));
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
	if (!error && job) {
		job->owner = acr_session_ref(session);
		job->done = request_done;
		session->job = job;
		acr_job_ref(job); /* one for session->job, one for the submission */
	}
	pthread_mutex_unlock(&session->lock);
	if (error && error != -EBUSY)
		acr_session_changed(session); /* who waits for the end learns of the refusal */
	if (error)
		return error;
	if (!job) {
		acr_stream_pump(session);
		acr_session_changed(session); /* what is collected whole has no window any more */
		return 0;
	}
	acr_job_ref(job);
	error = acr_job_submit(job, true);
	if (error)
		error = refused(session, job, error);
	acr_job_unref(job);
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
	session->src_opened = false;
	session->src_eof = session->refused = false;
	session->writers = 0;
	acr_buf_unref(session->src);
	acr_buf_unref(session->dst);
	session->src = session->dst = NULL;
	acr_stream_free(session->stream);
	session->stream = NULL;
}

static void clear_stage(struct acr_stage *stage)
{
	acr_blob_unref(stage->key);
	acr_blob_unref(stage->iv);
	acr_blob_unref(stage->aad);
	acr_blob_unref(stage->tag);
	acr_blob_unref(stage->iv_used);
	acr_blob_unref(stage->params);
	acr_nonces_free(stage->nonces);
	g_free(stage->device);
	*stage = (struct acr_stage){ .op = -1 };
}

void acr_session_reset(struct acr_session *session)
{
	struct acr_job *job;
	bool was_active;

	pthread_mutex_lock(&session->lock);
	job = cancel_active(session, &was_active);
	clear_stage(&session->stage);
	acr_blob_unref(session->private_area);
	session->private_area = NULL;
	session->stream_mode = false;
	session->priority = 1000;
	session->deadline_ms = 0;
	acr_session_new_request(session);
	if (session->removed) {
		acr_history_free(session->history);
		session->history = NULL;
	}
	pthread_mutex_unlock(&session->lock);
	acr_session_abandon_job(job);
}
