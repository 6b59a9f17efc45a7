/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* acrypto's names and OpenSSL's. A row is offered if OpenSSL at hand can fetch it. */
#include "internal.h"

#define ROW(ALG, NAME, SUB, FAMILY)                                                            \
	{                                                                                      \
		.alg = ALG, .name = NAME, .sub = SUB, .family = &soft_##FAMILY##_family        \
	}

/* OpenSSL's -CFB is full-block feedback: CFB128, or CFB64 for DES. */
#define MODES(ALG, NAME)                                                                       \
	ROW(ALG "-ecb", NAME "-ECB", NULL, cipher),                                            \
	        ROW(ALG "-cbc", NAME "-CBC", NULL, cipher),                                    \
	        ROW(ALG "-cfb", NAME "-CFB", NULL, cipher),                                    \
	        ROW(ALG "-ofb", NAME "-OFB", NULL, cipher)
#define CTR(ALG, NAME) ROW(ALG "-ctr", NAME "-CTR", NULL, cipher)
#define XTS(ALG, NAME) ROW(ALG "-xts", NAME "-XTS", NULL, xts)
#define GCM(ALG, NAME) ROW(ALG "-gcm", NAME "-GCM", NULL, aead)
#define CCM(ALG, NAME) ROW(ALG "-ccm", NAME "-CCM", NULL, aead_whole)
#define OCB(ALG, NAME) ROW(ALG "-ocb", NAME "-OCB", NULL, aead)

#define AES(BITS)                                                                              \
	MODES("aes-" BITS, "AES-" BITS), CTR("aes-" BITS, "AES-" BITS),                        \
	        GCM("aes-" BITS, "AES-" BITS), CCM("aes-" BITS, "AES-" BITS),                  \
	        OCB("aes-" BITS, "AES-" BITS),                                                 \
	        ROW("aes-" BITS "-gcm-siv", "AES-" BITS "-GCM-SIV", NULL, aead_whole),         \
	        ROW("aes-" BITS "-wrap", "AES-" BITS "-WRAP", NULL, wrap),                     \
	        ROW("aes-" BITS "-wrap-pad", "AES-" BITS "-WRAP-PAD", NULL, wrap),             \
	        ROW("cmac-aes-" BITS, "CMAC", "AES-" BITS "-CBC", mac),                        \
	        ROW("gmac-aes-" BITS, "GMAC", "AES-" BITS "-GCM", gmac)
#define CAMELLIA(BITS)                                                                         \
	MODES("camellia-" BITS, "CAMELLIA-" BITS), CTR("camellia-" BITS, "CAMELLIA-" BITS)
#define ARIA(BITS)                                                                             \
	MODES("aria-" BITS, "ARIA-" BITS), CTR("aria-" BITS, "ARIA-" BITS),                    \
	        GCM("aria-" BITS, "ARIA-" BITS), CCM("aria-" BITS, "ARIA-" BITS)

#define DIGEST(ALG, NAME)                                                                      \
	ROW(ALG, NAME, NULL, hash), ROW("hmac-" ALG, "HMAC", NAME, mac),                       \
	        ROW("hkdf-" ALG, "HKDF", NAME, hkdf),                                          \
	        ROW("pbkdf2-" ALG, "PBKDF2", NAME, pbkdf2)

#define CURVE_ROW(ALG, NAME, SUB, FAMILY, CURVE)                                               \
	{                                                                                      \
		.alg = ALG, .name = NAME, .sub = SUB, .family = &soft_##FAMILY##_family,       \
		.curve = &CURVE                                                                \
	}

static const struct soft_curve p256 = { "prime256v1", 32 }, p384 = { "secp384r1", 48 },
                               p521 = { "secp521r1", 66 }, k256 = { "secp256k1", 32 },
                               sm2 = { "SM2", 32 };

#define PKEY_DIGEST(ALG, NAME)                                                                 \
	ROW("rsa-" ALG, "RSA", NAME, rsa), ROW("rsa-pss-" ALG, "RSA", NAME, pss),              \
	        ROW("rsa-oaep-" ALG, "RSA", NAME, oaep),                                       \
	        CURVE_ROW("ecdsa-prime256v1-" ALG, "EC", NAME, ecdsa, p256),                   \
	        CURVE_ROW("ecdsa-secp384r1-" ALG, "EC", NAME, ecdsa, p384),                    \
	        CURVE_ROW("ecdsa-secp521r1-" ALG, "EC", NAME, ecdsa, p521),                    \
	        CURVE_ROW("ecdsa-secp256k1-" ALG, "EC", NAME, ecdsa, k256)

const struct soft_row soft_rows[] = {
	ROW("", "", NULL, random),

	AES("128"),
	AES("192"),
	AES("256"),
	XTS("aes-128", "AES-128"),
	XTS("aes-256", "AES-256"),
	ROW("chacha20", "ChaCha20", NULL, cipher),
	ROW("chacha20-poly1305", "ChaCha20-Poly1305", NULL, aead),
	ROW("xor", "", NULL, xor),
	MODES("des", "DES"),
	MODES("des-ede3", "DES-EDE3"),
	CAMELLIA("128"),
	CAMELLIA("192"),
	CAMELLIA("256"),
	ARIA("128"),
	ARIA("192"),
	ARIA("256"),
	MODES("sm4", "SM4"),
	CTR("sm4", "SM4"),
	GCM("sm4", "SM4"),
	CCM("sm4", "SM4"),
	XTS("sm4", "SM4"),

	DIGEST("md5", "MD5"),
	DIGEST("sha1", "SHA1"),
	DIGEST("sha224", "SHA2-224"),
	DIGEST("sha256", "SHA2-256"),
	DIGEST("sha384", "SHA2-384"),
	DIGEST("sha512", "SHA2-512"),
	DIGEST("sha512-224", "SHA2-512/224"),
	DIGEST("sha512-256", "SHA2-512/256"),
	DIGEST("sha3-224", "SHA3-224"),
	DIGEST("sha3-256", "SHA3-256"),
	DIGEST("sha3-384", "SHA3-384"),
	DIGEST("sha3-512", "SHA3-512"),
	DIGEST("blake2b512", "BLAKE2B-512"),
	DIGEST("blake2s256", "BLAKE2S-256"),
	DIGEST("sm3", "SM3"),
	ROW("shake128", "SHAKE-128", NULL, hash),
	ROW("shake256", "SHAKE-256", NULL, hash),

	ROW("cmac-des-ede3", "CMAC", "DES-EDE3-CBC", mac),
	ROW("kmac-128", "KMAC-128", NULL, kmac),
	ROW("kmac-256", "KMAC-256", NULL, kmac),
	ROW("poly1305", "POLY1305", NULL, mac),
	ROW("scrypt", "SCRYPT", NULL, scrypt),

	PKEY_DIGEST("sha1", "SHA1"),
	PKEY_DIGEST("sha224", "SHA2-224"),
	PKEY_DIGEST("sha256", "SHA2-256"),
	PKEY_DIGEST("sha384", "SHA2-384"),
	PKEY_DIGEST("sha512", "SHA2-512"),
	PKEY_DIGEST("sha512-224", "SHA2-512/224"),
	PKEY_DIGEST("sha512-256", "SHA2-512/256"),
	PKEY_DIGEST("sha3-224", "SHA3-224"),
	PKEY_DIGEST("sha3-256", "SHA3-256"),
	PKEY_DIGEST("sha3-384", "SHA3-384"),
	PKEY_DIGEST("sha3-512", "SHA3-512"),
	CURVE_ROW("sm2", "SM2", "SM3", sm2, sm2),
	ROW("ed25519", "ED25519", NULL, eddsa),
	ROW("ed448", "ED448", NULL, eddsa),
	CURVE_ROW("ecdh-prime256v1", "EC", NULL, ecdh, p256),
	CURVE_ROW("ecdh-secp384r1", "EC", NULL, ecdh, p384),
	CURVE_ROW("ecdh-secp521r1", "EC", NULL, ecdh, p521),
	CURVE_ROW("ecdh-secp256k1", "EC", NULL, ecdh, k256),
	ROW("x25519", "X25519", NULL, xdh),
	ROW("x448", "X448", NULL, xdh),
	ROW("modexp", "RSA", NULL, modexp),
};

const unsigned soft_row_count = sizeof(soft_rows) / sizeof(soft_rows[0]);
