/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The byte files: src, dst and the endless `random`. */
#include "fsops.h"
#include "session/data.h"
#include "session/sessions.h"

#include "device/device.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define RANDOM_MAX ((size_t)1024 * 1024) /* of one read; the kernel asks for no more */

/* A read of dst or random, or a write of src, and what it came to. */
struct transfer {
	struct fs_kept kept;
	struct fs_handle *handle;
	bool once; /* the handle and its session are this read's own: of `random` */
	bool is_write;
	bool for_page;     /* of a read: the kernel keeps it */
	uint64_t promised; /* for a page that waits: st_size of dst until then */
	unsigned request;  /* of a read: which request it waits for; 0: the present one */
	size_t size;
	off_t offset;
	const char *data;            /* of a write; charged and ours once it is kept */
	struct acr_account *charged; /* for data; a reference */

	int error;              /* negative, or 0 */
	size_t count;           /* bytes written */
	struct acr_piece piece; /* bytes read */
};

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

/* ---- transfers ---- */

/* -EAGAIN: it must wait. */
static int attempt_write(struct transfer *t, bool partial)
{
	struct fs_handle *handle = t->handle;
	ssize_t done = acr_src_write(handle->session, &handle->writer, (uint64_t)t->offset,
	                             handle->flags & O_APPEND, partial, t->data, t->size);

	t->error = done < 0 ? (int)done : 0;
	t->count = done < 0 ? 0 : (size_t)done;
	return done == -EAGAIN ? -EAGAIN : 0;
}

static int attempt_read(struct transfer *t)
{
	t->piece = (struct acr_piece){ 0 };
	t->error = acr_dst_read(t->handle->session, t->handle->node.stage, &t->request,
	                        (uint64_t)t->offset, t->size, &t->piece);
	return t->error == -EAGAIN ? -EAGAIN : 0;
}

/* Send a piece, rendered if it is to be text. */
static void reply_piece(fuse_req_t req, struct acr_piece *piece)
{
	uint8_t *text;

	if (!piece->buf) {
		fuse_reply_buf(req, NULL, 0);
	} else if (piece->format == ACR_FORMAT_RAW) {
		fuse_reply_buf(req, (const char *)piece->buf->data + piece->offset, piece->len);
	} else if ((text = acr_private_alloc(piece->len))) {
		acr_piece_copy(piece, text);
		acr_secret_scrub();
		fuse_reply_buf(req, (const char *)text, piece->len);
		acr_secret_free(text);
	} else {
		fuse_reply_err(req, ENOMEM);
	}
	acr_piece_drop(piece);
}

static void send(fuse_req_t req, struct transfer *t)
{
	acr_secret_scrub();
	if (t->error)
		fuse_reply_err(req, -t->error);
	else if (t->is_write)
		fuse_reply_write(req, t->count);
	else
		reply_piece(req, &t->piece);
}

static void end_once(struct fs_handle *handle)
{
	acr_session_cancel(handle->session);
	acr_session_unref(handle->session);
	free(handle);
}

/* ---- transfers that wait ---- */

/* Less came than st_size has promised. While a page waits, others may have asked for
 * st_size, and then the kernel takes no shorter one from the answer to a read, but fills up
 * with zeros. An error for reading ahead makes it ask again for the page, and then it takes
 * it. */
static bool breaks_promise(const struct transfer *t)
{
	return t->for_page && !t->error &&
	       t->promised > acr_dst_size(t->handle->session, t->handle->node.stage) &&
	       t->piece.len < t->size;
}

static int transfer_attempt(struct fs_kept *kept)
{
	struct transfer *t = (struct transfer *)kept;
	return t->is_write ? attempt_write(t, false) : attempt_read(t);
}

static void transfer_answer(struct fs_kept *kept, int error)
{
	struct transfer *t = (struct transfer *)kept;

	if (error)
		t->error = error;
	if (breaks_promise(t)) {
		acr_piece_drop(&t->piece);
		t->error = -EINTR;
	}
	send(kept->req, t);
	if (t->charged) {
		acr_secret_free((void *)t->data);
		acr_account_release(t->charged, t->size);
	}
	if (t->once)
		end_once(t->handle);
	free(t);
}

static const struct fs_kept_kind transfer_kind = { transfer_attempt, transfer_answer };

/* The request's buffer is used again: keep what is to be written. 0 or a negative errno. */
static int keep_data(struct transfer *t, uint32_t uid)
{
	struct acr_account *account = acr_account_get(uid);
	int error = account ? acr_account_charge(account, t->size) : -ENOMEM;
	char *copy = error ? NULL : acr_private_alloc(t->size);

	if (copy) {
		t->data = memcpy(copy, t->data, t->size);
		t->charged = account;
		return 0;
	}
	if (!error)
		acr_account_release(account, t->size);
	return error ? error : -ENOSPC;
}

/* Answer now, or when it can be. */
static void answer_or_wait(fuse_req_t req, const struct transfer *tried, int result,
                           bool nonblock)
{
	struct transfer *t = result && !nonblock ? malloc(sizeof *t) : NULL, now = *tried;
	int error = 0;

	if (result && nonblock)
		now.error = -EAGAIN;
	else if (result && !t)
		now.error = -ENOMEM;
	if (t) {
		*t = *tried;
		t->kept = (struct fs_kept){ .kind = &transfer_kind, .req = req };
		error = t->is_write ? keep_data(t, fuse_req_ctx(req)->uid) : 0;
		if (t->for_page)
			t->promised = acr_dst_size(t->handle->session, t->handle->node.stage);
	}
	if (t && !error) {
		fs_keep(&t->kept, t->handle->session);
		return;
	}
	free(t);
	if (error)
		now.error = error;
	send(req, &now);
	if (now.once)
		end_once(now.handle);
}

/* ---- src ---- */

static int src_open(struct fs_handle *handle, struct fuse_file_info *fi)
{
	int error = 0;

	if (writes(fi->flags))
		error = acr_src_open(handle->session, fi->flags & O_TRUNC,
		                     !(fi->flags & O_NOCTTY), &handle->writer);
	fi->nonseekable = handle->session->stream_mode;
	return error;
}

static void src_release(struct fs_handle *handle)
{
	if (writes(handle->flags))
		acr_src_close(handle->session, &handle->writer);
}

static void src_read(fuse_req_t req, struct fs_handle *handle, size_t size, off_t offset,
                     const struct fuse_file_info *fi)
{
	struct acr_buf *src;
	size_t len;

	(void)fi;
	if (handle->session->stream_mode) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	src = acr_src_get(handle->session);
	len = src && (size_t)offset < src->len ? MIN(size, src->len - (size_t)offset) : 0;
	fuse_reply_buf(req, len ? (const char *)src->data + offset : NULL, len);
	acr_buf_unref(src);
}

static void src_write(fuse_req_t req, struct fs_handle *handle, const char *data, size_t size,
                      off_t offset, int flags)
{
	bool nonblock = flags & O_NONBLOCK;
	struct transfer t = {
		.handle = handle, .is_write = true, .size = size, .offset = offset, .data = data
	};

	int result;

	fs_wipe_request();
	result = attempt_write(&t, nonblock);
	if (result)
		answer_or_wait(req, &t, result, nonblock);
	else
		fs_answer(handle->session, false,
		          &(struct fs_answer){ .send = fs_send_written,
		                               .req = req,
		                               .error = t.error,
		                               .written = t.count });
}

static unsigned src_poll(struct fs_handle *handle)
{
	return POLLIN | POLLRDNORM |
	       (acr_src_writable(handle->session) ? POLLOUT | POLLWRNORM : 0);
}

static uint64_t src_size(const struct fs_node *node, uint32_t uid)
{
	struct acr_session *session = acr_session_by_serial(node->object);
	struct acr_buf *src;
	uint64_t size = 0;

	(void)uid;
	if (!session)
		return 0;
	src = session->stream_mode ? NULL : acr_src_get(session);
	if (src)
		size = src->len;
	acr_buf_unref(src);
	acr_session_unref(session);
	return size;
}

static int src_truncate(const struct fs_node *node, uint64_t size)
{
	struct acr_session *session = acr_session_by_serial(node->object);
	int error;

	if (!session)
		return -ENOENT;
	error = acr_src_truncate(session, size);
	acr_session_unref(session);
	return error;
}

static int src_unlink(const struct fs_node *node)
{
	struct acr_session *session = acr_session_by_serial(node->object);

	if (!session)
		return -ENOENT;
	acr_session_cancel(session);
	pthread_mutex_lock(&session->lock);
	if (session->state != ACR_ACTIVE)
		acr_session_new_request(session);
	pthread_mutex_unlock(&session->lock);
	acr_session_changed(session);
	acr_session_unref(session);
	return 0;
}

/* ---- dst ---- */

static int dst_open(struct fs_handle *handle, struct fuse_file_info *fi)
{
	fi->nonseekable = handle->session->stream_mode;
	return 0;
}

static void dst_read_now(const struct fs_answer *answer)
{
	struct fs_handle *handle = answer->handle;
	off_t offset = answer->offset;
	/* A read from the start is of the present request, a later one goes on with its own. */
	struct transfer t = { .handle = handle,
		              .size = answer->size,
		              .offset = offset,
		              .for_page = fs_is_for_page(&answer->fi),
		              .request = offset ? atomic_load(&handle->request) : 0 };
	int result = attempt_read(&t);

	atomic_store(&handle->request, t.request);
	answer_or_wait(answer->req, &t, result, answer->fi.flags & O_NONBLOCK);
}

/* It may start the request, which changes other files of the session. */
static void dst_read(fuse_req_t req, struct fs_handle *handle, size_t size, off_t offset,
                     const struct fuse_file_info *fi)
{
	fs_answer(handle->session, true,
	          &(struct fs_answer){ .send = dst_read_now,
	                               .req = req,
	                               .handle = handle,
	                               .fi = *fi,
	                               .size = size,
	                               .offset = offset });
}

/* Polling starts the request as reading does. */
static unsigned dst_poll(struct fs_handle *handle)
{
	struct acr_session *session = handle->session;
	bool failed, idle, unread;
	int error;

	pthread_mutex_lock(&session->lock);
	idle = session->state == ACR_IDLE && !session->removed;
	pthread_mutex_unlock(&session->lock);
	error = idle ? acr_session_start(session) : 0;
	if (idle)
		fs_spliced_moved(session);
	if (error && error != -EBUSY && !acr_dst_readable(session, handle->node.stage, &failed))
		return POLLIN | POLLRDNORM | POLLERR; /* a read tells why */
	unread = acr_dst_readable(session, handle->node.stage, &failed);
	return (unread ? POLLIN | POLLRDNORM : 0) | (failed ? POLLERR : 0);
}

static uint64_t dst_size(const struct fs_node *node, uint32_t uid)
{
	struct acr_session *session = acr_session_by_serial(node->object);
	uint64_t size = session ? acr_dst_size(session, node->stage) : 0;

	(void)uid;
	acr_session_unref(session);
	return size;
}

static int dst_unlink(const struct fs_node *node)
{
	(void)node;
	return 0;
}

/* ---- random ---- */

static int random_open(struct fs_handle *handle, struct fuse_file_info *fi)
{
	(void)handle;
	fi->nonseekable = 1;
	return 0;
}

/* A handle and session for one read. Returns owned, NULL: no memory. */
static struct fs_handle *random_session(const struct fuse_ctx *ctx, size_t size)
{
	struct acr_session *session = acr_session_anonymous(ctx->uid, ctx->pid);
	struct fs_handle *once = session ? calloc(1, sizeof *once) : NULL;

	if (!once) {
		acr_session_unref(session);
		return NULL;
	}
	session->stage.op = ACR_RANDOM;
	session->stage.length = MIN(size, RANDOM_MAX);
	session->no_fault = true;
	once->session = session;
	return once;
}

/* Each read is a session of its own, in no directory. */
static void random_read(fuse_req_t req, struct fs_handle *handle, size_t size, off_t offset,
                        const struct fuse_file_info *fi)
{
	struct transfer t = { .handle = random_session(fuse_req_ctx(req), size ? size : 1),
		              .once = true,
		              .size = size };

	(void)offset, (void)handle;
	if (t.handle)
		answer_or_wait(req, &t, attempt_read(&t), fi->flags & O_NONBLOCK);
	else
		fuse_reply_err(req, ENOMEM);
}

const struct fs_kind fs_kind_src = {
	.open = src_open,
	.read = src_read,
	.write = src_write,
	.release = src_release,
	.poll = src_poll,
	.size = src_size,
	.truncate = src_truncate,
	.unlink = src_unlink,
	.renumbered = true,
};

const struct fs_kind fs_kind_dst = {
	.asked = true,
	.spliced = true,
	.open = dst_open,
	.read = dst_read,
	.poll = dst_poll,
	.size = dst_size,
	.unlink = dst_unlink,
};

const struct fs_kind fs_kind_random = {
	.asked = true,
	.open = random_open,
	.read = random_read,
};
