/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The padding that cards leave to the processor. */
#ifndef CARD_PKCS7_H
#define CARD_PKCS7_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of PKCS#7 padding at the end of the last block of plaintext, 0: it doesn't verify. Takes
 * the same time for all. block: its size in bytes, 1 to 255. */
static inline uint32_t card_pkcs7(const uint8_t *last, uint32_t block)
{
	uint32_t pad = last[block - 1];
	uint32_t bad = (pad - 1) >> 31 | (block - pad) >> 31; /* 0, or more than a block */

	for (uint32_t i = 0; i < block; i++) {
		uint32_t differs = ((uint32_t)last[block - 1 - i] ^ pad) + 0xff;
		uint32_t inside = (i - pad) >> 31;

		bad |= differs >> 8 & inside;
	}
	return pad & (bad - 1);
}

/* Bytes of a message with its padding. */
static inline size_t card_pkcs7_padded(size_t n, size_t block)
{
	return n + block - n % block;
}

#endif
