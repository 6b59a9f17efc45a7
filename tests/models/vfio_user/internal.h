/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the server's files share. */
#ifndef VFIO_USER_INTERNAL_H
#define VFIO_USER_INTERNAL_H

#include "protocol.h"
#include "server.h"

#include <signal.h>

/* A message on its way in. */
struct vu_message {
	struct vu_header header;
	uint8_t *payload; /* VU_MAX_PAYLOAD bytes */
	size_t have;      /* bytes of header and payload that have come */
	int fds[VU_MAX_FDS];
	unsigned n_fds; /* those still here are closed when the message is done */
};

/* Client memory. */
struct vu_mapping {
	uint64_t address;
	uint64_t size;
	uint32_t flags;                /* VU_MAP_* */
	uint8_t *memory;               /* NULL: reached by messages */
	volatile sig_atomic_t damaged; /* the file behind it was cut */
};

struct vu_dma {
	struct vu_mapping *maps; /* by address */
	size_t n, room;
};

/* The interrupt pin, as the client sees it. */
struct vu_pin {
	int event; /* -1: none */
	bool up, masked;
};

/* The one DMA_READ or DMA_WRITE that waits for its reply. */
struct vu_pending {
	bool waiting, done;
	uint16_t id, command;
	uint64_t address;
	uint8_t *data; /* of a read */
	size_t n;
	int result;
};

struct vu_server {
	const struct vu_card *card;
	void *context;
	int conn;    /* -1: no client */
	int stop_fd; /* -1: none */
	unsigned timeout_ms;
	bool negotiated, gone;
	bool left; /* the last client: it closed its end */
	size_t client_max_data;
	uint16_t next_id;
	struct vu_message in;
	struct vu_dma dma;
	struct vu_pin pin;
	struct vu_pending pending;
	uint8_t *out; /* VU_MAX_PAYLOAD bytes: the reply that is being made */
};

/* wire.c */

/* Take in what the socket has: 1 for a whole message in server->in, 0 when there is no more
 * at present, a negative errno when the connection is at its end. */
int vu_receive(struct vu_server *server);
/* Close the descriptors that came with the message and expect the next one. */
void vu_message_done(struct vu_message *message);
/* Send header and up to two pieces of payload; marks the connection as gone on failure. */
int vu_send(struct vu_server *server, struct vu_header *header, const void *first,
            size_t n_first, const void *second, size_t n_second);
/* Wait for events (poll's) on the connection: true when they are there, false after the
 * timeout or when the process is to stop. */
bool vu_wait(struct vu_server *server, short events, uint64_t wait_ns);

/* messages.c */

/* Carry out the message in server->in and answer it. */
void vu_handle(struct vu_server *server);

/* version.c: answer n bytes of a VERSION; 0 or a negative errno. */
int vu_negotiate(struct vu_server *server, struct vu_message *in, size_t n, size_t *n_answer);

/* dma.c: return 0 or a negative errno for the client. */
int vu_dma_add(struct vu_server *server, const struct vu_dma_map *request, int fd);
int vu_dma_remove(struct vu_server *server, const struct vu_dma_unmap *request);
void vu_dma_clear(struct vu_server *server);
/* The mapping that holds an address, or NULL. */
struct vu_mapping *vu_dma_find(struct vu_dma *dma, uint64_t address);
/* From now on a mapping whose file was cut reads as zeros instead of ending the process. */
void vu_dma_guard(struct vu_server *server);

/* dma_messages.c */
int vu_remote_access(struct vu_server *server, uint64_t address, void *bytes, size_t n,
                     bool write);
void vu_remote_reply(struct vu_server *server);

/* irq.c */
int vu_irq_set(struct vu_server *server, const struct vu_irq_set *request, const uint8_t *data,
               size_t n_data);
void vu_irq_clear(struct vu_server *server);

#endif
