/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer: any sequence of operations on the queue, beside a naive model of it. Each takes
 * two bytes: what, and with which entry. The first byte says whether many users and priorities
 * take part, or all are in one line. */
#include "tests/lib/queue_model.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool step(struct pair *pair, uint8_t what, uint8_t which, bool line)
{
	unsigned i = which % MODEL_ENTRIES;

	switch (what % 8) {
	case 0:
		return pair_walk(pair);
	case 1:
		pair_set_ageing(pair, which / 16.0);
		return true;
	case 2:
		if (which >= MODEL_ENTRIES)
			return pair_take(pair, i);
		pair_remove(pair, i);
		return true;
	case 3:
		return pair_pop(pair);
	case 4:
		return pair_return(pair);
	default:
		return pair_insert(pair, i, line ? 0 : what / 8 % MODEL_PRIORITIES,
		                   line ? 0 : which % MODEL_USERS, 1ull << (what / 6));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pair pair;

	pair_init(&pair, 1);
	for (size_t i = 1; i + 1 < size; i += 2) {
		if (!step(&pair, data[i], data[i + 1], data[0] & 1) ||
		    pair.queue.count != pair_count(&pair))
			abort();
	}
	if (!pair_drain(&pair))
		abort();
	return 0;
}
