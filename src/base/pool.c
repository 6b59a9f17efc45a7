/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pool.h"

#include <stdlib.h>

#define FIRST_BLOCK 4 /* pieces; each block is twice the one before */
#define DOUBLINGS   5

struct link {
	struct link *next;
};

static int add_block(struct acr_pool *pool)
{
	size_t doublings = pool->block_count < DOUBLINGS ? pool->block_count : DOUBLINGS;
	size_t bytes = (FIRST_BLOCK << doublings) * pool->size;
	struct link *block = aligned_alloc(pool->size & -pool->size, bytes);

	if (!block)
		return 0;
	block->next = pool->blocks;
	pool->blocks = block;
	pool->block_count++;
	pool->fresh = (char *)block + pool->size;
	pool->end = (char *)block + bytes;
	return 1;
}

void *acr_pool_take(struct acr_pool *pool)
{
	struct link *piece = pool->free;

	if (piece) {
		pool->free = piece->next;
		return piece;
	}
	if (pool->fresh == pool->end && !add_block(pool))
		return NULL;
	pool->fresh += pool->size;
	return pool->fresh - pool->size;
}

void acr_pool_give(struct acr_pool *pool, void *piece)
{
	struct link *link = piece;

	link->next = pool->free;
	pool->free = link;
}

void acr_pool_clear(struct acr_pool *pool)
{
	for (struct link *block = pool->blocks, *next; block; block = next) {
		next = block->next;
		free(block);
	}
	*pool = (struct acr_pool){ .size = pool->size };
}
