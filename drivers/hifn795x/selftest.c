/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Known answers, each time the card comes up: nothing is offered that this very chip doesn't
 * compute right. That matters most for what no driver has been seen to use: CFB, OFB and HMACs
 * in full length. */
#include "hifn.h"

#include <errno.h>
#include <string.h>

#define KEY_FIRST   0x10u /* key: 10 11 12 ..., IV: a0 a1 a2 ..., input: 00 01 02 ... */
#define IV_FIRST    0xa0u
#define MAC_INPUT   33u /* not a multiple of a word */
#define ROOM        64u
#define MODES       4u /* rows of one cipher */
#define PATIENCE_US 1000000u
#define LOOK_US     2000u /* from then on at the status, too */

/* clang-format off */
static const struct {
	const char *alg, *answer; /* made with another implementation; ciphers: two blocks */
} answers[] = {
	{ "des-ecb", "78103c9289c92681773d578f12d21cfc" },
	{ "des-cbc", "8d0554b2bc4d340f61db7f35b52f9e93" },
	{ "des-cfb", "031761dfb9c331b8a164e075b14cfe48" },
	{ "des-ofb", "031761dfb9c331b82a7dd45281be951b" },
	{ "des-ede3-ecb", "4a47d096f1bbbf75cd5b1c8cfc241e98" },
	{ "des-ede3-cbc", "b3c6195e3a45a3c5e92783f09b09e59d" },
	{ "des-ede3-cfb", "eed0decbd8eaa725177340f29d05c6f1" },
	{ "des-ede3-ofb", "eed0decbd8eaa72532dbd925f4ab9710" },
	{ "aes-128-ecb", "9c54d571702cfa0f03f36215676bab78b7ad78216c5569d6da1aab87f6dbc561" },
	{ "aes-128-cbc", "3a5eb8fc7284be1035c8c6dc6c30aafa6dd5507a17590a411348b5c7e5d48d8c" },
	{ "aes-128-cfb", "c910a111e8719aa8c3fb9f85e8581c24140702aa698dd297eb1e3bde67a308c6" },
	{ "aes-128-ofb", "c910a111e8719aa8c3fb9f85e8581c242bc868b934d1d04b2bedf20f0b2d90c2" },
	{ "aes-192-ecb", "48971eef48c838532bd73a9bd73a051cce4e89c0891a13970bd701a7130cff87" },
	{ "aes-192-cbc", "2b1cd12a47e68a55d291c7818fb3f3f5bfabc6edc849cc4bb8ecca99ffeb5001" },
	{ "aes-192-cfb", "e5dcf08dca6ffb195969a62a3a9e76a34f1e18e6e333ba7acacce6c33a0ccece" },
	{ "aes-192-ofb", "e5dcf08dca6ffb195969a62a3a9e76a3efd03cac576cf703fffe04b821ecd559" },
	{ "aes-256-ecb", "70d236b3d6321e508920fa620d83328bd92d24fd53137be35e39eef1a67dd6f0" },
	{ "aes-256-cbc", "d1bd64350afc4700506c3a6bc097b5e42d28dbbb59cba6383ff5ad15e65ab3a8" },
	{ "aes-256-cfb", "ce728905e9f7aa58b9e127ee285f22e37789b3ff9af7593266e070cbe8a166f3" },
	{ "aes-256-ofb", "ce728905e9f7aa58b9e127ee285f22e3a9a518e7dd6811828f5e4f4c952f8dfb" },
	{ "md5", "5506a276a0a9acc3093f9169c73cf8c5" },
	{ "hmac-md5", "643fed9536b6e6c4d73c01f82179c1f5" },
	{ "sha1", "eb90bce364635c4c23b49f493f0043579bc85c17" },
	{ "hmac-sha1", "3e1ce5f160cf34619125641ae0ddffbc37f05819" },
};
/* clang-format on */

static void count_up(uint8_t *bytes, size_t n, unsigned first)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(first + i);
}

static unsigned digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Run one op through the rings, and look for its end ourselves. */
static int run(struct hifn *hifn, struct acr_op *op)
{
	unsigned wait_us = 20, waited_us = 0;
	int error, taken;

	op->driver_data = hifn;
	hifn->test_done = false;
	pthread_mutex_lock(&hifn->lock);
	taken = hifn->broken ? -EIO : hifn_take(hifn, op, &error);
	pthread_mutex_unlock(&hifn->lock);
	if (taken)
		return taken < 0 ? taken : error;
	hifn_doorbell(hifn);
	while (!hifn->test_done && waited_us < PATIENCE_US) {
		hifn_reap(hifn, wait_us >= LOOK_US);
		if (hifn->test_done)
			break;
		card_wait_us(hifn->card, wait_us);
		waited_us += wait_us;
		if (wait_us < LOOK_US)
			wait_us *= 2;
	}
	if (!hifn->test_done)
		hifn_fail(hifn, "the chip doesn't answer to its first commands");
	return hifn->test_error;
}

/* One op on test data; in and out: ROOM bytes. follow: NULL, or with everything but its key. */
static int compute(struct hifn *hifn, const struct hifn_row *row, enum acr_opcode opcode,
                   const uint8_t *in, size_t n, uint8_t *out, struct acr_follow *follow)
{
	uint8_t key[32], iv[16];
	struct acr_op op = {
		.opcode = opcode,
		.alg = row->alg,
		.cap_data = row,
		.flags = ACR_OP_WHOLE,
		.key = { key, hifn_is_mac(row) ? sizeof(key) : row->key },
		.iv = { iv, row->iv },
		.src = { in, n },
		.dst = out,
		.dst_size = ROOM,
		.tag_size = row->digest,
		.follow = follow,
	};

	if (follow)
		follow->key = (struct acr_bytes){ key, sizeof(key) };
	count_up(key, sizeof(key), KEY_FIRST);
	count_up(iv, sizeof(iv), IV_FIRST);
	memset(out, 0, ROOM);
	return run(hifn, &op);
}

static enum acr_opcode forward(const struct hifn_row *row)
{
	if (!hifn_is_mac(row))
		return ACR_ENCRYPT;
	return row->mac & MAC_HASH ? ACR_HASH : ACR_MAC;
}

/* The known answer of a row; out: ROOM bytes. False: none is known. */
static bool answer_of(const struct hifn_row *row, uint8_t *out)
{
	const char *answer = NULL;

	for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]) && !answer; i++)
		if (!strcmp(answers[i].alg, row->alg))
			answer = answers[i].answer;
	memset(out, 0, ROOM);
	for (size_t i = 0; answer && answer[2 * i]; i++)
		out[i] = (uint8_t)(digit(answer[2 * i]) << 4 | digit(answer[2 * i + 1]));
	return answer;
}

static bool passes(struct hifn *hifn, const struct hifn_row *row)
{
	uint8_t in[ROOM], out[ROOM], expected[ROOM];
	size_t n = hifn_is_mac(row) ? MAC_INPUT : 2u * row->block;

	count_up(in, sizeof(in), 0);
	if (!answer_of(row, expected) || compute(hifn, row, forward(row), in, n, out, NULL) ||
	    memcmp(out, expected, sizeof(out)))
		return false;
	if (hifn_is_mac(row))
		return true;
	return !compute(hifn, row, ACR_DECRYPT, expected, n, out, NULL) && !memcmp(out, in, n);
}

/* An encryption with a MAC in the same pass: the known answer, and what the chip makes of that
 * alone. Where blocks need not be whole, the MAC ends before what the chip puts out. */
static bool combines(struct hifn *hifn, const struct hifn_row *row, const struct hifn_row *mac)
{
	uint8_t in[ROOM], out[ROOM], expected[ROOM], alone[ROOM];
	struct acr_follow follow = { .alg = mac->alg,
		                     .cap_data = mac,
		                     .tag_size = mac->digest };
	size_t n = 2u * row->block - !row->whole;

	count_up(in, sizeof(in), 0);
	answer_of(row, expected);
	return !compute(hifn, mac, ACR_MAC, expected, n, alone, NULL) &&
	       !compute(hifn, row, ACR_ENCRYPT, in, n, out, &follow) && follow.done &&
	       !memcmp(out, expected, n) && !memcmp(follow.mac, alone, mac->digest);
}

/* The nth of the MACs that may be offered; NULL: there are none. */
static const struct hifn_row *nth_mac(const bool *ok, unsigned n)
{
	const struct hifn_row *found[HIFN_ROWS_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < hifn_row_count; i++)
		if (ok[i] && forward(&hifn_rows[i]) == ACR_MAC)
			found[count++] = &hifn_rows[i];
	return count ? found[n % count] : NULL;
}

/* Each cipher with one of the MACs, each mode with all. */
static void test_combined(struct hifn *hifn, const bool *ok)
{
	hifn->combines = nth_mac(ok, 0);
	for (unsigned i = 0; i < hifn_row_count && hifn->combines; i++)
		if (ok[i] && forward(&hifn_rows[i]) == ACR_ENCRYPT)
			hifn->combines =
			        combines(hifn, &hifn_rows[i], nth_mac(ok, i + i / MODES));
	if (!hifn->combines && !hifn->broken)
		acr_log(ACR_LOG_WARNING, acr_device_name(hifn->dev),
		        "the chip doesn't encrypt and authenticate in one pass as it should: "
		        "done in two");
}

int hifn_selftest(struct hifn *hifn, bool *ok)
{
	unsigned good = 0;

	for (unsigned i = 0; i < hifn_row_count; i++) {
		const struct hifn_row *row = &hifn_rows[i];

		if (row->strong && hifn->level != HIFN_LEVEL_ALL)
			continue;
		ok[i] = passes(hifn, row);
		if (hifn->broken)
			break;
		good += ok[i];
		if (!ok[i])
			acr_log(ACR_LOG_WARNING, acr_device_name(hifn->dev),
			        "the chip doesn't compute %s as it should: not offered",
			        row->alg);
	}
	if (good && !hifn->broken)
		test_combined(hifn, ok);
	if (hifn->broken)
		return card_gone(hifn->card) ? -ENODEV : -EIO;
	if (good)
		return 0;
	acr_device_explain(hifn->dev, "%s: the chip computes nothing right",
	                   card_name(hifn->card));
	return -EIO;
}

/* Under a key of its own, or the one that the context remembers. */
static bool in_context(struct hifn *hifn, const struct hifn_row *row, unsigned context,
                       bool stored, uint8_t out[ROOM])
{
	uint8_t key[32], in[ROOM];
	struct acr_op op = {
		.opcode = ACR_ENCRYPT,
		.alg = row->alg,
		.cap_data = row,
		.flags = ACR_OP_WHOLE,
		.key = { key, row->key },
		.src = { in, 2u * row->block },
		.dst = out,
		.dst_size = ROOM,
	};

	count_up(key, sizeof(key), stored ? 0 : 3 * context + 1);
	count_up(in, sizeof(in), 0);
	memset(out, 0, ROOM);
	hifn->forced_session = (int)context;
	hifn->forced_stored = stored;
	return !run(hifn, &op);
}

static bool contexts_keep(struct hifn *hifn, const struct hifn_row *row)
{
	static uint8_t first[HIFN_CONTEXTS_MAX][ROOM];
	uint8_t again[ROOM];

	for (unsigned i = 0; i < hifn->context_count; i++)
		if (!in_context(hifn, row, i + 1, false, first[i]))
			return false;
	for (unsigned i = 0; i < hifn->context_count; i++)
		if (!in_context(hifn, row, i + 1, true, again) || memcmp(first[i], again, ROOM))
			return false;
	return true;
}

void hifn_contexts_test(struct hifn *hifn)
{
	bool keep = true;

	for (unsigned i = 0; i < hifn_row_count && keep && hifn->contexts; i++)
		if (hifn->offered[i] && !hifn_is_mac(&hifn_rows[i]) && !hifn_rows[i].iv)
			keep = contexts_keep(hifn, &hifn_rows[i]);
	hifn->forced_session = -1;
	if (keep)
		return;
	acr_log(ACR_LOG_WARNING, acr_device_name(hifn->dev),
	        "the chip doesn't remember %u keys: each command brings its own",
	        hifn->context_count);
	hifn_contexts_forget(hifn);
	acr_secret_free(hifn->contexts);
	hifn->contexts = NULL;
}

static void scrub_context(struct hifn *hifn, const struct hifn_row *row)
{
	static const uint8_t zeros[HIFN_MAC_KEY];
	uint8_t out[ROOM];
	struct acr_op op = {
		.opcode = forward(row),
		.alg = row->alg,
		.cap_data = row,
		.flags = ACR_OP_WHOLE,
		.key = { zeros, hifn_is_mac(row) ? sizeof(zeros) : row->key },
		.iv = { zeros, row->iv },
		.src = { zeros, 32 },
		.dst = out,
		.dst_size = ROOM,
		.tag_size = row->digest,
	};

	/* Without a key or an IV of its own it would overwrite nothing. */
	if (row->iv || op.opcode == ACR_MAC)
		run(hifn, &op);
}

void hifn_scrub(struct hifn *hifn)
{
	hifn->forced_stored = false;
	for (unsigned c = 0; c <= hifn->context_count; c++) {
		hifn->forced_session = (int)c;
		for (unsigned i = 0; i < hifn_row_count && !hifn->broken; i++)
			if (hifn->offered[i])
				scrub_context(hifn, &hifn_rows[i]);
	}
	hifn->forced_session = -1;
}
