/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A balancer outside the source tree: always the first device that could do it. */
#include <acrypto/balancer.h>

#include <stdio.h>

static int first_find_device(void *data, const struct acr_lb_session *session,
                             const struct acr_lb_device *devices, unsigned n,
                             struct acr_lb_choice *choice)
{
	(void)data, (void)session;
	choice->index = 0;
	choice->score = 0;
	snprintf(choice->reason, sizeof(choice->reason), "%s is the first of %u",
	         devices[0].name, n);
	return 0;
}

static const struct acr_balancer first = {
	.name = "first",
	.help = "an example: always the first device",
	.find_device = first_find_device,
};

ACR_REGISTER_BALANCER(first);
