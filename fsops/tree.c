/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names, inode numbers and attributes. Nothing is kept for an inode: its number says which
 * object and file it is, and objects are found by their own tables. */
#include "fsops.h"
#include "session/sessions.h"

#include "sched/balancer.h"
#include "device/device.h"

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

static const struct fs_file *src_file(void)
{
	static _Atomic(const struct fs_file *) found;
	const struct fs_file *file = atomic_load(&found);

	if (!file) {
		file = fs_tables[FS_SESSION];
		while (!file->kind || !file->kind->renumbered)
			file++;
		atomic_store(&found, file);
	}
	return file;
}

/* A file's place in its directory's table, from 1; 0: the directory itself. */
static unsigned file_index(const struct fs_node *node)
{
	return node->file ? (unsigned)(node->file - fs_tables[node->dir]) + 1 : 0;
}

fuse_ino_t fs_node_ino(const struct fs_node *node)
{
	static atomic_uint lookups;
	uint64_t low = node->stage << FILE_BITS | file_index(node), dir = node->dir;

	if (node->dir == FS_ROOT && !node->file)
		return FUSE_ROOT_ID;
	if (node->dir == FS_SESSION && node->file == src_file()) {
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
	if (dir <= FS_NONE || dir > SRC_MARK)
		return false;
	node->object = ino >> LOW_BITS & ((1ull << OBJECT_BITS) - 1);
	node->dir = dir == SRC_MARK ? FS_SESSION : (enum fs_dir)dir;
	node->file = dir == SRC_MARK   ? src_file()
	             : ino & FILE_MASK ? &fs_tables[node->dir][(ino & FILE_MASK) - 1]
	                               : NULL;
	node->stage = dir == SRC_MARK ? 0 : (unsigned)(ino & LOW_MASK) >> FILE_BITS;
	return true;
}

bool fs_node_in_session(const struct fs_node *node)
{
	return node->dir == FS_SESSION || node->dir == FS_ROUTE || node->dir == FS_STAGE;
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
		there = !node->stage || acr_stage_find(session, node->stage);
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
	const struct fs_file *file = node->file;
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
		st->st_mode =
		        S_IFREG | (file->mode & (fs_node_in_session(node) ? owner.mode : 0777));
		if (S_ISLNK(file->mode))
			st->st_mode = file->mode;
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

unsigned fs_stage_number(const char *name)
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

	*node = (struct fs_node){ .dir = FS_STAGE,
		                  .stage = fs_stage_number(name),
		                  .object = parent->object };
	if (!session)
		return false;
	pthread_mutex_lock(&session->lock);
	found = acr_stage_find(session, node->stage) != NULL;
	pthread_mutex_unlock(&session->lock);
	acr_session_unref(session);
	return found;
}

/* The row that stands for a mode; NULL: none. */
static const struct fs_file *lb_file_row(unsigned mode)
{
	for (const struct fs_file *row = fs_tables[FS_LB_FILE]; row->name; row++)
		if (row->mode == mode)
			return row;
	return NULL;
}

static bool find_lb_file(const struct fs_node *parent, const char *name, struct fs_node *node)
{
	const char *balancer = g_quark_to_string((GQuark)parent->object);
	unsigned mode = 0;
	char found[70];

	for (unsigned i = 0; acr_balancer_file(balancer, i, found, &mode); i++) {
		if (strcmp(found, name))
			continue;
		*node = (struct fs_node){ .dir = FS_LB_FILE,
			                  .file = lb_file_row(mode),
			                  .object = parent->object << 8 | i };
		return true;
	}
	return false;
}

/* How the objects in a directory are found. */
static bool (*const finders[FS_DIRS])(const struct fs_node *parent, const char *name,
                                      struct fs_node *node) = {
	[FS_SESSIONS] = find_session, [FS_ROUTE] = find_stage,      [FS_DEVICES] = find_device,
	[FS_LB] = find_balancer,      [FS_BALANCER] = find_lb_file,
};

static bool find(const struct fs_node *parent, const char *name, struct fs_node *node)
{
	for (const struct fs_file *row = fs_tables[parent->dir]; row && row->name; row++) {
		if (strcmp(row->name, name))
			continue;
		if (S_ISDIR(row->mode))
			*node = (struct fs_node){ .dir = row->dir, .object = parent->object };
		else
			*node = (struct fs_node){ parent->dir, row, parent->stage,
				                  parent->object };
		return true;
	}
	return finders[parent->dir] && finders[parent->dir](parent, name, node);
}

bool fs_node_find(fuse_ino_t parent_ino, const char *name, struct fs_node *node)
{
	struct fs_node parent;

	return fs_node_of(parent_ino, &parent) && !parent.file && find(&parent, name, node);
}

int fs_node_entry(fuse_req_t req, const struct fs_node *node, struct fuse_entry_param *entry)
{
	int error;

	*entry = (struct fuse_entry_param){ .ino = fs_node_ino(node) };
	error = fs_node_stat(node, fuse_req_ctx(req)->uid, &entry->attr);
	entry->attr.st_ino = entry->ino;
	return error;
}

void fs_reply_entry(fuse_req_t req, const struct fs_node *node)
{
	struct fuse_entry_param entry;
	int error = fs_node_entry(req, node, &entry);

	if (error)
		fuse_reply_err(req, -error);
	else
		fuse_reply_entry(req, &entry);
}

void fs_lookup(fuse_req_t req, fuse_ino_t parent_ino, const char *name)
{
	struct fs_node node;

	if (!fs_node_find(parent_ino, name, &node) || fs_removed_for(req, &node))
		fuse_reply_err(req, ENOENT);
	else
		fs_reply_entry(req, &node);
}

/* ---- changes ---- */

void fs_unlink(fuse_req_t req, fuse_ino_t parent_ino, const char *name)
{
	struct acr_session *session;
	struct fs_node node;
	int error;

	if (!fs_node_find(parent_ino, name, &node)) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	if (!node.file || !node.file->kind->unlink || !fs_node_in_session(&node)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	session = acr_session_by_serial(node.object);
	error = node.file->kind->unlink(&node);
	if (!error)
		fs_removed_note(req, &node);
	fs_answer(session, false,
	          &(struct fs_answer){ .send = fs_send_error, .req = req, .error = error });
	acr_session_unref(session);
}

/* Of what has no mode and owner of its own: nothing changes; so what asks for nothing, or for
 * more than there is, is fine, but nothing can be taken away. */
static int keep_owner(const struct fs_node *node, const struct stat *attr, int to_set)
{
	struct stat now;
	int error = fs_node_stat(node, 0, &now);

	if (error)
		return error;
	if ((to_set & FUSE_SET_ATTR_MODE && now.st_mode & 0777 & ~attr->st_mode) ||
	    (to_set & FUSE_SET_ATTR_UID && attr->st_uid != now.st_uid) ||
	    (to_set & FUSE_SET_ATTR_GID && attr->st_gid != now.st_gid))
		return -EPERM;
	return 0;
}

static int set_owner(const struct fs_node *node, const struct stat *attr, int to_set)
{
	struct acr_session *session;
	int error = 0;

	if (node->dir != FS_SESSION || node->file)
		return keep_owner(node, attr, to_set);
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
	const struct fs_file *file = node->file;

	if (!file)
		return -EISDIR;
	if (!(file->mode & 0222))
		return -EACCES;
	if (file->kind->truncate)
		return file->kind->truncate(node, size);
	return size ? -EINVAL : 0;
}

static void send_attributes(const struct fs_answer *answer)
{
	fs_getattr(answer->req, answer->ino, NULL);
}

void fs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                struct fuse_file_info *fi)
{
	struct acr_session *session;
	struct fs_node node;
	int error = fs_node_of(ino, &node) ? 0 : -ENOENT;

	if (!error && to_set & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		error = set_owner(&node, attr, to_set);
	if (!error && to_set & FUSE_SET_ATTR_SIZE)
		error = set_size(&node, (uint64_t)attr->st_size);
	(void)fi;
	if (error) {
		fuse_reply_err(req, -error);
		return;
	}
	session = fs_node_in_session(&node) ? acr_session_by_serial(node.object) : NULL;
	fs_answer(session, false,
	          &(struct fs_answer){ .send = send_attributes, .req = req, .ino = ino });
	acr_session_unref(session);
}
