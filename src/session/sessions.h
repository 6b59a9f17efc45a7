/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The set of all sessions. */
#ifndef ACR_SESSIONS_H
#define ACR_SESSIONS_H

#include "session.h"

/* Make one. Returns a reference through session; -EEXIST, -EINVAL (name), -EDQUOT, -ENOSPC. */
int acr_session_new(const char *name, uint32_t uid, uint32_t gid, int32_t pid,
                    struct acr_session **session);
/* A session that is in no directory, for requests without one (`random`). NULL: no memory. */
struct acr_session *acr_session_anonymous(uint32_t uid, int32_t pid);
struct acr_session *acr_session_ref(struct acr_session *session);
void acr_session_unref(struct acr_session *session); /* NULL is fine */
/* References; NULL: none. */
struct acr_session *acr_session_by_name(const char *name);
struct acr_session *acr_session_by_serial(uint64_t serial);
/* Serial numbers of all, oldest first. owned (g_array_unref). */
GArray *acr_session_serials(void);
size_t acr_session_count(void);
/* How many are active now. */
size_t acr_session_active(void);
/* rmdir: end it, wipe it, take it out of the set. -ENOENT: gone already. */
int acr_session_remove(struct acr_session *session);
/* Shutdown: refuse to start anything more; then cancel whatever is active. */
void acr_sessions_refuse(void);
bool acr_sessions_refused(void);
void acr_sessions_cancel_all(void);
void acr_sessions_remove_all(void);

#endif
