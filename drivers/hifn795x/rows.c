/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The algorithms of the chip. A new one is a row. */
#include "hifn.h"

/* clang-format off */
#define CIPHER(NAME, MASKS, K, B, STRONG)                                                      \
	{ .alg = NAME "-ecb", .crypt = (MASKS) | CRYPT_ECB, .key = K, .block = B,              \
	  .whole = true, .strong = STRONG },                                                   \
	{ .alg = NAME "-cbc", .crypt = (MASKS) | CRYPT_CBC, .key = K, .iv = B, .block = B,     \
	  .whole = true, .strong = STRONG },                                                   \
	{ .alg = NAME "-cfb", .crypt = (MASKS) | CRYPT_CFB, .key = K, .iv = B, .block = B,     \
	  .strong = STRONG },                                                                  \
	{ .alg = NAME "-ofb", .crypt = (MASKS) | CRYPT_OFB, .key = K, .iv = B, .block = B,     \
	  .strong = STRONG }
#define DIGEST(NAME, MASKS, SIZE)                                                              \
	{ .alg = NAME, .mac = (MASKS) | MAC_HASH | MAC_RESULT | MAC_IPSEC, .block = 1,         \
	  .digest = SIZE },                                                                    \
	{ .alg = "hmac-" NAME, .mac = (MASKS) | MAC_HMAC | MAC_RESULT | MAC_IPSEC, .block = 1, \
	  .digest = SIZE }

const struct hifn_row hifn_rows[] = {
	CIPHER("des", CRYPT_DES, 8, 8, false),
	CIPHER("des-ede3", CRYPT_3DES, 24, 8, true),
	CIPHER("aes-128", CRYPT_AES, 16, 16, true),
	CIPHER("aes-192", CRYPT_AES | CRYPT_192, 24, 16, true),
	CIPHER("aes-256", CRYPT_AES | CRYPT_256, 32, 16, true),
	DIGEST("md5", MAC_MD5, 16),
	DIGEST("sha1", MAC_SHA1, 20),
};
/* clang-format on */

const unsigned hifn_row_count = sizeof(hifn_rows) / sizeof(hifn_rows[0]);
