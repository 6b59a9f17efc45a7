/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is written to src and read from dst. */
#ifndef ACR_DATA_H
#define ACR_DATA_H

#include "session.h"

/* A descriptor that writes src: the request that it belongs to, once it takes part. (s) */
struct acr_writer {
	unsigned request;
	bool counted;
};

/* src is opened for writing; *writer is for the calls below. begins: it is an input
 * from now on; else from the first write on. 0, -EBUSY. */
int acr_src_open(struct acr_session *session, bool truncate, bool begins,
                 struct acr_writer *writer);
/* The last writer of a stream makes its end. */
void acr_src_close(struct acr_session *session, const struct acr_writer *writer);
/* Store data at an offset, or at the end. Returns len, fewer bytes (partial: as many as the
 * window has room for), or -EAGAIN (the window is full), -EBUSY, -EDQUOT, ... */
ssize_t acr_src_write(struct acr_session *session, struct acr_writer *writer, uint64_t offset,
                      bool append, bool partial, const void *data, size_t len);
int acr_src_truncate(struct acr_session *session, uint64_t size);
/* The whole input at once, of a session that is no stream. Keeps a reference to buf, which must
 * not change any more. 0, -EBUSY: the request is running. */
int acr_src_give(struct acr_session *session, struct acr_buf *buf);
/* What was written so far. A reference, NULL: nothing. */
struct acr_buf *acr_src_get(struct acr_session *session);
/* Room in the window for at least one byte, or nothing to wait for? */
bool acr_src_writable(struct acr_session *session);

/* A piece of dst for a reply: bytes of a buffer, to be given back with acr_piece_drop(). */
struct acr_piece {
	struct acr_buf *buf; /* a reference; NULL: the end */
	size_t offset, len;
	enum acr_format format; /* to be rendered; offset and len are of the rendered text */
};

/* Up to len bytes of a stage's output from an offset (a stream gives what comes next);
 * stage 0 is the session's own dst. Starts the request if nothing has. *request: which one
 * this reader reads; 0: the present one, and it is filled in. 0, -EAGAIN: not yet, or the
 * request's error; -ECANCELED: that request is over. */
int acr_dst_read(struct acr_session *session, unsigned stage, unsigned *request,
                 uint64_t offset, size_t len, struct acr_piece *piece);
void acr_piece_drop(struct acr_piece *piece);
/* Copy the piece into out, rendered, piece->len bytes. */
void acr_piece_copy(const struct acr_piece *piece, uint8_t *out);
/* Length of dst as it reads, or will read: see expected.h. 0 for streams. */
uint64_t acr_dst_size(struct acr_session *session, unsigned stage);
/* Would a read give something without waiting? failed: an error. Starts nothing. */
bool acr_dst_readable(struct acr_session *session, unsigned stage, bool *failed);

#endif
