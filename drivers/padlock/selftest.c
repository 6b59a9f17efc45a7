/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Known answers, before anything is offered. An instruction that CPUID promises may still not be
 * there, not work on one of the processors, or never end; so they are tried in a child, and what
 * kills it has failed. */
#include "padlock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS 20 /* that all may take */
#define HANGS   2  /* so often it may take longer, each time less one that hangs */
#define WHOLE   48 /* bytes that the block modes are given, and the others */
#define STREAM  53
#define MESSAGE 259
#define ROOM    320

/* What parent and child share. */
struct report {
	unsigned at;      /* being tried */
	uint8_t failed[]; /* by number: row * PADLOCK_WAYS + ways; the last is the generator */
};

static unsigned number_of(unsigned row, unsigned ways)
{
	return row * PADLOCK_WAYS + ways;
}

static bool streams(const struct padlock_row *row)
{
	return row->mode >= PADLOCK_CFB;
}

/* Is this a way to compute the row with what this processor says of itself? */
static bool plausible_cipher(const struct padlock *padlock, const struct padlock_row *row,
                             unsigned ways)
{
	bool sm4 = row->kind == PADLOCK_SM4, native = !(ways & PADLOCK_BY_ECB);

	if (ways & PADLOCK_FINISH || (!native && !streams(row)))
		return false;
	if (sm4)
		return !(ways & PADLOCK_SOFT_KEY) &&
		       (!native || !streams(row) || padlock->cpu.sm4_modes);
	if (!(ways & PADLOCK_SOFT_KEY) && (row->key != 16 || padlock->soft_keys))
		return false;
	return !native || row->mode != PADLOCK_CTR || padlock->cpu.counts;
}

static bool plausible(const struct padlock *padlock, unsigned index, unsigned ways)
{
	const struct padlock_row *row = &padlock_rows[index];

	if ((padlock->cpu.units & row->units) != row->units)
		return false;
	if (row->kind == PADLOCK_AES || row->kind == PADLOCK_SM4)
		return plausible_cipher(padlock, row, ways);
	if (ways == PADLOCK_FINISH)
		return row->kind == PADLOCK_HASH && row->digest->empty;
	return !ways && (padlock->cpu.hash_blocks || !row->digest->empty);
}

/* ---- in the child ---- */

static size_t unhex(const char *text, uint8_t *out)
{
	size_t n = strlen(text) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned value = 0;

		for (unsigned k = 0; k < 2; k++) {
			unsigned digit = (unsigned char)text[2 * i + k];
			value = value << 4 | (digit <= '9' ? digit - '0' : digit - 'a' + 10);
		}
		out[i] = (uint8_t)value;
	}
	return n;
}

/* The plaintext of the reference's examples, and as it goes on; for hashes a piece of it, over
 * and over, and some letters. */
static size_t question(const struct padlock_row *row, uint8_t *text)
{
	bool hashes = row->kind == PADLOCK_HASH || row->kind == PADLOCK_HMAC;

	for (unsigned i = 0; i < ROOM; i++)
		text[i] = (uint8_t)(0x11 * (i % 16) + 0x10 * (i / 16 % 4));
	memcpy(text + 256, "abc", 3);
	return hashes ? MESSAGE : streams(row) ? STREAM : WHOLE;
}

/* One operation whose input begins `shift` bytes behind an aligned address. */
static bool answer_is(const struct padlock_cap *cap, enum acr_opcode opcode, const uint8_t *in,
                      size_t n, const uint8_t *expected, size_t size, unsigned shift)
{
	static uint8_t key[32], iv[16];
	static struct padlock_area area;
	static uint8_t src[ROOM + 16] __attribute__((aligned(16)));
	static uint8_t dst[ROOM + 16] __attribute__((aligned(16)));
	bool counts = cap->row->mode == PADLOCK_CTR, hashes = cap->row->digest;
	struct acr_op op = {
		.opcode = opcode,
		.flags = ACR_OP_WHOLE,
		.key = { key, cap->row->key },
		.iv = { iv, !hashes && cap->row->mode != PADLOCK_ECB ? sizeof(iv) : 0 },
		.src = { src + shift, n },
		.dst = dst + shift,
		.dst_size = ROOM,
		.tag_size = size,
	};

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof(iv); i++)
		iv[i] = counts ? (uint8_t)(i < 14 ? 0 : 0xff - (i & 1)) : (uint8_t)(15 - i);
	if (cap->row->kind == PADLOCK_HMAC)
		op.key.len = 16;
	memset(&area, 0, sizeof(area));
	memset(dst, 0, sizeof(dst));
	memcpy(src + shift, in, n);
	return !padlock_compute(&op, cap, &area) && op.dst_len == size &&
	       !memcmp(op.dst, expected, size);
}

static bool right(const struct padlock_cap *cap)
{
	uint8_t text[ROOM], answer[ROOM];
	size_t n = question(cap->row, text), size = unhex(cap->row->answer, answer);

	for (unsigned shift = 0; shift < 2; shift++) {
		if (cap->row->kind == PADLOCK_HASH || cap->row->kind == PADLOCK_HMAC) {
			enum acr_opcode opcode =
			        cap->row->kind == PADLOCK_HASH ? ACR_HASH : ACR_MAC;
			if (!answer_is(cap, opcode, text, n, answer, size, shift))
				return false;
		} else if (!answer_is(cap, ACR_ENCRYPT, text, n, answer, size, shift) ||
		           !answer_is(cap, ACR_DECRYPT, answer, size, text, n, shift)) {
			return false;
		}
	}
	return true;
}

static struct padlock_cap cap_of(const struct padlock *padlock, unsigned index, unsigned ways)
{
	const struct padlock_row *row = &padlock_rows[index];

	/* SM4's instruction says nothing of what it takes. */
	return (struct padlock_cap){ .row = row,
		                     .ways = ways,
		                     .align = padlock->cpu.align && row->kind == PADLOCK_AES };
}

static void try_all(const struct padlock *padlock, struct report *report)
{
	for (unsigned i = 0; i < padlock_row_count; i++) {
		for (unsigned ways = 0; ways < PADLOCK_WAYS; ways++) {
			const struct padlock_cap cap = cap_of(padlock, i, ways);

			report->at = number_of(i, ways);
			if (!report->failed[report->at] && plausible(padlock, i, ways))
				report->failed[report->at] = !right(&cap);
		}
	}
	report->at = number_of(padlock_row_count, 0);
	if (!report->failed[report->at])
		report->failed[report->at] =
		        !padlock_random_try(padlock->divisor, padlock->cpu.rng_status);
}

static _Noreturn void child(const struct padlock *padlock, struct report *report)
{
	cpu_set_t one;

	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGALRM, SIG_DFL);
	alarm(SECONDS);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &padlock->cpus))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			_exit(2);
		try_all(padlock, report);
	}
	_exit(0);
}

/* ---- in the parent ---- */

/* Returns 0: all has been tried; 1: it died at report->at; or a negative errno.
 * hangs: counts the times that it was for want of an end */
static int run_child(const struct padlock *padlock, struct report *report, unsigned *hangs)
{
	pid_t pid = fork(), ended;
	int status = 0;

	if (pid < 0)
		return -errno;
	if (!pid)
		child(padlock, report);
	do
		ended = waitpid(pid, &status, 0);
	while (ended < 0 && errno == EINTR);
	if (ended < 0)
		return -errno;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM && ++*hangs > HANGS)
		return -ETIMEDOUT;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		return 1;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

/* The first way of a row that gave right answers everywhere. */
static struct padlock_cap choose(const struct padlock *padlock, const struct report *report,
                                 unsigned index)
{
	struct padlock_cap cap;
	bool tried = false;

	for (unsigned ways = 0; ways < PADLOCK_WAYS; ways++) {
		cap = cap_of(padlock, index, ways);
		if (!plausible(padlock, index, ways))
			continue;
		tried = true;
		cap.offered = !report->failed[number_of(index, ways)];
		if (cap.offered)
			break;
	}
	cap.tried = tried;
	return cap;
}

/* Take what was found; where it is offered already, it must still be as it was. */
static int conclude(struct padlock *padlock, const struct report *report, bool again)
{
	bool random = padlock->cpu.units & PADLOCK_RNG &&
	              !report->failed[number_of(padlock_row_count, 0)];

	for (unsigned i = 0; i < padlock_row_count; i++) {
		struct padlock_cap cap = choose(padlock, report, i);

		if (!again)
			padlock->caps[i] = cap;
		else if (padlock->caps[i].offered &&
		         (!cap.offered || cap.ways != padlock->caps[i].ways))
			return -EIO;
	}
	if (!again)
		padlock->random_offered = random;
	return again && padlock->random_offered && !random ? -EIO : 0;
}

int padlock_selftest(struct padlock *padlock, bool again)
{
	unsigned count = number_of(padlock_row_count, 0) + 1;
	size_t size = sizeof(struct report) + count;
	struct report *report =
	        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned hangs = 0;
	int error;

	if (report == MAP_FAILED)
		return -ENOMEM;
	if (!(padlock->cpu.units & PADLOCK_RNG))
		report->failed[count - 1] = 1;
	do {
		error = run_child(padlock, report, &hangs);
		if (error == 1) {
			/* Twice the same would be the test's own fault. */
			if (report->at >= count || report->failed[report->at])
				error = -EIO;
			else
				report->failed[report->at] = 1;
		}
	} while (error == 1);
	if (!error)
		error = conclude(padlock, report, again);
	munmap(report, size);
	return error;
}
