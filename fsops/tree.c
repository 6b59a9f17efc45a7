/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names, inode numbers and attributes. Nothing is kept for an inode: its number says which
 * object and file it is, and objects are found by their own tables. */
#include "fsops.h"

#include "src/balancer.h"
#include "src/device.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* directory 4 bits, object 36 bits, then 24 bits: stage 8 bits and file 16 bits, or for `src` a
 * serial number */
#define SRC_MARK    ((uint64_t)FS_DIRS) /* stands where the directory does */
#define OBJECT_BITS 36
#define LOW_BITS    24
#define LOW_MASK    ((1ull << LOW_BITS) - 1)
#define FILE_BITS   16
#define FILE_MASK   ((1u << FILE_BITS) - 1)

static unsigned src_index(void)
{
	static atomic_uint found;
	unsigned index = atomic_load(&found);

	if (!index) {
		while (fs_tables[FS_SESSION][index].kind != &fs_kind_src)
			index++;
		atomic_store(&found, ++index);
	}
	return index;
}

fuse_ino_t fs_node_ino(const struct fs_node *node)
{
	static atomic_uint lookups;
	uint64_t low = node->stage << FILE_BITS | node->file, dir = node->dir;

	if (node->dir == FS_ROOT && !node->file)
		return FUSE_ROOT_ID;
	if (node->dir == FS_SESSION && node->file == src_index()) {
		dir = SRC_MARK;
		low = atomic_fetch_add(&lookups, 1) & LOW_MASK;
	}
	return dir << (OBJECT_BITS + LOW_BITS) | node->object << LOW_BITS | low;
}

bool fs_node_of(fuse_ino_t ino, struct fs_node *node)
{
	uint64_t dir = ino >> (OBJECT_BITS + LOW_BITS);

	if (ino == FUSE_ROOT_ID) {
		*node = (struct fs_node){ .dir = FS_ROOT };
		return true;
	}
	node->object = ino >> LOW_BITS & ((1ull << OBJECT_BITS) - 1);
	node->dir = dir == SRC_MARK ? FS_SESSION : (enum fs_dir)dir;
	node->file = dir == SRC_MARK ? src_index() : (unsigned)(ino & FILE_MASK);
	node->stage = dir == SRC_MARK ? 0 : (unsigned)(ino & LOW_MASK) >> FILE_BITS;
	return dir > FS_NONE && dir <= SRC_MARK;
}

const struct fs_file *fs_node_file(const struct fs_node *node)
{
	return node->file ? &fs_tables[node->dir][node->file - 1] : NULL;
}

bool fs_node_in_session(const struct fs_node *node)
{
	return node->dir == FS_SESSION || node->dir == FS_ROUTE || node->dir == FS_STAGE;
}

unsigned fs_node_stage(const struct fs_node *node)
{
	return node->stage ? node->stage : 1;
}

/* ---- attributes ---- */

struct owner {
	uint32_t uid, gid;
	mode_t mode; /* of the directory */
	uint64_t made_ns;
};

/* What is not a session's is as old as the first look at it, which the mount itself takes. */
static uint64_t first_look_ns(void)
{
	static atomic_uint_least64_t first;
	uint64_t none = 0;

	atomic_compare_exchange_strong(&first, &none, acr_wall_ns());
	return atomic_load(&first);
}

/* Whose the directory of a node is. -ENOENT: the object is gone. */
static int owner_of(const struct fs_node *node, struct owner *owner)
{
	struct acr_session *session;
	g_autoptr(GPtrArray) devices = NULL;
	bool there;

	*owner = (struct owner){ getuid(), getgid(), 0755, first_look_ns() };
	switch (node->dir) {
	case FS_SESSIONS:
		owner->mode = 01777;
		return 0;
	case FS_SESSION:
	case FS_ROUTE:
	case FS_STAGE:
		session = acr_session_by_serial(node->object);
		if (!session)
			return -ENOENT;
		pthread_mutex_lock(&session->lock);
		there = !node->stage || acr_route_stage(session, node->stage);
		*owner = (struct owner){ session->uid, session->gid, session->mode,
					 session->made_ns };
		pthread_mutex_unlock(&session->lock);
		acr_session_unref(session);
		return there ? 0 : -ENOENT;
	case FS_DEVICE:
		devices = acr_device_list();
		for (guint i = 0; i < devices->len; i++)
			if (((struct acr_device *)devices->pdata[i])->id == node->object)
				return 0;
		return -ENOENT;
	default:
		return 0;
	}
}

int fs_node_stat(const struct fs_node *node, uint32_t uid, struct stat *st)
{
	const struct fs_file *file = fs_node_file(node);
	struct owner owner;
	int error = owner_of(node, &owner);

	if (error)
		return error;
	*st = (struct stat){
		.st_uid = owner.uid,
		.st_gid = owner.gid,
		.st_mode = S_IFDIR | owner.mode,
		.st_nlink = 2,
		.st_blksize = 128 * 1024,
		.st_mtim = { (time_t)(owner.made_ns / 1000000000u),
			     (long)(owner.made_ns % 1000000000u) },
	};
	st->st_atim = st->st_ctim = st->st_mtim;
	if (file) {
		/* What the directory doesn't give a class, its files don't either. */
		st->st_mode = S_IFREG | (file->mode & (fs_node_in_session(node) ? owner.mode : 0777));
		st->st_nlink = 1;
		if (file->kind->size)
			st->st_size = (off_t)file->kind->size(node, uid);
		st->st_blocks = (st->st_size + 511) / 512;
	}
	return 0;
}

void fs_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_node node;
	struct stat st;
	int error;

	(void)fi;
	if (!fs_node_of(ino, &node)) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	error = fs_node_stat(&node, fuse_req_ctx(req)->uid, &st);
	st.st_ino = ino;
	if (error)
		fuse_reply_err(req, -error);
	else
		fuse_reply_attr(req, &st, 0);
}

/* ---- lookup ---- */

static bool find_session(const struct fs_node *parent, const char *name, struct fs_node *node)
{
	struct acr_session *session = acr_session_by_name(name);

	(void)parent;
	if (!session)
		return false;
	*node = (struct fs_node){ .dir = FS_SESSION, .object = session->serial };
	acr_session_unref(session);
	return true;
}

static bool find_device(const struct fs_node *parent, const char *name, struct fs_node *node)
{
	struct acr_device *dev = acr_device_find(name);

	(void)parent;
	if (!dev)
		return false;
	*node = (struct fs_node){ .dir = FS_DEVICE, .object = dev->id };
	acr_device_unref(dev);
	return true;
}

static bool find_balancer(const struct fs_node *parent, const char *name, struct fs_node *node)
{
	g_auto(GStrv) names = acr_balancer_names();

	(void)parent;
	if (!g_strv_contains((const char *const *)names, name))
		return false;
	*node = (struct fs_node){ .dir = FS_BALANCER, .object = g_quark_from_string(name) };
	return true;
}

/* A stage's number as the name of its directory; 0: it is none. */
static unsigned stage_number(const char *name)
{
	guint64 number = 0;

	if (*name == '0' || !g_ascii_string_to_unsigned(name, 10, 1, ACR_STAGES, &number, NULL))
		return 0;
	return (unsigned)number;
}

static bool find_stage(const struct fs_node *parent, const char *name, struct fs_node *node)
{
	struct acr_session *session = acr_session_by_serial(parent->object);
	bool found;

	*node = (struct fs_node){ .dir = FS_STAGE, .stage = stage_number(name),
				  .object = parent->object };
	if (!session)
		return false;
	pthread_mutex_lock(&session->lock);
	found = acr_route_stage(session, node->stage) != NULL;
	pthread_mutex_unlock(&session->lock);
	acr_session_unref(session);
	return found;
}

/* The row that stands for a mode; 0: none. */
static unsigned lb_file_row(unsigned mode)
{
	const struct fs_file *table = fs_tables[FS_LB_FILE];

	for (unsigned i = 0; table[i].name; i++)
		if (table[i].mode == mode)
			return i + 1;
	return 0;
}

static bool find_lb_file(const struct fs_node *parent, const char *name, struct fs_node *node)
{
	const char *balancer = g_quark_to_string((GQuark)parent->object);
	unsigned mode = 0;
	char found[70];

	for (unsigned i = 0; acr_balancer_file(balancer, i, found, &mode); i++) {
		if (strcmp(found, name))
			continue;
		*node = (struct fs_node){ .dir = FS_LB_FILE, .file = lb_file_row(mode),
					  .object = parent->object << 8 | i };
		return true;
	}
	return false;
}

/* How the objects in a directory are found. */
static bool (*const finders[FS_DIRS])(const struct fs_node *parent, const char *name,
				      struct fs_node *node) = {
	[FS_SESSIONS] = find_session,
	[FS_ROUTE] = find_stage,
	[FS_DEVICES] = find_device,
	[FS_LB] = find_balancer,
	[FS_BALANCER] = find_lb_file,
};

static bool find(const struct fs_node *parent, const char *name, struct fs_node *node)
{
	const struct fs_file *table = fs_tables[parent->dir];

	for (unsigned i = 0; table && table[i].name; i++) {
		if (strcmp(table[i].name, name))
			continue;
		if (S_ISDIR(table[i].mode))
			*node = (struct fs_node){ .dir = table[i].dir, .object = parent->object };
		else
			*node = (struct fs_node){ parent->dir, i + 1, parent->stage,
						  parent->object };
		return true;
	}
	return finders[parent->dir] && finders[parent->dir](parent, name, node);
}

static void reply_entry(fuse_req_t req, const struct fs_node *node)
{
	struct fuse_entry_param entry = { 0 };
	int error = fs_node_stat(node, fuse_req_ctx(req)->uid, &entry.attr);

	entry.ino = entry.attr.st_ino = fs_node_ino(node);
	if (error)
		fuse_reply_err(req, -error);
	else
		fuse_reply_entry(req, &entry);
}

void fs_lookup(fuse_req_t req, fuse_ino_t parent_ino, const char *name)
{
	struct fs_node parent, node;

	if (!fs_node_of(parent_ino, &parent) || parent.file || !find(&parent, name, &node))
		fuse_reply_err(req, ENOENT);
	else
		reply_entry(req, &node);
}

/* ---- directories ---- */

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
		if (acr_route_stage(session, i))
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
	[FS_SESSIONS] = list_sessions,
	[FS_ROUTE] = list_stages,
	[FS_DEVICES] = list_devices,
	[FS_LB] = list_balancers,
	[FS_BALANCER] = list_lb_files,
};

/* A descriptor of a directory holds the names as they were when it was opened. */
void fs_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	GPtrArray *names;
	struct fs_node node;

	if (!fs_node_of(ino, &node) || node.file) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	names = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(names, g_strdup("."));
	g_ptr_array_add(names, g_strdup(".."));
	for (const struct fs_file *f = fs_tables[node.dir]; f && f->name; f++)
		g_ptr_array_add(names, g_strdup(f->name));
	if (listers[node.dir])
		listers[node.dir](&node, names);
	fi->fh = (uint64_t)(uintptr_t)names;
	if (fuse_reply_open(req, fi))
		g_ptr_array_unref(names);
}

void fs_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		struct fuse_file_info *fi)
{
	const GPtrArray *names = (const GPtrArray *)(uintptr_t)fi->fh;
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
		size_t need = fuse_add_direntry(req, buffer + used, size - used, names->pdata[i],
						&st, (off_t)i + 1);
		if (need > size - used)
			break;
		used += need;
	}
	fuse_reply_buf(req, buffer, used);
}

void fs_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	g_ptr_array_unref((GPtrArray *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

/* ---- changes ---- */

static int make_session(const struct fuse_ctx *ctx, const char *name, struct fs_node *node)
{
	struct acr_session *session;
	int error = acr_session_new(name, ctx->uid, ctx->gid, ctx->pid, &session);

	if (error)
		return error;
	*node = (struct fs_node){ .dir = FS_SESSION, .object = session->serial };
	acr_session_unref(session);
	return 0;
}

static int make_stage(const struct fs_node *parent, const char *name, struct fs_node *node)
{
	struct acr_session *session = acr_session_by_serial(parent->object);
	int error = session ? acr_route_add(session, stage_number(name)) : -ENOENT;

	acr_session_unref(session);
	*node = (struct fs_node){ .dir = FS_STAGE, .stage = stage_number(name),
				  .object = parent->object };
	return error;
}

void fs_mkdir(fuse_req_t req, fuse_ino_t parent_ino, const char *name, mode_t mode)
{
	struct fs_node parent = { .dir = FS_NONE }, node;
	int error = -EPERM;

	(void)mode; /* a session is 0700 whatever was asked for, and its stages as it is */
	fs_node_of(parent_ino, &parent);
	if (parent.dir == FS_SESSIONS)
		error = make_session(fuse_req_ctx(req), name, &node);
	else if (parent.dir == FS_ROUTE)
		error = make_stage(&parent, name, &node);
	if (error)
		fuse_reply_err(req, -error);
	else
		reply_entry(req, &node);
}

static int remove_session(const char *name)
{
	struct acr_session *session = acr_session_by_name(name);
	int error;

	if (!session)
		return -ENOENT;
	error = acr_session_remove(session);
	fs_drop_held(session, 0);
	acr_session_unref(session);
	return error;
}

static int remove_stage(const struct fs_node *parent, const char *name)
{
	struct acr_session *session = acr_session_by_serial(parent->object);
	int error;

	if (!session)
		return -ENOENT;
	error = acr_route_remove(session, stage_number(name));
	if (!error)
		fs_drop_held(session, stage_number(name));
	acr_session_unref(session);
	return error;
}

/* `route` is always there too, and empty once its stages are gone. */
static int remove_route(const struct fs_node *parent, const char *name)
{
	struct acr_session *session = acr_session_by_serial(parent->object);
	int error = -ENOTDIR;

	if (!session)
		return -ENOENT;
	pthread_mutex_lock(&session->lock);
	if (!strcmp(name, "route"))
		error = acr_route_is_long(session) ? -ENOTEMPTY : 0;
	pthread_mutex_unlock(&session->lock);
	acr_session_unref(session);
	return error;
}

void fs_rmdir(fuse_req_t req, fuse_ino_t parent_ino, const char *name)
{
	struct fs_node parent = { .dir = FS_NONE };
	int error = -EPERM;

	fs_node_of(parent_ino, &parent);
	if (parent.dir == FS_SESSIONS)
		error = remove_session(name);
	else if (parent.dir == FS_SESSION)
		error = remove_route(&parent, name);
	else if (parent.dir == FS_ROUTE)
		error = remove_stage(&parent, name);
	fuse_reply_err(req, -error);
}

void fs_unlink(fuse_req_t req, fuse_ino_t parent_ino, const char *name)
{
	struct fs_node parent, node;
	const struct fs_file *file;

	if (!fs_node_of(parent_ino, &parent) || !find(&parent, name, &node)) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	file = fs_node_file(&node);
	if (!file || !file->kind->unlink || !fs_node_in_session(&node))
		fuse_reply_err(req, EPERM);
	else
		fuse_reply_err(req, -file->kind->unlink(&node));
}

static int set_owner(const struct fs_node *node, const struct stat *attr, int to_set)
{
	struct acr_session *session;
	int error = 0;

	if (node->dir != FS_SESSION || node->file)
		return -EPERM;
	session = acr_session_by_serial(node->object);
	if (!session)
		return -ENOENT;
	/* A session stays its maker's: quotas and fair shares go by that. */
	if (to_set & FUSE_SET_ATTR_UID && attr->st_uid != session->uid)
		error = -EPERM;
	pthread_mutex_lock(&session->lock);
	if (!error && to_set & FUSE_SET_ATTR_MODE)
		session->mode = attr->st_mode & 0777;
	if (!error && to_set & FUSE_SET_ATTR_GID)
		session->gid = attr->st_gid;
	pthread_mutex_unlock(&session->lock);
	acr_session_unref(session);
	return error;
}

static int set_size(const struct fs_node *node, uint64_t size)
{
	const struct fs_file *file = fs_node_file(node);

	if (!file)
		return -EISDIR;
	if (!(file->mode & 0222))
		return -EACCES;
	if (file->kind->truncate)
		return file->kind->truncate(node, size);
	return size ? -EINVAL : 0;
}

void fs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi)
{
	struct fs_node node;
	int error = fs_node_of(ino, &node) ? 0 : -ENOENT;

	if (!error && to_set & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		error = set_owner(&node, attr, to_set);
	if (!error && to_set & FUSE_SET_ATTR_SIZE)
		error = set_size(&node, (uint64_t)attr->st_size);
	if (error)
		fuse_reply_err(req, -error);
	else
		fs_getattr(req, ino, fi);
}
