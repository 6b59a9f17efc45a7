/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The compression function of SM3, GB/T 32905. */
#include <string.h>

#include "model.h"

static uint32_t spread(const uint32_t w[68], unsigned i)
{
	uint32_t v = w[i - 16] ^ w[i - 9] ^ pm_left(w[i - 3], 15);

	return v ^ pm_left(v, 15) ^ pm_left(v, 23) ^ pm_left(w[i - 13], 7) ^ w[i - 6];
}

static uint32_t constant(unsigned i)
{
	uint32_t v = i < 16 ? 0x79cc4519 : 0x7a879d8a;

	return i % 32 ? pm_left(v, i % 32) : v;
}

static void step(uint32_t v[8], unsigned i, uint32_t w, uint32_t w4)
{
	uint32_t a12 = pm_left(v[0], 12), ss = pm_left(a12 + v[4] + constant(i), 7), t1, t2;

	if (i < 16) {
		t1 = v[0] ^ v[1] ^ v[2];
		t2 = v[4] ^ v[5] ^ v[6];
	} else {
		t1 = (v[0] & v[1]) | (v[0] & v[2]) | (v[1] & v[2]);
		t2 = (v[4] & v[5]) | (~v[4] & v[6]);
	}
	t1 += v[3] + (ss ^ a12) + (w ^ w4);
	t2 += v[7] + ss + w;
	v[3] = v[2];
	v[2] = pm_left(v[1], 9);
	v[1] = v[0];
	v[0] = t1;
	v[7] = v[6];
	v[6] = pm_left(v[5], 19);
	v[5] = v[4];
	v[4] = t2 ^ pm_left(t2, 9) ^ pm_left(t2, 17);
}

void pm_sm3_block(uint32_t state[8], const uint8_t block[64])
{
	uint32_t w[68], v[8];

	for (unsigned i = 0; i < 68; i++)
		w[i] = i < 16 ? pm_load32(block + 4 * i) : spread(w, i);
	memcpy(v, state, sizeof(v));
	for (unsigned i = 0; i < 64; i++)
		step(v, i, w[i], w[i + 4]);
	for (unsigned i = 0; i < 8; i++)
		state[i] ^= v[i];
}
