/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Client memory that isn't shared: read and written by asking the client. */
#include "internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* Messages are carried out until the reply is here: the client may wait for an answer to one
 * before it looks at ours. */
static void await_reply(struct vu_server *server)
{
	uint64_t end = vu_now() + server->timeout_ms * 1000000ull;

	while (!server->pending.done && !server->gone) {
		uint64_t now = vu_now();

		if (vu_drain(server))
			continue;
		if (server->gone || now >= end)
			break;
		vu_wait(server, POLLIN, end - now);
	}
}

/* One request that fits the client's limit. */
static int ask(struct vu_server *server, uint64_t address, uint8_t *bytes, size_t n, bool write)
{
	struct vu_pending *pending = &server->pending;
	struct vu_dma_access request = { .address = address, .count = n };
	struct vu_header header = {
		.id = server->next_id++,
		.command = write ? VU_DMA_WRITE : VU_DMA_READ,
		.flags = VU_TYPE_COMMAND,
	};

	*pending = (struct vu_pending){
		.waiting = true,
		.id = header.id,
		.command = header.command,
		.address = address,
		.data = write ? NULL : bytes,
		.n = n,
	};
	if (!vu_send(server, &header, &request, sizeof(request), bytes, write ? n : 0))
		await_reply(server);
	pending->waiting = false;
	pending->data = NULL;
	if (server->gone)
		return -ENOTCONN;
	return pending->done ? pending->result : -EFAULT;
}

int vu_remote_access(struct vu_server *server, uint64_t address, void *bytes, size_t n,
                     bool write)
{
	uint8_t *at = bytes;

	while (n) {
		size_t piece = n < server->client_max_data ? n : server->client_max_data;
		int error = ask(server, address, at, piece, write);

		if (error)
			return error;
		address += piece;
		at += piece;
		n -= piece;
	}
	return 0;
}

/* The reply's length has to agree with itself and with what was asked for. */
static int check_reply(const struct vu_pending *pending, const struct vu_message *in)
{
	size_t n = in->header.size - sizeof(in->header);
	struct vu_dma_access reply = { 0 };

	if (in->header.flags & VU_ERROR)
		return -EFAULT;
	/* A write's count has 4 bytes in the specification's table and 8 in QEMU. */
	if (n < (pending->data ? sizeof(reply) : 12))
		return -EFAULT;
	memcpy(&reply, in->payload, n < sizeof(reply) ? n : sizeof(reply));
	if (reply.address != pending->address || reply.count != pending->n)
		return -EFAULT;
	return pending->data && n - sizeof(reply) != pending->n ? -EFAULT : 0;
}

/* A reply in server->in. One that nobody waits for (any more) is dropped. */
void vu_remote_reply(struct vu_server *server)
{
	struct vu_pending *pending = &server->pending;
	const struct vu_message *in = &server->in;

	if (!pending->waiting || pending->done || in->header.id != pending->id ||
	    in->header.command != pending->command)
		return;
	pending->done = true;
	pending->result = check_reply(pending, in);
	if (!pending->result && pending->data)
		memcpy(pending->data, in->payload + sizeof(struct vu_dma_access), pending->n);
}
