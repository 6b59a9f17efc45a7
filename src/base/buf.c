/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buf.h"

#include "pages.h"
#include "secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLAB_MAX ((size_t)16 * 1024) /* up to here from the private arena, above whole pages */

static struct acr_blob *blob_in(void *memory, size_t len)
{
	struct acr_blob *blob = memory;

	if (!blob)
		return NULL;
	atomic_init(&blob->refs, 1);
	blob->len = len;
	return blob;
}

struct acr_blob *acr_blob_sized(size_t len)
{
	return blob_in(acr_private_alloc(sizeof(struct acr_blob) + len), len);
}

struct acr_blob *acr_secret_blob(size_t len)
{
	return blob_in(acr_secret_alloc(sizeof(struct acr_blob) + len), len);
}

struct acr_blob *acr_blob_new(const void *data, size_t len, bool secret,
                              struct acr_account *account, int *error)
{
	struct acr_blob *blob;

	if (account) {
		*error = acr_account_charge(account, len);
		if (*error)
			return NULL;
	}
	blob = secret ? acr_secret_blob(len) : acr_blob_sized(len);
	if (!blob) {
		if (account)
			acr_account_release(account, len);
		*error = -ENOSPC;
		return NULL;
	}
	blob->account = account;
	if (data && len)
		memcpy(blob->data, data, len);
	return blob;
}

struct acr_blob *acr_blob_ref(struct acr_blob *blob)
{
	if (blob)
		atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
	return blob;
}

void acr_blob_unref(struct acr_blob *blob)
{
	if (!blob || atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (blob->account)
		acr_account_release(blob->account, blob->len);
	acr_secret_free(blob);
}

struct acr_bytes acr_blob_bytes(const struct acr_blob *blob)
{
	return blob ? (struct acr_bytes){ blob->data, blob->len } : (struct acr_bytes){ 0 };
}

struct acr_buf *acr_buf_new(struct acr_account *account)
{
	struct acr_buf *buf = malloc(sizeof *buf); /* calloc() is slower, see acr_job_new() */

	if (buf)
		*buf = (struct acr_buf){ .refs = 1, .account = account };
	return buf;
}

struct acr_buf *acr_buf_ref(struct acr_buf *buf)
{
	if (buf)
		atomic_fetch_add_explicit(&buf->refs, 1, memory_order_relaxed);
	return buf;
}

static void free_data(uint8_t *data, size_t room, size_t used)
{
	if (room > SLAB_MAX)
		acr_pages_free(data, room, used);
	else
		acr_secret_free(data);
}

void acr_buf_unref(struct acr_buf *buf)
{
	if (!buf || atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel) != 1)
		return;
	/* A driver may have written past len, within what was charged. */
	if (buf->data)
		free_data(buf->data, buf->room, buf->charged);
	acr_account_release(buf->account, buf->charged);
	free(buf);
}

/* Grow by at least half, so that many small appends stay cheap. */
static size_t better_room(size_t room, size_t size)
{
	if (room && room + room / 2 > size)
		size = room + room / 2;
	return size > SLAB_MAX ? acr_pages_round(size) : size;
}

static int grow_room(struct acr_buf *buf, size_t size)
{
	size_t room = better_room(buf->room, size);
	uint8_t *data;

	if (room > SLAB_MAX && buf->room > SLAB_MAX)
		data = acr_pages_grow(buf->data, buf->room, room);
	else
		data = room > SLAB_MAX ? acr_pages_alloc(room) : acr_private_alloc(room);
	if (!data)
		return -ENOSPC;
	if (buf->data && buf->room <= SLAB_MAX) {
		memcpy(data, buf->data, buf->len);
		acr_secret_free(buf->data);
		buf->dirty = buf->len;
	}
	buf->data = data;
	buf->room = room;
	return 0;
}

int acr_buf_reserve(struct acr_buf *buf, size_t size)
{
	size_t more = size > buf->charged ? size - buf->charged : 0;
	int error;

	if (size > SIZE_MAX / 4)
		return -ENOSPC;
	if (!more)
		return 0;
	error = acr_account_charge(buf->account, more);
	if (!error && size > buf->room) {
		error = grow_room(buf, size);
		if (error)
			acr_account_release(buf->account, more);
	}
	if (!error)
		buf->charged = size;
	return error;
}

int acr_buf_write(struct acr_buf *buf, size_t offset, const void *data, size_t len)
{
	int error;

	if (len > SIZE_MAX / 4 || offset > SIZE_MAX / 4)
		return -ENOSPC;
	error = acr_buf_reserve(buf, offset + len);
	if (error)
		return error;
	/* A gap may be gigabytes of pages that nobody has touched: leave them so. */
	if (offset > buf->len && buf->dirty > buf->len)
		memset(buf->data + buf->len, 0,
		       (offset < buf->dirty ? offset : buf->dirty) - buf->len);
	if (len)
		memcpy(buf->data + offset, data, len);
	if (len && offset + len > buf->dirty)
		buf->dirty = offset + len;
	if (offset + len > buf->len)
		buf->len = offset + len;
	return 0;
}

struct acr_buf *acr_buf_own(struct acr_buf *buf, int *error)
{
	struct acr_buf *copy;

	if (atomic_load(&buf->refs) == 1)
		return buf;
	copy = acr_buf_new(buf->account);
	*error = copy ? acr_buf_write(copy, 0, buf->data, buf->len) : -ENOSPC;
	if (*error) {
		acr_buf_unref(copy);
		return NULL;
	}
	acr_buf_unref(buf);
	return copy;
}
