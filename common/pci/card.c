/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A card, and what is the same whichever way leads to it. */
#include "inner.h"

#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define FIRST_BUS 0x00100000u /* 1 MiB: clear of what PCs have reserved below */

int card_explain(struct card *card, int error, const char *format, ...)
{
	va_list args;

	if (card->why) {
		va_start(args, format);
		vsnprintf(card->why, CARD_WHY, format, args);
		va_end(args);
	}
	return error;
}

int card_open_by(const struct card_transport *transport, const struct card_where *where,
                 struct card **card, char why[CARD_WHY])
{
	struct card *made = calloc(1, sizeof(*made));
	int error;

	why[0] = 0;
	if (!made)
		return -ENOMEM;
	made->transport = transport;
	made->irq = made->hangup = -1;
	made->next_bus = FIRST_BUS;
	made->why = why;
	error = transport->open(made, where);
	made->why = NULL;
	if (error) {
		free(made);
		return error;
	}
	*card = made;
	return 0;
}

/* The ids of a card that was not found by them. */
static int check_id(struct card *card, const struct card_id *ids, char why[CARD_WHY])
{
	uint32_t id = 0;

	if (card_config_read(card, 0, &id, 4)) {
		snprintf(why, CARD_WHY, "%s: its configuration space can't be read",
		         card->name);
		return -EIO;
	}
	for (; ids->vendor; ids++)
		if (id == (ids->vendor | (uint32_t)ids->device << 16))
			return 0;
	snprintf(why, CARD_WHY, "%s is %04x:%04x, which is another kind of card", card->name,
	         id & 0xffff, id >> 16);
	return -ENODEV;
}

/* The slot of the card that is meant; untouched if it is behind a socket. */
static int find(const struct card_id *ids, const struct card_where *where, char slot[CARD_SLOT],
                char why[CARD_WHY])
{
	why[0] = 0;
	if (!where->vfio_user)
		return card_find(ids, where, slot, why);
	if (!where->slot && !where->unsafe_noiommu)
		return 0;
	snprintf(why, CARD_WHY, "a card is either behind a socket or in a slot");
	return -EINVAL;
}

int card_look_for(const struct card_id *ids, const struct card_where *where, char why[CARD_WHY])
{
	char slot[CARD_SLOT];

	return find(ids, where, slot, why);
}

int card_open(const struct card_id *ids, const struct card_where *where, struct card **card,
              char why[CARD_WHY])
{
	const struct card_transport *transport = &card_vfio_user;
	struct card_where exact = *where;
	char slot[CARD_SLOT];
	int error = find(ids, where, slot, why);

	if (error)
		return error;
	if (!where->vfio_user) {
		transport = where->unsafe_noiommu ? &card_sysfs : &card_vfio;
		exact.slot = slot;
	}
	error = card_open_by(transport, &exact, card, why);
	if (error)
		return error;
	error = check_id(*card, ids, why);
	if (error)
		card_close(*card);
	return error;
}

void card_close(struct card *card)
{
	struct card_dma *dma;

	if (!card)
		return;
	/* Nothing may be written to memory that is no longer ours. */
	card_set_master(card, false);
	while ((dma = SLIST_FIRST(&card->dma))) {
		SLIST_REMOVE_HEAD(&card->dma, next);
		explicit_bzero(dma->memory, dma->size);
		card->transport->dma_drop(card, dma);
		free(dma);
	}
	card->transport->close(card);
	if (card->irq >= 0)
		close(card->irq);
	free(card);
}

const char *card_name(const struct card *card)
{
	return card->name;
}

bool card_gone(const struct card *card)
{
	return atomic_load_explicit(&card->gone, memory_order_relaxed);
}

uint64_t card_bar_size(const struct card *card, unsigned bar)
{
	return bar < CARD_BARS ? card->region_size[bar] : 0;
}

static bool reachable(const struct card *card, unsigned region, uint64_t offset, size_t size)
{
	return region < CARD_REGIONS && !card_gone(card) && offset % size == 0 &&
	       card->region_size[region] >= size && offset <= card->region_size[region] - size;
}

uint32_t card_read(struct card *card, unsigned bar, uint32_t offset)
{
	uint32_t value = UINT32_MAX;

	if (!reachable(card, bar, offset, sizeof(value)))
		return UINT32_MAX;
	if (card->map[bar]) {
		value = *(volatile uint32_t *)(card->map[bar] + offset);
		card_barrier();
		return le32toh(value);
	}
	if (card->transport->read(card, bar, offset, &value, sizeof(value))) {
		atomic_store(&card->gone, true);
		return UINT32_MAX;
	}
	return le32toh(value);
}

void card_write(struct card *card, unsigned bar, uint32_t offset, uint32_t value)
{
	if (!reachable(card, bar, offset, sizeof(value)))
		return;
	value = htole32(value);
	card_barrier();
	if (card->map[bar])
		*(volatile uint32_t *)(card->map[bar] + offset) = value;
	else if (card->transport->write(card, bar, offset, &value, sizeof(value)))
		atomic_store(&card->gone, true);
}

int card_config_read(struct card *card, unsigned offset, uint32_t *value, unsigned size)
{
	uint32_t raw = 0;
	int error;

	if (!reachable(card, CARD_REGION_CONFIG, offset, size))
		return -EIO;
	error = card->transport->read(card, CARD_REGION_CONFIG, offset, &raw, size);
	*value = le32toh(raw);
	return error;
}

int card_config_write(struct card *card, unsigned offset, uint32_t value, unsigned size)
{
	if (!reachable(card, CARD_REGION_CONFIG, offset, size))
		return -EIO;
	value = htole32(value);
	return card->transport->write(card, CARD_REGION_CONFIG, offset, &value, size);
}

static int change_command(struct card *card, uint32_t set, uint32_t clear)
{
	uint32_t command, seen;

	if (card_config_read(card, CARD_CONFIG_COMMAND, &command, 2) ||
	    card_config_write(card, CARD_CONFIG_COMMAND, (command | set) & ~clear, 2) ||
	    card_config_read(card, CARD_CONFIG_COMMAND, &seen, 2))
		return -EIO;
	return (seen & (set | clear)) == set ? 0 : -EIO;
}

int card_set_memory(struct card *card)
{
	return change_command(card, CARD_COMMAND_MEMORY, 0);
}

int card_set_master(struct card *card, bool on)
{
	return on ? change_command(card, CARD_COMMAND_MEMORY | CARD_COMMAND_MASTER, 0)
	          : change_command(card, 0, CARD_COMMAND_MASTER);
}

int card_dma_alloc(struct card *card, size_t size, struct card_dma **made, char why[CARD_WHY])
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct card_dma *dma = calloc(1, sizeof(*dma));
	int error;

	if (!dma)
		return -ENOMEM;
	why[0] = 0;
	dma->size = (size + page - 1) & ~(page - 1);
	dma->fd = -1;
	dma->bus = card->next_bus;
	card->why = why;
	error = card->transport->dma_make(card, dma);
	card->why = NULL;
	if (error) {
		free(dma);
		return error;
	}
	card->next_bus += (uint32_t)dma->size;
	SLIST_INSERT_HEAD(&card->dma, dma, next);
	*made = dma;
	return 0;
}

int card_irq_enable(struct card *card)
{
	int error;

	if (!card->transport->irq_enable)
		return -EOPNOTSUPP;
	if (card->irq >= 0)
		return card->irq;
	card->irq = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (card->irq < 0)
		return -errno;
	error = card->transport->irq_enable(card, card->irq);
	if (!error)
		return card->irq;
	close(card->irq);
	card->irq = -1;
	return error;
}

void card_irq_unmask(struct card *card)
{
	if (card->irq >= 0 && !card_gone(card) && card->transport->irq_unmask(card))
		atomic_store(&card->gone, true);
}

int card_hangup_fd(const struct card *card)
{
	return card->hangup;
}

/* What was posted goes before a read. Of configuration space, since a chip in reset may not answer
 * for its registers; this word of it comes from the card itself, whichever way leads there. */
void card_settle_us(struct card *card, unsigned us)
{
	uint32_t status;

	card_config_read(card, CARD_CONFIG_STATUS, &status, 2);
	card_wait_us(card, us);
}

void card_wait_us(const struct card *card, unsigned us)
{
	struct timespec left = { us / 1000000, (long)(us % 1000000) * 1000 };

	if (card->transport->instant || card_gone(card))
		return;
	while (nanosleep(&left, &left) && errno == EINTR)
		continue;
}
