/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "predict.h"

#define KEEP (1.0 - 1.0 / 32) /* share of its weight that a measurement keeps at each new one */
/* Of the square of the mean: less spread than that says nothing of the slope. */
#define INERTIA 1e-6

void acr_predict_learn(struct line *line, double units, double ns)
{
	line_add(line, KEEP, 1, units, ns);
}

double acr_predict(const struct line *line, double units)
{
	double slope, fixed, at, share;

	if (line->w <= 0)
		return 0;
	slope = line_slope(line, 0, INERTIA);
	fixed = (line->y - slope * line->x) / line->w;
	at = (fixed > 0 ? fixed : 0) + slope * units;
	share = line->y / line->w;
	if (units * line->w > line->x && line->x > 0)
		share *= units * line->w / line->x;
	return at > share ? at : share;
}

double acr_predict_likely(const struct line *line, double units)
{
	double slope, fixed;

	if (line->w <= 0 || units * line->w > line->x)
		return acr_predict(line, units);
	slope = line_slope(line, line->x > 0 ? line->y / line->x : 0, INERTIA);
	fixed = (line->y - slope * line->x) / line->w;
	return (fixed > 0 ? fixed : 0) + slope * units;
}
