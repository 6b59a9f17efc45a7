/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The threads of a device as such: how they begin and end. What they do is in threads.c. */
#include "inner.h"

#include <errno.h>
#include <stdlib.h>

#define STACK_BYTES (512 * 1024)

static int create(struct acr_worker *worker)
{
	pthread_attr_t attr;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	error = pthread_create(&worker->thread, &attr, worker->dev->main, worker);
	pthread_attr_destroy(&attr);
	return error;
}

/* Join those that have ended: they take no lock any more. Under (q). */
static void reap(struct acr_device *dev)
{
	struct acr_worker *worker;

	while ((worker = SLIST_FIRST(&dev->ended_workers))) {
		SLIST_REMOVE_HEAD(&dev->ended_workers, next);
		pthread_join(worker->thread, NULL);
		free(worker);
	}
}

int acr_worker_start(struct acr_device *dev, bool is_long)
{
	struct acr_worker *worker;

	if (dev->stopping)
		return -EAGAIN;
	reap(dev);
	worker = calloc(1, sizeof *worker);
	if (!worker)
		return -EAGAIN;
	worker->dev = dev;
	worker->is_long = is_long;
	if (create(worker)) {
		free(worker);
		return -EAGAIN;
	}
	SLIST_INSERT_HEAD(&dev->workers, worker, next);
	dev->long_workers += is_long;
	return 0;
}

void acr_worker_end(struct acr_worker *worker)
{
	struct acr_device *dev = worker->dev;

	dev->long_workers -= worker->is_long;
	SLIST_REMOVE(&dev->workers, worker, acr_worker, next);
	SLIST_INSERT_HEAD(&dev->ended_workers, worker, next);
	pthread_cond_broadcast(&dev->left);
}

void acr_workers_join(struct acr_device *dev)
{
	while (!SLIST_EMPTY(&dev->workers))
		pthread_cond_wait(&dev->left, &dev->lock);
	reap(dev);
}
