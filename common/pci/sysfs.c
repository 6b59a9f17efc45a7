/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A card without an IOMMU, through the files of its slot in /sys. The card can reach all memory
 * of the machine, and goes on doing so if this process dies: hence `unsafe`. There are no
 * interrupts. */
#include "inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#define HUGE_PAGE       ((size_t)2 << 20)
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_FRAME   ((UINT64_C(1) << 55) - 1)

struct sysfs {
	char slot[CARD_SLOT];
	int config;
};

static int open_in_slot(struct card *card, const char *slot, const char *file, int *fd)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", slot, file);
	*fd = open(path, O_RDWR | O_CLOEXEC | O_SYNC);
	if (*fd >= 0)
		return 0;
	return card_explain(card, -errno, "%s: %s", path, strerror(errno));
}

/* Memory BARs alone; the kernel maps them uncached. */
static int map_bars(struct card *card, const char *slot)
{
	for (unsigned i = 0; i < CARD_BARS; i++) {
		char file[16];
		uint32_t bar = 0;
		off_t size;
		void *map;
		int fd;

		if (card_config_read(card, PCI_BASE_ADDRESS_0 + 4 * i, &bar, 4) || !bar ||
		    bar & PCI_BASE_ADDRESS_SPACE_IO)
			continue;
		snprintf(file, sizeof(file), "resource%u", i);
		if (open_in_slot(card, slot, file, &fd))
			continue;
		size = lseek(fd, 0, SEEK_END);
		map = size > 0 ? mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED,
		                      fd, 0)
		               : MAP_FAILED;
		close(fd);
		if (map == MAP_FAILED)
			return card_explain(card, -EACCES, "BAR %u of %s can't be mapped", i,
			                    slot);
		card->map[i] = map;
		card->region_size[i] = (uint64_t)size;
	}
	return 0;
}

static void sysfs_close(struct card *card)
{
	struct sysfs *sysfs = card->state;

	for (unsigned i = 0; i < CARD_BARS; i++)
		if (card->map[i])
			munmap(card->map[i], card->region_size[i]);
	if (sysfs->config >= 0)
		close(sysfs->config);
	free(sysfs);
}

static int switch_on(struct card *card, const char *slot)
{
	int fd, error = open_in_slot(card, slot, "enable", &fd);

	if (error)
		return error;
	if (write(fd, "1", 1) != 1)
		error = card_explain(card, -errno, "%s can't be switched on: %s", slot,
		                     strerror(errno));
	close(fd);
	return error;
}

/* The kernel doesn't do it when a process that used the card dies, and its rings may still run. */
static int stop_master(struct card *card, const char *slot)
{
	return card_set_master(card, false) ? card_explain(card, -EIO,
	                                                   "bus mastering of %s can't be "
	                                                   "switched off",
	                                                   slot)
	                                    : 0;
}

static int sysfs_open(struct card *card, const struct card_where *where)
{
	struct sysfs *sysfs = calloc(1, sizeof(*sysfs));
	char driver[32];
	int error;

	if (!sysfs)
		return -ENOMEM;
	card->state = sysfs;
	sysfs->config = -1;
	snprintf(sysfs->slot, sizeof(sysfs->slot), "%s", where->slot);
	snprintf(card->name, sizeof(card->name), "%s", where->slot);
	card_kernel_driver(where->slot, driver);
	if (*driver && strcmp(driver, "uio_pci_generic"))
		error = card_explain(card, -EBUSY, "%s is bound to the kernel's %s",
		                     where->slot, driver);
	else
		error = open_in_slot(card, where->slot, "config", &sysfs->config);
	if (!error) {
		card->region_size[CARD_REGION_CONFIG] = CARD_CONFIG;
		error = stop_master(card, where->slot);
	}
	if (!error)
		error = switch_on(card, where->slot);
	if (!error)
		error = map_bars(card, where->slot);
	if (error)
		sysfs_close(card);
	return error;
}

/* Configuration space alone: the BARs are mapped. */
static int sysfs_read(struct card *card, unsigned region, uint64_t offset, void *value,
                      size_t size)
{
	struct sysfs *sysfs = card->state;

	if (region != CARD_REGION_CONFIG)
		return -EIO;
	return pread(sysfs->config, value, size, (off_t)offset) == (ssize_t)size ? 0 : -EIO;
}

static int sysfs_write(struct card *card, unsigned region, uint64_t offset, const void *value,
                       size_t size)
{
	struct sysfs *sysfs = card->state;

	if (region != CARD_REGION_CONFIG)
		return -EIO;
	return pwrite(sysfs->config, value, size, (off_t)offset) == (ssize_t)size ? 0 : -EIO;
}

/* Where memory really is. The kernel tells it to CAP_SYS_ADMIN alone. */
static int physical(const void *memory, uint64_t *address)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = pread(fd, &entry, sizeof(entry),
	            (off_t)((uintptr_t)memory / page * sizeof(entry)));
	close(fd);
	if (got != sizeof(entry) || !(entry & PAGEMAP_PRESENT) || !(entry & PAGEMAP_FRAME))
		return -EPERM;
	*address = (entry & PAGEMAP_FRAME) * page;
	return 0;
}

/* One huge page: it is in one piece, locked, and stays where it is. */
static int sysfs_dma_make(struct card *card, struct card_dma *dma)
{
	uint64_t address = 0;
	int error;

	if (dma->size > HUGE_PAGE)
		return card_explain(card, -ENOMEM, "more than one huge page is needed");
	dma->size = HUGE_PAGE;
	error = card_memory_make(card, dma, false, true);
	if (error)
		return error;
	memset(dma->memory, 0, dma->size);
	error = physical(dma->memory, &address);
	if (error)
		error = card_explain(card, error,
		                     "addresses of memory are told to CAP_SYS_ADMIN alone");
	else if (address + dma->size > (UINT64_C(1) << 32))
		error = card_explain(card, -ENOMEM,
		                     "the huge page is above 4 GiB, where the card "
		                     "can't reach it: reserve huge pages at boot");
	if (error)
		card_memory_drop(dma);
	dma->bus = (uint32_t)address;
	return error;
}

static void sysfs_dma_drop(struct card *card, struct card_dma *dma)
{
	(void)card;
	card_memory_drop(dma);
}

const struct card_transport card_sysfs = {
	.name = "sysfs",
	.open = sysfs_open,
	.close = sysfs_close,
	.read = sysfs_read,
	.write = sysfs_write,
	.dma_make = sysfs_dma_make,
	.dma_drop = sysfs_dma_drop,
};
