/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The little that the chip leaves to the processor. */
#ifndef HIFN_HOST_H
#define HIFN_HOST_H

#include "hifn.h"

#include <openssl/bn.h>

/* The chip takes HMAC keys of one block: longer ones are hashed first. key: HIFN_MAC_KEY zero
 * bytes. Returns 0, or -EOPNOTSUPP if OpenSSL hasn't the digest. Any thread. */
int hifn_mac_key(const struct hifn_row *row, struct acr_bytes given, uint8_t *key);

/* Bytes of the digest or MAC that an operation is about. */
size_t hifn_mac_size(const struct acr_op *op, const struct hifn_row *row);

/* The chip's digest or MAC is there: put it out, or compare it with the one to verify. Returns 0
 * or -EBADMSG. */
int hifn_give_mac(struct acr_op *op, const struct hifn_row *row, const uint8_t *mac);

/* Digest or HMAC of nothing, which the chip can't be given. As above. */
int hifn_empty_digest(struct acr_op *op, const struct hifn_row *row);

/* Modulus and exponent of an op's key: a SEQUENCE of both, or any RSA key. Encryption takes the
 * public exponent; decryption the private one, or the only one. Both are the caller's to clear,
 * in any case. Returns 0, or -EOPNOTSUPP if this isn't one: others have better words for that. */
int hifn_modexp_key(struct acr_op *op, BIGNUM **modulus, BIGNUM **exponent);

/* Compare keys; takes the same time for all. */
bool hifn_equal(const uint8_t *a, const uint8_t *b, size_t n);

#endif
