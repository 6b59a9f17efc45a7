/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which device takes a job: what balancers are shown, and the way into groups. */
#include "base/epoch.h"
#include "device/group.h"
#include "sched.h"

#include <stdio.h>
#include <string.h>

#define CANDIDATES 256 /* devices that a balancer is shown; 27 KiB of stack */

/* ---- what a device can take ---- */

static bool was_tried(const struct acr_job *job, const struct acr_device *dev)
{
	const struct acr_attempt *attempt = atomic_load(&job->extra);

	while (attempt && !(atomic_load(&attempt->failed) && attempt->device == dev))
		attempt = attempt->older;
	return attempt || (atomic_load(&job->first.failed) && job->first.device == dev);
}

bool acr_sched_capable(const struct acr_job *job, const struct acr_device *dev,
                       unsigned devices)
{
	const struct acr_capstat *cap = dev->by_alg[job->opcode][acr_alg_index(job->alg)];
	unsigned flags = dev->driver->flags;

	if (!cap || !acr_device_takes(dev, job) || was_tried(job, dev))
		return false;
	if (!acr_sched_short_enough(job, cap))
		return false;
	if (job->flags != ACR_OP_WHOLE &&
	    (!cap->format || (job->state && job->state->format != cap->format)))
		return false;
	if (acr_job_pinned(job))
		return dev == job->bound;
	if (job->no_fault && flags & (ACR_DRIVER_FAULT | ACR_DRIVER_NULL))
		return false;
	return !(flags & ACR_DRIVER_NULL) || devices == 1;
}

static struct acr_lb_session describe_job(const struct acr_job *job)
{
	return (struct acr_lb_session){
		.opcode = job->opcode,
		.alg = job->alg->name,
		.bytes = job->src_len,
		.priority = job->priority,
		.uid = job->uid,
		.pid = job->pid,
		.private_area = acr_blob_bytes(job->private_area),
	};
}

static uint64_t load(const atomic_uint_least64_t *value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

static void describe_device(const struct acr_device *dev, const struct acr_capstat *cap,
                            struct acr_lb_device *out)
{
	unsigned units = dev->units ? MIN(dev->units, dev->width) : dev->width;
	uint64_t inside = load(&dev->running_count), running = MIN(inside, units);

	*out = (struct acr_lb_device){
		.name = dev->spec->name,
		.id = dev->id,
		.width = units,
		.queued = load(&dev->queued_count) + inside - running,
		.running = running,
		.queued_bytes = load(&dev->load_bytes),
		.mean_ns = load(&cap->mean_ns),
		.bytes_per_s = load(&cap->bytes_per_s),
		.predicted_ns = load(&dev->predicted_ns),
		.unpredicted = load(&dev->unpredicted),
		.unpredicted_bytes = load(&dev->unpredicted_bytes),
	};
}

/* One more member of a group. */
static void add_member(struct acr_lb_device *sum, const struct acr_lb_device *one)
{
	if (!sum->mean_ns || !one->mean_ns)
		sum->mean_ns += one->mean_ns;
	else
		sum->mean_ns = (sum->mean_ns * sum->width + one->mean_ns * one->width) /
		               (sum->width + one->width);
	sum->width += one->width;
	sum->queued += one->queued;
	sum->running += one->running;
	sum->queued_bytes += one->queued_bytes;
	sum->bytes_per_s += one->bytes_per_s;
	sum->predicted_ns += one->predicted_ns;
	sum->unpredicted += one->unpredicted;
	sum->unpredicted_bytes += one->unpredicted_bytes;
}

/* Can this device, or anything in this group, take the job now? */
static bool look(const struct acr_device_set *set, unsigned at, const struct acr_job *job,
                 struct acr_lb_device *out, bool *full)
{
	const struct acr_device *dev = set->devices[at];
	const struct acr_capstat *cap = dev->by_alg[job->opcode][acr_alg_index(job->alg)];
	bool found = false;

	if (!dev->group) {
		if (!acr_sched_capable(job, dev, set->count))
			return false;
		if (!acr_job_pinned(job) && !acr_device_has_room(cap)) {
			*full = true;
			return false;
		}
		describe_device(dev, cap, out);
		return true;
	}
	if (atomic_load(&dev->state) != ACR_READY)
		return false;
	*out = (struct acr_lb_device){ .name = dev->spec->name, .id = dev->id };
	for (unsigned i = 0; i < set->count; i++) {
		struct acr_lb_device one;
		if (set->parents[i] != (int)at || !look(set, i, job, &one, full))
			continue;
		add_member(out, &one);
		found = true;
	}
	return found;
}

/* What could take the job in one group, -1: in none. Returns how many. */
static unsigned look_all(const struct acr_device_set *set, int group, const struct acr_job *job,
                         struct acr_lb_device *shown, unsigned *places, bool *full)
{
	unsigned n = 0;

	for (unsigned i = 0; i < set->count && n < CANDIDATES; i++)
		if (set->parents[i] == group && look(set, i, job, &shown[n], full))
			places[n++] = i;
	return n;
}

/* Where the choice begins: in no group (-1), or in the one that the job is bound to. False:
 * that is gone or doesn't work. */
static bool begin_at(const struct acr_device_set *set, const struct acr_job *job, int *at)
{
	*at = -1;
	if (!job->bound)
		return true;
	for (unsigned i = 0; i < set->count && *at < 0; i++)
		if (set->devices[i] == job->bound)
			*at = (int)i;
	return *at >= 0 && (!job->bound->group || atomic_load(&job->bound->state) == ACR_READY);
}

/* "pool: rate: done in ..."; what doesn't fit is cut off at the end. */
static void name_groups(const struct acr_device_set *set, int group,
                        struct acr_lb_choice *choice)
{
	char text[2 * ACR_LB_REASON];

	if (group < 0)
		return;
	snprintf(text, sizeof text, "%.64s: %.94s",
	         acr_balancing_name(set->devices[group]->group->lb), choice->reason);
	for (;; group = set->parents[group]) {
		memcpy(choice->reason, text, sizeof choice->reason);
		choice->reason[sizeof choice->reason - 1] = 0;
		if (group < 0)
			break;
		snprintf(text, sizeof text, "%.64s: %s", set->devices[group]->spec->name,
		         choice->reason);
	}
}

struct acr_device *acr_choose(const struct acr_device_set *set, const struct acr_job *job,
                              struct acr_lb_choice *choice, bool *full)
{
	struct acr_lb_session session = describe_job(job);
	struct acr_lb_device shown[CANDIDATES];
	unsigned places[CANDIDATES], n;
	uint64_t outer_cost = 0;
	int group;

	*full = false;
	if (!begin_at(set, job, &group))
		return NULL;
	if (acr_job_pinned(job)) {
		if (!look(set, (unsigned)group, job, shown, full))
			return NULL;
		*choice = (struct acr_lb_choice){ .reason = "bound" };
		return job->bound;
	}
	while ((n = look_all(set, group, job, shown, places, full))) {
		const struct acr_device *owner = group < 0 ? NULL : set->devices[group];

		acr_balancer_choose(owner ? owner->group->lb : NULL, &session, shown, n,
		                    choice);
		if (!set->devices[places[choice->index]]->group)
			break;
		group = (int)places[choice->index];
		outer_cost = choice->cost_ns;
	}
	if (!n)
		return NULL;
	if (!choice->cost_ns)
		choice->cost_ns = outer_cost;
	name_groups(set, group, choice);
	return set->devices[places[choice->index]];
}

enum acr_chance acr_choose_chance(const struct acr_job *job)
{
	struct acr_lb_device shown[CANDIDATES];
	const struct acr_device_set *set;
	unsigned places[CANDIDATES], n = 0;
	bool full = false;
	int group;

	acr_epoch_enter();
	set = acr_devices();
	if (begin_at(set, job, &group))
		n = look_all(set, group, job, shown, places, &full);
	acr_epoch_leave();
	return n ? ACR_CHANCE_NOW : full ? ACR_CHANCE_LATER : ACR_CHANCE_NONE;
}

void acr_choose_learn(const struct acr_device *dev, const struct acr_job *job)
{
	struct acr_lb_session session = describe_job(job);
	const struct acr_device_set *set;
	unsigned at = 0;

	acr_epoch_enter();
	set = acr_devices();
	while (set->groups && at < set->count && set->devices[at] != dev)
		at++;
	/* From the innermost group to the current balancer. */
	for (int group; set->groups && at < set->count; at = (unsigned)group) {
		dev = set->devices[at];
		group = set->parents[at];
		if (group < 0)
			break;
		acr_balancer_completed(set->devices[group]->group->lb, dev->id, &session,
		                       job->queue_ns, job->process_ns);
	}
	acr_balancer_completed(NULL, dev->id, &session, job->queue_ns, job->process_ns);
	acr_epoch_leave();
}
