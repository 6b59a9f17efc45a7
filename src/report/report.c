/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report.h"
#include "session/sessions.h"

#include "device/group.h"
#include "base/log.h"
#include "base/secret.h"
#include "session/session.h"

#include <acrypto/ioctl.h>

#include <inttypes.h>
#include <string.h>
#include <time.h>

void (*acr_report_front)(GString *text);

static time_t started;

__attribute__((constructor)) static void note_start(void)
{
	started = time(NULL);
}

#ifdef ACR_DEBUG
#define FEATURES "debug streams"
#else
#define FEATURES "streams"
#endif

#define LINE(text, name, format, ...)                                                          \
	g_string_append_printf(text, name ": " format "\n", __VA_ARGS__)

void acr_report_version(GString *text)
{
	LINE(text, "version", "%s", PACKAGE_VERSION);
	LINE(text, "driver-api", "%u", ACR_DRIVER_API);
	LINE(text, "balancer-api", "%u", ACR_BALANCER_API);
	LINE(text, "ioctl-api", "%u", ACRYPTO_IOCTL_VERSION);
	LINE(text, "features", "%s", FEATURES);
}

/* Is every device one that computes nothing? */
static bool only_null(const GPtrArray *devices)
{
	for (guint i = 0; i < devices->len; i++)
		if (!(((struct acr_device *)devices->pdata[i])->driver->flags &
		      ACR_DRIVER_NULL))
			return false;
	return devices->len > 0;
}

void acr_report_status(GString *text)
{
	g_autoptr(GPtrArray) devices = acr_device_list();
	g_auto(GStrv) balancers = acr_balancer_names();
	const char *file = atomic_load(&acr_settings.file);
	unsigned ready = 0;
	char error[256];

	for (guint i = 0; i < devices->len; i++)
		ready += acr_device_works(devices->pdata[i]);
	acr_log_last_error(error, sizeof error);
	LINE(text, "version", "%s", PACKAGE_VERSION);
	LINE(text, "configuration", "%s", file ? file : "none");
	LINE(text, "uptime-seconds", "%lld", (long long)(time(NULL) - started));
	LINE(text, "sessions", "%zu", acr_session_count());
	LINE(text, "sessions-active", "%zu", acr_session_active());
	LINE(text, "sessions-waiting", "%zu", acr_sched_waiting());
#ifdef ACR_DEBUG
	LINE(text, "debug-submitted", "%lld", atomic_load(&acr_job_counts.submitted));
	LINE(text, "debug-ended", "%lld", atomic_load(&acr_job_counts.ended));
	LINE(text, "debug-cancelled", "%lld", atomic_load(&acr_job_counts.cancelled));
#endif
	LINE(text, "devices", "%u", devices->len);
	LINE(text, "devices-ready", "%u", ready);
	LINE(text, "balancer", "%s", balancers[0] ? balancers[0] : "none");
	LINE(text, "memory-bytes", "%zu", acr_account_total());
	LINE(text, "memory-limit-bytes", "%" PRIu64, (uint64_t)acr_settings.memory);
	LINE(text, "locked-bytes", "%zu", acr_secret_bytes_locked());
	LINE(text, "keys", "%s",
	     acr_secret_lockable() ? "accepted"
	                           : "refused: memory can't be locked (ulimit -l)");
	if (acr_report_front)
		acr_report_front(text);
	if (only_null(devices))
		LINE(text, "warning", "%s", "the only device is null: NOTHING IS ENCRYPTED");
	LINE(text, "error", "%s", error);
}

static void append_sizes(GString *text, unsigned min, unsigned max)
{
	if (!max)
		g_string_append(text, "\t-");
	else if (min == max)
		g_string_append_printf(text, "\t%u", min);
	else
		g_string_append_printf(text, "\t%u-%u", min, max);
}

/* What a device takes of what the algorithm would; nothing where that is all. */
static void append_limits(GString *text, const struct acr_capability *cap)
{
	if (cap->max_src)
		g_string_append_printf(text, "at most %zu bytes", cap->max_src);
	if (cap->limits)
		g_string_append_printf(text, "%s%s", cap->max_src ? ", " : "", cap->limits);
}

/* The same of all devices, each by its name, as a column. */
static void append_all_limits(GString *text, enum acr_opcode op, const struct acr_alg *alg)
{
	g_autoptr(GPtrArray) devices = acr_device_list();
	gsize before = text->len;

	g_string_append_c(text, '\t');
	for (guint i = 0; i < devices->len; i++) {
		const struct acr_device *dev = devices->pdata[i];
		const struct acr_capstat *cap = dev->by_alg[op][acr_alg_index(alg)];

		if (!cap || (!cap->cap.max_src && !cap->cap.limits))
			continue;
		g_string_append_printf(text, "%s%s: ", text->len > before + 1 ? "; " : "",
		                       dev->spec->name);
		append_limits(text, &cap->cap);
	}
	if (text->len == before + 1)
		g_string_append_c(text, '-');
}

static void algorithm_line(GString *text, enum acr_opcode op, const struct acr_alg *alg,
                           const char *devices)
{
	g_string_append_printf(text, "%s\t%s", acr_opcode_name(op),
	                       *alg->name ? alg->name : "-");
	append_sizes(text, alg->key_min, alg->key_max);
	append_sizes(text, alg->iv_min, alg->iv_max);
	if (alg->tags)
		g_string_append_printf(text, "\t%u", alg->tag_default);
	else
		g_string_append(text, "\t-");
	g_string_append_printf(text, "\t%u", alg->block);
	if (alg->out)
		g_string_append_printf(text, "\t%u", alg->out);
	else
		g_string_append(text, "\t-");
	g_string_append_printf(text, "\t%" PRIu64, alg->in_min);
	if (alg->in_max == UINT64_MAX)
		g_string_append(text, "\t-");
	else
		g_string_append_printf(text, "\t%" PRIu64, alg->in_max);
	g_string_append_printf(text, "\t%s\t%s", alg->pieces == ACR_PIECES_NONE ? "no" : "yes",
	                       devices);
	append_all_limits(text, op, alg);
	g_string_append_c(text, '\n');
}

void acr_report_algorithms(GString *text)
{
	g_string_append(text, "# op\talg\tkey\tiv\ttag\tblock\toutput\tmin-input\tmax-input\t"
	                      "stream\tdevices\tlimits\n");
	for (unsigned row = 0; row < acr_alg_count(); row++) {
		const struct acr_alg *alg = acr_alg_row(row);
		for (unsigned op = 0; op < ACR_OPCODES; op++) {
			g_autofree char *devices =
			        acr_devices_offering((enum acr_opcode)op, alg);
			if (*devices)
				algorithm_line(text, (enum acr_opcode)op, alg, devices);
		}
	}
}

/* ---- devices ---- */

void acr_report_device_state(struct acr_device *dev, GString *text)
{
	bool works = acr_device_works(dev);

	pthread_mutex_lock(&dev->lock);
	switch ((enum acr_device_state)atomic_load(&dev->state)) {
	case ACR_READY:
		g_string_append(text,
		                dev->group && !works ? "broken: no member works\n" : "ready\n");
		break;
	case ACR_DRAINING:
		g_string_append(text, "draining\n");
		break;
	case ACR_BROKEN:
	case ACR_TESTING:
	case ACR_REMOVED:
		LINE(text, "broken", "%s", dev->broken_reason);
		break;
	}
	pthread_mutex_unlock(&dev->lock);
}

void acr_report_device_load(struct acr_device *dev, GString *text)
{
	if (dev->group) {
		acr_report_group_load(dev, text);
		return;
	}
	LINE(text, "queued", "%" PRIu64, (uint64_t)atomic_load(&dev->queued_count));
	LINE(text, "running", "%" PRIu64, (uint64_t)atomic_load(&dev->running_count));
	LINE(text, "queued-bytes", "%" PRIu64, (uint64_t)atomic_load(&dev->load_bytes));
	LINE(text, "utilisation-percent", "%u", atomic_load(&dev->utilisation));
	LINE(text, "given-up", "%u", atomic_load(&dev->orphans));
}

struct queue_view {
	GString *text;
	uint32_t uid;
	bool all;
	uint64_t now;
	double ageing;
};

static void queue_line(const struct acr_queue_entry *entry, void *data)
{
	const struct queue_view *view = data;
	const struct acr_attempt *attempt =
	        acr_container_of(entry, const struct acr_attempt, entry);
	const struct acr_job *job = attempt->job;
	bool shown = job->label && (view->all || entry->uid == view->uid);
	double waited = (double)(view->now - entry->arrival_ns) * 1e-9;

	g_string_append_printf(view->text, "%s\t%u\t%.3f\t%.0f\t%s\t%s\t%zu\n",
	                       shown ? job->label : "-", entry->priority,
	                       entry->priority + waited * view->ageing, waited * 1000,
	                       acr_opcode_name(job->opcode),
	                       *job->alg->name ? job->alg->name : "-", job->src_len);
}

void acr_report_device_queue(struct acr_device *dev, uint32_t uid, bool all, GString *text)
{
	struct queue_view view = { text, uid, all, acr_now_ns(), 0 };

	if (dev->group) {
		acr_report_group_queue(dev, uid, all, text);
		return;
	}
	g_string_append(text, "# session\tpriority\teffective\twaiting-ms\top\talg\tbytes\n");
	pthread_mutex_lock(&dev->lock);
	view.ageing = dev->queue.ageing;
	acr_queue_walk(&dev->queue, queue_line, &view);
	acr_queue_walk(&dev->long_queue, queue_line, &view);
	acr_queue_walk(&dev->overflow, queue_line, &view);
	pthread_mutex_unlock(&dev->lock);
}

void acr_report_capability(const struct acr_capstat *cap, GString *text)
{
	g_string_append_printf(
	        text, "%s\t%s\t%u\t%" PRIu64 "\t%.3f\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t",
	        acr_opcode_name(cap->cap.opcode), *cap->cap.alg ? cap->cap.alg : "-",
	        atomic_load(&cap->queue_length), (uint64_t)atomic_load(&cap->bytes_per_s),
	        (double)atomic_load(&cap->mean_ns) / 1000,
	        (uint64_t)atomic_load(&cap->counters.started),
	        (uint64_t)atomic_load(&cap->counters.completed),
	        (uint64_t)atomic_load(&cap->counters.failed));
	append_limits(text, &cap->cap);
	g_string_append(text, cap->cap.max_src || cap->cap.limits ? "\n" : "-\n");
}

void acr_report_device_capabilities(struct acr_device *dev, GString *text)
{
	g_string_append(text, "# op\talg\tqueue-length\tbytes-per-s\tmean-process-us\tstarted\t"
	                      "completed\tfailed\tlimits\n");
	if (dev->group)
		acr_report_group_capabilities(dev, text);
	for (guint i = 0; i < dev->caps->len; i++)
		acr_report_capability(dev->caps->pdata[i], text);
}

static void percentiles(GString *text, const char *name, const struct acr_hist *hist)
{
	static const struct {
		const char *name;
		double share;
	} shown[] = { { "50", 0.5 }, { "90", 0.9 }, { "99", 0.99 }, { "99.9", 0.999 } };

	for (size_t i = 0; i < G_N_ELEMENTS(shown); i++)
		g_string_append_printf(text, "%s-us-p%s: %.3f\n", name, shown[i].name,
		                       (double)acr_hist_percentile(hist, shown[i].share) /
		                               1000);
}

void acr_report_device_stats(struct acr_device *dev, GString *text)
{
	struct acr_counters sum = { 0 };
	struct acr_hist process = { 0 }, queue = { 0 };
	const struct acr_counters *c = dev->group ? &sum : &dev->counters;

	if (dev->group)
		acr_report_group_sum(dev, &sum, &process, &queue);
	LINE(text, "started", "%" PRIu64, (uint64_t)atomic_load(&c->started));
	LINE(text, "finished", "%" PRIu64, (uint64_t)atomic_load(&c->finished));
	LINE(text, "completed", "%" PRIu64, (uint64_t)atomic_load(&c->completed));
	LINE(text, "failed", "%" PRIu64, (uint64_t)atomic_load(&c->failed));
	LINE(text, "re-dispatched", "%" PRIu64, (uint64_t)atomic_load(&c->redispatched));
	LINE(text, "cancelled", "%" PRIu64, (uint64_t)atomic_load(&c->cancelled));
	LINE(text, "bytes", "%" PRIu64, (uint64_t)atomic_load(&c->bytes));
	percentiles(text, "process-time", dev->group ? &process : &dev->process_hist);
	percentiles(text, "queue-time", dev->group ? &queue : &dev->queue_hist);
}
