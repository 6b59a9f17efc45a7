/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations on the fake chip, for the tests of the HIFN driver. */
#ifndef HIFN_OPS_H
#define HIFN_OPS_H

#include "card_data.h"
#include "tests/lib/hifn_fake.h"

static struct acr_device device;
static struct fake_chip chip;

static const struct hifn_row *row(const char *alg)
{
	for (unsigned i = 0; i < hifn_row_count; i++)
		if (!strcmp(hifn_rows[i].alg, alg))
			return &hifn_rows[i];
	abort();
}

static struct hifn *make_device(void)
{
	struct hifn *hifn;

	memset(&device, 0, sizeof(device));
	fake_init(&chip);
	hifn = fake_device(&device, &chip);
	CHECK(hifn);
	return hifn;
}

static struct host_op make_op(const char *alg, enum acr_opcode opcode, const uint8_t *src,
                              size_t n, uint8_t *dst)
{
	const struct hifn_row *algorithm = row(alg);

	return (struct host_op){ .op = {
		                         .opcode = opcode,
		                         .alg = algorithm->alg,
		                         .cap_data = algorithm,
		                         .flags = ACR_OP_WHOLE,
		                         .key = { key_bytes,
		                                  algorithm->digest ? 20 : algorithm->key },
		                         .iv = { iv_bytes, algorithm->iv },
		                         .src = { src, n },
		                         .dst = dst,
		                         .dst_size = n + 64,
		                         .tag_size = algorithm->digest,
		                 } };
}

/* Submit one and see it through. Returns its error. */
static int complete(struct hifn *hifn, struct host_op *one)
{
	struct acr_op *ops[] = { &one->op };

	CHECK(driver()->submit(&device, ops, 1) == 1);
	for (unsigned i = 0; i < 100 && !one->ends; i++)
		hifn_reap(hifn, false);
	CHECK(one->ends == 1);
	return one->error;
}

static int reference(const char *name, bool encrypt, bool padded, const uint8_t *src, size_t n,
                     uint8_t *dst)
{
	return openssl_crypt(name, key_bytes, encrypt, padded, src, n, dst);
}

#endif
