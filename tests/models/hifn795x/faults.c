/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be made to go wrong. Operations are counted from the last reset of the chip. */
#include "tests/models/hifn795x/card.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *value;
	uint64_t standard, least;
	const char *says;
} table[FAULTS] = {
	[FAULT_LOST_IRQ] = { "lost-irq", "N", 1, 1,
	                     "every Nth rise of the interrupt pin is not signalled" },
	[FAULT_STUCK_RING] = { "stuck-ring", "N", 0, 0,
	                       "after N operations no descriptor is taken until a reset" },
	[FAULT_WRONG_LENGTH] = { "wrong-length", "N", 1, 1,
	                         "every Nth operation writes 4 bytes less and says so" },
	[FAULT_DMA_ABORT] = { "dma-abort", "N", 0, 0,
	                      "after N operations since a reset the source DMA is aborted" },
	[FAULT_VANISH] = { "vanish", "N", 0, 0,
	                   "after N operations the card is gone: all reads are ones" },
	/* 240 Mbit/s, the highest rate that anybody measured (reference, section 18) */
	[FAULT_SLOW] = { "slow", "BYTES", 30000000, 1,
	                 "work off so many bytes a second, by default the real chip's rate" },
};

void faults_list(FILE *to)
{
	for (unsigned i = 0; i < FAULTS; i++)
		fprintf(to, "  %s[=%s]%*s%s (default %llu)\n", table[i].name, table[i].value,
		        (int)(21 - strlen(table[i].name) - strlen(table[i].value)), "",
		        table[i].says, (unsigned long long)table[i].standard);
}

static int set(struct faults *faults, enum fault fault, const char *value)
{
	char *end;

	faults->on[fault] = true;
	faults->value[fault] = table[fault].standard;
	if (!value)
		return 0;
	errno = 0;
	faults->value[fault] = strtoull(value, &end, 10);
	if (errno || end == value || *end || *value == '-' ||
	    faults->value[fault] < table[fault].least)
		return -EINVAL;
	return 0;
}

int faults_add(struct faults *faults, const char *word)
{
	const char *value = strchr(word, '=');
	size_t n = value ? (size_t)(value - word) : strlen(word);

	for (unsigned i = 0; i < FAULTS; i++) {
		if (n == strlen(table[i].name) && !memcmp(word, table[i].name, n))
			return set(faults, i, value ? value + 1 : NULL);
	}
	return -EINVAL;
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
