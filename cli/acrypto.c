/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* acrypto: look at a mounted acrypto filesystem, or run one request through it.
 * Everything here could be done with mkdir, cat and echo; it uses the files alone. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COLUMNS   32
#define TEXT_MAX  (1 << 20)
#define COPY_SIZE (128 << 10)
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))

static const char *mount_point = "/acrypto";
static char session[PATH_MAX]; /* its path, "": none */
static pid_t feeder;           /* the process that writes src of a stream, 0: none */

static const struct command {
	const char *name, *help, *path; /* path: NULL for `run` */
	const char *files[5];           /* of each folder below path; none: path is a file */
} commands[] = {
	{ "status", "state of the whole daemon", "status", { NULL } },
	{ "devices",
	  "crypto devices and their load",
	  "devices",
	  { "driver", "state", "load" } },
	{ "algorithms", "what can be computed, and where", "algorithms", { NULL } },
	{ "sessions",
	  "sessions that are there now",
	  "sessions",
	  { "state", "op", "alg", "device" } },
	{ "run", "one request: acrypto run [OPTION]... <INPUT >OUTPUT", NULL, { NULL } },
};

static const struct run_option {
	char letter;
	bool is_path;       /* the argument names a file with the value */
	const char *file;   /* of the session */
	const char *prefix; /* goes before the value */
	const char *help;
} run_options[] = {
	{ 'o', false, "op", "", "OP      encrypt, decrypt, hash, mac, random or derive" },
	{ 'a', false, "alg", "", "ALG     algorithm, as `acrypto algorithms' lists them" },
	{ 'k', true, "key", "", "FILE    file with the key" },
	{ 'i', false, "iv", "hex:", "HEX     IV, nonce or salt" },
	{ 'A', true, "aad", "", "FILE    file with additional data" },
	{ 't', false, "tag", "hex:", "HEX     tag to verify" },
	{ 'l', false, "length", "", "LENGTH  bytes of output wanted" },
	{ 'p', false, "params", "", "WORDS   parameters, such as iterations=100000" },
	{ 'f', false, "format", "", "FORMAT  raw, hex or base64" },
	{ 'd', false, "device", "", "DEVICE  run on this device" },
};
#define RUN_LETTERS "o:a:k:i:A:t:l:p:f:d:s"

static void remove_session(void)
{
	if (feeder > 0)
		kill(feeder, SIGKILL);
	if (session[0])
		rmdir(session);
}

static void on_signal(int sig)
{
	remove_session();
	_exit(128 + sig);
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("acrypto: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	remove_session();
	exit(1);
}

static void die_of_mount(const char *file)
{
	die("%s/%s: %s (is acrypto mounted there? -m names the mount point)", mount_point, file,
	    strerror(errno));
}

static void path_of(char *path, const char *folder, const char *name, const char *file)
{
	int n = snprintf(path, PATH_MAX, "%s/%s%s%s", folder, name, *file ? "/" : "", file);

	if (n < 0 || n >= PATH_MAX)
		die("the path %.64s... is too long", folder);
}

/* A whole text file without its last newline. Returns owned, NULL with errno. */
static char *read_text(const char *folder, const char *name, const char *file)
{
	char path[PATH_MAX], *text;
	size_t used = 0;
	ssize_t n = 0;
	int fd;

	path_of(path, folder, name, file);
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

/* ---- lists ---- */

/* Print tab-separated text in columns. The text is taken apart. */
static void print_columns(char *text)
{
	size_t widths[COLUMNS] = { 0 }, column = 0;

	text += strncmp(text, "# ", 2) ? 0 : 2;
	for (const char *p = text; *p; p += *p != 0) {
		size_t width = strcspn(p, "\t\n");
		if (column < COLUMNS && width > widths[column])
			widths[column] = width;
		p += width;
		column = *p == '\t' ? column + 1 : 0;
	}
	for (char *cell, *line; (line = strsep(&text, "\n"));)
		for (column = 0; (cell = strsep(&line, "\t")); column++)
			printf("%-*s%s", line && column < COLUMNS ? (int)widths[column] : 0,
			       cell, line ? "  " : "\n");
}

/* One row for each folder, one column for each file; "-" where it can't be read. */
static void print_folders(const struct command *command)
{
	char path[PATH_MAX], *table = NULL;
	size_t size;
	FILE *out = open_memstream(&table, &size);
	struct dirent *entry;
	DIR *dir;

	path_of(path, mount_point, command->path, "");
	dir = opendir(path);
	if (!dir || !out)
		die_of_mount(command->path);
	fputs("# name", out);
	for (const char *const *file = command->files; *file; file++)
		fprintf(out, "\t%s", *file);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || entry->d_type == DT_REG)
			continue;
		fprintf(out, "\n%s", entry->d_name);
		for (const char *const *file = command->files; *file; file++) {
			char *text = read_text(path, entry->d_name, *file);
			for (char *c = text; c && (c = strpbrk(c, "\t\n"));)
				*c = ' ';
			fprintf(out, "\t%s", text && *text ? text : "-");
			free(text);
		}
	}
	closedir(dir);
	fclose(out);
	print_columns(table);
	free(table);
}

static void print_list(const struct command *command)
{
	char *text;

	if (command->files[0])
		return print_folders(command);
	text = read_text(mount_point, command->path, "");
	if (!text)
		die_of_mount(command->path);
	print_columns(text);
	free(text);
}

/* ---- run ---- */

/* End with the session's own words about what went wrong, else with those of errno. */
static void die_of_session(const char *doing)
{
	int error = errno;
	char *text = read_text(session, "status", "");
	char *line = text ? strstr(text, "\nerror: ") : NULL;

	if (!line || !line[8] || line[8] == '\n')
		die("%s: %s", doing, strerror(error));
	line[8 + strcspn(line + 8, "\n")] = 0;
	die("%s: %s", doing, line + 8);
}

static int open_file(const char *file, int flags)
{
	char path[PATH_MAX];
	int fd;

	path_of(path, session, file, "");
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		die_of_session(file);
	return fd;
}

static bool write_all(int fd, const char *data, size_t size)
{
	for (ssize_t n; size; data += n, size -= (size_t)n)
		if ((n = write(fd, data, size)) < 0)
			return false;
	return true;
}

/* Copy until the end. False: reading or writing failed, with errno. */
static bool copy(int in, int out)
{
	static char buffer[COPY_SIZE];
	ssize_t n;

	while ((n = read(in, buffer, sizeof(buffer))) > 0 && write_all(out, buffer, (size_t)n))
		;
	explicit_bzero(buffer, sizeof(buffer)); /* it was a key, or somebody's plaintext */
	return n == 0;
}

static void put(const struct run_option *option, const char *value)
{
	int in = option->is_path ? open(value, O_RDONLY | O_CLOEXEC) : -1, fd;
	bool good;

	if (option->is_path && in < 0)
		die("%s: %s", value, strerror(errno));
	fd = open_file(option->file, O_WRONLY | O_TRUNC);
	good = write_all(fd, option->prefix, strlen(option->prefix)) &&
	       (in < 0 ? write_all(fd, value, strlen(value)) : copy(in, fd));
	/* A refusal may come with the close: only there is a value whole. */
	if (close(fd) || !good)
		die_of_session(option->file);
	if (in >= 0)
		close(in);
}

static void make_session(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	struct sigaction action = { .sa_handler = on_signal };
	char path[PATH_MAX];
	sigset_t all, old;

	path_of(path, mount_point, "sessions", "XXXXXX");
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	if (!mkdtemp(path))
		die_of_mount("sessions");
	memcpy(session, path, sizeof(session));
	for (size_t i = 0; i < COUNT(signals); i++)
		sigaction(signals[i], &action, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Write standard input to src: all of it now, or as a stream in a process of its own, whose
 * errors the reader of dst gets to see. */
static void feed(bool stream)
{
	int fd = open_file("src", O_WRONLY | O_TRUNC);

	feeder = stream ? fork() : 0;
	if (feeder < 0)
		die("fork: %s", strerror(errno));
	if (stream && !feeder) {
		signal(SIGINT, SIG_DFL), signal(SIGTERM, SIG_DFL);
		signal(SIGHUP, SIG_DFL), signal(SIGPIPE, SIG_DFL);
		_exit(!copy(STDIN_FILENO, fd));
	}
	if (!stream && !copy(STDIN_FILENO, fd))
		die_of_session("src");
	if (close(fd))
		die_of_session("src");
}

static void run(int argc, char **argv)
{
	static const struct run_option stream_file = { 's', false, "stream", "", "" };
	static const struct run_option hex = { 'f', false, "format", "", "" };
	bool stream = false, own_iv = false;
	int letter, status = 0;
	char *text;

	make_session();
	while ((letter = getopt(argc, argv, RUN_LETTERS)) != -1) {
		if (letter == '?')
			die("run: try `acrypto --help'");
		own_iv |= letter == 'i';
		stream |= letter == 's';
		for (size_t i = 0; i < COUNT(run_options); i++)
			if (run_options[i].letter == letter)
				put(&run_options[i], optarg);
	}
	if (optind < argc)
		die("run: %s: unexpected; input comes from standard input", argv[optind]);
	if (stream)
		put(&stream_file, "1");
	text = read_text(session, "op", "");
	if (!text || (strcmp(text, "random") && strcmp(text, "derive")))
		feed(stream);
	if (!copy(open_file("dst", O_RDONLY), STDOUT_FILENO))
		die_of_session("dst");
	if (feeder && (waitpid(feeder, &status, 0) < 0 || status))
		die("the input could not be read and written to its end");
	/* With an IV of the caller's the output is the ciphertext alone. */
	if (own_iv && text && !strcmp(text, "encrypt")) {
		put(&hex, "hex");
		free(text);
		text = read_text(session, "tag", "");
		if (text && *text)
			fprintf(stderr, "tag: %s\n", text);
	}
	free(text);
	remove_session();
}

static void help(void)
{
	puts("Usage: acrypto [-m MOUNT] COMMAND\n\nCommands:");
	for (size_t i = 0; i < COUNT(commands); i++)
		printf("  %-11s %s\n", commands[i].name, commands[i].help);
	puts("\nOptions of `run':");
	for (size_t i = 0; i < COUNT(run_options); i++)
		printf("  -%c %s\n", run_options[i].letter, run_options[i].help);
	puts("  -s         stream: for inputs larger than memory\n\n"
	     "The mount point is -m MOUNT, else $ACRYPTO, else /acrypto.");
}

int main(int argc, char **argv)
{
	if (getenv("ACRYPTO"))
		mount_point = getenv("ACRYPTO");
	if (argc > 2 && !strcmp(argv[1], "-m")) {
		mount_point = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return help(), 0;
	for (size_t i = 0; argc > 1 && i < COUNT(commands); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		if (commands[i].path)
			print_list(&commands[i]);
		else
			run(argc - 1, argv + 1);
		return fflush(stdout) ? 1 : 0;
	}
	fputs("acrypto: a command is needed; try `acrypto --help'\n", stderr);
	return 2;
}
