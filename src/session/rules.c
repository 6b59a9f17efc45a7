/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which values and sizes fit together. Sentences say what would be right. */
#include "rules.h"

#include "params.h"
#include "route.h"
#include "value_table.h"

#include "base/words.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define MOST_ITERATIONS 50000000ull /* of all output blocks together */
#define MOST_SCRYPT     (1ull << 25)

/* ---- what the parameters must be, whatever the input ---- */

/* The sentence of a start tells again why a value was refused: of a shell's `>` nobody saw
 * it. */
static const char *why_refused(const struct acr_stage *stage, enum acr_value value)
{
	return stage->refused_why && stage->refused == value ? stage->refused_why
	                                                     : "write a good one";
}

static int rule_bad_files(struct acr_stage *stage)
{
	static const struct {
		enum acr_value value;
		const char *name;
	} files[] = { { ACR_V_KEY, "key" },
		      { ACR_V_IV, "iv" },
		      { ACR_V_TAG, "tag" },
		      { ACR_V_SIG, "sig" } };

	for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
		if (stage->bad & (1u << files[i].value))
			return REFUSE(stage, -EINVAL,
			              "the last value written to %s was refused: %s",
			              files[i].name, why_refused(stage, files[i].value));
	return 0;
}

void acr_rules_put_right(struct acr_session *session)
{
	session->refused = false;
	if (session->state != ACR_IDLE)
		return;
	session->error = 0;
	for (unsigned i = 1; i <= acr_route_highest(session); i++) {
		struct acr_stage *stage = acr_stage_find(session, i);

		if (!stage)
			continue;
		stage->error = 0;
		rule_bad_files(stage);
	}
}

static int no_alg(struct acr_stage *stage)
{
	if (stage->refused_why && stage->refused == ACR_V_ALG)
		return REFUSE(stage, -EINVAL, "write the algorithm to alg again: %s",
		              stage->refused_why);
	return REFUSE(stage, -EINVAL, "write the algorithm to alg first");
}

static int rule_key(struct acr_stage *stage)
{
	if (!stage->alg->key_max || stage->input2 != ACR_INPUT_UNSET)
		return 0;
	if (stage->key)
		return acr_rule_key_size(stage, stage->key);
	/* Linux tells us nothing of a write of no bytes. */
	return REFUSE(stage, -ENOKEY, "%s needs a key: write it to key%s", stage->alg_text,
	              stage->alg->key_min ? "" : ", or hex: for an empty one");
}

static int rule_iv(struct acr_stage *stage)
{
	return stage->iv ? acr_rule_iv_size(stage, stage->iv) : 0;
}

static int rule_taglen(struct acr_stage *stage)
{
	char sizes[ACR_SIZES];

	if (!stage->taglen || acr_alg_tag_ok(stage->alg, stage->taglen))
		return 0;
	acr_alg_tag_sizes(stage->alg, sizes);
	return REFUSE(stage, -EINVAL, "taglen is %u, %s takes %s", stage->taglen,
	              stage->alg_text, sizes);
}

static int rule_tag(struct acr_stage *stage)
{

	if (acr_stage_op(stage) != ACR_DECRYPT || stage->alg->kind != ACR_KIND_AEAD ||
	    acr_stage_layout(stage) == ACR_LAYOUT_COMBINED)
		return 0;
	if (!stage->tag)
		return REFUSE(stage, -EINVAL,
		              "write the tag to tag, or set layout to combined");
	if (stage->tag->len != acr_stage_taglen(stage))
		return REFUSE(stage, -EINVAL, "tag has %zu bytes, taglen says %zu",
		              stage->tag->len, acr_stage_taglen(stage));
	return 0;
}

static const char *hex_hint(const struct acr_stage *stage)
{
	size_t bytes;

	return acr_value_is_bare_hex(stage->sig->data, stage->sig->len, &bytes) &&
	                       bytes == acr_stage_mac_size(stage)
	               ? ACR_HEX_HINT
	               : "";
}

static int rule_sig(struct acr_stage *stage)
{
	bool mac = stage->alg->kind == ACR_KIND_MAC;

	if (acr_stage_op(stage) != ACR_VERIFY)
		return 0;
	if (!stage->sig)
		return REFUSE(stage, -EINVAL, "write the %s to check to sig",
		              mac ? "MAC" : "signature");
	/* A MAC that may be shorter than agreed on is easier to guess. */
	if (mac && stage->sig->len != acr_stage_mac_size(stage))
		return REFUSE(stage, -EINVAL, "sig has %zu bytes, %s says %zu%s",
		              stage->sig->len, stage->length ? "length" : "taglen",
		              acr_stage_mac_size(stage), hex_hint(stage));
	return 0;
}

/* Of a MAC, length is another name for taglen. */
static int rule_mac_length(struct acr_stage *stage)
{
	char sizes[ACR_SIZES];

	if (stage->taglen && stage->length != stage->taglen)
		return REFUSE(stage, -EINVAL,
		              "taglen is %u and length %" PRIu64 ": remove one of them",
		              stage->taglen, stage->length);
	if (stage->alg->flags & ACR_ALG_XOF || acr_alg_tag_ok(stage->alg, stage->length))
		return 0;
	acr_alg_tag_sizes(stage->alg, sizes);
	return REFUSE(stage, -EINVAL, "length is %" PRIu64 ", %s takes %s", stage->length,
	              stage->alg_text, sizes);
}

int acr_rule_length(struct acr_stage *stage)
{
	const struct acr_alg *alg = stage->alg;

	if (!stage->length)
		return 0;
	if (stage->length > alg->out_max && alg->flags & ACR_ALG_XOF)
		return REFUSE(stage, -EINVAL, "length is %" PRIu64 ", this gives at most %s",
		              stage->length,
		              acr_words_bytes(alg->out_max, (char[ACR_WORDS]){ 0 }));
	if (alg->kind == ACR_KIND_MAC)
		return rule_mac_length(stage);
	if (alg->flags & ACR_ALG_XOF)
		return 0;
	return REFUSE(stage, -EINVAL, "%s has output of a fixed length: remove length",
	              stage->alg_text);
}

/* Decryption knows how long the iv before its input is by the algorithm alone. */
static int rule_layout(struct acr_stage *stage)
{
	const struct acr_alg *alg = stage->alg;

	if (acr_stage_op(stage) != ACR_ENCRYPT || !alg->iv_max || !stage->iv ||
	    stage->iv->len == alg->iv_default || acr_stage_layout(stage) != ACR_LAYOUT_COMBINED)
		return 0;
	return REFUSE(stage, -EINVAL,
	              "iv has %zu bytes, with the combined layout it must have %u, or nobody "
	              "could tell where it ends: or set layout to detached",
	              stage->iv->len, alg->iv_default);
}

/* One request must not keep a thread of the device for minutes. */
static int rule_cost(struct acr_stage *stage)
{
	struct acr_numbers numbers;
	uint64_t length = stage->length ? stage->length : stage->alg->out;

	if (!(stage->alg->flags & ACR_ALG_SLOW) || stage->alg->kind != ACR_KIND_KDF)
		return 0;
	numbers = acr_params_numbers(stage);
	if (strcmp(stage->alg->name, "scrypt") &&
	    (length + stage->alg->out - 1) / stage->alg->out >
	            MOST_ITERATIONS / numbers.iterations)
		return REFUSE(stage, -EINVAL,
		              "iterations for this length are more than %s in all",
		              acr_words_number(MOST_ITERATIONS, (char[ACR_WORDS]){ 0 }));
	if (!strcmp(stage->alg->name, "scrypt") &&
	    numbers.r * numbers.p > MOST_SCRYPT / numbers.n)
		return REFUSE(stage, -EINVAL, "n x r x p is more than %s",
		              acr_words_number(MOST_SCRYPT, (char[ACR_WORDS]){ 0 }));
	return 0;
}

const char *acr_rules_padding(const struct acr_alg *alg)
{
	if (alg->scheme)
		return alg->scheme;
	return alg->flags & ACR_ALG_PADS ? "pkcs7" : "none";
}

int acr_rule_padding(struct acr_stage *stage)
{
	static const char *const schemes[] = {
		[ACR_WANT_PKCS1] = "pkcs1",
		[ACR_WANT_PSS] = "pss",
		[ACR_WANT_OAEP] = "oaep",
	};
	const struct acr_alg *alg = stage->alg;
	enum acr_want_padding padding = stage->padding;
	bool fits = padding == ACR_WANT_DEFAULT || (padding == ACR_WANT_NONE && !alg->scheme) ||
	            (padding == ACR_WANT_PKCS7 && alg->flags & ACR_ALG_PADS) ||
	            (padding > ACR_WANT_PKCS7 && alg->scheme &&
	             !strcmp(alg->scheme, schemes[padding]));

	if (fits)
		return 0;
	if (alg->scheme)
		return REFUSE(stage, -EINVAL,
		              "%s has the padding %s: for another write its "
		              "name to alg, as rsa-pss-sha256",
		              stage->alg_text, alg->scheme);
	return REFUSE(stage, -EINVAL, "%s takes %s", stage->alg_text,
	              alg->flags & ACR_ALG_PADS ? "the padding pkcs7 or none" : "no padding");
}

static int rule_input(struct acr_stage *stage)
{
	bool decrypts = acr_stage_op(stage) == ACR_DECRYPT;

	if (stage->session->stream_mode) {
		if (!acr_stage_takes_input(stage))
			return REFUSE(stage, -EINVAL,
			              "%s has no input to stream: set stream to 0",
			              acr_opcode_name(acr_stage_op(stage)));
		if (stage->alg->pieces == ACR_PIECES_NONE)
			return REFUSE(stage, -EINVAL,
			              "%s can't be processed in pieces: set stream to 0",
			              stage->alg_text);
	} else if (!stage->length && acr_stage_op(stage) == ACR_RANDOM) {
		return REFUSE(stage, -EINVAL, "write the number of bytes wanted to length");
	} else if (!stage->session->src_opened &&
	           ((acr_stage_takes_input(stage) && !acr_route_source(stage)) ||
	            !stage->input2)) {
		return REFUSE(stage, -ENODATA, "write the input to src first");
	}
	if (decrypts && stage->alg->iv_max && !stage->iv &&
	    acr_stage_layout(stage) == ACR_LAYOUT_DETACHED)
		return REFUSE(stage, -EINVAL, "write the iv, or set layout to combined");
	if (acr_stage_op(stage) == ACR_VERIFY && stage->alg->iv_max && !stage->iv)
		return REFUSE(stage, -EINVAL, "write the iv that the MAC was made with");
	return 0;
}

static int all_of(struct acr_stage *stage, acr_rule *const *rules, size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count && !error; i++)
		error = rules[i](stage);
	return error;
}

int acr_rules_given(struct acr_stage *stage)
{
	static acr_rule *const rules[] = {
		rule_iv, rule_taglen, acr_rule_length, acr_rule_padding, acr_params_rule,
	};
	int error = stage->key && stage->alg->key_max ? rule_key(stage) : 0;

	return error ? error : all_of(stage, rules, G_N_ELEMENTS(rules));
}

int acr_rules_all(struct acr_stage *stage)
{
	static acr_rule *const rules[] = {
		rule_bad_files, rule_key,         rule_iv,         rule_layout,
		rule_taglen,    rule_tag,         rule_sig,        acr_rule_length,
		rule_cost,      acr_rule_padding, acr_params_rule, rule_input,
	};

	if (acr_stage_op(stage) == ACR_RANDOM)
		stage->alg = acr_alg_row(0);
	if (!stage->alg)
		return no_alg(stage);
	if (!acr_alg_has_op(stage->alg, acr_stage_op(stage)))
		return REFUSE(stage, -EOPNOTSUPP, "%s can't %s", stage->alg_text,
		              acr_opcode_name(acr_stage_op(stage)));
	return all_of(stage, rules, G_N_ELEMENTS(rules));
}

bool acr_rules_pads(const struct acr_stage *stage)
{
	return stage->alg->flags & ACR_ALG_PADS && stage->padding != ACR_WANT_NONE;
}

int acr_rules_size(struct acr_stage *stage, uint64_t len)
{
	const struct acr_alg *alg = stage->alg;
	bool decrypts = acr_stage_op(stage) == ACR_DECRYPT;
	uint64_t min = alg->in_min, max = alg->in_max, step = alg->in_step;
	size_t ivlen = stage->iv ? stage->iv->len : alg->iv_default;

	if (alg->kind == ACR_KIND_WRAP && decrypts) {
		min = (min + 7) / 8 * 8 + 8;
		max += 8;
		step = 8;
	}
	if (decrypts && acr_rules_pads(stage))
		min = alg->block;
	if (alg->flags & ACR_ALG_CCM && ivlen > 11)
		max = MIN(max, (1ull << (8 * (15 - ivlen))) - 1);
	if (len < min)
		return REFUSE(stage, -EINVAL, "src has %" PRIu64 " bytes, %s takes at least %s",
		              len, stage->alg_text,
		              acr_words_bytes(min, (char[ACR_WORDS]){ 0 }));
	if (len > max)
		return REFUSE(
		        stage, -EINVAL, "src has %" PRIu64 " bytes, %s takes at most %s%s", len,
		        stage->alg_text, acr_words_bytes(max, (char[ACR_WORDS]){ 0 }),
		        alg->flags & ACR_ALG_CCM ? " with this iv; a shorter iv allows more"
		                                 : "");
	if (step && len % step && (decrypts || !acr_rules_pads(stage)))
		return REFUSE(stage, -EINVAL,
		              "src has %" PRIu64 " bytes, %s takes multiples of %" PRIu64 "%s",
		              len, stage->alg_text, step,
		              decrypts || !alg->flags ? "" : " when padding is none");
	return 0;
}

bool acr_rules_unique_iv(const struct acr_stage *stage)
{
	enum acr_opcode op = acr_stage_op(stage);

	return stage->alg->flags & ACR_ALG_UNIQUE_IV && (op == ACR_ENCRYPT || op == ACR_MAC);
}

bool acr_rules_nonce_used(const struct acr_stage *stage)
{
	return stage->iv && acr_rules_unique_iv(stage) &&
	       acr_nonces_refuse(stage->nonces, acr_blob_bytes(stage->iv));
}

void acr_rules_settle(struct acr_stage *stage)
{
	if (acr_stage_op(stage) == ACR_RANDOM)
		stage->alg = stage->alg_text ? acr_alg_find(stage->alg_text) : NULL;
}
