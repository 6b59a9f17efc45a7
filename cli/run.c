/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One request: a session that is made, filled, read and removed. */
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COPY_SIZE (128 << 10)

static char session[PATH_MAX]; /* its path, "": none */
static pid_t feeder;           /* the process that writes src of a stream, 0: none */

enum { OP, ALG, KEY, IV, AAD, TAG, SIG, LENGTH, PARAMS, FORMAT, DEVICE, STREAM, OPTIONS };

/* In the order in which they are written: what comes later can be checked by then. */
static const struct run_option {
	char letter;
	bool is_path;       /* the argument names a file with the value */
	const char *file;   /* of the session */
	const char *prefix; /* goes before the value */
	const char *help;
} options[OPTIONS] = {
	[OP] = { 'o', false, "op", "",
	         "OP      encrypt, decrypt, hash, mac, sign, verify, random or derive" },
	[ALG] = { 'a', false, "alg", "",
	          "ALG     algorithm, as `acrypto algorithms' lists them" },
	[KEY] = { 'k', true, "key", "", "FILE    file with the key" },
	[IV] = { 'i', false, "iv", "hex:", "HEX     IV, nonce or salt" },
	[AAD] = { 'A', true, "aad", "", "FILE    file with additional data" },
	[TAG] = { 't', false, "tag", "hex:", "HEX     tag to verify" },
	[SIG] = { 'S', true, "sig", "", "FILE    file with the signature or MAC to verify" },
	[LENGTH] = { 'l', false, "length", "", "LENGTH  bytes of output wanted" },
	[PARAMS] = { 'p', false, "params", "",
	             "WORDS   parameters, such as iterations=100000" },
	[FORMAT] = { 'f', false, "format", "", "FORMAT  raw, hex or base64" },
	[DEVICE] = { 'd', false, "device", "", "DEVICE  run on this device" },
	[STREAM] = { 's', false, "stream", "",
	             "        stream: for inputs larger than memory" },
};
#define LETTERS "+:o:a:k:i:A:t:S:l:p:f:d:s"

void help_run(void)
{
	for (size_t i = 0; i < COUNT(options); i++)
		printf("  -%c %s\n", options[i].letter, options[i].help);
}

/* ---- errors ---- */

/* Does the text have the word by itself? */
static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);
	const char *found = text;

	for (; (found = strstr(found, word)); found += length)
		if ((found == text || !isalnum(found[-1])) && !isalnum(found[length]))
			return true;
	return false;
}

/* End with the session's own words about what went wrong, else with those of errno. It speaks
 * of files: so the options that write these are named.
 * option: the one whose value was refused, NULL: none. */
static void die_of_session(const struct run_option *option)
{
	int error = errno;
	char *text = read_text(session, "status"), *said = line_of(text, "error");
	char hints[OPTIONS * 16] = "";

	free(text);
	if (!said || !strcmp(said, "none")) {
		free(said);
		said = strdup(strerror(error));
	}
	if (option)
		die(1, "-%c: %s", option->letter, said);
	for (size_t i = 0, used = 0; said && i < COUNT(options); i++)
		if (has_word(said, options[i].file))
			used += (size_t)snprintf(hints + used, sizeof(hints) - used,
			                         "%s%s: -%c", used ? ", " : " (",
			                         options[i].file, options[i].letter);
	die(1, "%s%s%s", said, hints, *hints ? ")" : "");
}

/* ---- the session ---- */

static void remove_session(void)
{
	if (feeder > 0)
		kill(feeder, SIGKILL);
	if (session[0])
		rmdir(session);
	session[0] = 0;
}

static void on_signal(int sig)
{
	remove_session();
	_exit(128 + sig);
}

static void make_session(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	struct sigaction action = { .sa_handler = on_signal };
	char path[PATH_MAX], parent[PATH_MAX];
	sigset_t all, old;

	path_of(parent, mount_point, "sessions");
	path_of(path, parent, "XXXXXX");
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	if (!mkdtemp(path))
		die_of_mount("sessions");
	memcpy(session, path, sizeof(session));
	atexit(remove_session);
	for (size_t i = 0; i < COUNT(signals); i++)
		sigaction(signals[i], &action, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* A file of the session. Returns a descriptor, -1 with errno. */
static int open_file(const char *file, int flags)
{
	char path[PATH_MAX];

	path_of(path, session, file);
	return open(path, flags | O_CLOEXEC);
}

/* ---- data ---- */

static bool write_all(int fd, const char *data, size_t size)
{
	for (ssize_t n; size; data += n, size -= (size_t)n)
		if ((n = write(fd, data, size)) < 0)
			return false;
	return true;
}

/* How copying one descriptor to another ended; errno is set by the last two. */
enum copied { COPIED, UNREADABLE, UNWRITABLE };

static enum copied copy(int in, int out)
{
	static char buffer[COPY_SIZE];
	enum copied end = COPIED;
	ssize_t n;

	while (!end && (n = read(in, buffer, sizeof(buffer))))
		if (n < 0)
			end = UNREADABLE;
		else if (!write_all(out, buffer, (size_t)n))
			end = UNWRITABLE;
	explicit_bzero(buffer, sizeof(buffer)); /* it was a key, or somebody's plaintext */
	return end;
}

static void put(const struct run_option *option, const char *value)
{
	int in = option->is_path ? open(value, O_RDONLY | O_CLOEXEC) : -1, fd;
	enum copied end;

	if (option->is_path && in < 0)
		die(1, "-%c %s: %s", option->letter, value, strerror(errno));
	fd = open_file(option->file, O_WRONLY | O_TRUNC);
	if (fd < 0)
		die_of_session(option);
	if (in >= 0)
		end = copy(in, fd);
	else
		end = write_all(fd, option->prefix, strlen(option->prefix)) &&
		                      write_all(fd, value, strlen(value))
		              ? COPIED
		              : UNWRITABLE;
	if (end == UNREADABLE)
		die(1, "-%c %s: %s", option->letter, value, strerror(errno));
	/* A refusal may come with the close: only there is a value whole. */
	if (close(fd) || end)
		die_of_session(option);
	if (in >= 0)
		close(in);
}

/* Give the request its input: all of it now, or as a stream in a process of its own, whose
 * errors with src the reader of dst gets to see. */
static void feed(bool stream)
{
	int src = open_file("src", O_WRONLY | O_TRUNC);
	enum copied end;

	if (src < 0)
		die_of_session(NULL);
	feeder = stream ? fork() : 0;
	if (feeder < 0)
		die(1, "fork: %s", strerror(errno));
	if (stream && !feeder) {
		session[0] = 0; /* the parent's to remove */
		signal(SIGINT, SIG_DFL), signal(SIGTERM, SIG_DFL);
		signal(SIGHUP, SIG_DFL), signal(SIGPIPE, SIG_DFL);
	}
	end = feeder ? COPIED : copy(STDIN_FILENO, src);
	if (end == UNREADABLE)
		die(1, "standard input: %s", strerror(errno));
	if (stream && !feeder)
		_exit(end);
	if (end || close(src))
		die_of_session(NULL);
}

static void take_output(void)
{
	int dst = open_file("dst", O_RDONLY), status = 0;
	enum copied end = dst < 0 ? UNREADABLE : copy(dst, STDOUT_FILENO);

	if (end == UNREADABLE)
		die_of_session(NULL);
	if (end == UNWRITABLE || close(STDOUT_FILENO))
		die(1, "standard output: %s", strerror(errno));
	if (!feeder)
		return;
	if (waitpid(feeder, &status, 0) < 0 || status) {
		feeder = 0;
		if (WEXITSTATUS(status) == UNREADABLE)
			exit(1); /* it has told of that */
		die(1, "the input was not taken to its end");
	}
	feeder = 0;
}

/* ---- what the algorithm takes ---- */

/* Nobody should derive a key with an empty salt by accident. */
static void check_salt(const char *op, const char *alg, const char *iv)
{
	char *sizes;

	if (iv || strcmp(op, "derive"))
		return;
	sizes = look_up(op, alg, "iv");
	if (*sizes && strcmp(sizes, "-"))
		die(1, "%s needs a salt: -i HEX, or -i '' for an empty one", alg);
	free(sizes);
}

static bool takes_input(const char *op, const char *alg)
{
	char *most;
	bool some;

	if (strcmp(op, "derive"))
		return strcmp(op, "random");
	most = look_up(op, alg, "max-input");
	some = strcmp(most, "0");
	free(most);
	return some;
}

/* ---- the whole request ---- */

static void parse(int argc, char **argv, const char *given[OPTIONS])
{
	optind = 0; /* from the start, after the options of the whole command */
	for (int letter; (letter = getopt(argc, argv, LETTERS)) != -1;) {
		if (letter == '?' || letter == ':')
			die(EXIT_USAGE, "run: -%c %s; try `acrypto --help'", optopt,
			    letter == ':' ? "needs a value" : "is no option");
		for (size_t i = 0; i < COUNT(options); i++)
			if (options[i].letter == letter)
				given[i] = i == STREAM ? "1" : optarg;
	}
	if (optind < argc)
		die(EXIT_USAGE, "run: %s: unexpected; input comes from standard input",
		    argv[optind]);
}

/* With an IV of the caller's the output is the ciphertext alone. */
static void tell_tag(void)
{
	char *tag;

	put(&options[FORMAT], "hex");
	tag = read_text(session, "tag");
	if (tag && *tag)
		fprintf(stderr, "tag: %s\n", tag);
	free(tag);
}

void run(int argc, char **argv)
{
	const char *given[OPTIONS] = { NULL };
	char *op;

	parse(argc, argv, given);
	make_session();
	for (size_t i = 0; i < COUNT(options); i++)
		if (given[i])
			put(&options[i], given[i]);
	op = read_text(session, "op");
	if (!op)
		die_of_mount("sessions");
	check_salt(op, given[ALG] ? given[ALG] : "", given[IV]);
	if (takes_input(op, given[ALG] ? given[ALG] : ""))
		feed(given[STREAM]);
	take_output();
	if (given[IV] && !strcmp(op, "encrypt"))
		tell_tag();
	free(op);
	remove_session();
}
