/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Computes N operations in software and is then gone, like a card pulled out of its slot;
 * reset() puts it back for N more. */
#include "common/engine/fault.h"

#include <errno.h>
#include <stdatomic.h>

struct vanish_device {
	uint64_t after;
	atomic_uint_fast64_t count; /* operations since probe() or reset() */
};

static const struct acr_option vanish_options[] = {
	{ "after", "operations that work before the device is gone, 0 and up; required", NULL },
	{ "threads", "operations at once, 1 to 1024", "1" },
	{ NULL, NULL, NULL },
};

static int set_up(struct acr_device *dev, void *own)
{
	struct vanish_device *vanish = own;
	int error = fault_required(dev, "after", UINT64_MAX - 1, &vanish->after);

	return error ? error : fault_threads(dev);
}

static int vanish_probe(struct acr_device *dev)
{
	return fault_probe(dev, sizeof(struct vanish_device), set_up);
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

static const struct acr_driver vanish_driver = {
	.name = "vanish",
	.help = "computes N operations and is then gone (for tests)",
	.options = vanish_options,
	.flags = ACR_DRIVER_SYNC | ACR_DRIVER_FAULT,
	.probe = vanish_probe,
	.submit = vanish_submit,
	.state_free = soft_state_free,
	.reset = vanish_reset,
	.remove = fault_remove,
};

ACR_REGISTER_DRIVER(vanish_driver);
