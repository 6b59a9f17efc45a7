/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of the modelled card. One thread has it all. */
#ifndef HIFN_MODEL_CARD_H
#define HIFN_MODEL_CARD_H

#include "registers.h"
#include "tests/models/vfio_user/pci_config.h"
#include "tests/models/vfio_user/report.h"
#include "tests/models/vfio_user/server.h"

/* The rings, in the order of their bits in CSR. */
enum ring_name { RING_COMMAND, RING_SOURCE, RING_RESULT, RING_DESTINATION, RINGS };
#define RING_SHIFT(ring) (8u * (ring))

enum { MAX_SLOTS = 1024, CONTEXTS = 4096, RAM_SIZE = 0x8000 };

/* A ring entry as it was found in memory. */
struct slot {
	uint32_t at, l, p;
};

/* The entries of one ring that an operation takes up, jumps included. */
struct chain {
	struct slot slots[MAX_SLOTS];
	unsigned n;
	uint32_t bytes; /* sum of the lengths */
	uint32_t next;  /* where the ring goes on */
};

struct ring {
	uint32_t base, position;
	bool enabled, based; /* based: the base was written since the reset */
	uint64_t next_wait;  /* when WAIT may fire again, ns */
	bool waiting;
};

/* What the card keeps for a session number. */
struct context {
	bool has_mac_key, has_key, has_iv, keys_inside;
	uint8_t mac_key[64];
	uint8_t key[260];
	uint8_t iv[16];
	uint8_t algorithm; /* that key is for */
	uint16_t key_bytes;
	uint8_t rc4[256], rc4_i, rc4_j;
};

enum fault {
	FAULT_LOST_IRQ,
	FAULT_STUCK_RING,
	FAULT_WRONG_LENGTH,
	FAULT_DMA_ABORT,
	FAULT_VANISH,
	FAULT_SLOW,
	FAULTS
};

struct faults {
	bool on[FAULTS];
	uint64_t value[FAULTS]; /* what it means: faults.c */
	uint64_t done;          /* operations since the last reset */
	uint64_t irqs;          /* rising edges of the pin */
	uint64_t due;           /* slow: when the present operation is ready; 0: none */
	uint64_t taken;         /* slow: a sum over its descriptors as they were found */
	bool vanished;
};

/* Set-up that an operation needs; a reset loses it. */
enum { SETUP_FIFOCNFG = 1, SETUP_PUCNFG = 2, SETUP_PUCTRL = 4, SETUP_CNFG = 8, SETUP_PLL = 16 };

/* What has to be followed by a delay. */
enum waited_for {
	TIME_POLL_STOPPED,
	TIME_CHIP_RESET,
	TIME_BYPASS,
	TIME_PLL,
	TIME_UNLOCK,
	TIME_BASES,
	TIMES
};

struct card {
	/* constant */
	struct vu_server *server;
	struct vu_report report;
	struct vu_pci_identity identity;

	struct faults faults;
	struct vu_pci_config config;

	/* BAR0 */
	uint32_t puctrl, puisr, pucnfg, puier, fifocnfg;
	unsigned pu_busy; /* reads of PUCTRL that still find RESET */

	/* BAR1 */
	uint32_t csr, ier, cnfg, cnfg2, pll;
	struct ring rings[RINGS];
	bool kicked; /* look at the rings without waiting for the timer */
	uint64_t next_poll, busy_until;
	uint64_t half_since; /* since when an operation is posted in part; 0: none */
	bool half_told, setup_told;
	unsigned epoch, epoch_at_start; /* counts what makes an operation under way void */
	bool pin;

	/* For the rules on delays: see times.c. */
	struct {
		uint64_t at; /* ns; 0: unknown */
		bool posted; /* it is not known yet */
	} times[TIMES];

	struct {
		unsigned level; /* 0 locked, 2 all algorithms */
		unsigned count;
		bool started, seed_read, spoiled;
		uint32_t seed, state;
	} unlock;

	struct {
		bool enabled;
		unsigned reads;
	} rng;

	struct {
		uint32_t base, oplen, op, status, ien, mode, fifo_oplen;
		uint64_t due; /* when the operation ends; 0: none; UINT64_MAX: never */
		uint8_t memory[PUB_MEM_SIZE];
	} pk;

	struct context *contexts;
	unsigned contexts_used; /* those from here on are as after power on */
	uint8_t ram[RAM_SIZE];

	/* The operation under way */
	struct chain chains[RINGS];
	uint8_t *source, *output; /* MAX_OPERATION bytes and some more */
};

/* card.c */
int card_init(struct card *card, uint16_t device);
void card_free(struct card *card);
void card_set_device(struct card *card, uint16_t device);
extern const struct vu_card hifn_vu_card;
/* Put the interrupt pin where CSR and IER say. */
void card_update_pin(struct card *card);
/* Let PUISR events reach CSR. */
void card_pu_event(struct card *card, uint32_t events);
void card_reset_chip(struct card *card);
void card_reset_dma(struct card *card);

/* bar0.c, bar1.c: one whole register; posted as in server.h */
uint32_t bar0_read(struct card *card, uint32_t offset);
void bar0_write(struct card *card, uint32_t offset, uint32_t value);
uint32_t bar1_read(struct card *card, uint32_t offset);
void bar1_write(struct card *card, uint32_t offset, uint32_t value, bool posted);

/* times.c: a write that has to be followed by a delay; whether too little time has passed since */
void time_note(struct card *card, enum waited_for what, bool posted);
void time_forget(struct card *card, enum waited_for what);
bool too_soon(const struct card *card, enum waited_for what, uint64_t ns);
/* The client waits for an answer: all that it wrote before has arrived. */
void times_settle(struct card *card);

/* pll.c, unlock.c */
void pll_write(struct card *card, uint32_t value, bool posted);
/* What is wrong with the clock set-up, or NULL. */
const char *pll_complaint(uint32_t value);
uint32_t unlock_read_seed(struct card *card);
void unlock_write(struct card *card, uint32_t value, bool posted);
void unlock_power_on(struct card *card);
void unlock_window(struct card *card, bool open, bool posted);

/* pk.c */
uint32_t pk_read(struct card *card, uint32_t offset);
void pk_write(struct card *card, uint32_t offset, uint32_t value);
void pk_reset(struct card *card);
/* Ends what is due; returns when the next end is. */
uint64_t pk_tick(struct card *card, uint64_t now);

/* rings.c */
enum look { LOOK_NOTHING, LOOK_READY, LOOK_ABORTED, LOOK_TOO_LONG };
/* Look for a whole operation without changing anything; fills card->chains. */
enum look rings_look(struct card *card, uint64_t now);
/* Hand the entries of a chain back; the result ring's only when everything else is done. */
int ring_consume(struct card *card, enum ring_name ring);
void rings_abort(struct card *card, enum ring_name ring);
int card_dma_read(struct card *card, uint32_t address, void *bytes, size_t n);
int card_dma_write(struct card *card, uint32_t address, const void *bytes, size_t n);
extern const char *const ring_names[RINGS];

/* engine.c */
uint64_t engine_tick(struct card *card, uint64_t now);

/* names.c */
struct register_name {
	uint16_t offset;
	const char *name;
	uint8_t access; /* ACCESS_* */
	uint32_t bits;  /* that a write may set */
};
enum { ACCESS_R = 1, ACCESS_W = 2, ACCESS_RW = 3 };
/* NULL: the reference has no such register */
const struct register_name *register_find(unsigned bar, uint32_t offset);
/* The names of the set bits, in a buffer of `size` bytes; returns the buffer. */
const char *register_words(unsigned bar, uint32_t offset, uint32_t value, char *buffer,
                           size_t size);

/* One line of the trace; bytes in it; and something that the reference says a driver must not
 * do, as one sentence. */
#define trace(card, ...)              vu_trace(&(card)->report, __VA_ARGS__)
#define trace_bytes(card, what, b, n) vu_trace_bytes(&(card)->report, what, b, n)
#define violation(card, ...)          vu_violation(&(card)->report, __VA_ARGS__)

/* faults.c */
/* word: NAME[=VALUE]. Returns 0, or -EINVAL. */
int faults_add(struct faults *faults, const char *word);
void faults_list(FILE *to);
bool fault_loses_irq(struct faults *faults);
bool fault_sticks(const struct faults *faults);
bool fault_aborts(const struct faults *faults);
bool fault_vanishes(struct faults *faults);
bool fault_wrong_length(const struct faults *faults);
/* When an operation of so many bytes that begins now is to end. */
uint64_t fault_end(const struct faults *faults, uint64_t now, uint32_t bytes);

#endif
