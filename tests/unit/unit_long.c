/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One user's long operations stop nobody else: a driver whose operations end when the test says so
 * stands for those that take minutes. */
#include "sched_tasks.h"

#include "base/timer.h"

#define OTHER (USER + 1)
#define HANGS 99 /* bytes of input to a digest that nobody can foresee to take long */

/* ---- a driver that computes in the caller's thread, long where it is told ---- */

static sem_t latch;
static atomic_uint held; /* operations that wait at the latch */

static int latch_probe(struct acr_device *dev)
{
	struct acr_capability derive = { .opcode = ACR_DERIVE, .alg = "pbkdf2-sha256" };
	unsigned width;
	int error = number(dev, "width", &width);

	if (!error)
		error = acr_device_add_capability(dev, &derive);
	if (error)
		return error;
	acr_device_set_width(dev, width, 1);
	return add_capabilities(dev);
}

static int latch_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	(void)dev;
	for (unsigned i = 0; i < n; i++) {
		if (ops[i]->opcode == ACR_DERIVE || ops[i]->src.len == HANGS) {
			atomic_fetch_add(&held, 1);
			sem_wait(&latch);
			atomic_fetch_sub(&held, 1);
		}
		compute(ops[i]);
		acr_op_done(ops[i], 0);
	}
	return (int)n;
}

static const struct acr_driver latch_driver = {
	.name = "latch",
	.options = options,
	.flags = ACR_DRIVER_SYNC | ACR_DRIVER_INLINE,
	.probe = latch_probe,
	.submit = latch_submit,
};

static void release(unsigned n)
{
	while (n-- > 0)
		sem_post(&latch);
}

static bool held_becomes(unsigned n)
{
	uint64_t end = acr_now_ns() + PATIENCE * UINT64_C(1000000000);

	while (atomic_load(&held) != n && acr_now_ns() < end)
		usleep(100);
	return atomic_load(&held) == n;
}

/* ---- tasks ---- */

static void start_long(struct task *task, uint32_t uid, uint16_t priority)
{
	task_make(task, "pbkdf2-sha256", 8, NULL);
	task->job->opcode = ACR_DERIVE;
	task->job->numbers.iterations = 50000000;
	task->job->uid = uid;
	task->job->priority = priority;
	task_submit(task, false);
}

static void start_hash(struct task *task, uint32_t uid, size_t len)
{
	task_make(task, "sha256", len, NULL);
	task->job->uid = uid;
	task_submit(task, false);
}

/* A request of another user is answered, whether it may run in the caller's thread or not. */
static void check_answers(uint32_t uid)
{
	for (int may_inline = 0; may_inline < 2; may_inline++) {
		struct task task;

		task_make(&task, "sha256", 1024, NULL);
		task.job->uid = uid;
		task_submit(&task, may_inline);
		CHECK(!task_end(&task));
	}
}

static void end_all(struct task *tasks, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		CHECK(!task_end(&tasks[i]));
}

/* ---- tests ---- */

/* A user gets one less at once than the device is wide, and others their first beside them. */
static void test_apart(void)
{
	struct task flood[6], others[2];

	add("d0=latch:width=3");
	for (int i = 0; i < 6; i++)
		start_long(&flood[i], USER, 1000);
	CHECK(held_becomes(2));
	check_answers(OTHER);
	check_answers(USER); /* nor are they in the way of one's own */
	for (uint32_t i = 0; i < 2; i++)
		start_long(&others[i], OTHER + i, 10);
	CHECK(held_becomes(4));
	CHECK(device("d0")->running_count == 4 && device("d0")->queued_count == 4);
	check_answers(OTHER + 2);
	release(8);
	end_all(flood, 6);
	end_all(others, 2);
	check_device("d0");
	end_test();
}

/* Among one user's the most urgent is next. */
static void test_order(void)
{
	struct task first, low, high;

	add("d0=latch:width=1");
	start_long(&first, USER, 1000);
	CHECK(held_becomes(1));
	start_long(&low, USER, 10);
	start_long(&high, USER, 2000);
	release(3);
	CHECK(!task_end(&first) && !task_end(&low) && !task_end(&high));
	CHECK(first.rank < high.rank && high.rank < low.rank);
	end_test();
}

/* What was thought to be quick and isn't gets out of the way, too. */
static void test_unforeseen(void)
{
	struct task flood[2];

	add("d0=latch:width=2");
	for (int i = 0; i < 2; i++)
		start_hash(&flood[i], USER, HANGS);
	CHECK(held_becomes(2));
	for (int i = 0; i < 3; i++)
		check_answers(OTHER);
	CHECK(atomic_load(&held) == 2);
	release(2);
	end_all(flood, 2);
	check_device("d0");
	end_test();
}

/* A user who fools the prediction again and again comes to an end with it. */
static void test_fooled(void)
{
	struct acr_capstat *cap;
	struct task flood[20];

	add("d0=latch:width=2");
	cap = device("d0")->by_alg[ACR_DERIVE][acr_alg_index(acr_alg_find("pbkdf2-sha256"))];
	acr_predict_learn(&cap->line, 1e8, 1000); /* quick, as far as anybody knows */
	for (int i = 0; i < 20; i++)
		start_long(&flood[i], USER, 1000);
	for (int i = 0; i < 10; i++)
		check_answers(OTHER);
	CHECK(atomic_load(&held) <= 4);
	release(20);
	end_all(flood, 20);
	check_device("d0");
	end_test();
}

/* A request that was taken back counts as long as a thread is at it. */
static void test_cancelled(void)
{
	struct task gone[3], stays, other;

	add("d0=latch:width=3");
	for (int i = 0; i < 3; i++)
		start_long(&gone[i], USER, 1000);
	CHECK(held_becomes(2));
	for (int i = 2; i >= 0; i--) /* the first to go is still queued */
		CHECK(task_cancel(&gone[i]) && task_end(&gone[i]) == -ECANCELED);
	start_long(&stays, USER, 1000);
	start_long(&other, OTHER, 1000);
	CHECK(held_becomes(3));
	check_answers(OTHER);
	CHECK(device("d0")->queued_count == 1 && !atomic_load(&stays.ends));
	release(4);
	CHECK(!task_end(&stays) && !task_end(&other));
	check_device("d0");
	end_test();
}

/* A device that breaks gives away what waits apart as well, and comes back. */
static void test_broken(void)
{
	struct task tasks[5];

	add("d0=latch:width=1");
	for (int i = 0; i < 4; i++)
		start_long(&tasks[i], USER, 1000);
	CHECK(held_becomes(1));
	add("d1=latch:width=5");
	acr_device_broken(device("d0"), "by the test");
	CHECK(held_becomes(5)); /* one thread is still in d0 */
	release(5);
	end_all(tasks, 4);
	CHECK(held_becomes(0) && !acr_device_repair(device("d0")));
	CHECK(!acr_device_remove("d1"));
	start_long(&tasks[4], USER, 1000);
	release(1);
	end_all(&tasks[4], 1);
	check_device("d0");
	end_test();
}

int main(void)
{
	static struct acr_module modules[] = {
		{ "latch", &latch_driver, NULL },
		{ "least-loaded", NULL, &acrypto_balancer },
		{ NULL, NULL, NULL },
	};

	begin_tests();
	static_modules = modules;
	sem_init(&latch, 0, 0);
	CHECK(!acr_timers_start());
	CHECK(!acr_balancer_load("least-loaded"));
	test_apart();
	test_order();
	test_unforeseen();
	test_fooled();
	test_cancelled();
	test_broken();
	acr_timers_stop();
	return end_tests();
}
