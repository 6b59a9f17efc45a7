/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The faults of a model as --fault NAME[=VALUE] has them: a table, and how its words are read. */
#ifndef VFIO_USER_FAULTS_H
#define VFIO_USER_FAULTS_H

#include <stdint.h>
#include <stdio.h>

struct vu_fault {
	const char *name, *value;       /* of the option, and what its value is called */
	uint64_t standard, least, most; /* of the value */
	int base;                       /* it's written so: 10 or 16 */
	const char *says;               /* the line of --help */
};

void vu_faults_list(const struct vu_fault *table, unsigned n, FILE *to);
/* The row that a word NAME[=VALUE] names, with *value borrowed from the word, NULL: none is
 * given. Returns -EINVAL if there is no such row. */
int vu_fault_find(const struct vu_fault *table, unsigned n, const char *word,
                  const char **value);
/* The value that a text begins with, the standard for NULL, with *rest behind it. Returns
 * -EINVAL if it begins with none, or with one out of range. */
int vu_fault_value(const struct vu_fault *fault, const char *text, uint64_t *value,
                   const char **rest);
/* The number that a text begins with. Returns -EINVAL if it begins with none. */
int vu_fault_number(const char *text, int base, uint64_t *value, const char **rest);

#endif
