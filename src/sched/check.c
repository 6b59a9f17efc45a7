/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"

#include "device/health.h"
#include "base/errors.h"
#include "base/log.h"
#include "sched.h"
#include "device/selftest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWERS 8 /* most that one check looks at */

struct answer {
	struct acr_device *dev; /* a reference */
	struct acr_job *job;    /* a reference; has the result */
	int error;
	enum acr_verdict verdict; /* of the known answers, when they were asked for */
	bool repeated;            /* its device has been asked again */
};

struct acr_check {
	struct acr_job *job; /* a reference */
	enum acr_check_need need;
	struct answer answers[ANSWERS]; /* the first is the job's own */
	unsigned count;
	struct acr_device
	        *asked[ANSWERS]; /* references: those that have answered, or failed to */
	unsigned asked_count;
	struct acr_job *copy; /* (lock) out for an answer, a reference; NULL: none is */
	bool again;           /* devices are being asked for the second time */
	unsigned tested;      /* answers whose device has been asked for known ones */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf; and for acr_job.checking */

static bool agree(const struct acr_check *check, unsigned i, unsigned k)
{
	const struct answer *a = &check->answers[i], *b = &check->answers[k];

	return acr_check_same(a->job, a->error, b->job, b->error);
}

/* ---- the end ---- */

static void tell(const struct acr_check *check, const struct acr_attempt *attempt,
                 const char *outcome, const char *reason)
{
	struct acr_note note = acr_attempt_note(attempt, outcome, reason);

	note.ended_ns = acr_now_ns();
	note.check = true;
	if (check->job->note)
		check->job->note(check->job, &note);
}

/* The job is free of its check from here on. */
static void check_free(struct acr_check *check)
{
	pthread_mutex_lock(&lock);
	check->job->checking = NULL;
	pthread_mutex_unlock(&lock);
	acr_job_unref(check->copy);
	for (unsigned i = 0; i < check->count; i++) {
		acr_job_unref(check->answers[i].job);
		acr_device_unref(check->answers[i].dev);
	}
	for (unsigned i = 0; i < check->asked_count; i++)
		acr_device_unref(check->asked[i]);
	free(check);
}

static void finish(struct acr_check *check, int error)
{
	struct acr_job *job = check->job;

	check_free(check);
	acr_job_end(job, error);
	acr_job_unref(job);
}

static void fail(struct acr_check *check, int error, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void fail(struct acr_check *check, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	acr_sayv(&check->job->sentence, format, args);
	va_end(args);
	finish(check, error);
}

/* Nobody could be asked. */
static void unvouched(struct acr_check *check)
{
	if (check->need == ACR_CHECK_MUST)
		fail(check, -ENODEV,
		     "check is always, and no other device can confirm what %s "
		     "computed",
		     check->answers[0].dev->name);
	else
		finish(check, check->answers[0].error);
}

/* The output of an answer becomes the job's. */
static void adopt(struct acr_job *job, struct acr_job *from)
{
	struct acr_buf *dst = job->dst;
	struct acr_state *state = job->state_out;

	job->dst = from->dst;
	job->state_out = from->state_out;
	from->dst = dst;
	from->state_out = state;
	job->dst_len = from->dst_len;
	if (from->tag_out) { /* to where the job's own would be, which lives as long as it */
		job->tag_out = atomic_load(&job->current)->op.tag_out;
		memcpy(job->tag_out, from->tag_out, ACR_TAG_MAX);
	}
	free(job->sentence);
	job->sentence = from->sentence;
	from->sentence = NULL;
}

static void condemn(struct acr_check *check, const struct answer *liar, const char *witness)
{
	enum acr_opcode opcode = check->job->opcode;
	char reason[ACR_SENTENCE];

	snprintf(reason, sizeof reason, "wrong result, found by %s", witness);
	acr_device_quarantine(
	        liar->dev, liar->dev->by_alg[opcode][acr_alg_index(check->job->alg)], reason);
}

/* Another device's running state, to go on with beside the job's. */
static void keep_shadow(struct acr_check *check, unsigned truth)
{
	struct acr_job *job = check->job;

	for (unsigned i = 0; i < check->count && !job->shadow_out; i++)
		if (i != truth && check->answers[i].dev != check->answers[truth].dev &&
		    agree(check, i, truth))
			job->shadow_out = acr_state_ref(check->answers[i].job->state_out);
}

/* Answer `truth` is right: condemn those who said otherwise, and deliver it. */
static void settle(struct acr_check *check, unsigned truth, const char *witness)
{
	int error = check->answers[truth].error;

	if (!agree(check, 0, truth))
		tell(check, atomic_load(&check->job->current), "wrong", "found by check");
	for (unsigned i = 0; i < check->count; i++)
		if (!agree(check, i, truth))
			condemn(check, &check->answers[i], witness);
	if (check->need == ACR_CHECK_MUST && !(check->job->flags & ACR_OP_LAST))
		keep_shadow(check, truth);
	if (truth)
		adopt(check->job, check->answers[truth].job);
	finish(check, error);
}

static void unsettled(struct acr_check *check)
{
	const char *first = check->answers[0].dev->name, *second = first;

	for (unsigned i = 1; i < check->count && second == first; i++)
		second = check->answers[i].dev->name;
	acr_log(ACR_LOG_ERROR, first,
	        "gave another result than %s, and it can't be found out which "
	        "is right",
	        second);
	fail(check, -EIO,
	     "%s and %s gave different results, and it can't be found out which is "
	     "right",
	     first, second);
}

/* ---- known answers, when opinions alone don't settle it ---- */

static void test_next(struct acr_check *check);

/* Who of them stands the test while another doesn't? */
static void judge(struct acr_check *check)
{
	unsigned truth = check->count;
	bool lies = false, alone = true;

	for (unsigned i = 0; i < check->count; i++) {
		if (check->answers[i].verdict == ACR_TEST_FAILED) {
			lies = true;
			continue;
		}
		alone &= check->answers[i].verdict == ACR_TEST_PASSED &&
		         (truth == check->count || agree(check, truth, i));
		if (truth == check->count)
			truth = i;
	}
	if (lies && alone && truth < check->count && !check->job->shadow) {
		settle(check, truth, "known answers");
		return;
	}
	for (unsigned i = 0; i < check->count; i++)
		if (check->answers[i].verdict == ACR_TEST_FAILED)
			condemn(check, &check->answers[i], "known answers");
	unsettled(check);
}

static void tested(void *owner, enum acr_verdict verdict)
{
	struct acr_check *check = owner;
	const struct acr_device *dev = check->answers[check->tested].dev;

	for (unsigned i = check->tested; i < check->count; i++)
		if (check->answers[i].dev == dev)
			check->answers[i].verdict = verdict;
	while (++check->tested < check->count) {
		bool seen = false;
		for (unsigned i = 0; i < check->tested; i++)
			seen |= check->answers[i].dev == check->answers[check->tested].dev;
		if (!seen)
			break;
	}
	test_next(check);
}

static void test_next(struct acr_check *check)
{
	if (atomic_load(&check->job->cancelled))
		finish(check, -ECANCELED);
	else if (check->tested == check->count)
		judge(check);
	else
		acr_selftest_start(check->answers[check->tested].dev, false, NULL, tested,
		                   check);
}

/* ---- opinions ---- */

static void advance(struct acr_check *check);
static void no_memory(struct acr_check *check, int error);

/* A copy has come back. */
static void answered(struct acr_job *copy, int error)
{
	struct acr_check *check = copy->owner;
	struct acr_attempt *attempt = atomic_load(&copy->current);
	bool result = acr_error_is_result(error);
	struct answer *answer = &check->answers[check->count];
	char reason[ACR_REASON];

	pthread_mutex_lock(&lock);
	check->copy = NULL; /* its reference is ours now */
	pthread_mutex_unlock(&lock);
	check->job->in_caller = copy->in_caller;
	snprintf(reason, sizeof reason, "check of %.64s", check->answers[0].dev->name);
	if (result) {
		*answer = (struct answer){ acr_device_ref(copy->bound), acr_job_ref(copy),
			                   error, ACR_TEST_NONE, check->again };
		check->count++;
	}
	if (attempt && attempt->device)
		tell(check, attempt,
		     !result                             ? strerrorname_np(-error)
		     : agree(check, 0, check->count - 1) ? "checked"
		                                         : "differs",
		     reason);
	acr_job_unref(copy); /* check->copy's */
	acr_job_unref(copy); /* the submission's */
	if (acr_error_is_memory(error))
		no_memory(check, error);
	else
		advance(check);
}

/* A copy of an answer's job, for whom it is to be bound to. NULL: no memory. */
static struct acr_job *copy_of(struct acr_check *check, const struct acr_job *like)
{
	struct acr_job *copy = acr_check_copy(like);

	/* The second opinion on a running state goes its own way from the beginning. */
	if (copy && check->count == 1 && check->job->shadow) {
		acr_state_unref(copy->state);
		copy->state = acr_state_ref(check->job->shadow);
	}
	return copy;
}

/* Send a copy to the device that it is bound to; takes it. */
static void ask(struct acr_check *check, struct acr_job *copy)
{
	int error;

	copy->owner = check;
	copy->done = answered;
	acr_job_ref(copy); /* check->copy's */
	acr_job_ref(copy); /* and ours */
	pthread_mutex_lock(&lock);
	check->copy = copy;
	pthread_mutex_unlock(&lock);
	/* A cancellation from here on finds the copy; one that came too early for that left its
	 * mark at the job. Either way the submission sees it. */
	if (atomic_load(&check->job->cancelled))
		atomic_store(&copy->cancelled, true);
	error = acr_sched_place(copy);
	if (error)
		answered(copy, error);
	acr_job_unref(copy);
}

static void no_memory(struct acr_check *check, int error)
{
	finish(check, check->need == ACR_CHECK_MUST ? error : check->answers[0].error);
}

/* Ask one more device. False: there is none. */
static bool ask_another(struct acr_check *check)
{
	struct acr_job *copy;

	if (check->asked_count == ANSWERS || check->count == ANSWERS)
		return false;
	copy = copy_of(check, check->job);
	if (!copy) {
		no_memory(check, -ENOSPC);
		return true;
	}
	copy->bound = acr_check_partner(copy, check->asked, check->asked_count);
	if (!copy->bound) {
		acr_job_unref(copy);
		return false;
	}
	check->asked[check->asked_count++] = acr_device_ref(copy->bound);
	ask(check, copy);
	return true;
}

/* Ask a device once more that has answered once only. False: there is none. */
static bool ask_again(struct acr_check *check)
{
	for (unsigned i = 0; i < check->count && check->count < ANSWERS; i++) {
		struct answer *answer = &check->answers[i];
		struct acr_job *copy;

		if (answer->repeated)
			continue;
		answer->repeated = true;
		copy = acr_check_copy(answer->job);
		if (!copy) {
			no_memory(check, -ENOSPC);
			return true;
		}
		copy->bound = acr_device_ref(answer->dev);
		check->again = true;
		ask(check, copy);
		return true;
	}
	return false;
}

/* Two devices that agree: the first such answer, or -1. */
static int agreed(const struct acr_check *check)
{
	for (unsigned i = 0; i < check->count; i++)
		for (unsigned k = i + 1; k < check->count; k++)
			if (check->answers[i].dev != check->answers[k].dev &&
			    agree(check, i, k))
				return (int)i;
	return -1;
}

/* A device that gives two answers to one question is wrong. Is there just one that doesn't? */
static int consistent(const struct acr_check *check)
{
	int found = -1;
	bool liar = false;

	for (unsigned i = 0; i < check->count; i++) {
		bool steady = true, first = true;
		for (unsigned k = 0; k < check->count; k++) {
			if (check->answers[k].dev != check->answers[i].dev)
				continue;
			steady &= agree(check, i, k);
			first &= k >= i;
		}
		liar |= !steady;
		if (steady && first && found >= 0)
			return -1;
		if (steady && first)
			found = (int)i;
	}
	return liar ? found : -1;
}

/* What is to be done next? */
static void advance(struct acr_check *check)
{
	int truth = agreed(check);

	if (atomic_load(&check->job->cancelled)) {
		finish(check, -ECANCELED);
		return;
	}
	if (truth >= 0) {
		settle(check, (unsigned)truth, "other devices");
		return;
	}
	/* Two running states have parted, perhaps long ago: nobody can say any more who was
	 * right then, only which device is wrong now. */
	if (check->count > 1 && check->job->shadow) {
		test_next(check);
		return;
	}
	if (ask_another(check))
		return;
	if (check->count == 1) {
		unvouched(check);
		return;
	}
	if (ask_again(check))
		return;
	truth = consistent(check);
	if (truth >= 0)
		settle(check, (unsigned)truth, "its own contradiction");
	else
		test_next(check);
}

void acr_check_begin(struct acr_job *job, const struct acr_attempt *attempt, int error,
                     enum acr_check_need need)
{
	struct acr_check *check = calloc(1, sizeof *check);

	if (!check) {
		acr_job_end(job, need == ACR_CHECK_MUST ? -ENOSPC : error);
		return;
	}
	check->job = acr_job_ref(job);
	check->need = need;
	check->answers[0] = (struct answer){ acr_device_ref(attempt->device), acr_job_ref(job),
		                             error, ACR_TEST_NONE, false };
	check->count = 1;
	check->asked[check->asked_count++] = acr_device_ref(attempt->device);
	pthread_mutex_lock(&lock);
	job->checking = check;
	pthread_mutex_unlock(&lock);
	advance(check);
}

bool acr_check_cancel(struct acr_job *job)
{
	struct acr_job *copy = NULL;
	struct acr_check *check;
	bool taken = false;

	pthread_mutex_lock(&lock);
	check = job->checking;
	if (check && check->copy)
		copy = acr_job_ref(check->copy);
	pthread_mutex_unlock(&lock);
	if (copy)
		taken = acr_job_cancel(copy);
	if (taken) {
		/* answered() won't come: all of it is ours. */
		acr_job_unref(copy); /* the submission's */
		check_free(check);
		acr_job_unref(job);
	}
	acr_job_unref(copy);
	return taken;
}
