/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One cell of the mount's list of algorithms. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The cell of a line, counted from 0. Returns its length. */
static int cell(const char *line, unsigned column, const char **start)
{
	for (*start = line; column && **start && **start != '\n'; column--) {
		*start += strcspn(*start, "\t\n");
		*start += **start == '\t';
	}
	return (int)strcspn(*start, "\t\n");
}

char *look_up(const char *op, const char *alg, const char *column)
{
	char *table = read_text(mount_point, "algorithms"), row[256], *found;
	unsigned number = 0;
	const char *start;
	int length;

	if (!table)
		die_of_mount("algorithms");
	for (; (length = cell(table, number, &start)) > 0; number++)
		if (!strncmp(start, column, (size_t)length) && !column[length])
			break;
	snprintf(row, sizeof(row), "\n%s\t%s\t", op, alg);
	start = strstr(table, row);
	length = start ? cell(start + 1, number, &start) : 0;
	found = strndup(start ? start : "", (size_t)length);
	if (!found)
		die(1, "%s", strerror(errno));
	free(table);
	return found;
}
