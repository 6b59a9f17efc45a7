/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Computes in software, but one bit of every Nth output is wrong. */
#include "common/engine/fault.h"

#include <stdatomic.h>

struct flip_device {
	uint64_t every;
	atomic_uint_fast64_t count; /* outputs so far */
};

static const struct acr_option flip_options[] = {
	{ "every", "which outputs are wrong: each Nth, 1 (all) and up", "2" },
	{ "threads", "operations at once, 1 to 1024", "1" },
	{ NULL, NULL, NULL },
};

static int set_up(struct acr_device *dev, void *own)
{
	struct flip_device *flip = own;
	int error = acr_device_option_number(dev, "every", 1, UINT64_MAX, &flip->every);

	return error ? error : fault_threads(dev);
}

static int flip_probe(struct acr_device *dev)
{
	return fault_probe(dev, sizeof(struct flip_device), set_up);
}

/* dst, or the tag where dst is empty. A part that only moves the running state on has
 * neither; it isn't counted, so that every Nth output is wrong as promised. */
static void spoil(struct flip_device *flip, struct acr_op *op)
{
	bool tagged = op->opcode == ACR_ENCRYPT && op->flags & ACR_OP_LAST;
	uint8_t *out = op->dst_len ? op->dst : op->tag_out;
	size_t n = op->dst_len ? op->dst_len : tagged ? op->tag_size : 0;
	uint64_t count;

	if (!n)
		return;
	count = ++flip->count;
	if (count % flip->every)
		return;
	/* Another place each time, the same in each run. */
	count = count / flip->every * 0x9e3779b97f4a7c15u >> 16;
	out[count % n] ^= (uint8_t)(1u << (count / n % 8));
}

static int flip_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int error = soft_compute(ops[i]);

		if (!error)
			spoil(acr_device_private(dev), ops[i]);
		acr_op_done(ops[i], error);
	}
	return (int)n;
}

static const struct acr_driver flip_driver = {
	.name = "flip",
	.help = "computes, but one bit of every Nth output is wrong (for tests)",
	.options = flip_options,
	.flags = ACR_DRIVER_SYNC | ACR_DRIVER_FAULT,
	.probe = flip_probe,
	.submit = flip_submit,
	.state_free = soft_state_free,
	.remove = fault_remove,
};

ACR_REGISTER_DRIVER(flip_driver);
