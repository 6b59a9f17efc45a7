/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ACRYPTO_DIRECT: a whole session in one call, on the caller's own memory.
 *
 *   fs_binary_direct()    make the session and the call
 *          |
 *   direct_begin()        VISIT: copy key, IV, ..., src from the caller; start the session;
 *          |              if it is done already, copy the result to the caller
 *   direct_begun() ------ done, or failed -----> ANSWER
 *          |
 *        fs_wait()        fs_call_attempt() whenever the session changes, until it has ended
 *          |
 *   direct_ended() ------ failed --------------> ANSWER
 *          |
 *   direct_hand_over()    VISIT: copy the result to the caller
 *          |
 *   direct_handed() ---------------------------> ANSWER
 *
 * A VISIT may block in the caller's memory (see visit.c): the first runs in the serving thread
 * if it may, the second never in the thread that ended the session, which may be a device's. */
#include "binary.h"

#include <errno.h>
#include <stdlib.h>

/* ---- from the caller ---- */

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

/* ---- to the caller ---- */

static void store(struct fs_call *call, struct fs_caller *caller)
{
	struct acrypto_direct *direct = &call->arg.direct;
	struct acrypto_buffer to[3] = { direct->dst, { 0 }, { 0 } }, unused = { 0 };
	bool tag = fs_binary_makes_tag(call->session);

	if (tag)
		to[1] = direct->tag;
	/* Room for nothing must not pass for room; a verification has only its errno to tell. */
	if (!to[0].pointer && acr_stage_op(&call->session->stage) != ACR_VERIFY)
		to[0] = (struct acrypto_buffer){ 1, 0 };
	call->error = fs_call_store(call, caller, to, &direct->dst,
	                            tag ? &direct->tag : &unused, NULL);
	call->why = caller->why;
}

/* ---- the steps, the last one first ---- */

static void direct_handed(struct fs_visit *visit)
{
	fs_call_answer((struct fs_call *)visit, sizeof(struct acrypto_direct));
}

static void direct_hand_over(struct fs_visit *visit)
{
	struct fs_call *call = (struct fs_call *)visit;
	struct fs_caller caller;

	call->error = fs_caller_find(call->pending.req, &caller);
	call->why = caller.why;
	if (!call->error)
		store(call, &caller);
}

static void direct_ended(struct fs_pending *pending, int error)
{
	struct fs_call *call = fs_call_of(pending);

	if (error) {
		fs_call_fail(call, error, fs_call_why(error));
	} else if (call->error) {
		fs_call_fail(call, call->error, NULL);
	} else {
		call->visit =
		        (struct fs_visit){ .run = direct_hand_over, .done = direct_handed };
		fs_visit(&call->visit, fuse_req_ctx(pending->req)->uid, false);
	}
}

static void direct_begun(struct fs_visit *visit)
{
	struct fs_call *call = (struct fs_call *)visit;

	if (call->waits)
		fs_wait(&call->pending, call->session);
	else
		fs_call_answer(call, sizeof call->arg.direct);
}

static void direct_begin(struct fs_visit *visit)
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
		store(call, &caller);
}

void fs_binary_direct(fuse_req_t req, struct fs_handle *handle, const struct acrypto_direct *in)
{
	static const struct fs_pending_kind kind = { fs_call_attempt, direct_ended };
	struct fs_call *call = fs_call_new(req, handle, NULL, &kind);
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
	call->visit = (struct fs_visit){ .run = direct_begin, .done = direct_begun };
	fs_visit(&call->visit, fuse_req_ctx(req)->uid, true);
}
