/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* st_size of an output that is not there yet. Programs that go by it, and the kernel in splice,
 * sendfile and AIO, ask no file of size 0 for data; and none for more than its size. */
#include "expected.h"

#include "params.h"
#include "route.h"
#include "rules.h"

#include "device/device.h"

#include <string.h>

size_t acr_expected_room(const struct acr_stage *stage, size_t len)
{
	const struct acr_alg *alg = stage->alg;

	if (acr_stage_op(stage) == ACR_VERIFY)
		return strlen(ACR_VALID);
	if (alg->flags & ACR_ALG_XOF && alg->kind == ACR_KIND_MAC)
		return acr_stage_mac_size(stage);
	if (alg->flags & ACR_ALG_XOF)
		return stage->length ? stage->length : alg->out;
	if (alg->out)
		return alg->out;
	if (alg->out_max)
		return (size_t)alg->out_max;
	if (acr_stage_op(stage) == ACR_ENCRYPT && alg->kind == ACR_KIND_WRAP)
		return (len + 7) / 8 * 8 + 8;
	if (acr_stage_op(stage) == ACR_ENCRYPT && acr_rules_pads(stage))
		return len / alg->block * alg->block + alg->block;
	return len;
}

/* A length, and whether it is that or only the longest that it can be. */
struct length {
	uint64_t len;
	bool exact;
};

/* IV and tag, which the layout `combined` puts around a ciphertext. */
static uint64_t around(const struct acr_stage *stage)
{
	const struct acr_alg *alg = stage->alg;
	uint64_t bytes = 0;

	if (acr_stage_layout(stage) != ACR_LAYOUT_COMBINED)
		return 0;
	if (alg->iv_max)
		bytes += stage->iv ? stage->iv->len : alg->iv_default;
	if (alg->kind == ACR_KIND_AEAD)
		bytes += acr_stage_taglen(stage);
	return bytes;
}

/* What is left of len bytes without so many of them. */
static uint64_t less(uint64_t len, uint64_t bytes)
{
	return len > bytes ? len - bytes : 0;
}

/* OAEP: the input is as long as the key, of which two digests and two bytes are no output. */
static uint64_t unpadded_oaep(const struct acr_stage *stage, uint64_t len)
{
	const char *name = acr_params_pkey(stage).digest;
	const struct acr_alg *digest = name ? acr_alg_find(name) : NULL;

	return less(len, digest ? 2 * digest->out + 2 : 0);
}

static struct length decrypted(const struct acr_stage *stage, struct length in)
{
	const struct acr_alg *alg = stage->alg;

	switch (alg->kind) {
	case ACR_KIND_WRAP:
		return (struct length){ less(in.len, 8), in.exact && alg->in_step };
	case ACR_KIND_PKCRYPT:
		return (struct length){ alg->scheme ? unpadded_oaep(stage, in.len)
			                            : alg->out_max,
			                false };
	default:
		if (acr_rules_pads(stage))
			return (struct length){ less(in.len, 1), false };
		return in;
	}
}

/* RSA's are as long as the key; of the others only DER has no fixed length. */
static struct length signature(const struct acr_stage *stage)
{
	const struct acr_alg *alg = stage->alg;
	bool der = alg->digest && acr_params_pkey(stage).sigformat == ACR_SIG_DER;

	if (alg->scheme || der || !alg->digest)
		return (struct length){ alg->out_max, !alg->digest };
	return (struct length){ alg->out_max - ACR_DER_AROUND, true };
}

/* Output of a stage. in: its bare input. */
static struct length output(const struct acr_stage *stage, struct length in)
{
	const struct acr_alg *alg = stage->alg;

	switch (acr_stage_op(stage)) {
	case ACR_MAC:
		return (struct length){ acr_stage_mac_size(stage), true };
	case ACR_DECRYPT:
		return decrypted(stage, in);
	case ACR_SIGN:
		return signature(stage);
	case ACR_ENCRYPT:
		return (struct length){ acr_expected_room(stage, (size_t)in.len) +
			                        around(stage),
			                in.exact && alg->kind != ACR_KIND_PKCRYPT };
	default: /* the length of the input says nothing */
		return (struct length){ acr_expected_room(stage, 0), true };
	}
}

/* What a stage works on, without IV and tag. */
static struct length bare(const struct acr_stage *stage, struct length in)
{
	if (acr_stage_op(stage) == ACR_DECRYPT)
		in.len = less(in.len, around(stage));
	return in;
}

/* Would the start take this stage with this input? It has its row if it is of `random`. */
static bool acceptable(struct acr_stage *stage, struct length in)
{
	struct acr_device *bound;

	if (acr_stage_takes_input(stage) && in.exact) {
		if (acr_stage_op(stage) == ACR_DECRYPT && in.len < around(stage))
			return false;
		if (acr_rules_size(stage, bare(stage, in).len))
			return false;
	}
	if (acr_rules_nonce_used(stage))
		return false;
	if (!stage->device)
		return true;
	bound = acr_device_find(stage->device);
	acr_device_unref(bound);
	return bound != NULL;
}

/* Lengths of all outputs up to a stage's. False: the start would be refused. */
static bool lengths_of(struct acr_session *session, unsigned last, struct length *lengths)
{
	bool active = session->state == ACR_ACTIVE, good = true;

	lengths[0] = (struct length){ session->src ? session->src->len : 0, true };
	for (unsigned i = 1; i <= last && good; i++) {
		struct acr_stage *stage = acr_stage_find(session, i);
		struct length in = lengths[acr_route_source(stage)];

		good = active || !acr_rules_all(stage);
		if (good && acr_stage_op(stage) == ACR_RANDOM)
			stage->alg = acr_alg_row(0); /* after the start it is settled again */
		good = good && (active || acceptable(stage, in));
		if (good)
			lengths[i] = output(stage, bare(stage, in));
		acr_rules_settle(stage);
	}
	return good;
}

static enum acr_format format_of(struct acr_session *session, const struct acr_stage *stage,
                                 bool own)
{
	if (acr_stage_op(stage) == ACR_VERIFY)
		return ACR_FORMAT_RAW;
	return own && !stage->format_written ? session->stage.format : stage->format;
}

uint64_t acr_expected_size(struct acr_session *session, unsigned number)
{
	struct length lengths[ACR_STAGES + 1] = { 0 };
	unsigned last =
	        session->state == ACR_ACTIVE ? session->last : acr_route_highest(session);
	bool can = false;

	if (session->stream_mode || session->stream || session->state > ACR_ACTIVE ||
	    number > last)
		return 0;
	session->silent = true;
	if (session->state == ACR_ACTIVE || !acr_route_rule(session))
		can = lengths_of(session, last, lengths);
	session->silent = false;
	if (!can)
		return 0;
	return acr_format_length(
	        format_of(session, acr_stage_find(session, number ? number : last), !number),
	        lengths[number ? number : last].len);
}
