/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the chip has done, and what became of the chip. */
#include "hifn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S        UINT64_C(1000000000)
#define LOOK_NS         (NS_PER_S / 10) /* between looks at a chip that says nothing */
#define SAFETY_US       10000u          /* between looks for results whose interrupt was lost */
#define POLL_DEFAULT_US 100u            /* where there are no interrupts */
#define MESSAGE_MAX     96

uint64_t hifn_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void hifn_set_timer(struct hifn *hifn, bool on)
{
	uint64_t polls = hifn->poll_us ? hifn->poll_us : POLL_DEFAULT_US;
	uint64_t us = !on ? 0 : hifn->irq < 0 ? polls : SAFETY_US;
	struct timespec each = { (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };
	struct itimerspec spec = { each, each };

	if (hifn->timer >= 0)
		timerfd_settime(hifn->timer, 0, &spec, NULL);
}

void hifn_end(struct hifn *hifn, struct acr_op *op, int error)
{
	if (op->driver_data != hifn) {
		acr_op_done(op, error);
		return;
	}
	hifn->test_done = true;
	hifn->test_error = error;
}

void hifn_fail(struct hifn *hifn, const char *reason)
{
	struct acr_op *ops[2 * HIFN_WORKS];
	bool running, busy;
	unsigned n;

	pthread_mutex_lock(&hifn->lock);
	if (hifn->broken) {
		pthread_mutex_unlock(&hifn->lock);
		return;
	}
	hifn->broken = true;
	running = hifn->running;
	busy = hifn->in_chip;
	pthread_mutex_unlock(&hifn->lock);
	hifn_quiesce(hifn, busy);
	pthread_mutex_lock(&hifn->lock);
	n = hifn_take_all(hifn, ops);
	n += hifn_aside_take_all(hifn, ops + n);
	pthread_mutex_unlock(&hifn->lock);
	if (running)
		acr_device_broken(hifn->dev, reason);
	else
		acr_device_explain(hifn->dev, "%s: %s", card_name(hifn->card), reason);
	for (unsigned i = 0; i < n; i++)
		hifn_end(hifn, ops[i], -EIO);
}

/* ---- errors ---- */

static const struct {
	uint32_t bit;
	const char *ring;
} abort_bits[] = {
	{ CSR_C_ABORT, "command" },
	{ CSR_S_ABORT, "source" },
	{ CSR_D_ABORT, "destination" },
	{ CSR_R_ABORT, "result" },
};

static void fail_aborted(struct hifn *hifn, uint32_t csr)
{
	char reason[MESSAGE_MAX];

	for (unsigned i = 0; i < sizeof(abort_bits) / sizeof(abort_bits[0]); i++) {
		if (!(csr & abort_bits[i].bit))
			continue;
		snprintf(reason, sizeof(reason), "DMA was aborted on the %s ring (CSR %08x)",
		         abort_bits[i].ring, csr);
		hifn_fail(hifn, reason);
		return;
	}
}

/* Nobody can say which of those in the chip it was: none of them counts. */
static void taint(struct hifn *hifn)
{
	pthread_mutex_lock(&hifn->lock);
	for (unsigned i = 0; i < hifn->in_chip; i++)
		hifn->works[hifn->order[(hifn->first + i) % HIFN_WORKS]].tainted = true;
	pthread_mutex_unlock(&hifn->lock);
}

static void look_at_engine(struct hifn *hifn)
{
	uint32_t events = card_read(hifn->card, 0, PUISR) & PU_EVENTS;

	card_write(hifn->card, 0, PUISR, events);
	/* An output that was too long is told by its own result. */
	if (!(events & (PU_CMDINVAL | PU_DATAERR)))
		return;
	acr_log(ACR_LOG_WARNING, acr_device_name(hifn->dev), "the chip refuses %s",
	        events & PU_CMDINVAL ? "a command" : "data");
	taint(hifn);
}

/* Read and acknowledge the status. False: the device is lost. */
static bool look(struct hifn *hifn)
{
	uint32_t csr = card_read(hifn->card, 1, CSR);

	hifn->looked_ns = hifn_now_ns();
	if (csr == UINT32_MAX) {
		hifn_fail(hifn, "the card is gone");
		return false;
	}
	if (csr & CSR_WATCHED)
		card_write(hifn->card, 1, CSR, csr & CSR_WATCHED);
	if (csr & CSR_ABORTS) {
		fail_aborted(hifn, csr);
		return false;
	}
	if (csr & CSR_OVERS)
		taint(hifn);
	if (csr & CSR_ENGINE)
		look_at_engine(hifn);
	return true;
}

/* ---- results ---- */

/* Under (h). Those that are done, of the oldest. */
static unsigned count_done(const struct hifn *hifn)
{
	unsigned n = 0;

	while (n < hifn->in_chip &&
	       hifn_ring_done(&hifn->results,
	                      hifn->works[hifn->order[(hifn->first + n) % HIFN_WORKS]].result))
		n++;
	return n;
}

static unsigned done_now(struct hifn *hifn)
{
	unsigned n;

	pthread_mutex_lock(&hifn->lock);
	n = hifn->broken ? 0 : count_done(hifn);
	pthread_mutex_unlock(&hifn->lock);
	return n;
}

/* Under (h). How busy the chip has been: n passes have ended, one after the other. Nobody saw when
 * each did, and who looks late finds the next one done, too; so times are shared out by size, and
 * older ones count half. */
static void measure(struct hifn *hifn, unsigned n)
{
	hifn->busy_ns = hifn->busy_ns / 2 + (double)(hifn_now_ns() - hifn->progress_ns);
	hifn->busy_bytes /= 2;
	for (unsigned i = 0; i < n; i++) {
		unsigned at = hifn->order[(hifn->first + i) % HIFN_WORKS];

		hifn->busy_bytes += hifn->works[at].pass + HIFN_PASS_COST;
	}
}

/* End n passes. No op is ended under the lock: that may lead into submit(). */
static void finish(struct hifn *hifn, unsigned n)
{
	struct acr_op *ops[HIFN_WORKS];
	int errors[HIFN_WORKS];
	unsigned ended = 0;
	bool goes_on = false, freed = false;

	pthread_mutex_lock(&hifn->lock);
	if (n > hifn->in_chip)
		n = hifn->in_chip; /* it was given up meanwhile */
	if (n)
		measure(hifn, n);
	for (; n; n--) {
		if (!hifn_finish_pass(hifn, &ops[ended], &errors[ended]))
			goes_on = true;
		else if (ops[ended])
			ended++;
		else
			freed = true;
	}
	pthread_mutex_unlock(&hifn->lock);
	if (goes_on)
		hifn_doorbell(hifn);
	for (unsigned i = 0; i < ended; i++)
		hifn_end(hifn, ops[i], errors[i]);
	if (freed)
		acr_device_ready(hifn->dev);
}

/* Results are counted before the status is read, so that an error of one of them is in it; and
 * again after it was acknowledged, so that none waits for an interrupt that was acknowledged. */
unsigned hifn_reap(struct hifn *hifn, bool look_anyway)
{
	unsigned n = done_now(hifn), total = 0;

	while ((n || look_anyway) && look(hifn)) {
		finish(hifn, n);
		total += n;
		look_anyway = false;
		n = done_now(hifn);
	}
	return total;
}

/* ---- the reactor's ---- */

static void drain(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		continue;
}

bool hifn_on_interrupt(void *data, short events)
{
	struct hifn *hifn = data;

	(void)events;
	drain(hifn->irq);
	hifn_reap(hifn, true);
	card_irq_unmask(hifn->card);
	return true;
}

bool hifn_on_timer(void *data, short events)
{
	struct hifn *hifn = data;
	uint64_t now = hifn_now_ns(), waited;
	char reason[MESSAGE_MAX];

	(void)events;
	drain(hifn->timer);
	hifn_reap(hifn, now - hifn->looked_ns > LOOK_NS);
	pthread_mutex_lock(&hifn->lock);
	now = hifn_now_ns();
	waited = hifn->in_chip ? now - hifn->progress_ns : 0;
	pthread_mutex_unlock(&hifn->lock);
	if (waited <= hifn->timeout_ns)
		return true;
	snprintf(reason, sizeof(reason), "the chip hangs: no answer for %.1f s (CSR %08x)",
	         (double)waited / NS_PER_S, card_read(hifn->card, 1, CSR));
	hifn_fail(hifn, reason);
	return true;
}

bool hifn_on_hangup(void *data, short events)
{
	(void)events;
	hifn_fail(data, "the process that emulated the card is gone");
	return false;
}
