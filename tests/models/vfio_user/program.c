/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { ANSWER_MS = 5000 };

struct paths {
	const char *socket, *trace;
};

int vu_program_complain(const struct vu_program *program, const char *what, const char *word)
{
	fprintf(stderr, "%s: %s%s\n", program->name, what, word);
	return -EINVAL;
}

static int add_fault(const struct vu_program *program, const char *word)
{
	if (!program->option(program->context, 'f', word))
		return 0;
	vu_program_complain(program, "no such fault or value: ", word);
	fputs("The faults are:\n", stderr);
	program->list_faults(stderr);
	return -EINVAL;
}

static void help(const struct vu_program *program)
{
	fputs(program->usage, stdout);
	program->list_faults(stdout);
	exit(0);
}

static int take_option(const struct vu_program *program, int val, struct paths *paths)
{
	switch (val) {
	case 's':
		paths->socket = optarg;
		return 0;
	case 'S':
		program->report->strict = true;
		return 0;
	case 'f':
		return add_fault(program, optarg);
	case 't':
		paths->trace = optarg;
		return 0;
	case 'h':
		help(program);
		return 0;
	case '?':
		return -EINVAL;
	default:
		return program->option(program->context, val, optarg);
	}
}

static int parse(const struct vu_program *program, int argc, char **argv, struct paths *paths)
{
	int val;

	while ((val = getopt_long(argc, argv, "h", program->options, NULL)) != -1) {
		if (take_option(program, val, paths))
			return -EINVAL;
	}
	if (optind < argc)
		return vu_program_complain(program, "what is this: ", argv[optind]);
	if (!paths->socket)
		return vu_program_complain(program, "--socket PATH is needed; see --help", "");
	return 0;
}

static int open_trace(struct vu_report *report, const char *path)
{
	if (!path)
		return 0;
	report->trace = strcmp(path, "-") ? fopen(path, "we") : stdout;
	if (!report->trace)
		return -errno;
	setvbuf(report->trace, NULL, _IOLBF, 0);
	return 0;
}

/* A descriptor that becomes readable when the process is to end. */
static int catch_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int serve(const struct vu_program *program, const char *path, int stop_fd)
{
	int fd = vu_listen(path), error;

	if (fd < 0)
		return fd;
	printf("%s: listening at %s\n", program->name, path);
	fflush(stdout);
	error = vu_server_run(*program->server, fd, stop_fd);
	close(fd);
	unlink(path);
	return error;
}

int vu_program_main(const struct vu_program *program, int argc, char **argv)
{
	struct vu_report *report = program->report;
	struct paths paths = { 0 };
	int stop_fd, error;

	if (parse(program, argc, argv, &paths))
		return VU_BAD_USAGE;
	stop_fd = catch_signals();
	error = stop_fd < 0 ? -errno : open_trace(report, paths.trace);
	if (!error) {
		*program->server = vu_server_new(program->card, program->context, ANSWER_MS);
		error = *program->server ? serve(program, paths.socket, stop_fd) : -ENOMEM;
		vu_server_free(*program->server);
	}
	if (error)
		fprintf(stderr, "%s: %s\n", program->name, strerror(-error));
	if (report->strict)
		fprintf(stderr, "strict: %lu violations\n", report->violations);
	if (report->trace && report->trace != stdout)
		fclose(report->trace);
	return error || report->violations;
}
