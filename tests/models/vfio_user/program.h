/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A model as a program: the options that all have, and serving until a signal comes. */
#ifndef VFIO_USER_PROGRAM_H
#define VFIO_USER_PROGRAM_H

#include "report.h"
#include "server.h"

#include <getopt.h>

enum { VU_BAD_USAGE = 2 }; /* exit status */

struct vu_program {
	const char *name;  /* before each message */
	const char *usage; /* all of --help but the list of faults */
	/* Of the model: VU_PROGRAM_OPTIONS and its own, whose .val are letters but f, h, S, s
	 * and t. Ends with a row of zeros. */
	const struct option *options;
	/* One of its own options, or 'f': a fault. Returns 0, or -EINVAL when it has said
	 * what is wrong. */
	int (*option)(void *context, int val, const char *value);
	void (*list_faults)(FILE *to);
	const struct vu_card *card;
	void *context;             /* of the card's callbacks, and of option() */
	struct vu_server **server; /* set while the card is served */
	struct vu_report *report;  /* --strict and --trace set it up */
};

/* clang-format off */
#define VU_PROGRAM_OPTIONS \
	{ "socket", required_argument, NULL, 's' }, \
	{ "strict", no_argument, NULL, 'S' }, \
	{ "fault", required_argument, NULL, 'f' }, \
	{ "trace", required_argument, NULL, 't' }, \
	{ "help", no_argument, NULL, 'h' }
/* clang-format on */

/* "NAME: what word" on stderr. Returns -EINVAL. */
int vu_program_complain(const struct vu_program *program, const char *what, const char *word);
/* All of main(). Returns the exit status. */
int vu_program_main(const struct vu_program *program, int argc, char **argv);

#endif
