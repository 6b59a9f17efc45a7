/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration file, specifications of devices, and names. */
#include "tests/lib/check.h"
#include "base/settings.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MiB ((size_t)1024 * 1024)

static void spec_free(void *spec)
{
	acr_device_spec_free(spec);
}

/* Load a text; devices may be NULL. Returns the error, owned; NULL: it was taken. */
static char *load(const char *text, GPtrArray *devices)
{
	GPtrArray *list = devices ? devices : g_ptr_array_new_with_free_func(spec_free);
	int fd = memfd_create("settings", MFD_CLOEXEC);
	char file[64], *error = NULL;

	snprintf(file, sizeof file, "/proc/self/fd/%d", fd);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(acr_settings_load(file, list, &error) == !error);
	CHECK(!error || (g_str_has_prefix(error, file) && !list->len));
	close(fd);
	if (!devices)
		g_ptr_array_unref(list);
	if (error)
		memmove(error, error + strlen(file), strlen(error + strlen(file)) + 1);
	return error;
}

static void test_good_settings(void)
{
	GPtrArray *devices = g_ptr_array_new_with_free_func(spec_free);
	char *error =
	        load("# all kinds\n[daemon]\nmemory = 64M\nwindow=4096\nlog-level=debug\n"
	             "core-dumps=yes\nbalancer = round-robin \n\n[scheduler]\nageing=0.25\n"
	             "[quota]\nuser-memory=1g\n[device a]\ndriver=soft\nthreads=2\n"
	             "[device b.1]\nx=y\ndriver=null\n",
	             devices);
	struct acr_device_spec *spec;

	CHECK(!error && devices->len == 2);
	CHECK(acr_settings.memory == 64 * MiB && acr_settings.window == 4096);
	CHECK(acr_settings.log_level == 3 && acr_settings.core_dumps == 1);
	CHECK(!strcmp(acr_settings.balancer, "round-robin") && acr_settings.ageing == 250);
	CHECK(acr_settings.user_memory == 1024 * MiB && acr_settings.drain == 5);
	spec = devices->len ? devices->pdata[0] : NULL;
	CHECK(spec && !strcmp(spec->name, "a") && !strcmp(spec->driver, "soft") &&
	      !strcmp(spec->keys[0], "threads") && !strcmp(spec->values[0], "2") &&
	      !spec->keys[1]);
	g_ptr_array_unref(devices);
	g_free(error);
	acr_settings_init();
}

static void test_bad_settings(void)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *word;
	} bad[] = {
		{ "[daemon]\nmemory=lots\n", 2, "memory" },
		{ "[daemon]\n\nmemory=1k\n", 3, "memory" },
		{ "[daemon]\nmemory=99999999999G\n", 2, "memory" },
		{ "[daemon]\nthreads=0\n", 2, "threads" },
		{ "[daemon]\nthreads=-1\n", 2, "threads" },
		{ "[daemon]\nthreads=2 \nlog-level=loud\n", 3, "log-level" },
		{ "[daemon]\ncore-dumps=maybe\n", 2, "core-dumps" },
		{ "[daemon]\nbalancer=\n", 2, "balancer" },
		{ "[daemon]\ncolour=red\n", 2, "colour" },
		{ "# nothing\n[demon]\n", 2, "demon" },
		{ "[daemon]\nwindow=4096\nrubbish\n", 3, "key=value" },
		{ "rubbish\n", 1, "key=value" },
		{ "[scheduler]\nageing=-1\n", 2, "ageing" },
		{ "[scheduler]\nageing=1e99\n", 2, "ageing" },
		{ "[scheduler]\nageing=fast\n", 2, "ageing" },
		{ "[daemon]\nmemory=64M\n[device x y]\ndriver=soft\n", 3, "name" },
		{ "[device x]\nthreads=1\n", 1, "driver" },
		{ "[device x]\ndriver=so/ft\n", 1, "driver" },
		{ "[device x]\ndriver=soft\nthreads=\xff\n", 1, "text" },
	};
	uint64_t memory = acr_settings.memory;

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		char *error = load(bad[i].text, NULL), line[16];
		snprintf(line, sizeof line, ":%u: ", bad[i].line);
		if (!CHECK(error && g_str_has_prefix(error, line) &&
		           strstr(error, bad[i].word)))
			printf("  %s -> %s\n", bad[i].text, error ? error : "accepted");
		g_free(error);
	}
	CHECK(acr_settings.memory == memory);
}

static void test_specs(void)
{
	static const char *const bad[] = {
		"",      "soft0",    "=soft",        "soft0=",      "a=b:c",
		"a b=c", "a=b:=d",   "a=b:c=d,,e=f", "a=b:c=1,c=2", ".a=b",
		"a=b/c", "a=b:c=d,", "a=../b",
	};
	char *error = NULL;
	struct acr_device_spec *spec =
	        acr_device_spec_parse("d0=delay:us=5,x=a=b:c,y=", &error);
	struct acr_device_spec *bare = acr_device_spec_parse("d0=delay", &error);

	CHECK(spec && !error && !strcmp(spec->name, "d0") && !strcmp(spec->driver, "delay"));
	CHECK(spec && !strcmp(spec->keys[1], "x") && !strcmp(spec->values[1], "a=b:c") &&
	      !*spec->values[2] && !spec->keys[3] && !spec->values[3]);
	CHECK(bare && spec && acr_device_spec_equal(spec, spec) &&
	      !acr_device_spec_equal(spec, bare));
	acr_device_spec_free(spec);
	acr_device_spec_free(bare);
	acr_device_spec_free(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		error = NULL;
		spec = acr_device_spec_parse(bad[i], &error);
		CHECK(!spec && error);
		g_free(error);
	}
}

static void test_names(void)
{
	char longest[66];

	memset(longest, 'a', 65);
	longest[65] = 0;
	CHECK(!acr_name_ok(longest) && acr_name_ok(longest + 1));
	CHECK(acr_name_ok("a") && acr_name_ok("9._-Z") && !acr_name_ok("") &&
	      !acr_name_ok("."));
	CHECK(!acr_name_ok("-a") && !acr_name_ok("a/b") && !acr_name_ok("a b") &&
	      !acr_name_ok("\xc3\xa4"));
}

/* The sample with the # before its keys removed: what stands behind "# " is prose. */
static char *sample_in_force(void)
{
	const char *top = getenv("ACR_SRCDIR");
	char *file = g_build_filename(top ? top : ".", "doc/acryptod.conf.sample", NULL);
	char *text = NULL;
	size_t used = 0;

	CHECK(g_file_get_contents(file, &text, NULL, NULL));
	for (char *from = text; text && *from; from++)
		if (*from != '#' || (from != text && from[-1] != '\n') || from[1] == ' ')
			text[used++] = *from;
	if (text)
		text[used] = 0;
	g_free(file);
	return text;
}

static void test_sample_has_the_defaults(void)
{
	char *text = sample_in_force(), *error;
	struct acr_settings before;

	acr_settings_init();
	memcpy(&before, &acr_settings, sizeof before);
	/* So that a value that is not read shows. */
	acr_settings.window = acr_settings.requests = acr_settings.drain = 7;
	acr_settings.log_level = acr_settings.core_dumps = acr_settings.ageing = 7;
	acr_settings.queue_length = acr_settings.watchdog = acr_settings.user_sessions = 7;
	acr_settings.balancer = "none";
	error = text ? load(text, NULL) : NULL;
	CHECK(!error);
	acr_settings.file = before.file;
	acr_settings.balancer =
	        strcmp(acr_settings.balancer, before.balancer) ? "another" : before.balancer;
	CHECK(!memcmp(&before, &acr_settings, sizeof before));
	g_free(error);
	g_free(text);
}

int main(void)
{
	acr_settings_init();
	test_sample_has_the_defaults();
	test_good_settings();
	test_bad_settings();
	test_specs();
	test_names();
	return checks_end();
}
