/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One thread that calls functions when their time has come. */
#ifndef ACR_TIMER_H
#define ACR_TIMER_H

#include "heap.h"

struct acr_timer {
	struct acr_heap_node node;
	void (*expired)(struct acr_timer *timer); /* in the timer thread, no locks held */
};

/* Start and end the thread; at the end, timers that are still set never expire. */
int acr_timers_start(void);
void acr_timers_stop(void);

/* Let it expire once at this monotonic time. It is not set now. False: no memory. */
bool acr_timer_set(struct acr_timer *timer, uint64_t at_ns);
/* True: it will not expire. False: it wasn't set, or expired() runs or has run. */
bool acr_timer_cancel(struct acr_timer *timer);

#endif
