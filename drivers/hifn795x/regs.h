/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Registers and formats of the HIFN 7955 and 7956. Only what the driver uses. */
#ifndef HIFN_REGS_H
#define HIFN_REGS_H

#define HIFN_VENDOR     0x13a3
#define HIFN_DEV_7955   0x0020
#define HIFN_DEV_7956   0x001d
#define HIFN_BAR0_BYTES 0x1000u
#define HIFN_BAR1_BYTES 0x2000u

#define HIFN_CONFIG_TRDY  0x40 /* TRDY timeout, and in the byte above it the retry timeout */
#define HIFN_CONFIG_RETRY 0x41

/* BAR 0: the processing unit */
#define PUCTRL   0x04u
#define PUISR    0x08u
#define PUCNFG   0x0cu
#define PUIER    0x10u
#define PUSTAT   0x14u
#define FIFOCNFG 0x1cu
#define PUCTRL2  0x28u

#define PUCTRL_DMAENA 0x02u
#define PUCTRL_RESET  0x01u

#define PU_CMDINVAL 0x8000u
#define PU_DATAERR  0x4000u
#define PU_DSTOVER  0x0200u
#define PU_EVENTS   (PU_CMDINVAL | PU_DATAERR | PU_DSTOVER)

#define PUCNFG_CHIPID 0x0020u
#define PUCNFG_RUN    0x0344u /* the two bits that are always one, 32 bit, single history */
#define FIFOCNFG_RUN  0x0400u

#define PUSTAT_LEVEL(value) ((value) >> 8 & 0xffu)
#define HIFN_LEVEL_ALL      0x11u
#define HIFN_LEVEL_WEAK     0x10u
#define HIFN_LEVEL_NONE     0x30u
#define HIFN_LEVEL_LOCKED   0x00u

/* BAR 1: DMA and the rest */
#define CRAR           0x0cu /* command ring */
#define SRAR           0x1cu /* source ring */
#define RRAR           0x2cu /* result ring */
#define DRAR           0x3cu /* destination ring */
#define CSR            0x40u
#define IER            0x44u
#define CNFG           0x48u
#define PLL            0x4cu
#define CNFG2          0x6cu
#define REVID          0x98u
#define UNLOCK_SEED    0xf4u
#define UNLOCK_WORD    0xfcu
#define PUB_RESET      0x204u
#define PUB_STATUS     0x30cu
#define RNG_CONFIG     0x314u
#define RNG_DATA       0x318u
#define PUB_MODE       0x320u
#define PUB_FIFO_OPLEN 0x380u
#define PUB_FIFO_OP    0x384u /* starts it */
#define PUB_MEM        0x400u /* 4 KiB */

#define CSR_D_ABORT 0x20000000u
#define CSR_D_OVER  0x02000000u
#define CSR_R_ABORT 0x00200000u
#define CSR_R_DONE  0x00100000u
#define CSR_R_OVER  0x00020000u
#define CSR_S_ABORT 0x00002000u
#define CSR_C_ABORT 0x00000020u
#define CSR_ENGINE  0x00000001u
#define CSR_ABORTS  (CSR_D_ABORT | CSR_R_ABORT | CSR_S_ABORT | CSR_C_ABORT)
#define CSR_OVERS   (CSR_D_OVER | CSR_R_OVER)
#define CSR_WATCHED (CSR_ABORTS | CSR_OVERS | CSR_R_DONE | CSR_ENGINE)
#define CSR_ENABLE  0x80808080u /* all four rings */
#define CSR_DISABLE 0x40404040u
#define CSR_QUIET   0x7e7e7c7fu /* all rings off, all status cleared */

#define CNFG_ALIVE  0x00000007u /* no reset, no polling */
#define CNFG_RESET  0x00000004u /* chip and DMA in reset */
#define CNFG_UNLOCK 0x00000807u
#define CNFG_RUN    0x00010017u /* polls the rings; the host sets LAST */
#define CNFG2_RUN   0x00003322u

#define PLL_EXT       0x00000001u
#define PLL_BYPASS    0x00000002u
#define PLL_CLOCKS    0x00000018u /* both engines run on the PLL */
#define PLL_SET       0x00000400u /* must be one */
#define PLL_ND(n)     ((uint32_t)(n) << 11)
#define PLL_PUMP      0x00010000u /* for multipliers above 8 */
#define PLL_CONFIG    (PLL_EXT | PLL_ND(7) | PLL_PUMP)
#define PLL_LIMIT_MHZ 266u
#define PLL_MULT_MAX  12u

#define PUB_DONE                 0x00000001u
#define PUB_ENHANCED             0x00000001u /* the mode with long exponents */
#define PUB_LENGTHS(words, bits) ((uint32_t)(words) | ((uint32_t)(bits)-1) << 8)
#define PUB_MODEXP(base, exponent, modulus)                                                    \
	((uint32_t)(base) | (uint32_t)(exponent) << 8 | (uint32_t)(modulus) << 16 | 12u << 24)

#define HIFN_UNLOCK_WORDS 13
#define HIFN_UNLOCK_STEPS 257
#define HIFN_UNLOCK_TAPS  0x80080125u

/* Descriptors: a word of flags and length, and a bus address */
#define D_VALID    0x80000000u /* the chip's while it is set */
#define D_JUMP     0x40000000u
#define D_LAST     0x20000000u
#define D_MASKDONE 0x02000000u /* no interrupt */
#define D_LENGTH   0x0000ffffu

/* Command buffers */
#define BASE_DECODE 0x2000u
#define BASE_CRYPT  0x0800u
#define BASE_MAC    0x0400u

#define CRYPT_NEW_IV  0x1000u
#define CRYPT_NEW_KEY 0x0800u
#define CRYPT_192     0x0200u
#define CRYPT_256     0x0400u
#define CRYPT_ECB     0x0000u
#define CRYPT_CBC     0x0008u
#define CRYPT_CFB     0x0010u
#define CRYPT_OFB     0x0018u
#define CRYPT_DES     0x0000u
#define CRYPT_3DES    0x0001u
#define CRYPT_AES     0x0003u

#define MAC_NEW_KEY 0x0800u
#define MAC_IPSEC   0x0200u /* after encryption */
#define MAC_RESULT  0x0020u
#define MAC_HMAC    0x0000u
#define MAC_HASH    0x0008u
#define MAC_SHA1    0x0000u
#define MAC_MD5     0x0001u

#define HIFN_MAC_KEY     64u
#define HIFN_COUNT_MAX   0x3ffffu /* bytes of an operation: counts have 18 bits */
#define HIFN_COMMAND_MAX 144u     /* 8 + 8 + 8 + 64 + 32 + 16, rounded up */

/* Result buffers */
#define HIFN_RESULT_BYTES  40u
#define RESULT_DSTOVERRUN  0x0200u
#define RESULT_NOT_ZERO    0x0001u /* an engine ran short of input */
#define HIFN_RESULT_MAC_AT 12u

#endif
