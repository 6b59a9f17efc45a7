/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the chip does aside from its rings, by registers alone: random numbers and powers. The two
 * units have one reset, so one thread serves both, one operation after the other. */
#include "hifn.h"

#include <errno.h>
#include <string.h>

#define RESET_US 1000u /* between looks, */
#define RESETS   100u  /* so many */

int hifn_aside_reset(struct hifn *hifn)
{
	unsigned left = RESETS;

	card_write(hifn->card, 1, PUB_RESET, card_read(hifn->card, 1, PUB_RESET) | 1);
	while (card_read(hifn->card, 1, PUB_RESET) & 1) {
		if (!left--)
			return -EIO;
		card_wait_us(hifn->card, RESET_US);
	}
	card_write(hifn->card, 1, PUB_STATUS, card_read(hifn->card, 1, PUB_STATUS));
	card_write(hifn->card, 1, PUB_MODE, PUB_ENHANCED);
	card_write(hifn->card, 1, RNG_CONFIG, card_read(hifn->card, 1, RNG_CONFIG) | 1);
	hifn->aside.on_ns = hifn_now_ns();
	return 0;
}

/* Under (h). The next op off the queue; NULL: stop. */
static struct acr_op *next_op(struct hifn *hifn)
{
	struct hifn_aside *aside = &hifn->aside;
	struct acr_op *op;

	while (!aside->count && !atomic_load(&aside->stop))
		pthread_cond_wait(&aside->more, &hifn->lock);
	if (atomic_load(&aside->stop))
		return NULL;
	op = aside->queue[0];
	aside->count--;
	memmove(aside->queue, aside->queue + 1, aside->count * sizeof(aside->queue[0]));
	return op;
}

/* Where nothing is in the rings nobody else looks, and a card that was pulled out would fail one
 * op after the other. */
static void look_for_card(struct hifn *hifn)
{
	if (card_read(hifn->card, 1, CSR) == UINT32_MAX)
		hifn_fail(hifn, "the card is gone");
}

static void *aside_thread(void *data)
{
	struct hifn *hifn = data;
	struct hifn_generator *generator = hifn_generator_new();
	struct acr_op *op;

	pthread_mutex_lock(&hifn->lock);
	while ((op = next_op(hifn))) {
		int error;

		pthread_mutex_unlock(&hifn->lock);
		error = op->opcode == ACR_RANDOM ? hifn_random(hifn, generator, op)
		                                 : hifn_modexp(hifn, op);
		if (error == -EIO || error == -ENODEV)
			look_for_card(hifn);
		hifn_end(hifn, op, error);
		pthread_mutex_lock(&hifn->lock);
	}
	pthread_mutex_unlock(&hifn->lock);
	hifn_generator_free(generator);
	return NULL;
}

int hifn_aside_start(struct hifn *hifn)
{
	int error;

	atomic_store(&hifn->aside.stop, false);
	error = pthread_create(&hifn->aside.thread, NULL, aside_thread, hifn);
	hifn->aside.started = !error;
	return -error;
}

void hifn_aside_stop(struct hifn *hifn)
{
	if (!hifn->aside.started)
		return;
	pthread_mutex_lock(&hifn->lock);
	atomic_store(&hifn->aside.stop, true);
	pthread_cond_broadcast(&hifn->aside.more);
	pthread_mutex_unlock(&hifn->lock);
	pthread_join(hifn->aside.thread, NULL);
	hifn->aside.started = false;
}

bool hifn_aside_take(struct hifn *hifn, struct acr_op *op)
{
	struct hifn_aside *aside = &hifn->aside;

	if (aside->count == HIFN_WORKS)
		return false;
	aside->queue[aside->count++] = op;
	pthread_cond_signal(&aside->more);
	return true;
}

bool hifn_aside_cancel(struct hifn *hifn, struct acr_op *op)
{
	struct hifn_aside *aside = &hifn->aside;

	for (unsigned i = 0; i < aside->count; i++) {
		if (aside->queue[i] != op)
			continue;
		aside->count--;
		memmove(aside->queue + i, aside->queue + i + 1,
		        (aside->count - i) * sizeof(aside->queue[0]));
		return true;
	}
	return false;
}

unsigned hifn_aside_take_all(struct hifn *hifn, struct acr_op *ops[HIFN_WORKS])
{
	unsigned n = hifn->aside.count;

	memcpy(ops, hifn->aside.queue, n * sizeof(ops[0]));
	hifn->aside.count = 0;
	return n;
}
