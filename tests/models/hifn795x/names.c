/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of registers and bits, and which of them a driver may touch. */
#include "card.h"

#include <string.h>

static const struct register_name bar0[] = {
	{ R_PUDATA, "PUDATA", ACCESS_RW, 0xffffffff },
	{ R_PUCTRL, "PUCTRL", ACCESS_RW, PUCTRL_BITS },
	{ R_PUISR, "PUISR", ACCESS_RW, PU_EVENTS },
	{ R_PUCNFG, "PUCNFG", ACCESS_RW, 0xfbf6 },
	{ R_PUIER, "PUIER", ACCESS_RW, PU_EVENTS },
	{ R_PUSTAT, "PUSTAT", ACCESS_R, 0 },
	{ R_FIFOSTAT, "FIFOSTAT", ACCESS_R, 0 },
	{ R_FIFOCNFG, "FIFOCNFG", ACCESS_RW, FIFOCNFG_VALUE },
	{ R_PUCTRL2, "PUCTRL2", ACCESS_RW, PUCTRL_BITS },
	{ 0, NULL, 0, 0 },
};

static const struct register_name bar1[] = {
	{ R_CRAR, "CRAR", ACCESS_RW, ~7u },
	{ R_SRAR, "SRAR", ACCESS_RW, ~7u },
	{ R_RRAR, "RRAR", ACCESS_RW, ~7u },
	{ R_DRAR, "DRAR", ACCESS_RW, ~7u },
	{ R_CSR, "CSR", ACCESS_RW, 0xfefefcff },
	{ R_IER, "IER", ACCESS_RW, 0x3e3e3c3f },
	{ R_CNFG, "CNFG", ACCESS_RW, 0x10ff0f17 },
	{ R_PLL, "PLL", ACCESS_RW, 0x13c1b },
	{ R_CNFG2, "CNFG2", ACCESS_RW, 0xfffff },
	{ R_REVID, "REVID", ACCESS_R, 0 },
	{ R_SECRET1, "UNLOCK_SECRET1", ACCESS_R, 0 },
	{ R_SECRET2, "UNLOCK_SECRET2", ACCESS_W, 0xffffffff },
	{ R_PUB_RESET, "PUB_RESET", ACCESS_RW, 1 },
	{ R_PUB_BASE, "PUB_BASE", ACCESS_RW, 0x3fff },
	{ R_PUB_OPLEN, "PUB_OPLEN", ACCESS_RW, 0x3fffff },
	{ R_PUB_OP, "PUB_OP", ACCESS_RW, 0x3fffff },
	/* It's written back as read, with DONE: all that can be read can be written. */
	{ R_PUB_STATUS, "PUB_STATUS", ACCESS_RW, 0xf0f070f },
	{ R_PUB_IEN, "PUB_IEN", ACCESS_RW, 1 },
	{ R_RNG_CONFIG, "RNG_CONFIG", ACCESS_RW, 1 },
	{ R_RNG_DATA, "RNG_DATA", ACCESS_R, 0 },
	{ R_PUB_MODE, "PUB_MODE", ACCESS_RW, 3 },
	{ R_FIFO_OPLEN, "PUB_FIFO_OPLEN", ACCESS_W, 0xff0fffff },
	{ R_FIFO_OP, "PUB_FIFO_OP", ACCESS_W, 0xf3f3f3f },
	{ 0, NULL, 0, 0 },
};

static const struct register_name pub_memory = { R_PUB_MEM, "PUB_MEM", ACCESS_RW, 0xffffffff };

const struct register_name *register_find(unsigned bar, uint32_t offset)
{
	if (bar > 1)
		return NULL;
	if (bar == 1 && offset >= R_PUB_MEM && offset < R_PUB_MEM + PUB_MEM_SIZE)
		return &pub_memory;
	for (const struct register_name *r = bar ? bar1 : bar0; r->name; r++) {
		if (r->offset == offset)
			return r;
	}
	return NULL;
}

struct bit_name {
	unsigned bar, offset;
	uint32_t bit;
	const char *name;
};

static const struct bit_name bits[] = {
	{ 0, R_PUCTRL, 0x10, "CLRSRCFIFO" },
	{ 0, R_PUCTRL, 0x08, "STOP" },
	{ 0, R_PUCTRL, 0x04, "LOCKRAM" },
	{ 0, R_PUCTRL, PUCTRL_DMAENA, "DMAENA" },
	{ 0, R_PUCTRL, PUCTRL_RESET, "RESET" },
	{ 0, R_PUISR, PU_CMDINVAL, "CMDINVAL" },
	{ 0, R_PUISR, PU_DATAERR, "DATAERR" },
	{ 0, R_PUISR, 0x2000, "SRCFIFO" },
	{ 0, R_PUISR, 0x1000, "DSTFIFO" },
	{ 0, R_PUISR, PU_DSTOVER, "DSTOVER" },
	{ 0, R_PUCNFG, 0x10000, "bit16" },
	{ 0, R_PUCNFG, PUCNFG_BIGENDIAN, "BIGENDIAN" },
	{ 0, R_PUCNFG, 0x200, "TCALLPHASES" },
	{ 0, R_PUCNFG, 0x100, "TCDRVTOTEM" },
	{ 0, R_PUCNFG, 0x40, "BUS32" },
	{ 0, R_PUCNFG, PUCNFG_CHIPID, "CHIPID" },
	{ 0, R_PUCNFG, 0x10, "DRAM" },
	{ 0, R_PUCNFG, PUCNFG_COMPSING, "COMPSING" },
	{ 0, R_PUCNFG, 2, "ENCCNFG" },
	{ 1, R_CNFG, CNFG_BIGENDIAN, "BIGENDIAN" },
	{ 1, R_CNFG, CNFG_POLLFREQ, "polling" },
	{ 1, R_CNFG, CNFG_UNLOCK, "UNLOCK" },
	{ 1, R_CNFG, CNFG_LAST, "LAST" },
	{ 1, R_CNFG, CNFG_MODE, "MODE" },
	{ 1, R_CNFG, CNFG_DMA_RUNS, "DMA out of reset" },
	{ 1, R_CNFG, CNFG_CHIP_RUNS, "chip out of reset" },
	{ 1, R_PLL, PLL_EXTERNAL, "external reference" },
	{ 1, R_PLL, PLL_BYPASS, "bypass" },
	{ 1, R_PLL, 0x08, "PK clock from PLL" },
	{ 1, R_PLL, 0x10, "PE clock from PLL" },
	{ 1, R_PLL, PLL_MBSET, "MBSET" },
	{ 1, R_PLL, PLL_CURRENT, "high current" },
	{ 1, R_PUB_STATUS, PUB_DONE, "DONE" },
	{ 1, R_PUB_STATUS, PUB_CARRY, "CARRY" },
	{ 1, R_PUB_STATUS, PUB_EMPTY, "FIFO empty" },
	{ 1, R_RNG_CONFIG, 1, "enable" },
	{ 1, R_PUB_MODE, PUB_ENHANCED, "enhanced" },
};

static const struct {
	uint32_t bit;
	const char *name;
} ring_bits[] = {
	{ CSR_OVER, "OVER" },     { CSR_WAIT, "WAIT" },   { CSR_LAST, "LAST" },
	{ CSR_DONE, "DONE" },     { CSR_ABORT, "ABORT" }, { CSR_DISABLE, "disable" },
	{ CSR_ENABLE, "enable" },
};

static void append(char *buffer, size_t size, const char *first, const char *second)
{
	size_t used = strlen(buffer);

	snprintf(buffer + used, size - used, "%s%s%s", used ? ", " : "", first, second);
}

/* CSR and IER, ring by ring. */
static void csr_words(uint32_t value, char *buffer, size_t size)
{
	static const char *const prefixes[RINGS] = { "C_", "S_", "R_", "D_" };

	for (unsigned ring = 0; ring < RINGS; ring++) {
		for (unsigned i = 0; i < sizeof(ring_bits) / sizeof(ring_bits[0]); i++) {
			/* The two lowest bits of these bytes belong to no ring, or to nobody. */
			if (ring < RING_RESULT && ring_bits[i].bit == CSR_OVER)
				continue;
			if (value >> RING_SHIFT(ring) & ring_bits[i].bit)
				append(buffer, size, prefixes[ring], ring_bits[i].name);
		}
	}
	if (value & CSR_PUBDONE)
		append(buffer, size, "PUBDONE", "");
	if (value & CSR_ENGINE)
		append(buffer, size, "ENGINE", "");
}

const char *register_words(unsigned bar, uint32_t offset, uint32_t value, char *buffer,
                           size_t size)
{
	buffer[0] = 0;
	if (bar == 1 && (offset == R_CSR || offset == R_IER)) {
		csr_words(value, buffer, size);
		return buffer;
	}
	if (bar == 0 && offset == R_PUCTRL2)
		offset = R_PUCTRL;
	if (bar == 0 && offset == R_PUIER)
		offset = R_PUISR;
	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		if (bits[i].bar == bar && bits[i].offset == offset && value & bits[i].bit)
			append(buffer, size, bits[i].name, "");
	}
	return buffer;
}
