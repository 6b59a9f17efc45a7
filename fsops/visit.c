/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which process copies when, and which is given up.
 *
 * A visit goes in *rounds* of one visitor (a process, see visitor.h). The thread that serves
 * waits for it a few milliseconds, so a small call costs no other thread; at most half of
 * those threads do that at a time. What takes longer, what comes in a thread that must not
 * wait (of a device, say), and what waits for its turn is *kept*: one thread, the keeper, goes
 * on with it, and a signal ends it at once.
 *
 * Each user has a few visits at a time, the rest queue. A visitor that sleeps in one round is
 * *slow*; of these a user has fewer still, and what would be one more is refused. After a
 * longer time it is given up and killed; its user stays charged with it until the system lets
 * it go, which may be never. So what any number of users do costs the others no more than
 * short waits.
 *
 * Whoever is to answer kills the visitor first: the number of the caller's thread may soon
 * be somebody else's. */
#include "visits.h"

#include "base/account.h"
#include "base/secret.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STAY_US  10000 /* all rounds in a thread that serves */
#define PER_USER 8     /* visits at a time */
#define SLOW     4     /* of a user, those that are killed and not gone too */
#define MANY     64    /* slow ones of all users, above which each may have one */
#define IDLE     4     /* visitors that are kept for later */

struct fs_visits fs_visits = { .lock = PTHREAD_MUTEX_INITIALIZER,
	                       .ended = PTHREAD_COND_INITIALIZER,
	                       .queue = TAILQ_HEAD_INITIALIZER(fs_visits.queue),
	                       .events = -1,
	                       .kick = -1 };
static _Thread_local bool serves;

void fs_visit_server(bool begins)
{
	pthread_mutex_lock(&fs_visits.lock);
	fs_visits.servers += begins ? 1 : -1;
	pthread_mutex_unlock(&fs_visits.lock);
	serves = begins;
}

bool fs_visit_serves(void)
{
	return serves;
}

/* ---- accounts; under the lock ---- */

bool fs_visit_too_slow(const struct acr_account *account)
{
	return account->slow >= (fs_visits.slow_count < MANY ? SLOW : 1);
}

void fs_visitor_charge(struct fs_visitor *visitor, bool is_slow)
{
	if (visitor->slow == is_slow)
		return;
	visitor->slow = is_slow;
	visitor->account->slow += is_slow ? 1 : -1;
	fs_visits.slow_count += is_slow ? 1 : -1;
}

/* ---- visitors and visits find each other; under the lock ---- */

static void part(struct fs_visit *visit)
{
	if (visit->visitor)
		visit->visitor->visit = NULL;
	visit->visitor = NULL;
	visit->account->visits--;
	visit->state = FS_VISIT_HELD;
}

void fs_visit_give_up(struct fs_visit *visit, int error)
{
	struct fs_visitor *visitor = visit->visitor;

	visit->error = error;
	if (visitor) {
		fs_visitor_charge(visitor, true);
		fs_visitor_kill(visitor);
		part(visit);
	} else {
		TAILQ_REMOVE(&fs_visits.queue, visit, others);
		visit->state = FS_VISIT_HELD;
	}
}

/* The visitor has nothing to do; the keeper must not have it any more. Returns one that is
 * to be freed: it is gone, or there are enough. */
static struct fs_visitor *let_rest(struct fs_visitor *visitor, bool gone)
{
	fs_visitor_charge(visitor, false);
	if (gone || fs_visits.closing || fs_visits.idle_count >= IDLE)
		return visitor;
	LIST_INSERT_HEAD(&fs_visits.idle, visitor, others);
	fs_visits.idle_count++;
	return NULL;
}

void fs_visitor_unwatch(struct fs_visitor *visitor)
{
	epoll_ctl(fs_visits.events, EPOLL_CTL_DEL, visitor->socket, NULL);
	LIST_REMOVE(visitor, others);
}

/* ---- the ways of a visit ---- */

void fs_visit_conclude(struct fs_visit *visit)
{
	if (visit->error)
		visit->error = fs_caller_failed(&visit->caller, visit->error);
	visit->done(visit);
	pthread_mutex_lock(&fs_visits.lock);
	if (!--fs_visits.unfinished)
		pthread_cond_broadcast(&fs_visits.ended);
	pthread_mutex_unlock(&fs_visits.lock);
}

void fs_visit_disarm(struct fs_visit *visit)
{
	fuse_req_interrupt_func(visit->req, NULL, NULL);
}

/* Called by libfuse with the request's lock held. The holder of the visit sees the mark. */
static void interrupted(fuse_req_t req, void *data)
{
	struct fs_visit *visit = data;
	bool mine;

	(void)req;
	pthread_mutex_lock(&fs_visits.lock);
	visit->interrupted = true;
	mine = visit->state == FS_VISIT_KEPT;
	if (mine)
		fs_visit_give_up(visit, -EINTR);
	pthread_mutex_unlock(&fs_visits.lock);
	if (!mine)
		return;
	fs_visit_conclude(visit);
	eventfd_write(fs_visits.kick,
	              1); /* others may go, in a thread without libfuse's lock */
}

static void arm(struct fs_visit *visit)
{
	fuse_req_interrupt_func(visit->req, interrupted, visit);
}

int fs_visit_obstacle(const struct fs_visit *visit)
{
	return fs_visits.closing ? -ECANCELED : visit->interrupted ? -EINTR : 0;
}

/* The visitor has its round; from now on the keeper waits for it. The visit is armed. */
static void keep(struct fs_visit *visit)
{
	struct fs_visitor *visitor = visit->visitor;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = visitor };
	int error;

	pthread_mutex_lock(&fs_visits.lock);
	LIST_INSERT_HEAD(&fs_visits.kept, visitor, others);
	epoll_ctl(fs_visits.events, EPOLL_CTL_ADD, visitor->socket, &event);
	error = fs_visit_obstacle(visit);
	if (error)
		fs_visit_give_up(visit, error);
	else
		visit->state = FS_VISIT_KEPT;
	if (!fs_visits.ticking)
		eventfd_write(fs_visits.kick, 1);
	fs_visits.ticking = true;
	pthread_mutex_unlock(&fs_visits.lock);
	if (!error)
		return;
	fs_visit_disarm(visit);
	fs_visit_conclude(visit);
}

/* Have a visitor, of those that are there or a new one. The visit is counted, and no
 * thread's but ours. False: there is none to be had, and the visit is over. */
static bool find_visitor(struct fs_visit *visit)
{
	struct fs_visitor *visitor;

	pthread_mutex_lock(&fs_visits.lock);
	visitor = LIST_FIRST(&fs_visits.idle);
	if (visitor) {
		LIST_REMOVE(visitor, others);
		fs_visits.idle_count--;
	}
	pthread_mutex_unlock(&fs_visits.lock);
	if (!visitor)
		visitor = fs_visitor_new();
	pthread_mutex_lock(&fs_visits.lock);
	visit->visitor = visitor;
	if (visitor) {
		visitor->visit = visit;
		visitor->account = visit->account;
	} else {
		visit->error = -EAGAIN;
		part(visit);
	}
	pthread_mutex_unlock(&fs_visits.lock);
	return visitor != NULL;
}

void fs_visit_finish(struct fs_visit *visit)
{
	struct fs_visitor *visitor = visit->visitor, *spare;
	bool gone = visit->error == -EPIPE;

	if (gone)
		visit->error = -EAGAIN;
	part(visit);
	spare = let_rest(visitor, gone);
	pthread_mutex_unlock(&fs_visits.lock);
	if (spare)
		fs_visitor_free(spare);
	acr_secret_scrub();
}

/* All of it in this thread, if it is quick. False: the visitor is still at it. */
static bool is_quick(struct fs_visit *visit)
{
	int64_t until = g_get_monotonic_time() + STAY_US;

	do
		fs_round_begin(visit);
	while (fs_round_end(visit, true) && g_get_monotonic_time() < until);
	if (!visit->error && visit->at < visit->count) {
		fs_round_begin(visit);
		return false;
	}
	return visit->error != -EAGAIN;
}

/* The visit is counted with its user's, and in `away` if it is to be done here. */
static void start(struct fs_visit *visit, bool here)
{
	bool has = find_visitor(visit), over = !has || (here && is_quick(visit));

	pthread_mutex_lock(&fs_visits.lock);
	fs_visits.away -= here;
	if (over && has)
		fs_visit_finish(visit);
	else
		pthread_mutex_unlock(&fs_visits.lock);
	if (over) {
		fs_visit_conclude(visit);
		fs_visits_start_queued();
		return;
	}
	if (!here)
		fs_round_begin(visit);
	arm(visit);
	keep(visit);
}

/* Under the lock: the first in the queue that may go, counted; or that is refused, with an
 * error. NULL: none. */
static struct fs_visit *next_queued(void)
{
	struct fs_visit *visit;

	TAILQ_FOREACH(visit, &fs_visits.queue, others) {
		visit->error = fs_visit_too_slow(visit->account) ? -EAGAIN : 0;
		if (!visit->error && visit->account->visits >= PER_USER)
			continue;
		TAILQ_REMOVE(&fs_visits.queue, visit, others);
		visit->state = FS_VISIT_HELD;
		visit->account->visits += !visit->error;
		return visit;
	}
	return NULL;
}

void fs_visits_start_queued(void)
{
	for (;;) {
		struct fs_visit *visit;

		pthread_mutex_lock(&fs_visits.lock);
		visit = next_queued();
		pthread_mutex_unlock(&fs_visits.lock);
		if (!visit)
			return;
		if (visit->error || !find_visitor(visit)) {
			fs_visit_disarm(visit);
			fs_visit_conclude(visit);
		} else {
			fs_round_begin(visit);
			keep(visit);
		}
	}
}

static void enqueue(struct fs_visit *visit)
{
	arm(visit);
	pthread_mutex_lock(&fs_visits.lock);
	visit->error = fs_visit_obstacle(visit);
	if (!visit->error) {
		TAILQ_INSERT_TAIL(&fs_visits.queue, visit, others);
		visit->state = FS_VISIT_KEPT;
		pthread_mutex_unlock(&fs_visits.lock);
		fs_visits_start_queued(); /* those that it waits for may have ended in between */
		return;
	}
	pthread_mutex_unlock(&fs_visits.lock);
	fs_visit_disarm(visit);
	fs_visit_conclude(visit);
}

/* Count it. 0, or why it can't be. */
static int admit(struct fs_visit *visit, bool *here, bool *waits)
{
	int error;

	pthread_mutex_lock(&fs_visits.lock);
	fs_visits.unfinished++;
	error = fs_visits.closing                   ? -ECANCELED
	        : fs_visit_too_slow(visit->account) ? -EAGAIN
	                                            : 0;
	*waits = visit->account->visits >= PER_USER;
	*here = *here && serves && fs_visits.away < fs_visits.servers / 2 && !*waits && !error;
	visit->account->visits += !error && !*waits;
	fs_visits.away += *here;
	pthread_mutex_unlock(&fs_visits.lock);
	return error;
}

/* Leave out what is empty. 0; -EFAULT: a copy reaches beyond all memory. */
static int check_copies(struct fs_visit *visit)
{
	unsigned count = 0;

	for (unsigned i = 0; i < visit->count; i++) {
		struct fs_copy *copy = &visit->copies[i];
		if (copy->pointer > UINTPTR_MAX - copy->len)
			return -EFAULT;
		if (copy->len)
			visit->copies[count++] = *copy;
	}
	visit->count = count;
	return 0;
}

void fs_visit(struct fs_visit *visit, bool here)
{
	bool waits;
	int error;

	visit->at = 0;
	visit->offset = 0;
	visit->state = FS_VISIT_FIRST;
	visit->interrupted = false;
	visit->visitor = NULL;
	visit->account = acr_account_get(fuse_req_ctx(visit->req)->uid);
	visit->error = visit->account ? check_copies(visit) : -ENOMEM;
	if (visit->error)
		visit->error = fs_caller_failed(&visit->caller, visit->error);
	else if (visit->count && !visit->caller.thread)
		visit->error = fs_caller_find(visit->req, &visit->caller);
	if (visit->error || !visit->count) {
		visit->done(visit);
		return;
	}
	error = admit(visit, &here, &waits);
	if (error) {
		visit->error = error;
		fs_visit_conclude(visit);
	} else if (waits) {
		enqueue(visit);
	} else {
		start(visit, here);
	}
}
