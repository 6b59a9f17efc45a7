/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stages of a session: added, removed, and what each works on. The first is always there.
 *
 * Each stage is a job of its own. They run one after the other in the order of their numbers,
 * so that the outputs that a stage names are there when it begins. */
#include "session.h"
#include "route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROUTE_ROOM (ACR_STAGES - 1)

unsigned acr_route_highest(const struct acr_session *session)
{
	for (unsigned i = session->route ? ROUTE_ROOM : 0; i > 0; i--)
		if (session->route[i - 1])
			return i + 1;
	return 1;
}

unsigned acr_route_source(const struct acr_stage *stage)
{
	return stage->input == ACR_INPUT_UNSET ? stage->number - 1 : (unsigned)stage->input;
}

static struct acr_buf *output_of(struct acr_session *session, unsigned number)
{
	const struct acr_stage *stage;

	if (!number)
		return session->src;
	stage = acr_stage_find(session, number);
	return stage ? stage->dst : NULL;
}

struct acr_buf *acr_route_input(const struct acr_stage *stage)
{
	return output_of(stage->session, acr_route_source(stage));
}

struct acr_buf *acr_route_input2(const struct acr_stage *stage)
{
	return stage->input2 == ACR_INPUT_UNSET
	               ? NULL
	               : output_of(stage->session, (unsigned)stage->input2);
}

static bool reads_src(const struct acr_stage *stage)
{
	return (acr_stage_takes_input(stage) && !acr_route_source(stage)) || !stage->input2;
}

bool acr_route_takes_src(const struct acr_session *session)
{
	bool takes = reads_src(&session->stage);

	for (unsigned i = 0; session->route && i < ROUTE_ROOM && !takes; i++)
		takes = session->route[i] && reads_src(session->route[i]);
	return takes;
}

/* ---- mkdir and rmdir ---- */

static int may_change(struct acr_session *session)
{
	if (session->removed)
		return -ECANCELED;
	if (session->state != ACR_ACTIVE)
		return 0;
	acr_session_explain(session, -EBUSY, "the route can't change while the request runs");
	return -EBUSY;
}

/* Under the lock. */
static int add(struct acr_session *session, unsigned number)
{
	struct acr_stage *stage;
	int error = may_change(session);

	if (error)
		return error;
	if (acr_stage_find(session, number))
		return -EEXIST;
	if (!session->route && !(session->route = calloc(ROUTE_ROOM, sizeof *session->route)))
		return -ENOSPC;
	error = acr_account_charge(session->account, sizeof *stage);
	if (error)
		return error;
	stage = calloc(1, sizeof *stage);
	if (!stage) {
		acr_account_release(session->account, sizeof *stage);
		return -ENOSPC;
	}
	acr_stage_init(stage, session, number);
	session->route[number - 2] = stage;
	session->refused = false;
	return 0;
}

static void drop_if_empty(struct acr_session *session)
{
	if (session->route && acr_route_highest(session) == 1) {
		free(session->route);
		session->route = NULL;
	}
}

int acr_route_add(struct acr_session *session, unsigned number)
{
	int error;

	if (!number || number > ACR_STAGES)
		return -EINVAL;
	pthread_mutex_lock(&session->lock);
	error = add(session, number);
	drop_if_empty(session);
	pthread_mutex_unlock(&session->lock);
	return error;
}

/* Under the lock. */
static void drop_stage(struct acr_session *session, unsigned number)
{
	struct acr_stage *stage = session->route[number - 2];

	acr_stage_clear(stage);
	free(stage);
	session->route[number - 2] = NULL;
	acr_account_release(session->account, sizeof *stage);
}

/* Under the lock. */
static int take_away(struct acr_session *session, unsigned number)
{
	unsigned highest = acr_route_highest(session);
	int error = may_change(session);

	if (error)
		return error;
	if (!acr_stage_find(session, number))
		return -ENOENT;
	if (number != highest) {
		acr_session_explain(session, -EBUSY,
		                    "only stage %u, the highest, can be removed", highest);
		return -EBUSY;
	}
	if (number == 1)
		return 0; /* always there; `rm -r` wants to hear that it went well */
	drop_stage(session, number);
	drop_if_empty(session);
	session->last = MIN(session->last, acr_route_highest(session));
	session->at = MIN(session->at, session->last);
	return 0;
}

int acr_route_remove(struct acr_session *session, unsigned number)
{
	int error;

	pthread_mutex_lock(&session->lock);
	error = take_away(session, number);
	pthread_mutex_unlock(&session->lock);
	return error;
}

void acr_route_clear(struct acr_session *session)
{
	acr_stage_clear(&session->stage);
	acr_stage_init(&session->stage, session, 1);
	for (unsigned number = acr_route_highest(session); number > 1; number--)
		if (acr_stage_find(session, number))
			drop_stage(session, number);
	drop_if_empty(session);
	session->last = 1;
	session->at = 0;
}

void acr_route_drop_outputs(struct acr_session *session, unsigned from)
{
	for (unsigned number = from; number <= acr_route_highest(session); number++) {
		struct acr_stage *stage = acr_stage_find(session, number);

		if (!stage)
			continue;
		acr_buf_unref(stage->dst);
		stage->dst = NULL;
		stage->ended = false;
		stage->error = stage->result = 0;
		stage->bytes_in = stage->bytes_out = stage->queue_ns = stage->process_ns = 0;
	}
}

/* ---- checking ---- */

static int rule_inputs(struct acr_stage *stage)
{
	if (stage->input2 != ACR_INPUT_UNSET && stage->alg &&
	    !(stage->alg->flags & ACR_ALG_TWO_INPUTS)) {
		acr_stage_explain(stage, -EINVAL, "%s has one input: remove input2",
		                  stage->alg_text);
		return -EINVAL;
	}
	return 0;
}

int acr_route_rule(struct acr_session *session)
{
	unsigned highest = acr_route_highest(session);
	int error = 0;

	if (highest > 1 && session->stream_mode) {
		acr_session_explain(session, -EINVAL,
		                    "a route of several stages takes whole "
		                    "requests: set stream to 0");
		return -EINVAL;
	}
	for (unsigned number = 1; number <= highest && !error; number++) {
		struct acr_stage *stage = acr_stage_find(session, number);

		if (!stage) {
			acr_session_explain(session, -EINVAL,
			                    "route/%u is missing: the numbers of "
			                    "stages must leave no gap",
			                    number);
			return -EINVAL;
		}
		error = rule_inputs(stage);
	}
	return error;
}
