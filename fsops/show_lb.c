/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is in lb/ and in the directory of a balancer. */
#include "show.h"

#include "sched/balancer.h"
#include "device/device.h"

#include <errno.h>

FS_SHOW(lb_current)
{
	g_auto(GStrv) names = acr_balancer_names();

	(void)node, (void)actor;
	for (guint i = 0; names[i]; i++)
		g_string_append_printf(text, i ? " %s" : "[%s]", names[i]);
	g_string_append_c(text, '\n');
}

FS_STORE(lb_current)
{
	(void)node;
	return actor->root ? acr_balancer_switch(text) : -EACCES;
}

FS_STORE(lb_load)
{
	(void)node;
	return actor->root ? acr_balancer_load(text) : -EACCES;
}

FS_STORE(lb_unload)
{
	(void)node;
	return actor->root ? acr_balancer_unload(text) : -EACCES;
}

FS_STORE(lb_rehash)
{
	(void)node, (void)text;
	if (!actor->root)
		return -EACCES;
	acr_sched_rehash();
	return 0;
}

FS_SHOW(balancer_info)
{
	g_autofree char *info = acr_balancer_info(g_quark_to_string((GQuark)node->object));

	(void)actor;
	g_string_append(text, info ? info : "");
}

/* ---- files that a balancer brings along ---- */

static const char *balancer_of(const struct fs_node *node)
{
	return g_quark_to_string((GQuark)(node->object >> 8));
}

FS_SHOW(lb_file)
{
	/* The size of what only root may read is nobody else's business either. */
	if (actor->root || node->file->mode & 0004)
		acr_balancer_file_read(balancer_of(node), node->object & 255, text);
}

FS_STORE(lb_file)
{
	const char *name = balancer_of(node);
	int error;

	if (!actor->root)
		return -EACCES;
	error = acr_balancer_file_write(name, node->object & 255, text);
	/* What is queued shall go by what was written, too. */
	if (!error && acr_balancer_is_current(name))
		acr_sched_rehash();
	return error;
}
