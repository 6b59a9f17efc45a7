/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Powers modulo a number, by the public-key engine. It has memory of its own, which is written and
 * read by registers; what it can't take is left to others.
 *
 * That memory is used in chunks of the modulus' size:
 * 0 base, 1 exponent, 2 result, 4 modulus, 5 its reciprocal; 3 and 6 to 8 are the engine's own. */
#include "hifn.h"
#include "host.h"

#include <errno.h>
#include <string.h>

#include <openssl/bn.h>

#define CHUNKS      9u
#define UNIT        64u  /* sizes and places are counted in so many bytes */
#define BYTES_MAX   384u /* of a modulus: 3072 bits */
#define PATIENCE_US 500000u
#define LOOK_US     1000u /* between looks, at most */

enum { BASE, EXPONENT, RESULT, MODULUS = 4, RECIPROCAL };

/* One exponentiation; size: bytes of the modulus. */
struct task {
	const BIGNUM *base, *exponent, *modulus;
	BIGNUM *result;
	unsigned size;
};

static void put(struct hifn *hifn, uint32_t offset, uint32_t value)
{
	card_write(hifn->card, 1, offset, value);
}

/* Least significant word at first. bytes: room for one chunk, wiped. */
static bool put_number(struct hifn *hifn, const struct task *task, unsigned chunk,
                       const BIGNUM *number, uint8_t *bytes)
{
	bool fits = BN_bn2lebinpad(number, bytes, (int)task->size) == (int)task->size;

	for (unsigned i = 0; i < task->size && fits; i += 4)
		put(hifn, PUB_MEM + chunk * task->size + i,
		    bytes[i] | (uint32_t)bytes[i + 1] << 8 | (uint32_t)bytes[i + 2] << 16 |
		            (uint32_t)bytes[i + 3] << 24);
	OPENSSL_cleanse(bytes, task->size);
	return fits;
}

static bool get_result(struct hifn *hifn, const struct task *task, uint8_t *bytes)
{
	bool good;

	for (unsigned i = 0; i < task->size; i += 4) {
		uint32_t word = card_read(hifn->card, 1, PUB_MEM + RESULT * task->size + i);

		for (unsigned k = 0; k < 4; k++)
			bytes[i + k] = (uint8_t)(word >> 8 * k);
	}
	good = BN_lebin2bn(bytes, (int)task->size, task->result) &&
	       BN_cmp(task->result, task->modulus) < 0;
	OPENSSL_cleanse(bytes, task->size);
	return good;
}

/* floor((2^(2n - 1) - 1) / modulus) for n bits, without which the engine hangs. */
static bool put_reciprocal(struct hifn *hifn, const struct task *task, uint8_t *bytes)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *number = BN_new();
	bool good = ctx && number && BN_set_bit(number, (int)(16 * task->size - 1)) &&
	            BN_sub_word(number, 1) &&
	            BN_div(number, NULL, number, task->modulus, ctx) &&
	            put_number(hifn, task, RECIPROCAL, number, bytes);

	BN_free(number);
	BN_CTX_free(ctx);
	return good;
}

static bool put_operands(struct hifn *hifn, const struct task *task, uint8_t *bytes)
{
	return put_number(hifn, task, BASE, task->base, bytes) &&
	       put_number(hifn, task, EXPONENT, task->exponent, bytes) &&
	       put_number(hifn, task, MODULUS, task->modulus, bytes) &&
	       put_reciprocal(hifn, task, bytes);
}

/* Nothing of it stays in the engine; what isn't written must be zero the next time. */
static void wipe(struct hifn *hifn, const struct task *task)
{
	for (uint32_t at = 0; at < CHUNKS * task->size; at += 4)
		put(hifn, PUB_MEM + at, 0);
}

static int wait_done(struct hifn *hifn)
{
	unsigned wait_us = 20, waited_us = 0;
	uint32_t status;

	while (!((status = card_read(hifn->card, 1, PUB_STATUS)) & PUB_DONE)) {
		if (waited_us > PATIENCE_US || atomic_load(&hifn->aside.stop))
			return -EIO;
		card_wait_us(hifn->card, wait_us);
		waited_us += wait_us;
		if (wait_us < LOOK_US)
			wait_us *= 2;
	}
	return status == UINT32_MAX ? -ENODEV : 0;
}

static int compute(struct hifn *hifn, const struct task *task, uint8_t *bytes)
{
	unsigned bits = (unsigned)BN_num_bits(task->exponent);
	int error;

	if (!put_operands(hifn, task, bytes))
		return -ENOMEM;
	put(hifn, PUB_STATUS, card_read(hifn->card, 1, PUB_STATUS));
	put(hifn, PUB_FIFO_OPLEN, PUB_LENGTHS(task->size / 4, bits));
	put(hifn, PUB_FIFO_OP,
	    PUB_MODEXP(BASE * task->size / UNIT, EXPONENT * task->size / UNIT,
	               MODULUS * task->size / UNIT));
	error = wait_done(hifn);
	if (!error && !get_result(hifn, task, bytes))
		error = -EIO;
	return error;
}

/* Returns 0; -ENODEV: the card is gone; other errors. */
static int run(struct hifn *hifn, const struct task *task)
{
	uint8_t *bytes = acr_secret_alloc(task->size);
	int error = bytes ? compute(hifn, task, bytes) : -ENOMEM;

	/* One that hangs lets nothing be written. */
	if (error == -EIO && hifn_aside_reset(hifn))
		error = -ENODEV;
	if (error != -ENODEV)
		wipe(hifn, task);
	acr_secret_free(bytes);
	return error;
}

/* ---- the test at bring-up ---- */

/* Modulo 2^(n - 1). 0: 80000000 ffffffff ... to the 4th, which is known from silicon for n = 1536.
 * 1: 3 to 2^(n - 4), where each bit of the exponent's length counts. */
static bool make_test(unsigned which, unsigned n, BIGNUM *base, BIGNUM *exponent,
                      BIGNUM *expected)
{
	if (which)
		return BN_set_word(base, 3) && BN_set_bit(exponent, (int)n - 4) &&
		       BN_set_word(expected, 1) && BN_set_bit(expected, (int)n - 2);
	if (!BN_set_bit(base, (int)n - 32) || !BN_sub_word(base, 1) ||
	    !BN_set_bit(base, (int)n - 1) || !BN_set_word(exponent, 4) ||
	    !BN_set_word(expected, 1))
		return false;
	for (unsigned bit = n - 30; bit < n - 1; bit++) /* 7ffffffc 0 ... 0 1 */
		if (!BN_set_bit(expected, (int)bit))
			return false;
	return true;
}

static bool passes(struct hifn *hifn, unsigned which, unsigned size)
{
	BIGNUM *base = BN_new(), *exponent = BN_new(), *modulus = BN_new();
	BIGNUM *result = BN_new(), *expected = BN_new();
	struct task task = { base, exponent, modulus, result, size };
	bool good = base && exponent && modulus && result && expected &&
	            BN_set_bit(modulus, (int)(8 * size - 1)) &&
	            make_test(which, 8 * size, base, exponent, expected) && !run(hifn, &task) &&
	            !BN_cmp(result, expected);

	BN_free(base);
	BN_free(exponent);
	BN_free(modulus);
	BN_free(result);
	BN_free(expected);
	return good;
}

bool hifn_modexp_test(struct hifn *hifn)
{
	bool good = true;

	for (unsigned size = UNIT; size <= BYTES_MAX && good; size += UNIT)
		good = passes(hifn, 0, size) && passes(hifn, 1, size);
	if (!good && !card_gone(hifn->card))
		acr_log(ACR_LOG_WARNING, acr_device_name(hifn->dev),
		        "the public-key engine doesn't compute as it should: not offered");
	return good;
}

/* ---- operations ---- */

static int check(struct acr_op *op, const BIGNUM *modulus, const BIGNUM *exponent)
{
	int bits = BN_num_bits(modulus);

	if (!BN_is_odd(modulus) || BN_is_negative(modulus) || BN_is_negative(exponent) ||
	    bits % (8 * (int)UNIT) || bits > 8 * (int)BYTES_MAX || BN_is_zero(exponent) ||
	    BN_num_bits(exponent) > bits || op->dst_size < (size_t)bits / 8) {
		acr_op_explain(op, "the card takes " HIFN_MODEXP_LIMITS);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int power(struct hifn *hifn, struct acr_op *op, const BIGNUM *modulus,
                 const BIGNUM *exponent)
{
	static const uint8_t nothing;
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *base = BN_bin2bn(op->src.len ? op->src.data : &nothing, (int)op->src.len, NULL);
	BIGNUM *result = BN_new();
	struct task task = { base, exponent, modulus, result, (unsigned)BN_num_bytes(modulus) };
	int error = -ENOMEM;

	if (ctx && base && result && BN_nnmod(base, base, modulus, ctx))
		error = run(hifn, &task);
	if (!error && BN_bn2binpad(result, op->dst, (int)task.size) != (int)task.size)
		error = -EIO;
	op->dst_len = task.size;
	BN_clear_free(base);
	BN_clear_free(result);
	BN_CTX_free(ctx);
	return error;
}

int hifn_modexp(struct hifn *hifn, struct acr_op *op)
{
	BIGNUM *modulus = NULL, *exponent = NULL;
	int error = hifn_modexp_key(op, &modulus, &exponent);

	if (!error)
		error = check(op, modulus, exponent);
	if (!error)
		error = power(hifn, op, modulus, exponent);
	if (error == -EIO)
		acr_op_explain(op, "the public-key engine gives no result");
	BN_clear_free(modulus);
	BN_clear_free(exponent);
	return error;
}
