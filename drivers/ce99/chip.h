/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the CE99C003B does, whichever way leads to it: key registers, key numbers, modes and status
 * codes as the public source of one program shows them that used the vendor's library. That is
 * evidence, not a manual, and nothing here was verified on silicon.
 *
 * A status is one of the vendor's numbers, and not an errno; chip_meaning() translates. Nothing
 * here knows operations of the core, or locks: one thread at a time. */
#ifndef CE99_CHIP_H
#define CE99_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHIP_SLOTS    16u /* key registers that a key number can tell apart */
#define CHIP_SLOTS_3  3u  /* of them three-key 3DES needs */
#define CHIP_KEY      8u  /* bytes, of one DES key */
#define CHIP_BLOCK    8u  /* bytes, of data and of IV */
#define CHIP_KEYS_MAX 3u

enum chip_mode { CHIP_ECB, CHIP_CBC, CHIP_CFB, CHIP_OFB };

enum chip_status {
	CHIP_OK = 0,
	CHIP_UNKNOWN_COMMAND = -1,
	CHIP_NO_CARD = -2,
	CHIP_NOT_READY = -3,
	CHIP_NO_SLOT = -4,
	CHIP_KEY_NOT_LOADED = -5,
	CHIP_KEY_NOT_USABLE = -6,
	CHIP_ENCRYPT_FAILED = -7,
	CHIP_DECRYPT_FAILED = -8,
	/* Our own, for what the vendor's calls don't tell. */
	CHIP_HANGS = -64,
	CHIP_STOPPED = -65,
};

/* What a status makes of an operation, and of the device. */
struct chip_meaning {
	int error;         /* for acr_op_done(): negative errno */
	bool broken;       /* the device doesn't work any more */
	bool forget;       /* nobody knows which keys are in the chip */
	bool again;        /* worth one more try, with keys loaded anew */
	const char *words; /* one phrase */
};

/* Any thread. Numbers that nobody has told of fail the operation. */
const struct chip_meaning *chip_meaning(int status);

/* One run over data that lies in the chip's buffer. */
struct chip_run {
	unsigned key; /* number, of chip_key_number() */
	enum chip_mode mode;
	bool decrypt;
	uint8_t iv[CHIP_BLOCK]; /* in and out; not looked at in ECB. After a failure: nothing
	                         * to rely on */
	size_t n;               /* bytes, a multiple of CHIP_BLOCK, at most buffer_size */
};

/* The calls of the vendor's library, or what does their work. All return a status. Context: one
 * thread at a time; may sleep. */
struct chip_backend {
	const char *name;
	int (*init)(void *self);  /* keys are gone afterwards */
	int (*clear)(void *self); /* wipe all keys */
	int (*load_key)(void *self, unsigned slot, const uint8_t *key);
	int (*delete_key)(void *self, unsigned slot);
	int (*crypt)(void *self, struct chip_run *run);
	void (*close)(void *self); /* frees self and the buffer */
};

struct chip_slot;

struct chip {
	const struct chip_backend *backend; /* NULL: nothing is open */
	void *self;
	uint8_t *buffer; /* input, replaced by the output; locked memory */
	size_t buffer_size;
	unsigned slot_count;     /* 1..CHIP_SLOTS */
	struct chip_slot *slots; /* CHIP_SLOTS, in secret memory */
};

/* Bytes of secret memory for chip.slots. */
size_t chip_slots_size(void);

/* Start the chip; nothing is in its key registers. */
int chip_init(struct chip *chip);

/* Wipe the chip's keys, and forget them whatever it says. */
int chip_clear(struct chip *chip);

/* Wipe what is remembered of keys. */
void chip_forget(struct chip *chip);

/* Number of a triple or, with count 1, of a single key: four bits for each register, first in the
 * lowest. Zeros above the lowest mean a single key, and that is no ambiguity: encrypting, decrypting
 * and encrypting with key n, 0 and 0 is encrypting with key n. */
unsigned chip_key_number(const unsigned *slots, unsigned count);

/* Run over the buffer under keys of 8 bytes each, 1 or 3, all of one: E, D, E in this order.
 * Keys that the chip has are not loaded again. now_ns: the time, for chip_expire(). */
int chip_crypt(struct chip *chip, const uint8_t *keys, unsigned count, uint64_t now_ns,
               struct chip_run *run);

/* Delete keys that were last used before the given time. */
int chip_expire(struct chip *chip, uint64_t before_ns);

/* When the key that was used least lately was used; UINT64_MAX: there is none. */
uint64_t chip_oldest_use(const struct chip *chip);

/* End it all: wipe keys, close. */
void chip_close(struct chip *chip);

#endif
