/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long an operation should take: a fixed cost and a cost for each unit of work, learned from
 * what was measured; the newest counts most. */
#ifndef ACR_PREDICT_H
#define ACR_PREDICT_H

#include <stdint.h>

/* Decaying sums for a line through the measurements. All zero: nothing is known. The caller
 * serialises. */
struct acr_line {
	double n, x, y, xx, xy;
};

void acr_line_add(struct acr_line *line, double units, double ns);

/* Nanoseconds for so many units; 0: nothing is known. Where the line says less than what is in
 * proportion to the average, the latter: who waits should rather wait too long. */
double acr_line_at(const struct acr_line *line, double units);

#endif
