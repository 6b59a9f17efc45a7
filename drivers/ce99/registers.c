/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Register layout defined by this project for its own device model; vendor API semantics
 * reconstructed from public cryptlib source; not verified on silicon.
 *
 * No register map of the CE99C003B, no PCI device id and no interface for DMA was found in any
 * public source. All ids, offsets, bits, widths and the byte order are in this file alone, so that
 * there is one file to change when documents turn up. A card that doesn't show the signature of
 * this layout is never written to. */
#include "registers.h"
#include "chip.h"

#include <string.h>

/* The vendor's number is CE Infosys' in public lists; the device's is made up. */
const struct card_id registers_ids[] = { { 0x1624, 0xc03b }, { 0, 0 } };

#define BAR       0
#define BAR_BYTES 0x1000u

enum {
	SIG = 0x00,
	CAPS = 0x04,
	CTRL = 0x08,
	STATUS = 0x0c,
	INT_STATUS = 0x10, /* write 1 to clear */
	INT_ENABLE = 0x14,
	KEY_W0 = 0x20,
	KEY_W1 = 0x24,
	KEY_CMD = 0x28,
	IV_W0 = 0x30,
	IV_W1 = 0x34,
	OP = 0x40,
	LEN = 0x44,
	DMA_ADDR = 0x48,
	DONE_LEN = 0x4c,
	DATA = 0x50,
};

#define SIGNATURE      0x42394543u /* "CE9B" */
#define LAYOUT_MAJOR   1u
#define CAPS_SLOTS(v)  ((v)&0x1fu)
#define CAPS_FIFO      (1u << 5)
#define CAPS_DMA       (1u << 6)
#define CAPS_IRQ       (1u << 7)
#define CAPS_MODES(v)  ((v) >> 8 & 0x1fu)
#define CAPS_MAJOR(v)  ((v) >> 24)
#define CTRL_ENABLE    (1u << 0)
#define CTRL_RESET     (1u << 1)
#define CTRL_ZEROISE   (1u << 2)
#define CTRL_ABORT     (1u << 3)
#define STATUS_READY   (1u << 0)
#define STATUS_BUSY    (1u << 1)
#define STATUS_ERR(v)  ((v) >> 8 & 0xfu)
#define STATUS_KEYS(v) ((v) >> 16)
#define INT_DONE       (1u << 0)
#define INT_ERROR      (1u << 1)
#define INT_BOTH       (INT_DONE | INT_ERROR)
#define KEY_LOAD       (1u << 8)
#define KEY_DELETE     (1u << 9)
#define OP_KEY(v)      ((uint32_t)(v)&0xfffu)
#define OP_MODE(v)     ((uint32_t)(v) << 12)
#define OP_DECRYPT     (1u << 16)
#define OP_DMA         (1u << 17)
#define OP_START       (1u << 31)

static uint32_t get(struct card *card, uint32_t offset)
{
	return card_read(card, BAR, offset);
}

static void put(struct card *card, uint32_t offset, uint32_t value)
{
	card_write(card, BAR, offset, value);
}

/* Words carry bytes in the order of memory: the first is the lowest. */
static uint32_t word_of(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static void bytes_of(uint32_t word, uint8_t *bytes)
{
	for (unsigned i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(word >> 8 * i);
}

/* All ones is what a card reads that is gone; the signature is sure not to be that. */
bool registers_gone(struct card *card)
{
	return get(card, SIG) == UINT32_MAX;
}

const char *registers_check(struct card *card)
{
	if (card_bar_size(card, BAR) < BAR_BYTES)
		return "its BAR 0 is too small";
	if (registers_gone(card))
		return "it doesn't answer";
	if (get(card, SIG) != SIGNATURE)
		return "it has not the signature of the register layout that this driver "
		       "knows, and was left alone";
	if (CAPS_MAJOR(get(card, CAPS)) != LAYOUT_MAJOR)
		return "it has another version of the register layout, and was left alone";
	return NULL;
}

void registers_capabilities(struct card *card, struct registers_caps *caps)
{
	uint32_t value = get(card, CAPS);

	caps->slots = CAPS_SLOTS(value) > CHIP_SLOTS ? CHIP_SLOTS : CAPS_SLOTS(value);
	caps->modes = CAPS_MODES(value);
	caps->fifo = value & CAPS_FIFO;
	caps->dma = value & CAPS_DMA;
	caps->irq = value & CAPS_IRQ;
}

/* Of the last command; its magnitude is what the register has. A card that isn't ready, which it
 * was, has been reset behind our back, and calls that a failed load. */
static int status_now(struct card *card)
{
	uint32_t value = get(card, STATUS);

	if (value == UINT32_MAX && registers_gone(card))
		return CHIP_NO_CARD;
	return value & STATUS_READY ? -(int)STATUS_ERR(value) : CHIP_NOT_READY;
}

int registers_enable(struct card *card, bool irq)
{
	uint32_t status;

	registers_reset(card);
	put(card, CTRL, CTRL_ENABLE);
	status = get(card, STATUS);
	if (status == UINT32_MAX)
		return registers_gone(card) ? CHIP_NO_CARD : CHIP_NOT_READY;
	if (!(status & STATUS_READY))
		return CHIP_NOT_READY;
	put(card, INT_STATUS, INT_BOTH);
	put(card, INT_ENABLE, irq ? INT_BOTH : 0);
	return CHIP_OK;
}

void registers_reset(struct card *card)
{
	put(card, CTRL, CTRL_RESET);
}

/* The enabling bit has to be written with each of the others. */
static void do_now(struct card *card, uint32_t what)
{
	put(card, CTRL, (get(card, CTRL) & CTRL_ENABLE) | what);
}

int registers_zeroise(struct card *card)
{
	uint32_t status;

	do_now(card, CTRL_ZEROISE);
	status = get(card, STATUS);
	if (status == UINT32_MAX && registers_gone(card))
		return CHIP_NO_CARD;
	return STATUS_KEYS(status) ? CHIP_NOT_READY : CHIP_OK;
}

int registers_write_key(struct card *card, unsigned slot, const uint8_t key[8])
{
	put(card, KEY_W0, word_of(key));
	put(card, KEY_W1, word_of(key + 4));
	put(card, KEY_CMD, KEY_LOAD | slot);
	return status_now(card);
}

int registers_erase_key(struct card *card, unsigned slot)
{
	put(card, KEY_CMD, KEY_DELETE | slot);
	return status_now(card);
}

void registers_write_iv(struct card *card, const uint8_t iv[8])
{
	put(card, IV_W0, word_of(iv));
	put(card, IV_W1, word_of(iv + 4));
}

void registers_read_iv(struct card *card, uint8_t iv[8])
{
	bytes_of(get(card, IV_W0), iv);
	bytes_of(get(card, IV_W1), iv + 4);
}

static uint32_t op_of(const struct registers_run *run)
{
	return OP_KEY(run->key) | OP_MODE(run->mode) | (run->decrypt ? OP_DECRYPT : 0) |
	       OP_START;
}

bool registers_start_fifo(struct card *card, const struct registers_run *run)
{
	put(card, LEN, run->n);
	put(card, OP, op_of(run));
	return get(card, STATUS) & STATUS_BUSY;
}

/* card_write() keeps the order: what the card is to read has been written before. */
void registers_start_dma(struct card *card, const struct registers_run *run, uint32_t bus)
{
	put(card, DMA_ADDR, bus);
	put(card, LEN, run->n);
	put(card, OP, op_of(run) | OP_DMA);
}

void registers_feed(struct card *card, const uint8_t *data, uint32_t n)
{
	for (uint32_t i = 0; i < n; i += 4)
		put(card, DATA, word_of(data + i));
}

void registers_fetch(struct card *card, uint8_t *data, uint32_t n)
{
	for (uint32_t i = 0; i < n; i += 4)
		bytes_of(get(card, DATA), data + i);
}

/* The magnitude of a failed run, or what it must have been if the register has none. */
static int failure(struct card *card, bool decrypt)
{
	int status = status_now(card);

	if (status)
		return status;
	return decrypt ? CHIP_DECRYPT_FAILED : CHIP_ENCRYPT_FAILED;
}

int registers_completion(struct card *card, uint32_t n, bool decrypt)
{
	uint32_t events = get(card, INT_STATUS);

	if (events == UINT32_MAX)
		return registers_gone(card) ? CHIP_NO_CARD : CHIP_NOT_READY;
	if (!(events & INT_BOTH))
		return REGISTERS_RUNNING;
	put(card, INT_STATUS, events & INT_BOTH);
	/* Not all of it, and no error: nothing to believe. */
	if (events & INT_ERROR || get(card, DONE_LEN) != n)
		return failure(card, decrypt);
	return CHIP_OK;
}

void registers_abort(struct card *card)
{
	do_now(card, CTRL_ABORT);
}
