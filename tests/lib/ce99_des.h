/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DES and triple DES by key registers, for the tests' fake chip and the tests' vendor library: as
 * the reference has it, with OpenSSL's 3DES. */
#ifndef CE99_DES_H
#define CE99_DES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <openssl/evp.h>

static EVP_CIPHER *ce99_fetched[4]; /* once: fetching costs more than computing */

/* For a library that is closed before the program ends. */
static inline void ce99_des_drop(void)
{
	for (unsigned i = 0; i < 4; i++)
		EVP_CIPHER_free(ce99_fetched[i]);
}

/* Single DES is 3DES under three equal keys, so no legacy provider is needed. number: a key
 * number; mode 0 to 3; iv: in and out. False: OpenSSL can't. */
static bool ce99_des(const uint8_t keys[16][8], unsigned number, unsigned mode, bool decrypt,
                     uint8_t *iv, uint8_t *data, size_t n)
{
	static const char *const names[4] = { "DES-EDE3", "DES-EDE3-CBC", "DES-EDE3-CFB",
		                              "DES-EDE3-OFB" };
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t key[24], last[8];
	int made = 0;
	bool good;

	for (unsigned i = 0; i < 3; i++)
		memcpy(key + 8 * i, keys[number >> (number < 16 ? 0 : 4 * i) & 15], 8);
	if (!ce99_fetched[mode])
		ce99_fetched[mode] = EVP_CIPHER_fetch(NULL, names[mode], NULL);
	memcpy(last, data + n - 8, 8);
	good = EVP_CipherInit_ex(ctx, ce99_fetched[mode], NULL, key, mode ? iv : NULL,
	                         !decrypt) &&
	       EVP_CIPHER_CTX_set_padding(ctx, 0) &&
	       EVP_CipherUpdate(ctx, data, &made, data, (int)n) && made == (int)n;
	EVP_CIPHER_CTX_free(ctx);
	for (unsigned i = 0; good && mode && i < 8; i++) {
		uint8_t out = data[n - 8 + i];

		iv[i] = mode == 3 ? last[i] ^ out : decrypt ? last[i] : out;
	}
	return good;
}

#endif
