/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "epoch.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

struct reader {
	_Alignas(64) atomic_uint_least64_t active; /* the epoch it is in, 0: outside */
	atomic_bool taken;                         /* by a living thread */
	struct reader *next;                       /* readers are never freed, only reused */
};

static atomic_uint_least64_t epoch = 1;
static _Atomic(struct reader *) readers;
static _Thread_local struct reader *self;
static pthread_key_t leaving;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void thread_ends(void *reader)
{
	atomic_store(&((struct reader *)reader)->taken, 0);
}

static void make_key(void)
{
	pthread_key_create(&leaving, thread_ends);
}

static struct reader *reader_get(void)
{
	struct reader *reader;

	pthread_once(&once, make_key);
	for (reader = atomic_load(&readers); reader; reader = reader->next) {
		_Bool expected = 0;
		if (atomic_compare_exchange_strong(&reader->taken, &expected, 1))
			break;
	}
	if (!reader) {
		reader = aligned_alloc(64, sizeof *reader);
		if (!reader)
			abort();
		atomic_init(&reader->active, 0);
		atomic_init(&reader->taken, 1);
		reader->next = atomic_load(&readers);
		while (!atomic_compare_exchange_weak(&readers, &reader->next, reader))
			;
	}
	pthread_setspecific(leaving, reader);
	return reader;
}

void acr_epoch_enter(void)
{
	if (!self)
		self = reader_get();
	/* Sequentially consistent: a waiting thread either sees this mark, or replaced the
	 * pointer before we load it. */
	atomic_store(&self->active, atomic_load(&epoch));
}

void acr_epoch_leave(void)
{
	atomic_store_explicit(&self->active, 0, memory_order_release);
}

void acr_epoch_wait(void)
{
	uint64_t now = atomic_fetch_add(&epoch, 1) + 1;

	for (struct reader *reader = atomic_load(&readers); reader; reader = reader->next) {
		for (;;) {
			uint64_t active = atomic_load(&reader->active);
			if (!active || active >= now)
				break;
			sched_yield();
		}
	}
}
