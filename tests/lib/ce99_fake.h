/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The register file of a CE99C003B in the test's own process, after the reference and apart from
 * the driver's: for the order of accesses, for lies, and for what a whole model takes too long
 * to do. */
#ifndef CE99_FAKE_H
#define CE99_FAKE_H

#include "card_fake.h"
#include "ce99_des.h"

#include "drivers/ce99/ce99.h"
#include "drivers/ce99/registers.h"

enum fake_register {
	F_SIG = 0x00,
	F_CAPS = 0x04,
	F_CTRL = 0x08,
	F_STATUS = 0x0c,
	F_INT_STATUS = 0x10,
	F_INT_ENABLE = 0x14,
	F_KEY_W0 = 0x20,
	F_KEY_W1 = 0x24,
	F_KEY_CMD = 0x28,
	F_IV_W0 = 0x30,
	F_IV_W1 = 0x34,
	F_OP = 0x40,
	F_LEN = 0x44,
	F_DMA_ADDR = 0x48,
	F_DONE_LEN = 0x4c,
	F_DATA = 0x50,
	F_END = 0x54,
};

#define F_SIGNATURE 0x42394543u
#define F_ALL_CAPS  0x01001ff0u

struct fake_chip {
	struct fake_card card; /* first */
	uint32_t sig, caps;
	uint32_t words[F_END / 4]; /* as last written */
	uint8_t keys[16][8];
	uint32_t loaded, err, events, done_len;
	bool ready, busy;
	uint8_t staged[8], iv[8], fifo[512];
	uint32_t fed, fetched, fifo_len;
	unsigned writes, loads, starts, strange; /* strange: not as the driver must */
	unsigned hang_after;                     /* starts; 0: none hangs */
	unsigned fail_after, fail_err;           /* starts, and what then comes of each */
	unsigned load_fails, load_err;           /* so many of the next loads */
	bool lose_keys;                          /* before the next start */
	bool short_done, test_fails, vanished;
	bool single;   /* one key register behind all numbers */
	bool reversed; /* the third key comes first */
};

static uint32_t fake_word(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void fake_bytes(uint8_t *at, uint32_t word)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(word >> 8 * i);
}

static unsigned fake_slots(const struct fake_chip *chip)
{
	return chip->caps & 0x1f;
}

static void fake_zeroise(struct fake_chip *chip)
{
	memset(chip->keys, 0, sizeof(chip->keys));
	memset(chip->staged, 0, sizeof(chip->staged));
	memset(chip->iv, 0, sizeof(chip->iv));
	memset(chip->fifo, 0, sizeof(chip->fifo));
	chip->loaded = chip->err = 0;
	chip->busy = false;
}

static void fake_control(struct fake_chip *chip, uint32_t value)
{
	bool was = chip->words[F_CTRL / 4] & 1;

	if (value & 2) {
		fake_zeroise(chip);
		chip->ready = was = false;
		chip->events = 0;
		memset(chip->words, 0, sizeof(chip->words));
	}
	if (value & 4)
		fake_zeroise(chip);
	if (value & 8 && chip->busy) {
		chip->busy = false;
		chip->err = 7;
		chip->events |= 2;
	}
	if ((value & 1) != was) {
		chip->ready = value & 1 && !chip->test_fails;
		chip->err = value & 1 && chip->test_fails ? 3 : 0;
	}
	chip->words[F_CTRL / 4] = value & 1;
}

static void fake_key(struct fake_chip *chip, uint32_t value)
{
	unsigned slot = value & 15, what = value >> 8 & 3;

	if ((what != 1 && what != 2) || slot >= fake_slots(chip) || chip->busy)
		chip->strange++;
	chip->err = !chip->ready ? 5 : 0;
	chip->loads += what == 1;
	if (what == 1 && chip->load_fails) {
		chip->load_fails--;
		chip->err = chip->load_err;
	}
	if (!chip->err && what == 1) {
		memcpy(chip->keys[chip->single ? 0 : slot], chip->staged, 8);
		chip->loaded |= 1u << slot;
	}
	if (!chip->err && what == 2) {
		memset(chip->keys[slot], 0, 8);
		chip->loaded &= ~(1u << slot);
	}
	memset(chip->staged, 0, sizeof(chip->staged));
}

static bool fake_key_there(const struct fake_chip *chip, unsigned number)
{
	uint32_t need = 1u << (number & 15);

	if (number >= 16)
		need |= 1u << (number >> 4 & 15) | 1u << (number >> 8 & 15);
	return (chip->loaded & need) == need;
}

static void fake_end(struct fake_chip *chip, unsigned err)
{
	chip->busy = false;
	chip->err = err;
	chip->events |= err ? 2 : 1;
	if (err)
		memset(chip->iv, 0xbb, sizeof(chip->iv));
}

static void fake_compute(struct fake_chip *chip, uint8_t *data, uint32_t n)
{
	uint32_t op = chip->words[F_OP / 4];
	unsigned number = op & 0xfff;

	if (chip->single)
		number = 0;
	if (chip->reversed && number >= 16)
		number = number >> 8 | (number & 0xf0) | (number & 15) << 8;
	if (!ce99_des((const uint8_t(*)[8])chip->keys, number, op >> 12 & 7, op >> 16 & 1,
	              chip->iv, data, n))
		abort();
	chip->done_len = n - (chip->short_done ? 8 : 0);
	fake_end(chip, 0);
}

static void fake_dma(struct fake_chip *chip, uint32_t n)
{
	uint8_t *data = fake_memory(&chip->card, chip->words[F_DMA_ADDR / 4], n);

	if (!data || !(chip->card.config[CARD_CONFIG_COMMAND] & 4)) {
		chip->strange++;
		fake_end(chip, 7);
		return;
	}
	fake_compute(chip, data, n);
}

static unsigned fake_check(struct fake_chip *chip, uint32_t op, uint32_t n)
{
	bool by_dma = op >> 17 & 1;
	unsigned mode = op >> 12 & 7;

	if (!chip->ready)
		return 3;
	if (!(chip->caps >> (8 + mode) & 1) || !n || n % 8 || n > (by_dma ? 65528u : 512u) ||
	    !(chip->caps >> (by_dma ? 6 : 5) & 1) ||
	    (by_dma && chip->words[F_DMA_ADDR / 4] % 8)) {
		chip->strange++;
		return 1;
	}
	return fake_key_there(chip, op & 0xfff) ? 0 : 6;
}

static void fake_start(struct fake_chip *chip, uint32_t op)
{
	uint32_t n = chip->words[F_LEN / 4];
	unsigned err;

	if (chip->busy || chip->events)
		chip->strange++;
	if (chip->lose_keys)
		chip->loaded = 0;
	chip->lose_keys = false;
	chip->done_len = chip->fed = chip->fetched = chip->fifo_len = 0;
	err = fake_check(chip, op, n);
	chip->starts++;
	if (!err && chip->fail_err && chip->starts > chip->fail_after)
		err = chip->fail_err;
	if (err) {
		fake_end(chip, err);
		return;
	}
	chip->busy = true;
	chip->err = 0;
	if (chip->hang_after && chip->starts > chip->hang_after)
		return;
	if (op >> 17 & 1)
		fake_dma(chip, n);
	else
		chip->fifo_len = n;
}

static void fake_data(struct fake_chip *chip, uint32_t word)
{
	if (!chip->busy || chip->fed >= chip->fifo_len) {
		chip->strange += !chip->card.lie;
		return;
	}
	fake_bytes(chip->fifo + chip->fed, word);
	chip->fed += 4;
	if (chip->fed == chip->fifo_len)
		fake_compute(chip, chip->fifo, chip->fifo_len);
}

static void fake_write_register(struct fake_chip *chip, uint32_t offset, uint32_t value)
{
	if (offset < F_END && offset != F_CTRL)
		chip->words[offset / 4] = value;
	switch (offset) {
	case F_CTRL:
		fake_control(chip, value);
		break;
	case F_INT_STATUS:
		chip->events &= ~value;
		break;
	case F_KEY_W0:
	case F_KEY_W1:
		fake_bytes(chip->staged + (offset - F_KEY_W0), value);
		break;
	case F_KEY_CMD:
		fake_key(chip, value);
		break;
	case F_IV_W0:
	case F_IV_W1:
		fake_bytes(chip->iv + (offset - F_IV_W0), value);
		break;
	case F_OP:
		if (value >> 31)
			fake_start(chip, value);
		break;
	case F_DATA:
		fake_data(chip, value);
		break;
	case F_INT_ENABLE:
	case F_LEN:
	case F_DMA_ADDR:
		break;
	default:
		chip->strange++;
	}
}

static uint32_t fake_read_register(struct fake_chip *chip, uint32_t offset)
{
	switch (offset) {
	case F_SIG:
		return chip->sig;
	case F_CAPS:
		return chip->caps;
	case F_CTRL:
		return chip->words[F_CTRL / 4];
	case F_STATUS:
		return chip->ready | chip->busy << 1 | chip->err << 8 | chip->loaded << 16;
	case F_INT_STATUS:
		return chip->events;
	case F_IV_W0:
	case F_IV_W1:
		return fake_word(chip->iv + (offset - F_IV_W0));
	case F_DONE_LEN:
		return chip->done_len;
	case F_DATA:
		if (chip->fetched >= chip->fed)
			chip->strange++;
		chip->fetched += 4;
		return chip->fetched <= sizeof(chip->fifo)
		               ? fake_word(chip->fifo + chip->fetched - 4)
		               : 0;
	}
	chip->strange++;
	return 0;
}

static uint32_t fake_read_word(struct fake_chip *chip, unsigned bar, uint32_t offset)
{
	(void)bar;
	if (chip->vanished || !(chip->card.config[CARD_CONFIG_COMMAND] & 2))
		return UINT32_MAX;
	return fake_read_register(chip, offset);
}

static void fake_write_word(struct fake_chip *chip, unsigned bar, uint32_t offset,
                            uint32_t value)
{
	(void)bar;
	chip->writes++;
	if (!chip->vanished)
		fake_write_register(chip, offset, value);
}

static void fake_init(struct fake_chip *chip)
{
	memset(chip, 0, sizeof(*chip));
	chip->sig = F_SIGNATURE;
	chip->caps = F_ALL_CAPS;
	chip->card.bar_size[0] = 0x1000;
	fake_next = &chip->card;
}

static atomic_bool fake_stop;

/* The chip layer on the fake card. Returns 0 or what attaching gave, with `why`. */
static int fake_attach(struct chip *made, enum ce99_path path, char why[CARD_WHY])
{
	const struct ce99_card_options options = { .path = path,
		                                   .timeout_ns = 1000000,
		                                   .stop = &fake_stop };
	struct ce99_card_facts facts;
	struct card *card;
	int error = fake_card_open(&card, why);

	return error ? error : ce99_card_attach(made, card, &options, &facts, why);
}

#endif
