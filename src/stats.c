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
