/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Command and result buffers, byte for byte. */
#include "hifn.h"

#include <string.h>

static uint8_t *put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
	return at + 2;
}

static uint32_t get16(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8;
}

static uint8_t *put_bytes(uint8_t *at, const uint8_t *bytes, size_t n)
{
	memcpy(at, bytes, n);
	return at + n;
}

/* The two counts have 16 bits of their own, and two each in the word of the session. */
static uint8_t *put_base(uint8_t *at, uint32_t masks, const struct hifn_command *command)
{
	at = put16(at, masks);
	at = put16(at, (command->src >> 16 & 3) << 14 | (command->dst >> 16 & 3) << 12 |
	                       command->session);
	at = put16(at, command->src);
	return put16(at, command->dst);
}

/* An engine's part: from the first byte on, count bytes. */
static uint8_t *put_engine(uint8_t *at, uint32_t masks, uint32_t count)
{
	at = put16(at, masks | (count >> 16 & 3) << 14);
	at = put16(at, 0);
	at = put16(at, count);
	return put16(at, 0);
}

static uint8_t *build_mac(uint8_t *at, const struct hifn_command *command)
{
	const struct hifn_row *row = command->row;
	bool keyed = !(row->mac & MAC_HASH) && command->new_key;

	at = put_base(at, BASE_MAC, command);
	at = put_engine(at, row->mac | (keyed ? MAC_NEW_KEY : 0), command->src);
	return keyed ? put_bytes(at, command->key, HIFN_MAC_KEY) : at;
}

/* Engines in the order in which the chip reads them, then their keys in the same order. */
static uint8_t *build_crypt(uint8_t *at, const struct hifn_command *command)
{
	const struct hifn_row *row = command->row, *mac = command->mac;

	at = put_base(at,
	              BASE_CRYPT | (mac ? BASE_MAC : 0) | (command->decode ? BASE_DECODE : 0),
	              command);
	if (mac)
		at = put_engine(at, mac->mac | MAC_NEW_KEY, command->mac_bytes);
	at = put_engine(at,
	                row->crypt | (command->new_key ? CRYPT_NEW_KEY : 0) |
	                        (row->iv ? CRYPT_NEW_IV : 0),
	                command->src);
	if (mac)
		at = put_bytes(at, command->mac_key, HIFN_MAC_KEY);
	if (command->new_key)
		at = put_bytes(at, command->key, row->key);
	return row->iv ? put_bytes(at, command->iv, row->iv) : at;
}

size_t hifn_command_build(uint8_t *out, const struct hifn_command *command)
{
	uint8_t *end =
	        hifn_is_mac(command->row) ? build_mac(out, command) : build_crypt(out, command);

	return (size_t)(end - out);
}

bool hifn_result_good(const uint8_t *result, const struct hifn_row *mac, bool exact)
{
	uint32_t flags = get16(result), high = get16(result + 2);
	uint32_t src_left = get16(result + 4) | (high >> 14 & 3) << 16;
	uint32_t dst_left = get16(result + 6) | (high >> 12 & 3) << 16;
	uint32_t engine = get16(result + 8); /* MAC or cipher: both have one word of flags */

	if (mac) /* the cipher's come behind the MAC */
		engine |= get16(result + HIFN_RESULT_MAC_AT + mac->digest);
	return !(flags & RESULT_DSTOVERRUN) && !(engine & RESULT_NOT_ZERO) && !src_left &&
	       dst_left < (exact ? 1 : 4);
}
