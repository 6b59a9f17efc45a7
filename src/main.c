/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* acryptod: command line, start in the right order, and a clean end.
 *
 * The order matters: what can fail visibly happens before the parent lets the terminal go;
 * memory is locked after the fork, OpenSSL is first used after that, and threads come last. */
#include "alg/alg.h"
#include "session/sessions.h"
#include "sched/balancer.h"
#include "device/device.h"
#include "base/log.h"
#include "device/module.h"
#include "base/notify.h"
#include "base/pages.h"
#include "base/secret.h"
#include "session/session.h"
#include "base/settings.h"
#include "base/timer.h"

#include "fsops/fsops.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define LEAVING_S  3   /* for devices to let go of what they do */
#define CLOSING_MS 500 /* for clients to close their files at the end */

static struct {
	gboolean foreground, version;
	char *config, *options, *balancer, *module_path, *log_level;
	char **devices;
	const char *source; /* how lists of mounts call it */
} args = { .source = "acryptod" };

static GMainLoop *loop;
static unsigned ends;         /* SIGTERM and SIGINT so far */
static gint64 drain_until;    /* monotonic us */
static GPtrArray *configured; /* specs from the file, as they are in force */

static const GOptionEntry entries[] = {
	{ "foreground", 'f', 0, G_OPTION_ARG_NONE, &args.foreground,
	  "Stay in the foreground and log to standard error", NULL },
	{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &args.config,
	  "Configuration file (default " ACR_SYSCONFDIR "/acrypto/acryptod.conf, else "
	  "/etc/acrypto/acryptod.conf, if present)",
	  "FILE" },
	{ "options", 'o', 0, G_OPTION_ARG_FILENAME, &args.options, "Mount options",
	  "OPTION,..." },
	{ "device", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &args.devices,
	  "Add a device; may be repeated (default soft0=soft and all hardware found)",
	  "NAME=DRIVER[:KEY=VALUE,...]" },
	{ "balancer", 0, 0, G_OPTION_ARG_STRING, &args.balancer,
	  "Balancer to begin with (default least-loaded)", "NAME" },
	{ "module-path", 0, 0, G_OPTION_ARG_FILENAME, &args.module_path,
	  "Where to look for drivers and balancers first", "DIR[:DIR...]" },
	{ "log-level", 0, 0, G_OPTION_ARG_STRING, &args.log_level,
	  "error, warning, info or debug (default warning)", "LEVEL" },
	{ "version", 'V', 0, G_OPTION_ARG_NONE, &args.version, "Show the version and exit",
	  NULL },
	{ NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
};

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...)
{
	va_list list;

	fputs("acryptod: ", stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
}

/* mount(8) puts what it was to mount before the place: "acryptod#" of fstab as an empty word. It
 * looks for the same in the list of mounts, to mount nothing twice. */
static void note_source(const char *word)
{
	if (!*word)
		args.source = "acryptod#";
	else if (acr_name_ok(word))
		args.source = g_intern_string(word);
}

/* Returns the mount point, owned; exits on --help, --version and mistakes. */
static char *parse_command_line(int argc, char **argv)
{
	GOptionContext *context = g_option_context_new("MOUNTPOINT");
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(
	        context,
	        "Mount a filesystem that does cryptography: files in, files out, on the best "
	        "device there is.");
	g_option_context_set_description(context,
	                                 "The whole story: man 8 acryptod, man 7 acrypto");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		complain("%s (see acryptod --help)", error->message);
		exit(EXIT_USAGE);
	}
	g_option_context_free(context);
	if (args.version) {
		printf("acryptod %s\n", PACKAGE_VERSION);
		exit(0);
	}
	if (argc == 3 && args.options && !g_file_test(argv[1], G_FILE_TEST_IS_DIR)) {
		note_source(argv[1]);
		return g_strdup(argv[2]);
	}
	if (argc != 2) {
		complain(argc < 2 ? "which MOUNTPOINT? (see acryptod --help)"
		                  : "one MOUNTPOINT only (see acryptod --help)");
		exit(EXIT_USAGE);
	}
	return g_strdup(argv[1]);
}

static void spec_free(void *spec)
{
	acr_device_spec_free(spec);
}

/* ---- configuration ---- */

static void override(_Atomic(const char *) *setting, const char *value)
{
	if (value)
		atomic_store(setting, g_intern_string(value));
}

/* Read the file, then let the command line win. devices is filled with what the file names. */
static bool load_settings(GPtrArray *devices)
{
	const char *file = args.config ? args.config : acr_settings_find();
	g_autofree char *error = NULL;

	if (file && !acr_settings_load(file, devices, &error)) {
		acr_log(ACR_LOG_ERROR, "config", "%s", error);
		return false;
	}
	acr_log_put_right("config");
	override(&acr_settings.balancer, args.balancer);
	override(&acr_settings.module_path, args.module_path);
	override(&acr_settings.mount_options, args.options);
	if (args.log_level) {
		int level = acr_log_level_find(args.log_level);
		if (level < 0) {
			complain("--log-level %s: must be error, warning, info or debug",
			         args.log_level);
			return false;
		}
		acr_settings.log_level = (unsigned)level;
	}
	acr_log_set_level((enum acr_log_level)acr_settings.log_level);
	return true;
}

/* Specs of the command line, which replace those of the file. NULL: one is wrong. */
static GPtrArray *command_line_devices(void)
{
	GPtrArray *devices = g_ptr_array_new_with_free_func(spec_free);

	for (char **text = args.devices; text && *text; text++) {
		g_autofree char *error = NULL;
		struct acr_device_spec *spec = acr_device_spec_parse(*text, &error);
		if (!spec) {
			complain("--device: %s", error);
			g_ptr_array_unref(devices);
			return NULL;
		}
		g_ptr_array_add(devices, spec);
	}
	return devices;
}

/* ---- devices ---- */

static struct acr_device_spec *copy_spec(const struct acr_device_spec *from)
{
	struct acr_device_spec *spec = g_new0(struct acr_device_spec, 1);

	spec->name = g_strdup(from->name);
	spec->driver = g_strdup(from->driver);
	spec->keys = g_strdupv(from->keys);
	spec->values = g_strdupv(from->values);
	spec->from_file = from->from_file;
	return spec;
}

static bool add_devices(const GPtrArray *specs)
{
	char why[ACR_SENTENCE];

	for (guint i = 0; i < specs->len; i++)
		if (acr_device_add(copy_spec(specs->pdata[i]), false, why))
			return false;
	return true;
}

/* soft0, and NAME0 for each driver that finds its hardware. */
static bool add_default_devices(void)
{
	g_auto(GStrv) names = acr_module_names(ACR_MODULE_DRIVER);
	char why[ACR_SENTENCE];
	char *error;

	if (acr_device_add(acr_device_spec_parse("soft0=soft", &error), false, why))
		return false;
	for (guint i = 0; names[i]; i++) {
		struct acr_module *module = acr_module_load(ACR_MODULE_DRIVER, names[i], why);
		bool automatic = module && acr_module_driver(module)->flags & ACR_DRIVER_AUTO;
		acr_module_unref(module);
		if (automatic) {
			g_autofree char *text = g_strdup_printf("%s0=%s", names[i], names[i]);
			acr_device_add(acr_device_spec_parse(text, &error), true, why);
		}
	}
	return true;
}

static bool make_devices(void)
{
	g_autoptr(GPtrArray) given = command_line_devices();

	if (!given)
		return false;
	if (given->len)
		return add_devices(given);
	return configured->len ? add_devices(configured) : add_default_devices();
}

static bool has_spec(const GPtrArray *specs, const struct acr_device_spec *wanted)
{
	for (guint i = 0; i < specs->len; i++)
		if (acr_device_spec_equal(specs->pdata[i], wanted))
			return true;
	return false;
}

/* Make the devices of the file what the file says now. */
static void update_devices(GPtrArray *fresh)
{
	char why[ACR_SENTENCE];

	for (guint i = 0; i < configured->len; i++) {
		struct acr_device_spec *old = configured->pdata[i];
		if (!has_spec(fresh, old))
			acr_device_remove(old->name);
	}
	for (guint i = 0; i < fresh->len; i++)
		if (!has_spec(configured, fresh->pdata[i]))
			acr_device_add(copy_spec(fresh->pdata[i]), false, why);
	g_ptr_array_unref(configured);
	configured = g_ptr_array_ref(fresh);
}

/* ---- signals ---- */

static gboolean on_reload(gpointer unused)
{
	g_autoptr(GPtrArray) fresh = g_ptr_array_new_with_free_func(spec_free);

	(void)unused;
	if (!load_settings(fresh))
		return G_SOURCE_CONTINUE;
	if (!args.devices)
		update_devices(fresh);
	acr_devices_set_ageing((double)acr_settings.ageing / 1000);
	if (acr_balancer_switch(acr_settings.balancer) &&
	    !acr_balancer_load(acr_settings.balancer))
		acr_balancer_switch(acr_settings.balancer);
	acr_log(ACR_LOG_INFO, "config", "reloaded");
	return G_SOURCE_CONTINUE;
}

static gboolean check_drained(gpointer unused)
{
	(void)unused;
	if (acr_session_active() && g_get_monotonic_time() < drain_until && ends < 2)
		return G_SOURCE_CONTINUE;
	g_main_loop_quit(loop);
	return G_SOURCE_REMOVE;
}

static void notify(const char *state)
{
	int error = acr_notify(state);

	if (error)
		acr_log(ACR_LOG_WARNING, "main", "$NOTIFY_SOCKET: %s", strerror(-error));
}

/* The first one lets running work end; the next does not wait. */
static gboolean on_end(gpointer unused)
{
	(void)unused;
	if (++ends > 1) {
		g_main_loop_quit(loop);
		return G_SOURCE_CONTINUE;
	}
	notify("STOPPING=1");
	acr_sessions_refuse();
	drain_until = g_get_monotonic_time() + (gint64)acr_settings.drain * G_USEC_PER_SEC;
	if (check_drained(NULL))
		g_timeout_add(10, check_drained, NULL);
	return G_SOURCE_CONTINUE;
}

static gboolean on_second(gpointer unused)
{
	(void)unused;
	acr_devices_sample();
	return G_SOURCE_CONTINUE;
}

static gboolean on_unmounted(gpointer unused)
{
	(void)unused;
	ends = 2;
	g_main_loop_quit(loop);
	return G_SOURCE_REMOVE;
}

/* In a serving thread: the loop may not run yet, and would not notice that it is to quit. */
static void unmounted(void)
{
	g_idle_add(on_unmounted, NULL);
}

/* ---- going to the background ---- */

/* Fork; the parent waits for the child's word. Returns the descriptor to give it on, -1 in the
 * foreground. Does not return in the parent. */
static int go_to_background(void)
{
	int ends_of_pipe[2];
	char ok = 0;
	pid_t child;

	if (args.foreground)
		return -1;
	if (pipe2(ends_of_pipe, O_CLOEXEC) || (child = fork()) < 0) {
		complain("can't go to the background: %s", strerror(errno));
		exit(1);
	}
	if (child) {
		close(ends_of_pipe[1]);
		_exit(read(ends_of_pipe[0], &ok, 1) == 1 ? 0 : 1);
	}
	close(ends_of_pipe[0]);
	setsid();
	return ends_of_pipe[1];
}

static void let_parent_go(int pipe)
{
	int null;

	if (pipe < 0)
		return;
	acr_log_to_syslog();
	if (chdir("/"))
		acr_log(ACR_LOG_WARNING, "main", "chdir /: %s", strerror(errno));
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	close(null);
	if (write(pipe, "", 1) != 1)
		acr_log(ACR_LOG_WARNING, "main", "nobody waits for the start");
	close(pipe);
}

static void forbid_dumps(void)
{
	struct rlimit none = { 0, 0 };

	if (acr_settings.core_dumps)
		return;
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

/* ---- the whole run ---- */

/* A device that computes nothing must not pass for one that does. */
static void warn_of_null(void)
{
	g_autoptr(GPtrArray) devices = acr_device_list();

	if (devices->len == 1 &&
	    ((struct acr_device *)devices->pdata[0])->driver->flags & ACR_DRIVER_NULL)
		acr_log(ACR_LOG_WARNING, "main",
		        "the only device is null: NOTHING IS ENCRYPTED");
}

static struct fs_mount *bring_up(const char *mountpoint)
{
	struct fs_mount *mount = NULL;

	if (acr_timers_start())
		acr_log(ACR_LOG_ERROR, "main", "can't start a thread");
	else if (!acr_balancer_load(acr_settings.balancer) && make_devices())
		mount = fs_mount_new(args.source, mountpoint, acr_settings.mount_options);
	if (!mount)
		return NULL;
	for (char **name = acr_module_names(ACR_MODULE_BALANCER), **all = name;; name++) {
		if (!*name) {
			g_strfreev(all);
			break;
		}
		if (strcmp(*name, acr_settings.balancer))
			acr_balancer_load(*name);
	}
	fs_mount_on_exit(mount, unmounted);
	if (!fs_mount_start(mount, (unsigned)acr_settings.threads))
		return mount;
	acr_log(ACR_LOG_ERROR, "main", "can't start threads");
	fs_mount_free(mount);
	return NULL;
}

static void leave(int signal)
{
	(void)signal;
	_exit(0);
}

static void take_down(struct fs_mount *mount)
{
	acr_sessions_refuse();
	acr_sessions_cancel_all();
	fs_kept_close();
	fs_visits_cancel();
	/* Who was waiting has its answer now; let it close its files in peace. */
	for (int i = 0; i < CLOSING_MS && fs_open_count(); i++)
		g_usleep(1000);
	fs_mount_free(mount);
	acr_sessions_remove_all();
	/* A computation that nobody waits for any more must not hold up the end. */
	signal(SIGALRM, leave);
	alarm(LEAVING_S);
	acr_device_remove_all();
	acr_timers_stop();
	acr_balancers_free();
	acr_pages_trim();
}

int main(int argc, char **argv)
{
	g_autofree char *mountpoint = parse_command_line(argc, argv);
	struct fs_mount *mount;
	int parent;

	acr_settings_init();
	acr_alg_init();
	configured = g_ptr_array_new_with_free_func(spec_free);
	if (!load_settings(configured))
		return 1;
	signal(SIGPIPE, SIG_IGN);
	parent = go_to_background();
	if (fs_visitors_start()) {
		complain("can't fork");
		return 1;
	}
	acr_secret_init();
	forbid_dumps();
	/* Before mounting: a signal must never leave a mount without a daemon. */
	loop = g_main_loop_new(NULL, FALSE);
	g_unix_signal_add(SIGTERM, on_end, NULL);
	g_unix_signal_add(SIGINT, on_end, NULL);
	g_unix_signal_add(SIGHUP, on_reload, NULL);
	mount = bring_up(mountpoint);
	if (!mount)
		return 1;
	warn_of_null();
	acr_log(ACR_LOG_INFO, "main", "serving %s with %u threads", mountpoint,
	        (unsigned)acr_settings.threads);
	let_parent_go(parent);
	notify("READY=1");
	g_timeout_add_seconds(1, on_second, NULL);
	g_main_loop_run(loop);
	take_down(mount);
	g_main_loop_unref(loop);
	g_ptr_array_unref(configured);
	return 0;
}
