/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The handshake that lets the chip encrypt: section 7 and 20.3. */
#include "card.h"

#include <sys/random.h>

enum { STEPS_A_WORD = 257, WORDS = 12, WORDS_AT_MOST = 13 };
#define TAPS        0x80080125u
#define MILLISECOND 1000000u

static uint32_t advance(uint32_t state)
{
	for (unsigned i = 0; i < STEPS_A_WORD; i++)
		state = state << 1 | (uint32_t)__builtin_parity(state & TAPS);
	return state;
}

void unlock_power_on(struct card *card)
{
	uint32_t seed;

	/* Zero would make all answers zero. */
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed) || !seed)
		seed = 1;
	card->unlock.level = card->unlock.count = 0;
	card->unlock.started = card->unlock.seed_read = card->unlock.spoiled = false;
	card->unlock.seed = seed;
}

/* Each step is followed by 1 ms. */
static void check_time(struct card *card, const char *step)
{
	if (too_soon(card, TIME_UNLOCK, MILLISECOND))
		violation(card, "%s less than 1 ms after the step of the unlocking before it",
		          step);
}

void unlock_window(struct card *card, bool open, bool posted)
{
	if (open) {
		time_note(card, TIME_UNLOCK, posted);
		return;
	}
	time_forget(card, TIME_UNLOCK);
	card->unlock.started = false;
	card->unlock.count = 0;
}

uint32_t unlock_read_seed(struct card *card)
{
	if (!(card->cnfg & CNFG_UNLOCK))
		violation(card, "UNLOCK_SECRET1 is read while bit 11 of CNFG is 0");
	check_time(card, "UNLOCK_SECRET1 is read");
	/* Drivers differ in whether they wait after it. */
	time_forget(card, TIME_UNLOCK);
	card->unlock.seed_read = true;
	return card->unlock.seed;
}

static void start(struct card *card)
{
	if (card->unlock.level == 2)
		violation(card, "a chip that is unlocked is unlocked once more: a 7751 locks "
		                "itself then");
	if (!card->unlock.seed_read)
		violation(card, "the unlocking begins without a look at the seed");
	card->unlock.started = true;
	card->unlock.state = card->unlock.seed;
}

void unlock_write(struct card *card, uint32_t value, bool posted)
{
	if (!(card->cnfg & CNFG_UNLOCK)) {
		violation(card, "UNLOCK_SECRET2 is written while bit 11 of CNFG is 0");
		return;
	}
	check_time(card, "UNLOCK_SECRET2 is written");
	time_note(card, TIME_UNLOCK, posted);
	if (!card->unlock.started) {
		if (value)
			violation(card, "the unlocking begins with another word than 0");
		else
			start(card);
		return;
	}
	card->unlock.state = advance(card->unlock.state);
	card->unlock.count++;
	if (card->unlock.count > WORDS_AT_MOST) {
		violation(card, "more than 13 words are written to UNLOCK_SECRET2");
	} else if (value != card->unlock.state) {
		violation(card, "word %u of the unlocking is wrong", card->unlock.count);
		/* Only a driver under test is punished: see the reference, 20.3. */
		card->unlock.spoiled = card->report.strict && card->unlock.level == 0;
		card->unlock.count--;
	} else if (card->unlock.count == WORDS && !card->unlock.spoiled) {
		card->unlock.level = 2;
	}
}
