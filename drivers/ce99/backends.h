/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two ways to a chip: a card's registers, and the vendor's library. Both fill in all of a
 * struct chip but its slots. Context of both: control thread, may sleep. Return 0 or a negative
 * errno with a sentence in why. Nothing of the chip has been started then; see chip_init(). */
#ifndef CE99_BACKENDS_H
#define CE99_BACKENDS_H

#include "common/pci/card.h"
#include "chip.h"

#include <stdatomic.h>

enum ce99_path { CE99_PATH_AUTO, CE99_PATH_FIFO, CE99_PATH_DMA };

struct ce99_card_options {
	enum ce99_path path;
	uint64_t poll_us;        /* 0: by interrupt, where there is one */
	uint64_t timeout_ns;     /* for one run */
	const atomic_bool *stop; /* set: a run is not waited for any more */
};

/* Which is given up, and how it is told. */
struct ce99_card_facts {
	const char *name; /* borrowed until chip_close() */
	bool interrupts;
	int hangup; /* file descriptor that hangs up when the card is gone, or -1 */
};

int ce99_card_open(struct chip *chip, const struct card_where *where,
                   const struct ce99_card_options *options, struct ce99_card_facts *facts,
                   char why[CARD_WHY]);

/* The same with a card that is open already; takes it, in any case. */
int ce99_card_attach(struct chip *chip, struct card *card,
                     const struct ce99_card_options *options, struct ce99_card_facts *facts,
                     char why[CARD_WHY]);

/* path: of the library. -EBUSY: another device has it; the vendor's calls know of one card. */
int ce99_vendor_open(struct chip *chip, const char *path, char why[CARD_WHY]);

uint64_t ce99_now_ns(void);

#endif
