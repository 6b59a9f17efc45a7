/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Registers and formats of the HIFN 7955/7956, after the reference's sections 4, 5 and 10 to
 * 12, which the comments name. */
#ifndef HIFN_MODEL_REGISTERS_H
#define HIFN_MODEL_REGISTERS_H

#include <stdint.h>

enum { BAR0_SIZE = 0x1000, BAR1_SIZE = 0x2000, BAR2_SIZE = 0x8000 };

/* BAR0: the processing unit (4) */
enum {
	R_PUDATA = 0x00,
	R_PUCTRL = 0x04,
	R_PUISR = 0x08,
	R_PUCNFG = 0x0c,
	R_PUIER = 0x10,
	R_PUSTAT = 0x14,
	R_FIFOSTAT = 0x18,
	R_FIFOCNFG = 0x1c,
	R_PUCTRL2 = 0x28
};

/* BAR1: DMA, clock, unlock, random numbers, public key (5) */
enum {
	R_CRAR = 0x0c,
	R_SRAR = 0x1c,
	R_RRAR = 0x2c,
	R_DRAR = 0x3c,
	R_CSR = 0x40,
	R_IER = 0x44,
	R_CNFG = 0x48,
	R_PLL = 0x4c,
	R_CNFG2 = 0x6c,
	R_REVID = 0x98,
	R_SECRET1 = 0xf4,
	R_SECRET2 = 0xfc,
	R_PUB_RESET = 0x204,
	R_PUB_BASE = 0x300,
	R_PUB_OPLEN = 0x304,
	R_PUB_OP = 0x308,
	R_PUB_STATUS = 0x30c,
	R_PUB_IEN = 0x310,
	R_RNG_CONFIG = 0x314,
	R_RNG_DATA = 0x318,
	R_PUB_MODE = 0x320,
	R_FIFO_OPLEN = 0x380,
	R_FIFO_OP = 0x384,
	R_PUB_MEM = 0x400,
	PUB_MEM_SIZE = 0x1000
};

enum { PUCTRL_RESET = 1, PUCTRL_DMAENA = 2, PUCTRL_BITS = 0x1f };
enum { PU_CMDINVAL = 0x8000, PU_DATAERR = 0x4000, PU_DSTOVER = 0x200, PU_EVENTS = 0xf2f4 };
enum {
	PUCNFG_FIXED = 0x340,
	PUCNFG_BIGENDIAN = 0x80,
	PUCNFG_CHIPID = 0x20,
	PUCNFG_COMPSING = 4
};
enum { FIFOCNFG_VALUE = 0x400 };

/* CSR and IER, 5.1: each ring has a byte, RING_SHIFT(ring) bits up. */
enum {
	CSR_OVER = 1 << 1, /* result and destination ring only */
	CSR_WAIT = 1 << 2,
	CSR_LAST = 1 << 3,
	CSR_DONE = 1 << 4,
	CSR_ABORT = 1 << 5,
	CSR_DISABLE = 1 << 6,
	CSR_ENABLE = 1 << 7,
	CSR_CONTROL = 3 << 6
};
#define CSR_ENGINE   0x00000001u
#define CSR_PUBDONE  0x00000002u
#define CSR_STATUSES 0x3e3e3f3fu

#define CNFG_BIGENDIAN 0x10000000u
#define CNFG_POLLFREQ  0x00ff0000u
enum {
	CNFG_UNLOCK = 0x800,
	CNFG_LAST = 0x10,
	CNFG_MODE = 4,
	CNFG_DMA_RUNS = 2,
	CNFG_CHIP_RUNS = 1,
	CNFG_RUN = 7
};

/* 6 */
enum {
	PLL_EXTERNAL = 1,
	PLL_BYPASS = 2,
	PLL_CLOCKS = 0x18,
	PLL_MBSET = 0x400,
	PLL_ND = 0x3800,
	PLL_CURRENT = 0x10000,
	PLL_RESET_VALUE = 0x402
};

/* 16 */
enum { PUB_DONE = 1, PUB_CARRY = 2, PUB_ZERO = 8, PUB_EMPTY = 0x100, PUB_ENHANCED = 1 };

/* 10 */
#define D_VALID     0x80000000u
#define D_JUMP      0x40000000u
#define D_LAST      0x20000000u
#define D_MASKDONE  0x02000000u
#define D_LENGTH    0x0000ffffu
#define D_UNDEFINED 0x1dff0000u /* also the bits that no driver sets */

/* 11 */
enum {
	BASE_OPCODE = 0xe000,
	BASE_ENCODE = 0,
	BASE_DECODE = 0x2000,
	BASE_READ_RAM = 0x4000,
	BASE_WRITE_RAM = 0x6000,
	BASE_CRYPT = 0x800,
	BASE_MAC = 0x400,
	BASE_PAD = 0x200,
	BASE_COMP = 0x100,
	CRYPT_NEW_IV = 0x1000,
	CRYPT_NEW_KEY = 0x800,
	CRYPT_KEY_SIZE = 0x600,
	CRYPT_CLEAR = 0x40,
	CRYPT_MODE = 0x18,
	CRYPT_ALGORITHM = 3,
	CRYPT_UNDEFINED = 0x21a4,
	MAC_NEW_KEY = 0x800,
	MAC_POSITION = 0x300,
	MAC_IPSEC = 0x200,
	MAC_APPEND = 0x40,
	MAC_RESULT = 0x20,
	MAC_TRUNCATE = 0x10,
	MAC_MODE = 0xc,
	MAC_MODE_HMAC = 0,
	MAC_MODE_HASH = 8,
	MAC_MD5 = 1,
	MAC_UNDEFINED = 0x3482
};

/* 12 */
enum { RESULT_OVERRUN = 0x200, RESULT_MISCOMPARE = 2, RESULT_NOT_ZERO = 1 };

#define MAX_OPERATION 0x3ffffu /* bytes, 18 bits */

#endif
