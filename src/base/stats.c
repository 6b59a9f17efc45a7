/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stats.h"

#include <time.h>

static unsigned bucket_of(uint64_t ns)
{
	unsigned top, bucket;

	if (ns < 4)
		return (unsigned)ns;
	top = 63 - (unsigned)__builtin_clzll(ns);
	bucket = top * 4 - 4 + (unsigned)(ns >> (top - 2) & 3);
	return bucket < ACR_HIST_BUCKETS ? bucket : ACR_HIST_BUCKETS - 1;
}

/* The largest ns that falls into a bucket. */
static uint64_t bucket_end(unsigned bucket)
{
	unsigned top = bucket / 4 + 1;

	if (bucket < 4)
		return bucket;
	return ((uint64_t)(bucket % 4 + 5) << (top - 2)) - 1;
}

void acr_hist_add(struct acr_hist *hist, uint64_t ns)
{
	acr_count_serial(&hist->buckets[bucket_of(ns)], 1);
	acr_count_serial(&hist->sum_ns, ns);
}

uint64_t acr_hist_count(const struct acr_hist *hist)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < ACR_HIST_BUCKETS; i++)
		count += atomic_load_explicit(&hist->buckets[i], memory_order_relaxed);
	return count;
}

uint64_t acr_hist_percentile(const struct acr_hist *hist, double share)
{
	uint64_t count = acr_hist_count(hist), seen = 0;
	uint64_t wanted = (uint64_t)((double)count * share + 0.5);

	if (!count)
		return 0;
	for (unsigned i = 0; i < ACR_HIST_BUCKETS; i++) {
		seen += atomic_load_explicit(&hist->buckets[i], memory_order_relaxed);
		if (seen >= wanted && seen)
			return bucket_end(i);
	}
	return bucket_end(ACR_HIST_BUCKETS - 1);
}

uint64_t acr_hist_below(const struct acr_hist *hist, uint64_t ns)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < ACR_HIST_BUCKETS && bucket_end(i) <= ns; i++)
		count += atomic_load_explicit(&hist->buckets[i], memory_order_relaxed);
	return count;
}

void acr_average_add(atomic_uint_least64_t *average, uint64_t value)
{
	uint64_t old = atomic_load_explicit(average, memory_order_relaxed);

	/* Two at the same time may lose one sample; an average bears that. */
	atomic_store_explicit(average, old ? old - old / 8 + value / 8 : value,
	                      memory_order_relaxed);
}

/* Both clocks are slewed alike; only a clock that is set moves one against the other. */
#define CLOCK_STEP_NS 1000000u

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t acr_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t acr_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* Wall minus monotonic time, modulo 2^64, within the error given back: this thread may have
 * stood between two looks, so the closest of a few counts. */
static uint64_t wall_offset(uint64_t *error_ns)
{
	uint64_t best = 0;

	*error_ns = UINT64_MAX;
	for (int try = 0; try < 4 && *error_ns > CLOCK_STEP_NS / 8; try++) {
		uint64_t before = acr_now_ns(), wall = acr_wall_ns(),
		         took = acr_now_ns() - before;

		if (took < *error_ns) {
			*error_ns = took;
			best = wall - before;
		}
	}
	return best;
}

uint64_t acr_wall_of(uint64_t ns)
{
	static atomic_uint_least64_t kept; /* an offset; 0 before the first */
	uint64_t error, seen = wall_offset(&error);
	uint64_t offset = atomic_load_explicit(&kept, memory_order_relaxed);
	uint64_t moved = seen > offset ? seen - offset : offset - seen;

	if (!offset || moved > CLOCK_STEP_NS + error) {
		offset = seen;
		atomic_store_explicit(&kept, offset, memory_order_relaxed);
	}
	return ns + offset;
}
