/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a session's parameters to a job, and from the job's result to `dst`. Every rule about
 * what fits together is here; sentences say what would be right. */
#include "value_table.h"

#include "sched/check.h"
#include "device/device.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define MOST_ITERATIONS 50000000ull /* of all output blocks together */
#define MOST_SCRYPT     (1ull << 25)

/* ---- what the parameters must be, whatever the input ---- */

static const struct {
	enum acr_value value;
	const char *name;
} may_be_bad[] = {
	{ ACR_V_KEY, "key" }, { ACR_V_IV, "iv" }, { ACR_V_TAG, "tag" }, { ACR_V_SIG, "sig" }
};

static int check_bad_files(struct acr_session *session, struct acr_stage *stage)
{
	for (size_t i = 0; i < G_N_ELEMENTS(may_be_bad); i++)
		if (stage->bad & (1u << may_be_bad[i].value))
			return REFUSE(
			        session, stage, -EINVAL,
			        "the last value written to %s was refused: write a good one "
			        "or remove the file",
			        may_be_bad[i].name);
	return 0;
}

static int check_key(struct acr_session *session, struct acr_stage *stage)
{
	char sizes[ACR_SIZES];

	if (!stage->alg->key_max || stage->input2 != ACR_INPUT_UNSET)
		return 0;
	if (!stage->key)
		return REFUSE(session, stage, -ENOKEY, "%s needs a key: write it to key",
		              stage->alg_text);
	if (acr_alg_key_ok(stage->alg, stage->key->len))
		return 0;
	acr_alg_key_sizes(stage->alg, sizes);
	return REFUSE(session, stage, -EINVAL, "key has %zu bytes, %s takes %s",
	              stage->key->len, stage->alg_text, sizes);
}

static int check_iv(struct acr_session *session, struct acr_stage *stage)
{
	char sizes[ACR_SIZES];

	if (!stage->iv || !stage->alg->iv_max || acr_alg_iv_ok(stage->alg, stage->iv->len))
		return 0;
	acr_alg_iv_sizes(stage->alg, sizes);
	return REFUSE(session, stage, -EINVAL, "iv has %zu bytes, %s takes %s", stage->iv->len,
	              stage->alg_text, sizes);
}

static int check_taglen(struct acr_session *session, struct acr_stage *stage)
{
	char sizes[ACR_SIZES];

	if (!stage->taglen || acr_alg_tag_ok(stage->alg, stage->taglen))
		return 0;
	acr_alg_tag_sizes(stage->alg, sizes);
	return REFUSE(session, stage, -EINVAL, "taglen is %u, %s takes %s", stage->taglen,
	              stage->alg_text, sizes);
}

static int check_tag(struct acr_session *session, struct acr_stage *stage)
{

	if (acr_stage_op(stage) != ACR_DECRYPT || stage->alg->kind != ACR_KIND_AEAD ||
	    acr_stage_layout(stage) == ACR_LAYOUT_COMBINED)
		return 0;
	if (!stage->tag)
		return REFUSE(session, stage, -EINVAL,
		              "write the tag to tag, or set layout to combined");
	if (stage->tag->len != acr_stage_taglen(stage))
		return REFUSE(session, stage, -EINVAL, "tag has %zu bytes, taglen says %zu",
		              stage->tag->len, acr_stage_taglen(stage));
	return 0;
}

static size_t mac_or_tag_size(const struct acr_stage *stage)
{
	if (stage->alg->kind == ACR_KIND_MAC && stage->alg->flags & ACR_ALG_XOF)
		return stage->length ? stage->length : stage->alg->out;
	return acr_stage_taglen(stage);
}

static int check_sig(struct acr_session *session, struct acr_stage *stage)
{
	bool mac = stage->alg->kind == ACR_KIND_MAC;

	if (acr_stage_op(stage) != ACR_VERIFY)
		return 0;
	if (!stage->sig)
		return REFUSE(session, stage, -EINVAL, "write the %s to check to sig",
		              mac ? "MAC" : "signature");
	/* A MAC that may be shorter than agreed on is easier to guess. */
	if (mac && stage->sig->len != mac_or_tag_size(stage))
		return REFUSE(session, stage, -EINVAL, "sig has %zu bytes, %s says %zu",
		              stage->sig->len,
		              stage->alg->flags & ACR_ALG_XOF ? "length" : "taglen",
		              mac_or_tag_size(stage));
	return 0;
}

static int check_length(struct acr_session *session, struct acr_stage *stage)
{

	if (stage->length && !(stage->alg->flags & ACR_ALG_XOF))
		return REFUSE(session, stage, -EINVAL,
		              "%s has output of a fixed length: remove length",
		              stage->alg_text);
	if (stage->length > stage->alg->out_max && stage->alg->flags & ACR_ALG_XOF)
		return REFUSE(session, stage, -EINVAL,
		              "length is %llu, at most %llu bytes can be had from this",
		              (unsigned long long)stage->length,
		              (unsigned long long)stage->alg->out_max);
	return 0;
}

/* One request must not keep a thread of the device for minutes. */
static int check_cost(struct acr_session *session, struct acr_stage *stage)
{
	struct acr_numbers numbers;
	uint64_t length = stage->length ? stage->length : stage->alg->out;

	if (!(stage->alg->flags & ACR_ALG_SLOW) || stage->alg->kind != ACR_KIND_KDF)
		return 0;
	numbers = acr_params_numbers(stage);
	if (strcmp(stage->alg->name, "scrypt") &&
	    (length + stage->alg->out - 1) / stage->alg->out >
	            MOST_ITERATIONS / numbers.iterations)
		return REFUSE(session, stage, -EINVAL,
		              "iterations for this length are more than %llu in all",
		              (unsigned long long)MOST_ITERATIONS);
	if (!strcmp(stage->alg->name, "scrypt") &&
	    numbers.r * numbers.p > MOST_SCRYPT / numbers.n)
		return REFUSE(session, stage, -EINVAL, "n x r x p is more than %llu",
		              (unsigned long long)MOST_SCRYPT);
	return 0;
}

const char *acr_request_padding(const struct acr_alg *alg)
{
	if (alg->scheme)
		return alg->scheme;
	return alg->flags & ACR_ALG_PADS ? "pkcs7" : "none";
}

int acr_request_check_padding(struct acr_session *session, struct acr_stage *stage)
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
		return REFUSE(session, stage, -EINVAL,
		              "%s has the padding %s: for another write its "
		              "name to alg, as rsa-pss-sha256",
		              stage->alg_text, alg->scheme);
	return REFUSE(session, stage, -EINVAL, "%s takes %s", stage->alg_text,
	              alg->flags & ACR_ALG_PADS ? "the padding pkcs7 or none" : "no padding");
}

static int check_input(struct acr_session *session, struct acr_stage *stage)
{
	bool decrypts = acr_stage_op(stage) == ACR_DECRYPT;

	if (session->stream_mode) {
		if (!acr_stage_takes_input(stage))
			return REFUSE(session, stage, -EINVAL,
			              "%s has no input to stream: set stream to 0",
			              acr_opcode_name(acr_stage_op(stage)));
		if (stage->alg->pieces == ACR_PIECES_NONE)
			return REFUSE(session, stage, -EINVAL,
			              "%s can't be processed in pieces: set stream to 0",
			              stage->alg_text);
	} else if (!stage->length && acr_stage_op(stage) == ACR_RANDOM) {
		return REFUSE(session, stage, -EINVAL,
		              "write the number of bytes wanted to length");
	} else if (!session->src_opened &&
	           ((acr_stage_takes_input(stage) && !acr_route_source(stage)) ||
	            !stage->input2)) {
		return REFUSE(session, stage, -ENODATA, "write the input to src first");
	}
	if (decrypts && stage->alg->iv_max && !stage->iv &&
	    acr_stage_layout(stage) == ACR_LAYOUT_DETACHED)
		return REFUSE(session, stage, -EINVAL,
		              "write the iv, or set layout to combined");
	if (acr_stage_op(stage) == ACR_VERIFY && stage->alg->iv_max && !stage->iv)
		return REFUSE(session, stage, -EINVAL,
		              "write the iv that the MAC was made with");
	return 0;
}

static int run_checks(struct acr_session *session, struct acr_stage *stage,
                      int (*const *checks)(struct acr_session *session,
                                           struct acr_stage *stage),
                      size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count && !error; i++)
		error = checks[i](session, stage);
	return error;
}

int acr_request_check_given(struct acr_session *session, struct acr_stage *stage)
{
	static int (*const checks[])(struct acr_session * session, struct acr_stage * stage) = {
		check_iv,         check_taglen, check_length, acr_request_check_padding,
		acr_params_check,
	};
	int error = stage->key && stage->alg->key_max ? check_key(session, stage) : 0;

	return error ? error : run_checks(session, stage, checks, G_N_ELEMENTS(checks));
}

int acr_request_check(struct acr_session *session, struct acr_stage *stage)
{
	static int (*const checks[])(struct acr_session * session, struct acr_stage * stage) = {
		check_bad_files,  check_key,   check_iv,
		check_taglen,     check_tag,   check_sig,
		check_length,     check_cost,  acr_request_check_padding,
		acr_params_check, check_input,
	};

	if (acr_stage_op(stage) == ACR_RANDOM)
		stage->alg = acr_alg_row(0);
	if (!stage->alg)
		return REFUSE(session, stage, -EINVAL, "write the algorithm to alg first");
	if (!acr_alg_has_op(stage->alg, acr_stage_op(stage)))
		return REFUSE(session, stage, -EOPNOTSUPP, "%s can't %s", stage->alg_text,
		              acr_opcode_name(acr_stage_op(stage)));
	return run_checks(session, stage, checks, G_N_ELEMENTS(checks));
}

void acr_request_settle(struct acr_stage *stage)
{
	if (acr_stage_op(stage) == ACR_RANDOM)
		stage->alg = stage->alg_text ? acr_alg_find(stage->alg_text) : NULL;
}

/* ---- IVs ---- */

/* Does using one nonce twice break this operation? */
static bool must_be_unique(const struct acr_stage *stage)
{
	enum acr_opcode op = acr_stage_op(stage);

	return stage->alg->flags & ACR_ALG_UNIQUE_IV && (op == ACR_ENCRYPT || op == ACR_MAC);
}

static struct acr_blob *fresh_iv(const struct acr_alg *alg, int *error)
{
	uint8_t bytes[256];
	size_t len = alg->iv_default;

	if (getrandom(bytes, len, 0) != (ssize_t)len) {
		*error = -EIO;
		return NULL;
	}
	return acr_blob_new(bytes, len, false, NULL, error);
}

int acr_request_iv(struct acr_session *session, struct acr_stage *stage, struct acr_blob **iv,
                   bool *recorded)
{
	bool written = stage->iv != NULL;
	int error = 0;

	*iv = NULL;
	*recorded = false;
	if (!stage->alg->iv_max)
		return 0;
	if (!written && stage->alg->flags & ACR_ALG_SALT)
		return 0;
	*iv = written ? acr_blob_ref(stage->iv) : fresh_iv(stage->alg, &error);
	if (!*iv)
		return REFUSE(session, stage, error, "no random bytes for an iv");
	if (must_be_unique(stage)) {
		error = acr_nonces_add(&stage->nonces, acr_blob_bytes(*iv), written,
		                       session->account);
		*recorded = !error;
	}
	if (error) {
		acr_blob_unref(*iv);
		*iv = NULL;
		if (error == -EEXIST)
			return REFUSE(
			        session, stage, error,
			        "this iv was used under this key already: "
			        "write another, or remove iv to get a fresh one each time");
		return REFUSE(session, stage, error,
		              "no memory is left for the list of used ivs: write key again");
	}
	if (!written) {
		acr_blob_unref(stage->iv_used);
		stage->iv_used = acr_blob_ref(*iv);
	}
	return 0;
}

/* ---- sizes ---- */

static bool pads(const struct acr_stage *stage)
{
	return stage->alg->flags & ACR_ALG_PADS && stage->padding != ACR_WANT_NONE;
}

int acr_request_check_size(struct acr_session *session, struct acr_stage *stage, uint64_t len)
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
	if (decrypts && pads(stage))
		min = alg->block;
	if (alg->flags & ACR_ALG_CCM && ivlen > 11)
		max = MIN(max, (1ull << (8 * (15 - ivlen))) - 1);
	if (len < min || len > max)
		return REFUSE(
		        session, stage, -EINVAL, "src has %llu bytes, %s takes %llu to %llu%s",
		        (unsigned long long)len, stage->alg_text, (unsigned long long)min,
		        (unsigned long long)max,
		        alg->flags & ACR_ALG_CCM ? " with this iv; a shorter iv allows more"
		                                 : "");
	if (step && len % step && (decrypts || !pads(stage)))
		return REFUSE(session, stage, -EINVAL,
		              "src has %llu bytes, %s takes multiples of %llu%s",
		              (unsigned long long)len, stage->alg_text,
		              (unsigned long long)step,
		              decrypts || !alg->flags ? "" : " when padding is none");
	return 0;
}

/* Room that the driver needs for the output of len bytes. */
static size_t output_room(const struct acr_stage *stage, size_t len)
{
	const struct acr_alg *alg = stage->alg;

	if (acr_stage_op(stage) == ACR_VERIFY)
		return strlen(ACR_VALID);
	if (alg->flags & ACR_ALG_XOF)
		return stage->length ? stage->length : alg->out;
	if (alg->out)
		return alg->out;
	if (alg->out_max)
		return (size_t)alg->out_max;
	if (acr_stage_op(stage) == ACR_ENCRYPT && alg->kind == ACR_KIND_WRAP)
		return (len + 7) / 8 * 8 + 8;
	if (acr_stage_op(stage) == ACR_ENCRYPT && pads(stage))
		return len / alg->block * alg->block + alg->block;
	return len;
}

/* ---- the job ---- */

/* Where in a combined input the IV, the bare input and the tag are. */
static int split_combined(struct acr_session *session, struct acr_stage *stage,
                          struct acr_job *job, size_t in_len)
{
	size_t ivlen = !stage->alg->iv_max ? 0
	               : stage->iv         ? stage->iv->len
	                                   : stage->alg->iv_default;
	size_t taglen = stage->alg->kind == ACR_KIND_AEAD ? acr_stage_taglen(stage) : 0;
	int error = 0;

	if (in_len < ivlen + taglen)
		return REFUSE(session, stage, -EINVAL,
		              "src has %zu bytes, less than its iv and tag (layout combined)",
		              in_len);
	job->src_offset = ivlen;
	job->src_len = in_len - ivlen - taglen;
	acr_blob_unref(job->iv);
	job->iv = acr_blob_new(job->src ? job->src->data : NULL, ivlen, false, NULL, &error);
	if (!error && taglen) {
		acr_blob_unref(job->tag);
		job->tag = acr_blob_new(job->src->data + in_len - taglen, taglen, false, NULL,
		                        &error);
	}
	return error ? REFUSE(session, stage, error, "no memory") : 0;
}

/* The second operand, if it is an output, goes where associated data does. */
static int set_operand(struct acr_session *session, struct acr_stage *stage,
                       struct acr_job *job)
{
	struct acr_buf *input2 = acr_route_input2(session, stage);
	int error = 0;

	if (stage->input2 == ACR_INPUT_UNSET) {
		job->aad = acr_blob_ref(stage->aad);
		return 0;
	}
	if (!input2 || !input2->len)
		return REFUSE(session, stage, -EINVAL, "the output that input2 names is empty");
	job->aad = acr_blob_new(input2->data, input2->len, false, session->account, &error);
	return job->aad ? 0 : REFUSE(session, stage, error, "no memory");
}

/* What whole requests and parts have in common. Returns owned. */
static struct acr_job *job_of(struct acr_session *session, struct acr_stage *stage,
                              struct acr_buf *in, int *error)
{
	struct acr_job *job = acr_job_new(acr_stage_op(stage), stage->alg, session->account);

	if (!job) {
		*error = REFUSE(session, stage, -ENOSPC, "no memory");
		return NULL;
	}
	job->key = acr_blob_ref(stage->alg->key_max ? stage->key : NULL);
	*error = set_operand(session, stage, job);
	if (*error) {
		acr_job_unref(job);
		return NULL;
	}
	job->private_area = acr_blob_ref(session->private_area);
	job->numbers = acr_params_numbers(stage);
	job->pkey = acr_params_pkey(stage);
	job->sig = acr_blob_ref(job->opcode == ACR_VERIFY ? stage->sig : NULL);
	job->padding = pads(stage) ? ACR_PAD_PKCS7 : ACR_PAD_NONE;
	job->priority = session->priority;
	job->uid = session->uid;
	job->pid = session->pid;
	job->label = session->name;
	job->stage = stage->number;
	job->no_fault = session->no_fault;
	job->tag_size = mac_or_tag_size(stage);
	job->report = acr_request_report;
	job->check = acr_check_due(stage->check, stage->check_count++);
	if (acr_stage_takes_input(stage)) {
		job->src = acr_buf_ref(in);
		job->src_len = in ? in->len : 0;
	}
	if (!stage->device || (job->bound = acr_device_find(stage->device)))
		return job;
	*error = REFUSE(session, stage, -ENODEV, "there is no device %s", stage->device);
	acr_job_unref(job);
	return NULL;
}

/* IV, tag and input of a decryption. */
static int fill_decrypt(struct acr_session *session, struct acr_stage *stage,
                        struct acr_job *job)
{

	if (acr_stage_layout(stage) == ACR_LAYOUT_COMBINED)
		return split_combined(session, stage, job, job->src_len);
	job->iv = acr_blob_ref(stage->alg->iv_max ? stage->iv : NULL);
	job->tag = acr_blob_ref(stage->alg->kind == ACR_KIND_AEAD ? stage->tag : NULL);
	return 0;
}

int acr_request_build(struct acr_session *session, struct acr_stage *stage, struct acr_buf *in,
                      struct acr_job **out)
{
	int error = 0;
	struct acr_job *job = job_of(session, stage, in, &error);

	if (!job)
		return error;
	if (job->opcode == ACR_DECRYPT)
		error = fill_decrypt(session, stage, job);
	if (!error && acr_stage_takes_input(stage))
		error = acr_request_check_size(session, stage, job->src_len);
	if (!error && job->opcode != ACR_DECRYPT)
		error = acr_request_iv(session, stage, &job->iv, &job->nonce_recorded);
	if (error) {
		acr_job_unref(job);
		return error;
	}
	if (job->opcode == ACR_ENCRYPT && acr_stage_layout(stage) == ACR_LAYOUT_COMBINED) {
		job->dst_head = job->iv ? job->iv->len : 0;
		job->dst_tail = stage->alg->kind == ACR_KIND_AEAD ? job->tag_size : 0;
	}
	job->dst_size = output_room(stage, job->src_len);
	*out = job;
	return 0;
}

int acr_request_part(struct acr_session *session, struct acr_stage *stage, struct acr_buf *in,
                     unsigned flags, struct acr_job **out)
{
	bool last = flags & ACR_OP_LAST, carries = stage->alg->pieces == ACR_PIECES_STATE;
	int error = 0;
	struct acr_job *job = job_of(session, stage, in, &error);

	if (!job)
		return error;
	/* A part of a chained mode is a whole request to the driver. */
	job->flags = carries ? flags : ACR_OP_WHOLE;
	if (!last)
		job->padding = ACR_PAD_NONE;
	if (stage->alg->out)
		job->dst_size = last ? output_room(stage, job->src_len) : 0;
	else if (carries)
		job->dst_size =
		        job->src_len + stage->alg->block; /* what was held back before */
	else
		job->dst_size = last ? output_room(stage, job->src_len) : job->src_len;
	*out = job;
	return 0;
}

void acr_request_keep_tag(struct acr_stage *stage, struct acr_job *job)
{
	struct acr_blob *tag;
	int error;

	if (job->opcode != ACR_ENCRYPT || job->alg->kind != ACR_KIND_AEAD)
		return;
	tag = acr_blob_new(job->tag_out, job->tag_size, false, NULL, &error);
	acr_blob_unref(stage->tag);
	stage->tag = tag;
}

void acr_request_collect(struct acr_stage *stage, struct acr_job *job)
{
	struct acr_buf *dst = job->dst;

	if (job->dst_head)
		memcpy(dst->data, job->iv->data, job->dst_head);
	dst->len = job->dst_head + job->dst_len;
	if (job->dst_tail)
		memcpy(dst->data + dst->len, job->tag_out, job->dst_tail);
	dst->len += job->dst_tail;
	acr_request_keep_tag(stage, job);
	acr_buf_unref(stage->dst);
	stage->dst = dst;
	stage->text = job->opcode == ACR_VERIFY;
	job->dst = NULL;
}

static const char *bad_message(const struct acr_alg *alg)
{
	switch (alg->kind) {
	case ACR_KIND_CIPHER:
		return "the padding is wrong: another key, iv or padding was used, or src is damaged";
	case ACR_KIND_PKCRYPT:
		return "the padding is wrong: another key, label or digest was used, or src is damaged";
	case ACR_KIND_SIGN:
		return "the signature does not verify";
	case ACR_KIND_MAC:
		return "the MAC does not verify";
	default:
		return "the tag does not verify";
	}
}

const char *acr_request_failure(const struct acr_job *job, int error)
{
	if (job->sentence)
		return job->sentence;
	switch (-error) {
	case EBADMSG:
		return bad_message(job->alg);
	case EINVAL:
		return "the algorithm can't take this input";
	case ENODEV:
		return job->bound ? "the bound device is not working or can't do this"
		                  : "no working device offers this";
	case ENOSPC:
	case EDQUOT:
		return "no memory is left for the output; stream=1 needs little";
	case ECANCELED:
		return "the request was cancelled";
	default:
		return "the device failed and no other could take over";
	}
}

void acr_request_note(struct acr_session *session, const struct acr_job *job,
                      const struct acr_report *report)
{
	struct acr_stage *stage = acr_route_stage(session, job->stage);

	if (!session->removed)
		acr_history_add(&session->history, job->stage, report, session->account);
	if (!report->check)
		session->device_name = report->device; /* for those in no directory too */
	if (!session->removed && stage && !report->check)
		stage->device_name = report->device;
}

void acr_request_report(struct acr_job *job, const struct acr_report *report)
{
	struct acr_session *session = job->owner;

	pthread_mutex_lock(&session->lock);
	acr_request_note(session, job, report);
	pthread_mutex_unlock(&session->lock);
}
