/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The peer for round trips: a filesystem with one file, `file`, that reads as 16 bytes and takes
 * any write, on the same libfuse with the same options, and does nothing else.
 * bare_fuse MOUNTPOINT */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void describe(fuse_ino_t ino, struct stat *st)
{
	st->st_ino = ino;
	st->st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0666;
	st->st_nlink = 1;
	st->st_size = 16;
}

static void bare_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = { .ino = 2 };

	(void)parent;
	describe(2, &entry.attr);
	if (strcmp(name, "file"))
		fuse_reply_err(req, ENOENT);
	else
		fuse_reply_entry(req, &entry);
}

static void bare_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st = { 0 };

	(void)fi;
	describe(ino, &st);
	fuse_reply_attr(req, &st, 0);
}

static void bare_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->direct_io = 1;
	fuse_reply_open(req, fi);
}

static void bare_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                      struct fuse_file_info *fi)
{
	(void)ino, (void)offset, (void)fi;
	fuse_reply_buf(req, "0123456789abcdef", size < 16 ? size : 16);
}

static void bare_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size,
                       off_t offset, struct fuse_file_info *fi)
{
	(void)ino, (void)data, (void)offset, (void)fi;
	fuse_reply_write(req, size);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = bare_lookup,
	.getattr = bare_getattr,
	.open = bare_open,
	.read = bare_read,
	.write = bare_write,
};

int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *session = fuse_session_new(&args, &ops, sizeof ops, NULL);

	if (argc != 2 || !session || fuse_session_mount(session, argv[1])) {
		fprintf(stderr, "usage: bare_fuse MOUNTPOINT\n");
		return 1;
	}
	fuse_session_loop(session);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	return 0;
}
