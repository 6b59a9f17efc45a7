/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host.h"

#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
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

size_t hifn_mac_size(const struct acr_op *op, const struct hifn_row *row)
{
	if (op->opcode == ACR_VERIFY)
		return op->sig.len;
	return op->opcode == ACR_MAC ? op->tag_size : row->digest;
}

int hifn_give_mac(struct acr_op *op, const struct hifn_row *row, const uint8_t *mac)
{
	size_t size = hifn_mac_size(op, row);
	bool verify = op->opcode == ACR_VERIFY;

	if (verify && !hifn_equal(mac, op->sig.data, size))
		return -EBADMSG;
	op->dst_len = verify ? strlen(ACR_VALID) : size;
	if (op->dst_len)
		memcpy(op->dst, verify ? (const uint8_t *)ACR_VALID : mac, op->dst_len);
	return 0;
}

int hifn_empty_digest(struct acr_op *op, const struct hifn_row *row)
{
	uint8_t full[EVP_MAX_MD_SIZE];
	const uint8_t *key = op->key.len ? op->key.data : (const uint8_t *)"";
	bool made;
	int error;

	if (op->opcode != ACR_HASH)
		made = HMAC(digest_of(row), key, (int)op->key.len, key, 0, full, NULL);
	else
		made = EVP_Digest(key, 0, full, NULL, digest_of(row), NULL);
	if (!made)
		return -EOPNOTSUPP;
	error = hifn_give_mac(op, row, full);
	explicit_bzero(full, sizeof(full));
	return error;
}

static int no_passphrase(char *buffer, int size, int writing, void *data)
{
	(void)buffer, (void)size, (void)writing, (void)data;
	return -1;
}

int hifn_modexp_key(struct acr_op *op, BIGNUM **modulus, BIGNUM **exponent)
{
	const unsigned char *at = op->key.data;
	size_t left = op->key.len;
	EVP_PKEY *key = NULL;
	OSSL_DECODER_CTX *decoder =
	        OSSL_DECODER_CTX_new_for_pkey(&key, NULL, NULL, "RSA", 0, NULL, NULL);
	bool good = decoder &&
	            OSSL_DECODER_CTX_set_pem_password_cb(decoder, no_passphrase, NULL) &&
	            OSSL_DECODER_from_data(decoder, &at, &left) &&
	            EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, modulus);

	good = good && ((op->opcode == ACR_DECRYPT &&
	                 EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_D, exponent)) ||
	                EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, exponent));
	EVP_PKEY_free(key);
	OSSL_DECODER_CTX_free(decoder);
	if (!good)
		acr_op_explain(
		        op, "the card's driver finds no RSA key in key, nor a modulus and an "
		            "exponent in DER");
	return good ? 0 : -EOPNOTSUPP;
}

bool hifn_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	return !CRYPTO_memcmp(a, b, n);
}
