/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of processors, as "0-3+8": a comma would end the option. */
#include "padlock.h"

#include <stdlib.h>

/* One "4" or "4-7" at *text, which is moved behind it. */
static bool take_range(const char **text, unsigned long *first, unsigned long *last)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	*first = *last = strtoul(*text, &end, 10);
	if (*end == '-') {
		if (end[1] < '0' || end[1] > '9')
			return false;
		*last = strtoul(end + 1, &end, 10);
	}
	*text = end;
	return *first <= *last && *last < CPU_SETSIZE;
}

unsigned padlock_cpus_parse(const char *text, const cpu_set_t *allowed, cpu_set_t *cpus)
{
	unsigned long first, last;

	CPU_ZERO(cpus);
	for (;;) {
		if (!take_range(&text, &first, &last))
			return 0;
		for (; first <= last; first++) {
			if (!CPU_ISSET(first, allowed))
				return 0;
			CPU_SET(first, cpus);
		}
		if (!*text)
			return (unsigned)CPU_COUNT(cpus);
		if (*text++ != '+')
			return 0;
	}
}
