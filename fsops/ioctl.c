/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file `ioctl`: its table of calls, and the making of sessions for them. */
#include "binary.h"

#include "session/value_table.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fs_binary_fail(struct fs_handle *handle, int error, const char *sentence)
{
	struct fs_binary *binary = handle->binary;

	pthread_mutex_lock(&handle->lock);
	binary->error = error;
	snprintf(binary->sentence, sizeof binary->sentence, "%s", sentence ? sentence : "");
	pthread_mutex_unlock(&handle->lock);
	return error;
}

int fs_binary_fail_of(struct fs_handle *handle, int error, struct acr_session *session)
{
	char sentence[sizeof handle->binary->sentence];

	pthread_mutex_lock(&session->lock);
	snprintf(sentence, sizeof sentence, "%s",
	         session->sentence && session->error == error ? session->sentence : "");
	pthread_mutex_unlock(&session->lock);
	return fs_binary_fail(handle, error, sentence);
}

/* ---- making a session ---- */

#define FIELD(value, name)                                                                     \
	{                                                                                      \
		value, offsetof(struct acrypto_session_initializer, name),                     \
		        sizeof(((struct acrypto_session_initializer *)0)->name)                \
	}
static const struct {
	enum acr_value value;
	size_t offset, size;
} texts[] = {
	FIELD(ACR_V_ALG, alg),
	FIELD(ACR_V_DEVICE, device),
	FIELD(ACR_V_PADDING, padding),
	FIELD(ACR_V_PARAMS, params),
};

static int set_text(struct acr_session *session, enum acr_value value, const char *text,
                    bool privileged)
{
	return acr_value_set(session, 1, value, text, strlen(text), privileged);
}

static int set_number(struct acr_session *session, enum acr_value value, uint64_t number,
                      bool privileged)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)number);
	return set_text(session, value, text, privileged);
}

/* What can be said of an initializer alone. NULL: nothing against it. */
static const char *complaint(const struct acrypto_session_initializer *init)
{
	if (init->version != ACRYPTO_IOCTL_VERSION)
		return "version is not the one of this daemon: set it to ACRYPTO_IOCTL_VERSION";
	if (init->operation > ACRYPTO_DERIVE)
		return "operation is not one of enum acrypto_operation";
	if (init->flags & ~(ACRYPTO_COMBINED | ACRYPTO_DETACHED) ||
	    init->flags == (ACRYPTO_COMBINED | ACRYPTO_DETACHED))
		return "flags are 0, ACRYPTO_COMBINED or ACRYPTO_DETACHED";
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		if (!memchr((const char *)init + texts[i].offset, 0, texts[i].size))
			return "a name in the initializer does not end";
	return NULL;
}

static int set_texts(struct acr_session *session,
                     const struct acrypto_session_initializer *init)
{
	int error = 0;

	if (init->operation != ACRYPTO_IMPLIED)
		error = set_text(session, ACR_V_OP,
		                 acr_opcode_name((enum acr_opcode)(init->operation - 1)),
		                 false);
	if (!error && !*init->alg && init->operation != ACRYPTO_RANDOM)
		error = set_text(session, ACR_V_ALG, "", false); /* refused, and says why */
	for (size_t i = 0; i < G_N_ELEMENTS(texts) && !error; i++) {
		const char *text = (const char *)init + texts[i].offset;
		if (*text)
			error = set_text(session, texts[i].value, text, false);
	}
	if (!error && init->flags)
		error = set_text(session, ACR_V_LAYOUT,
		                 init->flags & ACRYPTO_COMBINED ? "combined" : "detached",
		                 false);
	return error;
}

/* May the user choose how long the output is? */
static bool has_length(const struct acr_session *session)
{
	const struct acr_stage *stage = &session->stage;

	return acr_stage_op(stage) == ACR_RANDOM ||
	       (stage->alg && stage->alg->flags & ACR_ALG_XOF);
}

static int set_numbers(struct acr_session *session,
                       const struct acrypto_session_initializer *init, uint64_t wanted,
                       bool privileged)
{
	uint32_t priority = init->priority == ACRYPTO_PRIORITY_ZERO ? 0 : init->priority;
	int error = 0;

	if (init->priority)
		error = set_number(session, ACR_V_PRIORITY, priority, privileged);
	if (!error && init->tag_size)
		error = set_number(session, ACR_V_TAGLEN, init->tag_size, false);
	if (!error && init->deadline_ms)
		error = set_number(session, ACR_V_DEADLINE, init->deadline_ms, false);
	if (!error && wanted && has_length(session))
		error = set_number(session, ACR_V_LENGTH, wanted, false);
	return error;
}

/* It may take a look at /etc/group. */
static bool is_privileged(fuse_req_t req, struct fs_handle *handle)
{
	struct fs_actor caller = fs_actor_of(req);
	return fs_actor_both(&handle->opener, &caller).privileged;
}

int fs_binary_session(fuse_req_t req, struct fs_handle *handle,
                      const struct acrypto_session_initializer *init, uint64_t wanted,
                      struct acr_session **out)
{
	uint32_t uid = fuse_req_ctx(req)->uid;
	const char *wrong = complaint(init);
	struct acr_session *session;
	int error;

	if (wrong)
		return fs_binary_fail(handle, -EINVAL, wrong);
	session = acr_session_anonymous(uid, fuse_req_ctx(req)->pid);
	if (!session)
		return fs_binary_fail(handle, -ENOSPC, "no memory is left");
	error = acr_account_add_session(session->account);
	if (error) {
		acr_session_unref(session);
		return fs_binary_fail(handle, error, "too many sessions of this user");
	}
	error = set_texts(session, init);
	if (!error)
		error = set_numbers(session, init, wanted,
		                    init->priority && is_privileged(req, handle));
	if (!error) {
		*out = session;
		return 0;
	}
	fs_binary_fail_of(handle, error, session);
	fs_binary_session_end(session);
	return error;
}

void fs_binary_session_end(struct acr_session *session)
{
	if (!session)
		return;
	acr_account_drop_session(session->account);
	acr_session_reset(session); /* cancels too; others may hold it for a moment longer */
	acr_session_unref(session);
}

bool fs_binary_makes_tag(struct acr_session *session)
{
	const struct acr_stage *stage = &session->stage; /* op and alg never change here */

	return acr_stage_op(stage) == ACR_ENCRYPT && stage->alg &&
	       stage->alg->kind == ACR_KIND_AEAD;
}

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

/* ---- STATUS ---- */

static const uint32_t states[] = {
	[ACR_IDLE] = ACRYPTO_STATE_IDLE,        [ACR_ACTIVE] = ACRYPTO_STATE_ACTIVE,
	[ACR_DONE] = ACRYPTO_STATE_DONE,        [ACR_FAILED] = ACRYPTO_STATE_FAILED,
	[ACR_CANCELLED] = ACRYPTO_STATE_FAILED,
};

static void describe(struct acr_session *session, struct acrypto_status *out)
{
	pthread_mutex_lock(&session->lock);
	out->state = states[session->state];
	out->requests = session->requests;
	out->bytes_in = session->bytes_in;
	out->bytes_out = session->bytes_out;
	out->queue_ns = session->queue_ns;
	out->process_ns = session->process_ns;
	snprintf(out->device, sizeof out->device, "%s",
	         session->device_name ? session->device_name : "");
	pthread_mutex_unlock(&session->lock);
}

static void call_status(fuse_req_t req, struct fs_handle *handle, const void *data)
{
	struct acrypto_status out = { .version = ACRYPTO_IOCTL_VERSION };

	(void)data;
	if (handle->session)
		describe(handle->session, &out);
	pthread_mutex_lock(&handle->lock);
	out.error = (uint32_t)-handle->binary->error;
	memcpy(out.sentence, handle->binary->sentence, sizeof out.sentence);
	pthread_mutex_unlock(&handle->lock);
	fuse_reply_ioctl(req, 0, &out, sizeof out);
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
