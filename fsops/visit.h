/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Visits: copying between a caller's memory and ours, whatever that memory does. */
#ifndef FSOPS_VISIT_H
#define FSOPS_VISIT_H

#include "caller.h"

#include <sys/uio.h>

#define FS_COPIES 6

/* One piece of it. */
struct fs_copy {
	uint64_t pointer; /* the caller's */
	void *data;       /* ours, until done() */
	size_t len;
};

struct fs_visit {
	fuse_req_t req; /* of the caller; not answered before done() */
	bool write;     /* to the caller, else from it */
	unsigned count; /* of copies; 0: done at once */
	struct fs_copy copies[FS_COPIES];
	struct fs_caller caller; /* found here unless an earlier visit of the request has */
	/* Called once, by any thread. With -EINTR libfuse's lock of the request is held. It may
	 * free the visit or use it again. */
	void (*done)(struct fs_visit *visit);
	/* The outcome: 0; -EFAULT: no such memory, or it does not answer, -EPERM: the
	 * system does not let us, -ESRCH: dead, -EAGAIN: too many of the user's hang,
	 * -EINTR: a signal came, -ECANCELED: the daemon ends, -ENOMEM, -ENOSPC. What comes
	 * before the bad place may have been copied. caller.why has a sentence. */
	int error;
	/* visit.c's: */
	struct acr_account *account;
	unsigned at;   /* the copy that it is at, */
	size_t offset; /* and how far in it */
	enum { FS_VISIT_FIRST, FS_VISIT_KEPT, FS_VISIT_HELD } state; /* (v) */
	bool interrupted;                                            /* (v) */
	struct fs_visitor *visitor;                                  /* (v) NULL: it queues */
	TAILQ_ENTRY(fs_visit) others;                                /* (v) */
};

/* Have it done. here: this thread may wait for a few milliseconds, if it serves. Any thread. */
void fs_visit(struct fs_visit *visit, bool here);

#endif
