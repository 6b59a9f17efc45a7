/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "history.h"

#include "stats.h"

#include <stdio.h>
#include <stdlib.h>

struct acr_history {
	unsigned next; /* the oldest, once full */
	unsigned count;
	struct acr_blob *lines[ACR_HISTORY_LINES];
};

/* Wall-clock seconds of a monotonic time; "-" for never. */
static void time_text(uint64_t ns, char *text, size_t size)
{
	uint64_t wall = acr_wall_ns() - (acr_now_ns() - ns);

	if (ns)
		snprintf(text, size, "%llu.%06llu", (unsigned long long)(wall / 1000000000u),
			 (unsigned long long)(wall / 1000 % 1000000));
	else
		snprintf(text, size, "-");
}

void acr_history_add(struct acr_history **where, unsigned stage, const struct acr_report *report,
		     struct acr_account *account)
{
	char queued[32], started[32], ended[32], line[512];
	struct acr_history *history = *where;
	struct acr_blob *blob;
	int len, error;

	if (!history)
		history = *where = calloc(1, sizeof *history);
	if (!history)
		return;
	time_text(report->queued_ns, queued, sizeof queued);
	time_text(report->started_ns, started, sizeof started);
	time_text(report->ended_ns, ended, sizeof ended);
	len = snprintf(line, sizeof line, "%u\t%s\t%s\t%s\t%s\t%s\t%s\n", stage, report->device,
		       queued, started, ended, report->outcome, report->reason);
	blob = acr_blob_new(line, (size_t)len, false, account, &error);
	if (!blob)
		return;
	acr_blob_unref(history->lines[history->next]);
	history->lines[history->next] = blob;
	history->next = (history->next + 1) % ACR_HISTORY_LINES;
	if (history->count < ACR_HISTORY_LINES)
		history->count++;
}

void acr_history_text(const struct acr_history *history, GString *text)
{
	g_string_append(text, "# stage\tdevice\tqueued\tstarted\tended\toutcome\treason\n");
	for (unsigned i = 0; history && i < history->count; i++) {
		unsigned at = (history->next + ACR_HISTORY_LINES - history->count + i) %
			      ACR_HISTORY_LINES;
		g_string_append_len(text, (const char *)history->lines[at]->data,
				    (gssize)history->lines[at]->len);
	}
}

void acr_history_free(struct acr_history *history)
{
	for (unsigned i = 0; history && i < ACR_HISTORY_LINES; i++)
		acr_blob_unref(history->lines[i]);
	free(history);
}
