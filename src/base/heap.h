/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A binary heap of embedded nodes: highest key first, equal keys in order of `tie`. What is
 * compared lies in the heap's own array, so that a look at it touches no node. */
#ifndef ACR_HEAP_H
#define ACR_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acr_heap_node {
	double key;
	uint64_t tie;
	uint32_t index; /* position + 1; 0: in no heap */
};

struct acr_heap_item {
	double key;
	uint64_t tie;
	struct acr_heap_node *node;
};

struct acr_heap {
	struct acr_heap_item *items;
	uint32_t count, room;
};

/* False: no memory, nothing was added. The caller serialises all calls on one heap. */
bool acr_heap_add(struct acr_heap *heap, struct acr_heap_node *node, double key, uint64_t tie);
/* The node keeps its key. */
void acr_heap_remove(struct acr_heap *heap, struct acr_heap_node *node);
/* Give a member another key. */
void acr_heap_change(struct acr_heap *heap, struct acr_heap_node *node, double key,
                     uint64_t tie);
/* The highest, or NULL. It stays in. */
struct acr_heap_node *acr_heap_top(const struct acr_heap *heap);
/* Is a above b? */
static inline bool acr_heap_before(const struct acr_heap_item *a, const struct acr_heap_item *b)
{
	return a->key > b->key || (a->key == b->key && a->tie < b->tie);
}
/* Free the array; the nodes are the caller's. */
void acr_heap_clear(struct acr_heap *heap);

#endif
