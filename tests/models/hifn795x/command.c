/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

/* By crypt algorithm: DES, 3DES, RC4, AES. */
static const struct {
	uint8_t block, iv;
	uint16_t key;
} algorithms[] = { { 8, 8, 8 }, { 8, 8, 24 }, { 1, 0, 260 }, { 16, 16, 0 } };

enum { ALGORITHM_AES = 3 };

static unsigned get16(const uint8_t *at)
{
	return at[0] | (unsigned)at[1] << 8;
}

/* A piece of the command, or NULL when it's too short. */
static const uint8_t *take(struct command *command, uint32_t *at, uint32_t n)
{
	const uint8_t *here = command->bytes + *at;

	if (n > command->n - *at)
		return NULL;
	*at += n;
	return here;
}

static bool take_part(struct command *command, uint32_t *at, struct part *part)
{
	const uint8_t *bytes = take(command, at, 8);

	if (!bytes)
		return false;
	part->present = true;
	part->masks = (uint16_t)get16(bytes);
	part->skip = get16(bytes + 2);
	part->count = get16(bytes + 4) | (part->masks & 0xc000u) << 2;
	part->reserved = get16(bytes + 6);
	return true;
}

static bool take_base(struct command *command, uint32_t *at)
{
	const uint8_t *bytes = take(command, at, 8);
	unsigned session;

	if (!bytes)
		return false;
	command->masks = (uint16_t)get16(bytes);
	command->opcode = command->masks & BASE_OPCODE;
	session = get16(bytes + 2);
	command->session = session & 0xfff;
	command->source_count = get16(bytes + 4) | (session & 0xc000) << 2;
	command->dest_count = get16(bytes + 6) | (session & 0x3000) << 4;
	return true;
}

/* The key's size is of the algorithm, AES's of the mask; 0: there's no such size. */
static unsigned key_size(unsigned masks)
{
	static const uint8_t aes[] = { 16, 24, 32, 0 };

	if ((masks & CRYPT_ALGORITHM) == ALGORITHM_AES)
		return aes[(masks & CRYPT_KEY_SIZE) >> 9];
	return algorithms[masks & CRYPT_ALGORITHM].key;
}

static const char *take_keys(struct command *command, uint32_t *at)
{
	unsigned masks = command->crypt.masks;

	if (command->mac.present && command->mac.masks & MAC_NEW_KEY) {
		command->mac_key = take(command, at, MAC_KEY_SIZE);
		if (!command->mac_key)
			return "it ends before the MAC key does";
	}
	if (!command->crypt.present)
		return NULL;
	command->block = algorithms[masks & CRYPT_ALGORITHM].block;
	command->key_bytes = key_size(masks);
	if (!command->key_bytes)
		return "there's no such AES key size";
	if (masks & CRYPT_NEW_KEY) {
		command->key = take(command, at, command->key_bytes);
		if (!command->key)
			return "it ends before the cipher key does";
	}
	if (masks & CRYPT_NEW_IV && command->block > 1) {
		command->iv = take(command, at, algorithms[masks & CRYPT_ALGORITHM].iv);
		if (!command->iv)
			return "it ends before the IV does";
	}
	return NULL;
}

const char *command_parse(struct command *command)
{
	uint32_t at = 0;

	if (!take_base(command, &at))
		return "it has less than 8 bytes";
	if (command_is_ram(command))
		return NULL;
	if (command->opcode > BASE_DECODE)
		return "there's no such opcode";
	if (command->masks & BASE_COMP)
		return "compression is not modelled: nothing tells how the 7955/7956 does it";
	if (command->masks & BASE_PAD)
		return "the padding engine is not modelled: its command format is unknown";
	if (command->masks & BASE_MAC && !take_part(command, &at, &command->mac))
		return "it ends before the MAC command does";
	if (command->masks & BASE_CRYPT && !take_part(command, &at, &command->crypt))
		return "it ends before the crypt command does";
	if (command->mac.present && (command->mac.masks & MAC_MODE) != MAC_MODE_HMAC &&
	    (command->mac.masks & MAC_MODE) != MAC_MODE_HASH)
		return "the SSL-MAC mode is not modelled: its format is unknown";
	return take_keys(command, &at);
}

bool command_is_ram(const struct command *command)
{
	return command->opcode == BASE_READ_RAM || command->opcode == BASE_WRITE_RAM;
}

unsigned command_mac_bytes(const struct command *command)
{
	if (command->mac.masks & MAC_TRUNCATE)
		return 12;
	return command->mac.masks & MAC_MD5 ? 16 : 20;
}
