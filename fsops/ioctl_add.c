/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ACRYPTO_SESSION_ADD: submit the descriptor's session, wait, store the result. */
#include "binary.h"

#include <errno.h>

/* Where the caller wants the result. */
static void add_places(struct fs_call *call, struct acrypto_buffer to[3])
{
	const struct acrypto_session_add *add = &call->arg.add;
	const struct fs_binary *binary = call->handle->binary;

	to[0] = add->dst;
	to[1] = add->tag;
	to[2] = add->iv;
	pthread_mutex_lock(&call->handle->lock);
	if (!to[0].pointer)
		to[0] = binary->dst;
	if (!to[1].pointer && fs_binary_makes_tag(call->session))
		to[1] = binary->tag;
	pthread_mutex_unlock(&call->handle->lock);
}

/* The next ADD submits the next request. */
static void handed_out(struct fs_call *call)
{
	pthread_mutex_lock(&call->handle->lock);
	call->handle->binary->stored = call->request;
	pthread_mutex_unlock(&call->handle->lock);
}

static void add_stored(struct fs_visit *visit)
{
	struct fs_call *call = (struct fs_call *)visit;

	call->error = visit->error;
	call->why = visit->caller.why;
	if (!call->error && call->stores)
		handed_out(call);
	fs_call_answer(call, sizeof call->arg.add);
}

static void add_store(struct fs_call *call, bool here)
{
	struct acrypto_session_add *add = &call->arg.add;
	struct acrypto_buffer to[3];

	if (call->error) {
		handed_out(call); /* a failure too is told once to each waiting call */
		fs_call_fail(call, call->error, NULL);
		return;
	}
	add_places(call, to);
	call->stores = to[0].pointer;
	fs_call_store(call, to, &add->dst, &add->tag, &add->iv, here, add_stored);
}

static void add_now(struct fs_call *call)
{
	add_store(call, true);
}

/* The thread here may be a device's: it must not wait for anybody's memory. */
static void add_answer(struct fs_kept *kept, int error)
{
	struct fs_call *call = fs_call_of(kept);

	if (error)
		fs_call_fail(call, error, fs_call_why(error));
	else
		add_store(call, false);
}

static const struct fs_kept_kind add_kind = { fs_call_attempt, add_answer };

/* Submit the next request if the last one's result was stored, or its failure told. 0 or a
 * negative errno. */
static int next_request(struct fs_handle *handle, struct acr_session *session)
{
	unsigned stored;
	bool over;
	int error;

	pthread_mutex_lock(&handle->lock);
	stored = handle->binary->stored;
	pthread_mutex_unlock(&handle->lock);
	pthread_mutex_lock(&session->lock);
	over = session->state > ACR_ACTIVE && stored == session->request + 1;
	pthread_mutex_unlock(&session->lock);
	error = over ? acr_session_start(session) : 0;
	return error == -EBUSY ? 0 : error; /* another thread was first: wait for the same */
}

void fs_binary_add(fuse_req_t req, struct fs_handle *handle,
                   const struct acrypto_session_add *in)
{
	struct acr_session *session = fs_binary_session_of(req, handle);
	struct fs_call *call = session ? fs_call_new(req, handle, session, &add_kind) : NULL;
	int error;

	if (!call)
		return;
	call->arg.add = *in;
	if (in->flags) {
		fs_call_fail(call, -EINVAL, "flags are 0");
		return;
	}
	error = next_request(handle, session);
	if (error)
		fs_call_fail(call, error, NULL);
	else
		fs_call_begin(call, add_now);
}
