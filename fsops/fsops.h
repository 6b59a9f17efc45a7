/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filesystem in front of the core: names, modes and descriptors.
 *
 * A request comes in at loop.c, finds its node in tree.c and its file's kind in a table of
 * files.c, and is answered at once or kept in kept.c. Nothing in here blocks. */
#ifndef FSOPS_H
#define FSOPS_H

#define FUSE_USE_VERSION 314

#include "session/session.h"
#include "session/data.h"

#include <fuse_lowlevel.h>
#include <sys/queue.h>
#include <sys/stat.h>

enum fs_dir {
	FS_NONE,
	FS_ROOT,
	FS_SESSIONS,
	FS_SESSION,
	FS_ROUTE,
	FS_STAGE,
	FS_DEVICES,
	FS_DEVICE,
	FS_LB,
	FS_BALANCER,
	FS_LB_FILE,
	FS_DIRS
};

/* What an inode number says. */
struct fs_node {
	enum fs_dir dir;
	const struct fs_file *file; /* a row of its table; NULL: the directory itself */
	unsigned stage;             /* of FS_STAGE: its number; 0 elsewhere */
	/* Session's serial, device's id, balancer's quark; of its files: quark << 8 and the
	 * place in its table */
	uint64_t object;
};

struct fs_handle;
struct fs_file;

/* How a kind of file behaves; a NULL member is refused with EACCES. */
struct fs_kind {
	/* Called at open, after the modes were checked. 0 or a negative errno. */
	int (*open)(struct fs_handle *handle, struct fuse_file_info *fi);
	/* Both answer the request, now or later. fi: flags of open, and see
	 * fs_is_for_page(). */
	void (*read)(fuse_req_t req, struct fs_handle *handle, size_t size, off_t offset,
	             const struct fuse_file_info *fi);
	void (*write)(fuse_req_t req, struct fs_handle *handle, const char *data, size_t size,
	              off_t offset, int flags);
	/* Answers the request; in has the size that cmd says. NULL: no such calls. */
	void (*ioctl)(fuse_req_t req, struct fs_handle *handle, unsigned cmd, const void *in);
	int (*flush)(struct fs_handle *handle);    /* NULL: nothing to do */
	void (*release)(struct fs_handle *handle); /* NULL: nothing to do */
	/* Events that are there now. NULL: always readable and writable. */
	unsigned (*poll)(struct fs_handle *handle);
	/* st_size; NULL: 0 */
	uint64_t (*size)(const struct fs_node *node, uint32_t uid);
	/* truncate to size; NULL: nothing to do for 0, else EINVAL */
	int (*truncate)(const struct fs_node *node, uint64_t size);
	/* rm; NULL: not permitted */
	int (*unlink)(const struct fs_node *node);
	/* Each lookup gives it another inode number: see doc/design.md, Inodes. */
	bool renumbered;
	/* To be asked for data though its st_size is 0: see fs_answer.ask. */
	bool asked;
	/* May the kernel keep what it reads? Only of sessions' files: see spliced.c. */
	bool spliced;
};

/* Who acts on a file. */
struct fs_actor {
	uint32_t uid;
	bool root;       /* uid 0 or the user who runs the daemon */
	bool privileged; /* root, or a member of the configured group */
};

struct fs_file {
	const char *name;
	mode_t mode;     /* permission bits, or S_IFDIR or S_IFLNK and them */
	enum fs_dir dir; /* of a directory: which */
	const struct fs_kind *kind;
	enum acr_value value; /* of session values */
	/* Text files: the contents. */
	void (*show)(const struct fs_node *node, const struct fs_actor *actor, GString *text);
	/* Files that take words: one whole value. 0 or a negative errno. */
	int (*store)(const struct fs_node *node, const struct fs_actor *actor, char *text);
};

/* One directory's files, ending with a NULL name. */
extern const struct fs_file *const fs_tables[FS_DIRS];

struct fs_handle {
	struct fs_node node;
	/* A reference, for files of sessions and `random`; of `ioctl` set once by a call. */
	_Atomic(struct acr_session *) session;
	struct fs_binary *binary; /* of `ioctl` */
	struct fs_actor opener;
	int flags;                /* of open */
	atomic_uint request;      /* which request of the session this reads */
	struct acr_writer writer; /* of src */
	pthread_mutex_t lock;     /* (h) */
	GString *text;          /* (h) snapshot that reads go on with, charged to the opener */
	size_t text_end;        /* (h) length of one that was read to its end */
	struct acr_blob *value; /* (h) bytes written so far, `filled` of its room */
	size_t filled;
	bool dirty, refused, begun;    /* (h) */
	struct fuse_pollhandle *poll;  /* (f) of the session's front */
	LIST_ENTRY(fs_handle) polling; /* (f) */
	LIST_ENTRY(fs_handle) holders; /* held.c's */
};

/* ---- tree.c ---- */

fuse_ino_t fs_node_ino(const struct fs_node *node);
/* False: a number that was never given. */
bool fs_node_of(fuse_ino_t ino, struct fs_node *node);
/* Is it a session's: its directory, its route, or a file of these? */
bool fs_node_in_session(const struct fs_node *node);
/* The stage that a value of a session or stage belongs to: 1 for the session's own. */
static inline unsigned fs_node_stage(const struct fs_node *node)
{
	return node->stage ? node->stage : 1;
}
/* Attributes. 0 or -ENOENT. */
int fs_node_stat(const struct fs_node *node, uint32_t uid, struct stat *st);
/* A stage's number as the name of its directory; 0: it is none. */
unsigned fs_stage_number(const char *name);
/* Answer a lookup or mkdir with what was found or made. */
void fs_reply_entry(fuse_req_t req, const struct fs_node *node);
extern const struct fuse_lowlevel_ops fs_ops; /* ops.c */
void fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
/* What a name in a directory is. False: there is none. */
bool fs_node_find(fuse_ino_t parent, const char *name, struct fs_node *node);
/* Attributes for an answer to who looks a node up. 0 or -ENOENT. */
int fs_node_entry(fuse_req_t req, const struct fs_node *node, struct fuse_entry_param *entry);
void fs_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                struct fuse_file_info *fi);
void fs_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);

/* ---- dirs.c ---- */

void fs_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *fi);
void fs_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void fs_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);

/* ---- who.c ---- */

struct fs_actor fs_actor_of(fuse_req_t req);
/* What both may: rights are judged by the opener and the writer. */
struct fs_actor fs_actor_both(const struct fs_actor *a, const struct fs_actor *b);

/* ---- kinds of files ---- */

extern const struct fs_kind fs_kind_text;  /* file_text.c: by show() and store() */
extern const struct fs_kind fs_kind_link;  /* a symbolic link; show() gives where to */
extern const struct fs_kind fs_kind_state; /* the same of a session, to be polled for its end */
extern const struct fs_kind fs_kind_value; /* file_value.c */
extern const struct fs_kind fs_kind_src, fs_kind_dst, fs_kind_random; /* file_data.c */
extern const struct fs_kind fs_kind_ioctl;                            /* ioctl.c */

/* Forget the snapshot, if there is one. Under (h), or at the release. */
void fs_text_drop(struct fs_handle *handle);

/* Does the kernel read for a page that it keeps (splice, sendfile), and not for read(2)? It
 * names an owner of locks with the latter only. */
static inline bool fs_is_for_page(const struct fuse_file_info *fi)
{
	return !fi->lock_owner;
}

/* ---- spliced.c: what the kernel keeps of a session's files ---- */

void fs_spliced_init(struct fuse_session *session);
/* It is about to read what it will keep of this file. 0; -EINVAL: it must not, and programs
 * fall back to read(2); -ECANCELED: the session is gone; -ENOMEM. */
int fs_spliced_note(const struct fs_handle *handle, fuse_ino_t ino);
/* The answer to a call that has changed a session, or will. */
struct fs_answer {
	void (*send)(const struct fs_answer *answer);
	fuse_req_t req;
	/* What send() needs of these: */
	int error;      /* negative, or 0 */
	size_t written; /* of a write without an error */
	fuse_ino_t ino;
	struct fs_node node;
	struct fs_handle *handle;
	struct fuse_file_info fi;
	size_t size;
	off_t offset;
	/* The kernel is to ask the file ino for data though its st_size is 0: until it hears of
	 * the size again, who splices reads, or learns why it can't. */
	bool ask;
};

/* Send it once the kernel keeps nothing of the session's files; not_dst: but of dst. Now, or in
 * another thread. No locks held. session NULL: of no session. */
void fs_answer(struct acr_session *session, bool not_dst, const struct fs_answer *answer);
/* For send: an error or its absence, and bytes written. */
void fs_send_error(const struct fs_answer *answer);
void fs_send_written(const struct fs_answer *answer);
/* The session itself has moved on, which changes all its files but dst: what the kernel
 * keeps of them goes. At once, but in a thread that serves perhaps a moment later. No locks
 * held. */
void fs_spliced_moved(struct acr_session *session);

/* Wait until all is answered, after fs_kept_close(): that is soon. */
void fs_spliced_wait(void);

/* ---- removed.c ---- */

/* A session's file was removed by this caller. */
void fs_removed_note(fuse_req_t req, const struct fs_node *node);
/* Is it gone for this caller, who has removed it and is about to create it? */
bool fs_removed_for(fuse_req_t req, const struct fs_node *node);

/* ---- wipe.c ---- */

/* Something secret is in the present request: its buffer is to be wiped when it is done. */
void fs_wipe_request(void);
/* Has that been said in this thread since the last call? */
bool fs_wipe_wanted(void);

/* ---- kept.c: requests that are kept, and pollers ---- */

/* A request that may have to wait, inside what its kind knows of it. */
struct fs_kept {
	const struct fs_kept_kind *kind;
	fuse_req_t req;
	/* kept.c's: */
	TAILQ_ENTRY(fs_kept) link;                                /* (f) */
	enum { FS_ARMING, FS_WAITING, FS_TRIED, FS_TAKEN } state; /* (f) */
	bool interrupted;                                         /* (f) */
	int error;                   /* to be answered in place of what the attempt came to */
	struct acr_session *session; /* a reference */
	struct acr_account *account; /* of the caller, charged with a request */
};

TAILQ_HEAD(fs_kept_list, fs_kept);

struct fs_kept_kind {
	/* Try it. -EAGAIN: it must wait; else it is to be answered. Any thread. */
	int (*attempt)(struct fs_kept *kept);
	/* Send what the attempt came to, or the error if there is one, and free it. Any thread;
	 * with -EINTR libfuse's lock of the request is held. */
	void (*answer)(struct fs_kept *kept, int error);
};

/* Take over a request whose attempt gave -EAGAIN: it is tried again whenever the session
 * changes. Its descriptor stays open as long. It is answered in any case; at once with -EAGAIN
 * if too many of its user's are kept. */
void fs_keep(struct fs_kept *kept, struct acr_session *session);
void fs_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
             struct fuse_pollhandle *ph);
void fs_poll_forget(struct fs_handle *handle);
size_t fs_kept_count(void);
void fs_kept_init(void);
/* The end: answer everything that is kept with ECANCELED, and keep nothing more. */
void fs_kept_close(void);
/* After that: until no thread is sending an answer any more, which is soon. The threads of devices
 * send them, too. */
void fs_kept_wait(void);

/* ---- held.c: keys that were written to open descriptors ---- */

/* From now on, until fs_hold_end(), this descriptor of a session's may hold a key. */
void fs_hold(struct fs_handle *handle);
void fs_hold_end(struct fs_handle *handle);
/* The session or its key goes: forget the keys that its descriptors hold. stage 0: all
 * stages' */
void fs_drop_held(struct acr_session *session, unsigned stage);
/* Forget what was collected, and wipe it. Under (h), or at the release. */
void fs_drop_collected(struct fs_handle *handle);

/* ---- visit.c: copying to and from the memory of callers; see visit.h ---- */

/* 0 or a negative errno. After fs_visitors_start(). */
int fs_visits_start(void);
/* This thread begins or ends to serve the filesystem. */
void fs_visit_server(bool begins);
/* Does it? */
bool fs_visit_serves(void);
/* Wait until all that was begun is done; that is soon. */
void fs_visits_wait(void);
/* Answer everything that goes on with ECANCELED, and from now on what comes. */
void fs_visits_cancel(void);
/* The same, and the end of the visitors. */
void fs_visits_close(void);

/* ---- visitor.c ---- */

/* Fork the process that makes visitors. Before any thread, secret or mount: all of them are
 * copies of what we are now. 0 or a negative errno. */
int fs_visitors_start(void);

/* ---- mount_words.c ---- */

/* All options for FUSE; as of fs_mount_new(). Returns owned. */
char *fs_mount_words(const char *source, const char *options);

/* ---- loop.c ---- */

struct fs_mount;

/* Mount; the reason of a failure is printed or logged. source: how lists of mounts call it.
 * options: words with commas, or NULL. NULL on failure. Control thread. */
struct fs_mount *fs_mount_new(const char *source, const char *mountpoint, const char *options);
/* Serve with this many threads. 0 or a negative errno. */
int fs_mount_start(struct fs_mount *mount, unsigned threads);
/* Called in a serving thread when the filesystem was unmounted from outside. */
void fs_mount_on_exit(struct fs_mount *mount, void (*exited)(void));
/* Descriptors of files that are open now. */
size_t fs_open_count(void);               /* ops.c */
extern atomic_size_t fs_open_descriptors; /* dirs.c: what it counts, of files and directories */
/* Answer everything that waits; then unmount, end the threads, free. */
void fs_mount_free(struct fs_mount *mount);

#endif
