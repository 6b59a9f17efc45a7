/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DMA control and configuration: section 5 and 20.3 of the reference. */
#include "card.h"

#include <sys/random.h>

enum { REVISION_ID = 1, READS_OF_RESET = 3 };
#define MILLISECOND 1000000u

static const uint16_t base_registers[RINGS] = {
	[RING_COMMAND] = R_CRAR,
	[RING_SOURCE] = R_SRAR,
	[RING_RESULT] = R_RRAR,
	[RING_DESTINATION] = R_DRAR,
};

/* The ring that a base register is for, or NULL. */
static struct ring *ring_of(struct card *card, uint32_t offset)
{
	for (unsigned i = 0; i < RINGS; i++) {
		if (base_registers[i] == offset)
			return &card->rings[i];
	}
	return NULL;
}

static void write_base(struct card *card, struct ring *ring, uint32_t value, bool posted)
{
	const char *name = ring_names[ring - card->rings];

	if (value % 8)
		violation(card, "the %s ring's base 0x%x isn't aligned to 8", name, value);
	if (ring->enabled)
		violation(card, "the %s ring's base is written while the ring is enabled",
		          name);
	ring->base = ring->position = value & ~7u;
	ring->based = true;
	ring->waiting = false;
	card->epoch++;
	card->faults.due = 0;
	time_note(card, TIME_BASES, posted);
}

static void control_ring(struct card *card, enum ring_name name, uint32_t control)
{
	struct ring *ring = &card->rings[name];

	if (control == CSR_CONTROL)
		violation(card, "CSR both enables and disables the %s ring", ring_names[name]);
	if (control == CSR_DISABLE && ring->enabled) {
		ring->enabled = ring->waiting = false;
		card->epoch++;
		card->faults.due = 0;
	}
	if (control != CSR_ENABLE || ring->enabled)
		return;
	if (!ring->based)
		violation(card, "the %s ring is enabled without a base", ring_names[name]);
	else if (too_soon(card, TIME_BASES, 2 * MILLISECOND))
		violation(card,
		          "the %s ring is enabled less than 2 ms after the bases were written",
		          ring_names[name]);
	if ((card->cnfg & CNFG_RUN) != CNFG_RUN)
		violation(card,
		          "the %s ring is enabled while CNFG has 0x%x in its low bits: MODE "
		          "and both resets must be 1",
		          ring_names[name], card->cnfg & CNFG_RUN);
	if (!vu_pci_master(&card->config))
		violation(card,
		          "the %s ring is enabled while Bus Master is off in the command "
		          "register",
		          ring_names[name]);
	ring->enabled = true;
}

static void write_csr(struct card *card, uint32_t value)
{
	card->csr &= ~(value & CSR_STATUSES);
	for (unsigned i = 0; i < RINGS; i++)
		control_ring(card, i, value >> RING_SHIFT(i) & CSR_CONTROL);
	card->kicked = true;
	card_update_pin(card);
}

static uint32_t read_csr(const struct card *card)
{
	uint32_t value = card->csr;

	for (unsigned i = 0; i < RINGS; i++)
		value |= card->rings[i].enabled ? (uint32_t)CSR_ENABLE << RING_SHIFT(i) : 0;
	return value;
}

/* Rules for taking the chip or its DMA unit into reset and out again. */
static void check_reset(struct card *card, uint32_t value, bool posted)
{
	uint32_t falls = card->cnfg & ~value, rises = value & ~card->cnfg;

	if (value & CNFG_BIGENDIAN)
		violation(card, "BIGENDIAN is set in CNFG");
	if (!(value & CNFG_MODE))
		violation(card, "MODE is clear in CNFG: it must be 1");
	if (falls & (CNFG_CHIP_RUNS | CNFG_DMA_RUNS)) {
		if (card->cnfg & CNFG_POLLFREQ)
			violation(card, "a reset begins while the rings are polled: write 7 to "
			                "CNFG and wait 1 ms before");
		else if (too_soon(card, TIME_POLL_STOPPED, MILLISECOND))
			violation(card,
			          "a reset begins less than 1 ms after polling was stopped");
	}
	if (rises & CNFG_CHIP_RUNS && too_soon(card, TIME_CHIP_RESET, MILLISECOND))
		violation(card, "the chip is held in reset for less than 1 ms");
	if (card->cnfg & CNFG_POLLFREQ && !(value & CNFG_POLLFREQ))
		time_note(card, TIME_POLL_STOPPED, posted);
	if (falls & CNFG_CHIP_RUNS)
		time_note(card, TIME_CHIP_RESET, posted);
}

static void write_cnfg(struct card *card, uint32_t value, bool posted)
{
	uint32_t changed = value ^ card->cnfg;

	check_reset(card, value, posted);
	card->cnfg = value;
	if (!(value & CNFG_CHIP_RUNS))
		card_reset_chip(card);
	else if (!(value & CNFG_DMA_RUNS))
		card_reset_dma(card);
	if (changed & (CNFG_CHIP_RUNS | CNFG_DMA_RUNS))
		card->pu_busy = READS_OF_RESET;
	unlock_window(card, value & CNFG_UNLOCK, posted);
	card->setup_told = false;
	card->kicked = true;
	card->next_poll = 0;
}

static void write_cnfg2(struct card *card, uint32_t value)
{
	if (value & 0xf0000)
		violation(card, "a swap bit is set in CNFG2");
	card->cnfg2 = value;
}

static uint32_t read_random(struct card *card)
{
	uint32_t word;

	if (!card->rng.enabled) {
		violation(card, "RNG_DATA is read while the RNG is off");
		return 0;
	}
	/* The first word has to be discarded: let it be seen if it isn't. */
	if (!card->rng.reads++ || getrandom(&word, sizeof(word), 0) != sizeof(word))
		return 0;
	return word;
}

uint32_t bar1_read(struct card *card, uint32_t offset)
{
	const struct ring *ring = ring_of(card, offset);

	if (ring)
		return ring->base;
	switch (offset) {
	case R_CSR:
		return read_csr(card);
	case R_IER:
		return card->ier;
	case R_CNFG:
		return card->cnfg;
	case R_PLL:
		return card->pll;
	case R_CNFG2:
		return card->cnfg2;
	case R_REVID:
		return REVISION_ID;
	case R_SECRET1:
		return unlock_read_seed(card);
	case R_RNG_CONFIG:
		return card->rng.enabled;
	case R_RNG_DATA:
		return read_random(card);
	default:
		return pk_read(card, offset);
	}
}

void bar1_write(struct card *card, uint32_t offset, uint32_t value, bool posted)
{
	struct ring *ring = ring_of(card, offset);

	if (ring) {
		write_base(card, ring, value, posted);
		return;
	}
	switch (offset) {
	case R_CSR:
		write_csr(card, value);
		break;
	case R_IER:
		card->ier = value;
		card->kicked = true;
		card_update_pin(card);
		break;
	case R_CNFG:
		write_cnfg(card, value, posted);
		break;
	case R_PLL:
		pll_write(card, value, posted);
		break;
	case R_CNFG2:
		write_cnfg2(card, value);
		break;
	case R_SECRET2:
		unlock_write(card, value, posted);
		break;
	case R_RNG_CONFIG:
		card->rng.enabled = value & 1;
		card->rng.reads = 0;
		break;
	default:
		pk_write(card, offset, value);
		break;
	}
}
