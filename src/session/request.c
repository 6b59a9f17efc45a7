/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a session's parameters to a job, and from the job's result to `dst`. */
#include "request.h"

#include "expected.h"
#include "params.h"
#include "route.h"
#include "rules.h"
#include "value_table.h"

#include "sched/check.h"
#include "device/device.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* ---- IVs ---- */

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

int acr_request_iv(struct acr_stage *stage, struct acr_blob **iv, bool *recorded)
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
		return REFUSE(stage, error, "no random bytes for an iv");
	if (acr_rules_unique_iv(stage)) {
		error = acr_nonces_add(&stage->nonces, acr_blob_bytes(*iv), written,
		                       stage->session->account);
		*recorded = !error;
	}
	if (error) {
		acr_blob_unref(*iv);
		*iv = NULL;
		if (error == -EEXIST)
			return REFUSE(
			        stage, error,
			        "this iv was used under this key already: "
			        "write another, or remove iv to get a fresh one each time");
		return REFUSE(stage, error,
		              "no memory is left for the list of used ivs: write key again");
	}
	if (!written) {
		acr_blob_unref(stage->iv_used);
		stage->iv_used = acr_blob_ref(*iv);
	}
	return 0;
}

/* ---- the job ---- */

/* Where in a combined input the IV, the bare input and the tag are. */
static int split_combined(struct acr_stage *stage, struct acr_job *job, size_t in_len)
{
	size_t ivlen = !stage->alg->iv_max ? 0
	               : stage->iv         ? stage->iv->len
	                                   : stage->alg->iv_default;
	size_t taglen = stage->alg->kind == ACR_KIND_AEAD ? acr_stage_taglen(stage) : 0;
	int error = 0;

	if (in_len < ivlen + taglen)
		return REFUSE(stage, -EINVAL,
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
	return error ? REFUSE(stage, error, "no memory") : 0;
}

/* The second operand, if it is an output, goes where associated data does. */
static int set_operand(struct acr_stage *stage, struct acr_job *job)
{
	struct acr_buf *input2 = acr_route_input2(stage);
	int error = 0;

	if (stage->input2 == ACR_INPUT_UNSET) {
		job->aad = acr_blob_ref(stage->aad);
		return 0;
	}
	if (!input2 || !input2->len)
		return REFUSE(stage, -EINVAL, "the output that input2 names is empty");
	job->aad =
	        acr_blob_new(input2->data, input2->len, false, stage->session->account, &error);
	return job->aad ? 0 : REFUSE(stage, error, "no memory");
}

static int charge(struct acr_stage *stage, struct acr_job *job)
{
	int error = acr_job_charge(job);

	if (!error)
		return 0;
	return REFUSE(
	        stage, error,
	        "%s with these params takes %zu KiB of memory while it is computed, which "
	        "is more than is left %s",
	        stage->alg_text, acr_alg_memory(job->alg, &job->numbers) >> 10,
	        error == -EDQUOT ? "of your quota" : "of the daemon's");
}

/* What whole requests and parts have in common. Returns owned. */
static struct acr_job *job_of(struct acr_stage *stage, struct acr_buf *in, int *error)
{
	struct acr_session *session = stage->session;
	struct acr_job *job = acr_job_new(acr_stage_op(stage), stage->alg, session->account);

	if (!job) {
		*error = REFUSE(stage, -ENOSPC, "no memory");
		return NULL;
	}
	job->key = acr_blob_ref(stage->alg->key_max ? stage->key : NULL);
	*error = set_operand(stage, job);
	if (*error) {
		acr_job_unref(job);
		return NULL;
	}
	job->private_area = acr_blob_ref(session->private_area);
	job->numbers = acr_params_numbers(stage);
	job->pkey = acr_params_pkey(stage);
	*error = charge(stage, job);
	if (*error) {
		acr_job_unref(job);
		return NULL;
	}
	job->sig = acr_blob_ref(job->opcode == ACR_VERIFY ? stage->sig : NULL);
	job->padding = acr_rules_pads(stage) ? ACR_PAD_PKCS7 : ACR_PAD_NONE;
	job->priority = session->priority;
	job->uid = session->uid;
	job->pid = session->pid;
	job->label = session->name;
	job->stage = stage->number;
	job->no_fault = session->no_fault;
	job->tag_size = acr_stage_mac_size(stage);
	job->note = acr_request_take_note;
	job->check = acr_check_due(stage->check, stage->check_count++);
	if (acr_stage_takes_input(stage)) {
		job->src = acr_buf_ref(in);
		job->src_len = in ? in->len : 0;
	}
	if (!stage->device || (job->bound = acr_device_find(stage->device)))
		return job;
	*error = REFUSE(stage, -ENODEV, "there is no device %s", stage->device);
	acr_job_unref(job);
	return NULL;
}

/* IV, tag and input of a decryption. */
static int fill_decrypt(struct acr_stage *stage, struct acr_job *job)
{

	if (acr_stage_layout(stage) == ACR_LAYOUT_COMBINED)
		return split_combined(stage, job, job->src_len);
	job->iv = acr_blob_ref(stage->alg->iv_max ? stage->iv : NULL);
	job->tag = acr_blob_ref(stage->alg->kind == ACR_KIND_AEAD ? stage->tag : NULL);
	return 0;
}

int acr_request_build(struct acr_stage *stage, struct acr_buf *in, struct acr_job **out)
{
	int error = 0;
	struct acr_job *job = job_of(stage, in, &error);

	if (!job)
		return error;
	if (job->opcode == ACR_DECRYPT)
		error = fill_decrypt(stage, job);
	if (!error && acr_stage_takes_input(stage))
		error = acr_rules_size(stage, job->src_len);
	if (!error && job->opcode != ACR_DECRYPT)
		error = acr_request_iv(stage, &job->iv, &job->nonce_recorded);
	if (error) {
		acr_job_unref(job);
		return error;
	}
	if (job->opcode == ACR_ENCRYPT && acr_stage_layout(stage) == ACR_LAYOUT_COMBINED) {
		job->dst_head = job->iv ? job->iv->len : 0;
		job->dst_tail = stage->alg->kind == ACR_KIND_AEAD ? job->tag_size : 0;
	}
	job->dst_size = acr_expected_room(stage, job->src_len);
	*out = job;
	return 0;
}

int acr_request_part(struct acr_stage *stage, struct acr_buf *in, unsigned flags,
                     struct acr_job **out)
{
	bool last = flags & ACR_OP_LAST, carries = stage->alg->pieces == ACR_PIECES_STATE;
	int error = 0;
	struct acr_job *job = job_of(stage, in, &error);

	if (!job)
		return error;
	/* A part of a chained mode is a whole request to the driver. */
	job->flags = carries ? flags : ACR_OP_WHOLE;
	if (!last)
		job->padding = ACR_PAD_NONE;
	if (stage->alg->out)
		job->dst_size = last ? acr_expected_room(stage, job->src_len) : 0;
	else if (carries)
		job->dst_size =
		        job->src_len + stage->alg->block; /* what was held back before */
	else
		job->dst_size = last ? acr_expected_room(stage, job->src_len) : job->src_len;
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
                      const struct acr_note *note)
{
	struct acr_stage *stage = acr_stage_find(session, job->stage);

	if (!session->removed)
		acr_history_add(&session->history, job->stage, note, session->account);
	if (!note->check)
		session->device_name = note->device; /* for those in no directory too */
	if (!session->removed && stage && !note->check)
		stage->device_name = note->device;
}

void acr_request_take_note(struct acr_job *job, const struct acr_note *note)
{
	struct acr_session *session = job->owner;

	pthread_mutex_lock(&session->lock);
	acr_request_note(session, job, note);
	pthread_mutex_unlock(&session->lock);
}
