/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What calls that wait for a result have in common: ADD, DIRECT and read(). */
#include "binary.h"
#include "base/secret.h"
#include "session/data.h"
#include "session/sessions.h"
#include "session/values.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

struct fs_call *fs_call_of(struct fs_kept *kept)
{
	return (struct fs_call *)((char *)kept - offsetof(struct fs_call, kept));
}

void fs_call_free(struct fs_call *call)
{
	acr_piece_drop(&call->piece);
	acr_blob_unref(call->tag);
	acr_blob_unref(call->iv);
	for (unsigned i = 0; i < call->input_count; i++) {
		acr_blob_unref(call->inputs[i].blob);
		acr_buf_unref(call->inputs[i].buf);
	}
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
	acr_secret_scrub();
	fuse_reply_err(call->kept.req, -error);
	fs_call_free(call);
}

struct fs_call *fs_call_new(fuse_req_t req, struct fs_handle *handle,
                            struct acr_session *session, const struct fs_kept_kind *kind)
{
	struct fs_call *call = calloc(1, sizeof *call);

	if (!call) {
		fuse_reply_err(req, ENOMEM);
		return NULL;
	}
	call->kept.req = req;
	call->kept.kind = kind;
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

int fs_call_attempt(struct fs_kept *kept)
{
	struct fs_call *call = fs_call_of(kept);

	call->error = acr_dst_read(call->session, 0, &call->request, 0, SIZE_MAX, &call->piece);
	return call->error == -EAGAIN ? -EAGAIN : 0;
}

void fs_call_begin(struct fs_call *call, void (*answer)(struct fs_call *call))
{
	if (!call->kept.kind->attempt(&call->kept))
		answer(call);
	else if (call->handle->flags & O_NONBLOCK)
		fs_call_fail(call, -EAGAIN,
		             "it is not done yet, and the descriptor is O_NONBLOCK");
	else
		fs_keep(&call->kept, call->session);
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

/* What the visit is to copy. 0 or -EMSGSIZE. */
static int plan(struct fs_call *call, const struct result *results, unsigned count)
{
	struct fs_visit *visit = &call->visit;
	bool fits = true;

	for (unsigned i = 0; i < count; i++) {
		const struct result *result = &results[i];
		result->told->size = result->len;
		if (!result->to.pointer)
			continue;
		fits = fits && result->len <= result->to.size;
		visit->copies[visit->count++] =
		        (struct fs_copy){ result->to.pointer, (void *)result->data,
			                  result->len };
	}
	return fits ? 0 : -EMSGSIZE;
}

static struct result result_of_blob(const struct acr_blob *blob, struct acrypto_buffer to,
                                    struct acrypto_buffer *told)
{
	return (struct result){ blob ? blob->data : NULL, blob ? blob->len : 0, to, told };
}

void fs_call_store(struct fs_call *call, const struct acrypto_buffer to[3],
                   struct acrypto_buffer *dst, struct acrypto_buffer *tag,
                   struct acrypto_buffer *iv, bool here, void (*done)(struct fs_visit *visit))
{
	const struct acr_buf *buf = call->piece.buf;
	struct fs_visit *visit = &call->visit;

	*visit = (struct fs_visit){
		.req = call->kept.req, .write = true, .caller = visit->caller, .done = done
	};
	if (fs_binary_makes_tag(call->session))
		call->tag = acr_value_get(call->session, 1, ACR_V_TAG);
	if (iv)
		call->iv = acr_value_get(call->session, 1, ACR_V_IV);
	visit->error = plan(call,
	                    (struct result[]){
	                            { buf ? buf->data + call->piece.offset : NULL,
	                              call->piece.len, to[0], dst },
	                            result_of_blob(call->tag, to[1], tag),
	                            result_of_blob(call->iv, to[2], iv),
	                    },
	                    iv ? 3 : 2);
	if (!visit->error) {
		fs_visit(visit, here);
		return;
	}
	visit->caller.why = "a result is larger than the room for it: the sizes say how large";
	done(visit);
}

void fs_call_answer(struct fs_call *call, size_t arg_size)
{
	acr_secret_scrub();
	if (call->error && call->error != -EMSGSIZE) {
		fs_call_fail(call, call->error, call->why);
		return;
	}
	if (call->error)
		fs_binary_fail(call->handle, call->error, call->why);
	fuse_reply_ioctl(call->kept.req, call->error, &call->arg, arg_size);
	fs_call_free(call);
}
