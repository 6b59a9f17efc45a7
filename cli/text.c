/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words for the user, and text files of the mount. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX (1 << 20)

void die(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("acrypto: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(status);
}

void die_of_mount(const char *file)
{
	die(1, "%s/%s: %s (is acrypto mounted there? -m names the mount point)", mount_point,
	    file, strerror(errno));
}

void path_of(char path[PATH_MAX], const char *folder, const char *name)
{
	int n = snprintf(path, PATH_MAX, "%s%s%s", folder, *name ? "/" : "", name);

	if (n < 0 || n >= PATH_MAX)
		die(1, "the path %.64s... is too long", folder);
}

char *read_text(const char *folder, const char *name)
{
	char path[PATH_MAX], *text;
	size_t used = 0;
	ssize_t n = 0;
	int fd;

	path_of(path, folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	text = fd < 0 ? NULL : malloc(TEXT_MAX + 1);
	while (text && used < TEXT_MAX && (n = read(fd, text + used, TEXT_MAX - used)) > 0)
		used += (size_t)n;
	if (fd >= 0)
		close(fd);
	if (!text || n < 0)
		return free(text), NULL;
	text[used - (used && text[used - 1] == '\n')] = 0;
	return text;
}

char *line_of(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (; text; text = strchr(text, '\n'), text += text != NULL)
		if (!strncmp(text, name, length) && !strncmp(text + length, ": ", 2))
			return strndup(text + length + 2, strcspn(text + length + 2, "\n"));
	return NULL;
}
