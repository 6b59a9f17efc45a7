/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A session from C, without any library: cc session.c -o session && ./session
 * It computes the SHA-256 of "abc" and compares it with the standard's own example. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char session[PATH_MAX / 2];

static int fail(const char *file)
{
	char text[PATH_MAX];
	ssize_t n = -1;
	int error = errno, fd;

	snprintf(text, sizeof(text), "%s/status", session);
	fd = open(text, O_RDONLY);
	if (fd >= 0)
		n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	fprintf(stderr, "%s: %s\n%s", file, strerror(error), text);
	rmdir(session);
	exit(1);
}

static int session_open(const char *file, int flags)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", session, file);
	fd = open(path, flags);
	return fd < 0 ? fail(file) : fd;
}

static void put(const char *file, const char *value)
{
	int fd = session_open(file, O_WRONLY | O_TRUNC);

	/* What is wrong with a value may be known only when it is complete. */
	if (write(fd, value, strlen(value)) < 0 || close(fd) < 0)
		fail(file);
}

int main(void)
{
	const char *mount = getenv("ACRYPTO") ? getenv("ACRYPTO") : "/acrypto";
	const char *right =
	        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";
	char answer[128] = "";
	int fd;

	snprintf(session, sizeof(session), "%s/sessions/c.XXXXXX", mount);
	if (!mkdtemp(session))
		return perror(session), 1;
	put("alg", "sha256");
	put("format", "hex");
	put("src", "abc");
	fd = session_open("dst", O_RDONLY);
	if (read(fd, answer, sizeof(answer) - 1) < 0) /* waits until it is done */
		fail("dst");
	close(fd);
	if (rmdir(session) < 0)
		return perror(session), 1;
	return strcmp(answer, right) ? fprintf(stderr, "got %s", answer), 1 : 0;
}
