/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver for the CE99C003B of this project's model. The chip does one thing at a time, so one
 * thread of the driver's owns it and does the same: it takes the oldest operation, copies the
 * data into the chip's buffer in *passes*, and waits.
 *
 * Threads: submit() and cancel() of the core; the worker; and the control thread, which touches
 * the chip only while there is no worker. */
#ifndef CE99_H
#define CE99_H

#include "backends.h"

#include <acrypto/driver.h>

#include <pthread.h>

#define CE99_WIDTH    16u /* operations that wait in the driver */
#define CE99_ROWS_MAX 8u

/* One algorithm. */
struct ce99_row {
	const char *alg;
	enum chip_mode mode;
	uint8_t keys; /* of CHIP_KEY bytes */
	bool iv;
	bool whole; /* input must be a multiple of the block, or padded */
};

extern const struct ce99_row ce99_rows[];
extern const unsigned ce99_row_count;

/* The operation in the chip; the worker's, in secret memory. What is needed of the op is copied,
 * since the op itself may be cancelled at any time. */
struct ce99_work {
	const struct ce99_row *row;
	bool decrypt, padded;
	size_t total; /* bytes that go through the chip in all: padded */
	size_t at;    /* first byte of this pass */
	size_t pass;  /* bytes of this pass */
	uint8_t keys[CHIP_KEYS_MAX * CHIP_KEY];
	uint8_t iv[CHIP_BLOCK];
};

struct ce99 {
	struct acr_device *dev;
	struct chip chip; /* the worker's, while there is one */
	struct ce99_card_facts facts;
	struct ce99_work *work; /* worker's */
	unsigned slots;         /* as asked for; 0: what the card says */
	uint64_t keep_ns, timeout_ns;
	bool offered[CE99_ROWS_MAX]; /* capabilities that the core was told of */

	pthread_t thread;
	bool started;     /* and not joined yet */
	int wake;         /* eventfd: something is queued, or stop is set */
	atomic_bool stop; /* the worker is to end */

	pthread_mutex_t lock;     /* (h); not held when the chip is used or ops are ended */
	pthread_cond_t ended_now; /* ended was set */
	bool ended;               /* (h) the worker has nothing more to do */
	bool broken;              /* (h) takes nothing more */
	struct acr_op *queue[CE99_WIDTH]; /* (h) in order */
	unsigned count;                   /* (h) */
	struct acr_op *current;           /* (h) in the chip, and still wanted */
};

/* ---- ce99.c. Context: control thread. ---- */

/* Without a chip. NULL: no memory. */
struct ce99 *ce99_new(struct acr_device *dev);
void ce99_free(struct ce99 *ce);

/* Start the chip that was opened, and test it. Returns 0 or a negative errno, explained. */
int ce99_bring_up(struct ce99 *ce);

/* ---- work.c ---- */

/* Work off the oldest operation. Returns false if there is none. Context: worker. */
bool ce99_step(struct ce99 *ce);

/* Nothing to do: delete keys that nobody has used for a while. As above. */
void ce99_idle(struct ce99 *ce);

/* The device is lost: end all ops with the error. Context: worker; or control thread, without one
 * or with one that is stuck. reason NULL: nobody is told. */
void ce99_fail(struct ce99 *ce, const char *reason, int error);

/* ---- worker.c. Context: control thread. ---- */

/* Returns 0 or a negative errno. */
int ce99_start(struct ce99 *ce);

/* -EBUSY: it is inside a call of the vendor's that doesn't return. Calling again is fine. */
int ce99_halt(struct ce99 *ce);

/* Wake the worker. Any thread. */
void ce99_wake(struct ce99 *ce);

/* ---- selftest.c ---- */

/* Known answers for each algorithm, and keys that stay apart. ok[i]: row i may be offered. Leaves
 * no keys behind. Returns 0, or an error, explained. Context: control thread, no worker. */
int ce99_selftest(struct ce99 *ce, bool *ok);

#endif
