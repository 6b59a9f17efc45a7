/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Access to the memory of the process that makes a call.
 *
 * The kernel says which *thread* made a request, as a number of the pid namespace in which we
 * mounted (0: it has none there), and with which file system uid and gid. The thread sleeps in
 * ioctl() until we answer: until then its number is not given to another, its memory stays the
 * one that it had (an execve() of another thread ends this one first), and its credentials stay
 * the same. So what is found out here holds until the answer, and not a moment longer. (Who
 * aborts the connection breaks that; only the daemon's own user can.)
 *
 * We may be root and could reach everything. What a call reaches is only the memory of the
 * process that makes it, which that process can read and write itself; a pointer can't name
 * another process. On top of that all uids and gids of the thread (real, effective, saved, of
 * files) must be those of the request. That keeps out a number that means somebody else,
 * whatever the reason, and programs that act for two users, set-uid ones and those that have
 * changed for a while: their memory is not only that of the user who is served and charged.
 * They get EPERM, and send data inline.
 *
 * Not asked for is that the process be dumpable, or have no capabilities: these rules say
 * whom *others* may look into, and a process that names its own memory in a call has agreed.
 * A daemon that has given up root, and so isn't dumpable, is served. Where we are not root,
 * the system itself asks for both, as for ptrace(2), and Yama for more. */
#include "caller.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STATUS_SIZE 2048 /* what we look for is in the first few hundred bytes */

static pthread_once_t proc_once = PTHREAD_ONCE_INIT;
static int proc = -1; /* /proc, if its numbers are those of our pid namespace */

/* Read a file of /proc. 0 or a negative errno. */
static int read_proc(const char *name, char text[static STATUS_SIZE])
{
	ssize_t len;
	int fd;

	fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	len = read(fd, text, STATUS_SIZE - 1);
	if (len < 0)
		len = -errno;
	close(fd);
	text[len < 0 ? 0 : len] = 0;
	return len < 0 ? (int)len : 0;
}

/* The numbers of a line, as many as there are, up to count. Returns how many. */
static unsigned numbers(const char *text, const char *label, uint32_t *values, unsigned count)
{
	const char *at = strstr(text, label);
	unsigned n = 0;

	for (at = at ? at + strlen(label) : ""; n < count && (*at == '\t' || *at == ' '); n++) {
		char *end;
		values[n] = (uint32_t)strtoul(at, &end, 10);
		if (end == at)
			break;
		at = end;
	}
	return n;
}

/* A /proc of another pid namespace shows other processes under the same numbers, but `self` is
 * us in any, with our numbers in that namespace and all below it. */
static void open_proc(void)
{
	char text[STATUS_SIZE];
	uint32_t ids[2];

	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return;
	if (!read_proc("self/status", text) && numbers(text, "\nNSpid:", ids, 2) == 1 &&
	    ids[0] == (uint32_t)getpid())
		return;
	close(proc);
	proc = -1;
}

static int refuse(struct fs_caller *caller, int error, const char *why)
{
	caller->why = why;
	return error;
}

static bool all_are(const uint32_t *ids, unsigned count, uint32_t id)
{
	for (unsigned i = 0; i < count; i++)
		if (ids[i] != id)
			return false;
	return count == 4;
}

int fs_caller_find(fuse_req_t req, struct fs_caller *caller)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	char text[STATUS_SIZE], name[32];
	uint32_t process, ids[4];
	int error;

	*caller = (struct fs_caller){ .thread = ctx->pid };
	pthread_once(&proc_once, open_proc);
	if (ctx->pid <= 0)
		return refuse(caller, -ESRCH,
		              "the calling process is of a pid namespace that "
		              "acryptod can't see into: send data inline");
	if (proc < 0)
		return refuse(caller, -EPERM,
		              "acryptod has no /proc of its own pid namespace: "
		              "send data inline");
	snprintf(name, sizeof name, "%d/status", ctx->pid);
	error = read_proc(name, text);
	if (error || numbers(text, "\nTgid:", &process, 1) != 1)
		return refuse(caller, error == -EACCES || error == -EPERM ? -EPERM : -ESRCH,
		              "the calling process is gone, or /proc hides it");
	caller->process = (int32_t)process;
	if (!all_are(ids, numbers(text, "\nUid:", ids, 4), ctx->uid) ||
	    !all_are(ids, numbers(text, "\nGid:", ids, 4), ctx->gid))
		return refuse(caller, -EPERM,
		              "the calling process acts for more than one user or "
		              "group: send data inline");
	return 0;
}

int fs_caller_failed(struct fs_caller *caller, int error)
{
	switch (error) {
	case -EPERM:
		return refuse(caller, error,
		              "the system does not let acryptod reach the calling process: "
		              "send data inline");
	case -ESRCH:
		return refuse(caller, error, "the calling process is gone");
	case -ENOMEM:
		return refuse(caller, -ENOSPC, "the system has no memory left for this");
	case -EINTR:
		return refuse(caller, error, "a signal came");
	case -ECANCELED:
		return refuse(caller, error, "acryptod is ending");
	case -ETIMEDOUT:
		return refuse(caller, -EFAULT,
		              "the memory that a pointer names does not answer");
	case -EAGAIN:
		return refuse(
		        caller, error,
		        "memory that other calls of this user name does not answer, or the "
		        "system has no process left: try again later");
	default:
		return refuse(caller, -EFAULT, "a pointer is wrong, or the size with it");
	}
}

int fs_caller_open_flags(fuse_req_t req)
{
	char name[32], text[STATUS_SIZE];
	unsigned long long call, first, second, third;

	pthread_once(&proc_once, open_proc);
	snprintf(name, sizeof name, "%d/syscall", (int)fuse_req_ctx(req)->pid);
	if (proc < 0 || read_proc(name, text) ||
	    sscanf(text, "%llu %llx %llx %llx", &call, &first, &second, &third) != 4)
		return 0;
	if (call == SYS_openat)
		return (int)third;
#ifdef SYS_open
	if (call == SYS_open)
		return (int)second;
#endif
	return 0;
}
