/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The HIFN driver: the reference's worked examples byte for byte, rings that wrap, bring-up, every
 * way in which the chip can fail, and keys that it remembers. */
#include "hifn_ops.h"

/* ---- the worked examples: rings at 0x00100000, buffers at 0x0011... to 0x0014... ---- */

static _Alignas(8) uint8_t ring_memory[4][81 * 8];
static struct hifn_ring rings[4]; /* command, source, destination, result */
static const struct {
	uint32_t bus;
	unsigned size;
} ring_places[4] = {
	{ 0x00100000, 24 }, { 0x001000c8, 80 }, { 0x00100350, 80 }, { 0x001005d8, 24 }
};

static void make_rings(void)
{
	for (unsigned i = 0; i < 4; i++)
		hifn_ring_init(&rings[i], ring_memory[i], ring_places[i].bus,
		               ring_places[i].size);
}

static void test_descriptors(void)
{
	make_rings();
	CHECK(hifn_ring_push(&rings[1], D_LAST | D_MASKDONE, 0x00130000, 0x20) == 0);
	CHECK(hifn_ring_push(&rings[2], D_LAST | D_MASKDONE, 0x00140000, 0x20) == 0);
	CHECK(hifn_ring_push(&rings[3], D_LAST, 0x00120000, 0x24) == 0);
	CHECK(hifn_ring_push(&rings[0], D_LAST | D_MASKDONE, 0x00110000, 0x30) == 0);
	CHECK(equals(ring_memory[0], "300000a200001100"));
	CHECK(equals(ring_memory[1], "200000a200001300"));
	CHECK(equals(ring_memory[2], "200000a200001400"));
	CHECK(equals(ring_memory[3], "240000a000001200"));
	CHECK(hifn_ring_push(&rings[0], D_LAST | D_MASKDONE, 0x00110200, 0x50) == 1);
	CHECK(hifn_ring_push(&rings[1], D_LAST | D_MASKDONE, 0x00130100, 0x40) == 1);
	CHECK(hifn_ring_push(&rings[2], D_LAST | D_MASKDONE, 0x00140100, 0x40) == 1);
	CHECK(hifn_ring_push(&rings[3], D_LAST, 0x00120040, 0x24) == 1);
	CHECK(equals(ring_memory[0] + 8, "500000a200021100"));
	CHECK(equals(ring_memory[1] + 8, "400000a200011300"));
	CHECK(equals(ring_memory[2] + 8, "400000a200011400"));
	CHECK(equals(ring_memory[3] + 8, "240000a040001200"));
	CHECK(!hifn_ring_done(&rings[0], 0));
	ring_memory[0][3] = 0x22; /* as the chip gives it back */
	CHECK(hifn_ring_done(&rings[0], 0));
}

/* Once round: the jump is armed before the first entry is used again, and not before. */
static void test_jumps(void)
{
	static const char *const armed[4] = { "000000c200001000", "000000c2c8001000",
		                              "000000c250031000", "000000c2d8051000" };

	make_rings();
	for (unsigned i = 0; i < 4; i++) {
		struct hifn_ring *ring = &rings[i];

		for (unsigned n = 0; n < ring->size; n++) {
			CHECK(hifn_ring_room(ring, ring->size - n));
			hifn_ring_push(ring, D_LAST, 0x00110000, 4);
		}
		CHECK(equals(ring_memory[i] + 8 * ring->size, "0000000000000000"));
		CHECK(!hifn_ring_room(ring, 1));
		ring_memory[i][3] &= 0x7f;
		CHECK(hifn_ring_room(ring, 1) && !hifn_ring_room(ring, 2));
		CHECK(hifn_ring_push(ring, D_LAST, 0x00110000, 4) == 0);
		CHECK(equals(ring_memory[i] + 8 * ring->size, armed[i]));
	}
}

static void test_commands(void)
{
	static const uint8_t key[] = { 0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
		                       0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c };
	uint8_t iv[16], mac_key[HIFN_MAC_KEY], out[HIFN_COMMAND_MAX];
	struct hifn_command command = { .row = row("aes-128-cbc"),
		                        .key = key,
		                        .iv = iv,
		                        .src = 32,
		                        .dst = 32,
		                        .new_key = true };

	for (unsigned i = 0; i < sizeof(iv); i++)
		iv[i] = (uint8_t)i;
	CHECK(hifn_command_build(out, &command) == 48);
	CHECK(equals(out, "0008 0000 2000 2000 0b18 0000 2000 0000"
	                  "2b7e151628aed2a6abf7158809cf4f3c 000102030405060708090a0b0c0d0e0f"));
	command.decode = true;
	CHECK(hifn_command_build(out, &command) == 48 && equals(out, "0028"));

	memset(mac_key, 0, sizeof(mac_key));
	memset(mac_key, 0x0b, 20);
	command = (struct hifn_command){
		.row = row("hmac-sha1"), .key = mac_key, .src = 64, .dst = 64, .new_key = true
	};
	CHECK(hifn_command_build(out, &command) == 80);
	CHECK(equals(out, "0004 0000 4000 4000 200a 0000 4000 0000"));
	CHECK(!memcmp(out + 16, mac_key, sizeof(mac_key)));
	command = (struct hifn_command){ .row = row("aes-128-cbc"),
		                         .key = key,
		                         .iv = iv,
		                         .src = 0x20020,
		                         .dst = 0x20020,
		                         .new_key = true,
		                         .mac = row("hmac-sha1"),
		                         .mac_key = mac_key,
		                         .mac_bytes = 0x2001f };
	CHECK(hifn_command_build(out, &command) == 120);
	CHECK(equals(out, "000c 00a0 2000 2000 208a 0000 1f00 0000 0b98 0000 2000 0000"));
	CHECK(!memcmp(out + 24, mac_key, sizeof(mac_key)));
	CHECK(!memcmp(out + 88, key, 16) && !memcmp(out + 104, iv, 16));
	command = (struct hifn_command){
		.row = row("hmac-md5"), .key = mac_key, .src = 64, .dst = 64, .new_key = true
	};
	CHECK(hifn_command_build(out, &command) == 80 && equals(out + 8, "210a"));
	command.row = row("sha1");
	CHECK(hifn_command_build(out, &command) == 16 && equals(out + 8, "2802"));
	command.row = row("md5");
	CHECK(hifn_command_build(out, &command) == 16 && equals(out + 8, "2902"));
}

static void test_masks(void)
{
	static const struct {
		const char *alg;
		uint16_t masks;
	} table[] = {
		{ "des-ecb", 0x0800 },      { "des-cbc", 0x1808 },
		{ "des-cfb", 0x1810 },      { "des-ofb", 0x1818 },
		{ "des-ede3-ecb", 0x0801 }, { "des-ede3-cbc", 0x1809 },
		{ "des-ede3-cfb", 0x1811 }, { "des-ede3-ofb", 0x1819 },
		{ "aes-128-ecb", 0x0803 },  { "aes-128-cbc", 0x180b },
		{ "aes-128-cfb", 0x1813 },  { "aes-128-ofb", 0x181b },
		{ "aes-192-ecb", 0x0a03 },  { "aes-192-cbc", 0x1a0b },
		{ "aes-192-cfb", 0x1a13 },  { "aes-192-ofb", 0x1a1b },
		{ "aes-256-ecb", 0x0c03 },  { "aes-256-cbc", 0x1c0b },
		{ "aes-256-cfb", 0x1c13 },  { "aes-256-ofb", 0x1c1b },
	};
	uint8_t key[32] = { 0 }, out[HIFN_COMMAND_MAX];

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct hifn_command command = { .row = row(table[i].alg),
			                        .key = key,
			                        .iv = key,
			                        .src = 0x21230,
			                        .dst = 0x21238,
			                        .new_key = true };

		hifn_command_build(out, &command);
		CHECK((out[8] | out[9] << 8) == (table[i].masks | 2 << 14));
		CHECK(equals(out, "0008 00a0 3012 3812"));
	}
}

static void test_unlock_words(void)
{
	static const uint32_t words[2][14] = {
		{ 0x12345678, 0x63a6dde3, 0xcf890fac, 0xb59858b2, 0x6313b1f9, 0x75230cc6,
		  0x52426f0f, 0xdf2361fe, 0x8f0f6cd9, 0x8cbbc7c8, 0x064a08d0, 0xcdd68a88,
		  0xb2149459, 0x4d4b79c9 },
		{ 0x00000001, 0x88b454be, 0x97e7e262, 0x2945497e, 0x1f288f89, 0x3d8be4dc,
		  0xe3e0989e, 0x165f8439, 0x1845378d, 0x18779966, 0x72352fbb, 0x5b6f2956,
		  0x69a898e5, 0x84f2acc3 },
	};

	for (unsigned i = 0; i < 2; i++)
		for (unsigned n = 0; n < 13; n++)
			CHECK(hifn_unlock_step(words[i][n]) == words[i][n + 1]);
}

static void test_pll(void)
{
	uint32_t bits = 0;

	CHECK(!hifn_pll_parse("ext66", &bits) && bits == 0x0801);
	CHECK(!hifn_pll_parse("pci33", &bits) && bits == 0x1800);
	CHECK(!hifn_pll_parse("pci66", &bits) && bits == 0x0800);
	CHECK(!hifn_pll_parse("ext20", &bits) && bits == 0x12801);
	CHECK(!hifn_pll_parse("ext100", &bits) && bits == 0x0001);
	CHECK(!hifn_pll_parse("ext53", &bits) && bits == 0x0801);
	CHECK(hifn_pll_parse("ext19", &bits) && hifn_pll_parse("ext101", &bits));
	CHECK(hifn_pll_parse("pci50", &bits) && hifn_pll_parse("66", &bits));
	CHECK(hifn_pll_parse("ext", &bits) && hifn_pll_parse("ext66x", &bits));
	CHECK(hifn_pll_parse("ext-66", &bits));
}

/* ---- on the fake chip ---- */

static void test_bring_up(void)
{
	struct hifn *hifn = make_device();

	CHECK(chip.unlocked == 13 && chip.strange == 0);
	CHECK(chip.bar1[PLL / 4] == 0x0c19);
	CHECK(chip.bar0[PUCNFG / 4] == 0x0344 && chip.bar0[FIFOCNFG / 4] == 0x0400);
	CHECK(chip.bar1[CNFG / 4] == 0x00010017 && chip.bar1[CNFG2 / 4] == 0x3322);
	CHECK(chip.bar1[IER / 4] == 0); /* the fake has no interrupts */
	for (unsigned i = 0; i < hifn_row_count; i++)
		CHECK(hifn->offered[i]);
	fake_remove(hifn);
	CHECK(!(chip.card.config[CARD_CONFIG_COMMAND] & CARD_COMMAND_MASTER));
	CHECK(chip.bar1[CNFG / 4] == CNFG_ALIVE);
}

static void test_weak_chip(void)
{
	struct hifn *hifn;

	fake_init(&chip);
	chip.level_weak = true;
	hifn = fake_device(&device, &chip);
	CHECK(hifn);
	for (unsigned i = 0; hifn && i < hifn_row_count; i++)
		CHECK(hifn->offered[i] == !hifn_rows[i].strong);
	if (hifn)
		fake_remove(hifn);
}

static void test_no_bring_up(void)
{
	fake_init(&chip);
	chip.fault = FAKE_VANISH;
	CHECK(!fake_device(&device, &chip));
	fake_init(&chip);
	chip.fault = FAKE_HANG;
	CHECK(!fake_device(&device, &chip) && strstr(device.explained, "doesn't answer"));
	fake_init(&chip);
	chip.fault = FAKE_ABORT;
	CHECK(!fake_device(&device, &chip) && strstr(device.explained, "DMA was aborted"));
	fake_init(&chip);
	chip.bar1[UNLOCK_SEED / 4] = 0;
	CHECK(!fake_device(&device, &chip) && strstr(device.explained, "unlocked"));
}

/* A chip that gets one thing wrong doesn't offer it. */
static void test_wrong_at_first(void)
{
	struct hifn *hifn;

	for (unsigned i = 0; i < 2; i++) {
		fake_init(&chip);
		chip.fault = i ? FAKE_SHORT : FAKE_WRONG; /* the latter is not reported */
		hifn = fake_device(&device, &chip);
		CHECK(hifn && !hifn->offered[0] && hifn->offered[1]);
		chip.fault = FAKE_SHORT; /* hits the commands that overwrite the keys */
		if (hifn)
			fake_remove(hifn);
	}
}

/* ---- faults ---- */

/* What one fault makes of an operation, and of the device. */
static void check_fault(enum fake_fault fault, int error, const char *broken)
{
	struct hifn *hifn = make_device();
	struct host_op one = make_op("aes-128-cbc", ACR_ENCRYPT, input, 64, output);
	struct acr_op *ops[] = { &one.op };

	chip.fault = fault;
	CHECK(driver()->submit(&device, ops, 1) == 1);
	hifn_reap(hifn, true);
	if (!CHECK(one.ends == 1 && one.error == error))
		printf("  fault %d: %d ends, error %d\n", fault, one.ends, one.error);
	CHECK(!!broken == hifn->broken && device.broken_count == !!broken);
	CHECK(!broken || strstr(device.broken, broken));
	if (broken) {
		CHECK(driver()->submit(&device, ops, 1) == 0);
	} else {
		one = make_op("aes-128-cbc", ACR_ENCRYPT, input, 64, output);
		CHECK(complete(hifn, &one) == 0); /* it goes on */
	}
	fake_remove(hifn);
}

static void test_faults(void)
{
	check_fault(FAKE_ABORT, -EIO, "source ring");
	check_fault(FAKE_VANISH, -EIO, "gone");
	check_fault(FAKE_INVALID, -EIO, NULL);
	check_fault(FAKE_OVERRUN, -EIO, NULL);
	check_fault(FAKE_SHORT, -EIO, NULL);
	check_fault(FAKE_STINGY, -EIO, NULL);
	check_fault(FAKE_CUT, -EIO, NULL);
}

/* The clock is what makes a hang: the timer's function is called as the reactor would. */
static void test_hang(void)
{
	struct hifn *hifn = make_device();
	struct host_op one = make_op("sha1", ACR_HASH, input, 64, output);
	struct acr_op *ops[] = { &one.op };

	chip.fault = FAKE_HANG;
	CHECK(driver()->submit(&device, ops, 1) == 1);
	hifn_on_timer(hifn, 0);
	CHECK(!one.ends && !hifn->broken);
	hifn->progress_ns -= hifn->timeout_ns;
	hifn_on_timer(hifn, 0);
	CHECK(one.ends == 1 && one.error == -EIO && strstr(device.broken, "hangs"));
	fake_remove(hifn);
}

/* A chip that never gives source descriptors back can't be worked with for long. */
static void test_kept_descriptors(void)
{
	struct hifn *hifn = make_device();
	unsigned done = 0;

	chip.fault = FAKE_KEEP;
	for (unsigned i = 0; i < 1000 && !hifn->broken; i++) {
		struct host_op one = make_op("sha1", ACR_HASH, input, 64, output);
		struct acr_op *ops[] = { &one.op };

		if (driver()->submit(&device, ops, 1) == 1) {
			hifn_reap(hifn, true);
			CHECK(one.ends == 1);
			done++;
		}
	}
	CHECK(hifn->broken && done < HIFN_SOURCES &&
	      strstr(device.broken, "keeps descriptors"));
	fake_remove(hifn);
}

/* Neither key nor data stay behind in what the card can read. */
static void test_wiped(void)
{
	struct hifn *hifn = make_device();
	struct host_op one = make_op("hmac-sha1", ACR_MAC, input, 20001, output);
	const uint8_t *memory = hifn->dma->memory;
	size_t dirty = 0;

	CHECK(complete(hifn, &one) == 0);
	for (size_t i = 0x2400; i < HIFN_DMA_BYTES; i++)
		dirty += memory[i] != 0;
	CHECK(dirty == 0);
	fake_remove(hifn);
	/* The last keys that the chip saw are zeros. */
	CHECK(equals(chip.last_command + 16, "00000000000000000000000000000000"));
}

/* ---- contexts ---- */

/* One op under the nth key. */
static int run_with_key(struct hifn *hifn, const char *alg, unsigned n)
{
	struct host_op one = make_op(alg, ACR_ENCRYPT, input, 64, output);
	int error;

	key_bytes[0] = (uint8_t)n;
	error = complete(hifn, &one);
	if (!error) {
		reference(alg, true, false, input, 64, expected);
		CHECK(!memcmp(output, expected, 64));
	}
	return error;
}

/* Few keys, used again: loaded once each. Then too many: loaded each time. */
static void test_contexts(void)
{
	struct hifn *hifn;
	unsigned before;

	fake_contexts = 8;
	hifn = make_device();
	before = chip.stored_uses;
	CHECK(before == 5 * 8 && hifn->contexts); /* the test of the contexts */
	for (unsigned i = 0; i < 80; i++)
		CHECK(!run_with_key(hifn, i % 2 ? "aes-128-cbc" : "aes-256-ecb", i % 8));
	CHECK(chip.stored_uses == before + 72);
	for (unsigned i = 0; i < 90; i++)
		CHECK(!run_with_key(hifn, "aes-192-ofb", i % 9));
	CHECK(chip.stored_uses == before + 72);
	/* After a failure nothing is believed to be there. */
	CHECK(!run_with_key(hifn, "aes-192-ofb", 8));
	CHECK(chip.stored_uses == before + 73);
	chip.fault = FAKE_INVALID;
	CHECK(run_with_key(hifn, "aes-192-ofb", 8) == -EIO);
	memset(chip.stored, 0xee, sizeof(chip.stored));
	CHECK(!run_with_key(hifn, "aes-192-ofb", 8) && !run_with_key(hifn, "aes-192-ofb", 7));
	fake_remove(hifn);
	for (unsigned i = 0; i <= 8; i++)
		for (unsigned b = 0; b < 32; b++)
			CHECK(chip.stored[i][b] == 0);
	fake_contexts = 0;
}

/* A failure taints what relies on it, though that is answered without an error. */
static void test_failed_key(void)
{
	struct host_op two[2];
	struct acr_op *ops[2] = { &two[0].op, &two[1].op };
	struct hifn *hifn;

	fake_contexts = 4;
	hifn = make_device();
	for (unsigned i = 0; i < 2; i++)
		two[i] = make_op("aes-128-cbc", ACR_ENCRYPT, input, 32, output);
	chip.fault = FAKE_SHORT;
	CHECK(driver()->submit(&device, ops, 2) == 2);
	hifn_reap(hifn, false);
	CHECK(two[0].ends == 1 && two[0].error == -EIO && two[1].ends == 1 &&
	      two[1].error == -EIO);
	fake_remove(hifn);
	fake_contexts = 0;
}

static void test_forgetful_chip(void)
{
	struct hifn *hifn;

	fake_contexts = 8;
	fake_init(&chip);
	chip.forgetful = true;
	hifn = fake_device(&device, &chip);
	CHECK(hifn && !hifn->contexts && strstr(host_logged, "doesn't remember"));
	for (unsigned i = 0; hifn && i < 20; i++)
		CHECK(!run_with_key(hifn, "aes-128-cbc", i % 3));
	if (hifn)
		fake_remove(hifn);
	fake_contexts = 0;
}

int main(void)
{
	fill_input();
	test_descriptors();
	test_jumps();
	test_commands();
	test_masks();
	test_unlock_words();
	test_pll();
	test_bring_up();
	test_weak_chip();
	test_no_bring_up();
	test_wrong_at_first();
	test_faults();
	test_hang();
	test_kept_descriptors();
	test_wiped();
	test_contexts();
	test_failed_key();
	test_forgetful_chip();
	return checks_end();
}
