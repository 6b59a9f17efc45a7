/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests that are kept until their session has something for them. Waiting costs no thread:
 * a waiter is tried again whenever its session changes, in the order of arrival.
 *
 * Who answers a waiter: the one that takes it off its list. That is wake() after a successful
 * attempt, or an interrupt that finds it not being tried just then. libfuse calls an interrupt
 * with the request's own lock held; so a request's interrupt is disarmed (which waits for that
 * lock) before it is answered and its waiter freed, and never under the list's lock. */
#include "fsops.h"

#include "src/secret.h"
#include "src/settings.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct waiter {
	struct waiter *prev, *next;    /* (f) */
	enum { ARMING, WAITING, BUSY, TAKEN } state; /* (f) */
	bool interrupted;              /* (f) */
	fuse_req_t req;
	struct fs_handle *handle;      /* its descriptor stays open while a request is kept */
	struct acr_session *session;   /* a reference */
	struct acr_account *account;   /* a reference: of the caller, charged with a request */
	bool once;                     /* the handle is ours: a read of `random` */
	unsigned request;              /* of a read: which request it waits for */
	bool is_write;
	size_t size;
	off_t offset;
	char *data; /* of a write, charged */
	struct fs_answer answer;
};

struct front {
	pthread_mutex_t lock; /* (f), after no other lock of ours; libfuse's come before it */
	struct waiter *head, *tail;
	bool waking, again;        /* one thread at a time tries the waiters */
	struct fs_handle *pollers; /* handles with a poll handle */
	struct fs_handle *holders; /* handles that may hold a key */
	struct front *prev, *next; /* (fronts_lock) */
};

static atomic_size_t kept;
static atomic_bool closing;
static pthread_mutex_t fronts_lock = PTHREAD_MUTEX_INITIALIZER; /* before (f) */
static struct front *fronts; /* (fronts_lock) */

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

static void append(struct front *front, struct waiter *waiter)
{
	waiter->prev = front->tail;
	waiter->next = NULL;
	if (front->tail)
		front->tail->next = waiter;
	else
		front->head = waiter;
	front->tail = waiter;
	waiter->state = WAITING;
}

static void take_off(struct front *front, struct waiter *waiter)
{
	if (waiter->prev)
		waiter->prev->next = waiter->next;
	else
		front->head = waiter->next;
	if (waiter->next)
		waiter->next->prev = waiter->prev;
	else
		front->tail = waiter->prev;
	waiter->state = TAKEN;
}

/* ---- endings ---- */

static void waiter_free(struct waiter *waiter)
{
	struct acr_session *session = waiter->session;

	acr_account_drop_request(waiter->account);
	if (waiter->data) {
		acr_account_release(waiter->account, waiter->size);
		acr_secret_free(waiter->data);
	}
	acr_account_unref(waiter->account);
	if (waiter->once) {
		acr_session_cancel(session);
		acr_session_unref(session);
		free(waiter->handle);
	}
	free(waiter);
	atomic_fetch_sub(&kept, 1);
	acr_session_unref(session);
}

/* Called by libfuse with the request's lock held, also from within fuse_req_interrupt_func(). */
static void interrupted(fuse_req_t req, void *data)
{
	struct waiter *waiter = data;
	struct front *front = waiter->session->front;
	bool mine = false;

	pthread_mutex_lock(&front->lock);
	waiter->interrupted = true;
	if (waiter->state == WAITING) {
		take_off(front, waiter);
		mine = true;
	}
	pthread_mutex_unlock(&front->lock);
	if (!mine)
		return;
	fuse_reply_err(req, EINTR);
	waiter_free(waiter);
}

/* Make sure that interrupted() neither runs nor will. */
static void disarm(struct waiter *waiter)
{
	fuse_req_interrupt_func(waiter->req, NULL, NULL);
}

/* ---- trying ---- */

static int attempt(struct waiter *waiter)
{
	if (waiter->is_write)
		return fs_attempt_write(waiter->handle, waiter->data, waiter->size,
					waiter->offset, false, &waiter->answer);
	return fs_attempt_read(waiter->handle, waiter->size, waiter->offset, &waiter->request,
			       &waiter->answer);
}

/* Try all once. Under (f), which is let go meanwhile; new ones at the tail are tried too.
 * Returns those that are to be answered, linked by next. */
static struct waiter *attempt_all(struct front *front)
{
	struct waiter *answered = NULL, **end = &answered, *next;

	for (struct waiter *waiter = front->head; waiter; waiter = next) {
		int result;

		waiter->state = BUSY;
		pthread_mutex_unlock(&front->lock);
		result = attempt(waiter);
		pthread_mutex_lock(&front->lock);
		waiter->state = WAITING;
		next = waiter->next;
		if (result == -EAGAIN && !waiter->interrupted && !atomic_load(&closing))
			continue;
		if (result == -EAGAIN)
			waiter->answer = (struct fs_answer){
				.error = waiter->interrupted ? -EINTR : -ECANCELED };
		take_off(front, waiter);
		waiter->next = NULL;
		*end = waiter;
		end = &waiter->next;
	}
	return answered;
}

static void answer_all(struct waiter *waiter)
{
	for (struct waiter *next; waiter; waiter = next) {
		next = waiter->next;
		disarm(waiter);
		fs_answer_send(waiter->req, &waiter->answer);
		waiter_free(waiter);
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
	struct waiter *answered;

	if (!front) /* nobody has ever waited; who is about to looks again after queueing */
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

/* A waiter charged to the caller. NULL with *error. */
static struct waiter *waiter_new(fuse_req_t req, struct fs_handle *handle, size_t size,
				 off_t offset, int *error)
{
	struct acr_account *account = acr_account_get(fuse_req_ctx(req)->uid);
	struct waiter *waiter;

	*error = account ? acr_account_add_request(account) : -ENOMEM;
	waiter = *error ? NULL : calloc(1, sizeof *waiter);
	if (waiter && !front_of(handle->session)) {
		free(waiter);
		waiter = NULL;
	}
	if (!waiter) {
		if (!*error) {
			acr_account_drop_request(account);
			*error = -ENOMEM;
		}
		if (account)
			acr_account_unref(account);
		return NULL;
	}
	waiter->req = req;
	waiter->handle = handle;
	waiter->session = acr_session_ref(handle->session);
	waiter->account = account;
	waiter->size = size;
	waiter->offset = offset;
	atomic_fetch_add(&kept, 1);
	return waiter;
}

static void wait(struct waiter *waiter)
{
	struct acr_session *session = acr_session_ref(waiter->session);
	struct front *front = session->front;
	bool queued;

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
		fuse_reply_err(waiter->req, waiter->interrupted ? EINTR : ECANCELED);
		waiter_free(waiter);
	}
	acr_session_unref(session);
}

void fs_wait_read(fuse_req_t req, struct fs_handle *handle, size_t size, off_t offset,
		  unsigned request, bool once)
{
	int error;
	struct waiter *waiter = waiter_new(req, handle, size, offset, &error);

	if (waiter) {
		waiter->once = once;
		waiter->request = request;
		wait(waiter);
		return;
	}
	fuse_reply_err(req, -error);
	if (once) {
		acr_session_cancel(handle->session);
		acr_session_unref(handle->session);
		free(handle);
	}
}

void fs_wait_write(fuse_req_t req, struct fs_handle *handle, const char *data, size_t size,
		   off_t offset)
{
	int error;
	struct waiter *waiter = waiter_new(req, handle, size, offset, &error);

	if (!waiter) {
		fuse_reply_err(req, -error);
		return;
	}
	waiter->is_write = true;
	error = acr_account_charge(waiter->account, size);
	if (!error) {
		waiter->data = acr_private_alloc(size);
		if (waiter->data) {
			memcpy(waiter->data, data, size);
			wait(waiter);
			return;
		}
		acr_account_release(waiter->account, size);
		error = -ENOSPC;
	}
	waiter_free(waiter);
	fuse_reply_err(req, -error);
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

void fs_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	struct fs_handle *handle = (struct fs_handle *)(uintptr_t)fi->fh;
	bool pollable = handle->session && handle->file->kind->poll && !atomic_load(&closing);
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
	fuse_reply_poll(req, pollable ? handle->file->kind->poll(handle)
				      : POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
}

/* ---- keys in open descriptors ---- */

void fs_hold(struct fs_handle *handle)
{
	struct front *front = front_of(handle->session);

	if (!front)
		return;
	pthread_mutex_lock(&front->lock);
	handle->next_holder = front->holders;
	front->holders = handle;
	pthread_mutex_unlock(&front->lock);
}

void fs_hold_end(struct fs_handle *handle)
{
	struct front *front = handle->session->front;
	struct fs_handle **link;

	if (!front)
		return;
	pthread_mutex_lock(&front->lock);
	for (link = &front->holders; *link && *link != handle; link = &(*link)->next_holder)
		;
	if (*link)
		*link = handle->next_holder;
	pthread_mutex_unlock(&front->lock);
}

void fs_drop_held(struct acr_session *session, unsigned stage)
{
	struct front *front = session->front;

	if (!front)
		return;
	pthread_mutex_lock(&front->lock);
	for (struct fs_handle *handle = front->holders; handle; handle = handle->next_holder)
		if (!stage || stage == fs_node_stage(&handle->node))
			fs_value_drop(handle);
	pthread_mutex_unlock(&front->lock);
}

/* ---- the end ---- */

/* Everything of a front that waits, to be answered. Under (fronts_lock). */
static struct waiter *empty_front(struct front *front, struct waiter *list)
{
	pthread_mutex_lock(&front->lock);
	for (struct waiter *waiter = front->head, *next; waiter; waiter = next) {
		next = waiter->next;
		if (waiter->state != WAITING)
			continue; /* who is trying it sees that we are closing */
		take_off(front, waiter);
		waiter->answer = (struct fs_answer){ .error = -ECANCELED };
		waiter->next = list;
		list = waiter;
	}
	pthread_mutex_unlock(&front->lock);
	notify_pollers(front);
	return list;
}

void fs_wait_close(void)
{
	struct waiter *list = NULL;

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
