/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counted pieces of memory: blobs (small, fixed: keys, IVs, associated data) and buffers (the
 * data of sessions, growing). Both are left out of dumps, wiped when the last holder lets go,
 * and charged to an account. */
#ifndef ACR_BUF_H
#define ACR_BUF_H

#include "account.h"

#include <acrypto/driver.h>

struct acr_blob {
	atomic_uint refs;
	struct acr_account *account; /* charged, or NULL */
	size_t len;
	uint8_t data[];
};

/* A copy of len bytes; data NULL: zeros, which the caller fills. secret: in locked memory. Returns owned, or NULL with *error set to
 * -EDQUOT or -ENOSPC. Any thread. */
struct acr_blob *acr_blob_new(const void *data, size_t len, bool secret,
                              struct acr_account *account, int *error);
/* len zero bytes that the caller fills, neither secret nor charged. NULL: no memory. */
struct acr_blob *acr_blob_sized(size_t len);
/* The same in locked memory. */
struct acr_blob *acr_secret_blob(size_t len);
struct acr_blob *acr_blob_ref(struct acr_blob *blob);
void acr_blob_unref(struct acr_blob *blob); /* NULL is fine */
struct acr_bytes acr_blob_bytes(const struct acr_blob *blob);

struct acr_buf {
	atomic_uint refs;
	struct acr_account *account;
	uint8_t *data;
	size_t len;     /* bytes in use */
	size_t room;    /* bytes at data */
	size_t charged; /* bytes that may be used, charged to account */
	size_t dirty;   /* bytes that acr_buf_write() has ever reached: zeros from there on */
};

/* Empty. Returns owned, NULL: no memory. */
struct acr_buf *acr_buf_new(struct acr_account *account);
struct acr_buf *acr_buf_ref(struct acr_buf *buf);
void acr_buf_unref(struct acr_buf *buf); /* NULL is fine */

/* Make room for size bytes in all. 0, -EDQUOT, -ENOSPC; then nothing has changed. The caller
 * is the only one to use the buffer. */
int acr_buf_reserve(struct acr_buf *buf, size_t size);

/* A buffer of the same contents that nobody else holds: buf itself if that is so, else a copy
 * (buf's reference is given back). NULL with *error; then buf stays held. */
struct acr_buf *acr_buf_own(struct acr_buf *buf, int *error);

/* Store at an offset; a gap before it reads as zeros. Errors as above. */
int acr_buf_write(struct acr_buf *buf, size_t offset, const void *data, size_t len);

#endif
