/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Visitors: processes that copy to and from the memory of callers for us.
 *
 * A page of that memory may never come, and then the kernel lets nobody out of waiting for
 * it, not even by SIGKILL once a FUSE server has taken the request (measured on Linux 6.18;
 * userfaultfd lets go). A thread in there would keep the daemon's memory and mount alive
 * after its end. A process of its own holds nothing but a small shared area: it can be left
 * behind. */
#ifndef FSOPS_VISITOR_H
#define FSOPS_VISITOR_H

#include "visit.h"

#define FS_AREA ((size_t)128 * 1024) /* bytes of one round */

#define FS_QUICK_MS 2 /* a round that takes longer may be slow */

struct fs_visitor {
	int32_t pid;
	int socket;    /* to it; its end of file: the process is gone */
	int process;   /* a pidfd */
	uint8_t *area; /* FS_AREA bytes shared with it, locked */
	/* visit.c's, under its lock: */
	struct fs_visit *visit;      /* NULL: idle, or given up */
	struct acr_account *account; /* whose memory it is at */
	bool slow;                   /* its user is charged with it */
	size_t len;                  /* bytes of this round */
	int64_t begun;               /* monotonic us: this round */
	LIST_ENTRY(fs_visitor) others;
};

/* One round: what the process is told. */
struct fs_round {
	int32_t thread; /* of the caller */
	uint32_t count;
	uint64_t len; /* bytes of the area, from its beginning, in all */
	bool write;   /* to the caller */
	struct iovec there[FS_COPIES];
};

/* End what fs_visitors_start() has begun; whatever hangs is left to the system. No visitor
 * may be made any more. */
void fs_visitors_end(void);

/* Returns owned, NULL: the system has no process or memory for it. Any thread. */
struct fs_visitor *fs_visitor_new(void);
/* Tell it what to copy; it answers nothing but rounds. */
void fs_visitor_send(struct fs_visitor *visitor, const struct fs_round *round);
/* Bytes that it has copied, or the negative errno that it got; -EAGAIN: no answer yet,
 * -EPIPE: the process is gone. wait: for FS_QUICK_MS and a tick of the kernel's clock. */
int64_t fs_visitor_answer(struct fs_visitor *visitor, bool wait);
bool fs_visitor_has_answer(const struct fs_visitor *visitor);
/* Does it wait for memory, rather than for a processor? */
bool fs_visitor_blocked(const struct fs_visitor *visitor);
/* After this it gets hold of no further page of the caller: the kernel looks for a SIGKILL
 * before each. It may take for ever to be gone. What is in the area is wiped. */
void fs_visitor_kill(struct fs_visitor *visitor);
/* Forget it: it ends by itself. */
void fs_visitor_free(struct fs_visitor *visitor);

/* ---- round.c; the visit is this thread's alone ---- */

void fs_round_begin(struct fs_visit *visit);
/* Take the answer. True: another round is due; else the visit is over, or (-EAGAIN) there
 * is none yet. */
bool fs_round_end(struct fs_visit *visit, bool wait);

#endif
