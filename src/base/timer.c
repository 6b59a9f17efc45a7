/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "timer.h"

#include "container.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf */
static pthread_cond_t changed;
static struct acr_heap heap; /* (lock) key: -nanoseconds, soonest first */
static bool stopping;        /* (lock) */
static pthread_t thread;

/* Nanoseconds as double are exact to 104 days of uptime and good to a microsecond for ages. */
static void wait_until(double ns)
{
	struct timespec at = { (time_t)(ns / 1e9), 0 };

	at.tv_nsec = (long)(ns - (double)at.tv_sec * 1e9);
	pthread_cond_timedwait(&changed, &lock, &at);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void *run(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	while (!stopping) {
		struct acr_heap_node *top = acr_heap_top(&heap);
		if (!top) {
			pthread_cond_wait(&changed, &lock);
		} else if (-top->key > now()) {
			wait_until(-top->key);
		} else {
			struct acr_timer *timer = acr_container_of(top, struct acr_timer, node);
			acr_heap_remove(&heap, top);
			pthread_mutex_unlock(&lock);
			timer->expired(timer);
			pthread_mutex_lock(&lock);
		}
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

int acr_timers_start(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attr);
	pthread_condattr_destroy(&attr);
	return -pthread_create(&thread, NULL, run, NULL);
}

void acr_timers_stop(void)
{
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
	acr_heap_clear(&heap);
}

bool acr_timer_set(struct acr_timer *timer, uint64_t at_ns)
{
	bool ok;

	pthread_mutex_lock(&lock);
	ok = acr_heap_add(&heap, &timer->node, -(double)at_ns, 0);
	if (ok && acr_heap_top(&heap) == &timer->node)
		pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	return ok;
}

bool acr_timer_cancel(struct acr_timer *timer)
{
	bool was_set;

	pthread_mutex_lock(&lock);
	was_set = timer->node.index > 0;
	if (was_set)
		acr_heap_remove(&heap, &timer->node);
	pthread_mutex_unlock(&lock);
	return was_set;
}
