/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys that were written to descriptors which are still open. They go when their session or its
 * key does: who removes a key must find no copy of it left. */
#include "fsops.h"

#define LISTS 64 /* by session: who removes one shall not go through everybody's descriptors */

LIST_HEAD(holders, fs_handle);
static struct holders lists[LISTS];                      /* (k) */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* (k), before (h) */

static struct holders *list_of(const struct acr_session *session)
{
	return &lists[session->serial % LISTS];
}

void fs_hold(struct fs_handle *handle)
{
	pthread_mutex_lock(&lock);
	LIST_INSERT_HEAD(list_of(handle->session), handle, holders);
	pthread_mutex_unlock(&lock);
}

void fs_hold_end(struct fs_handle *handle)
{
	pthread_mutex_lock(&lock);
	LIST_REMOVE(handle, holders);
	pthread_mutex_unlock(&lock);
}

void fs_drop_collected(struct fs_handle *handle)
{
	acr_blob_unref(handle->value);
	handle->value = NULL;
	handle->filled = 0;
}

void fs_drop_held(struct acr_session *session, unsigned stage)
{
	struct fs_handle *handle;

	pthread_mutex_lock(&lock);
	LIST_FOREACH(handle, list_of(session), holders) {
		if (handle->session != session ||
		    (stage && stage != fs_node_stage(&handle->node)))
			continue;
		pthread_mutex_lock(&handle->lock);
		fs_drop_collected(handle);
		handle->dirty = false;
		pthread_mutex_unlock(&handle->lock);
	}
	pthread_mutex_unlock(&lock);
}
