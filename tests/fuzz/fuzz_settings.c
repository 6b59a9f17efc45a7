/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer: the text of a configuration file, and each of its lines as the specification of a
 * device. A file that is refused must change nothing and name a line. */
#include "base/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ASSERT(condition) ((condition) ? (void)0 : abort())

static GPtrArray *texts; /* of the present file */

/* GLib's own keeps all texts for ever, and more than that, which would count as a leak. */
const char *g_intern_string(const char *text)
{
	if (!text)
		return NULL;
	g_ptr_array_add(texts, g_strdup(text));
	return texts->pdata[texts->len - 1];
}

static void spec_free(void *spec)
{
	acr_device_spec_free(spec);
}

static unsigned pairs(const struct acr_device_spec *spec)
{
	unsigned n = 0;

	while (spec->keys[n]) {
		ASSERT(*spec->keys[n] && spec->values[n]);
		n++;
	}
	ASSERT(!spec->values[n]);
	return n;
}

static void check_spec(const struct acr_device_spec *spec)
{
	ASSERT(acr_name_ok(spec->name) && acr_name_ok(spec->driver));
	pairs(spec);
	ASSERT(acr_device_spec_equal(spec, spec));
}

/* "FILE:LINE: reason", the line within the text. */
static void check_error(const char *error, const char *file, const char *text)
{
	unsigned long line, lines = 1;
	char *end;

	ASSERT(error && !strncmp(error, file, strlen(file)) && error[strlen(file)] == ':');
	line = strtoul(error + strlen(file) + 1, &end, 10);
	for (; *text; text++)
		lines += *text == '\n';
	ASSERT(line >= 1 && line <= lines && *end == ':' && end[1] == ' ' && end[2]);
}

/* A file of memory for the text; its path in file. */
static int file_of(const uint8_t *data, size_t size, char *file, size_t room)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	ASSERT(fd >= 0);
	ASSERT(write(fd, data, size) == (ssize_t)size);
	snprintf(file, room, "/proc/self/fd/%d", fd);
	return fd;
}

static void try_file(const uint8_t *data, size_t size, const char *text)
{
	GPtrArray *devices = g_ptr_array_new_with_free_func(spec_free);
	struct acr_settings before;
	char *error = NULL;
	char file[64];
	int fd = file_of(data, size, file, sizeof file);

	texts = g_ptr_array_new_with_free_func(g_free);
	memset(&acr_settings, 0, sizeof acr_settings);
	acr_settings_init();
	memcpy(&before, &acr_settings, sizeof before);
	if (acr_settings_load(file, devices, &error)) {
		ASSERT(!error);
		for (guint i = 0; i < devices->len; i++)
			check_spec(devices->pdata[i]);
		ASSERT(acr_settings.window >= 4096 && acr_settings.threads >= 1);
		ASSERT(acr_settings.log_level <= 3 && acr_settings.balancer);
	} else {
		check_error(error, file, text);
		ASSERT(!devices->len && !memcmp(&before, &acr_settings, sizeof before));
	}
	g_free(error);
	g_ptr_array_unref(devices);
	g_ptr_array_unref(texts);
	close(fd);
}

static void try_spec(const char *text)
{
	char *error = NULL;
	struct acr_device_spec *spec = acr_device_spec_parse(text, &error);

	ASSERT(!spec == !!error);
	if (spec)
		check_spec(spec);
	acr_device_spec_free(spec);
	g_free(error);
}

/* The same text in each kind of group, which the fuzzer would hardly ever come upon. */
static void try_in_group(const char *head, const uint8_t *data, size_t size)
{
	size_t len = strlen(head);
	char *text = calloc(1, len + size + 1);

	ASSERT(text);
	memcpy(text, head, len);
	memcpy(text + len, data, size);
	try_file((const uint8_t *)text, len + size, text);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const heads[] = {
		"", "[daemon]\n", "[scheduler]\n", "[quota]\n", "[device d0]\ndriver=soft\n",
	};
	char *text = g_strndup((const char *)data, size);
	char **lines = g_strsplit(text, "\n", -1);

	for (size_t i = 0; i < G_N_ELEMENTS(heads); i++)
		try_in_group(heads[i], data, size);
	for (unsigned i = 0; lines[i]; i++)
		try_spec(lines[i]);
	g_strfreev(lines);
	g_free(text);
	return 0;
}
