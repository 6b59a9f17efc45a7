/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Locks that are held for less time than it takes to sleep and be woken. */
#ifndef ACR_LOCK_H
#define ACR_LOCK_H

#include <pthread.h>

/* A mutex whose waiters try again a few times before they sleep. */
static inline void acr_lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

#endif
