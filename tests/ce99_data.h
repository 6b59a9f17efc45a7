/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations of the core for the tests of the driver ce99, and what must come of them. */
#ifndef CE99_DATA_H
#define CE99_DATA_H

#include "check.h"
#include "driver_host.h"

#include "../drivers/ce99/ce99.h"

#include <openssl/evp.h>

static const struct acr_driver *driver(void)
{
	return acrypto_driver.driver;
}

#define ROOM 150000u
static uint8_t input[ROOM], output[ROOM + 64], expected[ROOM + 64];
static uint8_t key_bytes[24], iv_bytes[8];

static const struct ce99_row *row(const char *alg)
{
	for (unsigned i = 0; i < ce99_row_count; i++)
		if (!strcmp(ce99_rows[i].alg, alg))
			return &ce99_rows[i];
	abort();
}

static struct host_op make_op(const char *alg, enum acr_opcode opcode, const uint8_t *src,
                              size_t n, uint8_t *dst)
{
	const struct ce99_row *algorithm = row(alg);

	return (struct host_op){ .op = {
		                         .opcode = opcode,
		                         .alg = algorithm->alg,
		                         .cap_data = algorithm,
		                         .flags = ACR_OP_WHOLE,
		                         .key = { key_bytes, algorithm->keys * 8u },
		                         .iv = { iv_bytes, algorithm->iv ? 8 : 0 },
		                         .src = { src, n },
		                         .dst = dst,
		                         .dst_size = n + 64,
		                 } };
}

static int reference(const char *alg, bool padded, const uint8_t *src, size_t n, uint8_t *dst)
{
	char name[32];
	uint8_t key[24];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int first = 0, last = 0;

	/* Single DES as 3DES: no legacy provider is needed. */
	snprintf(name, sizeof(name), "des-ede3-%s", strrchr(alg, '-') + 1);
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = key_bytes[i % (row(alg)->keys * 8u)];
	CHECK(EVP_EncryptInit_ex(ctx, EVP_get_cipherbyname(name), NULL, key, iv_bytes));
	EVP_CIPHER_CTX_set_padding(ctx, padded);
	CHECK(EVP_EncryptUpdate(ctx, dst, &first, src, (int)n));
	CHECK(EVP_EncryptFinal_ex(ctx, dst + first, &last));
	EVP_CIPHER_CTX_free(ctx);
	return first + last;
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
