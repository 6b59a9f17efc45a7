/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PadLock driver without its instructions: what is computed around them. */
#include "drivers/padlock/padlock.h"

#include "tests/lib/check.h"
#include "tests/lib/driver_host.h"

/* ---- what driver_host.h has not ---- */

void acr_device_set_area(struct acr_device *dev, size_t area_size)
{
	(void)dev;
	(void)area_size;
}

void acr_op_set_state(struct acr_op *op, void *state)
{
	op->state = state;
}

/* ---- key schedules ---- */

/* Rows of the reference, 13.2: what OpenSSL's engine hands to the instruction. */
struct known_schedule {
	unsigned bytes;
	const char *encrypt, *decrypt;
};

static const struct known_schedule schedules[] = {
	{ 24,
	  "000102030405060708090a0b0c0d0e0f10111213141516175846f2f95c43f4fe"
	  "544afef55847f0fa4856e2e95c43f4fe40f949b31cbabd4d48f043b810b7b342"
	  "58e151ab04a2a5557effb5416245080c2ab54bb43a02f8f662e3a95d66410c08"
	  "f501857297448d7ebdf1c6ca87f33e3ce510976183519b6934157c9ea351f1e0"
	  "1ea0372a995309167c439e77ff12051edd7e0e887e2fff68608fc842f9dcc154"
	  "859f5f237a8d5a3dc0c02952beefd63ade601e7827bcdf2ca223800fd8aeda32"
	  "a4970a331a78dc09c418c271e3a41d5d",
	  "a4970a331a78dc09c418c271e3a41d5dd6bebd0dc209ea494db073803e021bb9"
	  "8fb999c973b26839c7f9d89d85c68c72f77d6ec1423f54ef5378317f14b75744"
	  "1147659047cf663b9b0ece8dfc0bf1f0dcc1a8b667053f7dcc5c194ab5423a2e"
	  "c6deb0ab791e2364a4055fbe568803abdd1b7cdaf28d5c158a49ab1dbbc497cb"
	  "78c4f708318d3cd69655b701bfc093cf60dcef10299524ce62dbef152f9620cf"
	  "4b4ecbdb4d4dcfda5752d7c74949cbde1a1f181d1e1b1c194742c7d74949cbde"
	  "000102030405060708090a0b0c0d0e0f" },
	{ 32,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "a573c29fa176c498a97fce93a572c09c1651a8cd0244beda1a5da4c10640bade"
	  "ae87dff00ff11b68a68ed5fb03fc15676de1f1486fa54f9275f8eb5373b8518d"
	  "c656827fc9a799176f294cec6cd5598b3de23a75524775e727bf9eb45407cf39"
	  "0bdc905fc27b0948ad5245a4c1871c2f45f5a66017b2d387300d4d33640a820a"
	  "7ccff71cbeb4fe5413e6bbf0d261a7dff01afafee7a82979d7a5644ab3afe640"
	  "2541fe719bf500258813bbd55a721c0a4e5a6699a9f24fe07e572baacdf8cdea"
	  "24fc79ccbf0979e9371ac23c6d68de36",
	  "24fc79ccbf0979e9371ac23c6d68de3634f1d1ffbfceaa2ffce9e25f2558016e"
	  "5e1648eb384c350a7571b746dc80e684c8a305808b3f7bd043274870d9b1e331"
	  "b5708e13665a7de14d3d824ca9f151c274da7ba3439c7e50c81833a09a96ab41"
	  "3ca69715d32af3f22b67ffade4ccd38ef85fc4f3374605f38b844df0528e98e1"
	  "de69409aef8c64e7f84d0c5fcfab2c23aed55816cf19c100bcc24803d90ad511"
	  "15c668bd31e5247d17c168b837e6207c7fd7850f61cc991673db890365c89d12"
	  "2a2840c924234cc026244cc5202748c41a1f181d1e1b1c191217101516131411"
	  "000102030405060708090a0b0c0d0e0f" },
};

static bool is_hex(const uint8_t *data, const char *hex)
{
	for (; *hex; hex += 2, data++) {
		char text[3] = { hex[0], hex[1], 0 };

		if (strtoul(text, NULL, 16) != *data)
			return false;
	}
	return true;
}

static void test_schedules(void)
{
	uint8_t key[32], made[256];

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof(schedules) / sizeof(schedules[0]); i++) {
		const struct known_schedule *known = &schedules[i];

		memset(made, 0, sizeof(made));
		padlock_expand(key, known->bytes, made);
		CHECK(is_hex(made, known->encrypt));
		padlock_invert(made, PADLOCK_ROUNDS(known->bytes));
		CHECK(is_hex(made, known->decrypt));
		for (unsigned k = (unsigned)strlen(known->decrypt) / 2; k < sizeof(made); k++)
			CHECK(made[k] == 0);
	}
}

/* FIPS 197, A.1: the last round key. */
static void test_schedule_of_128(void)
{
	static const uint8_t key[16] = { 0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
		                         0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c };
	uint8_t made[256] = { 0 };

	padlock_expand(key, sizeof(key), made);
	CHECK(is_hex(made + 16, "a0fafe1788542cb123a339392a6c7605"));
	CHECK(is_hex(made + 160, "d014f9a8c9ee2589e13f0cc8b6630ca6"));
	padlock_invert(made, 10);
	CHECK(is_hex(made, "d014f9a8c9ee2589e13f0cc8b6630ca6"));
	CHECK(!memcmp(made + 160, key, 16));
}

/* ---- counters ---- */

static void test_carry(void)
{
	uint8_t iv[16] = { [13] = 0xff }, all[16], one[16], stepped[16];

	CHECK(padlock_until_wrap(iv) == 65536);
	padlock_carry(iv); /* bytes 14 and 15 have just become 0 */
	CHECK(iv[12] == 1 && iv[13] == 0 && iv[14] == 0 && iv[15] == 0);
	iv[15] = 1;
	padlock_carry(iv);
	CHECK(iv[12] == 1 && iv[13] == 0 && iv[15] == 1 && padlock_until_wrap(iv) == 65535);
	iv[14] = iv[15] = 0xff;
	CHECK(padlock_until_wrap(iv) == 1);
	memset(all, 0xff, 14);
	all[14] = all[15] = 0;
	padlock_carry(all);
	for (unsigned i = 0; i < 16; i++)
		CHECK(all[i] == 0);
	memset(one, 0xff, sizeof(one));
	padlock_count(one, 3);
	CHECK(one[15] == 2 && one[0] == 0 && one[14] == 0);
	memset(one, 0xfe, sizeof(one));
	memcpy(stepped, one, sizeof(one));
	padlock_count(one, 70000);
	for (unsigned i = 0; i < 70000; i++)
		padlock_count(stepped, 1);
	CHECK(!memcmp(one, stepped, sizeof(one)));
}

/* ---- padding ---- */

static unsigned slow_padding(const uint8_t *block)
{
	unsigned n = block[15];

	if (n < 1 || n > 16)
		return 0;
	for (unsigned i = 16 - n; i < 16; i++)
		if (block[i] != n)
			return 0;
	return n;
}

static void test_padding(void)
{
	uint8_t block[16];
	uint64_t seed = 99;

	for (unsigned value = 0; value < 256; value++) {
		for (unsigned wrong = 0; wrong < 17; wrong++) {
			memset(block, (int)value, sizeof(block));
			if (wrong < 16)
				block[wrong] ^= 1u << chance(&seed, 8);
			CHECK(padlock_padding(block) == slow_padding(block));
		}
	}
	for (unsigned n = 1; n <= 16; n++) {
		memset(block, 0xab, sizeof(block));
		memset(block + 16 - n, (int)n, n);
		CHECK(padlock_padding(block) == n);
	}
}

/* ---- chunks ---- */

/* By the definition: the bytes that are fetched, to the next multiple of the group, stay before
 * the page behind the input. */
static bool is_safe(uintptr_t src, size_t blocks)
{
	uintptr_t end = src + blocks * 16;
	size_t fetched = (blocks * 16 + PADLOCK_GROUP - 1) / PADLOCK_GROUP * PADLOCK_GROUP;
	uintptr_t next_page = (end + 4095) / 4096 * 4096;

	return src + fetched <= next_page;
}

static void test_stretches(void)
{
	for (uintptr_t src = 0x10000; src < 0x12000; src += 1 + (src & 16)) {
		for (size_t blocks = 1; blocks < 40; blocks++) {
			size_t n = padlock_stretch(src, blocks);

			CHECK(n <= blocks && n + PADLOCK_GROUP / 16 > blocks);
			CHECK(!n || is_safe(src, n) || n % (PADLOCK_GROUP / 16) == 0);
			/* No copy without need. */
			CHECK(n == blocks || !is_safe(src, blocks) ||
			      4096 - (src + blocks * 16) % 4096 < PADLOCK_GROUP);
		}
	}
	CHECK(padlock_stretch(0x10000, 256) == 256);
	CHECK(padlock_stretch(0x10000 + 4096 - 16, 1) == 0);
	CHECK(padlock_stretch(0x10000 + 4096 - 160, 10) == 8);
	CHECK(padlock_stretch(0x10000 + 4096 - 160, 2) == 2);
}

/* ---- processors ---- */

static struct padlock_cpuid vendor(const char name[12])
{
	struct padlock_cpuid leaf = { 0 };

	memcpy(&leaf.ebx, name, 4);
	memcpy(&leaf.edx, name + 4, 4);
	memcpy(&leaf.ecx, name + 8, 4);
	return leaf;
}

static bool decode(const char *name, uint32_t signature, uint32_t highest, uint32_t edx,
                   struct padlock_cpu *cpu)
{
	const struct padlock_cpuid leaves[4] = {
		vendor(name), { .eax = signature }, { .eax = highest }, { .edx = edx }
	};

	return padlock_cpu_decode(leaves, cpu);
}

static void test_processors(void)
{
	struct padlock_cpu cpu;

	CHECK(!decode("GenuineIntel", 0x6f2, 0xC0000001, 0x3fcc, &cpu));
	CHECK(!decode("VIA VIA VIA ", 0x6f2, 0xC0000001, 0x3fcc, &cpu));
	CHECK(!decode("CentaurHauls", 0x6f2, 0xC0000000, 0x3fcc, &cpu));
	CHECK(!decode("CentaurHauls", 0x6f2, 0x0000000d, 0x3fcc, &cpu));
	CHECK(!decode("CentaurHauls", 0x6f2, 0xFFFFFFFF, 0x3fcc, &cpu));
	CHECK(decode("CentaurHauls", 0x6f2, 0xC0000001, 0x3fcc, &cpu));
	CHECK(cpu.units == (PADLOCK_RNG | PADLOCK_ACE | PADLOCK_ACE2 | PADLOCK_PHE));
	CHECK(cpu.align && cpu.hash_blocks && !cpu.rng_status && !cpu.zhaoxin);
	CHECK(cpu.family == 6 && cpu.model == 0xf);
	/* Present is not enabled. */
	CHECK(decode("CentaurHauls", 0x6f2, 0xC0000001, 0x1544, &cpu) && !cpu.units);
	CHECK(decode("CentaurHauls", 0x6f2, 0xC0000001, 0x2a88, &cpu) && !cpu.units);
	CHECK(decode("CentaurHauls", 0x6f2, 0xC0000001, 0x3dcc, &cpu));
	CHECK(!(cpu.units & PADLOCK_ACE2) && !cpu.align);
	/* But for one bit of Zhaoxin's. */
	CHECK(decode("  Shanghai  ", 0x507b3, 0xC0000006, 0x3dcc, &cpu));
	CHECK(cpu.units & PADLOCK_ACE2 && cpu.zhaoxin && cpu.align && cpu.sm4_modes);
	CHECK(cpu.family == 7 && cpu.model == 0x5b);
	CHECK(decode("CentaurHauls", 0x10690, 0xC0000001, 0x3dfc, &cpu));
	CHECK(cpu.zhaoxin && cpu.units & PADLOCK_CCS && !cpu.sm4_modes);
	CHECK(decode("CentaurHauls", 0x6a9, 0xC0000001, 0x3fcc, &cpu));
	CHECK(!cpu.align && !cpu.hash_blocks && cpu.rng_status);
	CHECK(decode("CentaurHauls", 0x698, 0xC0000001, 0x00cc, &cpu));
	CHECK(cpu.units == (PADLOCK_RNG | PADLOCK_ACE) && !cpu.counts);
}

static void test_lists_of_processors(void)
{
	static const char *const bad[] = { "",
		                           "+",
		                           "1+",
		                           "a",
		                           "1-",
		                           "3-1",
		                           "1,2",
		                           "-1",
		                           " 1",
		                           "1 ",
		                           "0-3+",
		                           "0--3",
		                           "9",
		                           "0-9",
		                           "0x1",
		                           "1++2",
		                           "99999999999999999999" };
	cpu_set_t allowed, cpus;

	CPU_ZERO(&allowed);
	for (int i = 0; i < 8; i++)
		CPU_SET(i, &allowed);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!padlock_cpus_parse(bad[i], &allowed, &cpus));
	CHECK(padlock_cpus_parse("0-7", &allowed, &cpus) == 8 && CPU_EQUAL(&cpus, &allowed));
	CHECK(padlock_cpus_parse("3", &allowed, &cpus) == 1 && CPU_ISSET(3, &cpus));
	CHECK(padlock_cpus_parse("0-1+5+5-6", &allowed, &cpus) == 4 && CPU_ISSET(6, &cpus));
}

/* ---- health of the generator ---- */

static unsigned bytes_until_alarm(uint8_t (*next)(unsigned at), unsigned most)
{
	struct padlock_health health = { 0 };

	for (unsigned i = 0; i < most; i++)
		if (!padlock_health_note(&health, next(i)))
			return i + 1;
	return 0;
}

static uint8_t stuck(unsigned at)
{
	(void)at;
	return 0;
}

static uint8_t five_in_a_row(unsigned at)
{
	return (uint8_t)(at / 5 * 7);
}

static uint8_t often_the_same(unsigned at)
{
	return at % 8 ? (uint8_t)(at * 37 + 1) : 0x5a;
}

static uint8_t mixed(unsigned at)
{
	static uint64_t seed = 4711;

	(void)at;
	return (uint8_t)chance(&seed, 256);
}

static void test_health(void)
{
	CHECK(bytes_until_alarm(stuck, 100) == 6);
	CHECK(bytes_until_alarm(five_in_a_row, 1280) == 0);
	CHECK(bytes_until_alarm(often_the_same, 512) > 200);
	CHECK(bytes_until_alarm(mixed, 1000000) == 0);
}

/* ---- without the processor ---- */

static void test_refuses_other_processors(void)
{
	const struct acr_driver *driver = acrypto_driver.driver;
	struct padlock_cpu cpu;
	struct acr_device dev = { 0 };

	if (padlock_cpu_detect(&cpu)) {
		printf("THIS PROCESSOR HAS PADLOCK: its absence is not tested\n");
		return;
	}
	CHECK(driver->probe(&dev) == -ENODEV && dev.caps_count == 0);
	CHECK(strstr(dev.explained, "PadLock"));
	dev.options[0][0] = "cpus";
	dev.options[0][1] = "no";
	CHECK(driver->probe(&dev) == -EINVAL);
	CHECK(strstr(dev.explained, "cpus=no"));
	dev.options[0][0] = "quality";
	dev.options[0][1] = "4";
	CHECK(driver->probe(&dev) == -EINVAL);
}

int main(void)
{
	test_schedules();
	test_schedule_of_128();
	test_carry();
	test_padding();
	test_stretches();
	test_processors();
	test_lists_of_processors();
	test_health();
	test_refuses_other_processors();
	return checks_end();
}
