/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs and devices for the tests of the scheduler: each job is watched to end exactly once. */
#ifndef ACR_SCHED_TASKS_H
#define ACR_SCHED_TASKS_H

#include "sched/balancer.h"
#include "tests/lib/check.h"
#include "device/device.h"
#include "base/log.h"
#include "sched_drivers.h"
#include "base/secret.h"

#include <sched.h>
#include <time.h>
#include <unistd.h>

#define USER     1000
#define PATIENCE 20 /* seconds after which something is taken for lost */

struct task {
	struct acr_job *job; /* a reference */
	int refused;         /* what submit said */
	bool cancelled;      /* in time: done() won't be called */
	atomic_int ends;     /* calls of done() */
	int error;           /* (ending) */
	unsigned rank;       /* (ending) how many had ended before it */
	bool any;            /* its output is looked at elsewhere */
};

static pthread_mutex_t ending = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static unsigned ends;
static struct acr_account *account;

/* ---- jobs ---- */

static bool output_right(const struct acr_job *job)
{
	bool right = job->dst && job->dst_len == job->src_len;

	for (size_t i = 0; right && i < job->dst_len; i++)
		right = job->dst->data[i] == (job->src->data[i] ^ 0x5a);
	return right;
}

static void task_done(struct acr_job *job, int error)
{
	struct task *task = job->owner;

	CHECK(error || task->any || output_right(job));
	pthread_mutex_lock(&ending);
	task->error = error;
	task->rank = ends++;
	atomic_fetch_add(&task->ends, 1);
	pthread_cond_broadcast(&ended);
	pthread_mutex_unlock(&ending);
	acr_job_unref(job); /* submission's */
}

/* bound: a device's name, or NULL. */
static void task_make(struct task *task, const char *alg, size_t len, const char *bound)
{
	uint8_t data[4096];

	*task = (struct task){ .job = acr_job_new(ACR_HASH, acr_alg_find(alg), account) };
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(len + i);
	task->job->src = acr_buf_new(account);
	CHECK(!acr_buf_write(task->job->src, 0, data, len));
	task->job->src_len = task->job->dst_size = len;
	task->job->uid = USER;
	task->job->priority = 1000;
	task->job->owner = task;
	task->job->done = task_done;
	task->job->bound = bound ? acr_device_find(bound) : NULL;
}

static int task_submit(struct task *task, bool may_inline)
{
	acr_job_ref(task->job);
	task->refused = acr_job_submit(task->job, may_inline);
	if (task->refused)
		acr_job_unref(task->job);
	return task->refused;
}

static inline void task_start(struct task *task, const char *alg, size_t len, const char *bound)
{
	task_make(task, alg, len, bound);
	task_submit(task, false);
}

static inline bool task_cancel(struct task *task)
{
	if (!acr_job_cancel(task->job))
		return false;
	task->cancelled = true;
	acr_job_unref(task->job);
	return true;
}

/* Until it has ended in any way; false: it never does. */
static bool task_wait(struct task *task)
{
	struct timespec until;
	int late = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE;
	pthread_mutex_lock(&ending);
	while (!task->refused && !task->cancelled && !atomic_load(&task->ends) && !late)
		late = pthread_cond_timedwait(&ended, &ending, &until);
	pthread_mutex_unlock(&ending);
	return !late;
}

/* Wait for it, see that it ended once, and forget it. Returns its error. */
static int task_end(struct task *task)
{
	if (!CHECK(task_wait(task))) {
		checks_end();
		_exit(1); /* what is lost can't be freed */
	}
	CHECK((task->refused != 0) + task->cancelled + atomic_load(&task->ends) == 1);
	acr_job_unref(task->job);
	return task->refused ? task->refused : task->cancelled ? -ECANCELED : task->error;
}

/* ---- devices ---- */

static void add(const char *text)
{
	char why[ACR_SENTENCE], *error = NULL;
	struct acr_device_spec *spec = acr_device_spec_parse(text, &error);

	if (!CHECK(spec && !acr_device_add(spec, false, why)))
		exit(checks_end());
}

static void check_idle(const struct acr_counters *counters)
{
	CHECK(counters->started == counters->finished);
	CHECK(counters->completed + counters->failed <= counters->finished);
}

/* Nothing is queued or running, and what was started has finished. */
static inline void check_device(const char *name)
{
	struct acr_device *dev = acr_device_find(name);

	if (!CHECK(dev != NULL))
		return;
	CHECK(!dev->queued_count && !dev->running_count && !dev->load_bytes);
	CHECK(!dev->queue.count && !dev->long_queue.count);
	CHECK(!dev->overflow.count && TAILQ_EMPTY(&dev->running));
	check_idle(&dev->counters);
	for (guint i = 0; i < dev->caps->len; i++) {
		const struct acr_capstat *cap = dev->caps->pdata[i];
		CHECK(!cap->queued);
		check_idle(&cap->counters);
	}
	acr_device_unref(dev);
}

/* The device stays; nobody removes it meanwhile. */
static struct acr_device *device(const char *name)
{
	struct acr_device *dev = acr_device_find(name);

	acr_device_unref(dev);
	return dev;
}

static inline struct gate *gate_of(const char *name)
{
	return acr_device_private(device(name));
}

static void end_test(void)
{
	acr_device_remove_all();
	CHECK(!acr_sched_waiting() && !acr_device_find("d0"));
	CHECK(!account->bytes);
}

/* The core without modules; each program has its own make_modules(). */
static void begin_tests(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0); /* what failed is seen even if the rest hangs */
	acr_settings_init();
	acr_alg_init();
	acr_secret_init();
	acr_log_set_level(ACR_LOG_ERROR);
	account = acr_account_get(USER);
}

static int end_tests(void)
{
	acr_balancers_free();
	return checks_end();
}

#endif
