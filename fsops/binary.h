/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The binary interface, behind include/acrypto/ioctl.h. ioctl.c has the table of calls,
 * ioctl_session.c makes sessions, ioctl_data.c fills them; ioctl_add.c, ioctl_direct.c and
 * ioctl_read.c get results with the help of ioctl_call.c; ioctl_status.c tells of failures. */
#ifndef FSOPS_BINARY_H
#define FSOPS_BINARY_H

#include "visit.h"
#include "session/data.h"

#include <acrypto/ioctl.h>

/* A value on its way to a session. */
struct fs_filling {
	unsigned type; /* enum acrypto_type; 0: nothing */
	bool by_file;  /* write() brings it */
	bool busy;     /* a call is copying it just now */
	uint64_t total, filled;
	struct acr_buf *buf;   /* of src */
	struct acr_blob *blob; /* of all others; of a key in secret memory */
};

/* What an open description of `ioctl` holds, beside the session. Under handle->lock. */
struct fs_binary {
	struct acrypto_session_alloc sizes; /* as announced; constant once there is a session */
	struct fs_filling filling;
	struct acrypto_buffer dst, tag; /* where ADD stores them */
	unsigned stored;                /* the request whose result ADD has stored; 0: none */
	unsigned reading;               /* ACRYPTO_DST, _TAG or _IV */
	unsigned read_request;          /* which one read_at is of */
	uint64_t read_at;
	int error; /* of the last call that failed, negative */
	char sentence[sizeof(((struct acrypto_status *)0)->sentence)];
};

/* ---- ioctl_status.c ---- */

/* Remember why a call fails, for ACRYPTO_STATUS. Returns error. No lock held. */
int fs_binary_fail(struct fs_handle *handle, int error, const char *sentence);
/* The same where the session has said why. */
int fs_binary_fail_of(struct fs_handle *handle, int error, struct acr_session *session);
void fs_binary_status(fuse_req_t req, struct fs_handle *handle);

/* ---- ioctl_session.c ---- */

/* A session of the caller's as the initializer wants it, charged to the caller. wanted:
 * bytes of output where that may be chosen. Returns a reference through session. 0 or a
 * negative errno, remembered. */
int fs_binary_session(fuse_req_t req, struct fs_handle *handle,
                      const struct acrypto_session_initializer *init, uint64_t wanted,
                      struct acr_session **session);
/* End a session that fs_binary_session() made and give the reference back. NULL is fine. */
void fs_binary_session_end(struct acr_session *session);
/* Is its tag a result, rather than something to verify? */
bool fs_binary_makes_tag(struct acr_session *session);

/* ---- ioctl_data.c ---- */

/* Give a session one value by its type; blob or buf is taken. The errno of the core. */
int fs_binary_give(struct acr_session *session, unsigned type, struct acr_blob *blob,
                   struct acr_buf *buf);
/* Room for a value of this type, charged to the session's owner: either blob or buf. */
int fs_binary_room(struct acr_session *session, unsigned type, uint64_t size,
                   struct acr_blob **blob, struct acr_buf **buf);
void fs_binary_fill(fuse_req_t req, struct fs_handle *handle,
                    const struct acrypto_fill_data *in);
void fs_binary_fill_inline(fuse_req_t req, struct fs_handle *handle,
                           const struct acrypto_inline *in);
void fs_binary_write(fuse_req_t req, struct fs_handle *handle, const char *data, size_t size,
                     off_t offset, int flags);
void fs_filling_drop(struct fs_filling *filling);

/* ---- ioctl_call.c ---- */

/* A value of a DIRECT call: room for it, and then what came from the caller. */
struct fs_input {
	unsigned type;
	struct acr_blob *blob; /* either */
	struct acr_buf *buf;   /* or */
};

/* One call, from its request to the answer. */
struct fs_call {
	struct fs_visit visit; /* first */
	struct fs_kept kept;
	struct fs_handle *handle;
	struct acr_session *session; /* a reference */
	bool own;                    /* it is DIRECT's, and ends with it */
	bool stores;                 /* of ADD: where dst goes has been said */
	unsigned request;            /* whose result it waits for; 0: the present one */
	size_t most;                 /* of read(): bytes */
	uint64_t at;                 /* of read(): where it began */
	int error;                   /* of the attempt, or what came later */
	const char *why;             /* a sentence about it; NULL: the session has one */
	struct acr_piece piece;      /* the result */
	struct acr_blob *tag, *iv;   /* results too, while they are stored */
	unsigned input_count;        /* of DIRECT */
	struct fs_input inputs[FS_COPIES];
	struct acrypto_buffer unused; /* where a size goes that nobody wants to know */
	union {
		struct acrypto_session_add add;
		struct acrypto_direct direct;
	} arg;
};

struct fs_call *fs_call_of(struct fs_kept *kept);
/* Returns owned, NULL: answered. session: is referenced, or NULL. kind: how it waits, NULL:
 * not. */
struct fs_call *fs_call_new(fuse_req_t req, struct fs_handle *handle,
                            struct acr_session *session, const struct fs_kept_kind *kind);
/* Give up a call that was answered. */
void fs_call_free(struct fs_call *call);
/* Answer with an error, remembered with the sentence (NULL: the session's), and give up. */
void fs_call_fail(struct fs_call *call, int error, const char *why);
/* Try to get the result. -EAGAIN, or 0 with call->error and call->piece. */
int fs_call_attempt(struct fs_kept *kept);
/* Try; answer with what it came to, wait, or say that it would have to. */
void fs_call_begin(struct fs_call *call, void (*answer)(struct fs_call *call));
/* Why waiting has ended with this error. */
const char *fs_call_why(int error);
/* Visit the caller to copy the result to it: dst, tag and IV to those places, as far as
 * each has one. Their sizes come back in dst, tag and iv (may be NULL), which may be where
 * the places came from. done() comes in any case; with -EMSGSIZE nothing was copied. */
void fs_call_store(struct fs_call *call, const struct acrypto_buffer to[3],
                   struct acrypto_buffer *dst, struct acrypto_buffer *tag,
                   struct acrypto_buffer *iv, bool here, void (*done)(struct fs_visit *visit));
/* Answer with arg_size bytes of call->arg, or with call->error and call->why; give up. */
void fs_call_answer(struct fs_call *call, size_t arg_size);
/* The descriptor's session, borrowed. NULL: answered, there is none. */
struct acr_session *fs_binary_session_of(fuse_req_t req, struct fs_handle *handle);

/* ---- ioctl_add.c, ioctl_direct.c ---- */

void fs_binary_add(fuse_req_t req, struct fs_handle *handle,
                   const struct acrypto_session_add *in);
void fs_binary_direct(fuse_req_t req, struct fs_handle *handle,
                      const struct acrypto_direct *in);

/* ---- ioctl_read.c ---- */

void fs_binary_fetch(fuse_req_t req, struct fs_handle *handle, const struct acrypto_inline *in);
void fs_binary_read(fuse_req_t req, struct fs_handle *handle, size_t size, off_t offset,
                    const struct fuse_file_info *fi);

#endif
