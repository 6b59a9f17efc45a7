/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of text: what show() makes is read, what is written goes to store(). */
#include "fsops.h"

#include "base/account.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 4096

void fs_text_drop(struct fs_handle *handle)
{
	if (!handle->text)
		return;
	acr_account_release(acr_account_get(handle->opener.uid), handle->text->allocated_len);
	g_string_free(handle->text, TRUE);
	handle->text = NULL;
}

/* Keep a text for further reads, charged to the user who opened the descriptor. Where it
 * can't be, those reads make a newer one. Takes text. */
static void keep(struct fs_handle *handle, GString *text)
{
	struct acr_account *account = acr_account_get(handle->opener.uid);

	if (account && !acr_account_charge(account, text->allocated_len))
		handle->text = text;
	else
		g_string_free(text, TRUE);
}

/* size bytes from offset of what this descriptor reads. A read from the start sees the present;
 * later ones go on with what it saw, until its end was read. Under (h). Returns owned. */
static GString *text_part(struct fs_handle *handle, size_t size, size_t offset)
{
	GString *part = g_string_new(NULL), *text = handle->text;

	if (handle->text_end && offset >= handle->text_end)
		return part;
	if (offset == 0)
		fs_text_drop(handle);
	if (!handle->text) {
		text = g_string_new(NULL);
		handle->node.file->show(&handle->node, &handle->opener, text);
	}
	handle->text_end = 0;
	if (offset < text->len)
		g_string_append_len(part, text->str + offset,
		                    (gssize)MIN(size, text->len - offset));
	if (offset + part->len < text->len) {
		if (!handle->text)
			keep(handle, text);
		return part;
	}
	handle->text_end = text->len;
	if (handle->text)
		fs_text_drop(handle);
	else
		g_string_free(text, TRUE);
	return part;
}

static void text_read(fuse_req_t req, struct fs_handle *handle, size_t size, off_t offset,
                      const struct fuse_file_info *fi)
{
	GString *part;

	(void)fi;
	if (handle->session && handle->session->removed) {
		fuse_reply_err(req, ECANCELED);
		return;
	}
	/* After the answer the handle may be gone: so the part is a copy, and no lock is
	 * held. */
	pthread_mutex_lock(&handle->lock);
	part = text_part(handle, size, (size_t)offset);
	pthread_mutex_unlock(&handle->lock);
	fuse_reply_buf(req, part->str, part->len);
	g_string_free(part, TRUE);
}

static void text_write(fuse_req_t req, struct fs_handle *handle, const char *data, size_t size,
                       off_t offset, int flags)
{
	struct fs_actor writer = fs_actor_of(req);
	struct fs_actor actor = fs_actor_both(&handle->opener, &writer);
	char text[WORDS_MAX + 1];
	size_t len = size && data[size - 1] == '\n' ? size - 1 : size;
	int error = -EINVAL;

	(void)offset, (void)flags;
	if (handle->session && handle->session->removed) {
		error = -ECANCELED;
	} else if (len <= WORDS_MAX && !memchr(data, 0, len)) {
		memcpy(text, data, len);
		text[len] = 0;
		error = handle->node.file->store(&handle->node, &actor, text);
	}
	fs_answer(
	        handle->session, false,
	        &(struct fs_answer){
	                .send = fs_send_written, .req = req, .error = error, .written = size });
}

static uint64_t text_size(const struct fs_node *node, uint32_t uid)
{
	struct fs_actor actor = { .uid = uid, .root = uid == 0 || uid == getuid() };
	g_autoptr(GString) text = g_string_new(NULL);

	if (node->file->show)
		node->file->show(node, &actor, text);
	return text->len;
}

static int nothing(const struct fs_node *node)
{
	(void)node;
	return 0;
}

static unsigned state_poll(struct fs_handle *handle)
{
	bool failed;

	if (!acr_session_ended(handle->session, &failed))
		return 0;
	return failed ? POLLIN | POLLRDNORM | POLLERR : POLLIN | POLLRDNORM;
}

const struct fs_kind fs_kind_text = {
	.spliced = true,
	.read = text_read,
	.write = text_write,
	.size = text_size,
	.unlink = nothing,
};

const struct fs_kind fs_kind_link = {
	.size = text_size,
};

const struct fs_kind fs_kind_state = {
	.spliced = true,
	.read = text_read,
	.write = text_write,
	.size = text_size,
	.unlink = nothing,
	.poll = state_poll,
};
