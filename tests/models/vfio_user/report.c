/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report.h"

#include <stdarg.h>

enum { TOLD_IN_FULL = 200 }; /* violations; more are only counted */

void vu_trace(struct vu_report *report, const char *format, ...)
{
	va_list args;

	if (!report->trace)
		return;
	va_start(args, format);
	vfprintf(report->trace, format, args);
	va_end(args);
	fputc('\n', report->trace);
}

void vu_trace_bytes(struct vu_report *report, const char *what, const uint8_t *bytes, size_t n)
{
	if (!report->trace)
		return;
	fprintf(report->trace, "  %s, %zu bytes:", what, n);
	for (size_t i = 0; i < n; i++)
		fprintf(report->trace, " %02x", bytes[i]);
	fputc('\n', report->trace);
}

void vu_violation(struct vu_report *report, const char *format, ...)
{
	char sentence[300];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	vu_trace(report, "  violation: %s", sentence);
	if (!report->strict)
		return;
	report->violations++;
	if (report->violations <= TOLD_IN_FULL)
		fprintf(stderr, "strict: %s.\n", sentence);
	if (report->violations == TOLD_IN_FULL)
		fputs("strict: more violations are counted, but not told.\n", stderr);
}
