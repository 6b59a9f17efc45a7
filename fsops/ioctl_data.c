/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What fills the session of a descriptor of `ioctl`: from the caller's memory, inline, by
 * write. */
#include "binary.h"
#include "session/data.h"
#include "session/values.h"

#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Which value each type is; src and dst are none. A name that this build lacks is refused. */
static const char *const value_names[] = {
	[ACRYPTO_KEY] = "key", [ACRYPTO_IV] = "iv",   [ACRYPTO_AAD] = "aad",
	[ACRYPTO_TAG] = "tag", [ACRYPTO_SIG] = "sig",
};

/* Returns -1 for none. */
static int value_of(unsigned type)
{
	return type < G_N_ELEMENTS(value_names) && value_names[type]
	               ? acr_value_find(value_names[type])
	               : -1;
}

int fs_binary_give(struct acr_session *session, unsigned type, struct acr_blob *blob,
                   struct acr_buf *buf)
{
	int error;

	if (type == ACRYPTO_SRC) {
		error = buf ? acr_src_give(session, buf) : -ENOSPC;
		acr_buf_unref(buf);
	} else {
		error = acr_value_give(session, 1, (enum acr_value)value_of(type), blob);
		acr_blob_unref(blob);
	}
	return error;
}

int fs_binary_room(struct acr_session *session, unsigned type, uint64_t size,
                   struct acr_blob **blob, struct acr_buf **buf)
{
	int value = value_of(type), error = 0;

	if (type == ACRYPTO_SRC) {
		*buf = acr_buf_new(session->account);
		error = *buf ? acr_buf_reserve(*buf, size) : -ENOSPC;
		if (error) {
			acr_buf_unref(*buf);
			*buf = NULL;
		}
		return error;
	}
	if (value < 0)
		return -EOPNOTSUPP;
	if (size > acr_value_max((enum acr_value)value))
		return -EINVAL;
	*blob = acr_blob_new(NULL, size, value == ACR_V_KEY && acr_secret_lockable(),
	                     session->account, &error);
	return *blob ? 0 : error;
}

void fs_filling_drop(struct fs_filling *filling)
{
	acr_buf_unref(filling->buf);
	acr_blob_unref(filling->blob);
	*filling = (struct fs_filling){ 0 };
}

/* ---- one value; under handle->lock, failures with a sentence ---- */

/* Sentences of failures that are found with the lock held are remembered after it. */
struct outcome {
	int error;
	const char *why; /* NULL: the session says */
};

static struct outcome bad(int error, const char *why)
{
	return (struct outcome){ error, why };
}

static struct outcome check_size(const struct fs_binary *binary, unsigned type, uint64_t size)
{
	if (type == ACRYPTO_SRC && size > binary->sizes.src_size)
		return bad(-EMSGSIZE, "src is larger than the src_size that was announced");
	if (type == ACRYPTO_KEY && size != binary->sizes.key_size)
		return bad(-EINVAL, "key has not the key_size that was announced");
	if (type == ACRYPTO_IV && size != binary->sizes.iv_size)
		return bad(-EINVAL, "iv has not the iv_size that was announced");
	return bad(0, NULL);
}

/* Begin a value of total bytes, forgetting one that was begun. */
static struct outcome begin(struct fs_handle *handle, unsigned type, uint64_t total,
                            bool by_file)
{
	struct fs_filling *filling = &handle->binary->filling;
	struct outcome out;

	if (!handle->session)
		return bad(-EINVAL,
		           "there is no session yet: ACRYPTO_SESSION_ALLOC comes first");
	if (filling->busy)
		return bad(-EBUSY, "another call is filling this session");
	if (type != ACRYPTO_SRC && value_of(type) < 0)
		return bad(type == ACRYPTO_SIG ? -EOPNOTSUPP : -EINVAL,
		           "data of this type can't be given");
	out = check_size(handle->binary, type, total);
	if (out.error)
		return out;
	fs_filling_drop(filling);
	out = bad(fs_binary_room(handle->session, type, total, &filling->blob, &filling->buf),
	          "no memory is left for this, or it is longer than any algorithm takes");
	if (out.error)
		return out;
	filling->type = type;
	filling->total = total;
	filling->by_file = by_file;
	return out;
}

static uint8_t *place(struct fs_filling *filling)
{
	return (filling->buf ? filling->buf->data : filling->blob->data) + filling->filled;
}

/* size bytes more have been put there. The value is in force with its last one. */
static struct outcome advance(struct fs_handle *handle, uint64_t size)
{
	struct fs_filling *filling = &handle->binary->filling;
	int error;

	filling->filled += size;
	if (filling->filled < filling->total)
		return bad(0, NULL);
	if (filling->buf)
		filling->buf->len = filling->buf->dirty = (size_t)filling->total;
	error = fs_binary_give(handle->session, filling->type, filling->blob, filling->buf);
	filling->blob = NULL;
	filling->buf = NULL;
	fs_filling_drop(filling);
	return bad(error, NULL);
}

static struct outcome put(struct fs_handle *handle, const void *data, uint64_t size)
{
	struct fs_filling *filling = &handle->binary->filling;

	if (size > filling->total - filling->filled)
		return bad(-EMSGSIZE, "more bytes than were announced for this value");
	if (size)
		memcpy(place(filling), data, size);
	return advance(handle, size);
}

/* Not under the lock. Returns the error. */
static int conclude(struct fs_handle *handle, struct outcome out)
{
	if (out.error && out.why)
		return fs_binary_fail(handle, out.error, out.why);
	if (out.error)
		return fs_binary_fail_of(handle, out.error, handle->session);
	return 0;
}

static void reply(fuse_req_t req, int error)
{
	acr_secret_scrub();
	if (error)
		fuse_reply_err(req, -error);
	else
		fuse_reply_ioctl(req, 0, NULL, 0);
}

/* ---- from the caller's memory ---- */

struct fill {
	struct fs_visit visit; /* first */
	struct fs_handle *handle;
};

static void fill_done(struct fs_visit *visit)
{
	struct fs_handle *handle = ((struct fill *)visit)->handle;
	struct fs_filling *filling = &handle->binary->filling; /* ours while it is busy */
	struct outcome out = bad(visit->error, visit->caller.why);

	pthread_mutex_lock(&handle->lock);
	filling->busy = false;
	if (out.error)
		fs_filling_drop(filling);
	else
		out = advance(handle, filling->total);
	pthread_mutex_unlock(&handle->lock);
	reply(visit->req, conclude(handle, out));
	free(visit);
}

static void fill_from_memory(fuse_req_t req, struct fs_handle *handle,
                             const struct acrypto_fill_data *in)
{
	struct fill *fill = malloc(sizeof *fill);
	struct outcome out = bad(-ENOMEM, "no memory is left");

	if (fill) {
		pthread_mutex_lock(&handle->lock);
		out = begin(handle, in->type, in->size, false);
		if (!out.error && in->size)
			handle->binary->filling.busy = true;
		else if (!out.error)
			out = advance(handle, 0);
		pthread_mutex_unlock(&handle->lock);
	}
	if (out.error || !in->size) {
		free(fill);
		reply(req, conclude(handle, out));
		return;
	}
	*fill = (struct fill){ .visit = { .req = req, .count = 1, .done = fill_done },
		               .handle = handle };
	fill->visit.copies[0] =
	        (struct fs_copy){ in->pointer, place(&handle->binary->filling), in->size };
	fs_visit(&fill->visit, true);
}

/* ---- results: where they go ---- */

/* Is this about where a result goes? */
static bool is_result(struct fs_handle *handle, const struct acrypto_fill_data *in)
{
	if (in->type == ACRYPTO_DST)
		return true;
	if (in->type == ACRYPTO_IV && in->flags & ACRYPTO_BY_FILE && handle->session &&
	    !handle->binary->sizes.iv_size)
		return true; /* the fresh one, to be read */
	return in->type == ACRYPTO_TAG && handle->session &&
	       fs_binary_makes_tag(handle->session);
}

/* Under the lock. */
static struct outcome direct_result(struct fs_handle *handle,
                                    const struct acrypto_fill_data *in)
{
	struct fs_binary *binary = handle->binary;

	if (!handle->session)
		return bad(-EINVAL,
		           "there is no session yet: ACRYPTO_SESSION_ALLOC comes first");
	if (in->flags & ACRYPTO_BY_FILE) {
		binary->reading = in->type;
		binary->read_at = 0;
		binary->read_request = 0;
		return bad(0, NULL);
	}
	*(in->type == ACRYPTO_DST ? &binary->dst : &binary->tag) =
	        (struct acrypto_buffer){ in->pointer, in->size };
	return bad(0, NULL);
}

void fs_binary_fill(fuse_req_t req, struct fs_handle *handle,
                    const struct acrypto_fill_data *in)
{
	bool by_file = in->flags & ACRYPTO_BY_FILE, result = is_result(handle, in);
	struct outcome out;

	if (!by_file && !result && !(in->flags & ~ACRYPTO_BY_FILE)) {
		fill_from_memory(req, handle, in);
		return;
	}
	pthread_mutex_lock(&handle->lock);
	if (in->flags & ~ACRYPTO_BY_FILE)
		out = bad(-EINVAL, "flags are 0 or ACRYPTO_BY_FILE");
	else if (by_file && in->pointer)
		out = bad(-EINVAL, "with ACRYPTO_BY_FILE there is no pointer");
	else if (result)
		out = direct_result(handle, in);
	else
		out = begin(handle, in->type, in->size, true);
	if (!out.error && !result && !in->size)
		out = advance(handle, 0);
	pthread_mutex_unlock(&handle->lock);
	reply(req, conclude(handle, out));
}

/* ---- inline, and by write ---- */

void fs_binary_fill_inline(fuse_req_t req, struct fs_handle *handle,
                           const struct acrypto_inline *in)
{
	struct fs_filling *filling = &handle->binary->filling;
	struct outcome out = { 0 };

	fs_wipe_request();
	pthread_mutex_lock(&handle->lock);
	if (in->size > ACRYPTO_INLINE_MAX)
		out = bad(-EINVAL, "size is larger than ACRYPTO_INLINE_MAX");
	else if (!in->offset)
		out = begin(handle, in->type, in->total, false);
	else if (filling->busy)
		out = bad(-EBUSY, "another call is filling this session");
	else if (filling->by_file || in->type != filling->type || in->total != filling->total ||
	         in->offset != filling->filled)
		out = bad(-EINVAL, "this does not go on where the last call ended");
	if (!out.error)
		out = put(handle, in->data, in->size);
	pthread_mutex_unlock(&handle->lock);
	reply(req, conclude(handle, out));
}

void fs_binary_write(fuse_req_t req, struct fs_handle *handle, const char *data, size_t size,
                     off_t offset, int flags)
{
	struct fs_filling *filling = &handle->binary->filling;
	struct outcome out;
	int error;

	(void)offset, (void)flags;
	fs_wipe_request();
	pthread_mutex_lock(&handle->lock);
	if (filling->type && filling->by_file)
		out = put(handle, data, size);
	else
		out = bad(-EINVAL, "ACRYPTO_FILL_DATA says first what is written");
	pthread_mutex_unlock(&handle->lock);
	error = conclude(handle, out);
	acr_secret_scrub();
	if (error)
		fuse_reply_err(req, -error);
	else
		fuse_reply_write(req, size);
}
