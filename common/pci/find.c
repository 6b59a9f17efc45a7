/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which cards this machine has, after libpci. */
#include "inner.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pci/pci.h>

/* libpci's default is to end the program; its handler must not return. */
static _Thread_local jmp_buf failed;

static void on_error(char *format, ...) __attribute__((noreturn));

static void on_error(char *format, ...)
{
	(void)format;
	longjmp(failed, 1);
}

static void on_message(char *format, ...)
{
	(void)format;
}

void card_kernel_driver(const char *slot, char name[32])
{
	char link[64], target[PATH_MAX];
	ssize_t length;

	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/driver", slot);
	length = readlink(link, target, sizeof(target) - 1);
	name[0] = 0;
	if (length <= 0)
		return;
	target[length] = 0;
	snprintf(name, 32, "%.31s", strrchr(target, '/') ? strrchr(target, '/') + 1 : target);
}

static bool is_one_of(const struct pci_dev *dev, const struct card_id *ids)
{
	for (; ids->vendor; ids++)
		if (dev->vendor_id == ids->vendor && dev->device_id == ids->device)
			return true;
	return false;
}

static void name_slot(const struct pci_dev *dev, char slot[CARD_SLOT])
{
	snprintf(slot, CARD_SLOT, "%04x:%02x:%02x.%x", (unsigned)dev->domain & 0xffff, dev->bus,
	         dev->dev, dev->func & 7u);
}

/* Go through the bus. exact NULL: any that is bound to vfio-pci. */
static int scan(struct pci_access *access, const struct card_id *ids, const char *exact,
                char slot[CARD_SLOT])
{
	char driver[32];

	pci_scan_bus(access);
	for (struct pci_dev *dev = access->devices; dev; dev = dev->next) {
		pci_fill_info(dev, PCI_FILL_IDENT);
		name_slot(dev, slot);
		if (exact && !strcmp(slot, exact))
			return is_one_of(dev, ids) ? 0 : -EINVAL;
		if (exact || !is_one_of(dev, ids))
			continue;
		card_kernel_driver(slot, driver);
		if (!strcmp(driver, "vfio-pci"))
			return 0;
	}
	return -ENODEV;
}

static int find(const struct card_id *ids, const char *exact, char slot[CARD_SLOT])
{
	struct pci_access *const access = pci_alloc();
	volatile int error = -ENODEV;

	access->method = PCI_ACCESS_SYS_BUS_PCI;
	access->error = on_error;
	access->warning = on_message;
	if (!setjmp(failed)) {
		pci_init(access);
		error = scan(access, ids, exact, slot);
		pci_cleanup(access);
	}
	return error;
}

/* The slot in full, or false. */
static bool normalise(const char *text, char slot[CARD_SLOT])
{
	unsigned domain = 0, bus, dev, function;
	int end = 0;

	if (sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &dev, &function, &end) != 4 ||
	    text[end]) {
		domain = 0;
		end = 0;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &dev, &function, &end) != 3 ||
		    text[end])
			return false;
	}
	return dev < 32 && function < 8 &&
	       snprintf(slot, CARD_SLOT, "%04x:%02x:%02x.%x", domain, bus, dev, function) > 0;
}

int card_find(const struct card_id *ids, const struct card_where *where, char slot[CARD_SLOT],
              char why[CARD_WHY])
{
	char exact[CARD_SLOT];
	int error;

	if (where->slot && !normalise(where->slot, exact)) {
		snprintf(why, CARD_WHY, "slot=%.32s is not like 0000:03:00.0", where->slot);
		return -EINVAL;
	}
	if (!where->slot && where->unsafe_noiommu) {
		snprintf(why, CARD_WHY, "unsafe-noiommu=1 needs the card's slot=");
		return -EINVAL;
	}
	error = find(ids, where->slot ? exact : NULL, slot);
	if (error == -EINVAL)
		snprintf(why, CARD_WHY, "what is in slot %s is another kind of card", exact);
	else if (error && where->slot)
		snprintf(why, CARD_WHY, "there is no card in slot %s", exact);
	else if (error)
		snprintf(why, CARD_WHY, "no such card is bound to vfio-pci");
	return error;
}
