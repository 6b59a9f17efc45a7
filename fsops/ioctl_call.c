/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls that wait for a result: ADD, DIRECT and read(); and fetching it inline. */
#include "binary.h"

#include "src/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* One call, from its request to the answer. */
struct call {
	struct fs_visit visit;     /* first */
	struct fs_pending pending;
	struct fs_handle *handle;
	struct acr_session *session; /* a reference */
	bool own;                    /* it is DIRECT's, and ends with it */
	bool waits;                  /* of DIRECT: its session has begun, but not ended */
	unsigned request;            /* whose result it waits for; 0: the present one */
	size_t most;                 /* of read(): bytes */
	uint64_t at;                 /* of read(): where it began */
	int error;                   /* of the attempt, or what came later */
	const char *why;             /* a sentence about it; NULL: the session has one */
	struct acr_piece piece;      /* the result */
	union {
		struct acrypto_session_add add;
		struct acrypto_direct direct;
	} arg;
};

static struct call *call_of(struct fs_pending *pending)
{
	return (struct call *)((char *)pending - offsetof(struct call, pending));
}

/* Give up a call that was answered. */
static void call_free(struct call *call)
{
	acr_piece_drop(&call->piece);
	if (call->own)
		fs_binary_session_end(call->session);
	else
		acr_session_unref(call->session);
	free(call);
}

/* Answer with an error, remembered, and give up. */
static void call_fail(struct call *call, int error, const char *why)
{
	if (why)
		fs_binary_fail(call->handle, error, why);
	else if (call->session)
		fs_binary_fail_of(call->handle, error, call->session);
	fuse_reply_err(call->pending.req, -error);
	call_free(call);
}

/* Returns owned, NULL: answered. session: referenced. */
static struct call *call_new(fuse_req_t req, struct fs_handle *handle, struct acr_session *session,
			     const struct fs_pending_kind *kind)
{
	struct call *call = calloc(1, sizeof *call);

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

/* The descriptor's session, borrowed. NULL: answered. */
static struct acr_session *session_of(fuse_req_t req, struct fs_handle *handle)
{
	struct acr_session *session = handle->session;

	if (!session) {
		fs_binary_fail(handle, -EINVAL,
			       "there is no session yet: ACRYPTO_SESSION_ALLOC comes first");
		fuse_reply_err(req, EINVAL);
	}
	return session;
}

static int attempt(struct fs_pending *pending)
{
	struct call *call = call_of(pending);

	call->error = acr_dst_read(call->session, 0, &call->request, 0, SIZE_MAX, &call->piece);
	return call->error == -EAGAIN ? -EAGAIN : 0;
}

/* Store now, wait, or say that it would have to. */
static void call_begin(struct call *call, void (*answer)(struct call *call))
{
	if (!call->pending.kind->attempt(&call->pending))
		answer(call);
	else if (call->handle->flags & O_NONBLOCK)
		call_fail(call, -EAGAIN, "it is not done yet, and the descriptor is O_NONBLOCK");
	else
		fs_wait(&call->pending, call->session);
}

static const char *why_kept_ended(int error)
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
		caller->why = "a result is larger than the room for it: the sizes say how large";
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
static int store(struct call *call, struct fs_caller *caller, const struct acrypto_buffer to[3],
		 struct acrypto_buffer *dst, struct acrypto_buffer *tag, struct acrypto_buffer *iv)
{
	const struct acr_buf *buf = call->piece.buf;
	struct acr_blob *tag_blob = fs_binary_makes_tag(call->session)
					    ? acr_value_get(call->session, 1, ACR_V_TAG) : NULL;
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
static void call_answer(struct call *call, size_t arg_size)
{
	if (call->error && call->error != -EMSGSIZE) {
		call_fail(call, call->error, call->why);
		return;
	}
	if (call->error)
		fs_binary_fail(call->handle, call->error, call->why);
	fuse_reply_ioctl(call->pending.req, call->error, &call->arg, arg_size);
	call_free(call);
}

/* ---- ADD ---- */

/* Where the caller wants the result. */
static void add_places(struct call *call, struct acrypto_buffer to[3])
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
static void handed_out(struct call *call)
{
	pthread_mutex_lock(&call->handle->lock);
	call->handle->binary->stored = call->request;
	pthread_mutex_unlock(&call->handle->lock);
}

static void add_run(struct fs_visit *visit)
{
	struct call *call = (struct call *)visit;
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
	call_answer((struct call *)visit, sizeof(struct acrypto_session_add));
}

static void add_store(struct call *call, bool here)
{
	call->visit = (struct fs_visit){ .run = add_run, .done = add_done };
	if (call->error) {
		handed_out(call); /* a failure too is told once to each who waits */
		call_fail(call, call->error, NULL);
	} else {
		fs_visit(&call->visit, fuse_req_ctx(call->pending.req)->uid, here);
	}
}

static void add_now(struct call *call)
{
	add_store(call, true);
}

/* The thread here may be a device's: it must not visit anybody. */
static void add_answer(struct fs_pending *pending, int error)
{
	struct call *call = call_of(pending);

	if (error)
		call_fail(call, error, why_kept_ended(error));
	else
		add_store(call, false);
}

static const struct fs_pending_kind add_kind = { attempt, add_answer };

/* Submit the next request if the last one's result was stored, or its failure told. 0 or a negative errno. */
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

void fs_binary_add(fuse_req_t req, struct fs_handle *handle, const struct acrypto_session_add *in)
{
	struct acr_session *session = session_of(req, handle);
	struct call *call = session ? call_new(req, handle, session, &add_kind) : NULL;
	int error;

	if (!call)
		return;
	call->arg.add = *in;
	if (in->flags) {
		call_fail(call, -EINVAL, "flags are 0");
		return;
	}
	error = next_request(handle, session);
	if (error)
		call_fail(call, error, NULL);
	else
		call_begin(call, add_now);
}

/* ---- DIRECT ---- */

static void direct_store(struct call *call, struct fs_caller *caller)
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
	struct call *call = (struct call *)visit;

	if (call->waits)
		fs_wait(&call->pending, call->session);
	else
		call_answer(call, sizeof call->arg.direct);
}

static void direct_store_run(struct fs_visit *visit)
{
	struct call *call = (struct call *)visit;
	struct fs_caller caller;

	call->waits = false;
	call->error = fs_caller_find(call->pending.req, &caller);
	call->why = caller.why;
	if (!call->error)
		direct_store(call, &caller);
}

static void direct_answer(struct fs_pending *pending, int error)
{
	struct call *call = call_of(pending);

	if (error) {
		call_fail(call, error, why_kept_ended(error));
	} else if (call->error) {
		call_fail(call, call->error, NULL);
	} else {
		call->visit.run = direct_store_run;
		fs_visit(&call->visit, fuse_req_ctx(pending->req)->uid, false);
	}
}

static const struct fs_pending_kind direct_kind = { attempt, direct_answer };

/* Copy one of the caller's buffers into the session. */
static int take(struct call *call, struct fs_caller *caller, unsigned type,
		const struct acrypto_buffer *from)
{
	struct acr_blob *blob = NULL;
	struct acr_buf *buf = NULL;
	int error = fs_binary_room(call->session, type, from->size, &blob, &buf);

	if (error) {
		caller->why = "no memory is left for this, or it is longer than any algorithm takes";
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

static int take_all(struct call *call, struct fs_caller *caller)
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
		{ ACRYPTO_SRC, &direct->src, direct->src.size || direct->src.pointer ||
					     acr_stage_takes_input(&call->session->stage) },
	};
	int error = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(inputs) && !error; i++)
		if (inputs[i].wanted)
			error = take(call, caller, inputs[i].type, inputs[i].from);
	return error;
}

/* A detached tag that nobody takes would be lost with the session. */
static int check_tag_room(struct call *call, struct fs_caller *caller)
{
	if (call->arg.direct.tag.pointer || !fs_binary_makes_tag(call->session) ||
	    acr_stage_layout(&call->session->stage) == ACR_LAYOUT_COMBINED)
		return 0;
	caller->why = "with the detached layout there must be room for the tag";
	return -EINVAL;
}

static void direct_run(struct fs_visit *visit)
{
	struct call *call = (struct call *)visit;
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
	call->waits = attempt(&call->pending) != 0;
	if (!call->waits && !call->error)
		direct_store(call, &caller);
}

void fs_binary_direct(fuse_req_t req, struct fs_handle *handle, const struct acrypto_direct *in)
{
	struct call *call = call_new(req, handle, NULL, &direct_kind);
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

/* ---- read() ---- */

/* Where the descriptor's reading goes on, if it is still the same request. */
static int read_attempt(struct fs_pending *pending)
{
	struct call *call = call_of(pending);
	struct fs_handle *handle = call->handle;
	bool begun;

	pthread_mutex_lock(&handle->lock);
	call->at = handle->binary->read_at;
	call->request = handle->binary->read_request;
	begun = call->request != 0;
	pthread_mutex_unlock(&handle->lock);
	call->error = acr_dst_read(call->session, 0, &call->request, call->at, call->most,
				   &call->piece);
	if (call->error == -ECANCELED && begun) { /* a new request: from its beginning */
		call->request = 0;
		call->at = 0;
		call->error = acr_dst_read(call->session, 0, &call->request, 0, call->most,
					   &call->piece);
	}
	return call->error == -EAGAIN ? -EAGAIN : 0;
}

static void read_send(struct call *call)
{
	struct fs_binary *binary = call->handle->binary;
	const struct acr_piece *piece = &call->piece;

	if (call->error) {
		call_fail(call, call->error, NULL);
		return;
	}
	pthread_mutex_lock(&call->handle->lock);
	binary->read_request = call->request;
	binary->read_at = call->at + piece->len;
	pthread_mutex_unlock(&call->handle->lock);
	fuse_reply_buf(call->pending.req,
		       piece->buf ? (const char *)piece->buf->data + piece->offset : NULL,
		       piece->len);
	call_free(call);
}

static void read_answer(struct fs_pending *pending, int error)
{
	if (error)
		call_fail(call_of(pending), error, why_kept_ended(error));
	else
		read_send(call_of(pending));
}

static const struct fs_pending_kind read_kind = { read_attempt, read_answer };

static void read_value(fuse_req_t req, struct fs_handle *handle, enum acr_value value, size_t size)
{
	struct acr_blob *blob = acr_value_get(handle->session, 1, value);
	uint64_t at;
	size_t len;

	if (!blob) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	pthread_mutex_lock(&handle->lock);
	at = MIN(handle->binary->read_at, blob->len);
	len = MIN(size, blob->len - at);
	handle->binary->read_at = at + len;
	pthread_mutex_unlock(&handle->lock);
	fuse_reply_buf(req, (const char *)blob->data + at, len);
	acr_blob_unref(blob);
}

void fs_binary_read(fuse_req_t req, struct fs_handle *handle, size_t size, off_t offset, int flags)
{
	struct acr_session *session = session_of(req, handle);
	struct call *call;
	unsigned reading;

	(void)offset, (void)flags;
	if (!session)
		return;
	pthread_mutex_lock(&handle->lock);
	reading = handle->binary->reading;
	pthread_mutex_unlock(&handle->lock);
	if (reading != ACRYPTO_DST) {
		read_value(req, handle, reading == ACRYPTO_TAG ? ACR_V_TAG : ACR_V_IV, size);
		return;
	}
	call = call_new(req, handle, session, &read_kind);
	if (!call)
		return;
	call->most = size;
	call_begin(call, read_send);
}

/* ---- FETCH_INLINE ---- */

/* Fill in data, size and total from len bytes. */
static void fetch(struct acrypto_inline *out, const uint8_t *data, uint64_t len)
{
	uint64_t at = MIN(out->offset, len);

	out->total = len;
	out->size = (uint32_t)MIN(MIN(out->size, ACRYPTO_INLINE_MAX), len - at);
	if (out->size)
		memcpy(out->data, data + at, out->size);
}

/* Answer with part of dst, tag or IV. */
static void fetch_send(struct call *call, struct acrypto_inline *out)
{
	struct acr_blob *blob;

	if (out->type == ACRYPTO_DST) {
		fetch(out, call->piece.buf ? call->piece.buf->data + call->piece.offset : NULL,
		      call->piece.len);
	} else {
		blob = acr_value_get(call->session, 1, out->type == ACRYPTO_TAG ? ACR_V_TAG : ACR_V_IV);
		fetch(out, blob ? blob->data : NULL, blob ? blob->len : 0);
		acr_blob_unref(blob);
	}
	fuse_reply_ioctl(call->pending.req, 0, out, sizeof *out);
	call_free(call);
}

static bool has_ended(struct acr_session *session)
{
	bool ended;

	pthread_mutex_lock(&session->lock);
	ended = session->state > ACR_ACTIVE;
	pthread_mutex_unlock(&session->lock);
	return ended;
}

void fs_binary_fetch(fuse_req_t req, struct fs_handle *handle, const struct acrypto_inline *in)
{
	struct acr_session *session = session_of(req, handle);
	struct acrypto_inline *out;
	struct call *call = session ? call_new(req, handle, session, &add_kind) : NULL;

	if (!call)
		return;
	out = acr_private_alloc(sizeof *out);
	if (!out) {
		call_fail(call, -ENOSPC, "no memory is left");
		return;
	}
	memcpy(out, in, offsetof(struct acrypto_inline, data));
	if (in->type != ACRYPTO_DST && in->type != ACRYPTO_TAG && in->type != ACRYPTO_IV)
		call_fail(call, -EINVAL, "only ACRYPTO_DST, _TAG and _IV can be fetched");
	else if (!has_ended(session) || attempt(&call->pending))
		call_fail(call, -EAGAIN, "it is not done yet");
	else if (call->error)
		call_fail(call, call->error, NULL);
	else
		fetch_send(call, out);
	acr_secret_free(out);
}
