/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The queue of a device: by effective priority, then fair share between users, then arrival.
 *
 * Entries of one priority form a *class*, those of one user in it a *flow*, first in first
 * out. In a class the user who was served longest ago is next; that user's first entry is the
 * class's candidate. The candidate with the highest effective priority (priority + seconds
 * waited x ageing) runs. All entries age at the same pace, so that comparing
 * priority - ageing x arrival gives the same order at any time, and nothing is ever resorted.
 *
 * Insert, remove and pop cost O(log n) in the number of priorities and users, not of entries,
 * and read no entry but the one that they are about: a million sessions lie all over the
 * memory, and waiting for one of them costs more than all the rest. So what is compared is
 * kept beside the entries, and those that wait in a flow stand in chunks of pointers
 * (queue_flow.h).
 *
 * Memory: nothing before the first insertion, 6 KiB for the first priority and 192 bytes for
 * each further one (with three beside it), 64 for each user in it but two; 18 to 128 for each
 * entry but the first of a flow. It is given back when a long queue has run empty.
 * The caller serialises all calls on one queue. */
#ifndef ACR_QUEUE_H
#define ACR_QUEUE_H

#include "base/heap.h"
#include "base/pool.h"

struct acr_queue_flow;
struct acr_queue_slot;
struct acr_queue_group;

struct acr_queue_entry {
	struct acr_queue_flow *flow; /* NULL: in no queue */
	struct acr_queue_slot *slot; /* unless it is its flow's first */
	uint64_t arrival_ns;         /* monotonic; set by the caller and kept when requeued */
	uint32_t uid;
	uint16_t priority;
};

struct acr_queue {
	struct acr_heap classes;
	struct acr_queue_class *ahead;    /* asked for from the memory; may be gone */
	struct acr_queue_group ***groups; /* of classes, by priority: high byte, rest of it */
	struct acr_queue_flow **buckets; /* flows that are not in their class, by it and user */
	size_t bucket_count, more_count; /* of those */
	size_t flow_count;               /* all */
	struct acr_pool classes_pool, flows_pool, chunks_pool;
	size_t count;    /* entries */
	double ageing;   /* points per second */
	uint64_t served; /* serial number of the last pop */
};

void acr_queue_init(struct acr_queue *queue, double ageing);
/* Frees what the queue made; it must be empty. */
void acr_queue_clear(struct acr_queue *queue);
/* False: no memory. entry's uid, priority and arrival_ns are set. */
bool acr_queue_insert(struct acr_queue *queue, struct acr_queue_entry *entry);
/* Put back what was popped, at the head of its flow: it will be next of its user. */
bool acr_queue_return(struct acr_queue *queue, struct acr_queue_entry *entry);
void acr_queue_remove(struct acr_queue *queue, struct acr_queue_entry *entry);
/* The next to run of those whose user may; NULL: none may. O(classes + flows). */
struct acr_queue_entry *acr_queue_first_of(const struct acr_queue *queue,
                                           bool (*may)(uint32_t uid, void *data), void *data);
/* The next to run, taken out; NULL when empty. */
struct acr_queue_entry *acr_queue_pop(struct acr_queue *queue);
/* The first, in the order in which they would run, that fits; NULL: none does, or no memory.
 * O(log n) if it is the very first, else O(classes + flows + entries before it). */
struct acr_queue_entry *acr_queue_find(const struct acr_queue *queue,
                                       bool (*fits)(const struct acr_queue_entry *entry,
                                                    void *data),
                                       void *data);
/* Take out any entry as if it were popped: its user has been served. */
void acr_queue_take(struct acr_queue *queue, struct acr_queue_entry *entry);
/* Would something in the queue run before a newcomer of another user? */
bool acr_queue_precedes(const struct acr_queue *queue, const struct acr_queue_entry *newcomer);
/* Does another user wait at the priority that is next? */
bool acr_queue_has_others(const struct acr_queue *queue, uint32_t uid);
/* Change the ageing; O(classes). */
void acr_queue_set_ageing(struct acr_queue *queue, double ageing);
/* Call visit for all entries in the order in which they would run. False: no memory. */
bool acr_queue_walk(const struct acr_queue *queue,
                    void (*visit)(const struct acr_queue_entry *entry, void *data), void *data);

#endif
