/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The set of sessions, by name and by serial number. */
#include "session.h"
#include "sessions.h"

#include "base/container.h"
#include "base/settings.h"
#include "base/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void (*acr_session_changed)(struct acr_session *session);
void (*acr_session_freed)(struct acr_session *session);

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER; /* (r) before any session's lock */
static GHashTable *by_name, *by_serial; /* (r) struct acr_session, one reference for both */
static atomic_uint_least64_t last_serial;

static void make_tables(void)
{
	if (by_name)
		return;
	by_name = g_hash_table_new(g_str_hash, g_str_equal);
	by_serial = g_hash_table_new(g_int64_hash, g_int64_equal);
}

static void deadline_expired(struct acr_timer *timer)
{
	struct acr_session *session = acr_container_of(timer, struct acr_session, deadline);
	struct acr_job *job = NULL;

	pthread_mutex_lock(&session->lock);
	/* A timer that went off as its request ended must not hit the next one. If that
	 * one's time is up as well, acr_session_end() takes its timer out. */
	if (session->state == ACR_ACTIVE && session->deadline_at &&
	    acr_now_ns() + 1000000 >= session->deadline_at) {
		job = acr_session_detach_job(session);
		acr_session_explain(session, -ETIMEDOUT, "not done within %llu ms",
		                    (unsigned long long)session->deadline_ms);
		acr_session_end(session, ACR_FAILED, -ETIMEDOUT);
	}
	pthread_mutex_unlock(&session->lock);
	acr_session_abandon_job(job);
	acr_session_changed(session);
	acr_session_unref(session); /* the timer's */
}

static struct acr_session *session_alloc(uint32_t uid, int32_t pid)
{
	struct acr_session *session = calloc(1, sizeof *session);
	struct acr_account *account = acr_account_get(uid);

	if (!session || !account) {
		free(session);
		return NULL;
	}
	atomic_init(&session->refs, 1);
	session->serial = atomic_fetch_add(&last_serial, 1) + 1;
	session->uid = uid;
	session->pid = pid;
	session->account = account;
	session->made_ns = acr_wall_ns();
	session->priority = 1000;
	acr_stage_init(&session->stage, session, 1);
	session->last = 1;
	session->deadline.expired = deadline_expired;
	pthread_mutex_init(&session->lock, NULL);
	return session;
}

struct acr_session *acr_session_anonymous(uint32_t uid, int32_t pid)
{
	struct acr_session *session = session_alloc(uid, pid);

	if (session)
		session->removed = true; /* in no directory, nothing to take it out of */
	return session;
}

int acr_session_new(const char *name, uint32_t uid, uint32_t gid, int32_t pid,
                    struct acr_session **out)
{
	struct acr_session *session;
	int error;

	if (!acr_name_ok(name))
		return -EINVAL;
	if (acr_sessions_refused())
		return -ECANCELED;
	session = session_alloc(uid, pid);
	if (!session)
		return -ENOSPC;
	session->removed = true; /* until it is in the set */
	session->gid = gid;
	session->mode = 0700;
	session->name = g_strdup(name);
	error = acr_account_add_session(session->account);
	if (error) {
		acr_session_unref(session);
		return error;
	}
	pthread_rwlock_wrlock(&lock);
	make_tables();
	if (g_hash_table_lookup(by_name, name)) {
		error = -EEXIST;
	} else {
		session->removed = false;
		g_hash_table_insert(by_name, session->name, acr_session_ref(session));
		g_hash_table_insert(by_serial, &session->serial, session);
	}
	pthread_rwlock_unlock(&lock);
	if (error) {
		acr_account_drop_session(session->account);
		acr_session_unref(session);
		return error;
	}
	*out = session;
	return 0;
}

struct acr_session *acr_session_ref(struct acr_session *session)
{
	atomic_fetch_add_explicit(&session->refs, 1, memory_order_relaxed);
	return session;
}

void acr_session_unref(struct acr_session *session)
{
	if (!session || atomic_fetch_sub_explicit(&session->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (session->front)
		acr_session_freed(session);
	acr_session_reset(session);
	acr_history_clear(&session->history, session->account);
	pthread_mutex_destroy(&session->lock);
	free(session->sentence);
	g_free(session->name);
	free(session);
}

static struct acr_session *lookup(GHashTable **table, const void *key)
{
	struct acr_session *session;

	pthread_rwlock_rdlock(&lock);
	session = *table ? g_hash_table_lookup(*table, key) : NULL;
	if (session)
		acr_session_ref(session);
	pthread_rwlock_unlock(&lock);
	return session;
}

struct acr_session *acr_session_by_name(const char *name)
{
	return lookup(&by_name, name);
}

struct acr_session *acr_session_by_serial(uint64_t serial)
{
	return lookup(&by_serial, &serial);
}

static int compare(gconstpointer a, gconstpointer b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

GArray *acr_session_serials(void)
{
	GArray *serials = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	GHashTableIter iter;
	gpointer key;

	pthread_rwlock_rdlock(&lock);
	if (by_serial) {
		g_hash_table_iter_init(&iter, by_serial);
		while (g_hash_table_iter_next(&iter, &key, NULL))
			g_array_append_vals(serials, key, 1);
	}
	pthread_rwlock_unlock(&lock);
	g_array_sort(serials, compare);
	return serials;
}

size_t acr_session_count(void)
{
	size_t count;

	pthread_rwlock_rdlock(&lock);
	count = by_name ? g_hash_table_size(by_name) : 0;
	pthread_rwlock_unlock(&lock);
	return count;
}

int acr_session_remove(struct acr_session *session)
{
	bool mine;

	pthread_rwlock_wrlock(&lock);
	mine = g_hash_table_lookup(by_name, session->name) == session;
	if (mine) {
		g_hash_table_remove(by_name, session->name);
		g_hash_table_remove(by_serial, &session->serial);
	}
	pthread_rwlock_unlock(&lock);
	if (!mine)
		return -ENOENT;
	pthread_mutex_lock(&session->lock);
	session->removed = true;
	pthread_mutex_unlock(&session->lock);
	acr_session_reset(session);
	acr_session_changed(session); /* waiters get ECANCELED */
	acr_account_drop_session(session->account);
	acr_session_unref(session); /* the set's */
	return 0;
}

static void for_all(void (*visit)(struct acr_session *session))
{
	g_autoptr(GArray) serials = acr_session_serials();

	for (guint i = 0; i < serials->len; i++) {
		struct acr_session *session =
		        acr_session_by_serial(g_array_index(serials, uint64_t, i));
		if (session)
			visit(session);
		acr_session_unref(session);
	}
}

void acr_sessions_cancel_all(void)
{
	for_all(acr_session_cancel);
}

static void remove_one(struct acr_session *session)
{
	acr_session_remove(session);
}

void acr_sessions_remove_all(void)
{
	for_all(remove_one);
}
