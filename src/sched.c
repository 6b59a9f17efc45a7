/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scheduler: finds a device for each job, and another one when that fails.
 *
 * A job gets a fresh attempt for each device that it is put on, so that an attempt belongs to
 * one device for all its life and nobody who holds a pointer to it is surprised. */
#include "balancer.h"
#include "device.h"
#include "epoch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANDIDATES 64 /* devices that a balancer is shown */
#define PUT_TRIES  16 /* placing races with devices that fill up or go away */

/* Jobs that wait because the queues of all devices that could take them are full: one queue
 * for each capability. This is the seed's main session queue. */
static pthread_mutex_t waiting_lock = PTHREAD_MUTEX_INITIALIZER;
static struct acr_queue *waiting[ACR_OPCODES][ACR_ALGS]; /* (waiting_lock) */
static atomic_size_t waiting_count;

#define attempt_of(node) ((struct acr_attempt *)((char *)(node) - offsetof(struct acr_attempt, entry)))

static struct acr_queue **waiting_for(const struct acr_job *job)
{
	return &waiting[job->opcode][acr_alg_index(job->alg)];
}

size_t acr_sched_waiting(void)
{
	return atomic_load(&waiting_count);
}

/* ---- choosing ---- */

static bool was_tried(const struct acr_job *job, const struct acr_device *dev)
{
	for (unsigned i = 0; i < job->tried_count; i++)
		if (job->tried[i] == dev->id)
			return true;
	return false;
}

/* Could this device do the job, apart from room? */
static bool capable(const struct acr_job *job, const struct acr_device *dev, unsigned devices)
{
	const struct acr_capstat *cap = dev->by_alg[job->opcode][acr_alg_index(job->alg)];
	unsigned flags = dev->driver->flags;

	if (!cap || atomic_load(&dev->state) != ACR_READY || was_tried(job, dev))
		return false;
	if (cap->cap.max_src && job->src_len > cap->cap.max_src)
		return false;
	if (job->flags != ACR_OP_WHOLE &&
	    (!cap->format || (job->state && job->state->format != cap->format)))
		return false;
	if (job->bound)
		return dev == job->bound;
	if (job->no_fault && flags & (ACR_DRIVER_FAULT | ACR_DRIVER_NULL))
		return false;
	return !(flags & ACR_DRIVER_NULL) || devices == 1;
}

static void describe_device(const struct acr_device *dev, const struct acr_capstat *cap,
			    struct acr_lb_device *out)
{
	out->name = dev->spec->name;
	out->id = dev->id;
	out->width = dev->width;
	out->queued = atomic_load_explicit(&dev->queued_count, memory_order_relaxed);
	out->running = atomic_load_explicit(&dev->running_count, memory_order_relaxed);
	out->queued_bytes = atomic_load_explicit(&dev->load_bytes, memory_order_relaxed);
	out->mean_ns = atomic_load_explicit(&cap->mean_ns, memory_order_relaxed);
	out->bytes_per_s = atomic_load_explicit(&cap->bytes_per_s, memory_order_relaxed);
	out->predicted_ns = atomic_load_explicit(&dev->predicted_ns, memory_order_relaxed);
	out->unpredicted = atomic_load_explicit(&dev->unpredicted, memory_order_relaxed);
	out->unpredicted_bytes = atomic_load_explicit(&dev->unpredicted_bytes, memory_order_relaxed);
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

/* Choose a device. Returns a reference, or NULL with *full: true if one could do it when its
 * queue has room again. */
static struct acr_device *choose(struct acr_job *job, struct acr_attempt *attempt, bool *full)
{
	struct acr_lb_device shown[CANDIDATES];
	struct acr_device *devices[CANDIDATES];
	struct acr_device *chosen = NULL;
	struct acr_lb_choice choice = { 0 };
	const struct acr_device_set *set;
	unsigned n = 0;

	*full = false;
	acr_epoch_enter();
	set = acr_devices();
	for (unsigned i = 0; i < set->count && n < CANDIDATES; i++) {
		struct acr_device *dev = set->devices[i];
		struct acr_capstat *cap = dev->by_alg[job->opcode][acr_alg_index(job->alg)];
		if (!capable(job, dev, set->count))
			continue;
		if (!job->bound && !acr_device_has_room(cap)) {
			*full = true;
			continue;
		}
		describe_device(dev, cap, &shown[n]);
		devices[n++] = dev;
	}
	if (n && job->bound) {
		snprintf(choice.reason, sizeof choice.reason, "bound");
	} else if (n) {
		struct acr_lb_session session = describe_job(job);
		acr_balancer_choose(NULL, &session, shown, n, &choice);
	}
	if (n) {
		chosen = acr_device_ref(devices[choice.index]);
		attempt->cap = chosen->by_alg[job->opcode][acr_alg_index(job->alg)];
		memcpy(attempt->reason, choice.reason, sizeof attempt->reason);
		attempt->cost_ns = choice.cost_ns;
	}
	acr_epoch_leave();
	return chosen;
}

/* ---- placing ---- */

/* The job's next attempt, with a reference to the job. NULL: no memory. */
static struct acr_attempt *attempt_new(struct acr_job *job)
{
	struct acr_attempt *attempt = &job->first;

	if (attempt->job) {
		attempt = calloc(1, sizeof *attempt);
		if (!attempt)
			return NULL;
		attempt->older = job->extra;
		job->extra = attempt;
	}
	attempt->job = acr_job_ref(job);
	attempt->entry.uid = job->uid;
	attempt->entry.priority = job->priority;
	attempt->entry.arrival_ns = job->arrival_ns;
	attempt->queued_ns = acr_now_ns();
	return attempt;
}

/* Into the main queue. */
static int wait_for_room(struct acr_job *job, struct acr_attempt *attempt)
{
	struct acr_queue **queue = waiting_for(job);
	bool ok;

	pthread_mutex_lock(&waiting_lock);
	if (!*queue && (*queue = calloc(1, sizeof **queue)))
		acr_queue_init(*queue, (double)acr_settings.ageing / 1000);
	atomic_store(&attempt->state, ACR_QUEUED);
	atomic_store(&job->current, attempt);
	/* One that was taken out to be tried goes back to where it was. */
	ok = *queue && (job->waited ? acr_queue_return : acr_queue_insert)(*queue, &attempt->entry);
	job->waited = true;
	if (ok)
		atomic_fetch_add(&waiting_count, 1);
	pthread_mutex_unlock(&waiting_lock);
	return ok ? 0 : -ENOSPC;
}

static bool take_from_waiting(struct acr_attempt *attempt)
{
	bool taken = false;

	pthread_mutex_lock(&waiting_lock);
	if (attempt->entry.flow && atomic_load(&attempt->state) == ACR_QUEUED) {
		acr_queue_remove(*waiting_for(attempt->job), &attempt->entry);
		atomic_fetch_sub(&waiting_count, 1);
		atomic_store(&attempt->state, ACR_ENDED);
		taken = true;
	}
	pthread_mutex_unlock(&waiting_lock);
	return taken;
}

/* Has a device that could do the job room at this moment? */
static bool room_now(const struct acr_job *job)
{
	const struct acr_device_set *set;
	bool room = false;

	acr_epoch_enter();
	set = acr_devices();
	for (unsigned i = 0; i < set->count && !room; i++)
		room = capable(job, set->devices[i], set->count) &&
		       acr_device_has_room(
			       set->devices[i]->by_alg[job->opcode][acr_alg_index(job->alg)]);
	acr_epoch_leave();
	return room;
}

/* The highest that waits for this, taken out; with its reference to the job. */
static struct acr_job *next_waiting(unsigned opcode, unsigned row)
{
	struct acr_queue_entry *entry;
	struct acr_queue *queue;
	struct acr_job *job = NULL;

	pthread_mutex_lock(&waiting_lock);
	queue = waiting[opcode][row];
	entry = queue ? acr_queue_pop(queue) : NULL;
	if (entry) {
		atomic_fetch_sub(&waiting_count, 1);
		atomic_store(&attempt_of(entry)->state, ACR_ENDED);
		job = attempt_of(entry)->job;
	}
	pthread_mutex_unlock(&waiting_lock);
	return job;
}

/* Why nobody can do it; the sentence of a failed attempt stays. */
static int nobody(struct acr_job *job)
{
	const char *name = job->bound ? job->bound->spec->name : NULL;

	if (job->bound && !was_tried(job, job->bound))
		snprintf(job->sentence, sizeof job->sentence,
			 job->bound->by_alg[job->opcode][acr_alg_index(job->alg)]
				 ? "the bound device %s is not working"
				 : "the bound device %s can't do this",
			 name);
	else if (job->begun)
		return -EIO;
	return -ENODEV;
}

/* Put the job on a device or into the main queue. The caller holds a reference. 0, or why it
 * can't be: then nobody has it. */
static int place(struct acr_job *job, bool may_inline)
{
	for (int tries = 0;; tries++) {
		struct acr_attempt *attempt = attempt_new(job);
		bool full;
		int error = -ENOSPC;

		if (!attempt)
			return error;
		attempt->device = choose(job, attempt, &full);
		if (attempt->device) {
			atomic_store(&job->current, attempt);
			error = acr_device_put(attempt->device, attempt, may_inline);
		} else {
			error = full ? wait_for_room(job, attempt) : nobody(job);
			/* Room may have come between the look and the wait. */
			if (full && !error && room_now(job) && take_from_waiting(attempt))
				error = -EAGAIN;
			else
				tries = PUT_TRIES;
		}
		if (!error)
			break;
		acr_job_unref(job); /* the attempt's */
		if (tries >= PUT_TRIES)
			return error == -EAGAIN ? -ENOSPC : error;
	}
	/* A cancellation that came while we placed it found nothing to take back. */
	if (atomic_load(&job->cancelled) && acr_job_cancel(job))
		job->done(job, -ECANCELED);
	return 0;
}

int acr_job_submit(struct acr_job *job, bool may_inline)
{
	job->arrival_ns = acr_now_ns();
	return place(job, may_inline);
}

bool acr_job_cancel(struct acr_job *job)
{
	struct acr_attempt *attempt;

	atomic_store(&job->cancelled, true);
	attempt = atomic_load(&job->current);
	if (!attempt)
		return false;
	if (attempt->device ? acr_device_take_back(attempt->device, attempt)
			    : take_from_waiting(attempt)) {
		acr_job_unref(job);
		return true;
	}
	return attempt->device && acr_device_give_up(attempt->device, attempt);
}

void acr_sched_room(const struct acr_alg *alg, enum acr_opcode opcode)
{
	struct acr_job *job;

	/* Try the first one only: if it finds no room, the rest would not either. Whoever takes
	 * the next entry from a queue calls again. */
	if (!acr_sched_waiting())
		return;
	job = next_waiting(opcode, acr_alg_index(alg));
	if (job)
		acr_sched_retry(job);
}

/* Place anew a job that nobody has; takes the reference. */
void acr_sched_retry(struct acr_job *job)
{
	int error = atomic_load(&job->cancelled) ? -ECANCELED : place(job, false);

	if (error)
		job->done(job, error);
	acr_job_unref(job);
}

/* Try everything in the main queue again. */
static void retry_waiting(void)
{
	for (unsigned op = 0; op < ACR_OPCODES; op++) {
		for (unsigned row = 0; row < acr_alg_count(); row++) {
			struct acr_job *job;
			size_t count;

			pthread_mutex_lock(&waiting_lock);
			count = waiting[op][row] ? waiting[op][row]->count : 0;
			pthread_mutex_unlock(&waiting_lock);
			while (count-- && (job = next_waiting(op, row)))
				acr_sched_retry(job);
		}
	}
}

void acr_sched_rehash(void)
{
	g_autoptr(GPtrArray) devices = acr_device_list();

	acr_balancer_rehash();
	for (guint i = 0; i < devices->len; i++)
		acr_device_rehash(devices->pdata[i]);
	if (acr_sched_waiting())
		retry_waiting();
}

/* ---- what comes back ---- */

static void report(struct acr_attempt *attempt, const char *outcome)
{
	struct acr_report report = {
		.device = attempt->device->spec->name,
		.outcome = outcome,
		.reason = attempt->reason,
		.queued_ns = attempt->queued_ns,
		.started_ns = attempt->started_ns,
		.ended_ns = acr_now_ns(),
	};
	struct acr_job *job = attempt->job;

	job->queue_ns = (report.started_ns ? report.started_ns : report.ended_ns) - report.queued_ns;
	job->process_ns = report.started_ns ? report.ended_ns - report.started_ns : 0;
	snprintf(job->device_name, sizeof job->device_name, "%s", report.device);
	if (job->report)
		job->report(job, &report);
}

static void take_result(struct acr_job *job, struct acr_attempt *attempt)
{
	acr_buf_unref(job->dst);
	acr_state_unref(job->state_out);
	job->dst = attempt->dst;
	job->dst_len = attempt->op.dst_len;
	job->state_out = attempt->state_out;
	attempt->dst = NULL;
	attempt->state_out = NULL;
	memcpy(job->tag_out, attempt->op.tag_out, sizeof job->tag_out);
}

static void complete(struct acr_job *job, struct acr_attempt *attempt, int error)
{
	memcpy(job->sentence, attempt->sentence, sizeof job->sentence);
	if (!error)
		take_result(job, attempt);
	if (!error) {
		struct acr_lb_session session = describe_job(job);
		acr_epoch_enter();
		acr_balancer_completed(NULL, attempt->device->id, &session, job->queue_ns,
				       job->process_ns);
		acr_epoch_leave();
	}
	job->done(job, error);
}

/* More output than there was room for, or a part that should have left a running state and
 * didn't, is a fault of the device. */
static int check_state(const struct acr_job *job, const struct acr_attempt *attempt, int error)
{
	if (!error && attempt->op.dst_len > attempt->op.dst_size)
		return -EIO;
	if (!error && !(job->flags & ACR_OP_LAST) && !attempt->state_out)
		return -EIO;
	return error;
}

static bool is_final(int error)
{
	return !error || error == -EBADMSG || error == -EINVAL || error == -ENOSPC ||
	       error == -EDQUOT;
}

void acr_sched_ended(struct acr_attempt *attempt, int error)
{
	struct acr_job *job = attempt->job;
	struct acr_device *dev = attempt->device;

	error = check_state(job, attempt, error);
	job->begun = true;
	report(attempt, error ? strerrorname_np(-error) : "ok");
	if (is_final(error)) {
		complete(job, attempt, error);
		acr_job_unref(job);
		return;
	}
	if (job->tried_count < ACR_TRIED)
		job->tried[job->tried_count++] = dev->id;
	acr_buf_unref(attempt->dst);
	attempt->dst = NULL;
	if (attempt->sentence[0])
		memcpy(job->sentence, attempt->sentence, sizeof job->sentence);
	else
		snprintf(job->sentence, sizeof job->sentence,
			 "device %s failed with %s and no other could take over",
			 dev->spec->name, strerrorname_np(-error));
	acr_count(&dev->counters.redispatched, 1);
	acr_count(&attempt->cap->counters.redispatched, 1);
	if (job->tried_count == ACR_TRIED) {
		job->done(job, -EIO);
		acr_job_unref(job);
		return;
	}
	acr_sched_retry(job);
}

void acr_sched_displaced(struct acr_attempt *attempt, bool orphan)
{
	struct acr_job *job = attempt->job;
	struct acr_device *dev = attempt->device;

	job->begun |= orphan;
	report(attempt, "moved");
	acr_count(&dev->counters.redispatched, 1);
	acr_count(&attempt->cap->counters.redispatched, 1);
	snprintf(job->sentence, sizeof job->sentence, "device %s broke and no other could take over",
		 dev->spec->name);
	acr_sched_retry(job);
}
