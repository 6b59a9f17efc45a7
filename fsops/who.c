/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fsops.h"

#include "base/settings.h"

#include <grp.h>
#include <unistd.h>

/* Is the caller in the group that may use high priorities? Supplementary groups count. */
static bool in_group(fuse_req_t req, const char *name)
{
	char buffer[4096];
	gid_t groups[256];
	struct group entry, *found = NULL;
	int count;

	if (getgrnam_r(name, &entry, buffer, sizeof buffer, &found) || !found)
		return false;
	if (fuse_req_ctx(req)->gid == found->gr_gid)
		return true;
	count = fuse_req_getgroups(req, (int)G_N_ELEMENTS(groups), groups);
	for (int i = 0; i < count && i < (int)G_N_ELEMENTS(groups); i++)
		if (groups[i] == found->gr_gid)
			return true;
	return false;
}

struct fs_actor fs_actor_of(fuse_req_t req)
{
	const char *group = atomic_load(&acr_settings.priority_group);
	uint32_t uid = fuse_req_ctx(req)->uid;
	struct fs_actor actor = { .uid = uid, .root = uid == 0 || uid == getuid() };

	actor.privileged = actor.root || (group && in_group(req, group));
	return actor;
}

struct fs_actor fs_actor_both(const struct fs_actor *a, const struct fs_actor *b)
{
	return (struct fs_actor){
		.uid = b->uid,
		.root = a->root && b->root,
		.privileged = a->privileged && b->privileged,
	};
}
