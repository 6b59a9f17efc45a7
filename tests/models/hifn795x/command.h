/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One operation of the packet engine: sections 11 to 13. */
#ifndef HIFN_MODEL_COMMAND_H
#define HIFN_MODEL_COMMAND_H

#include "card.h"

enum { COMMAND_MOST = 512, RESULT_MOST = 64, MAC_MOST = 20, MAC_KEY_SIZE = 64 };

/* What one engine is to do. */
struct part {
	bool present;
	uint16_t masks;
	uint32_t skip, count;
	uint32_t reserved;
};

struct command {
	uint8_t bytes[COMMAND_MOST];
	uint32_t n; /* bytes that there were */
	uint16_t masks;
	unsigned opcode, session;
	uint32_t source_count, dest_count;
	struct part mac, crypt;
	const uint8_t *mac_key, *key, *iv; /* in bytes; NULL: none was sent */
	unsigned key_bytes, block;         /* of the cipher; block 1: any length */
};

/* Sort out command->bytes. Returns NULL, or what makes it no command. */
const char *command_parse(struct command *command);
bool command_is_ram(const struct command *command);
/* Bytes of MAC that the command asks for. */
unsigned command_mac_bytes(const struct command *command);

/* operation.c: carry out the operation in card->chains, or refuse it as an invalid command.
 * too_long: they have more bytes or entries than an operation can. */
void operation_carry_out(struct card *card, bool too_long);

/* check.c: tell what the reference forbids. */
void check_setup(struct card *card);
void check_operation(struct card *card, const struct command *command);

/* cipher.c: in place, n a multiple of the block; keys and state are the context's. */
bool cipher_run(struct context *context, const struct command *command, uint8_t *bytes,
                size_t n);
void cipher_new_key(struct context *context, const struct command *command);
/* 20 bytes of room; false when OpenSSL has no such digest. */
bool mac_run(const struct context *context, const struct command *command, const uint8_t *bytes,
             size_t n, uint8_t *mac);

#endif
