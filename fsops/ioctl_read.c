/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results without pointers: read() on `ioctl`, which waits, and FETCH_INLINE, which does
 * not. */
#include "binary.h"
#include "session/data.h"
#include "session/values.h"

#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* ---- read() ---- */

/* Where the descriptor's reading goes on, if it is still the same request. */
static int read_attempt(struct fs_kept *kept)
{
	struct fs_call *call = fs_call_of(kept);
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

static void read_send(struct fs_call *call)
{
	struct fs_binary *binary = call->handle->binary;
	const struct acr_piece *piece = &call->piece;

	if (call->error) {
		fs_call_fail(call, call->error, NULL);
		return;
	}
	pthread_mutex_lock(&call->handle->lock);
	binary->read_request = call->request;
	binary->read_at = call->at + piece->len;
	pthread_mutex_unlock(&call->handle->lock);
	fuse_reply_buf(call->kept.req,
	               piece->buf ? (const char *)piece->buf->data + piece->offset : NULL,
	               piece->len);
	fs_call_free(call);
}

static void read_answer(struct fs_kept *kept, int error)
{
	if (error)
		fs_call_fail(fs_call_of(kept), error, fs_call_why(error));
	else
		read_send(fs_call_of(kept));
}

static const struct fs_kept_kind read_kind = { read_attempt, read_answer };

static void read_value(fuse_req_t req, struct fs_handle *handle, enum acr_value value,
                       size_t size)
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

void fs_binary_read(fuse_req_t req, struct fs_handle *handle, size_t size, off_t offset,
                    const struct fuse_file_info *fi)
{
	bool looks = !handle->session && (handle->flags & O_ACCMODE) == O_RDONLY;
	struct acr_session *session = looks ? NULL : fs_binary_session_of(req, handle);
	struct fs_call *call;
	unsigned reading;

	(void)offset, (void)fi;
	if (looks) /* what crawls over the files: an empty one, and no complaint */
		fuse_reply_buf(req, NULL, 0);
	if (!session)
		return;
	pthread_mutex_lock(&handle->lock);
	reading = handle->binary->reading;
	pthread_mutex_unlock(&handle->lock);
	if (reading != ACRYPTO_DST) {
		read_value(req, handle, reading == ACRYPTO_TAG ? ACR_V_TAG : ACR_V_IV, size);
		return;
	}
	call = fs_call_new(req, handle, session, &read_kind);
	if (!call)
		return;
	call->most = size;
	fs_call_begin(call, read_send);
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
static void fetch_send(struct fs_call *call, struct acrypto_inline *out)
{
	struct acr_blob *blob;

	if (out->type == ACRYPTO_DST) {
		fetch(out, call->piece.buf ? call->piece.buf->data + call->piece.offset : NULL,
		      call->piece.len);
	} else {
		blob = acr_value_get(call->session, 1,
		                     out->type == ACRYPTO_TAG ? ACR_V_TAG : ACR_V_IV);
		fetch(out, blob ? blob->data : NULL, blob ? blob->len : 0);
		acr_blob_unref(blob);
	}
	acr_secret_scrub();
	fuse_reply_ioctl(call->kept.req, 0, out, sizeof *out);
	fs_call_free(call);
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
	struct acr_session *session = fs_binary_session_of(req, handle);
	struct acrypto_inline *out;
	struct fs_call *call = session ? fs_call_new(req, handle, session, NULL) : NULL;

	if (!call)
		return;
	out = acr_private_alloc(sizeof *out);
	if (!out) {
		fs_call_fail(call, -ENOSPC, "no memory is left");
		return;
	}
	memcpy(out, in, offsetof(struct acrypto_inline, data));
	if (in->type != ACRYPTO_DST && in->type != ACRYPTO_TAG && in->type != ACRYPTO_IV)
		fs_call_fail(call, -EINVAL, "only ACRYPTO_DST, _TAG and _IV can be fetched");
	else if (!has_ended(session) || fs_call_attempt(&call->kept))
		fs_call_fail(call, -EAGAIN, "it is not done yet");
	else if (call->error)
		fs_call_fail(call, call->error, NULL);
	else
		fetch_send(call, out);
	acr_secret_free(out);
}
