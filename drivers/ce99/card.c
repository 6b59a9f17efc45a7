/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The vendor's calls, made of a card's registers. A run is waited for in the thread that began it:
 * the chip does one at a time. */
#include "backends.h"
#include "registers.h"

#include <acrypto/driver.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S        UINT64_C(1000000000)
#define SAFETY_MS       10    /* between looks for a completion whose interrupt was lost */
#define POLL_DEFAULT_US 100   /* where there are no interrupts */
#define AUTO_FIFO_MAX   64u   /* bytes; a run by DMA costs an interrupt, or a poll */
#define MODES_NEEDED    0x0fu /* all but the one whose meaning is not known */

struct own {
	struct card *card;
	struct card_dma *dma; /* NULL: FIFO only */
	uint32_t fifo_max;    /* bytes; longer runs go by DMA */
	int irq;              /* -1: polled */
	bool fired;           /* the line is masked since */
	uint64_t poll_us, timeout_ns;
	const atomic_bool *stop;
	uint8_t *buffer;
};

uint64_t ce99_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* ---- calls ---- */

static int card_init(void *self)
{
	struct own *own = self;

	return registers_enable(own->card, own->irq >= 0);
}

static int card_clear(void *self)
{
	struct own *own = self;

	return registers_zeroise(own->card);
}

static int card_load_key(void *self, unsigned slot, const uint8_t *key)
{
	struct own *own = self;

	return registers_write_key(own->card, slot, key);
}

static int card_delete_key(void *self, unsigned slot)
{
	struct own *own = self;

	return registers_erase_key(own->card, slot);
}

/* Let time pass until something may have changed. */
static void wait_a_little(struct own *own)
{
	struct pollfd fds[2] = { { .fd = own->irq, .events = POLLIN },
		                 { .fd = card_hangup_fd(own->card), .events = POLLRDHUP } };
	uint64_t count;

	if (own->irq < 0) {
		card_wait_us(own->card, (unsigned)own->poll_us);
		return;
	}
	if (poll(fds, 2, SAFETY_MS) > 0 && fds[0].revents)
		own->fired = read(own->irq, &count, sizeof(count)) > 0;
}

/* It is acknowledged now, so an unmasked line stays low until the next. */
static void unmask(struct own *own)
{
	if (own->fired)
		card_irq_unmask(own->card);
	own->fired = false;
}

/* The way out that the layout has for a run that doesn't end. Keys are lost. */
static int give_up(struct own *own, int status)
{
	registers_abort(own->card);
	registers_reset(own->card);
	return card_gone(own->card) ? CHIP_NO_CARD : status;
}

static int await(struct own *own, const struct registers_run *run)
{
	uint64_t begun = ce99_now_ns();
	int status = registers_completion(own->card, run->n, run->decrypt);

	while (status == REGISTERS_RUNNING) {
		if (card_gone(own->card))
			return CHIP_NO_CARD;
		if (atomic_load_explicit(own->stop, memory_order_relaxed))
			return give_up(own, CHIP_STOPPED);
		if (ce99_now_ns() - begun > own->timeout_ns)
			return give_up(own, CHIP_HANGS);
		wait_a_little(own);
		status = registers_completion(own->card, run->n, run->decrypt);
		unmask(own);
	}
	return status;
}

static int card_crypt(void *self, struct chip_run *run)
{
	struct own *own = self;
	const struct registers_run words = { .key = run->key,
		                             .mode = run->mode,
		                             .decrypt = run->decrypt,
		                             .n = (uint32_t)run->n };
	bool by_fifo = words.n <= own->fifo_max;
	int status;

	if (run->mode != CHIP_ECB)
		registers_write_iv(own->card, run->iv);
	if (by_fifo) {
		if (registers_start_fifo(own->card, &words))
			registers_feed(own->card, own->buffer, words.n);
	} else {
		registers_start_dma(own->card, &words, own->dma->bus);
	}
	status = await(own, &words);
	if (status)
		return status;
	card_barrier(); /* what was written by DMA is seen after its completion */
	if (by_fifo)
		registers_fetch(own->card, own->buffer, words.n);
	if (run->mode != CHIP_ECB)
		registers_read_iv(own->card, run->iv);
	/* A card that went away meanwhile has given ones for data. */
	return registers_gone(own->card) ? CHIP_NO_CARD : CHIP_OK;
}

static void card_close_chip(void *self)
{
	struct own *own = self;

	registers_reset(own->card);
	if (!own->dma)
		acr_secret_free(own->buffer);
	card_close(own->card);
	free(own);
}

static const struct chip_backend card_backend = {
	.name = "registers",
	.init = card_init,
	.clear = card_clear,
	.load_key = card_load_key,
	.delete_key = card_delete_key,
	.crypt = card_crypt,
	.close = card_close_chip,
};

/* ---- opening ---- */

static int refuse(const struct card *card, int error, const char *what, char why[CARD_WHY])
{
	snprintf(why, CARD_WHY, "%s: %s", card_name(card), what);
	return error;
}

/* Registers can't be read without memory space: this bit of every PCI device's is all that is
 * written before the signature was seen, and taken back if it is another. */
static int check_signature(struct card *card, char why[CARD_WHY])
{
	uint32_t command = 0;
	const char *wrong;
	bool off;

	if (card_config_read(card, CARD_CONFIG_COMMAND, &command, 2))
		return refuse(card, -EIO, "its configuration space can't be read", why);
	off = !(command & CARD_COMMAND_MEMORY);
	if (off)
		card_config_write(card, CARD_CONFIG_COMMAND, command | CARD_COMMAND_MEMORY, 2);
	wrong = registers_check(card);
	if (!wrong)
		return 0;
	if (off)
		card_config_write(card, CARD_CONFIG_COMMAND, command, 2);
	return refuse(card, card_gone(card) ? -EIO : -ENODEV, wrong, why);
}

/* Which ways for data there are, and which of them are wanted. */
static int choose_path(struct own *own, const struct registers_caps *caps, enum ce99_path path,
                       bool *dma, char why[CARD_WHY])
{
	bool fifo = caps->fifo && path != CE99_PATH_DMA;

	*dma = caps->dma && path != CE99_PATH_FIFO;
	if (!fifo && !*dma)
		return refuse(own->card, -EOPNOTSUPP, "it has not the asked-for way for data",
		              why);
	own->fifo_max = !fifo ? 0 : *dma ? AUTO_FIFO_MAX : REGISTERS_FIFO_MAX;
	return 0;
}

static int make_buffer(struct own *own, bool dma, char why[CARD_WHY])
{
	int error;

	if (dma) {
		if (card_set_master(own->card, true))
			return refuse(own->card, -EIO, "bus mastering can't be switched on",
			              why);
		error = card_dma_alloc(own->card, REGISTERS_DMA_MAX, &own->dma, why);
		if (error)
			return error;
		own->buffer = own->dma->memory;
		return 0;
	}
	own->buffer = acr_secret_alloc(REGISTERS_FIFO_MAX);
	return own->buffer ? 0 : refuse(own->card, -ENOMEM, "no memory for a buffer", why);
}

static int prepare(struct own *own, struct chip *chip, const struct ce99_card_options *options,
                   char why[CARD_WHY])
{
	struct registers_caps caps;
	bool dma;
	int error = check_signature(own->card, why);

	if (error)
		return error;
	registers_capabilities(own->card, &caps);
	if (!caps.slots || (caps.modes & MODES_NEEDED) != MODES_NEEDED)
		return refuse(own->card, -EOPNOTSUPP, "it lacks key registers or modes", why);
	error = choose_path(own, &caps, options->path, &dma, why);
	if (!error)
		error = make_buffer(own, dma, why);
	if (error)
		return error;
	own->irq = options->poll_us || !caps.irq ? -EOPNOTSUPP : card_irq_enable(own->card);
	if (own->irq < 0 && own->irq != -EOPNOTSUPP)
		return refuse(own->card, own->irq, "its interrupt can't be had", why);
	if (own->irq < 0 && !own->poll_us)
		own->poll_us = POLL_DEFAULT_US;
	chip->slot_count = caps.slots;
	chip->buffer = own->buffer;
	chip->buffer_size = dma ? REGISTERS_DMA_MAX : REGISTERS_FIFO_MAX;
	return 0;
}

int ce99_card_attach(struct chip *chip, struct card *card,
                     const struct ce99_card_options *options, struct ce99_card_facts *facts,
                     char why[CARD_WHY])
{
	struct own *own = calloc(1, sizeof(*own));
	int error;

	if (!own) {
		error = refuse(card, -ENOMEM, "no memory", why);
		card_close(card);
		return error;
	}
	own->card = card;
	own->poll_us = options->poll_us;
	own->timeout_ns = options->timeout_ns;
	own->stop = options->stop;
	error = prepare(own, chip, options, why);
	if (error) {
		if (!own->dma)
			acr_secret_free(own->buffer);
		card_close(card);
		free(own);
		return error;
	}
	*facts = (struct ce99_card_facts){ .name = card_name(card),
		                           .interrupts = own->irq >= 0,
		                           .hangup = card_hangup_fd(card) };
	chip->backend = &card_backend;
	chip->self = own;
	return 0;
}

int ce99_card_open(struct chip *chip, const struct card_where *where,
                   const struct ce99_card_options *options, struct ce99_card_facts *facts,
                   char why[CARD_WHY])
{
	struct card *card;
	int error = card_open(registers_ids, where, &card, why);

	return error ? error : ce99_card_attach(chip, card, options, facts, why);
}
