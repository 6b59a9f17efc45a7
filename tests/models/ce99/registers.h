/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Section 4.4 of the reference, in the model's own words. */
#ifndef CE99_MODEL_REGISTERS_H
#define CE99_MODEL_REGISTERS_H

enum {
	BAR0_SIZE = 0x1000,
	FIFO_SIZE = 512,
	DMA_MOST = 65528,
	BLOCK = 8,
	SLOTS = 16,
};

enum {
	R_SIG = 0x00,
	R_CAPS = 0x04,
	R_CTRL = 0x08,
	R_STATUS = 0x0c,
	R_INT_STATUS = 0x10,
	R_INT_ENABLE = 0x14,
	R_KEY_W0 = 0x20,
	R_KEY_W1 = 0x24,
	R_KEY_CMD = 0x28,
	R_IV_W0 = 0x30,
	R_IV_W1 = 0x34,
	R_OP = 0x40,
	R_LEN = 0x44,
	R_DMA_ADDR = 0x48,
	R_DONE_LEN = 0x4c,
	R_DATA = 0x50,
};

#define SIG_VALUE 0x42394543u

enum {
	CAPS_FIFO = 1 << 5,
	CAPS_DMA = 1 << 6,
	CAPS_INTERRUPT = 1 << 7,
	CAPS_MODE_0 = 1 << 8, /* and the four above it */
	CAPS_MODES = 0x1f << 8,
	CAPS_MAJOR_SHIFT = 24,
	LAYOUT_MAJOR = 1,
};

enum {
	CTRL_ENABLE = 1 << 0,
	CTRL_RESET = 1 << 1,
	CTRL_ZEROISE = 1 << 2,
	CTRL_ABORT = 1 << 3,
};

enum {
	STATUS_READY = 1 << 0,
	STATUS_BUSY = 1 << 1,
	STATUS_ERR_SHIFT = 8,
	STATUS_LOADED_SHIFT = 16,
};

enum { INT_DONE = 1 << 0, INT_ERROR = 1 << 1 };

enum { KEY_SLOT = 0xf, KEY_LOAD = 1 << 8, KEY_DELETE = 1 << 9 };

#define OP_KEYSEL  0xfffu
#define OP_MODE    0x7000u
#define OP_DECRYPT 0x10000u
#define OP_USE_DMA 0x20000u
#define OP_START   0x80000000u
#define OP_KEPT    (OP_KEYSEL | OP_MODE | OP_DECRYPT | OP_USE_DMA)

enum mode { MODE_ECB, MODE_CBC, MODE_CFB, MODE_OFB, MODE_KSG, MODES };

/* Magnitudes of the status codes: section 2.3. */
enum {
	ERR_NONE,
	ERR_UNKNOWN,
	ERR_NO_CARD,
	ERR_NOT_READY,
	ERR_NO_SLOT,
	ERR_LOAD,
	ERR_NO_KEY,
	ERR_ENCRYPT,
	ERR_DECRYPT,
};

#endif
