/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The threads of a device: take from its queue, hand to its driver. */
#include "device_inner.h"

#include "secret.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

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

/* Under (q). */
static unsigned take(struct acr_device *dev, struct acr_attempt **attempts)
{
	unsigned n = 0, most = share(dev);
	uint64_t now = acr_now_ns();

	while (n < most && dev->queue.count) {
		struct acr_attempt *attempt = attempt_of(acr_queue_pop(&dev->queue));
		acr_device_leave_queue(dev, attempt);
		acr_device_start_running(dev, attempt, now);
		attempts[n++] = attempt;
	}
	if (dev->overflow.count)
		acr_device_refill(dev);
	return n;
}

/* Under (q), which is let go meanwhile. */
static void flush(struct acr_device *dev)
{
	dev->accepted_unflushed = false;
	atomic_fetch_add(&dev->callers, 1);
	pthread_mutex_unlock(&dev->lock);
	dev->driver->flush(dev);
	acr_device_leave_driver(dev);
	pthread_mutex_lock(&dev->lock);
}

/* Wait for work; flush when the driver has had nothing new for flush_us. Under (q). */
static void wait_for_work(struct acr_device *dev)
{
	struct timespec until;
	uint64_t ns;

	if (!dev->accepted_unflushed) {
		pthread_cond_wait(&dev->work, &dev->lock);
		return;
	}
	ns = acr_now_ns() + (uint64_t)dev->flush_us * 1000;
	until = (struct timespec){ (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };
	if (!dev->flush_us || pthread_cond_timedwait(&dev->work, &dev->lock, &until) == ETIMEDOUT)
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
	if (dev->driver->flush)
		dev->accepted_unflushed = true;
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
		if (has_work(dev))
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

void acr_device_stop(struct acr_device *dev)
{
	pthread_mutex_lock(&dev->lock);
	dev->stopping = true;
	pthread_cond_broadcast(&dev->work);
	acr_device_await_callers(dev);
	pthread_mutex_unlock(&dev->lock);
	for (unsigned i = 0; i < dev->thread_count; i++)
		pthread_join(dev->threads[i], NULL);
	free(dev->threads);
	dev->threads = NULL;
	dev->thread_count = 0;
}

