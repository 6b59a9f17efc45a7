/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices that fail: quarantine and the way out of it, operations that must not be repeated, and
 * the watchdog. */
#include "device/health.h"
#include "health_drivers.h"

static void make_health_modules(void)
{
	static struct acr_module modules[] = {
		{ "play", &play_drivers[0], NULL },
		{ "other", &play_drivers[1], NULL },
		{ "odd", &play_drivers[2], NULL },
		{ "even", &play_drivers[3], NULL },
		{ "calc", &drivers[0], NULL },
		{ "gate", &drivers[1], NULL },
		{ "least-loaded", NULL, &acrypto_balancer },
		{ NULL, NULL, NULL },
	};

	static_modules = modules;
}

static int state_of(const char *name)
{
	return atomic_load(&device(name)->state);
}

static bool is_quarantined(const char *name)
{
	struct acr_device *dev = device(name);
	bool is;

	pthread_mutex_lock(&dev->lock);
	is = dev->health.quarantined && g_str_has_prefix(dev->broken_reason, "quarantined: ");
	pthread_mutex_unlock(&dev->lock);
	return is;
}

/* A digest by whoever is chosen; its error. */
static int digest(const char *alg, const char *bound)
{
	struct task task;

	task_make(&task, alg, 100, bound);
	task.job->dst_size = 32;
	task.any = true;
	task_submit(&task, false);
	return task_end(&task);
}

/* Hold the test that is due in a while now, to its end. */
static void test_now(const char *name)
{
	struct acr_device *dev = device(name);

	pthread_mutex_lock(&dev->lock);
	dev->health.test_at_ns = 0;
	pthread_mutex_unlock(&dev->lock);
	/* Its threads first have to move its sessions away. */
	for (bool evict = true; evict; sched_yield()) {
		pthread_mutex_lock(&dev->lock);
		evict = dev->health.evict;
		pthread_mutex_unlock(&dev->lock);
	}
	acr_devices_sample();
	acr_health_stop(dev);
}

/* ---- quarantine ---- */

static void test_rate(void)
{
	add("d0=play");
	atomic_store(&play_of("d0")->mode, PLAY_FAIL);
	for (int i = 0; i < 10; i++)
		CHECK(digest("sha256", "d0") == -EIO);
	CHECK(state_of("d0") == ACR_READY); /* half is not over half */
	/* Neither of these is a failure, and the last two are no requests. */
	atomic_store(&play_of("d0")->mode, PLAY_BAD);
	for (int i = 0; i < 8; i++)
		CHECK(digest("sha256", "d0") == -EBADMSG);
	atomic_store(&play_of("d0")->mode, PLAY_UNKNOWN);
	CHECK(digest("sha256", "d0") == -EOPNOTSUPP);
	atomic_store(&play_of("d0")->mode, PLAY_REFUSE);
	for (int i = 0; i < 30; i++)
		CHECK(digest("sha256", "d0") == -EIO);
	CHECK(state_of("d0") == ACR_READY);
	atomic_store(&play_of("d0")->mode, PLAY_FAIL);
	CHECK(digest("sha256", "d0") == -EIO);
	CHECK(state_of("d0") == ACR_BROKEN && is_quarantined("d0"));
	CHECK(digest("sha256", "d0") == -ENODEV);
	/* By hand it is back at once, and all is forgotten. */
	CHECK(!acr_device_repair(device("d0")) && state_of("d0") == ACR_READY);
	CHECK(!is_quarantined("d0") && !device("d0")->health.recent);
	end_test();
}

/* What it had goes to others. */
static void test_moves(void)
{
	struct task tasks[40];

	add("d0=gate");
	for (unsigned i = 0; i < 40; i++)
		task_start(&tasks[i], "sha256", 9, NULL);
	gate_wait(gate_of("d0"), 1);
	add("d1=calc");
	CHECK(acr_settings.queue_length > 40);
	for (unsigned i = 0; i < 11 && !is_quarantined("d0"); i++)
		gate_open(gate_of("d0"), -EIO);
	for (unsigned i = 0; i < 40; i++)
		CHECK(!task_end(&tasks[i]));
	CHECK(is_quarantined("d0"));
	check_device("d0");
	end_test();
}

static void test_way_back(void)
{
	struct play *play;
	uint64_t wait;

	add("d0=play:width=2");
	play = play_of("d0");
	acr_device_quarantine(device("d0"), NULL, "by the test");
	CHECK(is_quarantined("d0"));
	wait = device("d0")->health.wait_ns;
	CHECK(wait == 1000000000u);
	atomic_store(&play->mode, PLAY_LIE);
	atomic_store(&play->every, 20); /* most answers are right */
	test_now("d0");
	CHECK(is_quarantined("d0") && state_of("d0") == ACR_BROKEN);
	CHECK(atomic_load(&play->resets) == 1 && atomic_load(&play->count) == 20);
	CHECK(device("d0")->health.wait_ns == 2 * wait);
	atomic_store(&play->mode, PLAY_FAIL);
	for (int i = 0; i < 8; i++)
		test_now("d0");
	CHECK(device("d0")->health.wait_ns == 60 * wait); /* and no longer */
	atomic_store(&play->mode, PLAY_RIGHT);
	test_now("d0");
	CHECK(state_of("d0") == ACR_READY && !is_quarantined("d0"));
	CHECK(atomic_load(&play->resets) == 10);
	CHECK(!digest("sha256", "d0"));
	end_test();
}

/* Only quarantine ends by itself. */
static void test_broken_stays(void)
{
	add("d0=play");
	acr_device_broken(device("d0"), "by the test");
	acr_device_quarantine(device("d0"), NULL, "by the test");
	test_now("d0");
	CHECK(state_of("d0") == ACR_BROKEN && !is_quarantined("d0"));
	CHECK(!acr_device_repair(device("d0")));
	acr_device_quarantine(device("d0"), NULL, "by the test");
	acr_device_broken(device("d0"), "for good");
	test_now("d0");
	CHECK(state_of("d0") == ACR_BROKEN && !strcmp(device("d0")->broken_reason, "for good"));
	end_test();
}

/* Who drains and fails has still been told to drain. */
static void test_drains(void)
{
	add("d0=play");
	acr_device_drain(device("d0"));
	acr_device_quarantine(device("d0"), NULL, "by the test");
	CHECK(is_quarantined("d0"));
	test_now("d0");
	CHECK(state_of("d0") == ACR_DRAINING && !is_quarantined("d0"));
	end_test();
}

/* With no known answer another driver is asked; with nobody to ask it waits. */
static void test_by_comparison(void)
{
	add("d0=odd");
	acr_device_quarantine(device("d0"), NULL, "by the test");
	test_now("d0");
	CHECK(is_quarantined("d0") && !atomic_load(&play_of("d0")->count));
	add("d1=even");
	atomic_store(&play_of("d0")->mode, PLAY_STUCK);
	test_now("d0");
	CHECK(is_quarantined("d0") && atomic_load(&play_of("d0")->count) == 1);
	atomic_store(&play_of("d0")->mode, PLAY_RIGHT);
	test_now("d0");
	CHECK(state_of("d0") == ACR_READY && atomic_load(&play_of("d0")->count) == 25);
	end_test();
}

/* Repair and removal do not wait for a test that is being held. */
static void test_repair_in_test(void)
{
	struct acr_device *dev;

	add("d0=play");
	dev = device("d0");
	acr_device_quarantine(dev, NULL, "by the test");
	atomic_store(&play_of("d0")->mode, PLAY_HOLD);
	pthread_mutex_lock(&dev->lock);
	dev->health.test_at_ns = 0;
	pthread_mutex_unlock(&dev->lock);
	while (!atomic_load(&play_of("d0")->waiting)) {
		acr_devices_sample();
		sched_yield();
	}
	CHECK(state_of("d0") == ACR_TESTING && digest("sha256", "d0") == -ENODEV);
	CHECK(!acr_device_repair(dev) && state_of("d0") == ACR_READY);
	atomic_store(&play_of("d0")->mode, PLAY_RIGHT);
	sem_post(&play_of("d0")->gate);
	CHECK(!digest("sha256", "d0"));
	acr_health_stop(dev);
	CHECK(state_of("d0") == ACR_READY);
	end_test();
}

/* ---- once ---- */

static void random_make(struct task *task, const char *bound)
{
	task_make(task, "", 0, bound);
	task->job->opcode = ACR_RANDOM;
	acr_buf_unref(task->job->src);
	task->job->src = NULL;
	task->job->dst_size = 32;
	task->any = true;
}

static void test_once(void)
{
	struct task task, queued;

	add("d0=play");
	random_make(&task, NULL);
	CHECK(!task_submit(&task, false) && !task_end(&task));
	atomic_store(&play_of("d0")->mode, PLAY_FAIL);
	random_make(&task, NULL);
	task_submit(&task, false);
	/* Another could, but the numbers may be out already. */
	CHECK(task_wait(&task));
	CHECK(strstr(task.job->sentence, "must not be done twice") != NULL);
	CHECK(task_end(&task) == -EIO);
	atomic_store(&play_of("d0")->mode, PLAY_HOLD);
	random_make(&task, NULL);
	task_submit(&task, false);
	while (!atomic_load(&play_of("d0")->waiting))
		sched_yield();
	random_make(&queued, NULL);
	task_submit(&queued, false);
	add("d1=other");
	acr_device_broken(device("d0"), "by the test");
	CHECK(task_end(&task) == -EIO); /* it was begun */
	CHECK(!task_end(&queued));      /* it was not */
	sem_post(&play_of("d0")->gate);
	CHECK(!acr_device_repair(device("d0")));
	/* Said to be not done: it moves. */
	atomic_store(&play_of("d0")->mode, PLAY_REFUSE);
	for (int i = 0; i < 4; i++) {
		random_make(&task, NULL);
		task_submit(&task, false);
		CHECK(!task_end(&task));
	}
	CHECK(atomic_load(&play_of("d0")->count) >= 4);
	end_test();
}

/* ---- the watchdog ---- */

/* Look until the device is broken, as often as the daemon does or more. False: it never is. */
static bool watch(const char *name, unsigned ms)
{
	for (unsigned i = 0; i < ms / 50 && state_of(name) == ACR_READY; i++) {
		usleep(50000);
		acr_devices_sample();
	}
	return state_of(name) == ACR_BROKEN;
}

static void test_hang_of_its_own(void)
{
	struct task task, moved;

	add("d0=gate:width=2");
	/* Never measured: much more patience. */
	task_start(&task, "sha256", 10, NULL);
	gate_wait(gate_of("d0"), 1);
	CHECK(!watch("d0", 1500));
	gate_open(gate_of("d0"), 0);
	CHECK(!task_end(&task));
	acr_device_reset(device("d0"));
	device("d0")->by_alg[ACR_HASH][acr_alg_index(acr_alg_find("sha256"))]->line =
	        (struct line){ 0 };
	task_start(&task, "sha256", 10, NULL);
	gate_open(gate_of("d0"), 0);
	CHECK(!task_end(&task));
	task_start(&moved, "sha256", 10, NULL);
	gate_wait(gate_of("d0"), 1);
	add("d1=calc");
	CHECK(watch("d0", 5000) && !is_quarantined("d0"));
	CHECK(!task_end(&moved));
	CHECK(strstr(device("d0")->broken_reason, "no answer for") != NULL);
	end_test();
}

/* A thread that sleeps in the driver: its sessions move, and the daemon goes on without it. So it
 * does if nobody waits for what the thread is at. */
static void test_hang_in_submit(bool cancelled)
{
	struct acr_device *dev;
	struct task task, queued;
	struct play *play;

	add("d0=play");
	dev = acr_device_find("d0");
	play = play_of("d0");
	for (int i = 0; i < 3; i++)
		CHECK(!digest("sha256", "d0"));
	atomic_store(&play->mode, PLAY_HOLD);
	task_make(&task, "sha256", 100, NULL);
	task.any = true;
	task.job->dst_size = 32;
	task_submit(&task, false);
	while (!atomic_load(&play->waiting))
		sched_yield();
	task_make(&queued, "sha256", 100, NULL);
	queued.any = true;
	queued.job->dst_size = 32;
	task_submit(&queued, false);
	add("d1=other");
	if (cancelled)
		CHECK(task_cancel(&task) && !acr_job_cancel(task.job));
	CHECK(watch("d0", 10000));
	CHECK(task_end(&task) == (cancelled ? -ECANCELED : 0) && !task_end(&queued));
	CHECK(atomic_load(&dev->orphans) == 1);
	/* The thread is still in there: no reset, and removal leaves it behind. */
	CHECK(acr_device_repair(dev) == -EBUSY && state_of("d0") == ACR_BROKEN);
	CHECK(!acr_device_remove("d0"));
	sem_post(&play->gate);
	while (atomic_load(&dev->orphans))
		sched_yield();
	CHECK(TAILQ_EMPTY(&dev->taken_back));
	acr_device_stop(dev);
	play_remove(dev);
	acr_device_unref(dev);
	acr_device_unref(dev); /* which removal could not give back */
	end_test();
}

#define SOME_ITERATIONS 20000

static void derivation_make(struct task *task, uint64_t iterations)
{
	task_make(task, "pbkdf2-sha256", 1, NULL);
	task->job->opcode = ACR_DERIVE;
	task->job->numbers.iterations = iterations;
	task->job->dst_size = 32;
	task->any = true;
}

/* One that computes is no hang, whatever it takes. */
static void test_busy_is_not_hung(void)
{
	struct acr_capstat *cap;
	struct task task;
	uint64_t ns;

	add("d0=play");
	derivation_make(&task, SOME_ITERATIONS);
	ns = acr_now_ns();
	CHECK(!task_submit(&task, false) && !task_end(&task));
	ns = acr_now_ns() - ns;
	derivation_make(&task, SOME_ITERATIONS * (3000000000u / ns + 1)); /* some 3 s here */
	cap = device("d0")->by_alg[ACR_DERIVE][acr_alg_index(task.job->alg)];
	cap->line = (struct line){ 0 };
	acr_predict_learn(&cap->line, 1e9, 1); /* as if it had always been very quick */
	task_submit(&task, false);
	while (!atomic_load(&task.ends)) {
		usleep(50000);
		acr_devices_sample();
	}
	CHECK(!task_end(&task) && state_of("d0") == ACR_READY);
	end_test();
}

static void test_prediction(void)
{
	struct line line = { 0 };

	CHECK(acr_predict(&line, 100) == 0);
	acr_predict_learn(&line, 1000, 5000);
	CHECK(acr_predict(&line, 10) >= 5000 && acr_predict(&line, 10000) >= 50000);
	for (unsigned i = 0; i < 200; i++)
		acr_predict_learn(&line, i % 10 * 1000, 70000 + i % 10 * 3000);
	CHECK(acr_predict(&line, 100000) > 300000 && acr_predict(&line, 0) < 100000);
}

int main(void)
{
	begin_tests();
	make_health_modules();
	CHECK(!acr_balancer_load("least-loaded"));
	test_rate();
	test_moves();
	test_way_back();
	test_broken_stays();
	test_drains();
	test_by_comparison();
	test_repair_in_test();
	test_once();
	test_prediction();
	test_hang_of_its_own();
	test_hang_in_submit(false);
	test_hang_in_submit(true);
	test_busy_is_not_hung();
	return end_tests();
}
