/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The memory of the process that makes a call, and the threads that may touch it. */
#ifndef FSOPS_CALLER_H
#define FSOPS_CALLER_H

#include "fsops.h"

/* ---- caller.c ---- */

struct fs_caller {
	int32_t thread;  /* that made the call, and waits for its answer */
	int32_t process; /* that it belongs to */
	const char *why; /* what was wrong, for a sentence; NULL: nothing */
};

/* Who made the request, which is not answered yet, and may its memory be used for it? Only if
 * it acts for one user and group. 0; -ESRCH: no such process is seen from here (it is of a
 * foreign pid namespace, or dead), -EPERM. Any thread, may sleep. */
int fs_caller_find(fuse_req_t req, struct fs_caller *caller);

/* Copy len bytes from the caller's memory, or to it. Only before the request is answered, and
 * only within a visit: it may take for ever. 0; -EFAULT: no such memory, -EPERM: the system
 * does not let us, -ESRCH: dead. What comes before the bad place may have been copied. */
int fs_caller_read(struct fs_caller *caller, uint64_t pointer, void *data, size_t len);
int fs_caller_write(struct fs_caller *caller, uint64_t pointer, const void *data, size_t len);

/* ---- visit.c ---- */

/* Work that touches the memory of a caller. */
struct fs_visit {
	struct fs_visit *next;                /* visit.c's */
	struct acr_account *account;          /* visit.c's */
	void (*run)(struct fs_visit *visit);  /* touches the memory */
	void (*done)(struct fs_visit *visit); /* afterwards: answers; may free it */
};

/* Have it run, once: at once in this thread if here is true and it may, else in a thread for
 * such work. uid: whose memory it is. */
void fs_visit(struct fs_visit *visit, uint32_t uid, bool here);

#endif
