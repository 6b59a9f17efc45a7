/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules of src/queue/queue.h said once more, as slowly and plainly as possible: what the unit
 * test and the fuzzer of the queue compare it with. */
#ifndef ACR_QUEUE_MODEL_H
#define ACR_QUEUE_MODEL_H

#include "queue/queue.h"

#include <string.h>

#define MODEL_ENTRIES    128
#define MODEL_PRIORITIES 6
#define MODEL_USERS      5

static const uint16_t model_priorities[MODEL_PRIORITIES] = { 0, 1, 999, 1000, 1001, 65535 };
static const uint32_t model_users[MODEL_USERS] = { 0, 1, 1000, 65534, UINT32_MAX };

struct model {
	struct {
		bool in;
		unsigned priority, user; /* indices of the above */
		uint64_t arrival_ns;
		long place; /* among those of the same user and priority, lowest first */
	} entries[MODEL_ENTRIES];
	struct {
		long first, last; /* places given so far */
		uint64_t served;
	} flows[MODEL_PRIORITIES][MODEL_USERS];
	uint64_t served;
	double ageing;
};

/* The first entry of one user in one priority. -1: none. */
static int model_first_of(const struct model *model, unsigned priority, unsigned user)
{
	int best = -1;

	for (int i = 0; i < MODEL_ENTRIES; i++)
		if (model->entries[i].in && model->entries[i].priority == priority &&
		    model->entries[i].user == user &&
		    (best < 0 || model->entries[i].place < model->entries[best].place))
			best = i;
	return best;
}

/* The candidate of a priority: of the user served longest ago; of users never served, whose
 * first entry is the oldest. */
static int model_candidate(const struct model *model, unsigned priority)
{
	int best = -1;

	for (unsigned user = 0; user < MODEL_USERS; user++) {
		int i = model_first_of(model, priority, user);
		uint64_t served = model->flows[priority][user].served, least;
		if (i < 0)
			continue;
		least = best < 0 ? 0 : model->flows[priority][model->entries[best].user].served;
		if (best < 0 || served < least ||
		    (served == least &&
		     model->entries[i].arrival_ns < model->entries[best].arrival_ns))
			best = i;
	}
	return best;
}

static double model_effective(const struct model *model, int i)
{
	return model_priorities[model->entries[i].priority] -
	       model->ageing * ((double)model->entries[i].arrival_ns * 1e-9);
}

/* Index of the next to run, taken out; -1: empty. */
static int model_pop(struct model *model)
{
	int best = -1;

	for (unsigned priority = 0; priority < MODEL_PRIORITIES; priority++) {
		int i = model_candidate(model, priority);
		double key, most;
		if (i < 0)
			continue;
		key = model_effective(model, i);
		most = best < 0 ? 0 : model_effective(model, best);
		if (best < 0 || key > most ||
		    (key == most &&
		     model->entries[i].arrival_ns < model->entries[best].arrival_ns))
			best = i;
	}
	if (best < 0)
		return -1;
	model->entries[best].in = false;
	model->flows[model->entries[best].priority][model->entries[best].user].served =
	        ++model->served;
	return best;
}

/* back: to the head of its user's entries, else to the tail. */
static void model_insert(struct model *model, int i, bool back)
{
	unsigned priority = model->entries[i].priority, user = model->entries[i].user;

	model->entries[i].in = true;
	model->entries[i].place = back ? --model->flows[priority][user].first
	                               : ++model->flows[priority][user].last;
}

/* ---- queue and model side by side ---- */

struct pair {
	struct acr_queue queue;
	struct acr_queue_entry entries[MODEL_ENTRIES];
	struct model model;
	uint64_t now_ns;
	int popped; /* the last one, which may be returned; -1: none */
};

static void pair_init(struct pair *pair, double ageing)
{
	memset(pair, 0, sizeof *pair);
	acr_queue_init(&pair->queue, ageing);
	pair->model.ageing = ageing;
	pair->popped = -1;
}

/* Insert entry i if it is not in. step_ns: since the last arrival, at least 1. */
static bool pair_insert(struct pair *pair, unsigned i, unsigned priority, unsigned user,
                        uint64_t step_ns)
{
	struct acr_queue_entry *entry = &pair->entries[i];

	if (pair->model.entries[i].in)
		return true;
	if (pair->popped == (int)i)
		pair->popped = -1;
	pair->now_ns += step_ns ? step_ns : 1;
	entry->priority = model_priorities[priority];
	entry->uid = model_users[user];
	entry->arrival_ns = pair->now_ns;
	pair->model.entries[i].priority = priority;
	pair->model.entries[i].user = user;
	pair->model.entries[i].arrival_ns = pair->now_ns;
	model_insert(&pair->model, (int)i, false);
	return acr_queue_insert(&pair->queue, entry);
}

static void pair_remove(struct pair *pair, unsigned i)
{
	if (!pair->model.entries[i].in)
		return;
	acr_queue_remove(&pair->queue, &pair->entries[i]);
	pair->model.entries[i].in = false;
}

static bool pair_is(const struct acr_queue_entry *entry, void *wanted)
{
	return entry == wanted;
}

/* Find an entry where it stands, and take it as if it had been popped. */
static bool pair_take(struct pair *pair, unsigned i)
{
	struct acr_queue_entry *entry = &pair->entries[i];
	bool in = pair->model.entries[i].in;

	if (acr_queue_find(&pair->queue, pair_is, entry) != (in ? entry : NULL))
		return false;
	if (!in)
		return true;
	acr_queue_take(&pair->queue, entry);
	pair->model.entries[i].in = false;
	pair->model.flows[pair->model.entries[i].priority][pair->model.entries[i].user].served =
	        ++pair->model.served;
	return !entry->flow;
}

/* Both give the same one? */
static bool pair_pop(struct pair *pair)
{
	struct acr_queue_entry *entry = acr_queue_pop(&pair->queue);

	pair->popped = model_pop(&pair->model);
	if (!entry || pair->popped < 0)
		return !entry && pair->popped < 0;
	return entry == &pair->entries[pair->popped] && !entry->flow;
}

static bool pair_return(struct pair *pair)
{
	int i = pair->popped;

	if (i < 0)
		return true;
	pair->popped = -1;
	model_insert(&pair->model, i, true);
	return acr_queue_return(&pair->queue, &pair->entries[i]);
}

static void pair_set_ageing(struct pair *pair, double ageing)
{
	acr_queue_set_ageing(&pair->queue, ageing);
	pair->model.ageing = ageing;
}

struct pair_walk {
	const struct pair *pair;
	struct model copy; /* is emptied on the way */
	size_t seen;
	bool same;
};

static void pair_visit(const struct acr_queue_entry *entry, void *data)
{
	struct pair_walk *walk = data;
	int i = model_pop(&walk->copy);

	walk->seen++;
	walk->same = walk->same && i >= 0 && entry == &walk->pair->entries[i];
}

/* A walk shows all, in the order in which they would be popped, and changes nothing. */
static bool pair_walk(const struct pair *pair)
{
	struct pair_walk walk = { .pair = pair, .copy = pair->model, .same = true };

	return acr_queue_walk(&pair->queue, pair_visit, &walk) && walk.same &&
	       walk.seen == pair->queue.count && model_pop(&walk.copy) < 0;
}

static size_t pair_count(const struct pair *pair)
{
	size_t count = 0;

	for (int i = 0; i < MODEL_ENTRIES; i++)
		count += pair->model.entries[i].in;
	return count;
}

static bool pair_drain(struct pair *pair)
{
	bool same = true;

	while (pair->queue.count && same)
		same = pair_pop(pair);
	same = same && pair_pop(pair);
	acr_queue_clear(&pair->queue);
	return same;
}

#endif
