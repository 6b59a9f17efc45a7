/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations that take long, and how they stop nobody.
 *
 * Where a driver computes in our threads and in any of them (SYNC and INLINE), what is
 * expected to take long (expect.c) waits in a queue of its own and runs in threads of its own,
 * which give way to all others. A user may have one less of them running than the device is wide.
 * Others are not held up by that: a user who has none running may begin one more.
 *
 * A prediction may be wrong. When something waits in the common queue and a thread of it
 * has been busy for long, that thread becomes one of the long ones, and a fresh one takes
 * its place. A user who has so many of them does no more of what nobody can foresee well in
 * the common threads. */
#include "inner.h"

#include "base/container.h"

#include <errno.h>
#include <sys/resource.h>

#define GUESTS 16u /* threads beyond the width, for users who have nothing running */
#define LOWER                                                                                  \
	19 /* nice levels: with less, a thread that wakes may have to wait for a tick of the clock */
#define RELIEF_NS UINT64_C(2000000) /* that a thread may be busy while something waits */

/* Any thread of ours may be in this driver. */
static bool elastic(const struct acr_device *dev)
{
	const unsigned both = ACR_DRIVER_SYNC | ACR_DRIVER_INLINE;

	return (dev->driver->flags & both) == both;
}

void acr_long_lower(int tid)
{
	int nice;

	errno = 0;
	nice = getpriority(PRIO_PROCESS, (id_t)tid);
	if (!errno)
		setpriority(PRIO_PROCESS, (id_t)tid, nice + LOWER);
}

/* ---- what may begin ---- */

static unsigned count_list(const struct acr_attempts *list, uint32_t uid, unsigned *mine)
{
	const struct acr_attempt *attempt;
	unsigned count = 0;

	TAILQ_FOREACH(attempt, list, link) {
		count += attempt->is_long;
		*mine += attempt->is_long && attempt->entry.uid == uid;
	}
	return count;
}

/* How many are running, and how many of them are this user's. One that was cancelled counts as
 * long as a thread is in it. */
static unsigned count_long(const struct acr_device *dev, uint32_t uid, unsigned *mine)
{
	*mine = 0;
	return count_list(&dev->running, uid, mine) + count_list(&dev->taken_back, uid, mine);
}

/* How many of them one user may have. One thread less than the device is wide: so a processor is
 * free for whoever else comes, and an answer need not wait until one is given up. */
static unsigned most_of_one(const struct acr_device *dev)
{
	return dev->width > 1 ? dev->width - 1 : 1;
}

/* May this user begin one more? */
static bool may_begin(uint32_t uid, void *data)
{
	unsigned mine, all = count_long(data, uid, &mine);

	return all < most_of_one(data) || !mine;
}

struct acr_queue_entry *acr_long_next(struct acr_device *dev)
{
	if (!dev->long_queue.count || dev->blocked || atomic_load(&dev->state) == ACR_BROKEN)
		return NULL;
	return acr_queue_first_of(&dev->long_queue, may_begin, dev);
}

/* Has this user as many running as may be? */
static bool has_all(const struct acr_device *dev, uint32_t uid)
{
	unsigned mine;

	count_long(dev, uid, &mine);
	return mine >= most_of_one(dev);
}

/* ---- into the long queue ---- */

static bool can_start(const struct acr_device *dev)
{
	return dev->long_workers < dev->width + GUESTS;
}

void acr_long_wake(struct acr_device *dev)
{
	if (!acr_long_next(dev))
		return;
	if (dev->long_sleeping)
		pthread_cond_signal(&dev->long_work);
	else if (can_start(dev))
		acr_worker_start(dev, true);
}

void acr_long_judge(struct acr_device *dev, struct acr_attempt *attempt)
{
	attempt->is_long =
	        elastic(dev) &&
	        (acr_expect_long(attempt) || (attempt->job->alg->flags & ACR_ALG_SLOW &&
	                                      has_all(dev, attempt->entry.uid))) &&
	        (dev->long_workers || !acr_worker_start(dev, true));
}

bool acr_long_divert(struct acr_device *dev, struct acr_attempt *attempt)
{
	if (!(attempt->job->alg->flags & ACR_ALG_SLOW))
		return false;
	acr_long_judge(dev, attempt);
	if (attempt->is_long && !acr_queue_insert(&dev->long_queue, &attempt->entry))
		attempt->is_long = false;
	if (attempt->is_long)
		acr_long_wake(dev);
	return attempt->is_long;
}

/* ---- what nobody foresaw ---- */

/* What this thread is at has turned out to take long. */
static void mark_list(struct acr_attempts *list, int tid)
{
	struct acr_attempt *attempt;

	TAILQ_FOREACH(attempt, list, link)
		attempt->is_long |= atomic_load(&attempt->tid) == tid;
}

/* A thread joins the long ones, and what it is at with it. */
static void turn_long(struct acr_device *dev, struct acr_worker *worker)
{
	int tid = atomic_load(&worker->tid);

	worker->is_long = true;
	dev->long_workers++;
	acr_long_lower(tid);
	mark_list(&dev->running, tid);
	mark_list(&dev->taken_back, tid);
}

/* All threads are busy and something waits. */
static bool in_need(const struct acr_device *dev)
{
	return dev->queue.count && !dev->sleeping && !dev->stopping;
}

static void relieve(struct acr_device *dev)
{
	uint64_t now = acr_now_ns();
	struct acr_worker *worker;

	SLIST_FOREACH(worker, &dev->workers, next) {
		if (!worker->is_long && worker->since_ns &&
		    now - worker->since_ns >= RELIEF_NS && can_start(dev) &&
		    !acr_worker_start(dev, false))
			turn_long(dev, worker);
	}
}

static void expired(struct acr_timer *timer)
{
	struct acr_device *dev = acr_container_of(timer, struct acr_device, relief);

	pthread_mutex_lock(&dev->lock);
	dev->relief_set = false;
	if (in_need(dev)) {
		relieve(dev);
		acr_long_watch(dev);
	}
	if (dev->stopping)
		pthread_cond_broadcast(&dev->left);
	pthread_mutex_unlock(&dev->lock);
}

void acr_long_watch(struct acr_device *dev)
{
	if (!elastic(dev) || dev->relief_set || !in_need(dev))
		return;
	dev->relief.expired = expired;
	dev->relief_set = acr_timer_set(&dev->relief, acr_now_ns() + RELIEF_NS);
}

void acr_long_unwatch(struct acr_device *dev)
{
	if (acr_timer_cancel(&dev->relief))
		dev->relief_set = false;
	while (dev->relief_set)
		pthread_cond_wait(&dev->left, &dev->lock);
}
