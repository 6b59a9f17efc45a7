/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole pages for user data: left out of core dumps, zero or wiped when handed out. Sizes that
 * come and go often are kept for reuse, because the first touch of a new page costs more than
 * most ciphers take for its contents. */
#ifndef ACR_PAGES_H
#define ACR_PAGES_H

#include <stddef.h>

/* What an allocation of this size really takes. The calls below want such sizes. */
size_t acr_pages_round(size_t size);

/* NULL: no memory. Any thread. */
void *acr_pages_alloc(size_t size);

/* Make it larger, keeping the contents; it may move. NULL: no memory, the old pages stay. */
void *acr_pages_grow(void *pages, size_t old_size, size_t size);

/* used: bytes that may have been written; only they are wiped before reuse. */
void acr_pages_free(void *pages, size_t size, size_t used);

/* Give the kept pages back to the system. */
void acr_pages_trim(void);

#endif
