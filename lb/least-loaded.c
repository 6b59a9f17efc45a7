/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The device with the fewest sessions, queued and running, for each one it works on at once.
 * Of equals the one with fewer bytes to do, then the first. */
#include "words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct least_loaded {
	atomic_uint_fast64_t placed, idle;
};

static int least_loaded_create(void **data)
{
	*data = calloc(1, sizeof(struct least_loaded));
	return *data ? 0 : -ENOMEM;
}

static uint64_t sessions(const struct acr_lb_device *device)
{
	return device->queued + device->running;
}

static unsigned width(const struct acr_lb_device *device)
{
	return device->width ? device->width : 1;
}

static double load(const struct acr_lb_device *device)
{
	return (double)sessions(device) / width(device);
}

static bool better(const struct acr_lb_device *a, const struct acr_lb_device *b)
{
	if (load(a) != load(b))
		return load(a) < load(b);
	return a->queued_bytes < b->queued_bytes;
}

static int least_loaded_find_device(void *data, const struct acr_lb_session *session,
                                    const struct acr_lb_device *devices, unsigned n,
                                    struct acr_lb_choice *choice)
{
	struct least_loaded *balancer = data;
	struct words words;
	unsigned best = 0;

	(void)session;
	for (unsigned i = 1; i < n; i++)
		if (better(&devices[i], &devices[best]))
			best = i;
	choice->index = best;
	choice->score = load(&devices[best]);
	words = words_begin(choice);
	words_text(&words, "load ");
	words_decimal(&words, (uint64_t)(choice->score * 100), 2);
	words_text(&words, ": ");
	words_number(&words, sessions(&devices[best]));
	words_text(&words, " sessions for width ");
	words_number(&words, width(&devices[best]));
	words_text(&words, ", least of ");
	words_number(&words, n);
	atomic_fetch_add_explicit(&balancer->placed, 1, memory_order_relaxed);
	if (!sessions(&devices[best]))
		atomic_fetch_add_explicit(&balancer->idle, 1, memory_order_relaxed);
	return 0;
}

static size_t least_loaded_info(void *data, char *text, size_t size)
{
	struct least_loaded *balancer = data;
	int n = snprintf(text, size, "placed: %" PRIuFAST64 "\nplaced-idle: %" PRIuFAST64 "\n",
	                 (uint_fast64_t)balancer->placed, (uint_fast64_t)balancer->idle);

	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size ? size - 1 : 0;
}

static const struct acr_balancer least_loaded = {
	.name = "least-loaded",
	.help = "the device with the fewest sessions for its width",
	.create = least_loaded_create,
	.destroy = free,
	.find_device = least_loaded_find_device,
	.info = least_loaded_info,
};

ACR_REGISTER_BALANCER(least_loaded);
