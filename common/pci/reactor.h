/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One thread that waits for file descriptors of one card: interrupts, timers, hang-ups. With
 * io_uring where the system permits it, else with poll(2). */
#ifndef REACTOR_H
#define REACTOR_H

#include <stdbool.h>
#include <stdint.h>

#define REACTOR_WATCHES 8

struct reactor;

/* No thread yet. NULL: no memory or file descriptor. */
struct reactor *reactor_new(void);

/* Before reactor_start(). When fd has one of the events (POLLIN and the like), or an error,
 * fn(data, events) is called in the reactor's thread, and again as long as that is so.
 * It must empty what is readable, and never stop the reactor. It returns false to be called no
 * more. Returns 0 or -ENOSPC. */
int reactor_watch(struct reactor *reactor, int fd, short events,
                  bool (*fn)(void *data, short events), void *data);

/* Returns 0 or a negative errno. */
int reactor_start(struct reactor *reactor);

/* End the thread and free everything; from no watch's function. NULL: nothing. */
void reactor_stop(struct reactor *reactor);

/* Tests: pretend that io_uring is forbidden here. */
void reactor_forbid_uring(struct reactor *reactor);

#endif
