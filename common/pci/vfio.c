/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A card bound to vfio-pci, behind an IOMMU. The kernel takes all back when the files are
 * closed, also when this process dies. */
#include "inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

struct vfio {
	int container, group, device;  /* -1: not open */
	uint64_t offset[CARD_REGIONS]; /* of the regions in the device's file */
};

static int group_number(struct card *card, const char *slot, unsigned *number)
{
	char link[64], target[PATH_MAX], driver[32];
	ssize_t length;

	card_kernel_driver(slot, driver);
	if (strcmp(driver, "vfio-pci"))
		return card_explain(
		        card, -EBUSY,
		        "%s is %s%s: it must be bound to vfio-pci, see "
		        "acrypto-pci(7)",
		        slot, *driver ? "bound to the kernel's " : "not bound to any driver",
		        driver);
	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/iommu_group", slot);
	length = readlink(link, target, sizeof(target) - 1);
	if (length <= 0)
		return card_explain(card, -ENODEV,
		                    "%s is in no IOMMU group: the machine has no "
		                    "IOMMU, or it is switched off",
		                    slot);
	target[length] = 0;
	if (sscanf(strrchr(target, '/') ? strrchr(target, '/') + 1 : target, "%u", number) != 1)
		return card_explain(card, -EIO, "%s is in an IOMMU group without a number",
		                    slot);
	return 0;
}

static int open_file(struct card *card, const char *path, int *fd)
{
	*fd = open(path, O_RDWR | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	switch (errno) {
	case ENOENT:
		return card_explain(card, -ENODEV, "there is no %s: load vfio-pci", path);
	case EACCES:
	case EPERM:
		return card_explain(card, -EACCES,
		                    "no permission for %s: chown it to the user "
		                    "that runs acryptod",
		                    path);
	case EBUSY:
		return card_explain(card, -EBUSY,
		                    "%s is in use: by another process, or for another card "
		                    "of the same IOMMU group",
		                    path);
	default:
		return card_explain(card, -errno, "%s: %s", path, strerror(errno));
	}
}

static int open_container(struct card *card, struct vfio *vfio)
{
	int error = open_file(card, "/dev/vfio/vfio", &vfio->container);

	if (error)
		return error;
	if (ioctl(vfio->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
	    ioctl(vfio->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0)
		return card_explain(card, -EOPNOTSUPP,
		                    "this kernel's VFIO has no type 1 IOMMU");
	return 0;
}

static int open_group(struct card *card, struct vfio *vfio, unsigned number)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[32];
	int error;

	snprintf(path, sizeof(path), "/dev/vfio/%u", number);
	error = open_file(card, path, &vfio->group);
	if (error)
		return error;
	if (ioctl(vfio->group, VFIO_GROUP_GET_STATUS, &status))
		return card_explain(card, -errno, "%s: %s", path, strerror(errno));
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return card_explain(card, -EBUSY,
		                    "IOMMU group %u holds other devices that the "
		                    "kernel uses: bind all of them to vfio-pci",
		                    number);
	if (ioctl(vfio->group, VFIO_GROUP_SET_CONTAINER, &vfio->container) ||
	    ioctl(vfio->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return card_explain(card, -errno, "IOMMU group %u can't be used: %s", number,
		                    errno == EPERM ? "the IOMMU doesn't remap interrupts, "
		                                     "see allow_unsafe_interrupts of "
		                                     "vfio_iommu_type1"
		                                   : strerror(errno));
	return 0;
}

/* A BAR that can't be mapped is read and written through the file. */
static void map_bar(struct card *card, struct vfio *vfio, const struct vfio_region_info *region)
{
	void *map;

	if (region->index >= CARD_BARS || !(region->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return;
	map = mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_SHARED, vfio->device,
	           (off_t)region->offset);
	if (map == MAP_FAILED)
		return;
	madvise(map, region->size, MADV_DONTFORK);
	card->map[region->index] = map;
}

static int open_device(struct card *card, struct vfio *vfio, const char *slot)
{
	vfio->device = ioctl(vfio->group, VFIO_GROUP_GET_DEVICE_FD, slot);
	if (vfio->device < 0)
		return card_explain(card, -errno, "VFIO doesn't give %s: %s", slot,
		                    strerror(errno));
	for (uint32_t i = 0; i <= CARD_REGION_CONFIG; i++) {
		struct vfio_region_info region = { .argsz = sizeof(region), .index = i };

		if (ioctl(vfio->device, VFIO_DEVICE_GET_REGION_INFO, &region) || !region.size)
			continue;
		card->region_size[i] = region.size;
		vfio->offset[i] = region.offset;
		map_bar(card, vfio, &region);
	}
	if (card->region_size[CARD_REGION_CONFIG] < 64)
		return card_explain(card, -EIO, "%s has no configuration space", slot);
	return 0;
}

static void vfio_close(struct card *card)
{
	struct vfio *vfio = card->state;

	for (unsigned i = 0; i < CARD_BARS; i++)
		if (card->map[i])
			munmap(card->map[i], card->region_size[i]);
	if (vfio->device >= 0)
		close(vfio->device);
	if (vfio->group >= 0)
		close(vfio->group);
	if (vfio->container >= 0)
		close(vfio->container);
	free(vfio);
}

static int vfio_open(struct card *card, const struct card_where *where)
{
	struct vfio *vfio = calloc(1, sizeof(*vfio));
	unsigned number;
	int error;

	if (!vfio)
		return -ENOMEM;
	vfio->container = vfio->group = vfio->device = -1;
	card->state = vfio;
	snprintf(card->name, sizeof(card->name), "%s", where->slot);
	error = group_number(card, where->slot, &number);
	if (!error)
		error = open_container(card, vfio);
	if (!error)
		error = open_group(card, vfio, number);
	if (!error)
		error = open_device(card, vfio, where->slot);
	if (error)
		vfio_close(card);
	return error;
}

static int vfio_read(struct card *card, unsigned region, uint64_t offset, void *value,
                     size_t size)
{
	struct vfio *vfio = card->state;
	ssize_t got = pread(vfio->device, value, size, (off_t)(vfio->offset[region] + offset));

	return got == (ssize_t)size ? 0 : -EIO;
}

static int vfio_write(struct card *card, unsigned region, uint64_t offset, const void *value,
                      size_t size)
{
	struct vfio *vfio = card->state;
	ssize_t put = pwrite(vfio->device, value, size, (off_t)(vfio->offset[region] + offset));

	return put == (ssize_t)size ? 0 : -EIO;
}

static int vfio_dma_make(struct card *card, struct card_dma *dma)
{
	struct vfio *vfio = card->state;
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = dma->bus,
		.size = dma->size,
	};
	int error = card_memory_make(card, dma, false, false);

	if (error)
		return error;
	map.vaddr = (uintptr_t)dma->memory;
	if (!ioctl(vfio->container, VFIO_IOMMU_MAP_DMA, &map))
		return 0;
	error = -errno;
	card_memory_drop(dma);
	return card_explain(
	        card, error, "the IOMMU doesn't map %zu bytes at 0x%x: %s", dma->size, dma->bus,
	        error == -ENOMEM ? "the limit of locked memory is too low" : strerror(-error));
}

static void vfio_dma_drop(struct card *card, struct card_dma *dma)
{
	struct vfio *vfio = card->state;
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = dma->bus,
		.size = dma->size,
	};

	ioctl(vfio->container, VFIO_IOMMU_UNMAP_DMA, &unmap);
	card_memory_drop(dma);
}

static int set_irq(struct card *card, uint32_t flags, const int *eventfd)
{
	_Alignas(struct vfio_irq_set) uint8_t buffer[sizeof(struct vfio_irq_set) + sizeof(int)];
	struct vfio_irq_set *set = (struct vfio_irq_set *)buffer;
	struct vfio *vfio = card->state;

	*set = (struct vfio_irq_set){ .argsz = (uint32_t)(sizeof(*set) +
		                                          (eventfd ? sizeof(int) : 0)),
		                      .flags = flags,
		                      .index = VFIO_PCI_INTX_IRQ_INDEX,
		                      .count = 1 };
	if (eventfd)
		memcpy(buffer + sizeof(*set), eventfd, sizeof(*eventfd));
	return ioctl(vfio->device, VFIO_DEVICE_SET_IRQS, set) ? -errno : 0;
}

static int vfio_irq_enable(struct card *card, int eventfd)
{
	struct vfio *vfio = card->state;
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = VFIO_PCI_INTX_IRQ_INDEX };

	if (ioctl(vfio->device, VFIO_DEVICE_GET_IRQ_INFO, &info))
		return -errno;
	if (!info.count || !(info.flags & VFIO_IRQ_INFO_EVENTFD))
		return -EOPNOTSUPP;
	return set_irq(card, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, &eventfd);
}

static int vfio_irq_unmask(struct card *card)
{
	return set_irq(card, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, NULL);
}

const struct card_transport card_vfio = {
	.name = "vfio",
	.open = vfio_open,
	.close = vfio_close,
	.read = vfio_read,
	.write = vfio_write,
	.dma_make = vfio_dma_make,
	.dma_drop = vfio_dma_drop,
	.irq_enable = vfio_irq_enable,
	.irq_unmask = vfio_irq_unmask,
};
