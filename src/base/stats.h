/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counting what devices do. All of it may be read at any time; a reader may see one number a
 * moment older than another. */
#ifndef ACR_STATS_H
#define ACR_STATS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Durations in nanoseconds, four buckets to each power of two up to 2^40 ns (18 minutes). */
#define ACR_HIST_BUCKETS 160

struct acr_hist {
	atomic_uint_least64_t buckets[ACR_HIST_BUCKETS];
	atomic_uint_least64_t sum_ns;
};

/* The caller serialises all additions to one histogram. */
void acr_hist_add(struct acr_hist *hist, uint64_t ns);
uint64_t acr_hist_count(const struct acr_hist *hist);
/* Upper bound in ns of the bucket that holds this share (0..1) of all; 0 when empty. */
uint64_t acr_hist_percentile(const struct acr_hist *hist, double share);
/* How many were at most ns long, to the precision of a bucket. */
uint64_t acr_hist_below(const struct acr_hist *hist, uint64_t ns);

struct acr_counters {
	atomic_uint_least64_t started;      /* handed to the driver */
	atomic_uint_least64_t finished;     /* came back from it, or were given up */
	atomic_uint_least64_t completed;    /* with a result, a bad tag among them */
	atomic_uint_least64_t failed;       /* with an error of the device */
	atomic_uint_least64_t redispatched; /* given to another device after that */
	atomic_uint_least64_t cancelled;    /* by who wanted it, while the driver had it */
	atomic_uint_least64_t bytes;        /* of input, completed */
};

static inline void acr_count(atomic_uint_least64_t *counter, uint64_t amount)
{
	atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

/* The same where a lock serialises all who write it; readers need none. */
static inline void acr_count_serial(atomic_uint_least64_t *counter, uint64_t amount)
{
	uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, now + amount, memory_order_relaxed);
}

/* A moving average with weight 1/8 for the newest; the first value counts whole. */
void acr_average_add(atomic_uint_least64_t *average, uint64_t value);

/* Monotonic and wall-clock time in nanoseconds. */
uint64_t acr_now_ns(void);
uint64_t acr_wall_ns(void);

/* The wall-clock time of a monotonic one. The same time gives the same answer, and an order
 * stays one, until somebody sets the clock. */
uint64_t acr_wall_of(uint64_t ns);

#endif
