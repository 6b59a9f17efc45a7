/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pci_config.h"

#include <linux/pci_regs.h>
#include <string.h>

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value & 0xffff);
	put16(at + 2, value >> 16);
}

static unsigned get16(const uint8_t *at)
{
	return at[0] | (unsigned)at[1] << 8;
}

void vu_pci_init(struct vu_pci_config *config, const struct vu_pci_identity *identity)
{
	uint8_t *bytes = config->bytes, *writable = config->writable;

	memset(config, 0, sizeof(*config));
	put16(bytes + PCI_VENDOR_ID, identity->vendor);
	put16(bytes + PCI_DEVICE_ID, identity->device);
	put32(bytes + PCI_CLASS_REVISION, identity->class_code << 8 | identity->revision);
	put16(bytes + PCI_SUBSYSTEM_VENDOR_ID, identity->sub_vendor);
	put16(bytes + PCI_SUBSYSTEM_ID, identity->sub_device);
	put16(bytes + PCI_STATUS, PCI_STATUS_66MHZ | PCI_STATUS_DEVSEL_MEDIUM);
	bytes[PCI_INTERRUPT_PIN] = 1;
	put16(writable + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
	                                      PCI_COMMAND_INVALIDATE | PCI_COMMAND_PARITY |
	                                      PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE);
	put16(config->clears + PCI_STATUS,
	      PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | PCI_STATUS_REC_TARGET_ABORT |
	              PCI_STATUS_REC_MASTER_ABORT | PCI_STATUS_SIG_SYSTEM_ERROR |
	              PCI_STATUS_DETECTED_PARITY);
	writable[PCI_CACHE_LINE_SIZE] = writable[PCI_LATENCY_TIMER] = 0xff;
	writable[PCI_INTERRUPT_LINE] = 0xff;
	/* Sizing: the address bits below the size stay 0 whatever is written. */
	for (unsigned i = 0; i < VU_PCI_BARS; i++) {
		if (identity->bar_size[i])
			put32(writable + PCI_BASE_ADDRESS_0 + 4 * i,
			      ~(identity->bar_size[i] - 1));
	}
	memset(writable + identity->scratch_at, 0xff, identity->scratch_n);
	config->scratch_at = identity->scratch_at;
	config->scratch_n = identity->scratch_n;
}

void vu_pci_reset(struct vu_pci_config *config)
{
	memset(config->bytes + config->scratch_at, 0, config->scratch_n);
}

static void write_bytes(struct vu_pci_config *config, uint64_t offset, const uint8_t *bytes,
                        size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t *at = config->bytes + offset + i;
		uint8_t writable = config->writable[offset + i];

		*at = (uint8_t)((*at & ~writable) | (bytes[i] & writable));
		*at &= (uint8_t) ~(bytes[i] & config->clears[offset + i]);
	}
}

void vu_pci_access(struct vu_pci_config *config, struct vu_report *report, uint64_t offset,
                   uint8_t *read_to, const uint8_t *write_from, size_t n)
{
	const uint8_t *bytes = read_to ? read_to : write_from;
	uint32_t value = 0;

	if (read_to)
		memcpy(read_to, config->bytes + offset, n);
	else
		write_bytes(config, offset, write_from, n);
	memcpy(&value, bytes, n < sizeof(value) ? n : sizeof(value));
	vu_trace(report, "%s config 0x%02x, %zu bytes = 0x%x", read_to ? "R" : "W",
	         (unsigned)offset, n, value);
}

static bool command(const struct vu_pci_config *config, unsigned bit)
{
	return get16(config->bytes + PCI_COMMAND) & bit;
}

bool vu_pci_memory(const struct vu_pci_config *config)
{
	return command(config, PCI_COMMAND_MEMORY);
}

bool vu_pci_master(const struct vu_pci_config *config)
{
	return command(config, PCI_COMMAND_MASTER);
}

bool vu_pci_intx_off(const struct vu_pci_config *config)
{
	return command(config, PCI_COMMAND_INTX_DISABLE);
}

static void set_status(struct vu_pci_config *config, unsigned bit, bool on)
{
	unsigned status = get16(config->bytes + PCI_STATUS);

	put16(config->bytes + PCI_STATUS, on ? status | bit : status & ~bit);
}

void vu_pci_set_interrupt(struct vu_pci_config *config, bool up)
{
	set_status(config, PCI_STATUS_INTERRUPT, up);
}

void vu_pci_set_master_abort(struct vu_pci_config *config)
{
	set_status(config, PCI_STATUS_REC_MASTER_ABORT, true);
}
