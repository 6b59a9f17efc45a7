/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CE99C003B, as this project's model of it is, or behind the vendor's calls: what the core
 * sees of the driver. */
#include "ce99.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_MS 1000000u

static const struct acr_option ce99_options[] = {
	{ "slot", "the card's place, as 0000:03:00.0; default: the first bound to vfio-pci",
	  NULL },
	{ "vfio-user", "path of the socket of a process that emulates the card", NULL },
	{ "vendor-library", "full path of a library with the vendor's calls, instead of a card",
	  NULL },
	{ "unsafe-noiommu", "1: without an IOMMU, which lets the card reach all memory", "0" },
	{ "path", "way of the data: auto, fifo or dma", "auto" },
	{ "key-registers", "how many to use, 1 to 16; 0: what the card says, or 3 of a library",
	  "0" },
	{ "keep-keys-ms", "delete keys that were not used for so long, 0 to 3600000", "1000" },
	{ "poll-us", "look for results so often, microseconds, 1 to 1000000; 0: by interrupt",
	  "0" },
	{ "timeout-ms", "a card that is silent for so long is broken, 100 to 60000", "2000" },
	{ NULL, NULL, NULL },
};

static const char *const path_words[] = {
	[CE99_PATH_AUTO] = "auto",
	[CE99_PATH_FIFO] = "fifo",
	[CE99_PATH_DMA] = "dma",
};

static int read_path(struct acr_device *dev, enum ce99_path *path)
{
	const char *word = acr_device_option(dev, "path");

	for (unsigned i = 0; i < sizeof(path_words) / sizeof(path_words[0]); i++)
		if (!strcmp(word, path_words[i])) {
			*path = (enum ce99_path)i;
			return 0;
		}
	acr_device_explain(dev, "path=%.16s must be auto, fifo or dma", word);
	return -EINVAL;
}

static int read_options(struct acr_device *dev, struct ce99 *ce)
{
	uint64_t slots, keep_ms, timeout_ms;
	int error = acr_device_option_number(dev, "key-registers", 0, CHIP_SLOTS, &slots);

	if (!error)
		error = acr_device_option_number(dev, "keep-keys-ms", 0, 3600000, &keep_ms);
	if (!error)
		error = acr_device_option_number(dev, "timeout-ms", 100, 60000, &timeout_ms);
	if (error)
		return error;
	ce->slots = (unsigned)slots;
	ce->keep_ns = keep_ms * NS_PER_MS;
	ce->timeout_ns = timeout_ms * NS_PER_MS;
	return 0;
}

/* ---- up and down ---- */

static int open_card(struct acr_device *dev, struct ce99 *ce, char why[CARD_WHY])
{
	struct ce99_card_options options = { .timeout_ns = ce->timeout_ns, .stop = &ce->stop };
	struct card_where where = { .slot = acr_device_option(dev, "slot"),
		                    .vfio_user = acr_device_option(dev, "vfio-user") };
	uint64_t unsafe;
	int error = acr_device_option_number(dev, "unsafe-noiommu", 0, 1, &unsafe);

	if (!error)
		error = acr_device_option_number(dev, "poll-us", 0, 1000000, &options.poll_us);
	if (!error)
		error = read_path(dev, &options.path);
	if (error)
		return error; /* explained already */
	where.unsafe_noiommu = unsafe;
	error = ce99_card_open(&ce->chip, &where, &options, &ce->facts, why);
	if (error)
		acr_device_explain(dev, "%s", why);
	return error;
}

static int open_library(struct acr_device *dev, struct ce99 *ce, char why[CARD_WHY])
{
	const char *path = acr_device_option(dev, "vendor-library");
	int error;

	if (acr_device_option(dev, "slot") || acr_device_option(dev, "vfio-user")) {
		acr_device_explain(dev, "it is either a card or a library");
		return -EINVAL;
	}
	error = ce99_vendor_open(&ce->chip, path, why);
	ce->facts = (struct ce99_card_facts){ .name = path, .hangup = -1 };
	if (error)
		acr_device_explain(dev, "%s", why);
	return error;
}

/* More than the card has can't be asked for; of a library nobody knows. */
static void limit_slots(struct ce99 *ce, bool library)
{
	if (ce->slots && (library || ce->slots < ce->chip.slot_count))
		ce->chip.slot_count = ce->slots;
}

/* What the core was told of once must work each time. */
static int compare_offer(struct ce99 *ce, const bool *ok)
{
	bool before = false;

	for (unsigned i = 0; i < ce99_row_count; i++)
		before |= ce->offered[i];
	for (unsigned i = 0; i < ce99_row_count; i++) {
		if (!before)
			ce->offered[i] = ok[i];
		else if (ce->offered[i] && !ok[i]) {
			acr_device_explain(ce->dev,
			                   "%s: an algorithm doesn't pass its test any more",
			                   ce->facts.name);
			return -EIO;
		}
	}
	return 0;
}

int ce99_bring_up(struct ce99 *ce)
{
	bool ok[CE99_ROWS_MAX] = { false };
	int status = chip_init(&ce->chip), error;

	if (status) {
		acr_device_explain(ce->dev, "%s: %s", ce->facts.name,
		                   chip_meaning(status)->words);
		return chip_meaning(status)->error;
	}
	error = ce99_selftest(ce, ok);
	if (!error)
		error = compare_offer(ce, ok);
	if (!error)
		ce->broken = false;
	return error;
}

static int go_up(struct acr_device *dev, struct ce99 *ce)
{
	bool library = acr_device_option(dev, "vendor-library");
	char why[CARD_WHY] = "";
	int error;

	atomic_store(&ce->stop, false);
	error = library ? open_library(dev, ce, why) : open_card(dev, ce, why);
	if (error)
		return error;
	limit_slots(ce, library);
	error = ce99_bring_up(ce);
	if (!error) {
		error = ce99_start(ce);
		if (error)
			acr_device_explain(dev, "no thread could be started");
	}
	if (error) {
		chip_close(&ce->chip);
		return error;
	}
	acr_log(ACR_LOG_INFO, acr_device_name(dev),
	        "%s, %u key registers, %s; %s, not verified on silicon", ce->facts.name,
	        ce->chip.slot_count,
	        library                ? "by the vendor's calls"
	        : ce->facts.interrupts ? "interrupts"
	                               : "polled",
	        library ? "calls reconstructed from a public caller"
	                : "register layout defined by this project for its model");
	return 0;
}

/* -EBUSY: the worker can't be ended. */
static int go_down(struct ce99 *ce)
{
	int error = ce99_halt(ce);

	ce99_fail(ce, NULL, -ENODEV);
	if (error)
		return error;
	chip_close(&ce->chip);
	return 0;
}

/* ---- the core's calls ---- */

void ce99_free(struct ce99 *ce)
{
	acr_secret_free(ce->chip.slots);
	acr_secret_free(ce->work);
	pthread_cond_destroy(&ce->ended_now);
	pthread_mutex_destroy(&ce->lock);
	free(ce);
}

struct ce99 *ce99_new(struct acr_device *dev)
{
	struct ce99 *ce = calloc(1, sizeof(*ce));
	pthread_condattr_t monotonic;

	if (!ce)
		return NULL;
	ce->dev = dev;
	ce->wake = -1;
	pthread_mutex_init(&ce->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&ce->ended_now, &monotonic);
	pthread_condattr_destroy(&monotonic);
	ce->work = acr_secret_alloc(sizeof(*ce->work));
	ce->chip.slots = acr_secret_alloc(chip_slots_size());
	if (ce->work && ce->chip.slots)
		return ce;
	ce99_free(ce);
	return NULL;
}

static int add_capabilities(struct acr_device *dev, const struct ce99 *ce)
{
	int error = 0;

	for (unsigned i = 0; i < ce99_row_count && !error; i++) {
		struct acr_capability cap = { .opcode = ACR_ENCRYPT,
			                      .alg = ce99_rows[i].alg,
			                      .data = &ce99_rows[i] };

		if (!ce->offered[i])
			continue;
		error = acr_device_add_capability(dev, &cap);
		cap.opcode = ACR_DECRYPT;
		if (!error)
			error = acr_device_add_capability(dev, &cap);
	}
	return error;
}

static int ce99_probe(struct acr_device *dev)
{
	struct ce99 *ce = ce99_new(dev);
	int error;

	if (!ce)
		return -ENOMEM;
	error = read_options(dev, ce);
	if (!error)
		error = go_up(dev, ce);
	if (!error) {
		error = add_capabilities(dev, ce);
		if (error)
			go_down(ce);
	}
	if (error) {
		ce99_free(ce);
		return error;
	}
	acr_device_set_width(dev, CE99_WIDTH, CE99_WIDTH);
	acr_device_set_private(dev, ce);
	return 0;
}

static int ce99_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	struct ce99 *ce = acr_device_private(dev);
	unsigned accepted = 0;

	pthread_mutex_lock(&ce->lock);
	while (accepted < n && ce->count < CE99_WIDTH && !ce->broken)
		ce->queue[ce->count++] = ops[accepted++];
	pthread_mutex_unlock(&ce->lock);
	if (accepted)
		ce99_wake(ce);
	return (int)accepted;
}

/* Under (h). */
static bool unqueue(struct ce99 *ce, const struct acr_op *op)
{
	for (unsigned i = 0; i < ce->count; i++) {
		if (ce->queue[i] != op)
			continue;
		memmove(&ce->queue[i], &ce->queue[i + 1],
		        (--ce->count - i) * sizeof(ce->queue[0]));
		return true;
	}
	return false;
}

/* What is in the chip runs to the end of its pass, and nobody looks at what comes out. */
static void ce99_cancel(struct acr_device *dev, struct acr_op *op)
{
	struct ce99 *ce = acr_device_private(dev);
	bool found;

	pthread_mutex_lock(&ce->lock);
	found = ce->current == op;
	if (found)
		ce->current = NULL;
	else
		found = unqueue(ce, op);
	pthread_mutex_unlock(&ce->lock);
	if (found)
		acr_op_done(op, -ECANCELED);
}

/* All anew: another process may be behind the socket, with other memory. */
static int ce99_reset(struct acr_device *dev)
{
	struct ce99 *ce = acr_device_private(dev);
	int error = go_down(ce);

	if (!error)
		return go_up(dev, ce);
	acr_device_explain(dev, "a call of the vendor's library doesn't return");
	return error;
}

/* A thread that is inside the vendor's library for ever comes back, if it does, to this code. */
static void leave_behind(struct ce99 *ce)
{
	Dl_info info;

	acr_log(ACR_LOG_ERROR, acr_device_name(ce->dev),
	        "a call of the vendor's library doesn't return: its thread and the keys in the "
	        "card stay behind");
	if (dladdr((void *)(uintptr_t)leave_behind, &info))
		dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

static void ce99_remove(struct acr_device *dev)
{
	struct ce99 *ce = acr_device_private(dev);

	if (go_down(ce))
		leave_behind(ce);
	else
		ce99_free(ce);
}

/* Not AUTO: a layout that no real card is known to have is no reason to look for one. */
static const struct acr_driver ce99_driver = {
	.name = "ce99",
	.help = "CE99C003B, as this project's model has it, or by a vendor library",
	.options = ce99_options,
	.probe = ce99_probe,
	.submit = ce99_submit,
	.cancel = ce99_cancel,
	.reset = ce99_reset,
	.remove = ce99_remove,
};

ACR_REGISTER_DRIVER(ce99_driver);
