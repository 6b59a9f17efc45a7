/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations of the HIFN driver: every length, also such as need several descriptors or commands,
 * padding, many at once, and such as are given up. */
#include "hifn_ops.h"

#include <unistd.h>

/* Both ways, through any number of passes. */
static void check_cipher(struct hifn *hifn, const char *alg, const char *name, bool padded,
                         size_t n)
{
	static uint8_t back[ROOM + 64];
	struct host_op one = make_op(alg, ACR_ENCRYPT, input, n, output);
	int made = reference(name, true, padded, input, n, expected);

	one.op.padding = padded ? ACR_PAD_PKCS7 : ACR_PAD_NONE;
	CHECK(complete(hifn, &one) == 0);
	CHECK((int)one.op.dst_len == made && !memcmp(output, expected, one.op.dst_len));
	one = make_op(alg, ACR_DECRYPT, expected, (size_t)made, back);
	one.op.padding = padded ? ACR_PAD_PKCS7 : ACR_PAD_NONE;
	one.op.dst_size =
	        padded ? (size_t)made - 1 : n; /* no byte more than the longest plaintext */
	CHECK(complete(hifn, &one) == 0);
	CHECK(one.op.dst_len == n && !memcmp(back, input, n));
}

static const size_t limits[] = { HIFN_BLOCK,       2 * HIFN_BLOCK,     65536,
	                         HIFN_CIPHER_PASS, HIFN_COUNT_MAX + 1, 3 * HIFN_CIPHER_PASS };

static void test_ciphers(void)
{
	static const char *const table[][2] = {
		{ "aes-128-cbc", "AES-128-CBC" },   { "aes-192-ecb", "AES-192-ECB" },
		{ "aes-256-cfb", "AES-256-CFB" },   { "aes-128-ofb", "AES-128-OFB" },
		{ "des-ede3-cbc", "DES-EDE3-CBC" }, { "des-ede3-cfb", "DES-EDE3-CFB" },
	};
	struct hifn *hifn = make_device();

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct hifn_row *algorithm = row(table[i][0]);

		for (size_t n = 0; n <= 100; n++) {
			check_cipher(hifn, table[i][0], table[i][1], algorithm->whole, n);
			if (algorithm->whole && n % algorithm->block == 0)
				check_cipher(hifn, table[i][0], table[i][1], false, n);
		}
		for (unsigned k = 0; k < sizeof(limits) / sizeof(limits[0]); k++)
			for (size_t n = limits[k] - 17; n <= limits[k] + 17; n += 1 + n % 3)
				check_cipher(hifn, table[i][0], table[i][1], algorithm->whole,
				             n);
	}
	CHECK(chip.strange == 0);
	CHECK(chip.jumps[FAKE_COMMAND] > 3 && chip.jumps[FAKE_SOURCE] > 3 &&
	      chip.jumps[FAKE_DEST] > 3 && chip.jumps[FAKE_RESULT] > 3);
	CHECK(hifn->free_work_count == HIFN_WORKS && hifn->free_block_count == HIFN_BLOCKS);
	fake_remove(hifn);
}

static void check_mac(struct hifn *hifn, const char *alg, size_t key_len, size_t n)
{
	const struct hifn_row *algorithm = row(alg);
	const EVP_MD *md = algorithm->mac & MAC_MD5 ? EVP_md5() : EVP_sha1();
	bool keyed = !(algorithm->mac & MAC_HASH);
	struct host_op one = make_op(alg, keyed ? ACR_MAC : ACR_HASH, input, n, output);

	if (keyed)
		HMAC(md, key_bytes, (int)key_len, input, n, expected, NULL);
	else
		EVP_Digest(input, n, expected, NULL, md, NULL);
	one.op.key.len = keyed ? key_len : 0;
	one.op.dst_size = algorithm->digest;
	CHECK(complete(hifn, &one) == 0);
	CHECK(one.op.dst_len == algorithm->digest &&
	      !memcmp(output, expected, algorithm->digest));
}

static void test_macs(void)
{
	struct hifn *hifn = make_device();
	struct host_op one;

	for (size_t n = 0; n <= 150; n++) {
		check_mac(hifn, "md5", 0, n);
		check_mac(hifn, "sha1", 0, n);
		check_mac(hifn, "hmac-md5", n % 100, n);
		check_mac(hifn, "hmac-sha1", 100 - n % 100, n);
	}
	for (size_t n = HIFN_MAC_MAX - 20; n <= HIFN_MAC_MAX; n++)
		check_mac(hifn, n % 2 ? "sha1" : "hmac-md5", 20, n);
	for (size_t n = HIFN_BLOCK - 5; n <= HIFN_BLOCK + 5; n++)
		check_mac(hifn, "sha1", 0, n);
	one = make_op("sha1", ACR_HASH, input, HIFN_MAC_MAX + 1, output);
	CHECK(complete(hifn, &one) == -EOPNOTSUPP);
	one = make_op("hmac-sha1", ACR_MAC, input, 100, output);
	one.op.tag_size = 12;
	CHECK(complete(hifn, &one) == 0 && one.op.dst_len == 12);
	one.op.tag_size = 21;
	one.ends = 0;
	CHECK(complete(hifn, &one) == -EINVAL);
	for (size_t n = 0; n < 100; n += 33) {
		HMAC(EVP_sha1(), key_bytes, 20, input, n, expected, NULL);
		one = make_op("hmac-sha1", ACR_VERIFY, input, n, output);
		one.op.sig = (struct acr_bytes){ expected, 12 };
		one.op.dst_size = 6;
		CHECK(complete(hifn, &one) == 0 && one.op.dst_len == 6);
		CHECK(!memcmp(output, ACR_VALID, 6));
		expected[11] ^= 0x80;
		one.ends = 0;
		CHECK(complete(hifn, &one) == -EBADMSG);
		one.op.sig.len = 0;
		one.ends = 0;
		CHECK(complete(hifn, &one) == -EINVAL);
	}
	CHECK(chip.strange == 0);
	fake_remove(hifn);
}

/* An encryption and the MAC of what it gives; along: in one command, else the MAC isn't made. */
static void check_follow(struct hifn *hifn, const char *alg, const char *name, const char *mac,
                         size_t n, bool along)
{
	const struct hifn_row *algorithm = row(alg);
	const EVP_MD *md = row(mac)->mac & MAC_MD5 ? EVP_md5() : EVP_sha1();
	int made = reference(name, true, algorithm->whole, input, n, expected);
	struct acr_follow follow = { .alg = mac,
		                     .cap_data = row(mac),
		                     .key = { key_bytes, n % sizeof(key_bytes) },
		                     .tag_size = n % row(mac)->digest + 1 };
	struct host_op one = make_op(alg, ACR_ENCRYPT, input, n, output);
	unsigned combined = chip.combined, commands = chip.commands;
	uint8_t right[EVP_MAX_MD_SIZE];

	one.op.padding = algorithm->whole ? ACR_PAD_PKCS7 : ACR_PAD_NONE;
	one.op.follow = &follow;
	CHECK(complete(hifn, &one) == 0 && follow.done == along);
	CHECK((int)one.op.dst_len == made && !memcmp(output, expected, one.op.dst_len));
	CHECK(chip.combined == combined + along);
	if (!along)
		return;
	CHECK(chip.commands == commands + 1);
	HMAC(md, key_bytes, (int)follow.key.len, expected, (size_t)made, right, NULL);
	CHECK(!memcmp(follow.mac, right, follow.tag_size) && !follow.mac[follow.tag_size]);
}

static void test_follow(void)
{
	static const char *const macs[] = { "hmac-sha1", "hmac-md5" };
	struct acr_follow follow = { .alg = "hmac-md5",
		                     .cap_data = row("hmac-md5"),
		                     .key = { key_bytes, 20 },
		                     .tag_size = 17 };
	struct hifn *hifn = make_device();
	struct host_op one = make_op("aes-128-cbc", ACR_ENCRYPT, input, 32, output);

	CHECK(hifn->combines && chip.combined == 20);
	for (size_t n = 0; n <= 150; n++) {
		check_follow(hifn, "aes-256-cbc", "AES-256-CBC", macs[n % 2], n, true);
		check_follow(hifn, "des-ede3-ecb", "DES-EDE3", macs[n % 2], n, true);
		check_follow(hifn, "aes-128-cfb", "AES-128-CFB", macs[n % 2], n, n > 0);
	}
	for (size_t n = HIFN_CIPHER_PASS - 33; n <= HIFN_CIPHER_PASS + 1; n++)
		check_follow(hifn, "aes-128-cbc", "AES-128-CBC", macs[n % 2], n,
		             n < HIFN_CIPHER_PASS);
	one.op.follow = &follow; /* longer than it can be */
	CHECK(complete(hifn, &one) == 0 && !follow.done);
	follow.tag_size = 16;
	chip.fault = FAKE_STINGY;
	one.ends = 0;
	CHECK(complete(hifn, &one) == -EIO && !follow.done);
	CHECK(chip.strange == 0);
	fake_remove(hifn);
}

/* A chip that can't do both at once does one after the other. */
static void test_no_follow(void)
{
	struct hifn *hifn;

	memset(&device, 0, sizeof(device));
	fake_init(&chip);
	chip.parts = true;
	hifn = fake_device(&device, &chip);
	if (!CHECK(hifn && !hifn->combines))
		return;
	check_follow(hifn, "aes-128-cbc", "AES-128-CBC", "hmac-sha1", 100, false);
	fake_remove(hifn);
}

/* A number of the engine's memory is left? */
static bool engine_is_clean(void)
{
	for (unsigned at = PUB_MEM; at < PUB_MEM + 0x1000; at += 4)
		if (chip.bar1[at / 4])
			return false;
	return true;
}

static int run_power(struct hifn *hifn, const char *hex, uint8_t base)
{
	long len = 0;
	uint8_t *key = OPENSSL_hexstr2buf(hex, &len), out[384];
	struct host_op one = { .op = { .opcode = ACR_ENCRYPT,
		                       .alg = "modexp",
		                       .key = { key, (size_t)len },
		                       .src = { &base, 1 },
		                       .dst = out,
		                       .dst_size = sizeof(out) } };
	int error = hifn_modexp(hifn, &one.op);

	OPENSSL_free(key);
	CHECK(error || (one.op.dst_len == 64 && out[63] == 8)); /* 2 to the 3rd */
	return error;
}

/* SEQUENCE { 2^511 + 1, 3 } */
#define KEY_512                                                                                \
	"3046024100"                                                                           \
	"80000000000000000000000000000000000000000000000000000000000000000000000000000000"     \
	"000000000000000000000000000000000000000000000001"                                     \
	"020103"

static void test_powers(void)
{
	struct hifn *hifn = make_device();

	CHECK(hifn->offers_modexp && chip.powers == 12 && engine_is_clean());
	CHECK(PUB_LENGTHS(48, 253) == 0x0000fc30 && PUB_MODEXP(0, 3, 12) == 0x0c0c0300);
	CHECK(chip.last_power[0] == PUB_LENGTHS(96, 3069) &&
	      chip.last_power[1] == PUB_MODEXP(0, 6, 24));
	CHECK(run_power(hifn, KEY_512, 2) == 0 && engine_is_clean() && chip.powers == 13);
	chip.powerless = true;
	CHECK(run_power(hifn, KEY_512, 2) == -EIO && engine_is_clean());
	CHECK(chip.bar1[RNG_CONFIG / 4] == 1 && chip.bar1[PUB_MODE / 4] == PUB_ENHANCED);
	chip.powerless = false;
	CHECK(run_power(hifn, KEY_512, 2) == 0);
	chip.fault = FAKE_VANISH;
	CHECK(run_power(hifn, KEY_512, 2) == -ENODEV);
	chip.fault = FAKE_NONE;
	CHECK(chip.strange == 0);
	fake_remove(hifn);

	memset(&device, 0, sizeof(device));
	fake_init(&chip);
	chip.powerless = true;
	hifn = fake_device(&device, &chip);
	if (CHECK(hifn && !hifn->offers_modexp))
		fake_remove(hifn);
}

/* Nothing is in the rings: the thread that makes random numbers is the one to notice. */
static void test_nothing_but_random_of_a_lost_card(void)
{
	struct hifn *hifn = make_device();
	struct host_op one = { .op = { .opcode = ACR_RANDOM, .dst = output, .dst_size = 16 } };
	struct acr_op *ops[] = { &one.op };

	CHECK(!hifn_aside_start(hifn));
	chip.fault = FAKE_VANISH;
	CHECK(driver()->submit(&device, ops, 1) == 1);
	while (!atomic_load(&one.ends))
		usleep(1000);
	hifn_aside_stop(hifn);
	CHECK(one.error == -EIO && device.broken_count == 1 && strstr(device.broken, "gone"));
	CHECK(driver()->submit(&device, ops, 1) == 0);
	fake_remove(hifn);
}

static void test_bad_padding(void)
{
	struct hifn *hifn = make_device();
	uint8_t plain[48], secret[64], back[64];

	for (unsigned value = 0; value < 256; value++) {
		for (unsigned broken = 0; broken < 18; broken += 17) {
			struct host_op one;
			bool good = value >= 1 && value <= 16 && !(broken && value > 1);

			memset(plain, 0x41, sizeof(plain));
			for (unsigned i = 0; i < 16 && i < value; i++)
				plain[47 - i] = (uint8_t)value;
			plain[47] = (uint8_t)value;
			if (broken && value > 1 && value <= 16)
				plain[48 - value] ^= 0x80;
			reference("AES-128-CBC", true, false, plain, 48, secret);
			one = make_op("aes-128-cbc", ACR_DECRYPT, secret, 48, back);
			one.op.padding = ACR_PAD_PKCS7;
			CHECK(complete(hifn, &one) == (good ? 0 : -EBADMSG));
			CHECK(!good || one.op.dst_len == 48 - value);
		}
	}
	fake_remove(hifn);
}

static void test_refused_sizes(void)
{
	struct hifn *hifn = make_device();
	struct host_op one = make_op("aes-128-cbc", ACR_ENCRYPT, input, 17, output);

	CHECK(complete(hifn, &one) == -EINVAL);
	one = make_op("aes-128-cbc", ACR_DECRYPT, input, 0, output);
	one.op.padding = ACR_PAD_PKCS7;
	CHECK(complete(hifn, &one) == -EINVAL);
	one = make_op("aes-128-cbc", ACR_ENCRYPT, input, 32, output);
	one.op.dst_size = 31;
	CHECK(complete(hifn, &one) == -EINVAL);
	one = make_op("aes-128-cbc", ACR_ENCRYPT, input, 32, output);
	one.op.key.len = 15;
	CHECK(complete(hifn, &one) == -EINVAL);
	one = make_op("aes-128-cfb", ACR_ENCRYPT, input, 0, output);
	CHECK(complete(hifn, &one) == 0 && one.op.dst_len == 0);
	CHECK(hifn->free_work_count == HIFN_WORKS && !hifn->in_chip);
	fake_remove(hifn);
}

/* Many at once: taken up to the width or the memory, ended in order, none lost. */
static void test_many(void)
{
	static struct host_op many[HIFN_WORKS + 8];
	static uint8_t out[HIFN_WORKS + 8][80];
	struct hifn *hifn = make_device();
	struct acr_op *ops[HIFN_WORKS + 8];
	struct host_op large;
	struct acr_op *one = &large.op;
	unsigned taken, fitting = 0;
	uint64_t begun = hifn_now_ns(), took = 0;

	chip.fault = FAKE_HANG;
	for (unsigned i = 0; i < HIFN_WORKS + 8; i++) {
		many[i] = make_op("aes-128-cbc", ACR_ENCRYPT, input + i, 16, out[i]);
		ops[i] = &many[i].op;
	}
	taken = (unsigned)driver()->submit(&device, ops, HIFN_WORKS + 8);
	CHECK(taken == HIFN_WORKS && hifn->in_chip == HIFN_WORKS);
	CHECK(driver()->submit(&device, ops + taken, 1) == 0);
	CHECK(!hifn->broken);
	chip.fault = FAKE_NONE;
	hifn_doorbell(hifn);
	CHECK(hifn_reap(hifn, false) == HIFN_WORKS);
	for (unsigned i = 0; i < HIFN_WORKS; i++) {
		reference("AES-128-CBC", true, false, input + i, 16, expected);
		CHECK(many[i].ends == 1 && !many[i].error && !memcmp(out[i], expected, 16));
		CHECK(many[i].took_ns > 0);
		took += many[i].took_ns;
	}
	CHECK(took <= hifn_now_ns() - begun + HIFN_WORKS); /* none of them at the same time */
	/* Large ones fill the memory before the rings. */
	chip.fault = FAKE_HANG;
	for (;;) {
		large = make_op("aes-128-cbc", ACR_ENCRYPT, input, HIFN_CIPHER_PASS, output);
		if (driver()->submit(&device, &one, 1) != 1)
			break;
		fitting++;
	}
	CHECK(fitting == HIFN_BLOCKS / (2 * HIFN_CIPHER_PASS / HIFN_BLOCK));
	chip.fault = FAKE_NONE;
	hifn_doorbell(hifn);
	CHECK(hifn_reap(hifn, false) == fitting);
	fake_remove(hifn);
}

static void test_cancel(void)
{
	struct hifn *hifn = make_device();
	struct host_op one =
	        make_op("aes-128-cbc", ACR_ENCRYPT, input, HIFN_CIPHER_PASS + 16, output);
	struct host_op two = make_op("sha1", ACR_HASH, input, 100, output);
	struct acr_op *ops[] = { &one.op, &two.op };

	chip.fault = FAKE_HANG;
	memset(output, 0xee, sizeof(output));
	CHECK(driver()->submit(&device, ops, 2) == 2);
	driver()->cancel(&device, &one.op);
	CHECK(one.ends == 1 && one.error == -ECANCELED);
	driver()->cancel(&device, &one.op); /* ended a moment ago */
	CHECK(one.ends == 1);
	one.op.dst = NULL; /* must not be looked at any more */
	one.op.src.data = NULL;
	chip.fault = FAKE_NONE;
	hifn_doorbell(hifn);
	hifn_reap(hifn, false);
	CHECK(one.ends == 1 && two.ends == 1 && !two.error && device.ready_count > 0);
	CHECK(output[100] == 0xee && hifn->free_work_count == HIFN_WORKS);
	fake_remove(hifn);
}

int main(void)
{
	fill_input();
	test_ciphers();
	test_macs();
	test_follow();
	test_no_follow();
	test_powers();
	test_nothing_but_random_of_a_lost_card();
	test_bad_padding();
	test_refused_sizes();
	test_many();
	test_cancel();
	return checks_end();
}
