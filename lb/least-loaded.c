/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The device with the fewest sessions, queued and running, for each one it works on at once.
 * Of equals the one with fewer bytes to do, then the first. */
#include "words.h"

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
	struct words words;
	unsigned best = 0;

	(void)data, (void)session;
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
	return 0;
}

static const struct acr_balancer least_loaded = {
	.name = "least-loaded",
	.help = "the device with the fewest sessions for its width",
	.find_device = least_loaded_find_device,
};

ACR_REGISTER_BALANCER(least_loaded);
