/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one operation costs on one device: fixed ns + ns per byte, learned from measured times.
 *
 * A least-squares line through the samples, each weighted by 1/time^2, so that being 10 % off
 * counts the same for a short operation as for a long one; older samples count less and less.
 * Where the sizes tell nothing about the slope (all are alike), the slope stays what it was. */
#ifndef ACR_LB_CURVE_H
#define ACR_LB_CURVE_H

#include "common/line.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define CURVE_KEEP                                                                             \
	(1.0 - 1.0 / 64)   /* share of its weight that a sample keeps at each new one */
#define CURVE_INERTIA 0.02 /* how much the slope stays, in squares of the mean size */
#define CURVE_SETTLED 8    /* samples after which one that is out of line is held back */
#define CURVE_JUMP    8.0  /* the most that such a sample may be above the line, as a factor */

struct curve_line {
	float fixed_ns, ns_per_byte;
};

struct curve {
	_Atomic(struct curve_line) line; /* both at once: 8 bytes */
	atomic_uint_least64_t samples;
	atomic_uint sizes; /* bits: classes of size that were measured, see curve_class() */
	atomic_flag busy;  /* the thread that sets it owns the sums */
	struct line sums;  /* (busy) x in bytes, y in ns */
};

/* Sizes within a factor of four, more or less, are of one class: 0..31. */
static inline unsigned curve_class(uint64_t bytes)
{
	return bytes ? (unsigned)(63 - __builtin_clzll(bytes)) / 2 : 0;
}

static inline double curve_cost(struct curve_line line, double bytes)
{
	return (double)line.fixed_ns + (double)line.ns_per_byte * bytes;
}

/* Can the line be trusted at this size? Two classes make a line, one is a point with a
 * neighbourhood. */
static inline bool curve_knows(const struct curve *curve, uint64_t bytes)
{
	unsigned sizes = atomic_load_explicit(&curve->sizes, memory_order_relaxed);
	unsigned at = curve_class(bytes);
	uint64_t near = (uint64_t)sizes << 1; /* so that class 0 has a neighbour below */

	return (sizes & (sizes - 1)) || (near >> at & 7);
}

/* The line through the sums. Under (busy). */
static inline struct curve_line curve_fit(const struct curve *curve, double slope)
{
	const struct line *sums = &curve->sums;
	double fixed;

	slope = line_slope(sums, slope, CURVE_INERTIA);
	fixed = (sums->y - slope * sums->x) / sums->w;
	if (fixed < 0) {
		fixed = 0;
		slope = sums->xx > 0 ? sums->xy / sums->xx : 0;
	}
	return (struct curve_line){ (float)fixed, (float)slope };
}

/* One more measurement. Under (busy). */
static inline void curve_learn(struct curve *curve, uint64_t bytes, uint64_t ns)
{
	struct curve_line line = atomic_load_explicit(&curve->line, memory_order_relaxed);
	uint64_t samples = atomic_load_explicit(&curve->samples, memory_order_relaxed);
	double x = (double)bytes, y = ns ? (double)ns : 1, expected = curve_cost(line, x), w;

	/* A hiccup shall not bend the line; a device that has really become slower gets there
	 * in a few steps. */
	if (samples >= CURVE_SETTLED && y > CURVE_JUMP * expected)
		y = CURVE_JUMP * expected;
	/* The weight goes by what was expected, so that luck is not rewarded, within limits. */
	w = !samples || expected > 2 * y ? y : expected < y / 2 ? y / 2 : expected;
	line_add(&curve->sums, CURVE_KEEP, 1 / (w * w), x, y);
	/* From one point alone nobody knows the slope: half of it may be. */
	line = curve_fit(curve, samples ? (double)line.ns_per_byte : bytes ? y / x / 2 : 0);
	atomic_store_explicit(&curve->line, line, memory_order_relaxed);
	atomic_store_explicit(&curve->samples, samples + 1, memory_order_release);
}

/* As new. Under (busy). */
static inline void curve_clear(struct curve *curve)
{
	atomic_store(&curve->samples, 0);
	atomic_store(&curve->sizes, 0);
	atomic_store(&curve->line, ((struct curve_line){ 0, 0 }));
	curve->sums = (struct line){ 0 };
}

#endif
