/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void vu_faults_list(const struct vu_fault *table, unsigned n, FILE *to)
{
	for (unsigned i = 0; i < n; i++) {
		fprintf(to, "  %s[=%s]%*s%s", table[i].name, table[i].value,
		        (int)(22 - strlen(table[i].name) - strlen(table[i].value)), "",
		        table[i].says);
		fprintf(to, table[i].base == 16 ? " (default %llx)\n" : " (default %llu)\n",
		        (unsigned long long)table[i].standard);
	}
}

int vu_fault_find(const struct vu_fault *table, unsigned n, const char *word,
                  const char **value)
{
	const char *equals = strchr(word, '=');
	size_t length = equals ? (size_t)(equals - word) : strlen(word);

	*value = equals ? equals + 1 : NULL;
	for (unsigned i = 0; i < n; i++) {
		if (length == strlen(table[i].name) && !memcmp(word, table[i].name, length))
			return (int)i;
	}
	return -EINVAL;
}

int vu_fault_number(const char *text, int base, uint64_t *value, const char **rest)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, base);
	*rest = end;
	return errno || end == text || *text == '-' || *text == '+' ? -EINVAL : 0;
}

int vu_fault_value(const struct vu_fault *fault, const char *text, uint64_t *value,
                   const char **rest)
{
	*value = fault->standard;
	*rest = "";
	if (text && vu_fault_number(text, fault->base, value, rest))
		return -EINVAL;
	return *value < fault->least || *value > fault->most ? -EINVAL : 0;
}
