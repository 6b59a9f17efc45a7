/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* REP XCRYPT: control word, key memory, the key that stays loaded, and the modes. */
#include <string.h>

#include "model.h"

/* Fields of the control word. */
#define WORD_ROUNDS   0x00Fu
#define WORD_ACE2     0x070u /* DGEST, ALIGN, CIPHR */
#define WORD_ALIGN    0x020u
#define WORD_SOFT_KEY 0x080u
#define WORD_INTER    0x100u
#define WORD_DECRYPT  0x200u
#define WORD_SIZE     0xC00u
#define WORD_RESERVED 0xFFFFF000u

static uint32_t word_of(const uint8_t bytes[16])
{
	return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 |
	       bytes[0];
}

/* NULL if the word is one that the unit defines. */
static const char *word_fault(const uint8_t bytes[16])
{
	uint32_t word = word_of(bytes), size = (word & WORD_SIZE) >> 10;

	for (unsigned i = 4; i < 16; i++)
		if (bytes[i])
			return "reserved bits 127:32 of the control word are not 0";
	if (word & WORD_RESERVED)
		return "reserved bits 31:12 of the control word are not 0";
	if (word & WORD_INTER)
		return "INTER is set in the control word";
	if (word & WORD_ACE2 & ~WORD_ALIGN)
		return "DGEST or CIPHR is set in the control word";
	if ((word & WORD_ALIGN) && !pm_can(PM_CAN_ACE2))
		return "ALIGN is set in the control word, and this CPU has no ACE2";
	if (size == 3)
		return "KSIZE of the control word is 3";
	if ((word & WORD_ROUNDS) != 10 + 2 * size)
		return "ROUND and KSIZE of the control word do not fit each other";
	return NULL;
}

static size_t key_size(uint32_t word)
{
	return 16 + 8 * ((word & WORD_SIZE) >> 10);
}

static bool same_rows(const struct pm_aes *a, const struct pm_aes *b)
{
	return a->rounds == b->rounds && !memcmp(a->row, b->row, 16 * (a->rounds + 1));
}

/* Is what lies in key memory the expansion of its own beginning? */
static bool is_schedule(const struct pm_aes *rows, uint32_t word)
{
	struct pm_aes expanded;

	pm_aes_expand(&expanded, rows->row[0], key_size(word));
	return same_rows(rows, &expanded);
}

/* Strict mode only: a key that was not expanded, or for the other direction. */
static void check_schedule(const struct pm_loaded *l, uint32_t word, bool inverse)
{
	struct pm_aes reverted;

	if (!pm.strict || !(word & WORD_SOFT_KEY))
		return;
	pm_aes_revert(&reverted, &l->forward);
	if (inverse ? is_schedule(&reverted, word) : is_schedule(&l->forward, word))
		return;
	if (inverse ? is_schedule(&l->forward, word) : is_schedule(&reverted, word))
		pm_violation(
		        inverse ? "the schedule is for encryption, the word says decryption"
		                : "the schedule is for decryption, this mode runs forward");
	else
		pm_violation("KEYGN is 1 and the key memory holds no expanded key");
}

/*
 * With KEYGN = 0 the unit expands 128 bits only; of a longer key it would take the memory as
 * it is. With KEYGN = 1 it reads 16 round keys, whatever the size.
 */
static enum pm_end load_key(struct pm_loaded *l, uint32_t word)
{
	bool soft = word & WORD_SOFT_KEY;
	size_t missing;

	if (!soft && key_size(word) != 16)
		pm_violation("KEYGN is 0 for a key of more than 128 bits");
	l->key_bytes = soft || key_size(word) != 16 ? 256 : 16;
	missing = pm_read(l->memory, l->key_at, l->key_bytes);
	if (missing && missing <= sizeof(l->memory) - 16 * ((word & WORD_ROUNDS) + 1))
		pm_violation(
		        "the unit reads 16 round keys: memory behind the key is not there");
	if (missing)
		return PM_FAULT;
	if (l->key_bytes == 16) {
		pm_aes_expand(&l->forward, l->memory, 16);
		pm_aes_invert(&l->inverse, &l->forward);
		return PM_DONE;
	}
	l->forward.rounds = word & WORD_ROUNDS;
	memcpy(l->forward.row, l->memory, sizeof(l->forward.row));
	l->inverse = l->forward;
	return PM_DONE;
}

/* What is loaded is used without a look at memory; whoever changed that forgot the reload. */
static void check_loaded(const struct pm_loaded *l, const struct pm_cpu *cpu)
{
	uint8_t word[16], memory[sizeof(l->memory)];

	if (pm_read(word, cpu->dx, 16) || pm_read(memory, cpu->bx, l->key_bytes))
		pm_violation("control word or key are not there, but the old ones are loaded");
	else if (memcmp(word, l->word, 16) != 0)
		pm_violation("another control word, but no PUSHF and POPF since the last run");
	else if (memcmp(memory, l->memory, l->key_bytes) != 0)
		pm_violation("another key, but no PUSHF and POPF since the last run");
	else if (cpu->dx != l->word_at || cpu->bx != l->key_at)
		pm_violation(
		        "word or key have moved, but no PUSHF and POPF since the last run");
}

static enum pm_end load(struct pm_loaded *l, const struct pm_cpu *cpu)
{
	const char *fault;

	if (l->valid) {
		check_loaded(l, cpu);
		return PM_DONE;
	}
	l->word_at = cpu->dx;
	l->key_at = cpu->bx;
	if (pm_read(l->word, cpu->dx, 16))
		return PM_FAULT;
	fault = word_fault(l->word);
	if (fault) {
		pm_violation(fault);
		return PM_GP;
	}
	atomic_fetch_add_explicit(&pm_counts.reloads, 1, memory_order_relaxed);
	return load_key(l, word_of(l->word));
}

static bool check(bool good, const char *sentence)
{
	if (!good)
		pm_violation(sentence);
	return good;
}

static bool aligned(uint64_t address)
{
	return address % 16 == 0;
}

/* An interrupted run may have left an IV pointer into unaligned output. */
static bool pointers_good(const struct pm_cpu *cpu, enum pm_mode mode, uint64_t resumed)
{
	return check(aligned(cpu->dx), "the control word is not aligned to 16 bytes") &&
	       check(aligned(cpu->bx), "the key is not aligned to 16 bytes") &&
	       (mode == PM_ECB || aligned(cpu->ax) || (resumed && resumed == cpu->ax) ||
	        check(false, "the IV is not aligned to 16 bytes"));
}

static bool data_good(const struct pm_cpu *cpu, uint32_t word, enum pm_mode mode)
{
	uint64_t apart = cpu->si < cpu->di ? cpu->di - cpu->si : cpu->si - cpu->di;

	if (apart && cpu->cx && (apart - 1) / 16 < cpu->cx && apart < 16 * cpu->cx)
		pm_violation("source and destination overlap, and not in place");
	if ((word & WORD_DECRYPT) && (mode == PM_OFB || mode == PM_CTR))
		pm_violation("CRYPT is 1 in OFB or CTR");
	return (word & WORD_ALIGN) ||
	       (check(aligned(cpu->si), "the source is not aligned, and ALIGN is 0") &&
	        check(aligned(cpu->di), "the destination is not aligned, and ALIGN is 0"));
}

static void aes_block(const void *key, bool decrypt, const uint8_t *in, uint8_t *out)
{
	const struct pm_loaded *l = key;

	if (decrypt)
		pm_aes_decrypt(&l->inverse, in, out);
	else
		pm_aes_encrypt(&l->forward, in, out);
}

static enum pm_end crypt_data(struct pm_cpu *cpu, enum pm_mode mode, struct pm_loaded *l)
{
	uint32_t word = word_of(l->word);
	bool decrypt = (word & WORD_DECRYPT) && mode != PM_OFB && mode != PM_CTR;
	struct pm_run run = { .cpu = cpu,
		              .mode = mode,
		              .decrypt = decrypt,
		              .group = pm.group[mode],
		              .iv_at = cpu->ax,
		              .iv_from_output = (mode == PM_CBC || mode == PM_CFB) && !decrypt,
		              .key = l,
		              .block = aes_block };
	enum pm_end end;

	check_schedule(l, word, decrypt && (mode == PM_ECB || mode == PM_CBC));
	if (mode != PM_ECB && pm_read(run.iv, cpu->ax, 16))
		return PM_FAULT;
	end = pm_run_mode(&run);
	if (run.iv_from_output && run.done)
		cpu->ax = cpu->di - 16;
	pm_self.resume_iv = end == PM_FAULT && run.iv_from_output ? cpu->ax : 0;
	return end;
}

/* `which`: an enum pm_mode. */
enum pm_end pm_xcrypt(struct pm_cpu *cpu, unsigned which)
{
	struct pm_loaded *l = &pm_self.ace;
	enum pm_mode mode = which;
	uint64_t resumed = pm_self.resume_iv;
	enum pm_end end;

	pm_self.resume_iv = 0;
	if (!pm.key_cache)
		l->valid = false;
	if (!pointers_good(cpu, mode, resumed))
		return PM_GP;
	end = load(l, cpu);
	if (end == PM_DONE && !data_good(cpu, word_of(l->word), mode))
		end = PM_GP;
	if (end == PM_DONE)
		end = crypt_data(cpu, mode, l);
	/* A fault is an interrupt: it comes back through IRET, which makes the unit reload. */
	l->valid = pm.key_cache && end == PM_DONE;
	return end;
}
