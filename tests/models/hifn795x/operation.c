/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One operation of the packet engine: steps 4 to 7 of section 20.4. */
#include "command.h"

#include <errno.h>
#include <string.h>

enum { RAM_UNIT = 8 };

/* What an operation comes to. */
struct product {
	uint32_t consumed;          /* of the source */
	uint32_t n;                 /* bytes in card->output */
	unsigned flags;             /* of the base result */
	uint8_t parts[RESULT_MOST]; /* of the result, behind the base */
	unsigned n_parts;
	bool invalid;
};

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

/* Copy up to `most` bytes of a ring's buffers; sets *n to how many there were. */
static int gather(struct card *card, enum ring_name ring, uint8_t *to, uint32_t most,
                  uint32_t *n)
{
	const struct chain *chain = &card->chains[ring];

	*n = 0;
	for (unsigned i = 0; i < chain->n && *n < most; i++) {
		const struct slot *slot = &chain->slots[i];
		uint32_t piece = slot->l & D_LENGTH;
		int error;

		if (slot->l & D_JUMP)
			continue;
		piece = piece < most - *n ? piece : most - *n;
		error = card_dma_read(card, slot->p, to + *n, piece);
		if (error)
			return error;
		*n += piece;
	}
	return 0;
}

/* Spread n bytes over the destination's buffers; sets *done to how many had room. */
static int scatter(struct card *card, const uint8_t *from, uint32_t n, uint32_t *done)
{
	const struct chain *chain = &card->chains[RING_DESTINATION];

	*done = 0;
	for (unsigned i = 0; i < chain->n && *done < n; i++) {
		const struct slot *slot = &chain->slots[i];
		uint32_t piece = slot->l & D_LENGTH;
		int error;

		if (slot->l & D_JUMP)
			continue;
		piece = piece < n - *done ? piece : n - *done;
		error = card_dma_write(card, slot->p, from + *done, piece);
		if (error)
			return error;
		*done += piece;
	}
	return 0;
}

static void add_part(struct product *product, unsigned flags, const uint8_t *bytes, unsigned n)
{
	uint8_t *at = product->parts + product->n_parts;

	put16(at, flags);
	put16(at + 2, 0);
	if (n)
		memcpy(at + 4, bytes, n);
	product->n_parts += 4 + n;
}

/* The part of a window that lies inside n bytes. */
static uint32_t inside(const struct part *part, uint32_t n)
{
	if (part->skip >= n)
		return 0;
	return part->count < n - part->skip ? part->count : n - part->skip;
}

static void run_cipher(struct card *card, const struct command *command,
                       struct product *product)
{
	uint32_t n = inside(&command->crypt, product->n), whole = n - n % command->block;

	if (whole && !cipher_run(&card->contexts[command->session], command,
	                         card->output + command->crypt.skip, whole))
		product->invalid = true;
}

/* Returns the flags of the MAC result; the MAC itself goes into mac. */
static unsigned run_mac(struct card *card, const struct command *command,
                        struct product *product, uint8_t *mac)
{
	uint32_t n = inside(&command->mac, product->n), bytes = command_mac_bytes(command);
	uint32_t end = command->mac.skip + n;
	unsigned flags = n < command->mac.count ? RESULT_NOT_ZERO : 0;

	if (!mac_run(&card->contexts[command->session], command,
	             card->output + (n ? command->mac.skip : 0), n, mac))
		product->invalid = true;
	if (!(command->mac.masks & MAC_APPEND))
		return flags;
	if (command->opcode == BASE_ENCODE) {
		memcpy(card->output + product->n, mac, bytes);
		product->n += bytes;
		return flags;
	}
	if (end > product->n || bytes > product->n - end ||
	    memcmp(card->output + end, mac, bytes))
		flags |= RESULT_MISCOMPARE;
	product->n -= bytes < product->n ? bytes : product->n;
	return flags;
}

/* Encode: cipher, then MAC of what comes out. Decode: MAC of what goes in, then cipher. */
static void run_engines(struct card *card, const struct command *command,
                        struct product *product)
{
	bool encode = command->opcode == BASE_ENCODE;
	bool with_value = command->mac.masks & MAC_RESULT;
	uint8_t mac[MAC_MOST];
	unsigned mac_flags = 0, short_cipher;

	if (command->session >= card->contexts_used)
		card->contexts_used = command->session + 1;
	cipher_new_key(&card->contexts[command->session], command);
	memcpy(card->output, card->source, product->consumed);
	product->n = product->consumed;
	short_cipher = inside(&command->crypt, product->n) < command->crypt.count
	                       ? RESULT_NOT_ZERO
	                       : 0;
	if (command->crypt.present && encode)
		run_cipher(card, command, product);
	if (command->mac.present)
		mac_flags = run_mac(card, command, product, mac);
	if (command->crypt.present && !encode)
		run_cipher(card, command, product);
	if (command->mac.present)
		add_part(product, mac_flags, mac, with_value ? command_mac_bytes(command) : 0);
	if (command->crypt.present)
		add_part(product, short_cipher, NULL, 0);
}

static void run_ram(struct card *card, const struct command *command, struct product *product)
{
	bool reads = command->opcode == BASE_READ_RAM;
	uint32_t offset = (reads ? command->source_count : command->dest_count) & 0x3fff;
	uint32_t at = ((uint32_t)command->session << 14) + offset;
	bool there = at <= RAM_SIZE - RAM_UNIT;

	if (reads) {
		memset(card->output, 0, RAM_UNIT);
		if (there)
			memcpy(card->output, card->ram + at, RAM_UNIT);
		product->n = RAM_UNIT;
	} else if (there && product->consumed >= RAM_UNIT) {
		memcpy(card->ram + at, card->source, RAM_UNIT);
	}
}

/* How many source bytes the command wants, and how many it has room for. */
static uint32_t source_wanted(const struct command *command)
{
	return command->opcode == BASE_READ_RAM    ? 0
	       : command->opcode == BASE_WRITE_RAM ? RAM_UNIT
	                                           : command->source_count;
}

static uint32_t room(const struct command *command)
{
	return command->opcode == BASE_READ_RAM    ? RAM_UNIT
	       : command->opcode == BASE_WRITE_RAM ? 0
	                                           : command->dest_count;
}

/* Cut the output to the room there is and fill up its last word. */
static void fit(struct card *card, const struct command *command, struct product *product)
{
	uint32_t most = room(command), padded = (product->n + 3) & ~3u;

	if (product->n > most) {
		product->n = most;
		product->flags |= RESULT_OVERRUN;
		card_pu_event(card, PU_DSTOVER);
	} else if (padded <= most) {
		memset(card->output + product->n, 0, padded - product->n);
		product->n = padded;
	}
	if (fault_wrong_length(&card->faults) && product->n >= 4) {
		trace(card, "  4 bytes less are written (fault)");
		product->n -= 4;
	}
}

static void make_base(const struct command *command, const struct product *product,
                      uint8_t *base)
{
	uint32_t source = source_wanted(command) - product->consumed;
	uint32_t dest = room(command) - product->n;

	put16(base, product->flags);
	put16(base + 2, (source >> 16 & 3) << 14 | (dest >> 16 & 3) << 12 | command->session);
	put16(base + 4, source & 0xffff);
	put16(base + 6, dest & 0xffff);
}

/* Steps 3 to 5: result, then its descriptor, then the interrupt. */
static int commit_result(struct card *card, const struct command *command,
                         const struct product *product)
{
	const struct chain *chain = &card->chains[RING_RESULT];
	const struct slot *slot = &chain->slots[chain->n - 1];
	uint32_t most = slot->l & D_LENGTH, n = 8 + (product->invalid ? 0 : product->n_parts);
	uint8_t bytes[8 + RESULT_MOST] = { 0 };
	int error;

	if (!product->invalid) {
		make_base(command, product, bytes);
		memcpy(bytes + 8, product->parts, product->n_parts);
	}
	trace_bytes(card, "result", bytes, n);
	if (n > most) {
		n = most;
		if (!command_is_ram(command))
			card->csr |= (uint32_t)CSR_OVER << RING_SHIFT(RING_RESULT);
	}
	error = card_dma_write(card, slot->p, bytes, n);
	return error ? error : ring_consume(card, RING_RESULT);
}

/* Returns 0 or an error, and on which ring it was. */
static int commit(struct card *card, const struct command *command, struct product *product,
                  enum ring_name *ring)
{
	static const enum ring_name inputs[] = { RING_COMMAND, RING_SOURCE, RING_DESTINATION };
	uint32_t done = 0;
	int error = 0;

	*ring = RING_DESTINATION;
	if (!product->invalid)
		error = scatter(card, card->output, product->n, &done);
	if (error)
		return error;
	if (!product->invalid && done < product->n) {
		product->n = done;
		product->flags |= RESULT_OVERRUN;
		card->csr |= (uint32_t)CSR_OVER << RING_SHIFT(RING_DESTINATION);
	}
	for (unsigned i = 0; i < 3; i++) {
		*ring = inputs[i];
		error = ring_consume(card, inputs[i]);
		if (error)
			return error;
	}
	*ring = RING_RESULT;
	return commit_result(card, command, product);
}

static void trace_chains(struct card *card)
{
	for (unsigned ring = 0; card->report.trace && ring < RINGS; ring++) {
		for (unsigned i = 0; i < card->chains[ring].n; i++) {
			const struct slot *slot = &card->chains[ring].slots[i];

			trace(card,
			      "  %s descriptor at 0x%08x: l 0x%08x, p 0x%08x (%s%s%s%u bytes)",
			      ring_names[ring], slot->at, slot->l, slot->p,
			      slot->l & D_JUMP ? "JUMP, " : "",
			      slot->l & D_LAST ? "LAST, " : "",
			      slot->l & D_MASKDONE ? "MASKDONEIRQ, " : "", slot->l & D_LENGTH);
		}
	}
}

/* Read the command and do what it says, without a trace of it in the client's memory. */
static int compute(struct card *card, struct command *command, struct product *product,
                   bool too_long, enum ring_name *ring)
{
	unsigned long before = card->report.violations;
	const char *complaint;
	int error;

	*ring = RING_COMMAND;
	error = gather(card, RING_COMMAND, command->bytes, COMMAND_MOST, &command->n);
	if (error)
		return error;
	trace_bytes(card, "command", command->bytes, command->n);
	complaint = command_parse(command);
	if (card->report.strict && card->unlock.level < 2 && !command_is_ram(command))
		complaint = "the chip is locked";
	if (too_long)
		complaint = "it has more descriptors or bytes than there can be";
	if (complaint)
		violation(card, "an invalid command: %s", complaint);
	else
		check_operation(card, command);
	/* A driver under test gets nothing for what it must not do. */
	product->invalid = complaint || card->report.violations != before;
	if (product->invalid) {
		card_pu_event(card, PU_CMDINVAL);
		return 0;
	}
	*ring = RING_SOURCE;
	error = gather(card, RING_SOURCE, card->source, source_wanted(command),
	               &product->consumed);
	if (error)
		return error;
	if (command_is_ram(command))
		run_ram(card, command, product);
	else
		run_engines(card, command, product);
	fit(card, command, product);
	return 0;
}

void operation_carry_out(struct card *card, bool too_long)
{
	struct command command = { .n = 0 };
	struct product product = { .n = 0 };
	enum ring_name ring = RING_COMMAND;
	bool aborts;
	int error;

	trace(card, "operation");
	trace_chains(card);
	check_setup(card);
	error = compute(card, &command, &product, too_long, &ring);
	aborts = !error && fault_aborts(&card->faults);
	if (aborts) {
		ring = RING_SOURCE;
		error = -EFAULT;
	}
	if (!error)
		error = commit(card, &command, &product, &ring);
	if (error == -EFAULT && !aborts)
		violation(card, "a %s descriptor leads to memory that isn't there",
		          ring_names[ring]);
	if (error == -EFAULT)
		rings_abort(card, ring);
	if (error)
		return;
	card->faults.done++;
	card_update_pin(card);
}
