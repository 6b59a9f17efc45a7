/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A device on the fake chip, without a thread, and operations on it, for the tests of the driver
 * ce99. */
#ifndef CE99_OPS_H
#define CE99_OPS_H

#include "ce99_fake.h"

#include <sys/eventfd.h>
#include <unistd.h>

static struct acr_device device;
static struct fake_chip chip;

/* NULL if it didn't come up; the reason is in device.explained. */
static struct ce99 *fake_device(enum ce99_path path)
{
	struct ce99 *ce = ce99_new(&device);
	char why[CARD_WHY] = "";

	memset(&device, 0, sizeof(device));
	ce->facts.name = "fake";
	ce->wake = eventfd(0, EFD_NONBLOCK);
	ce->keep_ns = UINT64_C(1) << 62;
	device.private_data = ce;
	if (!fake_attach(&ce->chip, path, why)) {
		if (!ce99_bring_up(ce))
			return ce;
		chip_close(&ce->chip);
	} else {
		snprintf(device.explained, sizeof(device.explained), "%s", why);
	}
	close(ce->wake);
	ce99_free(ce);
	return NULL;
}

static void fake_remove(struct ce99 *ce)
{
	ce99_fail(ce, NULL, -ENODEV);
	chip_close(&ce->chip);
	close(ce->wake);
	ce99_free(ce);
}

#endif
