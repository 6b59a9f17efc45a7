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

struct front {
	pthread_mutex_t lock; /* (f), after no other lock of ours; libfuse's come before it */
	struct fs_pending *head, *tail;
	bool waking, again;        /* one thread at a time tries the waiters */
	struct fs_handle *pollers; /* handles with a poll handle */
	struct front *prev, *next; /* (fronts_lock) */
};

static atomic_size_t kept;
static atomic_bool closing;
static pthread_mutex_t fronts_lock = PTHREAD_MUTEX_INITIALIZER; /* before (f) */
static struct front *fronts;                                    /* (fronts_lock) */

size_t fs_waiting_count(void)
{
	return atomic_load(&kept);
}

static struct front *front_of(struct acr_session *session)
{
	struct front *front;

	pthread_mutex_lock(&session->lock);
	if (!session->front) {
		front = calloc(1, sizeof *front);
		if (front) {
			pthread_mutex_init(&front->lock, NULL);
			pthread_mutex_lock(&fronts_lock);
			front->next = fronts;
			if (fronts)
				fronts->prev = front;
			fronts = front;
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
	if (front->prev)
		front->prev->next = front->next;
	else
		fronts = front->next;
	if (front->next)
		front->next->prev = front->prev;
	pthread_mutex_unlock(&fronts_lock);
	pthread_mutex_destroy(&front->lock);
	free(front);
	session->front = NULL;
}

/* ---- the list; under (f) ---- */

static void append(struct front *front, struct fs_pending *waiter)
{
	waiter->prev = front->tail;
	waiter->next = NULL;
	if (front->tail)
		front->tail->next = waiter;
	else
		front->head = waiter;
	front->tail = waiter;
	waiter->state = FS_WAITING;
}

static void take_off(struct front *front, struct fs_pending *waiter)
{
	if (waiter->prev)
		waiter->prev->next = waiter->next;
	else
		front->head = waiter->next;
	if (waiter->next)
		waiter->next->prev = waiter->prev;
	else
		front->tail = waiter->prev;
	waiter->state = FS_TAKEN;
}

/* ---- endings ---- */

/* Answer it and give back what keeping it took; it is off all lists and disarmed. */
static void finish(struct fs_pending *waiter, int error)
{
	struct acr_session *session = waiter->session;
	struct acr_account *account = waiter->account;

	waiter->kind->answer(waiter, error); /* frees it */
	acr_account_drop_request(account);
	atomic_fetch_sub(&kept, 1);
	acr_session_unref(session);
}

/* Called by libfuse with the request's lock held, also from within
 * fuse_req_interrupt_func(). */
static void interrupted(fuse_req_t req, void *data)
{
	struct fs_pending *waiter = data;
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
static void disarm(struct fs_pending *waiter)
{
	fuse_req_interrupt_func(waiter->req, NULL, NULL);
}

/* ---- trying ---- */

/* Try all once. Under (f), which is let go meanwhile; new ones at the tail are tried too.
 * Returns those that are to be answered, linked by next. */
static struct fs_pending *attempt_all(struct front *front)
{
	struct fs_pending *answered = NULL, **end = &answered, *next;

	for (struct fs_pending *waiter = front->head; waiter; waiter = next) {
		int result;

		waiter->state = FS_TRIED;
		pthread_mutex_unlock(&front->lock);
		result = waiter->kind->attempt(waiter);
		pthread_mutex_lock(&front->lock);
		waiter->state = FS_WAITING;
		next = waiter->next;
		if (result == -EAGAIN && !waiter->interrupted && !atomic_load(&closing))
			continue;
		waiter->error = result != -EAGAIN     ? 0
		                : waiter->interrupted ? -EINTR
		                                      : -ECANCELED;
		take_off(front, waiter);
		waiter->next = NULL;
		*end = waiter;
		end = &waiter->next;
	}
	return answered;
}

static void answer_all(struct fs_pending *waiter)
{
	for (struct fs_pending *next; waiter; waiter = next) {
		next = waiter->next;
		disarm(waiter);
		finish(waiter, waiter->error);
	}
}

/* Tell the kernel to poll again. A poll handle serves once. */
static void notify_pollers(struct front *front)
{
	struct fs_handle *handle;

	pthread_mutex_lock(&front->lock);
	while ((handle = front->pollers)) {
		struct fuse_pollhandle *poll = handle->poll;

		front->pollers = handle->next;
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
	struct fs_pending *answered;

	fs_spliced_moved(session);
	/* Nobody has ever waited. A call that is about to looks again after queueing. */
	if (!front)
		return;
	pthread_mutex_lock(&front->lock);
	front->again = true;
	while (!front->waking && front->again) {
		front->again = false;
		front->waking = true;
		answered = attempt_all(front);
		pthread_mutex_unlock(&front->lock);
		answer_all(answered);
		pthread_mutex_lock(&front->lock);
		front->waking = false;
	}
	pthread_mutex_unlock(&front->lock);
	notify_pollers(front);
}

/* ---- beginnings ---- */

/* Charge a waiter to its caller and give it what it needs. 0 or a negative errno. */
static int prepare(struct fs_pending *waiter, struct acr_session *session)
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
	atomic_fetch_add(&kept, 1);
	return 0;
}

void fs_wait(struct fs_pending *waiter, struct acr_session *session)
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

static void forget_poller(struct front *front, struct fs_handle *handle)
{
	struct fs_handle **link = &front->pollers;

	if (!handle->poll)
		return;
	while (*link != handle)
		link = &(*link)->next;
	*link = handle->next;
	fuse_pollhandle_destroy(handle->poll);
	handle->poll = NULL;
}

void fs_poll_forget(struct fs_handle *handle)
{
	struct front *front = handle->session ? handle->session->front : NULL;

	if (!front)
		return;
	pthread_mutex_lock(&front->lock);
	forget_poller(front, handle);
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
		forget_poller(front, handle);
		handle->poll = ph;
		handle->next = front->pollers;
		front->pollers = handle;
		pthread_mutex_unlock(&front->lock);
	}
	fuse_reply_poll(req, pollable ? handle->node.file->kind->poll(handle)
	                              : POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
}

/* ---- the end ---- */

/* Everything of a front that waits, to be answered. Under (fronts_lock). */
static struct fs_pending *empty_front(struct front *front, struct fs_pending *list)
{
	pthread_mutex_lock(&front->lock);
	for (struct fs_pending *waiter = front->head, *next; waiter; waiter = next) {
		next = waiter->next;
		if (waiter->state != FS_WAITING)
			continue; /* the thread that is trying it sees that we are closing */
		take_off(front, waiter);
		waiter->error = -ECANCELED;
		waiter->next = list;
		list = waiter;
	}
	pthread_mutex_unlock(&front->lock);
	notify_pollers(front);
	return list;
}

void fs_wait_close(void)
{
	struct fs_pending *list = NULL;

	atomic_store(&closing, true);
	pthread_mutex_lock(&fronts_lock);
	for (struct front *front = fronts; front; front = front->next)
		list = empty_front(front, list);
	pthread_mutex_unlock(&fronts_lock);
	answer_all(list);
}

void fs_wait_init(void)
{
	acr_session_changed = wake;
	acr_session_freed = front_free;
}
