/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The queue of a device: effective priority, then fair share, then arrival. */
#include "tests/lib/check.h"
#include "tests/lib/queue_model.h"

#include <stdlib.h>

#define SECOND 1000000000ull

static struct acr_queue_entry entry_of(uint16_t priority, uint32_t uid, uint64_t arrival_ns)
{
	return (struct acr_queue_entry){ .priority = priority,
		                         .uid = uid,
		                         .arrival_ns = arrival_ns };
}

/* Insert them in this order, and see them come in the other. */
static void in_order(double ageing, struct acr_queue_entry *entries, const unsigned *order,
                     unsigned n)
{
	struct acr_queue queue;

	acr_queue_init(&queue, ageing);
	for (unsigned i = 0; i < n; i++)
		CHECK(acr_queue_insert(&queue, &entries[i]));
	CHECK(queue.count == n);
	for (unsigned i = 0; i < n; i++)
		CHECK(acr_queue_pop(&queue) == &entries[order[i]]);
	CHECK(!acr_queue_pop(&queue) && !queue.count);
	acr_queue_clear(&queue);
}

static void test_priority(void)
{
	struct acr_queue_entry entries[] = {
		entry_of(1000, 7, 1), entry_of(0, 7, 2),    entry_of(65535, 7, 3),
		entry_of(1001, 7, 4), entry_of(1000, 7, 5), entry_of(256, 7, 6),
	};

	in_order(0, entries, (const unsigned[]){ 2, 3, 0, 4, 5, 1 }, 6);
}

static void test_fair_share(void)
{
	/* One user comes with three, then two others with one each. */
	struct acr_queue_entry entries[] = {
		entry_of(5, 1, 1), entry_of(5, 1, 2), entry_of(5, 1, 3),
		entry_of(5, 2, 4), entry_of(5, 3, 5),
	};

	in_order(0, entries, (const unsigned[]){ 0, 3, 4, 1, 2 }, 5);
}

static void test_ageing(void)
{
	struct acr_queue_entry early[] = { entry_of(10, 1, 1 * SECOND),
		                           entry_of(14, 2, 4 * SECOND),
		                           entry_of(12, 3, 5 * SECOND) };
	struct acr_queue_entry same[] = { entry_of(10, 1, 1 * SECOND),
		                          entry_of(14, 2, 4 * SECOND),
		                          entry_of(12, 3, 5 * SECOND) };

	/* At a point a second: 10 - 1, 14 - 4, 12 - 5. Strictly: 14, 12, 10. */
	in_order(1, early, (const unsigned[]){ 1, 0, 2 }, 3);
	in_order(0, same, (const unsigned[]){ 1, 2, 0 }, 3);
}

static void test_set_ageing(void)
{
	struct acr_queue_entry old = entry_of(1, 1, 1 * SECOND),
	                       new = entry_of(9, 2, 5 * SECOND);
	struct acr_queue queue;

	acr_queue_init(&queue, 0);
	CHECK(acr_queue_insert(&queue, &old) && acr_queue_insert(&queue, &new));
	acr_queue_set_ageing(&queue, 100);
	CHECK(acr_queue_pop(&queue) == &old);
	CHECK(acr_queue_return(&queue, &old));
	acr_queue_set_ageing(&queue, 0);
	CHECK(acr_queue_pop(&queue) == &new);
	acr_queue_remove(&queue, &old);
	CHECK(!old.flow && !acr_queue_pop(&queue));
	acr_queue_clear(&queue);
}

static void test_return(void)
{
	struct acr_queue_entry a = entry_of(5, 1, 1), b = entry_of(5, 1, 2),
	                       c = entry_of(5, 1, 3);
	struct acr_queue queue;

	acr_queue_init(&queue, 1);
	CHECK(acr_queue_insert(&queue, &a) && acr_queue_insert(&queue, &b) &&
	      acr_queue_insert(&queue, &c));
	CHECK(acr_queue_pop(&queue) == &a && acr_queue_pop(&queue) == &b);
	CHECK(acr_queue_return(&queue, &b) && acr_queue_return(&queue, &a) && queue.count == 3);
	CHECK(acr_queue_pop(&queue) == &a && acr_queue_pop(&queue) == &b &&
	      acr_queue_pop(&queue) == &c);
	CHECK(acr_queue_return(&queue, &c) && acr_queue_pop(&queue) == &c);
	acr_queue_clear(&queue);
}

/* When a user's first entry is withdrawn, the next one's arrival counts. */
static void test_withdrawn(void)
{
	struct acr_queue_entry entries[] = { entry_of(5, 1, 1), entry_of(5, 1, 10),
		                             entry_of(5, 2, 5) };
	struct acr_queue queue;

	acr_queue_init(&queue, 0);
	for (unsigned i = 0; i < 3; i++)
		CHECK(acr_queue_insert(&queue, &entries[i]));
	acr_queue_remove(&queue, &entries[0]);
	CHECK(acr_queue_pop(&queue) == &entries[2]);
	CHECK(acr_queue_pop(&queue) == &entries[1]);
	acr_queue_clear(&queue);
}

/* Far more users than are remembered when the queue has run empty. */
static void test_many_users(void)
{
	enum { USERS = 5000 };
	struct acr_queue_entry *entries = calloc(USERS, sizeof *entries);
	struct acr_queue queue;

	acr_queue_init(&queue, 1);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < USERS; i++) {
			entries[i] = entry_of((uint16_t)(i * 7919), i, i + 1);
			CHECK(acr_queue_insert(&queue, &entries[i]));
		}
		for (uint32_t i = 0; i < USERS; i += 3)
			acr_queue_remove(&queue, &entries[i]);
		for (uint32_t left = USERS - (USERS + 2) / 3; left; left--)
			CHECK(acr_queue_pop(&queue) != NULL);
		CHECK(!queue.count && !acr_queue_pop(&queue));
	}
	acr_queue_clear(&queue);
	free(entries);
}

/* What a newcomer would find. */
static void test_newcomer(void)
{
	struct acr_queue_entry a = entry_of(5, 1, 1), b = entry_of(5, 2, 2),
	                       c = entry_of(5, 3, 3);
	struct acr_queue_entry low = entry_of(4, 9, 9), same = entry_of(5, 9, 9),
	                       high = entry_of(6, 9, 9);
	struct acr_queue queue;

	acr_queue_init(&queue, 0);
	CHECK(!acr_queue_precedes(&queue, &low) && !acr_queue_has_others(&queue, 1));
	CHECK(acr_queue_insert(&queue, &a));
	CHECK(acr_queue_precedes(&queue, &low) && acr_queue_precedes(&queue, &same) &&
	      !acr_queue_precedes(&queue, &high));
	CHECK(!acr_queue_has_others(&queue, 1) && acr_queue_has_others(&queue, 2));
	CHECK(acr_queue_insert(&queue, &b) && acr_queue_insert(&queue, &c));
	acr_queue_remove(&queue, &b);
	CHECK(acr_queue_has_others(&queue, 1)); /* the third user's, too */
	acr_queue_remove(&queue, &c);
	CHECK(!acr_queue_has_others(&queue, 1));
	acr_queue_remove(&queue, &a);
	acr_queue_clear(&queue);
}

/* One line of many chunks: from both ends and out of the middle, until nothing is left. */
static void test_long_line(void)
{
	enum { N = 2000 };
	struct acr_queue_entry *entries = calloc(N, sizeof *entries);
	struct acr_queue queue;

	acr_queue_init(&queue, 1);
	for (int first = 0; first < 2; first++) {
		/* The later half, then the earlier one before it, backwards. */
		for (unsigned i = 0; i < N; i++)
			entries[i] = entry_of(5, 1, i + 1);
		for (unsigned i = N / 2; i < N; i++)
			CHECK(acr_queue_insert(&queue, &entries[i]));
		for (unsigned i = N / 2; i-- > 0;)
			CHECK(acr_queue_return(&queue, &entries[i]));
		for (unsigned i = (unsigned)first; i < N; i++)
			if (i % 100 != 50)
				acr_queue_remove(&queue, &entries[i]);
		if (first)
			CHECK(acr_queue_pop(&queue) == &entries[0]);
		CHECK(queue.count == N / 100);
		for (unsigned i = 50; i < N; i += 100)
			CHECK(acr_queue_pop(&queue) == &entries[i]);
		CHECK(!acr_queue_pop(&queue));
	}
	acr_queue_clear(&queue);
	free(entries);
}

/* priorities, users: how many of them take part. */
static bool random_step(struct pair *pair, uint64_t *seed, unsigned priorities, unsigned users)
{
	unsigned i = chance(seed, MODEL_ENTRIES);

	switch (chance(seed, 16)) {
	case 0:
		return pair_walk(pair);
	case 1:
		pair_set_ageing(pair, chance(seed, 4) * 0.5);
		return true;
	case 2:
		pair_remove(pair, i);
		return true;
	case 3:
		return pair_take(pair, i);
	case 4:
	case 5:
	case 6:
	case 7:
		return pair_pop(pair);
	case 8:
		return pair_return(pair);
	default:
		return pair_insert(pair, i, chance(seed, priorities), chance(seed, users),
		                   chance(seed, 3000) * 1000000ull);
	}
}

static void test_random(uint64_t seed, unsigned priorities, unsigned users)
{
	static struct pair pair;
	bool same = true;

	pair_init(&pair, 1);
	for (int i = 0; i < 4000 && same; i++) {
		same = random_step(&pair, &seed, priorities, users);
		same = same && pair.queue.count == pair_count(&pair);
	}
	CHECK(same);
	CHECK(pair_walk(&pair));
	CHECK(pair_drain(&pair));
}

int main(void)
{
	test_priority();
	test_fair_share();
	test_ageing();
	test_set_ageing();
	test_return();
	test_withdrawn();
	test_many_users();
	test_newcomer();
	test_long_line();
	for (uint64_t seed = 1; seed <= 40; seed++) {
		test_random(seed * 0x9e3779b97f4a7c15u, MODEL_PRIORITIES, MODEL_USERS);
		test_random(seed * 0xd1342543de82ef95u, 2, 3);
		test_random(seed * 0xda942042e4dd58b5u, 1, 1); /* a long line */
	}
	return checks_end();
}
