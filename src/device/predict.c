/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "predict.h"

#define DECAY (1.0 - 1.0 / 32)

void acr_line_add(struct acr_line *line, double units, double ns)
{
	line->n = line->n * DECAY + 1;
	line->x = line->x * DECAY + units;
	line->y = line->y * DECAY + ns;
	line->xx = line->xx * DECAY + units * units;
	line->xy = line->xy * DECAY + units * ns;
}

double acr_line_at(const struct acr_line *line, double units)
{
	double spread = line->n * line->xx - line->x * line->x, slope = 0, fixed, at, share;

	if (line->n <= 0)
		return 0;
	/* All of one size say nothing about the slope. */
	if (spread > 1e-6 * line->n * line->xx)
		slope = (line->n * line->xy - line->x * line->y) / spread;
	if (slope < 0)
		slope = 0;
	fixed = (line->y - slope * line->x) / line->n;
	at = (fixed > 0 ? fixed : 0) + slope * units;
	share = line->y / line->n;
	if (units * line->n > line->x && line->x > 0)
		share *= units * line->n / line->x;
	return at > share ? at : share;
}
