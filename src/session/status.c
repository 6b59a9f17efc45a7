/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a session says of itself and of its stages: state and status. */
#include "session.h"
#include "route.h"
#include "status.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* What makes a state `ready`. */
static bool is_ready(const struct acr_stage *stage)
{
	struct acr_session *session = stage->session;

	if (stage->bad || (!stage->alg && acr_stage_op(stage) != ACR_RANDOM))
		return false;
	if (stage->alg && stage->alg->key_max && !stage->key && stage->input2 < 0)
		return false;
	return session->src_opened || session->stream_mode || !acr_route_takes_src(session);
}

/* Of the job that is active. */
static const char *active_name(const struct acr_session *session)
{
	struct acr_attempt *attempt = session->job ? atomic_load(&session->job->current) : NULL;

	if (!attempt)
		return session->stream_mode ? "running" : "queued";
	return atomic_load(&attempt->state) == ACR_QUEUED ? "queued" : "running";
}

static const char *state_name(struct acr_session *session)
{
	bool ready = true;

	switch (session->state) {
	case ACR_IDLE:
		for (unsigned i = acr_route_highest(session); i > 0 && ready; i--)
			ready = acr_stage_find(session, i) &&
			        is_ready(acr_stage_find(session, i));
		if (!ready)
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
	return active_name(session);
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

static void error_line(GString *text, int error, const char *sentence)
{
	if (error)
		g_string_append_printf(text, "error: %s: %s\n", strerrorname_np(-error),
		                       sentence ? sentence : "");
	else
		g_string_append(text, "error: none\n");
}

static void amounts(GString *text, const char *device, unsigned stage, uint64_t bytes_in,
                    uint64_t bytes_out, uint64_t queue_ns, uint64_t process_ns)
{
	g_string_append_printf(text,
	                       "device: %s\nstage: %u\n"
	                       "bytes-in: %" PRIu64 "\nbytes-out: %" PRIu64 "\n"
	                       "queue-time-us: %" PRIu64 "\nprocess-time-us: %" PRIu64 "\n",
	                       device ? device : "none", stage, bytes_in, bytes_out,
	                       queue_ns / 1000, process_ns / 1000);
}

void acr_session_status(struct acr_session *session, GString *text)
{
	pthread_mutex_lock(&session->lock);
	g_string_append_printf(text, "state: %s\n", state_name(session));
	error_line(text, session->error, session->sentence);
	amounts(text, session->device_name, MAX(session->at, 1), session->bytes_in,
	        session->bytes_out, session->queue_ns, session->process_ns);
	g_string_append_printf(text, "requests: %" PRIu64 "\n", session->requests);
	if (session->src_hint && acr_stage_op(&session->stage) == ACR_DECRYPT)
		g_string_append_printf(text, "hint: %s\n", session->src_hint);
	pthread_mutex_unlock(&session->lock);
}

static const char *stage_state(const struct acr_stage *stage)
{
	struct acr_session *session = stage->session;

	if (stage->ended)
		return stage->result == -ECANCELED ? "cancelled"
		       : stage->result             ? "failed"
		                                   : "done";
	if (session->state == ACR_ACTIVE && stage->number == session->at)
		return active_name(session);
	return is_ready(stage) ? "ready" : "new";
}

void acr_stage_status(struct acr_session *session, unsigned number, GString *text)
{
	struct acr_stage *stage;

	pthread_mutex_lock(&session->lock);
	stage = acr_stage_find(session, number);
	if (stage) {
		g_string_append_printf(text, "state: %s\n", stage_state(stage));
		error_line(text, stage->error, stage->sentence);
		amounts(text, stage->device_name, number, stage->bytes_in, stage->bytes_out,
		        stage->queue_ns, stage->process_ns);
	}
	pthread_mutex_unlock(&session->lock);
}
