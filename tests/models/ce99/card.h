/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of the modelled card. One thread has it all. */
#ifndef CE99_MODEL_CARD_H
#define CE99_MODEL_CARD_H

#include "registers.h"
#include "tests/models/vfio_user/pci_config.h"
#include "tests/models/vfio_user/report.h"
#include "tests/models/vfio_user/server.h"

enum fault {
	FAULT_LOST_IRQ,
	FAULT_STALLED,
	FAULT_STUCK,
	FAULT_WRONG_LENGTH,
	FAULT_DMA_ABORT,
	FAULT_VANISH,
	FAULT_SLOW,
	FAULT_BAD_STATUS,
	FAULT_WRONG_SIGNATURE,
	FAULT_WRONG_LAYOUT,
	FAULTS
};

struct faults {
	bool on[FAULTS];
	uint64_t value[FAULTS]; /* what it means: faults.c */
	uint64_t after;         /* bad-status: how many go well first */
	/* since the last reset */
	uint64_t done, loads;
	/* since the model began */
	uint64_t irqs, self_tests;
	bool vanished;
};

/* An operation as START found it. */
struct operation {
	bool busy, dma, decrypt;
	enum mode mode;
	uint8_t key[3 * BLOCK]; /* of the three stages; three times the same for DES */
	uint8_t v[BLOCK];
	uint32_t length, address;
	uint32_t taken; /* bytes that came by the FIFO */
	uint32_t done;  /* bytes transformed, and written back if by DMA */
	bool abort_tried;
	/* as faults want it */
	uint32_t ends_at;  /* this much is transformed; the length but for a fault */
	uint32_t stops_at; /* nothing is transformed from here on; above ends_at: never */
	bool bus_error;    /* it's a bus error what stops it */
	bool sticks;       /* ABORT doesn't end it */
	uint64_t due;      /* not over before: ns */
};

struct card {
	/* constant */
	struct vu_server *server;
	struct vu_report report;
	uint32_t caps;
	unsigned slots;

	/* registers */
	struct vu_pci_config config;
	uint32_t ctrl, int_status, int_enable, op, len, dma_addr, done_len;
	bool ready;
	unsigned err;
	uint8_t staged[BLOCK], iv[BLOCK];
	uint8_t keys[SLOTS][BLOCK];
	uint16_t loaded; /* a bit for each slot */

	/* FIFOs: input as far as it's no whole block yet, and output */
	uint8_t input[BLOCK], output[FIFO_SIZE];
	uint32_t n_input, n_output, output_read;

	struct operation operation;
	unsigned serial; /* counts STARTs and what ended operations before their time */
	bool pin;

	/* for strict mode */
	bool sig_read, caps_read, probe_told; /* by and to this client */
	uint32_t int_seen;                    /* bits of int_status that it has read */
	uint8_t staged_words, iv_words;       /* one bit for each word that was written */
	bool iv_lost;                         /* an error made it rubbish */
	bool output_due; /* the output is that of an operation that was DONE */

	struct faults faults;
};

/* card.c */
extern const struct vu_card ce99_vu_card;
void card_init(struct card *card);
/* Put the interrupt pin where INT_STATUS and INT_ENABLE say. */
void card_update_pin(struct card *card);

/* bar0.c: one whole register */
uint32_t bar0_read(struct card *card, uint32_t offset);
void bar0_write(struct card *card, uint32_t offset, uint32_t value);
/* All registers as after power on, the keys wiped. */
void bar0_reset(struct card *card);

/* operation.c */
void operation_start(struct card *card);
void operation_abort(struct card *card);
/* Wipes the operation, without a word, and the FIFOs. */
void operation_forget(struct card *card);
void fifo_write(struct card *card, uint32_t word);
uint32_t fifo_read(struct card *card);
/* Carries out what is due; returns when to call again. */
uint64_t operation_tick(struct card *card, uint64_t now);

/* check.c */
/* Nothing is changed on a card that isn't known: to be called before something is. */
void check_known(struct card *card, const char *what);
/* What is told of a write to one whole register, before it has an effect. */
void check_write(struct card *card, uint32_t offset, uint32_t value);
/* Why START fails, or ERR_NONE; tells it. */
unsigned check_start(struct card *card);
/* What the reference wants of a START that passes. */
void check_order(struct card *card);
/* When a client leaves. */
void check_left(struct card *card);

/* cipher.c: whole blocks in place; v goes in and out. Returns false when OpenSSL fails. */
bool cipher_run(struct operation *operation, uint8_t *bytes, size_t n);

/* names.c */
struct register_name {
	uint16_t offset;
	const char *name;
	bool written;  /* a write has an effect */
	uint32_t bits; /* that a write may set */
};
/* NULL: there is no such register */
const struct register_name *register_find(uint64_t offset);
/* The value in words, in a buffer of `size` bytes; returns the buffer. */
const char *register_words(uint32_t offset, uint32_t value, char *buffer, size_t size);

/* faults.c */
/* word: NAME[=VALUE]. Returns 0, or -EINVAL. */
int faults_add(struct faults *faults, const char *word);
void faults_list(FILE *to);
void faults_reset(struct faults *faults);
bool fault_loses_irq(struct faults *faults);
bool fault_vanishes(struct faults *faults);
/* The status that a fault puts in the place of success, or ERR_NONE. */
unsigned fault_self_test(struct faults *faults);
unsigned fault_load(struct faults *faults);
unsigned fault_start(const struct faults *faults);
/* What happens to an operation that begins now. */
void fault_arrange(const struct faults *faults, struct operation *operation, uint64_t now);

#endif
