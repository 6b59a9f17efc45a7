/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the queue share. A flow: the entries of one user in one priority, in line.
 *
 * The flow itself holds the first one, with its arrival; the others are in a list of chunks of
 * slots, each slot with a copy of the arrival. An entry that is withdrawn leaves an empty slot;
 * a chunk in which nothing is left is freed, so that there are never more chunks than entries.
 * Every chunk has at least one entry, and the slot at `front` is never an empty one. */
#ifndef ACR_QUEUE_FLOW_H
#define ACR_QUEUE_FLOW_H

#include "queue.h"

#include "base/container.h"

#define ACR_CHUNK_BYTES 128
#define ACR_FLOW_BYTES  64
#define ACR_OWN_FLOWS   2 /* flows inside a class */

struct acr_queue_slot {
	struct acr_queue_entry *entry; /* NULL: withdrawn */
	uint64_t arrival_ns;
};

/* One cache line: all that a flow is. */
struct acr_queue_flow {
	/* key: minus when this user was last served here, tie: arrival of the first; in
	 * class->more unless it is one of own[] */
	struct acr_heap_node node;
	struct acr_queue_class *class;
	struct acr_queue_entry *head;        /* NULL: no entries */
	struct acr_queue_slot *front, *back; /* the second, and the slot behind the last (may be
					      * the end of a chunk); NULL: no chunks */
	uint32_t uid;
};

/* The first users of a priority have their flows right here, so that an insertion need look at
 * nothing else, and knows where to look from the priority alone. */
struct acr_queue_class {
	struct acr_heap_node node; /* in queue->classes while it has entries */
	struct acr_heap more;      /* other flows with entries; longest unserved first */
	uint32_t own_uid[ACR_OWN_FLOWS];
	uint16_t own_count;
	uint16_t priority;
	_Alignas(64) struct acr_queue_flow own[ACR_OWN_FLOWS];
};

/* Effective priorities as they compare at any time. */
static inline double acr_queue_key(const struct acr_queue *queue, uint16_t priority,
                                   uint64_t arrival_ns)
{
	return priority - queue->ageing * ((double)arrival_ns * 1e-9);
}

/* Of two flows of a class. */
static inline bool acr_flow_before(const struct acr_queue_flow *a,
                                   const struct acr_queue_flow *b)
{
	return a->node.key > b->node.key ||
	       (a->node.key == b->node.key && a->node.tie < b->node.tie);
}

/* Whose turn it is; NULL: the class is empty. */
struct acr_queue_flow *acr_class_candidate(struct acr_queue_class *class);

/* To the end. False: no memory. */
bool acr_flow_append(struct acr_pool *chunks, struct acr_queue_flow *flow,
                     struct acr_queue_entry *entry);
/* To the head of a flow that has entries. False: no memory. */
bool acr_flow_prepend(struct acr_pool *chunks, struct acr_queue_flow *flow,
                      struct acr_queue_entry *entry);
/* Take out the head. Returns the arrival of the new one; 0: there is none. */
uint64_t acr_flow_shift(struct acr_pool *chunks, struct acr_queue_flow *flow);
/* Take out one that is not the head. */
void acr_flow_cut(struct acr_pool *chunks, struct acr_queue_flow *flow,
                  struct acr_queue_slot *slot);
/* Ask the memory for what the next calls of acr_flow_shift() will give. The flow has chunks. */
void acr_flow_prefetch(const struct acr_queue_flow *flow);
/* The entry behind the one in slot (NULL: behind the head), with its slot; NULL: none. */
const struct acr_queue_slot *acr_flow_next(const struct acr_queue_flow *flow,
                                           const struct acr_queue_slot *slot);

#endif
