/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A HIFN 7955/7956 on a UNIX socket. */
#include "card.h"
#include "tests/models/vfio_user/program.h"

#include <string.h>

enum { ID_7955 = 0x20, ID_7956 = 0x1d };

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

static const struct option options[] = {
	VU_PROGRAM_OPTIONS,
	{ "device", required_argument, NULL, 'd' },
	{ NULL, 0, NULL, 0 },
};

static struct card card;

static int take_option(void *context, int val, const char *value);

static const struct vu_program program = {
	.name = "hifn795x-model",
	.usage = usage,
	.options = options,
	.option = take_option,
	.list_faults = faults_list,
	.card = &hifn_vu_card,
	.context = &card,
	.server = &card.server,
	.report = &card.report,
};

static int take_option(void *context, int val, const char *name)
{
	(void)context;
	if (val == 'f')
		return faults_add(&card.faults, name);
	if (strcmp(name, "7955") && strcmp(name, "7956"))
		return vu_program_complain(&program, "--device is 7955 or 7956, not ", name);
	card_set_device(&card, name[3] == '5' ? ID_7955 : ID_7956);
	return 0;
}

int main(int argc, char **argv)
{
	int error = card_init(&card, ID_7956), status;

	if (error) {
		fprintf(stderr, "hifn795x-model: %s\n", strerror(-error));
		return 1;
	}
	status = vu_program_main(&program, argc, argv);
	card_free(&card);
	return status;
}
