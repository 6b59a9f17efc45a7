/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations on the fake chip, for the tests of the HIFN driver. */
#ifndef HIFN_OPS_H
#define HIFN_OPS_H

#include "check.h"
#include "hifn_fake.h"

static struct acr_device device;
static struct fake_chip chip;

static const struct acr_driver *driver(void)
{
	return acrypto_driver.driver;
}

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

#define ROOM (1u << 20)
static uint8_t input[ROOM], output[ROOM + 64], expected[ROOM + 64];
static uint8_t key_bytes[100], iv_bytes[16];

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
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int first = 0, last = 0, error = 0;

	CHECK(EVP_CipherInit_ex(ctx, EVP_get_cipherbyname(name), NULL, key_bytes, iv_bytes,
	                        encrypt));
	EVP_CIPHER_CTX_set_padding(ctx, padded);
	if (!EVP_CipherUpdate(ctx, dst, &first, src, (int)n) ||
	    !EVP_CipherFinal_ex(ctx, dst + first, &last))
		error = -1;
	EVP_CIPHER_CTX_free(ctx);
	return error ? error : first + last;
}

static void fill_input(void)
{
	uint64_t seed = 1;

	for (size_t i = 0; i < ROOM; i++)
		input[i] = (uint8_t)chance(&seed, 256);
	for (unsigned i = 0; i < sizeof(key_bytes); i++)
		key_bytes[i] = (uint8_t)chance(&seed, 256);
	for (unsigned i = 0; i < sizeof(iv_bytes); i++)
		iv_bytes[i] = (uint8_t)chance(&seed, 256);
}

#endif
