/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "heap.h"

#include <stdlib.h>

static bool before(const struct acr_heap_node *a, const struct acr_heap_node *b)
{
	return a->key > b->key || (a->key == b->key && a->tie < b->tie);
}

static void put(struct acr_heap *heap, size_t at, struct acr_heap_node *node)
{
	heap->nodes[at] = node;
	node->index = at + 1;
}

static void sift_up(struct acr_heap *heap, size_t at, struct acr_heap_node *node)
{
	while (at > 0 && before(node, heap->nodes[(at - 1) / 2])) {
		put(heap, at, heap->nodes[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(heap, at, node);
}

static void sift_down(struct acr_heap *heap, size_t at, struct acr_heap_node *node)
{
	for (size_t child; (child = 2 * at + 1) < heap->count; at = child) {
		if (child + 1 < heap->count && before(heap->nodes[child + 1], heap->nodes[child]))
			child++;
		if (!before(heap->nodes[child], node))
			break;
		put(heap, at, heap->nodes[child]);
	}
	put(heap, at, node);
}

static void settle(struct acr_heap *heap, size_t at, struct acr_heap_node *node)
{
	if (at > 0 && before(node, heap->nodes[(at - 1) / 2]))
		sift_up(heap, at, node);
	else
		sift_down(heap, at, node);
}

bool acr_heap_add(struct acr_heap *heap, struct acr_heap_node *node, double key, uint64_t tie)
{
	if (heap->count == heap->room) {
		size_t room = heap->room ? heap->room * 2 : 16;
		void *grown = realloc(heap->nodes, room * sizeof *heap->nodes);
		if (!grown)
			return false;
		heap->nodes = grown;
		heap->room = room;
	}
	node->key = key;
	node->tie = tie;
	sift_up(heap, heap->count++, node);
	return true;
}

void acr_heap_remove(struct acr_heap *heap, struct acr_heap_node *node)
{
	size_t at = node->index - 1;
	struct acr_heap_node *last = heap->nodes[--heap->count];

	if (last != node)
		settle(heap, at, last);
	node->index = 0;
}

void acr_heap_change(struct acr_heap *heap, struct acr_heap_node *node, double key, uint64_t tie)
{
	node->key = key;
	node->tie = tie;
	settle(heap, node->index - 1, node);
}

struct acr_heap_node *acr_heap_top(const struct acr_heap *heap)
{
	return heap->count ? heap->nodes[0] : NULL;
}

void acr_heap_clear(struct acr_heap *heap)
{
	free(heap->nodes);
	*heap = (struct acr_heap){ 0 };
}
