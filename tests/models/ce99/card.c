/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The card on the bus: configuration space, BAR0, resets, the interrupt pin. */
#include "card.h"

#include <string.h>

/* Section 4.3 of the reference. */
static const struct vu_pci_identity identity = {
	.vendor = 0x1624,
	.device = 0xc03b,
	.sub_vendor = 0x1624,
	.sub_device = 0x0001,
	.revision = 1,
	.class_code = 0x100000,
	.bar_size = { BAR0_SIZE },
};

void card_init(struct card *card)
{
	card->slots = SLOTS;
	card->caps = CAPS_FIFO | CAPS_DMA | CAPS_INTERRUPT | CAPS_MODES;
}

void card_update_pin(struct card *card)
{
	bool wanted = card->int_status & card->int_enable && card->caps & CAPS_INTERRUPT;
	bool up = wanted && !vu_pci_intx_off(&card->config) && !card->faults.vanished;

	vu_pci_set_interrupt(&card->config, wanted);
	if (up == card->pin)
		return;
	card->pin = up;
	if (up && fault_loses_irq(&card->faults))
		vu_trace(&card->report, "interrupt: lost (fault)");
	else
		vu_intx(card->server, up);
}

static void ce99_connected(void *context)
{
	struct card *card = context;

	vu_trace(&card->report, "power on, a client has come");
	vu_pci_init(&card->config, &identity);
	card->pin = card->sig_read = card->caps_read = card->probe_told = false;
	bar0_reset(card);
}

static void tell_keys_left(struct card *card)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		if (card->loaded >> i & 1)
			vu_trace(&card->report, "  slot %u still holds a key", i);
	}
}

static void ce99_disconnected(void *context)
{
	struct card *card = context;

	vu_trace(&card->report, "power off, the client has gone");
	tell_keys_left(card);
	if (vu_client_left(card->server) && !card->faults.vanished)
		check_left(card);
	bar0_reset(card);
}

static void ce99_reset(void *context)
{
	struct card *card = context;

	vu_trace(&card->report, "reset of the slot");
	tell_keys_left(card);
	vu_pci_reset(&card->config);
	bar0_reset(card);
}

static void config_access(struct card *card, uint64_t offset, uint8_t *read_to,
                          const uint8_t *write_from, size_t n)
{
	bool was_master = vu_pci_master(&card->config);

	vu_pci_access(&card->config, &card->report, offset, read_to, write_from, n);
	if (!was_master && vu_pci_master(&card->config))
		check_known(card, "bus mastering is switched on");
	card_update_pin(card);
}

/* Whether an access reaches a register; tells if not. */
static bool access_is_proper(struct card *card, uint64_t offset, size_t n)
{
	if (n == 4 && offset % 4 == 0)
		return true;
	vu_violation(&card->report,
	             "an access of %zu bytes at BAR0 0x%x: only aligned words are allowed", n,
	             (unsigned)offset);
	return false;
}

static bool memory_is_on(struct card *card)
{
	if (vu_pci_memory(&card->config))
		return true;
	vu_violation(&card->report,
	             "BAR0 is accessed while Memory Space is off in the command register");
	return false;
}

static void trace_register(struct card *card, char how, uint32_t offset, uint32_t value)
{
	const struct register_name *r = register_find(offset);
	char name[16], words[200];

	if (!card->report.trace)
		return;
	if (!r)
		snprintf(name, sizeof(name), "0x%x", offset);
	register_words(offset, value, words, sizeof(words));
	vu_trace(&card->report, "%c %s = 0x%08x%s%s%s", how, r ? r->name : name, value,
	         *words ? " (" : "", words, *words ? ")" : "");
}

static void register_read(struct card *card, uint32_t offset, uint8_t *bytes)
{
	uint32_t value = bar0_read(card, offset);

	trace_register(card, 'R', offset, value);
	for (unsigned i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
}

static void register_write(struct card *card, uint32_t offset, const uint8_t *bytes)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < 4; i++)
		value |= (uint32_t)bytes[i] << (8 * i);
	trace_register(card, 'W', offset, value);
	check_write(card, offset, value);
	bar0_write(card, offset, value);
}

static int ce99_read(void *context, unsigned region, uint64_t offset, uint8_t *bytes, size_t n)
{
	struct card *card = context;

	memset(bytes, 0xff, n);
	if (card->faults.vanished) {
		vu_trace(&card->report, "R region %u 0x%x: ones, the card has vanished", region,
		         (unsigned)offset);
	} else if (region == VFIO_PCI_CONFIG_REGION_INDEX) {
		config_access(card, offset, bytes, NULL, n);
	} else if (memory_is_on(card)) {
		memset(bytes, 0, n);
		if (access_is_proper(card, offset, n))
			register_read(card, (uint32_t)offset, bytes);
	}
	return 0;
}

static int ce99_write(void *context, unsigned region, uint64_t offset, const uint8_t *bytes,
                      size_t n, bool posted)
{
	struct card *card = context;

	(void)posted;
	if (card->faults.vanished)
		vu_trace(&card->report, "W region %u 0x%x: nothing, the card has vanished",
		         region, (unsigned)offset);
	else if (region == VFIO_PCI_CONFIG_REGION_INDEX)
		config_access(card, offset, NULL, bytes, n);
	else if (memory_is_on(card) && access_is_proper(card, offset, n))
		register_write(card, (uint32_t)offset, bytes);
	return 0;
}

static uint64_t ce99_tick(void *context, uint64_t now)
{
	struct card *card = context;

	return card->faults.vanished ? UINT64_MAX : operation_tick(card, now);
}

static void ce99_unmapped(void *context, uint64_t address, uint64_t size)
{
	struct card *card = context;
	const struct operation *operation = &card->operation;

	if (!card->faults.vanished && operation->busy && operation->dma &&
	    operation->address < address + size &&
	    address < operation->address + operation->length)
		vu_violation(&card->report, "the memory of a DMA is taken away while BUSY");
}

static const struct vu_card_ops ops = {
	.connected = ce99_connected,
	.disconnected = ce99_disconnected,
	.reset = ce99_reset,
	.read = ce99_read,
	.write = ce99_write,
	.tick = ce99_tick,
	.unmapped = ce99_unmapped,
};

const struct vu_card ce99_vu_card = {
	.ops = &ops,
	.region_size = {
		[VFIO_PCI_BAR0_REGION_INDEX] = BAR0_SIZE,
		[VFIO_PCI_CONFIG_REGION_INDEX] = VU_PCI_CONFIG_SIZE,
	},
};
