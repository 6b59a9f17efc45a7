/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer: the driver ce99 with a card that lies in its registers. Whatever it says, each
 * operation ends once, nothing is written where it must not be, and no card without the signature
 * is written to. The input says what is asked of the driver, and when the card lies. */
#include "tests/lib/ce99_ops.h"

#define OPS     48
#define LONGEST 70000u /* bytes; more than one run by DMA */

#include "fuzz_card.h"

/* Now and then an op is cancelled in the middle of an access of the chip's. */
static bool lie(bool write, unsigned region, uint64_t offset, void *value, size_t size)
{
	uint32_t word;
	unsigned how;

	(void)offset;
	if (!lying || !left)
		return false;
	how = take(1);
	if (how == 128)
		cancel_one();
	if (write) {
		if (region == 0 && chip.sig != F_SIGNATURE)
			abort();
		return how > 250; /* lost */
	}
	if (how < 220)
		return false;
	word = how < 230   ? UINT32_MAX
	       : how < 240 ? 0
	       : how < 248 ? 1u << take(1) % 32
	                   : take(4);
	memcpy(value, &word, size);
	return true;
}

static void submit(void)
{
	const struct ce99_row *algorithm = &ce99_rows[take(1) % ce99_row_count];
	struct acr_op *op = next_op();
	size_t n = take(1) % 8 ? take(1) : take(3) % LONGEST;

	if (!op)
		return;
	op->alg = algorithm->alg;
	op->cap_data = algorithm;
	op->flags = ACR_OP_WHOLE;
	op->key = (struct acr_bytes){ source + take(1), algorithm->keys * 8u };
	op->iv = (struct acr_bytes){ source + 100, algorithm->iv ? 8 : 0 };
	op->opcode = take(1) & 1 ? ACR_ENCRYPT : ACR_DECRYPT;
	op->padding = take(1) & 1 ? ACR_PAD_PKCS7 : ACR_PAD_NONE;
	op->src = (struct acr_bytes){ source, algorithm->whole && take(1) & 1 ? n & ~7u : n };
	op->dst_size = take(1) % 8 ? n + 8 : take(1);
	submit_op(op);
}

static void act(struct ce99 *ce)
{
	switch (take(1) % 8) {
	case 0:
	case 1:
		ce99_step(ce);
		break;
	case 2:
		cancel_one();
		break;
	case 3:
		ce->keep_ns = take(1) & 1 ? 0 : UINT64_C(1) << 62;
		ce99_idle(ce);
		break;
	default:
		submit();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ce99 *ce;

	script = data;
	left = size;
	for (size_t i = 0; i < 512; i++)
		source[i] = (uint8_t)(i * 7);
	fake_init(&chip);
	chip.card.lie = lie;
	chip.sig ^= take(1) == 255; /* not our card at all */
	chip.caps = (chip.caps & ~0x1fu) | take(1) % 17;
	lying = take(1) % 4 == 0; /* from the start, or when it is up */
	ce = fake_device((enum ce99_path)(take(1) % 3));
	lying = true;
	if (!ce)
		return 0;
	for (unsigned i = 0; left && i < 4 * OPS; i++)
		act(ce);
	lying = false;
	while (ce99_step(ce))
		continue;
	fake_remove(ce);
	check_ends();
	return 0;
}
