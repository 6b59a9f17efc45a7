/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of a group: what those of its members come to. */
#include "device/group.h"
#include "report.h"

#include <inttypes.h>
#include <string.h>

/* All devices inside that are not groups; owned. */
static GPtrArray *leaves(const struct acr_device *group)
{
	GPtrArray *list = acr_device_list();

	for (guint i = list->len; i-- > 0;) {
		const struct acr_device *dev = list->pdata[i];
		if (dev->group || !acr_group_contains(group, dev))
			g_ptr_array_remove_index(list, i);
	}
	return list;
}

void acr_report_group_load(struct acr_device *group, GString *text)
{
	g_autoptr(GPtrArray) list = leaves(group);
	uint64_t queued = 0, running = 0, bytes = 0, busy = 0, width = 0, orphans = 0;
	g_autofree char *members = g_strjoinv(" ", group->group->members);

	for (guint i = 0; i < list->len; i++) {
		struct acr_device *dev = list->pdata[i];
		queued += atomic_load(&dev->queued_count);
		running += atomic_load(&dev->running_count);
		bytes += atomic_load(&dev->load_bytes);
		busy += (uint64_t)atomic_load(&dev->utilisation) * dev->width;
		width += dev->width;
		orphans += atomic_load(&dev->orphans);
	}
	g_string_append_printf(text,
	                       "queued: %" PRIu64 "\nrunning: %" PRIu64
	                       "\nqueued-bytes: %" PRIu64 "\nutilisation-percent: %" PRIu64
	                       "\ngiven-up: %" PRIu64 "\nmembers: %s\nbalancer: %s\n",
	                       queued, running, bytes, width ? busy / width : 0, orphans,
	                       members, acr_device_option(group, "balancer"));
}

/* ---- queue ---- */

/* The lines of one member that are not taken yet. */
struct lane {
	GString *text;
	char *line; /* NULL: at the end */
};

/* Effective priority and waiting time of a line; they are its third and fourth column. */
static void rank_of(const char *line, double *effective, double *waiting)
{
	for (int i = 0; i < 2; i++)
		line = strchr(line, '\t') + 1;
	*effective = g_ascii_strtod(line, NULL);
	*waiting = g_ascii_strtod(strchr(line, '\t') + 1, NULL);
}

static bool before(const struct lane *a, const struct lane *b)
{
	double effective[2], waiting[2];

	rank_of(a->line, &effective[0], &waiting[0]);
	rank_of(b->line, &effective[1], &waiting[1]);
	return effective[0] != effective[1] ? effective[0] > effective[1]
	                                    : waiting[0] > waiting[1];
}

/* Move the first line of a lane to the text. */
static void take_line(struct lane *lane, GString *text)
{
	char *end = strchr(lane->line, '\n') + 1;

	g_string_append_len(text, lane->line, end - lane->line);
	lane->line = *end ? end : NULL;
}

void acr_report_group_queue(struct acr_device *group, uint32_t uid, bool all, GString *text)
{
	g_autoptr(GPtrArray) list = leaves(group);
	struct lane *lanes = g_new0(struct lane, list->len), *first;

	g_string_append(text, "# session\tpriority\teffective\twaiting-ms\top\talg\tbytes\n");
	for (guint i = 0; i < list->len; i++) {
		lanes[i].text = g_string_new(NULL);
		acr_report_device_queue(list->pdata[i], uid, all, lanes[i].text);
		lanes[i].line = strchr(lanes[i].text->str, '\n') + 1;
		if (!*lanes[i].line)
			lanes[i].line = NULL;
	}
	do {
		first = NULL;
		for (guint i = 0; i < list->len; i++)
			if (lanes[i].line && (!first || before(&lanes[i], first)))
				first = &lanes[i];
		if (first)
			take_line(first, text);
	} while (first);
	for (guint i = 0; i < list->len; i++)
		g_string_free(lanes[i].text, TRUE);
	g_free(lanes);
}

/* ---- sums ---- */

static void sum_counters(struct acr_counters *sum, const struct acr_counters *from)
{
	acr_count(&sum->started, atomic_load(&from->started));
	acr_count(&sum->finished, atomic_load(&from->finished));
	acr_count(&sum->completed, atomic_load(&from->completed));
	acr_count(&sum->failed, atomic_load(&from->failed));
	acr_count(&sum->redispatched, atomic_load(&from->redispatched));
	acr_count(&sum->cancelled, atomic_load(&from->cancelled));
	acr_count(&sum->bytes, atomic_load(&from->bytes));
}

static void sum_hist(struct acr_hist *sum, const struct acr_hist *from)
{
	for (unsigned i = 0; i < ACR_HIST_BUCKETS; i++)
		acr_count(&sum->buckets[i], atomic_load(&from->buckets[i]));
	acr_count(&sum->sum_ns, atomic_load(&from->sum_ns));
}

void acr_report_group_sum(struct acr_device *group, struct acr_counters *counters,
                          struct acr_hist *process, struct acr_hist *queue)
{
	g_autoptr(GPtrArray) list = leaves(group);

	for (guint i = 0; i < list->len; i++) {
		struct acr_device *dev = list->pdata[i];
		sum_counters(counters, &dev->counters);
		sum_hist(process, &dev->process_hist);
		sum_hist(queue, &dev->queue_hist);
	}
}

/* One capability of all members together; false: none has it. */
static bool sum_capability(const GPtrArray *list, enum acr_opcode op, unsigned row,
                           struct acr_capstat *sum)
{
	uint64_t length = 0, time = 0;
	bool found = false;

	for (guint i = 0; i < list->len; i++) {
		const struct acr_capstat *cap =
		        ((struct acr_device *)list->pdata[i])->by_alg[op][row];
		if (!cap)
			continue;
		found = true;
		length += atomic_load(&cap->queue_length);
		sum->bytes_per_s += atomic_load(&cap->bytes_per_s);
		time += atomic_load(&cap->mean_ns) * atomic_load(&cap->counters.completed);
		sum_counters(&sum->counters, &cap->counters);
	}
	sum->queue_length = (unsigned)MIN(length, UINT32_MAX);
	if (sum->counters.completed)
		sum->mean_ns = time / sum->counters.completed;
	return found;
}

void acr_report_group_capabilities(struct acr_device *group, GString *text)
{
	g_autoptr(GPtrArray) list = leaves(group);

	for (unsigned row = 0; row < acr_alg_count(); row++)
		for (unsigned op = 0; op < ACR_OPCODES; op++) {
			struct acr_capstat sum = {
				.cap = { .opcode = (enum acr_opcode)op,
				         .alg = acr_alg_row(row)->name },
			};
			if (sum_capability(list, (enum acr_opcode)op, row, &sum))
				acr_report_capability(&sum, text);
		}
}
