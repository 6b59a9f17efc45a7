/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

static const char *const names[] = { "error", "warning", "info", "debug" };
static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

static atomic_int level = ACR_LOG_WARNING;
static atomic_bool use_syslog;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf */
static char last_error[256];                             /* (lock) */

void acr_log_set_level(enum acr_log_level to)
{
	atomic_store(&level, (int)to);
}

void acr_log_to_syslog(void)
{
	openlog("acryptod", LOG_PID, LOG_DAEMON);
	atomic_store(&use_syslog, true);
}

int acr_log_level_find(const char *name)
{
	for (int i = 0; i <= ACR_LOG_DEBUG; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

void acr_log(enum acr_log_level at, const char *module, const char *format, ...)
{
	int saved = errno;
	char text[512];
	va_list args;

	if ((int)at > atomic_load_explicit(&level, memory_order_relaxed))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	/* One line each, whatever a device or a user puts into it. */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	if (at == ACR_LOG_ERROR) {
		pthread_mutex_lock(&lock);
		snprintf(last_error, sizeof last_error, "%s: %.200s", module, text);
		pthread_mutex_unlock(&lock);
	}
	if (atomic_load(&use_syslog))
		syslog(priorities[at], "%s: %s", module, text);
	else
		fprintf(stderr, "acryptod: %s: %s: %s\n", names[at], module, text);
	errno = saved;
}

void acr_log_last_error(char *text, size_t size)
{
	pthread_mutex_lock(&lock);
	snprintf(text, size, "%s", last_error[0] ? last_error : "none");
	pthread_mutex_unlock(&lock);
}

void acr_log_put_right(const char *module)
{
	size_t len = strlen(module);

	pthread_mutex_lock(&lock);
	if (!strncmp(last_error, module, len) && last_error[len] == ':')
		last_error[0] = 0;
	pthread_mutex_unlock(&lock);
}
