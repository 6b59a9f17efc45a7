/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A request in pieces: what writers have put into src goes through devices a piece at a time
 * and waits in a list for the readers of dst. Both sides are bounded by the window.
 *
 * A piece's input is kept by its job until its output and the running state (an IV that is
 * computed here, or a driver's state) are back, so that any piece can be repeated on another
 * device. AEAD decryption is collected whole and done at the end: no byte may be seen before
 * the tag has verified. */
#include "session.h"
#include "base/encode.h"
#include "chain.h"
#include "data.h"
#include "request.h"
#include "rules.h"
#include "sessions.h"
#include "stream.h"

#include "base/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define INLINE_MAX 16384 /* larger pieces run beside the writer that brought them */

struct chunk {
	STAILQ_ENTRY(chunk) next;
	struct acr_buf *buf;
	size_t offset;
};

struct acr_stream {
	STAILQ_HEAD(, chunk) output; /* that nobody has read yet */
	size_t waiting;              /* bytes of it */
	size_t in_flight;            /* input bytes of the present job */
	uint64_t total;              /* input bytes so far, IV apart */
	struct acr_blob *iv;         /* of the next piece */
	struct acr_state *state;     /* of a driver */
	struct acr_state *shadow;    /* the same from other devices, while it is checked */
	bool collects;               /* AEAD decryption */
	bool wants_iv;               /* it comes at the head of the input */
	bool begun, ended;           /* the first and the last piece are on their way */
	uint8_t prefix[64]; /* input of the present, incomplete block: it goes in again */
	size_t prefixed;
	uint8_t carry[3]; /* bytes that do not make a base64 group yet */
	size_t carried;
};

/* ---- output ---- */

static int push(struct acr_stream *stream, struct acr_buf *buf, size_t skip)
{
	struct chunk *chunk = calloc(1, sizeof *chunk);

	if (!chunk)
		return -ENOSPC;
	chunk->buf = acr_buf_ref(buf);
	chunk->offset = skip;
	STAILQ_INSERT_TAIL(&stream->output, chunk, next);
	stream->waiting += buf->len - skip;
	return 0;
}

static void drop_first(struct acr_stream *stream)
{
	struct chunk *chunk = STAILQ_FIRST(&stream->output);

	STAILQ_REMOVE_HEAD(&stream->output, next);
	acr_buf_unref(chunk->buf);
	free(chunk);
}

/* What a verification puts out is a word in whatever format. */
static enum acr_format format_of(const struct acr_session *session)
{
	return acr_stage_op(&session->stage) == ACR_VERIFY ? ACR_FORMAT_RAW
	                                                   : session->stage.format;
}

/* n characters of the text that data makes, as a chunk. */
static int push_text(struct acr_session *session, const uint8_t *data, size_t len, size_t n)
{
	struct acr_buf *text = acr_buf_new(session->account);
	int error = text ? acr_buf_reserve(text, n) : -ENOSPC;

	if (!error && n) {
		acr_format_render(session->stage.format, data, len, 0, text->data, n);
		text->len = n;
		error = push(session->stream, text, 0);
	}
	acr_buf_unref(text);
	return error;
}

static int push_base64(struct acr_session *session, const uint8_t *data, size_t len)
{
	struct acr_stream *stream = session->stream;
	size_t groups = (stream->carried + len) / 3, head = 0;
	int error = 0;

	while (stream->carried < 3 && (stream->carried || !groups) && head < len)
		stream->carry[stream->carried++] = data[head++];
	if (stream->carried == 3) {
		error = push_text(session, stream->carry, 3, 4);
		stream->carried = 0;
	}
	groups = (len - head) / 3;
	if (!error && groups)
		error = push_text(session, data + head, groups * 3, groups * 4);
	for (head += groups * 3; head < len; head++)
		stream->carry[stream->carried++] = data[head];
	return error;
}

/* All of buf but the first skip bytes is output. */
static int put_out(struct acr_session *session, struct acr_buf *buf, size_t skip)
{
	if (buf->len <= skip)
		return 0;
	session->bytes_out += buf->len - skip;
	switch (format_of(session)) {
	case ACR_FORMAT_HEX:
		return push_text(session, buf->data + skip, buf->len - skip,
		                 (buf->len - skip) * 2);
	case ACR_FORMAT_BASE64:
		return push_base64(session, buf->data + skip, buf->len - skip);
	case ACR_FORMAT_RAW:
		break;
	}
	return push(session->stream, buf, skip);
}

static int put_out_bytes(struct acr_session *session, const void *data, size_t len)
{
	struct acr_buf *buf = acr_buf_new(session->account);
	int error = buf ? acr_buf_write(buf, 0, data, len) : -ENOSPC;

	if (!error)
		error = put_out(session, buf, 0);
	acr_buf_unref(buf);
	return error;
}

/* What texts end with. */
static int put_out_end(struct acr_session *session)
{
	struct acr_stream *stream = session->stream;
	size_t n;

	if (format_of(session) == ACR_FORMAT_RAW)
		return 0;
	n = (size_t)acr_format_length(session->stage.format, stream->carried);
	return push_text(session, stream->carry, stream->carried, n);
}

int acr_stream_take(struct acr_session *session, size_t len, struct acr_piece *piece)
{
	struct acr_stream *stream = session->stream;
	struct chunk *chunk = stream ? STAILQ_FIRST(&stream->output) : NULL;

	*piece = (struct acr_piece){ 0 };
	if (!len)
		return 0;
	if (!chunk) {
		if (session->state == ACR_ACTIVE)
			return -EAGAIN;
		return session->result;
	}
	piece->buf = acr_buf_ref(chunk->buf);
	piece->offset = chunk->offset;
	piece->len = MIN(len, chunk->buf->len - chunk->offset);
	chunk->offset += piece->len;
	stream->waiting -= piece->len;
	if (chunk->offset == chunk->buf->len) {
		drop_first(stream);
	}
	return 0;
}

bool acr_stream_has_output(const struct acr_session *session)
{
	return session->stream && !STAILQ_EMPTY(&session->stream->output);
}

void acr_stream_free(struct acr_stream *stream)
{
	if (!stream)
		return;
	while (!STAILQ_EMPTY(&stream->output))
		drop_first(stream);
	acr_blob_unref(stream->iv);
	acr_state_unref(stream->state);
	acr_state_unref(stream->shadow);
	explicit_bzero(stream->prefix, sizeof stream->prefix);
	explicit_bzero(stream->carry, sizeof stream->carry);
	free(stream);
}

/* ---- input ---- */

size_t acr_stream_room(const struct acr_session *session)
{
	size_t used = session->src ? session->src->len : 0;

	if (session->stream && session->stream->collects)
		return SIZE_MAX; /* the quota bounds it */
	used += session->stream ? session->stream->in_flight : 0;
	return used < acr_settings.window ? acr_settings.window - used : 0;
}

bool acr_stream_moves(const struct acr_session *session)
{
	return session->stream && session->stream->in_flight;
}

/* Take the first len bytes of src as a buffer of their own. Returns owned. */
static struct acr_buf *take_input(struct acr_session *session, size_t len, int *error)
{
	struct acr_buf *buf = session->src, *rest = NULL;

	if (!buf)
		return acr_buf_new(session->account);
	if (len < buf->len) {
		rest = acr_buf_new(session->account);
		*error = rest ? acr_buf_write(rest, 0, buf->data + len, buf->len - len)
		              : -ENOSPC;
		if (*error) {
			acr_buf_unref(rest);
			return NULL;
		}
		buf->len = len;
	}
	session->src = rest;
	return buf;
}

/* ---- pieces ---- */

int acr_stream_start(struct acr_session *session)
{
	struct acr_stage *stage = &session->stage;
	enum acr_opcode op = acr_stage_op(stage);
	bool combined = acr_stage_layout(stage) == ACR_LAYOUT_COMBINED, recorded;
	struct acr_stream *stream = calloc(1, sizeof *stream);
	int error = 0;

	if (!stream)
		return -ENOSPC;
	STAILQ_INIT(&stream->output);
	acr_stream_free(session->stream);
	session->stream = stream;
	stream->collects = op == ACR_DECRYPT && stage->alg->kind == ACR_KIND_AEAD;
	if (stream->collects)
		return 0;
	if (op == ACR_DECRYPT && combined)
		stream->wants_iv = stage->alg->iv_max > 0;
	else if (op == ACR_DECRYPT)
		stream->iv = acr_blob_ref(stage->alg->iv_max ? stage->iv : NULL);
	else
		error = acr_request_iv(stage, &stream->iv, &recorded);
	if (!error && op == ACR_ENCRYPT && combined && stream->iv)
		error = put_out_bytes(session, stream->iv->data, stream->iv->len);
	if (error) {
		acr_stream_free(stream);
		session->stream = NULL;
	}
	return error;
}

/* A combined decryption begins with its IV. 0, -EAGAIN: not there yet, or an error. */
static int take_iv(struct acr_session *session)
{
	struct acr_stage *stage = &session->stage;
	size_t len = stage->iv ? stage->iv->len : stage->alg->iv_default;
	struct acr_buf *head;
	int error = 0;

	if (!session->src || session->src->len < len) {
		if (!session->src_eof)
			return -EAGAIN;
		acr_stage_explain(&session->stage, -EINVAL, "src is shorter than its iv");
		return -EINVAL;
	}
	head = take_input(session, len, &error);
	if (!head)
		return error;
	session->stream->iv = acr_blob_new(head->data, len, false, NULL, &error);
	acr_buf_unref(head);
	session->stream->wants_iv = false;
	return error;
}

/* How many bytes the next piece can have. */
static size_t usable(const struct acr_session *session)
{
	const struct acr_stage *stage = &session->stage;
	size_t there = session->src ? session->src->len : 0;
	/* The last block of a padded decryption must be known to be the last. */
	size_t held = acr_stage_op(stage) == ACR_DECRYPT && stage->alg->flags & ACR_ALG_PADS;

	if (session->src_eof)
		return there;
	if (stage->alg->pieces != ACR_PIECES_ECB && stage->alg->pieces != ACR_PIECES_CBC)
		return there;
	return there > held ? (there - held) / stage->alg->block * stage->alg->block : 0;
}

/* Modes that work on bytes: an incomplete block is kept and goes in again before what follows,
 * under the same IV, and its output is dropped the second time. */
static bool works_on_bytes(const struct acr_alg *alg)
{
	return alg->pieces == ACR_PIECES_CFB || alg->pieces == ACR_PIECES_OFB ||
	       alg->pieces == ACR_PIECES_CTR || alg->pieces == ACR_PIECES_CHACHA;
}

/* The next piece's input, with the prefix before it. Returns owned. */
static struct acr_buf *piece_input(struct acr_session *session, size_t len, int *error)
{
	struct acr_stream *stream = session->stream;
	struct acr_buf *in = take_input(session, len, error), *joined;

	if (!in || !stream->prefixed)
		return in;
	joined = acr_buf_new(session->account);
	*error = joined ? acr_buf_write(joined, 0, stream->prefix, stream->prefixed) : -ENOSPC;
	if (!*error)
		*error = acr_buf_write(joined, stream->prefixed, in->data, in->len);
	acr_buf_unref(in);
	if (!*error)
		return joined;
	acr_buf_unref(joined);
	return NULL;
}

/* Keep what of a piece is an incomplete block. */
static void keep_prefix(struct acr_stream *stream, const struct acr_job *job)
{
	stream->prefixed = works_on_bytes(job->alg) ? job->src_len % job->alg->block : 0;
	if (stream->prefixed)
		memcpy(stream->prefix, job->src->data + job->src_len - stream->prefixed,
		       stream->prefixed);
}

static int collect_job(struct acr_session *session, struct acr_job **job)
{
	if (!session->src_eof)
		return -EAGAIN;
	session->stream->ended = true;
	return acr_request_build(&session->stage, session->src, job);
}

static int piece_job(struct acr_session *session, size_t len, struct acr_job **job)
{
	struct acr_stream *stream = session->stream;
	unsigned flags =
	        (stream->begun ? 0 : ACR_OP_FIRST) | (session->src_eof ? ACR_OP_LAST : 0);
	struct acr_buf *in;
	int error = 0;

	if (session->src_eof)
		error = acr_rules_size(&session->stage, stream->total + len);
	if (error)
		return error;
	if (stream->total + len > session->stage.alg->in_max)
		return acr_rules_size(&session->stage, stream->total + len);
	in = piece_input(session, len, &error);
	if (!in)
		return error ? error : -ENOSPC;
	error = acr_request_part(&session->stage, in, flags, job);
	acr_buf_unref(in);
	if (error)
		return error;
	(*job)->iv = acr_blob_ref(stream->iv);
	(*job)->state = acr_state_ref(stream->state);
	(*job)->shadow = acr_state_ref(stream->shadow);
	stream->total += len;
	stream->in_flight = len;
	stream->begun = true;
	stream->ended = session->src_eof;
	return 0;
}

/* Chained modes have nothing left to do when the input ended on a piece's boundary. */
static bool nothing_left(const struct acr_session *session, size_t len)
{
	const struct acr_stage *stage = &session->stage;

	return session->src_eof && !len && stage->alg->pieces != ACR_PIECES_STATE &&
	       !acr_rules_pads(stage);
}

/* Under the lock. 0 and a job or, at the end, none; -EAGAIN: nothing to do now; or why the
 * stream has failed. */
static int next_job(struct acr_session *session, struct acr_job **job)
{
	struct acr_stream *stream = session->stream;
	size_t len;
	int error = 0;

	if (!stream || session->state != ACR_ACTIVE || session->job || session->pumping ||
	    stream->ended)
		return -EAGAIN;
	if (stream->collects)
		return collect_job(session, job);
	if (stream->waiting >= acr_settings.window)
		return -EAGAIN;
	if (stream->wants_iv && (error = take_iv(session)))
		return error;
	len = usable(session);
	if (!len && !session->src_eof)
		return -EAGAIN;
	if (!nothing_left(session, len))
		return piece_job(session, len, job);
	stream->ended = true;
	return put_out_end(session);
}

/* Under the lock: a piece has come back well. */
static int piece_finished(struct acr_session *session, struct acr_job *job)
{
	struct acr_stream *stream = session->stream;
	bool combined = acr_stage_layout(&session->stage) == ACR_LAYOUT_COMBINED;
	size_t repeated;
	int error;

	session->bytes_in += job->src_len - stream->prefixed;
	if (stream->collects) {
		acr_request_collect(&session->stage, job);
		error = put_out(session, session->stage.dst, 0);
		acr_buf_unref(session->stage.dst);
		session->stage.dst = NULL;
		return error ? error : put_out_end(session);
	}
	acr_state_unref(stream->state);
	stream->state = job->state_out;
	job->state_out = NULL;
	acr_state_unref(stream->shadow);
	stream->shadow = job->shadow_out;
	job->shadow_out = NULL;
	error = acr_chain_iv(&stream->iv, job);
	job->dst->len = job->dst_len;
	repeated = stream->prefixed;
	keep_prefix(stream, job);
	if (!error)
		error = put_out(session, job->dst, repeated);
	if (error || !stream->ended)
		return error;
	acr_request_keep_tag(&session->stage, job);
	if (combined && job->opcode == ACR_ENCRYPT && job->alg->kind == ACR_KIND_AEAD)
		error = put_out_bytes(session, job->tag_out, job->tag_size);
	return error ? error : put_out_end(session);
}

static void fail(struct acr_session *session, const struct acr_job *job, int error)
{
	acr_session_explain(session, error, "%s", acr_request_failure(job, error));
	acr_session_end(session, ACR_FAILED, error);
}

static void piece_done(struct acr_job *job, int error)
{
	struct acr_session *session = job->owner;
	bool mine, pump = false;

	pthread_mutex_lock(&session->lock);
	mine = session->job == job;
	if (mine) {
		session->job = NULL;
		session->stream->in_flight = 0; /* there: only an end drops the stream */
		session->queue_ns = job->queue_ns;
		session->process_ns += job->process_ns;
		if (!error)
			error = piece_finished(session, job);
		if (error)
			fail(session, job, error);
		else if (session->stream->ended)
			acr_session_end(session, ACR_DONE, 0);
		/* Make room for what writers bring now, unless another driver may still
		 * read. */
		if (!job->extra) {
			acr_buf_unref(job->src);
			job->src = NULL;
		}
		pump = !session->pumping;
	}
	pthread_mutex_unlock(&session->lock);
	if (mine) {
		acr_session_changed(session);
		acr_job_unref(job);
		if (pump)
			acr_stream_pump(session);
	}
	acr_job_unref(job); /* submission's */
	acr_session_unref(session);
}

/* Under the lock: start the next piece if there is one. True: submit *job. */
static bool prepare_piece(struct acr_session *session, struct acr_job **job, bool *changed)
{
	int error = next_job(session, job);

	if (error == -EAGAIN)
		return false;
	if (error || !*job) {
		if (error && session->error != error)
			acr_session_explain(session, error, "the stream can't go on");
		acr_session_end(session, error ? ACR_FAILED : ACR_DONE, error);
		*changed = true;
		return false;
	}
	(*job)->owner = acr_session_ref(session);
	(*job)->done = piece_done;
	session->job = acr_job_ref(*job); /* and one for the submission */
	session->pumping = true;
	return true;
}

void acr_stream_pump(struct acr_session *session)
{
	for (;;) {
		struct acr_job *job = NULL;
		bool changed = false, run;
		int error;

		pthread_mutex_lock(&session->lock);
		run = prepare_piece(session, &job, &changed);
		pthread_mutex_unlock(&session->lock);
		if (changed)
			acr_session_changed(session);
		if (!run)
			return;
		acr_job_ref(job);
		error = acr_job_submit(job, job->src_len <= INLINE_MAX);
		if (error)
			piece_done(job, error);
		acr_job_unref(job);
		pthread_mutex_lock(&session->lock);
		session->pumping = false;
		pthread_mutex_unlock(&session->lock);
	}
}
