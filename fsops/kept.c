/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests that are kept until their session has something for them. Waiting costs no thread:
 * a waiter is tried again whenever its session changes, in the order of arrival.
 *
 * Who answers a waiter: the one that takes it off its list. That is wake() after a successful
 * attempt, or an interrupt that finds it not being tried just then. libfuse calls an interrupt
 * with the request's own lock held; so a request's interrupt is disarmed (which waits for that
 * lock) before it is answered and its waiter freed, and never under the list's lock. */
#include "fsops.h"
#include "session/sessions.h"

#include "base/settings.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

struct front {
	pthread_mutex_t lock; /* (f), after no other lock of ours; libfuse's come before it */
	struct fs_kept_list waiters;    /* in the order of arrival */
	bool waking, again;             /* one thread at a time tries the waiters */
	LIST_HEAD(, fs_handle) pollers; /* handles with a poll handle */
	LIST_ENTRY(front) link;         /* (fronts_lock) */
};

static atomic_size_t count;
static atomic_bool closing;
static pthread_mutex_t fronts_lock = PTHREAD_MUTEX_INITIALIZER;   /* before (f) */
static LIST_HEAD(, front) fronts = LIST_HEAD_INITIALIZER(fronts); /* (fronts_lock) */

size_t fs_kept_count(void)
{
	return atomic_load(&count);
}

static struct front *front_of(struct acr_session *session)
{
	struct front *front;

	pthread_mutex_lock(&session->lock);
	if (!session->front) {
		front = calloc(1, sizeof *front);
		if (front) {
			pthread_mutex_init(&front->lock, NULL);
			TAILQ_INIT(&front->waiters);
			LIST_INIT(&front->pollers);
			pthread_mutex_lock(&fronts_lock);
			LIST_INSERT_HEAD(&fronts, front, link);
			pthread_mutex_unlock(&fronts_lock);
		}
		session->front = front;
	}
	front = session->front;
	pthread_mutex_unlock(&session->lock);
	return front;
}

static void front_free(struct acr_session *session)
{
	struct front *front = session->front;

	pthread_mutex_lock(&fronts_lock);
	LIST_REMOVE(front, link);
	pthread_mutex_unlock(&fronts_lock);
	pthread_mutex_destroy(&front->lock);
	free(front);
	session->front = NULL;
}

/* ---- the list; under (f) ---- */

static void append(struct front *front, struct fs_kept *waiter)
{
	TAILQ_INSERT_TAIL(&front->waiters, waiter, link);
	waiter->state = FS_WAITING;
}

static void take_off(struct front *front, struct fs_kept *waiter)
{
	TAILQ_REMOVE(&front->waiters, waiter, link);
	waiter->state = FS_TAKEN;
}

/* ---- endings ---- */

/* Answer it and give back what keeping it took; it is off all lists and disarmed. */
static void finish(struct fs_kept *waiter, int error)
{
	struct acr_session *session = waiter->session;
	struct acr_account *account = waiter->account;

	waiter->kind->answer(waiter, error); /* frees it */
	acr_account_drop_request(account);
	atomic_fetch_sub(&count, 1);
	acr_session_unref(session);
}

/* Called by libfuse with the request's lock held, also from within
 * fuse_req_interrupt_func(). */
static void interrupted(fuse_req_t req, void *data)
{
	struct fs_kept *waiter = data;
	struct front *front = waiter->session->front;
	bool mine = false;

	(void)req;
	pthread_mutex_lock(&front->lock);
	waiter->interrupted = true;
	if (waiter->state == FS_WAITING) {
		take_off(front, waiter);
		mine = true;
	}
	pthread_mutex_unlock(&front->lock);
	if (!mine)
		return;
	finish(waiter, -EINTR);
}

/* Make sure that interrupted() neither runs nor will. */
static void disarm(struct fs_kept *waiter)
{
	fuse_req_interrupt_func(waiter->req, NULL, NULL);
}

/* ---- trying ---- */

/* Try all once. Under (f), which is let go meanwhile; new ones at the tail are tried too.
 * Those that are to be answered go into answered. */
static void attempt_all(struct front *front, struct fs_kept_list *answered)
{
	struct fs_kept *waiter, *next;
	int result;

	for (waiter = TAILQ_FIRST(&front->waiters); waiter; waiter = next) {
		waiter->state = FS_TRIED;
		pthread_mutex_unlock(&front->lock);
		result = waiter->kind->attempt(waiter);
		pthread_mutex_lock(&front->lock);
		waiter->state = FS_WAITING;
		next = TAILQ_NEXT(waiter, link);
		if (result == -EAGAIN && !waiter->interrupted && !atomic_load(&closing))
			continue;
		waiter->error = result != -EAGAIN     ? 0
		                : waiter->interrupted ? -EINTR
		                                      : -ECANCELED;
		take_off(front, waiter);
		TAILQ_INSERT_TAIL(answered, waiter, link);
	}
}

/* Empties the list. */
static void answer_all(struct fs_kept_list *list)
{
	struct fs_kept *waiter;

	while ((waiter = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, waiter, link);
		disarm(waiter);
		finish(waiter, waiter->error);
	}
}

/* Tell the kernel to poll again. A poll handle serves once. */
static void notify_pollers(struct front *front)
{
	struct fs_handle *handle;

	pthread_mutex_lock(&front->lock);
	while ((handle = LIST_FIRST(&front->pollers))) {
		struct fuse_pollhandle *poll = handle->poll;

		LIST_REMOVE(handle, polling);
		handle->poll = NULL;
		if (!atomic_load(&closing))
			fuse_lowlevel_notify_poll(poll);
		fuse_pollhandle_destroy(poll);
	}
	pthread_mutex_unlock(&front->lock);
}

/* Something about the session has changed. Any thread, no locks held. */
static void wake(struct acr_session *session)
{
	struct front *front = session->front;
	struct fs_kept_list answered = TAILQ_HEAD_INITIALIZER(answered);

	fs_spliced_moved(session);
	/* Nobody has ever waited. A call that is about to looks again after queueing. */
	if (!front)
		return;
	pthread_mutex_lock(&front->lock);
	front->again = true;
	while (!front->waking && front->again) {
		front->again = false;
		front->waking = true;
		attempt_all(front, &answered);
		pthread_mutex_unlock(&front->lock);
		answer_all(&answered);
		pthread_mutex_lock(&front->lock);
		front->waking = false;
	}
	pthread_mutex_unlock(&front->lock);
	notify_pollers(front);
}

/* ---- beginnings ---- */

/* Charge a waiter to its caller and give it what it needs. 0 or a negative errno. */
static int prepare(struct fs_kept *waiter, struct acr_session *session)
{
	int error;

	waiter->account = acr_account_get(fuse_req_ctx(waiter->req)->uid);
	error = waiter->account ? acr_account_add_request(waiter->account) : -ENOMEM;
	if (!error && !front_of(session)) {
		acr_account_drop_request(waiter->account);
		error = -ENOMEM;
	}
	if (error)
		return error;
	waiter->session = acr_session_ref(session);
	atomic_fetch_add(&count, 1);
	return 0;
}

void fs_keep(struct fs_kept *waiter, struct acr_session *session)
{
	struct front *front;
	bool queued;
	int error = prepare(waiter, session);

	if (error) {
		waiter->kind->answer(waiter, error);
		return;
	}
	acr_session_ref(session);
	front = session->front;
	fuse_req_interrupt_func(waiter->req, interrupted, waiter);
	pthread_mutex_lock(&front->lock);
	queued = !waiter->interrupted && !atomic_load(&closing);
	if (queued)
		append(front, waiter);
	pthread_mutex_unlock(&front->lock);
	if (queued) {
		wake(session); /* what it waits for may have come in between */
	} else {
		disarm(waiter);
		finish(waiter, waiter->interrupted ? -EINTR : -ECANCELED);
	}
	acr_session_unref(session);
}

/* ---- poll ---- */

/* Under (f). */
static void forget_poller(struct fs_handle *handle)
{
	if (!handle->poll)
		return;
	LIST_REMOVE(handle, polling);
	fuse_pollhandle_destroy(handle->poll);
	handle->poll = NULL;
}

void fs_poll_forget(struct fs_handle *handle)
{
	struct front *front = handle->session ? handle->session->front : NULL;

	if (!front)
		return;
	pthread_mutex_lock(&front->lock);
	forget_poller(handle);
	pthread_mutex_unlock(&front->lock);
}

void fs_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
             struct fuse_pollhandle *ph)
{
	struct fs_handle *handle = (struct fs_handle *)(uintptr_t)fi->fh;
	bool pollable =
	        handle->session && handle->node.file->kind->poll && !atomic_load(&closing);
	struct front *front = pollable ? front_of(handle->session) : NULL;

	(void)ino;
	if (ph && !front) {
		fuse_pollhandle_destroy(ph);
	} else if (ph) {
		/* Before looking: what comes after the look will notify. */
		pthread_mutex_lock(&front->lock);
		forget_poller(handle);
		handle->poll = ph;
		LIST_INSERT_HEAD(&front->pollers, handle, polling);
		pthread_mutex_unlock(&front->lock);
	}
	fuse_reply_poll(req, pollable ? handle->node.file->kind->poll(handle)
	                              : POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
}

/* ---- the end ---- */

/* Everything of a front that waits goes into list, to be answered. Under (fronts_lock). */
static void empty_front(struct front *front, struct fs_kept_list *list)
{
	struct fs_kept *waiter, *next;

	pthread_mutex_lock(&front->lock);
	for (waiter = TAILQ_FIRST(&front->waiters); waiter; waiter = next) {
		next = TAILQ_NEXT(waiter, link);
		if (waiter->state != FS_WAITING)
			continue; /* the thread that is trying it sees that we are closing */
		take_off(front, waiter);
		waiter->error = -ECANCELED;
		TAILQ_INSERT_TAIL(list, waiter, link);
	}
	pthread_mutex_unlock(&front->lock);
	notify_pollers(front);
}

void fs_kept_close(void)
{
	struct fs_kept_list list = TAILQ_HEAD_INITIALIZER(list);
	struct front *front;

	atomic_store(&closing, true);
	pthread_mutex_lock(&fronts_lock);
	LIST_FOREACH(front, &fronts, link)
		empty_front(front, &list);
	pthread_mutex_unlock(&fronts_lock);
	answer_all(&list);
}

void fs_kept_wait(void)
{
	const struct timespec moment = { 0, 1000000 };

	while (atomic_load(&count))
		nanosleep(&moment, NULL);
}

void fs_kept_init(void)
{
	acr_session_changed = wake;
	acr_session_freed = front_free;
}
