/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* XSHA1, XSHA256, XSHA384/512 and CCS_HASH: state in memory, padding on either side. */
#include <string.h>

#include "model.h"

#define STATE_ROOM 128u /* what the specification asks for */

/* Chaining values of any algorithm, as they lie in memory. */
struct hash {
	uint8_t bytes[STATE_ROOM];
	size_t length;  /* of the state that counts */
	size_t touched; /* written back */
	void (*block)(struct hash *h, const uint8_t *in);
};

static void get_words(uint32_t *to, const struct hash *h)
{
	memcpy(to, h->bytes, h->length);
}

static void sha1(struct hash *h, const uint8_t *in)
{
	uint32_t state[5];

	get_words(state, h);
	pm_sha1_block(state, in);
	memcpy(h->bytes, state, sizeof(state));
}

static void sha256(struct hash *h, const uint8_t *in)
{
	uint32_t state[8];

	get_words(state, h);
	pm_sha256_block(state, in);
	memcpy(h->bytes, state, sizeof(state));
}

/* The one with big-endian state. */
static void sm3(struct hash *h, const uint8_t *in)
{
	uint32_t state[8];

	for (unsigned i = 0; i < 8; i++)
		state[i] = pm_load32(h->bytes + 4 * i);
	pm_sm3_block(state, in);
	for (unsigned i = 0; i < 8; i++)
		pm_store32(h->bytes + 4 * i, state[i]);
}

/* XSHA1 touches 32 bytes on some CPUs; any may use all the room. */
static enum pm_end load_state(struct hash *h, const struct pm_cpu *cpu)
{
	if (cpu->di % 16) {
		pm_violation("the state is not aligned to 16 bytes");
		return PM_GP;
	}
	if (pm_read(h->bytes, cpu->di, h->touched))
		return PM_FAULT;
	if (!pm.strict ||
	    !pm_read(h->bytes + h->touched, cpu->di + h->touched, STATE_ROOM - h->touched))
		return PM_DONE;
	pm_violation("less than 128 bytes of memory are behind the state pointer");
	return PM_DONE;
}

static enum pm_end store_state(struct hash *h, const struct pm_cpu *cpu)
{
	if (pm.dirty) {
		memset(h->bytes + h->length, 0xdb, sizeof(h->bytes) - h->length);
		h->touched = sizeof(h->bytes);
	}
	return pm_write(cpu->di, h->bytes, h->touched) ? PM_FAULT : PM_DONE;
}

/* Whole blocks. The count in *left and SI move with them, also if one is not there. */
static enum pm_end whole_blocks(struct hash *h, struct pm_cpu *cpu, uint64_t *left)
{
	uint8_t in[64];

	for (; *left; --*left, cpu->si += 64) {
		if (pm_read(in, cpu->si, 64))
			return PM_FAULT;
		h->block(h, in);
	}
	return PM_DONE;
}

static enum pm_end block_form(struct hash *h, struct pm_cpu *cpu)
{
	enum pm_end end = load_state(h, cpu), stored;

	if (end != PM_DONE)
		return end;
	end = whole_blocks(h, cpu, &cpu->cx);
	stored = store_state(h, cpu);
	return end == PM_DONE ? stored : end;
}

/* The rest of the message with its padding: a bit, zeros, the length in bits. */
static enum pm_end pad(struct hash *h, struct pm_cpu *cpu, size_t rest)
{
	uint8_t in[128] = { 0 };
	size_t room = rest < 56 ? 64 : 128;

	if (pm_read(in, cpu->si, rest))
		return PM_FAULT;
	in[rest] = 0x80;
	pm_store32(in + room - 8, (uint32_t)(cpu->cx >> 29));
	pm_store32(in + room - 4, (uint32_t)(cpu->cx << 3));
	for (size_t at = 0; at < room; at += 64)
		h->block(h, in + at);
	cpu->si += rest;
	return PM_DONE;
}

/* AX bytes of CX were done before. A fault leaves AX, SI and the state as far as they came. */
static enum pm_end finishing_form(struct hash *h, struct pm_cpu *cpu)
{
	uint64_t blocks, before;
	enum pm_end end;

	if (cpu->ax % 64 || cpu->ax > cpu->cx) {
		pm_violation("the bytes done in AX are no multiple of 64, or more than CX");
		return PM_GP;
	}
	end = load_state(h, cpu);
	if (end != PM_DONE)
		return end;
	before = blocks = (cpu->cx - cpu->ax) / 64;
	end = whole_blocks(h, cpu, &blocks);
	cpu->ax += 64 * (before - blocks);
	if (end == PM_DONE)
		end = pad(h, cpu, cpu->cx % 64);
	if (end == PM_DONE)
		cpu->ax = cpu->cx;
	return store_state(h, cpu) == PM_DONE ? end : PM_FAULT;
}

static bool is_minus_one(const struct pm_cpu *cpu)
{
	return cpu->ax == (cpu->narrow ? UINT32_MAX : UINT64_MAX);
}

/* A CPU without the block form is asked for it by programs that try it out: it does nothing. */
static enum pm_end either_form(struct hash *h, struct pm_cpu *cpu)
{
	if (is_minus_one(cpu))
		return pm.quirks & PM_NO_BLOCK_FORM ? PM_DONE : block_form(h, cpu);
	if (!cpu->cx && (pm.quirks & PM_ZERO_IS_NOTHING))
		return PM_DONE;
	return finishing_form(h, cpu);
}

/* `algorithm`: 1 or 256. */
enum pm_end pm_xsha(struct pm_cpu *cpu, unsigned algorithm)
{
	struct hash h = { .length = 32, .touched = 32, .block = sha256 };

	if (algorithm == 1) {
		h.length = 20;
		h.block = sha1;
	}
	return either_form(&h, cpu);
}

/* XSHA384 and XSHA512 do the same: CX blocks of 128 bytes, padded by the program. */
enum pm_end pm_xsha_long(struct pm_cpu *cpu, unsigned unused)
{
	struct hash h = { .length = 64, .touched = 64 };
	uint64_t state[8];
	uint8_t in[128];
	enum pm_end end;

	(void)unused;
	if (!cpu->cx)
		return PM_DONE;
	end = load_state(&h, cpu);
	if (end != PM_DONE)
		return end;
	memcpy(state, h.bytes, sizeof(state));
	for (; cpu->cx && end == PM_DONE; cpu->cx--, cpu->si += sizeof(in)) {
		if (pm_read(in, cpu->si, sizeof(in))) {
			end = PM_FAULT;
			break;
		}
		pm_sha512_block(state, in);
	}
	memcpy(h.bytes, state, sizeof(state));
	return store_state(&h, cpu) == PM_DONE ? end : PM_FAULT;
}

/* SM3: BX selects it; AX is 0 or -1. CX stays in the form that pads. */
enum pm_end pm_ccs_hash(struct pm_cpu *cpu, unsigned unused)
{
	struct hash h = { .length = 32, .touched = 32, .block = sm3 };

	(void)unused;
	if (cpu->bx != 0x20) {
		pm_violation("BX of CCS_HASH is not 0x20");
		return PM_GP;
	}
	if (is_minus_one(cpu))
		return block_form(&h, cpu);
	if (!cpu->cx)
		return PM_DONE;
	return finishing_form(&h, cpu);
}
