/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Directories: what is listed in them, and what mkdir and rmdir do. */
#include "fsops.h"
#include "session/route.h"
#include "session/sessions.h"

#include "base/account.h"
#include "sched/balancer.h"
#include "device/device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- listing ---- */

static void list_sessions(const struct fs_node *dir, GPtrArray *names)
{
	g_autoptr(GArray) serials = acr_session_serials();

	(void)dir;
	for (guint i = 0; i < serials->len; i++) {
		struct acr_session *session =
		        acr_session_by_serial(g_array_index(serials, uint64_t, i));
		if (session)
			g_ptr_array_add(names, g_strdup(session->name));
		acr_session_unref(session);
	}
}

static void list_devices(const struct fs_node *dir, GPtrArray *names)
{
	g_autoptr(GPtrArray) devices = acr_device_list();

	(void)dir;
	for (guint i = 0; i < devices->len; i++)
		g_ptr_array_add(names,
		                g_strdup(((struct acr_device *)devices->pdata[i])->spec->name));
}

static void list_balancers(const struct fs_node *dir, GPtrArray *names)
{
	g_auto(GStrv) list = acr_balancer_names();

	(void)dir;
	for (guint i = 0; list[i]; i++)
		g_ptr_array_add(names, g_strdup(list[i]));
}

/* The highest first: `rm -r` removes them in this order, and may remove only the highest. */
static void list_stages(const struct fs_node *node, GPtrArray *names)
{
	struct acr_session *session = acr_session_by_serial(node->object);

	if (!session)
		return;
	pthread_mutex_lock(&session->lock);
	for (unsigned i = acr_route_highest(session); i > 0; i--)
		if (acr_stage_find(session, i))
			g_ptr_array_add(names, g_strdup_printf("%u", i));
	pthread_mutex_unlock(&session->lock);
	acr_session_unref(session);
}

static void list_lb_files(const struct fs_node *dir, GPtrArray *names)
{
	const char *balancer = g_quark_to_string((GQuark)dir->object);
	unsigned mode;
	char name[70];

	for (unsigned i = 0; acr_balancer_file(balancer, i, name, &mode); i++)
		g_ptr_array_add(names, g_strdup(name));
}

static void (*const listers[FS_DIRS])(const struct fs_node *dir, GPtrArray *names) = {
	[FS_SESSIONS] = list_sessions, [FS_ROUTE] = list_stages,
	[FS_DEVICES] = list_devices,   [FS_LB] = list_balancers,
	[FS_BALANCER] = list_lb_files,
};

/* Returns owned. */
static GPtrArray *list(const struct fs_node *dir)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

	g_ptr_array_add(names, g_strdup("."));
	g_ptr_array_add(names, g_strdup(".."));
	for (const struct fs_file *f = fs_tables[dir->dir]; f && f->name; f++)
		if (*f->name != '.')
			g_ptr_array_add(names, g_strdup(f->name));
	if (listers[dir->dir])
		listers[dir->dir](dir, names);
	return names;
}

atomic_size_t fs_open_descriptors;

/* A descriptor of a directory holds the names as they were when it was opened, charged to the user
 * who opened it. Where they can't be it holds none, and each read lists what is there then. */
struct listing {
	struct fs_node dir;
	struct acr_account *account;
	GPtrArray *names; /* NULL: not held */
	size_t charged;
};

static size_t bytes_of(const GPtrArray *names)
{
	size_t bytes = 0;

	for (guint i = 0; i < names->len; i++)
		bytes += sizeof(void *) + strlen(names->pdata[i]) + 1;
	return bytes;
}

static void hold(struct listing *listing)
{
	GPtrArray *names = list(&listing->dir);
	size_t bytes = bytes_of(names);

	if (!listing->account || acr_account_charge(listing->account, bytes)) {
		g_ptr_array_unref(names);
		return;
	}
	listing->names = names;
	listing->charged = bytes;
}

static void listing_free(struct listing *listing)
{
	atomic_fetch_sub(&fs_open_descriptors, 1);
	if (listing->names) {
		g_ptr_array_unref(listing->names);
		acr_account_release(listing->account, listing->charged);
	}
	free(listing);
}

void fs_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct listing *listing;
	struct fs_node node;

	if (!fs_node_of(ino, &node) || node.file) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	listing = calloc(1, sizeof *listing);
	if (!listing) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	atomic_fetch_add(&fs_open_descriptors, 1);
	listing->dir = node;
	listing->account = acr_account_get(fuse_req_ctx(req)->uid);
	hold(listing);
	fi->fh = (uint64_t)(uintptr_t)listing;
	if (fuse_reply_open(req, fi))
		listing_free(listing);
}

void fs_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *fi)
{
	const struct listing *listing = (const struct listing *)(uintptr_t)fi->fh;
	g_autoptr(GPtrArray) names =
	        listing->names ? g_ptr_array_ref(listing->names) : list(&listing->dir);
	g_autofree char *buffer = g_try_malloc(size);
	size_t used = 0;

	(void)ino;
	if (!buffer) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	for (size_t i = (size_t)offset; i < names->len; i++) {
		/* Numbers and types here are only hints; a lookup gives the real ones. */
		struct stat st = { .st_ino = i + 2 };
		size_t need = fuse_add_direntry(req, buffer + used, size - used,
		                                names->pdata[i], &st, (off_t)i + 1);
		if (need > size - used)
			break;
		used += need;
	}
	fuse_reply_buf(req, buffer, used);
}

void fs_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	listing_free((struct listing *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

/* ---- changes ---- */

static void make_session(fuse_req_t req, const char *name)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct fs_node node = { .dir = FS_SESSION };
	struct acr_session *session;
	int error = acr_session_new(name, ctx->uid, ctx->gid, ctx->pid, &session);

	if (error) {
		fuse_reply_err(req, -error);
		return;
	}
	node.object = session->serial;
	acr_session_unref(session);
	fs_reply_entry(req, &node);
}

static void send_entry(const struct fs_answer *answer)
{
	if (answer->error)
		fuse_reply_err(answer->req, -answer->error);
	else
		fs_reply_entry(answer->req, &answer->node);
}

static void make_stage(fuse_req_t req, const struct fs_node *parent, const char *name)
{
	struct acr_session *session = acr_session_by_serial(parent->object);
	unsigned stage = fs_stage_number(name);

	fs_answer(
	        session, false,
	        &(struct fs_answer){ .send = send_entry,
	                             .req = req,
	                             .error = session ? acr_route_add(session, stage) : -ENOENT,
	                             .node = { FS_STAGE, NULL, stage, parent->object } });
	acr_session_unref(session);
}

void fs_mkdir(fuse_req_t req, fuse_ino_t parent_ino, const char *name, mode_t mode)
{
	struct fs_node parent = { .dir = FS_NONE };

	(void)mode; /* a session is 0700 whatever was asked for, and its stages as it is */
	fs_node_of(parent_ino, &parent);
	if (parent.dir == FS_SESSIONS)
		make_session(req, name);
	else if (parent.dir == FS_ROUTE)
		make_stage(req, &parent, name);
	else
		fuse_reply_err(req, EPERM);
}

static int remove_session(struct acr_session *session, const char *name)
{
	int error = acr_session_remove(session);

	(void)name;
	fs_drop_held(session, 0);
	return error;
}

static int remove_stage(struct acr_session *session, const char *name)
{
	int error = acr_route_remove(session, fs_stage_number(name));

	if (!error)
		fs_drop_held(session, fs_stage_number(name));
	return error;
}

/* `route` is always there too, and empty once its stages are gone. */
static int remove_route(struct acr_session *session, const char *name)
{
	bool is_long;

	if (strcmp(name, "route"))
		return -ENOTDIR;
	pthread_mutex_lock(&session->lock);
	is_long = acr_route_is_long(session);
	pthread_mutex_unlock(&session->lock);
	return is_long ? -ENOTEMPTY : 0;
}

/* By the directory in which it is. */
static int (*const removers[FS_DIRS])(struct acr_session *session, const char *name) = {
	[FS_SESSIONS] = remove_session,
	[FS_SESSION] = remove_route,
	[FS_ROUTE] = remove_stage,
};

void fs_rmdir(fuse_req_t req, fuse_ino_t parent_ino, const char *name)
{
	struct fs_node parent = { .dir = FS_NONE };
	struct acr_session *session;

	fs_node_of(parent_ino, &parent);
	if (!removers[parent.dir]) {
		fuse_reply_err(req, EPERM);
		return;
	}
	session = parent.dir == FS_SESSIONS ? acr_session_by_name(name)
	                                    : acr_session_by_serial(parent.object);
	fs_answer(session, false,
	          &(struct fs_answer){ .send = fs_send_error,
	                               .req = req,
	                               .error = session ? removers[parent.dir](session, name)
	                                                : -ENOENT });
	acr_session_unref(session);
}
