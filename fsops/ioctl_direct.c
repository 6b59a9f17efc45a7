/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ACRYPTO_DIRECT: a whole session in one call, on the caller's own memory.
 *
 *   fs_binary_direct()    make the session and the call, with room for key, IV, ..., src
 *          |
 *        VISIT            copy them from the caller
 *          |
 *   direct_taken() ------ failed --------------> ANSWER
 *          |              give them to the session; if it is done already: direct_store()
 *        fs_keep()        fs_call_attempt() whenever the session changes, until it has ended
 *          |
 *   direct_ended() ------ failed --------------> ANSWER
 *          |
 *   direct_store()
 *          |
 *        VISIT            copy the result to the caller
 *          |
 *   direct_stored() ---------------------------> ANSWER
 *
 * A VISIT may take long (see visit.c): the first, and the second of a session that was done
 * at once, may begin in the serving thread; others don't, as the thread that ends a session
 * may be a device's. */
#include "binary.h"

#include <errno.h>
#include <stdlib.h>

/* ---- from the caller ---- */

/* Make room for one of the caller's buffers, and have the visit fill it. */
static int expect(struct fs_call *call, unsigned type, const struct acrypto_buffer *from)
{
	struct fs_input *input = &call->inputs[call->input_count];
	int error = fs_binary_room(call->session, type, from->size, &input->blob, &input->buf);

	if (error)
		return error;
	input->type = type;
	call->input_count++;
	call->visit.copies[call->visit.count++] = (struct fs_copy){
		from->pointer, input->buf ? input->buf->data : input->blob->data, from->size
	};
	return 0;
}

static int expect_all(struct fs_call *call)
{
	const struct acrypto_direct *direct = &call->arg.direct;
	bool tag = !fs_binary_makes_tag(call->session);
	const struct {
		unsigned type;
		const struct acrypto_buffer *from;
		bool wanted;
	} inputs[FS_COPIES] = {
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
			error = expect(call, inputs[i].type, inputs[i].from);
	return error;
}

static int give_all(struct fs_call *call)
{
	int error = 0;

	for (unsigned i = 0; i < call->input_count && !error; i++) {
		struct fs_input *input = &call->inputs[i];
		if (input->buf)
			input->buf->len = input->buf->dirty = (size_t)call->arg.direct.src.size;
		error = fs_binary_give(call->session, input->type, input->blob, input->buf);
		input->blob = NULL;
		input->buf = NULL;
	}
	return error;
}

/* A detached tag that nobody takes would be lost with the session. */
static int check_tag_room(struct fs_call *call)
{
	if (call->arg.direct.tag.pointer || !fs_binary_makes_tag(call->session) ||
	    acr_stage_layout(&call->session->stage) == ACR_LAYOUT_COMBINED)
		return 0;
	call->why = "with the detached layout there must be room for the tag";
	return -EINVAL;
}

/* ---- to the caller ---- */

static void direct_stored(struct fs_visit *visit)
{
	struct fs_call *call = (struct fs_call *)visit;

	call->error = visit->error;
	call->why = visit->caller.why;
	fs_call_answer(call, sizeof call->arg.direct);
}

static void direct_store(struct fs_call *call, bool here)
{
	struct acrypto_direct *direct = &call->arg.direct;
	struct acrypto_buffer to[3] = { direct->dst, { 0 }, { 0 } };
	bool tag = fs_binary_makes_tag(call->session);

	if (tag)
		to[1] = direct->tag;
	/* Room for nothing must not pass for room; a verification has only its errno to
	 * tell. */
	if (!to[0].pointer && acr_stage_op(&call->session->stage) != ACR_VERIFY)
		to[0] = (struct acrypto_buffer){ 1, 0 };
	fs_call_store(call, to, &direct->dst, tag ? &direct->tag : &call->unused, NULL, here,
	              direct_stored);
}

/* ---- the steps between, the last one first ---- */

static void direct_ended(struct fs_kept *kept, int error)
{
	struct fs_call *call = fs_call_of(kept);

	if (error)
		fs_call_fail(call, error, fs_call_why(error));
	else if (call->error)
		fs_call_fail(call, call->error, NULL);
	else
		direct_store(call, false);
}

static void direct_taken(struct fs_visit *visit)
{
	struct fs_call *call = (struct fs_call *)visit;
	int error = visit->error;

	call->why = visit->caller.why;
	call->session->pid = visit->caller.process;
	if (!error)
		error = give_all(call);
	if (!error)
		error = check_tag_room(call);
	if (error)
		fs_call_fail(call, error, call->why);
	else if (fs_call_attempt(&call->kept))
		fs_keep(&call->kept, call->session);
	else if (call->error)
		fs_call_fail(call, call->error, NULL);
	else
		direct_store(call, true);
}

void fs_binary_direct(fuse_req_t req, struct fs_handle *handle, const struct acrypto_direct *in)
{
	static const struct fs_kept_kind kind = { fs_call_attempt, direct_ended };
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
	call->visit = (struct fs_visit){ .req = req, .done = direct_taken };
	error = expect_all(call);
	if (error)
		fs_call_fail(call, error,
		             "no memory is left for this, or it is longer than any algorithm "
		             "takes");
	else
		fs_visit(&call->visit, true);
}
