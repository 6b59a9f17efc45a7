/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The byte files: src, dst and the endless `random`. */
#include "fsops.h"

#include "src/device.h"
#include "src/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

#define RANDOM_MAX ((size_t)1024 * 1024) /* of one read; the kernel asks for no more */

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

/* ---- src ---- */

static int src_open(struct fs_handle *handle, struct fuse_file_info *fi)
{
	int error = 0;

	if (writes(fi->flags))
		error = acr_src_open(handle->session, fi->flags & O_TRUNC, &handle->writer);
	fi->nonseekable = handle->session->stream_mode;
	return error;
}

static void src_release(struct fs_handle *handle)
{
	if (writes(handle->flags))
		acr_src_close(handle->session, &handle->writer);
}

static void src_read(fuse_req_t req, struct fs_handle *handle, size_t size, off_t offset, int flags)
{
	struct acr_buf *src;
	size_t len;

	(void)flags;
	if (handle->session->stream_mode) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	src = acr_src_get(handle->session);
	len = src && (size_t)offset < src->len ? MIN(size, src->len - (size_t)offset) : 0;
	fuse_reply_buf(req, len ? (const char *)src->data + offset : NULL, len);
	acr_buf_unref(src);
}

int fs_attempt_write(struct fs_handle *handle, const char *data, size_t size, off_t offset,
		     bool partial, struct fs_answer *answer)
{
	ssize_t done = acr_src_write(handle->session, &handle->writer, (uint64_t)offset,
				     handle->flags & O_APPEND, partial, data, size);

	*answer = (struct fs_answer){ .is_write = true };
	if (done == -EAGAIN)
		return -EAGAIN;
	answer->error = done < 0 ? (int)done : 0;
	answer->count = done < 0 ? 0 : (size_t)done;
	return 0;
}

static void src_write(fuse_req_t req, struct fs_handle *handle, const char *data, size_t size,
		      off_t offset, int flags)
{
	bool nonblock = flags & O_NONBLOCK;
	struct fs_answer answer;

	fs_wipe_request();
	if (!fs_attempt_write(handle, data, size, offset, nonblock, &answer))
		fs_answer_send(req, &answer);
	else if (nonblock)
		fuse_reply_err(req, EAGAIN);
	else
		fs_wait_write(req, handle, data, size, offset);
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
		fuse_reply_buf(req, (const char *)text, piece->len);
		acr_secret_free(text);
	} else {
		fuse_reply_err(req, ENOMEM);
	}
	acr_piece_drop(piece);
}

void fs_answer_send(fuse_req_t req, struct fs_answer *answer)
{
	if (answer->error)
		fuse_reply_err(req, -answer->error);
	else if (answer->is_write)
		fuse_reply_write(req, answer->count);
	else
		reply_piece(req, &answer->piece);
}

int fs_attempt_read(struct fs_handle *handle, size_t size, off_t offset, unsigned *request,
		    struct fs_answer *answer)
{
	*answer = (struct fs_answer){ 0 };
	answer->error = acr_dst_read(handle->session, handle->node.stage, request,
				     (uint64_t)offset, size, &answer->piece);
	return answer->error == -EAGAIN ? -EAGAIN : 0;
}

static void dst_read(fuse_req_t req, struct fs_handle *handle, size_t size, off_t offset, int flags)
{
	/* A read from the start is of the present request, a later one goes on with its own. */
	unsigned request = offset ? atomic_load(&handle->request) : 0;
	struct fs_answer answer;
	int result = fs_attempt_read(handle, size, offset, &request, &answer);

	atomic_store(&handle->request, request);
	if (!result)
		fs_answer_send(req, &answer);
	else if (flags & O_NONBLOCK)
		fuse_reply_err(req, EAGAIN);
	else
		fs_wait_read(req, handle, size, offset, request, false);
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
			int flags)
{
	struct fs_handle *once = random_session(fuse_req_ctx(req), size ? size : 1);
	struct fs_answer answer;
	unsigned request = 0;

	(void)offset, (void)handle;
	if (!once) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	if (!fs_attempt_read(once, size, 0, &request, &answer)) {
		fs_answer_send(req, &answer);
	} else if (flags & O_NONBLOCK) {
		fuse_reply_err(req, EAGAIN);
	} else {
		fs_wait_read(req, once, size, 0, request, true);
		return;
	}
	acr_session_cancel(once->session);
	acr_session_unref(once->session);
	free(once);
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
};

const struct fs_kind fs_kind_dst = {
	.open = dst_open,
	.read = dst_read,
	.poll = dst_poll,
	.size = dst_size,
	.unlink = dst_unlink,
};

const struct fs_kind fs_kind_random = {
	.open = random_open,
	.read = random_read,
};
