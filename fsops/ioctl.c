/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file `ioctl`: its table of calls, and ALLOC. */
#include "binary.h"
#include "session/sessions.h"
#include "session/values.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

/* ---- ALLOC ---- */

static const char *wrong_sizes(const struct acr_session *session,
                               const struct acrypto_session_alloc *in)
{
	const struct acr_alg *alg = session->stage.alg;

	if (in->key_size && alg && alg->key_max && !acr_alg_key_ok(alg, in->key_size))
		return "key_size is not one that the algorithm takes";
	if (in->iv_size && alg && alg->iv_max && !acr_alg_iv_ok(alg, in->iv_size))
		return "iv_size is not one that the algorithm takes";
	return NULL;
}

static int publish(struct fs_handle *handle, struct acr_session *session,
                   const struct acrypto_session_alloc *in)
{
	bool first;

	pthread_mutex_lock(&handle->lock);
	first = !handle->session;
	if (first) {
		handle->binary->sizes = *in;
		handle->session = session;
	}
	pthread_mutex_unlock(&handle->lock);
	return first ? 0
	             : fs_binary_fail(handle, -EBUSY, "this descriptor has a session already");
}

static int alloc(fuse_req_t req, struct fs_handle *handle,
                 const struct acrypto_session_alloc *in)
{
	struct acr_session *session = NULL;
	struct fs_caller caller;
	const char *wrong;
	int error;

	if (handle->session)
		return fs_binary_fail(handle, -EBUSY, "this descriptor has a session already");
	error = fs_binary_session(req, handle, &in->init, in->dst_size, &session);
	if (error)
		return error;
	fs_caller_find(req, &caller);
	if (caller.process)
		session->pid = caller.process;
	wrong = wrong_sizes(session, in);
	if (wrong)
		error = fs_binary_fail(handle, -EINVAL, wrong);
	if (!error && !in->src_size && acr_stage_takes_input(&session->stage))
		error = fs_binary_give(session, ACRYPTO_SRC, NULL,
		                       acr_buf_new(session->account));
	if (!error)
		error = publish(handle, session, in);
	if (error)
		fs_binary_session_end(session);
	return error;
}

static void call_alloc(fuse_req_t req, struct fs_handle *handle, const void *data)
{
	int error = alloc(req, handle, (const struct acrypto_session_alloc *)data);

	if (error)
		fuse_reply_err(req, -error);
	else
		fuse_reply_ioctl(req, 0, NULL, 0);
}

/* ---- the table of calls ---- */

/* The structures are used where they lie, in the request's buffer, which is locked and wiped.
 * libfuse has it from malloc, and the kernel's headers before them are 72 bytes. */
#define CALL(name, type, function)                                                             \
	static void name(fuse_req_t req, struct fs_handle *handle, const void *data)           \
	{                                                                                      \
		function(req, handle, (const type *)data);                                     \
	}
CALL(call_fill, struct acrypto_fill_data, fs_binary_fill)
CALL(call_add, struct acrypto_session_add, fs_binary_add)
CALL(call_direct, struct acrypto_direct, fs_binary_direct)
CALL(call_fill_inline, struct acrypto_inline, fs_binary_fill_inline)
CALL(call_fetch, struct acrypto_inline, fs_binary_fetch)

static void call_status(fuse_req_t req, struct fs_handle *handle, const void *data)
{
	(void)data;
	fs_binary_status(req, handle);
}

static const struct {
	unsigned cmd;
	void (*call)(fuse_req_t req, struct fs_handle *handle, const void *data);
} calls[] = {
	{ ACRYPTO_SESSION_ALLOC, call_alloc },     { ACRYPTO_FILL_DATA, call_fill },
	{ ACRYPTO_SESSION_ADD, call_add },         { ACRYPTO_DIRECT, call_direct },
	{ ACRYPTO_FILL_INLINE, call_fill_inline }, { ACRYPTO_FETCH_INLINE, call_fetch },
	{ ACRYPTO_STATUS, call_status },
};

static void binary_ioctl(fuse_req_t req, struct fs_handle *handle, unsigned cmd, const void *in)
{
	for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
		if (calls[i].cmd != cmd)
			continue;
		calls[i].call(req, handle, in);
		return;
	}
	fuse_reply_err(req, ENOTTY);
}

/* ---- the file ---- */

static int binary_open(struct fs_handle *handle, struct fuse_file_info *fi)
{
	handle->binary = calloc(1, sizeof *handle->binary);
	if (!handle->binary)
		return -ENOMEM;
	handle->binary->reading = ACRYPTO_DST;
	fi->nonseekable = 1;
	return 0;
}

static void binary_release(struct fs_handle *handle)
{
	fs_filling_drop(&handle->binary->filling);
	if (handle->session) {
		fs_poll_forget(handle);
		fs_binary_session_end(handle->session);
		handle->session = NULL;
	}
	free(handle->binary);
}

static unsigned binary_poll(struct fs_handle *handle)
{
	struct acr_session *session = handle->session;
	enum acr_session_state state;

	pthread_mutex_lock(&session->lock);
	state = session->state;
	pthread_mutex_unlock(&session->lock);
	return POLLOUT | POLLWRNORM | (state > ACR_ACTIVE ? POLLIN | POLLRDNORM : 0) |
	       (state > ACR_DONE ? POLLERR : 0);
}

const struct fs_kind fs_kind_ioctl = {
	.open = binary_open,
	.read = fs_binary_read,
	.write = fs_binary_write,
	.ioctl = binary_ioctl,
	.release = binary_release,
	.poll = binary_poll,
};
