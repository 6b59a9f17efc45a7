/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A card in the test's own process, whatever chip is behind it: its configuration, the memory it
 * shares with the driver, and lies. The chip's own fake includes this and has the registers. */
#ifndef CARD_FAKE_H
#define CARD_FAKE_H

#include "driver_host.h"

#include "common/pci/inner.h"

struct fake_card {
	uint8_t config[CARD_CONFIG];
	uint32_t bar_size[CARD_BARS];
	struct card *opened; /* the driver's side of it */
	/* NULL, or asked before anything else: true if it answered. */
	bool (*lie)(bool write, unsigned region, uint64_t offset, void *value, size_t size);
};

/* The chip's own: it begins with a struct fake_card, and has registers of one word each. */
struct fake_chip;
static uint32_t fake_read_word(struct fake_chip *chip, unsigned bar, uint32_t offset);
static void fake_write_word(struct fake_chip *chip, unsigned bar, uint32_t offset,
                            uint32_t value);

/* The one that is opened next. */
static struct fake_card *fake_next;

/* The card's view of n bytes of memory; NULL: it may not have all of them. */
static uint8_t *fake_memory(const struct fake_card *fake, uint32_t bus, size_t n)
{
	const struct card_dma *dma = SLIST_FIRST(&fake->opened->dma);

	if (!dma || bus < dma->bus || bus - dma->bus > dma->size ||
	    n > dma->size - (bus - dma->bus))
		return NULL;
	return dma->memory + (bus - dma->bus);
}

static int fake_read(struct card *card, unsigned region, uint64_t offset, void *value,
                     size_t size)
{
	struct fake_card *fake = card->state;
	uint32_t word;

	if (fake->lie && fake->lie(false, region, offset, value, size))
		return 0;
	if (region == CARD_REGION_CONFIG) {
		memcpy(value, fake->config + offset, size);
		return 0;
	}
	word = fake_read_word(card->state, region, (uint32_t)offset);
	memcpy(value, &word, size);
	return 0;
}

static int fake_write(struct card *card, unsigned region, uint64_t offset, const void *value,
                      size_t size)
{
	struct fake_card *fake = card->state;
	uint32_t word = 0;

	memcpy(&word, value, size);
	if (fake->lie && fake->lie(true, region, offset, &word, size))
		return 0;
	if (region == CARD_REGION_CONFIG)
		memcpy(fake->config + offset, value, size);
	else
		fake_write_word(card->state, region, (uint32_t)offset, word);
	return 0;
}

static int fake_open(struct card *card, const struct card_where *where)
{
	(void)where;
	card->state = fake_next;
	fake_next->opened = card;
	for (unsigned i = 0; i < CARD_BARS; i++)
		card->region_size[i] = fake_next->bar_size[i];
	card->region_size[CARD_REGION_CONFIG] = CARD_CONFIG;
	snprintf(card->name, sizeof(card->name), "fake");
	return 0;
}

static void fake_close(struct card *card)
{
	(void)card;
}

static int fake_dma_make(struct card *card, struct card_dma *dma)
{
	(void)card;
	dma->memory = aligned_alloc(4096, dma->size);
	if (dma->memory)
		memset(dma->memory, 0, dma->size);
	return dma->memory ? 0 : -ENOMEM;
}

static void fake_dma_drop(struct card *card, struct card_dma *dma)
{
	(void)card;
	free(dma->memory);
}

/* As card_open(), of fake_next. */
static int fake_card_open(struct card **card, char why[CARD_WHY])
{
	static const struct card_transport transport = {
		.name = "fake",
		.instant = true,
		.open = fake_open,
		.close = fake_close,
		.read = fake_read,
		.write = fake_write,
		.dma_make = fake_dma_make,
		.dma_drop = fake_dma_drop,
	};
	const struct card_where nowhere = { 0 };

	return card_open_by(&transport, &nowhere, card, why);
}

#endif
