/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why no device could take a job: the errno that users get, and the sentence. */
#include "sched.h"

#include <errno.h>
#include <stdio.h>

/* What keeps a device from a job. Of several devices that counts which comes last here. */
enum obstacle { NOT_OFFERED, NOT_WORKING, NOT_IN_PARTS, TOO_LONG };

struct look {
	enum obstacle obstacle;
	size_t most; /* bytes; TOO_LONG: what the best of them takes */
};

/* Is the device of this place in the group, or in one that is in it? */
static bool is_inside(const struct acr_device_set *set, unsigned at,
                      const struct acr_device *group)
{
	for (int owner = set->parents[at]; owner >= 0; owner = set->parents[owner])
		if (set->devices[owner] == group)
			return true;
	return false;
}

/* Is it one of those that the job could go to? */
static bool is_candidate(const struct acr_device_set *set, unsigned at,
                         const struct acr_job *job)
{
	const struct acr_device *dev = set->devices[at];

	if (dev->group)
		return false;
	if (!job->bound)
		return !(dev->driver->flags & ACR_DRIVER_NULL);
	return dev == job->bound || is_inside(set, at, job->bound);
}

static enum obstacle obstacle_of(const struct acr_job *job, const struct acr_device *dev)
{
	const struct acr_capstat *cap = dev->by_alg[job->opcode][acr_alg_index(job->alg)];

	if (!cap)
		return NOT_OFFERED;
	if (!acr_device_takes(dev, job))
		return NOT_WORKING;
	if (job->flags != ACR_OP_WHOLE && !cap->format)
		return NOT_IN_PARTS;
	return acr_sched_short_enough(job, cap) ? NOT_WORKING : TOO_LONG;
}

static struct look look_at_all(const struct acr_device_set *set, const struct acr_job *job)
{
	struct look look = { NOT_OFFERED, 0 };

	for (unsigned i = 0; i < set->count; i++) {
		const struct acr_device *dev = set->devices[i];
		enum obstacle obstacle =
		        is_candidate(set, i, job) ? obstacle_of(job, dev) : NOT_OFFERED;

		look.obstacle = MAX(look.obstacle, obstacle);
		if (obstacle == TOO_LONG)
			look.most = MAX(
			        look.most,
			        dev->by_alg[job->opcode][acr_alg_index(job->alg)]->cap.max_src);
	}
	return look;
}

/* "the bound device hifn0" and the like, into text. */
static void name_them(const struct acr_job *job, char *text, size_t size)
{
	if (job->bound)
		snprintf(text, size, "the bound %s %.64s",
		         job->bound->group ? "group" : "device", job->bound->spec->name);
	else
		snprintf(text, size, "each device here");
}

int acr_sched_nobody(const struct acr_device_set *set, const struct acr_job *job, char *why)
{
	struct look look;
	char who[96];

	why[0] = 0;
	if (job->begun)
		return -EIO;
	if (job->refused)
		return -EOPNOTSUPP;
	look = look_at_all(set, job);
	name_them(job, who, sizeof(who));
	switch (look.obstacle) {
	case TOO_LONG:
		snprintf(why, ACR_SENTENCE, "%s takes at most %zu bytes for %s, not %zu", who,
		         look.most, job->alg->name, job->src_len);
		return -EOPNOTSUPP;
	case NOT_IN_PARTS:
		snprintf(why, ACR_SENTENCE, "%s takes %s as a whole: set stream to 0", who,
		         job->alg->name);
		return -EOPNOTSUPP;
	case NOT_WORKING:
		if (job->bound)
			snprintf(why, ACR_SENTENCE, "%s is not working", who);
		return -ENODEV;
	case NOT_OFFERED:
		if (job->bound)
			snprintf(why, ACR_SENTENCE, "%s can't do this", who);
		break;
	}
	return -ENODEV;
}
