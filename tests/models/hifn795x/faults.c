/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be made to go wrong. Operations are counted from the last reset of the chip. */
#include "card.h"
#include "tests/models/vfio_user/faults.h"

#include <errno.h>

static const struct vu_fault table[FAULTS] = {
	[FAULT_LOST_IRQ] = { "lost-irq", "N", 1, 1, UINT64_MAX, 10,
	                     "every Nth rise of the interrupt pin is not signalled" },
	[FAULT_STUCK_RING] = { "stuck-ring", "N", 0, 0, UINT64_MAX, 10,
	                       "after N operations no descriptor is taken until a reset" },
	[FAULT_WRONG_LENGTH] = { "wrong-length", "N", 1, 1, UINT64_MAX, 10,
	                         "every Nth operation writes 4 bytes less and says so" },
	[FAULT_DMA_ABORT] = { "dma-abort", "N", 0, 0, UINT64_MAX, 10,
	                      "after N operations since a reset the source DMA is aborted" },
	[FAULT_VANISH] = { "vanish", "N", 0, 0, UINT64_MAX, 10,
	                   "after N operations the card is gone: all reads are ones" },
	/* 240 Mbit/s, the highest rate that anybody measured (reference, section 18) */
	[FAULT_SLOW] = { "slow", "BYTES", 30000000, 1, UINT64_MAX, 10,
	                 "work off so many bytes a second, by default the real chip's rate" },
};

void faults_list(FILE *to)
{
	vu_faults_list(table, FAULTS, to);
}

int faults_add(struct faults *faults, const char *word)
{
	const char *text, *rest;
	int fault = vu_fault_find(table, FAULTS, word, &text);
	uint64_t value;

	if (fault < 0 || vu_fault_value(&table[fault], text, &value, &rest) || *rest)
		return -EINVAL;
	faults->on[fault] = true;
	faults->value[fault] = value;
	return 0;
}

bool fault_loses_irq(struct faults *faults)
{
	faults->irqs++;
	return faults->on[FAULT_LOST_IRQ] && faults->irqs % faults->value[FAULT_LOST_IRQ] == 0;
}

static bool reached(const struct faults *faults, enum fault fault)
{
	return faults->on[fault] && faults->done >= faults->value[fault];
}

bool fault_sticks(const struct faults *faults)
{
	return reached(faults, FAULT_STUCK_RING);
}

bool fault_aborts(const struct faults *faults)
{
	return reached(faults, FAULT_DMA_ABORT);
}

bool fault_vanishes(struct faults *faults)
{
	faults->vanished = faults->vanished || reached(faults, FAULT_VANISH);
	return faults->vanished;
}

bool fault_wrong_length(const struct faults *faults)
{
	return faults->on[FAULT_WRONG_LENGTH] &&
	       (faults->done + 1) % faults->value[FAULT_WRONG_LENGTH] == 0;
}

uint64_t fault_end(const struct faults *faults, uint64_t now, uint32_t bytes)
{
	if (!faults->on[FAULT_SLOW])
		return now;
	return now + (uint64_t)((double)bytes / (double)faults->value[FAULT_SLOW] * 1e9);
}
