/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counting of checks, for the unit tests in C. Any thread may check. */
#ifndef ACR_CHECK_H
#define ACR_CHECK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

static atomic_uint checks_passed, checks_failed;

/* A failure of what is tried a million times is told a few times only. */
static inline bool check_at(bool good, const char *what, const char *file, int line)
{
	if (good)
		atomic_fetch_add_explicit(&checks_passed, 1, memory_order_relaxed);
	else if (atomic_fetch_add(&checks_failed, 1) < 20)
		printf("FAILED: %s:%d: %s\n", file, line, what);
	return good;
}

#define CHECK(condition) check_at(condition, #condition, __FILE__, __LINE__)

/* The last line. Returns the exit status. */
static inline int checks_end(void)
{
	printf("%u passed, %u failed\n", atomic_load(&checks_passed),
	       atomic_load(&checks_failed));
	fflush(stdout);
	return atomic_load(&checks_failed) != 0;
}

/* Bytes against hexadecimal digits, which may stand in groups. */
static inline bool equals(const void *bytes, const char *hex)
{
	const uint8_t *at = bytes;

	for (; *hex; hex += 2, at++) {
		unsigned value;

		while (*hex == ' ')
			hex++;
		if (sscanf(hex, "%2x", &value) != 1 || *at != value)
			return false;
	}
	return true;
}

/* Repeatable random numbers (xorshift); each thread has its own seed, which is never 0. */
static inline uint32_t chance(uint64_t *seed, uint32_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 32) % below;
}

#endif
