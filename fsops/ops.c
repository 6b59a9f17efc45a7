/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptors of files, and the table that libfuse calls. */
#include "caller.h"

#include "session/sessions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define MAX_BACKGROUND 60000 /* AIO reads of one client must not use up the connection */

size_t fs_open_count(void)
{
	return atomic_load(&fs_open_descriptors);
}

static struct fs_handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct fs_handle *)(uintptr_t)fi->fh;
}

static void handle_free(struct fs_handle *handle)
{
	atomic_fetch_sub(&fs_open_descriptors, 1);
	fs_poll_forget(handle);
	fs_text_drop(handle);
	acr_session_unref(handle->session);
	pthread_mutex_destroy(&handle->lock);
	free(handle);
}

/* The modes hold for root too: a key is for nobody to read. */
static int check_mode(const struct fs_file *file, int flags)
{
	bool reads = (flags & O_ACCMODE) != O_WRONLY, writes = (flags & O_ACCMODE) != O_RDONLY;

	if ((reads && !(file->mode & 0444)) || (writes && !(file->mode & 0222)))
		return -EACCES;
	return 0;
}

/* Returns owned, NULL with *error. */
static struct fs_handle *handle_new(fuse_req_t req, const struct fs_node *node, int flags,
                                    int *error)
{
	struct fs_handle *handle = calloc(1, sizeof *handle);

	*error = -ENOMEM;
	if (!handle)
		return NULL;
	atomic_fetch_add(&fs_open_descriptors, 1);
	pthread_mutex_init(&handle->lock, NULL);
	handle->node = *node;
	handle->opener = fs_actor_of(req);
	handle->flags = flags;
	*error = handle->node.file ? check_mode(handle->node.file, flags) : -EISDIR;
	if (!*error && fs_node_in_session(node)) {
		handle->session = acr_session_by_serial(node->object);
		*error = handle->session ? 0 : -ENOENT;
	}
	if (!*error)
		return handle;
	handle_free(handle);
	return NULL;
}

/* Interrupted: there will be no release. */
static void give_up(struct fs_handle *handle)
{
	if (handle->node.file->kind->release)
		handle->node.file->kind->release(handle);
	handle_free(handle);
}

static void send_open(const struct fs_answer *answer)
{
	if (fuse_reply_open(answer->req, &answer->fi))
		give_up(answer->handle);
}

static void send_create(const struct fs_answer *answer)
{
	struct fuse_entry_param entry;
	int error = fs_node_entry(answer->req, &answer->handle->node, &entry);

	if (error)
		fuse_reply_err(answer->req, -error);
	if (error || fuse_reply_create(answer->req, &entry, &answer->fi))
		give_up(answer->handle);
}

/* Is there something to read, though its st_size is 0? Not for O_DIRECT: with it io_submit(2) hands
 * on a read without waiting, and a process that ends while such a one waits can't be killed. */
static bool must_ask(const struct fs_node *node, uint32_t uid, int flags)
{
	const struct fs_kind *kind = node->file->kind;

	return kind->asked && !(flags & O_DIRECT) && !(kind->size && kind->size(node, uid));
}

/* Does the caller only look whether it may write src? zsh does with noclobber, and O_NOCTTY
 * tells, which the kernel doesn't hand on. */
static bool only_probes(fuse_req_t req, const struct fs_node *node, int flags)
{
	return node->file && node->file->kind->renumbered && (flags & O_ACCMODE) == O_WRONLY &&
	       !(flags & (O_TRUNC | O_APPEND)) && fs_caller_open_flags(req) & O_NOCTTY;
}

static void open_node(fuse_req_t req, fuse_ino_t ino, const struct fs_node *node,
                      struct fuse_file_info *fi, void (*send)(const struct fs_answer *answer))
{
	int error;
	struct fs_handle *handle = handle_new(req, node, fi->flags, &error);

	if (only_probes(req, node, fi->flags))
		fi->flags |= O_NOCTTY;
	if (handle && node->file->kind->open) {
		error = node->file->kind->open(handle, fi);
		if (error) {
			handle_free(handle);
			handle = NULL;
		}
	}
	if (!handle) {
		fuse_reply_err(req, -error);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)handle;
	fi->direct_io = 1;
	fi->keep_cache = node->file->kind->asked; /* else an open waits for whoever reads it */
	fs_answer(handle->session, true,
	          &(struct fs_answer){
	                  .send = send,
	                  .req = req,
	                  .ino = ino,
	                  .handle = handle,
	                  .fi = *fi,
	                  .ask = must_ask(node, fuse_req_ctx(req)->uid, fi->flags) });
}

static void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_node node;

	if (fs_node_of(ino, &node))
		open_node(req, ino, &node, fi, send_open);
	else
		fuse_reply_err(req, ENOENT);
}

/* A name that is there already, for all but the one who has removed it; see removed.c. */
static void fs_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *fi)
{
	struct fs_node node;

	(void)mode;
	if (!fs_node_find(parent, name, &node) || !node.file || !fs_node_in_session(&node)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	fi->flags |= O_TRUNC; /* it is new */
	open_node(req, fs_node_ino(&node), &node, fi, send_create);
}

static void fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
	struct fs_handle *handle = handle_of(fi);

	int error = handle->node.file->kind->read ? 0 : -EACCES;

	if (!error && fs_is_for_page(fi))
		error = fs_spliced_note(handle, ino);
	if (error)
		fuse_reply_err(req, -error);
	else
		handle->node.file->kind->read(req, handle, size, offset, fi);
}

static void fs_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size,
                     off_t offset, struct fuse_file_info *fi)
{
	struct fs_handle *handle = handle_of(fi);

	(void)ino;
	if (handle->node.file->kind->write)
		handle->node.file->kind->write(req, handle, data, size, offset, fi->flags);
	else
		fuse_reply_err(req, EACCES);
}

static void fs_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_handle *handle = handle_of(fi);
	struct fs_answer answer = { .send = fs_send_error, .req = req };

	(void)ino;
	if (handle->node.file->kind->flush)
		answer.error = handle->node.file->kind->flush(handle);
	fs_answer(handle->session, false, &answer);
}

static void fs_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_handle *handle = handle_of(fi);

	(void)ino;
	if (handle->node.file->kind->release)
		handle->node.file->kind->release(handle);
	handle_free(handle);
	fuse_reply_err(req, 0);
}

static void fs_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg,
                     struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_size,
                     size_t out_size)
{
	struct fs_handle *handle = flags & FUSE_IOCTL_DIR ? NULL : handle_of(fi);
	size_t size = _IOC_SIZE(cmd);

	(void)ino, (void)arg;
	/* The kernel brings, and takes back, as many bytes as the number of the call says. */
	if (!handle || !handle->node.file->kind->ioctl ||
	    in_size != (_IOC_DIR(cmd) & _IOC_WRITE ? size : 0) ||
	    out_size != (_IOC_DIR(cmd) & _IOC_READ ? size : 0))
		fuse_reply_err(req, ENOTTY);
	else
		handle->node.file->kind->ioctl(req, handle, cmd, in);
}

static void fs_readlink(fuse_req_t req, fuse_ino_t ino)
{
	g_autoptr(GString) text = g_string_new(NULL);
	struct fs_node node;

	if (!fs_node_of(ino, &node) || !node.file || !S_ISLNK(node.file->mode)) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	node.file->show(&node, NULL, text);
	fuse_reply_readlink(req, text->str);
}

static void fs_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino, (void)datasync, (void)fi;
	fuse_reply_err(req, 0);
}

static void fs_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st = { .f_bsize = 4096, .f_namemax = 64 };

	(void)ino;
	fuse_reply_statfs(req, &st);
}

/* What this tree doesn't have. */
static void fs_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                     dev_t rdev)
{
	(void)parent, (void)name, (void)mode, (void)rdev;
	fuse_reply_err(req, EPERM);
}

static void fs_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
	(void)link, (void)parent, (void)name;
	fuse_reply_err(req, EPERM);
}

static void fs_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	(void)ino, (void)parent, (void)name;
	fuse_reply_err(req, EPERM);
}

static void fs_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
                      const char *newname, unsigned flags)
{
	(void)parent, (void)name, (void)newparent, (void)newname, (void)flags;
	fuse_reply_err(req, EPERM);
}

static void fs_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	conn->want |= FUSE_CAP_ATOMIC_O_TRUNC & conn->capable;
	/* Splicing would leave the data of requests in pipes that can't be wiped. */
	conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
	                          FUSE_CAP_SPLICE_MOVE | FUSE_CAP_READDIRPLUS |
	                          FUSE_CAP_AUTO_INVAL_DATA);
	conn->max_background = MAX_BACKGROUND;
	conn->congestion_threshold = MAX_BACKGROUND;
}

const struct fuse_lowlevel_ops fs_ops = {
	.init = fs_init,
	.lookup = fs_lookup,
	.getattr = fs_getattr,
	.setattr = fs_setattr,
	.mknod = fs_mknod,
	.mkdir = fs_mkdir,
	.unlink = fs_unlink,
	.rmdir = fs_rmdir,
	.symlink = fs_symlink,
	.readlink = fs_readlink,
	.rename = fs_rename,
	.link = fs_link,
	.open = fs_open,
	.read = fs_read,
	.write = fs_write,
	.flush = fs_flush,
	.release = fs_release,
	.ioctl = fs_ioctl,
	.fsync = fs_fsync,
	.opendir = fs_opendir,
	.readdir = fs_readdir,
	.releasedir = fs_releasedir,
	.statfs = fs_statfs,
	.create = fs_create,
	.poll = fs_poll,
};
