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
	const char *name; /* OpenSSL's name of the cipher, digest, MAC or KDF, or type of key */
	const char *sub;  /* OpenSSL's name of the digest or cipher inside; NULL: none */
	const struct soft_family *family;
	const struct soft_curve *curve; /* of elliptic-curve keys; NULL: there is no choice */
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

/* An elliptic curve. Coordinates and the order take equally many bytes on all we have. */
struct soft_curve {
	const char *group; /* OpenSSL's name */
	size_t bytes;
};

/* One family each: cipher.c aead.c wrap.c xor.c digest.c mac.c kdf.c pkey_sign.c pkey_crypt.c
 * pkey_derive.c modexp.c */
extern const struct soft_family soft_cipher_family, soft_xts_family, soft_aead_family,
        soft_aead_whole_family, soft_wrap_family, soft_xor_family, soft_hash_family,
        soft_mac_family, soft_gmac_family, soft_kmac_family, soft_hkdf_family,
        soft_pbkdf2_family, soft_scrypt_family, soft_random_family, soft_rsa_family,
        soft_pss_family, soft_ecdsa_family, soft_sm2_family, soft_eddsa_family,
        soft_oaep_family, soft_ecdh_family, soft_xdh_family, soft_modexp_family;

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

/* ---- public keys (pkey_key.c; pkey_check.c, key_forms.c) ---- */

enum soft_half { SOFT_PUBLIC, SOFT_PRIVATE };

/* Make a key of the row's type and curve of PEM, DER, a certificate or, except for RSA and SM2, its
 * bare bytes.
 * op     its sentence says what is wrong
 * file   where the bytes come from, for the sentence: "key" or "src"
 * half   what is needed of it; a private key serves as a public one too
 * Returns owned in *pkey and 0; -EINVAL, -ENOMEM. Any thread. */
int soft_key_parse(struct acr_op *op, const struct soft_row *row, struct acr_bytes bytes,
                   const char *file, enum soft_half half, EVP_PKEY **pkey);

/* Say "FILE WHAT MORE" and return -EINVAL. */
int soft_key_refuse(struct acr_op *op, const char *file, const char *what, const char *more);

/* Does it have this half? */
bool soft_key_has(const EVP_PKEY *pkey, enum soft_half half);

/* May a key that was decoded be used for this row? file_len: bytes of its file. 0, or
 * -EINVAL with a sentence. Any thread. */
int soft_key_check(struct acr_op *op, const struct soft_row *row, size_t file_len,
                   const char *file, enum soft_half half, const EVP_PKEY *pkey);

/* What a file is in which no key was found, as the rest of a sentence. NULL: unknown. */
const char *soft_key_form(struct acr_bytes bytes);

/* Has the file what goes around a key, the lines of PEM or one sequence of DER? */
bool soft_key_looks_whole(struct acr_bytes bytes);

/* The public key of the first certificate in a file: key gets its DER, to be freed with
 * OPENSSL_free(). False: there is no certificate. */
bool soft_key_of_certificate(struct acr_bytes bytes, struct acr_bytes *key);

/* Give back what is kept to parse the next key quicker; no key is in it. From engine_down(). */
void soft_key_drop_decoders(void);

/* ---- signatures of two numbers (sig_forms.c) ---- */

#define SOFT_SIG_DER_MAX 160 /* bytes; the longest ECDSA signature in DER has 141 */

/* Two numbers of half bytes each, as DER. Returns its length, 0: they can't be. */
size_t soft_sig_der(struct acr_bytes raw, size_t half, uint8_t *der);
/* And back, into dst. 0, -EIO. */
int soft_sig_raw(struct acr_op *op, const uint8_t *der, size_t len, size_t half);

/* It did not verify: say so if sig has another form than the one asked for.
 * half  bytes of each number of the curve, 0: not of two numbers
 * size  bytes of a signature of this key */
void soft_sig_explain(struct acr_op *op, size_t half, size_t size);

/* What to return where OpenSSL would not do it with this key: -ENOMEM, or -EINVAL with a
 * sentence. A device is not to blame for a user's key. */
int soft_key_unfit(struct acr_op *op, const char *sentence);

/* Room for an OpenSSL name of a digest by acrypto's; "" if there is none. */
const char *soft_digest_name(const char *alg);

/* fetch() and drop() for the families that fetch by name at each use: is the row's digest
 * there? */
bool soft_pkey_fetch(struct soft_cap *cap);
void soft_pkey_drop(struct soft_cap *cap);

/* Write ACR_VALID and return 0, or return -EBADMSG. */
int soft_verified(struct acr_op *op, bool valid);

/* Say why and return -EINVAL. sentence: no secrets. */
int soft_refuse(struct acr_op *op, const char *sentence);

/* What OpenSSL's error queue of this thread means: -ENOMEM or -EIO. */
int soft_error(void);

#endif
