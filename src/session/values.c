/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing, reading and resetting the values of a session: what is the same for all of them. */
#include "value_table.h"
#include "base/encode.h"
#include "route.h"
#include "rules.h"
#include "values.h"

#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool acr_value_is_text(enum acr_value id)
{
	return acr_value_table[id].text;
}

size_t acr_value_max(enum acr_value id)
{
	return acr_value_table[id].hex ? 2 * acr_value_table[id].max + ACR_HEX_PREFIX + 1
	                               : acr_value_table[id].max;
}

/* Under the lock: the stage, if its value may change now. NULL with *error. */
static struct acr_stage *changeable(struct acr_session *session, unsigned number,
                                    const struct acr_value_row *value, int *error)
{
	struct acr_stage *stage = acr_stage_find(session, number);

	*error = 0;
	if (!stage || (session->removed && session->name)) {
		*error = -ECANCELED;
		return NULL;
	}
	if (session->state == ACR_ACTIVE)
		*error = REFUSE(stage, -EBUSY, "%s can't change while the request runs",
		                value->name);
	return *error ? NULL : stage;
}

/* Where there is no input whose writing would say so, the next request begins with the next
 * change of what the output depends on. A stage that was added since has no output yet. */
static void begin_next(const struct acr_stage *stage, enum acr_value id)
{
	struct acr_session *session = stage->session;

	if (session->state > ACR_ACTIVE && stage->number <= session->last &&
	    !acr_route_takes_src(session) && id < ACR_V_CHECK && id != ACR_V_FORMAT)
		acr_session_new_request(session);
}

static bool begins_hex(const uint8_t *data, size_t len)
{
	return len >= ACR_HEX_PREFIX && !memcmp(data, "hex:", ACR_HEX_PREFIX);
}

/* Most bytes that can be right for a value of this algorithm. */
static size_t longest(const struct acr_stage *stage, enum acr_value id)
{
	const struct acr_alg *alg = stage->alg;

	if (alg && id == ACR_V_KEY && alg->key_max)
		return alg->key_max;
	if (alg && id == ACR_V_IV && alg->iv_max)
		return alg->iv_max;
	return acr_value_table[id].max;
}

/* A refused key, iv or tag must not leave the old one in force. The sentence was set. */
static void leave_bad(struct acr_stage *stage, enum acr_value id)
{
	acr_stage_note_refused(stage, id);
	if (!acr_value_table[id].secret)
		return;
	acr_value_table[id].reset(stage);
	stage->bad |= 1u << id;
}

int acr_value_may_begin(struct acr_session *session, unsigned number, enum acr_value id,
                        const void *data, size_t len)
{
	const struct acr_value_row *value = &acr_value_table[id];
	struct acr_stage *stage;
	size_t max = 0, most = 0, decoded;
	bool hex;
	int error;

	pthread_mutex_lock(&session->lock);
	stage = changeable(session, number, value, &error);
	if (stage) {
		max = longest(stage, id);
		most = value->hex && begins_hex(data, len) ? 2 * max + ACR_HEX_PREFIX + 1 : max;
	}
	if (stage && len > most) {
		hex = len <= acr_value_max(id) && value->hex &&
		      acr_value_is_bare_hex(data, len, &decoded) && decoded <= max;
		error = REFUSE(stage, -EINVAL,
		               "%s has %zu bytes or more, %s takes at most %zu%s", value->name,
		               len, stage->alg ? stage->alg_text : "any algorithm", max,
		               hex ? ACR_HEX_HINT : "");
		leave_bad(stage, id);
	}
	pthread_mutex_unlock(&session->lock);
	return error;
}

int acr_value_append(struct acr_session *session, unsigned number, enum acr_value id)
{
	struct acr_stage *stage;
	int error;

	if (acr_value_table[id].text)
		return 0;
	pthread_mutex_lock(&session->lock);
	stage = changeable(session, number, &acr_value_table[id], &error);
	if (stage)
		error = REFUSE(
		        stage, -EINVAL,
		        "%s is written as one whole, so nothing can be added to it: use > "
		        "and not >>",
		        acr_value_table[id].name);
	pthread_mutex_unlock(&session->lock);
	return error;
}

static bool printable(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((data[i] < 0x20 || data[i] > 0x7e) && data[i] != '\n' && data[i] != '\t')
			return false;
	return true;
}

/* The bytes that a write means, "hex:" decoded. Returns owned, NULL with *error. */
static struct acr_blob *bytes_of(struct acr_stage *stage, enum acr_value id,
                                 const uint8_t *data, size_t len, int *error)
{
	const struct acr_value_row *value = &acr_value_table[id];
	struct acr_account *account = stage->session->account;
	bool secret = id == ACR_V_KEY;
	size_t digits = len > ACR_HEX_PREFIX ? len - ACR_HEX_PREFIX : 0;
	struct acr_blob *blob;

	if (value->hex && begins_hex(data, len)) {
		if (digits && data[len - 1] == '\n')
			digits--;
		blob = acr_blob_new(data, digits / 2, secret, account, error);
		if (blob && digits % 2 == 0 &&
		    acr_hex_decode((const char *)data + ACR_HEX_PREFIX, digits / 2, blob->data))
			return blob;
		acr_blob_unref(blob);
		if (printable(data, len)) {
			*error = REFUSE(stage, -EINVAL,
			                "%s: after \"hex:\" there must be an even "
			                "number of hexadecimal digits",
			                value->name);
			return NULL;
		}
	}
	blob = acr_blob_new(data, len, secret, account, error);
	if (!blob)
		acr_stage_explain(
		        stage, *error,
		        id == ACR_V_KEY
		                ? "no locked memory is left for a key: raise the limit (ulimit -l)"
		                : "no memory is left");
	return blob;
}

static int rule_lockable(struct acr_stage *stage, enum acr_value id)
{
	if (id != ACR_V_KEY || acr_secret_lockable())
		return 0;
	return REFUSE(stage, -ENOSPC,
	              "memory can't be locked here, so keys are refused: "
	              "raise the limit (ulimit -l)");
}

static int set_bytes(struct acr_stage *stage, enum acr_value id, const void *data, size_t len)
{
	int error = rule_lockable(stage, id);
	struct acr_blob *blob = error ? NULL : bytes_of(stage, id, data, len, &error);

	if (blob)
		error = acr_value_table[id].set_bytes(stage, blob);
	acr_blob_unref(blob);
	return error;
}

static int set_text(struct acr_stage *stage, enum acr_value id, const char *data, size_t len,
                    bool privileged)
{
	char text[ACR_TEXT_MAX + 1];

	if (len && data[len - 1] == '\n')
		len--;
	if (len > ACR_TEXT_MAX || memchr(data, 0, len))
		return REFUSE(stage, -EINVAL, "%s must be one short line of text",
		              acr_value_table[id].name);
	memcpy(text, data, len);
	text[len] = 0;
	return acr_value_table[id].set_text(stage, text, privileged);
}

static int set_blob(struct acr_stage *stage, enum acr_value id, struct acr_blob *blob)
{
	const struct acr_value_row *value = &acr_value_table[id];
	int error = rule_lockable(stage, id);

	if (!error && blob->len > value->max)
		error = REFUSE(stage, -EINVAL, "%s has %zu bytes, at most %zu are taken",
		               value->name, blob->len, value->max);
	return error ? error : value->set_bytes(stage, blob);
}

/* Under the lock: it is good now, or as it was at first. */
static void put_right(struct acr_stage *stage, enum acr_value id)
{
	stage->bad &= ~(1u << id);
	if (!(stage->bad & (1u << stage->refused))) {
		free(stage->refused_why);
		stage->refused_why = NULL;
	}
	acr_rules_put_right(stage->session);
}

/* Under the lock: what follows from a value that was set, or refused with an error. */
static int settle(struct acr_stage *stage, enum acr_value id, int error)
{
	if (error) {
		leave_bad(stage, id);
		return error;
	}
	begin_next(stage, id);
	put_right(stage, id);
	return 0;
}

int acr_value_set(struct acr_session *session, unsigned number, enum acr_value id,
                  const void *data, size_t len, bool privileged)
{
	struct acr_stage *stage;
	int error;

	pthread_mutex_lock(&session->lock);
	stage = changeable(session, number, &acr_value_table[id], &error);
	if (stage)
		error = settle(stage, id,
		               acr_value_table[id].text
		                       ? set_text(stage, id, data, len, privileged)
		                       : set_bytes(stage, id, data, len));
	pthread_mutex_unlock(&session->lock);
	return error;
}

int acr_value_give(struct acr_session *session, unsigned number, enum acr_value id,
                   struct acr_blob *blob)
{
	struct acr_stage *stage;
	int error;

	pthread_mutex_lock(&session->lock);
	stage = changeable(session, number, &acr_value_table[id], &error);
	if (stage)
		error = settle(stage, id, set_blob(stage, id, blob));
	pthread_mutex_unlock(&session->lock);
	return error;
}

int acr_value_find(const char *name)
{
	for (int id = 0; id < ACR_VALUES; id++)
		if (!strcmp(acr_value_table[id].name, name))
			return id;
	return -1;
}

static struct acr_blob *rendered(const struct acr_blob *blob, enum acr_format format)
{
	size_t len = (size_t)acr_format_length(format, blob->len);
	struct acr_blob *text = acr_blob_sized(len);

	if (text)
		acr_format_render(format, blob->data, blob->len, 0, text->data, len);
	return text;
}

struct acr_blob *acr_value_get(struct acr_session *session, unsigned number, enum acr_value id)
{
	const struct acr_value_row *value = &acr_value_table[id];
	struct acr_blob *blob = NULL;
	enum acr_format format = ACR_FORMAT_RAW;
	struct acr_stage *stage;
	char text[ACR_TEXT_MAX + 2] = "";
	int error;

	pthread_mutex_lock(&session->lock);
	stage = acr_stage_find(session, number);
	if (stage && value->hex && id != ACR_V_SIG)
		format = stage->format;
	if (stage && value->get_text)
		value->get_text(stage, text, ACR_TEXT_MAX + 1);
	else if (stage && value->get_bytes)
		blob = value->get_bytes(stage);
	pthread_mutex_unlock(&session->lock);
	if (value->get_text) {
		strcat(text, "\n");
		return acr_blob_new(text, strlen(text), false, NULL, &error);
	}
	if (!blob)
		return acr_blob_new(NULL, 0, false, NULL, &error);
	if (format != ACR_FORMAT_RAW) {
		struct acr_blob *raw = blob;
		blob = rendered(raw, format);
		acr_blob_unref(raw);
	}
	return blob;
}

void acr_value_reset(struct acr_session *session, unsigned number, enum acr_value id)
{
	struct acr_stage *stage;
	int error;

	acr_session_stop(session);
	pthread_mutex_lock(&session->lock);
	stage = changeable(session, number, &acr_value_table[id], &error);
	if (stage) {
		begin_next(stage, id);
		acr_value_table[id].reset(stage);
		put_right(stage, id);
	}
	pthread_mutex_unlock(&session->lock);
}
