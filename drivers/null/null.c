/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Accepts everything and computes nothing: what is left is the cost of all the rest. The
 * output is zeros, of a length that the algorithm could have given: as long as the input for
 * ciphers (padding is neither added nor removed), else what was asked for. */
#include <acrypto/driver.h>

#include <string.h>

static const struct acr_option null_options[] = {
	{ "threads", "operations at once, 1 to 1024", "1" },
	{ NULL, NULL, NULL },
};

/* Nothing runs from part to part, but parts must have a state that isn't NULL. */
static char null_state;

static int null_probe(struct acr_device *dev)
{
	static const struct acr_capability all = { .state = "null" };
	uint64_t threads;
	int error = acr_device_option_number(dev, "threads", 1, 1024, &threads);

	if (error)
		return error;
	acr_device_set_width(dev, (unsigned)threads, 16);
	error = acr_device_add_all_capabilities(dev, &all);
	return error < 0 ? error : 0;
}

static size_t output_bytes(const struct acr_op *op)
{
	size_t n = op->dst_size;

	if (op->opcode == ACR_ENCRYPT || op->opcode == ACR_DECRYPT)
		n = op->src.len;
	else if (op->opcode == ACR_VERIFY || !(op->flags & ACR_OP_LAST))
		n = 0;
	else if (op->opcode == ACR_MAC && op->tag_size)
		n = op->tag_size;
	return n < op->dst_size ? n : op->dst_size;
}

static void pretend(struct acr_op *op)
{
	op->dst_len = output_bytes(op);
	if (op->dst_len)
		memset(op->dst, 0, op->dst_len);
	memset(op->tag_out, 0, sizeof(op->tag_out));
	if (!(op->flags & ACR_OP_LAST))
		acr_op_set_state(op, &null_state);
	acr_op_done(op, 0);
}

static int null_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	(void)dev;
	for (unsigned i = 0; i < n; i++)
		pretend(ops[i]);
	return (int)n;
}

static void null_state_free(void *state)
{
	(void)state; /* static */
}

static const struct acr_driver null = {
	.name = "null",
	.help = "accepts everything, computes nothing",
	.options = null_options,
	.flags = ACR_DRIVER_SYNC | ACR_DRIVER_INLINE | ACR_DRIVER_FAULT | ACR_DRIVER_NULL,
	.probe = null_probe,
	.submit = null_submit,
	.state_free = null_state_free,
};

ACR_REGISTER_DRIVER(null);
