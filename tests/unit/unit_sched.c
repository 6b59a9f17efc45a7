/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scheduler and the devices: order, limits, fail-over, cancelling, and many threads that
 * do all of it at once. Each job ends exactly once, and all counts come back to nothing. */
#include "sched_drivers.h"
#include "sched_tasks.h"

#define STRESSERS 3
#define ROUNDS    20000
#define HELD      24

static void make_modules(void)
{
	static struct acr_module modules[] = {
		{ "calc", &drivers[0], NULL },
		{ "gate", &drivers[1], NULL },
		{ "early", &drivers[2], NULL },
		{ "lazy", &drivers[3], NULL },
		{ "least-loaded", NULL, &acrypto_balancer },
		{ NULL, NULL, NULL },
	};

	static_modules = modules;
	sem_init(&lazy_flushes, 0, 0);
	sem_init(&lazy_may_flush, 0, 0);
}

/* ---- one at a time ---- */

static void test_plain(void)
{
	static struct task tasks[200];
	struct acr_device *dev;

	add("d0=calc:width=2");
	dev = device("d0");
	for (unsigned i = 0; i < 200; i++) {
		task_make(&tasks[i], i % 3 ? "sha256" : "md5", i * 20, i % 5 ? NULL : "d0");
		CHECK(!task_submit(&tasks[i], i & 1));
	}
	for (unsigned i = 0; i < 200; i++)
		CHECK(!task_end(&tasks[i]));
	CHECK(dev->counters.started == 200 && dev->counters.completed == 200);
	CHECK(dev->counters.bytes == 199 * 200 * 10 && !dev->counters.failed);
	check_device("d0");
	end_test();
}

/* What a session gives beside key and data reaches the driver. */
static void test_fields(void)
{
	struct task task;
	struct acr_op *op;
	int error;

	add("d0=calc");
	task_make(&task, "md5", 5, NULL);
	task.job->sig = acr_blob_new("sig", 3, false, NULL, &error);
	task.job->private_area = acr_blob_new("mine", 4, false, NULL, &error);
	task.job->pkey = (struct acr_pkey){ "sha256", "sha1", ACR_SALT_MAX, ACR_SIG_RAW };
	CHECK(!task_submit(&task, false) && task_wait(&task));
	op = &task.job->first.op;
	CHECK(op->sig.len == 3 && !memcmp(op->sig.data, "sig", 3));
	CHECK(op->private_area.len == 4 && !memcmp(op->private_area.data, "mine", 4));
	CHECK(!strcmp(op->pkey.digest, "sha256") && !strcmp(op->pkey.mgf1, "sha1"));
	CHECK(op->pkey.saltlen == ACR_SALT_MAX && op->pkey.sigformat == ACR_SIG_RAW);
	CHECK(!task_end(&task));
	end_test();
}

static void test_nobody(void)
{
	struct task task;

	task_start(&task, "sha256", 10, NULL);
	CHECK(task_end(&task) == -ENODEV);
	add("d0=calc");
	task_start(&task, "sha512", 10, NULL);
	CHECK(task_end(&task) == -ENODEV);
	acr_device_broken(device("d0"), "by the test");
	task_start(&task, "sha256", 10, NULL);
	CHECK(task_end(&task) == -ENODEV);
	CHECK(!acr_device_repair(device("d0")));
	task_start(&task, "sha256", 10, NULL);
	CHECK(!task_end(&task));
	end_test();
}

static void test_order(void)
{
	static const uint16_t priorities[] = { 10, 500, 20, 500, 65535, 0 };
	static const unsigned place[] = { 4, 1, 3, 2, 0, 5 };
	struct task first, tasks[6];

	add("d0=gate");
	task_start(&first, "sha256", 1, NULL);
	gate_wait(gate_of("d0"), 1);
	for (unsigned i = 0; i < 6; i++) {
		task_make(&tasks[i], "sha256", 1, NULL);
		tasks[i].job->priority = priorities[i];
		CHECK(!task_submit(&tasks[i], true));
	}
	CHECK(device("d0")->queued_count == 6 && device("d0")->running_count == 1);
	for (unsigned i = 0; i < 7; i++)
		gate_open(gate_of("d0"), 0);
	CHECK(!task_end(&first));
	for (unsigned i = 0; i < 6; i++) {
		CHECK(!task_end(&tasks[i]));
		CHECK(tasks[i].rank == first.rank + 1 + place[i]);
	}
	check_device("d0");
	end_test();
}

/* A full queue sends jobs to the main one; they come as room does. */
static void test_limits(void)
{
	struct task tasks[12];

	add("d0=gate:queue=2");
	for (unsigned i = 0; i < 12; i++) {
		task_start(&tasks[i], "sha256", 8, NULL);
		if (!i)
			gate_wait(gate_of("d0"), 1);
	}
	CHECK(device("d0")->queued_count == 2 && acr_sched_waiting() == 9);
	CHECK(task_cancel(&tasks[11]) && acr_sched_waiting() == 8); /* of the main queue */
	CHECK(task_cancel(&tasks[1]));                              /* of the device's */
	CHECK(acr_sched_waiting() == 7 && device("d0")->queued_count == 2);
	for (unsigned i = 0; i < 10; i++)
		gate_open(gate_of("d0"), 0);
	for (unsigned i = 0; i < 12; i++)
		CHECK(task_end(&tasks[i]) == (i == 1 || i == 11 ? -ECANCELED : 0));
	CHECK(!acr_sched_waiting());
	check_device("d0");
	end_test();
}

/* Bound jobs may go nowhere else: they wait at their device. */
static void test_overflow(void)
{
	struct task tasks[12];

	add("d0=gate:queue=2");
	add("d1=calc");
	for (unsigned i = 0; i < 12; i++) {
		task_start(&tasks[i], "sha256", 8, "d0");
		if (!i)
			gate_wait(gate_of("d0"), 1);
	}
	CHECK(device("d0")->queued_count == 2 && device("d0")->overflow.count == 9);
	CHECK(!acr_sched_waiting());
	CHECK(task_cancel(&tasks[11]) && task_cancel(&tasks[1]));
	CHECK(device("d0")->queued_count == 2 && device("d0")->overflow.count == 7);
	acr_sched_rehash();
	CHECK(device("d0")->queued_count + device("d0")->overflow.count == 9);
	for (unsigned i = 0; i < 5; i++)
		gate_open(gate_of("d0"), 0);
	gate_wait(gate_of("d0"), 1);
	acr_device_broken(device("d0"), "by the test");
	for (unsigned i = 0; i < 12; i++) {
		int error = task_end(&tasks[i]), wanted = i < 6 ? 0 : -ENODEV;
		/* The seventh was running. */
		CHECK(error == (i == 1 || i == 11 ? -ECANCELED : wanted));
	}
	check_device("d0");
	end_test();
}

/* What a broken device had goes to the next. */
static void test_failover(void)
{
	struct task tasks[6], bound;

	add("d0=gate");
	for (unsigned i = 0; i < 6; i++)
		task_start(&tasks[i], "sha256", 100, NULL);
	task_start(&bound, "md5", 100, "d0");
	gate_wait(gate_of("d0"), 1);
	add("d1=calc:width=2");
	acr_device_broken(device("d0"), "by the test");
	for (unsigned i = 0; i < 6; i++)
		CHECK(!task_end(&tasks[i]));
	CHECK(task_end(&bound) == -ENODEV);
	check_device("d0");
	check_device("d1");
	CHECK(device("d0")->counters.redispatched > 0 && !device("d0")->counters.completed);
	acr_device_remove("d1");
	CHECK(!acr_device_repair(device("d0")));
	task_start(&tasks[0], "sha256", 100, NULL);
	gate_open(gate_of("d0"), 0);
	CHECK(!task_end(&tasks[0]));
	end_test();
}

static void test_failures(void)
{
	struct task task;

	add("d0=calc:fail=1");
	task_start(&task, "sha256", 9, NULL);
	CHECK(task_end(&task) == -EIO);
	add("d1=calc");
	/* So few failures don't condemn it. */
	for (int i = 0; i < 8; i++) {
		task_make(&task, "sha256", 9, NULL);
		task_submit(&task, i & 1);
		CHECK(!task_end(&task));
	}
	task_start(&task, "sha256", 9, "d0");
	CHECK(task_end(&task) == -EIO);
	check_device("d0");
	check_device("d1");
	end_test();
}

/* A running one is given up; the driver's late end changes nothing. */
static void test_cancel_running(void)
{
	struct task task;

	add("d0=gate");
	task_start(&task, "sha256", 50, NULL);
	gate_wait(gate_of("d0"), 1);
	CHECK(task_cancel(&task) && !acr_job_cancel(task.job));
	CHECK(task_end(&task) == -ECANCELED);
	check_device("d0");
	task_start(&task, "sha256", 50, NULL);
	gate_open(gate_of("d0"), 0);
	CHECK(!task_end(&task) && device("d0")->counters.completed == 1);
	end_test();
}

/* A driver that had ended what it accepted, when it says that it accepted no more, is offered
 * the rest all the same. */
static void test_early_ends(void)
{
	struct task tasks[40];

	add("d0=gate");
	for (unsigned i = 0; i < 40; i++)
		task_start(&tasks[i], "sha256", 5, NULL);
	gate_wait(gate_of("d0"), 1);
	add("d1=early");
	acr_device_remove("d0"); /* all of them move at once */
	for (unsigned i = 0; i < 40; i++)
		CHECK(!task_end(&tasks[i]));
	check_device("d1");
	end_test();
}

static void *remove_device(void *name)
{
	CHECK(!acr_device_remove(name));
	return NULL;
}

/* Removal waits for a flush, and hears of its end. */
static void test_remove_in_flush(void)
{
	struct acr_device *dev;
	struct timespec until;
	struct task task;
	pthread_t thread;
	bool stopping;

	add("d0=lazy");
	dev = acr_device_find("d0");
	task_start(&task, "sha256", 5, NULL);
	sem_wait(&lazy_flushes);
	CHECK(!pthread_create(&thread, NULL, remove_device, (void *)"d0"));
	do {
		pthread_mutex_lock(&dev->lock);
		stopping = dev->stopping;
		pthread_mutex_unlock(&dev->lock);
		sched_yield();
	} while (!stopping);
	sem_post(&lazy_may_flush);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE;
	if (!CHECK(!pthread_timedjoin_np(thread, NULL, &until))) {
		checks_end();
		_exit(1);
	}
	task_end(&task);
	acr_device_unref(dev);
	end_test();
}

/* ---- all at once ---- */

static atomic_bool calm; /* no more trouble */

static void stress_new(struct task *task, uint64_t *seed)
{
	static const char *const bound[] = { "d2", "d3", "d4" };
	bool is_bound = chance(seed, 4) == 0;

	task_make(task, chance(seed, 2) ? "sha256" : "md5", chance(seed, 300),
	          is_bound ? bound[chance(seed, 3)] : NULL);
	task->job->priority = (uint16_t)chance(seed, 3);
	task->job->uid = chance(seed, 3);
	task_submit(task, chance(seed, 2));
}

/* An unbound job always finds the first device, which nobody touches. */
static void stress_end(struct task *task)
{
	bool bound = task->job->bound != NULL;
	int error = task_end(task);

	CHECK(!error || error == -ECANCELED || (bound && (error == -ENODEV || error == -EIO)));
	task->job = NULL;
}

static void *stress(void *data)
{
	struct task tasks[HELD] = { 0 };
	uint64_t seed = *(uint64_t *)data;

	for (int i = 0; i < ROUNDS; i++) {
		struct task *task = &tasks[chance(&seed, HELD)];
		if (!task->job) {
			stress_new(task, &seed);
		} else if (chance(&seed, 2) && !task->refused) {
			task_cancel(task);
			stress_end(task);
		} else {
			stress_end(task);
		}
	}
	for (int i = 0; i < HELD; i++)
		if (tasks[i].job)
			stress_end(&tasks[i]);
	return NULL;
}

static void trouble_once(uint64_t *seed)
{
	static const char *const names[] = { "d1", "d2", "d3", "d4" };
	struct acr_device *dev = acr_device_find(names[chance(seed, 4)]);
	struct acr_capstat *cap = dev->caps->pdata[chance(seed, 2)];

	switch (chance(seed, 8)) {
	case 0:
		acr_device_broken(dev, "by the test");
		break;
	case 1:
		acr_device_drain(dev);
		break;
	case 2:
		acr_device_reset(dev);
		break;
	case 3:
		acr_sched_rehash();
		break;
	case 4:
		atomic_store(&cap->queue_length, 1 + chance(seed, 5));
		acr_sched_rehash();
		break;
	case 5:
		acr_devices_set_ageing(chance(seed, 3));
		acr_devices_sample();
		break;
	case 6:
		add("spare=gate:width=4,auto=1");
		CHECK(!acr_device_remove("spare"));
		break;
	}
	acr_device_repair(dev);
	acr_device_unref(dev);
}

static void *trouble(void *data)
{
	uint64_t seed = *(uint64_t *)data;

	while (!atomic_load(&calm))
		trouble_once(&seed);
	return NULL;
}

static void test_stress(void)
{
	uint64_t seeds[STRESSERS + 1] = { 11, 22222, 3333333, 444444444 };
	pthread_t threads[STRESSERS + 1];

	add("d0=calc:width=2,queue=4");
	add("d1=calc:fail=3,queue=3");
	add("d2=gate:width=4,auto=1,fewer=1,queue=4");
	add("d3=gate:width=2,auto=1,queue=2");
	add("d4=calc:width=2,fail=7,queue=1");
	for (int i = 0; i <= STRESSERS; i++)
		CHECK(!pthread_create(&threads[i], NULL, i ? stress : trouble, &seeds[i]));
	for (int i = 1; i <= STRESSERS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&calm, true);
	pthread_join(threads[0], NULL);
	CHECK(!acr_sched_waiting());
	for (const char *const *name =
	             (const char *const[]){ "d0", "d1", "d2", "d3", "d4", NULL };
	     *name; name++)
		check_device(*name);
	end_test();
}

int main(void)
{
	begin_tests();
	make_modules();
	CHECK(!acr_balancer_load("least-loaded"));
	test_plain();
	test_fields();
	test_nobody();
	test_order();
	test_limits();
	test_overflow();
	test_failover();
	test_failures();
	test_cancel_running();
	test_early_ends();
	test_remove_in_flush();
	test_stress();
	return end_tests();
}
