/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The packet engine: the run loop of section 20.4. An operation is looked at whole before
 * anything is changed, so that descriptors can be posted in any order. */
#include "command.h"

enum { OPERATIONS_A_TURN = 16 };
/* How often memory is looked at: closely for a while after an operation. */
#define POLL_CLOSE_NS 50000u
#define POLL_FAR_NS   1000000u
#define CLOSE_FOR_NS  10000000u

static bool runs(const struct card *card)
{
	return (card->cnfg & CNFG_RUN) == CNFG_RUN && card->puctrl & PUCTRL_DMAENA &&
	       vu_pci_master(&card->config);
}

/* A sum over the descriptors in card->chains (FNV-1a, by words). */
static uint64_t sum_of_chains(const struct card *card)
{
	uint64_t sum = 0xcbf29ce484222325u;

	for (unsigned ring = 0; ring < RINGS; ring++) {
		for (unsigned i = 0; i < card->chains[ring].n; i++) {
			sum = (sum ^ card->chains[ring].slots[i].l) * 0x100000001b3u;
			sum = (sum ^ card->chains[ring].slots[i].p) * 0x100000001b3u;
		}
	}
	return sum;
}

/* Whether the operation in card->chains is ready, which takes time only with a fault. */
static bool ready(struct card *card, uint64_t now)
{
	uint64_t sum;

	if (!card->faults.on[FAULT_SLOW])
		return true;
	sum = sum_of_chains(card);
	if (!card->faults.due) {
		card->faults.due =
		        fault_end(&card->faults, now, card->chains[RING_SOURCE].bytes);
		card->faults.taken = sum;
	} else if (sum != card->faults.taken) {
		violation(card, "a descriptor was changed while the chip had it");
		card->faults.taken = sum;
	}
	if (card->faults.due > now)
		return false;
	card->faults.due = 0;
	return true;
}

/* Look for an operation and carry it out. Sets *next to when it's worth looking again;
 * returns whether at once. */
static bool one_operation(struct card *card, uint64_t now, uint64_t *next)
{
	enum look look = rings_look(card, now);

	if (look < LOOK_READY || look == LOOK_ABORTED || fault_sticks(&card->faults))
		return false;
	/* The descriptor may have overtaken register writes that came before it. */
	if (vu_drain(card->server)) {
		look = runs(card) ? rings_look(card, now) : LOOK_NOTHING;
		if (look != LOOK_READY && look != LOOK_TOO_LONG)
			return false;
	}
	if (!ready(card, now)) {
		*next = card->faults.due;
		return false;
	}
	if (fault_vanishes(&card->faults)) {
		trace(card, "the card vanishes (fault)");
		card_update_pin(card);
		return false;
	}
	operation_carry_out(card, look == LOOK_TOO_LONG);
	card->busy_until = now + CLOSE_FOR_NS;
	return true;
}

static bool any_enabled(const struct card *card)
{
	for (unsigned i = 0; i < RINGS; i++) {
		if (card->rings[i].enabled)
			return true;
	}
	return false;
}

uint64_t engine_tick(struct card *card, uint64_t now)
{
	bool polls = card->cnfg & CNFG_POLLFREQ, kicked = card->kicked;
	uint64_t next = UINT64_MAX;
	unsigned n = 0;

	card->kicked = false;
	if (!any_enabled(card) || !runs(card))
		return UINT64_MAX;
	if (!kicked && !polls && !card->faults.due)
		return UINT64_MAX;
	if (!kicked && now < card->next_poll)
		return card->next_poll;
	while (n < OPERATIONS_A_TURN && runs(card) && one_operation(card, now, &next))
		n++;
	if (n == OPERATIONS_A_TURN)
		next = now;
	else if (polls && next == UINT64_MAX)
		next = now + (now < card->busy_until ? POLL_CLOSE_NS : POLL_FAR_NS);
	card->next_poll = next;
	return card->kicked ? now : next;
}
