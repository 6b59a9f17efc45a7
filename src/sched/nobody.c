/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why no device could take a job: the errno that users get, and the sentence. */
#include "device/group.h"
#include "sched.h"

#include <errno.h>
#include <stdio.h>

/* What keeps a device from a job. Of several devices that counts which comes last here. */
enum obstacle { NOT_OFFERED, NOT_WORKING, NOT_IN_PARTS, TOO_LONG };

struct look {
	enum obstacle obstacle;
	size_t most; /* bytes; TOO_LONG: what the best of them takes */
};

/* Is it one of those that the job could go to? */
static bool is_candidate(const struct acr_job *job, const struct acr_device *dev)
{
	if (dev->group)
		return false;
	if (!job->bound)
		return !(dev->driver->flags & ACR_DRIVER_NULL);
	return dev == job->bound || (job->bound->group && acr_group_contains(job->bound, dev));
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

static struct look look_at_all(const struct acr_job *job)
{
	g_autoptr(GPtrArray) list = acr_device_list();
	struct look look = { NOT_OFFERED, 0 };

	for (guint i = 0; i < list->len; i++) {
		const struct acr_device *dev = list->pdata[i];
		enum obstacle obstacle =
		        is_candidate(job, dev) ? obstacle_of(job, dev) : NOT_OFFERED;

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

int acr_sched_nobody(struct acr_job *job)
{
	struct look look;
	char who[96];

	/* The sentence of a failed attempt stays. */
	if (job->begun)
		return -EIO;
	if (job->refused)
		return -EOPNOTSUPP;
	look = look_at_all(job);
	name_them(job, who, sizeof(who));
	switch (look.obstacle) {
	case TOO_LONG:
		acr_say(&job->sentence, "%s takes at most %zu bytes for %s, not %zu", who,
		        look.most, job->alg->name, job->src_len);
		return -EOPNOTSUPP;
	case NOT_IN_PARTS:
		acr_say(&job->sentence, "%s takes %s as a whole: set stream to 0", who,
		        job->alg->name);
		return -EOPNOTSUPP;
	case NOT_WORKING:
		if (job->bound)
			acr_say(&job->sentence, "%s is not working", who);
		return -ENODEV;
	case NOT_OFFERED:
		if (job->bound)
			acr_say(&job->sentence, "%s can't do this", who);
		break;
	}
	return -ENODEV;
}
