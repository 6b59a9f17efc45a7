/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In which order work reaches the drivers, and in which bunches: the main queue, fairness
 * between users, batches, flush deadlines, and answers that come late or in any order. */
#include "health_drivers.h"

static void make_dispatch_modules(void)
{
	static struct acr_module modules[] = {
		{ "calc", &drivers[0], NULL },
		{ "gate", &drivers[1], NULL },
		{ "late", &drivers[4], NULL },
		{ "crowd", &drivers[5], NULL },
		{ "play", &play_drivers[0], NULL },
		{ "least-loaded", NULL, &acrypto_balancer },
		{ NULL, NULL, NULL },
	};

	static_modules = modules;
}

static struct acr_capstat *capability(const char *name, const char *alg)
{
	return device(name)->by_alg[ACR_HASH][acr_alg_index(acr_alg_find(alg))];
}

static void start(struct task *task, uint32_t uid, uint16_t priority)
{
	task_make(task, "sha256", 32, NULL);
	task->job->uid = uid;
	task->job->priority = priority;
	task->any = true;
	task_submit(task, false);
}

static void end_all(struct task *tasks, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		CHECK(!task_end(&tasks[i]));
}

/* ---- the main queue ---- */

/* One job runs on the device and one fills its queue. */
static void fill(const char *name, struct task tasks[2])
{
	for (int i = 0; i < 2; i++) {
		task_make(&tasks[i], "sha256", 8, name);
		task_submit(&tasks[i], false);
		if (!i)
			gate_wait(gate_of(name), 1);
	}
}

/* As if a device had failed the job before. */
static void fail_on(struct acr_job *job, const char *name)
{
	struct acr_attempt *attempt = calloc(1, sizeof *attempt);

	attempt->device = acr_device_find(name);
	attempt->failed = true;
	job->extra = attempt;
}

/* The first that waits can't go where there is room: the next goes. */
static void test_no_hold_up(void)
{
	struct task fillers[4], first, next;

	add("d0=gate:queue=1");
	add("d1=gate:queue=1");
	fill("d0", fillers);
	fill("d1", fillers + 2);
	task_make(&first, "sha256", 8, NULL);
	fail_on(first.job, "d1");
	task_submit(&first, false);
	task_start(&next, "sha256", 9, NULL);
	CHECK(acr_sched_waiting() == 2);
	gate_open(gate_of("d1"), 0);
	gate_wait(gate_of("d1"), 1);
	gate_open(gate_of("d1"), 0);
	gate_open(gate_of("d1"), 0); /* this is the next */
	CHECK(!task_end(&next) && acr_sched_waiting() == 1 && !atomic_load(&first.ends));
	for (int i = 0; i < 3; i++)
		gate_open(gate_of("d0"), 0);
	CHECK(!task_end(&first));
	end_all(fillers, 4);
	end_test();
}

/* A newcomer that finds room doesn't pass those that wait for it, unless it is more
 * urgent. */
static void test_no_passing(void)
{
	struct task fillers[2], waiting[3], later, urgent;

	add("d0=gate:queue=1");
	fill("d0", fillers);
	for (int i = 0; i < 3; i++)
		start(&waiting[i], USER, 1000);
	CHECK(acr_sched_waiting() == 3);
	atomic_store(&capability("d0", "sha256")->queue_length, 10); /* nobody was told */
	start(&later, USER, 1000);
	CHECK(!acr_sched_waiting());
	start(&urgent, USER, 2000);
	for (int i = 0; i < 7; i++)
		gate_open(gate_of("d0"), 0);
	end_all(fillers, 2);
	end_all(waiting, 3);
	CHECK(!task_end(&later) && !task_end(&urgent));
	CHECK(waiting[0].rank < waiting[1].rank && waiting[1].rank < waiting[2].rank);
	CHECK(waiting[2].rank < later.rank);
	CHECK(urgent.rank < waiting[0].rank);
	end_test();
}

static void test_ageing_of_waiters(void)
{
	struct task fillers[2], old, high;

	acr_devices_set_ageing(0);
	add("d0=gate:queue=1");
	fill("d0", fillers);
	start(&old, USER, 10);
	usleep(20000);
	start(&high, USER, 500);
	CHECK(acr_sched_waiting() == 2);
	acr_devices_set_ageing(1e6);
	for (int i = 0; i < 4; i++)
		gate_open(gate_of("d0"), 0);
	end_all(fillers, 2);
	CHECK(!task_end(&old) && !task_end(&high) && old.rank < high.rank);
	acr_devices_set_ageing(1);
	end_test();
}

/* With no device left nobody goes on waiting. */
static void test_hopeless(void)
{
	struct task fillers[2], waiting[20];

	add("d0=gate:queue=1");
	fill("d0", fillers);
	for (int i = 0; i < 20; i++)
		start(&waiting[i], (uint32_t)i, (uint16_t)(i % 3));
	CHECK(acr_sched_waiting() == 20);
	acr_device_broken(device("d0"), "by the test");
	for (int i = 0; i < 20; i++)
		CHECK(task_end(&waiting[i]) == -ENODEV);
	CHECK(task_end(&fillers[0]) == -ENODEV && task_end(&fillers[1]) == -ENODEV);
	end_test();
}

/* ---- fairness and batches ---- */

static void release(struct play *play)
{
	while (!atomic_load(&play->waiting))
		sched_yield();
	sem_post(&play->gate);
}

/* A flood of one user delays another's first by the running request, and no more. */
static void test_flood(void)
{
	struct task flood[20], other;

	add("d0=play:batch=8");
	atomic_store(&play_of("d0")->mode, PLAY_HOLD);
	for (int i = 0; i < 20; i++)
		start(&flood[i], USER, 1000);
	while (!atomic_load(&play_of("d0")->waiting))
		sched_yield();
	start(&other, USER + 1, 1000);
	release(play_of("d0"));
	while (!atomic_load(&flood[0].ends))
		sched_yield();
	atomic_store(&play_of("d0")->mode, PLAY_RIGHT);
	sem_post(&play_of("d0")->gate);
	end_all(flood, 20);
	CHECK(!task_end(&other) && other.rank == flood[0].rank + 1);
	end_test();
}

/* Queue up for a device that takes nothing until it is told, then see what it is given at
 * once. */
static unsigned batch_of(unsigned users)
{
	struct acr_device *dev = device("d0");
	struct task tasks[8];

	atomic_store(&play_of("d0")->batch, 0);
	pthread_mutex_lock(&dev->lock);
	dev->blocked = true;
	pthread_mutex_unlock(&dev->lock);
	for (unsigned i = 0; i < 8; i++)
		start(&tasks[i], USER + i % users, 1000);
	atomic_store(&capability("d0", "sha256")->mean_ns, 100);
	acr_device_ready(dev);
	end_all(tasks, 8);
	return atomic_load(&play_of("d0")->batch);
}

static void test_sync_batches(void)
{
	add("d0=play:batch=8");
	CHECK(batch_of(1) == 8); /* quick ones of one user */
	CHECK(batch_of(8) == 1);
	end_test();
}

/* An asynchronous driver gets what fits, takes what it likes, and loses nothing. */
static void test_partial(void)
{
	static struct task tasks[200];

	add("d0=gate:width=7,auto=1,fewer=1");
	for (int i = 0; i < 200; i++)
		start(&tasks[i], USER, 1000);
	end_all(tasks, 200);
	for (int i = 1; i < 200; i++)
		CHECK(tasks[i].rank > tasks[i - 1].rank); /* the gate ends them as they came */
	check_device("d0");
	CHECK(device("d0")->counters.started == 200 && device("d0")->counters.completed == 200);
	end_test();
}

/* The oldest waits for company no longer than was said, though more and more come; and so long
 * if nothing ends it. */
static void test_flush_deadline(void)
{
	struct task tasks[40];
	bool reversed =
	        false; /* the crowd ends those that came together from the last to the first */

	add("d0=crowd");
	for (int i = 0; i < 40; i++) {
		start(&tasks[i], USER, 1000);
		usleep(3000);
	}
	end_all(tasks, 40);
	CHECK(crowd.flushes >= 2 && crowd.shortest_ns >= 49000000);
	for (int i = 1; i < 40; i++)
		reversed |= tasks[i].rank < tasks[i - 1].rank;
	CHECK(reversed || crowd.flushes == 40);
	end_test();
}

/* ---- late answers ---- */

static void test_late(void)
{
	struct acr_device *dev;
	struct task moved, cancelled;

	add("d0=late:width=2");
	dev = device("d0");
	task_start(&moved, "sha256", 60, NULL);
	task_start(&cancelled, "sha256", 60, NULL);
	gate_wait(gate_of("d0"), 2);
	CHECK(task_cancel(&cancelled) && task_end(&cancelled) == -ECANCELED);
	CHECK(atomic_load(&dev->orphans) == 1);
	add("d1=calc");
	acr_device_broken(dev, "by the test");
	CHECK(!task_end(&moved) && atomic_load(&dev->orphans) == 2);
	/* Both answers come home, one with an error; nobody minds. */
	gate_open(gate_of("d0"), 0);
	gate_open(gate_of("d0"), -EIO);
	CHECK(!atomic_load(&dev->orphans) && !dev->counters.completed && !dev->health.recent);
	check_device("d0");
	check_device("d1");
	end_test();
}

int main(void)
{
	begin_tests();
	make_dispatch_modules();
	CHECK(!acr_balancer_load("least-loaded"));
	test_no_hold_up();
	test_no_passing();
	test_ageing_of_waiters();
	test_hopeless();
	test_flood();
	test_sync_batches();
	test_partial();
	test_flush_deadline();
	test_late();
	return end_tests();
}
