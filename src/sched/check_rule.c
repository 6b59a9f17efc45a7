/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules of checks: which results are checked, when two of them agree, and which device is
 * asked. How a check goes on from there is in check.c. */
#include "check.h"

#include "base/errors.h"
#include "base/epoch.h"
#include "sched.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- rules ---- */

bool acr_check_parse(const char *text, uint32_t *rule)
{
	guint64 number;

	if (!strcmp(text, "never"))
		*rule = ACR_CHECK_NEVER;
	else if (!strcmp(text, "always"))
		*rule = ACR_CHECK_ALWAYS;
	else if (g_str_has_prefix(text, "sample ") &&
	         g_ascii_string_to_unsigned(text + strlen("sample "), 10, 1,
	                                    ACR_CHECK_SAMPLE_MAX, &number, NULL))
		*rule = (uint32_t)number;
	else
		return false;
	return true;
}

void acr_check_text(uint32_t rule, char text[ACR_CHECK_TEXT])
{
	if (rule == ACR_CHECK_NEVER || rule == ACR_CHECK_ALWAYS)
		snprintf(text, ACR_CHECK_TEXT, "%s", rule ? "always" : "never");
	else
		snprintf(text, ACR_CHECK_TEXT, "sample %u", rule);
}

enum acr_check_need acr_check_due(uint32_t rule, uint32_t count)
{
	if (rule == ACR_CHECK_ALWAYS)
		return ACR_CHECK_MUST;
	return rule && (count + 1) % rule == 0 ? ACR_CHECK_SAMPLED : ACR_CHECK_NO;
}

bool acr_check_comparable(enum acr_opcode opcode, const struct acr_alg *alg)
{
	/* These put random numbers into their results. */
	static const struct {
		enum acr_opcode opcode;
		const char *prefix;
	} varying[] = {
		{ ACR_RANDOM, "" },    { ACR_ENCRYPT, "rsa" }, { ACR_SIGN, "rsa-pss" },
		{ ACR_SIGN, "ecdsa" }, { ACR_SIGN, "sm2" },    { ACR_ENCRYPT, "sm2" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(varying); i++)
		if (varying[i].opcode == opcode &&
		    g_str_has_prefix(alg->name, varying[i].prefix))
			return false;
	return true;
}

enum acr_check_need acr_check_wanted(const struct acr_job *job,
                                     const struct acr_attempt *attempt, int error)
{
	struct acr_device *dev = attempt->device;
	uint32_t rule = atomic_load_explicit(&dev->check, memory_order_relaxed);
	enum acr_check_need need = job->check;

	if (job->test || job->is_copy || !acr_error_is_result(error))
		return ACR_CHECK_NO;
	if (rule)
		need = MAX(need, acr_check_due(rule, atomic_fetch_add(&dev->check_count, 1)));
	/* A running state shows its faults later only: a second one is kept beside it. */
	if (job->shadow)
		need = ACR_CHECK_MUST;
	if (need && (attempt->cap->cap.flags & ACR_CAP_ONCE ||
	             !acr_check_comparable(job->opcode, job->alg)))
		need = ACR_CHECK_NO;
	return need;
}

/* ---- results ---- */

struct acr_job *acr_check_copy(const struct acr_job *job)
{
	struct acr_job *copy = acr_job_new(job->opcode, job->alg, job->account);

	if (!copy)
		return NULL;
	copy->flags = job->flags;
	copy->padding = job->padding;
	copy->key = acr_blob_ref(job->key);
	copy->iv = acr_blob_ref(job->iv);
	copy->aad = acr_blob_ref(job->aad);
	copy->tag = acr_blob_ref(job->tag);
	copy->sig = acr_blob_ref(job->sig);
	copy->private_area = acr_blob_ref(job->private_area);
	copy->src = acr_buf_ref(job->src);
	copy->src_offset = job->src_offset;
	copy->src_len = job->src_len;
	copy->numbers = job->numbers;
	copy->pkey = job->pkey;
	copy->dst_size = job->dst_size;
	copy->dst_head = job->dst_head;
	copy->dst_tail = job->dst_tail;
	copy->tag_size = job->tag_size;
	copy->state = acr_state_ref(job->state);
	copy->priority = job->priority;
	copy->uid = job->uid;
	copy->pid = job->pid;
	copy->stage = job->stage;
	/* No label: the session, whose name it is, may be gone before the copy is. */
	copy->no_fault = job->no_fault;
	copy->arrival_ns = job->arrival_ns;
	copy->is_copy = true;
	if (!acr_job_charge(copy))
		return copy;
	acr_job_unref(copy);
	return NULL;
}

bool acr_check_same(const struct acr_job *a, int error_a, const struct acr_job *b, int error_b)
{
	bool tagged = a->opcode == ACR_ENCRYPT && a->alg->kind == ACR_KIND_AEAD &&
	              a->flags & ACR_OP_LAST;

	if (error_a || error_b)
		return error_a && error_b;
	if (a->dst_len != b->dst_len)
		return false;
	if (a->dst_len &&
	    memcmp(a->dst->data + a->dst_head, b->dst->data + b->dst_head, a->dst_len))
		return false;
	return !tagged || !memcmp(a->tag_out, b->tag_out, a->tag_size);
}

/* ---- whom to ask ---- */

static bool is_among(const struct acr_device *dev, struct acr_device *const *devices,
                     unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (devices[i] == dev)
			return true;
	return false;
}

/* The lower the better. */
static unsigned rank(const struct acr_device *dev, struct acr_device *const *asked, unsigned n)
{
	bool related = false, fault = dev->driver->flags & ACR_DRIVER_FAULT;

	for (unsigned i = 0; i < n; i++)
		related |= asked[i]->driver == dev->driver;
	return 2u * fault + related;
}

static uint64_t load(const struct acr_device *dev)
{
	return atomic_load(&dev->queued_count) + atomic_load(&dev->running_count);
}

struct acr_device *acr_check_partner(const struct acr_job *job, struct acr_device *const *asked,
                                     unsigned n)
{
	const struct acr_device_set *set;
	struct acr_device *best = NULL;

	acr_epoch_enter();
	set = acr_devices();
	for (unsigned i = 0; i < set->count; i++) {
		struct acr_device *dev = set->devices[i];
		unsigned mine, its;

		if (is_among(dev, asked, n) || dev->driver->flags & ACR_DRIVER_NULL ||
		    !acr_sched_capable(job, dev, set->count))
			continue;
		mine = best ? rank(best, asked, n) : UINT32_MAX;
		its = rank(dev, asked, n);
		if (its < mine || (its == mine && load(dev) < load(best)))
			best = dev;
	}
	if (best)
		acr_device_ref(best);
	acr_epoch_leave();
	return best;
}
