/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations of the driver ce99 on a fake register file: every length, padding, each status, and
 * such as are given up. */
#include "ce99_data.h"
#include "tests/lib/ce99_ops.h"

static uint8_t back[ROOM + 64];

static struct ce99 *make_device(enum ce99_path path)
{
	struct ce99 *ce;

	fake_init(&chip);
	ce = fake_device(path);
	if (!CHECK(ce))
		abort();
	return ce;
}

static int complete(struct ce99 *ce, struct host_op *one)
{
	struct acr_op *ops[] = { &one->op };

	CHECK(driver()->submit(&device, ops, 1) == 1);
	CHECK(ce99_step(ce) && !ce99_step(ce));
	CHECK(one->ends == 1);
	return one->error;
}

static void check_cipher(struct ce99 *ce, const char *alg, bool padded, size_t n)
{
	struct host_op one = make_op(alg, ACR_ENCRYPT, input, n, output);
	int made = reference(alg, padded, input, n, expected);

	one.op.padding = padded ? ACR_PAD_PKCS7 : ACR_PAD_NONE;
	CHECK(complete(ce, &one) == 0);
	CHECK((int)one.op.dst_len == made && !memcmp(output, expected, one.op.dst_len));
	one = make_op(alg, ACR_DECRYPT, expected, (size_t)made, back);
	one.op.padding = padded ? ACR_PAD_PKCS7 : ACR_PAD_NONE;
	one.op.dst_size = padded ? (size_t)made - 1 : n;
	CHECK(complete(ce, &one) == 0);
	CHECK(one.op.dst_len == n && !memcmp(back, input, n));
}

static void test_ciphers(void)
{
	static const size_t limits[] = { 504, 512, 1024, 65528, 65536, 131056, 140000 };

	for (enum ce99_path path = CE99_PATH_AUTO; path <= CE99_PATH_DMA; path++) {
		struct ce99 *ce = make_device(path);

		for (unsigned i = 0; i < ce99_row_count; i++) {
			const char *alg = ce99_rows[i].alg;
			bool whole = ce99_rows[i].whole;

			CHECK(ce->offered[i]);
			for (size_t n = 0; n <= 80; n++) {
				check_cipher(ce, alg, whole, n);
				if (whole && n % 8 == 0)
					check_cipher(ce, alg, false, n);
			}
			for (unsigned k = 0; k < sizeof(limits) / sizeof(limits[0]); k++)
				for (size_t n = limits[k] - 9; n <= limits[k] + 9; n += 3)
					check_cipher(ce, alg, whole, n);
		}
		CHECK(chip.strange == 0);
		fake_remove(ce);
		CHECK(chip.loaded == 0);
	}
}

static void test_refused(void)
{
	struct ce99 *ce = make_device(CE99_PATH_AUTO);
	struct host_op one = make_op("des-cbc", ACR_ENCRYPT, input, 17, output);
	unsigned before = chip.starts;

	CHECK(complete(ce, &one) == -EINVAL && one.sentence);
	one = make_op("des-cbc", ACR_DECRYPT, input, 0, output);
	one.op.padding = ACR_PAD_PKCS7;
	CHECK(complete(ce, &one) == -EINVAL);
	one = make_op("des-cbc", ACR_ENCRYPT, input, 32, output);
	one.op.dst_size = 31;
	CHECK(complete(ce, &one) == -EINVAL);
	one = make_op("des-ede3-cbc", ACR_ENCRYPT, input, 32, output);
	one.op.key.len = 16;
	CHECK(complete(ce, &one) == -EINVAL);
	one = make_op("des-ofb", ACR_ENCRYPT, input, 0, output);
	CHECK(complete(ce, &one) == 0 && one.op.dst_len == 0);
	CHECK(chip.starts == before);
	fake_remove(ce);
}

static void test_bad_padding(void)
{
	struct ce99 *ce = make_device(CE99_PATH_AUTO);
	uint8_t plain[24], secret[24];

	for (unsigned value = 0; value < 256; value++)
		for (unsigned broken = 0; broken < 2; broken++) {
			bool good = value >= 1 && value <= 8 && !(broken && value > 1);
			struct host_op one;

			memset(plain, 0x41, sizeof(plain));
			for (unsigned i = 0; i < 8 && i < value; i++)
				plain[23 - i] = (uint8_t)value;
			plain[23] = (uint8_t)value;
			if (broken && value > 1 && value <= 8)
				plain[24 - value] ^= 0x80;
			reference("des-cbc", false, plain, 24, secret);
			one = make_op("des-cbc", ACR_DECRYPT, secret, 24, output);
			one.op.padding = ACR_PAD_PKCS7;
			CHECK(complete(ce, &one) == (good ? 0 : -EBADMSG));
			CHECK(!good || one.op.dst_len == 24 - value);
		}
	fake_remove(ce);
}

/* What the fault makes of one operation, and of the device. */
static void check_end(struct ce99 *ce, int error, const char *broken)
{
	struct host_op one = make_op("des-ede3-cbc", ACR_ENCRYPT, input, 100, output);
	struct host_op behind = make_op("des-ecb", ACR_ENCRYPT, input, 8, output);
	struct acr_op *ops[] = { &one.op, &behind.op };

	one.op.padding = ACR_PAD_PKCS7;
	CHECK(driver()->submit(&device, ops, 2) == 2 && ce99_step(ce));
	CHECK(one.ends == 1 && one.error == error);
	CHECK(behind.ends == !!broken && device.broken_count == !!broken);
	if (broken) {
		CHECK(behind.error && strstr(device.broken, broken));
		CHECK(driver()->submit(&device, ops, 1) == 0 && !ce99_step(ce));
	} else {
		CHECK(error ? one.sentence != NULL : one.op.dst_len == 104);
		chip.fail_err = chip.load_fails = 0;
		CHECK(ce99_step(ce) && behind.ends == 1 && !behind.error);
	}
	fake_remove(ce);
	CHECK(chip.loaded == 0);
}

static void test_faults(void)
{
	static const struct {
		unsigned err;
		int error;
	} starts[] = { { 1, -EOPNOTSUPP }, { 4, -EOPNOTSUPP }, { 6, -EOPNOTSUPP },
		       { 7, -EIO },        { 8, -EIO },        { 9, -EIO } };
	struct ce99 *ce;

	for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		ce = make_device(CE99_PATH_AUTO);
		chip.fail_after = chip.starts;
		chip.fail_err = starts[i].err;
		check_end(ce, starts[i].error, NULL);
	}
	ce = make_device(CE99_PATH_AUTO);
	chip.ready = false; /* it was reset: loads fail, too */
	check_end(ce, -EIO, "not initialised");
	ce = make_device(CE99_PATH_AUTO);
	chip.fail_after = chip.starts;
	chip.fail_err = 3;
	check_end(ce, -EIO, "not initialised");
	ce = make_device(CE99_PATH_AUTO);
	chip.load_fails = 1;
	chip.load_err = 5;
	check_end(ce, 0, NULL); /* once more, and it is there */
	ce = make_device(CE99_PATH_AUTO);
	chip.load_fails = 2;
	chip.load_err = 5;
	check_end(ce, -EIO, NULL);
	ce = make_device(CE99_PATH_AUTO);
	chip.lose_keys = true;
	check_end(ce, 0, NULL);
	ce = make_device(CE99_PATH_AUTO);
	chip.hang_after = chip.starts;
	check_end(ce, -EIO, "hangs");
	ce = make_device(CE99_PATH_AUTO);
	chip.vanished = true;
	check_end(ce, -ENODEV, "gone");
}

static void test_queue_and_cancel(void)
{
	static struct host_op many[CE99_WIDTH + 4];
	struct ce99 *ce = make_device(CE99_PATH_AUTO);
	struct acr_op *ops[CE99_WIDTH + 4];

	for (unsigned i = 0; i < CE99_WIDTH + 4; i++) {
		many[i] = make_op("des-cbc", ACR_ENCRYPT, input, 16, output);
		ops[i] = &many[i].op;
	}
	CHECK(driver()->submit(&device, ops, CE99_WIDTH + 4) == CE99_WIDTH);
	CHECK(driver()->submit(&device, ops + CE99_WIDTH, 1) == 0);
	driver()->cancel(&device, ops[3]);
	driver()->cancel(&device, ops[3]); /* ended a moment ago */
	CHECK(many[3].ends == 1 && many[3].error == -ECANCELED);
	CHECK(driver()->submit(&device, ops + CE99_WIDTH, 1) == 1);
	while (ce99_step(ce))
		continue;
	for (unsigned i = 0; i <= CE99_WIDTH; i++)
		CHECK(many[i].ends == 1 && (i == 3 || !many[i].error));
	fake_remove(ce);
}

/* An op that is cancelled while it is in the chip: at the first access that starts the second
 * pass. Neither its input nor its output is touched any more. */
static struct host_op victim;

static bool cancel_late(bool write, unsigned region, uint64_t offset, void *value, size_t size)
{
	(void)value;
	(void)size;
	if (write && region == 0 && offset == F_OP && !victim.ends) {
		driver()->cancel(&device, &victim.op);
		victim.op.dst = NULL;
		victim.op.src.data = NULL;
		victim.op.key.data = victim.op.iv.data = NULL;
	}
	return false;
}

static void test_cancel_in_chip(void)
{
	struct ce99 *ce = make_device(CE99_PATH_DMA);
	struct acr_op *ops[] = { &victim.op };
	unsigned before = chip.starts;

	victim = make_op("des-ofb", ACR_ENCRYPT, input, 140000, output);
	memset(output, 0xee, sizeof(output));
	chip.card.lie = cancel_late;
	CHECK(driver()->submit(&device, ops, 1) == 1 && ce99_step(ce));
	CHECK(victim.ends == 1 && victim.error == -ECANCELED && chip.starts == before + 1);
	CHECK(output[0] == 0xee && output[100] == 0xee);
	fake_remove(ce);
}

/* Neither key nor data stay behind in what the card can read. */
static void test_wiped(void)
{
	struct ce99 *ce = make_device(CE99_PATH_DMA);
	struct host_op one = make_op("des-ede3-ofb", ACR_ENCRYPT, input, 70001, output);
	const uint8_t *memory = ce->chip.buffer, *work = (const uint8_t *)ce->work;
	size_t dirty = 0;

	CHECK(complete(ce, &one) == 0);
	for (size_t i = 0; i < REGISTERS_DMA_MAX; i++)
		dirty += memory[i] != 0;
	for (size_t i = 0; i < sizeof(*ce->work); i++)
		dirty += work[i] != 0;
	CHECK(dirty == 0 && chip.loaded != 0);
	ce->keep_ns = 0;
	ce99_idle(ce);
	CHECK(chip.loaded == 0 && chip_oldest_use(&ce->chip) == UINT64_MAX);
	fake_remove(ce);
}

int main(void)
{
	fill_input();
	test_ciphers();
	test_refused();
	test_bad_padding();
	test_faults();
	test_queue_and_cancel();
	test_cancel_in_chip();
	test_wiped();
	return checks_end();
}
