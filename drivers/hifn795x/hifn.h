/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The HIFN 7955/7956 driver. An operation is a *work*; a work goes through the chip in one or
 * more *passes*, each of which is one command. Passes end in the order in which they began.
 *
 * Threads: submit() and cancel() of the core; the reactor's, which alone looks for what is
 * done (hifn_reap); one that makes random numbers; and the control thread, which brings the
 * card up and down while no other is there. */
#ifndef HIFN_H
#define HIFN_H

#include "common/pci/card.h"
#include "common/pci/reactor.h"
#include "regs.h"

#include <acrypto/driver.h>

#include <pthread.h>
#include <stdatomic.h>

#define HIFN_MODEXP_LIMITS                                                                     \
	"odd moduli of 512, 1024, 1536, 2048, 2560 or 3072 bits, and exponents no longer"

#define HIFN_WORKS       64u        /* operations at once; entries of command and result ring */
#define HIFN_BLOCK       8192u      /* bytes of one source or destination segment */
#define HIFN_DMA_BYTES   (2u << 20) /* a huge page where there is no IOMMU */
#define HIFN_DATA_AT     0x10000u
#define HIFN_BLOCKS      ((HIFN_DMA_BYTES - HIFN_DATA_AT) / HIFN_BLOCK)
#define HIFN_SOURCES     256u /* at least HIFN_BLOCKS */
#define HIFN_DESTS       384u /* at least HIFN_BLOCKS + HIFN_WORKS */
#define HIFN_WORK_BLOCKS 32u  /* enough for HIFN_MAC_MAX */
#define HIFN_ROWS_MAX    32u
#define HIFN_CIPHER_PASS 0x20000u /* bytes, a multiple of every block */
#define HIFN_PASS_COST   1024u    /* bytes that take as long as a pass of nothing */
#define HIFN_MAC_MAX     (HIFN_COUNT_MAX & ~3u) /* the output is counted in whole words */

_Static_assert(HIFN_SOURCES >= HIFN_BLOCKS && HIFN_DESTS >= HIFN_BLOCKS + HIFN_WORKS,
               "a ring that data blocks can't overfill needs no back-pressure of its own");
_Static_assert(HIFN_WORK_BLOCKS *HIFN_BLOCK >= HIFN_MAC_MAX, "longest MAC");

/* One algorithm. */
struct hifn_row {
	const char *alg;
	uint16_t crypt,
	        mac;     /* masks of the command, NEW_KEY and NEW_IV aside; the other is 0 */
	uint8_t key, iv; /* bytes, ciphers */
	uint8_t block;   /* bytes; the chip gets multiples of it */
	uint8_t digest;  /* bytes, hashes and MACs */
	bool whole;      /* input must be a multiple of the block, or padded */
	bool strong;     /* only at the level of all algorithms */
};

extern const struct hifn_row hifn_rows[];
extern const unsigned hifn_row_count;

static inline bool hifn_is_mac(const struct hifn_row *row)
{
	return row->digest != 0;
}

/* ---- command.c: what the chip is told, and what it answers ---- */

struct hifn_command {
	const struct hifn_row *row;
	bool decode;
	const uint8_t *key;         /* row->key bytes, or HIFN_MAC_KEY for an HMAC */
	const uint8_t *iv;          /* row->iv bytes */
	const struct hifn_row *mac; /* NULL, or the HMAC of the output in the same pass */
	const uint8_t *mac_key;     /* HIFN_MAC_KEY bytes */
	uint32_t mac_bytes;         /* of the output, from its beginning on */
	uint32_t src, dst;          /* bytes, at most HIFN_COUNT_MAX; dst is a multiple of 4 */
	unsigned session;           /* number of the chip's context */
	bool new_key;               /* the key goes with it; else the context has it */
};

/* Writes at most HIFN_COMMAND_MAX bytes. Returns how many. */
size_t hifn_command_build(uint8_t *out, const struct hifn_command *command);

/* Whether a result says that all went well. mac: the command's. exact: the output was a number of
 * whole words; else the chip may or may not count what it fills up the last one with. */
bool hifn_result_good(const uint8_t *result, const struct hifn_row *mac, bool exact);

/* ---- ring.c ---- */

struct hifn_ring {
	uint32_t *entries; /* pairs of little-endian words, `size` and the jump */
	uint32_t bus;
	unsigned size;
	unsigned head; /* next to fill, 0..size */
};

void hifn_ring_init(struct hifn_ring *ring, uint8_t *memory, uint32_t bus, unsigned size);

/* True if the next n entries, n <= size, are no longer the chip's. */
bool hifn_ring_room(const struct hifn_ring *ring, unsigned n);

/* Hand one entry to the chip. flags: D_LAST, D_MASKDONE. Returns its index. */
unsigned hifn_ring_push(struct hifn_ring *ring, uint32_t flags, uint32_t bus, uint32_t length);

/* The chip has given the entry back; what it wrote before is seen after. */
bool hifn_ring_done(const struct hifn_ring *ring, unsigned index);

/* ---- the device ---- */

struct hifn_work {
	struct acr_op *op; /* NULL: nobody wants the result */
	const struct hifn_row *row;
	uint16_t blocks[2][HIFN_WORK_BLOCKS]; /* source and destination */
	unsigned block_count;                 /* of each */
	size_t total;   /* bytes that go through the chip in all: padded */
	size_t at;      /* first byte of this pass */
	uint32_t pass;  /* bytes of this pass */
	uint32_t used;  /* most bytes that a pass had: of these the blocks are wiped */
	uint8_t iv[16]; /* of this pass */
	const struct hifn_row *mac; /* HMAC of what it encrypts, made along with it; or NULL */
	uint8_t key[HIFN_MAC_KEY];  /* HMAC */
	unsigned result;            /* index in the result ring */
	uint64_t took_ns;           /* of all passes so far */
	bool tainted;               /* something went wrong in the chip while it was there */
};

/* What the chip does aside from its rings: see aside.c. */
struct hifn_aside {
	pthread_t thread;
	pthread_cond_t more;
	struct acr_op *queue[HIFN_WORKS]; /* (h) in order */
	unsigned count;                   /* (h) */
	bool started;
	atomic_bool stop;
	uint64_t on_ns; /* when the chip's generator was switched on */
};

struct hifn {
	struct acr_device *dev;
	struct card *card; /* NULL: not there */
	struct card_dma *dma;
	struct reactor *reactor;
	int irq, timer; /* file descriptors; irq -1: polled */
	unsigned level;
	uint32_t ier;
	uint64_t poll_us; /* the option; 0: by interrupt, where there is one */
	uint64_t timeout_ns;
	uint32_t pll; /* its configuration bits */

	pthread_mutex_t lock; /* (h); not held when registers are read or ops are ended */
	bool broken;          /* (h) takes nothing more */
	bool rings_on;        /* the chip may have got commands since it came up */
	struct hifn_ring commands, sources, dests, results; /* (h) */
	struct hifn_work *works;                            /* (h) secret memory, HIFN_WORKS */
	uint16_t free_works[HIFN_WORKS];                    /* (h) */
	uint16_t free_blocks[HIFN_BLOCKS];                  /* (h) */
	unsigned free_work_count, free_block_count;         /* (h) */
	uint16_t order[HIFN_WORKS]; /* (h) works in the chip, oldest at first */
	unsigned first, in_chip;    /* (h) */
	uint64_t progress_ns;       /* (h) when something last moved */
	double busy_ns, busy_bytes; /* (h) of late, since the chip was last idle */
	uint64_t looked_ns;         /* reactor's: when CSR was last read */

	struct hifn_context *contexts; /* (h) secret memory, context_count; NULL: none */
	unsigned context_count;
	uint64_t context_clock; /* (h) */
	int forced_session;     /* self-test: use this one; -1: as it comes */
	bool forced_stored;     /* and what it holds */
	bool combines;          /* the chip encrypts and makes a MAC in one pass */

	struct hifn_aside aside;
	bool running;   /* (h) the core knows the device, and threads are there */
	bool test_done; /* self-test, control thread */
	int test_error;
	bool offered[HIFN_ROWS_MAX]; /* capabilities that the core was told of */
	bool offers_modexp;          /* so was this */
};

uint64_t hifn_now_ns(void);

/* ---- bringup.c. Context: control thread, may sleep. Errors are explained to the device. ---- */

/* Is there a card? Else why is told. As card_look_for(). */
int hifn_look_for(struct acr_device *dev, const struct card_where *where);

/* Open the card, reset, unlock and start it, and test it. */
int hifn_up(struct hifn *hifn, const struct card_where *where);

/* The same with a card that is open already; takes it, in any case. */
int hifn_start(struct hifn *hifn, struct card *card);

/* Threads on and off. */
int hifn_run(struct hifn *hifn);
void hifn_halt(struct hifn *hifn);

/* End what is in flight, wipe the card as far as it answers, give it back. No threads. */
void hifn_down(struct hifn *hifn);

/* Stop DMA. wait: sleep, and what the chip has written is there afterwards, and no more comes.
 * Any thread. */
void hifn_quiesce(struct hifn *hifn, bool wait);

/* "ext66", "pci33" and the like to bits of the PLL register. Returns 0 or -EINVAL. */
int hifn_pll_parse(const char *text, uint32_t *bits);

/* The next word of the unlocking handshake. */
uint32_t hifn_unlock_step(uint32_t word);

/* ---- work.c ---- */

/* Lay out rings and blocks in fresh DMA memory. */
void hifn_layout(struct hifn *hifn);

/* Under (h). Take one op. Returns 0; -EAGAIN: no room now; 1: it needs no chip or can't be
 * done, and *error is to be given to acr_op_done(). */
int hifn_take(struct hifn *hifn, struct acr_op *op, int *error);

/* Under (h). The oldest work has left the chip: next pass, or the end. Returns false if it goes
 * on; else op (NULL: unwanted) and error are set. */
bool hifn_finish_pass(struct hifn *hifn, struct acr_op **op, int *error);

/* Under (h). Forget what is in the chip. Fills in the ops that are still wanted; returns their
 * number. */
unsigned hifn_take_all(struct hifn *hifn, struct acr_op *ops[HIFN_WORKS]);

/* Tell the chip that there is more. */
void hifn_doorbell(struct hifn *hifn);

/* End an op, or the self-test. No locks held. */
void hifn_end(struct hifn *hifn, struct acr_op *op, int error);

/* ---- contexts.c; all but the first under (h) ---- */

#define HIFN_CONTEXTS_MAX 63 /* and number 0: the least that the chip is said to have */

/* Room for context_count. Returns 0 or -ENOMEM. */
int hifn_contexts_make(struct hifn *hifn);

void hifn_contexts_forget(struct hifn *hifn);

/* Choose the context of a command, and whether the key must go with it. */
void hifn_context_use(struct hifn *hifn, struct hifn_command *command);

/* ---- reap.c ---- */

/* End what is done, and see what went wrong. look: read the status even if nothing is done.
 * Returns how many passes were done. Context: one thread at a time, no locks held. */
unsigned hifn_reap(struct hifn *hifn, bool look);

/* The device is lost: stop it, end all ops. No locks held. Sleeps only if something is in the
 * chip. */
void hifn_fail(struct hifn *hifn, const char *reason);

/* Reactor's functions. */
bool hifn_on_interrupt(void *data, short events);
bool hifn_on_timer(void *data, short events);
bool hifn_on_hangup(void *data, short events);

/* Under (h). Wake up regularly while there is something in the chip. */
void hifn_set_timer(struct hifn *hifn, bool on);

/* ---- aside.c ---- */

/* Random generator and public-key engine anew. Returns 0 or -EIO. */
int hifn_aside_reset(struct hifn *hifn);

int hifn_aside_start(struct hifn *hifn);
void hifn_aside_stop(struct hifn *hifn);

/* Under (h). False: no room. */
bool hifn_aside_take(struct hifn *hifn, struct acr_op *op);

/* Under (h). True if it was waiting, and is no more. */
bool hifn_aside_cancel(struct hifn *hifn, struct acr_op *op);

/* Under (h). As hifn_take_all(). */
unsigned hifn_aside_take_all(struct hifn *hifn, struct acr_op *ops[HIFN_WORKS]);

/* ---- random.c; the thread of aside.c's ---- */

struct hifn_generator;

/* In secret memory; NULL: there is none. */
struct hifn_generator *hifn_generator_new(void);
void hifn_generator_free(struct hifn_generator *generator); /* NULL is fine */

/* Fill op's output. generator: NULL is refused. Returns 0 or the op's error. */
int hifn_random(struct hifn *hifn, struct hifn_generator *generator, struct acr_op *op);

/* ---- modexp.c ---- */

/* Returns 0 or the op's error. Context: the thread of aside.c. */
int hifn_modexp(struct hifn *hifn, struct acr_op *op);

/* Known answers of all sizes. Context: control thread, no other is there. */
bool hifn_modexp_test(struct hifn *hifn);

/* ---- selftest.c ---- */

/* Known answers for each algorithm. ok[i]: row i may be offered. Returns 0, or an error,
 * explained: the chip doesn't work at all. Context: control thread, no reactor yet. */
int hifn_selftest(struct hifn *hifn, bool *ok);

/* See whether the contexts keep what they are given, each its own; where not, do without. */
void hifn_contexts_test(struct hifn *hifn);

/* Overwrite the keys that the chip remembers. As above; failures are ignored. */
void hifn_scrub(struct hifn *hifn);

#endif
