/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each message of the client does. */
#include "internal.h"

#include <errno.h>
#include <string.h>

/* Each handler gets the n bytes of payload in server->in, has at least as many as its row
 * says, leaves its answer in server->out and its length in *n_answer, and returns 0 or a
 * negative errno. */
typedef int handler_fn(struct vu_server *server, const uint8_t *payload, size_t n,
                       size_t *n_answer);

static int on_version(struct vu_server *server, const uint8_t *payload, size_t n,
                      size_t *n_answer)
{
	(void)payload;
	return vu_negotiate(server, &server->in, n, n_answer);
}

static int on_dma_map(struct vu_server *server, const uint8_t *payload, size_t n,
                      size_t *n_answer)
{
	struct vu_dma_map request;

	(void)n;
	(void)n_answer;
	memcpy(&request, payload, sizeof(request));
	if (server->in.n_fds > 1)
		return -EINVAL;
	return vu_dma_add(server, &request, server->in.n_fds ? server->in.fds[0] : -1);
}

static int on_dma_unmap(struct vu_server *server, const uint8_t *payload, size_t n,
                        size_t *n_answer)
{
	const struct vu_card_ops *ops = server->card->ops;
	struct vu_dma_unmap request;
	int error;

	(void)n;
	memcpy(&request, payload, sizeof(request));
	memcpy(server->out, &request, sizeof(request));
	*n_answer = sizeof(request);
	error = vu_dma_remove(server, &request);
	if (!error && ops->unmapped)
		ops->unmapped(server->context, request.address, request.size);
	return error;
}

/* Leave an answer with the size of itself in its first field, unless it's too long for the
 * client, which says so in the first field of its question. */
static int answer(struct vu_server *server, const uint8_t *payload, const void *bytes, size_t n,
                  size_t *n_answer)
{
	uint32_t room;

	memcpy(&room, payload, sizeof(room));
	if (room < n)
		return -EINVAL;
	memcpy(server->out, bytes, n);
	*n_answer = n;
	return 0;
}

static int on_get_info(struct vu_server *server, const uint8_t *payload, size_t n,
                       size_t *n_answer)
{
	struct vu_device_info info = {
		.argsz = sizeof(info),
		.flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI,
		.num_regions = VFIO_PCI_NUM_REGIONS,
		.num_irqs = VFIO_PCI_NUM_IRQS,
	};

	(void)n;
	return answer(server, payload, &info, sizeof(info), n_answer);
}

static int on_get_region_info(struct vu_server *server, const uint8_t *payload, size_t n,
                              size_t *n_answer)
{
	struct vu_region_info info;

	(void)n;
	memcpy(&info, payload, sizeof(info));
	if (info.index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	info = (struct vu_region_info){
		.argsz = sizeof(info),
		.index = info.index,
		.size = server->card->region_size[info.index],
	};
	if (info.size)
		info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	return answer(server, payload, &info, sizeof(info), n_answer);
}

static int on_get_irq_info(struct vu_server *server, const uint8_t *payload, size_t n,
                           size_t *n_answer)
{
	struct vu_irq_info info;

	(void)n;
	memcpy(&info, payload, sizeof(info));
	if (info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info = (struct vu_irq_info){ .argsz = sizeof(info), .index = info.index };
	if (info.index == VFIO_PCI_INTX_IRQ_INDEX) {
		info.count = 1;
		info.flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
		             VFIO_IRQ_INFO_AUTOMASKED;
	}
	return answer(server, payload, &info, sizeof(info), n_answer);
}

static int on_set_irqs(struct vu_server *server, const uint8_t *payload, size_t n,
                       size_t *n_answer)
{
	struct vu_irq_set request;

	(void)n_answer;
	memcpy(&request, payload, sizeof(request));
	return vu_irq_set(server, &request, payload + sizeof(request), n - sizeof(request));
}

/* A region access has to lie inside the region. */
static int check_access(const struct vu_server *server, const struct vu_region_access *access)
{
	uint64_t size;

	if (access->region >= VFIO_PCI_NUM_REGIONS || !access->count ||
	    access->count > VU_MAX_DATA)
		return -EINVAL;
	size = server->card->region_size[access->region];
	return access->offset >= size || access->count > size - access->offset ? -EINVAL : 0;
}

static int on_region_read(struct vu_server *server, const uint8_t *payload, size_t n,
                          size_t *n_answer)
{
	struct vu_region_access access;
	int error;

	(void)n;
	memcpy(&access, payload, sizeof(access));
	error = check_access(server, &access);
	if (error)
		return error;
	memcpy(server->out, &access, sizeof(access));
	*n_answer = sizeof(access) + access.count;
	return server->card->ops->read(server->context, access.region, access.offset,
	                               server->out + sizeof(access), access.count);
}

static int on_region_write(struct vu_server *server, const uint8_t *payload, size_t n,
                           size_t *n_answer)
{
	struct vu_region_access access;
	int error;

	memcpy(&access, payload, sizeof(access));
	error = check_access(server, &access);
	if (error)
		return error;
	if (n - sizeof(access) != access.count)
		return -EINVAL;
	memcpy(server->out, &access, sizeof(access));
	*n_answer = sizeof(access);
	return server->card->ops->write(server->context, access.region, access.offset,
	                                payload + sizeof(access), access.count,
	                                server->in.header.flags & VU_NO_REPLY);
}

static int on_reset(struct vu_server *server, const uint8_t *payload, size_t n,
                    size_t *n_answer)
{
	(void)payload;
	(void)n;
	(void)n_answer;
	server->card->ops->reset(server->context);
	return 0;
}

static const struct {
	handler_fn *handle;
	size_t least; /* bytes of payload */
} handlers[VU_COMMANDS] = {
	[VU_VERSION] = { on_version, sizeof(struct vu_version) },
	[VU_DMA_MAP] = { on_dma_map, sizeof(struct vu_dma_map) },
	[VU_DMA_UNMAP] = { on_dma_unmap, sizeof(struct vu_dma_unmap) },
	[VU_GET_INFO] = { on_get_info, sizeof(struct vu_device_info) },
	[VU_GET_REGION_INFO] = { on_get_region_info, sizeof(struct vu_region_info) },
	[VU_GET_IRQ_INFO] = { on_get_irq_info, sizeof(struct vu_irq_info) },
	[VU_SET_IRQS] = { on_set_irqs, sizeof(struct vu_irq_set) },
	[VU_REGION_READ] = { on_region_read, sizeof(struct vu_region_access) },
	[VU_REGION_WRITE] = { on_region_write, sizeof(struct vu_region_access) },
	[VU_RESET] = { on_reset, 0 },
};

static int carry_out(struct vu_server *server, size_t *n_answer)
{
	const struct vu_message *in = &server->in;
	size_t n = in->header.size - sizeof(in->header);
	unsigned command = in->header.command;

	if (command >= VU_COMMANDS || !handlers[command].handle)
		return -ENOSYS;
	if (n < handlers[command].least || (!server->negotiated && command != VU_VERSION))
		return -EINVAL;
	return handlers[command].handle(server, in->payload, n, n_answer);
}

void vu_handle(struct vu_server *server)
{
	struct vu_header reply = server->in.header;
	size_t n_answer = 0;
	int error;

	if ((reply.flags & VU_TYPE_MASK) == VU_TYPE_REPLY) {
		vu_remote_reply(server);
		return;
	}
	error = carry_out(server, &n_answer);
	if (reply.flags & VU_NO_REPLY)
		return;
	reply.flags = VU_TYPE_REPLY | (error ? VU_ERROR : 0);
	reply.error = (uint32_t)-error;
	vu_send(server, &reply, server->out, error ? 0 : n_answer, NULL, 0);
}
