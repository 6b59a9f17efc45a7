/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "follow.h"

#include "check.h"

#include <stdlib.h>

static const struct acr_capstat *mac_of(const struct acr_device *dev, const struct acr_job *job)
{
	return dev->by_alg[ACR_MAC][acr_alg_index(job->next_alg)];
}

void acr_follow_prepare(const struct acr_device *dev, struct acr_attempt *attempt)
{
	const struct acr_job *job = attempt->job;
	const struct acr_capstat *mac = job->next_alg ? mac_of(dev, job) : NULL;
	struct acr_op *op = &attempt->op;

	if (!mac || mac->cap.flags & ACR_CAP_ONCE ||
	    atomic_load(&dev->check) != ACR_CHECK_NEVER ||
	    (mac->cap.max_src && job->dst_size > mac->cap.max_src))
		return;
	/* A driver that gave it back may have written to it. Without memory there is no hint. */
	if (!op->follow && !(op->follow = malloc(sizeof *op->follow)))
		return;
	*op->follow = (struct acr_follow){
		.alg = job->next_alg->name,
		.cap_data = mac->cap.data,
		.key = acr_blob_bytes(job->next_key),
		.tag_size = job->next_tag_size,
	};
}

const struct acr_follow *acr_follow_done(const struct acr_attempt *attempt)
{
	const struct acr_follow *follow = attempt->op.follow;

	return follow && follow->done ? follow : NULL;
}

static void count(struct acr_counters *counters, size_t bytes)
{
	acr_count_serial(&counters->started, 1);
	acr_count_serial(&counters->finished, 1);
	acr_count_serial(&counters->completed, 1);
	acr_count_serial(&counters->bytes, bytes);
}

void acr_follow_count(struct acr_device *dev, const struct acr_attempt *attempt)
{
	if (!acr_follow_done(attempt))
		return;
	count(&dev->counters, attempt->op.dst_len);
	count(&dev->by_alg[ACR_MAC][acr_alg_index(attempt->job->next_alg)]->counters,
	      attempt->op.dst_len);
}
