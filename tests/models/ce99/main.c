/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The model of a CE99C003B on a UNIX socket. */
#include "card.h"
#include "tests/models/vfio_user/program.h"

#include <stdlib.h>
#include <string.h>

static const char usage[] =
        "usage: ce99-model --socket PATH [--strict] [--fault NAME[=VALUE]]... [--trace FILE]\n"
        "                  [--slots N] [--without WHAT]...\n"
        "\n"
        "Serve an emulated FastCrypt card with a CE99C003B to one vfio-user client after the\n"
        "other. Each finds a card that was just powered on. SIGTERM ends it. The register layout\n"
        "is defined by this project and not verified on silicon.\n"
        "\n"
        "  --socket PATH   listen there\n"
        "  --strict        report what a driver must not do, and end with status 1 after any\n"
        "  --trace FILE    tell every register access and operation, in words; - is standard\n"
        "                  output. Keys and data are told.\n"
        "  --slots N       the chip has so many key registers: 1 to 16 (default 16)\n"
        "  --without WHAT  it hasn't fifo, dma, interrupt, or one of mode0 to mode4; can be\n"
        "                  given more than once\n"
        "  --fault NAME    make something go wrong; can be given more than once. Operations and\n"
        "                  LOADs are counted from the last RESET, self tests from the start:\n"
        "\n";

static const struct {
	const char *name;
	uint32_t caps;
} parts[] = {
	{ "fifo", CAPS_FIFO },
	{ "dma", CAPS_DMA },
	{ "interrupt", CAPS_INTERRUPT },
	{ "mode0", CAPS_MODE_0 << MODE_ECB },
	{ "mode1", CAPS_MODE_0 << MODE_CBC },
	{ "mode2", CAPS_MODE_0 << MODE_CFB },
	{ "mode3", CAPS_MODE_0 << MODE_OFB },
	{ "mode4", CAPS_MODE_0 << MODE_KSG },
};

static const struct option options[] = {
	VU_PROGRAM_OPTIONS,
	{ "slots", required_argument, NULL, 'n' },
	{ "without", required_argument, NULL, 'w' },
	{ NULL, 0, NULL, 0 },
};

static struct card card;

static int take_option(void *context, int val, const char *value);

static const struct vu_program program = {
	.name = "ce99-model",
	.usage = usage,
	.options = options,
	.option = take_option,
	.list_faults = faults_list,
	.card = &ce99_vu_card,
	.context = &card,
	.server = &card.server,
	.report = &card.report,
};

static int set_slots(const char *value)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (end == value || *end || n < 1 || n > SLOTS)
		return vu_program_complain(&program, "--slots is 1 to 16, not ", value);
	card.slots = (unsigned)n;
	return 0;
}

static int leave_out(const char *name)
{
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strcmp(name, parts[i].name))
			continue;
		card.caps &= ~parts[i].caps;
		return 0;
	}
	return vu_program_complain(&program, "the chip has no such part: ", name);
}

static int take_option(void *context, int val, const char *value)
{
	(void)context;
	if (val == 'f')
		return faults_add(&card.faults, value);
	return val == 'n' ? set_slots(value) : leave_out(value);
}

int main(int argc, char **argv)
{
	card_init(&card);
	return vu_program_main(&program, argc, argv);
}
