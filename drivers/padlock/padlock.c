/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VIA and Zhaoxin processors: what the core sees of the driver. */
#include "padlock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_MAX 1024u

static const struct acr_option padlock_options[] = {
	{ "cpus", "processors, as 0-3+8; default: all that the daemon may use", NULL },
	{ "quality", "divisor of the random number generator, 0 (fast) to 3 (best)", "3" },
	{ "software-keys", "1: expand AES-128 keys in software, too, not in the unit", "0" },
	{ NULL, NULL, NULL },
};

int padlock_compute(struct acr_op *op, const struct padlock_cap *cap, struct padlock_area *area)
{
	int error =
	        cap->row->digest ? padlock_hash(op, cap, area) : padlock_cipher(op, cap, area);

	if (!error)
		return 0;
	if (op->dst)
		explicit_bzero(op->dst, op->dst_size);
	op->dst_len = 0;
	return error;
}

static int read_options(struct acr_device *dev, struct padlock *padlock)
{
	const char *cpus = acr_device_option(dev, "cpus");
	uint64_t quality, software;
	cpu_set_t allowed;
	int error = acr_device_option_number(dev, "quality", 0, 3, &quality);

	if (!error)
		error = acr_device_option_number(dev, "software-keys", 0, 1, &software);
	if (error)
		return error;
	padlock->divisor = (unsigned)quality;
	padlock->soft_keys = software;
	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return -errno;
	padlock->cpus = allowed;
	if (!cpus)
		return 0;
	if (!padlock_cpus_parse(cpus, &allowed, &padlock->cpus)) {
		acr_device_explain(dev,
		                   "cpus=%.64s must be as 0-3+8, of processors that the "
		                   "daemon may use",
		                   cpus);
		return -EINVAL;
	}
	padlock->pinned = !CPU_EQUAL(&padlock->cpus, &allowed);
	return 0;
}

/* What is done with each kind of algorithm. */
static const enum acr_opcode opcodes[][2] = {
	[PADLOCK_AES] = { ACR_ENCRYPT, ACR_DECRYPT },
	[PADLOCK_SM4] = { ACR_ENCRYPT, ACR_DECRYPT },
	[PADLOCK_HASH] = { ACR_HASH, ACR_HASH },
	[PADLOCK_HMAC] = { ACR_MAC, ACR_VERIFY },
};

static int add_row(struct acr_device *dev, const struct padlock_cap *given)
{
	const enum acr_opcode *opcode = opcodes[given->row->kind];
	bool parts = given->row->digest && !(given->ways & PADLOCK_FINISH);
	struct acr_capability cap = { .opcode = opcode[0],
		                      .alg = given->row->alg,
		                      .data = given,
		                      .state = parts ? PADLOCK_STATE : NULL };
	int error = acr_device_add_capability(dev, &cap);

	cap.opcode = opcode[1];
	return error || opcode[0] == opcode[1] ? error : acr_device_add_capability(dev, &cap);
}

static int add_capabilities(struct acr_device *dev, const struct padlock *padlock)
{
	const struct acr_capability random = { .opcode = ACR_RANDOM,
		                               .alg = "",
		                               .flags = ACR_CAP_ONCE };
	unsigned added = 0;
	int error = padlock->random_offered ? acr_device_add_capability(dev, &random) : 0;

	for (unsigned i = 0; i < padlock_row_count && !error; i++) {
		if (!padlock->caps[i].offered)
			continue;
		error = add_row(dev, &padlock->caps[i]);
		added++;
	}
	if (error || added || padlock->random_offered)
		return error;
	acr_device_explain(dev, "no unit of this processor is enabled and gives right answers");
	return -ENODEV;
}

/* What the processor should know and doesn't. */
static void tell_failures(const struct acr_device *dev, const struct padlock *padlock)
{
	for (unsigned i = 0; i < padlock_row_count; i++)
		if (padlock->caps[i].tried && !padlock->caps[i].offered)
			acr_log(ACR_LOG_WARNING, acr_device_name(dev),
			        "%s gives no right answers here and is not offered",
			        padlock->caps[i].row->alg);
	if (padlock->cpu.units & PADLOCK_RNG && !padlock->random_offered)
		acr_log(ACR_LOG_WARNING, acr_device_name(dev),
		        "the random numbers are not fit for use and not offered");
}

static void padlock_free(struct padlock *padlock)
{
	padlock_random_free(padlock->random);
	free(padlock->caps);
	free(padlock);
}

static int test_units(struct acr_device *dev, struct padlock *padlock)
{
	int error = padlock_selftest(padlock, false);

	if (error) {
		acr_device_explain(dev, "the test of the instructions could not be made: %s",
		                   strerror(-error));
		return error;
	}
	tell_failures(dev, padlock);
	padlock->random = padlock_random_new(padlock->divisor, padlock->cpu.rng_status);
	return padlock->random ? add_capabilities(dev, padlock) : -ENOMEM;
}

static int padlock_probe(struct acr_device *dev)
{
	struct padlock *padlock = calloc(1, sizeof(*padlock));
	unsigned width;
	int error;

	if (!padlock)
		return -ENOMEM;
	padlock->caps = calloc(padlock_row_count, sizeof(*padlock->caps));
	error = padlock->caps ? read_options(dev, padlock) : -ENOMEM;
	if (!error && !padlock_cpu_detect(&padlock->cpu)) {
		acr_device_explain(dev, "this processor has no PadLock");
		error = -ENODEV;
	}
	if (!error)
		error = test_units(dev, padlock);
	if (error) {
		padlock_free(padlock);
		return error;
	}
	width = (unsigned)CPU_COUNT(&padlock->cpus);
	acr_device_set_width(dev, width < WIDTH_MAX ? width : WIDTH_MAX, 1);
	acr_device_set_area(dev, sizeof(struct padlock_area));
	acr_device_set_private(dev, padlock);
	acr_log(ACR_LOG_INFO, acr_device_name(dev), "family %u, model %u, %u processors",
	        padlock->cpu.family, padlock->cpu.model, width);
	return 0;
}

/* Any thread may come here, those that serve the files too: on a device of some processors it works
 * on these meanwhile. */
static bool move_there(const struct padlock *padlock, cpu_set_t *before)
{
	cpu_set_t both;

	if (!padlock->pinned || sched_getaffinity(0, sizeof(*before), before))
		return false;
	CPU_AND(&both, before, &padlock->cpus);
	if (CPU_EQUAL(&both, before))
		return false;
	return !sched_setaffinity(0, sizeof(padlock->cpus), &padlock->cpus);
}

static int padlock_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	struct padlock *padlock = acr_device_private(dev);
	cpu_set_t before;
	bool moved = move_there(padlock, &before);

	for (unsigned i = 0; i < n; i++) {
		struct acr_op *op = ops[i];

		acr_op_done(op,
		            op->opcode == ACR_RANDOM
		                    ? padlock_random(padlock->random, op, acr_device_name(dev))
		                    : padlock_compute(op, op->cap_data, op->driver_area));
	}
	if (moved)
		sched_setaffinity(0, sizeof(before), &before);
	return (int)n;
}

static int padlock_reset(struct acr_device *dev)
{
	struct padlock *padlock = acr_device_private(dev);
	int error = padlock_selftest(padlock, true);

	if (error) {
		acr_device_explain(dev, "the units do not give the answers that they gave");
		return error;
	}
	padlock_random_reset(padlock->random);
	return 0;
}

static void padlock_remove(struct acr_device *dev)
{
	padlock_free(acr_device_private(dev));
}

static const struct acr_driver padlock_driver = {
	.name = "padlock",
	.help = "VIA PadLock and Zhaoxin crypto instructions of this machine's processors",
	.options = padlock_options,
	.flags = ACR_DRIVER_SYNC | ACR_DRIVER_INLINE | ACR_DRIVER_AUTO,
	.probe = padlock_probe,
	.submit = padlock_submit,
	.state_free = padlock_state_free,
	.reset = padlock_reset,
	.remove = padlock_remove,
};

ACR_REGISTER_DRIVER(padlock_driver);
