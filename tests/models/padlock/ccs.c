/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CCS_ENCRYPT: SM4. The control value is in AX itself, and the IV memory is always updated. */
#include "model.h"

#define VALUE_DECRYPT   0x001u
#define VALUE_ALGORITHM 0x03Eu
#define VALUE_SM4       0x020u
#define VALUE_MODES     0x7C0u

/* Bits 6 to 10, one of them. */
static const enum pm_mode modes[] = { PM_ECB, PM_CBC, PM_CFB, PM_OFB, PM_CTR };

static const char *value_fault(uint64_t value)
{
	uint64_t mode = value & VALUE_MODES;

	if (value & ~(uint64_t)(VALUE_DECRYPT | VALUE_ALGORITHM | VALUE_MODES))
		return "MAC output or reserved bits are set in AX";
	if ((value & VALUE_ALGORITHM) != VALUE_SM4)
		return "bits 5:1 of AX do not select SM4";
	if (!mode || (mode & (mode - 1)))
		return "AX does not select exactly one mode";
	return NULL;
}

static void sm4_block(const void *key, bool decrypt, const uint8_t *in, uint8_t *out)
{
	(void)decrypt; /* the order of the round keys tells */
	pm_sm4_block(key, in, out);
}

static enum pm_mode mode_of(uint64_t value)
{
	enum pm_mode mode = modes[__builtin_ctzll(value & VALUE_MODES) - 6];

	/* First parts have two modes; programs try the others out. Here they give ECB. */
	if ((pm.quirks & PM_SM4_OLD) && mode != PM_CBC)
		return PM_ECB;
	return mode;
}

enum pm_end pm_ccs_encrypt(struct pm_cpu *cpu, unsigned unused)
{
	uint32_t round_keys[32];
	uint8_t key[16];
	const char *fault = value_fault(cpu->ax);

	(void)unused;
	if (fault) {
		pm_violation(fault);
		return PM_GP;
	}
	enum pm_mode mode = mode_of(cpu->ax);
	bool decrypt = (cpu->ax & VALUE_DECRYPT) && mode != PM_OFB && mode != PM_CTR;
	struct pm_run run = { .cpu = cpu,
		              .mode = mode,
		              .decrypt = decrypt,
		              .group = 16, /* no prefetch is known of this unit */
		              .iv_at = cpu->dx,
		              .key = round_keys,
		              .block = sm4_block };
	if (cpu->bx % 16 || (mode != PM_ECB && cpu->dx % 16))
		pm_violation("key or IV are not aligned to 16 bytes");
	if (pm_read(key, cpu->bx, 16) || (mode != PM_ECB && pm_read(run.iv, cpu->dx, 16)))
		return PM_FAULT;
	pm_sm4_expand(round_keys, key, decrypt && (mode == PM_ECB || mode == PM_CBC));
	return pm_run_mode(&run);
}
