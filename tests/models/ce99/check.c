/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a driver must not do. Those rules that an error code goes with are in check_start(). */
#include "card.h"

static bool is_known(const struct card *card)
{
	return card->sig_read && card->caps_read && !card->faults.on[FAULT_WRONG_SIGNATURE] &&
	       !card->faults.on[FAULT_WRONG_LAYOUT];
}

void check_known(struct card *card, const char *what)
{
	if (is_known(card) || card->probe_told)
		return;
	card->probe_told = true;
	if (!card->sig_read || !card->caps_read)
		vu_violation(&card->report, "%s before SIG and CAPS were read", what);
	else
		vu_violation(&card->report, "%s although %s is wrong", what,
		             card->faults.on[FAULT_WRONG_SIGNATURE] ? "the signature"
		                                                    : "the layout's number");
}

static void check_key_command(struct card *card, uint32_t value)
{
	uint32_t which = value & (KEY_LOAD | KEY_DELETE);

	if ((value & KEY_SLOT) >= card->slots)
		vu_violation(&card->report, "KEY_CMD for slot %u of %u", value & KEY_SLOT,
		             card->slots);
	if (!which || which == (KEY_LOAD | KEY_DELETE))
		vu_violation(&card->report, "KEY_CMD with %s of LOAD and DELETE",
		             which ? "both" : "neither");
	if (card->operation.busy || !card->ready)
		vu_violation(&card->report, "KEY_CMD while %s",
		             card->operation.busy ? "BUSY" : "not READY");
}

static void check_acknowledge(struct card *card, uint32_t value)
{
	uint32_t unseen = value & card->int_status & ~card->int_seen;

	if (unseen)
		vu_violation(&card->report,
		             "%s is acknowledged in INT_STATUS, but was never read there",
		             unseen & INT_ERROR ? "ERROR" : "DONE");
}

void check_write(struct card *card, uint32_t offset, uint32_t value)
{
	const struct register_name *r = register_find(offset);

	check_known(card, "BAR0 is written");
	if (!r) {
		vu_violation(&card->report, "BAR0 0x%x is written: there is no such register",
		             offset);
		return;
	}
	if (!r->written)
		vu_violation(&card->report, "%s is written, but can't be", r->name);
	else if (value & ~r->bits)
		vu_violation(&card->report, "undefined bits 0x%x are set in %s",
		             value & ~r->bits, r->name);
	if (offset == R_KEY_CMD)
		check_key_command(card, value);
	if (offset == R_INT_STATUS)
		check_acknowledge(card, value);
	if (card->operation.busy &&
	    (offset == R_IV_W0 || offset == R_IV_W1 || offset == R_LEN ||
	     offset == R_DMA_ADDR || (offset == R_OP && !(value & OP_START))))
		vu_violation(&card->report, "%s is written while BUSY", r->name);
}

/* ---- START ---- */

static unsigned fails(struct card *card, unsigned err, const char *why)
{
	vu_violation(&card->report, "START %s", why);
	return err;
}

static unsigned check_length(struct card *card)
{
	bool dma = card->op & OP_USE_DMA;
	uint32_t most = dma ? DMA_MOST : FIFO_SIZE;

	if (!card->len || card->len % BLOCK)
		return fails(card, ERR_UNKNOWN, "with a LEN that is no multiple of 8, or 0");
	if (card->len > most)
		return fails(card, ERR_UNKNOWN, "with a LEN that is too long");
	return ERR_NONE;
}

static unsigned check_path(struct card *card)
{
	bool dma = card->op & OP_USE_DMA;

	if (!(card->caps & (dma ? CAPS_DMA : CAPS_FIFO)))
		return fails(card, ERR_UNKNOWN, "by a path that CAPS doesn't have");
	if (dma && card->dma_addr % BLOCK)
		return fails(card, ERR_UNKNOWN, "with a DMA_ADDR that is no multiple of 8");
	return ERR_NONE;
}

/* All slots are there, then all are loaded: first failure wins. */
static unsigned check_slots(struct card *card)
{
	uint32_t keysel = card->op & OP_KEYSEL;
	unsigned stages = keysel <= KEY_SLOT ? 1 : 3;

	for (unsigned i = 0; i < stages; i++) {
		if ((keysel >> (4 * i) & KEY_SLOT) >= card->slots)
			return fails(card, ERR_NO_SLOT, "with a slot that isn't there");
	}
	for (unsigned i = 0; i < stages; i++) {
		if (!(card->loaded >> (keysel >> (4 * i) & KEY_SLOT) & 1))
			return fails(card, ERR_NO_KEY, "with a slot that isn't loaded");
	}
	return ERR_NONE;
}

unsigned check_start(struct card *card)
{
	unsigned mode = (card->op & OP_MODE) >> 12, err;

	if (!card->ready)
		return fails(card, ERR_NOT_READY, "while not READY");
	if (mode >= MODES || !(card->caps & (uint32_t)CAPS_MODE_0 << mode))
		return fails(card, ERR_UNKNOWN, "with a mode that CAPS doesn't have");
	err = check_length(card);
	if (!err)
		err = check_path(card);
	return err ? err : check_slots(card);
}

void check_order(struct card *card)
{
	if (card->int_status)
		vu_violation(&card->report,
		             "START before the last completion was acknowledged");
	if (card->output_due && card->output_read < card->n_output)
		vu_violation(&card->report, "START before the output was read: %u bytes left",
		             card->n_output - card->output_read);
	if (card->op & OP_MODE && card->iv_lost)
		vu_violation(&card->report, "START with the IV that an ERROR left");
	if (card->op & OP_USE_DMA && !vu_pci_master(&card->config))
		vu_violation(&card->report, "START by DMA while bus mastering is off");
}

void check_left(struct card *card)
{
	if (card->loaded)
		vu_violation(&card->report,
		             "the client has gone, but left keys in the slots 0x%x",
		             card->loaded);
	if (card->operation.busy)
		vu_violation(&card->report, "the client has gone while BUSY");
	if (vu_pci_master(&card->config))
		vu_violation(&card->report, "the client has gone, but left bus mastering on");
}
