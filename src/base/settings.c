/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings.h"

#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define MiB (1024ull * 1024)

struct acr_settings acr_settings;

enum type { NUMBER, SIZE, THOUSANDTHS, BOOLEAN, LEVEL, TEXT };

/* Every key of the configuration file outside [device NAME]. */
static const struct row {
	const char *group, *key;
	enum type type;
	size_t offset;
	uint64_t min, max;
} rows[] = {
#define AT(field) offsetof(struct acr_settings, field)
	{ "daemon", "memory", SIZE, AT(memory), MiB, UINT64_MAX / 4 },
	{ "daemon", "requests", NUMBER, AT(requests), 1, 1000000 },
	{ "daemon", "window", SIZE, AT(window), 4096, 1024 * MiB },
	{ "daemon", "drain", NUMBER, AT(drain), 0, 86400 },
	{ "daemon", "threads", NUMBER, AT(threads), 1, 256 },
	{ "daemon", "log-level", LEVEL, AT(log_level), 0, 0 },
	{ "daemon", "core-dumps", BOOLEAN, AT(core_dumps), 0, 1 },
	{ "daemon", "balancer", TEXT, AT(balancer), 0, 0 },
	{ "daemon", "module-path", TEXT, AT(module_path), 0, 0 },
	{ "daemon", "priority-group", TEXT, AT(priority_group), 0, 0 },
	{ "daemon", "mount-options", TEXT, AT(mount_options), 0, 0 },
	{ "scheduler", "ageing", THOUSANDTHS, AT(ageing), 0, 1000000000 },
	{ "scheduler", "queue-length", NUMBER, AT(queue_length), 1, 1u << 30 },
	{ "scheduler", "watchdog", NUMBER, AT(watchdog), 0, 86400 },
	{ "quota", "user-memory", SIZE, AT(user_memory), 4096, UINT64_MAX / 4 },
	{ "quota", "user-sessions", NUMBER, AT(user_sessions), 0, 1u << 30 },
#undef AT
};

void acr_settings_init(void)
{
	struct sysinfo info;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	sysinfo(&info);
	acr_settings.memory = (uint64_t)info.totalram * info.mem_unit / 2;
	acr_settings.user_memory = acr_settings.memory / 2;
	acr_settings.user_sessions = 10000;
	acr_settings.requests = 1024;
	acr_settings.window = MiB;
	acr_settings.drain = 5;
	acr_settings.ageing = 1000;
	acr_settings.queue_length = 1u << 20;
	acr_settings.watchdog = 1;
	acr_settings.threads = (uint64_t)CLAMP(cpus, 2, 16);
	acr_settings.log_level = ACR_LOG_WARNING;
	acr_settings.balancer = "least-loaded";
}

bool acr_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (len < 1 || len > 64 || !g_ascii_isalnum(name[0]))
		return false;
	return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                    "0123456789._-") == len;
}

/* A whole number, with an optional K, M, G or T (of 1024) for sizes. */
static bool parse_number(const char *text, bool size, uint64_t *value)
{
	static const char units[] = "KMGT";
	char *end;
	const char *unit;

	if (!g_ascii_isdigit(*text))
		return false;
	errno = 0;
	*value = g_ascii_strtoull(text, &end, 10);
	if (errno)
		return false;
	if (size && *end && (unit = strchr(units, g_ascii_toupper(*end)))) {
		unsigned shift = 10 * (unsigned)(unit - units + 1);
		if (*value > UINT64_MAX >> shift)
			return false;
		*value <<= shift;
		end++;
	}
	return !*end;
}

static bool parse_thousandths(const char *text, uint64_t *value)
{
	char *end;
	double number = g_ascii_strtod(text, &end);

	if (!g_ascii_isdigit(*text) || *end || !(number >= 0 && number < 1e12))
		return false;
	*value = (uint64_t)(number * 1000 + 0.5);
	return true;
}

static bool parse_boolean(const char *text, uint64_t *value)
{
	*value = !strcmp(text, "yes") || !strcmp(text, "true") || !strcmp(text, "1");
	return *value || !strcmp(text, "no") || !strcmp(text, "false") || !strcmp(text, "0");
}

struct value {
	bool given;
	uint64_t number;
	const char *text;
};

/* Returns NULL or what would be right, owned. */
static char *parse_value(const struct row *row, const char *text, struct value *value)
{
	bool ok = true;
	int level;

	value->given = true;
	switch (row->type) {
	case TEXT:
		value->text = g_intern_string(text);
		return *text ? NULL : g_strdup("must not be empty");
	case LEVEL:
		level = acr_log_level_find(text);
		value->number = (uint64_t)level;
		return level < 0 ? g_strdup("must be error, warning, info or debug") : NULL;
	case BOOLEAN:
		ok = parse_boolean(text, &value->number);
		return ok ? NULL : g_strdup("must be yes or no");
	case THOUSANDTHS:
		ok = parse_thousandths(text, &value->number);
		break;
	case NUMBER:
	case SIZE:
		ok = parse_number(text, row->type == SIZE, &value->number);
		break;
	}
	if (ok && value->number >= row->min && value->number <= row->max)
		return NULL;
	if (row->type == THOUSANDTHS)
		return g_strdup_printf("must be a number from 0 to %g",
		                       (double)row->max / 1000);
	return g_strdup_printf(
	        "must be a whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT "%s",
	        row->min, row->max, row->type == SIZE ? " (K, M, G and T may follow)" : "");
}

static void put_value(const struct row *row, const struct value *value)
{
	void *field = (char *)&acr_settings + row->offset;

	if (row->type == TEXT)
		atomic_store((_Atomic(const char *) *)field, value->text);
	else
		atomic_store((atomic_uint_least64_t *)field, value->number);
}

/* ---- devices ---- */

static struct acr_device_spec *spec_new(const char *name, const char *driver)
{
	struct acr_device_spec *spec = g_new0(struct acr_device_spec, 1);

	spec->name = g_strdup(name);
	spec->driver = g_strdup(driver);
	return spec;
}

void acr_device_spec_free(struct acr_device_spec *spec)
{
	if (!spec)
		return;
	g_free(spec->name);
	g_free(spec->driver);
	g_strfreev(spec->keys);
	g_strfreev(spec->values);
	g_free(spec);
}

bool acr_device_spec_equal(const struct acr_device_spec *a, const struct acr_device_spec *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->driver, b->driver) &&
	       g_strv_equal((const char *const *)a->keys, (const char *const *)b->keys) &&
	       g_strv_equal((const char *const *)a->values, (const char *const *)b->values);
}

/* "KEY=VALUE,...": false with *error set. */
static bool spec_options(struct acr_device_spec *spec, const char *text, char **error)
{
	g_auto(GStrv) words = g_strsplit(text, ",", -1);
	guint count = g_strv_length(words);

	spec->keys = g_new0(char *, count + 1);
	spec->values = g_new0(char *, count + 1);
	for (guint i = 0; i < count; i++) {
		char *equals = strchr(words[i], '=');
		if (!equals || equals == words[i]) {
			*error = g_strdup_printf("option \"%.64s\" is not KEY=VALUE", words[i]);
			return false;
		}
		spec->keys[i] = g_strndup(words[i], (gsize)(equals - words[i]));
		for (guint k = 0; k < i; k++) {
			if (strcmp(spec->keys[k], spec->keys[i]))
				continue;
			*error = g_strdup_printf("option %.64s= is given twice", spec->keys[i]);
			return false;
		}
		spec->values[i] = g_strdup(equals + 1);
	}
	return true;
}

struct acr_device_spec *acr_device_spec_parse(const char *text, char **error)
{
	const char *equals = strchr(text, '='), *colon;
	g_autofree char *name = equals ? g_strndup(text, (gsize)(equals - text)) : NULL;
	g_autofree char *driver = NULL;
	struct acr_device_spec *spec;

	if (!equals) {
		*error = g_strdup_printf("\"%.64s\" is not NAME=DRIVER[:KEY=VALUE,...]", text);
		return NULL;
	}
	colon = strchr(equals, ':');
	driver = colon ? g_strndup(equals + 1, (gsize)(colon - equals - 1))
	               : g_strdup(equals + 1);
	if (!acr_name_ok(name) || !acr_name_ok(driver)) {
		*error = g_strdup_printf(
		        "\"%.64s\" is not a name: letters, digits, . _ and -, at "
		        "most 64, the first a letter or digit",
		        acr_name_ok(name) ? driver : name);
		return NULL;
	}
	spec = spec_new(name, driver);
	if (!spec_options(spec, colon && colon[1] ? colon + 1 : "", error)) {
		acr_device_spec_free(spec);
		return NULL;
	}
	return spec;
}

/* ---- the file ---- */

/* The build's own, then the one that the manual names. */
static const char *const standard_files[] = { ACR_SYSCONFDIR "/acrypto/acryptod.conf",
	                                      "/etc/acrypto/acryptod.conf" };

const char *acr_settings_find(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(standard_files); i++)
		if (!access(standard_files[i], F_OK) || (errno != ENOENT && errno != ENOTDIR))
			return standard_files[i];
	return NULL;
}

/* Line of a group, or of a key in it (key not NULL), 1 if not found. */
static unsigned line_of(const char *text, const char *group, const char *key)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autofree char *head = g_strdup_printf("[%s]", group);
	bool inside = false;

	for (unsigned i = 0; lines[i]; i++) {
		char *line = g_strstrip(lines[i]);
		if (*line == '[') {
			inside = !strcmp(line, head);
			if (inside && !key)
				return i + 1;
		} else if (inside && key && g_str_has_prefix(line, key)) {
			const char *rest = line + strlen(key);
			if (*(rest + strspn(rest, " \t")) == '=')
				return i + 1;
		}
	}
	return 1;
}

/* The first line that is no comment, group or KEY=VALUE. */
static unsigned bad_line(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	bool inside = false;

	for (unsigned i = 0; lines[i]; i++) {
		char *line = g_strstrip(lines[i]);
		if (!*line || *line == '#')
			continue;
		if (*line == '[' && line[strlen(line) - 1] == ']')
			inside = true;
		else if (!inside || !strchr(line, '=') || *line == '=')
			return i + 1;
	}
	return 1;
}

static const struct row *row_find(const char *group, const char *key)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (!strcmp(rows[i].group, group) && (!key || !strcmp(rows[i].key, key)))
			return &rows[i];
	return NULL;
}

static char *load_device(GKeyFile *file, const char *group, GPtrArray *devices)
{
	const char *name = group + strlen("device ");
	g_autofree char *driver = g_key_file_get_string(file, group, "driver", NULL);
	g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);
	struct acr_device_spec *spec;
	guint n = 0, count = g_strv_length(keys);

	if (!acr_name_ok(name))
		return g_strdup_printf("\"%.64s\" is not a device name", name);
	if (!driver || !acr_name_ok(driver))
		return g_strdup("driver= is missing or is not a driver's name");
	spec = spec_new(name, driver);
	spec->from_file = true;
	spec->keys = g_new0(char *, count + 1);
	spec->values = g_new0(char *, count + 1);
	for (guint i = 0; i < count; i++) {
		if (!strcmp(keys[i], "driver"))
			continue;
		spec->keys[n] = g_strdup(keys[i]);
		spec->values[n] = g_key_file_get_string(file, group, keys[i], NULL);
		if (!spec->values[n++]) {
			acr_device_spec_free(spec);
			return g_strdup_printf("%.64s is not text", keys[i]);
		}
	}
	g_ptr_array_add(devices, spec);
	return NULL;
}

static char *load_group(GKeyFile *file, const char *group, struct value *values,
                        const char **bad_key)
{
	g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);

	if (!row_find(group, NULL))
		return g_strdup_printf("unknown group [%.64s]", group);
	for (guint i = 0; keys[i]; i++) {
		const struct row *row = row_find(group, keys[i]);
		g_autofree char *value = g_key_file_get_string(file, group, keys[i], NULL);
		g_autofree char *wrong = NULL;

		*bad_key = row ? row->key : g_intern_string(keys[i]);
		if (!row)
			return g_strdup_printf("unknown key %.64s in [%s]", keys[i], group);
		if (!value)
			return g_strdup_printf("%s is not text", keys[i]);
		wrong = parse_value(row, g_strstrip(value), &values[row - rows]);
		if (wrong)
			return g_strdup_printf("%s %s", keys[i], wrong);
	}
	*bad_key = NULL;
	return NULL;
}

static bool load_text(const char *file, const char *text, struct value *values,
                      GPtrArray *devices, char **error)
{
	g_autoptr(GKeyFile) keys = g_key_file_new();
	g_auto(GStrv) groups = NULL;

	if (!g_key_file_load_from_data(keys, text, strlen(text), G_KEY_FILE_NONE, NULL)) {
		*error = g_strdup_printf("%s:%u: this is no comment, [group] or key=value",
		                         file, bad_line(text));
		return false;
	}
	groups = g_key_file_get_groups(keys, NULL);
	for (guint i = 0; groups[i]; i++) {
		const char *key = NULL;
		g_autofree char *wrong = g_str_has_prefix(groups[i], "device ")
		                                 ? load_device(keys, groups[i], devices)
		                                 : load_group(keys, groups[i], values, &key);
		if (wrong) {
			*error = g_strdup_printf("%s:%u: %s", file,
			                         line_of(text, groups[i], key), wrong);
			return false;
		}
	}
	return true;
}

static unsigned lines_of(const char *text)
{
	unsigned lines = 1;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

bool acr_settings_load(const char *file, GPtrArray *devices, char **error)
{
	struct value values[G_N_ELEMENTS(rows)] = { 0 };
	g_autoptr(GError) reason = NULL;
	g_autofree char *text = NULL;
	guint before = devices->len;
	gsize len;

	if (!g_file_get_contents(file, &text, &len, &reason)) {
		*error = g_strdup_printf("%s: %s", file, g_strerror(errno));
		return false;
	}
	if (strlen(text) != len) {
		*error = g_strdup_printf("%s:%u: there is a zero byte", file, lines_of(text));
		return false;
	}
	if (!load_text(file, text, values, devices, error)) {
		g_ptr_array_set_size(devices, (gint)before);
		return false;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (values[i].given)
			put_value(&rows[i], &values[i]);
	acr_settings.file = g_intern_string(file);
	return true;
}
