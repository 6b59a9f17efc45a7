/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which algorithm may be meant by a name that is none. */
#include "alg.h"

#include <glib.h>
#include <string.h>

#define MEANT_MAX 64 /* of a name that may be meant */

/* Letters and digits alone, in lower case: aes256, AES-256 and aes_256 are the same.
 * Returns how many; out has room for MEANT_MAX. */
static size_t plain(const char *name, char *out)
{
	size_t n = 0;

	for (; *name && n < MEANT_MAX; name++)
		if (g_ascii_isalnum(*name))
			out[n++] = g_ascii_tolower(*name);
	return n;
}

/* How many letters must be added, dropped or changed. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned row[MEANT_MAX + 1];

	for (unsigned j = 0; j <= nb; j++)
		row[j] = j;
	for (unsigned i = 1; i <= na; i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= nb; j++) {
			unsigned change = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			row[j] = MIN(MIN(row[j], row[j - 1]) + 1, change);
		}
	}
	return row[nb];
}

/* The lower the better. What is left off at the end counts as one letter: somebody who
 * writes aes256 means one of many, of which the usual ones come first. */
static unsigned badness(const char *wanted, size_t n, const char *name)
{
	static const char *const usual[] = { "256", "sha256", "-gcm" };
	char offered[MEANT_MAX];
	size_t len = plain(name, offered);
	bool begins = n >= 3 && len > n && !memcmp(offered, wanted, n);
	unsigned bad = 4 * (begins ? 1 : distance(wanted, n, offered, len));

	for (size_t i = 0; i < G_N_ELEMENTS(usual); i++)
		bad += !strstr(name, usual[i]);
	return bad;
}

const char *acr_alg_nearest(const char *name)
{
	char wanted[MEANT_MAX];
	size_t n = plain(name, wanted);
	unsigned best = 4 * (unsigned)MIN(n / 3, 3) + 4;
	const char *found = NULL;

	for (unsigned i = 1; n && i < acr_alg_count(); i++) {
		unsigned bad = badness(wanted, n, acr_alg_row(i)->name);

		if (bad < best) {
			best = bad;
			found = acr_alg_row(i)->name;
		}
	}
	return found;
}
