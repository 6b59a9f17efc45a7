/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long an operation may be expected to take, from what the last ones took. */
#ifndef ACR_PREDICT_H
#define ACR_PREDICT_H

#include "common/line.h"

/* One has taken ns for so many units of work. */
void acr_predict_learn(struct line *line, double units, double ns);

/* Nanoseconds for so many units; 0: nothing is known. Never less than the mean, and than
 * what is in proportion to the mean, whatever the line says: it is better to wait too long. */
double acr_predict(const struct line *line, double units);

/* The same, but for less work than usual the line itself: the best guess. */
double acr_predict_likely(const struct line *line, double units);

#endif
