/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public-key engine: section 16 and 20.6. Addition, subtraction and exponentiation; what
 * the other opcodes do with their operands the reference doesn't say. */
#include "card.h"

#include <openssl/bn.h>
#include <string.h>

enum {
	OP_NOP = 0,
	OP_ADD = 1,
	OP_SUB = 3,
	OP_MODEXP = 12,
	MOST_MODEXP_BYTES = 384,
	DURATION_NS = 200000,
};

/* An operation with its operands as places in the memory, in bytes. */
struct pk_op {
	unsigned opcode, words, exponent_bits;
	unsigned a, b, m, chunk;
};

void pk_reset(struct card *card)
{
	card->rng.enabled = false;
	card->rng.reads = 0;
	card->pk.status = PUB_EMPTY;
	card->pk.due = 0;
}

/* Both formats of the length and operation registers. */
static struct pk_op decode(const struct card *card, bool enhanced)
{
	uint32_t length = enhanced ? card->pk.fifo_oplen : card->pk.oplen, op = card->pk.op;
	struct pk_op out;

	if (enhanced) {
		out.words = length & 0xff;
		out.exponent_bits = (length >> 8 & 0xfff) + 1;
		out.a = op & 0x3f;
		out.b = op >> 8 & 0x3f;
		out.m = op >> 16 & 0x3f;
		out.opcode = op >> 24 & 0xf;
	} else {
		out.words = length & 0x7f;
		out.exponent_bits = (length >> 7 & 0x7ff) + 1;
		out.a = op & 0x3f;
		out.b = op >> 6 & 0x3f;
		out.m = op >> 12 & 0x3f;
		out.opcode = op >> 18 & 0xf;
	}
	out.a *= 64;
	out.b *= 64;
	out.m *= 64;
	out.chunk = (out.words * 4 + 63) / 64 * 64;
	return out;
}

static BIGNUM *number(const struct card *card, unsigned at, unsigned bytes)
{
	return BN_lebin2bn(card->pk.memory + at, (int)bytes, NULL);
}

static bool inside(unsigned at, unsigned bytes)
{
	return at + bytes <= PUB_MEM_SIZE;
}

/* floor((2^(2n-1) - 1) / M) */
static bool reciprocal_is_right(const struct card *card, const struct pk_op *op,
                                const BIGNUM *m, BN_CTX *ctx)
{
	BIGNUM *given = number(card, op->m + op->chunk, op->words * 4), *wanted = BN_new();
	bool right = given && wanted && BN_set_bit(wanted, (int)op->words * 64 - 1) &&
	             BN_sub_word(wanted, 1) && BN_div(wanted, NULL, wanted, m, ctx) &&
	             !BN_cmp(given, wanted);

	BN_free(given);
	BN_free(wanted);
	return right;
}

static bool is_clear(const struct card *card, unsigned at, unsigned bytes)
{
	while (bytes--) {
		if (card->pk.memory[at++])
			return false;
	}
	return true;
}

static void check_modexp(struct card *card, const struct pk_op *op, const BIGNUM *m)
{
	unsigned bytes = op->words * 4;

	if (bytes % 64 || bytes > MOST_MODEXP_BYTES)
		violation(card,
		          "the modulus has %u bytes: a multiple of 64 up to 384 is allowed",
		          bytes);
	if (!BN_is_bit_set(m, (int)bytes * 8 - 1))
		violation(card, "the top bit of the modulus is 0");
	if (!is_clear(card, op->m + 2 * op->chunk, 3 * op->chunk))
		violation(card, "the scratch memory behind the reciprocal isn't clear");
}

static bool exponentiate(struct card *card, const struct pk_op *op, BN_CTX *ctx, BIGNUM *result)
{
	unsigned bytes = op->words * 4;
	BIGNUM *a = number(card, op->a, bytes), *m = number(card, op->m, bytes);
	BIGNUM *b = number(card, op->b, op->chunk);
	bool done = false;

	if (a && b && m && !BN_is_zero(m)) {
		check_modexp(card, op, m);
		if ((unsigned)BN_num_bits(b) > op->exponent_bits) {
			violation(card, "the exponent has more bits than the operation says");
			BN_mask_bits(b, (int)op->exponent_bits);
		}
		if (reciprocal_is_right(card, op, m, ctx))
			done = BN_mod_exp(result, a, b, m, ctx);
		else
			violation(card,
			          "the reciprocal of the modulus is wrong: the engine hangs");
	}
	BN_free(a);
	BN_free(b);
	BN_free(m);
	return done;
}

static bool add_or_subtract(struct card *card, const struct pk_op *op, BIGNUM *result)
{
	unsigned bytes = op->words * 4;
	BIGNUM *a = number(card, op->a, bytes), *b = number(card, op->b, bytes);
	bool done = a && b;

	if (done && op->opcode == OP_ADD) {
		done = BN_add(result, a, b);
	} else if (done) {
		/* a - b modulo the length: the borrow shows above it. */
		done = BN_set_bit(a, (int)bytes * 8) && BN_sub(result, a, b);
		card->pk.status ^= PUB_CARRY;
	}
	if (done && BN_is_bit_set(result, (int)bytes * 8))
		card->pk.status ^= PUB_CARRY;
	if (done && (unsigned)BN_num_bits(result) > bytes * 8)
		done = BN_mask_bits(result, (int)bytes * 8);
	BN_free(a);
	BN_free(b);
	return done;
}

static bool compute(struct card *card, const struct pk_op *op, BN_CTX *ctx, BIGNUM *result)
{
	card->pk.status &= ~(uint32_t)PUB_CARRY;
	switch (op->opcode) {
	case OP_ADD:
	case OP_SUB:
		return add_or_subtract(card, op, result);
	case OP_MODEXP:
		return exponentiate(card, op, ctx, result);
	default:
		violation(card,
		          "opcode %u of the PK engine is not described well enough to use",
		          op->opcode);
		return true; /* the result is 0 */
	}
}

static bool operands_fit(const struct pk_op *op)
{
	if (!op->words || !inside(op->a, op->chunk) || !inside(op->b, 2 * op->chunk))
		return false;
	return op->opcode != OP_MODEXP || inside(op->m, 5 * op->chunk);
}

static void finish(struct card *card, const struct pk_op *op, const BIGNUM *result)
{
	uint8_t *memory = card->pk.memory, *to = memory + op->b + op->chunk;

	if (op->opcode != OP_NOP) {
		memset(to, 0, op->chunk);
		BN_bn2lebinpad(result, to, (int)op->words * 4);
	}
	if (op->opcode == OP_MODEXP) {
		memset(memory + op->m + 2 * op->chunk, 0, 3 * op->chunk);
		memcpy(memory + op->m + 2 * op->chunk, to, op->chunk);
	}
	card->pk.due = 0;
	card->pk.status |= PUB_DONE;
	card->pk.status &= ~(uint32_t)PUB_ZERO;
	if (card->pk.ien & 1)
		card->csr |= CSR_PUBDONE;
	trace(card, "PK operation done");
	card_update_pin(card);
}

uint64_t pk_tick(struct card *card, uint64_t now)
{
	struct pk_op op = decode(card, card->pk.mode & PUB_ENHANCED);
	BIGNUM *result;
	BN_CTX *ctx;

	if (!card->pk.due || card->pk.due > now)
		return card->pk.due ? card->pk.due : UINT64_MAX;
	trace(card,
	      "PK operation: opcode %u, %u words, exponent %u bits, A 0x%x, B 0x%x, M 0x%x",
	      op.opcode, op.words, op.exponent_bits, op.a, op.b, op.m);
	ctx = BN_CTX_new();
	result = BN_new();
	if (!operands_fit(&op) && op.opcode != OP_NOP) {
		violation(card,
		          "an operand of the PK engine lies outside its memory: it hangs");
		card->pk.due = UINT64_MAX;
	} else if (ctx && result && (op.opcode == OP_NOP || compute(card, &op, ctx, result))) {
		finish(card, &op, result);
	} else {
		card->pk.due = UINT64_MAX;
	}
	BN_free(result);
	BN_CTX_free(ctx);
	return UINT64_MAX;
}

uint32_t pk_read(struct card *card, uint32_t offset)
{
	uint32_t value = 0;

	if (offset >= R_PUB_MEM && offset < R_PUB_MEM + PUB_MEM_SIZE) {
		if (card->pk.due)
			violation(card, "PUB_MEM is read while the PK engine is busy");
		for (unsigned i = 4; i--;)
			value = value << 8 | card->pk.memory[offset - R_PUB_MEM + i];
		return value;
	}
	switch (offset) {
	case R_PUB_BASE:
		return card->pk.base;
	case R_PUB_OPLEN:
		return card->pk.oplen;
	case R_PUB_OP:
		return card->pk.op;
	case R_PUB_STATUS:
		return card->pk.status;
	case R_PUB_IEN:
		return card->pk.ien;
	case R_PUB_MODE:
		return card->pk.mode;
	default:
		return 0;
	}
}

/* Writing the operation starts it, in the mode that its register belongs to. */
static void start(struct card *card, uint32_t op, bool enhanced)
{
	if (enhanced != !!(card->pk.mode & PUB_ENHANCED)) {
		violation(card, "a PK operation is written in the format of the other mode");
		return;
	}
	if (card->pk.due) {
		violation(card, "a PK operation is started while the engine is busy");
		return;
	}
	if (card->pk.status & PUB_DONE)
		violation(card, "a PK operation is started before DONE was cleared");
	card->pk.op = op;
	card->pk.status = PUB_EMPTY | PUB_ZERO;
	card->pk.due = vu_now() + DURATION_NS;
}

static void write_memory(struct card *card, uint32_t at, uint32_t value)
{
	if (card->pk.due)
		violation(card, "PUB_MEM is written while the PK engine is busy");
	for (unsigned i = 0; i < 4; i++, value >>= 8)
		card->pk.memory[at + i] = (uint8_t)value;
}

void pk_write(struct card *card, uint32_t offset, uint32_t value)
{
	if (offset >= R_PUB_MEM && offset < R_PUB_MEM + PUB_MEM_SIZE) {
		write_memory(card, offset - R_PUB_MEM, value);
		return;
	}
	switch (offset) {
	case R_PUB_RESET:
		if (value & 1)
			pk_reset(card);
		break;
	case R_PUB_BASE:
		card->pk.base = value;
		break;
	case R_PUB_OPLEN:
		card->pk.oplen = value;
		break;
	case R_FIFO_OPLEN:
		card->pk.fifo_oplen = value;
		break;
	case R_PUB_OP:
	case R_FIFO_OP:
		start(card, value, offset == R_FIFO_OP);
		break;
	case R_PUB_STATUS:
		card->pk.status &= ~(value & (PUB_DONE | PUB_CARRY));
		break;
	case R_PUB_IEN:
		card->pk.ien = value;
		break;
	case R_PUB_MODE:
		card->pk.mode = value;
		break;
	default:
		break;
	}
}
