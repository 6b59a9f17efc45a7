/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A job is one operation to be done by some device; an attempt is one device's try at it.
 *
 * A session's stage makes a job with its frozen inputs and submits it. The scheduler gives it
 * attempts until one brings a result or no device is left, and calls done() once. A device
 * that is given up (it hangs, say) may still hold an attempt: that one becomes an *orphan*,
 * which keeps the inputs alive until the driver lets go of it, and writes to an output of its
 * own. So whatever a late driver does, it touches nothing that anybody else uses. */
#ifndef ACR_JOB_H
#define ACR_JOB_H

#include "alg/alg.h"
#include "base/buf.h"
#include "base/container.h"
#include "base/sentence.h"
#include "queue/queue.h"

#include <sys/queue.h>

struct acr_job;
struct acr_device;
struct acr_capstat;
struct acr_module;

#ifndef ACR_SENTENCE
#endif
#define ACR_REASON 96

/* A driver's running state between the parts of a stream. */
struct acr_state {
	atomic_uint refs;
	void *data;
	void (*free)(void *data);
	struct acr_module *module; /* kept loaded for free() */
	const char *format;        /* interned */
};
struct acr_state *acr_state_ref(struct acr_state *state); /* NULL is fine */
void acr_state_unref(struct acr_state *state);

enum acr_attempt_state { ACR_NEW, ACR_QUEUED, ACR_RUNNING, ACR_ENDED, ACR_ORPHAN };

/* What the watchdog has seen of the thread that computes an attempt. (q) */
struct acr_watch {
	uint64_t looked_ns;          /* monotonic, 0: never */
	uint64_t first_ticks, ticks; /* its processor time at the first and the last look */
	unsigned asleep;             /* looks in a row at which it slept */
};

struct acr_attempt {
	struct acr_op op;    /* what the driver sees; first, so that it can be cast back */
	struct acr_job *job; /* a reference while queued or with a driver */
	struct acr_device *device;    /* a reference until the job is freed; NULL: it waits
	                              * for any device to have room */
	struct acr_capstat *cap;      /* of device */
	struct acr_attempt *older;    /* all but the first, for freeing */
	atomic_int state;             /* QUEUED to RUNNING under the device's lock (q); from
	                              * RUNNING by compare-and-swap: who wins ends it */
	atomic_bool shown;            /* a driver that can cancel has seen it, or is about to */
	bool overflows : 1;           /* (q) in the device's overflow queue */
	bool listed : 1;              /* (q) in the device's taken_back */
	bool is_long : 1;             /* (q) for, or in, a thread of the long ones (longs.c) */
	atomic_bool failed;           /* its device could not do it */
	struct acr_queue_entry entry; /* (q) while QUEUED */
	unsigned beside;              /* (q) how many it may have to wait for, and itself */
	atomic_int tid;               /* of the thread that computes it, 0: not begun */
	struct acr_watch watch;
	TAILQ_ENTRY(acr_attempt) link; /* (q) in one of the lists below, or in none */
	uint64_t queued_ns, started_ns, ended_ns; /* monotonic; ended 0: it was taken away */
	uint64_t took_ns;                         /* what the driver says, 0: nothing */
	struct acr_buf *dst;                      /* owned */
	struct acr_state *state_out;              /* owned */
	uint64_t cost_ns;                         /* process time that it expects, 0: no idea */
	char *sentence;                           /* the driver's, owned; NULL: none */
	char reason[ACR_REASON]; /* the balancer's; last: acr_job_new() leaves it */
};

/* The attempt whose place in a queue this is. */
static inline struct acr_attempt *acr_attempt_of(struct acr_queue_entry *entry)
{
	return acr_container_of(entry, struct acr_attempt, entry);
}

/* Those that a device works on, or that have just been taken out of a queue. */
TAILQ_HEAD(acr_attempts, acr_attempt);

/* How one attempt went, as `history` notes it. */
struct acr_note {
	const char *device;                       /* its name, interned */
	const char *outcome;                      /* static */
	const char *reason;                       /* until note() returns */
	uint64_t queued_ns, started_ns, ended_ns; /* monotonic; started 0: never */
	bool check; /* about another device's result, not this job's own */
};

/* See check.h. */
enum acr_check_need { ACR_CHECK_NO, ACR_CHECK_SAMPLED, ACR_CHECK_MUST };
struct acr_check;

struct acr_job {
	atomic_uint refs;

	/* Input; constant from submit on. References are the job's. */
	enum acr_opcode opcode;
	const struct acr_alg *alg;
	unsigned flags; /* ACR_OP_* */
	enum acr_padding padding;
	struct acr_blob *key, *iv, *aad, *tag, *sig, *private_area;
	struct acr_buf *src; /* NULL: no input */
	size_t src_offset, src_len;
	struct acr_numbers numbers;
	struct acr_pkey pkey;
	size_t dst_size; /* room that the operation needs, bytes */
	size_t dst_head; /* bytes to leave free before it, for an IV */
	size_t dst_tail; /* and behind it, for a tag */
	size_t tag_size;
	struct acr_state *state;
	uint32_t uid;
	int32_t pid;
	unsigned stage; /* of the session's route, 1 and up */
	uint16_t priority;
	struct acr_account *account; /* for dst, and what computing takes */
	struct acr_device *bound;    /* only this device, NULL: the balancer chooses */
	const char *label;           /* for the device's queue file: the session's name */
	const struct acr_alg
	        *next_alg; /* the MAC that is wanted of just this output; NULL: none */
	struct acr_blob *next_key;
	size_t next_tag_size;

	/* Called once for each submitted job that was not cancelled in time. From any thread,
	 * no locks held; error 0, or negative. Output below is valid and may be taken. */
	void (*done)(struct acr_job *job, int error);
	/* Called for each attempt that has ended, before done. NULL: not wanted. */
	void (*note)(struct acr_job *job, const struct acr_note *note);
	void *owner;

	/* Output */
	struct acr_buf *dst; /* dst_head bytes, the result, room for dst_tail bytes */
	size_t dst_len;      /* bytes of the result alone */
	uint8_t *tag_out;    /* the attempt's; NULL: no result */
	struct acr_state *state_out, *shadow_out;
	const struct acr_follow *followed; /* that MAC, the attempt's; NULL: it wasn't made */
	char *sentence;                    /* about the failure, owned; NULL: none */
	uint64_t queue_ns, process_ns;     /* of the last attempt */

	/* The scheduler's */
	_Atomic(struct acr_attempt *) current;
	atomic_bool cancelled;
	bool charged;        /* what computing takes is */
	bool in_caller;      /* it was computed in the thread that calls done() */
	bool nonce_recorded; /* for the owner: its nonce was added to the list */
	bool waited;         /* it has been in the main queue */
	bool begun;          /* a device has failed at it, or was given up with it */
	bool refused;        /* a device that works can't do it */
#ifdef ACR_DEBUG
	atomic_bool over; /* ended or cancelled */
#endif
	bool no_fault; /* not on a fault device */
	bool test;     /* it tests the device that it is bound to, which need not be ready */
	bool is_copy;  /* it confirms another's result */
	enum acr_check_need check;  /* by the owner's rule */
	struct acr_state *shadow;   /* running state of other devices, beside `state` */
	struct acr_check *checking; /* check.c's */
	int attempt_error;          /* how the last attempt ended */
	uint64_t arrival_ns;
	/* Attempts after the first, the newest first; freed with the job. The thread that
	 * has just let it wait may look at them while another one goes on with it. */
	_Atomic(struct acr_attempt *) extra;
	struct acr_attempt first;
};

/* An empty job for an operation of the table, charged to account. Returns owned, NULL: no
 * memory. */
struct acr_job *acr_job_new(enum acr_opcode opcode, const struct acr_alg *alg,
                            struct acr_account *account);
/* Charge what computing it will take, until it is freed. Alg, numbers and account are set. 0, or
 * -EDQUOT, -ENOSPC: nothing is charged. */
int acr_job_charge(struct acr_job *job);
struct acr_job *acr_job_ref(struct acr_job *job);
void acr_job_unref(struct acr_job *job); /* NULL is fine */

/* Hand it to the scheduler, which may run it at once: done() may be called before this
 * returns. 0, or -ENODEV, -EOPNOTSUPP: no working device can do it, done() will not be called.
 * The caller holds a reference until this returns. Context: any thread without locks.
 * may_inline: small work may be done right here. */
int acr_job_submit(struct acr_job *job, bool may_inline);

/* What is to be told of an attempt that has a device, as it stands now. reason: borrowed, see
 * struct acr_note. */
struct acr_note acr_attempt_note(const struct acr_attempt *attempt, const char *outcome,
                                 const char *reason);

/* Call done(), which is the end of it: the only way to. */
void acr_job_end(struct acr_job *job, int error);

/* Take it back. True: done() will not be called. False: it is being or has been called. */
bool acr_job_cancel(struct acr_job *job);

#ifdef ACR_DEBUG
/* Accepted submissions of all jobs, and their ends. When nothing is in flight the first is the
 * sum of the others. A job that ends twice ends the daemon. */
struct acr_job_counts {
	atomic_llong submitted, ended, cancelled;
};
extern struct acr_job_counts acr_job_counts;

void acr_job_note_submitted(int n);
void acr_job_note_cancelled(struct acr_job *job);
#else
#define acr_job_note_submitted(n)   ((void)0)
#define acr_job_note_cancelled(job) ((void)0)
#endif

#endif
