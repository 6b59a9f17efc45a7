/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The thread that owns the chip. */
#include "ce99.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S   1000000000u
#define NS_PER_MS  1000000u
#define WAIT_MAX   60000 /* ms: nothing is lost by waking up too early */
#define PATIENCE_S 1u    /* beyond the time-outs of the card */

static bool stopping(const struct ce99 *ce)
{
	return atomic_load(&ce->stop);
}

/* Milliseconds until a key is to be deleted, -1: none is. */
static int key_wait(const struct ce99 *ce)
{
	uint64_t used = chip_oldest_use(&ce->chip), now = ce99_now_ns();

	if (used == UINT64_MAX)
		return -1;
	if (now - used > ce->keep_ns)
		return 0;
	used = (ce->keep_ns - (now - used)) / NS_PER_MS + 1;
	return used > WAIT_MAX ? WAIT_MAX : (int)used;
}

static bool is_broken(struct ce99 *ce)
{
	bool broken;

	pthread_mutex_lock(&ce->lock);
	broken = ce->broken;
	pthread_mutex_unlock(&ce->lock);
	return broken;
}

/* Until there is something to do. A broken device waits for its end alone. */
static void sleep_until_needed(struct ce99 *ce)
{
	bool broken = is_broken(ce);
	struct pollfd fds[2] = { { .fd = ce->wake, .events = POLLIN },
		                 { .fd = broken ? -1 : ce->facts.hangup,
		                   .events = POLLRDHUP } };
	uint64_t count;

	if (poll(fds, 2, broken ? -1 : key_wait(ce)) < 0)
		return;
	if (fds[0].revents)
		while (read(ce->wake, &count, sizeof(count)) < 0 && errno == EINTR)
			continue;
	if (fds[1].revents)
		ce99_fail(ce, "the process that emulated the card is gone", -EIO);
}

static void *worker(void *data)
{
	struct ce99 *ce = data;

	while (!stopping(ce)) {
		bool worked = ce99_step(ce);

		if (!is_broken(ce))
			ce99_idle(ce);
		if (!worked && !stopping(ce))
			sleep_until_needed(ce);
	}
	pthread_mutex_lock(&ce->lock);
	ce->ended = true;
	pthread_cond_signal(&ce->ended_now);
	pthread_mutex_unlock(&ce->lock);
	return NULL;
}

void ce99_wake(struct ce99 *ce)
{
	uint64_t one = 1;

	while (write(ce->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

int ce99_start(struct ce99 *ce)
{
	sigset_t all, before;
	int error;

	ce->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ce->wake < 0)
		return -errno;
	atomic_store(&ce->stop, false);
	ce->ended = false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&ce->thread, NULL, worker, ce);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	ce->started = !error;
	if (error) {
		close(ce->wake);
		ce->wake = -1;
	}
	return -error;
}

/* Runs of a card end by their time-out. */
static bool wait_for_end(struct ce99 *ce)
{
	uint64_t wait_ns = 2 * ce->timeout_ns;
	struct timespec until;
	int error = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(wait_ns / NS_PER_S + PATIENCE_S);
	pthread_mutex_lock(&ce->lock);
	while (!ce->ended && !error)
		error = pthread_cond_timedwait(&ce->ended_now, &ce->lock, &until);
	pthread_mutex_unlock(&ce->lock);
	return !error;
}

int ce99_halt(struct ce99 *ce)
{
	if (!ce->started)
		return 0;
	atomic_store(&ce->stop, true);
	ce99_wake(ce);
	if (!wait_for_end(ce))
		return -EBUSY;
	pthread_join(ce->thread, NULL);
	ce->started = false;
	close(ce->wake);
	ce->wake = -1;
	return 0;
}
