/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Digests, and HMAC made of them. The unit takes whole blocks; what remains of a part and the
 * padding are done here. Where it has no such form, it is given whole messages, which it pads. */
#include "padlock.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#define WHOLE_BLOCKS ((size_t)-1) /* in RAX: blocks, no padding */
#define BLOCK_MAX    128

/* What goes from part to part. In secret memory. */
struct padlock_state {
	uint8_t state[64], outer[64];
	uint8_t partial[BLOCK_MAX];
	uint64_t bytes;
	size_t partial_len;
};

static void begin(struct padlock_area *area, const struct padlock_digest *digest)
{
	memcpy(area->state, digest->initial, digest->state);
	area->bytes = 0;
	area->partial_len = 0;
}

static void blocks(struct padlock_area *area, const struct padlock_digest *digest,
                   const uint8_t *src, size_t n)
{
	if (n)
		digest->hash(area->state, src, WHOLE_BLOCKS, n);
}

static void update(struct padlock_area *area, const struct padlock_digest *digest,
                   const uint8_t *src, size_t n)
{
	size_t block = digest->block, room = block - area->partial_len;

	area->bytes += n;
	if (area->partial_len && n >= room) {
		memcpy(area->partial + area->partial_len, src, room);
		blocks(area, digest, area->partial, 1);
		area->partial_len = 0;
		src += room;
		n -= room;
	}
	if (!area->partial_len && n >= block) {
		blocks(area, digest, src, n / block);
		src += n - n % block;
		n %= block;
	}
	if (n)
		memcpy(area->partial + area->partial_len, src, n);
	area->partial_len += n;
}

/* A bit, zeros, and the length in bits in the block's last bytes, big-endian. */
static void pad(struct padlock_area *area, const struct padlock_digest *digest)
{
	size_t length = digest->block / 8, used = area->partial_len;
	size_t all = used + 1 + length <= digest->block ? digest->block : 2 * digest->block;
	uint64_t bits = area->bytes << 3;

	memset(area->partial + used, 0, all - used);
	area->partial[used] = 0x80;
	for (unsigned i = 1; i <= 8; i++, bits >>= 8)
		area->partial[all - i] = (uint8_t)bits;
	if (length > 8)
		area->partial[all - 9] = (uint8_t)(area->bytes >> 61);
	blocks(area, digest, area->partial, all / digest->block);
}

/* The state as the standards write it. */
static void put_digest(const struct padlock_area *area, const struct padlock_digest *digest,
                       uint8_t *out)
{
	unsigned last = digest->word - 1;

	for (unsigned i = 0; i < digest->size; i++)
		out[i] = area->state[(i & ~last) + last - (i & last)];
}

static void finish(struct padlock_area *area, const struct padlock_digest *digest, uint8_t *out)
{
	pad(area, digest);
	put_digest(area, digest, out);
}

/* Start over with the key of an HMAC, filled up to a block, mixed with a byte. */
static void begin_keyed(struct padlock_area *area, const struct padlock_digest *digest,
                        const uint8_t *key, uint8_t with)
{
	uint8_t *block = area->bounce;

	for (unsigned i = 0; i < digest->block; i++)
		block[i] = key[i] ^ with;
	begin(area, digest);
	update(area, digest, block, digest->block);
}

/* Both of an HMAC's hashes, to behind the key. */
static void begin_hmac(struct padlock_area *area, const struct padlock_digest *digest,
                       struct acr_bytes given)
{
	uint8_t *key = area->bounce + BLOCK_MAX;

	memset(key, 0, BLOCK_MAX);
	if (given.len > digest->block) {
		begin(area, digest);
		update(area, digest, given.data, given.len);
		finish(area, digest, key);
	} else if (given.len) {
		memcpy(key, given.data, given.len);
	}
	begin_keyed(area, digest, key, 0x5c);
	memcpy(area->outer, area->state, digest->state);
	begin_keyed(area, digest, key, 0x36);
}

/* out: room for the whole digest */
static void finish_hmac(struct padlock_area *area, const struct padlock_digest *digest,
                        uint8_t *out)
{
	finish(area, digest, out);
	memcpy(area->state, area->outer, digest->state);
	area->bytes = digest->block;
	area->partial_len = 0;
	update(area, digest, out, digest->size);
	finish(area, digest, out);
}

static int keep(struct acr_op *op, const struct padlock_area *area)
{
	struct padlock_state *kept = acr_secret_alloc(sizeof(*kept));

	if (!kept)
		return -ENOMEM;
	memcpy(kept->state, area->state, sizeof(kept->state));
	memcpy(kept->outer, area->outer, sizeof(kept->outer));
	memcpy(kept->partial, area->partial, sizeof(kept->partial));
	kept->bytes = area->bytes;
	kept->partial_len = area->partial_len;
	acr_op_set_state(op, kept);
	return 0;
}

static void resume(struct padlock_area *area, const struct padlock_state *kept)
{
	memcpy(area->state, kept->state, sizeof(kept->state));
	memcpy(area->outer, kept->outer, sizeof(kept->outer));
	memcpy(area->partial, kept->partial, sizeof(kept->partial));
	area->bytes = kept->bytes;
	area->partial_len = kept->partial_len;
}

void padlock_state_free(void *state)
{
	acr_secret_free(state);
}

static int put(struct acr_op *op, const void *data, size_t size)
{
	if (op->dst_size < size)
		return padlock_refuse(op, "the output does not fit");
	if (size)
		memcpy(op->dst, data, size);
	op->dst_len = size;
	return 0;
}

/* The digest, the beginning of the MAC, or whether it is the one that was expected. */
static int give(struct acr_op *op, const struct padlock_digest *digest, const uint8_t *full)
{
	if (op->opcode == ACR_HASH)
		return put(op, full, digest->size);
	if (op->tag_size > digest->size)
		return padlock_refuse(op, "the MAC is not that long");
	if (op->opcode == ACR_MAC)
		return put(op, full, op->tag_size);
	if (!op->tag_size || op->sig.len != op->tag_size ||
	    CRYPTO_memcmp(full, op->sig.data, op->tag_size))
		return -EBADMSG;
	return put(op, ACR_VALID, sizeof(ACR_VALID) - 1);
}

/* The form in which the unit pads. It does nothing for a message without bytes. */
static int hash_whole(struct acr_op *op, const struct padlock_digest *digest,
                      struct padlock_area *area)
{
	if ((op->flags & ACR_OP_WHOLE) != ACR_OP_WHOLE)
		return -EOPNOTSUPP;
	if (!op->src.len)
		return give(op, digest, digest->empty);
	begin(area, digest);
	digest->hash(area->state, op->src.data, 0, op->src.len);
	put_digest(area, digest, area->partial);
	return give(op, digest, area->partial);
}

int padlock_hash(struct acr_op *op, const struct padlock_cap *cap, struct padlock_area *area)
{
	const struct padlock_digest *digest = cap->row->digest;
	bool keyed = cap->row->kind == PADLOCK_HMAC;

	if (cap->ways & PADLOCK_FINISH)
		return hash_whole(op, digest, area);
	if (!(op->flags & ACR_OP_FIRST)) {
		if (!op->state)
			return -EIO;
		resume(area, op->state);
	} else if (keyed) {
		begin_hmac(area, digest, op->key);
	} else {
		begin(area, digest);
	}
	update(area, digest, op->src.data, op->src.len);
	if (!(op->flags & ACR_OP_LAST))
		return keep(op, area);
	if (keyed)
		finish_hmac(area, digest, area->bounce);
	else
		finish(area, digest, area->bounce);
	return give(op, digest, area->bounce);
}
