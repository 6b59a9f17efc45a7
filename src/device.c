/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One device: its queue, its threads, and how attempts get through the driver. */
#include "device.h"

#include "module.h"
#include "secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH_MAX  256
#define INLINE_MAX ((size_t)64 * 1024) /* above, a hand-over costs less than the waiting */

#define attempt_of(node) ((struct acr_attempt *)((char *)(node) - offsetof(struct acr_attempt, entry)))

struct acr_device *acr_device_ref(struct acr_device *dev)
{
	atomic_fetch_add_explicit(&dev->refs, 1, memory_order_relaxed);
	return dev;
}

void acr_device_unref(struct acr_device *dev)
{
	if (!dev || atomic_fetch_sub_explicit(&dev->refs, 1, memory_order_acq_rel) != 1)
		return;
	acr_queue_clear(&dev->queue);
	acr_queue_clear(&dev->overflow);
	pthread_mutex_destroy(&dev->lock);
	pthread_mutex_destroy(&dev->control);
	pthread_cond_destroy(&dev->work);
	g_ptr_array_unref(dev->caps);
	acr_device_spec_free(dev->spec);
	acr_module_unref(dev->module);
	free(dev);
}

/* ---- accounting; all under (q) ---- */

static void enter_queue(struct acr_device *dev, struct acr_attempt *attempt)
{
	atomic_fetch_add(&attempt->cap->queued, 1);
	acr_count(&dev->queued_count, 1);
	acr_count(&dev->load_bytes, attempt->job->src_len);
}

static void leave_queue(struct acr_device *dev, struct acr_attempt *attempt)
{
	atomic_fetch_sub(&attempt->cap->queued, 1);
	acr_count(&dev->queued_count, (uint64_t)-1);
	acr_count(&dev->load_bytes, -(uint64_t)attempt->job->src_len);
}

static void start_running(struct acr_device *dev, struct acr_attempt *attempt, uint64_t now)
{
	atomic_store_explicit(&attempt->state, ACR_RUNNING, memory_order_relaxed);
	attempt->started_ns = now;
	attempt->prev = NULL;
	attempt->next = dev->running;
	if (dev->running)
		dev->running->prev = attempt;
	dev->running = attempt;
	acr_count(&dev->running_count, 1);
	acr_count(&dev->load_bytes, attempt->job->src_len);
	acr_count(&dev->counters.started, 1);
	acr_count(&attempt->cap->counters.started, 1);
}

static void stop_running(struct acr_device *dev, struct acr_attempt *attempt)
{
	if (attempt->prev)
		attempt->prev->next = attempt->next;
	else
		dev->running = attempt->next;
	if (attempt->next)
		attempt->next->prev = attempt->prev;
	acr_count(&dev->running_count, (uint64_t)-1);
	acr_count(&dev->load_bytes, -(uint64_t)attempt->job->src_len);
}

bool acr_device_has_room(const struct acr_capstat *cap)
{
	return atomic_load(&cap->queued) < atomic_load(&cap->queue_length);
}

static bool may_run_inline(const struct acr_device *dev, const struct acr_job *job)
{
	return dev->driver->flags & ACR_DRIVER_INLINE && !dev->queue.count &&
	       atomic_load(&dev->running_count) < dev->width &&
	       job->src_len <= INLINE_MAX && job->dst_size <= 2 * INLINE_MAX &&
	       !(job->alg->flags & ACR_ALG_SLOW);
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
	op->src.data = job->src ? job->src->data + job->src_offset : NULL;
	op->src.len = job->src_len;
	op->numbers = job->numbers;
	op->dst = attempt->dst->data ? attempt->dst->data + job->dst_head : NULL;
	op->dst_size = job->dst_size;
	op->dst_len = 0;
	op->tag_size = job->tag_size;
	op->state = job->state ? job->state->data : NULL;
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

		pthread_mutex_lock(&dev->lock);
		if (!atomic_compare_exchange_strong(&attempt->state, &expected, ACR_QUEUED)) {
			/* Given up meanwhile: the driver never had it, so it ends here. */
			pthread_mutex_unlock(&dev->lock);
			acr_op_done(&attempt->op, -ECANCELED);
			continue;
		}
		stop_running(dev, attempt);
		acr_count(&dev->counters.started, (uint64_t)-1);
		acr_count(&attempt->cap->counters.started, (uint64_t)-1);
		attempt->started_ns = 0;
		if (atomic_load(&dev->state) != ACR_BROKEN && !dev->stopping)
			queued = acr_queue_return(&dev->queue, &attempt->entry);
		if (queued)
			enter_queue(dev, attempt);
		pthread_mutex_unlock(&dev->lock);
		acr_secret_free(attempt->op.driver_area);
		attempt->op.driver_area = NULL;
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
			dev->driver->cancel(dev, ops[i]);
		acr_job_unref(jobs[i]);
	}
}

static void submit(struct acr_device *dev, struct acr_attempt **attempts, unsigned n)
{
	struct acr_op *ops[BATCH_MAX];
	struct acr_job *jobs[BATCH_MAX];
	unsigned returns;
	int accepted;

	n = prepare_all(dev, attempts, n, ops);
	if (!n)
		return;
	if (dev->driver->cancel)
		for (unsigned i = 0; i < n; i++)
			jobs[i] = acr_job_ref(((struct acr_attempt *)ops[i])->job);
	pthread_mutex_lock(&dev->lock);
	returns = dev->returns;
	pthread_mutex_unlock(&dev->lock);
	accepted = dev->driver->submit(dev, ops, n);
	if (accepted < (int)n) {
		put_back(dev, ops + MAX(accepted, 0), n - (unsigned)MAX(accepted, 0));
		pthread_mutex_lock(&dev->lock);
		/* Unless something came back meanwhile, there is no room until it does. */
		dev->blocked = dev->returns == returns;
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
	if (atomic_load(&dev->state) != ACR_READY) {
		error = -ENODEV;
	} else if (may_inline && may_run_inline(dev, attempt->job)) {
		run = true;
		dev->callers++;
		start_running(dev, attempt, attempt->queued_ns);
	} else if (!acr_device_has_room(attempt->cap)) {
		attempt->overflows = attempt->job->bound != NULL;
		error = -EAGAIN;
		if (attempt->overflows) {
			/* It may go nowhere else: let it wait here. */
			atomic_store(&attempt->state, ACR_QUEUED);
			error = acr_queue_insert(&dev->overflow, &attempt->entry) ? 0 : -EAGAIN;
		}
	} else {
		atomic_store_explicit(&attempt->state, ACR_QUEUED, memory_order_relaxed);
		error = acr_queue_insert(&dev->queue, &attempt->entry) ? 0 : -EAGAIN;
		if (!error) {
			enter_queue(dev, attempt);
			pthread_cond_signal(&dev->work);
		}
	}
	pthread_mutex_unlock(&dev->lock);
	if (!run)
		return error;
	acr_device_ref(dev);
	submit(dev, &attempt, 1);
	pthread_mutex_lock(&dev->lock);
	if (!--dev->callers)
		pthread_cond_broadcast(&dev->work);
	pthread_mutex_unlock(&dev->lock);
	acr_device_unref(dev);
	return 0;
}

/* Bound sessions that found no room come in as there is some. Under (q). */
static void refill(struct acr_device *dev)
{
	struct acr_queue_entry *entry;

	while ((entry = acr_queue_pop(&dev->overflow))) {
		struct acr_attempt *attempt = attempt_of(entry);
		bool room = acr_device_has_room(attempt->cap);

		if (!acr_queue_return(room ? &dev->queue : &dev->overflow, entry) || !room)
			return;
		attempt->overflows = false;
		enter_queue(dev, attempt);
		pthread_cond_signal(&dev->work);
	}
}

bool acr_device_take_back(struct acr_device *dev, struct acr_attempt *attempt)
{
	bool taken = false;

	pthread_mutex_lock(&dev->lock);
	if (atomic_load(&attempt->state) == ACR_QUEUED && attempt->entry.flow) {
		acr_queue_remove(attempt->overflows ? &dev->overflow : &dev->queue,
				 &attempt->entry);
		if (!attempt->overflows)
			leave_queue(dev, attempt);
		refill(dev);
		atomic_store(&attempt->state, ACR_ENDED);
		taken = true;
	}
	pthread_mutex_unlock(&dev->lock);
	if (taken)
		acr_sched_room(attempt->cap->alg, attempt->cap->cap.opcode);
	return taken;
}

/* Under (q). */
static bool make_orphan(struct acr_device *dev, struct acr_attempt *attempt)
{
	int expected = ACR_RUNNING;

	if (!atomic_compare_exchange_strong(&attempt->state, &expected, ACR_ORPHAN))
		return false;
	stop_running(dev, attempt);
	atomic_fetch_add(&dev->orphans, 1);
	acr_count(&dev->counters.finished, 1);
	acr_count(&attempt->cap->counters.finished, 1);
	return true;
}

/* Calls into the driver from outside its threads; acr_device_stop() waits for them. */
static void enter_driver(struct acr_device *dev)
{
	pthread_mutex_lock(&dev->lock);
	dev->callers++;
	pthread_mutex_unlock(&dev->lock);
}

static void leave_driver(struct acr_device *dev)
{
	pthread_mutex_lock(&dev->lock);
	dev->callers--;
	pthread_cond_broadcast(&dev->work);
	pthread_mutex_unlock(&dev->lock);
}

static void tell_driver(struct acr_device *dev, struct acr_attempt *attempt)
{
	if (!dev->driver->cancel)
		return;
	enter_driver(dev);
	dev->driver->cancel(dev, &attempt->op);
	leave_driver(dev);
}

bool acr_device_give_up(struct acr_device *dev, struct acr_attempt *attempt)
{
	bool given;

	pthread_mutex_lock(&dev->lock);
	given = make_orphan(dev, attempt);
	if (given && dev->queue.count)
		pthread_cond_signal(&dev->work);
	pthread_mutex_unlock(&dev->lock);
	if (given)
		tell_driver(dev, attempt);
	return given;
}

/* ---- what comes back ---- */

static void measure(struct acr_device *dev, struct acr_attempt *attempt, uint64_t now, int error)
{
	uint64_t process = now - attempt->started_ns;
	size_t bytes = attempt->job->src_len;

	acr_hist_add(&dev->queue_hist, attempt->started_ns - attempt->queued_ns);
	acr_hist_add(&dev->process_hist, process);
	acr_count(&dev->busy_ns, process);
	if (error)
		return;
	acr_average_add(&attempt->cap->mean_ns, process ? process : 1);
	if (bytes && process)
		acr_average_add(&attempt->cap->bytes_per_s,
				(uint64_t)((double)bytes * 1e9 / (double)process));
}

static void tally(struct acr_counters *counters, bool result, size_t bytes)
{
	acr_count(&counters->finished, 1);
	acr_count(result ? &counters->completed : &counters->failed, 1);
	if (result)
		acr_count(&counters->bytes, bytes);
}

/* The device has something less to do: it may take more. */
static void returned(struct acr_device *dev)
{
	pthread_mutex_lock(&dev->lock);
	dev->blocked = false;
	dev->returns++;
	if (dev->queue.count)
		pthread_cond_signal(&dev->work);
	pthread_mutex_unlock(&dev->lock);
}

void acr_op_done(struct acr_op *op, int error)
{
	struct acr_attempt *attempt = (struct acr_attempt *)op;
	struct acr_device *dev = attempt->device;
	bool result = !error || error == -EBADMSG || error == -EINVAL;
	bool blameless = error == -EOPNOTSUPP || error == -ENOSPC || error == -EDQUOT;
	int expected = ACR_RUNNING;
	uint64_t now = acr_now_ns();

	if (!atomic_compare_exchange_strong(&attempt->state, &expected, ACR_ENDED)) {
		/* An orphan came home; its job went on long ago. */
		atomic_fetch_sub(&dev->orphans, 1);
		returned(dev);
		acr_job_unref(attempt->job);
		return;
	}
	measure(dev, attempt, now, error);
	if (!blameless) {
		tally(&dev->counters, result, attempt->job->src_len);
		tally(&attempt->cap->counters, result, attempt->job->src_len);
	} else {
		acr_count(&dev->counters.finished, 1);
		acr_count(&attempt->cap->counters.finished, 1);
	}
	pthread_mutex_lock(&dev->lock);
	stop_running(dev, attempt);
	pthread_mutex_unlock(&dev->lock);
	returned(dev);
	acr_sched_ended(attempt, error);
}

void acr_device_ready(struct acr_device *dev)
{
	pthread_mutex_lock(&dev->lock);
	dev->blocked = false;
	dev->returns++;
	pthread_cond_broadcast(&dev->work);
	pthread_mutex_unlock(&dev->lock);
}

/* ---- threads ---- */

static bool has_work(const struct acr_device *dev)
{
	if (!dev->queue.count || dev->blocked || atomic_load(&dev->state) == ACR_BROKEN)
		return false;
	return dev->driver->flags & ACR_DRIVER_SYNC ||
	       atomic_load(&dev->running_count) < dev->width;
}

/* How many to take at once: not so many that other threads of the device go idle. */
static unsigned share(const struct acr_device *dev)
{
	size_t most = dev->batch, fair;

	if (dev->driver->flags & ACR_DRIVER_SYNC) {
		fair = (dev->queue.count + dev->width - 1) / dev->width;
	} else {
		fair = dev->width - atomic_load(&dev->running_count);
	}
	return (unsigned)MIN(most, fair);
}

/* Under (q). */
static unsigned take(struct acr_device *dev, struct acr_attempt **attempts)
{
	unsigned n = 0, most = share(dev);
	uint64_t now = acr_now_ns();

	while (n < most && dev->queue.count) {
		struct acr_attempt *attempt = attempt_of(acr_queue_pop(&dev->queue));
		leave_queue(dev, attempt);
		start_running(dev, attempt, now);
		attempts[n++] = attempt;
	}
	if (dev->overflow.count)
		refill(dev);
	return n;
}

/* Under (q), which is let go meanwhile. */
static void flush(struct acr_device *dev)
{
	dev->accepted_unflushed = false;
	dev->callers++;
	pthread_mutex_unlock(&dev->lock);
	dev->driver->flush(dev);
	pthread_mutex_lock(&dev->lock);
	if (!--dev->callers)
		pthread_cond_broadcast(&dev->work);
}

/* Wait for work; flush when the driver has had nothing new for flush_us. Under (q). */
static void wait_for_work(struct acr_device *dev)
{
	struct timespec until;
	uint64_t ns;

	if (!dev->accepted_unflushed) {
		pthread_cond_wait(&dev->work, &dev->lock);
		return;
	}
	ns = acr_now_ns() + (uint64_t)dev->flush_us * 1000;
	until = (struct timespec){ (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };
	if (!dev->flush_us || pthread_cond_timedwait(&dev->work, &dev->lock, &until) == ETIMEDOUT)
		flush(dev);
}

static void work_once(struct acr_device *dev)
{
	struct acr_attempt *attempts[BATCH_MAX];
	struct acr_capstat *caps[BATCH_MAX];
	unsigned n = take(dev, attempts);

	for (unsigned i = 0; i < n; i++)
		caps[i] = attempts[i]->cap;
	dev->callers++;
	if (dev->driver->flush)
		dev->accepted_unflushed = true;
	pthread_mutex_unlock(&dev->lock);
	if (acr_sched_waiting())
		for (unsigned i = 0; i < n; i++)
			acr_sched_room(caps[i]->alg, caps[i]->cap.opcode);
	submit(dev, attempts, n);
	acr_secret_scrub();
	pthread_mutex_lock(&dev->lock);
	if (!--dev->callers)
		pthread_cond_broadcast(&dev->work);
}

static void *worker(void *data)
{
	struct acr_device *dev = data;

	pthread_mutex_lock(&dev->lock);
	while (!dev->stopping) {
		if (has_work(dev))
			work_once(dev);
		else
			wait_for_work(dev);
	}
	pthread_mutex_unlock(&dev->lock);
	return NULL;
}

int acr_device_start(struct acr_device *dev)
{
	unsigned count = dev->driver->flags & ACR_DRIVER_SYNC ? dev->width : 1;
	pthread_attr_t attr;

	dev->threads = calloc(count, sizeof *dev->threads);
	if (!dev->threads)
		return -ENOMEM;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 512 * 1024);
	while (dev->thread_count < count &&
	       !pthread_create(&dev->threads[dev->thread_count], &attr, worker, dev))
		dev->thread_count++;
	pthread_attr_destroy(&attr);
	return dev->thread_count ? 0 : -EAGAIN;
}

void acr_device_stop(struct acr_device *dev)
{
	pthread_mutex_lock(&dev->lock);
	dev->stopping = true;
	pthread_cond_broadcast(&dev->work);
	while (dev->callers)
		pthread_cond_wait(&dev->work, &dev->lock);
	pthread_mutex_unlock(&dev->lock);
	for (unsigned i = 0; i < dev->thread_count; i++)
		pthread_join(dev->threads[i], NULL);
	free(dev->threads);
	dev->threads = NULL;
	dev->thread_count = 0;
}

/* ---- health ---- */

/* Empty the queue; keep_bound: leave what can't go elsewhere. Under (q). Returns a list
 * through `next`. */
static struct acr_attempt *take_queued(struct acr_device *dev, bool keep_bound)
{
	struct acr_attempt *list = NULL, *kept = NULL, *next;
	struct acr_queue_entry *entry;

	while ((entry = acr_queue_pop(&dev->queue))) {
		struct acr_attempt *attempt = attempt_of(entry);
		struct acr_attempt **to = keep_bound && attempt->job->bound ? &kept : &list;
		leave_queue(dev, attempt);
		attempt->next = *to;
		*to = attempt;
	}
	while (!keep_bound && (entry = acr_queue_pop(&dev->overflow))) {
		attempt_of(entry)->next = list;
		list = attempt_of(entry);
	}
	for (; kept; kept = next) {
		next = kept->next;
		if (acr_queue_return(&dev->queue, &kept->entry)) {
			enter_queue(dev, kept);
		} else {
			kept->next = list;
			list = kept;
		}
	}
	for (struct acr_attempt *attempt = list; attempt; attempt = attempt->next)
		atomic_store(&attempt->state, ACR_ENDED);
	return list;
}

/* Under (q). */
static struct acr_attempt *take_running(struct acr_device *dev)
{
	struct acr_attempt *list = NULL, *next;

	for (struct acr_attempt *attempt = dev->running; attempt; attempt = next) {
		next = attempt->next;
		if (!make_orphan(dev, attempt))
			continue;
		acr_job_ref(attempt->job); /* the driver may let go while we look at it */
		attempt->next = list;
		list = attempt;
	}
	return list;
}

/* Find other devices for a list; orphans: the driver still has them. */
static void displace(struct acr_device *dev, struct acr_attempt *list, bool orphans)
{
	for (struct acr_attempt *next; list; list = next) {
		next = list->next;
		if (orphans)
			tell_driver(dev, list);
		acr_sched_displaced(list, orphans);
	}
}

/* Stop taking work; what is queued and running goes elsewhere. */
static void leave_state(struct acr_device *dev, enum acr_device_state state, const char *reason)
{
	struct acr_attempt *queued, *running;

	pthread_mutex_lock(&dev->lock);
	if (atomic_load(&dev->state) == ACR_REMOVED ||
	    (state == ACR_BROKEN && atomic_load(&dev->state) == ACR_BROKEN)) {
		pthread_mutex_unlock(&dev->lock);
		return;
	}
	atomic_store(&dev->state, state);
	snprintf(dev->broken_reason, sizeof dev->broken_reason, "%s", reason);
	g_strdelimit(dev->broken_reason, "\n\t", ' ');
	dev->blocked = false;
	queued = take_queued(dev, false);
	running = take_running(dev);
	pthread_mutex_unlock(&dev->lock);
	displace(dev, queued, false);
	displace(dev, running, true);
	acr_sched_rehash();
}

void acr_device_rehash(struct acr_device *dev)
{
	struct acr_attempt *list, *next;

	pthread_mutex_lock(&dev->lock);
	list = take_queued(dev, true);
	refill(dev);
	pthread_mutex_unlock(&dev->lock);
	for (; list; list = next) {
		next = list->next;
		acr_sched_retry(list->job);
	}
}

void acr_device_retire(struct acr_device *dev)
{
	leave_state(dev, ACR_REMOVED, "removed");
}

void acr_device_broken(struct acr_device *dev, const char *reason)
{
	acr_log(ACR_LOG_WARNING, dev->spec->name, "broken: %s", reason);
	leave_state(dev, ACR_BROKEN, reason);
}

/* How long an op may take. Never measured: as if it should take the least time that counts. */
static uint64_t patience_ns(const struct acr_attempt *attempt)
{
	uint64_t least = (uint64_t)acr_settings.watchdog * 1000000000u;
	uint64_t mean = atomic_load(&attempt->cap->mean_ns);
	uint64_t rate = atomic_load(&attempt->cap->bytes_per_s);
	uint64_t by_size = rate ? (uint64_t)((double)attempt->job->src_len * 1e9 / (double)rate) : 0;

	return mean ? MAX(least, 10 * MAX(mean, by_size)) : 10 * least;
}

void acr_device_watch(struct acr_device *dev)
{
	uint64_t now = acr_now_ns(), late = 0;
	char reason[ACR_SENTENCE];

	if (!acr_settings.watchdog || dev->driver->flags & ACR_DRIVER_SYNC)
		return;
	pthread_mutex_lock(&dev->lock);
	for (struct acr_attempt *attempt = dev->running; attempt; attempt = attempt->next)
		if (now > attempt->started_ns && now - attempt->started_ns > patience_ns(attempt))
			late = MAX(late, now - attempt->started_ns);
	pthread_mutex_unlock(&dev->lock);
	if (!late)
		return;
	snprintf(reason, sizeof reason, "no answer for %.1f s", (double)late * 1e-9);
	acr_device_broken(dev, reason);
}

/* Under control. */
static int repair(struct acr_device *dev)
{
	int error = 0;

	/* reset() is promised that nothing of the device is running. */
	pthread_mutex_lock(&dev->lock);
	while (atomic_load(&dev->state) == ACR_BROKEN && dev->callers)
		pthread_cond_wait(&dev->work, &dev->lock);
	pthread_mutex_unlock(&dev->lock);
	if (atomic_load(&dev->state) == ACR_BROKEN && dev->driver->reset) {
		dev->explain[0] = 0;
		error = dev->driver->reset(dev);
	}
	if (error) {
		acr_log(ACR_LOG_ERROR, dev->spec->name, "repair failed: %s",
			dev->explain[0] ? dev->explain : g_strerror(-error));
		return error;
	}
	pthread_mutex_lock(&dev->lock);
	if (atomic_load(&dev->state) != ACR_REMOVED)
		atomic_store(&dev->state, ACR_READY);
	dev->broken_reason[0] = 0;
	dev->blocked = false;
	pthread_cond_broadcast(&dev->work);
	pthread_mutex_unlock(&dev->lock);
	acr_sched_rehash();
	return 0;
}

int acr_device_repair(struct acr_device *dev)
{
	int error;

	pthread_mutex_lock(&dev->control);
	error = repair(dev);
	pthread_mutex_unlock(&dev->control);
	return error;
}

int acr_device_drain(struct acr_device *dev)
{
	struct acr_attempt *queued = NULL;

	pthread_mutex_lock(&dev->lock);
	if (atomic_load(&dev->state) == ACR_READY) {
		atomic_store(&dev->state, ACR_DRAINING);
		queued = take_queued(dev, true);
	}
	pthread_mutex_unlock(&dev->lock);
	displace(dev, queued, false);
	acr_sched_rehash();
	return 0;
}

int acr_device_reset(struct acr_device *dev)
{
	int error;

	pthread_mutex_lock(&dev->control);
	leave_state(dev, ACR_BROKEN, "being reset");
	error = repair(dev);
	pthread_mutex_unlock(&dev->control);
	return error;
}
