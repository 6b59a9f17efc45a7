/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* XSTORE and REP XSTORE over the kernel's generator, and generators that fail. */
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "model.h"

#define STATUS_ENABLED  0x40u
#define STATUS_SOURCE_A 0x100u
#define STATUS_SOURCE_B 0x200u
#define STATUS_BIAS     0x400u
#define STATUS_FILTER   0x4000u
#define STATUS_FAILED   0x8000u

/* PADLOCK_MODEL_RNG: what each does is in README.md. */
const char *const pm_rng_words[] = { "good",   "stuck",  "empty", "slow",
	                             "failed", "biased", "off",   NULL };

static bool rng_is(const char *word)
{
	return strcmp(pm.rng, word) == 0;
}

/* Bits of RAX beside the count: on CPUs that show the register of the generator. */
static uint64_t status(void)
{
	uint64_t bits = STATUS_ENABLED | STATUS_SOURCE_A;

	if (!(pm.quirks & PM_RNG_STATUS))
		return 0;
	if (!(pm.quirks & PM_ONE_SOURCE))
		bits |= STATUS_SOURCE_B;
	if (rng_is("off"))
		bits &= ~(uint64_t)STATUS_ENABLED;
	if (rng_is("biased"))
		bits |= STATUS_BIAS;
	if (rng_is("failed"))
		bits |= STATUS_FILTER | STATUS_FAILED;
	return bits;
}

/* How many of `wanted` there are now. */
static unsigned available(unsigned wanted)
{
	static atomic_uint asked;

	if (rng_is("empty") || rng_is("off") || rng_is("failed"))
		return 0;
	if (rng_is("slow") && atomic_fetch_add(&asked, 1) % 4 != 3)
		return 0;
	return wanted;
}

static void fill(uint8_t *to, size_t bytes)
{
	memset(to, 0x5a, bytes);
	if (!rng_is("stuck") && syscall(SYS_getrandom, to, bytes, 0) != (long)bytes)
		pm_say("getrandom() gave nothing");
}

/* Divisors 2 and 3 store four bytes, of which the count says how many are random. */
static enum pm_end store_once(struct pm_cpu *cpu, unsigned *count)
{
	uint8_t bytes[8] = { 0 };
	unsigned divisor = cpu->dx & 3;
	size_t stored = divisor ? 4 : 8;

	*count = available(8 >> divisor);
	if (!*count)
		return PM_DONE;
	fill(bytes, *count);
	if (pm_write(cpu->di, bytes, stored))
		return PM_FAULT;
	cpu->di += *count;
	return PM_DONE;
}

/* REP waits: a generator that gives nothing ends it after a while, with CX not 0. */
static enum pm_end store_many(struct pm_cpu *cpu, unsigned *count)
{
	enum pm_end end = PM_DONE;

	for (unsigned tries = 0; cpu->cx && tries < 64 && end == PM_DONE; tries++) {
		end = store_once(cpu, count);
		if (*count)
			tries = 0;
		if (end == PM_DONE)
			cpu->cx -= *count < cpu->cx ? *count : cpu->cx;
	}
	return end;
}

enum pm_end pm_xstore(struct pm_cpu *cpu, unsigned repeated)
{
	unsigned count = 0;
	enum pm_end end = repeated ? store_many(cpu, &count) : store_once(cpu, &count);

	if (end == PM_DONE)
		cpu->ax = status() | count;
	return end;
}
