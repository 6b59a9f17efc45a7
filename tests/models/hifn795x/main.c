/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A HIFN 7955/7956 on a UNIX socket. */
#include "tests/models/hifn795x/card.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { ANSWER_MS = 5000, ID_7955 = 0x20, ID_7956 = 0x1d, BAD_USAGE = 2 };

static const char usage[] =
        "usage: hifn795x-model --socket PATH [--strict] [--fault NAME[=VALUE]]... [--trace FILE]\n"
        "                      [--device 7955|7956]\n"
        "\n"
        "Serve an emulated HIFN 7955/7956 crypto card to one vfio-user client after the other.\n"
        "Each finds a card that was just powered on. SIGTERM ends it.\n"
        "\n"
        "  --socket PATH   listen there\n"
        "  --strict        report what a driver must not do, refuse such operations, and end with\n"
        "                  status 1 after any\n"
        "  --trace FILE    tell every register access and descriptor, in words; - is standard\n"
        "                  output. Commands are told with their keys.\n"
        "  --device NAME   which of the two it says it is (default 7956)\n"
        "  --fault NAME    make something go wrong; can be given more than once:\n"
        "\n";

struct options {
	const char *socket, *trace;
	uint16_t device;
};

static int bad_usage(const char *what, const char *word)
{
	fprintf(stderr, "hifn795x-model: %s%s\n", what, word);
	return -EINVAL;
}

static int add_fault(struct card *card, const char *word)
{
	if (!faults_add(&card->faults, word))
		return 0;
	bad_usage("no such fault or value: ", word);
	fputs("The faults are:\n", stderr);
	faults_list(stderr);
	return -EINVAL;
}

static int set_device(struct options *options, const char *name)
{
	if (strcmp(name, "7955") && strcmp(name, "7956"))
		return bad_usage("--device is 7955 or 7956, not ", name);
	options->device = name[3] == '5' ? ID_7955 : ID_7956;
	return 0;
}

static void help(void)
{
	fputs(usage, stdout);
	faults_list(stdout);
	exit(0);
}

static int take_option(int option, struct options *options, struct card *card)
{
	switch (option) {
	case 's':
		options->socket = optarg;
		return 0;
	case 'S':
		card->strict = true;
		return 0;
	case 'f':
		return add_fault(card, optarg);
	case 't':
		options->trace = optarg;
		return 0;
	case 'd':
		return set_device(options, optarg);
	case 'h':
		help();
		return 0;
	default:
		return -EINVAL;
	}
}

static int parse(int argc, char **argv, struct options *options, struct card *card)
{
	static const struct option known[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "strict", no_argument, NULL, 'S' },
		{ "fault", required_argument, NULL, 'f' },
		{ "trace", required_argument, NULL, 't' },
		{ "device", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (take_option(option, options, card))
			return -EINVAL;
	}
	if (optind < argc)
		return bad_usage("what is this: ", argv[optind]);
	return options->socket ? 0 : bad_usage("--socket PATH is needed; see --help", "");
}

static int open_trace(struct card *card, const char *path)
{
	if (!path)
		return 0;
	card->trace = strcmp(path, "-") ? fopen(path, "we") : stdout;
	if (!card->trace)
		return -errno;
	setvbuf(card->trace, NULL, _IOLBF, 0);
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

static int serve(struct card *card, const struct options *options, int stop_fd)
{
	int fd = vu_listen(options->socket), error;

	if (fd < 0)
		return fd;
	printf("hifn795x-model: listening at %s\n", options->socket);
	fflush(stdout);
	error = vu_server_run(card->server, fd, stop_fd);
	close(fd);
	unlink(options->socket);
	return error;
}

int main(int argc, char **argv)
{
	static struct card card;
	struct options options = { .device = ID_7956 };
	int stop_fd, error;

	if (parse(argc, argv, &options, &card))
		return BAD_USAGE;
	stop_fd = catch_signals();
	error = stop_fd < 0 ? -errno : open_trace(&card, options.trace);
	if (!error)
		error = card_init(&card, options.device);
	if (!error) {
		card.server = vu_server_new(&hifn_vu_card, &card, ANSWER_MS);
		error = card.server ? serve(&card, &options, stop_fd) : -ENOMEM;
		vu_server_free(card.server);
	}
	if (error)
		fprintf(stderr, "hifn795x-model: %s\n", strerror(-error));
	if (card.strict)
		fprintf(stderr, "strict: %lu violations\n", card.violations);
	card_free(&card);
	if (card.trace && card.trace != stdout)
		fclose(card.trace);
	return error || card.violations;
}
