/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AES and SM4: keys, padding, and what does not fill a block. */
#include "padlock.h"

#include <errno.h>
#include <string.h>

int padlock_refuse(struct acr_op *op, const char *sentence)
{
	acr_op_explain(op, sentence);
	return -EINVAL;
}

static bool in_whole_blocks(const struct padlock_row *row)
{
	return row->mode == PADLOCK_ECB || row->mode == PADLOCK_CBC;
}

static void set_key(const struct padlock_run *run, struct acr_bytes key)
{
	const struct padlock_row *row = run->cap->row;
	uint8_t *room = run->area->key;

	if (!(run->cap->ways & PADLOCK_SOFT_KEY)) {
		memcpy(room, key.data, key.len);
		return;
	}
	padlock_expand(key.data, key.len, room);
	/* The others run the cipher forward both ways. */
	if (run->decrypt && in_whole_blocks(row))
		padlock_invert(room, PADLOCK_ROUNDS(row->key));
}

/* block = the cipher of the IV, in the modes that make a key stream. */
static void encrypt_iv(const struct padlock_run *run)
{
	memcpy(run->area->block, run->area->iv, PADLOCK_BLOCK);
	padlock_execute(run, PADLOCK_ECB, false, run->area->block, run->area->block, 1);
}

static void xor_bytes(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = a[i] ^ b[i];
}

/* CFB and OFB over blocks in ECB, for units that have not these modes. */
static void chain_by_ecb(const struct padlock_run *run, const uint8_t *src, uint8_t *dst,
                         size_t blocks)
{
	struct padlock_area *area = run->area;
	bool feeds_back = run->cap->row->mode == PADLOCK_CFB;

	for (; blocks; blocks--, src += PADLOCK_BLOCK, dst += PADLOCK_BLOCK) {
		encrypt_iv(run);
		xor_bytes(dst, src, area->block, PADLOCK_BLOCK);
		memcpy(area->iv,
		       !feeds_back    ? area->block
		       : run->decrypt ? src
		                      : dst,
		       PADLOCK_BLOCK);
	}
}

/* CTR likewise; the counters of many blocks at once. */
static void count_by_ecb(const struct padlock_run *run, const uint8_t *src, uint8_t *dst,
                         size_t blocks)
{
	struct padlock_area *area = run->area;
	size_t most = 512 / PADLOCK_BLOCK;

	while (blocks) {
		size_t n = blocks < most ? blocks : most;

		for (size_t i = 0; i < n; i++) {
			memcpy(area->bounce + i * PADLOCK_BLOCK, area->iv, PADLOCK_BLOCK);
			padlock_count(area->iv, 1);
		}
		padlock_execute(run, PADLOCK_ECB, false, area->bounce, area->bounce, n);
		xor_bytes(dst, src, area->bounce, n * PADLOCK_BLOCK);
		src += n * PADLOCK_BLOCK;
		dst += n * PADLOCK_BLOCK;
		blocks -= n;
	}
}

/* CFB, OFB, CTR: as long as the input. */
static void stream(const struct padlock_run *run, struct acr_op *op)
{
	enum padlock_mode mode = run->cap->row->mode;
	size_t whole = op->src.len / PADLOCK_BLOCK, tail = op->src.len % PADLOCK_BLOCK;
	size_t done = op->src.len - tail;

	if (!(run->cap->ways & PADLOCK_BY_ECB))
		padlock_blocks(run, mode, run->decrypt && mode == PADLOCK_CFB, op->src.data,
		               op->dst, whole);
	else if (mode == PADLOCK_CTR)
		count_by_ecb(run, op->src.data, op->dst, whole);
	else
		chain_by_ecb(run, op->src.data, op->dst, whole);
	if (tail) {
		encrypt_iv(run);
		xor_bytes(op->dst + done, op->src.data + done, run->area->block, tail);
	}
	op->dst_len = op->src.len;
}

/* All ones where a < b; both are small. */
static uint32_t less(uint32_t a, uint32_t b)
{
	return 0u - ((a - b) >> 31);
}

unsigned padlock_padding(const uint8_t block[PADLOCK_BLOCK])
{
	uint32_t n = block[PADLOCK_BLOCK - 1];
	uint32_t bad = less(n, 1) | less(PADLOCK_BLOCK, n);

	for (uint32_t i = 0; i < PADLOCK_BLOCK; i++)
		bad |= (block[PADLOCK_BLOCK - 1 - i] ^ n) & less(i, n);
	/* bad is 0 or not; make it all zeros or all ones. */
	return n & ~(0u - ((bad | (0u - bad)) >> 31));
}

static void encrypt_padded(const struct padlock_run *run, struct acr_op *op)
{
	enum padlock_mode mode = run->cap->row->mode;
	size_t tail = op->src.len % PADLOCK_BLOCK, whole = op->src.len - tail;
	uint8_t *block = run->area->block;

	padlock_blocks(run, mode, false, op->src.data, op->dst, whole / PADLOCK_BLOCK);
	memset(block, (int)(PADLOCK_BLOCK - tail), PADLOCK_BLOCK);
	if (tail)
		memcpy(block, op->src.data + whole, tail);
	padlock_execute(run, mode, false, block, block, 1);
	memcpy(op->dst + whole, block, PADLOCK_BLOCK);
	op->dst_len = whole + PADLOCK_BLOCK;
}

/* There may be room at dst for the longest plaintext alone, so the last block goes by `block`. */
static int decrypt_padded(const struct padlock_run *run, struct acr_op *op)
{
	enum padlock_mode mode = run->cap->row->mode;
	size_t whole = op->src.len - PADLOCK_BLOCK;
	uint8_t *block = run->area->block;
	unsigned padding;

	padlock_blocks(run, mode, true, op->src.data, op->dst, whole / PADLOCK_BLOCK);
	memcpy(block, op->src.data + whole, PADLOCK_BLOCK);
	padlock_execute(run, mode, true, block, block, 1);
	padding = padlock_padding(block);
	if (!padding) {
		acr_op_explain(op, "the padding does not verify");
		return -EBADMSG;
	}
	if (padding < PADLOCK_BLOCK)
		memcpy(op->dst + whole, block, PADLOCK_BLOCK - padding);
	op->dst_len = whole + PADLOCK_BLOCK - padding;
	return 0;
}

/* The core has checked sizes against its own table; here they keep the unit inside our buffers. */
static int check_sizes(struct acr_op *op, const struct padlock_row *row, bool padded)
{
	size_t n = op->src.len, need = n;

	if (op->key.len != row->key)
		return padlock_refuse(op, "the key is not of the algorithm's size");
	if (op->iv.len != (row->mode == PADLOCK_ECB ? 0 : PADLOCK_BLOCK))
		return padlock_refuse(op, "the iv is not of the algorithm's size");
	if (padded && op->opcode == ACR_ENCRYPT)
		need += PADLOCK_BLOCK - n % PADLOCK_BLOCK;
	else if (in_whole_blocks(row) && n % PADLOCK_BLOCK)
		return padlock_refuse(op, "the input is not a multiple of the block size");
	else if (padded && !n)
		return padlock_refuse(op, "an empty input has no padding to remove");
	else if (padded)
		need--;
	return op->dst_size < need ? padlock_refuse(op, "the output does not fit") : 0;
}

int padlock_cipher(struct acr_op *op, const struct padlock_cap *cap, struct padlock_area *area)
{
	const struct padlock_run run = { cap, area, op->opcode == ACR_DECRYPT };
	bool padded = op->padding == ACR_PAD_PKCS7 && in_whole_blocks(cap->row);
	int error = check_sizes(op, cap->row, padded);

	if (error)
		return error;
	set_key(&run, op->key);
	if (op->iv.len)
		memcpy(area->iv, op->iv.data, PADLOCK_BLOCK);
	if (padded && run.decrypt)
		return decrypt_padded(&run, op);
	if (padded) {
		encrypt_padded(&run, op);
	} else if (in_whole_blocks(cap->row)) {
		padlock_blocks(&run, cap->row->mode, run.decrypt, op->src.data, op->dst,
		               op->src.len / PADLOCK_BLOCK);
		op->dst_len = op->src.len;
	} else {
		stream(&run, op);
	}
	return 0;
}
