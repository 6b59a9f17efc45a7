/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver ce99: what the chip does, on a fake register file. */
#include "tests/lib/ce99_ops.h"
#include "tests/lib/check.h"

static const uint8_t k1[] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };
static const uint8_t k2[] = { 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01 };
static const uint8_t k3[] = { 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23 };

static struct chip chip_layer;

/* On a fresh fake card with so many key registers. */
static void open_chip(unsigned slots, enum ce99_path path)
{
	char why[CARD_WHY] = "";

	fake_init(&chip);
	chip.caps = (chip.caps & ~0x1fu) | slots;
	chip_layer.slots = acr_secret_alloc(chip_slots_size());
	CHECK(!fake_attach(&chip_layer, path, why));
	CHECK(!chip_init(&chip_layer) && chip_layer.slot_count == slots);
}

static void shut_chip(void)
{
	chip_close(&chip_layer);
	acr_secret_free(chip_layer.slots);
	CHECK(chip.strange == 0 && chip.loaded == 0 && !chip.ready);
	CHECK(!(chip.card.config[CARD_CONFIG_COMMAND] & CARD_COMMAND_MASTER));
}

/* Text under keys; what the chip was told as key number comes back. */
static int try_text(const uint8_t *a, const uint8_t *b, const uint8_t *c, enum chip_mode mode,
                    const char *text, struct chip_run *run)
{
	uint8_t keys[24];

	memcpy(keys, a, 8);
	memcpy(keys + 8, b ? b : a, 8);
	memcpy(keys + 16, c ? c : a, 8);
	*run = (struct chip_run){ .mode = mode, .n = strlen(text) };
	memcpy(run->iv, "\x12\x34\x56\x78\x90\xab\xcd\xef", 8);
	memcpy(chip_layer.buffer, text, run->n);
	return chip_crypt(&chip_layer, keys, b ? 3 : 1, ce99_now_ns(), run);
}

/* The reference's own table. */
static void test_known_answers(void)
{
	static const struct {
		const uint8_t *keys[3];
		enum chip_mode mode;
		const char *text, *answer, *next;
	} table[] = {
		{ { k1 },
		  CHIP_ECB,
		  "Now is the time for all ",
		  "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53",
		  NULL },
		{ { k1 },
		  CHIP_CBC,
		  "Now is the time for all ",
		  "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6",
		  "683788499a7c05f6" },
		{ { k1 },
		  CHIP_CFB,
		  "Now is the time for all ",
		  "f3096249c7f46e51a69e839b1a92f78403467133898ea622",
		  "03467133898ea622" },
		{ { k1 },
		  CHIP_OFB,
		  "Now is the time for all ",
		  "f3096249c7f46e5135f24a242eeb3d3f3d6d5be3255af8c3",
		  "5b0229c3443694e3" },
		{ { k1, k2, k3 },
		  CHIP_ECB,
		  "The qufck brown fox jump",
		  "a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900",
		  NULL },
		{ { k1, k2, k3 },
		  CHIP_CBC,
		  "The qufck brown fox jump",
		  "38413d4ba2325cf1141f707471ac2ced57db530f0123b5ac",
		  "57db530f0123b5ac" },
		{ { k1, k2, k1 },
		  CHIP_ECB,
		  "The qufck brown fox jump",
		  "c44862f70cf2fbdc9077d0909fa91b884cabd61fc58e0cbb",
		  NULL },
		{ { k1, k2, k2 },
		  CHIP_ECB,
		  "The qufck brown fox jump",
		  "a28e91724c4bba31167e47ec24f71d632c1a917234425365",
		  NULL },
	};
	struct chip_run run;

	for (enum ce99_path path = CE99_PATH_FIFO; path <= CE99_PATH_DMA; path++) {
		open_chip(16, path);
		for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
			CHECK(!try_text(table[i].keys[0], table[i].keys[1], table[i].keys[2],
			                table[i].mode, table[i].text, &run));
			CHECK(equals(chip_layer.buffer, table[i].answer));
			CHECK(!table[i].next || equals(run.iv, table[i].next));
		}
		shut_chip();
	}
}

static void test_key_numbers(void)
{
	static const unsigned three[] = { 0, 1, 2 }, high[] = { 15, 3, 15 };
	struct chip_run run;

	CHECK(chip_key_number(three, 3) == 0x210 && chip_key_number(high, 3) == 0xf3f);
	CHECK(chip_key_number(high, 1) == 15);
	open_chip(16, CE99_PATH_AUTO);
	CHECK(!try_text(k1, NULL, NULL, CHIP_ECB, "12345678", &run) && run.key == 0);
	CHECK(!try_text(k2, NULL, NULL, CHIP_ECB, "12345678", &run) && run.key == 1);
	CHECK(!try_text(k1, k2, k3, CHIP_ECB, "12345678", &run) && run.key == 0x210);
	/* Two keys take two registers, in whichever order. */
	CHECK(!try_text(k3, k1, k3, CHIP_ECB, "12345678", &run) && run.key == 0x202);
	CHECK(!try_text(k2, k2, k2, CHIP_ECB, "12345678", &run) && run.key == 0x111);
	CHECK(chip.loads == 3);
	shut_chip();
}

/* The nth of many keys. */
static const uint8_t *nth_key(unsigned n)
{
	static uint8_t key[8];

	memcpy(key, k1, 8);
	key[3] = (uint8_t)(2 * n);
	return key;
}

static void test_cache(void)
{
	struct chip_run run;
	uint8_t a[8], b[8];

	open_chip(3, CE99_PATH_FIFO);
	for (unsigned i = 0; i < 30; i++)
		CHECK(!try_text(nth_key(i % 3), NULL, NULL, CHIP_ECB, "12345678", &run));
	CHECK(chip.loads == 3);
	/* The one that was used least lately makes room: not the second, which was used now. */
	CHECK(!try_text(nth_key(0), NULL, NULL, CHIP_ECB, "12345678", &run) && chip.loads == 3);
	CHECK(!try_text(nth_key(7), NULL, NULL, CHIP_ECB, "12345678", &run) && run.key == 1);
	CHECK(!try_text(nth_key(0), NULL, NULL, CHIP_ECB, "12345678", &run) && chip.loads == 4);
	/* Three keys of which two are there: neither makes room for the third. */
	memcpy(a, nth_key(7), 8);
	memcpy(b, nth_key(2), 8);
	CHECK(!try_text(k1, a, b, CHIP_ECB, "12345678", &run));
	CHECK(chip.loads == 5 && run.key == 0x210);
	shut_chip();
	/* Three keys have no room in two registers, two keys do. */
	open_chip(2, CE99_PATH_FIFO);
	CHECK(try_text(k1, k2, k3, CHIP_ECB, "12345678", &run) == CHIP_NO_SLOT);
	CHECK(!try_text(k1, k2, k1, CHIP_ECB, "12345678", &run));
	shut_chip();
}

static void test_expiry(void)
{
	struct chip_run run;
	uint64_t first;

	open_chip(16, CE99_PATH_FIFO);
	CHECK(chip_oldest_use(&chip_layer) == UINT64_MAX);
	CHECK(!try_text(k1, NULL, NULL, CHIP_ECB, "12345678", &run));
	first = chip_oldest_use(&chip_layer);
	CHECK(!try_text(k2, k3, k2, CHIP_ECB, "12345678", &run) && chip.loaded == 7);
	CHECK(!chip_expire(&chip_layer, first) && chip.loaded == 7);
	CHECK(!chip_expire(&chip_layer, first + 1) && chip.loaded == 6);
	CHECK(equals(chip.keys[0], "0000000000000000"));
	CHECK(!chip_expire(&chip_layer, UINT64_MAX) && chip.loaded == 0);
	CHECK(chip_oldest_use(&chip_layer) == UINT64_MAX);
	shut_chip();
}

/* Every status: as what it ends the operation, and what it makes of device and keys. */
static void test_meanings(void)
{
	static const struct {
		int status, error;
		bool broken, forget, again;
	} table[] = {
		{ 0, 0, false, false, false },
		{ -1, -EOPNOTSUPP, false, false, false },
		{ -2, -ENODEV, true, true, false },
		{ -3, -EIO, true, true, false },
		{ -4, -EOPNOTSUPP, false, false, false },
		{ -5, -EIO, false, false, true },
		{ -6, -EOPNOTSUPP, false, true, true },
		{ -7, -EIO, false, false, false },
		{ -8, -EIO, false, false, false },
		{ -9, -EIO, false, true, false },
		{ 1, -EIO, false, true, false },
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct chip_meaning *meaning = chip_meaning(table[i].status);

		CHECK(meaning->error == table[i].error && meaning->broken == table[i].broken);
		CHECK(meaning->forget == table[i].forget && meaning->again == table[i].again);
		CHECK(meaning->words[0]);
	}
}

static void test_statuses(void)
{
	struct chip_run run;

	open_chip(16, CE99_PATH_DMA);
	/* A load that failed leaves nothing to rely on. */
	chip.load_fails = 1;
	chip.load_err = 4;
	CHECK(try_text(k1, NULL, NULL, CHIP_ECB, "12345678", &run) == CHIP_NO_SLOT);
	chip.load_fails = 1;
	chip.load_err = 5;
	CHECK(try_text(k1, NULL, NULL, CHIP_ECB, "12345678", &run) == CHIP_KEY_NOT_LOADED);
	CHECK(chip_oldest_use(&chip_layer) == UINT64_MAX);
	CHECK(!try_text(k1, NULL, NULL, CHIP_ECB, "12345678", &run) && chip.loads == 3);
	/* The second of three loads fails: so does all. */
	chip.load_fails = 1;
	CHECK(try_text(k1, k2, k3, CHIP_ECB, "12345678", &run) == CHIP_KEY_NOT_LOADED);
	/* Keys that the card has lost are loaded anew. */
	chip.lose_keys = true;
	CHECK(try_text(k1, NULL, NULL, CHIP_ECB, "12345678", &run) == CHIP_KEY_NOT_USABLE);
	CHECK(!try_text(k1, NULL, NULL, CHIP_ECB, "12345678", &run));
	for (unsigned err = 7; err <= 8; err++) {
		chip.fail_after = chip.starts;
		chip.fail_err = err;
		CHECK(try_text(k1, NULL, NULL, CHIP_CBC, "12345678", &run) == -(int)err);
		chip.fail_err = 0;
	}
	chip.short_done = true;
	CHECK(try_text(k1, NULL, NULL, CHIP_CBC, "1234567812345678", &run) ==
	      CHIP_ENCRYPT_FAILED);
	chip.short_done = false;
	CHECK(!try_text(k1, NULL, NULL, CHIP_CBC, "12345678", &run));
	/* A hung card is stopped, and has no keys any more. */
	chip.hang_after = chip.starts;
	CHECK(try_text(k1, NULL, NULL, CHIP_CBC, "12345678", &run) == CHIP_HANGS);
	CHECK(!chip.busy && !chip.loaded && !chip.ready);
	CHECK(try_text(k1, NULL, NULL, CHIP_ECB, "12345678", &run) == CHIP_NOT_READY);
	chip.vanished = true;
	CHECK(try_text(k1, NULL, NULL, CHIP_ECB, "12345678", &run) == CHIP_NO_CARD);
	chip.vanished = false;
	shut_chip();
}

/* Nothing is written to what isn't known: no register, and of the configuration only the bit
 * without which no register could be read, which is taken back. */
static void test_signature(void)
{
	struct chip made = { 0 };
	char why[CARD_WHY];

	for (unsigned i = 0; i < 3; i++) {
		fake_init(&chip);
		if (i == 0)
			chip.sig ^= 0x100;
		if (i == 1)
			chip.caps = (chip.caps & 0xffffff) | 2u << 24;
		chip.vanished = i == 2;
		CHECK(fake_attach(&made, CE99_PATH_AUTO, why) == -ENODEV && why[0]);
		CHECK(chip.writes == 0 && chip.card.config[CARD_CONFIG_COMMAND] == 0);
		CHECK(!made.backend);
	}
	fake_init(&chip);
	chip.caps &= ~0x20u; /* no FIFO */
	CHECK(fake_attach(&made, CE99_PATH_FIFO, why) == -EOPNOTSUPP && chip.writes == 0);
	fake_init(&chip);
	chip.caps &= ~0x60u;
	CHECK(fake_attach(&made, CE99_PATH_AUTO, why) == -EOPNOTSUPP);
	fake_init(&chip);
	chip.caps &= ~0x1fu; /* no key registers */
	CHECK(fake_attach(&made, CE99_PATH_AUTO, why) == -EOPNOTSUPP);
}

static void test_no_bring_up(void)
{
	struct ce99 *ce;

	fake_init(&chip);
	chip.test_fails = true;
	CHECK(!fake_device(CE99_PATH_AUTO) && strstr(device.explained, "not initialised"));
	fake_init(&chip);
	chip.single = true;
	CHECK(!fake_device(CE99_PATH_AUTO) && strstr(device.explained, "key registers"));
	/* Another order of the keys: found out by the test, and only that isn't offered. */
	fake_init(&chip);
	chip.reversed = true;
	ce = fake_device(CE99_PATH_AUTO);
	CHECK(ce && strstr(host_logged, "des-ede3"));
	for (unsigned i = 0; ce && i < ce99_row_count; i++)
		CHECK(ce->offered[i] == (ce99_rows[i].keys == 1));
	if (ce)
		fake_remove(ce);
	/* Two registers are not enough for three keys. */
	fake_init(&chip);
	chip.caps = (chip.caps & ~0x1fu) | 2;
	ce = fake_device(CE99_PATH_AUTO);
	for (unsigned i = 0; CHECK(ce) && i < ce99_row_count; i++)
		CHECK(ce->offered[i] == (ce99_rows[i].keys == 1));
	if (ce)
		fake_remove(ce);
}

int main(void)
{
	test_known_answers();
	test_key_numbers();
	test_cache();
	test_expiry();
	test_meanings();
	test_statuses();
	test_signature();
	test_no_bring_up();
	return checks_end();
}
