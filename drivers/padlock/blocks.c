/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole blocks through the cipher unit, wherever they are in memory. */
#include "insn.h"
#include "padlock.h"

#include <string.h>

#define PAGE   4096u
#define BOUNCE (512 / PADLOCK_BLOCK) /* blocks that are copied at once */

/* The control word of XCRYPT. */
#define XC_ALIGN    0x20u
#define XC_SOFT_KEY 0x80u
#define XC_DECRYPT  0x200u
#define XC_SIZE(K)  ((((uint32_t)(K)-16) / 8) << 10)

/* The control value of CCS_ENCRYPT; modes from bit 6 on, in our order. */
#define CCS_SM4     0x20u
#define CCS_DECRYPT 1u
#define CCS_MODE(M) (0x40u << (M))

static const void *(*const xcrypt[])(void *iv, const void *control, const void *key,
                                     const void *src, void *dst, size_t blocks) = {
	[PADLOCK_ECB] = padlock_xcrypt_ecb, [PADLOCK_CBC] = padlock_xcrypt_cbc,
	[PADLOCK_CFB] = padlock_xcrypt_cfb, [PADLOCK_OFB] = padlock_xcrypt_ofb,
	[PADLOCK_CTR] = padlock_xcrypt_ctr,
};

static uint32_t control_word(const struct padlock_cap *cap, bool decrypt)
{
	return PADLOCK_ROUNDS(cap->row->key) | XC_SIZE(cap->row->key) |
	       (cap->align ? XC_ALIGN : 0) | (cap->ways & PADLOCK_SOFT_KEY ? XC_SOFT_KEY : 0) |
	       (decrypt ? XC_DECRYPT : 0);
}

void padlock_execute(const struct padlock_run *run, enum padlock_mode mode, bool decrypt,
                     const uint8_t *src, uint8_t *dst, size_t blocks)
{
	struct padlock_area *area = run->area;
	const void *iv;

	if (run->cap->row->kind == PADLOCK_SM4) {
		padlock_ccs_encrypt(area->iv,
		                    CCS_SM4 | CCS_MODE(mode) | (decrypt ? CCS_DECRYPT : 0),
		                    area->key, src, dst, blocks);
	} else {
		area->control[0] = control_word(run->cap, decrypt);
		iv = xcrypt[mode](area->iv, area->control, area->key, src, dst, blocks);
		if (iv != area->iv && mode != PADLOCK_ECB)
			memcpy(area->iv, iv, PADLOCK_BLOCK);
	}
	if (mode == PADLOCK_CTR)
		padlock_carry(area->iv);
}

size_t padlock_until_wrap(const uint8_t iv[PADLOCK_BLOCK])
{
	return 65536 - ((size_t)iv[14] << 8 | iv[15]);
}

void padlock_carry(uint8_t iv[PADLOCK_BLOCK])
{
	unsigned i = 14;

	if (iv[14] || iv[15])
		return;
	while (i-- && !++iv[i])
		;
}

void padlock_count(uint8_t iv[PADLOCK_BLOCK], uint64_t n)
{
	for (unsigned i = PADLOCK_BLOCK; i-- && n; n >>= 8) {
		n += iv[i];
		iv[i] = (uint8_t)n;
	}
}

/* A fetch is a group, counted from the start of the input; only the last can be incomplete. */
size_t padlock_stretch(uintptr_t src, size_t blocks)
{
	size_t group = PADLOCK_GROUP / PADLOCK_BLOCK;
	size_t left = (PAGE - (src + blocks * PADLOCK_BLOCK) % PAGE) % PAGE;

	if (blocks % group == 0 || left >= PADLOCK_GROUP)
		return blocks;
	return blocks - blocks % group;
}

void padlock_blocks(const struct padlock_run *run, enum padlock_mode mode, bool decrypt,
                    const uint8_t *src, uint8_t *dst, size_t blocks)
{
	uint8_t *bounce = run->area->bounce;
	bool aligned = run->cap->align || ((uintptr_t)src | (uintptr_t)dst) % 16 == 0;

	while (blocks) {
		size_t n = blocks, direct;

		if (mode == PADLOCK_CTR && n > padlock_until_wrap(run->area->iv))
			n = padlock_until_wrap(run->area->iv);
		direct = aligned ? padlock_stretch((uintptr_t)src, n) : 0;
		if (direct) {
			n = direct;
			padlock_execute(run, mode, decrypt, src, dst, n);
		} else {
			n = n < BOUNCE ? n : BOUNCE;
			memcpy(bounce, src, n * PADLOCK_BLOCK);
			padlock_execute(run, mode, decrypt, bounce, bounce, n);
			memcpy(dst, bounce, n * PADLOCK_BLOCK);
		}
		src += n * PADLOCK_BLOCK;
		dst += n * PADLOCK_BLOCK;
		blocks -= n;
	}
}
