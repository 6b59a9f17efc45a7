/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a card that was found to one that computes, and back. The order of steps is that of the
 * drivers which are known to work with the chip. */
#include "hifn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MS 1000u

static const struct card_id ids[] = {
	{ HIFN_VENDOR, HIFN_DEV_7955 },
	{ HIFN_VENDOR, HIFN_DEV_7956 },
	{ 0, 0 },
};

static uint32_t get0(struct hifn *hifn, uint32_t offset)
{
	return card_read(hifn->card, 0, offset);
}

static void put0(struct hifn *hifn, uint32_t offset, uint32_t value)
{
	card_write(hifn->card, 0, offset, value);
}

static uint32_t get1(struct hifn *hifn, uint32_t offset)
{
	return card_read(hifn->card, 1, offset);
}

static void put1(struct hifn *hifn, uint32_t offset, uint32_t value)
{
	card_write(hifn->card, 1, offset, value);
}

static int refuse(struct hifn *hifn, const char *what)
{
	bool gone = card_gone(hifn->card);

	acr_device_explain(hifn->dev, "%s: %s", card_name(hifn->card),
	                   gone ? "it doesn't answer any more" : what);
	return gone ? -ENODEV : -EIO;
}

/* ---- reset ---- */

/* The reset bit of a control register clears within 10 ms. */
static bool wait_ready(struct hifn *hifn, uint32_t control)
{
	for (unsigned i = 0; i < 100; i++) {
		if (!(get0(hifn, control) & PUCTRL_RESET))
			return true;
		card_wait_us(hifn->card, 100);
	}
	return false;
}

/* The register is there twice, and chips are said to differ in which one works. */
static bool reset_unit(struct hifn *hifn)
{
	put0(hifn, PUCTRL, PUCTRL_DMAENA);
	if (wait_ready(hifn, PUCTRL))
		return true;
	put0(hifn, PUCTRL2, PUCTRL_DMAENA);
	return wait_ready(hifn, PUCTRL2);
}

/* A precaution of drivers for sibling chips; the retry byte is said to take 8 bits alone. */
static void clear_timeouts(struct hifn *hifn)
{
	card_config_write(hifn->card, HIFN_CONFIG_RETRY, 0, 1);
	card_config_write(hifn->card, HIFN_CONFIG_TRDY, 0, 4);
}

void hifn_quiesce(struct hifn *hifn, bool wait)
{
	put1(hifn, IER, 0);
	put1(hifn, CNFG, CNFG_ALIVE);
	if (wait) /* polling takes a while to end */
		card_settle_us(hifn->card, MS);
	put1(hifn, CSR, CSR_DISABLE);
	if (wait)
		card_settle_us(hifn->card, 0);
}

static int reset(struct hifn *hifn)
{
	put1(hifn, CSR, CSR_DISABLE);
	put0(hifn, PUIER, 0);
	put1(hifn, IER, 0);
	put1(hifn, CNFG, CNFG_ALIVE);
	card_settle_us(hifn->card, MS);
	put1(hifn, CNFG, CNFG_RESET);
	card_settle_us(hifn->card, MS);
	put1(hifn, CNFG, CNFG_ALIVE);
	if (!reset_unit(hifn))
		return refuse(hifn, "the chip doesn't come out of its reset");
	clear_timeouts(hifn);
	put1(hifn, CNFG2, CNFG2_RUN);
	return 0;
}

/* ---- unlocking ---- */

uint32_t hifn_unlock_step(uint32_t word)
{
	for (unsigned i = 0; i < HIFN_UNLOCK_STEPS; i++)
		word = word << 1 | (uint32_t)__builtin_parity(word & HIFN_UNLOCK_TAPS);
	return word;
}

static unsigned read_level(struct hifn *hifn, uint32_t config)
{
	put0(hifn, PUCNFG, config | PUCNFG_CHIPID);
	return PUSTAT_LEVEL(get0(hifn, PUSTAT));
}

static void handshake(struct hifn *hifn)
{
	uint32_t word;

	put1(hifn, CNFG, CNFG_UNLOCK);
	card_settle_us(hifn->card, MS);
	word = get1(hifn, UNLOCK_SEED);
	card_settle_us(hifn->card, MS);
	put1(hifn, UNLOCK_WORD, 0);
	card_settle_us(hifn->card, MS);
	for (unsigned i = 0; i < HIFN_UNLOCK_WORDS; i++) {
		word = hifn_unlock_step(word);
		put1(hifn, UNLOCK_WORD, word);
		card_settle_us(hifn->card, MS);
	}
}

/* A chip that is unlocked already must be left alone: some lock up for good. */
static int unlock(struct hifn *hifn)
{
	uint32_t unit = get0(hifn, PUCNFG), config = get1(hifn, CNFG);
	unsigned level = read_level(hifn, unit);

	if (level == HIFN_LEVEL_LOCKED || level == HIFN_LEVEL_NONE) {
		handshake(hifn);
		level = read_level(hifn, unit);
	}
	put0(hifn, PUCNFG, unit);
	put1(hifn, CNFG, config);
	hifn->level = level;
	if (level == HIFN_LEVEL_ALL || level == HIFN_LEVEL_WEAK)
		return 0;
	return refuse(hifn, "the chip can't be unlocked");
}

/* ---- clock ---- */

int hifn_pll_parse(const char *text, uint32_t *bits)
{
	bool external = !strncmp(text, "ext", 3);
	unsigned long mhz, times;
	char *end;

	if ((!external && strncmp(text, "pci", 3)) || text[3] < '0' || text[3] > '9')
		return -EINVAL;
	mhz = strtoul(text + 3, &end, 10);
	if (*end || mhz < 20 || mhz > 100 || (!external && mhz != 33 && mhz != 66))
		return -EINVAL;
	times = PLL_LIMIT_MHZ / mhz & ~1ul;
	if (times > PLL_MULT_MAX)
		times = PLL_MULT_MAX;
	*bits = (external ? PLL_EXT : 0) | PLL_ND(times / 2 - 1) | (times > 8 ? PLL_PUMP : 0);
	return 0;
}

/* Engines off the PLL, new multiplier while it is bypassed, engines on again. */
static void set_clock(struct hifn *hifn)
{
	uint32_t pll = get1(hifn, PLL);

	pll = (pll & ~PLL_CLOCKS) | PLL_BYPASS | PLL_SET;
	put1(hifn, PLL, pll);
	card_settle_us(hifn->card, 10 * MS);
	pll = (pll & ~PLL_CONFIG) | hifn->pll;
	put1(hifn, PLL, pll);
	card_settle_us(hifn->card, 10 * MS);
	pll &= ~PLL_BYPASS;
	put1(hifn, PLL, pll);
	put1(hifn, PLL, pll | PLL_CLOCKS);
}

/* ---- rings and units ---- */

static void start_rings(struct hifn *hifn)
{
	put0(hifn, PUCTRL, PUCTRL_DMAENA);
	put0(hifn, FIFOCNFG, FIFOCNFG_RUN);
	put0(hifn, PUIER, PU_EVENTS);
	put1(hifn, CRAR, hifn->commands.bus);
	put1(hifn, SRAR, hifn->sources.bus);
	put1(hifn, DRAR, hifn->dests.bus);
	put1(hifn, RRAR, hifn->results.bus);
	card_settle_us(hifn->card, 2 * MS);
	put1(hifn, CSR, CSR_QUIET);
	put1(hifn, IER, hifn->ier);
	put0(hifn, PUCNFG, PUCNFG_RUN);
	set_clock(hifn);
	put0(hifn, PUISR, PU_EVENTS);
	put1(hifn, CNFG, CNFG_RUN);
	hifn->rings_on = true;
}

/* ---- up and down ---- */

static int prepare(struct hifn *hifn)
{
	char why[CARD_WHY];
	int error;

	if (card_bar_size(hifn->card, 0) < HIFN_BAR0_BYTES ||
	    card_bar_size(hifn->card, 1) < HIFN_BAR1_BYTES)
		return refuse(hifn, "its BARs are too small");
	if (card_set_memory(hifn->card))
		return refuse(hifn, "its registers can't be reached");
	error = card_dma_alloc(hifn->card, HIFN_DMA_BYTES, &hifn->dma, why);
	if (error) {
		acr_device_explain(hifn->dev, "%s", why);
		return error;
	}
	hifn->irq = hifn->poll_us ? -EOPNOTSUPP : card_irq_enable(hifn->card);
	if (hifn->irq < 0 && hifn->irq != -EOPNOTSUPP)
		return refuse(hifn, "its interrupt can't be had");
	hifn->ier = hifn->irq < 0 ? 0 : CSR_WATCHED;
	hifn_layout(hifn);
	return 0;
}

/* Whoever had the card before may have left its rings running, into memory that is another's by
 * now: nothing of it gets onto the bus before the reset. */
static int bring_up(struct hifn *hifn, bool *ok)
{
	int error = prepare(hifn);

	if (!error)
		error = reset(hifn);
	if (!error && card_set_master(hifn->card, true))
		error = refuse(hifn, "bus mastering can't be switched on");
	if (!error)
		error = unlock(hifn);
	if (!error && !reset_unit(hifn))
		error = refuse(hifn, "its processing unit doesn't come out of its reset");
	if (error)
		return error;
	start_rings(hifn);
	if (hifn_aside_reset(hifn))
		return refuse(hifn, "its random generator doesn't come out of its reset");
	return hifn_selftest(hifn, ok);
}

/* What the core was told of once must work each time. */
static int compare_offer(struct hifn *hifn, const bool *ok, bool modexp)
{
	bool before = false;

	for (unsigned i = 0; i < hifn_row_count; i++)
		before |= hifn->offered[i];
	for (unsigned i = 0; i < hifn_row_count; i++) {
		if (!before)
			hifn->offered[i] = ok[i];
		else if (hifn->offered[i] && !ok[i])
			return refuse(hifn, "an algorithm doesn't pass its test any more");
	}
	if (hifn->offers_modexp && !modexp)
		return refuse(hifn, "its public-key engine doesn't pass its test any more");
	hifn->offers_modexp = before ? hifn->offers_modexp : modexp;
	return 0;
}

int hifn_start(struct hifn *hifn, struct card *card)
{
	bool ok[HIFN_ROWS_MAX] = { false };
	int error;

	hifn->card = card;
	hifn->broken = false;
	atomic_store(&hifn->aside.stop, false);
	hifn->forced_session = 0; /* until it is known what there are */
	hifn->forced_stored = false;
	error = bring_up(hifn, ok);
	if (!error)
		error = compare_offer(hifn, ok, hifn_modexp_test(hifn));
	if (error)
		hifn_down(hifn);
	else
		hifn_contexts_test(hifn);
	return error;
}

int hifn_look_for(struct acr_device *dev, const struct card_where *where)
{
	char why[CARD_WHY];
	int error = card_look_for(ids, where, why);

	if (error)
		acr_device_explain(dev, "%s", why);
	return error;
}

int hifn_up(struct hifn *hifn, const struct card_where *where)
{
	char why[CARD_WHY];
	struct card *card;
	int error = card_open(ids, where, &card, why);

	if (!error)
		return hifn_start(hifn, card);
	acr_device_explain(hifn->dev, "%s", why);
	return error;
}

static int watch(struct hifn *hifn)
{
	int hangup = card_hangup_fd(hifn->card);

	hifn->reactor = reactor_new();
	hifn->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (!hifn->reactor || hifn->timer < 0)
		return -ENOMEM;
	reactor_watch(hifn->reactor, hifn->timer, POLLIN, hifn_on_timer, hifn);
	if (hifn->irq >= 0)
		reactor_watch(hifn->reactor, hifn->irq, POLLIN, hifn_on_interrupt, hifn);
	if (hangup >= 0)
		reactor_watch(hifn->reactor, hangup, POLLRDHUP, hifn_on_hangup, hifn);
	return reactor_start(hifn->reactor);
}

int hifn_run(struct hifn *hifn)
{
	int error = watch(hifn);

	if (!error)
		error = hifn_aside_start(hifn);
	if (error) {
		hifn_halt(hifn);
		acr_device_explain(hifn->dev, "no threads could be started");
		return error;
	}
	/* What came in during the self-test left the line masked. */
	card_irq_unmask(hifn->card);
	pthread_mutex_lock(&hifn->lock);
	hifn->running = true;
	pthread_mutex_unlock(&hifn->lock);
	return 0;
}

void hifn_halt(struct hifn *hifn)
{
	hifn_aside_stop(hifn);
	reactor_stop(hifn->reactor);
	hifn->reactor = NULL;
	pthread_mutex_lock(&hifn->lock);
	hifn->running = false;
	if (hifn->timer >= 0)
		close(hifn->timer);
	hifn->timer = -1;
	pthread_mutex_unlock(&hifn->lock);
}

/* Whatever broke it, keys are still in its contexts; after a reset it may take commands again. */
static bool revive(struct hifn *hifn)
{
	if (get1(hifn, CSR) == UINT32_MAX || reset(hifn) || unlock(hifn) || !reset_unit(hifn))
		return false;
	start_rings(hifn);
	pthread_mutex_lock(&hifn->lock);
	hifn->broken = false;
	pthread_mutex_unlock(&hifn->lock);
	return true;
}

/* In the order in which the chip may be left; then the memory is no longer its own. */
void hifn_down(struct hifn *hifn)
{
	struct acr_op *ops[2 * HIFN_WORKS];
	unsigned n;

	if (!hifn->card)
		return;
	if (hifn->rings_on && (!hifn->broken || revive(hifn)))
		hifn_scrub(hifn);
	hifn->rings_on = false;
	pthread_mutex_lock(&hifn->lock);
	hifn->broken = true;
	pthread_mutex_unlock(&hifn->lock);
	hifn_quiesce(hifn, true);
	pthread_mutex_lock(&hifn->lock);
	n = hifn->dma ? hifn_take_all(hifn, ops) : 0;
	n += hifn_aside_take_all(hifn, ops + n);
	pthread_mutex_unlock(&hifn->lock);
	for (unsigned i = 0; i < n; i++)
		hifn_end(hifn, ops[i], -ENODEV);
	card_close(hifn->card);
	hifn->card = NULL;
	hifn->dma = NULL;
}
