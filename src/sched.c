/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scheduler: finds a device for each job, and another one when that fails.
 *
 * A job gets a fresh attempt for each device that it is put on, so that an attempt belongs to
 * one device for all its life and nobody who holds a pointer to it is surprised. */
#include "epoch.h"
#include "group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUT_TRIES  16 /* placing races with devices that fill up or go away */

/* The main queue, the seed's main session queue, and those of groups. */
static pthread_mutex_t waiting_lock = PTHREAD_MUTEX_INITIALIZER;
static struct acr_waiting waiting; /* (waiting_lock) */
static atomic_size_t waiting_count;

#define attempt_of(node) ((struct acr_attempt *)((char *)(node) - offsetof(struct acr_attempt, entry)))

static struct acr_queue **waiting_for(const struct acr_job *job)
{
	struct acr_waiting *from = &waiting;

	if (job->bound && job->bound->group)
		from = &job->bound->group->waiting;
	return &from->queues[job->opcode][acr_alg_index(job->alg)];
}

void acr_sched_add_waiting(struct acr_waiting *more)
{
	pthread_mutex_lock(&waiting_lock);
	more->next = waiting.next;
	waiting.next = more;
	pthread_mutex_unlock(&waiting_lock);
}

void acr_sched_remove_waiting(struct acr_waiting *more)
{
	struct acr_waiting *before = &waiting;

	pthread_mutex_lock(&waiting_lock);
	while (before->next != more)
		before = before->next;
	before->next = more->next;
	pthread_mutex_unlock(&waiting_lock);
	for (struct acr_queue **queue = more->queues[0];
	     queue < more->queues[0] + ACR_OPCODES * ACR_ALGS; queue++) {
		if (*queue)
			acr_queue_clear(*queue);
		free(*queue);
	}
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

bool acr_sched_capable(const struct acr_job *job, const struct acr_device *dev, unsigned devices)
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
	if (acr_job_pinned(job))
		return dev == job->bound;
	if (job->no_fault && flags & (ACR_DRIVER_FAULT | ACR_DRIVER_NULL))
		return false;
	return !(flags & ACR_DRIVER_NULL) || devices == 1;
}

/* Choose a device. Returns a reference, or NULL with *full: true if one could do it when its
 * queue has room again. */
static struct acr_device *choose(struct acr_job *job, struct acr_attempt *attempt, bool *full)
{
	struct acr_lb_choice choice;
	struct acr_device *chosen;

	acr_epoch_enter();
	chosen = acr_choose(acr_devices(), job, &choice, full);
	if (chosen) {
		acr_device_ref(chosen);
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
	attempt->queued_ns = job->extra ? acr_now_ns() : job->arrival_ns;
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

/* The which-th of those that wait: 0 the main one, then the groups'. Under (waiting_lock). */
static struct acr_waiting *waiting_at(unsigned which)
{
	struct acr_waiting *from = &waiting;

	while (from && which--)
		from = from->next;
	return from;
}

/* The highest that waits there for this, taken out; with its reference to the job. *more: there
 * is such a place. */
static struct acr_job *next_waiting(unsigned which, unsigned opcode, unsigned row, bool *more)
{
	struct acr_waiting *from;
	struct acr_queue_entry *entry;
	struct acr_queue *queue;
	struct acr_job *job = NULL;

	pthread_mutex_lock(&waiting_lock);
	from = waiting_at(which);
	*more = from != NULL;
	queue = from ? from->queues[opcode][row] : NULL;
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

	if (job->bound && job->bound->group) {
		if (acr_group_offers(job->bound, job->opcode, job->alg))
			return job->begun ? -EIO : -ENODEV;
		acr_say(&job->sentence, "no working member of the bound group %s can do this",
			name);
	} else if (job->bound && !was_tried(job, job->bound))
		acr_say(&job->sentence,
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
			/* Between the look and the wait room may have come, or the last that
			 * could do it gone. */
			if (full && !error && !acr_choose_waits(job) && take_from_waiting(attempt))
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
	bool more = acr_sched_waiting() > 0;

	/* Try the first one only: if it finds no room, the rest would not either. Whoever takes
	 * the next entry from a queue calls again. */
	for (unsigned which = 0; more; which++) {
		struct acr_job *job = next_waiting(which, opcode, acr_alg_index(alg), &more);
		if (job)
			acr_sched_retry(job);
	}
}

/* Place anew a job that nobody has; takes the reference. */
void acr_sched_retry(struct acr_job *job)
{
	int error = atomic_load(&job->cancelled) ? -ECANCELED : place(job, false);

	if (error)
		job->done(job, error);
	acr_job_unref(job);
}

/* Try everything that waits in one place for one thing again. Returns false: no such place. */
static bool retry_queue(unsigned which, unsigned op, unsigned row)
{
	struct acr_waiting *from;
	struct acr_job *job;
	size_t count = 0;
	bool more;

	pthread_mutex_lock(&waiting_lock);
	from = waiting_at(which);
	more = from != NULL;
	if (from && from->queues[op][row])
		count = from->queues[op][row]->count;
	pthread_mutex_unlock(&waiting_lock);
	while (count-- && more && (job = next_waiting(which, op, row, &more)))
		acr_sched_retry(job);
	return more;
}

static void retry_waiting(void)
{
	for (unsigned op = 0; op < ACR_OPCODES; op++)
		for (unsigned row = 0; row < acr_alg_count(); row++)
			for (unsigned which = 0; retry_queue(which, op, row);)
				which++;
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
		.device = attempt->device->name,
		.outcome = outcome,
		.reason = attempt->reason,
		.queued_ns = attempt->queued_ns,
		.started_ns = attempt->started_ns,
		.ended_ns = attempt->ended_ns ? attempt->ended_ns : acr_now_ns(),
	};
	struct acr_job *job = attempt->job;

	job->queue_ns = (report.started_ns ? report.started_ns : report.ended_ns) - report.queued_ns;
	job->process_ns = report.started_ns ? report.ended_ns - report.started_ns : 0;
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
	if (attempt->sentence)
		acr_say(&job->sentence, "%s", attempt->sentence);
	job->in_caller = attempt->device->driver->flags & ACR_DRIVER_SYNC;
	if (!error)
		take_result(job, attempt);
	if (!error)
		acr_choose_learn(attempt->device, job);
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
	if (attempt->sentence)
		acr_say(&job->sentence, "%s", attempt->sentence);
	else
		acr_say(&job->sentence, "device %s failed with %s and no other could take over",
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
	acr_say(&job->sentence, "device %s broke and no other could take over", dev->spec->name);
	acr_sched_retry(job);
}
