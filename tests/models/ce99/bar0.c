/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registers of BAR0: section 4.4 of the reference. */
#include "card.h"

#include <openssl/crypto.h>
#include <string.h>

static uint32_t word_of(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static void put_word(uint8_t *bytes, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t read_signature(struct card *card)
{
	const struct faults *faults = &card->faults;
	bool wrong = faults->on[FAULT_WRONG_SIGNATURE];

	card->sig_read = true;
	return wrong ? (uint32_t)faults->value[FAULT_WRONG_SIGNATURE] : SIG_VALUE;
}

static uint32_t read_capabilities(struct card *card)
{
	const struct faults *faults = &card->faults;
	uint32_t major = faults->on[FAULT_WRONG_LAYOUT]
	                         ? (uint32_t)faults->value[FAULT_WRONG_LAYOUT]
	                         : LAYOUT_MAJOR;

	card->caps_read = true;
	return card->caps | card->slots | major << CAPS_MAJOR_SHIFT;
}

static uint32_t read_status(const struct card *card)
{
	return (card->ready ? STATUS_READY : 0) | (card->operation.busy ? STATUS_BUSY : 0) |
	       card->err << STATUS_ERR_SHIFT | (uint32_t)card->loaded << STATUS_LOADED_SHIFT;
}

uint32_t bar0_read(struct card *card, uint32_t offset)
{
	switch (offset) {
	case R_SIG:
		return read_signature(card);
	case R_CAPS:
		return read_capabilities(card);
	case R_CTRL:
		return card->ctrl;
	case R_STATUS:
		return read_status(card);
	case R_INT_STATUS:
		card->int_seen |= card->int_status;
		return card->int_status;
	case R_INT_ENABLE:
		return card->int_enable;
	case R_IV_W0:
	case R_IV_W1:
		return word_of(card->iv + (offset - R_IV_W0));
	case R_OP:
		return card->op;
	case R_LEN:
		return card->len;
	case R_DMA_ADDR:
		return card->dma_addr;
	case R_DONE_LEN:
		return card->done_len;
	case R_DATA:
		return fifo_read(card);
	default:
		return 0;
	}
}

/* ---- CTRL ---- */

static void wipe_staged(struct card *card)
{
	OPENSSL_cleanse(card->staged, sizeof(card->staged));
	card->staged_words = 0;
}

/* Keys, staged key, IV. */
static void wipe(struct card *card)
{
	OPENSSL_cleanse(card->keys, sizeof(card->keys));
	OPENSSL_cleanse(card->iv, sizeof(card->iv));
	wipe_staged(card);
	card->loaded = 0;
	card->err = ERR_NONE;
	card->iv_lost = false;
	card->iv_words = 0;
}

static void zeroise(struct card *card)
{
	operation_abort(card);
	if (!card->operation.busy)
		operation_forget(card);
	wipe(card);
}

void bar0_reset(struct card *card)
{
	operation_forget(card);
	wipe(card);
	card->ctrl = card->int_status = card->int_enable = card->int_seen = 0;
	card->op = card->len = card->dma_addr = card->done_len = 0;
	card->ready = false;
	faults_reset(&card->faults);
	card_update_pin(card);
}

static void reset(struct card *card)
{
	if (card->operation.busy && !card->operation.abort_tried)
		vu_violation(&card->report,
		             "RESET while BUSY: ABORT has to be tried before it");
	bar0_reset(card);
}

static void set_enable(struct card *card, bool enable)
{
	bool was = card->ctrl & CTRL_ENABLE;

	card->ctrl = enable ? CTRL_ENABLE : 0;
	if (was && !enable) {
		operation_abort(card);
		card->ready = false;
	} else if (!was && enable) {
		card->err = fault_self_test(&card->faults);
		card->ready = card->err == ERR_NONE;
		if (!card->ready)
			vu_trace(&card->report, "the self test fails (fault)");
	}
}

static void write_control(struct card *card, uint32_t value)
{
	if (value & CTRL_RESET)
		reset(card);
	if (value & CTRL_ZEROISE)
		zeroise(card);
	if (value & CTRL_ABORT)
		operation_abort(card);
	set_enable(card, value & CTRL_ENABLE);
}

/* ---- keys ---- */

static unsigned load_key(struct card *card, unsigned slot)
{
	unsigned err = fault_load(&card->faults);

	if (card->staged_words != 3)
		vu_violation(&card->report,
		             "LOAD without both words of the key written since the last one");
	if (err)
		return err;
	memcpy(card->keys[slot], card->staged, BLOCK);
	card->loaded |= (uint16_t)(1u << slot);
	return ERR_NONE;
}

static unsigned delete_key(struct card *card, unsigned slot)
{
	OPENSSL_cleanse(card->keys[slot], BLOCK);
	card->loaded &= (uint16_t) ~(1u << slot);
	return ERR_NONE;
}

static void write_key_command(struct card *card, uint32_t value)
{
	unsigned slot = value & KEY_SLOT;
	bool load = value & KEY_LOAD, both = load && value & KEY_DELETE;
	bool ready = card->ready && !card->operation.busy;

	if (slot >= card->slots)
		card->err = ERR_NO_SLOT;
	else if (both || !(value & (KEY_LOAD | KEY_DELETE)))
		card->err = ERR_UNKNOWN;
	else if (!ready)
		card->err = load ? ERR_LOAD : ERR_UNKNOWN;
	else
		card->err = load ? load_key(card, slot) : delete_key(card, slot);
	if (load)
		wipe_staged(card);
}

static void write_staged(struct card *card, unsigned word, uint32_t value)
{
	put_word(card->staged + 4 * word, value);
	card->staged_words |= (uint8_t)(1u << word);
}

/* ---- the rest ---- */

static void write_iv(struct card *card, unsigned word, uint32_t value)
{
	put_word(card->iv + 4 * word, value);
	card->iv_words |= (uint8_t)(1u << word);
	if (card->iv_words == 3)
		card->iv_lost = false;
}

static void write_operation(struct card *card, uint32_t value)
{
	card->op = value & OP_KEPT;
	if (value & OP_START)
		operation_start(card);
}

void bar0_write(struct card *card, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case R_CTRL:
		write_control(card, value);
		break;
	case R_INT_STATUS:
		card->int_status &= ~value;
		card_update_pin(card);
		break;
	case R_INT_ENABLE:
		card->int_enable = value & (INT_DONE | INT_ERROR);
		card_update_pin(card);
		break;
	case R_KEY_W0:
	case R_KEY_W1:
		write_staged(card, (offset - R_KEY_W0) / 4, value);
		break;
	case R_KEY_CMD:
		write_key_command(card, value);
		break;
	case R_IV_W0:
	case R_IV_W1:
		write_iv(card, (offset - R_IV_W0) / 4, value);
		break;
	case R_OP:
		write_operation(card, value);
		break;
	case R_LEN:
		card->len = value;
		break;
	case R_DMA_ADDR:
		card->dma_addr = value;
		break;
	case R_DATA:
		fifo_write(card, value);
		break;
	default:
		break;
	}
}
