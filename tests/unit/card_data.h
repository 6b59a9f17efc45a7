/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Data for operations of a card's driver, and what OpenSSL makes of it. */
#ifndef CARD_DATA_H
#define CARD_DATA_H

#include "tests/lib/check.h"
#include "tests/lib/driver_host.h"

#include <openssl/evp.h>

static const struct acr_driver *driver(void)
{
	return acrypto_driver.driver;
}

#define ROOM (1u << 20)
static uint8_t input[ROOM], output[ROOM + 64], expected[ROOM + 64];
static uint8_t key_bytes[100], iv_bytes[16];

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

/* With iv_bytes. Bytes made, or -1: the padding is bad. */
static int openssl_crypt(const char *name, const uint8_t *key, bool encrypt, bool padded,
                         const uint8_t *src, size_t n, uint8_t *dst)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int first = 0, last = 0, error = 0;

	CHECK(EVP_CipherInit_ex(ctx, EVP_get_cipherbyname(name), NULL, key, iv_bytes, encrypt));
	EVP_CIPHER_CTX_set_padding(ctx, padded);
	if (!EVP_CipherUpdate(ctx, dst, &first, src, (int)n) ||
	    !EVP_CipherFinal_ex(ctx, dst + first, &last))
		error = -1;
	EVP_CIPHER_CTX_free(ctx);
	return error ? error : first + last;
}

#endif
