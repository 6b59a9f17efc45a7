/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking through a queue in the order in which its entries would run, without changing it. */
#include "flow.h"

#include <stdlib.h>

/* A copy of the heaps for acr_queue_walk(), in which cursors move instead of entries. */
struct walk_flow {
	struct acr_heap_node node;
	const struct acr_queue_flow *flow;
	const struct acr_queue_entry *entry;
	const struct acr_queue_slot *slot; /* of entry; NULL: it is the first */
};

struct walk_class {
	struct acr_heap_node node;
	struct acr_heap flows;
	uint16_t priority;
};

static bool walk_add(struct walk_class *to, struct walk_flow *copy, struct acr_queue_flow *flow)
{
	copy->flow = flow;
	copy->entry = flow->head;
	return acr_heap_add(&to->flows, &copy->node, flow->node.key, flow->node.tie);
}

/* *flows: the next free one. */
static bool walk_class(struct walk_class *to, struct walk_flow **flows,
                       struct acr_queue_class *class)
{
	to->priority = class->priority;
	for (unsigned i = 0; i < ACR_OWN_FLOWS; i++)
		if (class->own[i].head && !walk_add(to, (*flows)++, &class->own[i]))
			return false;
	for (uint32_t i = 0; i < class->more.count; i++) {
		struct acr_heap_node *node = class->more.items[i].node;
		if (!walk_add(to, (*flows)++,
		              acr_container_of(node, struct acr_queue_flow, node)))
			return false;
	}
	return true;
}

static bool walk_copy(const struct acr_queue *queue, struct walk_class *classes,
                      struct acr_heap *order, struct walk_flow *flows)
{
	for (uint32_t i = 0; i < queue->classes.count; i++) {
		const struct acr_heap_item *from = &queue->classes.items[i];
		if (!walk_class(&classes[i], &flows,
		                acr_container_of(from->node, struct acr_queue_class, node)) ||
		    !acr_heap_add(order, &classes[i].node, from->key, from->tie))
			return false;
	}
	return true;
}

static void walk_step(const struct acr_queue *queue, struct acr_heap *order, uint64_t served,
                      void (*visit)(const struct acr_queue_entry *entry, void *data),
                      void *data)
{
	struct acr_heap_node *top = acr_heap_top(order);
	struct walk_class *class = acr_container_of(top, struct walk_class, node);
	struct walk_flow *flow =
	        acr_container_of(acr_heap_top(&class->flows), struct walk_flow, node);

	visit(flow->entry, data);
	flow->slot = acr_flow_next(flow->flow, flow->slot);
	if (flow->slot) {
		flow->entry = flow->slot->entry;
		acr_heap_change(&class->flows, &flow->node, -(double)served,
		                flow->slot->arrival_ns);
	} else {
		acr_heap_remove(&class->flows, &flow->node);
	}
	if (!class->flows.count) {
		acr_heap_remove(order, top);
		return;
	}
	flow = acr_container_of(acr_heap_top(&class->flows), struct walk_flow, node);
	acr_heap_change(order, top, acr_queue_key(queue, class->priority, flow->node.tie),
	                flow->node.tie);
}

/* enough: what is not NULL ends it; NULL: nothing does. */
static bool walk(const struct acr_queue *queue,
                 void (*visit)(const struct acr_queue_entry *entry, void *data), void *data,
                 const struct acr_queue_entry *const *enough)
{
	uint32_t count = queue->classes.count;
	struct walk_class *classes = calloc(count + 1, sizeof *classes);
	struct walk_flow *flows = calloc(queue->flow_count + 1, sizeof *flows);
	struct acr_heap order = { 0 };
	bool ok = classes && flows && walk_copy(queue, classes, &order, flows);

	for (uint64_t served = queue->served; ok && order.count && !(enough && *enough);)
		walk_step(queue, &order, ++served, visit, data);
	for (uint32_t i = 0; classes && i < count; i++)
		acr_heap_clear(&classes[i].flows);
	acr_heap_clear(&order);
	free(classes);
	free(flows);
	return ok;
}

bool acr_queue_walk(const struct acr_queue *queue,
                    void (*visit)(const struct acr_queue_entry *entry, void *data), void *data)
{
	return walk(queue, visit, data, NULL);
}

/* What acr_queue_find() carries through the walk. */
struct search {
	bool (*fits)(const struct acr_queue_entry *entry, void *data);
	void *data;
	const struct acr_queue_entry *found;
};

static void try_entry(const struct acr_queue_entry *entry, void *data)
{
	struct search *search = data;

	if (search->fits(entry, search->data))
		search->found = entry;
}

struct acr_queue_entry *acr_queue_find(const struct acr_queue *queue,
                                       bool (*fits)(const struct acr_queue_entry *entry,
                                                    void *data),
                                       void *data)
{
	struct search search = { fits, data, NULL };
	struct acr_heap_node *top = acr_heap_top(&queue->classes);
	struct acr_queue_class *class =
	        top ? acr_container_of(top, struct acr_queue_class, node) : NULL;

	if (class)
		try_entry(acr_class_candidate(class)->head, &search);
	if (!search.found && queue->count > 1)
		walk(queue, try_entry, &search, &search.found);
	return (struct acr_queue_entry *)search.found;
}

/* The first of a class whose user may; NULL: none may. */
static const struct acr_queue_flow *first_in_class(const struct acr_queue_class *class,
                                                   bool (*may)(uint32_t uid, void *data),
                                                   void *data)
{
	const struct acr_queue_flow *best = NULL, *flow;

	for (unsigned i = 0; i < ACR_OWN_FLOWS + class->more.count; i++) {
		if (i < ACR_OWN_FLOWS)
			flow = &class->own[i];
		else
			flow = acr_container_of(class->more.items[i - ACR_OWN_FLOWS].node,
			                        struct acr_queue_flow, node);
		if (flow->head && (!best || acr_flow_before(flow, best)) &&
		    may(flow->uid, data))
			best = flow;
	}
	return best;
}

struct acr_queue_entry *acr_queue_first_of(const struct acr_queue *queue,
                                           bool (*may)(uint32_t uid, void *data), void *data)
{
	const struct acr_heap *classes = &queue->classes;
	const struct acr_queue_flow *best = NULL;
	double best_key = 0;

	for (uint32_t i = 0; i < classes->count; i++) {
		struct acr_queue_class *class =
		        acr_container_of(classes->items[i].node, struct acr_queue_class, node);
		const struct acr_queue_flow *flow = first_in_class(class, may, data);
		double key = flow ? acr_queue_key(queue, class->priority, flow->node.tie) : 0;

		if (flow && (!best || key > best_key)) {
			best = flow;
			best_key = key;
		}
	}
	return best ? best->head : NULL;
}
