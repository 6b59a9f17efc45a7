/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which keys the chip remembers. A command that finds its key in one of the chip's contexts need
 * not bring it. Commands are worked off in order, so a key that an earlier one in the rings
 * loads is there in time; when a command fails, nobody knows what is there, and all is
 * forgotten.
 *
 * Context 0 is for commands that bring a key which isn't to be remembered. MACs are among them:
 * nothing is known about where their keys are kept. */
#include "hifn.h"
#include "host.h"

#include <errno.h>
#include <string.h>

struct hifn_context {
	const struct hifn_row *row; /* NULL: nothing is known to be there */
	uint8_t key[32];
	uint64_t used; /* when, counted in commands */
};

int hifn_contexts_make(struct hifn *hifn)
{
	hifn->contexts =
	        hifn->context_count
	                ? acr_secret_alloc(hifn->context_count * sizeof(*hifn->contexts))
	                : NULL;
	return hifn->context_count && !hifn->contexts ? -ENOMEM : 0;
}

void hifn_contexts_forget(struct hifn *hifn)
{
	if (hifn->contexts)
		explicit_bzero(hifn->contexts, hifn->context_count * sizeof(*hifn->contexts));
}

/* Modes of one cipher are kept apart, too: nothing is known about what they share. */
static bool holds(const struct hifn_context *context, const struct hifn_row *row,
                  const uint8_t *key, size_t n)
{
	return context->row == row && hifn_equal(context->key, key, n);
}

void hifn_context_use(struct hifn *hifn, struct hifn_command *command)
{
	size_t n = command->row->key;
	struct hifn_context *oldest = hifn->contexts;

	command->new_key = true;
	command->session = 0;
	if (hifn->forced_session >= 0) {
		command->session = (unsigned)hifn->forced_session;
		command->new_key = !hifn->forced_stored;
		return;
	}
	if (!hifn->contexts || hifn_is_mac(command->row) || command->mac)
		return;
	hifn->context_clock++;
	for (unsigned i = 0; i < hifn->context_count; i++) {
		struct hifn_context *context = &hifn->contexts[i];

		if (holds(context, command->row, command->key, n)) {
			context->used = hifn->context_clock;
			command->session = i + 1;
			command->new_key = false;
			return;
		}
		if (context->used < oldest->used)
			oldest = context;
	}
	oldest->row = command->row;
	oldest->used = hifn->context_clock;
	memset(oldest->key, 0, sizeof(oldest->key));
	memcpy(oldest->key, command->key, n);
	command->session = (unsigned)(oldest - hifn->contexts) + 1;
}
