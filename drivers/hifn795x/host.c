/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static const EVP_MD *digest_of(const struct hifn_row *row)
{
	return row->mac & MAC_MD5 ? EVP_md5() : EVP_sha1();
}

int hifn_mac_key(const struct hifn_row *row, struct acr_bytes given, uint8_t *key)
{
	if (given.len > HIFN_MAC_KEY)
		return EVP_Digest(given.data, given.len, key, NULL, digest_of(row), NULL)
		               ? 0
		               : -EOPNOTSUPP;
	if (given.len)
		memcpy(key, given.data, given.len);
	return 0;
}

int hifn_empty_digest(struct acr_op *op, const struct hifn_row *row)
{
	uint8_t full[EVP_MAX_MD_SIZE];
	const uint8_t *key = op->key.len ? op->key.data : (const uint8_t *)"";
	size_t size = op->opcode == ACR_MAC ? op->tag_size : row->digest;
	bool made;

	if (op->opcode == ACR_MAC)
		made = HMAC(digest_of(row), key, (int)op->key.len, key, 0, full, NULL);
	else
		made = EVP_Digest(key, 0, full, NULL, digest_of(row), NULL);
	if (!made)
		return -EOPNOTSUPP;
	if (size)
		memcpy(op->dst, full, size);
	op->dst_len = size;
	explicit_bzero(full, sizeof(full));
	return 0;
}

bool hifn_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	return !CRYPTO_memcmp(a, b, n);
}
