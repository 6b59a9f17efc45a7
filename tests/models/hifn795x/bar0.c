/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The processing unit's registers: section 4 and 20.2 of the reference. */
#include "card.h"

/* PUSTAT with CHIPID: how far the chip is unlocked, and its revision. */
enum { LEVEL_ALL = 0x1100, LEVEL_NONE = 0x3000, REVISION = 0x20 };

static uint32_t read_status(const struct card *card)
{
	if (!(card->pucnfg & PUCNFG_CHIPID))
		return card->puisr;
	if (card->unlock.level == 2)
		return LEVEL_ALL | REVISION;
	return (card->unlock.spoiled ? LEVEL_NONE : 0) | REVISION;
}

/* After a reset a driver finds RESET set a few times: it has to look more than once. */
static uint32_t read_control(struct card *card)
{
	if (!card->pu_busy)
		return card->puctrl;
	card->pu_busy--;
	return card->puctrl | (card->pu_busy ? PUCTRL_RESET : 0);
}

uint32_t bar0_read(struct card *card, uint32_t offset)
{
	switch (offset) {
	case R_PUCTRL:
	case R_PUCTRL2:
		return read_control(card);
	case R_PUISR:
		return card->puisr;
	case R_PUCNFG:
		return card->pucnfg;
	case R_PUIER:
		return card->puier;
	case R_PUSTAT:
		return read_status(card);
	case R_FIFOSTAT:
		return 0x7f00; /* room for all, nothing in it */
	case R_FIFOCNFG:
		return card->fifocnfg;
	default:
		return 0;
	}
}

static void write_config(struct card *card, uint32_t value)
{
	if (value & PUCNFG_BIGENDIAN)
		violation(card, "BIGENDIAN is set in PUCNFG");
	card->pucnfg = value;
	card->setup_told = false;
}

static void write_fifo_config(struct card *card, uint32_t value)
{
	if (value != FIFOCNFG_VALUE)
		violation(card, "FIFOCNFG is written with 0x%x: it must be 0x400", value);
	card->fifocnfg = value;
	card->setup_told = false;
}

void bar0_write(struct card *card, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case R_PUCTRL:
	case R_PUCTRL2:
		/* The FIFOs are empty between operations: there's nothing to drop. */
		card->puctrl = value & PUCTRL_BITS & ~(uint32_t)PUCTRL_RESET;
		card->setup_told = false;
		card->kicked = true;
		break;
	case R_PUISR:
		card->puisr &= ~value;
		break;
	case R_PUCNFG:
		write_config(card, value);
		break;
	case R_PUIER:
		card->puier = value;
		card_pu_event(card, 0);
		break;
	case R_FIFOCNFG:
		write_fifo_config(card, value);
		break;
	default:
		break;
	}
}
