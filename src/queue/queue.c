/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "queue.h"

#include "flow.h"

#include <stdlib.h>
#include <string.h>

#define FLOWS_KEPT  1024 /* idle flows remember when they were served; drop them above this */
#define BLOCKS_KEPT 8    /* of chunks, when all of them are free */
#define GROUP       4    /* classes that are made together */
#define GROUPS      (256 / GROUP)

struct acr_queue_group {
	struct acr_queue_class classes[GROUP];
};

void acr_queue_init(struct acr_queue *queue, double ageing)
{
	*queue = (struct acr_queue){ .ageing = ageing,
		                     .classes_pool.size = sizeof(struct acr_queue_group),
		                     .flows_pool.size = ACR_FLOW_BYTES,
		                     .chunks_pool.size = ACR_CHUNK_BYTES };
}

static void drop_group(struct acr_queue_group *group)
{
	for (int i = 0; group && i < GROUP; i++)
		acr_heap_clear(&group->classes[i].more);
}

static void drop_flows(struct acr_queue *queue)
{
	for (int high = 0; queue->groups && high < 256; high++) {
		for (int low = 0; queue->groups[high] && low < GROUPS; low++)
			drop_group(queue->groups[high][low]);
		free(queue->groups[high]);
	}
	free(queue->groups);
	free(queue->buckets);
	queue->groups = NULL;
	queue->buckets = NULL;
	queue->bucket_count = queue->more_count = queue->flow_count = 0;
	acr_heap_clear(&queue->classes);
	acr_pool_clear(&queue->classes_pool);
	acr_pool_clear(&queue->flows_pool);
}

void acr_queue_clear(struct acr_queue *queue)
{
	drop_flows(queue);
	acr_pool_clear(&queue->chunks_pool);
	acr_queue_init(queue, queue->ageing);
}

/* It is empty: what a long queue took is given back. */
static void shrink(struct acr_queue *queue)
{
	if (queue->flow_count > FLOWS_KEPT)
		drop_flows(queue);
	if (queue->chunks_pool.block_count > BLOCKS_KEPT)
		acr_pool_clear(&queue->chunks_pool);
}

/* ---- classes and flows ---- */

static struct acr_queue_group *group_new(struct acr_queue *queue, unsigned first)
{
	struct acr_queue_group *group = acr_pool_take(&queue->classes_pool);

	if (!group)
		return NULL;
	memset(group, 0, sizeof *group);
	for (unsigned i = 0; i < GROUP; i++)
		group->classes[i].priority = (uint16_t)(first + i);
	return group;
}

static struct acr_queue_class *class_get(struct acr_queue *queue, uint16_t priority)
{
	struct acr_queue_group ***row, **group;

	if (!queue->groups && !(queue->groups = calloc(256, sizeof *queue->groups)))
		return NULL;
	row = &queue->groups[priority >> 8];
	if (!*row && !(*row = calloc(GROUPS, sizeof **row)))
		return NULL;
	group = &(*row)[(priority & 255) / GROUP];
	if (!*group && !(*group = group_new(queue, priority / GROUP * GROUP)))
		return NULL;
	return &(*group)->classes[priority % GROUP];
}

/* The flow's place, or the free one where it would be. Buckets are never full. */
static struct acr_queue_flow **bucket_of(struct acr_queue_flow **buckets, size_t count,
                                         const struct acr_queue_class *class, uint32_t uid)
{
	uint64_t hash = ((uint64_t)uid << 16 | class->priority) * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(hash >> 32) & (count - 1);

	while (buckets[at] && (buckets[at]->uid != uid || buckets[at]->class != class))
		at = (at + 1) & (count - 1);
	return &buckets[at];
}

static bool grow_buckets(struct acr_queue *queue)
{
	size_t count = queue->bucket_count ? queue->bucket_count * 2 : 16;
	struct acr_queue_flow **buckets = calloc(count, sizeof *buckets);

	if (!buckets)
		return false;
	for (size_t i = 0; i < queue->bucket_count; i++) {
		struct acr_queue_flow *flow = queue->buckets[i];
		if (flow)
			*bucket_of(buckets, count, flow->class, flow->uid) = flow;
	}
	free(queue->buckets);
	queue->buckets = buckets;
	queue->bucket_count = count;
	return true;
}

/* A user's flow that is not in the class itself. */
static struct acr_queue_flow *more_get(struct acr_queue *queue, struct acr_queue_class *class,
                                       uint32_t uid)
{
	struct acr_queue_flow **bucket, *flow;

	/* At least half of the buckets are free: most look-ups need one. */
	if (queue->more_count * 2 >= queue->bucket_count && !grow_buckets(queue))
		return NULL;
	bucket = bucket_of(queue->buckets, queue->bucket_count, class, uid);
	if (*bucket)
		return *bucket;
	flow = acr_pool_take(&queue->flows_pool);
	if (!flow)
		return NULL;
	*flow = (struct acr_queue_flow){ .class = class, .uid = uid };
	*bucket = flow;
	queue->more_count++;
	queue->flow_count++;
	return flow;
}

static struct acr_queue_flow *own_add(struct acr_queue *queue, struct acr_queue_class *class,
                                      uint32_t uid)
{
	struct acr_queue_flow *flow = &class->own[class->own_count];

	flow->class = class;
	flow->uid = class->own_uid[class->own_count++] = uid;
	queue->flow_count++;
	return flow;
}

static struct acr_queue_flow *flow_get(struct acr_queue *queue, uint16_t priority, uint32_t uid)
{
	struct acr_queue_class *class = class_get(queue, priority);
	unsigned which;

	if (!class)
		return NULL;
	__builtin_prefetch(&class->own[0], 1);
	__builtin_prefetch(&class->own[1], 1);
	/* No branch that depends on the user: nobody could foretell it. */
	which = class->own_uid[1] == uid;
	if (which < class->own_count && class->own_uid[which] == uid)
		return &class->own[which];
	if (class->own_count == ACR_OWN_FLOWS)
		return more_get(queue, class, uid);
	if (class->own_count && class->own_uid[0] == uid)
		return &class->own[0];
	return own_add(queue, class, uid);
}

/* ---- order ---- */

struct acr_queue_flow *acr_class_candidate(struct acr_queue_class *class)
{
	struct acr_heap_node *top = acr_heap_top(&class->more);
	struct acr_queue_flow *best =
	        top ? acr_container_of(top, struct acr_queue_flow, node) : NULL;

	for (unsigned i = 0; i < ACR_OWN_FLOWS; i++)
		if (class->own[i].head && (!best || acr_flow_before(&class->own[i], best)))
			best = &class->own[i];
	return best;
}

/* After a change of a class's candidate: its place among the classes. */
static bool class_settle(struct acr_queue *queue, struct acr_queue_class *class)
{
	struct acr_queue_flow *flow = acr_class_candidate(class);
	uint64_t arrival_ns;
	double key;

	if (!flow) {
		if (class->node.index)
			acr_heap_remove(&queue->classes, &class->node);
		return true;
	}
	arrival_ns = flow->node.tie;
	key = acr_queue_key(queue, class->priority, arrival_ns);
	if (!class->node.index)
		return acr_heap_add(&queue->classes, &class->node, key, arrival_ns);
	if (class->node.key != key || class->node.tie != arrival_ns)
		acr_heap_change(&queue->classes, &class->node, key, arrival_ns);
	return true;
}

/* A flow has entries or gets its first: its place in its class. False: no memory. */
static bool flow_settle(struct acr_queue_flow *flow, double key, uint64_t arrival_ns)
{
	struct acr_queue_class *class = flow->class;
	bool own = flow >= class->own && flow < class->own + ACR_OWN_FLOWS;

	if (!own && !flow->node.index)
		return acr_heap_add(&class->more, &flow->node, key, arrival_ns);
	if (!own) {
		acr_heap_change(&class->more, &flow->node, key, arrival_ns);
		return true;
	}
	flow->node.key = key;
	flow->node.tie = arrival_ns;
	return true;
}

static void flow_sleep(struct acr_queue_flow *flow, double key)
{
	if (flow->node.index)
		acr_heap_remove(&flow->class->more, &flow->node);
	flow->node.key = key;
}

/* The first entry of a flow. */
static bool flow_wake(struct acr_queue *queue, struct acr_queue_flow *flow,
                      struct acr_queue_entry *entry)
{
	if (!flow_settle(flow, flow->node.key, entry->arrival_ns))
		return false;
	flow->head = entry;
	if (class_settle(queue, flow->class))
		return true;
	flow->head = NULL;
	flow_sleep(flow, flow->node.key);
	return false;
}

bool acr_queue_insert(struct acr_queue *queue, struct acr_queue_entry *entry)
{
	struct acr_queue_flow *flow = flow_get(queue, entry->priority, entry->uid);

	if (!flow || !(flow->head ? acr_flow_append(&queue->chunks_pool, flow, entry)
	                          : flow_wake(queue, flow, entry)))
		return false;
	entry->flow = flow;
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
	if (!acr_flow_prepend(&queue->chunks_pool, flow, entry))
		return false;
	entry->flow = flow;
	queue->count++;
	flow_settle(flow, flow->node.key, entry->arrival_ns);
	return class_settle(queue, flow->class);
}

/* Take out the flow's first entry. key: the flow's from now on. */
static void take_head(struct acr_queue *queue, struct acr_queue_flow *flow, double key)
{
	uint64_t arrival_ns = acr_flow_shift(&queue->chunks_pool, flow);

	if (flow->head)
		flow_settle(flow, key, arrival_ns);
	else
		flow_sleep(flow, key);
	class_settle(queue, flow->class);
}

static void left(struct acr_queue *queue, struct acr_queue_entry *entry)
{
	entry->flow = NULL;
	if (!--queue->count)
		shrink(queue);
}

void acr_queue_remove(struct acr_queue *queue, struct acr_queue_entry *entry)
{
	struct acr_queue_flow *flow = entry->flow;

	if (flow->head == entry)
		take_head(queue, flow, flow->node.key);
	else
		acr_flow_cut(&queue->chunks_pool, flow, entry->slot);
	left(queue, entry);
}

/* Ask for what the next calls will want from the memory. A class is asked for at one pop, and
 * what it points to at the next: looking at it at once would mean waiting for it. */
static void look_ahead(struct acr_queue *queue, const struct acr_queue_flow *flow)
{
	const struct acr_heap *classes = &queue->classes;
	struct acr_queue_class *next;
	uint32_t which = 1;

	if (flow->front)
		acr_flow_prefetch(flow);
	if (classes->count < 3)
		return;
	which += acr_heap_before(&classes->items[2], &classes->items[1]);
	next = acr_container_of(classes->items[which].node, struct acr_queue_class, node);
	if (next != queue->ahead) {
		__builtin_prefetch(next);
		__builtin_prefetch(&next->own[0]);
		__builtin_prefetch(&next->own[1]);
		queue->ahead = next;
		return;
	}
	for (unsigned i = 0; i < ACR_OWN_FLOWS; i++) {
		__builtin_prefetch(next->own[i].head, 1);
		__builtin_prefetch(next->own[i].front);
	}
}

struct acr_queue_entry *acr_queue_pop(struct acr_queue *queue)
{
	struct acr_heap_node *top = acr_heap_top(&queue->classes);
	struct acr_queue_flow *flow;
	struct acr_queue_entry *entry;

	if (!top)
		return NULL;
	flow = acr_class_candidate(acr_container_of(top, struct acr_queue_class, node));
	entry = flow->head;
	take_head(queue, flow, -(double)++queue->served);
	look_ahead(queue, flow);
	left(queue, entry);
	return entry;
}

void acr_queue_take(struct acr_queue *queue, struct acr_queue_entry *entry)
{
	struct acr_queue_flow *flow = entry->flow;
	double key = -(double)++queue->served;

	if (flow->head == entry) {
		take_head(queue, flow, key);
	} else {
		acr_flow_cut(&queue->chunks_pool, flow, entry->slot);
		flow_settle(flow, key, flow->node.tie);
		class_settle(queue, flow->class);
	}
	left(queue, entry);
}

bool acr_queue_precedes(const struct acr_queue *queue, const struct acr_queue_entry *newcomer)
{
	struct acr_heap_node *top = acr_heap_top(&queue->classes);

	return top &&
	       top->key >= acr_queue_key(queue, newcomer->priority, newcomer->arrival_ns);
}

bool acr_queue_has_others(const struct acr_queue *queue, uint32_t uid)
{
	struct acr_heap_node *top = acr_heap_top(&queue->classes);
	struct acr_queue_class *class =
	        top ? acr_container_of(top, struct acr_queue_class, node) : NULL;
	unsigned flows = class ? class->more.count : 0;

	for (unsigned i = 0; class && i < ACR_OWN_FLOWS; i++)
		flows += class->own[i].head != NULL;
	return flows > 1 || (flows && acr_class_candidate(class)->uid != uid);
}

void acr_queue_set_ageing(struct acr_queue *queue, double ageing)
{
	uint32_t count = queue->classes.count;

	queue->ageing = ageing;
	/* Build the heap anew in its own array: an item is read before its place is reused. */
	queue->classes.count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct acr_heap_node *node = queue->classes.items[i].node;
		struct acr_queue_class *class =
		        acr_container_of(node, struct acr_queue_class, node);
		acr_heap_add(&queue->classes, node,
		             acr_queue_key(queue, class->priority, node->tie), node->tie);
	}
}
