/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "follow.h"

#include "request.h"
#include "route.h"

#include "sched/check.h"
#include "sched/follow.h"

#include <stdio.h>
#include <string.h>

/* Is it the MAC of nothing but the bytes of its input? */
static bool is_plain_mac(const struct acr_stage *stage)
{
	return acr_stage_op(stage) == ACR_MAC && stage->alg->kind == ACR_KIND_MAC &&
	       !stage->alg->iv_max && !(stage->alg->flags & ACR_ALG_XOF) && !stage->aad &&
	       stage->input2 == ACR_INPUT_UNSET && acr_stage_mac_size(stage) <= ACR_TAG_MAX;
}

/* What is bound must be bound to where the encryption goes, too. */
static bool may_go_together(const struct acr_stage *stage, const struct acr_stage *next)
{
	return stage->check == ACR_CHECK_NEVER && next->check == ACR_CHECK_NEVER &&
	       (!next->device || (stage->device && !strcmp(next->device, stage->device)));
}

void acr_follow_note(struct acr_session *session, const struct acr_stage *stage,
                     struct acr_job *job)
{
	const struct acr_stage *next;

	/* With an IV before it or a tag behind it, the output is more than the driver makes. */
	if (job->opcode != ACR_ENCRYPT || job->dst_head || job->dst_tail ||
	    stage->number >= session->last)
		return;
	next = acr_stage_find(session, stage->number + 1);
	if (!next->alg || acr_route_source(next) != stage->number || !is_plain_mac(next) ||
	    !may_go_together(stage, next))
		return;
	job->next_alg = next->alg;
	job->next_key = acr_blob_ref(next->key);
	job->next_tag_size = acr_stage_mac_size(next);
}

/* The line in `history` for a stage that needed no attempt of its own. */
static void note_fused(struct acr_session *session, const struct acr_job *job,
                       const struct acr_job *next)
{
	char reason[ACR_REASON] = "";
	struct acr_note note = acr_attempt_note(atomic_load(&job->current), "ok", reason);

	snprintf(reason, sizeof reason, "fused with stage %u", job->stage);
	acr_request_note(session, next, &note);
}

bool acr_follow_take(struct acr_session *session, const struct acr_job *job,
                     struct acr_job *next)
{
	const struct acr_follow *follow = job->followed;
	struct acr_buf *dst = follow ? acr_buf_new(next->account) : NULL;

	if (!dst || acr_buf_write(dst, 0, follow->mac, next->tag_size)) {
		acr_buf_unref(dst);
		return false;
	}
	next->dst = dst;
	next->dst_len = next->tag_size;
	note_fused(session, job, next);
	return true;
}
