/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What card.c and the ways to a card share. */
#ifndef CARD_INNER_H
#define CARD_INNER_H

#include "card.h"

#include <stdatomic.h>

/* Numbered as VFIO and vfio-user do. */
#define CARD_REGION_CONFIG 7
#define CARD_REGIONS       9

#define CARD_PATH 108 /* as long as the path of a socket can be */

/* One way to reach a card. Functions return 0 or a negative errno; open() and dma_make()
 * explain theirs with card_explain(). */
struct card_transport {
	const char *name;
	bool instant; /* no waiting, for tests */

	/* Sets state, region_size and, where the BARs can be mapped, map. On failure it leaves
	 * nothing behind. */
	int (*open)(struct card *card, const struct card_where *where);
	void (*close)(struct card *card);

	/* Any thread. A failure means that the card is gone. */
	int (*read)(struct card *card, unsigned region, uint64_t offset, void *value,
	            size_t size);
	int (*write)(struct card *card, unsigned region, uint64_t offset, const void *value,
	             size_t size);

	/* Make dma->memory of dma->size bytes, a multiple of the page size, and let the card
	 * see it; dma->bus is a proposal. */
	int (*dma_make)(struct card *card, struct card_dma *dma);
	void (*dma_drop)(struct card *card, struct card_dma *dma);

	int (*irq_enable)(struct card *card, int eventfd); /* NULL: polled only */
	int (*irq_unmask)(struct card *card);
};

struct card {
	const struct card_transport *transport;
	void *state; /* transport's */
	char name[CARD_PATH + 16];
	char *why; /* CARD_WHY bytes, while card_open() or card_dma_alloc() runs */
	atomic_bool gone;
	uint64_t region_size[CARD_REGIONS];
	uint8_t *map[CARD_BARS]; /* uncached; NULL: by read() and write() */
	int irq;                 /* eventfd, -1: none */
	int hangup;              /* -1: none */
	uint32_t next_bus;
	SLIST_HEAD(, card_dma) dma; /* all of it */
};

extern const struct card_transport card_vfio, card_vfio_user, card_sysfs;

/* A card by a certain transport. slot: resolved, for vfio and sysfs. As card_open(). */
int card_open_by(const struct card_transport *transport, const struct card_where *where,
                 struct card **card, char why[CARD_WHY]);

/* Say why, and return the error. */
int card_explain(struct card *card, int error, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Find a card in the system (libpci). where->slot NULL: the first with one of the ids that is
 * bound to vfio-pci. slot: its name in full. Returns 0, -ENODEV or -EINVAL. */
#define CARD_SLOT 16
int card_find(const struct card_id *ids, const struct card_where *where, char slot[CARD_SLOT],
              char why[CARD_WHY]);

/* Name of the kernel driver that a slot is bound to, "" for none. */
void card_kernel_driver(const char *slot, char name[32]);

/* Memory for dma_make(): zero, locked, neither dumped nor inherited. memfd: dma->fd gets a file
 * descriptor of it. huge: of one huge page. Returns 0, -ENOMEM or -EPERM, explained. */
int card_memory_make(struct card *card, struct card_dma *dma, bool memfd, bool huge);
void card_memory_drop(struct card_dma *dma);

#endif
