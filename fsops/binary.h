/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The binary interface, behind include/acrypto/ioctl.h: ioctl.c has the calls that are answered
 * at once, ioctl_data.c what fills a session, ioctl_call.c what waits. */
#ifndef FSOPS_BINARY_H
#define FSOPS_BINARY_H

#include "caller.h"

#include <acrypto/ioctl.h>

/* A value on its way to a session. */
struct fs_filling {
	unsigned type;         /* enum acrypto_type; 0: nothing */
	bool by_file;          /* write() brings it */
	bool busy;             /* a call is copying it just now */
	uint64_t total, filled;
	struct acr_buf *buf;   /* of src */
	struct acr_blob *blob; /* of all others; of a key in secret memory */
};

/* What an open description of `ioctl` holds, beside the session. Under handle->lock. */
struct fs_binary {
	struct acrypto_session_alloc sizes; /* as announced; constant once there is a session */
	struct fs_filling filling;
	struct acrypto_buffer dst, tag; /* where ADD stores them */
	unsigned stored;        /* the request whose result ADD has stored; 0: none */
	unsigned reading;       /* ACRYPTO_DST, _TAG or _IV */
	unsigned read_request;  /* which one read_at is of */
	uint64_t read_at;
	int error;              /* of the last call that failed, negative */
	char sentence[sizeof(((struct acrypto_status *)0)->sentence)];
};

/* ---- ioctl.c ---- */

/* Remember why a call fails, for ACRYPTO_STATUS. Returns error. No lock held. */
int fs_binary_fail(struct fs_handle *handle, int error, const char *sentence);
/* The same where the session has said why. */
int fs_binary_fail_of(struct fs_handle *handle, int error, struct acr_session *session);
/* A session of the caller's as the initializer wants it, charged to the caller. wanted: bytes of
 * output where that may be chosen. Returns a reference through session. 0 or a negative errno,
 * remembered. */
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
void fs_binary_fill(fuse_req_t req, struct fs_handle *handle, const struct acrypto_fill_data *in);
void fs_binary_fill_inline(fuse_req_t req, struct fs_handle *handle,
			   const struct acrypto_inline *in);
void fs_binary_write(fuse_req_t req, struct fs_handle *handle, const char *data, size_t size,
		     off_t offset, int flags);
void fs_filling_drop(struct fs_filling *filling);

/* ---- ioctl_call.c ---- */

void fs_binary_add(fuse_req_t req, struct fs_handle *handle, const struct acrypto_session_add *in);
void fs_binary_direct(fuse_req_t req, struct fs_handle *handle, const struct acrypto_direct *in);
void fs_binary_fetch(fuse_req_t req, struct fs_handle *handle, const struct acrypto_inline *in);
void fs_binary_read(fuse_req_t req, struct fs_handle *handle, size_t size, off_t offset, int flags);

#endif
