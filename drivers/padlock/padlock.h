/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VIA PadLock and Zhaoxin's crypto instructions. A device is a set of processors. There is no
 * state in the hardware between operations, and each works in an area of its own, so nothing but
 * the generator of random numbers is shared between threads. */
#ifndef PADLOCK_H
#define PADLOCK_H

#include <acrypto/driver.h>

#include <pthread.h>
#include <sched.h>

#define PADLOCK_BLOCK 16u  /* bytes, of AES and SM4 */
#define PADLOCK_GROUP 128u /* bytes of input that the unit may fetch at once, at most */
#define PADLOCK_STATE "padlock-1"

/* ---- the processor (cpu.c) ---- */

#define PADLOCK_RNG  1u
#define PADLOCK_ACE  2u
#define PADLOCK_ACE2 4u
#define PADLOCK_PHE  8u
#define PADLOCK_PHE2 16u
#define PADLOCK_CCS  32u

struct padlock_cpu {
	uint32_t signature; /* CPUID, leaf 1 */
	unsigned family, model;
	unsigned units; /* PADLOCK_*, of those that are there and enabled */
	bool zhaoxin;
	bool align;       /* the unit takes data that is not aligned, and does it well */
	bool counts;      /* XCRYPT-CTR is to be tried */
	bool hash_blocks; /* XSHA in whole blocks, with padding by software, is to be tried */
	bool sm4_modes;   /* SM4 in CFB, OFB and CTR is to be tried */
	bool rng_status;  /* XSTORE tells how the generator does, not just a count */
};

/* Answers of CPUID. */
struct padlock_cpuid {
	uint32_t eax, ebx, ecx, edx;
};

/* What the answers of leaves 0, 1, 0xC0000000 and 0xC0000001 mean. False: none of these
 * processors. */
bool padlock_cpu_decode(const struct padlock_cpuid leaves[4], struct padlock_cpu *cpu);
/* The processor that this thread runs on. As above. */
bool padlock_cpu_detect(struct padlock_cpu *cpu);

/* ---- algorithms (rows.c) ---- */

enum padlock_kind { PADLOCK_AES, PADLOCK_SM4, PADLOCK_HASH, PADLOCK_HMAC };
enum padlock_mode { PADLOCK_ECB, PADLOCK_CBC, PADLOCK_CFB, PADLOCK_OFB, PADLOCK_CTR };

struct padlock_digest {
	/* The instruction, see insn.h. */
	void (*hash)(void *state, const void *src, size_t done, size_t count);
	unsigned block;       /* bytes */
	unsigned word;        /* bytes of a word that the unit has in its own order; 1: none */
	unsigned state, size; /* bytes of the running state, and of the digest */
	const void *initial;  /* in memory order */
	const uint8_t *empty; /* the digest of nothing; NULL: the hash has no finishing form */
};

struct padlock_row {
	const char *alg;
	enum padlock_kind kind;
	enum padlock_mode mode;
	unsigned key;                        /* bytes, of a cipher */
	const struct padlock_digest *digest; /* of a hash or HMAC */
	unsigned units;                      /* that it needs */
	const char *answer;                  /* what the self-test must give, hexadecimal */
};

extern const struct padlock_row padlock_rows[];
extern const unsigned padlock_row_count;

/* How a row is computed where there is a choice: the first that gives the right answer. */
#define PADLOCK_SOFT_KEY 1u /* AES: the key schedule is made in software */
#define PADLOCK_BY_ECB   2u /* CFB, OFB, CTR: chained in software, over blocks in ECB */
#define PADLOCK_FINISH   4u /* hashes: whole messages alone, padded by the unit */
#define PADLOCK_WAYS     8u

/* A row on one device: how its operations are to be computed. */
struct padlock_cap {
	const struct padlock_row *row;
	unsigned ways; /* PADLOCK_SOFT_KEY ... */
	bool align;
	bool tried; /* there was a way that its processor should know */
	bool offered;
};

/* ---- one operation ---- */

/* What the unit reads and writes, but for the data: op->driver_area, or static in the self-test. */
struct padlock_area {
	uint8_t iv[PADLOCK_BLOCK];
	uint32_t control[4];
	uint8_t key[256]; /* 16 round keys are read, whatever the key's size */
	uint8_t block[PADLOCK_BLOCK];
	uint8_t bounce[512 + PADLOCK_GROUP]; /* 512 are used; a fetch may reach behind them */
	uint8_t state[128];                  /* of a hash; the unit may touch all of it */
	uint8_t outer[128];                  /* of an HMAC, likewise */
	uint8_t partial[256];                /* two blocks of a hash */
	uint64_t bytes;                      /* hashed so far */
	size_t partial_len;
} __attribute__((aligned(16)));

/* Compute op. area is zero. Returns what acr_op_done() takes. Any thread. */
int padlock_compute(struct acr_op *op, const struct padlock_cap *cap,
                    struct padlock_area *area);

/* cipher.c, hash.c: the same for their rows. */
int padlock_cipher(struct acr_op *op, const struct padlock_cap *cap, struct padlock_area *area);
int padlock_hash(struct acr_op *op, const struct padlock_cap *cap, struct padlock_area *area);
void padlock_state_free(void *state);

/* Say why and return -EINVAL. sentence: no secrets. */
int padlock_refuse(struct acr_op *op, const char *sentence);

/* ---- AES round keys in the order in which the unit takes them (schedule.c) ---- */

#define PADLOCK_ROUNDS(KEY) ((KEY) / 4 + 6)

/* Expand a key of 16, 24 or 32 bytes into PADLOCK_ROUNDS + 1 round keys of 16. In time and memory
 * accesses that do not depend on the key. */
void padlock_expand(const uint8_t *key, size_t bytes, uint8_t schedule[256]);
/* Turn them, in place, into those for block decryption. */
void padlock_invert(uint8_t schedule[256], unsigned rounds);

/* ---- XCRYPT and CCS_ENCRYPT over any memory (blocks.c) ---- */

struct padlock_run {
	const struct padlock_cap *cap;
	struct padlock_area *area; /* iv and key are set */
	bool decrypt;
};

/* Whole blocks in a mode, from src to dst, which may be the same; area->iv goes along.
 * mode, decrypt: as the unit is to be told, which is not always the row's. */
void padlock_blocks(const struct padlock_run *run, enum padlock_mode mode, bool decrypt,
                    const uint8_t *src, uint8_t *dst, size_t blocks);

/* The same in one instruction: where both are aligned to 16, or the unit does not mind, a fetch may
 * reach behind the input, and no counter wraps before the end. */
void padlock_execute(const struct padlock_run *run, enum padlock_mode mode, bool decrypt,
                     const uint8_t *src, uint8_t *dst, size_t blocks);

/* How many blocks may go in one instruction, from the start: as many as leave no fetch to reach
 * into the page behind the input, and no counter to wrap. 0: none, the first go by copy. */
size_t padlock_stretch(uintptr_t src, size_t blocks);
/* Blocks until the lower 16 bits of the counter have gone round, 1..65536. */
size_t padlock_until_wrap(const uint8_t iv[PADLOCK_BLOCK]);
/* Add what was carried out of them. */
void padlock_carry(uint8_t iv[PADLOCK_BLOCK]);
/* Add to the whole counter. */
void padlock_count(uint8_t iv[PADLOCK_BLOCK], uint64_t n);

/* Bytes of padding at the end of a block: 1..16; 0: they are no padding. Takes the same time for
 * all. */
unsigned padlock_padding(const uint8_t block[PADLOCK_BLOCK]);

/* ---- random numbers (random.c) ---- */

struct padlock_random;

/* Returns owned, NULL: no memory. divisor: 0..3; has_status: XSTORE tells more than a count. */
struct padlock_random *padlock_random_new(unsigned divisor, bool has_status);
void padlock_random_free(struct padlock_random *random); /* NULL is fine */
/* As padlock_compute(). Where the generator has failed: -EOPNOTSUPP until it is reset. device: for
 * the log. */
int padlock_random(struct padlock_random *random, struct acr_op *op, const char *device);
/* Try it again. No op is under way. */
void padlock_random_reset(struct padlock_random *random);
/* Is the unit's generator fit for use? Takes the time of a thousand bytes. */
bool padlock_random_try(unsigned divisor, bool has_status);

/* The health tests of its bytes, SP 800-90B 4.4. */
struct padlock_health {
	uint8_t last, watched;
	unsigned repeated; /* how often last came in a row */
	unsigned seen, at; /* how often watched came among the bytes of this window so far */
};

/* False: the source is not fit, from this byte on. */
bool padlock_health_note(struct padlock_health *health, uint8_t byte);

/* ---- the device (padlock.c) and its test at the start (selftest.c) ---- */

struct padlock {
	struct padlock_cpu cpu;
	struct padlock_cap *caps; /* one a row */
	bool random_offered;
	struct padlock_random *random;
	cpu_set_t cpus;
	bool pinned;      /* cpus is fewer than the process may use */
	bool soft_keys;   /* no key is expanded by the unit */
	unsigned divisor; /* of XSTORE, 0..3 */
};

/* Try each row on each processor of the device, in a process of its own, and note what is to be
 * offered. again: it was noted; all of that must still be so. Returns 0 or a negative errno, -EIO:
 * it is not. Context: control thread; sleeps. */
int padlock_selftest(struct padlock *padlock, bool again);

/* Parse "0-3+8". Returns the number of processors, 0: it is no such list, or there is one that is
 * not in `allowed`. (cpus.c) */
unsigned padlock_cpus_parse(const char *text, const cpu_set_t *allowed, cpu_set_t *cpus);

#endif
