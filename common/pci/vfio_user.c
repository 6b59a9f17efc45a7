/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A card that another process emulates. The server gets our DMA memory as a memory file. */
#include "vfio_user_wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio.h>

/* What we propose. The server may agree to less; of its wishes none matter to us, who have one
 * small message under way at a time. */
#define CAPABILITIES                                                                           \
	"{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":2048,"                    \
	"\"max_dma_maps\":16,\"pgsizes\":4096}}"

struct version {
	uint16_t major, minor;
	char data[512]; /* a server must not answer with more than it was sent, but many do */
};

static int negotiate(struct card *card, struct vfio_user *user)
{
	struct version version = { .major = 0, .minor = 0 };
	const size_t fixed = offsetof(struct version, data);
	size_t got;
	int error;

	strcpy(version.data, CAPABILITIES);
	error = vfio_user_request(user, VFIO_USER_VERSION, &version,
	                          fixed + sizeof(CAPABILITIES), -1, &version, sizeof(version),
	                          &got);
	if (error)
		return card_explain(card, error, "%s: no agreement on a version: %s",
		                    card->name, strerror(-error));
	if (got < fixed || version.major != 0)
		return card_explain(card, -EPROTO, "%s speaks another version of vfio-user",
		                    card->name);
	return 0;
}

/* A request that is answered with the same structure. */
static int ask(struct vfio_user *user, enum vfio_user_command command, void *data, size_t size)
{
	uint8_t reply[256]; /* capabilities may follow the structure */
	size_t got = 0;
	int error =
	        vfio_user_request(user, command, data, size, -1, reply, sizeof(reply), &got);

	if (error)
		return error;
	if (got < size)
		return -EPROTO;
	memcpy(data, reply, size);
	return 0;
}

static int look_at(struct card *card, struct vfio_user *user)
{
	struct vfio_device_info info = { .argsz = 16 };
	int error = ask(user, VFIO_USER_DEVICE_GET_INFO, &info, 16);

	if (!error &&
	    (!(info.flags & VFIO_DEVICE_FLAGS_PCI) || info.num_regions <= CARD_REGION_CONFIG))
		return card_explain(card, -EPROTO, "%s is no PCI card", card->name);
	for (uint32_t i = 0; !error && i <= CARD_REGION_CONFIG; i++) {
		struct vfio_region_info region = { .argsz = 256, .index = i };

		error = ask(user, VFIO_USER_DEVICE_GET_REGION_INFO, &region, sizeof(region));
		if (!error && region.index == i && region.flags & VFIO_REGION_INFO_FLAG_READ)
			card->region_size[i] = region.size;
	}
	if (error)
		return card_explain(card, error, "%s doesn't tell what it is: %s", card->name,
		                    strerror(-error));
	if (card->region_size[CARD_REGION_CONFIG] < 64)
		return card_explain(card, -EPROTO, "%s has no configuration space", card->name);
	return 0;
}

static int user_open(struct card *card, const struct card_where *where)
{
	struct vfio_user *user = calloc(1, sizeof(*user));
	int error;

	if (!user)
		return -ENOMEM;
	snprintf(card->name, sizeof(card->name), "vfio-user:%.*s", CARD_PATH, where->vfio_user);
	user->card = card;
	error = vfio_user_connect(user, where->vfio_user);
	if (error) {
		free(user);
		return card_explain(card, error, "nobody serves a card at %.*s: %s", CARD_PATH,
		                    where->vfio_user, strerror(-error));
	}
	error = negotiate(card, user);
	if (!error)
		error = look_at(card, user);
	if (error) {
		vfio_user_disconnect(user);
		free(user);
		return error;
	}
	card->state = user;
	card->hangup = user->fd;
	return 0;
}

static void user_close(struct card *card)
{
	vfio_user_disconnect(card->state);
	free(card->state);
}

static int user_read(struct card *card, unsigned region, uint64_t offset, void *value,
                     size_t size)
{
	struct vfio_user_access access = { offset, region, (uint32_t)size };
	uint8_t reply[sizeof(access) + 8];
	size_t got = 0;
	int error = vfio_user_request(card->state, VFIO_USER_REGION_READ, &access,
	                              sizeof(access), -1, reply, sizeof(reply), &got);

	if (error)
		return error;
	if (got != sizeof(access) + size || memcmp(reply, &access, sizeof(access)))
		return -EPROTO;
	memcpy(value, reply + sizeof(access), size);
	return 0;
}

/* Registers are written without an answer, as on a bus; configuration space with one. */
static int user_write(struct card *card, unsigned region, uint64_t offset, const void *value,
                      size_t size)
{
	struct {
		struct vfio_user_access access;
		uint8_t data[8];
	} out = { .access = { offset, region, (uint32_t)size } };
	struct vfio_user_access reply;
	size_t got;
	int error;

	memcpy(out.data, value, size);
	if (region != CARD_REGION_CONFIG)
		error = vfio_user_post(card->state, VFIO_USER_REGION_WRITE, &out,
		                       sizeof(out.access) + size);
	else
		error = vfio_user_request(card->state, VFIO_USER_REGION_WRITE, &out,
		                          sizeof(out.access) + size, -1, &reply, sizeof(reply),
		                          &got);
	explicit_bzero(out.data, sizeof(out.data)); /* a register may take a part of a key */
	return error;
}

static int user_dma_make(struct card *card, struct card_dma *dma)
{
	struct vfio_user_map map = {
		.argsz = sizeof(map), .flags = 3, .address = dma->bus, .size = dma->size
	};
	uint8_t nothing[sizeof(map)];
	size_t got;
	int error = card_memory_make(card, dma, true, false);

	if (error)
		return error;
	error = vfio_user_request(card->state, VFIO_USER_DMA_MAP, &map, sizeof(map), dma->fd,
	                          nothing, sizeof(nothing), &got);
	if (!error)
		return 0;
	card_memory_drop(dma);
	return card_explain(card, error, "%s doesn't take our memory: %s", card->name,
	                    strerror(-error));
}

static void user_dma_drop(struct card *card, struct card_dma *dma)
{
	struct vfio_user_unmap unmap = { .argsz = sizeof(unmap),
		                         .address = dma->bus,
		                         .size = dma->size };
	uint8_t reply[sizeof(unmap)];
	size_t got;

	if (!card_gone(card))
		vfio_user_request(card->state, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap), -1,
		                  reply, sizeof(reply), &got);
	card_memory_drop(dma);
}

static int set_irq(struct card *card, uint32_t flags, int fd)
{
	struct vfio_irq_set set = { .argsz = sizeof(set),
		                    .flags = flags,
		                    .index = VFIO_PCI_INTX_IRQ_INDEX,
		                    .count = 1 };
	uint8_t nothing[sizeof(set)];
	size_t got;

	return vfio_user_request(card->state, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), fd,
	                         nothing, sizeof(nothing), &got);
}

static int user_irq_enable(struct card *card, int eventfd)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = VFIO_PCI_INTX_IRQ_INDEX };
	int error = ask(card->state, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info));

	if (error)
		return error;
	if (!info.count || !(info.flags & VFIO_IRQ_INFO_EVENTFD))
		return -EOPNOTSUPP;
	return set_irq(card, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, eventfd);
}

static int user_irq_unmask(struct card *card)
{
	return set_irq(card, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, -1);
}

const struct card_transport card_vfio_user = {
	.name = "vfio-user",
	.open = user_open,
	.close = user_close,
	.read = user_read,
	.write = user_write,
	.dma_make = user_dma_make,
	.dma_drop = user_dma_drop,
	.irq_enable = user_irq_enable,
	.irq_unmask = user_irq_unmask,
};
