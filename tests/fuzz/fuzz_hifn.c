/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer: the HIFN driver with a card that lies, in its registers and in the memory that it
 * shares with the driver. Whatever it says, each operation ends once and nothing is written
 * where it must not be. The input says what is asked of the driver, and when the card lies. */
#include "tests/lib/hifn_fake.h"

#define OPS     96
#define LONGEST 40000u  /* bytes; several blocks */
#define SHARED  0x8000u /* of DMA memory: rings, results, commands */

static struct acr_device device;
static struct fake_chip chip;

#include "fuzz_card.h"

/* Words at will where the card may write. */
static void scribble(void)
{
	const struct card_dma *dma = SLIST_FIRST(&chip.card.opened->dma);
	uint8_t *memory = dma ? dma->memory : NULL;

	for (unsigned n = take(1) % 16; memory && n; n--) {
		uint32_t at = take(2) % SHARED & ~3u, value = take(1);

		/* Mostly what descriptors and results look like. */
		value = value < 64    ? 0
		        : value < 128 ? value << 24
		        : value < 160 ? UINT32_MAX
		                      : take(4);
		memcpy(memory + at, &value, sizeof(value));
	}
}

static bool lie(bool write, unsigned region, uint64_t offset, void *value, size_t size)
{
	uint32_t word;
	unsigned how;

	if (!lying || !left)
		return false;
	how = take(1);
	if (write) {
		if (region == 1 && offset == CSR && how & 1)
			scribble();
		return how > 240; /* lost */
	}
	if (how < 160)
		return false;
	word = how < 176 ? UINT32_MAX : how < 192 ? 0 : take(4);
	memcpy(value, &word, size);
	return true;
}

static void submit(void)
{
	const struct hifn_row *row = &hifn_rows[take(1) % hifn_row_count];
	struct acr_op *op = next_op();
	size_t n = take(2) % LONGEST;

	if (!op)
		return;
	op->alg = row->alg;
	op->cap_data = row;
	op->flags = ACR_OP_WHOLE;
	op->key = (struct acr_bytes){ source, hifn_is_mac(row) ? take(1) : row->key };
	op->iv = (struct acr_bytes){ source + 100, row->iv };
	op->opcode = hifn_is_mac(row) ? (row->mac & MAC_HASH ? ACR_HASH : ACR_MAC)
	             : take(1) & 1    ? ACR_ENCRYPT
	                              : ACR_DECRYPT;
	op->padding = take(1) & 1 ? ACR_PAD_PKCS7 : ACR_PAD_NONE;
	op->src = (struct acr_bytes){ source,
		                      row->whole && take(1) & 1 ? n - n % row->block : n };
	op->tag_size = take(1) % 24;
	op->dst_size = take(1) % 8 ? n + 16 : take(1);
	if (take(1) > 250)
		op->opcode = ACR_RANDOM;
	submit_op(op);
}

static void act(struct hifn *hifn)
{
	switch (take(1) % 8) {
	case 0:
		hifn_reap(hifn, true);
		break;
	case 1:
		hifn_on_timer(hifn, 0);
		break;
	case 2:
		cancel_one();
		break;
	case 3:
		scribble();
		break;
	case 4:
		hifn->progress_ns -= hifn->timeout_ns;
		break;
	default:
		submit();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hifn *hifn;

	script = data;
	left = size;
	memset(&device, 0, sizeof(device));
	fake_init(&chip);
	chip.card.lie = lie;
	chip.lazy = true;
	fake_contexts = take(1) > 240 ? 2 : 0;
	lying = take(1) % 4 == 0; /* from the start, or when it is up */
	hifn = fake_device(&device, &chip);
	lying = true;
	if (!hifn)
		return 0;
	for (unsigned i = 0; left && i < 4 * OPS; i++)
		act(hifn);
	fake_remove(hifn);
	check_ends();
	return 0;
}
