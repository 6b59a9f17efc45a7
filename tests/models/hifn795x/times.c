/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Delays between writes. When a write that is posted was made nobody knows: it may have waited in
 * the socket, as on a bus. But what the client has an answer to has arrived, and so has all that
 * it wrote before; so the time of such a write counts from the next answer on, and a client that
 * waits after it has seen one can't be wronged. */
#include "card.h"

#include <string.h>

void time_note(struct card *card, enum waited_for what, bool posted)
{
	card->times[what].at = posted ? 0 : vu_now();
	card->times[what].posted = posted;
}

void time_forget(struct card *card, enum waited_for what)
{
	memset(&card->times[what], 0, sizeof(card->times[what]));
}

bool too_soon(const struct card *card, enum waited_for what, uint64_t ns)
{
	return card->times[what].at && vu_now() - card->times[what].at < ns;
}

void times_settle(struct card *card)
{
	for (unsigned i = 0; i < TIMES; i++) {
		if (card->times[i].posted)
			time_note(card, i, false);
	}
}
