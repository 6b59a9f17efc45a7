/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results that are compared before they are shown: which device is asked, which is believed,
 * and that a job ends once whatever happens meanwhile. */
#include "health_drivers.h"
#include "sched/check.h"

#include <openssl/evp.h>

#define ROUNDS 3000
#define HELD   12

static void make_check_modules(void)
{
	static struct acr_module modules[] = {
		{ "play", &play_drivers[0], NULL },
		{ "other", &play_drivers[1], NULL },
		{ "odd", &play_drivers[2], NULL },
		{ "even", &play_drivers[3], NULL },
		{ "least-loaded", NULL, &acrypto_balancer },
		{ NULL, NULL, NULL },
	};

	static_modules = modules;
}

static void set_mode(const char *name, enum play_mode mode)
{
	atomic_store(&play_of(name)->mode, mode);
}

static unsigned count_of(const char *name)
{
	return atomic_load(&play_of(name)->count);
}

static bool is_broken(const char *name, const char *why)
{
	struct acr_device *dev = device(name);
	bool is;

	pthread_mutex_lock(&dev->lock);
	is = atomic_load(&dev->state) == ACR_BROKEN && strstr(dev->broken_reason, why);
	pthread_mutex_unlock(&dev->lock);
	return is;
}

/* ---- jobs ---- */

static pthread_mutex_t noting = PTHREAD_MUTEX_INITIALIZER;
static char notes[400]; /* "device outcome; ..." of all reports since test_begin() */

static void note(struct acr_job *job, const struct acr_note *report)
{
	size_t used = strlen(notes);

	(void)job;
	pthread_mutex_lock(&noting);
	snprintf(notes + used, sizeof notes - used, "%s %s; ", report->device, report->outcome);
	pthread_mutex_unlock(&noting);
}

static bool is_sha256(const struct acr_job *job)
{
	uint8_t digest[32];
	unsigned len;

	EVP_Digest(job->src->data, job->src_len, digest, &len, EVP_sha256(), NULL);
	return job->dst && job->dst_len == 32 && !memcmp(job->dst->data, digest, 32);
}

static void start(struct task *task, const char *alg, const char *bound,
                  enum acr_check_need need)
{
	notes[0] = 0;
	task_make(task, alg, 100, bound);
	task->any = true;
	task->job->dst_size = 32;
	task->job->check = need;
	task->job->note = note;
	task_submit(task, false);
}

/* Its error; 1: wrong bytes were delivered. */
static int run(const char *bound, enum acr_check_need need)
{
	struct task task;
	bool right;
	int error;

	start(&task, "sha256", bound, need);
	CHECK(task_wait(&task));
	right = is_sha256(task.job);
	error = task_end(&task);
	return !error && !right ? 1 : error;
}

/* ---- which device is asked, and which is believed ---- */

static void test_agree(void)
{
	add("d0=play");
	add("d1=other");
	CHECK(!run("d0", ACR_CHECK_NO) && !count_of("d1"));
	CHECK(!run("d0", ACR_CHECK_MUST) && count_of("d1") == 1);
	CHECK(!strcmp(notes, "d0 ok; d1 checked; "));
	CHECK(!run("d1", ACR_CHECK_SAMPLED) && count_of("d1") == 2 && count_of("d0") == 3);
	check_device("d0");
	check_device("d1");
	end_test();
}

static void test_unrelated_first(void)
{
	add("d0=play");
	add("d1=play");
	CHECK(!run("d0", ACR_CHECK_MUST) && count_of("d1") == 1); /* there is nothing else */
	add("d2=other");
	CHECK(!run("d0", ACR_CHECK_MUST) && count_of("d1") == 1 && count_of("d2") == 1);
	/* One that fails is no witness: the next is asked. */
	set_mode("d2", PLAY_FAIL);
	CHECK(!run("d0", ACR_CHECK_MUST) && count_of("d1") == 2 && count_of("d2") == 2);
	CHECK(!strcmp(notes, "d0 ok; d2 EIO; d1 checked; "));
	end_test();
}

static void test_nobody_else(void)
{
	struct task task;

	add("d0=play");
	CHECK(run(NULL, ACR_CHECK_MUST) == -ENODEV);
	CHECK(!run(NULL, ACR_CHECK_SAMPLED));
	start(&task, "sha256", NULL, ACR_CHECK_MUST);
	CHECK(task_wait(&task) && strstr(task.job->sentence, "check is always"));
	task_end(&task);
	/* What can't be compared is delivered. */
	start(&task, "sha256", NULL, ACR_CHECK_NO);
	task_end(&task);
	task_make(&task, "", 0, NULL);
	task.job->opcode = ACR_RANDOM;
	task.job->check = ACR_CHECK_MUST;
	task.any = true;
	task.job->dst_size = 16;
	task_submit(&task, false);
	CHECK(!task_end(&task));
	end_test();
}

static void test_majority(void)
{
	add("d0=play");
	add("d1=other");
	add("d2=play");
	set_mode("d0", PLAY_LIE);
	CHECK(run("d0", ACR_CHECK_NO) == 1); /* it does lie */
	CHECK(!run("d0", ACR_CHECK_MUST));
	CHECK(!strcmp(notes, "d0 ok; d1 differs; d2 differs; d0 wrong; "));
	CHECK(is_broken("d0", "quarantined: wrong result, found by other devices"));
	CHECK(!acr_device_repair(device("d0")));
	/* The witness may be the liar, too. */
	CHECK(!run("d1", ACR_CHECK_MUST));
	CHECK(is_broken("d0", "quarantined: wrong result") && !is_broken("d1", ""));
	end_test();
}

/* Saying that it is bad is a lie like any other. */
static void test_refusals(void)
{
	add("d0=play");
	add("d1=other");
	add("d2=play");
	set_mode("d0", PLAY_BAD);
	CHECK(!run("d0", ACR_CHECK_MUST) && is_broken("d0", "wrong result"));
	CHECK(!acr_device_repair(device("d0")));
	set_mode("d1", PLAY_BAD);
	set_mode("d2", PLAY_BAD);
	CHECK(run("d0", ACR_CHECK_MUST) == -EBADMSG);
	end_test();
}

static void test_two_only(void)
{
	add("d0=play");
	add("d1=other");
	/* Asked again it says something else. */
	set_mode("d0", PLAY_LIE);
	CHECK(!run("d0", ACR_CHECK_MUST) && is_broken("d0", "own contradiction"));
	CHECK(!acr_device_repair(device("d0")));
	/* Always the same: known answers tell. */
	set_mode("d0", PLAY_STUCK);
	CHECK(!run("d1", ACR_CHECK_SAMPLED) && is_broken("d0", "known answers"));
	CHECK(!acr_device_repair(device("d0")));
	CHECK(!run("d0", ACR_CHECK_MUST) && is_broken("d0", "known answers"));
	CHECK(!is_broken("d1", ""));
	end_test();
}

/* No answer is known, nobody contradicts itself: neither is shown, and both stay. */
static void test_undecided(void)
{
	struct task task;

	add("d0=odd");
	add("d1=even");
	start(&task, "blake2s256", "d0", ACR_CHECK_MUST);
	CHECK(!task_end(&task));
	set_mode("d0", PLAY_STUCK);
	start(&task, "blake2s256", "d0", ACR_CHECK_SAMPLED);
	CHECK(task_wait(&task) && strstr(task.job->sentence, "different results"));
	CHECK(task_end(&task) == -EIO);
	CHECK(!is_broken("d0", "") && !is_broken("d1", ""));
	end_test();
}

static void test_device_rule(void)
{
	add("d0=play");
	add("d1=other");
	atomic_store(&device("d0")->check, 3);
	for (int i = 0; i < 9; i++)
		CHECK(!run("d0", ACR_CHECK_NO));
	CHECK(count_of("d0") == 9 && count_of("d1") == 3);
	atomic_store(&device("d0")->check, ACR_CHECK_ALWAYS);
	CHECK(!run("d0", ACR_CHECK_NO) && count_of("d1") == 4);
	CHECK(!run("d1", ACR_CHECK_NO) && count_of("d0") == 10);
	end_test();
}

static void test_rules(void)
{
	static const char *const good[] = { "never", "always", "sample 1", "sample 1000000" };
	static const char *const bad[] = {
		"",          "sample", "sample 0", "sample 1000001", "sample -1", "sample x",
		"sample 5 ", "Always", "1"
	};
	char text[ACR_CHECK_TEXT];
	uint32_t rule;

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		CHECK(acr_check_parse(good[i], &rule));
		acr_check_text(rule, text);
		CHECK(!strcmp(text, good[i]));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		CHECK(!acr_check_parse(bad[i], &rule));
	CHECK(acr_check_due(1, 0) == ACR_CHECK_SAMPLED && acr_check_due(2, 0) == ACR_CHECK_NO);
	CHECK(acr_check_due(2, 1) == ACR_CHECK_SAMPLED && acr_check_due(0, 5) == ACR_CHECK_NO);
}

/* ---- running states ---- */

/* A digest in parts, with every part checked; its error, 1: it is wrong. */
static int run_parts(const char *first, const char *rest)
{
	struct acr_state *state = NULL, *shadow = NULL;
	uint8_t whole[300], digest[32];
	unsigned len;
	int error = 0;
	bool right = false;

	for (int part = 0; part < 3 && !error; part++) {
		struct task task;

		task_make(&task, "sha256", 100, part ? rest : first);
		memcpy(whole + 100 * part, task.job->src->data, 100);
		task.job->flags = (part ? 0 : ACR_OP_FIRST) | (part == 2 ? ACR_OP_LAST : 0);
		task.job->dst_size = part == 2 ? 32 : 0;
		task.job->check = ACR_CHECK_MUST;
		task.job->state = state;
		task.job->shadow = shadow;
		task.any = true;
		task_submit(&task, false);
		CHECK(task_wait(&task));
		state = acr_state_ref(task.job->state_out);
		shadow = acr_state_ref(task.job->shadow_out);
		EVP_Digest(whole, 300, digest, &len, EVP_sha256(), NULL);
		right = part == 2 && task.job->dst && !memcmp(task.job->dst->data, digest, 32);
		error = task_end(&task);
	}
	acr_state_unref(state);
	acr_state_unref(shadow);
	return !error && !right ? 1 : error;
}

static void test_parts(void)
{
	add("d0=play");
	add("d1=other");
	CHECK(!run_parts("d0", "d0") && count_of("d0") == 3 && count_of("d1") == 3);
	/* A wrong state shows in the end, too late to do it again; but it is not shown. */
	set_mode("d0", PLAY_LIE);
	atomic_store(&play_of("d0")->every, 4); /* the first part from now on */
	CHECK(run_parts("d0", "d1") < 0);
	end_test();
}

/* ---- endings ---- */

static void wait_held(const char *name)
{
	while (!atomic_load(&play_of(name)->waiting))
		sched_yield();
}

static void test_cancel(void)
{
	struct task task;

	add("d0=play");
	add("d1=other");
	set_mode("d1", PLAY_HOLD);
	start(&task, "sha256", "d0", ACR_CHECK_MUST);
	wait_held("d1");
	CHECK(!atomic_load(&task.ends)); /* it waits for the comparison */
	CHECK(task_cancel(&task) && task_end(&task) == -ECANCELED);
	sem_post(&play_of("d1")->gate);
	/* One that waits in the witness's queue. */
	start(&task, "sha256", "d0", ACR_CHECK_MUST);
	wait_held("d1");
	CHECK(task_cancel(&task) && task_end(&task) == -ECANCELED);
	sem_post(&play_of("d1")->gate);
	end_test();
}

/* The witness goes away: another is asked, or there is none. */
static void test_witness_breaks(void)
{
	struct task task;

	add("d0=play");
	add("d1=other");
	add("d2=play");
	set_mode("d1", PLAY_HOLD);
	start(&task, "sha256", "d0", ACR_CHECK_MUST);
	wait_held("d1");
	acr_device_broken(device("d1"), "by the test");
	CHECK(!task_end(&task) && count_of("d2") == 1);
	sem_post(&play_of("d1")->gate);
	CHECK(!acr_device_repair(device("d1")));
	acr_device_remove("d2");
	start(&task, "sha256", "d0", ACR_CHECK_MUST);
	wait_held("d1");
	acr_device_broken(device("d1"), "by the test");
	CHECK(task_end(&task) == -ENODEV);
	sem_post(&play_of("d1")->gate);
	end_test();
}

/* ---- all at once ---- */

static atomic_bool calm;

static void *stress(void *data)
{
	struct task tasks[HELD] = { 0 };
	uint64_t seed = *(uint64_t *)data;

	for (int i = 0; i < ROUNDS; i++) {
		struct task *task = &tasks[chance(&seed, HELD)];
		if (!task->job) {
			task_make(task, "sha256", chance(&seed, 300) + 1,
			          chance(&seed, 3) ? NULL : "d0");
			task->any = true;
			task->job->dst_size = 32;
			task->job->check = ACR_CHECK_MUST;
			task_submit(task, false);
			continue;
		}
		if (chance(&seed, 3) == 0 && !task->refused)
			task_cancel(task);
		CHECK(task_wait(task));
		if (!task->refused && !task->cancelled && !task->error)
			CHECK(is_sha256(task->job));
		task_end(task);
		task->job = NULL;
	}
	for (int i = 0; i < HELD; i++)
		if (tasks[i].job)
			task_end(&tasks[i]);
	return NULL;
}

static void *trouble(void *data)
{
	static const char *const names[] = { "d0", "d1", "d2", "d3" };
	uint64_t seed = *(uint64_t *)data;

	while (!atomic_load(&calm)) {
		struct acr_device *dev = acr_device_find(names[chance(&seed, 4)]);

		if (chance(&seed, 6) == 0)
			acr_device_broken(dev, "by the test");
		if (chance(&seed, 6) == 0)
			acr_devices_sample();
		acr_device_repair(dev);
		acr_device_unref(dev);
		usleep(200);
	}
	return NULL;
}

static void test_stress(void)
{
	uint64_t seeds[] = { 31, 32222, 5333333 };
	pthread_t threads[3];

	add("d0=play:width=2");
	add("d1=other:width=2");
	add("d2=play");
	add("d3=other");
	set_mode("d0", PLAY_LIE);
	atomic_store(&play_of("d0")->every, 5);
	set_mode("d3", PLAY_FAIL);
	atomic_store(&play_of("d3")->every, 3);
	for (int i = 0; i < 3; i++)
		CHECK(!pthread_create(&threads[i], NULL, i ? stress : trouble, &seeds[i]));
	for (int i = 1; i < 3; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&calm, true);
	pthread_join(threads[0], NULL);
	for (const char *const *name = (const char *const[]){ "d0", "d1", "d2", "d3", NULL };
	     *name; name++) {
		while (device(*name)->running_count) /* witnesses of what was cancelled */
			sched_yield();
		check_device(*name);
	}
	end_test();
}

int main(void)
{
	begin_tests();
	make_check_modules();
	CHECK(!acr_balancer_load("least-loaded"));
	test_rules();
	test_agree();
	test_unrelated_first();
	test_nobody_else();
	test_majority();
	test_refusals();
	test_two_only();
	test_undecided();
	test_device_rule();
	test_parts();
	test_cancel();
	test_witness_breaks();
	acr_log_set_level((enum acr_log_level) - 1); /* what lies is told about all the time */
	test_stress();
	return end_tests();
}
