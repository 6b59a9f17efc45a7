/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs that wait because the queues of all devices that could take them are full: one queue for
 * each capability. This is the seed's main session queue.
 *
 * A newcomer queues up behind those of equal or higher effective priority that wait for the
 * same, so nobody is passed. Room is given to the first of them that can use it: the very
 * first may be unable to, because that device has failed it before or takes no input so
 * long. */
#include "base/epoch.h"
#include "device/group.h"
#include "sched.h"

#include <errno.h>
#include <stdlib.h>

/* Jobs that are bound to a group wait with it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct acr_waiting main_place;
static SLIST_HEAD(, acr_waiting) places = { &main_place }; /* (lock) the main one first */
static atomic_size_t total;

static struct acr_queue **queue_of(const struct acr_job *job)
{
	struct acr_waiting *place = &main_place;

	if (job->bound && job->bound->group)
		place = &job->bound->group->waiting;
	return &place->queues[job->opcode][acr_alg_index(job->alg)];
}

void acr_waiting_add_place(struct acr_waiting *place)
{
	pthread_mutex_lock(&lock);
	SLIST_INSERT_AFTER(&main_place, place, next);
	pthread_mutex_unlock(&lock);
}

void acr_waiting_remove_place(struct acr_waiting *place)
{
	pthread_mutex_lock(&lock);
	SLIST_REMOVE(&places, place, acr_waiting, next);
	pthread_mutex_unlock(&lock);
	for (unsigned op = 0; op < ACR_OPCODES; op++) {
		for (unsigned row = 0; row < ACR_ALGS; row++) {
			if (place->queues[op][row])
				acr_queue_clear(place->queues[op][row]);
			free(place->queues[op][row]);
		}
	}
}

/* The which-th place, NULL: there are not so many. Under the lock. */
static struct acr_waiting *place_at(unsigned which)
{
	struct acr_waiting *place = SLIST_FIRST(&places);

	while (place && which--)
		place = SLIST_NEXT(place, next);
	return place;
}

size_t acr_sched_waiting(void)
{
	return atomic_load(&total);
}

bool acr_waiting_ahead(const struct acr_job *job)
{
	struct acr_queue_entry newcomer = { .uid = job->uid,
		                            .priority = job->priority,
		                            .arrival_ns = job->arrival_ns };
	bool ahead;

	if (!atomic_load(&total))
		return false;
	pthread_mutex_lock(&lock);
	ahead = *queue_of(job) && acr_queue_precedes(*queue_of(job), &newcomer);
	pthread_mutex_unlock(&lock);
	return ahead;
}

int acr_waiting_add(struct acr_job *job, struct acr_attempt *attempt)
{
	struct acr_queue **queue = queue_of(job);
	bool ok;

	pthread_mutex_lock(&lock);
	if (!*queue && (*queue = calloc(1, sizeof **queue)))
		acr_queue_init(*queue, (double)acr_settings.ageing / 1000);
	atomic_store(&attempt->state, ACR_QUEUED);
	atomic_store(&job->current, attempt);
	/* One that was taken out to be tried goes back to where it was. */
	ok = *queue &&
	     (job->waited ? acr_queue_return : acr_queue_insert)(*queue, &attempt->entry);
	job->waited = true;
	if (ok)
		atomic_fetch_add(&total, 1);
	pthread_mutex_unlock(&lock);
	return ok ? 0 : -ENOSPC;
}

/* Under the lock, once it is out of its queue. */
static void taken_out(struct acr_attempt *attempt)
{
	atomic_fetch_sub(&total, 1);
	atomic_store(&attempt->state, ACR_ENDED);
}

bool acr_waiting_take_back(struct acr_attempt *attempt)
{
	bool taken;

	pthread_mutex_lock(&lock);
	taken = attempt->entry.flow && atomic_load(&attempt->state) == ACR_QUEUED;
	if (taken) {
		acr_queue_remove(*queue_of(attempt->job), &attempt->entry);
		taken_out(attempt);
	}
	pthread_mutex_unlock(&lock);
	return taken;
}

/* ---- serving ---- */

/* Has any working device room for this? */
static bool has_room(enum acr_opcode opcode, unsigned row)
{
	const struct acr_device_set *set;
	bool room = false;

	acr_epoch_enter();
	set = acr_devices();
	for (unsigned i = 0; i < set->count && !room; i++) {
		const struct acr_capstat *cap = set->devices[i]->by_alg[opcode][row];
		room = cap && atomic_load(&set->devices[i]->state) == ACR_READY &&
		       acr_device_has_room(cap);
	}
	acr_epoch_leave();
	return room;
}

/* Has a device that could do this job? */
static bool can_go(const struct acr_queue_entry *entry, void *unused)
{
	(void)unused;
	return acr_choose_chance(
	               acr_container_of(entry, const struct acr_attempt, entry)->job) ==
	       ACR_CHANCE_NOW;
}

/* The first in a place that can go now, taken out; with its reference to the job. *more: there
 * is such a place. */
static struct acr_job *next_to_go(unsigned which, enum acr_opcode opcode, unsigned row,
                                  bool *more)
{
	struct acr_queue_entry *entry = NULL;
	struct acr_waiting *place;
	struct acr_job *job = NULL;

	pthread_mutex_lock(&lock);
	place = place_at(which);
	*more = place != NULL;
	if (place && place->queues[opcode][row])
		entry = acr_queue_find(place->queues[opcode][row], can_go, NULL);
	if (entry) {
		acr_queue_take(place->queues[opcode][row], entry);
		taken_out(acr_attempt_of(entry));
		job = acr_attempt_of(entry)->job;
	}
	pthread_mutex_unlock(&lock);
	return job;
}

void acr_waiting_serve(enum acr_opcode opcode, const struct acr_alg *alg)
{
	unsigned row = acr_alg_index(alg);
	bool more = true;

	for (unsigned which = 0; more; which++) {
		struct acr_job *job;

		/* A job that loses the room to another is back when we look again. */
		while (atomic_load(&total) && has_room(opcode, row) &&
		       (job = next_to_go(which, opcode, row, &more)))
			acr_sched_serve(job);
		more &= atomic_load(&total) && has_room(opcode, row);
	}
}

/* Take out all that wait in a place for one thing, in their order. Returns false: no such
 * place. */
static bool take_all(unsigned which, unsigned op, unsigned row, struct acr_attempts *list)
{
	struct acr_waiting *place;
	struct acr_queue_entry *entry;

	TAILQ_INIT(list);
	pthread_mutex_lock(&lock);
	place = place_at(which);
	while (place && place->queues[op][row] &&
	       (entry = acr_queue_pop(place->queues[op][row]))) {
		taken_out(acr_attempt_of(entry));
		acr_attempt_of(entry)->job->waited =
		        false; /* it goes to the end, as they all do */
		TAILQ_INSERT_TAIL(list, acr_attempt_of(entry), link);
	}
	pthread_mutex_unlock(&lock);
	return place != NULL;
}

static void rehash_row(unsigned op, unsigned row)
{
	struct acr_attempts list;
	struct acr_attempt *attempt;

	for (unsigned which = 0; take_all(which, op, row, &list); which++) {
		while ((attempt = TAILQ_FIRST(&list))) {
			TAILQ_REMOVE(&list, attempt, link);
			acr_sched_serve(attempt->job);
		}
	}
	/* Room that came while they were out. */
	acr_waiting_serve((enum acr_opcode)op, acr_alg_row(row));
}

void acr_waiting_rehash(void)
{
	for (unsigned op = 0; atomic_load(&total) && op < ACR_OPCODES; op++)
		for (unsigned row = 0; row < acr_alg_count(); row++)
			rehash_row(op, row);
}

void acr_waiting_set_ageing(double ageing)
{
	struct acr_waiting *place;

	pthread_mutex_lock(&lock);
	SLIST_FOREACH(place, &places, next)
		for (unsigned op = 0; op < ACR_OPCODES; op++)
			for (unsigned row = 0; row < ACR_ALGS; row++)
				if (place->queues[op][row])
					acr_queue_set_ageing(place->queues[op][row], ageing);
	pthread_mutex_unlock(&lock);
}
