/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A vfio-user server for one client, in a thread of the test: registers are memory, and any
 * reply can be spoilt on its way out. Written without common/pci/vfio_user_wire.h, so that a
 * mistake there isn't made here too. */
#ifndef VFIO_USER_SERVER_H
#define VFIO_USER_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SERVER_BYTES 8192

enum spoil {
	SPOIL_NOTHING,
	SPOIL_ID,      /* of another request */
	SPOIL_COMMAND, /* another command */
	SPOIL_TYPE,    /* neither command nor reply */
	SPOIL_TINY,    /* a size below the header's */
	SPOIL_HUGE,    /* a size above all measure */
	SPOIL_SHORT,   /* half the payload */
	SPOIL_LONG,    /* more payload than there is room for */
	SPOIL_ERROR,   /* the error flag, with a wild number */
	SPOIL_CLOSE,   /* the end in the middle of the header */
	SPOIL_CUT,     /* the end after the header */
	SPOIL_FDS,     /* file descriptors that nobody asked for */
	SPOIL_GARBAGE, /* random bytes all over the message */
	SPOIL_SILENCE, /* no answer */
	SPOIL_ASK,     /* first a request of the server's own, as many as it likes */
	SPOILS
};

struct server {
	char path[64];
	int listener, fd;
	pthread_t thread;
	atomic_uint spoil_at; /* number of the reply to spoil, 1 and up; 0: none */
	atomic_uint spoil;
	atomic_uint replies, posted, resets, unmasks;
	uint64_t seed;
	uint8_t bars[2][SERVER_BYTES], config[256];
	uint8_t *memory; /* the client's */
	uint64_t memory_bus, memory_size;
	atomic_int irq;
	uint32_t asked_error; /* of the last request of our own */
};

struct server_header {
	uint16_t id, command;
	uint32_t size, flags, error;
};

static void server_put(uint8_t *at, uint64_t value, unsigned size)
{
	memcpy(at, &value, size);
}

static uint64_t server_get(const uint8_t *at, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, at, size);
	return value;
}

static uint8_t server_chance(struct server *server)
{
	server->seed ^= server->seed << 13;
	server->seed ^= server->seed >> 7;
	server->seed ^= server->seed << 17;
	return (uint8_t)(server->seed >> 32);
}

/* All of n bytes, and the last file descriptor that came. */
static int server_receive(int fd, void *data, size_t n, int *got_fd)
{
	while (n) {
		_Alignas(struct cmsghdr) char control[256];
		struct iovec part = { data, n };
		struct msghdr message = { .msg_iov = &part,
			                  .msg_iovlen = 1,
			                  .msg_control = control,
			                  .msg_controllen = sizeof(control) };
		ssize_t got = recvmsg(fd, &message, 0);
		struct cmsghdr *head;

		if (got <= 0)
			return -1;
		head = CMSG_FIRSTHDR(&message);
		if (head && head->cmsg_type == SCM_RIGHTS)
			memcpy(got_fd, CMSG_DATA(head), sizeof(*got_fd));
		data = (char *)data + got;
		n -= (size_t)got;
	}
	return 0;
}

static void server_send_fds(int fd, const void *data, size_t n)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = { 0 };
	struct iovec part = { (void *)data, n };
	struct msghdr message = { .msg_iov = &part,
		                  .msg_iovlen = 1,
		                  .msg_control = control,
		                  .msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	int fds[2] = { 0, 1 };

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(head), fds, sizeof(fds));
	sendmsg(fd, &message, MSG_NOSIGNAL);
}

static void server_map(struct server *server, const uint8_t *in, int fd)
{
	void *map;

	server->memory_bus = server_get(in + 16, 8);
	server->memory_size = server_get(in + 24, 8);
	map = mmap(NULL, server->memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	server->memory = map == MAP_FAILED ? NULL : map;
	close(fd);
}

static void server_region_info(uint8_t *out, uint32_t index)
{
	uint64_t size = index < 2 ? SERVER_BYTES : index == 7 ? 256 : 0;

	memset(out, 0, 32);
	server_put(out, 32, 4);
	server_put(out + 4, size ? 3 : 0, 4);
	server_put(out + 8, index, 4);
	server_put(out + 16, size, 8);
}

static uint8_t *server_region(struct server *server, const uint8_t *in)
{
	uint64_t offset = server_get(in, 8), region = server_get(in + 8, 4);

	if (region < 2 && offset < SERVER_BYTES - 8)
		return server->bars[region] + offset;
	return server->config + offset % 200;
}

static void server_set_irqs(struct server *server, const uint8_t *in, int fd)
{
	uint32_t flags = (uint32_t)server_get(in + 4, 4);

	if (flags == 0x24) /* eventfd, trigger */
		atomic_store(&server->irq, fd);
	if (flags == 0x11) /* none, unmask */
		atomic_fetch_add(&server->unmasks, 1);
}

/* Payload of the reply, in out. */
static uint32_t server_answer(struct server *server, uint16_t command, const uint8_t *in,
                              int fd, uint8_t *out)
{
	uint32_t count = (uint32_t)server_get(in + 12, 4);

	switch (command) {
	case 1: /* version */
		memcpy(out, "\0\0\0\0{}", 7);
		return 7;
	case 2:
		server_map(server, in, fd);
		return 0;
	case 3:
		munmap(server->memory, server->memory_size);
		server->memory = NULL;
		memcpy(out, in, 24);
		return 24;
	case 4: /* device: resets, PCI */
		server_put(out, 16, 4);
		server_put(out + 4, 3, 4);
		server_put(out + 8, 9, 4);
		server_put(out + 12, 5, 4);
		return 16;
	case 5:
		server_region_info(out, (uint32_t)server_get(in + 8, 4));
		return 32;
	case 7: /* INTx: eventfd, maskable, masks itself */
		server_put(out, 16, 4);
		server_put(out + 4, 7, 4);
		server_put(out + 8, server_get(in + 8, 4), 4);
		server_put(out + 12, 1, 4);
		return 16;
	case 8:
		server_set_irqs(server, in, fd);
		return 0;
	case 9:
		memcpy(out, in, 16);
		memcpy(out + 16, server_region(server, in), count <= 8 ? count : 0);
		return 16 + count;
	case 10:
		memcpy(server_region(server, in), in + 16, count <= 8 ? count : 0);
		memcpy(out, in, 16);
		return 16;
	case 13:
		atomic_fetch_add(&server->resets, 1);
		return 0;
	}
	return 0;
}

/* A DMA read, a DMA write and one outside of all memory, each with its answer awaited. */
static void server_ask(struct server *server)
{
	for (unsigned i = 0; i < 3; i++) {
		uint8_t message[64] = { 0 };
		struct server_header header = { .id = (uint16_t)(100 + i),
			                        .command = i == 1 ? 12 : 11,
			                        .size = i == 1 ? 36 : 32 };
		int none = -1;

		memcpy(message, &header, sizeof(header));
		server_put(message + 16,
		           server->memory_bus + (i == 2 ? server->memory_size - 2 : 64), 8);
		server_put(message + 24, 4, 8);
		server_put(message + 32, 0x04030201, 4);
		if (send(server->fd, message, header.size, MSG_NOSIGNAL) < 0 ||
		    server_receive(server->fd, &header, sizeof(header), &none) ||
		    header.size < sizeof(header) || header.size > sizeof(message))
			return;
		server_receive(server->fd, message, header.size - sizeof(header), &none);
		server->asked_error = header.flags & 0x20 ? header.error : 0;
	}
}

/* Returns false to hang up. */
static bool server_reply(struct server *server, struct server_header *header, uint8_t *message,
                         uint32_t payload)
{
	unsigned number = atomic_fetch_add(&server->replies, 1) + 1;
	unsigned how = number == atomic_load(&server->spoil_at) ? atomic_load(&server->spoil)
	                                                        : SPOIL_NOTHING;
	uint32_t size = 16 + payload;

	header->flags = 1;
	header->size = size;
	header->error = 0;
	switch (how) {
	case SPOIL_ID:
		header->id++;
		break;
	case SPOIL_COMMAND:
		header->command++;
		break;
	case SPOIL_TYPE:
		header->flags = 7;
		break;
	case SPOIL_TINY:
		header->size = 3;
		break;
	case SPOIL_HUGE:
		header->size = 0xfffffff0u;
		break;
	case SPOIL_SHORT:
		header->size = size = 16 + payload / 2;
		break;
	case SPOIL_LONG:
		header->size = size = 16 + 2000;
		break;
	case SPOIL_ERROR:
		header->flags = 0x21;
		header->error = 0xdeadbeef;
		header->size = size = 16;
		break;
	case SPOIL_CLOSE:
		send(server->fd, header, 7, MSG_NOSIGNAL);
		return false;
	case SPOIL_CUT:
		send(server->fd, header, 16, MSG_NOSIGNAL);
		return false;
	case SPOIL_SILENCE:
		return true;
	case SPOIL_ASK:
		server_ask(server);
		break;
	default:
		break;
	}
	memcpy(message, header, sizeof(*header));
	if (how == SPOIL_GARBAGE)
		for (uint32_t i = 0; i < size; i++)
			if (server_chance(server) < 100)
				message[i] = server_chance(server);
	if (how == SPOIL_FDS)
		server_send_fds(server->fd, message, size);
	else if (send(server->fd, message, size, MSG_NOSIGNAL) < 0)
		return false;
	/* A reader that waits for more than there is gets the end instead. */
	return how == SPOIL_NOTHING || how == SPOIL_FDS || how == SPOIL_ASK ||
	       how == SPOIL_ERROR;
}

static void *server_thread(void *data)
{
	static const uint32_t room = 4096;
	struct server *server = data;
	uint8_t in[4096], message[4096];
	struct server_header header;
	bool open = true;

	server->fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
	while (open) {
		int fd = -1;
		uint32_t payload;

		if (server_receive(server->fd, &header, sizeof(header), &fd) ||
		    header.size < 16 || header.size - 16 > room ||
		    server_receive(server->fd, in, header.size - 16, &fd))
			break;
		memset(message, 0, sizeof(message));
		payload = server_answer(server, header.command, in, fd, message + 16);
		if (header.flags & 0x10)
			atomic_fetch_add(&server->posted, 1);
		else
			open = server_reply(server, &header, message, payload);
	}
	close(server->fd);
	return NULL;
}

static void server_start(struct server *server)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memset(server, 0, sizeof(*server));
	server->irq = -1;
	server->seed = 1;
	snprintf(server->path, sizeof(server->path), "/tmp/acrypto-unit.%d", (int)getpid());
	unlink(server->path);
	memcpy(address.sun_path, server->path, strlen(server->path));
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	server_put(server->config, 0x002013a3, 4);
	if (bind(server->listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(server->listener, 1) ||
	    pthread_create(&server->thread, NULL, server_thread, server))
		abort();
}

/* The client has hung up, or never came. */
static void server_end(struct server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	if (server->memory)
		munmap(server->memory, server->memory_size);
	if (server->irq >= 0)
		close(server->irq);
	unlink(server->path);
}

#endif
