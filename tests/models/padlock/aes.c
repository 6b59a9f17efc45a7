/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AES after FIPS-197, with tables that are computed at the start. Round keys are bytes in the
 * order of the standard, which is what the unit finds in memory; the decryption is the
 * equivalent inverse cipher, so its schedule is used as it lies there.
 */
#include <string.h>

#include "model.h"

static uint8_t sbox[256], unbox[256];
/* A column of MixColumns after SubBytes, and of the inverses; other rows are rotations. */
static uint32_t mix[256], unmix[256];

static uint8_t twice(uint8_t v)
{
	return (uint8_t)(v << 1 ^ (v & 0x80 ? 0x1b : 0));
}

static uint8_t times(uint8_t a, uint8_t b)
{
	uint8_t sum = 0;

	for (; b; b >>= 1, a = twice(a))
		if (b & 1)
			sum ^= a;
	return sum;
}

/* The inverse in the field is v to the 254th; then the affine map. */
static uint8_t substitute(uint8_t v)
{
	uint8_t power = v, inverse = 1, out = 0x63;

	for (unsigned bit = 1; bit < 8; bit++) {
		power = times(power, power);
		inverse = times(inverse, power);
	}
	for (unsigned turn = 0; turn < 5; turn++)
		out ^= (uint8_t)(inverse << turn | inverse >> (8 - turn));
	return out;
}

static uint32_t column(uint8_t v, const uint8_t factors[4])
{
	uint32_t out = 0;

	for (unsigned i = 0; i < 4; i++)
		out = out << 8 | times(v, factors[i]);
	return out;
}

void pm_aes_start(void)
{
	for (unsigned v = 0; v < 256; v++) {
		sbox[v] = substitute((uint8_t)v);
		unbox[sbox[v]] = (uint8_t)v;
	}
	for (unsigned v = 0; v < 256; v++) {
		mix[v] = column(sbox[v], (const uint8_t[]){ 2, 1, 1, 3 });
		unmix[v] = column(unbox[v], (const uint8_t[]){ 14, 9, 13, 11 });
	}
}

static void expand_word(uint8_t *words, unsigned i, unsigned key_words, uint8_t *constant)
{
	uint8_t t[4];
	const uint8_t *last = words + 4 * (i - 1);

	memcpy(t, last, 4);
	if (i % key_words == 0) {
		for (unsigned b = 0; b < 4; b++)
			t[b] = sbox[last[(b + 1) % 4]];
		t[0] ^= *constant;
		*constant = twice(*constant);
	} else if (key_words == 8 && i % 8 == 4) {
		for (unsigned b = 0; b < 4; b++)
			t[b] = sbox[t[b]];
	}
	for (unsigned b = 0; b < 4; b++)
		words[4 * i + b] = words[4 * (i - key_words) + b] ^ t[b];
}

/* The schedule of encryption from 16, 24 or 32 bytes. False for other sizes. */
bool pm_aes_expand(struct pm_aes *to, const uint8_t *key, size_t key_bytes)
{
	unsigned key_words = (unsigned)key_bytes / 4;
	uint8_t constant = 1;

	if (key_bytes != 16 && key_bytes != 24 && key_bytes != 32)
		return false;
	to->rounds = key_words + 6;
	memcpy(to->row, key, key_bytes);
	for (unsigned i = key_words; i < 4 * (to->rounds + 1); i++)
		expand_word(to->row[0], i, key_words, &constant);
	return true;
}

static void map_row(uint8_t to[16], const uint8_t from[16], const uint8_t factors[4])
{
	for (unsigned c = 0; c < 16; c += 4)
		for (unsigned r = 0; r < 4; r++) {
			uint8_t sum = 0;
			for (unsigned i = 0; i < 4; i++)
				sum ^= times(from[c + (r + i) % 4], factors[i]);
			to[c + r] = sum;
		}
}

static void turn_round(struct pm_aes *to, const struct pm_aes *from, const uint8_t factors[4])
{
	to->rounds = from->rounds;
	for (unsigned r = 0; r <= from->rounds; r++) {
		const uint8_t *row = from->row[from->rounds - r];
		if (r == 0 || r == from->rounds)
			memcpy(to->row[r], row, 16);
		else
			map_row(to->row[r], row, factors);
	}
}

/* The schedule of decryption, in its order of use; `to` is not `from`. */
void pm_aes_invert(struct pm_aes *to, const struct pm_aes *from)
{
	turn_round(to, from, (const uint8_t[]){ 14, 11, 13, 9 });
}

/* The reverse of pm_aes_invert(). */
void pm_aes_revert(struct pm_aes *to, const struct pm_aes *from)
{
	turn_round(to, from, (const uint8_t[]){ 2, 3, 1, 1 });
}

static uint32_t rotated(uint32_t v, unsigned row)
{
	return row ? v >> (8 * row) | v << (32 - 8 * row) : v;
}

/* All rounds; byte r of output column c comes from column c + shift * r. */
static void rounds(const struct pm_aes *key, const uint8_t *in, uint8_t *out,
                   const uint32_t table[256], const uint8_t last[256], unsigned shift)
{
	uint8_t s[16], t[16];

	for (unsigned i = 0; i < 16; i++)
		s[i] = in[i] ^ key->row[0][i];
	for (unsigned r = 1; r < key->rounds; r++) {
		for (unsigned c = 0; c < 4; c++) {
			uint32_t v = pm_load32(key->row[r] + 4 * c);
			for (unsigned b = 0; b < 4; b++)
				v ^= rotated(table[s[(c + shift * b) % 4 * 4 + b]], b);
			pm_store32(t + 4 * c, v);
		}
		memcpy(s, t, 16);
	}
	for (unsigned i = 0; i < 16; i++)
		out[i] = last[s[(i / 4 + shift * (i % 4)) % 4 * 4 + i % 4]] ^
		         key->row[key->rounds][i];
}

void pm_aes_encrypt(const struct pm_aes *key, const uint8_t in[16], uint8_t out[16])
{
	rounds(key, in, out, mix, sbox, 1);
}

void pm_aes_decrypt(const struct pm_aes *key, const uint8_t in[16], uint8_t out[16])
{
	rounds(key, in, out, unmix, unbox, 3);
}
