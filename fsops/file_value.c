/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of a session that hold one value. Each write to a text file is a whole value; what one
 * open writes to a byte file is one value, in force at the first flush after it. */
#include "fsops.h"
#include "session/sessions.h"
#include "session/values.h"

#include "base/secret.h"

#include <errno.h>
#include <string.h>

static void value_read(fuse_req_t req, struct fs_handle *handle, size_t size, off_t offset,
                       const struct fuse_file_info *fi)
{
	struct acr_blob *blob;
	size_t len;

	(void)fi;
	if (handle->session->removed) {
		fuse_reply_err(req, ECANCELED);
		return;
	}
	blob = acr_value_get(handle->session, fs_node_stage(&handle->node),
	                     handle->node.file->value);
	if (!blob) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	len = (size_t)offset < blob->len ? MIN(size, blob->len - (size_t)offset) : 0;
	fuse_reply_buf(req, (const char *)blob->data + (len ? offset : 0), len);
	acr_blob_unref(blob);
}

static int value_open(struct fs_handle *handle, struct fuse_file_info *fi)
{
	enum acr_value value = (enum acr_value)handle->node.file->value;
	int error =
	        fi->flags & O_APPEND && (fi->flags & O_ACCMODE) != O_RDONLY
	                ? acr_value_append(handle->session, fs_node_stage(&handle->node), value)
	                : 0;

	if (!error && value == ACR_V_KEY)
		fs_hold(handle);
	return error;
}

/* Charge the room to the session's owner; blobs give it back when they are freed. */
static struct acr_blob *charged_blob(struct fs_handle *handle, size_t room, bool secret,
                                     int *error)
{
	struct acr_account *account = handle->session->account;
	struct acr_blob *blob;

	*error = acr_account_charge(account, room);
	if (*error)
		return NULL;
	blob = secret ? acr_secret_blob(room) : acr_blob_sized(room);
	if (blob) {
		blob->account = account;
		return blob;
	}
	acr_account_release(account, room);
	*error = -ENOSPC;
	return NULL;
}

/* Add to the value; its memory is as safe as the key's will be. */
static int collect(struct fs_handle *handle, const char *data, size_t size)
{
	size_t room = handle->value ? handle->value->len : 0, need = handle->filled + size;
	size_t max = acr_value_max(handle->node.file->value), whole = need;
	bool secret = handle->node.file->value == ACR_V_KEY && acr_secret_lockable();
	int error = 0;

	if (need > max)
		need = max + 1; /* enough to be refused */
	size = MIN(size, need - handle->filled);
	if (need > room) {
		struct acr_blob *grown =
		        charged_blob(handle, MAX(need, 2 * room), secret, &error);
		if (!grown)
			return error;
		if (handle->filled)
			memcpy(grown->data, handle->value->data, handle->filled);
		acr_blob_unref(handle->value);
		handle->value = grown;
	}
	memcpy(handle->value->data + handle->filled, data, size);
	handle->filled += size;
	error = acr_value_may_begin(handle->session, fs_node_stage(&handle->node),
	                            handle->node.file->value, handle->value->data, whole);
	if (error)
		fs_drop_collected(handle);
	handle->refused = error == -EINVAL;
	return error;
}

static void value_write(fuse_req_t req, struct fs_handle *handle, const char *data, size_t size,
                        off_t offset, int flags)
{
	struct fs_actor writer = fs_actor_of(req);
	struct fs_actor actor = fs_actor_both(&handle->opener, &writer);
	int error;

	(void)flags;
	fs_wipe_request();
	pthread_mutex_lock(&handle->lock);
	if (acr_value_is_text(handle->node.file->value)) {
		error = acr_value_set(handle->session, fs_node_stage(&handle->node),
		                      handle->node.file->value, data, size, actor.privileged);
	} else if (offset && handle->begun && (handle->refused || !handle->value)) {
		error = -EINVAL; /* the rest of what was refused or removed */
	} else {
		if (!offset)
			fs_drop_collected(handle);
		handle->begun = true;
		handle->refused = false;
		error = collect(handle, data, size);
		handle->dirty = !error;
	}
	pthread_mutex_unlock(&handle->lock);
	fs_answer(
	        handle->session, false,
	        &(struct fs_answer){
	                .send = fs_send_written, .req = req, .error = error, .written = size });
}

static int value_flush(struct fs_handle *handle)
{
	int error = 0;

	pthread_mutex_lock(&handle->lock);
	if (handle->dirty)
		error = acr_value_set(handle->session, fs_node_stage(&handle->node),
		                      handle->node.file->value, handle->value->data,
		                      handle->filled, false);
	/* It stays: what a later write on this descriptor adds belongs to the same value. */
	handle->dirty = false;
	pthread_mutex_unlock(&handle->lock);
	return error;
}

static void value_release(struct fs_handle *handle)
{
	if (handle->node.file->value == ACR_V_KEY)
		fs_hold_end(handle);
	fs_drop_collected(handle);
}

static uint64_t value_size(const struct fs_node *node, uint32_t uid)
{
	struct acr_session *session = acr_session_by_serial(node->object);
	struct acr_blob *blob;
	uint64_t size = 0;

	(void)uid;
	if (!session)
		return 0;
	blob = acr_value_get(session, fs_node_stage(node), node->file->value);
	if (blob)
		size = blob->len;
	acr_blob_unref(blob);
	acr_session_unref(session);
	return size;
}

static int value_unlink(const struct fs_node *node)
{
	struct acr_session *session = acr_session_by_serial(node->object);

	if (!session)
		return -ENOENT;
	acr_value_reset(session, fs_node_stage(node), node->file->value);
	if (node->file->value == ACR_V_KEY)
		fs_drop_held(session, fs_node_stage(node));
	acr_session_unref(session);
	return 0;
}

const struct fs_kind fs_kind_value = {
	.spliced = true,
	.open = value_open,
	.read = value_read,
	.write = value_write,
	.flush = value_flush,
	.release = value_release,
	.size = value_size,
	.unlink = value_unlink,
};
