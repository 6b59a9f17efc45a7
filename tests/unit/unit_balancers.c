/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The balancers that are built beside this test, driven through their tables: how well they
 * share work in virtual time, and that the core loses nothing while they come and go. */
#include "sched/balancer.h"
#include "tests/lib/check.h"
#include "device/device.h"
#include "lb_simulation.h"
#include "base/log.h"
#include "device/module.h"
#include "base/secret.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define RUNS     20000 /* sessions of a simulation */
#define FLIGHT   20000 /* sessions in flight while balancers change */
#define PATIENCE 60    /* seconds after which something is taken for lost */

static struct acr_module *modules[2]; /* rate, least-loaded */
static uint64_t sizes[RUNS];

static const struct acr_balancer *table_of(unsigned module)
{
	return acr_module_balancer(modules[module]);
}

/* Sizes from 64 bytes to 64 KiB, as many of each power of two. */
static void make_sizes(void)
{
	uint64_t seed = 99;

	for (unsigned i = 0; i < RUNS; i++)
		sizes[i] = (64ull << chance(&seed, 11)) + chance(&seed, 64);
}

/* ---- how well `rate` shares ---- */

/* One that is slow per byte and one that is slow to start. */
static const struct pair {
	const char *what;
	struct sim_device devices[2];
	unsigned outstanding;
	double least; /* part of the best split's throughput that `rate` must reach */
} pairs[] = {
	{ "alike at 20 kB",
	  { { .name = "a", .fixed_ns = 1e5, .ns_per_byte = 100, .width = 1 },
	    { .name = "b", .fixed_ns = 2e6, .ns_per_byte = 5, .width = 1 } },
	  64,
	  0.95 },
	{ "wide and slow to start",
	  { { .name = "a", .fixed_ns = 5e4, .ns_per_byte = 50, .width = 2 },
	    { .name = "b", .fixed_ns = 8e6, .ns_per_byte = 10, .width = 8 } },
	  128,
	  0.95 },
	{ "with 30 % noise",
	  { { .name = "a", .fixed_ns = 1e5, .ns_per_byte = 100, .width = 1, .noise = 0.3 },
	    { .name = "b", .fixed_ns = 2e6, .ns_per_byte = 5, .width = 1, .noise = 0.3 } },
	  64,
	  0.95 },
	{ "one is better at everything",
	  { { .name = "a", .fixed_ns = 1e4, .ns_per_byte = 1, .width = 1 },
	    { .name = "b", .fixed_ns = 1e6, .ns_per_byte = 100, .width = 1 } },
	  32,
	  0.95 },
};

static double throughput(const struct pair *pair, unsigned module)
{
	struct sim_device *devices = malloc(sizeof pair->devices);
	struct sim sim;
	double best = sim_best_split(pair->devices, sizes, RUNS), took;

	memcpy(devices, pair->devices, sizeof pair->devices);
	sim_begin(&sim, table_of(module), devices, 2);
	took = sim_run(&sim, sizes, RUNS, pair->outstanding);
	sim_finish(&sim);
	free(devices);
	return best / took;
}

static void test_split(void)
{
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		double rate = throughput(&pairs[i], 0), least = throughput(&pairs[i], 1);

		printf("%-28s rate %.1f %%, least-loaded %.1f %% of the best split\n",
		       pairs[i].what, rate * 100, least * 100);
		CHECK(rate >= pairs[i].least);
		CHECK(rate > least);
	}
}

/* ---- what it learns, and how it tries ---- */

static struct sim_device *sim_devices(unsigned n, const struct sim_device *from)
{
	struct sim_device *devices = calloc(n, sizeof *devices);

	memcpy(devices, from, n * sizeof *devices);
	return devices;
}

/* The line of a device in `curve`; false: none. */
static bool curve_of(const struct sim *sim, const char *name, double *fixed_us,
                     double *per_byte, unsigned *samples)
{
	char text[4096], head[80], *line;

	CHECK(sim->table->files[0].read(sim->data, text, sizeof text) < sizeof text);
	CHECK(!strncmp(text, "# device\top\talg\tfixed-us\tns-per-byte\tsamples\n", 44));
	snprintf(head, sizeof head, "\n%s\thash\tsha256\t", name);
	line = strstr(text, head);
	return line &&
	       sscanf(line + strlen(head), "%lf\t%lf\t%u", fixed_us, per_byte, samples) == 3;
}

static void test_curve(void)
{
	const struct sim_device from[2] = {
		{ .name = "a", .fixed_ns = 1e5, .ns_per_byte = 100, .width = 1, .noise = 0.05 },
		{ .name = "b", .fixed_ns = 2e6, .ns_per_byte = 5, .width = 1, .noise = 0.05 },
	};
	struct sim_device *devices = sim_devices(2, from);
	double fixed = 0, slope = 0;
	unsigned samples = 0;
	struct sim sim;

	sim_begin(&sim, table_of(0), devices, 2);
	sim_run(&sim, sizes, RUNS, 32);
	CHECK(curve_of(&sim, "a", &fixed, &slope, &samples) && samples > 1000);
	CHECK(fabs(fixed - 100) < 20 && fabs(slope - 100) < 10);
	CHECK(curve_of(&sim, "b", &fixed, &slope, &samples) && samples > 100);
	CHECK(fabs(fixed - 2000) < 200 && fabs(slope - 5) < 4);
	sim_finish(&sim);
	free(devices);
}

/* With one size only there is no slope to be seen, and the prediction must be right for it. */
static void test_one_size(void)
{
	const struct sim_device from[2] = {
		{ .name = "a", .fixed_ns = 1e5, .ns_per_byte = 100, .width = 1, .noise = 0.2 },
		{ .name = "b", .fixed_ns = 3e5, .ns_per_byte = 0, .width = 1, .noise = 0.2 },
	};
	struct sim_device *devices = sim_devices(2, from);
	uint64_t same[1000];
	double fixed, slope, cost;
	unsigned samples;
	struct sim sim;

	for (unsigned i = 0; i < 1000; i++)
		same[i] = 1000;
	sim_begin(&sim, table_of(0), devices, 2);
	sim_run(&sim, same, 1000, 16);
	CHECK(curve_of(&sim, "a", &fixed, &slope, &samples));
	cost = fixed * 1e3 + slope * 1000;
	CHECK(cost > 1.7e5 && cost < 2.3e5);
	/* 2e5 and 3e5 ns each: three of five go to the first. */
	CHECK(devices[0].given > 540 && devices[0].given < 660);
	sim_finish(&sim);
	free(devices);
}

/* A device that never brings a result is tried a few times, not flooded. */
static void test_bounded_tries(void)
{
	const struct sim_device from[2] = {
		{ .name = "a", .fixed_ns = 1e5, .ns_per_byte = 10, .width = 1 },
		{ .name = "b", .broken = true, .width = 1 },
	};
	struct sim_device *devices = sim_devices(2, from);
	struct sim sim;

	sim_begin(&sim, table_of(0), devices, 2);
	sim_run(&sim, sizes, RUNS, 8);
	CHECK(devices[1].given >= 2 && devices[1].given < 20);
	sim_finish(&sim);
	free(devices);
}

/* One that is a thousand times slower gets next to nothing; one that has become fast is found. */
static void test_stale(void)
{
	const struct sim_device from[2] = {
		{ .name = "a", .fixed_ns = 1e5, .ns_per_byte = 10, .width = 1 },
		{ .name = "b", .fixed_ns = 1e7, .ns_per_byte = 100, .width = 1 },
	};
	struct sim_device *devices = sim_devices(2, from);
	struct sim sim;
	unsigned before;

	sim_begin(&sim, table_of(0), devices, 2);
	sim_run(&sim, sizes, RUNS, 4);
	CHECK(devices[1].given >= 1 && devices[1].given < RUNS / 200);
	devices[1].fixed_ns = 1e3;
	devices[1].ns_per_byte = 1;
	for (int i = 0; i < 5; i++)
		sim_run(&sim, sizes, RUNS, 4);
	before = devices[1].given;
	sim_run(&sim, sizes, RUNS, 4);
	CHECK(devices[1].given - before > RUNS / 2);
	sim_finish(&sim);
	free(devices);
}

/* Curves of devices that come and go don't fill the table. */
static void test_forget(void)
{
	const struct sim_device from[1] = { { .name = "a", .fixed_ns = 1e5, .width = 1 } };
	struct sim_device *devices = sim_devices(1, from);
	double fixed, slope;
	unsigned samples;
	struct sim sim;

	sim_begin(&sim, table_of(0), devices, 1);
	for (unsigned round = 0; round < 20000; round++) {
		struct acr_lb_session session = sim_session(&sim, 100);
		struct acr_lb_device device = { .name = "x", .id = round + 100, .width = 1 };
		struct acr_lb_choice choice = { 0 };

		CHECK(!sim.table->find_device(sim.data, &session, &device, 1, &choice));
		sim.table->completed(sim.data, device.id, &session, 0, 5000);
		CHECK(curve_of(&sim, "x", &fixed, &slope, &samples) && samples == 1);
		sim.table->forget(sim.data, device.id);
		CHECK(!curve_of(&sim, "x", &fixed, &slope, &samples));
		round += 199;
	}
	sim_finish(&sim);
	free(devices);
}

/* ---- balancers come and go with sessions in flight ---- */

static atomic_uint ended, failed;
static atomic_bool calm;
static struct acr_account *account;

static void job_done(struct acr_job *job, int error)
{
	if (error)
		atomic_fetch_add(&failed, 1);
	atomic_fetch_add(&ended, 1);
	acr_job_unref(job);
}

static void submit(struct acr_buf *src, unsigned i)
{
	struct acr_job *job = acr_job_new(ACR_HASH, acr_alg_find("sha256"), account);

	job->src = acr_buf_ref(src);
	job->src_len = i % 300;
	job->dst_size = 32;
	job->uid = i % 3;
	job->priority = 1000;
	job->done = job_done;
	acr_job_ref(job); /* ours, until it is submitted */
	if (!CHECK(!acr_job_submit(job, false)))
		acr_job_unref(job);
	acr_job_unref(job);
}

static void *switch_all(void *unused)
{
	static const char *const names[] = { "rate", "least-loaded", "affinity",
		                             "round-robin" };
	uint64_t seed = 5;

	while (!atomic_load(&calm)) {
		const char *name = names[chance(&seed, 4)];
		int error = chance(&seed, 2)   ? acr_balancer_switch(name)
		            : chance(&seed, 2) ? acr_balancer_unload(name)
		                               : acr_balancer_load(name);
		CHECK(!error || error == -ENOENT || error == -EBUSY || error == -EEXIST);
		if (chance(&seed, 50) == 0)
			acr_sched_rehash();
		sched_yield();
	}
	return unused;
}

static void add_device(const char *text)
{
	char why[ACR_SENTENCE], *error = NULL;

	if (!CHECK(!acr_device_add(acr_device_spec_parse(text, &error), false, why)))
		exit(checks_end());
}

static void wait_for_all(unsigned count)
{
	for (int i = 0; i < PATIENCE * 1000 && atomic_load(&ended) < count; i++)
		usleep(1000);
	CHECK(atomic_load(&ended) == count && !atomic_load(&failed));
}

static void test_flight(void)
{
	struct acr_buf *src = acr_buf_new(account);
	uint8_t data[300] = { 1 };
	pthread_t thread;

	acr_log_set_level((enum acr_log_level) - 1); /* refusals are part of it */
	CHECK(!acr_buf_write(src, 0, data, sizeof data));
	add_device("d0=delay:us=20,width=64");
	add_device("d1=delay:us=100,width=256");
	add_device("d2=soft");
	CHECK(!pthread_create(&thread, NULL, switch_all, NULL));
	for (unsigned i = 0; i < FLIGHT; i++)
		submit(src, i);
	wait_for_all(FLIGHT);
	atomic_store(&calm, true);
	pthread_join(thread, NULL);
	acr_buf_unref(src);
	acr_device_remove_all();
	CHECK(!acr_sched_waiting());
}

/* ---- a group that changes all the time ---- */

#define STRESSED 20000

/* What is bound to the group ends well or without a device; all else ends well. */
static void grouped_done(struct acr_job *job, int error)
{
	CHECK(!error || (job->bound && (error == -ENODEV || error == -EIO)));
	atomic_fetch_add(&ended, 1);
	acr_job_unref(job);
}

static void submit_grouped(struct acr_buf *src, unsigned i)
{
	struct acr_job *job = acr_job_new(ACR_HASH, acr_alg_find("sha256"), account);
	int error;

	job->src = acr_buf_ref(src);
	job->src_len = i % 300;
	job->dst_size = 32;
	job->priority = 1000;
	job->done = grouped_done;
	job->bound = i % 2 ? acr_device_find("pool") : NULL;
	acr_job_ref(job);
	error = acr_job_submit(job, i % 3 == 0);
	if (error) {
		CHECK(job->bound && (error == -ENODEV || error == -EIO));
		atomic_fetch_add(&ended, 1);
		acr_job_unref(job);
	}
	acr_job_unref(job);
}

static void remove_and_add(const char *name, const char *spec)
{
	CHECK(!acr_device_remove(name));
	add_device(spec);
}

static void limit(const char *name, unsigned most)
{
	struct acr_device *dev = acr_device_find(name);
	const struct acr_alg *alg = acr_alg_find("sha256");

	atomic_store(&dev->by_alg[ACR_HASH][acr_alg_index(alg)]->queue_length, most);
	acr_device_unref(dev);
	acr_sched_rehash();
}

static void trouble_once(uint64_t *seed)
{
	static const char *const names[] = { "d0", "d1", "pool" };
	struct acr_device *dev = acr_device_find(names[chance(seed, 3)]);

	switch (chance(seed, 7)) {
	case 0:
		acr_device_broken(dev, "by the test");
		break;
	case 1:
		acr_device_drain(dev);
		break;
	case 2:
		remove_and_add("d0", "d0=delay:us=10,width=4");
		break;
	case 3:
		remove_and_add("pool", "pool=group:members=d0+d1,balancer=rate");
		break;
	case 4:
		limit("d1", 1 + chance(seed, 20));
		break;
	case 5:
		limit("d0", 1 + chance(seed, 20));
		break;
	default:
		acr_sched_rehash();
	}
	acr_device_repair(dev);
	acr_device_unref(dev);
}

static void *trouble(void *unused)
{
	uint64_t seed = 31;

	while (!atomic_load(&calm)) {
		trouble_once(&seed);
		usleep(200);
	}
	return unused;
}

static void test_group_flight(void)
{
	struct acr_buf *src = acr_buf_new(account);
	uint8_t data[300] = { 1 };
	pthread_t thread;

	atomic_store(&ended, 0);
	atomic_store(&calm, false);
	CHECK(!acr_buf_write(src, 0, data, sizeof data));
	add_device("alone=soft");
	add_device("d0=delay:us=10,width=4");
	add_device("d1=delay:us=30,width=16");
	add_device("pool=group:members=d0+d1,balancer=rate");
	CHECK(!pthread_create(&thread, NULL, trouble, NULL));
	for (unsigned i = 0; i < STRESSED; i++) {
		submit_grouped(src, i);
		while (i - atomic_load(&ended) > 2000 && i > atomic_load(&ended))
			usleep(100);
	}
	for (int i = 0; i < PATIENCE * 1000 && atomic_load(&ended) < STRESSED; i++)
		usleep(1000);
	CHECK(atomic_load(&ended) == STRESSED);
	atomic_store(&calm, true);
	pthread_join(thread, NULL);
	acr_buf_unref(src);
	acr_device_remove_all();
	CHECK(!acr_sched_waiting() && !account->bytes);
}

int main(void)
{
	char why[ACR_SENTENCE];

	setvbuf(stdout, NULL, _IOLBF, 0);
	acr_settings_init();
	acr_settings.module_path = ACR_BUILDDIR ":" ACR_BUILDDIR "/drivers";
	acr_alg_init();
	acr_secret_init();
	acr_log_set_level(ACR_LOG_ERROR);
	modules[0] = acr_module_load(ACR_MODULE_BALANCER, "rate", why);
	modules[1] = acr_module_load(ACR_MODULE_BALANCER, "least-loaded", why);
	if (!CHECK(modules[0] && modules[1])) {
		printf("%s\n", why);
		return checks_end();
	}
	account = acr_account_get(1);
	make_sizes();
	test_split();
	test_curve();
	test_one_size();
	test_bounded_tries();
	test_stale();
	test_forget();
	CHECK(!acr_balancer_load("least-loaded") && !acr_balancer_load("rate"));
	test_flight();
	test_group_flight();
	acr_balancers_free();
	acr_module_unref(modules[0]);
	acr_module_unref(modules[1]);
	return checks_end();
}
