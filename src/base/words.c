/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "words.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#define KIB     ((uint64_t)1024)
#define MILLION ((uint64_t)1000000)

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

const char *acr_words_bytes(uint64_t bytes, char *text)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	uint64_t unit = KIB, less;
	unsigned at = 0;

	/* The largest unit of which it is a multiple, or nearly one. */
	while (at < 3 && (unit * KIB - bytes % (unit * KIB)) % (unit * KIB) <= KIB) {
		unit *= KIB;
		at++;
	}
	less = (unit - bytes % unit) % unit;
	if (bytes < 64 * KIB || (less && !at))
		snprintf(text, ACR_WORDS, "%" PRIu64 " byte%s", bytes, plural(bytes));
	else if (less)
		snprintf(text, ACR_WORDS, "%" PRIu64 " %s less %" PRIu64 " byte%s",
		         bytes / unit + 1, units[at], less, plural(less));
	else
		snprintf(text, ACR_WORDS, "%" PRIu64 " %s", bytes / unit, units[at]);
	return text;
}

static bool is_power(uint64_t n)
{
	return n && !(n & (n - 1));
}

const char *acr_words_number(uint64_t number, char *text)
{
	if (number <= UINT16_MAX)
		snprintf(text, ACR_WORDS, "%" PRIu64, number);
	else if (number % MILLION == 0)
		snprintf(text, ACR_WORDS, "%" PRIu64 " million", number / MILLION);
	else if (is_power(number))
		snprintf(text, ACR_WORDS, "2^%d", __builtin_ctzll(number));
	else if (is_power(number + 1))
		snprintf(text, ACR_WORDS, "2^%d - 1", __builtin_ctzll(number + 1));
	else
		snprintf(text, ACR_WORDS, "%" PRIu64, number);
	return text;
}
