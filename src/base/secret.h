/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory for what must not leak. All of it is left out of core dumps, zero when handed out
 * and wiped when given back.
 *
 * Two arenas: *secret* memory is also locked (for keys and for everything that OpenSSL
 * allocates, whose contexts hold keys in clear); *private* memory is not (for user data).
 * Whole buffers of user data that may grow large come from pages.h instead.
 *
 * acr_secret_alloc() and acr_secret_free() are declared in <acrypto/driver.h>. */
#ifndef ACR_SECRET_H
#define ACR_SECRET_H

#include <acrypto/driver.h>

/* Start the arenas and give OpenSSL the secret one. Once, after the last fork (locks do not
 * survive it) and before any call of OpenSSL. */
void acr_secret_init(void);

/* True if memory can be locked at all. Where it can't, no key is accepted, and OpenSSL runs
 * on private memory. */
bool acr_secret_lockable(void);

/* Zeroed private memory, freed with acr_secret_free(). NULL: no memory. Any thread. */
void *acr_private_alloc(size_t size);

/* Bytes that the arenas hold from the system, locked and not, for `status`. */
size_t acr_secret_bytes_locked(void);

/* Overwrite what copying and computing may have left in the vector registers, which a core dump
 * of this thread would show. To be called before others learn of what was done: they may take
 * that dump at once. */
void acr_secret_scrub(void);

/* Lock and leave out of dumps a range that the caller owns. Returns 0 or a negative errno;
 * being left out of dumps is tried in any case. */
int acr_secret_guard(void *start, size_t size);

#endif
