/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One operation from START to DONE or ERROR, by the FIFO or by DMA. */
#include "card.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

enum { PIECE = 4096 }; /* of a DMA: memory is there or not by such pages */

static const char *const mode_names[MODES] = { "ECB", "CBC", "CFB", "OFB", "KSG" };

void operation_forget(struct card *card)
{
	OPENSSL_cleanse(&card->operation, sizeof(card->operation));
	OPENSSL_cleanse(card->input, sizeof(card->input));
	OPENSSL_cleanse(card->output, sizeof(card->output));
	card->n_input = card->n_output = card->output_read = 0;
	card->output_due = false;
	card->serial++;
}

/* The reference leaves undefined what the IV is then: not what anybody hopes for. */
static void spoil_iv(struct card *card)
{
	for (unsigned i = 0; i < BLOCK; i++)
		card->iv[i] = (uint8_t) ~(card->iv[i] + i);
	card->iv_lost = true;
	card->iv_words = 0;
}

static void complete(struct card *card, uint32_t event)
{
	card->int_status |= event;
	card->int_seen &= ~event;
	card_update_pin(card);
}

static void fail(struct card *card, unsigned err)
{
	vu_trace(&card->report, "operation: ERROR, ERR %u after %u bytes", err, card->done_len);
	card->err = err;
	spoil_iv(card);
	complete(card, INT_ERROR);
}

/* What is in the FIFO stays; what the operation knew doesn't. */
static void end(struct card *card, unsigned err)
{
	struct operation *operation = &card->operation;
	bool chained = operation->mode != MODE_ECB, dma = operation->dma;

	if (!err && chained)
		memcpy(card->iv, operation->v, BLOCK);
	OPENSSL_cleanse(operation, sizeof(*operation));
	OPENSSL_cleanse(card->input, sizeof(card->input));
	card->n_input = 0;
	card->serial++;
	if (err) {
		fail(card, err);
		return;
	}
	vu_trace(&card->report, "operation: DONE, %u bytes", card->done_len);
	card->output_due = !dma;
	card->faults.done++;
	complete(card, INT_DONE);
}

static unsigned failure(const struct operation *operation)
{
	return operation->decrypt ? ERR_DECRYPT : ERR_ENCRYPT;
}

/* The first slot is used first: bits 3:0 of KEYSEL. */
static void take_keys(struct card *card)
{
	uint32_t keysel = card->op & OP_KEYSEL;
	bool single = keysel <= KEY_SLOT;

	for (unsigned i = 0; i < 3; i++)
		memcpy(card->operation.key + i * BLOCK,
		       card->keys[single ? keysel : keysel >> (4 * i) & KEY_SLOT], BLOCK);
}

static void begin(struct card *card)
{
	struct operation *operation = &card->operation;

	operation_forget(card);
	operation->busy = true;
	operation->dma = card->op & OP_USE_DMA;
	operation->decrypt = card->op & OP_DECRYPT;
	operation->mode = (card->op & OP_MODE) >> 12;
	operation->length = card->len;
	operation->address = card->dma_addr;
	memcpy(operation->v, card->iv, BLOCK);
	take_keys(card);
	card->err = ERR_NONE;
	fault_arrange(&card->faults, operation, vu_now());
	vu_trace(&card->report, "operation: %s %s %s, %u bytes by %s",
	         (card->op & OP_KEYSEL) <= KEY_SLOT ? "DES" : "3DES",
	         mode_names[operation->mode], operation->decrypt ? "decrypt" : "encrypt",
	         operation->length, operation->dma ? "DMA" : "FIFO");
}

void operation_start(struct card *card)
{
	unsigned err;

	if (card->operation.busy) {
		vu_violation(&card->report, "START while BUSY");
		return;
	}
	err = check_start(card);
	if (!err) {
		check_order(card);
		err = fault_start(&card->faults);
	}
	card->done_len = 0;
	if (err) {
		fail(card, err);
		return;
	}
	if (fault_vanishes(&card->faults)) {
		vu_trace(&card->report, "the card vanishes (fault)");
		card_update_pin(card);
		return;
	}
	begin(card);
}

void operation_abort(struct card *card)
{
	struct operation *operation = &card->operation;

	if (!operation->busy)
		return;
	operation->abort_tried = true;
	if (operation->sticks)
		vu_trace(&card->report, "ABORT has no effect (fault)");
	else
		end(card, failure(operation));
}

/* ---- FIFO ---- */

/* Returns whether the operation is over. */
static bool fifo_end(struct card *card, uint64_t now)
{
	struct operation *operation = &card->operation;

	if (operation->taken < operation->length || operation->done < operation->ends_at ||
	    now < operation->due)
		return false;
	end(card, ERR_NONE);
	return true;
}

/* A whole block has come. */
static void fifo_block(struct card *card)
{
	struct operation *operation = &card->operation;

	card->n_input = 0;
	if (operation->done >= operation->ends_at || operation->done >= operation->stops_at)
		return;
	memcpy(card->output + card->n_output, card->input, BLOCK);
	if (!cipher_run(operation, card->output + card->n_output, BLOCK)) {
		end(card, failure(operation));
		return;
	}
	card->n_output += BLOCK;
	card->done_len = operation->done += BLOCK;
}

void fifo_write(struct card *card, uint32_t word)
{
	struct operation *operation = &card->operation;

	if (!operation->busy || operation->dma || operation->taken == operation->length) {
		vu_violation(&card->report, "DATA is written when no input is wanted");
		return;
	}
	for (unsigned i = 0; i < 4; i++)
		card->input[card->n_input++] = (uint8_t)(word >> (8 * i));
	operation->taken += 4;
	if (card->n_input < BLOCK)
		return;
	fifo_block(card);
	if (operation->busy)
		fifo_end(card, vu_now());
}

uint32_t fifo_read(struct card *card)
{
	uint32_t word = 0;

	if (card->output_read == card->n_output) {
		vu_violation(&card->report, "DATA is read when no output is there");
		return 0;
	}
	for (unsigned i = 0; i < 4; i++) {
		word |= (uint32_t)card->output[card->output_read] << (8 * i);
		card->output[card->output_read++] = 0;
	}
	return word;
}

/* ---- DMA ---- */

/* Nobody answers at an address that the driver gave. */
static bool bus_error(struct card *card, int error)
{
	if (error == -EFAULT)
		vu_violation(&card->report,
		             "a DMA leads to memory that isn't there, or isn't the card's "
		             "to change");
	vu_pci_set_master_abort(&card->config);
	return false;
}

/* One piece, inside a page. Returns false on a bus error. The operation may have ended
 * otherwise when this returns. */
static bool dma_piece(struct card *card, uint64_t address, uint8_t *bytes, uint32_t n)
{
	struct operation *operation = &card->operation;
	unsigned serial = card->serial;
	int error;

	if (!vu_pci_master(&card->config))
		return bus_error(card, -EACCES);
	error = address > UINT32_MAX ? -EFAULT : vu_dma_read(card->server, address, bytes, n);
	if (error)
		return bus_error(card, card->serial == serial ? error : -ECANCELED);
	if (card->serial != serial)
		return true;
	vu_trace_bytes(&card->report, "read", bytes, n);
	if (!cipher_run(operation, bytes, n))
		return false;
	vu_trace_bytes(&card->report, "written back", bytes, n);
	error = vu_dma_write(card->server, address, bytes, n);
	if (error)
		return bus_error(card, card->serial == serial ? error : -ECANCELED);
	if (card->serial == serial)
		card->done_len = operation->done += n;
	return true;
}

static void dma_run(struct card *card)
{
	struct operation *operation = &card->operation;
	uint32_t most = operation->ends_at < operation->stops_at ? operation->ends_at
	                                                         : operation->stops_at;
	unsigned serial = card->serial;
	uint8_t bytes[PIECE];
	bool ok = true;

	while (ok && card->serial == serial && operation->done < most) {
		uint64_t address = (uint64_t)operation->address + operation->done;
		uint32_t n = PIECE - (uint32_t)(address % PIECE);

		if (n > most - operation->done)
			n = most - operation->done;
		ok = dma_piece(card, address, bytes, n);
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	if (card->serial != serial)
		return;
	if (!ok || (operation->bus_error && operation->done < operation->ends_at))
		end(card, failure(operation));
	else if (operation->done == operation->ends_at)
		end(card, ERR_NONE);
}

uint64_t operation_tick(struct card *card, uint64_t now)
{
	struct operation *operation = &card->operation;

	if (!operation->busy)
		return UINT64_MAX;
	if (now < operation->due)
		return operation->due;
	if (operation->dma)
		dma_run(card);
	else
		fifo_end(card, now);
	return UINT64_MAX;
}
