/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A vfio-user server for one emulated PCI card and one client at a time.
 *
 * Everything runs in the caller's one thread. The client is not trusted: whatever it sends,
 * it gets an error, loses its connection or sees its own memory damaged, and nothing else.
 *
 * A card answers register accesses in read() and write(), which must not do DMA; its engines
 * run in tick(), where they may. A DMA access may carry out messages of the client while it
 * waits (memory that wasn't shared is reached by messages), so registers can have changed
 * and the card can have been reset when it returns. */
#ifndef VFIO_USER_SERVER_H
#define VFIO_USER_SERVER_H

#include <linux/vfio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vu_server;

/* What a card does. `card` is the pointer given to vu_server_new(). */
struct vu_card_ops {
	/* A client has come: the card has just been powered on. */
	void (*connected)(void *card);
	/* It has gone; its memory and interrupts are out of reach already. */
	void (*disconnected)(void *card);
	/* The reset line of the slot. PCI configuration survives, as over VFIO. */
	void (*reset)(void *card);
	/* Read or write n bytes, 1 or more, inside a region's size. posted: the client does
	 * not wait for the end. Returns 0 or a negative errno for the client. */
	int (*read)(void *card, unsigned region, uint64_t offset, uint8_t *bytes, size_t n);
	int (*write)(void *card, unsigned region, uint64_t offset, const uint8_t *bytes,
	             size_t n, bool posted);
	/* Let the engines work; called after every batch of messages and when the time comes
	 * that it returned. now: CLOCK_MONOTONIC, ns. Returns when to call again, or
	 * UINT64_MAX: not before the next message. */
	uint64_t (*tick)(void *card, uint64_t now);
	/* The client has taken memory away. NULL: nothing to say. */
	void (*unmapped)(void *card, uint64_t address, uint64_t size);
};

/* Regions and their sizes in bytes; 0: there is none. All can be read and written, none
 * mapped. Every card has one INTx interrupt and no message-signalled ones. */
struct vu_card {
	const struct vu_card_ops *ops;
	uint64_t region_size[VFIO_PCI_NUM_REGIONS];
};

/* card       keeps; what it says must stay constant
 * context    keeps; passed to each callback
 * timeout_ms how long a client may leave an answer or a reply of ours untouched
 * Returns owned; NULL when memory is short. */
struct vu_server *vu_server_new(const struct vu_card *card, void *context, unsigned timeout_ms);
void vu_server_free(struct vu_server *server);

/* Listen at a path, readable for its owner only; a socket that nobody listens at is
 * replaced. Returns the descriptor or a negative errno, -EADDRINUSE when somebody does. */
int vu_listen(const char *path);

/* Serve one client after the other until stop_fd is readable.
 * Returns 0, or a negative errno when no client can be accepted any more. */
int vu_server_run(struct vu_server *server, int listen_fd, int stop_fd);

/* The same by hand: a connected client (takes fd), one round of messages and a tick, the end.
 * vu_server_step() waits for the client no longer than wait_ns and returns false when it has
 * gone or has to go, or when the process is to stop. */
int vu_server_attach(struct vu_server *server, int fd);
bool vu_server_step(struct vu_server *server, uint64_t wait_ns);
void vu_server_detach(struct vu_server *server);

/* In disconnected(): the client closed its end, rather than being dropped by a server that
 * is to stop. */
bool vu_client_left(const struct vu_server *server);

/* CLOCK_MONOTONIC in ns. */
uint64_t vu_now(void);

/* ---- from tick() only ---- */

/* Carry out what the client has sent already: register writes that came before a descriptor
 * was seen in shared memory may still wait in the socket. Returns how many messages. */
unsigned vu_drain(struct vu_server *server);

/* Copy between the card and the client's memory at a bus address; any n, any alignment.
 * Returns 0; -EFAULT: not mapped, not for this direction, or no proper answer came;
 * -ENOTCONN: the client has gone. Part of a failed access may have happened. */
int vu_dma_read(struct vu_server *server, uint64_t address, void *bytes, size_t n);
int vu_dma_write(struct vu_server *server, uint64_t address, const void *bytes, size_t n);

/* The same for one 32-bit word in one access: a load before which nothing later is read, a
 * store after everything earlier. Little-endian in memory. */
int vu_dma_load32(struct vu_server *server, uint64_t address, uint32_t *value);
int vu_dma_store32(struct vu_server *server, uint64_t address, uint32_t value);

/* ---- from anywhere ---- */

/* The level of the interrupt pin. While it's up and not masked, the client's event is
 * signalled once and the interrupt masked, until the client unmasks it. */
void vu_intx(struct vu_server *server, bool up);

#endif
