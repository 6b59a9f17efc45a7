/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions whose src and dst are the two ends of a pipe. */
#ifndef ACR_STREAM_H
#define ACR_STREAM_H

#include "data.h"

int acr_stream_start(struct acr_session *session); /* (s) held */
void acr_stream_free(struct acr_stream *stream);   /* NULL is fine */
void acr_stream_pump(struct acr_session *session); /* not held */
/* (s) held. Bytes of the window that are free. */
size_t acr_stream_room(const struct acr_session *session);
/* (s) held. Is a piece on its way, whose end will change something? */
bool acr_stream_moves(const struct acr_session *session);
/* (s) held. 0 with a piece (empty at the end), or -EAGAIN. */
int acr_stream_take(struct acr_session *session, size_t len, struct acr_piece *piece);
bool acr_stream_has_output(const struct acr_session *session); /* (s) held */

#endif
