/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The threads of a device: take from its queue, hand to its driver. */
#include "inner.h"

#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

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

/* May one more go along with what a thread of a SYNC driver has taken, to be computed after it?
 * Only where that costs nobody anything: no other user waits at this priority, and it is quick. */
static bool may_join(const struct acr_device *dev, const struct acr_attempt *first)
{
	uint64_t mean = atomic_load_explicit(&first->cap->mean_ns, memory_order_relaxed);

	if (!(dev->driver->flags & ACR_DRIVER_SYNC))
		return true;
	return mean && mean < QUICK_NS && !acr_queue_has_others(&dev->queue, first->entry.uid);
}

/* Under (q). */
static unsigned take(struct acr_device *dev, struct acr_attempt **attempts)
{
	bool sync = dev->driver->flags & ACR_DRIVER_SYNC;
	unsigned n = 0, most = share(dev);
	uint64_t now = acr_now_ns();

	while (n < most && dev->queue.count && (!n || may_join(dev, attempts[0]))) {
		struct acr_attempt *attempt = acr_attempt_of(acr_queue_pop(&dev->queue));
		unsigned beside = sync ? n : (unsigned)atomic_load(&dev->running_count);
		acr_device_leave_queue(dev, attempt);
		acr_device_start_running(dev, attempt, now, beside + 1);
		attempts[n++] = attempt;
	}
	if (dev->overflow.count)
		acr_device_refill(dev);
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

static void work_once(struct acr_device *dev)
{
	struct acr_attempt *attempts[ACR_BATCH_MAX];
	struct acr_capstat *caps[ACR_BATCH_MAX];
	unsigned n = take(dev, attempts);

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
}

static void *worker(void *data)
{
	struct acr_device *dev = data;

	pthread_mutex_lock(&dev->lock);
	while (!dev->stopping) {
		if (dev->health.evict)
			acr_device_evict(dev);
		else if (flush_is_due(dev))
			flush(dev);
		else if (has_work(dev))
			work_once(dev);
		else
			wait_for_work(dev);
	}
	pthread_mutex_unlock(&dev->lock);
	return NULL;
}

int acr_device_start(struct acr_device *dev)
{
	unsigned count = dev->driver->flags & ACR_DRIVER_SYNC ? dev->width : 1;
	pthread_attr_t attr;

	dev->threads = calloc(count, sizeof *dev->threads);
	if (!dev->threads)
		return -ENOMEM;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 512 * 1024);
	while (dev->thread_count < count &&
	       !pthread_create(&dev->threads[dev->thread_count], &attr, worker, dev))
		dev->thread_count++;
	pthread_attr_destroy(&attr);
	return dev->thread_count ? 0 : -EAGAIN;
}

bool acr_device_stop(struct acr_device *dev)
{
	bool quiet;

	pthread_mutex_lock(&dev->lock);
	dev->stopping = true;
	pthread_cond_broadcast(&dev->work);
	do
		quiet = acr_device_await_callers(dev, STUCK_S);
	while (!quiet && !dev->health.hung);
	pthread_mutex_unlock(&dev->lock);
	if (!quiet)
		return false;
	for (unsigned i = 0; i < dev->thread_count; i++)
		pthread_join(dev->threads[i], NULL);
	free(dev->threads);
	dev->threads = NULL;
	dev->thread_count = 0;
	return true;
}
