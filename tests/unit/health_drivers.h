/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Drivers for the tests of health and checks. They compute with the software engine and fail as
 * they are told, by device and at any time.
 *
 * play, other  two drivers, so that their devices are unrelated; in the caller's thread
 * odd, even    offer one digest of which no standard answer is known to the daemon */
#ifndef ACR_HEALTH_DRIVERS_H
#define ACR_HEALTH_DRIVERS_H

#include "tests/lib/check.h"
#include "common/engine/engine.h"
#include "sched_tasks.h"
#include "tests/lib/static_modules.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

enum play_mode {
	PLAY_RIGHT,
	PLAY_FAIL,    /* EIO */
	PLAY_LIE,     /* another wrong bit each time */
	PLAY_STUCK,   /* the same wrong bit each time */
	PLAY_REFUSE,  /* EAGAIN */
	PLAY_BAD,     /* EBADMSG */
	PLAY_UNKNOWN, /* EOPNOTSUPP */
	PLAY_HOLD,    /* wait for play->gate, then right */
};

struct play {
	_Atomic(enum play_mode) mode;
	atomic_uint every; /* the mode holds for each Nth operation, else they are right */
	atomic_uint count, resets, waiting;
	atomic_uint batch; /* the most that one call has taken */
	sem_t gate;
};

static const struct acr_option play_options[] = {
	{ "width", "", "1" },
	{ "batch", "", "1" },
	{ NULL, NULL, NULL },
};

static int play_new(struct acr_device *dev, int (*offer)(struct acr_device *dev))
{
	struct play *play = calloc(1, sizeof *play);
	uint64_t width = 1, batch = 1;
	int error = acr_device_option_number(dev, "width", 1, 64, &width);

	if (!error)
		error = acr_device_option_number(dev, "batch", 1, 64, &batch);
	if (!error)
		error = offer(dev);
	if (error) {
		free(play);
		return error;
	}
	atomic_init(&play->every, 1);
	sem_init(&play->gate, 0, 0);
	acr_device_set_width(dev, (unsigned)width, (unsigned)batch);
	acr_device_set_private(dev, play);
	return 0;
}

static int play_probe(struct acr_device *dev)
{
	return play_new(dev, soft_add_capabilities);
}

static void spoil(struct acr_op *op, unsigned bit)
{
	uint8_t *out = op->dst_len ? op->dst : op->tag_out;
	size_t bits = 8 * (op->dst_len ? op->dst_len : op->tag_size);

	if (bits)
		out[bit % bits / 8] ^= (uint8_t)(1u << bit % 8);
}

static int hashed(struct acr_op *op)
{
	memset(op->dst, 0x33, op->dst_size);
	op->dst_len = op->dst_size;
	for (size_t i = 0; i < op->src.len; i++)
		op->dst[i % op->dst_len] += op->src.data[i];
	return 0;
}

/* A part whose running state comes out wrong. */
static int with_other_input(struct acr_op *op)
{
	struct acr_bytes src = op->src;
	uint8_t *other = malloc(src.len + 1);
	int error;

	for (size_t i = 0; i < src.len; i++)
		other[i] = src.data[i] ^ 1;
	op->src.data = other;
	error = soft_compute(op);
	op->src = src;
	free(other);
	return error;
}

static void play_one(struct play *play, struct acr_op *op)
{
	static const int errors[] = { [PLAY_FAIL] = -EIO,
		                      [PLAY_REFUSE] = -EAGAIN,
		                      [PLAY_BAD] = -EBADMSG,
		                      [PLAY_UNKNOWN] = -EOPNOTSUPP,
		                      [PLAY_HOLD] = 0 };
	unsigned count = atomic_fetch_add(&play->count, 1) + 1;
	enum play_mode mode =
	        count % atomic_load(&play->every) ? PLAY_RIGHT : atomic_load(&play->mode);
	int error = errors[mode];

	if (mode == PLAY_HOLD) {
		atomic_fetch_add(&play->waiting, 1);
		sem_wait(&play->gate);
		atomic_fetch_sub(&play->waiting, 1);
	}
	if (!error && (mode == PLAY_LIE || mode == PLAY_STUCK) && !(op->flags & ACR_OP_LAST))
		error = with_other_input(op);
	else if (!error)
		error = op->cap_data ? soft_compute(op) : hashed(op);
	if (!error && (mode == PLAY_LIE || mode == PLAY_STUCK))
		spoil(op, mode == PLAY_LIE ? count : 0);
	acr_op_done(op, error);
}

static int play_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	struct play *play = acr_device_private(dev);

	if (n > atomic_load(&play->batch))
		atomic_store(&play->batch, n);
	for (unsigned i = 0; i < n; i++)
		play_one(play, ops[i]);
	return (int)n;
}

static int play_reset(struct acr_device *dev)
{
	atomic_fetch_add(&((struct play *)acr_device_private(dev))->resets, 1);
	return 0;
}

static void odd_remove(struct acr_device *dev)
{
	struct play *play = acr_device_private(dev);

	sem_destroy(&play->gate);
	free(play);
}

static void play_remove(struct acr_device *dev)
{
	odd_remove(dev);
	soft_release();
}

static int add_digest(struct acr_device *dev)
{
	return acr_device_add_capability(
	        dev, &(struct acr_capability){ .opcode = ACR_HASH, .alg = "blake2s256" });
}

static int odd_probe(struct acr_device *dev)
{
	return play_new(dev, add_digest);
}

#define PLAY(NAME, PROBE, REMOVE)                                                              \
	{                                                                                      \
		.name = NAME, .options = play_options, .flags = ACR_DRIVER_SYNC,               \
		.probe = PROBE, .submit = play_submit, .state_free = soft_state_free,          \
		.reset = play_reset, .remove = REMOVE                                          \
	}

static const struct acr_driver play_drivers[] = {
	PLAY("play", play_probe, play_remove),
	PLAY("other", play_probe, play_remove),
	PLAY("odd", odd_probe, odd_remove),
	PLAY("even", odd_probe, odd_remove),
};

static struct play *play_of(const char *name)
{
	return acr_device_private(device(name));
}

#endif
