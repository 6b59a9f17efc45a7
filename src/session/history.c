/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "history.h"

#include "base/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 4 /* lines; most sessions have one or two */

struct acr_history_entry {
	uint64_t queued_ns, started_ns, ended_ns; /* monotonic */
	const char *device, *outcome;             /* as in struct acr_note */
	unsigned stage;
	char reason[ACR_REASON];
};

/* Twice the room, for a full ring whose oldest entry comes first. */
static bool grow(struct acr_history *history, struct acr_account *account)
{
	unsigned room = history->room ? history->room * 2 : ROOM_FIRST;
	size_t more = (room - history->room) * sizeof *history->entries;
	struct acr_history_entry *entries;

	if (acr_account_charge(account, more))
		return false;
	entries = realloc(history->entries, room * sizeof *entries);
	if (!entries) {
		acr_account_release(account, more);
		return false;
	}
	history->entries = entries;
	history->next = history->room;
	history->room = room;
	return true;
}

void acr_history_add(struct acr_history *history, unsigned stage, const struct acr_note *note,
                     struct acr_account *account)
{
	struct acr_history_entry *entry;
	bool full = history->count == history->room && !history->next;

	if (full && history->room < ACR_HISTORY_LINES && !grow(history, account) &&
	    !history->room)
		return;
	entry = &history->entries[history->next];
	entry->queued_ns = note->queued_ns;
	entry->started_ns = note->started_ns;
	entry->ended_ns = note->ended_ns;
	entry->device = note->device;
	entry->outcome = note->outcome;
	entry->stage = stage;
	g_strlcpy(entry->reason, note->reason, sizeof entry->reason);
	history->next = (history->next + 1) % history->room;
	if (history->count < history->room)
		history->count++;
}

/* Wall-clock seconds of a monotonic time; "-" for never. */
static void append_time(GString *text, uint64_t ns)
{
	uint64_t wall = acr_wall_of(ns);

	if (ns)
		g_string_append_printf(text, "\t%llu.%06llu",
		                       (unsigned long long)(wall / 1000000000u),
		                       (unsigned long long)(wall / 1000 % 1000000));
	else
		g_string_append(text, "\t-");
}

/* A balancer's words must not look like columns and lines. */
static void append_reason(GString *text, const char *reason)
{
	g_string_append_c(text, '\t');
	for (; *reason; reason++)
		g_string_append_c(text, g_ascii_iscntrl(*reason) ? ' ' : *reason);
	g_string_append_c(text, '\n');
}

void acr_history_text(const struct acr_history *history, GString *text)
{
	g_string_append(text, "# stage\tdevice\tqueued\tstarted\tended\toutcome\treason\n");
	for (unsigned i = 0; i < history->count; i++) {
		unsigned at =
		        (history->next + history->room - history->count + i) % history->room;
		const struct acr_history_entry *entry = &history->entries[at];

		g_string_append_printf(text, "%u\t%s", entry->stage, entry->device);
		append_time(text, entry->queued_ns);
		append_time(text, entry->started_ns);
		append_time(text, entry->ended_ns);
		g_string_append_printf(text, "\t%s", entry->outcome);
		append_reason(text, entry->reason);
	}
}

void acr_history_clear(struct acr_history *history, struct acr_account *account)
{
	acr_account_release(account, history->room * sizeof *history->entries);
	free(history->entries);
	*history = (struct acr_history){ 0 };
}
