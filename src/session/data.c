/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two byte files of a session: src and dst. */
#include "session.h"
#include "base/encode.h"
#include "data.h"
#include "expected.h"
#include "foreign.h"
#include "rules.h"
#include "stream.h"

#include <errno.h>
#include <string.h>

static bool has_ended(const struct acr_session *session)
{
	return session->state > ACR_ACTIVE;
}

static int gone(const struct acr_session *session)
{
	return session->removed && session->name ? -ECANCELED : 0;
}

/* ---- src ---- */

/* O_TRUNC, or truncation to nothing. */
static int start_over(struct acr_session *session)
{
	if (session->state == ACR_ACTIVE) {
		/* The first writer of a stream whose reader was there before it. */
		if (session->stream_mode && !session->src_opened)
			return 0;
		acr_session_explain(session, -EBUSY, "src can't change while the request runs");
		return -EBUSY;
	}
	if (has_ended(session))
		acr_session_new_request(session);
	acr_rules_put_right(session);
	acr_buf_unref(session->src);
	session->src = NULL;
	session->src_eof = session->src_begun = false;
	session->src_hint = NULL;
	return 0;
}

/* The writer belongs to the present request. */
static void take_part(struct acr_session *session, struct acr_writer *writer)
{
	session->src_eof = false;
	if (!writer->counted)
		session->writers++;
	writer->counted = true;
}

int acr_src_open(struct acr_session *session, bool truncate, bool begins,
                 struct acr_writer *writer)
{
	int error;

	pthread_mutex_lock(&session->lock);
	error = gone(session);
	if (!error && truncate)
		error = start_over(session);
	if (!error && session->state == ACR_ACTIVE && session->src_eof)
		error = -EBUSY; /* the stream has had its end */
	if (!error) {
		/* Opened after an end without truncation: the first write makes a new
		 * request. */
		*writer = (struct acr_writer){ session->request + has_ended(session), false };
		if (!has_ended(session))
			take_part(session, writer);
		/* Who only probes, as zsh with noclobber, has not made it an empty input. */
		if (!has_ended(session) && (begins || session->stream_mode))
			session->src_opened = true;
	}
	pthread_mutex_unlock(&session->lock);
	return error;
}

void acr_src_close(struct acr_session *session, const struct acr_writer *writer)
{
	bool end = false;

	pthread_mutex_lock(&session->lock);
	if (writer->counted && writer->request == session->request)
		end = --session->writers == 0 && session->stream_mode && session->src_opened;
	if (end)
		session->src_eof = true;
	pthread_mutex_unlock(&session->lock);
	if (end)
		acr_stream_pump(session);
}

/* Is this descriptor's request the present one, and may it change? */
static int check_request(struct acr_session *session, struct acr_writer *writer)
{
	int error = gone(session);

	if (error)
		return error;
	if (has_ended(session) && writer->request == session->request + 1)
		acr_session_new_request(session);
	if (writer->counted && writer->request != session->request)
		return -ECANCELED; /* its request was reset, or is over and gone */
	if (session->stream_mode && has_ended(session) && session->result)
		return session->result;
	if (writer->request != session->request || has_ended(session) ||
	    (session->state == ACR_ACTIVE && !session->stream_mode)) {
		acr_session_explain(session, -EBUSY,
		                    "src can't change once the request has started: "
		                    "open it anew for the next one");
		return -EBUSY;
	}
	take_part(session, writer);
	session->src_opened = true;
	if (session->refused || session->error)
		acr_rules_put_right(session);
	return 0;
}

/* src as a buffer that may be changed: a reply may still be reading the one there is. */
static int own_src(struct acr_session *session)
{
	int error = 0;
	struct acr_buf *own = session->src ? acr_buf_own(session->src, &error)
	                                   : acr_buf_new(session->account);

	if (!own)
		return error ? error : -ENOSPC;
	session->src = own;
	return 0;
}

static ssize_t store(struct acr_session *session, uint64_t offset, bool append,
                     const void *data, size_t len)
{
	int error = own_src(session);

	if (!error)
		error = acr_buf_write(session->src, append ? session->src->len : (size_t)offset,
		                      data, len);
	if (error) {
		acr_session_explain(
		        session, error,
		        error == -EDQUOT
		                ? "your quota of memory is used up: set stream to 1 to need less"
		                : "the daemon's memory is used up: set stream to 1 to need less");
		return error;
	}
	if (len && !session->src_begun)
		session->src_hint = acr_foreign_hint(data, len);
	session->src_begun |= len > 0;
	return (ssize_t)len;
}

static ssize_t write_stream(struct acr_session *session, bool partial, const void *data,
                            size_t len)
{
	size_t room = acr_stream_room(session);
	ssize_t done;

	/* All or nothing, so that writes of several writers stay whole and a signal finds
	 * nothing half done: the last one may go over the window. */
	if (len && !room)
		return -EAGAIN;
	if (partial)
		len = MIN(len, room);
	done = store(session, 0, true, data, len);
	/* Memory that the stream itself holds comes back as it goes on: wait for that. */
	if ((done == -EDQUOT || done == -ENOSPC) && acr_stream_moves(session))
		return -EAGAIN;
	return done;
}

ssize_t acr_src_write(struct acr_session *session, struct acr_writer *writer, uint64_t offset,
                      bool append, bool partial, const void *data, size_t len)
{
	ssize_t done;

	pthread_mutex_lock(&session->lock);
	done = check_request(session, writer);
	if (!done)
		done = session->stream_mode ? write_stream(session, partial, data, len)
		                            : store(session, offset, append, data, len);
	pthread_mutex_unlock(&session->lock);
	if (done > 0 && session->stream_mode)
		acr_stream_pump(session);
	return done;
}

int acr_src_give(struct acr_session *session, struct acr_buf *buf)
{
	int error;

	pthread_mutex_lock(&session->lock);
	error = gone(session);
	if (!error)
		error = start_over(session);
	if (!error) {
		session->src = acr_buf_ref(buf);
		session->src_opened = true;
	}
	pthread_mutex_unlock(&session->lock);
	return error;
}

/* Under the lock. */
static int truncate_src(struct acr_session *session, uint64_t size)
{
	int error = gone(session);

	if (error)
		return error;
	if (size && session->stream_mode) {
		acr_session_explain(session, -EINVAL, "the src of a stream has no size");
		return -EINVAL;
	}
	if (!size || session->state != ACR_IDLE) {
		error = start_over(session);
		if (error || session->stream_mode)
			return error;
	}
	session->src_opened = true;
	acr_rules_put_right(session);
	if (!size)
		return 0;
	if (!session->src || size > session->src->len)
		return (int)MIN(store(session, size, false, "", 0), 0);
	error = own_src(session);
	if (!error)
		session->src->len = size;
	return error;
}

int acr_src_truncate(struct acr_session *session, uint64_t size)
{
	int error;

	pthread_mutex_lock(&session->lock);
	error = truncate_src(session, size);
	pthread_mutex_unlock(&session->lock);
	return error;
}

struct acr_buf *acr_src_get(struct acr_session *session)
{
	struct acr_buf *src;

	pthread_mutex_lock(&session->lock);
	src = acr_buf_ref(session->src);
	pthread_mutex_unlock(&session->lock);
	return src;
}

bool acr_src_writable(struct acr_session *session)
{
	bool writable;

	pthread_mutex_lock(&session->lock);
	writable = !session->stream_mode || has_ended(session) || session->removed ||
	           acr_stream_room(session) > 0;
	pthread_mutex_unlock(&session->lock);
	return writable;
}

/* ---- dst ---- */

/* The request of this stage; 0: the session's own dst. NULL: there is no such stage. */
static struct acr_stage *reader_stage(struct acr_session *session, unsigned number)
{
	return acr_stage_find(session, number ? number : session->last);
}

/* Has the stage ended, or can't it any more in this request? */
static bool stage_over(const struct acr_stage *stage)
{
	return stage->ended || has_ended(stage->session);
}

/* How a stage that is over ended: 0, its error, or that of an earlier stage. */
static int stage_result(struct acr_stage *stage)
{
	if (stage->ended)
		return stage->result;
	if (stage->session->state != ACR_DONE)
		return stage->session->result;
	acr_stage_explain(stage, -ENODATA,
	                  "this stage was added after the request: "
	                  "write continue to ctl");
	return -ENODATA;
}

/* Under the lock. 0 with a piece, -EAGAIN, the request's error, or 1: start it first. */
static int try_read(struct acr_session *session, unsigned number, unsigned *request,
                    uint64_t offset, size_t len, struct acr_piece *piece)
{
	enum acr_format format = acr_stage_format(session, number);
	struct acr_stage *stage = reader_stage(session, number);
	uint64_t length;
	int error;

	if (gone(session) || !stage)
		return -ECANCELED;
	if (!*request)
		*request = session->request + 1;
	if (*request != session->request + 1)
		return -ECANCELED; /* the request that this descriptor was reading is over */
	if (session->state == ACR_IDLE)
		return 1;    /* also when it was refused before: something may be better now */
	if (session->stream) /* not stream_mode, which may have been written since */
		return acr_stream_take(session, len, piece);
	if (!stage_over(stage))
		return -EAGAIN;
	error = stage_result(stage);
	if (error)
		return error;
	length = acr_format_length(format, stage->dst->len);
	*piece = (struct acr_piece){ .format = format };
	if (offset >= length || !len)
		return 0;
	piece->buf = acr_buf_ref(stage->dst);
	piece->offset = (size_t)offset;
	piece->len = (size_t)MIN(len, length - offset);
	return 0;
}

int acr_dst_read(struct acr_session *session, unsigned stage, unsigned *request,
                 uint64_t offset, size_t len, struct acr_piece *piece)
{
	bool streams;

	for (;;) {
		int result;

		pthread_mutex_lock(&session->lock);
		result = try_read(session, stage, request, offset, len, piece);
		streams = session->stream_mode;
		pthread_mutex_unlock(&session->lock);
		if (result == 1) {
			result = acr_session_start(session);
			if (!result || result == -EBUSY)
				continue;
			return result;
		}
		if (!result && streams)
			acr_stream_pump(session); /* the window has room again */
		return result;
	}
}

void acr_piece_drop(struct acr_piece *piece)
{
	acr_buf_unref(piece->buf);
	piece->buf = NULL;
}

void acr_piece_copy(const struct acr_piece *piece, uint8_t *out)
{
	if (piece->format == ACR_FORMAT_RAW)
		memcpy(out, piece->buf->data + piece->offset, piece->len);
	else
		acr_format_render(piece->format, piece->buf->data, piece->buf->len,
		                  piece->offset, out, piece->len);
}

uint64_t acr_dst_size(struct acr_session *session, unsigned number)
{
	struct acr_stage *stage;
	uint64_t size = 0;

	pthread_mutex_lock(&session->lock);
	stage = reader_stage(session, number);
	if (!stage || !stage->ended)
		size = acr_expected_size(session, number);
	else if (!session->stream && !stage->result && stage->dst)
		size = acr_format_length(acr_stage_format(session, number), stage->dst->len);
	pthread_mutex_unlock(&session->lock);
	return size;
}

bool acr_dst_readable(struct acr_session *session, unsigned number, bool *failed)
{
	struct acr_stage *stage;
	bool readable;

	pthread_mutex_lock(&session->lock);
	stage = reader_stage(session, number);
	*failed = session->removed || !stage;
	if (stage && stage->ended)
		*failed |= stage->result != 0;
	else
		*failed |= session->state == ACR_FAILED || session->state == ACR_CANCELLED;
	readable = *failed || stage_over(stage) || acr_stream_has_output(session);
	pthread_mutex_unlock(&session->lock);
	return readable;
}
