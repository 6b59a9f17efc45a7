/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer: any sequence of operations on the queue, beside a naive model of it. Each takes
 * two bytes: what, and with which entry. */
#include "queue_model.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool step(struct pair *pair, uint8_t what, uint8_t which)
{
	unsigned i = which % MODEL_ENTRIES;

	switch (what % 8) {
	case 0:
		return pair_walk(pair);
	case 1:
		pair_set_ageing(pair, which / 16.0);
		return true;
	case 2:
		pair_remove(pair, i);
		return true;
	case 3:
		return pair_pop(pair);
	case 4:
		return pair_return(pair);
	default:
		return pair_insert(pair, i, what / 8 % MODEL_PRIORITIES, which % MODEL_USERS,
				   1ull << (what / 6));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pair pair;

	pair_init(&pair, 1);
	for (size_t i = 0; i + 1 < size; i += 2) {
		if (!step(&pair, data[i], data[i + 1]) || pair.queue.count != pair_count(&pair))
			abort();
	}
	if (!pair_drain(&pair))
		abort();
	return 0;
}
