/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

#define FLOWS_KEPT 1024 /* idle flows remember when they were served; drop them above this */

#define container_of(node, type, member) ((type *)((char *)(node) - offsetof(type, member)))

struct acr_queue_class {
	struct acr_heap_node node; /* in queue->classes while it has entries */
	struct acr_heap flows;     /* flows with entries; longest unserved first */
	uint16_t priority;
};

struct acr_queue_flow {
	struct acr_heap_node node; /* in class->flows while it has entries */
	struct acr_queue_class *class;
	struct acr_queue_flow *chain; /* in a bucket */
	struct acr_queue_entry *head, *tail;
	uint64_t served; /* when this user was last served here */
	uint32_t uid;
	uint16_t priority;
};

static double entry_key(const struct acr_queue *queue, const struct acr_queue_entry *entry)
{
	return entry->priority - queue->ageing * ((double)entry->arrival_ns * 1e-9);
}

static struct acr_queue_flow *top_flow(const struct acr_queue_class *class)
{
	struct acr_heap_node *top = acr_heap_top(&class->flows);
	return top ? container_of(top, struct acr_queue_flow, node) : NULL;
}

void acr_queue_init(struct acr_queue *queue, double ageing)
{
	*queue = (struct acr_queue){ .ageing = ageing };
}

static void drop_flows(struct acr_queue *queue)
{
	for (size_t i = 0; i < queue->bucket_count; i++) {
		for (struct acr_queue_flow *flow = queue->buckets[i], *next; flow; flow = next) {
			next = flow->chain;
			free(flow);
		}
	}
	free(queue->buckets);
	queue->buckets = NULL;
	queue->bucket_count = queue->flow_count = 0;
}

void acr_queue_clear(struct acr_queue *queue)
{
	drop_flows(queue);
	for (int high = 0; high < 256; high++) {
		for (int low = 0; queue->pages[high] && low < 256; low++) {
			if (queue->pages[high][low])
				acr_heap_clear(&queue->pages[high][low]->flows);
			free(queue->pages[high][low]);
		}
		free(queue->pages[high]);
	}
	acr_heap_clear(&queue->classes);
	acr_queue_init(queue, queue->ageing);
}

static size_t bucket_of(uint16_t priority, uint32_t uid, size_t buckets)
{
	uint64_t hash = ((uint64_t)uid << 16 | priority) * 0x9e3779b97f4a7c15u;
	return (size_t)(hash >> 32) & (buckets - 1);
}

static bool grow_buckets(struct acr_queue *queue)
{
	size_t count = queue->bucket_count ? queue->bucket_count * 2 : 64;
	struct acr_queue_flow **buckets = calloc(count, sizeof *buckets);

	if (!buckets)
		return queue->bucket_count > 0;
	for (size_t i = 0; i < queue->bucket_count; i++) {
		for (struct acr_queue_flow *flow = queue->buckets[i], *next; flow; flow = next) {
			size_t at = bucket_of(flow->priority, flow->uid, count);
			next = flow->chain;
			flow->chain = buckets[at];
			buckets[at] = flow;
		}
	}
	free(queue->buckets);
	queue->buckets = buckets;
	queue->bucket_count = count;
	return true;
}

static struct acr_queue_class *class_get(struct acr_queue *queue, uint16_t priority)
{
	struct acr_queue_class ***page = &queue->pages[priority >> 8], **slot;

	if (!*page && !(*page = calloc(256, sizeof **page)))
		return NULL;
	slot = &(*page)[priority & 255];
	if (!*slot && (*slot = calloc(1, sizeof **slot)))
		(*slot)->priority = priority;
	return *slot;
}

static struct acr_queue_flow *flow_get(struct acr_queue *queue, uint16_t priority, uint32_t uid)
{
	struct acr_queue_flow *flow;
	size_t at;

	if (queue->flow_count >= queue->bucket_count && !grow_buckets(queue))
		return NULL;
	at = bucket_of(priority, uid, queue->bucket_count);
	for (flow = queue->buckets[at]; flow; flow = flow->chain)
		if (flow->uid == uid && flow->priority == priority)
			return flow;
	flow = calloc(1, sizeof *flow);
	if (!flow)
		return NULL;
	flow->class = class_get(queue, priority);
	if (!flow->class) {
		free(flow);
		return NULL;
	}
	flow->uid = uid;
	flow->priority = priority;
	flow->chain = queue->buckets[at];
	queue->buckets[at] = flow;
	queue->flow_count++;
	return flow;
}

/* After a change of a class's candidate: its place among the classes. */
static bool class_settle(struct acr_queue *queue, struct acr_queue_class *class)
{
	struct acr_queue_flow *flow = top_flow(class);

	if (!flow) {
		if (class->node.index)
			acr_heap_remove(&queue->classes, &class->node);
		return true;
	}
	if (!class->node.index)
		return acr_heap_add(&queue->classes, &class->node, entry_key(queue, flow->head),
				    flow->head->arrival_ns);
	if (class->node.key != entry_key(queue, flow->head) ||
	    class->node.tie != flow->head->arrival_ns)
		acr_heap_change(&queue->classes, &class->node, entry_key(queue, flow->head),
				flow->head->arrival_ns);
	return true;
}

/* A flow has its first entry. */
static bool flow_wake(struct acr_queue *queue, struct acr_queue_flow *flow)
{
	if (!acr_heap_add(&flow->class->flows, &flow->node, -(double)flow->served,
			  flow->head->arrival_ns))
		return false;
	if (class_settle(queue, flow->class))
		return true;
	acr_heap_remove(&flow->class->flows, &flow->node);
	return false;
}

bool acr_queue_insert(struct acr_queue *queue, struct acr_queue_entry *entry)
{
	struct acr_queue_flow *flow = flow_get(queue, entry->priority, entry->uid);

	if (!flow)
		return false;
	entry->flow = flow;
	entry->next = NULL;
	entry->prev = flow->tail;
	if (flow->tail) {
		flow->tail->next = entry;
		flow->tail = entry;
	} else {
		flow->head = flow->tail = entry;
		if (!flow_wake(queue, flow)) {
			flow->head = flow->tail = NULL;
			entry->flow = NULL;
			return false;
		}
	}
	queue->count++;
	return true;
}

bool acr_queue_return(struct acr_queue *queue, struct acr_queue_entry *entry)
{
	struct acr_queue_flow *flow = flow_get(queue, entry->priority, entry->uid);

	if (!flow)
		return false;
	if (!flow->head)
		return acr_queue_insert(queue, entry);
	entry->flow = flow;
	entry->prev = NULL;
	entry->next = flow->head;
	flow->head->prev = entry;
	flow->head = entry;
	queue->count++;
	acr_heap_change(&flow->class->flows, &flow->node, flow->node.key, entry->arrival_ns);
	return class_settle(queue, flow->class);
}

void acr_queue_remove(struct acr_queue *queue, struct acr_queue_entry *entry)
{
	struct acr_queue_flow *flow = entry->flow;

	if (entry->prev)
		entry->prev->next = entry->next;
	else
		flow->head = entry->next;
	if (entry->next)
		entry->next->prev = entry->prev;
	else
		flow->tail = entry->prev;
	entry->flow = NULL;
	queue->count--;
	if (!flow->head)
		acr_heap_remove(&flow->class->flows, &flow->node);
	else if (flow->node.tie != flow->head->arrival_ns)
		acr_heap_change(&flow->class->flows, &flow->node, flow->node.key,
				flow->head->arrival_ns);
	class_settle(queue, flow->class);
	if (!queue->count && queue->flow_count > FLOWS_KEPT)
		drop_flows(queue);
}

struct acr_queue_entry *acr_queue_pop(struct acr_queue *queue)
{
	struct acr_heap_node *top = acr_heap_top(&queue->classes);
	struct acr_queue_flow *flow;
	struct acr_queue_entry *entry;

	if (!top)
		return NULL;
	flow = top_flow(container_of(top, struct acr_queue_class, node));
	entry = flow->head;
	flow->served = ++queue->served;
	if (entry->next)
		acr_heap_change(&flow->class->flows, &flow->node, -(double)flow->served,
				entry->next->arrival_ns);
	acr_queue_remove(queue, entry);
	return entry;
}

void acr_queue_set_ageing(struct acr_queue *queue, double ageing)
{
	size_t count = queue->classes.count;

	queue->ageing = ageing;
	/* Build the heap anew in its own array: each node is read before its place is reused. */
	queue->classes.count = 0;
	for (size_t i = 0; i < count; i++) {
		struct acr_heap_node *node = queue->classes.nodes[i];
		struct acr_queue_class *class = container_of(node, struct acr_queue_class, node);
		acr_heap_add(&queue->classes, node, entry_key(queue, top_flow(class)->head),
			     node->tie);
	}
}

/* A copy of the heaps for acr_queue_walk(), in which cursors move instead of entries. */
struct walk_flow {
	struct acr_heap_node node;
	const struct acr_queue_entry *cursor;
};

struct walk_class {
	struct acr_heap_node node;
	struct acr_heap flows;
};

static bool walk_copy(const struct acr_queue *queue, struct walk_class *classes,
		      struct acr_heap *order, struct walk_flow *flows)
{
	for (size_t i = 0; i < queue->classes.count; i++) {
		struct acr_heap_node *from = queue->classes.nodes[i];
		struct acr_queue_class *class = container_of(from, struct acr_queue_class, node);

		for (size_t k = 0; k < class->flows.count; k++, flows++) {
			struct acr_heap_node *node = class->flows.nodes[k];
			flows->cursor = container_of(node, struct acr_queue_flow, node)->head;
			if (!acr_heap_add(&classes[i].flows, &flows->node, node->key, node->tie))
				return false;
		}
		if (!acr_heap_add(order, &classes[i].node, from->key, from->tie))
			return false;
	}
	return true;
}

static void walk_step(const struct acr_queue *queue, struct acr_heap *order, uint64_t served,
		      void (*visit)(const struct acr_queue_entry *entry, void *data), void *data)
{
	struct acr_heap_node *top = acr_heap_top(order);
	struct walk_class *class = container_of(top, struct walk_class, node);
	struct walk_flow *flow =
		container_of(acr_heap_top(&class->flows), struct walk_flow, node);

	visit(flow->cursor, data);
	flow->cursor = flow->cursor->next;
	if (flow->cursor)
		acr_heap_change(&class->flows, &flow->node, -(double)served,
				flow->cursor->arrival_ns);
	else
		acr_heap_remove(&class->flows, &flow->node);
	if (!class->flows.count) {
		acr_heap_remove(order, top);
		return;
	}
	flow = container_of(acr_heap_top(&class->flows), struct walk_flow, node);
	acr_heap_change(order, top, entry_key(queue, flow->cursor), flow->cursor->arrival_ns);
}

/* enough: what is not NULL ends it; NULL: nothing does. */
static bool walk(const struct acr_queue *queue,
		 void (*visit)(const struct acr_queue_entry *entry, void *data), void *data,
		 const struct acr_queue_entry *const *enough)
{
	size_t count = queue->classes.count;
	struct walk_class *classes = calloc(count + 1, sizeof *classes);
	struct walk_flow *flows = calloc(queue->flow_count + 1, sizeof *flows);
	struct acr_heap order = { 0 };
	bool ok = classes && flows && walk_copy(queue, classes, &order, flows);

	for (uint64_t served = queue->served; ok && order.count && !(enough && *enough);)
		walk_step(queue, &order, ++served, visit, data);
	for (size_t i = 0; classes && i < count; i++)
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
				       bool (*fits)(const struct acr_queue_entry *entry, void *data),
				       void *data)
{
	struct search search = { fits, data, NULL };

	struct acr_heap_node *top = acr_heap_top(&queue->classes);

	if (top)
		try_entry(top_flow(container_of(top, struct acr_queue_class, node))->head, &search);
	if (!search.found && queue->count > 1)
		walk(queue, try_entry, &search, &search.found);
	return (struct acr_queue_entry *)search.found;
}

void acr_queue_take(struct acr_queue *queue, struct acr_queue_entry *entry)
{
	struct acr_queue_flow *flow = entry->flow;

	flow->served = ++queue->served;
	acr_heap_change(&flow->class->flows, &flow->node, -(double)flow->served,
			flow->head->arrival_ns);
	acr_queue_remove(queue, entry);
}

bool acr_queue_precedes(const struct acr_queue *queue, const struct acr_queue_entry *newcomer)
{
	struct acr_heap_node *top = acr_heap_top(&queue->classes);

	return top && top->key >= entry_key(queue, newcomer);
}

bool acr_queue_has_others(const struct acr_queue *queue, uint32_t uid)
{
	struct acr_heap_node *top = acr_heap_top(&queue->classes);
	struct acr_queue_class *class =
		top ? container_of(top, struct acr_queue_class, node) : NULL;

	return class && (class->flows.count > 1 || top_flow(class)->uid != uid);
}
