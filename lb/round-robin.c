/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The devices in turn, whatever they have to do. */
#include "words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct round_robin {
	atomic_uint_fast64_t turns;
};

static int round_robin_create(void **data)
{
	*data = calloc(1, sizeof(struct round_robin));
	return *data ? 0 : -ENOMEM;
}

static int round_robin_find_device(void *data, const struct acr_lb_session *session,
                                   const struct acr_lb_device *devices, unsigned n,
                                   struct acr_lb_choice *choice)
{
	struct round_robin *balancer = data;
	uint64_t turn = atomic_fetch_add_explicit(&balancer->turns, 1, memory_order_relaxed);
	struct words words;

	(void)session;
	(void)devices;
	choice->index = (unsigned)(turn % n);
	choice->score = 0;
	words = words_begin(choice);
	words_text(&words, "turn ");
	words_number(&words, choice->index + 1);
	words_text(&words, " of ");
	words_number(&words, n);
	return 0;
}

static size_t round_robin_info(void *data, char *text, size_t size)
{
	struct round_robin *balancer = data;
	int n = snprintf(text, size, "turns: %" PRIuFAST64 "\n",
	                 (uint_fast64_t)balancer->turns);

	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size ? size - 1 : 0;
}

static const struct acr_balancer round_robin = {
	.name = "round-robin",
	.help = "the devices in turn",
	.create = round_robin_create,
	.destroy = free,
	.find_device = round_robin_find_device,
	.info = round_robin_info,
};

ACR_REGISTER_BALANCER(round_robin);
