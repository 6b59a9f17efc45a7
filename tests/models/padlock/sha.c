/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The compression functions of FIPS 180-4. */
#include "model.h"

/* First 64 bits of the fractions of the cube roots of the first primes. SHA-256 takes 32. */
static const uint64_t roots[80] = {
	0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
	0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
	0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
	0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
	0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
	0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
	0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
	0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
	0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
	0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
	0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
	0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
	0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
	0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
	0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
	0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
	0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
	0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
	0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
	0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

static const uint32_t sha1_constants[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };

static uint32_t sha1_choice(unsigned quarter, const uint32_t v[5])
{
	if (quarter == 0)
		return (v[1] & v[2]) | (~v[1] & v[3]);
	if (quarter == 2)
		return (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]);
	return v[1] ^ v[2] ^ v[3];
}

void pm_sha1_block(uint32_t state[5], const uint8_t block[64])
{
	uint32_t w[16], v[5];

	for (unsigned i = 0; i < 16; i++)
		w[i] = pm_load32(block + 4 * i);
	for (unsigned i = 0; i < 5; i++)
		v[i] = state[i];
	for (unsigned i = 0; i < 80; i++) {
		if (i >= 16)
			w[i % 16] = pm_left(w[(i - 3) % 16] ^ w[(i - 8) % 16] ^
			                            w[(i - 14) % 16] ^ w[i % 16],
			                    1);
		uint32_t t = pm_left(v[0], 5) + sha1_choice(i / 20, v) + v[4] + w[i % 16] +
		             sha1_constants[i / 20];
		v[4] = v[3];
		v[3] = v[2];
		v[2] = pm_left(v[1], 30);
		v[1] = v[0];
		v[0] = t;
	}
	for (unsigned i = 0; i < 5; i++)
		state[i] += v[i];
}

static uint32_t right32(uint32_t v, unsigned bits)
{
	return v >> bits | v << (32 - bits);
}

static uint64_t right64(uint64_t v, unsigned bits)
{
	return v >> bits | v << (64 - bits);
}

/* Both families have this step; v[0..7] are a..h, `t` is all but the sigmas of it. */
#define STEP(v, big0, big1, t)                                                                 \
	do {                                                                                   \
		t += v[7] + big1 + ((v[4] & v[5]) ^ (~v[4] & v[6]));                           \
		v[7] = v[6];                                                                   \
		v[6] = v[5];                                                                   \
		v[5] = v[4];                                                                   \
		v[4] = v[3] + t;                                                               \
		t += big0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));                   \
		v[3] = v[2];                                                                   \
		v[2] = v[1];                                                                   \
		v[1] = v[0];                                                                   \
		v[0] = t;                                                                      \
	} while (0)

void pm_sha256_block(uint32_t state[8], const uint8_t block[64])
{
	uint32_t w[16], v[8];

	for (unsigned i = 0; i < 16; i++)
		w[i] = pm_load32(block + 4 * i);
	for (unsigned i = 0; i < 8; i++)
		v[i] = state[i];
	for (unsigned i = 0; i < 64; i++) {
		uint32_t a = v[0], e = v[4], x = w[(i + 1) % 16], y = w[(i + 14) % 16], t;
		t = (uint32_t)(roots[i] >> 32) + w[i % 16];
		STEP(v, (right32(a, 2) ^ right32(a, 13) ^ right32(a, 22)),
		     (right32(e, 6) ^ right32(e, 11) ^ right32(e, 25)), t);
		w[i % 16] += (right32(x, 7) ^ right32(x, 18) ^ x >> 3) + w[(i + 9) % 16] +
		             (right32(y, 17) ^ right32(y, 19) ^ y >> 10);
	}
	for (unsigned i = 0; i < 8; i++)
		state[i] += v[i];
}

void pm_sha512_block(uint64_t state[8], const uint8_t block[128])
{
	uint64_t w[16], v[8];

	for (unsigned i = 0; i < 16; i++)
		w[i] = (uint64_t)pm_load32(block + 8 * i) << 32 | pm_load32(block + 8 * i + 4);
	for (unsigned i = 0; i < 8; i++)
		v[i] = state[i];
	for (unsigned i = 0; i < 80; i++) {
		uint64_t a = v[0], e = v[4], x = w[(i + 1) % 16], y = w[(i + 14) % 16], t;
		t = roots[i] + w[i % 16];
		STEP(v, (right64(a, 28) ^ right64(a, 34) ^ right64(a, 39)),
		     (right64(e, 14) ^ right64(e, 18) ^ right64(e, 41)), t);
		w[i % 16] += (right64(x, 1) ^ right64(x, 8) ^ x >> 7) + w[(i + 9) % 16] +
		             (right64(y, 19) ^ right64(y, 61) ^ y >> 6);
	}
	for (unsigned i = 0; i < 8; i++)
		state[i] += v[i];
}
