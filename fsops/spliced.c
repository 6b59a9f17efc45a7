/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel keeps of files. splice(2) and sendfile(2) read through its page cache,
 * whatever an open says; so the pages of a session's files that it asked for are remembered
 * here, and taken from it when something changes that it does not know of.
 *
 * Remember first, then read the contents; change first, then drop: so no page outlives what
 * it shows. Taking a page away waits while it is being read. Of all files but dst that is
 * over at once, given a thread that serves; a page of dst may wait for its request. So no
 * lock is held meanwhile, and no thread that serves waits: a thread of its own does, and
 * then answers. */
#include "fsops.h"

#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define LISTS 64 /* by session */
#define STACK ((size_t)256 * 1024)

struct page {
	LIST_ENTRY(page) entries;
	uint64_t serial; /* of the session */
	fuse_ino_t ino;
	bool is_dst;
};

LIST_HEAD(pages, page);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf */
static struct pages lists[LISTS];                        /* under the lock */
static atomic_size_t count;                              /* of all pages */
static atomic_size_t working;                            /* threads that wait */
static struct fuse_session *mount;

void fs_spliced_init(struct fuse_session *session)
{
	mount = session;
}

static struct pages *list_of(const struct acr_session *session)
{
	return &lists[session->serial % LISTS];
}

/* While a request runs no dst of its session changes, and a reader of one may wait for the
 * end. */
static bool is_active(struct acr_session *session)
{
	bool active;

	pthread_mutex_lock(&session->lock);
	active = session->state == ACR_ACTIVE;
	pthread_mutex_unlock(&session->lock);
	return active;
}

/* ---- noting ---- */

/* Under the lock. */
static bool is_noted(struct acr_session *session, fuse_ino_t ino)
{
	struct page *page;

	LIST_FOREACH(page, list_of(session), entries)
		if (page->ino == ino)
			return true;
	return false;
}

static int note(struct acr_session *session, fuse_ino_t ino, bool is_dst)
{
	struct page *page = malloc(sizeof *page);
	int error = page ? 0 : -ENOMEM;

	pthread_mutex_lock(&lock);
	if (session->removed)
		error = -ECANCELED;
	if (!error && !is_noted(session, ino)) {
		*page = (struct page){ .serial = session->serial,
			               .ino = ino,
			               .is_dst = is_dst };
		LIST_INSERT_HEAD(list_of(session), page, entries);
		atomic_fetch_add(&count, 1);
		page = NULL;
	}
	pthread_mutex_unlock(&lock);
	free(page);
	return error;
}

int fs_spliced_note(const struct fs_handle *handle, fuse_ino_t ino)
{
	const struct fs_kind *kind = handle->node.file->kind;
	struct acr_session *session = handle->session;
	bool is_dst = kind->asked;

	if (!kind->spliced || !session || (is_dst && session->stream_mode))
		return -EINVAL;
	if (!is_dst && is_active(session))
		return -EINVAL; /* it moves on by itself */
	return note(session, ino, is_dst);
}

/* ---- dropping ---- */

/* Take what is noted of a session. False: there was nothing. */
static bool take(struct acr_session *session, bool not_dst, struct pages *taken)
{
	struct page *page, *next;

	LIST_INIT(taken);
	if (!atomic_load(&count))
		return false;
	not_dst = not_dst || is_active(session);
	pthread_mutex_lock(&lock);
	for (page = LIST_FIRST(list_of(session)); page; page = next) {
		next = LIST_NEXT(page, entries);
		if (page->serial != session->serial || (page->is_dst && not_dst))
			continue;
		LIST_REMOVE(page, entries);
		LIST_INSERT_HEAD(taken, page, entries);
		atomic_fetch_sub(&count, 1);
	}
	pthread_mutex_unlock(&lock);
	return !LIST_EMPTY(taken);
}

/* May wait for those who read them. */
static void drop(struct pages *pages)
{
	struct page *page;

	while ((page = LIST_FIRST(pages))) {
		LIST_REMOVE(page, entries);
		fuse_lowlevel_notify_inval_inode(mount, page->ino, 0, 0);
		free(page);
	}
}

/* A byte that is stored makes a file as long as that, for the kernel alone; one behind the
 * beginning makes no page of it that could be read. May wait for those who read the file. */
static void ask(fuse_ino_t ino)
{
	char byte = 0;
	struct fuse_bufvec one = FUSE_BUFVEC_INIT(1);

	one.buf[0].mem = &byte;
	fuse_lowlevel_notify_store(mount, ino, 1, &one, 0);
}

/* What may have to wait, and an answer that comes after it. */
struct work {
	struct pages pages;
	struct fs_answer answer; /* send may be NULL: none */
};

static void work_do(struct work *work)
{
	if (work->answer.ask)
		ask(work->answer.ino);
	drop(&work->pages);
	if (work->answer.send)
		work->answer.send(&work->answer);
}

static void *work_thread(void *data)
{
	work_do(data);
	free(data);
	atomic_fetch_sub(&working, 1);
	return NULL;
}

/* False: there is no thread to be had. */
static bool in_thread(struct work *work)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool made;

	atomic_fetch_add(&working, 1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	made = !pthread_create(&thread, &attr, work_thread, work);
	pthread_attr_destroy(&attr);
	if (!made)
		atomic_fetch_sub(&working, 1);
	return made;
}

/* Takes what is in pages. */
static void begin(struct pages *pages, const struct fs_answer *answer)
{
	struct work now = { .answer = *answer }, *later = calloc(1, sizeof *later);
	struct work *work = later ? later : &now;
	struct page *page;

	work->answer = *answer;
	LIST_INIT(&work->pages);
	while ((page = LIST_FIRST(pages))) {
		LIST_REMOVE(page, entries);
		LIST_INSERT_HEAD(&work->pages, page, entries);
	}
	if (later && in_thread(later))
		return;
	work_do(work); /* it is right to wait here too, and hardly ever long */
	free(later);
}

void fs_spliced_wait(void)
{
	while (atomic_load(&working))
		usleep(1000);
}

void fs_answer(struct acr_session *session, bool not_dst, const struct fs_answer *answer)
{
	struct pages pages = LIST_HEAD_INITIALIZER(pages);
	bool any;

	acr_secret_scrub(); /* a client may look at a core as soon as it has its answer */
	any = session && take(session, not_dst, &pages);

	if (any || answer->ask)
		begin(&pages, answer);
	else
		answer->send(answer);
}

void fs_spliced_moved(struct acr_session *session)
{
	static const struct fs_answer none;
	struct pages pages;

	if (!take(session, true, &pages))
		return;
	if (fs_visit_serves())
		begin(&pages, &none);
	else
		drop(&pages);
}

/* ---- sending ---- */

void fs_send_error(const struct fs_answer *answer)
{
	fuse_reply_err(answer->req, -answer->error);
}

void fs_send_written(const struct fs_answer *answer)
{
	if (answer->error)
		fuse_reply_err(answer->req, -answer->error);
	else
		fuse_reply_write(answer->req, answer->written);
}
