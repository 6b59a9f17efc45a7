/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a stage holds and comes to, and what it says when something is wrong. */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENTENCE 200

/* Write a sentence; prefix is put before it. */
static void say(char **sentence, const char *prefix, const char *format, va_list args)
{
	size_t used = strlen(prefix);

	if (!*sentence && !(*sentence = malloc(SENTENCE)))
		return;
	memcpy(*sentence, prefix, used);
	vsnprintf(*sentence + used, SENTENCE - used, format, args);
	g_strdelimit(*sentence, "\n\t", ' ');
}

void acr_session_explain(struct acr_session *session, int error, const char *format, ...)
{
	va_list args;

	if (session->silent)
		return;
	session->error = error;
	va_start(args, format);
	say(&session->sentence, "", format, args);
	va_end(args);
}

void acr_stage_explain(struct acr_stage *stage, int error, const char *format, ...)
{
	struct acr_session *session = stage->session;
	char prefix[16] = "";
	va_list args;

	if (session->silent)
		return;
	session->error = stage->error = error;
	if (acr_route_is_long(session))
		snprintf(prefix, sizeof prefix, "stage %u: ", stage->number);
	va_start(args, format);
	say(&session->sentence, prefix, format, args);
	va_end(args);
	va_start(args, format);
	say(&stage->sentence, "", format, args);
	va_end(args);
}

void acr_stage_note_refused(struct acr_stage *stage, enum acr_value value)
{
	free(stage->refused_why);
	stage->refused_why = stage->sentence ? strdup(stage->sentence) : NULL;
	stage->refused = value;
}

struct acr_stage *acr_stage_find(struct acr_session *session, unsigned number)
{
	if (number == 1)
		return &session->stage;
	if (!number || number > ACR_STAGES || !session->route)
		return NULL;
	return session->route[number - 2];
}

bool acr_route_is_long(const struct acr_session *session)
{
	return session->route != NULL;
}

void acr_stage_init(struct acr_stage *stage, struct acr_session *session, unsigned number)
{
	*stage = (struct acr_stage){ .session = session,
		                     .number = number,
		                     .op = -1,
		                     .input = ACR_INPUT_UNSET,
		                     .input2 = ACR_INPUT_UNSET };
}

void acr_stage_clear(struct acr_stage *stage)
{
	acr_blob_unref(stage->key);
	acr_blob_unref(stage->iv);
	acr_blob_unref(stage->aad);
	acr_blob_unref(stage->tag);
	acr_blob_unref(stage->sig);
	acr_blob_unref(stage->iv_used);
	acr_blob_unref(stage->params);
	acr_nonces_free(stage->nonces);
	g_free(stage->device);
	acr_buf_unref(stage->dst);
	free(stage->sentence);
	free(stage->refused_why);
}

enum acr_opcode acr_stage_op(const struct acr_stage *stage)
{
	if (stage->op >= 0)
		return (enum acr_opcode)stage->op;
	return stage->alg ? acr_alg_default_op(stage->alg) : ACR_ENCRYPT;
}

bool acr_stage_takes_input(const struct acr_stage *stage)
{
	enum acr_opcode op = acr_stage_op(stage);

	if (op == ACR_DERIVE) /* the other's public key, or nothing */
		return stage->alg && stage->alg->kind == ACR_KIND_AGREE;
	return op != ACR_RANDOM;
}

enum acr_layout acr_stage_layout(const struct acr_stage *stage)
{
	if (stage->layout != ACR_LAYOUT_AUTO)
		return stage->layout;
	return stage->iv ? ACR_LAYOUT_DETACHED : ACR_LAYOUT_COMBINED;
}

enum acr_format acr_stage_format(struct acr_session *session, unsigned number)
{
	const struct acr_stage *stage =
	        acr_stage_find(session, number ? number : session->last);

	if (stage && stage->text)
		return ACR_FORMAT_RAW;
	if (!number && stage && !stage->format_written)
		stage = &session->stage;
	return stage ? stage->format : ACR_FORMAT_RAW;
}

size_t acr_stage_taglen(const struct acr_stage *stage)
{
	return stage->taglen ? stage->taglen : stage->alg->tag_default;
}

size_t acr_stage_mac_size(const struct acr_stage *stage)
{
	if (stage->alg->kind == ACR_KIND_MAC && stage->length)
		return stage->length;
	return acr_stage_taglen(stage);
}
