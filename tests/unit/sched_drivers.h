/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Drivers for the test of the scheduler. All of them "compute" src ^ 0x5a.
 *
 * calc   in the caller's thread; every fail-th operation fails with EIO
 * gate   keeps what it accepts until the test or, with auto=1, a thread of its own ends it;
 *        with fewer=1 it often accepts fewer than it is offered
 * early  ends the first of what it is offered within submit(), and leaves the rest
 * lazy   works in flush() only, which waits for the test
 * late   as gate, but lets go of nothing that is given up
 * crowd  keeps what it accepts until flush(), 50 ms after the first */
#ifndef ACR_SCHED_DRIVERS_H
#define ACR_SCHED_DRIVERS_H

#include "tests/lib/check.h"
#include "tests/lib/static_modules.h"

#include <acrypto/driver.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#define HELD_MAX 64

static void compute(struct acr_op *op)
{
	for (size_t i = 0; i < op->src.len; i++)
		op->dst[i] = op->src.data[i] ^ 0x5a;
	op->dst_len = op->src.len;
}

static int number(struct acr_device *dev, const char *name, unsigned *value)
{
	uint64_t found = 0;
	int error = acr_device_option_number(dev, name, 0, 1 << 20, &found);

	*value = (unsigned)found;
	return error;
}

static int add_capabilities(struct acr_device *dev)
{
	struct acr_capability cap = { .opcode = ACR_HASH, .alg = "sha256" };
	int error = number(dev, "queue", &cap.queue_length);

	if (!error)
		error = acr_device_add_capability(dev, &cap);
	cap.alg = "md5";
	return error ? error : acr_device_add_capability(dev, &cap);
}

static const struct acr_option options[] = {
	{ "width", "", "1" }, { "queue", "", "0" }, { "fail", "", "0" },
	{ "auto", "", "0" },  { "fewer", "", "0" }, { NULL, NULL, NULL },
};

/* ---- calc ---- */

struct calc {
	unsigned fail;
	atomic_uint count;
};

static int calc_probe(struct acr_device *dev)
{
	struct calc *calc = calloc(1, sizeof *calc);
	unsigned width;
	int error = number(dev, "fail", &calc->fail);

	if (!error)
		error = number(dev, "width", &width);
	if (!error)
		error = add_capabilities(dev);
	if (error) {
		free(calc);
		return error;
	}
	acr_device_set_width(dev, width, 4);
	acr_device_set_private(dev, calc);
	return 0;
}

static int calc_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	struct calc *calc = acr_device_private(dev);

	for (unsigned i = 0; i < n; i++) {
		unsigned count = atomic_fetch_add(&calc->count, 1) + 1;
		compute(ops[i]);
		acr_op_done(ops[i], calc->fail && count % calc->fail == 0 ? -EIO : 0);
	}
	return (int)n;
}

static void calc_remove(struct acr_device *dev)
{
	free(acr_device_private(dev));
}

/* ---- gate ---- */

struct gate {
	struct acr_device *dev;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct acr_op *held[HELD_MAX]; /* in order of arrival */
	unsigned count;
	unsigned automatic, fewer;
	bool refused, ending;
	uint64_t seed;
	pthread_t thread;
};

/* Take one out, the oldest if op is NULL. NULL: it isn't there. */
static struct acr_op *gate_take(struct gate *gate, const struct acr_op *op)
{
	struct acr_op *found = NULL;

	for (unsigned i = 0; i < gate->count && !found; i++) {
		if (op && gate->held[i] != op)
			continue;
		found = gate->held[i];
		gate->count--;
		memmove(gate->held + i, gate->held + i + 1,
		        (gate->count - i) * sizeof gate->held[0]);
	}
	return found;
}

/* The area is the driver's own while it has the op. */
static void gate_end(struct acr_op *op, int error)
{
	const uint8_t *area = op->driver_area;

	CHECK(area[0] == 0xa7 && area[63] == 0xa7);
	if (!error)
		compute(op);
	acr_op_done(op, error);
}

static void *gate_work(void *data)
{
	struct gate *gate = data;
	struct acr_op *op;
	bool ready;

	pthread_mutex_lock(&gate->lock);
	while (!gate->ending) {
		if (!gate->count && !gate->refused) {
			pthread_cond_wait(&gate->more, &gate->lock);
			continue;
		}
		op = gate_take(gate, NULL);
		ready = gate->refused;
		gate->refused = false;
		pthread_mutex_unlock(&gate->lock);
		if (op)
			gate_end(op, 0);
		if (ready)
			acr_device_ready(gate->dev);
		pthread_mutex_lock(&gate->lock);
	}
	pthread_mutex_unlock(&gate->lock);
	return NULL;
}

static int gate_probe(struct acr_device *dev)
{
	struct gate *gate = calloc(1, sizeof *gate);
	unsigned width = 1;
	int error = number(dev, "auto", &gate->automatic);

	if (!error)
		error = number(dev, "fewer", &gate->fewer);
	if (!error)
		error = number(dev, "width", &width);
	if (!error)
		error = add_capabilities(dev);
	if (error) {
		free(gate);
		return error;
	}
	gate->dev = dev;
	gate->seed = 77;
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->more, NULL);
	acr_device_set_width(dev, width, width);
	acr_device_set_area(dev, 64);
	acr_device_set_private(dev, gate);
	if (gate->automatic)
		CHECK(!pthread_create(&gate->thread, NULL, gate_work, gate));
	return 0;
}

static int gate_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	struct gate *gate = acr_device_private(dev);
	unsigned taken = 0;

	pthread_mutex_lock(&gate->lock);
	while (taken < n && gate->count < HELD_MAX &&
	       !(gate->fewer && chance(&gate->seed, 3) == 0)) {
		memset(ops[taken]->driver_area, 0xa7, 64);
		gate->held[gate->count++] = ops[taken++];
	}
	gate->refused = taken < n;
	pthread_cond_broadcast(&gate->more);
	pthread_mutex_unlock(&gate->lock);
	return (int)taken;
}

static void gate_cancel(struct acr_device *dev, struct acr_op *op)
{
	struct gate *gate = acr_device_private(dev);
	struct acr_op *found;

	CHECK(op->driver_area != NULL); /* only what submit() was shown is cancelled */
	pthread_mutex_lock(&gate->lock);
	found = gate_take(gate, op);
	pthread_mutex_unlock(&gate->lock);
	if (found)
		gate_end(found, -ECANCELED);
}

/* End the oldest, when it has come. */
static inline void gate_open(struct gate *gate, int error)
{
	struct acr_op *op;

	pthread_mutex_lock(&gate->lock);
	while (!gate->count)
		pthread_cond_wait(&gate->more, &gate->lock);
	op = gate_take(gate, NULL);
	pthread_mutex_unlock(&gate->lock);
	gate_end(op, error);
}

static inline void gate_wait(struct gate *gate, unsigned count)
{
	pthread_mutex_lock(&gate->lock);
	while (gate->count < count)
		pthread_cond_wait(&gate->more, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void gate_remove(struct acr_device *dev)
{
	struct gate *gate = acr_device_private(dev);
	struct acr_op *op;

	pthread_mutex_lock(&gate->lock);
	gate->ending = true;
	pthread_cond_broadcast(&gate->more);
	pthread_mutex_unlock(&gate->lock);
	if (gate->automatic)
		pthread_join(gate->thread, NULL);
	while ((op = gate_take(gate, NULL)))
		gate_end(op, -ENODEV);
	pthread_mutex_destroy(&gate->lock);
	pthread_cond_destroy(&gate->more);
	free(gate);
}

/* ---- early ---- */

static int early_probe(struct acr_device *dev)
{
	acr_device_set_width(dev, 4, 4);
	return add_capabilities(dev);
}

static int early_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	(void)dev, (void)n;
	compute(ops[0]);
	acr_op_done(ops[0], 0);
	return 1;
}

/* ---- lazy ---- */

static sem_t lazy_flushes, lazy_may_flush;
static struct acr_op *lazy_op; /* one at a time */

static int lazy_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	(void)dev, (void)n;
	lazy_op = ops[0];
	return 1;
}

static void lazy_flush(struct acr_device *dev)
{
	(void)dev;
	sem_post(&lazy_flushes);
	sem_wait(&lazy_may_flush);
	if (lazy_op) {
		compute(lazy_op);
		acr_op_done(lazy_op, 0);
	}
	lazy_op = NULL;
}

/* ---- crowd ---- */

static struct {
	pthread_mutex_t lock;
	struct acr_op *ops[HELD_MAX];
	unsigned count, flushes;
	uint64_t first_ns;    /* when the first of them came */
	uint64_t shortest_ns; /* that any first has waited */
} crowd = { .lock = PTHREAD_MUTEX_INITIALIZER, .shortest_ns = UINT64_MAX };

static uint64_t crowd_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int crowd_probe(struct acr_device *dev)
{
	acr_device_set_width(dev, HELD_MAX, 4);
	acr_device_set_flush(dev, 50000);
	return add_capabilities(dev);
}

static int crowd_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	(void)dev;
	pthread_mutex_lock(&crowd.lock);
	if (!crowd.count)
		crowd.first_ns = crowd_now();
	for (unsigned i = 0; i < n; i++)
		crowd.ops[crowd.count++] = ops[i];
	pthread_mutex_unlock(&crowd.lock);
	return (int)n;
}

static void crowd_flush(struct acr_device *dev)
{
	struct acr_op *ops[HELD_MAX];
	unsigned count;

	(void)dev;
	pthread_mutex_lock(&crowd.lock);
	count = crowd.count;
	memcpy(ops, crowd.ops, sizeof ops);
	crowd.count = 0;
	crowd.flushes++;
	if (count && crowd_now() - crowd.first_ns < crowd.shortest_ns)
		crowd.shortest_ns = crowd_now() - crowd.first_ns;
	pthread_mutex_unlock(&crowd.lock);
	/* In any order: here the last comes first. */
	while (count-- > 0) {
		compute(ops[count]);
		acr_op_done(ops[count], 0);
	}
}

/* ---- all ---- */

static const struct acr_driver drivers[] = {
	{ .name = "calc",
	  .options = options,
	  .flags = ACR_DRIVER_SYNC | ACR_DRIVER_INLINE,
	  .probe = calc_probe,
	  .submit = calc_submit,
	  .remove = calc_remove },
	{ .name = "gate",
	  .options = options,
	  .probe = gate_probe,
	  .submit = gate_submit,
	  .cancel = gate_cancel,
	  .remove = gate_remove },
	{ .name = "early", .options = options, .probe = early_probe, .submit = early_submit },
	{ .name = "lazy",
	  .options = options,
	  .probe = add_capabilities,
	  .submit = lazy_submit,
	  .flush = lazy_flush },
	{ .name = "late",
	  .options = options,
	  .probe = gate_probe,
	  .submit = gate_submit,
	  .remove = gate_remove },
	{ .name = "crowd",
	  .options = options,
	  .probe = crowd_probe,
	  .submit = crowd_submit,
	  .flush = crowd_flush },
};

#endif
