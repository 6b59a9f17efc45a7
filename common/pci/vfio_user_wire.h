/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages of the vfio-user protocol, as QEMU's docs/interop/vfio-user.rst has them, and
 * sending them. All numbers are in the host's byte order. */
#ifndef VFIO_USER_WIRE_H
#define VFIO_USER_WIRE_H

#include "inner.h"

#include <pthread.h>

enum vfio_user_command {
	VFIO_USER_VERSION = 1,
	VFIO_USER_DMA_MAP = 2,
	VFIO_USER_DMA_UNMAP = 3,
	VFIO_USER_DEVICE_GET_INFO = 4,
	VFIO_USER_DEVICE_GET_REGION_INFO = 5,
	VFIO_USER_DEVICE_GET_IRQ_INFO = 7,
	VFIO_USER_DEVICE_SET_IRQS = 8,
	VFIO_USER_REGION_READ = 9,
	VFIO_USER_REGION_WRITE = 10,
	VFIO_USER_DMA_READ = 11,
	VFIO_USER_DMA_WRITE = 12,
	VFIO_USER_DEVICE_RESET = 13,
};

#define VFIO_USER_REPLY    0x01u
#define VFIO_USER_TYPE     0x0fu
#define VFIO_USER_NO_REPLY 0x10u
#define VFIO_USER_ERROR    0x20u

struct vfio_user_header {
	uint16_t id, command;
	uint32_t size; /* with this header */
	uint32_t flags;
	uint32_t error;
};

struct vfio_user_access { /* REGION_READ, REGION_WRITE; data follows */
	uint64_t offset;
	uint32_t region, count;
};

struct vfio_user_dma { /* DMA_READ, DMA_WRITE; data follows */
	uint64_t address, count;
};

struct vfio_user_map {
	uint32_t argsz, flags; /* 1 readable, 2 writable */
	uint64_t offset, address, size;
};

struct vfio_user_unmap {
	uint32_t argsz, flags;
	uint64_t address, size;
};

#define VFIO_USER_MAX_PAYLOAD 4096 /* of what we send or take in */

/* One connection. */
struct vfio_user {
	int fd;
	struct card *card;       /* whose DMA memory the server may ask for */
	unsigned patience_ms;    /* how long a reply may take */
	pthread_mutex_t request; /* one is answered at a time; held for the whole of it */
	pthread_mutex_t send;    /* leaf; messages are not mixed */
	uint16_t next_id;        /* under request */
};

/* Connect to a socket. Returns 0 or a negative errno. */
int vfio_user_connect(struct vfio_user *user, const char *path);
void vfio_user_disconnect(struct vfio_user *user);

/* Send a command and wait for its answer.
 * out, size   payload, borrowed
 * fd          goes with it, -1: none; stays the caller's
 * in, room    where the reply's payload goes
 * got         its bytes, at most room
 * Returns 0; the server's own error; -EPROTO: it doesn't keep to the protocol; -ETIMEDOUT;
 * -EPIPE, -ECONNRESET: it is gone. Any thread. */
int vfio_user_request(struct vfio_user *user, enum vfio_user_command command, const void *out,
                      size_t size, int fd, void *in, size_t room, size_t *got);

/* Send a command that is not answered. Any thread; doesn't wait for answers to others. */
int vfio_user_post(struct vfio_user *user, enum vfio_user_command command, const void *out,
                   size_t size);

#endif
