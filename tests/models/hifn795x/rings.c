/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The descriptor rings: section 10, and steps 2, 6 and 8 of 20.4. */
#include "card.h"

#include <errno.h>

enum { JUMPS_IN_A_ROW = 2 };
#define WAIT_AGAIN_NS 1000000u
#define HALF_NS       5000000000u

const char *const ring_names[RINGS] = { "command", "source", "result", "destination" };

/* What changed while the client's answer was waited for makes the access void. */
static int outcome(const struct card *card, int error)
{
	return card->epoch != card->epoch_at_start ? -ECANCELED : error;
}

int card_dma_read(struct card *card, uint32_t address, void *bytes, size_t n)
{
	return outcome(card, vu_dma_read(card->server, address, bytes, n));
}

int card_dma_write(struct card *card, uint32_t address, const void *bytes, size_t n)
{
	return outcome(card, vu_dma_write(card->server, address, bytes, n));
}

/* Read the entry at an address. Returns 1 if it's the card's, 0 if not, or an error. */
static int fetch(struct card *card, uint32_t at, struct slot *slot)
{
	int error;

	slot->at = at;
	error = outcome(card, vu_dma_load32(card->server, at, &slot->l));
	if (error || !(slot->l & D_VALID))
		return error;
	error = outcome(card, vu_dma_load32(card->server, at + 4u, &slot->p));
	return error ? error : 1;
}

/* Collect the entries of an operation. Returns 1 when all are there, 0 when one isn't (it is
 * the one behind the last of the chain), or an error; -E2BIG when there's no end to them. */
static int collect(struct card *card, enum ring_name name)
{
	struct chain *chain = &card->chains[name];
	unsigned jumps = 0;

	chain->n = chain->bytes = 0;
	chain->next = card->rings[name].position;
	while (chain->n < MAX_SLOTS) {
		struct slot *slot = &chain->slots[chain->n];
		int found = fetch(card, chain->next, slot);

		if (found <= 0)
			return found;
		chain->n++;
		if (slot->l & D_JUMP) {
			chain->next = slot->p & ~7u;
			if (++jumps > JUMPS_IN_A_ROW)
				return 0;
			continue;
		}
		jumps = 0;
		chain->next += 8;
		chain->bytes += slot->l & D_LENGTH;
		if (slot->l & D_LAST || name == RING_RESULT)
			return 1;
	}
	return -E2BIG;
}

static void wait_for(struct card *card, enum ring_name name, uint64_t now)
{
	struct ring *ring = &card->rings[name];

	if (ring->waiting && now < ring->next_wait)
		return;
	ring->waiting = true;
	ring->next_wait = now + WAIT_AGAIN_NS;
	card->csr |= (uint32_t)CSR_WAIT << RING_SHIFT(name);
}

/* An operation that stays posted in part for long was forgotten, not delayed. */
static void watch_half(struct card *card, bool half, enum ring_name missing, uint64_t now)
{
	const struct chain *chain = &card->chains[missing];

	if (!half) {
		card->half_since = 0;
		card->half_told = false;
	} else if (!card->half_since) {
		card->half_since = now;
	} else if (!card->half_told && now - card->half_since > HALF_NS) {
		bool jump = chain->n < MAX_SLOTS && chain->slots[chain->n].l & D_JUMP;

		card->half_told = true;
		violation(card,
		          "an operation is posted in part for 5 s: the %s ring's %s at 0x%x "
		          "has no VALID",
		          ring_names[missing], jump ? "jump descriptor" : "descriptor",
		          chain->next);
	}
}

void rings_abort(struct card *card, enum ring_name name)
{
	trace(card, "the %s ring's DMA is aborted", ring_names[name]);
	card->csr |= (uint32_t)CSR_ABORT << RING_SHIFT(name);
	for (unsigned i = 0; i < RINGS; i++)
		card->rings[i].enabled = false;
	vu_pci_set_master_abort(&card->config);
	card->faults.due = 0;
	card_update_pin(card);
}

enum look rings_look(struct card *card, uint64_t now)
{
	enum ring_name missing = RINGS;
	bool some = false, long_chain = false;

	card->epoch_at_start = card->epoch;
	for (unsigned i = 0; i < RINGS; i++) {
		int found;

		if (!card->rings[i].enabled)
			return LOOK_NOTHING;
		found = collect(card, i);
		if (found == -ECANCELED || found == -ENOTCONN)
			return LOOK_NOTHING;
		if (found < 0 && found != -E2BIG) {
			violation(card, "the %s ring leads to memory that isn't there",
			          ring_names[i]);
			rings_abort(card, i);
			return LOOK_ABORTED;
		}
		long_chain =
		        long_chain || found == -E2BIG || card->chains[i].bytes > MAX_OPERATION;
		some = some || card->chains[i].n;
		if (found) {
			card->rings[i].waiting = false;
		} else {
			missing = i;
			wait_for(card, i, now);
		}
	}
	watch_half(card, some && missing != RINGS, missing == RINGS ? RING_COMMAND : missing,
	           now);
	card_update_pin(card);
	if (missing != RINGS)
		return LOOK_NOTHING;
	return long_chain ? LOOK_TOO_LONG : LOOK_READY;
}

int ring_consume(struct card *card, enum ring_name name)
{
	const struct chain *chain = &card->chains[name];
	uint32_t events = 0;

	for (unsigned i = 0; i < chain->n; i++) {
		const struct slot *slot = &chain->slots[i];
		int error = outcome(card,
		                    vu_dma_store32(card->server, slot->at, slot->l & ~D_VALID));

		if (error)
			return error;
		if (slot->l & D_JUMP)
			continue;
		events |= slot->l & D_MASKDONE ? 0 : CSR_DONE;
		events |= slot->l & D_LAST ? CSR_LAST : 0;
	}
	card->rings[name].position = chain->next;
	card->csr |= events << RING_SHIFT(name);
	return 0;
}
