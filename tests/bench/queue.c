/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the queue of a device costs when it is short and when it is long: two users, random
 * priorities, sessions lying in memory in random order. Nanoseconds of processor time, which
 * somebody else's work on the machine adds less to than to those of the clock. */
#include "bench.h"

#include "sched/job.h"

#define MANY 1000000
#define FEW  1000

static struct acr_job **jobs; /* MANY of them, in random order of address */
static struct wanted {
	uint16_t priority;
	uint32_t uid;
} wanted[MANY];
static uint64_t arrival_ns = 1; /* the next one's; a microsecond from one to the next */

struct cost {
	double insert, take, both; /* ns each */
};

static uint64_t cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static uint64_t chance(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

static void shuffle(size_t n, uint64_t *seed)
{
	for (size_t i = n; i > 1; i--) {
		size_t other = chance(seed) % i;
		struct acr_job *job = jobs[i - 1];
		jobs[i - 1] = jobs[other];
		jobs[other] = job;
	}
}

static void make_jobs(void)
{
	uint64_t seed = 1;

	jobs = calloc(MANY, sizeof *jobs);
	need(jobs != NULL, "no memory");
	for (size_t i = 0; i < MANY; i++) {
		jobs[i] = calloc(1, sizeof **jobs);
		need(jobs[i] != NULL, "no memory for a million jobs");
	}
	shuffle(MANY, &seed);
}

/* Another order of the first n jobs, other priorities and users: a processor remembers the
 * branches of a short round that it sees again and again. */
static void mix(size_t n, uint64_t *seed)
{
	shuffle(n, seed);
	for (size_t i = 0; i < n; i++) {
		wanted[i].priority = (uint16_t)chance(seed);
		wanted[i].uid = 1000 + (uint32_t)(chance(seed) & 1);
	}
}

/* As the scheduler does: it fills in the entry and queues it. */
static void put(struct acr_queue *queue, struct acr_queue_entry *entry, struct wanted to)
{
	entry->priority = to.priority;
	entry->uid = to.uid;
	entry->arrival_ns = arrival_ns += 1000;
	need(acr_queue_insert(queue, entry), "no memory for the queue");
}

static void drain(struct acr_queue *queue)
{
	while (acr_queue_pop(queue))
		;
}

/* Fill an empty queue and drain it. */
static void fill_and_drain(struct acr_queue *queue, size_t n, struct cost *cost)
{
	uint64_t filling = 0, draining = 0, seed = 5;
	size_t rounds = MANY / n;

	for (size_t round = 0; round < rounds; round++) {
		uint64_t begin, middle;
		mix(n, &seed);
		begin = cpu_ns();
		for (size_t i = 0; i < n; i++)
			put(queue, &jobs[i]->first.entry, wanted[i]);
		middle = cpu_ns();
		drain(queue);
		filling += middle - begin;
		draining += cpu_ns() - middle;
	}
	cost->insert = (double)filling / (double)(n * rounds);
	cost->take = (double)draining / (double)(n * rounds);
}

/* Take one out and put it in again with another priority, at a length that stays the same. */
static void hold(struct acr_queue *queue, size_t n, struct cost *cost)
{
	uint64_t seed = 77, begin;

	mix(n, &seed);
	for (size_t i = 0; i < n; i++)
		put(queue, &jobs[i]->first.entry, wanted[i]);
	begin = cpu_ns();
	for (size_t i = 0; i < MANY; i++) {
		struct acr_queue_entry *entry = acr_queue_pop(queue);
		put(queue, entry, (struct wanted){ (uint16_t)chance(&seed), entry->uid });
	}
	cost->both = (double)(cpu_ns() - begin) / MANY;
	drain(queue);
}

static struct cost run(size_t n)
{
	struct acr_queue queue;
	struct cost cost;

	acr_queue_init(&queue, 1);
	fill_and_drain(&queue, n, &cost);
	hold(&queue, n, &cost);
	acr_queue_clear(&queue);
	return cost;
}

static void print(const char *name, size_t n, const struct cost *costs, size_t offset)
{
	double values[RUNS];

	for (int i = 0; i < RUNS; i++)
		values[i] = *(const double *)((const char *)&costs[i] + offset);
	printf("%s-%zu %.1f\n", name, n, median(values, RUNS));
}

int main(void)
{
	static const size_t lengths[] = { FEW, MANY };
	struct cost costs[2][RUNS];

	make_jobs();
	for (int i = 0; i < RUNS; i++)
		for (int k = 0; k < 2; k++)
			costs[k][i] = run(lengths[k]);
	for (int k = 0; k < 2; k++) {
		print("insert", lengths[k], costs[k], offsetof(struct cost, insert));
		print("take", lengths[k], costs[k], offsetof(struct cost, take));
		print("out-and-in", lengths[k], costs[k], offsetof(struct cost, both));
	}
	return 0;
}
