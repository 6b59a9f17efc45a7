/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the model tells: the trace, and what a driver did wrong. */
#include "tests/models/hifn795x/card.h"

#include <stdarg.h>

enum { TOLD_IN_FULL = 200 }; /* violations; more are only counted */

void trace(struct card *card, const char *format, ...)
{
	va_list args;

	if (!card->trace)
		return;
	va_start(args, format);
	vfprintf(card->trace, format, args);
	va_end(args);
	fputc('\n', card->trace);
}

void trace_bytes(struct card *card, const char *what, const uint8_t *bytes, size_t n)
{
	if (!card->trace)
		return;
	fprintf(card->trace, "  %s, %zu bytes:", what, n);
	for (size_t i = 0; i < n; i++)
		fprintf(card->trace, " %02x", bytes[i]);
	fputc('\n', card->trace);
}

void violation(struct card *card, const char *format, ...)
{
	char sentence[300];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	trace(card, "  violation: %s", sentence);
	if (!card->strict)
		return;
	card->violations++;
	if (card->violations <= TOLD_IN_FULL)
		fprintf(stderr, "strict: %s.\n", sentence);
	if (card->violations == TOLD_IN_FULL)
		fputs("strict: more violations are counted, but not told.\n", stderr);
}
