/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a session of the soak must give, computed by libcrypto in the client itself. */
#ifndef SOAK_ANSWERS_H
#define SOAK_ANSWERS_H

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TAG 16

enum kind { CIPHER, AEAD, HASH, MAC, XOR };

struct row {
	const char *alg;
	enum kind kind;
	unsigned key, iv; /* bytes */
};

static const struct row rows[] = {
	{ "aes-128-cbc", CIPHER, 16, 16 },
	{ "aes-256-ctr", CIPHER, 32, 16 },
	{ "aes-256-gcm", AEAD, 32, 12 },
	{ "chacha20-poly1305", AEAD, 32, 12 },
	{ "sha256", HASH, 0, 0 },
	{ "sha512", HASH, 0, 0 },
	{ "sha3-256", HASH, 0, 0 },
	{ "hmac-sha256", MAC, 24, 0 },
	{ "xor", XOR, 7, 0 },
};
#define ROWS (sizeof rows / sizeof rows[0])

struct bytes {
	unsigned char *data;
	size_t len;
};

static inline struct bytes bytes_room(size_t len)
{
	struct bytes out = { malloc(len + 1), len };

	if (!out.data)
		abort();
	return out;
}

static inline void bytes_free(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){ NULL, 0 };
}

/* Ciphertext, and for AEAD the tag behind it. */
static inline struct bytes encrypt(const struct row *row, const unsigned char *key,
                                   const unsigned char *iv, struct bytes in)
{
	struct bytes out = bytes_room(in.len + 64);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, row->alg, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, last = 0;

	if (!cipher || EVP_EncryptInit_ex2(ctx, cipher, key, iv, NULL) != 1 ||
	    EVP_EncryptUpdate(ctx, out.data, &n, in.data, (int)in.len) != 1 ||
	    EVP_EncryptFinal_ex(ctx, out.data + n, &last) != 1)
		abort();
	out.len = (size_t)(n + last);
	if (row->kind == AEAD) {
		if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out.data + out.len) !=
		    1)
			abort();
		out.len += TAG;
	}
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return out;
}

static inline struct bytes digest(const struct row *row, const unsigned char *key,
                                  struct bytes in)
{
	struct bytes out = bytes_room(EVP_MAX_MD_SIZE);
	unsigned len = 0;
	bool good;

	if (row->kind == MAC)
		good = HMAC(EVP_sha256(), key, (int)row->key, in.data, in.len, out.data, &len);
	else
		good = EVP_Digest(in.data, in.len, out.data, &len,
		                  EVP_get_digestbyname(row->alg), NULL) == 1;
	if (!good)
		abort();
	out.len = len;
	return out;
}

static inline struct bytes exclusive_or(struct bytes a, const unsigned char *b, size_t len)
{
	struct bytes out = bytes_room(a.len);

	for (size_t i = 0; i < a.len; i++)
		out.data[i] = a.data[i] ^ b[i % len];
	return out;
}

/* a ‖ b */
static inline struct bytes join(const unsigned char *a, size_t len, struct bytes b)
{
	struct bytes out = bytes_room(len + b.len);

	memcpy(out.data, a, len);
	memcpy(out.data + len, b.data, b.len);
	return out;
}

#endif
