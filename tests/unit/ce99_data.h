/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations of the core for the tests of the driver ce99, and what must come of them. */
#ifndef CE99_DATA_H
#define CE99_DATA_H

#include "card_data.h"

#include "drivers/ce99/ce99.h"

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
	int made;

	/* Single DES as 3DES: no legacy provider is needed. */
	snprintf(name, sizeof(name), "des-ede3-%s", strrchr(alg, '-') + 1);
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = key_bytes[i % (row(alg)->keys * 8u)];
	made = openssl_crypt(name, key, true, padded, src, n, dst);
	CHECK(made >= 0);
	return made;
}

#endif
