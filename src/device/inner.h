/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files about one device share: device.c (queue and driver), threads.c, workers.c,
 * longs.c (what takes long), expect.c, device_health.c, watchdog.c. */
#ifndef ACR_DEVICE_INNER_H
#define ACR_DEVICE_INNER_H

#include "device.h"

#define ACR_BATCH_MAX 256 /* operations in one call of submit() */

/* Accounting; all under (q). */
void acr_device_enter_queue(struct acr_device *dev, struct acr_attempt *attempt);
void acr_device_leave_queue(struct acr_device *dev, struct acr_attempt *attempt);
/* beside: how many it may have to wait for, itself among them. */
void acr_device_start_running(struct acr_device *dev, struct acr_attempt *attempt, uint64_t now,
                              unsigned beside);

/* Under (q). Take a running attempt away from the device; false: it has ended already. */
bool acr_device_make_orphan(struct acr_device *dev, struct acr_attempt *attempt);

/* Under (q). Bound sessions that found no room come in as there is some. */
void acr_device_refill(struct acr_device *dev);

/* Under (q), which is let go meanwhile: one in quarantine still has sessions. */
void acr_device_evict(struct acr_device *dev);

/* ---- how long it should take (expect.c); all under (q) ---- */

/* An operation has ended well after this time. */
void acr_expect_learn(struct acr_attempt *attempt, uint64_t process_ns);
/* What the work of a job grows with. */
double acr_expect_units(const struct acr_job *job);
/* Is it so small or quick that a hand-over to another thread would cost more? */
bool acr_expect_quick(const struct acr_attempt *attempt);
/* Does it probably take a thread for so long that others would notice? */
bool acr_expect_long(const struct acr_attempt *attempt);

/* ---- threads (workers.c); all under (q) ---- */

/* A thread of the device. */
struct acr_worker {
	struct acr_device *dev;
	pthread_t thread;
	atomic_int tid;    /* 0: not begun */
	bool is_long;      /* (q) works for the long queue; for good, as it can't be undone */
	uint64_t since_ns; /* (q) since when it is in the driver, 0: it isn't */
	SLIST_ENTRY(acr_worker) next;
};

/* Start a thread. 0 or -EAGAIN. */
int acr_worker_start(struct acr_device *dev, bool is_long);
/* The calling thread is about to return: it lets go of (q), and touches the device no more. */
void acr_worker_end(struct acr_worker *worker);
/* Wait until all have ended, as they were told to. Lets go of (q) meanwhile. */
void acr_workers_join(struct acr_device *dev);

/* ---- what takes long (longs.c); all under (q) ---- */

/* The queue that an attempt is in, or goes into. */
static inline struct acr_queue *acr_device_queue_of(struct acr_device *dev,
                                                    const struct acr_attempt *attempt)
{
	return attempt->is_long ? &dev->long_queue : &dev->queue;
}

/* Queue it where it belongs, count it and see that a thread comes. False: no memory. */
bool acr_device_enqueue(struct acr_device *dev, struct acr_attempt *attempt);
/* Something new may be next in the long queue, or may begin now. */
void acr_long_wake(struct acr_device *dev);
/* Decide where a new attempt is to wait. */
void acr_long_judge(struct acr_device *dev, struct acr_attempt *attempt);
/* Out of the common queue, and about to run: true if it was moved to the long one instead. */
bool acr_long_divert(struct acr_device *dev, struct acr_attempt *attempt);
/* The one in the long queue that may begin now; NULL: none may. */
struct acr_queue_entry *acr_long_next(struct acr_device *dev);
/* Something waits for a thread: if all have been busy for too long a while, they get help. */
void acr_long_watch(struct acr_device *dev);
/* That is over; it lets go of (q) meanwhile. */
void acr_long_unwatch(struct acr_device *dev);
/* The calling thread gives way to all others from now on. */
void acr_long_lower(int tid);

/* ---- the rest ---- */

/* Under (q): a request that it worked on is taken back. Who answers nothing between such
 * ones for as long as one may take is put into quarantine. */
void acr_device_note_silence(struct acr_device *dev, const struct acr_attempt *attempt);

/* The driver, if it knows it, may let go of an orphan. No locks held; the caller counts among
 * dev->callers since before it was made one, so that the device is not removed meanwhile. */
void acr_device_tell_driver(struct acr_device *dev, struct acr_attempt *attempt);

/* No longer among dev->callers. No locks held; the caller has a reference to the device. */
void acr_device_leave_driver(struct acr_device *dev);

/* Under (q), which is let go meanwhile: wait until nobody is among dev->callers. False: after
 * so many seconds somebody still is. */
bool acr_device_await_callers(struct acr_device *dev, unsigned seconds);

/* Hand attempts that were marked running to the driver. No locks held. */
void acr_device_submit(struct acr_device *dev, struct acr_attempt **attempts, unsigned n);

#endif
