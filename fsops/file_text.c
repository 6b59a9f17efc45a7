/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of text: what show() makes is read, what is written goes to store(). */
#include "fsops.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 4096

/* size bytes from offset of what this descriptor reads. Returns owned. */
static GString *text_part(struct fs_handle *handle, size_t size, size_t offset)
{
	GString *part = g_string_new(NULL);

	pthread_mutex_lock(&handle->lock);
	/* A read from the start sees the present; later ones go on with what it saw. */
	if (!handle->text || offset == 0) {
		if (handle->text)
			g_string_free(handle->text, TRUE);
		handle->text = g_string_new(NULL);
		handle->node.file->show(&handle->node, &handle->opener, handle->text);
	}
	if (offset < handle->text->len)
		g_string_append_len(part, handle->text->str + offset,
		                    (gssize)MIN(size, handle->text->len - offset));
	pthread_mutex_unlock(&handle->lock);
	return part;
}

static void text_read(fuse_req_t req, struct fs_handle *handle, size_t size, off_t offset,
                      int flags)
{
	GString *part;

	(void)flags;
	if (handle->session && handle->session->removed) {
		fuse_reply_err(req, ECANCELED);
		return;
	}
	/* After the answer the handle may be gone: so the part is a copy, and no lock is held. */
	part = text_part(handle, size, (size_t)offset);
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
	if (error)
		fuse_reply_err(req, -error);
	else
		fuse_reply_write(req, size);
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
	.read = text_read,
	.write = text_write,
	.size = text_size,
	.unlink = nothing,
};

const struct fs_kind fs_kind_state = {
	.read = text_read,
	.write = text_write,
	.size = text_size,
	.unlink = nothing,
	.poll = state_poll,
};
