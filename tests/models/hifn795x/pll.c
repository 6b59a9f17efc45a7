/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clock: section 6. The modelled board has a crystal of 66 MHz and sits on a bus of
 * 33 MHz, so a reference counts for one or the other. */
#include "card.h"

enum { CRYSTAL_MHZ = 66, BUS_MHZ = 33, LIMIT_MHZ = 266, HIGHEST_ND = 5 };
#define TEN_MS            10000000u
#define PLL_CONFIGURATION (PLL_CURRENT | PLL_ND | PLL_EXTERNAL)

static unsigned multiplier(uint32_t value)
{
	return 2 * (((value & PLL_ND) >> 11) + 1);
}

static bool too_fast(uint32_t value)
{
	unsigned reference = value & PLL_EXTERNAL ? CRYSTAL_MHZ : BUS_MHZ;

	return multiplier(value) * reference > LIMIT_MHZ || (value & PLL_ND) >> 11 > HIGHEST_ND;
}

const char *pll_complaint(uint32_t value)
{
	if (value & PLL_BYPASS)
		return "the PLL is still bypassed";
	if ((value & PLL_CLOCKS) != PLL_CLOCKS)
		return "the engines don't run from the PLL";
	if (!(value & PLL_MBSET))
		return "bit 10 of PLL must be 1";
	if (too_fast(value))
		return "the PLL is set to more than 266 MHz";
	if ((multiplier(value) > 8) != !!(value & PLL_CURRENT))
		return "the PLL's charge pump doesn't fit its multiplier";
	return NULL;
}

/* The steps of the procedure, from what changes between two values. */
static void check_step(struct card *card, uint32_t value)
{
	uint32_t changed = value ^ card->pll;

	if (changed & PLL_CONFIGURATION) {
		if (!(card->pll & value & PLL_BYPASS) || (card->pll | value) & PLL_CLOCKS)
			violation(card,
			          "the PLL is reconfigured without bypass, or with an engine "
			          "on it");
		else if (too_soon(card, TIME_BYPASS, TEN_MS))
			violation(card,
			          "the PLL is reconfigured less than 10 ms after its bypass");
	}
	if (card->pll & ~value & PLL_BYPASS) {
		if (value & PLL_CLOCKS)
			violation(card,
			          "the bypass of the PLL ends in the same write that gives "
			          "its clock to the engines");
		if (too_soon(card, TIME_PLL, TEN_MS))
			violation(card, "the bypass of the PLL ends less than 10 ms after its "
			                "configuration");
	}
	if (value & PLL_BYPASS && value & PLL_CLOCKS)
		violation(card, "an engine runs from the PLL while it's bypassed");
	if (!(value & PLL_MBSET))
		violation(card, "bit 10 of PLL must be 1");
	if (!(value & PLL_BYPASS) && too_fast(value))
		violation(card, "the PLL is set to %u times its reference: more than 266 MHz",
		          multiplier(value));
}

static bool any_ring_enabled(const struct card *card)
{
	for (unsigned i = 0; i < RINGS; i++) {
		if (card->rings[i].enabled)
			return true;
	}
	return false;
}

void pll_write(struct card *card, uint32_t value, bool posted)
{
	if (any_ring_enabled(card))
		violation(card, "the PLL is written while a ring is enabled");
	check_step(card, value);
	if (value & ~card->pll & PLL_BYPASS)
		time_note(card, TIME_BYPASS, posted);
	if ((value ^ card->pll) & PLL_CONFIGURATION)
		time_note(card, TIME_PLL, posted);
	card->pll = value;
	card->setup_told = false;
}
