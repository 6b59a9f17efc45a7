/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages of the vfio-user protocol, after QEMU's text of it. All fields are in the
 * byte order of the host. Flags of regions and interrupts are those of <linux/vfio.h>. */
#ifndef VFIO_USER_PROTOCOL_H
#define VFIO_USER_PROTOCOL_H

#include <stdint.h>

enum vu_command {
	VU_VERSION = 1,
	VU_DMA_MAP = 2,
	VU_DMA_UNMAP = 3,
	VU_GET_INFO = 4,
	VU_GET_REGION_INFO = 5,
	VU_GET_IRQ_INFO = 7,
	VU_SET_IRQS = 8,
	VU_REGION_READ = 9,
	VU_REGION_WRITE = 10,
	VU_DMA_READ = 11,  /* server to client */
	VU_DMA_WRITE = 12, /* server to client */
	VU_RESET = 13,
	VU_COMMANDS = 14
};

enum {
	VU_TYPE_MASK = 0xf,
	VU_TYPE_COMMAND = 0,
	VU_TYPE_REPLY = 1,
	VU_NO_REPLY = 1 << 4,
	VU_ERROR = 1 << 5
};

enum {
	VU_MAJOR = 0,
	VU_MINOR = 0,
	VU_MAX_FDS = 8,
	VU_MAX_DATA = 1 << 20, /* also what a peer assumes that isn't told */
	VU_MAX_PAYLOAD = VU_MAX_DATA + 64,
	VU_MAX_MAPS = 65535,
	VU_PAGE = 4096
};

struct vu_header {
	uint16_t id;
	uint16_t command;
	uint32_t size; /* bytes, with this header */
	uint32_t flags;
	uint32_t error; /* a positive errno */
};

struct vu_version {
	uint16_t major;
	uint16_t minor;
	/* JSON, ended by NUL, may follow */
};

struct vu_dma_map {
	uint32_t argsz;
	uint32_t flags;
	uint64_t offset;
	uint64_t address;
	uint64_t size;
};

enum { VU_MAP_READABLE = 1, VU_MAP_WRITABLE = 2 };

struct vu_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t address;
	uint64_t size;
};

struct vu_device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t num_regions;
	uint32_t num_irqs;
};

struct vu_region_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t cap_offset;
	uint64_t size;
	uint64_t offset;
};

struct vu_irq_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
};

struct vu_irq_set {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t start;
	uint32_t count;
	/* one byte for each interrupt may follow */
};

struct vu_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
	/* data may follow */
};

struct vu_dma_access {
	uint64_t address;
	uint64_t count;
	/* data may follow */
};

#endif
