/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scheduler: finds a device for each job, and another one when that fails.
 *
 * A job gets a fresh attempt for each device that it is put on, so that an attempt belongs to
 * one device for all its life and no holder of a pointer to it is surprised. */
#include "check.h"
#include "base/errors.h"
#include "base/epoch.h"
#include "follow.h"
#include "device/group.h"
#include "sched.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUT_TRIES 16 /* placing races with devices that fill up or go away */

/* ---- choosing ---- */

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

/* ---- history ---- */

static void tell(struct acr_attempt *attempt, const char *outcome)
{
	struct acr_note note = acr_attempt_note(attempt, outcome, attempt->reason);
	struct acr_job *job = attempt->job;

	job->queue_ns = (note.started_ns ? note.started_ns : note.ended_ns) - note.queued_ns;
	job->process_ns = note.started_ns ? note.ended_ns - note.started_ns : 0;
	if (job->note)
		job->note(job, &note);
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
		attempt->older = atomic_load(&job->extra);
		atomic_store(&job->extra, attempt);
	}
	attempt->job = acr_job_ref(job);
	attempt->entry.uid = job->uid;
	attempt->entry.priority = job->priority;
	attempt->entry.arrival_ns = job->arrival_ns;
	attempt->queued_ns = attempt == &job->first ? job->arrival_ns : acr_now_ns();
	return attempt;
}

static int nobody(struct acr_job *job)
{
	char why[ACR_SENTENCE];
	int error;

	acr_epoch_enter();
	error = acr_sched_nobody(acr_devices(), job, why);
	acr_epoch_leave();
	if (*why)
		acr_say(&job->sentence, "%s", why);
	return error;
}

/* It waits: but room may have come between the look and the wait, or the last device that could
 * do it may have gone. 0, or why it waits no more: nobody has it. */
static int settle_in(struct acr_job *job, struct acr_attempt *attempt)
{
	acr_waiting_serve(job->opcode, job->alg);
	if (acr_choose_chance(job) != ACR_CHANCE_NONE || !acr_waiting_take_back(attempt))
		return 0;
	acr_job_unref(job); /* the attempt's */
	return nobody(job);
}

/* One try: onto a device, or among those that wait. patient: it has lost the race for room too
 * often, and waits for it. 0; -EAGAIN: try again; or why it can't be. *waits: it does. */
static int put(struct acr_job *job, struct acr_attempt *attempt, bool may_inline, bool served,
               bool patient, bool *waits)
{
	bool full, polite;

	attempt->device = choose(job, attempt, &full);
	polite = attempt->device && !acr_job_pinned(job) &&
	         (patient || (!served && acr_waiting_ahead(job)));
	if (polite) {
		acr_device_unref(attempt->device);
		attempt->device = NULL;
	}
	if (attempt->device) {
		atomic_store(&job->current, attempt);
		return acr_device_put(attempt->device, attempt, may_inline);
	}
	*waits = full || polite;
	return *waits ? acr_waiting_add(job, attempt) : nobody(job);
}

static bool take_away(struct acr_job *job);

/* Put the job on a device or into the main queue. served: it is its turn in that queue. The
 * caller holds a reference. 0, or why it can't be: then nobody has it. */
static int place(struct acr_job *job, bool may_inline, bool served)
{
	struct acr_attempt *attempt;
	bool waits = false;
	int error;

	for (int tries = 0;; tries++) {
		attempt = attempt_new(job);
		if (!attempt)
			return -ENOSPC;
		error = put(job, attempt, may_inline, served, tries == PUT_TRIES, &waits);
		if (!error)
			break;
		acr_job_unref(job); /* the attempt's */
		if (!attempt->device || tries >= PUT_TRIES)
			return error == -EAGAIN ? -ENOSPC : error;
	}
	error = waits ? settle_in(job, attempt) : 0;
	if (error)
		return error;
	/* A cancellation that came while we placed it found nothing to take back. */
	if (atomic_load(&job->cancelled) && take_away(job))
		acr_job_end(job, -ECANCELED);
	return 0;
}

static int submit(struct acr_job *job, bool may_inline)
{
	int error;

	acr_job_note_submitted(1); /* first: it may have ended when place() returns */
	error = place(job, may_inline, false);
	if (error)
		acr_job_note_submitted(-1);
	return error;
}

int acr_job_submit(struct acr_job *job, bool may_inline)
{
	job->arrival_ns = acr_now_ns();
	return submit(job, may_inline);
}

int acr_sched_place(struct acr_job *job)
{
	return submit(job, false);
}

/* acr_job_cancel(), but for the counting. */
static bool take_away(struct acr_job *job)
{
	struct acr_attempt *attempt;
	bool queued;

	atomic_store(&job->cancelled, true);
	attempt = atomic_load(&job->current);
	if (!attempt)
		return false;
	queued = attempt->device ? acr_device_take_back(attempt->device, attempt)
	                         : acr_waiting_take_back(attempt);
	if (queued || (attempt->device && acr_device_give_up(attempt->device, attempt))) {
		if (attempt->device) /* else it waited for any */
			tell(attempt, "cancelled");
		if (queued)
			acr_job_unref(job); /* the attempt's */
		return true;
	}
	return acr_check_cancel(job);
}

bool acr_job_cancel(struct acr_job *job)
{
	bool taken = take_away(job);

	if (taken)
		acr_job_note_cancelled(job);
	return taken;
}

void acr_sched_room(const struct acr_alg *alg, enum acr_opcode opcode)
{
	if (acr_sched_waiting())
		acr_waiting_serve(opcode, alg);
}

/* Place anew a job that nobody has; takes the reference. */
static void retry(struct acr_job *job, bool served)
{
	int error = atomic_load(&job->cancelled) ? -ECANCELED : place(job, false, served);

	if (error)
		acr_job_end(job, error);
	acr_job_unref(job);
}

void acr_sched_retry(struct acr_job *job)
{
	retry(job, false);
}

void acr_sched_serve(struct acr_job *job)
{
	retry(job, true);
}

void acr_sched_shrunk(void)
{
	acr_balancer_rehash();
	acr_waiting_rehash();
}

void acr_sched_rehash(void)
{
	g_autoptr(GPtrArray) devices = acr_device_list();

	acr_balancer_rehash();
	for (guint i = 0; i < devices->len; i++)
		acr_device_rehash(devices->pdata[i]);
	acr_waiting_rehash();
}

/* ---- what comes back ---- */

static void take_result(struct acr_job *job, struct acr_attempt *attempt)
{
	acr_buf_unref(job->dst);
	acr_state_unref(job->state_out);
	job->dst = attempt->dst;
	job->dst_len = attempt->op.dst_len;
	job->state_out = attempt->state_out;
	attempt->dst = NULL;
	attempt->state_out = NULL;
	job->tag_out = attempt->op.tag_out;
	job->followed = acr_follow_done(attempt);
}

static void complete(struct acr_job *job, struct acr_attempt *attempt, int error)
{
	enum acr_check_need need;

	if (attempt->sentence)
		acr_say(&job->sentence, "%s", attempt->sentence);
	job->in_caller = attempt->device->driver->flags & ACR_DRIVER_SYNC;
	if (!error)
		take_result(job, attempt);
	if (!error)
		acr_choose_learn(attempt->device, job);
	need = acr_check_wanted(job, attempt, error);
	if (need) {
		job->followed = NULL; /* of an output that may turn out to be wrong */
		acr_check_begin(job, attempt, error, need);
	} else {
		acr_job_end(job, error);
	}
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

/* It was begun and may not be done twice: that is the end of it. takes the reference. */
static void end_once(struct acr_job *job, const struct acr_device *dev)
{
	acr_say(&job->sentence,
	        "device %s failed when it had begun, and this must not be done twice",
	        dev->name);
	acr_job_end(job, -EIO);
	acr_job_unref(job);
}

static bool must_be_once(const struct acr_attempt *attempt)
{
	return attempt->cap->cap.flags & ACR_CAP_ONCE;
}

void acr_sched_ended(struct acr_attempt *attempt, int error)
{
	struct acr_job *job = attempt->job;
	struct acr_device *dev = attempt->device;

	error = check_state(job, attempt, error);
	if (error == -EOPNOTSUPP)
		job->refused = true;
	else
		job->begun = true;
	job->attempt_error = error;
	tell(attempt, error ? strerrorname_np(-error) : "ok");
	if (acr_error_is_result(error) || acr_error_is_memory(error)) {
		complete(job, attempt, error);
		acr_job_unref(job);
		return;
	}
	if (must_be_once(attempt) && error != -EOPNOTSUPP && error != -EAGAIN) {
		end_once(job, dev);
		return;
	}
	atomic_store(&attempt->failed, true);
	acr_buf_unref(attempt->dst);
	attempt->dst = NULL;
	if (attempt->sentence)
		acr_say(&job->sentence, "%s", attempt->sentence);
	else if (error == -EOPNOTSUPP)
		acr_say(&job->sentence, "device %s can't do this, and no other can",
		        dev->spec->name);
	else
		acr_say(&job->sentence, "device %s failed with %s and no other could take over",
		        dev->spec->name, strerrorname_np(-error));
	acr_count(&dev->counters.redispatched, 1);
	acr_count(&attempt->cap->counters.redispatched, 1);
	acr_sched_retry(job);
}

static const char *what_befell(struct acr_device *dev)
{
	switch (atomic_load(&dev->state)) {
	case ACR_DRAINING:
		return "is draining";
	case ACR_REMOVED:
		return "was removed";
	default:
		return "broke";
	}
}

/* A job that is bound to a device fails with it, even if the device comes back at once. */
static bool goes_down(const struct acr_job *job, struct acr_device *dev)
{
	int state = atomic_load(&dev->state);

	return acr_job_pinned(job) && !job->test &&
	       (state == ACR_BROKEN || state == ACR_REMOVED);
}

void acr_sched_displaced(struct acr_attempt *attempt, bool orphan)
{
	struct acr_job *job = attempt->job;
	struct acr_device *dev = attempt->device;

	job->begun |= orphan;
	if (orphan && must_be_once(attempt)) {
		tell(attempt, "given-up");
		end_once(job, dev);
		return;
	}
	if (goes_down(job, dev)) {
		tell(attempt, "ENODEV");
		acr_say(&job->sentence, "the bound device %s is not working", dev->spec->name);
		acr_job_end(job, -ENODEV);
		acr_job_unref(job);
		return;
	}
	tell(attempt, "moved");
	acr_count(&dev->counters.redispatched, 1);
	acr_count(&attempt->cap->counters.redispatched, 1);
	acr_say(&job->sentence, "device %s %s and no other could take over", dev->spec->name,
	        what_befell(dev));
	acr_sched_retry(job);
}
