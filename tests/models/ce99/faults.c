/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be made to go wrong. */
#include "card.h"
#include "tests/models/vfio_user/faults.h"

#include <errno.h>

static const struct vu_fault table[FAULTS] = {
	[FAULT_LOST_IRQ] = { "lost-irq", "N", 1, 1, UINT64_MAX, 10,
	                     "every Nth rise of the interrupt pin is not signalled" },
	[FAULT_STALLED] = { "stalled", "N", 0, 0, UINT64_MAX, 10,
	                    "after N operations the next stops half way; ABORT ends it" },
	[FAULT_STUCK] = { "stuck", "N", 0, 0, UINT64_MAX, 10,
	                  "after N operations the next stops half way; only RESET ends it" },
	[FAULT_WRONG_LENGTH] = { "wrong-length", "N", 1, 1, UINT64_MAX, 10,
	                         "every Nth operation is DONE a block too early and says so" },
	[FAULT_DMA_ABORT] = { "dma-abort", "N", 0, 0, UINT64_MAX, 10,
	                      "after N operations each DMA meets a bus error half way" },
	[FAULT_VANISH] = { "vanish", "N", 0, 0, UINT64_MAX, 10,
	                   "after N operations the card is gone: all reads are ones" },
	/* What is remembered of the predecessor CE99C003A: reference, section 1.4. */
	[FAULT_SLOW] = { "slow", "BYTES", 20000000, 1, UINT64_MAX, 10,
	                 "work off so many bytes a second" },
	[FAULT_BAD_STATUS] = { "bad-status", "CODE[@N]", ERR_ENCRYPT, 1, 15, 10,
	                       "after N that went well, all end with ERR = CODE: 3 self tests, "
	                       "4 and 5 LOADs, others STARTs" },
	[FAULT_WRONG_SIGNATURE] = { "wrong-signature", "HEX", 0x43454239, 0, UINT32_MAX, 16,
	                            "what SIG reads" },
	[FAULT_WRONG_LAYOUT] = { "wrong-layout", "MAJOR", 2, 0, 255, 10,
	                         "the layout's major number in CAPS" },
};

void faults_list(FILE *to)
{
	vu_faults_list(table, FAULTS, to);
}

int faults_add(struct faults *faults, const char *word)
{
	const char *text, *rest;
	int fault = vu_fault_find(table, FAULTS, word, &text);
	uint64_t value, after = 0;

	if (fault < 0 || vu_fault_value(&table[fault], text, &value, &rest))
		return -EINVAL;
	if (fault == FAULT_BAD_STATUS && *rest == '@' &&
	    vu_fault_number(rest + 1, 10, &after, &rest))
		return -EINVAL;
	if (*rest)
		return -EINVAL;
	faults->on[fault] = true;
	faults->value[fault] = value;
	if (fault == FAULT_BAD_STATUS)
		faults->after = after;
	return 0;
}

void faults_reset(struct faults *faults)
{
	faults->done = faults->loads = 0;
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

bool fault_vanishes(struct faults *faults)
{
	faults->vanished = faults->vanished || reached(faults, FAULT_VANISH);
	return faults->vanished;
}

/* The code that is to take the place of success after `done` successes. */
static unsigned bad_status(const struct faults *faults, uint64_t done)
{
	return faults->on[FAULT_BAD_STATUS] && done >= faults->after
	               ? (unsigned)faults->value[FAULT_BAD_STATUS]
	               : ERR_NONE;
}

unsigned fault_self_test(struct faults *faults)
{
	unsigned code = bad_status(faults, faults->self_tests);

	faults->self_tests++;
	return code == ERR_NOT_READY ? code : ERR_NONE;
}

unsigned fault_load(struct faults *faults)
{
	unsigned code = bad_status(faults, faults->loads);

	faults->loads++;
	return code == ERR_NO_SLOT || code == ERR_LOAD ? code : ERR_NONE;
}

unsigned fault_start(const struct faults *faults)
{
	unsigned code = bad_status(faults, faults->done);

	return code == ERR_NOT_READY || code == ERR_NO_SLOT || code == ERR_LOAD ? ERR_NONE
	                                                                        : code;
}

void fault_arrange(const struct faults *faults, struct operation *operation, uint64_t now)
{
	bool stalled = reached(faults, FAULT_STALLED);

	operation->sticks = reached(faults, FAULT_STUCK);
	operation->bus_error = operation->dma && reached(faults, FAULT_DMA_ABORT);
	operation->stops_at = UINT32_MAX;
	if (operation->sticks || stalled || operation->bus_error)
		operation->stops_at = operation->length / 2 / BLOCK * BLOCK;
	operation->ends_at = operation->length;
	if (faults->on[FAULT_WRONG_LENGTH] &&
	    (faults->done + 1) % faults->value[FAULT_WRONG_LENGTH] == 0)
		operation->ends_at -= BLOCK;
	operation->due = now;
	if (faults->on[FAULT_SLOW])
		operation->due += (uint64_t)((double)operation->length /
		                             (double)faults->value[FAULT_SLOW] * 1e9);
}
