/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The card on the bus: configuration space, BARs, resets, the interrupt pin. */
#include "card.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { VENDOR_HIFN = 0x13a3 };

/* Network and computing encryption: uncertain point 1 of the reference. */
static const struct vu_pci_identity standard_identity = {
	.vendor = VENDOR_HIFN,
	.sub_vendor = VENDOR_HIFN,
	.revision = 1,
	.class_code = 0x100000,
	.bar_size = { BAR0_SIZE, BAR1_SIZE, BAR2_SIZE },
	.scratch_at = 0x40,
	.scratch_n = 4,
};

void card_set_device(struct card *card, uint16_t device)
{
	card->identity.device = card->identity.sub_device = device;
}

int card_init(struct card *card, uint16_t device)
{
	card->identity = standard_identity;
	card_set_device(card, device);
	card->contexts = calloc(CONTEXTS, sizeof(*card->contexts));
	/* A MAC may be appended, and the last word filled up. */
	card->source = malloc(MAX_OPERATION + 64);
	card->output = malloc(MAX_OPERATION + 64);
	if (card->contexts && card->source && card->output)
		return 0;
	card_free(card);
	return -ENOMEM;
}

void card_free(struct card *card)
{
	free(card->contexts);
	free(card->source);
	free(card->output);
	card->contexts = NULL;
	card->source = card->output = NULL;
}

void card_update_pin(struct card *card)
{
	bool status = (card->csr & card->ier & CSR_STATUSES) != 0;
	bool up = status && !vu_pci_intx_off(&card->config) && !card->faults.vanished;

	vu_pci_set_interrupt(&card->config, status);
	if (up == card->pin)
		return;
	card->pin = up;
	if (up && fault_loses_irq(&card->faults))
		trace(card, "interrupt: lost (fault)");
	else
		vu_intx(card->server, up);
}

void card_pu_event(struct card *card, uint32_t events)
{
	card->puisr |= events;
	if (card->puisr & card->puier)
		card->csr |= CSR_ENGINE;
	card_update_pin(card);
}

/* The rings forget everything, and an operation under way comes to nothing. */
void card_reset_dma(struct card *card)
{
	memset(card->rings, 0, sizeof(card->rings));
	card->csr = 0;
	card->half_since = 0;
	card->faults.due = card->faults.done = 0;
	card->setup_told = false;
	card->epoch++;
	card_update_pin(card);
}

/* What the keys are is kept, as in a memory without a reset, but no longer to be used. */
static void invalidate_contexts(struct card *card)
{
	for (unsigned i = 0; i < card->contexts_used; i++) {
		struct context *context = &card->contexts[i];

		context->has_key = context->has_mac_key = context->has_iv = false;
	}
}

/* All but the unlock level, and what the RNG and PK units were set to. */
void card_reset_chip(struct card *card)
{
	card->puctrl = card->puisr = card->pucnfg = card->puier = card->fifocnfg = 0;
	card->ier = card->cnfg2 = 0;
	card->pll = PLL_RESET_VALUE;
	time_forget(card, TIME_BYPASS);
	time_forget(card, TIME_PLL);
	invalidate_contexts(card);
	card_reset_dma(card);
}

static void power_on(struct card *card)
{
	memset(card->contexts, 0, card->contexts_used * sizeof(*card->contexts));
	card->contexts_used = 0;
	memset(card->ram, 0, sizeof(card->ram));
	card->cnfg = CNFG_RUN;
	card->pu_busy = 0;
	memset(card->times, 0, sizeof(card->times));
	unlock_power_on(card);
	pk_reset(card);
	memset(card->pk.memory, 0, sizeof(card->pk.memory));
	card->pk.ien = card->pk.mode = 0;
	card_reset_chip(card);
}

static void hifn_connected(void *context)
{
	struct card *card = context;

	trace(card, "power on, a client has come");
	vu_pci_init(&card->config, &card->identity);
	card->pin = false;
	power_on(card);
}

static void tell_keys_left(struct card *card)
{
	for (unsigned i = 0; i < card->contexts_used; i++) {
		if (card->contexts[i].keys_inside)
			trace(card, "  context %u still holds a key", i);
	}
}

static void hifn_disconnected(void *context)
{
	struct card *card = context;

	trace(card, "power off, the client has gone");
	tell_keys_left(card);
	power_on(card);
}

static void hifn_reset(void *context)
{
	struct card *card = context;

	trace(card, "reset of the slot");
	tell_keys_left(card);
	vu_pci_reset(&card->config);
	power_on(card);
}

static void config_access(struct card *card, uint64_t offset, uint8_t *read_to,
                          const uint8_t *write_from, size_t n)
{
	vu_pci_access(&card->config, &card->report, offset, read_to, write_from, n);
	card_update_pin(card);
	if (write_from)
		card->kicked = true;
}

/* Whether a register may be touched at all; tells if not. */
static bool access_is_proper(struct card *card, unsigned bar, uint64_t offset, size_t n,
                             uint8_t how)
{
	const struct register_name *r = register_find(bar, (uint32_t)offset & ~3u);

	if (!vu_pci_memory(&card->config)) {
		violation(card,
		          "BAR%u is accessed while Memory Space is off in the command "
		          "register",
		          bar);
		return false;
	}
	if (n != 4 || offset % 4)
		violation(card,
		          "an access of %zu bytes at BAR%u 0x%x: only aligned words are "
		          "allowed",
		          n, bar, (unsigned)offset);
	if (!r)
		violation(card,
		          "BAR%u 0x%x is no register that the reference lets drivers touch",
		          bar, (unsigned)offset);
	else if (!(r->access & how))
		violation(card, "%s is %s, but can't be", r->name,
		          how == ACCESS_R ? "read" : "written");
	return true;
}

static const char *name_of(unsigned bar, uint32_t offset, char *buffer, size_t size)
{
	const struct register_name *r = register_find(bar, offset);

	if (!r)
		snprintf(buffer, size, "BAR%u 0x%x", bar, offset);
	else if (r->offset != offset)
		snprintf(buffer, size, "%s+0x%x", r->name, offset - r->offset);
	else
		snprintf(buffer, size, "%s", r->name);
	return buffer;
}

static void trace_register(struct card *card, char how, unsigned bar, uint32_t offset,
                           uint32_t value)
{
	char name[32], words[300];

	if (!card->report.trace)
		return;
	register_words(bar, offset, value, words, sizeof(words));
	trace(card, "%c %s = 0x%08x%s%s%s", how, name_of(bar, offset, name, sizeof(name)),
	      value, *words ? " (" : "", words, *words ? ")" : "");
}

static uint32_t register_read(struct card *card, unsigned bar, uint32_t offset)
{
	uint32_t value = bar == 0   ? bar0_read(card, offset)
	                 : bar == 1 ? bar1_read(card, offset)
	                            : 0;

	trace_register(card, 'R', bar, offset, value);
	return value;
}

/* Rules that hold for writes to whatever register. Returns whether it has an effect. */
static bool write_is_proper(struct card *card, unsigned bar, uint32_t offset, uint32_t value)
{
	const struct register_name *r = register_find(bar, offset);
	bool control = (bar == 0 && (offset == R_PUCTRL || offset == R_PUCTRL2)) ||
	               (bar == 1 && (offset == R_CNFG || offset == R_CNFG2));
	char name[32];

	if (r && r->access & ACCESS_W && value & ~r->bits)
		violation(card, "undefined bits 0x%x are set in %s", value & ~r->bits, r->name);
	if (card->faults.due && bar == 0 &&
	    (offset == R_PUCTRL || offset == R_PUCTRL2 || offset == R_PUCNFG ||
	     offset == R_FIFOCNFG))
		violation(card, "%s is written while an operation is under way", r->name);
	if (control)
		return true;
	name_of(bar, offset, name, sizeof(name));
	if (!(card->cnfg & CNFG_CHIP_RUNS)) {
		violation(card, "%s is written while the chip is held in reset", name);
		return false;
	}
	if (card->pu_busy) {
		violation(card, "%s is written before PUCTRL was polled until RESET read 0",
		          name);
		card->pu_busy = 0; /* told once */
	}
	return true;
}

static void register_write(struct card *card, unsigned bar, uint32_t offset, uint32_t value,
                           bool posted)
{
	trace_register(card, 'W', bar, offset, value);
	if (!write_is_proper(card, bar, offset, value))
		return;
	if (bar == 0)
		bar0_write(card, offset, value);
	else if (bar == 1)
		bar1_write(card, offset, value, posted);
}

static int read_region(struct card *card, unsigned region, uint64_t offset, uint8_t *bytes,
                       size_t n)
{
	memset(bytes, 0xff, n);
	if (card->faults.vanished) {
		trace(card, "R region %u 0x%x: ones, the card has vanished", region,
		      (unsigned)offset);
		return 0;
	}
	if (region == VFIO_PCI_CONFIG_REGION_INDEX) {
		config_access(card, offset, bytes, NULL, n);
		return 0;
	}
	if (!access_is_proper(card, region, offset, n, ACCESS_R))
		return 0;
	for (size_t i = 0; i < n;) {
		uint32_t at = (uint32_t)(offset + i),
		         value = register_read(card, region, at & ~3u);

		do
			bytes[i++] = (uint8_t)(value >> (8 * (at++ % 4)));
		while (i < n && at % 4);
	}
	return 0;
}

/* A write of less than a word writes zeros to the rest (no driver does it). */
static int write_region(struct card *card, unsigned region, uint64_t offset,
                        const uint8_t *bytes, size_t n, bool posted)
{
	if (card->faults.vanished) {
		trace(card, "W region %u 0x%x: nothing, the card has vanished", region,
		      (unsigned)offset);
		return 0;
	}
	if (region == VFIO_PCI_CONFIG_REGION_INDEX) {
		config_access(card, offset, NULL, bytes, n);
		return 0;
	}
	if (!access_is_proper(card, region, offset, n, ACCESS_W))
		return 0;
	for (size_t i = 0; i < n;) {
		uint32_t at = (uint32_t)(offset + i), start = at & ~3u, value = 0;

		do
			value |= (uint32_t)bytes[i++] << (8 * (at++ % 4));
		while (i < n && at % 4);
		register_write(card, region, start, value, posted);
	}
	return 0;
}

static int hifn_read(void *context, unsigned region, uint64_t offset, uint8_t *bytes, size_t n)
{
	int error = read_region(context, region, offset, bytes, n);

	times_settle(context);
	return error;
}

static int hifn_write(void *context, unsigned region, uint64_t offset, const uint8_t *bytes,
                      size_t n, bool posted)
{
	int error = write_region(context, region, offset, bytes, n, posted);

	if (!posted)
		times_settle(context);
	return error;
}

static uint64_t hifn_tick(void *context, uint64_t now)
{
	struct card *card = context;
	uint64_t next, pk;

	if (card->faults.vanished)
		return UINT64_MAX;
	pk = pk_tick(card, now);
	next = engine_tick(card, now);
	return pk < next ? pk : next;
}

/* Rings first, then their memory: an entry that is fetched in between is anybody's. */
static void hifn_unmapped(void *context, uint64_t address, uint64_t size)
{
	struct card *card = context;

	for (unsigned i = 0; i < RINGS; i++) {
		const struct ring *ring = &card->rings[i];

		if (!card->faults.vanished && ring->enabled && ring->position >= address &&
		    ring->position - address < size)
			violation(
			        card,
			        "the memory of the %s ring is taken away while the ring is enabled",
			        ring_names[i]);
	}
}

static const struct vu_card_ops ops = {
	.connected = hifn_connected,
	.disconnected = hifn_disconnected,
	.reset = hifn_reset,
	.read = hifn_read,
	.write = hifn_write,
	.tick = hifn_tick,
	.unmapped = hifn_unmapped,
};

const struct vu_card hifn_vu_card = {
	.ops = &ops,
	.region_size = {
		[VFIO_PCI_BAR0_REGION_INDEX] = BAR0_SIZE,
		[VFIO_PCI_BAR1_REGION_INDEX] = BAR1_SIZE,
		[VFIO_PCI_BAR2_REGION_INDEX] = BAR2_SIZE,
		[VFIO_PCI_CONFIG_REGION_INDEX] = VU_PCI_CONFIG_SIZE,
	},
};
