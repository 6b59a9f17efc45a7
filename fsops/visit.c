/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads for work on the memory of callers.
 *
 * A page of that memory may take for ever: it may be mapped from a filesystem that never
 * answers, or from a dst of our own that is not done. Nothing can interrupt that. So at most
 * half of the threads that serve the filesystem do such work at a time; what is more, and what
 * comes in a thread that must not be lost (of a device, say), goes to threads that do nothing
 * else. Of these each user has a few only: who blocks them waits behind himself. */
#include "caller.h"

#include "base/log.h"
#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define THREADS  64 /* at most */
#define SPARE    2  /* that may be without work */
#define PER_USER 8  /* visits that run at a time, everywhere */
#define STACK    ((size_t)256 * 1024)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* (v), and acr_account.visits */
static pthread_cond_t more = PTHREAD_COND_INITIALIZER, ended = PTHREAD_COND_INITIALIZER;
static struct fs_visit *head, **tail = &head; /* (v) waiting */
static unsigned servers, away; /* (v) threads that serve, and those of them that visit */
static unsigned threads, idle; /* (v) our own */
static unsigned unfinished;    /* (v) waiting or running */
static _Thread_local bool serves;

void fs_visit_server(bool begins)
{
	pthread_mutex_lock(&lock);
	servers += begins ? 1 : -1;
	pthread_mutex_unlock(&lock);
	serves = begins;
}

/* Under the lock: take the first whose user has not too many running. NULL: none. */
static struct fs_visit *take(void)
{
	for (struct fs_visit **link = &head; *link; link = &(*link)->next) {
		struct fs_visit *visit = *link;
		if (visit->account->visits >= PER_USER)
			continue;
		*link = visit->next;
		if (tail == &visit->next)
			tail = link;
		return visit;
	}
	return NULL;
}

/* Under the lock, which is let go meanwhile. The answer comes when it is no visit any more: who
 * gets it may call again at once. */
static void run(struct fs_visit *visit, bool here)
{
	struct acr_account *account = visit->account;

	account->visits++;
	away += here;
	pthread_mutex_unlock(&lock);
	visit->run(visit);
	pthread_mutex_lock(&lock);
	account->visits--;
	away -= here;
	if (head && idle)
		pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
	visit->done(visit);
	acr_secret_scrub();
	pthread_mutex_lock(&lock);
	if (!--unfinished)
		pthread_cond_broadcast(&ended);
}

static void *work(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	for (;;) {
		struct fs_visit *visit = take();

		if (visit) {
			run(visit, false);
		} else if (idle >= SPARE) {
			break;
		} else {
			idle++;
			pthread_cond_wait(&more, &lock);
			idle--;
		}
	}
	threads--;
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* Under the lock. */
static bool add_thread(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attr, work, NULL);
	pthread_attr_destroy(&attr);
	threads += !error;
	return !error;
}

/* Under the lock. */
static void enqueue(struct fs_visit *visit)
{
	visit->next = NULL;
	*tail = visit;
	tail = &visit->next;
	if (idle)
		pthread_cond_signal(&more);
	else if (threads < THREADS && !add_thread() && !threads)
		acr_log(ACR_LOG_ERROR, "visit", "no thread for a call: it waits for one");
}

void fs_visit(struct fs_visit *visit, uint32_t uid, bool here)
{
	visit->account = acr_account_get(uid);
	if (!visit->account) { /* no memory even for that: nothing is fair any more */
		visit->run(visit);
		visit->done(visit);
		return;
	}
	pthread_mutex_lock(&lock);
	unfinished++;
	if (here && serves && away < servers / 2 && visit->account->visits < PER_USER) {
		run(visit, true);
	} else {
		enqueue(visit);
	}
	pthread_mutex_unlock(&lock);
}

bool fs_visits_end(unsigned seconds)
{
	struct timespec until;
	bool all;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&lock);
	while (unfinished && pthread_cond_timedwait(&ended, &lock, &until) != ETIMEDOUT)
		;
	all = !unfinished;
	pthread_mutex_unlock(&lock);
	return all;
}
