/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flow.h"

#define SLOTS 7
#define LINE  3 /* slots on the first cache line of a chunk */

struct chunk {
	struct chunk *prev, *next;
	struct acr_queue_slot slots[SLOTS];
};

_Static_assert(sizeof(struct chunk) == ACR_CHUNK_BYTES, "a chunk is aligned to its size");
_Static_assert(sizeof(struct acr_queue_flow) == ACR_FLOW_BYTES,
               "a flow is aligned to its size");

static struct chunk *chunk_of(const struct acr_queue_slot *slot)
{
	return (struct chunk *)((uintptr_t)slot & ~(uintptr_t)(ACR_CHUNK_BYTES - 1));
}

/* Behind the last slot of a chunk. */
static bool at_end(const struct acr_queue_slot *slot)
{
	return ((uintptr_t)slot & (ACR_CHUNK_BYTES - 1)) == 0;
}

static void set(struct acr_queue_slot *slot, struct acr_queue_entry *entry, uint64_t arrival_ns)
{
	slot->entry = entry;
	slot->arrival_ns = arrival_ns;
	entry->slot = slot;
}

static bool add_back(struct acr_pool *chunks, struct acr_queue_flow *flow)
{
	struct chunk *chunk = acr_pool_take(chunks);

	if (!chunk)
		return false;
	chunk->prev = flow->back ? chunk_of(flow->back - 1) : NULL;
	chunk->next = NULL;
	if (chunk->prev)
		chunk->prev->next = chunk;
	else
		flow->front = chunk->slots;
	flow->back = chunk->slots;
	return true;
}

bool acr_flow_append(struct acr_pool *chunks, struct acr_queue_flow *flow,
                     struct acr_queue_entry *entry)
{
	if (!flow->head) {
		flow->head = entry;
		return true;
	}
	if (at_end(flow->back) && !add_back(chunks, flow)) /* NULL, too, is an end */
		return false;
	set(flow->back++, entry, entry->arrival_ns);
	return true;
}

static bool add_front(struct acr_pool *chunks, struct acr_queue_flow *flow)
{
	struct chunk *chunk = acr_pool_take(chunks);

	if (!chunk)
		return false;
	chunk->prev = NULL;
	chunk->next = flow->front ? chunk_of(flow->front) : NULL;
	if (chunk->next)
		chunk->next->prev = chunk;
	else
		flow->back = chunk->slots + SLOTS;
	flow->front = chunk->slots + SLOTS;
	return true;
}

bool acr_flow_prepend(struct acr_pool *chunks, struct acr_queue_flow *flow,
                      struct acr_queue_entry *entry)
{
	if ((!flow->front || flow->front == chunk_of(flow->front)->slots) &&
	    !add_front(chunks, flow))
		return false;
	set(--flow->front, flow->head, flow->node.tie);
	flow->head = entry;
	return true;
}

/* The slot at the front is used up: go to the next one with an entry. */
static void advance(struct acr_pool *chunks, struct acr_queue_flow *flow)
{
	struct acr_queue_slot *slot = flow->front;

	do {
		if (++slot == flow->back) {
			acr_pool_give(chunks, chunk_of(slot - 1));
			flow->front = flow->back = NULL;
			return;
		}
		if (at_end(slot)) {
			struct chunk *chunk = chunk_of(slot - 1), *next = chunk->next;
			acr_pool_give(chunks, chunk);
			next->prev = NULL;
			slot = next->slots;
		}
	} while (!slot->entry);
	flow->front = slot;
}

uint64_t acr_flow_shift(struct acr_pool *chunks, struct acr_queue_flow *flow)
{
	uint64_t arrival_ns;

	if (!flow->front) {
		flow->head = NULL;
		return 0;
	}
	flow->head = flow->front->entry;
	arrival_ns = flow->front->arrival_ns;
	advance(chunks, flow);
	return arrival_ns;
}

static bool has_entries(const struct acr_queue_flow *flow, const struct chunk *chunk)
{
	for (int i = 0; i < SLOTS && chunk->slots + i != flow->back; i++)
		if (chunk->slots[i].entry)
			return true;
	return false;
}

void acr_flow_cut(struct acr_pool *chunks, struct acr_queue_flow *flow,
                  struct acr_queue_slot *slot)
{
	struct chunk *chunk = chunk_of(slot);

	slot->entry = NULL;
	if (slot == flow->front) {
		advance(chunks, flow);
		return;
	}
	/* The first chunk has the entry at the front; another one has a chunk before it. */
	if (chunk == chunk_of(flow->front) || has_entries(flow, chunk))
		return;
	chunk->prev->next = chunk->next;
	if (chunk->next)
		chunk->next->prev = chunk->prev;
	else
		flow->back = chunk->prev->slots + SLOTS;
	acr_pool_give(chunks, chunk);
}

/* All entries of a cache line of slots at once, when its first one comes to the front: each is
 * on a page of its own, and the look-ups of the pages then run side by side. */
void acr_flow_prefetch(const struct acr_queue_flow *flow)
{
	const struct acr_queue_slot *slot = flow->front;
	const struct chunk *chunk = chunk_of(slot);

	if (slot != chunk->slots && slot != chunk->slots + LINE)
		return;
	__builtin_prefetch(slot == chunk->slots ? (const void *)(slot + LINE) : chunk->next);
	do
		__builtin_prefetch(slot->entry, 1);
	while (++slot != flow->back && slot != chunk->slots + LINE && !at_end(slot));
}

const struct acr_queue_slot *acr_flow_next(const struct acr_queue_flow *flow,
                                           const struct acr_queue_slot *slot)
{
	if (!slot)
		return flow->front;
	do {
		if (++slot == flow->back)
			return NULL;
		if (at_end(slot))
			slot = chunk_of(slot - 1)->next->slots;
	} while (!slot->entry);
	return slot;
}
