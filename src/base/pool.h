/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pieces of memory of one size, each aligned to the largest power of two that divides the size.
 * What is given back is taken again; the system gets all of it back at once. The caller
 * serialises all calls. */
#ifndef ACR_POOL_H
#define ACR_POOL_H

#include <stddef.h>

struct acr_pool {
	size_t size;        /* of a piece, bytes; at least two pointers */
	size_t block_count; /* what was got from the system, in more than one piece each */
	void *blocks;       /* list, by each one's first piece */
	void *free;         /* list of pieces given back */
	char *fresh, *end;  /* of the newest block: never taken yet */
};

/* Not cleared. NULL: no memory. */
void *acr_pool_take(struct acr_pool *pool);
void acr_pool_give(struct acr_pool *pool, void *piece);
/* Free all pieces, also those in use. The pool can be used again. */
void acr_pool_clear(struct acr_pool *pool);

#endif
