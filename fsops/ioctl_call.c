/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls that wait for a result and store it: ADD and DIRECT. */
#include "binary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct fs_call *fs_call_of(struct fs_pending *pending)
{
	return (struct fs_call *)((char *)pending - offsetof(struct fs_call, pending));
}

void fs_call_free(struct fs_call *call)
{
	acr_piece_drop(&call->piece);
	if (call->own)
		fs_binary_session_end(call->session);
	else
		acr_session_unref(call->session);
	free(call);
}

void fs_call_fail(struct fs_call *call, int error, const char *why)
{
	if (why)
		fs_binary_fail(call->handle, error, why);
	else if (call->session)
		fs_binary_fail_of(call->handle, error, call->session);
	fuse_reply_err(call->pending.req, -error);
	fs_call_free(call);
}

struct fs_call *fs_call_new(fuse_req_t req, struct fs_handle *handle,
                            struct acr_session *session, const struct fs_pending_kind *kind)
{
	struct fs_call *call = calloc(1, sizeof *call);

	if (!call) {
		fuse_reply_err(req, ENOMEM);
		return NULL;
	}
	call->pending.req = req;
	call->pending.kind = kind;
	call->handle = handle;
	call->session = session ? acr_session_ref(session) : NULL;
	return call;
}

struct acr_session *fs_binary_session_of(fuse_req_t req, struct fs_handle *handle)
{
	struct acr_session *session = handle->session;

	if (!session) {
		fs_binary_fail(handle, -EINVAL,
		               "there is no session yet: ACRYPTO_SESSION_ALLOC comes first");
		fuse_reply_err(req, EINVAL);
	}
	return session;
}

int fs_call_attempt(struct fs_pending *pending)
{
	struct fs_call *call = fs_call_of(pending);

	call->error = acr_dst_read(call->session, 0, &call->request, 0, SIZE_MAX, &call->piece);
	return call->error == -EAGAIN ? -EAGAIN : 0;
}

void fs_call_begin(struct fs_call *call, void (*answer)(struct fs_call *call))
{
	if (!call->pending.kind->attempt(&call->pending))
		answer(call);
	else if (call->handle->flags & O_NONBLOCK)
		fs_call_fail(call, -EAGAIN,
		             "it is not done yet, and the descriptor is O_NONBLOCK");
	else
		fs_wait(&call->pending, call->session);
}

const char *fs_call_why(int error)
{
	switch (error) {
	case -EINTR:
		return "a signal came";
	case -EAGAIN:
		return "too many calls of this user are waiting";
	case -ECANCELED:
		return "acryptod is ending";
	default:
		return "no memory is left";
	}
}

/* ---- storing results ---- */

/* A result, where it goes, and how it was named in the answer. */
struct result {
	const void *data;
	size_t len;
	struct acrypto_buffer to;
	struct acrypto_buffer *told; /* of the answer: its size comes back */
};

static int store_all(struct fs_caller *caller, struct result *results, unsigned count)
{
	bool fits = true;
	int error = 0;

	for (unsigned i = 0; i < count; i++) {
		results[i].told->size = results[i].len;
		fits = fits && (!results[i].to.pointer || results[i].len <= results[i].to.size);
	}
	if (!fits) {
		caller->why =
		        "a result is larger than the room for it: the sizes say how large";
		return -EMSGSIZE;
	}
	for (unsigned i = 0; i < count && !error; i++)
		if (results[i].to.pointer)
			error = fs_caller_write(caller, results[i].to.pointer, results[i].data,
			                        results[i].len);
	return error;
}

static struct result result_of_blob(const struct acr_blob *blob, struct acrypto_buffer to,
                                    struct acrypto_buffer *told)
{
	return (struct result){ blob ? blob->data : NULL, blob ? blob->len : 0, to, told };
}

/* The places are copied first: told may be what they came from. iv may be NULL. */
static int store(struct fs_call *call, struct fs_caller *caller,
                 const struct acrypto_buffer to[3], struct acrypto_buffer *dst,
                 struct acrypto_buffer *tag, struct acrypto_buffer *iv)
{
	const struct acr_buf *buf = call->piece.buf;
	struct acr_blob *tag_blob = fs_binary_makes_tag(call->session)
	                                    ? acr_value_get(call->session, 1, ACR_V_TAG)
	                                    : NULL;
	struct acr_blob *iv_blob = iv ? acr_value_get(call->session, 1, ACR_V_IV) : NULL;
	struct result results[3] = {
		{ buf ? buf->data + call->piece.offset : NULL, call->piece.len, to[0], dst },
		result_of_blob(tag_blob, to[1], tag),
		result_of_blob(iv_blob, to[2], iv),
	};
	int error = store_all(caller, results, iv ? 3 : 2);

	acr_blob_unref(tag_blob);
	acr_blob_unref(iv_blob);
	return error;
}

/* Answer a call whose result was stored, or not. */
static void call_answer(struct fs_call *call, size_t arg_size)
{
	if (call->error && call->error != -EMSGSIZE) {
		fs_call_fail(call, call->error, call->why);
		return;
	}
	if (call->error)
		fs_binary_fail(call->handle, call->error, call->why);
	fuse_reply_ioctl(call->pending.req, call->error, &call->arg, arg_size);
	fs_call_free(call);
}

/* ---- ADD ---- */

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

static void add_run(struct fs_visit *visit)
{
	struct fs_call *call = (struct fs_call *)visit;
	struct acrypto_session_add *add = &call->arg.add;
	struct acrypto_buffer to[3];
	struct fs_caller caller = { 0 };

	add_places(call, to);
	if (to[0].pointer || to[1].pointer || to[2].pointer)
		call->error = fs_caller_find(call->pending.req, &caller);
	if (!call->error)
		call->error = store(call, &caller, to, &add->dst, &add->tag, &add->iv);
	call->why = caller.why;
	if (!call->error && to[0].pointer)
		handed_out(call);
}

static void add_done(struct fs_visit *visit)
{
	call_answer((struct fs_call *)visit, sizeof(struct acrypto_session_add));
}

static void add_store(struct fs_call *call, bool here)
{
	call->visit = (struct fs_visit){ .run = add_run, .done = add_done };
	if (call->error) {
		handed_out(call); /* a failure too is told once to each who waits */
		fs_call_fail(call, call->error, NULL);
	} else {
		fs_visit(&call->visit, fuse_req_ctx(call->pending.req)->uid, here);
	}
}

static void add_now(struct fs_call *call)
{
	add_store(call, true);
}

/* The thread here may be a device's: it must not visit anybody. */
static void add_answer(struct fs_pending *pending, int error)
{
	struct fs_call *call = fs_call_of(pending);

	if (error)
		fs_call_fail(call, error, fs_call_why(error));
	else
		add_store(call, false);
}

static const struct fs_pending_kind add_kind = { fs_call_attempt, add_answer };

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

/* ---- DIRECT ---- */

static void direct_store(struct fs_call *call, struct fs_caller *caller)
{
	struct acrypto_direct *direct = &call->arg.direct;
	struct acrypto_buffer to[3] = { direct->dst, { 0 }, { 0 } }, unused = { 0 };
	bool tag = fs_binary_makes_tag(call->session);

	if (tag)
		to[1] = direct->tag;
	/* Room for nothing must not pass for room; a verification has only its errno to tell. */
	if (!to[0].pointer && acr_stage_op(&call->session->stage) != ACR_VERIFY)
		to[0] = (struct acrypto_buffer){ 1, 0 };
	call->error = store(call, caller, to, &direct->dst, tag ? &direct->tag : &unused, NULL);
	call->why = caller->why;
}

static void direct_done(struct fs_visit *visit)
{
	struct fs_call *call = (struct fs_call *)visit;

	if (call->waits)
		fs_wait(&call->pending, call->session);
	else
		call_answer(call, sizeof call->arg.direct);
}

static void direct_store_run(struct fs_visit *visit)
{
	struct fs_call *call = (struct fs_call *)visit;
	struct fs_caller caller;

	call->waits = false;
	call->error = fs_caller_find(call->pending.req, &caller);
	call->why = caller.why;
	if (!call->error)
		direct_store(call, &caller);
}

static void direct_answer(struct fs_pending *pending, int error)
{
	struct fs_call *call = fs_call_of(pending);

	if (error) {
		fs_call_fail(call, error, fs_call_why(error));
	} else if (call->error) {
		fs_call_fail(call, call->error, NULL);
	} else {
		call->visit.run = direct_store_run;
		fs_visit(&call->visit, fuse_req_ctx(pending->req)->uid, false);
	}
}

static const struct fs_pending_kind direct_kind = { fs_call_attempt, direct_answer };

/* Copy one of the caller's buffers into the session. */
static int take(struct fs_call *call, struct fs_caller *caller, unsigned type,
                const struct acrypto_buffer *from)
{
	struct acr_blob *blob = NULL;
	struct acr_buf *buf = NULL;
	int error = fs_binary_room(call->session, type, from->size, &blob, &buf);

	if (error) {
		caller->why =
		        "no memory is left for this, or it is longer than any algorithm takes";
		return error;
	}
	error = fs_caller_read(caller, from->pointer, buf ? buf->data : blob->data, from->size);
	if (error) {
		acr_blob_unref(blob);
		acr_buf_unref(buf);
		return error;
	}
	if (buf)
		buf->len = buf->dirty = from->size;
	return fs_binary_give(call->session, type, blob, buf);
}

static int take_all(struct fs_call *call, struct fs_caller *caller)
{
	const struct acrypto_direct *direct = &call->arg.direct;
	bool tag = !fs_binary_makes_tag(call->session);
	const struct {
		unsigned type;
		const struct acrypto_buffer *from;
		bool wanted;
	} inputs[] = {
		{ ACRYPTO_KEY, &direct->key, direct->key.pointer },
		{ ACRYPTO_IV, &direct->iv, direct->iv.pointer },
		{ ACRYPTO_AAD, &direct->aad, direct->aad.pointer },
		{ ACRYPTO_TAG, &direct->tag, tag && direct->tag.pointer },
		{ ACRYPTO_SIG, &direct->sig, direct->sig.pointer },
		{ ACRYPTO_SRC, &direct->src,
		  direct->src.size || direct->src.pointer ||
		          acr_stage_takes_input(&call->session->stage) },
	};
	int error = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(inputs) && !error; i++)
		if (inputs[i].wanted)
			error = take(call, caller, inputs[i].type, inputs[i].from);
	return error;
}

/* A detached tag that nobody takes would be lost with the session. */
static int check_tag_room(struct fs_call *call, struct fs_caller *caller)
{
	if (call->arg.direct.tag.pointer || !fs_binary_makes_tag(call->session) ||
	    acr_stage_layout(&call->session->stage) == ACR_LAYOUT_COMBINED)
		return 0;
	caller->why = "with the detached layout there must be room for the tag";
	return -EINVAL;
}

static void direct_run(struct fs_visit *visit)
{
	struct fs_call *call = (struct fs_call *)visit;
	struct fs_caller caller;
	int error = fs_caller_find(call->pending.req, &caller);

	if (!error) {
		call->session->pid = caller.process;
		error = take_all(call, &caller);
	}
	if (!error)
		error = check_tag_room(call, &caller);
	call->error = error;
	call->why = caller.why;
	if (error)
		return;
	call->waits = fs_call_attempt(&call->pending) != 0;
	if (!call->waits && !call->error)
		direct_store(call, &caller);
}

void fs_binary_direct(fuse_req_t req, struct fs_handle *handle, const struct acrypto_direct *in)
{
	struct fs_call *call = fs_call_new(req, handle, NULL, &direct_kind);
	int error;

	if (!call)
		return;
	call->arg.direct = *in;
	error = fs_binary_session(req, handle, &in->init, in->dst.size, &call->session);
	if (error) { /* remembered already */
		fuse_reply_err(req, -error);
		free(call);
		return;
	}
	call->own = true;
	call->visit = (struct fs_visit){ .run = direct_run, .done = direct_done };
	fs_visit(&call->visit, fuse_req_ctx(req)->uid, true);
}
