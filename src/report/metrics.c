/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `metrics`: the Prometheus text format. Names of sessions and users never appear. */
#include "report.h"
#include "session/sessions.h"

#include "device/group.h"
#include "base/secret.h"
#include "session/session.h"

#include <inttypes.h>

static void head(GString *text, const char *name, const char *type, const char *help)
{
	g_string_append_printf(text, "# HELP acrypto_%s %s\n# TYPE acrypto_%s %s\n", name, help,
	                       name, type);
}

static void gauge(GString *text, const char *name, const char *help, uint64_t value)
{
	head(text, name, "gauge", help);
	g_string_append_printf(text, "acrypto_%s %" PRIu64 "\n", name, value);
}

/* ---- per device ---- */

static uint64_t is_up(struct acr_device *dev)
{
	return acr_device_works(dev);
}

static uint64_t queued(struct acr_device *dev)
{
	return atomic_load(&dev->queued_count);
}

static uint64_t running(struct acr_device *dev)
{
	return atomic_load(&dev->running_count);
}

static uint64_t load_bytes(struct acr_device *dev)
{
	return atomic_load(&dev->load_bytes);
}

static uint64_t utilisation(struct acr_device *dev)
{
	return atomic_load(&dev->utilisation);
}

static const struct {
	const char *name, *help;
	uint64_t (*value)(struct acr_device *dev);
} gauges[] = {
	{ "device_up", "1 if the device takes work.", is_up },
	{ "device_queued", "Sessions waiting in the device's queue.", queued },
	{ "device_running", "Sessions that the device is working on.", running },
	{ "device_load_bytes", "Input bytes of both.", load_bytes },
	{ "device_utilisation_percent", "Busy time over the last second.", utilisation },
};

static void device_gauges(GString *text, const GPtrArray *devices)
{
	for (size_t g = 0; g < G_N_ELEMENTS(gauges); g++) {
		head(text, gauges[g].name, "gauge", gauges[g].help);
		for (guint i = 0; i < devices->len; i++) {
			struct acr_device *dev = devices->pdata[i];
			/* The rest of a group is told of its members. */
			if (dev->group && gauges[g].value != is_up)
				continue;
			g_string_append_printf(
			        text, "acrypto_%s{device=\"%s\",driver=\"%s\"} %" PRIu64 "\n",
			        gauges[g].name, dev->spec->name, dev->spec->driver,
			        gauges[g].value(dev));
		}
	}
}

/* ---- per capability ---- */

static const struct {
	const char *name, *help;
	size_t offset;
} counters[] = {
#define AT(field) offsetof(struct acr_counters, field)
	{ "started_total", "Operations handed to the driver.", AT(started) },
	{ "finished_total", "Operations that came back or were given up.", AT(finished) },
	{ "completed_total", "Operations with a result.", AT(completed) },
	{ "failed_total", "Operations that the device failed.", AT(failed) },
	{ "redispatched_total", "Operations given to another device.", AT(redispatched) },
	{ "cancelled_total", "Operations taken back from the driver.", AT(cancelled) },
	{ "bytes_total", "Input bytes completed.", AT(bytes) },
#undef AT
};

/* Only what has ever been used, to keep the page short. */
static void capability_counters(GString *text, const GPtrArray *devices)
{
	for (size_t c = 0; c < G_N_ELEMENTS(counters); c++) {
		head(text, counters[c].name, "counter", counters[c].help);
		for (guint i = 0; i < devices->len; i++) {
			struct acr_device *dev = devices->pdata[i];
			for (guint k = 0; k < dev->caps->len; k++) {
				const struct acr_capstat *cap = dev->caps->pdata[k];
				const atomic_uint_least64_t *value =
				        (const void *)((const char *)&cap->counters +
				                       counters[c].offset);
				if (!atomic_load(&cap->counters.started))
					continue;
				g_string_append_printf(
				        text,
				        "acrypto_%s{device=\"%s\",op=\"%s\",alg=\"%s\"} %" PRIu64
				        "\n",
				        counters[c].name, dev->spec->name,
				        acr_opcode_name(cap->cap.opcode), cap->cap.alg,
				        (uint64_t)atomic_load(value));
			}
		}
	}
}

/* ---- histograms ---- */

static void histogram(GString *text, const char *name, const char *device,
                      const struct acr_hist *hist)
{
	/* Buckets of a factor of four from 1 us to 17 s; the last is everything. */
	uint64_t count = acr_hist_count(hist);

	for (uint64_t ns = 1024; ns < 1ull << 35; ns *= 4)
		g_string_append_printf(
		        text, "acrypto_%s_bucket{device=\"%s\",le=\"%.9f\"} %" PRIu64 "\n",
		        name, device, (double)ns * 1e-9, MIN(acr_hist_below(hist, ns), count));
	g_string_append_printf(text,
	                       "acrypto_%s_bucket{device=\"%s\",le=\"+Inf\"} %" PRIu64 "\n",
	                       name, device, count);
	g_string_append_printf(text, "acrypto_%s_sum{device=\"%s\"} %.9f\n", name, device,
	                       (double)atomic_load(&hist->sum_ns) * 1e-9);
	g_string_append_printf(text, "acrypto_%s_count{device=\"%s\"} %" PRIu64 "\n", name,
	                       device, count);
}

static void histograms(GString *text, const GPtrArray *devices)
{
	head(text, "process_seconds", "histogram", "Time that operations took in the device.");
	for (guint i = 0; i < devices->len; i++) {
		struct acr_device *dev = devices->pdata[i];
		if (!dev->group)
			histogram(text, "process_seconds", dev->spec->name, &dev->process_hist);
	}
	head(text, "queue_seconds", "histogram", "Time that operations waited in the queue.");
	for (guint i = 0; i < devices->len; i++) {
		struct acr_device *dev = devices->pdata[i];
		if (!dev->group)
			histogram(text, "queue_seconds", dev->spec->name, &dev->queue_hist);
	}
}

void acr_report_metrics(GString *text)
{
	g_autoptr(GPtrArray) devices = acr_device_list();

	head(text, "build_info", "gauge", "Always 1; the label tells the version.");
	g_string_append_printf(text, "acrypto_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
	gauge(text, "sessions", "Sessions that exist.", acr_session_count());
	gauge(text, "sessions_active", "Sessions queued or running.", acr_session_active());
	gauge(text, "sessions_waiting", "Sessions for which every capable queue is full.",
	      acr_sched_waiting());
	gauge(text, "memory_bytes", "Memory charged to users.", acr_account_total());
	gauge(text, "memory_limit_bytes", "The daemon's limit of it.",
	      (uint64_t)acr_settings.memory);
	gauge(text, "locked_bytes", "Locked memory for secrets.", acr_secret_bytes_locked());
	device_gauges(text, devices);
	capability_counters(text, devices);
	histograms(text, devices);
}
