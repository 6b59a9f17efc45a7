/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one table of algorithms: what each is called, takes, gives and allows.
 * A new algorithm is a row here and a row in each driver that offers it. */
#ifndef ACR_ALG_H
#define ACR_ALG_H

#include <acrypto/driver.h>

enum acr_kind {
	ACR_KIND_RNG,
	ACR_KIND_CIPHER,
	ACR_KIND_AEAD,
	ACR_KIND_WRAP,
	ACR_KIND_HASH,
	ACR_KIND_MAC,
	ACR_KIND_KDF,
	ACR_KIND_SIGN,
	ACR_KIND_PKCRYPT,
	ACR_KIND_AGREE
};

/* How the input may be cut into parts (for `stream`). NONE: not at all. The chained ones are
 * whole requests whose IV the core computes from the part before. STATE: the driver hands a
 * running state from part to part. */
enum acr_pieces {
	ACR_PIECES_NONE,
	ACR_PIECES_ECB,
	ACR_PIECES_CBC,
	ACR_PIECES_CFB,
	ACR_PIECES_OFB,
	ACR_PIECES_CTR,
	ACR_PIECES_CHACHA,
	ACR_PIECES_STATE
};

#define ACR_ALG_UNIQUE_IV  1u  /* a nonce must serve one encryption under one key */
#define ACR_ALG_PADS       2u  /* pkcs7 padding unless told otherwise */
#define ACR_ALG_XOF        4u  /* output length is the user's choice (`length`) */
#define ACR_ALG_SALT       8u  /* iv is a salt: may be absent, any length to iv_max */
#define ACR_ALG_CCM        16u /* nonce and message length share 15 bytes */
#define ACR_ALG_TWO_INPUTS 64u /* a second operand: key, or the output that input2 names */
#define ACR_ALG_SLOW       32u /* costs far more than its input length says: never inline */

struct acr_alg {
	const char *name; /* canonical; "" is the random number row */
	enum acr_kind kind;
	unsigned ops;                        /* bit (1 << enum acr_opcode) */
	unsigned key_min, key_max, key_step; /* bytes; key_max 0: takes no key */
	unsigned block; /* bytes; the unit of padding and of parts, 1 for byte streams */
	unsigned iv_min, iv_max, iv_default; /* bytes; iv_max 0: none */
	uint64_t tags;        /* bit (n - 1): a tag or MAC of n bytes is allowed */
	unsigned tag_default; /* bytes; 0: none */
	unsigned out;     /* digest, MAC or default derived bytes; 0: as long as the input */
	uint64_t out_max; /* most bytes for `length`; of public-key algorithms, of output */
	uint64_t in_min, in_max; /* bytes of input to encrypt, hash, ... */
	unsigned in_step; /* input must be a multiple of this many bytes (after padding) */
	enum acr_pieces pieces;
	unsigned flags; /* ACR_ALG_* */
	const char
	        *digest; /* of signatures and OAEP: canonical name of the digest; NULL: none */
	const char *scheme; /* RSA: what `padding` says; NULL: not RSA */
};

/* Bytes that DER has at most around r and s of a signature: out_max counts them. */
#define ACR_DER_AROUND 9

/* Most rows the table can have; sizes the capability matrices. */
#define ACR_ALGS 512

/* The row of a name, or of an alias. NULL: unknown. Any thread after acr_alg_init(). */
const struct acr_alg *acr_alg_find(const char *name);
/* The same name or alias as a string that is never freed. NULL: unknown. Takes no lock. */
const char *acr_alg_text(const char *name);

/* The canonical name that may be meant by one that is unknown (nearest.c). NULL: none is near. */
const char *acr_alg_nearest(const char *name);

/* Row number, 0..acr_alg_count()-1, and back. Row 0 is ACR_RANDOM's. */
unsigned acr_alg_index(const struct acr_alg *alg);
const struct acr_alg *acr_alg_row(unsigned index);
unsigned acr_alg_count(void);

/* Before any other call, once. */
void acr_alg_init(void);

/* Name of an operation as in the `op` file; and back: -1 for unknown. */
const char *acr_opcode_name(enum acr_opcode opcode);
int acr_opcode_find(const char *name);

/* What `op` means when it is not written. */
enum acr_opcode acr_alg_default_op(const struct acr_alg *alg);

bool acr_alg_has_op(const struct acr_alg *alg, enum acr_opcode opcode);
bool acr_alg_key_ok(const struct acr_alg *alg, size_t bytes);
bool acr_alg_iv_ok(const struct acr_alg *alg, size_t bytes);
bool acr_alg_tag_ok(const struct acr_alg *alg, size_t bytes);
/* Bytes that computing takes beside input and output, where these numbers choose it; else 0. alg
 * may be NULL. */
size_t acr_alg_memory(const struct acr_alg *alg, const struct acr_numbers *numbers);

/* "16, 24 or 32 bytes" and the like, for sentences. text has room for ACR_SIZES bytes. */
#define ACR_SIZES 96
void acr_alg_key_sizes(const struct acr_alg *alg, char *text);
void acr_alg_iv_sizes(const struct acr_alg *alg, char *text);
void acr_alg_tag_sizes(const struct acr_alg *alg, char *text);

#endif
