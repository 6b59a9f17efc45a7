/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Computes N operations in software; what it accepts after them never ends by itself, only by
 * cancel(), reset() or remove(). */
#include "common/engine/fault.h"

#include <errno.h>
#include <pthread.h>
#include <sys/queue.h>

/* In acr_op.driver_area. */
struct hung {
	LIST_ENTRY(hung) link; /* (h) */
	struct acr_op *op;     /* (h) NULL: not on the list */
};

struct hang_device {
	uint64_t after;
	pthread_mutex_t lock;            /* (h); not held when ops end */
	uint64_t count;                  /* (h) operations since probe() or reset() */
	LIST_HEAD(hung_list, hung) hung; /* (h) */
};

static const struct acr_option hang_options[] = {
	{ "after", "operations that work before the rest hangs, 0 and up; required", NULL },
	{ "width", "operations accepted at once, 1 to 65536", "1" },
	{ NULL, NULL, NULL },
};

static int set_up(struct acr_device *dev, void *own)
{
	struct hang_device *hang = own;
	uint64_t width;
	int error = fault_required(dev, "after", UINT64_MAX, &hang->after);

	if (!error)
		error = acr_device_option_number(dev, "width", 1, 65536, &width);
	if (error)
		return error;
	pthread_mutex_init(&hang->lock, NULL);
	LIST_INIT(&hang->hung);
	acr_device_set_width(dev, (unsigned)width, 1);
	acr_device_set_area(dev, sizeof(struct hung));
	return 0;
}

static int hang_probe(struct acr_device *dev)
{
	return fault_probe(dev, sizeof(struct hang_device), set_up);
}

/* Returns whether op hangs from now on. */
static bool maybe_hang(struct hang_device *hang, struct acr_op *op)
{
	struct hung *entry = op->driver_area;
	bool hangs;

	pthread_mutex_lock(&hang->lock);
	hangs = hang->count >= hang->after;
	hang->count += !hangs;
	if (hangs) {
		entry->op = op;
		LIST_INSERT_HEAD(&hang->hung, entry, link);
	}
	pthread_mutex_unlock(&hang->lock);
	return hangs;
}

static int hang_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	struct hang_device *hang = acr_device_private(dev);

	for (unsigned i = 0; i < n; i++)
		if (!maybe_hang(hang, ops[i]))
			acr_op_done(ops[i], soft_compute(ops[i]));
	return (int)n;
}

static void hang_cancel(struct acr_device *dev, struct acr_op *op)
{
	struct hang_device *hang = acr_device_private(dev);
	struct hung *entry = op->driver_area;
	bool hangs;

	pthread_mutex_lock(&hang->lock);
	hangs = entry->op;
	if (hangs) {
		entry->op = NULL;
		LIST_REMOVE(entry, link);
	}
	pthread_mutex_unlock(&hang->lock);
	if (hangs)
		acr_op_done(op, -ECANCELED);
}

static struct acr_op *take_one(struct hang_device *hang)
{
	struct acr_op *op = NULL;
	struct hung *entry;

	pthread_mutex_lock(&hang->lock);
	entry = LIST_FIRST(&hang->hung);
	if (entry) {
		op = entry->op;
		entry->op = NULL;
		LIST_REMOVE(entry, link);
	}
	pthread_mutex_unlock(&hang->lock);
	return op;
}

static void end_all(struct hang_device *hang)
{
	struct acr_op *op;

	while ((op = take_one(hang)))
		acr_op_done(op, -ENODEV);
}

static int hang_reset(struct acr_device *dev)
{
	struct hang_device *hang = acr_device_private(dev);

	end_all(hang);
	pthread_mutex_lock(&hang->lock);
	hang->count = 0;
	pthread_mutex_unlock(&hang->lock);
	return 0;
}

static void hang_remove(struct acr_device *dev)
{
	struct hang_device *hang = acr_device_private(dev);

	end_all(hang);
	pthread_mutex_destroy(&hang->lock);
	fault_remove(dev);
}

static const struct acr_driver hang_driver = {
	.name = "hang",
	.help = "computes N operations and never ends the rest (for tests)",
	.options = hang_options,
	.flags = ACR_DRIVER_FAULT,
	.probe = hang_probe,
	.submit = hang_submit,
	.cancel = hang_cancel,
	.state_free = soft_state_free,
	.reset = hang_reset,
	.remove = hang_remove,
};

ACR_REGISTER_DRIVER(hang_driver);
