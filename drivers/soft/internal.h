/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the files of the engine; nobody else includes this. */
#ifndef ACR_SOFT_INTERNAL_H
#define ACR_SOFT_INTERNAL_H

#include "engine.h"

#include <openssl/evp.h>

/* EVP counts cipher input in int. A multiple of every block size. */
#define SOFT_CHUNK ((size_t)1 << 30)

struct soft_row;

/* How one kind of algorithm is fetched and computed. */
struct soft_family {
	unsigned opcodes; /* bit (1 << enum acr_opcode) */
	unsigned parts;   /* those of them that take parts with a running state */
	/* Fill in cap from its row. Returns false: OpenSSL at hand lacks it. */
	bool (*fetch)(struct soft_cap *cap);
	/* Free what fetch() got; cap is zero where it failed. */
	void (*drop)(struct soft_cap *cap);
	/* As soft_compute(). */
	int (*compute)(struct acr_op *op, const struct soft_cap *cap);
};

struct soft_row {
	const char *alg;  /* acrypto's name */
	const char *name; /* OpenSSL's name of the cipher, digest, MAC or KDF */
	const char *sub;  /* OpenSSL's name of the digest or cipher inside; NULL: none */
	const struct soft_family *family;
};

/* A row with what was fetched for it. Constant while any device uses the engine. */
struct soft_cap {
	const struct soft_row *row;
	EVP_CIPHER *cipher;
	EVP_MD *md;
	EVP_MAC *mac;
	EVP_MAC_CTX *mac_template; /* knows its digest or cipher, has no key; NULL: can't be
	                            * duplicated before it has one */
	EVP_KDF *kdf;
	bool fetched;
};

/* rows.c */
extern const struct soft_row soft_rows[];
extern const unsigned soft_row_count;

/* One family each: cipher.c aead.c wrap.c xor.c digest.c mac.c kdf.c */
extern const struct soft_family soft_cipher_family, soft_aead_family, soft_aead_whole_family,
        soft_wrap_family, soft_xor_family, soft_hash_family, soft_mac_family, soft_gmac_family, soft_kmac_family,
        soft_hkdf_family, soft_pbkdf2_family, soft_scrypt_family, soft_random_family;

/* ctx.c: what runs from part to part. Exactly one of the contexts is set. */
struct soft_state {
	EVP_CIPHER_CTX *cipher; /* (a) NULL: taken over by a later part */
	EVP_MD_CTX *md;
	EVP_MAC_CTX *mac;
	uint64_t bytes; /* input so far */
};

/* Give op the running state for the next part.
 * state  its context is taken, also on failure
 * Returns 0 or -ENOMEM. */
int soft_state_keep(struct acr_op *op, struct soft_state state);

/* A context of one's own that goes on where op->state stands; op->state stays usable.
 * Returns owned in *ctx and 0; -ENOMEM, -EIO. */
int soft_md_resume(const struct acr_op *op, EVP_MD_CTX **ctx);
int soft_mac_resume(const struct acr_op *op, EVP_MAC_CTX **ctx);
/* The same where OpenSSL can duplicate the cipher; else the context itself is taken over, and
 * repeating the part gives -EIO. */
int soft_cipher_resume(struct acr_op *op, EVP_CIPHER_CTX **ctx);

/* Fetch and free for the families that are one EVP_CIPHER. */
bool soft_cipher_fetch(struct soft_cap *cap);
void soft_cipher_drop(struct soft_cap *cap);

/* Put n bytes of input through ctx in pieces that EVP can count.
 * out   room for all output; NULL: in is associated data
 * done  (out) bytes written
 * Returns whether OpenSSL was content. */
bool soft_cipher_update(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *in, size_t n,
                        size_t *done);

/* A pointer that may be read from where bytes.data may be NULL: OpenSSL takes NULL for "not
 * given" in many places. */
const uint8_t *soft_bytes(struct acr_bytes bytes);

/* Say why and return -EINVAL. sentence: no secrets. */
int soft_refuse(struct acr_op *op, const char *sentence);

/* What OpenSSL's error queue of this thread means: -ENOMEM or -EIO. */
int soft_error(void);

#endif
