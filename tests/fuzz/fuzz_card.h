/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the fuzzers of cards' drivers share: the script, and operations whose ends are watched.
 * Included after the fake chip and its `device`, with OPS, how many operations there may be, and
 * LONGEST, bytes of the longest input. */
#ifndef FUZZ_CARD_H
#define FUZZ_CARD_H

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *script;
static size_t left;
static bool lying;

static struct host_op ops[OPS];
static uint8_t *outputs[OPS];
static unsigned op_count;
static uint8_t source[LONGEST];

/* The next bytes of the script: as many as are left, at its end. */
static uint32_t take(unsigned bytes)
{
	uint32_t value = 0;

	for (; bytes && left; bytes--, left--)
		value = value << 8 | *script++;
	return value;
}

/* To be filled in and submitted. NULL: there are no more. */
static struct acr_op *next_op(void)
{
	if (op_count == OPS)
		return NULL;
	memset(&ops[op_count], 0, sizeof(ops[op_count]));
	return &ops[op_count].op;
}

/* The last of next_op(), with dst_size set. */
static void submit_op(struct acr_op *op)
{
	op->dst = outputs[op_count] = malloc(op->dst_size + 1); /* its end is watched */
	if (acrypto_driver.driver->submit(&device, &op, 1) == 1)
		op_count++;
	else
		free(outputs[op_count]);
}

static void cancel_one(void)
{
	if (op_count)
		acrypto_driver.driver->cancel(&device, &ops[take(1) % op_count].op);
}

/* When the device is gone: each operation has ended, once, and within its room. */
static void check_ends(void)
{
	for (unsigned i = 0; i < op_count; i++) {
		if (ops[i].ends != 1 ||
		    (!ops[i].error && ops[i].op.dst_len > ops[i].op.dst_size))
			abort();
		free(outputs[i]);
	}
	op_count = 0;
}

#endif
