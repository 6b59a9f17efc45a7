/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One device: its queue, and how attempts get through the driver and back. */
#include "device.h"

#include "inner.h"
#include "sched/follow.h"
#include "group.h"
#include "health.h"
#include "module.h"
#include "base/errors.h"
#include "base/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- accounting; all under (q) ---- */

/* How much there is to do, by one attempt more (1) or less (-1). */
static void weigh(struct acr_device *dev, const struct acr_attempt *attempt, uint64_t by)
{
	acr_count_serial(&dev->load_bytes, by * attempt->job->src_len);
	if (attempt->cost_ns) {
		acr_count_serial(&dev->predicted_ns, by * attempt->cost_ns);
	} else {
		acr_count_serial(&dev->unpredicted, by);
		acr_count_serial(&dev->unpredicted_bytes, by * attempt->job->src_len);
	}
}

void acr_device_enter_queue(struct acr_device *dev, struct acr_attempt *attempt)
{
	atomic_fetch_add(&attempt->cap->queued, 1);
	acr_count_serial(&dev->queued_count, 1);
	weigh(dev, attempt, 1);
}

void acr_device_leave_queue(struct acr_device *dev, struct acr_attempt *attempt)
{
	atomic_fetch_sub(&attempt->cap->queued, 1);
	acr_count_serial(&dev->queued_count, (uint64_t)-1);
	weigh(dev, attempt, (uint64_t)-1);
}

/* There is something in the queue. A thread that is at work looks again by itself. */
static void wake_one(struct acr_device *dev)
{
	bool full = !(dev->driver->flags & ACR_DRIVER_SYNC) &&
	            atomic_load(&dev->running_count) >= dev->width;

	if (dev->sleeping && !dev->blocked && !full)
		pthread_cond_signal(&dev->work);
}

bool acr_device_enqueue(struct acr_device *dev, struct acr_attempt *attempt)
{
	acr_long_judge(dev, attempt);
	if (!acr_queue_insert(acr_device_queue_of(dev, attempt), &attempt->entry))
		return false;
	acr_device_enter_queue(dev, attempt);
	if (attempt->is_long) {
		acr_long_wake(dev);
	} else {
		wake_one(dev);
		acr_long_watch(dev);
	}
	return true;
}

void acr_device_start_running(struct acr_device *dev, struct acr_attempt *attempt, uint64_t now,
                              unsigned beside)
{
	atomic_store_explicit(&attempt->state, ACR_RUNNING, memory_order_relaxed);
	attempt->started_ns = now;
	attempt->beside = beside;
	TAILQ_INSERT_HEAD(&dev->running, attempt, link);
	acr_count_serial(&dev->running_count, 1);
	weigh(dev, attempt, 1);
	acr_count_serial(&dev->counters.started, 1);
	acr_count_serial(&attempt->cap->counters.started, 1);
}

static void stop_running(struct acr_device *dev, struct acr_attempt *attempt)
{
	TAILQ_REMOVE(&dev->running, attempt, link);
	acr_count_serial(&dev->running_count, (uint64_t)-1);
	weigh(dev, attempt, (uint64_t)-1);
}

bool acr_device_has_room(const struct acr_capstat *cap)
{
	return atomic_load(&cap->queued) < atomic_load(&cap->queue_length);
}

/* Only what is quick, and is not passing others. */
static bool may_run_inline(const struct acr_device *dev, const struct acr_attempt *attempt)
{
	return dev->driver->flags & ACR_DRIVER_INLINE && acr_expect_quick(attempt) &&
	       !acr_queue_precedes(&dev->queue, &attempt->entry);
}

/* ---- handing to the driver ---- */

/* Everything that the driver needs to see. Returns 0 or -ENOSPC, -EDQUOT. */
static int prepare(struct acr_device *dev, struct acr_attempt *attempt)
{
	struct acr_job *job = attempt->job;
	struct acr_op *op = &attempt->op;
	size_t total = job->dst_head + job->dst_size + job->dst_tail;
	int error;

	if (!attempt->dst && !(attempt->dst = acr_buf_new(job->account)))
		return -ENOSPC;
	error = acr_buf_reserve(attempt->dst, total);
	if (error)
		return error;
	if (dev->area_size && !(op->driver_area = acr_secret_alloc(dev->area_size)))
		return -ENOSPC;
	op->opcode = job->opcode;
	op->alg = job->alg->name;
	op->cap_data = attempt->cap->cap.data;
	op->flags = job->flags;
	op->padding = job->padding;
	op->key = acr_blob_bytes(job->key);
	op->iv = acr_blob_bytes(job->iv);
	op->aad = acr_blob_bytes(job->aad);
	op->tag = acr_blob_bytes(job->tag);
	op->src.data = job->src_len ? job->src->data + job->src_offset : NULL;
	op->src.len = job->src_len;
	op->numbers = job->numbers;
	op->sig = acr_blob_bytes(job->sig);
	op->private_area = acr_blob_bytes(job->private_area);
	op->pkey = job->pkey;
	op->dst = attempt->dst->data ? attempt->dst->data + job->dst_head : NULL;
	op->dst_size = job->dst_size;
	op->dst_len = 0;
	op->tag_size = job->tag_size;
	op->state = job->state ? job->state->data : NULL;
	acr_follow_prepare(dev, attempt);
	return 0;
}

/* Prepare attempts that were marked running; those that can't be are ended. Returns how many
 * are left in ops. */
static unsigned prepare_all(struct acr_device *dev, struct acr_attempt **attempts, unsigned n,
                            struct acr_op **ops)
{
	unsigned ready = 0;

	for (unsigned i = 0; i < n; i++) {
		int error = prepare(dev, attempts[i]);
		if (error)
			acr_op_done(&attempts[i]->op, error);
		else
			ops[ready++] = &attempts[i]->op;
	}
	return ready;
}

/* What the driver did not accept goes back to the queue, or elsewhere if it is gone. */
static void put_back(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	for (unsigned i = n; i-- > 0;) {
		struct acr_attempt *attempt = (struct acr_attempt *)ops[i];
		int expected = ACR_RUNNING;
		bool queued = false;
		void *area;

		pthread_mutex_lock(&dev->lock);
		if (!atomic_compare_exchange_strong(&attempt->state, &expected, ACR_QUEUED)) {
			/* Given up meanwhile: the driver never had it, so it ends here. */
			pthread_mutex_unlock(&dev->lock);
			acr_op_done(&attempt->op, -ECANCELED);
			continue;
		}
		stop_running(dev, attempt);
		atomic_store(&attempt->shown, false);
		acr_count_serial(&dev->counters.started, (uint64_t)-1);
		acr_count_serial(&attempt->cap->counters.started, (uint64_t)-1);
		attempt->started_ns = 0;
		/* Once it is queued, others may run it or free it. */
		area = attempt->op.driver_area;
		attempt->op.driver_area = NULL;
		if (atomic_load(&dev->state) != ACR_BROKEN &&
		    atomic_load(&dev->state) != ACR_REMOVED && !dev->stopping)
			queued = acr_queue_return(acr_device_queue_of(dev, attempt),
			                          &attempt->entry);
		if (queued) {
			acr_device_enter_queue(dev, attempt);
			wake_one(dev);
		}
		pthread_mutex_unlock(&dev->lock);
		acr_secret_free(area);
		if (!queued)
			acr_sched_displaced(attempt, false);
	}
}

/* An op that was given up on its way into the driver was unknown there when it was told. */
static void repeat_cancels(struct acr_device *dev, struct acr_op **ops, struct acr_job **jobs,
                           unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (atomic_load(&((struct acr_attempt *)ops[i])->state) == ACR_ORPHAN)
			acr_device_tell_driver(dev, (struct acr_attempt *)ops[i]);
		acr_job_unref(jobs[i]);
	}
}

static int thread_id(void)
{
	static _Thread_local int id;

	return id ? id : (id = gettid());
}

void acr_device_submit(struct acr_device *dev, struct acr_attempt **attempts, unsigned n)
{
	struct acr_op *ops[ACR_BATCH_MAX];
	struct acr_job *jobs[ACR_BATCH_MAX];
	uint64_t returns;
	int accepted;

	n = prepare_all(dev, attempts, n, ops);
	if (!n)
		return;
	if (dev->driver->cancel)
		for (unsigned i = 0; i < n; i++)
			jobs[i] = acr_job_ref(((struct acr_attempt *)ops[i])->job);
	for (unsigned i = 0; i < n; i++) {
		struct acr_attempt *attempt = (struct acr_attempt *)ops[i];

		atomic_store_explicit(&attempt->tid, thread_id(), memory_order_relaxed);
		if (dev->driver->cancel)
			atomic_store(&attempt->shown, true);
	}
	returns = atomic_load(&dev->returns);
	accepted = dev->driver->submit(dev, ops, n);
	if (accepted < (int)n) {
		put_back(dev, ops + MAX(accepted, 0), n - (unsigned)MAX(accepted, 0));
		pthread_mutex_lock(&dev->lock);
		/* Unless something came back meanwhile, there is no room until it does. */
		dev->blocked = atomic_load(&dev->returns) == returns;
		pthread_mutex_unlock(&dev->lock);
	}
	if (dev->driver->cancel)
		repeat_cancels(dev, ops, jobs, n);
	if (accepted < 0)
		acr_device_broken(dev, "the driver says that the device is gone");
}

int acr_device_put(struct acr_device *dev, struct acr_attempt *attempt, bool may_inline)
{
	int error = 0;
	bool run = false;

	pthread_mutex_lock(&dev->lock);
	if (!acr_device_takes(dev, attempt->job)) {
		error = -ENODEV;
	} else if (may_inline && may_run_inline(dev, attempt)) {
		run = true;
		atomic_fetch_add(&dev->callers, 1);
		acr_device_start_running(dev, attempt, attempt->queued_ns, 1);
	} else if (!acr_device_has_room(attempt->cap)) {
		attempt->overflows = acr_job_pinned(attempt->job);
		error = -EAGAIN;
		if (attempt->overflows) {
			/* It may go nowhere else: let it wait here. */
			atomic_store(&attempt->state, ACR_QUEUED);
			error = acr_queue_insert(&dev->overflow, &attempt->entry) ? 0 : -EAGAIN;
		}
	} else {
		atomic_store_explicit(&attempt->state, ACR_QUEUED, memory_order_relaxed);
		error = acr_device_enqueue(dev, attempt) ? 0 : -EAGAIN;
	}
	pthread_mutex_unlock(&dev->lock);
	if (!run)
		return error;
	acr_device_submit(dev, &attempt, 1);
	acr_device_leave_driver(dev);
	return 0;
}

/* Bound sessions that found no room come in as there is some. Under (q). */
void acr_device_refill(struct acr_device *dev)
{
	struct acr_queue_entry *entry;

	while ((entry = acr_queue_pop(&dev->overflow))) {
		struct acr_attempt *attempt = acr_attempt_of(entry);

		if (!acr_device_has_room(attempt->cap) || !acr_device_enqueue(dev, attempt)) {
			acr_queue_return(&dev->overflow, entry);
			return;
		}
		attempt->overflows = false;
	}
}

bool acr_device_take_back(struct acr_device *dev, struct acr_attempt *attempt)
{
	bool taken = false;

	pthread_mutex_lock(&dev->lock);
	if (atomic_load(&attempt->state) == ACR_QUEUED && attempt->entry.flow) {
		acr_queue_remove(attempt->overflows ? &dev->overflow
		                                    : acr_device_queue_of(dev, attempt),
		                 &attempt->entry);
		if (!attempt->overflows)
			acr_device_leave_queue(dev, attempt);
		acr_device_refill(dev);
		acr_long_wake(dev);
		atomic_store(&attempt->state, ACR_ENDED);
		taken = true;
	}
	pthread_mutex_unlock(&dev->lock);
	if (taken)
		acr_sched_room(attempt->cap->alg, attempt->cap->cap.opcode);
	return taken;
}

/* Under (q). */
bool acr_device_make_orphan(struct acr_device *dev, struct acr_attempt *attempt)
{
	int expected = ACR_RUNNING;

	if (!atomic_compare_exchange_strong(&attempt->state, &expected, ACR_ORPHAN))
		return false;
	stop_running(dev, attempt);
	atomic_fetch_add(&dev->orphans, 1);
	acr_count_serial(&dev->counters.finished, 1);
	acr_count_serial(&attempt->cap->counters.finished, 1);
	return true;
}

void acr_device_leave_driver(struct acr_device *dev)
{
	/* Sequentially consistent: either we see that somebody waits, or they see that we
	 * left. */
	if (atomic_fetch_sub(&dev->callers, 1) != 1 || !atomic_load(&dev->awaited))
		return;
	pthread_mutex_lock(&dev->lock);
	pthread_cond_broadcast(&dev->left);
	pthread_mutex_unlock(&dev->lock);
}

bool acr_device_await_callers(struct acr_device *dev, unsigned seconds)
{
	struct timespec until;
	int late = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	atomic_fetch_add(&dev->awaited, 1);
	while (atomic_load(&dev->callers) && !late)
		late = pthread_cond_timedwait(&dev->left, &dev->lock, &until);
	atomic_fetch_sub(&dev->awaited, 1);
	return !late;
}

void acr_device_tell_driver(struct acr_device *dev, struct acr_attempt *attempt)
{
	/* The thread that is just handing it over looks again, see repeat_cancels(). */
	if (dev->driver->cancel && atomic_load(&attempt->shown))
		dev->driver->cancel(dev, &attempt->op);
}

bool acr_device_give_up(struct acr_device *dev, struct acr_attempt *attempt)
{
	bool given;

	pthread_mutex_lock(&dev->lock);
	given = acr_device_make_orphan(dev, attempt);
	if (given) {
		acr_count_serial(&dev->counters.cancelled, 1);
		acr_count_serial(&attempt->cap->counters.cancelled, 1);
		acr_device_note_silence(dev, attempt);
	}
	/* A thread that is in there does nothing else, and is watched as before. */
	if (given && dev->driver->flags & ACR_DRIVER_SYNC) {
		attempt->listed = true;
		TAILQ_INSERT_HEAD(&dev->taken_back, attempt, link);
	}
	atomic_fetch_add(&dev->callers, given);
	if (given && dev->queue.count)
		wake_one(dev);
	pthread_mutex_unlock(&dev->lock);
	if (!given)
		return false;
	acr_device_tell_driver(dev, attempt);
	acr_device_leave_driver(dev);
	return true;
}

/* ---- what comes back ---- */

static void measure(struct acr_device *dev, struct acr_attempt *attempt, uint64_t now,
                    int error)
{
	uint64_t process = now - attempt->started_ns;
	size_t bytes = attempt->job->src_len;

	acr_hist_add(&dev->queue_hist, attempt->started_ns - attempt->queued_ns);
	acr_hist_add(&dev->process_hist, process);
	acr_count_serial(&dev->busy_ns, process);
	if (error)
		return;
	acr_average_add(&attempt->cap->mean_ns, process ? process : 1);
	if (bytes && process)
		acr_average_add(&attempt->cap->bytes_per_s,
		                (uint64_t)((double)bytes * 1e9 / (double)process));
}

static void tally(struct acr_counters *counters, int error, size_t bytes)
{
	acr_count_serial(&counters->finished, 1);
	if (!acr_error_is_blameless(error))
		acr_count_serial(acr_error_is_result(error) ? &counters->completed
		                                            : &counters->failed,
		                 1);
	if (acr_error_is_result(error))
		acr_count_serial(&counters->bytes, bytes);
}

/* The device has something less to do: it may take more. Under (q). */
static void returned(struct acr_device *dev)
{
	dev->blocked = false;
	acr_count_serial(&dev->returns, 1);
	if (dev->queue.count)
		wake_one(dev);
}

void acr_op_done(struct acr_op *op, int error)
{
	struct acr_attempt *attempt = (struct acr_attempt *)op;
	struct acr_device *dev = attempt->device;
	int expected = ACR_RUNNING;
	uint64_t now = acr_now_ns();
	bool orphan = !atomic_compare_exchange_strong(&attempt->state, &expected, ACR_ENDED);

	acr_secret_scrub(); /* whoever waits for the result may have it before we get further */
	pthread_mutex_lock(&dev->lock);
	if (!orphan) {
		/* What waited in the device waited. */
		if (attempt->took_ns && attempt->took_ns < now - attempt->started_ns)
			attempt->started_ns = now - attempt->took_ns;
		measure(dev, attempt, now, error);
		tally(&dev->counters, error, attempt->job->src_len);
		tally(&attempt->cap->counters, error, attempt->job->src_len);
		stop_running(dev, attempt);
		if (!error) {
			acr_expect_learn(attempt, now - attempt->started_ns);
			acr_follow_count(dev, attempt);
		}
		if (!acr_error_is_blameless(error))
			acr_health_note(dev, !acr_error_is_result(error));
	}
	if (attempt->listed)
		TAILQ_REMOVE(&dev->taken_back, attempt, link);
	attempt->listed = false;
	if (!orphan || !error) /* a driver that is told to cancel brings it back, too */
		dev->health.silent_ns = 0;
	returned(dev);
	pthread_mutex_unlock(&dev->lock);
	if (orphan) {
		/* It came home late; its job went on long ago. */
		atomic_fetch_sub(&dev->orphans, 1);
		acr_job_unref(attempt->job);
		return;
	}
	attempt->ended_ns = now;
	acr_sched_ended(attempt, error);
}

void acr_device_ready(struct acr_device *dev)
{
	pthread_mutex_lock(&dev->lock);
	dev->blocked = false;
	acr_count_serial(&dev->returns, 1);
	pthread_cond_broadcast(&dev->work);
	pthread_cond_broadcast(&dev->long_work);
	pthread_mutex_unlock(&dev->lock);
}
