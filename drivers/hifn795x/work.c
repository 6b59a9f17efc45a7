/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An operation on its way into the chip and out. All data goes through blocks of DMA memory,
 * which keeps addresses aligned and the core's memory out of the card's reach. */
#include "hifn.h"
#include "host.h"
#include "common/pci/pkcs7.h"

#include <errno.h>
#include <string.h>

/* Where things lie in DMA memory; data blocks from HIFN_DATA_AT on. */
#define COMMANDS_AT 0x0000u
#define SOURCES_AT  0x0400u
#define DESTS_AT    0x1000u
#define RESULTS_AT  0x2000u
#define SLOP_AT     0x2400u /* one word for each work */
#define RESULT_AT   0x3000u /* RESULT_STEP bytes for each */
#define RESULT_STEP 64u
#define COMMAND_AT  0x4000u /* HIFN_COMMAND_MAX bytes for each */

enum { SOURCE, DEST };

void hifn_layout(struct hifn *hifn)
{
	uint8_t *memory = hifn->dma->memory;
	uint32_t bus = hifn->dma->bus;

	hifn_ring_init(&hifn->commands, memory + COMMANDS_AT, bus + COMMANDS_AT, HIFN_WORKS);
	hifn_ring_init(&hifn->sources, memory + SOURCES_AT, bus + SOURCES_AT, HIFN_SOURCES);
	hifn_ring_init(&hifn->dests, memory + DESTS_AT, bus + DESTS_AT, HIFN_DESTS);
	hifn_ring_init(&hifn->results, memory + RESULTS_AT, bus + RESULTS_AT, HIFN_WORKS);
	for (unsigned i = 0; i < HIFN_WORKS; i++)
		hifn->free_works[i] = (uint16_t)i;
	for (unsigned i = 0; i < HIFN_BLOCKS; i++)
		hifn->free_blocks[i] = (uint16_t)i;
	hifn->free_work_count = HIFN_WORKS;
	hifn->free_block_count = HIFN_BLOCKS;
	hifn->first = hifn->in_chip = 0;
}

static unsigned index_of(const struct hifn *hifn, const struct hifn_work *work)
{
	return (unsigned)(work - hifn->works);
}

static uint32_t command_at(const struct hifn *hifn, const struct hifn_work *work)
{
	return COMMAND_AT + HIFN_COMMAND_MAX * index_of(hifn, work);
}

static uint32_t result_at(const struct hifn *hifn, const struct hifn_work *work)
{
	return RESULT_AT + RESULT_STEP * index_of(hifn, work);
}

static uint32_t slop_at(const struct hifn *hifn, const struct hifn_work *work)
{
	return SLOP_AT + 4 * index_of(hifn, work);
}

/* A byte of the pass in DMA memory. */
static uint8_t *data_at(const struct hifn *hifn, const struct hifn_work *work, unsigned side,
                        uint32_t at)
{
	return hifn->dma->memory + HIFN_DATA_AT +
	       (size_t)work->blocks[side][at / HIFN_BLOCK] * HIFN_BLOCK + at % HIFN_BLOCK;
}

static uint32_t block_bus(const struct hifn *hifn, uint16_t block)
{
	return hifn->dma->bus + HIFN_DATA_AT + block * HIFN_BLOCK;
}

static uint32_t smaller(size_t a, size_t b)
{
	return (uint32_t)(a < b ? a : b);
}

/* The core knows nothing of the self-test's ops. */
static void explain(struct acr_op *op, const char *sentence)
{
	if (!op->driver_data)
		acr_op_explain(op, sentence);
}

/* ---- works and blocks ---- */

static bool encrypts(const struct acr_op *op)
{
	return op->opcode == ACR_ENCRYPT;
}

static bool padded(const struct acr_op *op, const struct hifn_row *row)
{
	return row->whole && op->padding == ACR_PAD_PKCS7;
}

/* Bytes that an encryption gives: what fills up the last block of the others is nobody's. */
static size_t output_bytes(const struct acr_op *op, const struct hifn_row *row, size_t total)
{
	return row->whole ? total : op->src.len;
}

static uint32_t next_pass(const struct hifn_work *work)
{
	return smaller(work->total - work->at,
	               hifn_is_mac(work->row) ? HIFN_MAC_MAX : HIFN_CIPHER_PASS);
}

static struct hifn_work *new_work(struct hifn *hifn, struct acr_op *op,
                                  const struct hifn_row *row, size_t total)
{
	struct hifn_work *work;

	if (!hifn->free_work_count)
		return NULL;
	work = &hifn->works[hifn->free_works[hifn->free_work_count - 1]];
	memset(work, 0, sizeof(*work));
	work->op = op;
	work->row = row;
	work->total = total;
	work->used = next_pass(work);
	work->block_count = (work->used + HIFN_BLOCK - 1) / HIFN_BLOCK;
	if (2 * work->block_count > hifn->free_block_count)
		return NULL;
	hifn->free_work_count--;
	for (unsigned i = 0; i < work->block_count; i++) {
		work->blocks[SOURCE][i] = hifn->free_blocks[--hifn->free_block_count];
		work->blocks[DEST][i] = hifn->free_blocks[--hifn->free_block_count];
	}
	return work;
}

/* Wiped: keys and data have been there. */
static void free_work(struct hifn *hifn, struct hifn_work *work)
{
	uint8_t *memory = hifn->dma->memory;

	for (unsigned i = 0; i < work->block_count; i++) {
		uint32_t n = smaller(work->used - i * HIFN_BLOCK, HIFN_BLOCK);

		explicit_bzero(data_at(hifn, work, SOURCE, i * HIFN_BLOCK), n);
		explicit_bzero(data_at(hifn, work, DEST, i * HIFN_BLOCK), n);
		hifn->free_blocks[hifn->free_block_count++] = work->blocks[SOURCE][i];
		hifn->free_blocks[hifn->free_block_count++] = work->blocks[DEST][i];
	}
	explicit_bzero(memory + command_at(hifn, work), HIFN_COMMAND_MAX);
	explicit_bzero(memory + result_at(hifn, work), RESULT_STEP);
	explicit_bzero(memory + slop_at(hifn, work), 4);
	explicit_bzero(work, sizeof(*work));
	hifn->free_works[hifn->free_work_count++] = (uint16_t)index_of(hifn, work);
}

/* ---- a pass ---- */

/* What the chip gets: input, then padding, or zeros whose output nobody looks at. */
static void fill_source(struct hifn *hifn, const struct hifn_work *work)
{
	const struct acr_op *op = work->op;
	uint8_t fill = padded(op, work->row) && encrypts(op)
	                       ? (uint8_t)(work->total - op->src.len)
	                       : 0;

	for (uint32_t done = 0, n; done < work->pass; done += n) {
		uint8_t *to = data_at(hifn, work, SOURCE, done);
		size_t from = work->at + done;
		uint32_t given;

		n = smaller(work->pass - done, HIFN_BLOCK);
		given = from < op->src.len ? smaller(op->src.len - from, n) : 0;
		if (given)
			memcpy(to, op->src.data + from, given);
		memset(to + given, fill, n - given);
	}
}

static void push_sources(struct hifn *hifn, const struct hifn_work *work)
{
	for (uint32_t done = 0, n; done < work->pass; done += n) {
		n = smaller(work->pass - done, HIFN_BLOCK);
		hifn_ring_push(&hifn->sources,
		               D_MASKDONE | (done + n == work->pass ? D_LAST : 0),
		               block_bus(hifn, work->blocks[SOURCE][done / HIFN_BLOCK]), n);
	}
}

/* The chip writes whole words: bytes beyond the last whole one go to a word of their own. */
static uint32_t push_dests(struct hifn *hifn, const struct hifn_work *work)
{
	uint32_t slop = work->pass % 4, whole = work->pass - slop;

	for (uint32_t done = 0, n; done < whole; done += n) {
		n = smaller(whole - done, HIFN_BLOCK);
		hifn_ring_push(&hifn->dests,
		               D_MASKDONE | (done + n == whole && !slop ? D_LAST : 0),
		               block_bus(hifn, work->blocks[DEST][done / HIFN_BLOCK]), n);
	}
	if (slop)
		hifn_ring_push(&hifn->dests, D_MASKDONE | D_LAST,
		               hifn->dma->bus + slop_at(hifn, work), 4);
	return slop ? whole + 4 : whole;
}

static bool rings_have_room(const struct hifn *hifn, const struct hifn_work *work)
{
	return hifn_ring_room(&hifn->commands, 1) && hifn_ring_room(&hifn->results, 1) &&
	       hifn_ring_room(&hifn->sources, work->block_count) &&
	       hifn_ring_room(&hifn->dests, work->block_count + 1);
}

/* Returns false if the chip has not given back what it had a whole round ago. */
static bool begin_pass(struct hifn *hifn, struct hifn_work *work)
{
	struct hifn_command command = {
		.row = work->row,
		.decode = work->op->opcode == ACR_DECRYPT,
		.key = hifn_is_mac(work->row) ? work->key : work->op->key.data,
		.iv = work->iv,
		.mac = work->mac,
		.mac_key = work->key,
		.mac_bytes = (uint32_t)output_bytes(work->op, work->row, work->total),
	};
	uint8_t *memory = hifn->dma->memory;
	size_t length;

	if (!rings_have_room(hifn, work))
		return false;
	work->pass = next_pass(work);
	fill_source(hifn, work);
	/* A result that is never written looks like a failed one. */
	memset(memory + result_at(hifn, work), 0xff, RESULT_STEP);
	push_sources(hifn, work);
	command.src = work->pass;
	command.dst = push_dests(hifn, work);
	work->result =
	        hifn_ring_push(&hifn->results, D_LAST | (hifn->irq < 0 ? D_MASKDONE : 0),
	                       hifn->dma->bus + result_at(hifn, work), HIFN_RESULT_BYTES);
	hifn_context_use(hifn, &command);
	length = hifn_command_build(memory + command_at(hifn, work), &command);
	hifn_ring_push(&hifn->commands, D_LAST | D_MASKDONE,
	               hifn->dma->bus + command_at(hifn, work), (uint32_t)length);
	hifn->order[(hifn->first + hifn->in_chip) % HIFN_WORKS] =
	        (uint16_t)index_of(hifn, work);
	if (!hifn->in_chip++) {
		hifn->progress_ns = hifn_now_ns();
		hifn->busy_ns = hifn->busy_bytes = 0;
		hifn_set_timer(hifn, true);
	}
	return true;
}

/* ---- what came out ---- */

/* The IV with which the next pass goes on. */
static void chain_iv(const struct hifn *hifn, struct hifn_work *work)
{
	uint32_t size = work->row->iv, last = work->pass - size;
	const uint8_t *in, *out;

	if (!size)
		return;
	in = data_at(hifn, work, SOURCE, last);
	out = data_at(hifn, work, DEST, last);
	for (uint32_t i = 0; i < size; i++) {
		if ((work->row->crypt & CRYPT_OFB) == CRYPT_OFB)
			work->iv[i] = in[i] ^ out[i];
		else
			work->iv[i] = encrypts(work->op) ? out[i] : in[i];
	}
}

static void copy_out(const struct hifn *hifn, const struct hifn_work *work, size_t wanted)
{
	for (uint32_t done = 0, n; done < work->pass; done += n) {
		size_t to = work->at + done;

		n = smaller(work->pass - done, HIFN_BLOCK);
		if (to < wanted)
			memcpy(work->op->dst + to, data_at(hifn, work, DEST, done),
			       smaller(wanted - to, n));
	}
}

static void follow_out(const struct hifn *hifn, const struct hifn_work *work)
{
	struct acr_follow *follow = work->op->follow;

	memcpy(follow->mac, hifn->dma->memory + result_at(hifn, work) + HIFN_RESULT_MAC_AT,
	       follow->tag_size);
	follow->done = true;
}

static int cipher_out(const struct hifn *hifn, struct hifn_work *work)
{
	struct acr_op *op = work->op;
	bool last = work->at + work->pass == work->total;
	size_t wanted = output_bytes(op, work->row, work->total);

	if (last && padded(op, work->row) && !encrypts(op)) {
		uint32_t block = work->row->block;
		uint32_t pad = card_pkcs7(data_at(hifn, work, DEST, work->pass - block), block);

		if (!pad) {
			explain(op, "the padding does not verify");
			return -EBADMSG;
		}
		wanted -= pad;
	}
	if (wanted > op->dst_size)
		wanted = op->dst_size; /* was checked; only a padded end is not written yet */
	copy_out(hifn, work, wanted);
	op->dst_len = wanted;
	if (work->mac)
		follow_out(hifn, work);
	return 0;
}

static int mac_out(const struct hifn *hifn, struct hifn_work *work)
{
	return hifn_give_mac(work->op, work->row,
	                     hifn->dma->memory + result_at(hifn, work) + HIFN_RESULT_MAC_AT);
}

/* The key of a failed command may not have arrived, on which later ones may rely. */
static void distrust(struct hifn *hifn)
{
	if (!hifn->contexts)
		return;
	hifn_contexts_forget(hifn);
	for (unsigned i = 0; i < hifn->in_chip; i++)
		hifn->works[hifn->order[(hifn->first + i) % HIFN_WORKS]].tainted = true;
}

/* Result of one pass: 0 or the op's error. */
static int take_result(struct hifn *hifn, struct hifn_work *work)
{
	const uint8_t *result = hifn->dma->memory + result_at(hifn, work);

	if (work->tainted || !hifn_result_good(result, work->mac, work->pass % 4 == 0)) {
		if (work->op)
			explain(work->op, "the chip reports an error");
		distrust(hifn);
		return -EIO;
	}
	if (!work->op)
		return 0;
	return hifn_is_mac(work->row) ? mac_out(hifn, work) : cipher_out(hifn, work);
}

bool hifn_finish_pass(struct hifn *hifn, struct acr_op **op, int *error)
{
	struct hifn_work *work = &hifn->works[hifn->order[hifn->first]];

	hifn->first = (hifn->first + 1) % HIFN_WORKS;
	hifn->in_chip--;
	hifn->progress_ns = hifn_now_ns();
	work->took_ns +=
	        (uint64_t)((work->pass + HIFN_PASS_COST) * hifn->busy_ns / hifn->busy_bytes);
	*op = work->op;
	*error = take_result(hifn, work);
	if (work->op && !*error) {
		chain_iv(hifn, work);
		work->at += work->pass;
		if (work->at < work->total) {
			if (begin_pass(hifn, work))
				return false;
			*error = -EIO;
		}
	}
	if (work->op && !work->op->driver_data)
		acr_op_took(work->op, work->took_ns);
	free_work(hifn, work);
	if (!hifn->in_chip)
		hifn_set_timer(hifn, false);
	return true;
}

unsigned hifn_take_all(struct hifn *hifn, struct acr_op *ops[HIFN_WORKS])
{
	unsigned n = 0;

	for (; hifn->in_chip; hifn->in_chip--) {
		struct hifn_work *work = &hifn->works[hifn->order[hifn->first]];

		hifn->first = (hifn->first + 1) % HIFN_WORKS;
		if (work->op)
			ops[n++] = work->op;
		free_work(hifn, work);
	}
	hifn_set_timer(hifn, false);
	hifn_contexts_forget(hifn);
	hifn_layout(hifn);
	return n;
}

void hifn_doorbell(struct hifn *hifn)
{
	card_write(hifn->card, 1, CSR, CSR_ENABLE);
}

/* ---- taking an op ---- */

static int refuse(struct acr_op *op, const char *sentence)
{
	explain(op, sentence);
	return -EINVAL;
}

/* The core has checked sizes against its own table; here they keep us inside our buffers.
 * Bytes that go through the chip, or an error. */
static int check_cipher(struct acr_op *op, const struct hifn_row *row, size_t *total)
{
	size_t n = op->src.len, room = n;

	if (op->key.len != row->key || op->iv.len != row->iv)
		return refuse(op, "key or iv are not of the algorithm's size");
	*total = (n + row->block - 1) / row->block * row->block;
	if (padded(op, row) && encrypts(op))
		room = *total = card_pkcs7_padded(n, row->block);
	else if (row->whole && *total != n)
		return refuse(op, "the input is not a multiple of the block size");
	else if (padded(op, row) && !n)
		return refuse(op, "an empty input has no padding to remove");
	else if (padded(op, row))
		room = n - 1;
	return op->dst_size < room ? refuse(op, "the output does not fit") : 0;
}

static int check_mac(struct acr_op *op, const struct hifn_row *row)
{
	size_t size = hifn_mac_size(op, row);

	if (size > row->digest || (op->opcode == ACR_VERIFY && !size))
		return refuse(op, "the MAC is not that long");
	if (op->dst_size < (op->opcode == ACR_VERIFY ? strlen(ACR_VALID) : size))
		return refuse(op, "the output does not fit");
	/* The chip can't go on with a digest that was begun. */
	return op->src.len > HIFN_MAC_MAX ? -EOPNOTSUPP : 0;
}

static int prepare(struct acr_op *op, const struct hifn_row *row, size_t *total)
{
	int error;

	if (!hifn_is_mac(row)) {
		error = check_cipher(op, row, total);
		op->dst_len = 0;
		return error;
	}
	*total = op->src.len;
	error = check_mac(op, row);
	return error || *total ? error : hifn_empty_digest(op, row);
}

/* The MAC that can be made of the output in the same pass; of several passes it can't. */
static const struct hifn_row *mac_along(const struct hifn *hifn, const struct acr_op *op,
                                        size_t total, uint8_t *key)
{
	const struct hifn_row *mac = op->follow ? op->follow->cap_data : NULL;

	if (!mac || !hifn->combines || !encrypts(op) || total > HIFN_CIPHER_PASS ||
	    op->follow->tag_size > mac->digest)
		return NULL;
	return hifn_mac_key(mac, op->follow->key, key) ? NULL : mac;
}

int hifn_take(struct hifn *hifn, struct acr_op *op, int *error)
{
	const struct hifn_row *row = op->cap_data;
	struct hifn_work *work;
	size_t total = 0;

	if (!row)
		return hifn_aside_take(hifn, op) ? 0 : -EAGAIN;
	*error = prepare(op, row, &total);
	if (*error || !total)
		return 1;
	work = new_work(hifn, op, row, total);
	if (!work)
		return -EAGAIN;
	if (hifn_is_mac(row) && op->opcode != ACR_HASH)
		*error = hifn_mac_key(row, op->key, work->key);
	else
		work->mac = mac_along(hifn, op, total, work->key);
	if (row->iv)
		memcpy(work->iv, op->iv.data, row->iv);
	if (!*error && begin_pass(hifn, work))
		return 0;
	free_work(hifn, work);
	return *error ? 1 : -EAGAIN;
}
