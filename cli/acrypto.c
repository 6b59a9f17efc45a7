/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli.h"

#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *mount_point = "/acrypto";

static const struct command {
	const char *name, *help, *path; /* path: NULL for `run` */
	const struct column *columns;   /* of each folder below path; NULL: path is a file */
} commands[] = {
	{ "status", "state of the whole daemon", "status", NULL },
	{ "devices", "crypto devices and their load", "devices", device_columns },
	{ "algorithms", "what can be computed, and where", "algorithms", NULL },
	{ "sessions", "sessions that are there now", "sessions", session_columns },
	{ "run", "one request: acrypto run [OPTION]... <INPUT >OUTPUT", NULL, NULL },
};

static void help(void)
{
	puts("Usage: acrypto [-m MOUNT] COMMAND\n\nCommands:");
	for (size_t i = 0; i < COUNT(commands); i++)
		printf("  %-11s %s\n", commands[i].name, commands[i].help);
	puts("\nOptions of `run':");
	help_run();
	puts("\nOther options:\n"
	     "  -m MOUNT   the mount point; else $ACRYPTO, else /acrypto\n"
	     "  -h, --help     show this and exit\n"
	     "  -V, --version  show the version and exit");
}

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	die(EXIT_USAGE, "%.64s: no such command; try `acrypto --help'", name);
}

/* The end, unless what was printed could not be written. */
__attribute__((noreturn)) static void finish(void)
{
	if (fflush(stdout) || ferror(stdout))
		die(1, "standard output: %s", strerror(errno));
	exit(0);
}

/* Returns the place of the command in argv; --help and --version end here. */
static int parse_options(int argc, char **argv)
{
	static const struct option longs[] = { { "help", no_argument, NULL, 'h' },
		                               { "version", no_argument, NULL, 'V' },
		                               { NULL, 0, NULL, 0 } };

	for (int letter; (letter = getopt_long(argc, argv, "+m:hV", longs, NULL)) != -1;) {
		if (letter == '?')
			exit(EXIT_USAGE);
		if (letter == 'm') {
			mount_point = optarg;
			continue;
		}
		if (letter == 'h')
			help();
		else
			puts("acrypto " PACKAGE_VERSION);
		finish();
	}
	if (optind == argc)
		die(EXIT_USAGE, "a command is needed; try `acrypto --help'");
	return optind;
}

int main(int argc, char **argv)
{
	const struct command *command;
	int first;

	if (getenv("ACRYPTO"))
		mount_point = getenv("ACRYPTO");
	first = parse_options(argc, argv);
	command = command_find(argv[first]);
	if (!command->path)
		run(argc - first, argv + first);
	else if (first + 1 < argc)
		die(EXIT_USAGE, "%s takes no words: %.64s", command->name, argv[first + 1]);
	else
		print_list(command->path, command->columns);
	finish();
}
