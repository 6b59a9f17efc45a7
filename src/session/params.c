/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file `params`: what derivations and public-key algorithms need beside key and input, as
 * `name=value` words, and what counts where a word was not written. */
#include "value_table.h"
#include "params.h"

#include "base/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_ITERATIONS 600000 /* PBKDF2 */
#define DEFAULT_N          16384  /* scrypt: 16 MiB */
#define DEFAULT_R          8
#define DEFAULT_P          1
#define SALTLEN_MAX        2048 /* bytes: the longest RSA key */

const char *acr_value_quote(const char *value, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < 64 && value[i] && used + 5 < size; i++) {
		unsigned char c = (unsigned char)value[i];
		used += (size_t)snprintf(out + used, size - used,
		                         c < 0x20 || c >= 0x7f || c == '"' ? "\\x%02x" : "%c",
		                         c);
	}
	out[used] = 0;
	return out;
}

int acr_value_number(struct acr_stage *stage, const char *name, const char *text, uint64_t min,
                     uint64_t max, uint64_t *value)
{
	guint64 number;

	if (g_ascii_string_to_unsigned(text, 10, min, max, &number, NULL)) {
		*value = number;
		return 0;
	}
	return REFUSE(stage, -EINVAL,
	              "%s must be a whole number from %" PRIu64 " to %s, not \"%s\"", name, min,
	              acr_words_number(max, (char[ACR_WORDS]){ 0 }), QUOTE(text));
}

/* What one writing of the file has said so far. */
struct given {
	struct acr_numbers numbers;
	struct acr_pkey pkey;
	bool saltlen;
};

static const struct {
	const char *name;
	size_t offset;
	uint64_t min, max;
} numbers[] = {
	{ "iterations", offsetof(struct acr_numbers, iterations), 1, 50000000 },
	{ "n", offsetof(struct acr_numbers, n), 2, 1u << 30 },
	{ "r", offsetof(struct acr_numbers, r), 1, 1u << 20 },
	{ "p", offsetof(struct acr_numbers, p), 1, 1u << 20 },
};

/* ---- words of public-key algorithms ---- */

static int find_digest(struct acr_stage *stage, const char *name, const char *text,
                       const char **digest)
{
	const struct acr_alg *alg = *text ? acr_alg_find(text) : NULL;

	if (!alg || alg->kind != ACR_KIND_HASH || alg->flags & ACR_ALG_XOF)
		return REFUSE(stage, -EINVAL, "%s must be a digest, as sha256, not \"%s\"",
		              name, QUOTE(text));
	*digest = alg->name;
	return 0;
}

static int set_digest(struct acr_stage *stage, const char *text, struct given *given)
{
	return find_digest(stage, "digest", text, &given->pkey.digest);
}

static int set_mgf1(struct acr_stage *stage, const char *text, struct given *given)
{
	return find_digest(stage, "mgf1", text, &given->pkey.mgf1);
}

static int set_saltlen(struct acr_stage *stage, const char *text, struct given *given)
{
	uint64_t number = 0;

	given->saltlen = true;
	if (!strcmp(text, "max")) {
		given->pkey.saltlen = ACR_SALT_MAX;
	} else if (!strcmp(text, "auto")) {
		given->pkey.saltlen = ACR_SALT_AUTO;
	} else if (!g_ascii_string_to_unsigned(text, 10, 0, SALTLEN_MAX, &number, NULL)) {
		return REFUSE(stage, -EINVAL,
		              "saltlen must be a whole number from 0 to %d, "
		              "max or auto, not \"%s\"",
		              SALTLEN_MAX, QUOTE(text));
	} else {
		given->pkey.saltlen = (int)number;
	}
	return 0;
}

static int set_sigformat(struct acr_stage *stage, const char *text, struct given *given)
{
	if (strcmp(text, "der") && strcmp(text, "raw"))
		return REFUSE(stage, -EINVAL, "sigformat must be der or raw, not \"%s\"",
		              QUOTE(text));
	given->pkey.sigformat = *text == 'r' ? ACR_SIG_RAW : ACR_SIG_DER;
	return 0;
}

static const struct {
	const char *name;
	int (*set)(struct acr_stage *stage, const char *text, struct given *given);
} texts[] = {
	{ "saltlen", set_saltlen },
	{ "mgf1", set_mgf1 },
	{ "digest", set_digest },
	{ "sigformat", set_sigformat },
};

/* What the name says can't be said otherwise: devices are chosen by the name. */
static int rule_digest(struct acr_stage *stage, const char *digest)
{
	const struct acr_alg *alg = stage->alg;

	if (!digest || !alg || !alg->digest || !strcmp(digest, alg->digest))
		return 0;
	return REFUSE(stage, -EINVAL,
	              "%s has the digest %s, params says %s: another digest is "
	              "another algorithm",
	              stage->alg_text, alg->digest, digest);
}

/* ---- the file ---- */

/* text: what stands behind "name=". 1: there is no such name. */
static int set_named(struct acr_stage *stage, const char *name, const char *text,
                     struct given *given)
{
	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
		if (!strcmp(numbers[i].name, name))
			return acr_value_number(
			        stage, name, text, numbers[i].min, numbers[i].max,
			        (uint64_t *)((char *)&given->numbers + numbers[i].offset));
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		if (!strcmp(texts[i].name, name))
			return texts[i].set(stage, text, given);
	return 1;
}

static int set_word(struct acr_stage *stage, const char *word, struct given *given)
{
	const char *equals = strchr(word, '=');
	g_autofree char *name = equals ? g_strndup(word, (gsize)(equals - word)) : NULL;
	int error = name ? set_named(stage, name, equals + 1, given) : 1;

	if (error <= 0)
		return error;
	return REFUSE(stage, -EINVAL,
	              "params takes iterations=, n=, r=, p=, saltlen=, mgf1=, "
	              "digest= and sigformat=, not \"%s\"",
	              QUOTE(word));
}

int acr_params_set(struct acr_stage *stage, const char *text)
{
	struct given given = { 0 };
	g_auto(GStrv) words = g_strsplit_set(text, " \t", -1);
	struct acr_blob *blob;
	int error = 0;

	for (guint i = 0; words[i] && !error; i++)
		if (*words[i])
			error = set_word(stage, words[i], &given);
	if (!error)
		error = rule_digest(stage, given.pkey.digest);
	if (error)
		return error;
	blob = acr_blob_new(text, strlen(text), false, NULL, &error);
	if (!blob)
		return error;
	acr_blob_unref(stage->params);
	stage->params = blob;
	stage->numbers = given.numbers;
	stage->pkey = given.pkey;
	stage->saltlen_written = given.saltlen;
	return 0;
}

void acr_params_reset(struct acr_stage *stage)
{
	acr_blob_unref(stage->params);
	stage->params = NULL;
	stage->numbers = (struct acr_numbers){ 0 };
	stage->pkey = (struct acr_pkey){ 0 };
	stage->saltlen_written = false;
}

/* ---- what they come to ---- */

int acr_params_rule(struct acr_stage *stage)
{
	return rule_digest(stage, stage->pkey.digest);
}

struct acr_numbers acr_params_numbers(const struct acr_stage *stage)
{
	struct acr_numbers filled = stage->numbers;

	if (!filled.iterations)
		filled.iterations = DEFAULT_ITERATIONS;
	if (!filled.n)
		filled.n = DEFAULT_N;
	if (!filled.r)
		filled.r = DEFAULT_R;
	if (!filled.p)
		filled.p = DEFAULT_P;
	return filled;
}

struct acr_pkey acr_params_pkey(const struct acr_stage *stage)
{
	struct acr_pkey filled = stage->pkey;
	const struct acr_alg *alg = stage->alg;

	filled.digest = alg->digest; /* the file can say nothing else */
	if (!alg->scheme || !strcmp(alg->scheme, "pkcs1"))
		filled.mgf1 = NULL;
	else if (!filled.mgf1)
		filled.mgf1 = filled.digest;
	if (filled.digest && (!stage->saltlen_written || (filled.saltlen == ACR_SALT_AUTO &&
	                                                  acr_stage_op(stage) == ACR_SIGN)))
		filled.saltlen = (int)acr_alg_find(filled.digest)->out;
	return filled;
}
