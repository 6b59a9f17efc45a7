/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Computes N operations in software and is then gone, like a card pulled out of its slot;
 * reset() puts it back for N more. */
#include "common/engine/engine.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

struct vanish_device {
	uint64_t after;
	atomic_uint_fast64_t count; /* operations since probe() or reset() */
};

static const struct acr_option vanish_options[] = {
	{ "after", "operations that work before the device is gone, 0 and up; required", NULL },
	{ "threads", "operations at once, 1 to 1024", "1" },
	{ NULL, NULL, NULL },
};

static int read_options(struct acr_device *dev, struct vanish_device *vanish)
{
	uint64_t threads;
	int error;

	if (!acr_device_option(dev, "after")) {
		acr_device_explain(dev, "after=N is required");
		return -EINVAL;
	}
	error = acr_device_option_number(dev, "after", 0, UINT64_MAX - 1, &vanish->after);
	if (!error)
		error = acr_device_option_number(dev, "threads", 1, 1024, &threads);
	if (!error)
		acr_device_set_width(dev, (unsigned)threads, 1);
	return error;
}

static int vanish_probe(struct acr_device *dev)
{
	struct vanish_device *vanish = calloc(1, sizeof(*vanish));
	int error;

	if (!vanish)
		return -ENOMEM;
	error = read_options(dev, vanish);
	if (!error)
		error = soft_add_capabilities(dev);
	if (error)
		free(vanish);
	else
		acr_device_set_private(dev, vanish);
	return error;
}

static bool is_gone(const struct vanish_device *vanish)
{
	return vanish->count > vanish->after;
}

static void one(struct acr_device *dev, struct vanish_device *vanish, struct acr_op *op)
{
	uint64_t count = ++vanish->count;
	int error = -ENODEV;

	if (count == vanish->after + 1)
		acr_device_broken(dev, "vanished");
	else if (count <= vanish->after)
		error = soft_compute(op);
	/* Other threads' work is lost when the device goes while they are at it. */
	acr_op_done(op, is_gone(vanish) ? -ENODEV : error);
}

static int vanish_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		one(dev, acr_device_private(dev), ops[i]);
	return (int)n;
}

static int vanish_reset(struct acr_device *dev)
{
	struct vanish_device *vanish = acr_device_private(dev);

	vanish->count = 0;
	return 0;
}

static void vanish_remove(struct acr_device *dev)
{
	free(acr_device_private(dev));
	soft_release();
}

static const struct acr_driver vanish_driver = {
	.name = "vanish",
	.help = "computes N operations and is then gone (for tests)",
	.options = vanish_options,
	.flags = ACR_DRIVER_SYNC | ACR_DRIVER_FAULT,
	.probe = vanish_probe,
	.submit = vanish_submit,
	.state_free = soft_state_free,
	.reset = vanish_reset,
	.remove = vanish_remove,
};

ACR_REGISTER_DRIVER(vanish_driver);
