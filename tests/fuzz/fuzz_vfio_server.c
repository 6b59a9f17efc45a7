/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer: a lying vfio-user client at the HIFN model. The input is a program for the client:
 * messages of any content, register writes, descriptors and commands of any content in memory
 * that the card shares, is asked for by messages, or isn't there; and rounds of the server. */
#include "tests/models/hifn795x/card.h"
#include "tests/models/vfio_user/protocol.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY = 0x10000, SHARED_AT = 0x100000, ASKED_AT = 0x200000, ROUNDS = 3 };

struct input {
	const uint8_t *at;
	size_t left;
};

struct client {
	struct vu_server *server;
	int fd, memory_fd, event_fd;
	uint8_t *memory;
	bool alive;
};

static uint32_t number(struct input *in, unsigned bytes)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < bytes && in->left; i++, in->left--)
		value = value << 8 | *in->at++;
	return value;
}

/* Up to `most` bytes of the input. */
static size_t bytes(struct input *in, uint8_t *to, size_t most)
{
	size_t n = in->left < most ? in->left : most;

	memcpy(to, in->at, n);
	in->at += n;
	in->left -= n;
	return n;
}

static void send_message(struct client *client, struct vu_header header, const void *payload,
                         size_t n, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec pieces[] = { { &header, sizeof(header) },
		                  { (void *)(uintptr_t)payload, n } };
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		CMSG_FIRSTHDR(&message)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&message)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&message)->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof(fd));
	}
	/* A full socket is the client's own fault. */
	if (sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

static void rounds(struct client *client, unsigned n)
{
	uint8_t replies[4096];

	while (client->alive && n--)
		client->alive = vu_server_step(client->server, 0);
	while (recv(client->fd, replies, sizeof(replies), MSG_DONTWAIT) > 0)
		continue;
}

static void command(struct client *client, uint16_t name, const void *payload, size_t n, int fd)
{
	struct vu_header header = { .id = 1, .command = name, .size = (uint32_t)(16 + n) };

	send_message(client, header, payload, n, fd);
}

static void write_register(struct client *client, uint32_t region, uint64_t offset,
                           uint32_t value)
{
	struct {
		struct vu_region_access access;
		uint32_t value;
	} request = { { offset, region, 4 }, value };

	command(client, VU_REGION_WRITE, &request, sizeof(request.access) + 4, -1);
}

static void map(struct client *client, uint64_t address, int fd)
{
	struct vu_dma_map request = { sizeof(request), 3, 0, address, MEMORY };

	command(client, VU_DMA_MAP, &request, sizeof(request), fd);
}

/* A client that has said who it is, with memory, and a card that's ready to run. */
static void bring_up(struct client *client)
{
	static const uint32_t writes[][3] = {
		{ 7, 4, 6 },
		{ 0, R_PUCTRL, 2 },
		{ 0, R_PUIER, PU_EVENTS },
		{ 1, R_CRAR, SHARED_AT },
		{ 1, R_SRAR, SHARED_AT + 0x400 },
		{ 1, R_DRAR, SHARED_AT + 0x800 },
		{ 1, R_RRAR, SHARED_AT + 0xc00 },
		{ 1, R_IER, 0x3e3e3c3f },
		{ 1, R_CNFG, 0x10017 },
		{ 1, R_CSR, 0x80808080 },
	};
	static const char version[] =
	        "\0\0\0\0{\"capabilities\":{\"max_data_xfer_size\":4096}}";
	struct vu_irq_set irq = { 20, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		                  0, 0, 1 };

	command(client, VU_VERSION, version, sizeof(version), -1);
	map(client, SHARED_AT, client->memory_fd);
	map(client, ASKED_AT, -1);
	command(client, VU_SET_IRQS, &irq, sizeof(irq), client->event_fd);
	for (unsigned i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		write_register(client, writes[i][0], writes[i][1], writes[i][2]);
	rounds(client, 1);
}

/* A header that may agree with the payload, and a payload of the input. */
static void any_message(struct client *client, struct input *in)
{
	uint8_t payload[256];
	uint8_t how = (uint8_t)number(in, 1);
	struct vu_header header = { .id = (uint16_t)number(in, 1) };
	size_t n = number(in, 1);
	int fds[] = { -1, -1, client->memory_fd, client->event_fd };

	header.command = (uint16_t)(how & 0x80 ? number(in, 2) : number(in, 1) % VU_COMMANDS);
	header.flags = how & 0x40 ? number(in, 4) : 0;
	n = bytes(in, payload, n);
	header.size = how & 0x20 ? number(in, 4) : (uint32_t)(sizeof(header) + n);
	send_message(client, header, payload, n, fds[how & 3]);
	rounds(client, 1);
}

static void any_register(struct client *client, struct input *in)
{
	uint8_t region = (uint8_t)number(in, 1);
	uint32_t offset = number(in, 2) & (region & 0x80 ? 0xffff : 0x3fc);

	if (region & 0x40) {
		struct vu_region_access access = { offset, region & 7, number(in, 1) };

		command(client, VU_REGION_READ, &access, sizeof(access), -1);
	} else {
		write_register(client, region & 7, offset, number(in, 4));
	}
	rounds(client, 1);
}

/* A descriptor in one of the rings, with a length and a place that are often sensible. */
static void any_descriptor(struct client *client, struct input *in)
{
	uint8_t how = (uint8_t)number(in, 1);
	uint32_t at = (how & 3) * 0x400 + (uint32_t)(how >> 2 & 0xf) * 8;
	uint32_t l = number(in, 1) << 24 | number(in, 2);
	uint32_t p = how & 0x40
	                     ? number(in, 4)
	                     : (how & 0x80 ? ASKED_AT : SHARED_AT) + (number(in, 2) & 0xffff);

	memcpy(client->memory + at, &l, 4);
	memcpy(client->memory + at + 4, &p, 4);
}

static void any_memory(struct client *client, struct input *in)
{
	uint32_t at = number(in, 2) % (MEMORY - 256);

	bytes(in, client->memory + at, number(in, 1));
}

/* A whole operation with a command of the input. */
static void operation(struct client *client, struct input *in)
{
	uint32_t n = number(in, 1) * 4 + 4;
	const uint32_t descriptors[] = {
		0xa2000000u | 96, SHARED_AT + 0x1000, 0xa2000000u | n,  SHARED_AT + 0x2000,
		0xa2000000u | n,  SHARED_AT + 0x3000, 0xa0000000u | 36, SHARED_AT + 0x4000,
	};
	const uint16_t counts[] = { (uint16_t)n, (uint16_t)n };

	for (unsigned i = 0; i < 4; i++)
		memcpy(client->memory + i * 0x400, descriptors + 2 * i, 8);
	bytes(in, client->memory + 0x1000, 32);
	memcpy(client->memory + 0x1004, counts, sizeof(counts));
	for (unsigned i = 0; i < 4; i++)
		write_register(client, 1, (uint64_t[]){ R_CRAR, R_SRAR, R_DRAR, R_RRAR }[i],
		               SHARED_AT + i * 0x400);
	write_register(client, 1, R_CSR, 0x80808080);
	rounds(client, ROUNDS);
}

/* The memory's file gets shorter behind the card's back, or whole again. */
static void resize(struct client *client, struct input *in)
{
	if (ftruncate(client->memory_fd, number(in, 1) & 1 ? 0 : MEMORY))
		return;
	rounds(client, 1);
	/* For our own mapping of it. */
	if (ftruncate(client->memory_fd, MEMORY))
		abort();
}

static void step(struct client *client, struct input *in)
{
	switch (number(in, 1) % 8) {
	case 0:
	case 1:
		any_message(client, in);
		break;
	case 2:
		any_register(client, in);
		break;
	case 3:
		any_descriptor(client, in);
		break;
	case 4:
		any_memory(client, in);
		break;
	case 5:
		resize(client, in);
		break;
	case 6:
		rounds(client, ROUNDS);
		break;
	default:
		operation(client, in);
		break;
	}
}

static bool connect_client(struct client *client)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return false;
	client->fd = fds[0];
	client->memory_fd = memfd_create("dma", MFD_CLOEXEC);
	client->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (client->memory_fd < 0 || client->event_fd < 0 ||
	    ftruncate(client->memory_fd, MEMORY))
		return false;
	client->memory =
	        mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, client->memory_fd, 0);
	client->alive = !vu_server_attach(client->server, fds[1]);
	return client->memory != MAP_FAILED && client->alive;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct card card;
	struct input in = { data, size };
	struct client client = { .fd = -1 };
	uint8_t how = (uint8_t)number(&in, 1);

	if (!card.server) {
		if (card_init(&card, 0x1d))
			abort();
		card.server = vu_server_new(&hifn_vu_card, &card, 0);
		card.report.trace = fopen("/dev/null", "we");
	}
	card.report.strict = how & 2;
	card.report.violations = 1000; /* more are not told, which would fill the log */
	client.server = card.server;
	if (!card.server || !connect_client(&client))
		abort();
	if (how & 1)
		bring_up(&client);
	while (in.left && client.alive)
		step(&client, &in);
	vu_server_detach(card.server);
	munmap(client.memory, MEMORY);
	close(client.fd);
	close(client.memory_fd);
	close(client.event_fd);
	return 0;
}
