/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the reference says of a whole operation, and of the state of the chip before one. */
#include "command.h"

enum {
	COMMAND_LENGTH_MOST = 356,
	SESSIONS_MOST = 2048,
	/* Contexts that there are whichever way ENCCNFG works: section 8. */
	CONTEXTS_SINGLE = 64,
	CONTEXTS_OTHERWISE = 2
};

void check_setup(struct card *card)
{
	const char *clock = pll_complaint(card->pll);

	if (card->setup_told)
		return;
	card->setup_told = true;
	if (card->fifocnfg != FIFOCNFG_VALUE)
		violation(card, "an operation begins before FIFOCNFG is set to 0x400");
	if ((card->pucnfg & PUCNFG_FIXED) != PUCNFG_FIXED)
		violation(card,
		          "an operation begins while PUCNFG is 0x%x: its bits 0x340 must be 1",
		          card->pucnfg);
	if (!(card->cnfg & CNFG_LAST))
		violation(card,
		          "an operation begins while CNFG doesn't let the host supply LAST");
	if (card->cnfg & CNFG_UNLOCK)
		violation(card, "an operation begins while the unlock window is open");
	if (clock)
		violation(card, "an operation begins, but %s", clock);
	if (card->unlock.level < 2)
		violation(card, "an operation begins before the chip is unlocked");
}

static void check_slot(struct card *card, enum ring_name ring, const struct slot *slot)
{
	const char *name = ring_names[ring];

	if (slot->l & D_UNDEFINED)
		violation(card, "bits 0x%x are set in the %s descriptor at 0x%x",
		          slot->l & D_UNDEFINED, name, slot->at);
	if (slot->l & D_JUMP) {
		if (slot->l & D_LENGTH)
			violation(card, "the %s ring's jump at 0x%x has a length", name,
			          slot->at);
		if (slot->p != card->rings[ring].base)
			violation(card,
			          "the %s ring's jump at 0x%x leads to 0x%x, not to its base",
			          name, slot->at, slot->p);
		return;
	}
	if (slot->p % 4)
		violation(card, "the %s buffer 0x%x isn't aligned to 4", name, slot->p);
	if (!(slot->l & D_LENGTH))
		violation(card, "the %s descriptor at 0x%x has no length", name, slot->at);
	if (ring == RING_DESTINATION && slot->l & D_LENGTH & 3)
		violation(card,
		          "the destination descriptor at 0x%x has %u bytes, no multiple of 4",
		          slot->at, slot->l & D_LENGTH);
	if (!(slot->l & D_LAST) && (ring == RING_COMMAND || ring == RING_RESULT))
		violation(card, "the %s descriptor at 0x%x has no LAST", name, slot->at);
}

static void check_counts(struct card *card, const struct command *command)
{
	uint32_t source = card->chains[RING_SOURCE].bytes;
	uint32_t dest = card->chains[RING_DESTINATION].bytes;

	if (command_is_ram(command))
		return;
	if (command->source_count != source)
		violation(card,
		          "total_source_count is %u, but the source descriptors have %u bytes",
		          command->source_count, source);
	if (command->dest_count != dest)
		violation(card,
		          "total_dest_count is %u, but the destination descriptors have %u "
		          "bytes",
		          command->dest_count, dest);
	if (!command->source_count)
		violation(card, "an operation has no source bytes");
	if (command->masks & 0xff)
		violation(card, "bits 0x%x are set in the base command", command->masks & 0xff);
	if (card->chains[RING_COMMAND].bytes > COMMAND_LENGTH_MOST)
		violation(card, "a command has %u bytes: more than 356",
		          card->chains[RING_COMMAND].bytes);
	if (command->session >= SESSIONS_MOST)
		violation(card, "session number %u is above 2047", command->session);
}

static void check_window(struct card *card, const struct command *command,
                         const struct part *part, const char *name, unsigned undefined)
{
	if (part->masks & undefined)
		violation(card, "undefined bits 0x%x are set in the %s command",
		          part->masks & undefined, name);
	if (part->reserved)
		violation(card, "the reserved field of the %s command isn't 0", name);
	if (part->skip + part->count > command->source_count)
		violation(card, "the %s command ends at byte %u of %u", name,
		          part->skip + part->count, command->source_count);
	if (!part->count)
		violation(card, "the %s command has no bytes to work on", name);
}

/* A key or IV that isn't sent has to be there from an earlier command. */
static void check_stored(struct card *card, const struct command *command)
{
	const struct context *context = &card->contexts[command->session];
	unsigned sure = card->pucnfg & PUCNFG_COMPSING ? CONTEXTS_SINGLE : CONTEXTS_OTHERWISE;
	bool hmac = command->mac.present && (command->mac.masks & MAC_MODE) == MAC_MODE_HMAC;
	bool chained = command->crypt.present && command->block > 1 &&
	               command->crypt.masks & CRYPT_MODE;
	bool stored = (command->crypt.present && !command->key) ||
	              (hmac && !command->mac_key) || (chained && !command->iv);

	if (stored && command->session >= sure)
		violation(card,
		          "session %u has no context of its own for sure, but its key or IV "
		          "is to be used again",
		          command->session);
	if (command->crypt.present && !command->key &&
	    (!context->has_key ||
	     context->algorithm != (command->crypt.masks & CRYPT_ALGORITHM) ||
	     context->key_bytes != command->key_bytes))
		violation(card, "session %u has no such cipher key yet", command->session);
	if (hmac && !command->mac_key && !context->has_mac_key)
		violation(card, "session %u has no MAC key yet", command->session);
	if (chained && !command->iv && !context->has_iv)
		violation(card, "session %u has no IV yet", command->session);
}

static void check_mac(struct card *card, const struct command *command)
{
	unsigned masks = command->mac.masks, bytes = command_mac_bytes(command);

	check_window(card, command, &command->mac, "MAC", MAC_UNDEFINED);
	if ((masks & MAC_POSITION) != MAC_IPSEC)
		violation(card, "the position field of the MAC command isn't 2");
	if ((masks & MAC_MODE) == MAC_MODE_HASH && masks & MAC_NEW_KEY)
		violation(card, "a key is sent for a plain hash");
	if (masks & MAC_APPEND && masks & MAC_RESULT)
		violation(card, "RESULT and APPEND are used together: undescribed");
	if (masks & MAC_APPEND && command->opcode == BASE_DECODE &&
	    command->mac.skip + command->mac.count + bytes != command->source_count)
		violation(card, "the MAC to compare with isn't at the end of the source");
}

static void check_crypt(struct card *card, const struct command *command)
{
	unsigned masks = command->crypt.masks;
	bool block_cipher = command->block > 1;

	check_window(card, command, &command->crypt, "crypt", CRYPT_UNDEFINED);
	if (command->crypt.count % command->block)
		violation(card, "%u bytes are to be enciphered: no multiple of %u",
		          command->crypt.count, command->block);
	if ((masks & CRYPT_ALGORITHM) != 3 && masks & CRYPT_KEY_SIZE)
		violation(card, "an AES key size is given for another algorithm");
	if (masks & CRYPT_NEW_IV && (!block_cipher || !(masks & CRYPT_MODE)))
		violation(card, "an IV is sent for a cipher that has none");
}

void check_operation(struct card *card, const struct command *command)
{
	for (unsigned ring = 0; ring < RINGS; ring++) {
		for (unsigned i = 0; i < card->chains[ring].n; i++)
			check_slot(card, ring, &card->chains[ring].slots[i]);
	}
	check_counts(card, command);
	check_stored(card, command);
	if (command->mac.present)
		check_mac(card, command);
	if (command->crypt.present)
		check_crypt(card, command);
}
