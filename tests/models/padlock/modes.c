/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ECB, CBC, CTR, CFB and OFB block by block, as the units do them. */
#include <string.h>

#include "model.h"

static void xor16(uint8_t out[16], const uint8_t a[16], const uint8_t b[16])
{
	for (unsigned i = 0; i < 16; i++)
		out[i] = a[i] ^ b[i];
}

static void ecb(struct pm_run *run, const uint8_t in[16], uint8_t out[16])
{
	run->block(run->key, run->decrypt, in, out);
}

static void cbc(struct pm_run *run, const uint8_t in[16], uint8_t out[16])
{
	uint8_t mixed[16];

	if (run->decrypt) {
		run->block(run->key, true, in, mixed);
		xor16(out, mixed, run->iv);
		memcpy(run->iv, in, 16);
		return;
	}
	xor16(mixed, in, run->iv);
	run->block(run->key, false, mixed, out);
	memcpy(run->iv, out, 16);
}

/* 16 bits without a carry into the rest, as the hardware has it. */
static void ctr(struct pm_run *run, const uint8_t in[16], uint8_t out[16])
{
	uint8_t stream[16];

	run->block(run->key, false, run->iv, stream);
	xor16(out, in, stream);
	if (!++run->iv[15])
		++run->iv[14];
	if (!run->iv[15] && !run->iv[14] && run->cpu->cx > 1)
		pm_violation("the 16-bit counter wraps within one run: what follows is wrong");
}

static void cfb(struct pm_run *run, const uint8_t in[16], uint8_t out[16])
{
	uint8_t stream[16];

	run->block(run->key, false, run->iv, stream);
	xor16(out, in, stream);
	memcpy(run->iv, run->decrypt ? in : out, 16);
}

static void ofb(struct pm_run *run, const uint8_t in[16], uint8_t out[16])
{
	uint8_t stream[16];

	run->block(run->key, false, run->iv, stream);
	memcpy(run->iv, stream, 16);
	xor16(out, in, stream);
}

static void (*const modes[])(struct pm_run *, const uint8_t *, uint8_t *) = {
	[PM_ECB] = ecb, [PM_CBC] = cbc, [PM_CTR] = ctr, [PM_CFB] = cfb, [PM_OFB] = ofb
};

static enum pm_end one_block(struct pm_run *run, const uint8_t in[16])
{
	uint8_t out[16];
	struct pm_cpu *cpu = run->cpu;
	uint8_t before[16];

	memcpy(before, run->iv, 16);
	modes[run->mode](run, in, out);
	if (pm_write(cpu->di, out, 16)) {
		memcpy(run->iv, before, 16);
		return PM_FAULT;
	}
	cpu->si += 16;
	cpu->di += 16;
	cpu->cx--;
	run->done++;
	return PM_DONE;
}

/* Whole groups are fetched, counted from the start of the input: also what lies behind it. */
static enum pm_end one_group(struct pm_run *run)
{
	uint8_t in[128];
	uint64_t blocks = run->group / 16, usable;
	size_t missing = pm_read(in, run->cpu->si, run->group);

	if (blocks > run->cpu->cx)
		blocks = run->cpu->cx;
	usable = (run->group - missing) / 16;
	if (missing && usable >= blocks) {
		pm_violation("the input ends near a page that is not there: "
		             "the unit fetches whole groups and faults");
		return PM_FAULT;
	}
	if (!usable)
		return PM_FAULT;
	if (usable < blocks)
		blocks = usable;
	for (uint64_t i = 0; i < blocks; i++)
		if (one_block(run, in + 16 * i) != PM_DONE)
			return PM_FAULT;
	return PM_DONE;
}

/*
 * Does cpu->cx blocks. On PM_FAULT the registers and the IV memory show what was done, so
 * that the instruction can be started again.
 */
enum pm_end pm_run_mode(struct pm_run *run)
{
	enum pm_end end = PM_DONE;

	while (end == PM_DONE && run->cpu->cx)
		end = one_group(run);
	if (!run->done || run->mode == PM_ECB || run->iv_from_output)
		return end;
	return pm_write(run->iv_at, run->iv, 16) ? PM_FAULT : end;
}
