/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long an operation should take on a device: each capability has a line, time by work,
 * which is learned from what it did. */
#include "inner.h"

#include <string.h>

#define OUTLIER    10.0     /* times what was expected: more counts as so much */
#define QUICK_NS   200000.0 /* a thread that serves the filesystem may spend */
#define LONG_NS    1000000.0
#define UNKNOWN_NS 10.0                /* for each unit of work where nothing was measured */
#define SMALL      (16 * 1024)         /* units that are never long, and always quick */
#define INLINE_MAX ((size_t)64 * 1024) /* above, a hand-over costs less than the waiting */
#define KEY_UNITS  2e-4 /* of a public-key algorithm's key, for each byte to the third */

double acr_expect_units(const struct acr_job *job)
{
	const struct acr_numbers *numbers = &job->numbers;
	double key = (double)acr_blob_bytes(job->key).len;
	double bytes = (double)job->src_len + (double)job->dst_size;

	if (!(job->alg->flags & ACR_ALG_SLOW))
		return bytes;
	if (!strncmp(job->alg->name, "pbkdf2", 6))
		return (double)numbers->iterations *
		       (double)(job->dst_size / (job->alg->out ? job->alg->out : 1) + 1);
	if (numbers->n)
		return (double)numbers->n * (double)numbers->r * (double)numbers->p;
	return bytes + KEY_UNITS * key * key * key;
}

void acr_expect_learn(struct acr_attempt *attempt, uint64_t process_ns)
{
	struct line *line = &attempt->cap->line;
	double units = acr_expect_units(attempt->job), ns = (double)process_ns, most;

	/* A thread may just not have had the processor. */
	if (ns > QUICK_NS) {
		most = OUTLIER * acr_predict(line, units);
		ns = most > 0 && ns > most ? most : ns;
	}
	acr_predict_learn(line, units, ns);
}

bool acr_expect_quick(const struct acr_attempt *attempt)
{
	const struct acr_job *job = attempt->job;

	if (job->src_len > INLINE_MAX || job->dst_size > 2 * INLINE_MAX ||
	    job->alg->flags & ACR_ALG_SLOW)
		return false;
	return job->src_len + job->dst_size <= SMALL ||
	       acr_predict_likely(&attempt->cap->line, acr_expect_units(job)) <= QUICK_NS;
}

bool acr_expect_long(const struct acr_attempt *attempt)
{
	bool slow = attempt->job->alg->flags & ACR_ALG_SLOW;
	double units, ns;

	if (!slow && attempt->job->src_len + attempt->job->dst_size <= SMALL)
		return false;
	units = acr_expect_units(attempt->job);
	ns = acr_predict_likely(&attempt->cap->line, units);
	if (ns <= 0)
		return slow || UNKNOWN_NS * units > LONG_NS;
	return ns > LONG_NS;
}
