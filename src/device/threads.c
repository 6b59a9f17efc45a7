/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The threads of a device: take from its queue, hand to its driver. */
#include "inner.h"

#include "base/secret.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#define QUICK_NS 10000 /* a call of submit() costs as much */
#define STUCK_S  2     /* that removal waits for a thread that hangs in the driver */

static bool has_work(const struct acr_device *dev)
{
	if (!dev->queue.count || dev->blocked || atomic_load(&dev->state) == ACR_BROKEN)
		return false;
	return dev->driver->flags & ACR_DRIVER_SYNC ||
	       atomic_load(&dev->running_count) < dev->width;
}

/* How many to take at once: not so many that other threads of the device go idle. */
static unsigned share(const struct acr_device *dev)
{
	size_t most = dev->batch, fair;

	if (dev->driver->flags & ACR_DRIVER_SYNC) {
		fair = (dev->queue.count + dev->width - 1) / dev->width;
	} else {
		fair = dev->width - atomic_load(&dev->running_count);
	}
	return (unsigned)MIN(most, fair);
}

/* May one more go along with what a thread of a SYNC driver has taken, to be computed after
 * it? Only where that costs nobody anything: no other user waits at this priority, and it
 * is quick. */
static bool may_join(const struct acr_device *dev, const struct acr_attempt *first)
{
	uint64_t mean = atomic_load_explicit(&first->cap->mean_ns, memory_order_relaxed);

	if (!(dev->driver->flags & ACR_DRIVER_SYNC))
		return true;
	return mean && mean < QUICK_NS && !acr_queue_has_others(&dev->queue, first->entry.uid);
}

/* Under (q). The next that is for this thread, no longer queued; NULL: there is none. */
static struct acr_attempt *next(struct acr_device *dev, bool is_long)
{
	struct acr_queue_entry *entry;

	if (is_long) {
		entry = acr_long_next(dev);
		if (entry)
			acr_queue_take(&dev->long_queue, entry);
	} else {
		while ((entry = acr_queue_pop(&dev->queue)) &&
		       acr_long_divert(dev, acr_attempt_of(entry)))
			;
	}
	if (!entry)
		return NULL;
	acr_device_leave_queue(dev, acr_attempt_of(entry));
	return acr_attempt_of(entry);
}

/* Under (q). */
static unsigned take(struct acr_worker *worker, struct acr_attempt **attempts)
{
	struct acr_device *dev = worker->dev;
	bool sync = dev->driver->flags & ACR_DRIVER_SYNC;
	unsigned n = 0, most = worker->is_long ? 1 : share(dev);
	uint64_t now = acr_now_ns();

	while (n < most && (!n || may_join(dev, attempts[0])) &&
	       (attempts[n] = next(dev, worker->is_long))) {
		unsigned beside = sync ? n : (unsigned)atomic_load(&dev->running_count);
		acr_device_start_running(dev, attempts[n++], now, beside + 1);
	}
	worker->since_ns = n ? now : 0;
	if (dev->overflow.count)
		acr_device_refill(dev);
	if (worker->is_long)
		acr_long_wake(dev);
	else if (dev->queue.count)
		acr_long_watch(dev);
	return n;
}

/* Under (q), which is let go meanwhile. */
static void flush(struct acr_device *dev)
{
	dev->unflushed_ns = 0;
	atomic_fetch_add(&dev->callers, 1);
	pthread_mutex_unlock(&dev->lock);
	dev->driver->flush(dev);
	acr_device_leave_driver(dev);
	pthread_mutex_lock(&dev->lock);
}

/* Has what was accepted first waited for long enough? Under (q). */
static bool flush_is_due(const struct acr_device *dev)
{
	return dev->unflushed_ns && dev->flush_us &&
	       acr_now_ns() - dev->unflushed_ns >= (uint64_t)dev->flush_us * 1000;
}

/* Wait for work, or until it is time to flush. Under (q). */
static void wait_for_work(struct acr_device *dev)
{
	struct timespec until;
	int late = ETIMEDOUT;
	uint64_t ns;

	if (!dev->unflushed_ns) {
		dev->sleeping++;
		pthread_cond_wait(&dev->work, &dev->lock);
		dev->sleeping--;
		return;
	}
	ns = dev->unflushed_ns + (uint64_t)dev->flush_us * 1000;
	until = (struct timespec){ (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };
	dev->sleeping++;
	if (dev->flush_us)
		late = pthread_cond_timedwait(&dev->work, &dev->lock, &until);
	dev->sleeping--;
	if (late)
		flush(dev);
}

static void work_once(struct acr_worker *worker)
{
	struct acr_device *dev = worker->dev;
	struct acr_attempt *attempts[ACR_BATCH_MAX];
	struct acr_capstat *caps[ACR_BATCH_MAX];
	unsigned n = take(worker, attempts);

	for (unsigned i = 0; i < n; i++)
		caps[i] = attempts[i]->cap;
	atomic_fetch_add(&dev->callers, 1);
	if (dev->driver->flush && !dev->unflushed_ns)
		dev->unflushed_ns = acr_now_ns();
	pthread_mutex_unlock(&dev->lock);
	if (acr_sched_waiting())
		for (unsigned i = 0; i < n; i++)
			acr_sched_room(caps[i]->alg, caps[i]->cap.opcode);
	acr_device_submit(dev, attempts, n);
	acr_device_leave_driver(dev);
	acr_secret_scrub();
	pthread_mutex_lock(&dev->lock);
	worker->since_ns = 0;
}

/* ---- the threads ---- */

/* What a thread of the common queue does next. Under (q). */
static void common_step(struct acr_worker *worker)
{
	struct acr_device *dev = worker->dev;

	if (dev->health.evict)
		acr_device_evict(dev);
	else if (flush_is_due(dev))
		flush(dev);
	else if (has_work(dev))
		work_once(worker);
	else
		wait_for_work(dev);
}

/* What a thread of the long queue does next. Under (q). False: it ends, as others wait
 * already. */
static bool long_step(struct acr_worker *worker)
{
	struct acr_device *dev = worker->dev;

	if (acr_long_next(dev)) {
		work_once(worker);
		return true;
	}
	if (dev->long_workers > dev->width && dev->long_sleeping)
		return false;
	dev->long_sleeping++;
	pthread_cond_wait(&dev->long_work, &dev->lock);
	dev->long_sleeping--;
	return true;
}

static void *work(void *data)
{
	struct acr_worker *worker = data;
	struct acr_device *dev = worker->dev;
	bool more = true;

	atomic_store(&worker->tid, gettid());
	pthread_mutex_lock(&dev->lock);
	if (worker->is_long)
		acr_long_lower(worker->tid);
	while (!dev->stopping && more) {
		if (worker->is_long)
			more = long_step(worker);
		else
			common_step(worker);
	}
	acr_worker_end(worker);
	pthread_mutex_unlock(&dev->lock);
	return NULL;
}

int acr_device_start(struct acr_device *dev)
{
	unsigned count = dev->driver->flags & ACR_DRIVER_SYNC ? dev->width : 1, started = 0;

	pthread_mutex_lock(&dev->lock);
	dev->main = work;
	while (started < count && !acr_worker_start(dev, false))
		started++;
	pthread_mutex_unlock(&dev->lock);
	return started ? 0 : -EAGAIN;
}

bool acr_device_stop(struct acr_device *dev)
{
	bool quiet;

	pthread_mutex_lock(&dev->lock);
	dev->stopping = true;
	pthread_cond_broadcast(&dev->work);
	pthread_cond_broadcast(&dev->long_work);
	do
		quiet = acr_device_await_callers(dev, STUCK_S);
	while (!quiet && !dev->health.hung);
	acr_long_unwatch(dev);
	if (quiet)
		acr_workers_join(dev);
	pthread_mutex_unlock(&dev->lock);
	return quiet;
}
