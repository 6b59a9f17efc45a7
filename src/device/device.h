/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices: what they can do, their queues and threads, and the set of all of them. */
#ifndef ACR_DEVICE_H
#define ACR_DEVICE_H

#include "sched/job.h"
#include "predict.h"
#include "base/settings.h"
#include "base/stats.h"
#include "base/timer.h"

#include <pthread.h>
#include <sys/queue.h>

/* TESTING: shown as broken, and takes only the jobs that test it. */
enum acr_device_state { ACR_READY, ACR_BROKEN, ACR_DRAINING, ACR_REMOVED, ACR_TESTING };

struct acr_group;

/* One capability of one device and what was measured of it. */
struct acr_capstat {
	struct acr_capability cap;
	const struct acr_alg *alg;
	const char *format;       /* interned cap.state */
	atomic_uint queue_length; /* limit */
	atomic_uint queued;       /* written under (q) */
	struct acr_counters counters;
	atomic_uint_least64_t mean_ns;     /* process time, moving average */
	atomic_uint_least64_t bytes_per_s; /* moving average */
	struct line line;                  /* (q) process time by work, see expect.c */
};

/* How a device has done lately; see health.h. */
struct acr_health {
	uint32_t recent; /* (q) its last 20 requests, the newest lowest: 1 for a failure */
	/* (q) that it worked on requests which were taken back from it, since its last
	 * answer */
	uint64_t silent_ns;
	uint64_t silent_until; /* (q) end of that time */
	bool quarantined;      /* (q) broken, and tested until it passes */
	bool drains;           /* (q) it was draining before: it goes on with that */
	bool evict;            /* (q) its sessions are still to be moved away */
	bool testing;          /* (q) a thread is at it */
	bool hung;             /* (q) condemned by the watchdog: a thread may never come back */
	const struct acr_capstat
	        *suspect;    /* (q) what it gave a wrong result of, NULL: nothing */
	uint64_t wait_ns;    /* (q) from the last failure to the next test; 0: none yet */
	uint64_t test_at_ns; /* (q) monotonic */
	uint64_t back_ns;    /* (q) when it last passed, 0: never */
};

SLIST_HEAD(acr_workers, acr_worker);

struct acr_device {
	atomic_uint refs;
	void (*free)(struct acr_device *dev); /* after the last of them */
	uint64_t id;                          /* never reused */
	struct acr_device_spec *spec;
	const char *name; /* interned: outlives the device in histories */
	const struct acr_driver *driver;
	struct acr_module *module;
	void *private_data;
	char explain[ACR_SENTENCE]; /* while in probe() or reset() */
	struct acr_group *group;    /* NULL: a device with a driver of its own (group.h) */

	GPtrArray *caps; /* of struct acr_capstat, in the order of declaration */
	struct acr_capstat *by_alg[ACR_OPCODES][ACR_ALGS];
	unsigned width, batch, flush_us;
	unsigned units; /* that really work at once; 0: width */
	size_t area_size;

	pthread_mutex_t lock; /* (q) */
	pthread_cond_t work;
	unsigned sleeping;      /* (q) threads that wait for work */
	struct acr_queue queue; /* (q) */
	/* What takes long waits apart and has threads of its own, see longs.c. */
	pthread_cond_t long_work;
	unsigned long_sleeping, long_workers; /* (q) of those threads */
	struct acr_queue long_queue;          /* (q) */
	struct acr_timer relief;        /* while all threads are busy and something waits */
	bool relief_set;                /* (q) */
	struct acr_queue overflow;      /* (q) bound sessions for which the queue has no room */
	struct acr_attempts running;    /* (q) */
	struct acr_attempts taken_back; /* (q) orphans that a thread of ours may still be in */
	bool blocked;                   /* (q) the driver took fewer than offered */
	bool stopping;                  /* (q) threads shall end */
	uint64_t unflushed_ns; /* (q) since when something may wait for flush(), 0: nothing */
	char broken_reason[ACR_SENTENCE];          /* (q) */
	void *(*main)(void *worker);               /* what its threads do */
	struct acr_workers workers, ended_workers; /* (q) the latter are still to be joined */
	atomic_uint callers; /* threads inside submit(), flush() or cancel(); more under (q) */
	atomic_uint awaited; /* threads that wait until there are none; under (q) */
	pthread_cond_t left; /* with (q): there may be none now, or a test is over */
	/* What may end a block: done ops and calls of ready; written under (q) */
	atomic_uint_least64_t returns;
	pthread_mutex_t control; /* one of repair, reset and remove at a time; before (q) */
	struct acr_health health;
	atomic_uint check; /* results to compare with another device's, see check.h */
	atomic_uint check_count;

	atomic_int state; /* enum acr_device_state; written under (q) */
	atomic_uint_least64_t queued_count, running_count, load_bytes; /* written under (q) */
	/* What balancers expect of these sessions, and those of which none knew; written
	 * under (q) */
	atomic_uint_least64_t predicted_ns, unpredicted, unpredicted_bytes;
	atomic_uint orphans;               /* given up, and not back yet */
	atomic_uint_least64_t busy_ns;     /* summed process time; written under (q) */
	atomic_uint utilisation;           /* percent, over the last second */
	uint64_t sampled_busy, sampled_ns; /* the sampler's */
	struct acr_counters counters;
	struct acr_hist queue_hist, process_hist;
};

/* ---- one device (device.c) ---- */

static inline struct acr_device *acr_device_ref(struct acr_device *dev)
{
	atomic_fetch_add_explicit(&dev->refs, 1, memory_order_relaxed);
	return dev;
}

/* NULL is fine. */
static inline void acr_device_unref(struct acr_device *dev)
{
	if (dev && atomic_fetch_sub_explicit(&dev->refs, 1, memory_order_acq_rel) == 1)
		dev->free(dev);
}

/* Give it an attempt. 0; -EAGAIN: its queue is full; -ENODEV: it doesn't take work. With
 * may_inline it may be run at once in the calling thread. The caller holds a reference to the
 * job, which keeps the device in memory too. Any thread, no locks held. */
int acr_device_put(struct acr_device *dev, struct acr_attempt *attempt, bool may_inline);

/* Take back a queued attempt. False: it isn't queued there any more. */
bool acr_device_take_back(struct acr_device *dev, struct acr_attempt *attempt);

/* Make a running attempt an orphan and tell the driver. False: it has ended already. The
 * caller holds a reference to the job. */
bool acr_device_give_up(struct acr_device *dev, struct acr_attempt *attempt);

/* Does its state allow it to take this job? Any thread, a snapshot. */
static inline bool acr_device_takes(const struct acr_device *dev, const struct acr_job *job)
{
	int state = atomic_load(&dev->state);

	return state == ACR_READY || (state == ACR_TESTING && job->test);
}

/* Does it have room for one more of this capability? Any thread, a snapshot. */
bool acr_device_has_room(const struct acr_capstat *cap);

/* The watchdog (watchdog.c): a device that has had an op for 10 times the time that it
 * should take, and at least the configured time, is taken for broken. Control threads, now
 * and then. */
void acr_device_watch(struct acr_device *dev);

/* `ctl`: 0 or a negative errno, with the reason logged. Control threads only. */
int acr_device_repair(struct acr_device *dev);
int acr_device_drain(struct acr_device *dev);
int acr_device_reset(struct acr_device *dev);

/* Give its queued, unbound sessions to the scheduler again. */
void acr_device_rehash(struct acr_device *dev);

/* Take no more work, for ever; its sessions move. */
void acr_device_retire(struct acr_device *dev);

/* Nothing is inside the driver any more, or -EBUSY: a thread that hangs in it does not come
 * back. Under control. */
int acr_device_quiesce(struct acr_device *dev);

/* Start and stop its threads. False: one hangs in the driver and is left there; the device must
 * never be freed. */
int acr_device_start(struct acr_device *dev);
bool acr_device_stop(struct acr_device *dev);

/* ---- all devices (registry.c) ---- */

/* A snapshot, in the order in which devices were added. */
struct acr_device_set {
	unsigned count, groups;
	int *parents; /* for each device the place of the group that it is a member of, or -1 */
	struct acr_device *devices[];
};

/* Inside an epoch only; valid until it ends. */
const struct acr_device_set *acr_devices(void);

/* Make a device and add it. takes spec, also on failure. 0, -EEXIST, -EINVAL, -ENODEV,
 * -ENOENT (no such driver); the reason is logged and copied to why (ACR_SENTENCE bytes).
 * quiet: -ENODEV is expected. Control threads only. */
int acr_device_add(struct acr_device_spec *spec, bool quiet, char *why);
/* Remove it: its sessions move. -ENOENT: no such device. Control threads only. */
int acr_device_remove(const char *name);
/* Returns owned, NULL: none of this name. */
struct acr_device *acr_device_find(const char *name);
/* All of them, owned references. */
GPtrArray *acr_device_list(void);
void acr_device_remove_all(void);
/* Once a second: utilisation, and the watchdog. */
void acr_devices_sample(void);
/* Names of devices that offer an operation, separated by commas, owned; "" for none. */
char *acr_devices_offering(enum acr_opcode opcode, const struct acr_alg *alg);
/* After a change of settings. */
void acr_devices_set_ageing(double ageing);

/* ---- the scheduler's side (sched.c) ---- */

/* Jobs that wait because the queues of all devices that could take them are full: one queue
 * for each capability. */
struct acr_waiting {
	struct acr_queue *queues[ACR_OPCODES][ACR_ALGS];
	SLIST_ENTRY(acr_waiting) next;
};

/* Is it bound to one device, rather than to none or to a group? */
static inline bool acr_job_pinned(const struct acr_job *job)
{
	return job->bound && !job->bound->group;
}

/* An attempt has come back. Any thread, no locks held. takes the attempt's
 * reference to its job. */
void acr_sched_ended(struct acr_attempt *attempt, int error);
/* An attempt was taken away from its device; its job must be placed anew. Bound jobs fail
 * with -ENODEV. takes one reference to the job; an orphan, which the driver still holds, has
 * another. */
void acr_sched_displaced(struct acr_attempt *attempt, bool orphan);
/* Place anew a job that nobody has; takes the reference to it. */
void acr_sched_retry(struct acr_job *job);
/* There may be room for what waits for this. Any thread, no locks held. */
void acr_sched_room(const struct acr_alg *alg, enum acr_opcode opcode);
/* Ask the balancer anew for all queued, unbound sessions: the devices or their health have
 * changed, or somebody wants it. */
void acr_sched_rehash(void);
/* A device works no more, and what it had was placed anew: tell the balancer, and see whether
 * those that wait still have a chance. What other devices have stays there. */
void acr_sched_shrunk(void);
/* Sessions that wait because every capable device's queue is full. */
size_t acr_sched_waiting(void);

#endif
