/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Known answers, each time the chip comes up: nothing is offered that this very chip doesn't
 * compute right. That decides what no document does: the order of the three keys, and how much is
 * fed back in CFB and OFB. */
#include "ce99.h"

#include <errno.h>
#include <string.h>

#define TEXT_BYTES 24u
#define FIRST_PART 8u /* of a message that goes in two, by the IV that came out of the first */

/* FIPS 81's key, IV and text, and NIST SP 800-67's further keys. */
static const uint8_t keys[] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
	                        0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01,
	                        0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23 };
static const uint8_t iv[CHIP_BLOCK] = { 0x12, 0x34, 0x56, 0x78, 0x90, 0xab, 0xcd, 0xef };
static const char text[] = "Now is the time for all ";

/* clang-format off */
static const struct {
	const char *alg, *answer; /* made with another implementation */
} answers[] = {
	{ "des-ecb", "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53" },
	{ "des-cbc", "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6" },
	{ "des-cfb", "f3096249c7f46e51a69e839b1a92f78403467133898ea622" },
	{ "des-ofb", "f3096249c7f46e5135f24a242eeb3d3f3d6d5be3255af8c3" },
	{ "des-ede3-ecb", "314f8327fa7a09a84362760cc13ba7daff55c5f80faaac45" },
	{ "des-ede3-cbc", "f3c0ff026c023089656fbb169def7edb30ba36075d6f0176" },
	{ "des-ede3-cfb", "ee7ec75c1a101301c4ab2f10462e5dd417400b445b5f2a72" },
	{ "des-ede3-ofb", "ee7ec75c1a1013019a8a610002668e0787e28af9ec26b889" },
};
/* clang-format on */

static unsigned digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* TEXT_BYTES in place, all at once or in two parts. */
static int compute(struct ce99 *ce, const struct ce99_row *row, bool decrypt, bool parts,
                   uint8_t *data)
{
	struct chip_run run = { .mode = row->mode, .decrypt = decrypt };
	size_t done = 0;
	int status = CHIP_OK;

	memcpy(run.iv, iv, sizeof(run.iv));
	while (done < TEXT_BYTES && !status) {
		run.n = parts && !done ? FIRST_PART : TEXT_BYTES - done;
		memcpy(ce->chip.buffer, data + done, run.n);
		status = chip_crypt(&ce->chip, keys, row->keys, 0, &run);
		memcpy(data + done, ce->chip.buffer, run.n);
		done += run.n;
	}
	return status;
}

static int passes(struct ce99 *ce, const struct ce99_row *row, const char *answer, bool *ok)
{
	uint8_t data[TEXT_BYTES], expected[TEXT_BYTES];
	bool right;
	int status;

	for (size_t i = 0; i < TEXT_BYTES; i++)
		expected[i] = (uint8_t)(digit(answer[2 * i]) << 4 | digit(answer[2 * i + 1]));
	memcpy(data, text, TEXT_BYTES);
	status = compute(ce, row, false, false, data);
	right = !memcmp(data, expected, TEXT_BYTES);
	if (!status) {
		memcpy(data, expected, TEXT_BYTES);
		status = compute(ce, row, true, true, data);
	}
	*ok = !status && right && !memcmp(data, text, TEXT_BYTES);
	return status;
}

static int test_rows(struct ce99 *ce, bool *ok)
{
	int status;

	for (unsigned i = 0; i < ce99_row_count; i++) {
		const struct ce99_row *row = &ce99_rows[i];

		if (row->keys > ce->chip.slot_count)
			continue;
		for (unsigned a = 0; a < sizeof(answers) / sizeof(answers[0]); a++) {
			if (strcmp(answers[a].alg, row->alg))
				continue;
			status = passes(ce, row, answers[a].answer, &ok[i]);
			if (chip_meaning(status)->broken)
				return status;
		}
		if (!ok[i])
			acr_log(ACR_LOG_WARNING, acr_device_name(ce->dev),
			        "the chip doesn't compute %s as it should: not offered",
			        row->alg);
	}
	return CHIP_OK;
}

/* One block under a key of the register's own. */
static int under_key(struct ce99 *ce, unsigned number, uint8_t out[CHIP_BLOCK])
{
	struct chip_run run = { .mode = CHIP_ECB, .n = CHIP_BLOCK };
	uint8_t key[CHIP_KEY];
	int status;

	memcpy(key, keys, sizeof(key));
	key[0] = (uint8_t)(key[0] + 2 * number); /* the lowest bit is parity */
	memcpy(ce->chip.buffer, text, CHIP_BLOCK);
	status = chip_crypt(&ce->chip, key, 1, 0, &run);
	memcpy(out, ce->chip.buffer, CHIP_BLOCK);
	return status;
}

/* Two keys in one register would mean that data is encrypted under another user's. */
static bool registers_keep(struct ce99 *ce)
{
	uint8_t first[CHIP_SLOTS][CHIP_BLOCK], again[CHIP_BLOCK];

	for (unsigned i = 0; i < ce->chip.slot_count; i++)
		if (under_key(ce, i, first[i]))
			return false;
	for (unsigned i = 0; i < ce->chip.slot_count; i++)
		if (under_key(ce, i, again) || memcmp(first[i], again, CHIP_BLOCK) ||
		    (i && !memcmp(first[i], first[0], CHIP_BLOCK)))
			return false;
	return true;
}

static int fail(struct ce99 *ce, int error, const char *words)
{
	acr_device_explain(ce->dev, "%s: %s", ce->facts.name, words);
	return error;
}

int ce99_selftest(struct ce99 *ce, bool *ok)
{
	int status = test_rows(ce, ok);
	bool any = false, keep;

	if (status)
		return fail(ce, chip_meaning(status)->error, chip_meaning(status)->words);
	for (unsigned i = 0; i < ce99_row_count; i++)
		any |= ok[i];
	if (!any)
		return fail(ce, -EIO, "the chip computes nothing right");
	chip_clear(&ce->chip);
	keep = registers_keep(ce);
	explicit_bzero(ce->chip.buffer, TEXT_BYTES);
	if (chip_clear(&ce->chip))
		return fail(ce, -EIO, "the chip doesn't wipe its keys");
	return keep ? 0 : fail(ce, -EIO, "its key registers don't keep what they are given");
}
