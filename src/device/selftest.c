/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "selftest.h"
#include "base/encode.h"

#include "sched/check.h"
#include "alg/kat.h"
#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define COMPARED_BYTES 64u /* of input, where no answer is known; every block size divides it */
#define BYTES_MAX      512u

/* One of the things that a device is asked. */
struct question {
	const struct acr_known *known; /* NULL: compare with another device */
	const struct acr_capstat *cap;
};

struct selftest {
	struct acr_device *dev; /* a reference */
	void (*done)(void *owner, enum acr_verdict verdict);
	void *owner;
	struct question *questions;
	unsigned count, at;
	unsigned right;           /* answers so far */
	unsigned skipped;         /* in a row: the device does not do them after all */
	struct acr_job *expected; /* another device's answer; NULL: the known one counts */
};

static void ask(struct selftest *test);

static void finish(struct selftest *test, enum acr_verdict verdict)
{
	void (*done)(void *owner, enum acr_verdict verdict) = test->done;
	void *owner = test->owner;

	acr_job_unref(test->expected);
	acr_device_unref(test->dev);
	free(test->questions);
	free(test);
	done(owner, verdict);
}

/* ---- what to ask ---- */

static bool fits(const struct acr_capstat *cap, const struct acr_known *known)
{
	size_t len = known->src ? strlen(known->src) / 2 : 0;

	return !cap->cap.max_src || len <= cap->cap.max_src;
}

static void add_question(struct selftest *test, const struct acr_known *known,
                         const struct acr_capstat *cap)
{
	if (cap)
		test->questions[test->count++] = (struct question){ known, cap };
}

static void add_known(struct selftest *test, const struct acr_known *known)
{
	unsigned row = acr_alg_index(acr_alg_find(known->alg));
	struct acr_capstat **caps[] = { &test->dev->by_alg[known->opcode][row],
		                        &test->dev->by_alg[ACR_DECRYPT][row] };

	for (int i = 0; i <= (known->opcode == ACR_ENCRYPT); i++)
		if (*caps[i] && fits(*caps[i], known))
			add_question(test, known, *caps[i]);
}

/* Can an input be made up for it? */
static bool can_compare(const struct acr_capstat *cap)
{
	const struct acr_alg *alg = cap->alg;

	if (!acr_check_comparable(cap->cap.opcode, alg) || cap->cap.flags & ACR_CAP_ONCE)
		return false;
	if (cap->cap.opcode == ACR_DECRYPT && alg->kind != ACR_KIND_CIPHER)
		return false;
	if (alg->kind == ACR_KIND_PKCRYPT) /* random bytes are no key */
		return false;
	return cap->cap.opcode <= ACR_MAC &&
	       (!cap->cap.max_src || cap->cap.max_src >= COMPARED_BYTES) &&
	       alg->in_min <= COMPARED_BYTES && COMPARED_BYTES <= alg->in_max &&
	       alg->key_min <= BYTES_MAX && alg->iv_default <= BYTES_MAX;
}

static bool is_asked(const struct selftest *test, const struct acr_capstat *cap)
{
	for (unsigned i = 0; i < test->count; i++)
		if (test->questions[i].cap == cap)
			return true;
	return false;
}

/* False: no memory. */
static bool make_questions(struct selftest *test, bool compare,
                           const struct acr_capstat *suspect)
{
	GPtrArray *caps = test->dev->caps;

	test->questions = calloc(2 * acr_known_count + caps->len + 1, sizeof *test->questions);
	if (!test->questions)
		return false;
	for (unsigned i = 0; i < acr_known_count; i++)
		add_known(test, &acr_known[i]);
	if (!compare)
		return true;
	if (suspect && can_compare(suspect) && !is_asked(test, suspect))
		add_question(test, NULL, suspect);
	for (guint i = 0, known = test->count; !known && i < caps->len; i++)
		if (can_compare(caps->pdata[i]))
			add_question(test, NULL, caps->pdata[i]);
	return true;
}

/* ---- asking ---- */

static struct acr_blob *blob_of(const char *hex)
{
	size_t len = hex ? strlen(hex) / 2 : 0;
	struct acr_blob *blob = hex ? acr_blob_sized(len) : NULL;

	if (blob)
		acr_hex_decode(hex, len, blob->data);
	return blob;
}

static struct acr_blob *random_blob(size_t len)
{
	struct acr_blob *blob = len ? acr_blob_sized(len) : NULL;

	if (blob && getrandom(blob->data, len, 0) != (ssize_t)len)
		memset(blob->data, 0x5a, len);
	return blob;
}

/* False: no memory. */
static bool set_source(struct acr_job *job, struct acr_blob *src)
{
	int error = 0;

	if (src && !(job->src = acr_buf_new(NULL)))
		error = -ENOSPC;
	if (src && !error)
		error = acr_buf_write(job->src, 0, src->data, src->len);
	job->src_len = src && !error ? src->len : 0;
	acr_blob_unref(src);
	return !error;
}

static struct acr_job *known_job(const struct question *question)
{
	const struct acr_known *known = question->known;
	const struct acr_alg *alg = question->cap->alg;
	bool decrypts = question->cap->cap.opcode == ACR_DECRYPT;
	struct acr_job *job = acr_job_new(question->cap->cap.opcode, alg, NULL);

	if (!job)
		return NULL;
	job->key = blob_of(known->key);
	job->iv = blob_of(known->iv);
	job->aad = blob_of(known->aad);
	job->tag = blob_of(decrypts ? known->tag : NULL);
	job->tag_size = known->tag ? strlen(known->tag) / 2 : alg->tag_default;
	job->numbers.iterations = known->iterations;
	job->dst_size = strlen(known->dst) / 2;
	if (set_source(job, blob_of(decrypts ? known->dst : known->src)))
		return job;
	acr_job_unref(job);
	return NULL;
}

static struct acr_job *made_up_job(const struct question *question)
{
	const struct acr_alg *alg = question->cap->alg;
	struct acr_job *job = acr_job_new(question->cap->cap.opcode, alg, NULL);

	if (!job)
		return NULL;
	job->key = random_blob(alg->key_max ? MAX(alg->key_min, 16) : 0);
	if (job->key && !acr_alg_key_ok(alg, job->key->len)) {
		acr_blob_unref(job->key);
		job->key = random_blob(alg->key_min);
	}
	job->iv = random_blob(alg->iv_max ? alg->iv_default : 0);
	job->tag_size = alg->tag_default;
	job->dst_size = alg->out ? alg->out : COMPARED_BYTES + alg->block + 8;
	if (set_source(job, random_blob(COMPARED_BYTES)))
		return job;
	acr_job_unref(job);
	return NULL;
}

/* ---- answers ---- */

static bool equals(const char *hex, const uint8_t *data, size_t len)
{
	struct acr_blob *blob = blob_of(hex);
	bool same = blob && blob->len == len && !memcmp(blob->data, data, len);

	acr_blob_unref(blob);
	return same;
}

static bool is_right(const struct selftest *test, const struct acr_job *job, int error)
{
	const struct acr_known *known = test->questions[test->at].known;
	bool decrypts = job->opcode == ACR_DECRYPT;

	if (!known)
		return acr_check_same(test->expected, 0, job, error);
	if (error || !job->dst)
		return false;
	if (!equals(decrypts ? known->src : known->dst, job->dst->data, job->dst_len))
		return false;
	return decrypts || !known->tag || equals(known->tag, job->tag_out, job->tag_size);
}

static void next(struct selftest *test, bool skip)
{
	acr_job_unref(test->expected);
	test->expected = NULL;
	test->skipped = skip ? test->skipped + 1 : 0;
	if (test->skipped == test->count) {
		finish(test, ACR_TEST_NONE);
		return;
	}
	if (!skip)
		test->right++;
	test->at = (test->at + 1) % test->count;
	if (!test->at && test->right >= ACR_TEST_ANSWERS)
		finish(test, ACR_TEST_PASSED);
	else
		ask(test);
}

static void answered(struct acr_job *job, int error)
{
	struct selftest *test = job->owner;
	bool right = is_right(test, job, error), refused;

	refused = error == -EOPNOTSUPP || (error && job->attempt_error == -EAGAIN);
	acr_job_unref(job);
	if (error == -ENODEV || error == -ECANCELED || error == -ENOSPC)
		finish(test, ACR_TEST_NONE);
	else if (refused)
		next(test, true);
	else if (right)
		next(test, false);
	else
		finish(test, ACR_TEST_FAILED);
}

static void submit(struct acr_job *job, void (*done)(struct acr_job *job, int error))
{
	int error;

	job->priority = UINT16_MAX;
	job->done = done;
	acr_job_ref(job);
	error = acr_job_submit(job, false);
	if (error)
		done(job, error);
	acr_job_unref(job);
}

/* Bind it to the device in question and go; takes job, NULL: no memory. */
static void put_to(struct selftest *test, struct acr_job *job)
{
	if (!job) {
		finish(test, ACR_TEST_NONE);
		return;
	}
	job->bound = acr_device_ref(test->dev);
	job->test = true;
	job->owner = test;
	submit(job, answered);
}

/* Another device's answer is there. */
static void expected(struct acr_job *job, int error)
{
	struct selftest *test = job->owner;

	if (error) {
		acr_job_unref(job);
		next(test, true);
		return;
	}
	test->expected = job;
	put_to(test, acr_check_copy(job));
}

static void ask(struct selftest *test)
{
	const struct question *question = &test->questions[test->at];
	struct acr_job *job;

	if (question->known) {
		put_to(test, known_job(question));
		return;
	}
	job = made_up_job(question);
	if (job)
		job->bound = acr_check_partner(job, &test->dev, 1);
	if (!job || !job->bound) {
		acr_job_unref(job);
		next(test, true);
		return;
	}
	job->test = true;
	job->owner = test;
	submit(job, expected);
}

void acr_selftest_start(struct acr_device *dev, bool compare, const struct acr_capstat *suspect,
                        void (*done)(void *owner, enum acr_verdict verdict), void *owner)
{
	struct selftest *test = calloc(1, sizeof *test);

	if (!test) {
		done(owner, ACR_TEST_NONE);
		return;
	}
	test->dev = acr_device_ref(dev);
	test->done = done;
	test->owner = owner;
	if (make_questions(test, compare, suspect) && test->count)
		ask(test);
	else
		finish(test, ACR_TEST_NONE);
}
