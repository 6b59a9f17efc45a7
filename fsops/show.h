/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Contents of text files, and what writing to them does; see files.c for which is which. */
#ifndef FS_SHOW_H
#define FS_SHOW_H

#include "fsops.h"

#define FS_SHOW(name)                                                                          \
	void fs_show_##name(const struct fs_node *node, const struct fs_actor *actor,          \
	                    GString *text)
#define FS_STORE(name)                                                                         \
	int fs_store_##name(const struct fs_node *node, const struct fs_actor *actor,          \
	                    char *text)

FS_SHOW(readme);
FS_SHOW(random);
FS_SHOW(version);
FS_SHOW(status);
FS_SHOW(metrics);
FS_SHOW(algorithms);
FS_SHOW(session_state);
FS_SHOW(session_history);
FS_SHOW(session_status);
FS_SHOW(stage_status);
FS_SHOW(device_driver);
FS_SHOW(device_state);
FS_SHOW(device_load);
FS_SHOW(device_queue);
FS_SHOW(device_capabilities);
FS_SHOW(device_stats);
FS_SHOW(device_check);
FS_SHOW(lb_current);
FS_SHOW(balancer_info);
FS_SHOW(lb_file);

FS_STORE(session_ctl);
FS_STORE(device_add);
FS_STORE(device_remove);
FS_STORE(device_ctl);
FS_STORE(device_check);
FS_STORE(lb_current);
FS_STORE(lb_load);
FS_STORE(lb_unload);
FS_STORE(lb_rehash);
FS_STORE(lb_file);

#endif
