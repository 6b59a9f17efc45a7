/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Computes in software, after a time that it pretends the work to take: an asynchronous device
 * with `width` service slots. One thread waits for the earliest deadline, whatever the width.
 *
 * What is due waits on while the file of `hold` exists: a test decides when the device answers,
 * and no clock does. Nobody tells us when the file goes, so it is looked for again and again, but
 * only while something is due. */
#include "common/engine/engine.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_US UINT64_C(1000)
#define LONGEST   (UINT64_C(100) * 365 * 24 * 3600 * NS_PER_S)
#define LOOK_NS   UINT64_C(2000000) /* from one look for the file to the next */

/* In acr_op.driver_area. */
struct delayed {
	TAILQ_ENTRY(delayed) link; /* (d) */
	struct acr_op *op;         /* (d) NULL: not on the list */
	uint64_t deadline_ns;      /* CLOCK_MONOTONIC */
};

struct delay_device {
	uint64_t us, ns_per_byte, width;
	const char *hold; /* path of the file, borrowed of the device; NULL: nothing holds */
	pthread_t thread;
	pthread_mutex_t lock; /* (d); not held when ops are computed or ended */
	pthread_cond_t changed;
	TAILQ_HEAD(delayed_list, delayed) list; /* (d) by deadline */
	uint64_t in_service;                    /* (d) on the list or being computed */
	bool stop;                              /* (d) */
};

static const struct acr_option delay_options[] = {
	{ "us", "time that an operation takes, microseconds, 0 to 3600000000; required", NULL },
	{ "ns-per-byte", "and for each byte of input, nanoseconds, 0 to 1000000000", "0" },
	{ "width", "operations at once, 1 to 65536", "1" },
	{ "hold", "while a file of this absolute path exists, nothing is answered", NULL },
	{ NULL, NULL, NULL },
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t deadline_of(const struct delay_device *delay, const struct acr_op *op)
{
	uint64_t ns;

	if (__builtin_mul_overflow(delay->ns_per_byte, op->src.len, &ns) || ns > LONGEST)
		ns = LONGEST;
	return now_ns() + delay->us * NS_PER_US + ns;
}

/* Under the lock. */
static bool is_due(const struct delay_device *delay)
{
	const struct delayed *first = TAILQ_FIRST(&delay->list);

	return first && first->deadline_ns <= now_ns();
}

/* Under the lock, which is let go meanwhile: a file system may take its time. */
static bool is_held(struct delay_device *delay)
{
	bool exists;

	if (!delay->hold)
		return false;
	pthread_mutex_unlock(&delay->lock);
	exists = !access(delay->hold, F_OK);
	pthread_mutex_lock(&delay->lock);
	return exists;
}

/* Under the lock: until then, or until something has changed. */
static void wait_until(struct delay_device *delay, uint64_t ns)
{
	struct timespec until;

	until.tv_sec = (time_t)(ns / NS_PER_S);
	until.tv_nsec = (long)(ns % NS_PER_S);
	pthread_cond_timedwait(&delay->changed, &delay->lock, &until);
}

/* Under the lock. */
static struct acr_op *take_first(struct delay_device *delay)
{
	struct delayed *first = TAILQ_FIRST(&delay->list);
	struct acr_op *op = first->op;

	first->op = NULL;
	TAILQ_REMOVE(&delay->list, first, link);
	return op;
}

/* Waits under the lock until something may be answered. Returns it off the list; NULL: stop. */
static struct acr_op *wait_due(struct delay_device *delay)
{
	while (!delay->stop) {
		if (TAILQ_EMPTY(&delay->list))
			pthread_cond_wait(&delay->changed, &delay->lock);
		else if (!is_due(delay))
			wait_until(delay, TAILQ_FIRST(&delay->list)->deadline_ns);
		else if (is_held(delay))
			wait_until(delay, now_ns() + LOOK_NS);
		else if (!delay->stop && is_due(delay)) /* still, after the look */
			return take_first(delay);
	}
	return NULL;
}

static void *delay_thread(void *data)
{
	struct delay_device *delay = data;
	struct acr_op *op;

	pthread_mutex_lock(&delay->lock);
	while ((op = wait_due(delay))) {
		int error;

		pthread_mutex_unlock(&delay->lock);
		error = soft_compute(op);
		pthread_mutex_lock(&delay->lock);
		/* First free the slot: acr_op_done() is what makes the core submit again. */
		delay->in_service--;
		pthread_mutex_unlock(&delay->lock);
		acr_op_done(op, error);
		pthread_mutex_lock(&delay->lock);
	}
	pthread_mutex_unlock(&delay->lock);
	return NULL;
}

static int read_options(struct acr_device *dev, struct delay_device *delay)
{
	int error;

	if (!acr_device_option(dev, "us")) {
		acr_device_explain(dev, "us=N is required");
		return -EINVAL;
	}
	error = acr_device_option_number(dev, "us", 0, 3600000000u, &delay->us);
	if (!error)
		error = acr_device_option_number(dev, "ns-per-byte", 0, NS_PER_S,
		                                 &delay->ns_per_byte);
	if (!error)
		error = acr_device_option_number(dev, "width", 1, 65536, &delay->width);
	delay->hold = acr_device_option(dev, "hold");
	if (!error && delay->hold && *delay->hold != '/') {
		acr_device_explain(dev, "hold=%.64s must be an absolute path", delay->hold);
		error = -EINVAL;
	}
	return error;
}

static int start(struct acr_device *dev, struct delay_device *delay)
{
	pthread_condattr_t attr;
	int error;

	TAILQ_INIT(&delay->list);
	pthread_mutex_init(&delay->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&delay->changed, &attr);
	pthread_condattr_destroy(&attr);
	acr_device_set_private(dev, delay);
	error = pthread_create(&delay->thread, NULL, delay_thread, delay);
	if (!error)
		return 0;
	acr_device_explain(dev, "no thread could be started");
	pthread_cond_destroy(&delay->changed);
	pthread_mutex_destroy(&delay->lock);
	return -error;
}

static int delay_probe(struct acr_device *dev)
{
	struct delay_device *delay = calloc(1, sizeof(*delay));
	int error;

	if (!delay)
		return -ENOMEM;
	error = read_options(dev, delay);
	if (!error)
		error = soft_add_capabilities(dev);
	if (error) {
		free(delay);
		return error;
	}
	acr_device_set_width(dev, (unsigned)delay->width, (unsigned)delay->width);
	acr_device_set_area(dev, sizeof(struct delayed));
	error = start(dev, delay);
	if (error) {
		soft_release();
		free(delay);
	}
	return error;
}

/* Under the lock. Ops of one length come in the order of their deadlines: look from the end. */
static void insert(struct delay_device *delay, struct delayed *entry)
{
	struct delayed *before = TAILQ_LAST(&delay->list, delayed_list);

	while (before && before->deadline_ns > entry->deadline_ns)
		before = TAILQ_PREV(before, delayed_list, link);
	if (before)
		TAILQ_INSERT_AFTER(&delay->list, before, entry, link);
	else
		TAILQ_INSERT_HEAD(&delay->list, entry, link);
}

static int delay_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	struct delay_device *delay = acr_device_private(dev);
	unsigned taken = 0;

	pthread_mutex_lock(&delay->lock);
	while (taken < n && delay->in_service < delay->width) {
		struct delayed *entry = ops[taken]->driver_area;

		entry->op = ops[taken];
		entry->deadline_ns = deadline_of(delay, ops[taken]);
		insert(delay, entry);
		delay->in_service++;
		taken++;
	}
	pthread_cond_signal(&delay->changed);
	pthread_mutex_unlock(&delay->lock);
	return (int)taken;
}

static void delay_cancel(struct acr_device *dev, struct acr_op *op)
{
	struct delay_device *delay = acr_device_private(dev);
	struct delayed *entry = op->driver_area;
	bool waiting;

	pthread_mutex_lock(&delay->lock);
	waiting = entry->op;
	if (waiting) {
		entry->op = NULL;
		TAILQ_REMOVE(&delay->list, entry, link);
		delay->in_service--;
	}
	pthread_mutex_unlock(&delay->lock);
	if (waiting)
		acr_op_done(op, -ECANCELED);
}

static void delay_remove(struct acr_device *dev)
{
	struct delay_device *delay = acr_device_private(dev);
	struct delayed *entry;

	pthread_mutex_lock(&delay->lock);
	delay->stop = true;
	pthread_cond_signal(&delay->changed);
	pthread_mutex_unlock(&delay->lock);
	pthread_join(delay->thread, NULL);
	/* A cancel() may still come from another thread, so take them one by one. */
	pthread_mutex_lock(&delay->lock);
	while ((entry = TAILQ_FIRST(&delay->list))) {
		struct acr_op *op = entry->op;

		entry->op = NULL;
		TAILQ_REMOVE(&delay->list, entry, link);
		pthread_mutex_unlock(&delay->lock);
		acr_op_done(op, -ENODEV);
		pthread_mutex_lock(&delay->lock);
	}
	pthread_mutex_unlock(&delay->lock);
	pthread_cond_destroy(&delay->changed);
	pthread_mutex_destroy(&delay->lock);
	free(delay);
	soft_release();
}

static const struct acr_driver delay_driver = {
	.name = "delay",
	.help = "computes after a set time, some operations at once (for tests)",
	.options = delay_options,
	.flags = ACR_DRIVER_FAULT,
	.probe = delay_probe,
	.submit = delay_submit,
	.cancel = delay_cancel,
	.state_free = soft_state_free,
	.remove = delay_remove,
};

ACR_REGISTER_DRIVER(delay_driver);
