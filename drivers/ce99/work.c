/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An operation on its way through the chip. */
#include "ce99.h"
#include "common/pci/pkcs7.h"

#include <errno.h>
#include <string.h>

/* How an operation ends, and with which words; NULL: none are needed. */
struct outcome {
	int error;
	const char *words;
};

static const struct outcome good = { 0, NULL };

static struct outcome refuse(const char *words)
{
	return (struct outcome){ -EINVAL, words };
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- the op ---- */

/* The core has checked sizes against its own table; here they keep us inside our buffers. */
static struct outcome check(const struct acr_op *op, struct ce99_work *work)
{
	const struct ce99_row *row = work->row;
	size_t n = op->src.len, room = n;

	if (op->key.len != row->keys * CHIP_KEY || op->iv.len != (row->iv ? CHIP_BLOCK : 0))
		return refuse("key or iv are not of the algorithm's size");
	work->total = (n + CHIP_BLOCK - 1) / CHIP_BLOCK * CHIP_BLOCK;
	if (work->padded && !work->decrypt)
		room = work->total = card_pkcs7_padded(n, CHIP_BLOCK);
	else if (row->whole && work->total != n)
		return refuse("the input is not a multiple of the block size");
	else if (work->padded && !n)
		return refuse("an empty input has no padding to remove");
	else if (work->padded)
		room = n - 1;
	return op->dst_size < room ? refuse("the output does not fit") : good;
}

/* Under (h). */
static struct outcome prepare(struct ce99 *ce, const struct acr_op *op)
{
	struct ce99_work *work = ce->work;
	struct outcome outcome;

	*work = (struct ce99_work){ .row = op->cap_data };
	work->decrypt = op->opcode == ACR_DECRYPT;
	work->padded = work->row->whole && op->padding == ACR_PAD_PKCS7;
	outcome = check(op, work);
	if (outcome.error)
		return outcome;
	memcpy(work->keys, op->key.data, op->key.len);
	if (work->row->iv)
		memcpy(work->iv, op->iv.data, CHIP_BLOCK);
	return good;
}

/* Under (h). The oldest of the queue is the current one. False: there is none. */
static bool take(struct ce99 *ce)
{
	if (!ce->count)
		return false;
	ce->current = ce->queue[0];
	memmove(ce->queue, ce->queue + 1, --ce->count * sizeof(ce->queue[0]));
	return true;
}

/* The current op has ended, unless it was cancelled. No locks held. */
static void end(struct ce99 *ce, struct outcome outcome)
{
	struct acr_op *op;

	pthread_mutex_lock(&ce->lock);
	op = ce->current;
	ce->current = NULL;
	pthread_mutex_unlock(&ce->lock);
	explicit_bzero(ce->work, sizeof(*ce->work));
	if (!op)
		return;
	if (outcome.words)
		acr_op_explain(op, outcome.words);
	acr_op_done(op, outcome.error);
}

/* ---- a pass ---- */

/* Under (h). Input, then padding, or zeros whose output nobody looks at. */
static void fill(struct ce99 *ce, const struct acr_op *op)
{
	struct ce99_work *work = ce->work;
	size_t given = smaller(op->src.len - smaller(op->src.len, work->at), work->pass);
	size_t missing = work->total - op->src.len;

	if (given)
		memcpy(ce->chip.buffer, op->src.data + work->at, given);
	memset(ce->chip.buffer + given, work->padded && !work->decrypt ? (int)missing : 0,
	       work->pass - given);
}

/* False: nobody wants it any more. */
static bool fill_if_wanted(struct ce99 *ce)
{
	bool wanted;

	pthread_mutex_lock(&ce->lock);
	wanted = ce->current;
	if (wanted)
		fill(ce, ce->current);
	pthread_mutex_unlock(&ce->lock);
	return wanted;
}

/* Under (h). The last pass of a padded one may have less to show than it computed. */
static struct outcome give(const struct ce99 *ce, struct acr_op *op)
{
	const struct ce99_work *work = ce->work;
	const uint8_t *buffer = ce->chip.buffer;
	size_t wanted = work->row->whole ? work->total : op->src.len;

	if (work->padded && work->decrypt && work->at + work->pass == work->total) {
		uint32_t pad = card_pkcs7(buffer + work->pass - CHIP_BLOCK, CHIP_BLOCK);

		if (!pad)
			return (struct outcome){ -EBADMSG, "the padding does not verify" };
		wanted -= pad;
	}
	wanted = smaller(wanted, op->dst_size); /* checked; a padded end is not written yet */
	if (wanted > work->at)
		memcpy(op->dst + work->at, buffer, smaller(wanted - work->at, work->pass));
	op->dst_len = wanted;
	return good;
}

/* The buffer through the chip; once more where the keys may be to blame. Returns a status. */
static int run(struct ce99 *ce, bool *wanted)
{
	struct ce99_work *work = ce->work;
	struct chip_run words = { .mode = work->row->mode,
		                  .decrypt = work->decrypt,
		                  .n = work->pass };
	int status = CHIP_OK;

	for (unsigned tries = 0; tries < 2; tries++) {
		*wanted = fill_if_wanted(ce);
		if (!*wanted)
			break;
		memcpy(words.iv, work->iv, CHIP_BLOCK);
		status = chip_crypt(&ce->chip, work->keys, work->row->keys, ce99_now_ns(),
		                    &words);
		if (!chip_meaning(status)->again)
			break;
	}
	memcpy(work->iv, words.iv, CHIP_BLOCK);
	return status;
}

static struct outcome pass(struct ce99 *ce, int *status, bool *wanted)
{
	struct ce99_work *work = ce->work;
	struct outcome outcome = good;

	work->pass = smaller(work->total - work->at, ce->chip.buffer_size);
	*status = run(ce, wanted);
	pthread_mutex_lock(&ce->lock);
	if (*status)
		outcome = (struct outcome){ chip_meaning(*status)->error,
			                    chip_meaning(*status)->words };
	else if (ce->current)
		outcome = give(ce, ce->current);
	pthread_mutex_unlock(&ce->lock);
	explicit_bzero(ce->chip.buffer, work->pass);
	work->at += work->pass;
	return outcome;
}

bool ce99_step(struct ce99 *ce)
{
	struct outcome outcome = good;
	bool wanted = true;
	int status = CHIP_OK;

	pthread_mutex_lock(&ce->lock);
	if (!take(ce)) {
		pthread_mutex_unlock(&ce->lock);
		return false;
	}
	ce->current->dst_len = 0;
	outcome = prepare(ce, ce->current);
	pthread_mutex_unlock(&ce->lock);
	while (!outcome.error && wanted && ce->work->at < ce->work->total)
		outcome = pass(ce, &status, &wanted);
	if (chip_meaning(status)->broken)
		ce99_fail(ce, chip_meaning(status)->words, chip_meaning(status)->error);
	end(ce, outcome);
	return true;
}

void ce99_idle(struct ce99 *ce)
{
	uint64_t now = ce99_now_ns();
	int status = chip_expire(&ce->chip, now > ce->keep_ns ? now - ce->keep_ns : 0);

	if (chip_meaning(status)->broken)
		ce99_fail(ce, chip_meaning(status)->words, chip_meaning(status)->error);
}

/* ---- the end of all ---- */

void ce99_fail(struct ce99 *ce, const char *reason, int error)
{
	struct acr_op *ops[CE99_WIDTH + 1];
	unsigned n = 0;
	bool before;

	pthread_mutex_lock(&ce->lock);
	before = ce->broken;
	ce->broken = true;
	if (ce->current)
		ops[n++] = ce->current;
	ce->current = NULL;
	for (unsigned i = 0; i < ce->count; i++)
		ops[n++] = ce->queue[i];
	ce->count = 0;
	pthread_mutex_unlock(&ce->lock);
	if (reason && !before)
		acr_device_broken(ce->dev, reason);
	for (unsigned i = 0; i < n; i++)
		acr_op_done(ops[i], error);
}
