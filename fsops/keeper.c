/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keeper: the thread that goes on with visits which no other thread waits for, and gives up
 * those that hang. */
#include "visits.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LIMIT_US 5000000 /* a slow round */
#define SLOW_MS  100     /* how often slow ones are looked at */
#define EVENTS   16

static pthread_t keeper;
static bool keeps; /* it was started */

static void conclude_all(struct fs_visit_list *list)
{
	struct fs_visit *visit;

	while ((visit = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, visit, others);
		fs_visit_disarm(visit);
		fs_visit_conclude(visit);
	}
}

/* A visitor that was given up has answered after all, or is gone. Under the lock. */
static void see_off(struct fs_visitor *visitor)
{
	if (fs_visitor_answer(visitor, false) != -EPIPE)
		return;
	fs_visitor_unwatch(visitor);
	fs_visitor_charge(visitor, false);
	fs_visitor_free(visitor);
}

/* Go on with a visit, which is held, by what its visitor has said. */
static void go_on(struct fs_visit *visit)
{
	struct fs_visit_list refused = TAILQ_HEAD_INITIALIZER(refused);
	struct fs_visitor *visitor = visit->visitor;
	bool more = fs_round_end(visit, false), silent = visit->error == -EAGAIN;
	int error;

	if (more)
		fs_round_begin(visit);
	pthread_mutex_lock(&fs_visits.lock);
	if (!more && !silent) {
		fs_visitor_unwatch(visitor);
		fs_visit_finish(visit);
		fs_visit_disarm(visit);
		fs_visit_conclude(visit);
		return;
	}
	if (more)
		fs_visitor_charge(visitor, false);
	visit->state = FS_VISIT_KEPT;
	error = fs_visit_obstacle(visit);
	if (error) {
		fs_visit_give_up(visit, error);
		TAILQ_INSERT_TAIL(&refused, visit, others);
	}
	pthread_mutex_unlock(&fs_visits.lock);
	conclude_all(&refused);
}

static void listen_to(struct fs_visitor *visitor)
{
	struct fs_visit *visit;

	pthread_mutex_lock(&fs_visits.lock);
	visit = visitor->visit;
	if (visit)
		visit->state = FS_VISIT_HELD;
	else
		see_off(visitor);
	pthread_mutex_unlock(&fs_visits.lock);
	if (visit)
		go_on(visit);
}

/* Under the lock: what is to become of a round that is not over. 0: it may go on. */
static int judge(struct fs_visitor *visitor, int64_t now)
{
	int64_t age = now - visitor->begun;

	if (visitor->slow)
		return age < LIMIT_US ? 0 : -ETIMEDOUT;
	if (age < FS_QUICK_MS * 1000 || !fs_visitor_blocked(visitor) ||
	    fs_visitor_has_answer(visitor))
		return 0;
	if (fs_visit_too_slow(visitor->account))
		return -EAGAIN;
	fs_visitor_charge(visitor, true);
	return 0;
}

/* Look at all rounds. Returns for how many milliseconds that is enough, -1: until one
 * begins. */
static int look_around(void)
{
	struct fs_visit_list refused = TAILQ_HEAD_INITIALIZER(refused);
	int64_t now = g_get_monotonic_time();
	struct fs_visitor *visitor;
	int wait = -1;

	pthread_mutex_lock(&fs_visits.lock);
	LIST_FOREACH(visitor, &fs_visits.kept, others) {
		struct fs_visit *visit = visitor->visit;
		int error = visit ? judge(visitor, now) : 0;

		if (error) {
			fs_visit_give_up(visit, error);
			TAILQ_INSERT_TAIL(&refused, visit, others);
		} else if (visit && wait != FS_QUICK_MS) {
			wait = visitor->slow ? SLOW_MS : FS_QUICK_MS;
		}
	}
	fs_visits.ticking = wait == FS_QUICK_MS;
	pthread_mutex_unlock(&fs_visits.lock);
	conclude_all(&refused);
	return wait;
}

static void *keep_all(void *unused)
{
	struct epoll_event ready[EVENTS];
	bool end = false;

	(void)unused;
	while (!end) {
		int count = epoll_wait(fs_visits.events, ready, EVENTS, look_around());
		eventfd_t kicks;

		for (int i = 0; i < count; i++) {
			if (ready[i].data.ptr)
				listen_to(ready[i].data.ptr);
			else
				eventfd_read(fs_visits.kick, &kicks);
		}
		fs_visits_start_queued();
		pthread_mutex_lock(&fs_visits.lock);
		end = fs_visits.closing && !fs_visits.unfinished;
		pthread_mutex_unlock(&fs_visits.lock);
	}
	return NULL;
}

int fs_visits_start(void)
{
	struct epoll_event event = { .events = EPOLLIN };

	fs_visits.events = epoll_create1(EPOLL_CLOEXEC);
	fs_visits.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fs_visits.events < 0 || fs_visits.kick < 0 ||
	    epoll_ctl(fs_visits.events, EPOLL_CTL_ADD, fs_visits.kick, &event))
		return -errno;
	keeps = !pthread_create(&keeper, NULL, keep_all, NULL);
	return keeps ? 0 : -EAGAIN;
}

void fs_visits_wait(void)
{
	pthread_mutex_lock(&fs_visits.lock);
	while (fs_visits.unfinished)
		pthread_cond_wait(&fs_visits.ended, &fs_visits.lock);
	pthread_mutex_unlock(&fs_visits.lock);
}

/* Under the lock: those that no thread holds. */
static void cancel_all(struct fs_visit_list *list)
{
	struct fs_visitor *visitor;
	struct fs_visit *visit;

	while ((visit = TAILQ_FIRST(&fs_visits.queue))) {
		fs_visit_give_up(visit, -ECANCELED);
		TAILQ_INSERT_TAIL(list, visit, others);
	}
	LIST_FOREACH(visitor, &fs_visits.kept, others) {
		visit = visitor->visit;
		if (!visit || visit->state != FS_VISIT_KEPT)
			continue;
		fs_visit_give_up(visit, -ECANCELED);
		TAILQ_INSERT_TAIL(list, visit, others);
	}
}

static void free_all(struct fs_visitor_list *list)
{
	struct fs_visitor *visitor;

	while ((visitor = LIST_FIRST(list))) {
		LIST_REMOVE(visitor, others);
		fs_visitor_free(visitor);
	}
}

void fs_visits_cancel(void)
{
	struct fs_visit_list cancelled = TAILQ_HEAD_INITIALIZER(cancelled);

	pthread_mutex_lock(&fs_visits.lock);
	fs_visits.closing = true;
	cancel_all(&cancelled);
	pthread_mutex_unlock(&fs_visits.lock);
	conclude_all(&cancelled);
	fs_visits_wait();
}

void fs_visits_close(void)
{
	fs_visits_cancel();
	if (keeps) {
		eventfd_write(fs_visits.kick, 1);
		pthread_join(keeper, NULL);
	}
	free_all(&fs_visits.idle);
	free_all(&fs_visits.kept);
	close(fs_visits.events);
	close(fs_visits.kick);
	fs_visitors_end();
}
