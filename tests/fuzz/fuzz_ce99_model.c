/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A driver that does anything to the CE99C003B's registers, with memory that the card shares,
 * has to ask for and is never answered, may only read, or doesn't find. The messages
 * themselves are the business of fuzz_vfio_server. */
#include "tests/models/ce99/card.h"
#include "tests/models/vfio_user/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY = 0x4000, CONFIG = 256, BAR0 = VFIO_PCI_BAR0_REGION_INDEX };

struct input {
	const uint8_t *at;
	size_t left;
};

static const char *const faults[] = {
	"lost-irq=2",  "stalled=1", "stuck=1",   "wrong-length",
	"dma-abort=1", "vanish=3",  "slow=1000", "bad-status=7@1"
};

static uint32_t number(struct input *in, unsigned bytes)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < bytes && in->left; i++, in->left--)
		value = value << 8 | *in->at++;
	return value;
}

static void put(struct card *card, uint64_t offset, uint32_t value)
{
	ce99_vu_card.ops->write(card, BAR0, offset, (const uint8_t *)&value, sizeof(value), 0);
}

static uint32_t get(struct card *card, uint64_t offset)
{
	uint32_t value;

	ce99_vu_card.ops->read(card, BAR0, offset, (uint8_t *)&value, sizeof(value));
	return value;
}

static void map(struct vu_server *server, uint64_t address, uint32_t flags, int fd)
{
	struct vu_dma_map request = { sizeof(request), flags, 0, address, MEMORY };

	if (vu_dma_add(server, &request, fd))
		abort();
}

static void set_up(struct card *card, struct input *in, int fd)
{
	static const uint8_t command = 6;

	map(card->server, 0x10000, VU_MAP_READABLE | VU_MAP_WRITABLE, fd);
	map(card->server, 0x20000, VU_MAP_READABLE | VU_MAP_WRITABLE, -1);
	map(card->server, 0xffffc000, VU_MAP_READABLE, fd);
	ce99_vu_card.ops->write(card, VFIO_PCI_CONFIG_REGION_INDEX, 4, &command, 1, 0);
	put(card, R_CTRL, CTRL_ENABLE);
	put(card, R_INT_ENABLE, INT_DONE | INT_ERROR);
	for (uint32_t slot = 0; slot < 4; slot++) {
		put(card, R_KEY_W0, number(in, 1));
		put(card, R_KEY_CMD, KEY_LOAD | slot);
	}
}

/* An operation that is often right, by the FIFO with some data. */
static void operation(struct card *card, struct input *in)
{
	static const uint32_t places[] = { 0x10000, 0x13ff0, 0x20000, 0xffffc000 };
	uint32_t how = number(in, 4);

	put(card, R_LEN, how & 0x80 ? number(in, 2) : how >> 8 & 0x78);
	put(card, R_DMA_ADDR, places[how & 3] + (how & 4 ? number(in, 1) * 8 : 0));
	put(card, R_OP, OP_START | (how >> 8 & (OP_MODE | OP_DECRYPT | OP_USE_DMA | 0x333)));
	for (uint32_t n = how & 0x78; n; n -= 4)
		put(card, R_DATA, n);
}

static void step(struct card *card, struct input *in)
{
	uint8_t how = (uint8_t)number(in, 1), bytes[16] = { 0 };
	uint32_t offset = number(in, 1) & (how & 0x80 ? 0xff : 0x7c);
	bool config;
	size_t n;

	switch (how & 7) {
	case 0:
	case 1:
		put(card, offset, number(in, 4));
		break;
	case 2:
		get(card, offset);
		break;
	case 3:
		config = how & 8;
		n = 1 + (how >> 3 & 0xf);
		/* The server keeps accesses inside their region. */
		if (config && n > CONFIG - offset)
			n = CONFIG - offset;
		ce99_vu_card.ops->write(card, config ? VFIO_PCI_CONFIG_REGION_INDEX : BAR0,
		                        offset, bytes, n, 0);
		break;
	case 4:
		ce99_vu_card.ops->tick(card, how & 8 ? UINT64_MAX : vu_now());
		break;
	case 5:
		put(card, R_CTRL, how >> 3);
		break;
	default:
		operation(card, in);
		break;
	}
	/* What holds at any time. */
	if (card->operation.busy && card->done_len > card->operation.length)
		abort();
	if (card->n_output > FIFO_SIZE || card->output_read > card->n_output)
		abort();
}

static void start_card(struct card *card, struct input *in)
{
	uint32_t how = number(in, 2);

	memset(&card->faults, 0, sizeof(card->faults));
	card_init(card);
	card->slots = 1 + (how & 0xf);
	card->caps ^= how & 0x10 ? CAPS_FIFO : 0;
	card->report.strict = how & 0x20;
	/* More are not told, which would fill the log. */
	card->report.violations = 1000;
	if (how & 0x40 && faults_add(&card->faults, faults[how >> 8 & 7]))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct card card;
	struct input in = { data, size };
	int fds[2], fd = memfd_create("dma", MFD_CLOEXEC);

	if (!card.server) {
		card.server = vu_server_new(&ce99_vu_card, &card, 0);
		card.report.trace = fopen("/dev/null", "we");
	}
	if (!card.server || fd < 0 || ftruncate(fd, MEMORY) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		abort();
	start_card(&card, &in);
	if (vu_server_attach(card.server, fds[0]))
		abort();
	set_up(&card, &in, fd);
	while (in.left)
		step(&card, &in);
	vu_server_detach(card.server);
	close(fds[1]);
	close(fd);
	return 0;
}
