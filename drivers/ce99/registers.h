/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The card's registers, as plain values: no offset or bit leaves registers.c. See there for what
 * the layout is, and is not. Context: one thread at a time, but for what says otherwise. */
#ifndef CE99_REGISTERS_H
#define CE99_REGISTERS_H

#include "common/pci/card.h"

#define REGISTERS_FIFO_MAX 512u   /* bytes of one run through the FIFO, a multiple of 8 */
#define REGISTERS_DMA_MAX  65528u /* and by DMA */

extern const struct card_id registers_ids[];

struct registers_caps {
	unsigned slots; /* key registers, 0..16 */
	unsigned modes; /* a bit for each enum chip_mode */
	bool fifo, dma, irq;
};

/* Whether this is a card with our layout; reads only, from BAR 0. Returns NULL, or what is
 * wrong, in one phrase. */
const char *registers_check(struct card *card);

/* It reads as a card does that was pulled out: what was read just before is nothing to believe. */
bool registers_gone(struct card *card);

void registers_capabilities(struct card *card, struct registers_caps *caps);

/* Reset, which wipes keys, and the card's own test. irq: it may interrupt. Returns a status. */
int registers_enable(struct card *card, bool irq);

/* Stop everything, wipe keys, no more interrupts. */
void registers_reset(struct card *card);

/* Wipe all keys, the IV and what is in the FIFOs. Returns a status. */
int registers_zeroise(struct card *card);

/* Return a status. */
int registers_write_key(struct card *card, unsigned slot, const uint8_t key[8]);
int registers_erase_key(struct card *card, unsigned slot);

void registers_write_iv(struct card *card, const uint8_t iv[8]);
void registers_read_iv(struct card *card, uint8_t iv[8]);

struct registers_run {
	unsigned key, mode;
	bool decrypt;
	uint32_t n; /* bytes */
};

/* Begin; what went before has been acknowledged. The data follows by registers_feed(), in the
 * first case, and is at the bus address, in the other. False: the card wants no input, and has
 * ended the run already. */
bool registers_start_fifo(struct card *card, const struct registers_run *run);
void registers_start_dma(struct card *card, const struct registers_run *run, uint32_t bus);

/* n bytes of data, a multiple of 4, into or out of the FIFO. */
void registers_feed(struct card *card, const uint8_t *data, uint32_t n);
void registers_fetch(struct card *card, uint8_t *data, uint32_t n);

/* How far a run of n bytes is: 1, it goes on; else it has ended, is acknowledged, and this is its
 * status. Reads flush what was posted before. */
#define REGISTERS_RUNNING 1
int registers_completion(struct card *card, uint32_t n, bool decrypt);

/* End a run at a block's boundary. It ends with an error. */
void registers_abort(struct card *card);

#endif
