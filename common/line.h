/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A straight line y = fixed + slope x through measurements, by least squares, in which
 * older ones count less and less. For whoever predicts a time from an amount of work: the
 * watchdog, and balancers. All zero: nothing is known. The caller serialises. */
#ifndef LINE_H
#define LINE_H

struct line {
	double w, x, y, xx, xy; /* sums of the weights, and of what they weigh */
};

/* One more measurement, of a weight. keep: the share of their weight that the others keep,
 * 0..1. */
static inline void line_add(struct line *line, double keep, double weight, double x, double y)
{
	line->w = line->w * keep + weight;
	line->x = line->x * keep + weight * x;
	line->y = line->y * keep + weight * y;
	line->xx = line->xx * keep + weight * x * x;
	line->xy = line->xy * keep + weight * x * y;
}

/* What y grows by for each x; never negative. line->w > 0. guess: the slope where the
 * measurements say nothing of it; inertia: how much it counts beside them, in squares of
 * the mean x. */
static inline double line_slope(const struct line *line, double guess, double inertia)
{
	double x = line->x / line->w, y = line->y / line->w;
	double spread = line->xx - line->x * x, stay = inertia * line->w * x * x;

	if (spread + stay > 0)
		guess = (line->xy - line->x * y + stay * guess) / (spread + stay);
	return guess > 0 ? guess : 0;
}

#endif
