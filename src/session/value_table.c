/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of a session that hold one value each: what may be written to them, how they read,
 * and their defaults. The table is at the end; those that are bytes are in value_bytes.c. */
#include "value_table.h"
#include "params.h"
#include "request.h"
#include "rules.h"
#include "route.h"

#include "sched/check.h"
#include "base/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The functions of the table have one shape each, and some need only part of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define AAD_MAX     ((size_t)1024 * 1024)
#define BYTES_MAX   ((size_t)64 * 1024)
#define PRIVATE_MAX 1024
#define LENGTH_MAX  ((uint64_t)1024 * 1024 * 1024) /* bytes, where no algorithm says less */

#define DEFAULT_PRIORITY 1000

/* ---- helpers ---- */

/* Index of a word in a list that ends with NULL, or -1. */
static int word_index(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], word))
			return i;
	return -1;
}

/* ---- op and alg ---- */

static int set_op(struct acr_stage *stage, const char *text, bool privileged)
{
	int op = acr_opcode_find(text);

	if (op < 0)
		return REFUSE(stage, -EINVAL,
		              "op must be encrypt, decrypt, hash, mac, sign, "
		              "verify, random or derive, not \"%s\"",
		              QUOTE(text));
	if (stage->alg && *stage->alg->name && op != ACR_RANDOM &&
	    !acr_alg_has_op(stage->alg, (enum acr_opcode)op))
		return REFUSE(stage, -EOPNOTSUPP, "%s can't %s", stage->alg_text, text);
	stage->op = op;
	return 0;
}

static void get_op(const struct acr_stage *stage, char *text, size_t size)
{

	if (stage->op >= 0 || stage->alg)
		snprintf(text, size, "%s", acr_opcode_name(acr_stage_op(stage)));
}

static void reset_op(struct acr_stage *stage)
{
	stage->op = -1;
}

static int unknown_alg(struct acr_stage *stage, const char *text)
{
	const char *nearest = acr_alg_nearest(text);

	return REFUSE(stage, -EOPNOTSUPP,
	              "\"%s\" is not an algorithm%s%s: see the file algorithms", QUOTE(text),
	              nearest ? ", perhaps you mean " : "", nearest ? nearest : "");
}

static int set_alg(struct acr_stage *stage, const char *text, bool privileged)
{
	g_autofree char *name = g_ascii_strdown(text, -1);
	const struct acr_alg *alg = *name ? acr_alg_find(name) : NULL;
	const struct acr_alg *old = stage->alg;
	const char *old_text = stage->alg_text;
	int error;

	if (!alg)
		return unknown_alg(stage, text);
	if (stage->op >= 0 && stage->op != ACR_RANDOM &&
	    !acr_alg_has_op(alg, (enum acr_opcode)stage->op))
		return REFUSE(stage, -EOPNOTSUPP, "%s can't %s, which is in op", name,
		              acr_opcode_name((enum acr_opcode)stage->op));
	stage->alg = alg;
	stage->alg_text = acr_alg_text(name);
	/* What came before the first alg is checked now; after a change of alg, at the
	 * start. */
	error = old ? 0 : acr_rules_given(stage);
	if (error) {
		stage->alg = old;
		stage->alg_text = old_text;
	}
	return error;
}

static void get_alg(const struct acr_stage *stage, char *text, size_t size)
{
	if (stage->alg_text)
		snprintf(text, size, "%s", stage->alg_text);
}

static void reset_alg(struct acr_stage *stage)
{
	stage->alg = NULL;
	stage->alg_text = NULL;
}

/* ---- numbers and words ---- */

static int set_taglen(struct acr_stage *stage, const char *text, bool privileged)
{
	char sizes[ACR_SIZES];
	uint64_t number = 0;
	int error = acr_value_number(stage, "taglen", text, 1, ACR_TAG_MAX, &number);

	if (error)
		return error;
	if (stage->alg && !acr_alg_tag_ok(stage->alg, number)) {
		acr_alg_tag_sizes(stage->alg, sizes);
		return REFUSE(stage, -EINVAL, "taglen is %" PRIu64 ", %s takes %s", number,
		              stage->alg_text, sizes);
	}
	stage->taglen = (unsigned)number;
	return 0;
}

static void get_taglen(const struct acr_stage *stage, char *text, size_t size)
{

	if (stage->taglen || stage->alg)
		snprintf(text, size, "%zu",
		         stage->alg ? acr_stage_mac_size(stage) : stage->taglen);
}

static void reset_taglen(struct acr_stage *stage)
{
	stage->taglen = 0;
}

/* In the order of enum acr_want_padding. */
static const char *const paddings[] = { "", "none", "pkcs7", "pkcs1", "pss", "oaep", NULL };

static int set_padding(struct acr_stage *stage, const char *text, bool privileged)
{
	int padding = word_index(paddings, text);
	enum acr_want_padding old = stage->padding;
	int error;

	if (padding < 1)
		return REFUSE(stage, -EINVAL,
		              "padding must be pkcs7, none, pkcs1, pss or oaep, not "
		              "\"%s\"",
		              QUOTE(text));
	stage->padding = (enum acr_want_padding)padding;
	error = stage->alg ? acr_rule_padding(stage) : 0;
	if (error)
		stage->padding = old;
	return error;
}

static void get_padding(const struct acr_stage *stage, char *text, size_t size)
{

	if (stage->padding)
		snprintf(text, size, "%s", paddings[stage->padding]);
	else if (stage->alg)
		snprintf(text, size, "%s", acr_rules_padding(stage->alg));
}

static void reset_padding(struct acr_stage *stage)
{
	stage->padding = ACR_WANT_DEFAULT;
}

static const char *const layouts[] = { "", "combined", "detached", NULL };

static int set_layout(struct acr_stage *stage, const char *text, bool privileged)
{
	int layout = word_index(layouts, text);

	if (layout < 1)
		return REFUSE(stage, -EINVAL, "layout must be combined or detached, not \"%s\"",
		              QUOTE(text));
	stage->layout = (enum acr_layout)layout;
	return 0;
}

static void get_layout(const struct acr_stage *stage, char *text, size_t size)
{
	snprintf(text, size, "%s", layouts[acr_stage_layout(stage)]);
}

static void reset_layout(struct acr_stage *stage)
{
	stage->layout = ACR_LAYOUT_AUTO;
}

static const char *const formats[] = { "raw", "hex", "base64", NULL };

static int set_format(struct acr_stage *stage, const char *text, bool privileged)
{
	int format = word_index(formats, text);

	if (format < 0)
		return REFUSE(stage, -EINVAL, "format must be raw, hex or base64, not \"%s\"",
		              QUOTE(text));
	stage->format = (enum acr_format)format;
	stage->format_written = true;
	return 0;
}

static void get_format(const struct acr_stage *stage, char *text, size_t size)
{
	snprintf(text, size, "%s", formats[stage->format]);
}

static void reset_format(struct acr_stage *stage)
{
	stage->format = ACR_FORMAT_RAW;
	stage->format_written = false;
}

static int set_length(struct acr_stage *stage, const char *text, bool privileged)
{
	const struct acr_alg *alg = stage->op == ACR_RANDOM ? NULL : stage->alg;
	uint64_t number = 0, old = stage->length;
	int error = acr_value_number(
	        stage, "length", text, 1,
	        alg && alg->flags & ACR_ALG_XOF ? alg->out_max : LENGTH_MAX, &number);

	if (error)
		return error;
	stage->length = number;
	error = alg ? acr_rule_length(stage) : 0;
	if (error)
		stage->length = old;
	return error;
}

static void get_length(const struct acr_stage *stage, char *text, size_t size)
{
	if (stage->length)
		snprintf(text, size, "%" PRIu64, stage->length);
	else if (stage->alg && stage->alg->kind == ACR_KIND_MAC)
		snprintf(text, size, "%zu", acr_stage_mac_size(stage));
	else if (stage->alg && stage->alg->out)
		snprintf(text, size, "%u", stage->alg->out);
}

static void reset_length(struct acr_stage *stage)
{
	stage->length = 0;
}

/* ---- params ---- */

static int set_params(struct acr_stage *stage, const char *text, bool privileged)
{
	return acr_params_set(stage, text);
}

static void get_params(const struct acr_stage *stage, char *text, size_t size)
{
	const struct acr_blob *blob = stage->params;

	if (blob)
		snprintf(text, size, "%.*s", (int)blob->len, (const char *)blob->data);
}

static void reset_params(struct acr_stage *stage)
{
	acr_params_reset(stage);
}

/* ---- where a stage's input comes from ---- */

static int set_stage(struct acr_stage *stage, const char *name, const char *text, int *where)
{
	uint64_t number = 0;
	int error;

	if (!*text) {
		*where = ACR_INPUT_UNSET;
		return 0;
	}
	error = acr_value_number(stage, name, text, 0, stage->number - 1, &number);
	if (!error)
		*where = (int)number;
	return error;
}

static void get_stage(int where, char *text, size_t size)
{
	if (where != ACR_INPUT_UNSET)
		snprintf(text, size, "%d", where);
}

static int set_input(struct acr_stage *stage, const char *text, bool privileged)
{
	return set_stage(stage, "input", text, &stage->input);
}

static void get_input(const struct acr_stage *stage, char *text, size_t size)
{
	get_stage((int)acr_route_source(stage), text, size);
}

static void reset_input(struct acr_stage *stage)
{
	stage->input = ACR_INPUT_UNSET;
}

static int set_input2(struct acr_stage *stage, const char *text, bool privileged)
{
	if (*text && stage->alg && !(stage->alg->flags & ACR_ALG_TWO_INPUTS))
		return REFUSE(stage, -EINVAL, "%s has one input", stage->alg_text);
	return set_stage(stage, "input2", text, &stage->input2);
}

static void get_input2(const struct acr_stage *stage, char *text, size_t size)
{
	get_stage(stage->input2, text, size);
}

static void reset_input2(struct acr_stage *stage)
{
	stage->input2 = ACR_INPUT_UNSET;
}

static int set_check(struct acr_stage *stage, const char *text, bool privileged)
{
	if (acr_check_parse(text, &stage->check)) {
		stage->check_count = 0;
		return 0;
	}
	return REFUSE(stage, -EINVAL,
	              "check must be never, always or sample N with N from 1 "
	              "to %u, not \"%s\"",
	              ACR_CHECK_SAMPLE_MAX, QUOTE(text));
}

static void get_check(const struct acr_stage *stage, char *text, size_t size)
{
	char rule[ACR_CHECK_TEXT];

	acr_check_text(stage->check, rule);
	snprintf(text, size, "%s", rule);
}

static void reset_check(struct acr_stage *stage)
{
	stage->check = ACR_CHECK_NEVER;
}

/* ---- the session's own ---- */

static int set_stream(struct acr_stage *stage, const char *text, bool privileged)
{
	const struct acr_alg *alg = stage->alg;

	if (strcmp(text, "0") && strcmp(text, "1"))
		return REFUSE(stage, -EINVAL, "stream must be 0 or 1, not \"%s\"", QUOTE(text));
	if (*text == '1' && alg && acr_stage_takes_input(stage) &&
	    alg->pieces == ACR_PIECES_NONE)
		return REFUSE(stage, -EINVAL,
		              "%s can't be processed in pieces: set stream to 0",
		              stage->alg_text);
	stage->session->stream_mode = *text == '1';
	return 0;
}

static void get_stream(const struct acr_stage *stage, char *text, size_t size)
{
	snprintf(text, size, "%d", stage->session->stream_mode);
}

static void reset_stream(struct acr_stage *stage)
{
	stage->session->stream_mode = false;
}

static int set_priority(struct acr_stage *stage, const char *text, bool privileged)
{
	uint64_t number = 0;
	int error = acr_value_number(stage, "priority", text, 0, UINT16_MAX, &number);

	if (error)
		return error;
	if (number > DEFAULT_PRIORITY && !privileged)
		return REFUSE(stage, -EACCES,
		              "only root and members of the configured group may "
		              "set a priority above %d",
		              DEFAULT_PRIORITY);
	stage->session->priority = (uint16_t)number;
	return 0;
}

static void get_priority(const struct acr_stage *stage, char *text, size_t size)
{
	snprintf(text, size, "%u", stage->session->priority);
}

static void reset_priority(struct acr_stage *stage)
{
	stage->session->priority = DEFAULT_PRIORITY;
}

static int set_device(struct acr_stage *stage, const char *text, bool privileged)
{
	if (*text && !acr_name_ok(text))
		return REFUSE(stage, -EINVAL, "\"%s\" is not a device's name", QUOTE(text));
	g_free(stage->device);
	stage->device = *text ? g_strdup(text) : NULL;
	return 0;
}

static void get_device(const struct acr_stage *stage, char *text, size_t size)
{
	if (stage->device)
		snprintf(text, size, "%s", stage->device);
}

static void reset_device(struct acr_stage *stage)
{
	set_device(stage, "", false);
}

static int set_deadline(struct acr_stage *stage, const char *text, bool privileged)
{
	return acr_value_number(stage, "deadline", text, 0, UINT32_MAX,
	                        &stage->session->deadline_ms);
}

static void get_deadline(const struct acr_stage *stage, char *text, size_t size)
{
	snprintf(text, size, "%" PRIu64, stage->session->deadline_ms);
}

static void reset_deadline(struct acr_stage *stage)
{
	stage->session->deadline_ms = 0;
}

/* clang-format off */
#define TEXT(n) .name = #n, .text = true, .max = ACR_TEXT_MAX, .set_text = set_##n, \
		.get_text = get_##n, .reset = reset_##n
#define BYTES(n) .name = #n, .set_bytes = acr_value_set_##n, .get_bytes = acr_value_get_##n, \
		.reset = acr_value_reset_##n
const struct acr_value_row acr_value_table[ACR_VALUES] = {
	[ACR_V_OP] = { TEXT(op) },
	[ACR_V_ALG] = { TEXT(alg) },
	[ACR_V_KEY] = { .name = "key", .hex = true, .secret = true, .max = BYTES_MAX,
			.set_bytes = acr_value_set_key, .reset = acr_value_reset_key },
	[ACR_V_IV] = { BYTES(iv), .hex = true, .secret = true, .max = BYTES_MAX },
	[ACR_V_AAD] = { BYTES(aad), .max = AAD_MAX },
	[ACR_V_TAG] = { BYTES(tag), .hex = true, .secret = true, .max = ACR_TAG_MAX },
	[ACR_V_SIG] = { BYTES(sig), .hex = true, .secret = true, .max = BYTES_MAX },
	[ACR_V_TAGLEN] = { TEXT(taglen) },
	[ACR_V_PADDING] = { TEXT(padding) },
	[ACR_V_LAYOUT] = { TEXT(layout) },
	[ACR_V_FORMAT] = { TEXT(format) },
	[ACR_V_LENGTH] = { TEXT(length) },
	[ACR_V_PARAMS] = { TEXT(params) },
	[ACR_V_INPUT] = { TEXT(input) },
	[ACR_V_INPUT2] = { TEXT(input2) },
	[ACR_V_CHECK] = { TEXT(check) },
	[ACR_V_STREAM] = { TEXT(stream) },
	[ACR_V_PRIORITY] = { TEXT(priority) },
	[ACR_V_DEVICE] = { TEXT(device) },
	[ACR_V_PRIVATE] = { BYTES(private), .max = PRIVATE_MAX },
	[ACR_V_DEADLINE] = { TEXT(deadline) },
};
/* clang-format on */
