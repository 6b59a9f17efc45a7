/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration space of an ordinary PCI card: header type 0, memory BARs of 32 bits. */
#ifndef VFIO_USER_PCI_CONFIG_H
#define VFIO_USER_PCI_CONFIG_H

#include "report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VU_PCI_CONFIG_SIZE = 256, VU_PCI_BARS = 6 };

struct vu_pci_identity {
	uint16_t vendor, device, sub_vendor, sub_device;
	uint8_t revision;
	uint32_t class_code;            /* 24 bits */
	uint32_t bar_size[VU_PCI_BARS]; /* powers of two; 0: no such BAR */
	uint8_t scratch_at, scratch_n;  /* bytes of the card's own that can be written */
};

struct vu_pci_config {
	uint8_t bytes[VU_PCI_CONFIG_SIZE];
	uint8_t writable[VU_PCI_CONFIG_SIZE]; /* a mask of bits for each byte */
	uint8_t clears[VU_PCI_CONFIG_SIZE];   /* bits that a written 1 clears */
	uint8_t scratch_at, scratch_n;
};

void vu_pci_init(struct vu_pci_config *config, const struct vu_pci_identity *identity);
/* What a reset of the slot loses though software puts the header back. */
void vu_pci_reset(struct vu_pci_config *config);
/* A read or a write, told in the trace: write_from or read_to is NULL. The range lies inside the
 * space. */
void vu_pci_access(struct vu_pci_config *config, struct vu_report *report, uint64_t offset,
                   uint8_t *read_to, const uint8_t *write_from, size_t n);

/* Bits of the command register. */
bool vu_pci_memory(const struct vu_pci_config *config);
bool vu_pci_master(const struct vu_pci_config *config);
bool vu_pci_intx_off(const struct vu_pci_config *config);
/* Bits of the status register: the pin, and a transfer of ours that nobody answered. */
void vu_pci_set_interrupt(struct vu_pci_config *config, bool up);
void vu_pci_set_master_abort(struct vu_pci_config *config);

#endif
