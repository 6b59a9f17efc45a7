/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job.h"

#include "device/device.h"

#include "base/account.h"
#include "base/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct acr_job *acr_job_new(enum acr_opcode opcode, const struct acr_alg *alg,
                            struct acr_account *account)
{
	/* Larger ones are none of the recently freed ones that malloc has at hand. */
	_Static_assert(sizeof(struct acr_job) <= 1032, "a job costs a search for memory");
	/* Not calloc(), which leaves malloc's fast lists of recently freed memory unused, and not
	 * memset(), which the compiler makes calloc() or a slow string instruction of. */
	struct acr_job *job = malloc(sizeof *job);

	if (!job)
		return NULL;
	explicit_bzero(job, offsetof(struct acr_job, first.reason));
	job->first.reason[0] = 0;
	atomic_init(&job->refs, 1);
	job->opcode = opcode;
	job->alg = alg;
	job->flags = ACR_OP_WHOLE;
	job->account = account;
	return job;
}

int acr_job_charge(struct acr_job *job)
{
	size_t bytes = acr_alg_memory(job->alg, &job->numbers);
	int error = bytes ? acr_account_charge(job->account, bytes) : 0;

	job->charged = bytes && !error;
	return error;
}

struct acr_job *acr_job_ref(struct acr_job *job)
{
	atomic_fetch_add_explicit(&job->refs, 1, memory_order_relaxed);
	return job;
}

static void clear_attempt(struct acr_attempt *attempt)
{
	acr_secret_free(attempt->op.driver_area);
	free(attempt->op.follow);
	free(attempt->sentence);
	acr_buf_unref(attempt->dst);
	acr_state_unref(attempt->state_out);
	acr_device_unref(attempt->device);
}

#ifdef ACR_DEBUG
struct acr_job_counts acr_job_counts;

static void note_over(struct acr_job *job, atomic_llong *how)
{
	if (atomic_exchange(&job->over, true)) {
		acr_log(ACR_LOG_ERROR, "job", "a job has ended twice: %s %s",
		        acr_opcode_name(job->opcode), job->alg->name);
		abort();
	}
	atomic_fetch_add(how, 1);
}

void acr_job_note_submitted(int n)
{
	atomic_fetch_add(&acr_job_counts.submitted, n);
}

void acr_job_note_cancelled(struct acr_job *job)
{
	note_over(job, &acr_job_counts.cancelled);
}
#endif

void acr_job_end(struct acr_job *job, int error)
{
#ifdef ACR_DEBUG
	note_over(job, &acr_job_counts.ended);
#endif
	job->done(job, error);
}

void acr_job_unref(struct acr_job *job)
{
	if (!job || atomic_fetch_sub_explicit(&job->refs, 1, memory_order_acq_rel) != 1)
		return;
	acr_blob_unref(job->key);
	acr_blob_unref(job->iv);
	acr_blob_unref(job->aad);
	acr_blob_unref(job->tag);
	acr_blob_unref(job->sig);
	acr_blob_unref(job->private_area);
	acr_blob_unref(job->next_key);
	acr_buf_unref(job->src);
	acr_buf_unref(job->dst);
	acr_state_unref(job->state);
	acr_state_unref(job->state_out);
	acr_state_unref(job->shadow);
	acr_state_unref(job->shadow_out);
	acr_device_unref(job->bound);
	if (job->charged)
		acr_account_release(job->account, acr_alg_memory(job->alg, &job->numbers));
	free(job->sentence);
	clear_attempt(&job->first);
	for (struct acr_attempt *attempt = atomic_load(&job->extra), *older; attempt;
	     attempt = older) {
		older = attempt->older;
		clear_attempt(attempt);
		free(attempt);
	}
	free(job);
}

struct acr_note acr_attempt_note(const struct acr_attempt *attempt, const char *outcome,
                                 const char *reason)
{
	return (struct acr_note){
		.device = attempt->device->name,
		.outcome = outcome,
		.reason = reason,
		.queued_ns = attempt->queued_ns,
		.started_ns = attempt->started_ns,
		.ended_ns = attempt->ended_ns ? attempt->ended_ns : acr_now_ns(),
	};
}
