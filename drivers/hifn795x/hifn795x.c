/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HIFN 7955 and 7956 on PCI: what the core sees of the driver. */
#include "hifn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct acr_option hifn_options[] = {
	{ "slot", "the card's place, as 0000:03:00.0; default: the first bound to vfio-pci",
	  NULL },
	{ "vfio-user", "path of the socket of a process that emulates the card", NULL },
	{ "unsafe-noiommu", "1: without an IOMMU, which lets the card reach all memory", "0" },
	{ "pll", "reference clock, ext20 to ext100, pci33 or pci66, MHz", "ext66" },
	{ "poll-us", "look for results so often, microseconds, 1 to 1000000; 0: by interrupt",
	  "0" },
	{ "contexts",
	  "keys that the chip is to remember, 0 to 63; 0: each command brings its own", "0" },
	{ "timeout-ms", "a chip that is silent for so long is broken, 100 to 60000", "2000" },
	{ NULL, NULL, NULL },
};

#define NS_PER_MS 1000000u

/* With what it is opened, now and at each repair. */
static int where_of(struct acr_device *dev, struct card_where *where)
{
	uint64_t unsafe;
	int error = acr_device_option_number(dev, "unsafe-noiommu", 0, 1, &unsafe);

	where->slot = acr_device_option(dev, "slot");
	where->vfio_user = acr_device_option(dev, "vfio-user");
	where->unsafe_noiommu = unsafe;
	return error;
}

static int read_options(struct acr_device *dev, struct hifn *hifn)
{
	uint64_t timeout_ms, contexts;
	int error = acr_device_option_number(dev, "poll-us", 0, 1000000, &hifn->poll_us);

	if (!error)
		error = acr_device_option_number(dev, "timeout-ms", 100, 60000, &timeout_ms);
	if (!error)
		error = acr_device_option_number(dev, "contexts", 0, HIFN_CONTEXTS_MAX,
		                                 &contexts);
	if (error)
		return error;
	hifn->context_count = (unsigned)contexts;
	hifn->timeout_ns = timeout_ms * NS_PER_MS;
	error = hifn_pll_parse(acr_device_option(dev, "pll"), &hifn->pll);
	if (error)
		acr_device_explain(dev, "pll=%.16s must be ext20 to ext100, pci33 or pci66",
		                   acr_device_option(dev, "pll"));
	return error;
}

static int add_capabilities(struct acr_device *dev, const struct hifn *hifn)
{
	const struct acr_capability random = { .opcode = ACR_RANDOM,
		                               .alg = "",
		                               .flags = ACR_CAP_ONCE };
	static const struct acr_capability powers[] = {
		{ .opcode = ACR_ENCRYPT, .alg = "modexp", .limits = HIFN_MODEXP_LIMITS },
		{ .opcode = ACR_DECRYPT, .alg = "modexp", .limits = HIFN_MODEXP_LIMITS },
	};
	int error = acr_device_add_capability(dev, &random);

	for (unsigned i = 0; i < 2 && hifn->offers_modexp && !error; i++)
		error = acr_device_add_capability(dev, &powers[i]);
	for (unsigned i = 0; i < hifn_row_count && !error; i++) {
		const struct hifn_row *row = &hifn_rows[i];
		struct acr_capability cap = { .alg = row->alg, .data = row };

		if (!hifn->offered[i])
			continue;
		if (!hifn_is_mac(row)) {
			cap.opcode = ACR_ENCRYPT;
			error = acr_device_add_capability(dev, &cap);
			cap.opcode = ACR_DECRYPT;
		} else {
			cap.opcode = row->mac & MAC_HASH ? ACR_HASH : ACR_MAC;
			cap.max_src = HIFN_MAC_MAX;
			if (cap.opcode == ACR_MAC) {
				error = acr_device_add_capability(dev, &cap);
				cap.opcode = ACR_VERIFY;
			}
		}
		if (!error)
			error = acr_device_add_capability(dev, &cap);
	}
	return error;
}

/* Bring the card up with threads. */
static int go_up(struct acr_device *dev, struct hifn *hifn)
{
	struct card_where where;
	int error = where_of(dev, &where);

	if (!error)
		error = hifn_up(hifn, &where);
	if (error)
		return error;
	error = hifn_run(hifn);
	if (error)
		hifn_down(hifn);
	else
		acr_log(ACR_LOG_INFO, acr_device_name(dev), "%s, %s, %s", card_name(hifn->card),
		        hifn->level == HIFN_LEVEL_ALL ? "all algorithms"
		                                      : "DES and digests alone",
		        hifn->irq < 0 ? "polled" : "interrupts");
	return error;
}

static void hifn_free(struct hifn *hifn)
{
	acr_secret_free(hifn->contexts);
	acr_secret_free(hifn->works);
	pthread_cond_destroy(&hifn->aside.more);
	pthread_mutex_destroy(&hifn->lock);
	free(hifn);
}

/* The options, and whether there is a card, before any locked memory is asked for. */
static int prepare(struct acr_device *dev, struct hifn *hifn)
{
	struct card_where where;
	int error = read_options(dev, hifn);

	if (!error)
		error = where_of(dev, &where);
	if (!error)
		error = hifn_look_for(dev, &where);
	if (error)
		return error;
	hifn->works = acr_secret_alloc(HIFN_WORKS * sizeof(*hifn->works));
	return hifn->works ? hifn_contexts_make(hifn) : -ENOMEM;
}

static int hifn_probe(struct acr_device *dev)
{
	struct hifn *hifn = calloc(1, sizeof(*hifn));
	int error;

	if (!hifn)
		return -ENOMEM;
	hifn->dev = dev;
	hifn->timer = hifn->irq = -1;
	pthread_mutex_init(&hifn->lock, NULL);
	pthread_cond_init(&hifn->aside.more, NULL);
	error = prepare(dev, hifn);
	if (!error)
		error = go_up(dev, hifn);
	if (!error) {
		error = add_capabilities(dev, hifn);
		if (error) {
			hifn_halt(hifn);
			hifn_down(hifn);
		}
	}
	if (error) {
		hifn_free(hifn);
		return error;
	}
	acr_device_set_width(dev, HIFN_WORKS, HIFN_WORKS);
	acr_device_set_units(dev, 1);
	acr_device_set_private(dev, hifn);
	return 0;
}

/* Nothing in the chip, and yet the rings are full: it does not give back what it was given. */
static bool stuck(const struct hifn *hifn, const struct acr_op *op)
{
	return !hifn->broken && hifn->free_work_count == HIFN_WORKS && op->cap_data;
}

static int hifn_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	struct hifn *hifn = acr_device_private(dev);
	int errors[HIFN_WORKS], taken = 0;
	bool ended[HIFN_WORKS] = { false }, is_stuck = false;
	unsigned accepted = 0, in_chip;

	if (n > HIFN_WORKS)
		n = HIFN_WORKS;
	pthread_mutex_lock(&hifn->lock);
	for (; accepted < n && !hifn->broken; accepted++) {
		ops[accepted]->driver_data = NULL;
		taken = hifn_take(hifn, ops[accepted], &errors[accepted]);
		if (taken < 0)
			break;
		ended[accepted] = taken;
	}
	if (taken < 0)
		is_stuck = stuck(hifn, ops[accepted]);
	in_chip = hifn->in_chip;
	pthread_mutex_unlock(&hifn->lock);
	if (in_chip)
		hifn_doorbell(hifn);
	for (unsigned i = 0; i < accepted; i++)
		if (ended[i])
			acr_op_done(ops[i], errors[i]);
	if (is_stuck)
		hifn_fail(hifn, "the chip keeps descriptors that it has used");
	return (int)accepted;
}

/* What is in the chip can't be had back; its result is dropped when it comes. */
static void hifn_cancel(struct acr_device *dev, struct acr_op *op)
{
	struct hifn *hifn = acr_device_private(dev);
	bool found;

	pthread_mutex_lock(&hifn->lock);
	found = hifn_aside_cancel(hifn, op);
	for (unsigned i = 0; i < hifn->in_chip && !found; i++) {
		struct hifn_work *work =
		        &hifn->works[hifn->order[(hifn->first + i) % HIFN_WORKS]];

		found = work->op == op;
		if (found)
			work->op = NULL;
	}
	pthread_mutex_unlock(&hifn->lock);
	if (found)
		acr_op_done(op, -ECANCELED);
}

/* All anew: another process may be behind the socket, with other memory. */
static int hifn_reset(struct acr_device *dev)
{
	struct hifn *hifn = acr_device_private(dev);

	hifn_halt(hifn);
	hifn_down(hifn);
	return go_up(dev, hifn);
}

static void hifn_remove(struct acr_device *dev)
{
	struct hifn *hifn = acr_device_private(dev);

	hifn_halt(hifn);
	hifn_down(hifn);
	hifn_free(hifn);
}

static const struct acr_driver hifn_driver = {
	.name = "hifn795x",
	.help = "HIFN 7955 and 7956 security processors on PCI",
	.options = hifn_options,
	.flags = ACR_DRIVER_AUTO,
	.probe = hifn_probe,
	.submit = hifn_submit,
	.cancel = hifn_cancel,
	.reset = hifn_reset,
	.remove = hifn_remove,
};

ACR_REGISTER_DRIVER(hifn_driver);
