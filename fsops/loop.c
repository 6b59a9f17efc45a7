/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounting, and the threads that serve. The receive loop is our own, so that the buffers are:
 * they are locked, left out of dumps, and wiped after a request that brought a key. */
#include "fsops.h"

#include "base/log.h"
#include "report/report.h"
#include "base/secret.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

struct fs_mount {
	struct fuse_session *session;
	char *mountpoint;
	pthread_t *threads;
	unsigned thread_count;
	atomic_uint running;
	atomic_bool ending;
	void (*exited)(void);
};

/* ---- serving ---- */

static void wake_up(int signal)
{
	(void)signal; /* it only ends a read of /dev/fuse */
}

static void guard_buffer(const struct fuse_buf *buf, size_t size)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = ((uintptr_t)buf->mem + page - 1) & ~(page - 1);
	uintptr_t end = ((uintptr_t)buf->mem + size) & ~(page - 1);

	start -= start > (uintptr_t)buf->mem ? page : 0; /* the request's head is in it */
	acr_secret_guard((void *)start, end + page - start);
}

static void *serve(void *data)
{
	struct fs_mount *mount = data;
	struct fuse_buf buf = { 0 };
	bool guarded = false;

	fs_visit_server(true);
	while (!fuse_session_exited(mount->session)) {
		int result = fuse_session_receive_buf(mount->session, &buf);
		if (result == -EINTR || result == -EAGAIN)
			continue;
		if (result <= 0)
			break;
		if (!guarded && buf.mem) {
			guard_buffer(&buf, 1 << 20);
			guarded = true;
		}
		fuse_session_process_buf(mount->session, &buf);
		if (fs_wipe_wanted())
			explicit_bzero(buf.mem, (size_t)result);
		acr_secret_scrub();
	}
	fs_visit_server(false);
	fuse_session_exit(mount->session);
	if (buf.mem)
		explicit_bzero(buf.mem, 1 << 20);
	free(buf.mem);
	if (atomic_fetch_sub(&mount->running, 1) == 1 && !atomic_load(&mount->ending))
		mount->exited();
	return NULL;
}

int fs_mount_start(struct fs_mount *mount, unsigned threads)
{
	struct sigaction action = { .sa_handler = wake_up };
	pthread_attr_t attr;
	int error = fs_visits_start();

	if (error)
		return error;
	sigaction(SIGUSR1, &action, NULL);
	mount->threads = calloc(threads, sizeof *mount->threads);
	if (!mount->threads)
		return -ENOMEM;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 512 * 1024);
	while (mount->thread_count < threads && !error) {
		atomic_fetch_add(&mount->running, 1);
		error = pthread_create(&mount->threads[mount->thread_count], &attr, serve,
		                       mount);
		if (error)
			atomic_fetch_sub(&mount->running, 1);
		else
			mount->thread_count++;
	}
	pthread_attr_destroy(&attr);
	return mount->thread_count ? 0 : -error;
}

void fs_mount_on_exit(struct fs_mount *mount, void (*exited)(void))
{
	mount->exited = exited;
}

/* A thread may be about to read when the signal comes: so it comes until they are all out. */
static void stop_threads(struct fs_mount *mount)
{
	fuse_session_exit(mount->session);
	while (atomic_load(&mount->running)) {
		for (unsigned i = 0; i < mount->thread_count; i++)
			pthread_kill(mount->threads[i], SIGUSR1);
		usleep(1000);
	}
	for (unsigned i = 0; i < mount->thread_count; i++)
		pthread_join(mount->threads[i], NULL);
}

/* ---- mounting ---- */

/* Type of the filesystem mounted on exactly this path, owned; NULL: none. */
static char *mounted_type(const char *path)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	char *type = NULL;

	if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL))
		return NULL;
	lines = g_strsplit(text, "\n", -1);
	for (guint i = 0; lines[i]; i++) {
		g_auto(GStrv) words = g_strsplit(lines[i], " ", -1);
		g_autofree char *point =
		        g_strv_length(words) > 6 ? g_strcompress(words[4]) : NULL;
		for (guint k = 6; point && !strcmp(point, path) && words[k]; k++) {
			if (strcmp(words[k], "-") || !words[k + 1])
				continue;
			g_free(type);
			type = g_strdup(words[k + 1]);
		}
	}
	return type;
}

static bool unmount_dead(const char *path)
{
	char *argv[] = { "fusermount3", "-u", "-z", (char *)path, NULL };
	int status = -1;

	if (!umount2(path, MNT_DETACH))
		return true;
	return g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
	                    &status, NULL) &&
	       status == 0;
}

/* Make the path absolute without touching what may be a dead mount. */
static char *absolute(const char *path)
{
	g_autofree char *cwd = g_get_current_dir();
	return g_canonicalize_filename(path, cwd);
}

/* True if the path can be mounted on; clears what a killed daemon left. */
static bool check_mountpoint(const char *path)
{
	g_autofree char *type = mounted_type(path);
	struct stat st;
	bool ours = type && !strcmp(type, "fuse.acrypto");

	if (stat(path, &st)) {
		if (errno == ENOTCONN && ours && unmount_dead(path)) {
			acr_log(ACR_LOG_WARNING, "mount",
			        "%s: cleared the mount of a daemon that had died", path);
			return check_mountpoint(path);
		}
		acr_log(ACR_LOG_ERROR, "mount", "%s: %s", path, strerror(errno));
		return false;
	}
	if (ours)
		acr_log(ACR_LOG_ERROR, "mount", "%s: an acryptod serves it already", path);
	else if (!S_ISDIR(st.st_mode))
		acr_log(ACR_LOG_ERROR, "mount", "%s: not a directory", path);
	else
		return true;
	return false;
}

static void report_transport(GString *text)
{
	g_string_append_printf(text,
	                       "requests-waiting: %zu\ntransport: /dev/fuse\n"
	                       "shared-buffers: no\n",
	                       fs_kept_count());
}

struct fs_mount *fs_mount_new(const char *source, const char *mountpoint, const char *options)
{
	g_autofree char *path = absolute(mountpoint);
	g_autofree char *all = fs_mount_words(source, options);
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fs_mount *mount;

	if (!check_mountpoint(path))
		return NULL;
	fs_kept_init();
	acr_report_front = report_transport;
	mount = g_new0(struct fs_mount, 1);
	mount->mountpoint = g_strdup(path);
	fuse_opt_add_arg(&args, "acryptod");
	fuse_opt_add_arg(&args, "-o");
	fuse_opt_add_arg(&args, all);
	mount->session = fuse_session_new(&args, &fs_ops, sizeof fs_ops, mount);
	fuse_opt_free_args(&args);
	if (!mount->session) {
		acr_log(ACR_LOG_ERROR, "mount", "the mount options \"%s\" were refused",
		        options ? options : "");
	} else if (fuse_session_mount(mount->session, path)) {
		acr_log(ACR_LOG_ERROR, "mount", "%s: mounting failed%s", path,
		        access("/dev/fuse", R_OK | W_OK) ? ": no access to /dev/fuse" : "");
		fuse_session_destroy(mount->session);
		mount->session = NULL;
	}
	if (mount->session) {
		fs_spliced_init(mount->session);
		return mount;
	}
	g_free(mount->mountpoint);
	g_free(mount);
	return NULL;
}

void fs_mount_free(struct fs_mount *mount)
{
	atomic_store(&mount->ending, true);
	fs_kept_close();
	fs_spliced_wait(); /* while there are threads that serve its readers */
	fs_visits_close();
	/* First the threads: unmounting closes the descriptor that they read. */
	stop_threads(mount);
	fuse_session_unmount(mount->session);
	fs_spliced_wait();
	fs_kept_wait();
	fuse_session_destroy(mount->session);
	free(mount->threads);
	g_free(mount->mountpoint);
	g_free(mount);
}
