/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The key schedule of AES (FIPS 197, 5.2 and 5.3.5). Substitution is computed, four bytes of a
 * word at a time: a table would show the key to who watches the cache. Words are as they lie in
 * memory, which on these processors is little-endian. */
#include "padlock.h"

#include <string.h>

#define EACH(byte) ((byte)*0x01010101u)

static uint32_t load(const uint8_t *from)
{
	uint32_t word;

	memcpy(&word, from, sizeof(word));
	return word;
}

static void store(uint8_t *to, uint32_t word)
{
	memcpy(to, &word, sizeof(word));
}

static uint32_t rotate_right(uint32_t word, unsigned bits)
{
	return word >> bits | word << (32 - bits);
}

/* In GF(2^8), each byte by itself: times x, times another, and to the power -1. */
static uint32_t times_x(uint32_t a)
{
	return (a & EACH(0x7f)) << 1 ^ (a >> 7 & EACH(1u)) * 0x1b;
}

static uint32_t times(uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (unsigned bit = 0; bit < 8; bit++) {
		product ^= a & (b >> bit & EACH(1u)) * 0xff;
		a = times_x(a);
	}
	return product;
}

static uint32_t squared(uint32_t a, unsigned times_over)
{
	while (times_over--)
		a = times(a, a);
	return a;
}

static uint32_t inverse(uint32_t a)
{
	uint32_t a2 = squared(a, 1);
	uint32_t a3 = times(a2, a);
	uint32_t a12 = squared(a3, 2);
	uint32_t a15 = times(a12, a3);

	return times(times(squared(a15, 4), a12), a2); /* 240 + 12 + 2 = 254 */
}

static uint32_t rotate_each(uint32_t a, unsigned bits)
{
	uint32_t high = EACH(0xffu & 0xffu << bits);

	return (a << bits & high) | (a >> (8 - bits) & ~high);
}

static uint32_t substitute(uint32_t a)
{
	uint32_t b = inverse(a);

	return b ^ rotate_each(b, 1) ^ rotate_each(b, 2) ^ rotate_each(b, 3) ^
	       rotate_each(b, 4) ^ EACH(0x63u);
}

void padlock_expand(const uint8_t *key, size_t bytes, uint8_t schedule[256])
{
	unsigned words = (unsigned)bytes / 4;
	unsigned all = 4 * ((unsigned)PADLOCK_ROUNDS(bytes) + 1);
	uint32_t constant = 1;

	memcpy(schedule, key, bytes);
	for (unsigned i = words; i < all; i++) {
		uint32_t word = load(schedule + 4 * (i - 1));

		if (i % words == 0) {
			word = substitute(rotate_right(word, 8)) ^ constant;
			constant = times_x(constant);
		} else if (words == 8 && i % words == 4) {
			word = substitute(word);
		}
		store(schedule + 4 * i, word ^ load(schedule + 4 * (i - words)));
	}
}

static uint32_t unmix_column(uint32_t a)
{
	uint32_t a2 = times_x(a), a4 = times_x(a2), a8 = times_x(a4);

	return (a8 ^ a4 ^ a2) ^ rotate_right(a8 ^ a2 ^ a, 8) ^ rotate_right(a8 ^ a4 ^ a, 16) ^
	       rotate_right(a8 ^ a, 24);
}

void padlock_invert(uint8_t schedule[256], unsigned rounds)
{
	for (unsigned low = 0, high = rounds; low < high; low++, high--) {
		for (unsigned i = 0; i < 16; i += 4) {
			uint32_t word = load(schedule + 16 * low + i);

			store(schedule + 16 * low + i, load(schedule + 16 * high + i));
			store(schedule + 16 * high + i, word);
		}
	}
	for (unsigned i = 16; i < 16 * rounds; i += 4)
		store(schedule + i, unmix_column(load(schedule + i)));
}
