/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A descriptor ring: entries that the chip goes through in order, and one that sends it back to
 * the first. The chip clears VALID of each, the jump's too, so that the jump is armed anew each
 * time round: just before the first entry is used again. */
#include "hifn.h"

#include <endian.h>

void hifn_ring_init(struct hifn_ring *ring, uint8_t *memory, uint32_t bus, unsigned size)
{
	*ring = (struct hifn_ring){ .entries = (uint32_t *)memory, .bus = bus, .size = size };
	for (unsigned i = 0; i < 2 * (size + 1); i++)
		ring->entries[i] = 0;
}

static uint32_t *entry_at(const struct hifn_ring *ring, unsigned index)
{
	return ring->entries + 2 * index;
}

bool hifn_ring_done(const struct hifn_ring *ring, unsigned index)
{
	uint32_t word = __atomic_load_n(entry_at(ring, index), __ATOMIC_ACQUIRE);

	if (le32toh(word) & D_VALID)
		return false;
	card_barrier();
	return true;
}

/* The address first; VALID comes with the rest of its word, when all else is in memory. */
static void hand_over(uint32_t *entry, uint32_t word, uint32_t bus)
{
	__atomic_store_n(entry + 1, htole32(bus), __ATOMIC_RELAXED);
	card_barrier();
	__atomic_store_n(entry, htole32(word), __ATOMIC_RELEASE);
}

bool hifn_ring_room(const struct hifn_ring *ring, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned index = ring->head + i;

		if (!hifn_ring_done(ring, index < ring->size ? index : index - ring->size))
			return false;
	}
	return ring->head + n <= ring->size || hifn_ring_done(ring, ring->size);
}

unsigned hifn_ring_push(struct hifn_ring *ring, uint32_t flags, uint32_t bus, uint32_t length)
{
	if (ring->head == ring->size) {
		hand_over(entry_at(ring, ring->size), D_VALID | D_JUMP | D_MASKDONE, ring->bus);
		ring->head = 0;
	}
	hand_over(entry_at(ring, ring->head), D_VALID | flags | length, bus);
	return ring->head++;
}
