/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of registers and bits, and what may be written to them. */
#include "card.h"

#include <string.h>

static const struct register_name registers[] = {
	{ R_SIG, "SIG", false, 0 },
	{ R_CAPS, "CAPS", false, 0 },
	{ R_CTRL, "CTRL", true, 0xf },
	{ R_STATUS, "STATUS", false, 0 },
	{ R_INT_STATUS, "INT_STATUS", true, INT_DONE | INT_ERROR },
	{ R_INT_ENABLE, "INT_ENABLE", true, INT_DONE | INT_ERROR },
	{ R_KEY_W0, "KEY_W0", true, 0xffffffff },
	{ R_KEY_W1, "KEY_W1", true, 0xffffffff },
	{ R_KEY_CMD, "KEY_CMD", true, KEY_SLOT | KEY_LOAD | KEY_DELETE },
	{ R_IV_W0, "IV_W0", true, 0xffffffff },
	{ R_IV_W1, "IV_W1", true, 0xffffffff },
	{ R_OP, "OP", true, OP_KEPT | OP_START },
	{ R_LEN, "LEN", true, 0xffffffff },
	{ R_DMA_ADDR, "DMA_ADDR", true, 0xffffffff },
	{ R_DONE_LEN, "DONE_LEN", false, 0 },
	{ R_DATA, "DATA", true, 0xffffffff },
};

static const struct {
	uint16_t offset;
	uint32_t bit;
	const char *name;
} bits[] = {
	{ R_CAPS, CAPS_FIFO, "FIFO" },           { R_CAPS, CAPS_DMA, "DMA" },
	{ R_CAPS, CAPS_INTERRUPT, "interrupt" }, { R_CTRL, CTRL_ENABLE, "ENABLE" },
	{ R_CTRL, CTRL_RESET, "RESET" },         { R_CTRL, CTRL_ZEROISE, "ZEROISE" },
	{ R_CTRL, CTRL_ABORT, "ABORT" },         { R_STATUS, STATUS_READY, "READY" },
	{ R_STATUS, STATUS_BUSY, "BUSY" },       { R_INT_STATUS, INT_DONE, "DONE" },
	{ R_INT_STATUS, INT_ERROR, "ERROR" },    { R_INT_ENABLE, INT_DONE, "DONE" },
	{ R_INT_ENABLE, INT_ERROR, "ERROR" },    { R_KEY_CMD, KEY_LOAD, "LOAD" },
	{ R_KEY_CMD, KEY_DELETE, "DELETE" },     { R_OP, OP_DECRYPT, "DECRYPT" },
	{ R_OP, OP_USE_DMA, "USE_DMA" },         { R_OP, OP_START, "START" },
};

/* Numbers inside a register. */
static const struct {
	uint16_t offset;
	uint32_t mask;
	const char *before;
	bool hex;
	const char *after;
} fields[] = {
	{ R_CAPS, 0x1f, "", false, " slots" },
	{ R_CAPS, CAPS_MODES, "modes ", true, "" },
	{ R_CAPS, 0xff000000, "layout ", false, "" },
	{ R_STATUS, 0xf00, "ERR ", false, "" },
	{ R_STATUS, 0xffff0000, "LOADED ", true, "" },
	{ R_KEY_CMD, KEY_SLOT, "slot ", false, "" },
	{ R_OP, OP_KEYSEL, "KEYSEL ", true, "" },
	{ R_LEN, 0xffffffff, "", false, " bytes" },
	{ R_DONE_LEN, 0xffffffff, "", false, " bytes" },
};

static const char *const modes[] = { "ECB", "CBC",    "CFB",    "OFB",
	                             "KSG", "mode 5", "mode 6", "mode 7" };

const struct register_name *register_find(uint64_t offset)
{
	for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		if (registers[i].offset == offset)
			return &registers[i];
	}
	return NULL;
}

static void append(char *buffer, size_t size, const char *word)
{
	size_t used = strlen(buffer);

	snprintf(buffer + used, size - used, "%s%s", used ? ", " : "", word);
}

const char *register_words(uint32_t offset, uint32_t value, char *buffer, size_t size)
{
	char word[40], number[16];

	buffer[0] = 0;
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint32_t mask = fields[i].mask, n = (value & mask) / (mask & (~mask + 1));

		if (fields[i].offset != offset)
			continue;
		snprintf(number, sizeof(number), fields[i].hex ? "0x%x" : "%u", n);
		snprintf(word, sizeof(word), "%s%s%s", fields[i].before, number,
		         fields[i].after);
		append(buffer, size, word);
	}
	if (offset == R_OP)
		append(buffer, size, modes[(value & OP_MODE) >> 12]);
	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		if (bits[i].offset == offset && value & bits[i].bit)
			append(buffer, size, bits[i].name);
	}
	return buffer;
}
