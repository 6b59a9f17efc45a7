/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* With io_uring a round of waiting is one system call: it arms again what has fired, and waits.
 * poll(2) does the same where io_uring is switched off, as in many containers. */
#include "reactor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <liburing.h>

struct watch {
	int fd;
	short events;
	bool (*fn)(void *data, short events);
	void *data;
	bool off;    /* (t) */
	bool armed;  /* (t) io_uring only */
	short fired; /* (t) */
};

struct reactor {
	struct watch watches[REACTOR_WATCHES];
	unsigned count;
	int wake;
	bool uring; /* ring is there */
	struct io_uring ring;
	pthread_t thread;
	bool started;
};

/* Only the wish to stop writes here. */
static bool woken(void *data, short events)
{
	(void)data;
	(void)events;
	return false;
}

struct reactor *reactor_new(void)
{
	struct reactor *reactor = calloc(1, sizeof(*reactor));

	if (!reactor)
		return NULL;
	reactor->wake = eventfd(0, EFD_CLOEXEC);
	if (reactor->wake < 0) {
		free(reactor);
		return NULL;
	}
	reactor->uring = io_uring_queue_init(2 * REACTOR_WATCHES, &reactor->ring, 0) == 0;
	reactor_watch(reactor, reactor->wake, POLLIN, woken, NULL);
	return reactor;
}

void reactor_forbid_uring(struct reactor *reactor)
{
	if (reactor->uring)
		io_uring_queue_exit(&reactor->ring);
	reactor->uring = false;
}

int reactor_watch(struct reactor *reactor, int fd, short events,
                  bool (*fn)(void *data, short events), void *data)
{
	if (reactor->count == REACTOR_WATCHES)
		return -ENOSPC;
	reactor->watches[reactor->count++] =
	        (struct watch){ .fd = fd, .events = events, .fn = fn, .data = data };
	return 0;
}

/* Until something has fired. False: waiting is not possible any more. */
static bool wait_uring(struct reactor *reactor)
{
	struct io_uring_cqe *cqe;
	unsigned head, seen = 0;
	int error;

	for (unsigned i = 0; i < reactor->count; i++) {
		struct watch *watch = &reactor->watches[i];
		struct io_uring_sqe *sqe;

		if (watch->armed || watch->off)
			continue;
		sqe = io_uring_get_sqe(&reactor->ring);
		if (!sqe)
			return false;
		io_uring_prep_poll_add(sqe, watch->fd, (unsigned)(unsigned short)watch->events);
		io_uring_sqe_set_data(sqe, watch);
		watch->armed = true;
	}
	error = io_uring_submit_and_wait(&reactor->ring, 1);
	if (error < 0 && error != -EINTR && error != -EAGAIN && error != -EBUSY)
		return false;
	io_uring_for_each_cqe(&reactor->ring, head, cqe)
	{
		struct watch *watch = io_uring_cqe_get_data(cqe);

		watch->armed = false;
		watch->fired = cqe->res < 0 ? POLLNVAL : (short)cqe->res;
		seen++;
	}
	io_uring_cq_advance(&reactor->ring, seen);
	return true;
}

static bool wait_poll(struct reactor *reactor)
{
	struct pollfd fds[REACTOR_WATCHES];

	for (unsigned i = 0; i < reactor->count; i++)
		fds[i] =
		        (struct pollfd){ .fd = reactor->watches[i].off ? -1
			                                               : reactor->watches[i].fd,
			                 .events = reactor->watches[i].events };
	if (poll(fds, reactor->count, -1) < 0)
		return errno == EINTR || errno == EAGAIN;
	for (unsigned i = 0; i < reactor->count; i++)
		reactor->watches[i].fired = fds[i].revents;
	return true;
}

static void *reactor_thread(void *data)
{
	struct reactor *reactor = data;

	while (reactor->uring ? wait_uring(reactor) : wait_poll(reactor)) {
		for (unsigned i = 0; i < reactor->count; i++) {
			struct watch *watch = &reactor->watches[i];
			short fired = watch->fired;

			watch->fired = 0;
			if (fired && !watch->off)
				watch->off = !watch->fn(watch->data, fired) || fired & POLLNVAL;
		}
		if (reactor->watches[0].off)
			break;
	}
	return NULL;
}

int reactor_start(struct reactor *reactor)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&reactor->thread, NULL, reactor_thread, reactor);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	reactor->started = !error;
	return -error;
}

void reactor_stop(struct reactor *reactor)
{
	uint64_t one = 1;

	if (!reactor)
		return;
	if (reactor->started) {
		while (write(reactor->wake, &one, sizeof(one)) < 0 && errno == EINTR)
			continue;
		pthread_join(reactor->thread, NULL);
	}
	if (reactor->uring)
		io_uring_queue_exit(&reactor->ring);
	close(reactor->wake);
	free(reactor);
}
