/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices that break, drain, hang and come back, and where their sessions go then. */
#include "inner.h"

#include "health.h"

#include <errno.h>
#include <stdio.h>

#define QUIET_S 2 /* that reset() waits for threads to leave the driver */

static struct acr_queue_entry *pop_any(struct acr_device *dev)
{
	struct acr_queue_entry *entry = acr_queue_pop(&dev->queue);

	return entry ? entry : acr_queue_pop(&dev->long_queue);
}

/* Empty the queues into taken; keep_bound: leave what can't go elsewhere. Under (q). */
static void take_queued(struct acr_device *dev, bool keep_bound, struct acr_attempts *taken)
{
	struct acr_attempts kept = TAILQ_HEAD_INITIALIZER(kept);
	struct acr_queue_entry *entry;
	struct acr_attempt *attempt;

	TAILQ_INIT(taken);
	/* In their order: what goes elsewhere lines up there as it stood here. */
	while ((entry = pop_any(dev))) {
		attempt = acr_attempt_of(entry);
		acr_device_leave_queue(dev, attempt);
		/* The last first, as each of those goes to the head again. */
		if (keep_bound && acr_job_pinned(attempt->job))
			TAILQ_INSERT_HEAD(&kept, attempt, link);
		else
			TAILQ_INSERT_TAIL(taken, attempt, link);
	}
	while (!keep_bound && (entry = acr_queue_pop(&dev->overflow)))
		TAILQ_INSERT_TAIL(taken, acr_attempt_of(entry), link);
	while ((attempt = TAILQ_FIRST(&kept))) {
		TAILQ_REMOVE(&kept, attempt, link);
		if (acr_queue_return(acr_device_queue_of(dev, attempt), &attempt->entry))
			acr_device_enter_queue(dev, attempt);
		else
			TAILQ_INSERT_TAIL(taken, attempt, link);
	}
	TAILQ_FOREACH(attempt, taken, link)
		atomic_store(&attempt->state, ACR_ENDED);
}

/* Make orphans of what is running, and put them into taken. Under (q). */
static void take_running(struct acr_device *dev, struct acr_attempts *taken)
{
	struct acr_attempt *attempt, *next;

	TAILQ_INIT(taken);
	for (attempt = TAILQ_FIRST(&dev->running); attempt; attempt = next) {
		next = TAILQ_NEXT(attempt, link);
		if (!acr_device_make_orphan(dev, attempt))
			continue;
		acr_job_ref(attempt->job); /* the driver may let go while we look at it */
		TAILQ_INSERT_HEAD(taken, attempt, link);
	}
}

/* Find other devices for a list, which is empty then; orphans: the driver still has them. */
static void displace(struct acr_device *dev, struct acr_attempts *list, bool orphans)
{
	struct acr_attempt *attempt;

	while ((attempt = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, attempt, link);
		if (orphans)
			acr_device_tell_driver(dev, attempt);
		acr_sched_displaced(attempt, orphans);
	}
}

/* What was queued and running goes elsewhere. Under (q), which is let go meanwhile. */
static void move_away(struct acr_device *dev)
{
	struct acr_attempts queued, running;

	take_queued(dev, false, &queued);
	take_running(dev, &running);
	atomic_fetch_add(&dev->callers, 1);
	pthread_mutex_unlock(&dev->lock);
	displace(dev, &queued, false);
	displace(dev, &running, true);
	acr_device_leave_driver(dev);
	if (dev->group) /* what it placed is with its members */
		acr_sched_rehash();
	else
		acr_sched_shrunk();
	pthread_mutex_lock(&dev->lock);
}

/* Stop taking work. One in quarantine may be broken for good; else the first reason stays. */
static void leave_state(struct acr_device *dev, enum acr_device_state state, const char *reason)
{
	enum acr_device_state old;

	pthread_mutex_lock(&dev->lock);
	old = (enum acr_device_state)atomic_load(&dev->state);
	if (old == ACR_REMOVED ||
	    (state == ACR_BROKEN && old == ACR_BROKEN && !dev->health.quarantined)) {
		pthread_mutex_unlock(&dev->lock);
		return;
	}
	atomic_store(&dev->state, state);
	snprintf(dev->broken_reason, sizeof dev->broken_reason, "%s", reason);
	g_strdelimit(dev->broken_reason, "\n\t", ' ');
	dev->blocked = false;
	dev->health.quarantined = dev->health.evict = false;
	move_away(dev);
	pthread_mutex_unlock(&dev->lock);
}

void acr_device_evict(struct acr_device *dev)
{
	dev->health.evict = false;
	move_away(dev);
}

void acr_device_rehash(struct acr_device *dev)
{
	struct acr_attempts list;
	struct acr_attempt *attempt;

	pthread_mutex_lock(&dev->lock);
	take_queued(dev, true, &list);
	acr_device_refill(dev);
	pthread_mutex_unlock(&dev->lock);
	while ((attempt = TAILQ_FIRST(&list))) {
		TAILQ_REMOVE(&list, attempt, link);
		acr_sched_retry(attempt->job);
	}
}

void acr_device_retire(struct acr_device *dev)
{
	leave_state(dev, ACR_REMOVED, "removed");
}

void acr_device_broken(struct acr_device *dev, const char *reason)
{
	acr_log(ACR_LOG_WARNING, dev->spec->name, "broken: %s", reason);
	leave_state(dev, ACR_BROKEN, reason);
}

int acr_device_quiesce(struct acr_device *dev)
{
	bool quiet;

	pthread_mutex_lock(&dev->lock);
	quiet = atomic_load(&dev->state) != ACR_BROKEN ||
	        acr_device_await_callers(dev, QUIET_S);
	pthread_mutex_unlock(&dev->lock);
	if (!quiet)
		acr_log(ACR_LOG_ERROR, dev->spec->name,
		        "can't be reset now: a thread is still in its driver");
	return quiet ? 0 : -EBUSY;
}

/* Under control. */
static int repair(struct acr_device *dev)
{
	/* reset() is promised that nothing of the device is running. */
	int error = acr_device_quiesce(dev);

	if (error)
		return error;
	if (atomic_load(&dev->state) == ACR_BROKEN && dev->driver->reset) {
		dev->explain[0] = 0;
		error = dev->driver->reset(dev);
	}
	if (error) {
		acr_log(ACR_LOG_ERROR, dev->spec->name, "repair failed: %s",
		        dev->explain[0] ? dev->explain : g_strerror(-error));
		return error;
	}
	pthread_mutex_lock(&dev->lock);
	if (atomic_load(&dev->state) != ACR_REMOVED)
		atomic_store(&dev->state, ACR_READY);
	dev->broken_reason[0] = 0;
	dev->blocked = false;
	acr_health_clear(dev);
	pthread_cond_broadcast(&dev->work);
	pthread_mutex_unlock(&dev->lock);
	acr_sched_rehash();
	return 0;
}

int acr_device_repair(struct acr_device *dev)
{
	int error;

	pthread_mutex_lock(&dev->control);
	error = repair(dev);
	pthread_mutex_unlock(&dev->control);
	return error;
}

int acr_device_drain(struct acr_device *dev)
{
	struct acr_attempts queued = TAILQ_HEAD_INITIALIZER(queued);

	pthread_mutex_lock(&dev->lock);
	if (atomic_load(&dev->state) == ACR_READY) {
		atomic_store(&dev->state, ACR_DRAINING);
		take_queued(dev, true, &queued);
	}
	pthread_mutex_unlock(&dev->lock);
	displace(dev, &queued, false);
	acr_sched_rehash();
	return 0;
}

int acr_device_reset(struct acr_device *dev)
{
	int error;

	pthread_mutex_lock(&dev->control);
	leave_state(dev, ACR_BROKEN, "being reset");
	error = repair(dev);
	pthread_mutex_unlock(&dev->control);
	return error;
}
