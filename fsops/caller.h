/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process that makes a call. */
#ifndef FSOPS_CALLER_H
#define FSOPS_CALLER_H

#include "fsops.h"

struct fs_caller {
	int32_t thread;  /* that made the call, and waits for its answer; 0: not found yet */
	int32_t process; /* that it belongs to */
	const char *why; /* what was wrong, for a sentence; NULL: nothing */
};

/* Who made the request, which is not answered yet, and may its memory be used for it? Only if
 * it acts for one user and group. 0; -ESRCH: no such process is seen from here (it is of a
 * foreign pid namespace, or dead), -EPERM. Any thread, may sleep. */
int fs_caller_find(fuse_req_t req, struct fs_caller *caller);

/* Put what a visit of its memory has failed with in a sentence. Returns the errno for the
 * caller. */
int fs_caller_failed(struct fs_caller *caller, int error);
/* Flags of the open() that the thread which made the request is in: the kernel keeps some
 * of them to itself. 0: it is in none, or the system does not tell. Before the request is
 * answered. */
int fs_caller_open_flags(fuse_req_t req);

#endif
