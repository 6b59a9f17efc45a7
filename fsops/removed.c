/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of sessions that were just removed. They are there again at once, as new; but
 * programs that replace a file remove it and then insist on creating it. For them it is
 * gone until then. */
#include "caller.h"

#include "base/stats.h"

#include <fcntl.h>

#define MARKS   64
#define SECONDS 5ull /* from removing a file to creating it */

static struct mark {
	struct fs_node node;
	uint32_t uid;                                    /* who removed it */
	uint64_t until_ns;                               /* monotonic */
} marks[MARKS];                                          /* under the lock; a ring */
static unsigned next_mark;                               /* under the lock */
static atomic_uint_least64_t all_until_ns;               /* the latest of all */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf */

void fs_removed_note(fuse_req_t req, const struct fs_node *node)
{
	uint64_t until = acr_now_ns() + SECONDS * 1000000000;

	pthread_mutex_lock(&lock);
	marks[next_mark++ % MARKS] = (struct mark){ *node, fuse_req_ctx(req)->uid, until };
	atomic_store(&all_until_ns, until);
	pthread_mutex_unlock(&lock);
}

static bool is_marked(const struct fs_node *node, uint32_t uid, uint64_t now)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < MARKS && !found; i++)
		found = marks[i].node.file == node->file &&
		        marks[i].node.object == node->object &&
		        marks[i].node.stage == node->stage && marks[i].uid == uid &&
		        marks[i].until_ns > now;
	pthread_mutex_unlock(&lock);
	return found;
}

bool fs_removed_for(fuse_req_t req, const struct fs_node *node)
{
	uint64_t until = atomic_load(&all_until_ns), now;

	if (!until || !node->file || (now = acr_now_ns()) >= until)
		return false;
	return is_marked(node, fuse_req_ctx(req)->uid, now) &&
	       (fs_caller_open_flags(req) & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
}
