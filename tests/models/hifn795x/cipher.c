/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engines' arithmetic, by OpenSSL. */
#include "command.h"

#include <openssl/evp.h>
#include <string.h>

enum { DES, DES3, RC4, AES, DES_KEY = 8, RC4_TABLE = 256 };

typedef const EVP_CIPHER *(*cipher_fn)(void);

/* By mode: ECB, CBC, CFB, OFB. Single DES is 3DES with three times the same key. */
static const cipher_fn triple_des[] = { EVP_des_ede3_ecb, EVP_des_ede3_cbc, EVP_des_ede3_cfb64,
	                                EVP_des_ede3_ofb };
static const cipher_fn aes[][4] = {
	{ EVP_aes_128_ecb, EVP_aes_128_cbc, EVP_aes_128_cfb128, EVP_aes_128_ofb },
	{ EVP_aes_192_ecb, EVP_aes_192_cbc, EVP_aes_192_cfb128, EVP_aes_192_ofb },
	{ EVP_aes_256_ecb, EVP_aes_256_cbc, EVP_aes_256_cfb128, EVP_aes_256_ofb },
};

static const EVP_CIPHER *choose(unsigned masks)
{
	unsigned mode = (masks & CRYPT_MODE) >> 3;

	if ((masks & CRYPT_ALGORITHM) != AES)
		return triple_des[mode]();
	return aes[(masks & CRYPT_KEY_SIZE) >> 9][mode]();
}

/* The key as it comes: 256 bytes of it repeated, then the two indices. */
static void rc4_schedule(struct context *context)
{
	uint8_t *s = context->rc4, j = 0;

	for (unsigned i = 0; i < RC4_TABLE; i++)
		s[i] = (uint8_t)i;
	for (unsigned i = 0; i < RC4_TABLE; i++) {
		uint8_t swap = s[i];

		j = (uint8_t)(j + swap + context->key[i]);
		s[i] = s[j];
		s[j] = swap;
	}
	context->rc4_i = context->key[RC4_TABLE];
	context->rc4_j = context->key[RC4_TABLE + 1];
}

static void rc4_run(struct context *context, uint8_t *bytes, size_t n)
{
	uint8_t *s = context->rc4;

	for (size_t k = 0; k < n; k++) {
		uint8_t *a = &s[++context->rc4_i], *b, swap = *a;

		context->rc4_j = (uint8_t)(context->rc4_j + swap);
		b = &s[context->rc4_j];
		*a = *b;
		*b = swap;
		bytes[k] ^= s[(uint8_t)(*a + *b)];
	}
}

static bool any(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i])
			return true;
	}
	return false;
}

void cipher_new_key(struct context *context, const struct command *command)
{
	if (command->mac_key) {
		memcpy(context->mac_key, command->mac_key, MAC_KEY_SIZE);
		context->has_mac_key = true;
	}
	if (command->crypt.present && command->crypt.masks & CRYPT_CLEAR)
		context->has_key = context->has_iv = false;
	if (command->key) {
		memset(context->key, 0, sizeof(context->key));
		memcpy(context->key, command->key, command->key_bytes);
		context->algorithm = command->crypt.masks & CRYPT_ALGORITHM;
		context->key_bytes = (uint16_t)command->key_bytes;
		context->has_key = true;
		if (context->algorithm == RC4)
			rc4_schedule(context);
	}
	if (command->iv) {
		memset(context->iv, 0, sizeof(context->iv));
		memcpy(context->iv, command->iv, command->block);
		context->has_iv = true;
	}
	context->keys_inside =
	        any(context->key, sizeof(context->key)) || any(context->mac_key, MAC_KEY_SIZE);
}

bool cipher_run(struct context *context, const struct command *command, uint8_t *bytes,
                size_t n)
{
	unsigned masks = command->crypt.masks;
	uint8_t key[3 * DES_KEY + 8];
	EVP_CIPHER_CTX *ctx;
	int out = 0;
	bool done;

	if ((masks & CRYPT_ALGORITHM) == RC4) {
		rc4_run(context, bytes, n);
		return true;
	}
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = context->key[(masks & CRYPT_ALGORITHM) == DES ? i % DES_KEY : i];
	ctx = EVP_CIPHER_CTX_new();
	done = ctx &&
	       EVP_CipherInit_ex(ctx, choose(masks), NULL, key, context->iv,
	                         command->opcode == BASE_ENCODE) &&
	       EVP_CIPHER_CTX_set_padding(ctx, 0) &&
	       EVP_CipherUpdate(ctx, bytes, &out, bytes, (int)n) &&
	       (!(masks & CRYPT_MODE) ||
	        EVP_CIPHER_CTX_get_updated_iv(ctx, context->iv, command->block));
	EVP_CIPHER_CTX_free(ctx);
	return done;
}

static bool digest(const EVP_MD *md, const uint8_t *first, size_t n_first,
                   const uint8_t *second, size_t n_second, uint8_t *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool done = ctx && EVP_DigestInit_ex(ctx, md, NULL) &&
	            EVP_DigestUpdate(ctx, first, n_first) &&
	            EVP_DigestUpdate(ctx, second, n_second) &&
	            EVP_DigestFinal_ex(ctx, out, NULL);

	EVP_MD_CTX_free(ctx);
	return done;
}

bool mac_run(const struct context *context, const struct command *command, const uint8_t *bytes,
             size_t n, uint8_t *mac)
{
	const EVP_MD *md = command->mac.masks & MAC_MD5 ? EVP_md5() : EVP_sha1();
	uint8_t inner[MAC_KEY_SIZE], outer[MAC_KEY_SIZE], hash[EVP_MAX_MD_SIZE];

	if ((command->mac.masks & MAC_MODE) == MAC_MODE_HASH) {
		if (!digest(md, NULL, 0, bytes, n, hash))
			return false;
	} else {
		for (unsigned i = 0; i < MAC_KEY_SIZE; i++) {
			inner[i] = context->mac_key[i] ^ 0x36;
			outer[i] = context->mac_key[i] ^ 0x5c;
		}
		if (!digest(md, inner, sizeof(inner), bytes, n, hash) ||
		    !digest(md, outer, sizeof(outer), hash, (size_t)EVP_MD_get_size(md), hash))
			return false;
	}
	memcpy(mac, hash, MAC_MOST);
	return true;
}
