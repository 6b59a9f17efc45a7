/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cipher's arithmetic, by OpenSSL. */
#include "card.h"

#include <openssl/evp.h>
#include <string.h>

typedef const EVP_CIPHER *(*cipher_fn)(void);

/* DES is 3DES with three times the same key. KSG is made of ECB below. */
static const cipher_fn ciphers[MODES] = {
	[MODE_ECB] = EVP_des_ede3_ecb,   [MODE_CBC] = EVP_des_ede3_cbc,
	[MODE_CFB] = EVP_des_ede3_cfb64, [MODE_OFB] = EVP_des_ede3_ofb,
	[MODE_KSG] = EVP_des_ede3_ecb,
};

static bool evp(struct operation *operation, bool encrypt, uint8_t *bytes, size_t n)
{
	bool chained = operation->mode != MODE_ECB && operation->mode != MODE_KSG;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int out = 0;
	bool done = ctx &&
	            EVP_CipherInit_ex(ctx, ciphers[operation->mode](), NULL, operation->key,
	                              operation->v, encrypt) &&
	            EVP_CIPHER_CTX_set_padding(ctx, 0) &&
	            EVP_CipherUpdate(ctx, bytes, &out, bytes, (int)n) && (size_t)out == n &&
	            (!chained || EVP_CIPHER_CTX_get_updated_iv(ctx, operation->v, BLOCK));

	EVP_CIPHER_CTX_free(ctx);
	return done;
}

static void count_up(uint8_t *v)
{
	for (unsigned i = BLOCK; i-- && !++v[i];)
		continue;
}

/* A big-endian counter, enciphered, over the bytes. */
static bool ksg(struct operation *operation, uint8_t *bytes, size_t n)
{
	uint8_t stream[512];

	while (n) {
		size_t piece = n < sizeof(stream) ? n : sizeof(stream);

		for (size_t i = 0; i < piece; i += BLOCK) {
			memcpy(stream + i, operation->v, BLOCK);
			count_up(operation->v);
		}
		if (!evp(operation, true, stream, piece))
			return false;
		for (size_t i = 0; i < piece; i++)
			bytes[i] ^= stream[i];
		bytes += piece;
		n -= piece;
	}
	return true;
}

bool cipher_run(struct operation *operation, uint8_t *bytes, size_t n)
{
	if (operation->mode == MODE_KSG)
		return ksg(operation, bytes, n);
	return evp(operation, !operation->decrypt, bytes, n);
}
