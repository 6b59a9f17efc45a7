/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many processes, each doing many sessions at random, each result checked.
 *
 * stress_sessions SESSIONS-FOLDER CASES PROCESSES SESSIONS SEED [DEVICE]
 *
 * CASES holds one case a line: op alg key iv tag src dst, in hex but for the first two, "-" for
 * nothing. With a dst of "?" the encryption is random: the result goes through a second session,
 * which must give src back. Sessions are bound to DEVICE, if it is given. Prints each wrong
 * result and each session that took over 5 s, which with a DEVICE counts as wrong; exit
 * status 0: none. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CASES_MAX 1024
#define DST_MAX   (1 << 17)
#define SLOW_S    5

struct bytes {
	unsigned char *data;
	size_t len;
};

struct test_case {
	char *op, *alg;
	struct bytes key, iv, tag, src, dst;
	bool random; /* dst differs each time */
};

static struct test_case cases[CASES_MAX];
static unsigned case_count;
static const char *device;

static unsigned nibble(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

static struct bytes unhex(const char *text)
{
	struct bytes out = { NULL, 0 };

	if (*text == '-' || *text == '?')
		return out;
	out.len = strlen(text) / 2;
	out.data = malloc(out.len + 1);
	for (size_t i = 0; i < out.len; i++)
		out.data[i] =
		        (unsigned char)(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
	return out;
}

static void parse_case(char *line, struct test_case *c)
{
	char *rest, *word[7];

	for (int i = 0; i < 7; i++)
		word[i] = strtok_r(i ? NULL : line, " \n", &rest);
	*c = (struct test_case){ .op = strdup(word[0]),
		                 .alg = strdup(word[1]),
		                 .key = unhex(word[2]),
		                 .iv = unhex(word[3]),
		                 .tag = unhex(word[4]),
		                 .src = unhex(word[5]),
		                 .dst = unhex(word[6]),
		                 .random = *word[6] == '?' };
}

static int read_cases(const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;

	if (!f)
		return -1;
	while (case_count < CASES_MAX && getline(&line, &room, f) > 0)
		parse_case(line, &cases[case_count++]);
	free(line);
	fclose(f);
	return 0;
}

/* One value into one file of the session. */
static int put(int session, const char *file, const void *data, size_t len)
{
	int fd = openat(session, file, O_WRONLY | O_TRUNC | O_CLOEXEC);
	const char *at = data;

	if (fd < 0)
		return -1;
	while (len) {
		ssize_t n = write(fd, at, len);
		if (n < 0) {
			close(fd);
			return -1;
		}
		at += n;
		len -= (size_t)n;
	}
	return close(fd);
}

static int put_text(int session, const char *file, const char *text)
{
	return put(session, file, text, strlen(text));
}

static int put_bytes(int session, const char *file, const struct bytes *b)
{
	return b->len ? put(session, file, b->data, b->len) : 0;
}

/* All of dst. Returns its length, or -1 with errno. */
static ssize_t get_dst(int session, unsigned char *out)
{
	int fd = openat(session, "dst", O_RDONLY | O_CLOEXEC);
	ssize_t n, len = 0;

	if (fd < 0)
		return -1;
	while ((n = read(fd, out + len, DST_MAX - (size_t)len)) > 0)
		len += n;
	close(fd);
	return n < 0 ? -1 : len;
}

/* One whole session: made, filled, read, removed. */
static ssize_t run(int sessions, const char *name, const struct test_case *c, const char *op,
                   const struct bytes *src, unsigned char *out)
{
	ssize_t len = -1;
	int s, saved;

	if (mkdirat(sessions, name, 0700))
		return -1;
	s = openat(sessions, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s < 0 || put_text(s, "alg", c->alg) || put_text(s, "op", op) ||
	    (device && put_text(s, "device", device)) || put_bytes(s, "key", &c->key) ||
	    put_bytes(s, "iv", &c->iv) || put_bytes(s, "tag", &c->tag) ||
	    put(s, "src", src->data, src->len))
		goto out;
	len = get_dst(s, out);
out:
	saved = errno;
	if (s >= 0)
		close(s);
	if (unlinkat(sessions, name, AT_REMOVEDIR))
		return -1;
	errno = saved;
	return len;
}

/* True if the case came out right. */
static bool right(int sessions, const char *name, const struct test_case *c)
{
	static unsigned char first[DST_MAX], second[DST_MAX];
	ssize_t len = run(sessions, name, c, c->op, &c->src, first);
	const struct bytes *want = &c->dst;
	const unsigned char *got = first;

	if (len >= 0 && c->random) {
		struct bytes back = { first, (size_t)len };
		len = run(sessions, name, c, "decrypt", &back, second);
		want = &c->src;
		got = second;
	}
	if (len < 0) {
		printf("%s: %s %s of %zu bytes: %s\n", name, c->op, c->alg, c->src.len,
		       strerror(errno));
		return false;
	}
	if ((size_t)len != want->len || memcmp(got, want->data, want->len)) {
		printf("%s: %s %s of %zu bytes: wrong result\n", name, c->op, c->alg,
		       c->src.len);
		return false;
	}
	return true;
}

/* True if the case came out right, and soon enough. */
static bool check(int sessions, const char *name, const struct test_case *c)
{
	struct timespec start, end;
	bool ok;

	clock_gettime(CLOCK_MONOTONIC, &start);
	ok = right(sessions, name, c);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (end.tv_sec - start.tv_sec <= SLOW_S)
		return ok;
	printf("%s: %s %s took %ld s\n", name, c->op, c->alg,
	       (long)(end.tv_sec - start.tv_sec));
	return !device && ok;
}

static int child(const char *folder, unsigned process, unsigned count, unsigned seed)
{
	int sessions = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), bad = 0;
	unsigned state = seed + process;
	char name[48];

	if (sessions < 0)
		return 1;
	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "p%u-%u", process, i);
		bad += !check(sessions, name, &cases[(unsigned)rand_r(&state) % case_count]);
	}
	fflush(stdout);
	return bad != 0;
}

int main(int argc, char **argv)
{
	unsigned processes, failed = 0;
	int status;

	if (argc < 6 || argc > 7 || read_cases(argv[2]) || !case_count) {
		fprintf(stderr, "usage: stress_sessions FOLDER CASES PROCESSES SESSIONS SEED "
		                "[DEVICE]\n");
		return 2;
	}
	device = argv[6];
	processes = (unsigned)atoi(argv[3]);
	for (unsigned i = 0; i < processes; i++) {
		pid_t pid = fork();
		if (pid < 0)
			return 2;
		if (!pid)
			_exit(child(argv[1], i, (unsigned)atoi(argv[4]),
			            (unsigned)atoi(argv[5])));
	}
	while (wait(&status) > 0)
		failed += status != 0;
	printf("%u of %u processes had wrong results\n", failed, processes);
	return failed != 0;
}
