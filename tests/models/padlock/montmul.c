/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* REP MONTMUL: T = A x B / 2^bits mod M, in words of 32 bits. */
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "model.h"

#define MOST_WORDS 1024u

/* Six words at SI, in this order. */
enum { INVERSE, A, B, T, M, SCRATCH, PARAMETERS };

/* Vectors of a run; too large for the stack of a signal handler. */
struct vectors {
	uint32_t a[MOST_WORDS + 4], b[MOST_WORDS + 4], m[MOST_WORDS + 4], t[MOST_WORDS + 4];
};

static void add_product(uint32_t *t, const uint32_t *v, uint32_t factor, unsigned words)
{
	uint64_t carry = 0;

	for (unsigned i = 0; i < words; i++) {
		carry += (uint64_t)v[i] * factor + t[i];
		t[i] = (uint32_t)carry;
		carry >>= 32;
	}
	carry += t[words];
	t[words] = (uint32_t)carry;
	t[words + 1] += (uint32_t)(carry >> 32);
}

/* No subtraction in the end: the result may be one M too large. */
static void multiply(struct vectors *v, uint32_t inverse, unsigned words)
{
	memset(v->t, 0, sizeof(v->t));
	for (unsigned i = 0; i < words; i++) {
		add_product(v->t, v->a, v->b[i], words);
		add_product(v->t, v->m, v->t[0] * inverse, words);
		memmove(v->t, v->t + 1, 4 * (words + 1));
		v->t[words + 1] = 0;
	}
}

/* Each vector is followed by 16 bytes that are 0. */
static bool read_vector(uint32_t *to, uint32_t from, unsigned words)
{
	if (pm_read(to, from, 4 * (words + 4)))
		return false;
	if (to[words] | to[words + 1] | to[words + 2] | to[words + 3])
		pm_violation("the 16 bytes behind a vector are not 0");
	return true;
}

static enum pm_end run(const struct pm_cpu *cpu, struct vectors *v, unsigned words)
{
	uint32_t p[PARAMETERS];
	uint8_t scratch[32];

	if (pm_read(p, cpu->si, sizeof(p)) || !read_vector(v->a, p[A], words) ||
	    !read_vector(v->b, p[B], words) || !read_vector(v->m, p[M], words) ||
	    pm_read(v->t, p[T], 4 * (words + 4)) ||
	    pm_read(scratch, p[SCRATCH], sizeof(scratch)))
		return PM_FAULT;
	if (v->m[0] * p[INVERSE] != UINT32_MAX)
		pm_violation("M0' is not -1/M");
	for (unsigned i = 0; i < words; i++)
		if (v->t[i]) {
			pm_violation("T is not 0 at the start");
			break;
		}
	multiply(v, p[INVERSE], words);
	if (pm.dirty)
		memset(scratch, 0xdb, sizeof(scratch));
	if (pm_write(p[T], v->t, 4 * (words + 1)) ||
	    pm_write(p[SCRATCH], scratch, sizeof(scratch)))
		return PM_FAULT;
	return PM_DONE;
}

/* Registers afterwards are not documented: they stay, or are spoilt when all that may be is. */
static void spoil(struct pm_cpu *cpu)
{
	if (pm.dirty)
		cpu->ax = cpu->cx = cpu->dx = cpu->si = cpu->di = 0xdbdbdbdb;
}

enum pm_end pm_montmul(struct pm_cpu *cpu, unsigned unused)
{
	enum pm_end end;
	void *v;

	(void)unused;
	if (!cpu->narrow)
		return PM_UD;
	if (cpu->cx < 256 || cpu->cx > 32 * MOST_WORDS || cpu->cx % 128 || cpu->ax) {
		pm_violation("CX is no multiple of 128 from 256 to 32768, or AX is not 0");
		return PM_GP;
	}
	v = mmap(NULL, sizeof(struct vectors), PROT_READ | PROT_WRITE,
	         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (v == MAP_FAILED) {
		pm_say("no memory for MONTMUL");
		return PM_UD;
	}
	end = run(cpu, v, (unsigned)cpu->cx / 32);
	munmap(v, sizeof(struct vectors));
	if (end == PM_DONE)
		spoil(cpu);
	return end;
}
