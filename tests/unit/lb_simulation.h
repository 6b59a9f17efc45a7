/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices in virtual time, driven by a balancer through its table: the same on every machine.
 *
 * So many sessions are outstanding at any time; when one ends the next is placed. A device
 * takes `width` at once, in the order of arrival, each for fixed + bytes x per_byte. */
#ifndef ACR_LB_SIMULATION_H
#define ACR_LB_SIMULATION_H

#include "tests/lib/check.h"

#include <acrypto/balancer.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIM_DEVICES 4
#define SIM_WIDTH   8
#define SIM_QUEUE   4096

struct sim_device {
	const char *name;
	double fixed_ns, ns_per_byte;
	unsigned width;
	double noise; /* share of the time by which one may differ, up or down */
	bool broken;  /* all that it gets comes back without a result at once */
	struct sim_work {
		uint64_t bytes, cost_ns;
		double ends; /* running only */
		double time;
	} queue[SIM_QUEUE], running[SIM_WIDTH];
	unsigned head, queued, active, given;
	uint64_t predicted_ns, unpredicted, unpredicted_bytes, load_bytes;
};

struct sim {
	const struct acr_balancer *table;
	void *data;
	struct sim_device *devices;
	unsigned count;
	double now;
	uint64_t seed;
	const char *alg;
	char reason[ACR_LB_REASON]; /* of the last choice */
};

static double sim_time(struct sim *sim, const struct sim_device *dev, uint64_t bytes)
{
	double luck = (double)chance(&sim->seed, 20001) / 10000 - 1;

	return (dev->fixed_ns + dev->ns_per_byte * (double)bytes) * (1 + dev->noise * luck);
}

static struct acr_lb_session sim_session(const struct sim *sim, uint64_t bytes)
{
	return (struct acr_lb_session){ .opcode = ACR_HASH,
		                        .alg = sim->alg,
		                        .bytes = bytes,
		                        .priority = 1000,
		                        .uid = 1,
		                        .pid = 1 };
}

static void sim_weigh(struct sim_device *dev, const struct sim_work *work, uint64_t by)
{
	dev->load_bytes += by * work->bytes;
	if (work->cost_ns) {
		dev->predicted_ns += by * work->cost_ns;
	} else {
		dev->unpredicted += by;
		dev->unpredicted_bytes += by * work->bytes;
	}
}

static void sim_start(struct sim *sim, struct sim_device *dev)
{
	while (dev->queued && dev->active < dev->width) {
		struct sim_work *work = &dev->running[dev->active++];

		*work = dev->queue[dev->head++ % SIM_QUEUE];
		dev->queued--;
		work->time = sim_time(sim, dev, work->bytes);
		work->ends = sim->now + work->time;
	}
}

/* Ask the balancer; returns the device. */
static unsigned sim_ask(struct sim *sim, uint64_t bytes, struct acr_lb_choice *choice)
{
	struct acr_lb_session session = sim_session(sim, bytes);
	struct acr_lb_device shown[SIM_DEVICES];

	for (unsigned i = 0; i < sim->count; i++) {
		const struct sim_device *dev = &sim->devices[i];

		shown[i] = (struct acr_lb_device){
			.name = dev->name,
			.id = i + 1,
			.width = dev->width,
			.queued = dev->queued,
			.running = dev->active,
			.queued_bytes = dev->load_bytes,
			.predicted_ns = dev->predicted_ns,
			.unpredicted = dev->unpredicted,
			.unpredicted_bytes = dev->unpredicted_bytes,
		};
	}
	*choice = (struct acr_lb_choice){ 0 };
	CHECK(!sim->table->find_device(sim->data, &session, shown, sim->count, choice));
	CHECK(choice->index < sim->count && choice->reason[0] &&
	      !strpbrk(choice->reason, "\t\n"));
	memcpy(sim->reason, choice->reason, sizeof sim->reason);
	return choice->index;
}

/* One that fails on its device is placed again, on another, as the core does. */
static void sim_place(struct sim *sim, uint64_t bytes)
{
	struct acr_lb_choice choice;
	struct sim_device *dev = &sim->devices[sim_ask(sim, bytes, &choice)];
	struct sim_work work = { .bytes = bytes, .cost_ns = choice.cost_ns };

	dev->given++;
	if (dev->broken) {
		dev = &sim->devices[dev == sim->devices];
		work.cost_ns = 0;
	}
	dev->queue[(dev->head + dev->queued++) % SIM_QUEUE] = work;
	CHECK(dev->queued < SIM_QUEUE);
	sim_weigh(dev, &work, 1);
	sim_start(sim, dev);
}

/* Go on to the next end of anything. */
static void sim_end_one(struct sim *sim)
{
	struct sim_device *first = NULL;
	struct acr_lb_session session;
	struct sim_work work;
	unsigned at = 0;

	for (unsigned i = 0; i < sim->count; i++) {
		struct sim_device *dev = &sim->devices[i];
		for (unsigned k = 0; k < dev->active; k++)
			if (!first || dev->running[k].ends < first->running[at].ends) {
				first = dev;
				at = k;
			}
	}
	work = first->running[at];
	first->running[at] = first->running[--first->active];
	sim->now = work.ends;
	sim_weigh(first, &work, (uint64_t)-1);
	session = sim_session(sim, work.bytes);
	if (sim->table->completed)
		sim->table->completed(sim->data, (uint64_t)(first - sim->devices) + 1, &session,
		                      0, (uint64_t)work.time);
	sim_start(sim, first);
}

/* Run all sizes with so many outstanding. Returns the time that it took, ns. */
static double sim_run(struct sim *sim, const uint64_t *sizes, unsigned n, unsigned outstanding)
{
	double begin = sim->now;

	for (unsigned i = 0; i < n; i++) {
		if (i >= outstanding)
			sim_end_one(sim);
		sim_place(sim, sizes[i]);
	}
	for (unsigned i = 0; i < outstanding && i < n; i++)
		sim_end_one(sim);
	return sim->now - begin;
}

static void sim_begin(struct sim *sim, const struct acr_balancer *table,
                      struct sim_device *devices, unsigned count)
{
	*sim = (struct sim){ .table = table,
		             .devices = devices,
		             .count = count,
		             .seed = 4711,
		             .alg = "sha256" };
	CHECK(!table->create || !table->create(&sim->data));
}

static void sim_finish(struct sim *sim)
{
	if (sim->table->destroy)
		sim->table->destroy(sim->data);
}

/* ---- the best static split, for two devices ---- */

struct sim_split {
	double ratio; /* cost on the first by cost on the second, per slot */
	double first, second;
};

static int sim_compare(const void *a, const void *b)
{
	double x = ((const struct sim_split *)a)->ratio,
	       y = ((const struct sim_split *)b)->ratio;

	return x < y ? -1 : x > y;
}

/* The least time in which two devices can do all sizes when each is given its part in advance
 * and is never idle before its end: those that suit the first best go there, up to where both
 * end together; a session may even be cut. No assignment of whole sessions is better. */
static double sim_best_split(const struct sim_device *devices, const uint64_t *sizes,
                             unsigned n)
{
	struct sim_split *splits = calloc(n, sizeof *splits);
	double first = 0, second = 0, result = 0;

	for (unsigned i = 0; i < n; i++) {
		double bytes = (double)sizes[i];
		splits[i].first = (devices[0].fixed_ns + devices[0].ns_per_byte * bytes) /
		                  devices[0].width;
		splits[i].second = (devices[1].fixed_ns + devices[1].ns_per_byte * bytes) /
		                   devices[1].width;
		splits[i].ratio = splits[i].first / splits[i].second;
		second += splits[i].second;
	}
	qsort(splits, n, sizeof *splits, sim_compare);
	result = second;
	for (unsigned i = 0; i < n && first < second; i++) {
		double share = 1;
		if (first + splits[i].first > second - splits[i].second)
			share = (second - first) / (splits[i].first + splits[i].second);
		first += share * splits[i].first;
		second -= share * splits[i].second;
		result = fmax(first, second);
	}
	free(splits);
	return result;
}

#endif
