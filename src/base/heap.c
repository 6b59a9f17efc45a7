/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "heap.h"

#include <stdlib.h>

static void put(struct acr_heap *heap, size_t at, const struct acr_heap_item *item)
{
	heap->items[at] = *item;
	item->node->index = (uint32_t)at + 1;
}

static void sift_up(struct acr_heap *heap, size_t at, struct acr_heap_item item)
{
	while (at > 0 && acr_heap_before(&item, &heap->items[(at - 1) / 2])) {
		put(heap, at, &heap->items[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(heap, at, &item);
}

static void sift_down(struct acr_heap *heap, size_t at, struct acr_heap_item item)
{
	for (size_t child; (child = 2 * at + 1) < heap->count; at = child) {
		if (child + 1 < heap->count &&
		    acr_heap_before(&heap->items[child + 1], &heap->items[child]))
			child++;
		if (!acr_heap_before(&heap->items[child], &item))
			break;
		put(heap, at, &heap->items[child]);
	}
	put(heap, at, &item);
}

static void settle(struct acr_heap *heap, size_t at, struct acr_heap_item item)
{
	if (at > 0 && acr_heap_before(&item, &heap->items[(at - 1) / 2]))
		sift_up(heap, at, item);
	else
		sift_down(heap, at, item);
}

static bool grow(struct acr_heap *heap)
{
	uint32_t room = heap->room ? heap->room * 2 : 2;
	void *grown = realloc(heap->items, room * sizeof *heap->items);

	if (!grown)
		return false;
	heap->items = grown;
	heap->room = room;
	return true;
}

bool acr_heap_add(struct acr_heap *heap, struct acr_heap_node *node, double key, uint64_t tie)
{
	if (heap->count == heap->room && !grow(heap))
		return false;
	node->key = key;
	node->tie = tie;
	sift_up(heap, heap->count++, (struct acr_heap_item){ key, tie, node });
	return true;
}

void acr_heap_remove(struct acr_heap *heap, struct acr_heap_node *node)
{
	size_t at = node->index - 1;
	struct acr_heap_item last = heap->items[--heap->count];

	if (last.node != node)
		settle(heap, at, last);
	node->index = 0;
}

void acr_heap_change(struct acr_heap *heap, struct acr_heap_node *node, double key,
                     uint64_t tie)
{
	node->key = key;
	node->tie = tie;
	settle(heap, node->index - 1, (struct acr_heap_item){ key, tie, node });
}

struct acr_heap_node *acr_heap_top(const struct acr_heap *heap)
{
	return heap->count ? heap->items[0].node : NULL;
}

void acr_heap_clear(struct acr_heap *heap)
{
	free(heap->items);
	*heap = (struct acr_heap){ 0 };
}
