/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices that hang. An operation may take ten times what was predicted for it, and at least
 * the configured time.
 *
 * A request may be taken back before that, as it was cancelled or had a deadline. If that is
 * all that ever becomes of them, their times add up.
 *
 * For a device that works on its own the clock decides. A driver that computes in the
 * daemon's threads may just have been denied the processor, or do honestly what nobody
 * foresaw; so there the thread is looked at, too: one that sleeps at several looks in a
 * row, and has done nothing in between, hangs. One that computes is left alone for much
 * longer. */
#include "inner.h"

#include "health.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FACTOR        10.0
#define UNKNOWN_NS    100.0               /* for each unit of work where nothing was measured */
#define LOOK_NS       UINT64_C(400000000) /* from one look at a thread to the next, at least */
#define LOOKS         3                   /* at which it must have been found asleep */
#define IDLE_TICKS    1                   /* of processor time that count as none */
#define RUNAWAY       60u  /* times the configured time that a thread may compute */
#define RUNAWAY_FIRST 600u /* the same where nothing was measured */

/* Under (q): what this attempt may take. With others beside it, it may have to wait for
 * them. */
static double patience_ns(const struct acr_attempt *attempt, bool *known)
{
	double least = (double)acr_settings.watchdog * 1e9,
	       units = acr_expect_units(attempt->job);
	double predicted = acr_predict(&attempt->cap->line, units);

	*known = predicted > 0;
	if (!*known)
		predicted = least + UNKNOWN_NS * units;
	return MAX(least, FACTOR * predicted * (double)MAX(attempt->beside, 1));
}

void acr_device_note_silence(struct acr_device *dev, const struct acr_attempt *attempt)
{
	struct acr_health *health = &dev->health;
	uint64_t now = acr_now_ns(), since = MAX(attempt->started_ns, health->silent_until);
	char reason[64];
	bool known;

	/* What the daemon's own threads compute may just have had no processor. */
	if (!acr_settings.watchdog || dev->driver->flags & ACR_DRIVER_SYNC)
		return;
	/* Requests side by side are silent at the same time. */
	health->silent_ns += now > since ? now - since : 0;
	health->silent_until = now;
	if ((double)health->silent_ns <= patience_ns(attempt, &known))
		return;
	snprintf(reason, sizeof reason,
	         "no answer for %.1f s, until each request was taken back",
	         (double)health->silent_ns * 1e-9);
	acr_health_confine(dev, reason);
}

/* State and used processor time (in ticks) of one of our threads. False: it is gone. */
static bool look_at(int tid, char *state, uint64_t *ticks)
{
	char path[64], text[512], *rest;
	unsigned long user, system;
	size_t len;
	FILE *file;

	snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	len = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[len] = 0;
	rest = strrchr(text, ')'); /* the name may hold anything */
	if (!rest || sscanf(rest + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
	                    state, &user, &system) != 3)
		return false;
	*ticks = user + system;
	return true;
}

/* Under (q): an operation that computes in a thread of ours is late. Does it hang? */
static bool thread_hangs(struct acr_attempt *attempt, uint64_t now, double patience, bool known)
{
	struct acr_watch *watch = &attempt->watch;
	double longest =
	        (double)acr_settings.watchdog * 1e9 * (known ? RUNAWAY : RUNAWAY_FIRST);
	double used;
	uint64_t ticks;
	char state;

	if (!atomic_load(&attempt->tid) || now - watch->looked_ns < LOOK_NS)
		return false;
	if (!look_at(atomic_load(&attempt->tid), &state, &ticks))
		return false;
	if (!watch->looked_ns)
		watch->first_ticks = watch->ticks = ticks;
	else if ((state == 'S' || state == 'D') && ticks - watch->ticks <= IDLE_TICKS)
		watch->asleep++;
	else
		watch->asleep = 0;
	watch->looked_ns = now;
	watch->ticks = ticks;
	used = (double)(ticks - watch->first_ticks) * 1e9 / (double)sysconf(_SC_CLK_TCK);
	return watch->asleep >= LOOKS || used > MAX(longest, patience);
}

/* Under (q). How long the latest of a list has been late; 0: none is. */
static uint64_t find_late(const struct acr_device *dev, const struct acr_attempts *list)
{
	uint64_t now = acr_now_ns(), late = 0;
	struct acr_attempt *attempt;
	bool known;

	TAILQ_FOREACH(attempt, list, link) {
		uint64_t took = now > attempt->started_ns ? now - attempt->started_ns : 0;
		double patience = patience_ns(attempt, &known);

		if ((double)took <= patience)
			continue;
		if (dev->driver->flags & ACR_DRIVER_SYNC &&
		    !thread_hangs(attempt, now, patience, known))
			continue;
		late = MAX(late, took);
	}
	return late;
}

void acr_device_watch(struct acr_device *dev)
{
	char reason[ACR_SENTENCE];
	uint64_t late;

	if (!acr_settings.watchdog)
		return;
	pthread_mutex_lock(&dev->lock);
	late = find_late(dev, &dev->running);
	if (!late && atomic_load(&dev->state) != ACR_BROKEN)
		late = find_late(dev, &dev->taken_back);
	dev->health.hung |= late > 0;
	pthread_mutex_unlock(&dev->lock);
	if (!late)
		return;
	snprintf(reason, sizeof reason, "no answer for %.1f s", (double)late * 1e-9);
	acr_device_broken(dev, reason);
}
