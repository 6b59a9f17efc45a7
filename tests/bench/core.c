/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the core costs without a filesystem before it and without work behind it: dispatch to
 * the null device, breaking a device that has a long queue, and sessions that only exist. */
#include "bench.h"
#include "session/sessions.h"

#include "sched/balancer.h"
#include "device/device.h"
#include "base/log.h"
#include "base/secret.h"
#include "session/session.h"
#include "tests/lib/static_modules.h"

#include <malloc.h>
#include <sched.h>

#define BYTES 64
#define JOBS  200000
#define BURST 64 /* jobs under way at once on the queued path */
#define IDLE  100000
#define EDGE  1000 /* the first and the last of them are timed */

extern const struct acr_driver_module acrypto_driver;

/* ---- a driver that takes nothing: all stays queued ---- */

static int full_probe(struct acr_device *dev)
{
	struct acr_capability cap = { .opcode = ACR_ENCRYPT, .alg = "aes-256-ctr" };

	return acr_device_add_capability(dev, &cap);
}

static int full_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	(void)dev, (void)ops, (void)n;
	return 0;
}

static const struct acr_option no_options[] = { { NULL, NULL, NULL } };

static const struct acr_driver full = {
	.name = "full", .options = no_options, .probe = full_probe, .submit = full_submit
};

/* ---- jobs ---- */

static struct acr_blob *key, *iv;
static struct acr_buf *src;

static void make_inputs(void)
{
	uint8_t bytes[BYTES] = { 0 };
	int error = 0;

	key = acr_blob_new(bytes, 32, false, NULL, &error);
	iv = acr_blob_new(bytes, 16, false, NULL, &error);
	src = acr_buf_new(NULL);
	need(key && iv && src && !acr_buf_write(src, 0, bytes, BYTES), "no memory");
}

static void drop_inputs(void)
{
	acr_blob_unref(key);
	acr_blob_unref(iv);
	acr_buf_unref(src);
}

static struct acr_job *job_new(const struct acr_alg *alg, struct acr_account *account)
{
	struct acr_job *job = acr_job_new(ACR_ENCRYPT, alg, account);

	need(job != NULL, "no memory for a job");
	job->key = key;
	job->iv = iv;
	job->src = src;
	atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&iv->refs, 1, memory_order_relaxed);
	acr_buf_ref(src);
	job->src_len = job->dst_size = BYTES;
	job->uid = account->uid;
	job->priority = 1000;
	return job;
}

static void add_device(const char *text)
{
	char why[ACR_SENTENCE] = "", *error = NULL;
	struct acr_device_spec *spec = acr_device_spec_parse(text, &error);

	need(spec && !acr_device_add(spec, false, why), why);
}

/* ---- dispatch ---- */

struct load {
	uint32_t uid;
	bool queued; /* through the device's thread */
	atomic_uint ended;
	pthread_t thread;
};

static void dispatched(struct acr_job *job, int error)
{
	struct load *load = job->owner;

	need(!error, "the null device failed");
	atomic_fetch_add_explicit(&load->ended, 1, memory_order_release);
}

static void *dispatch(void *data)
{
	struct load *load = data;
	const struct acr_alg *alg = acr_alg_find("aes-256-ctr");
	struct acr_account *account = acr_account_get(load->uid);

	for (unsigned i = 0; i < JOBS; i++) {
		struct acr_job *job = job_new(alg, account);
		job->done = dispatched;
		job->owner = load;
		need(!acr_job_submit(job, !load->queued), "nobody takes the job");
		acr_job_unref(job);
		while (i + 1 - atomic_load_explicit(&load->ended, memory_order_acquire) >=
		       BURST)
			sched_yield();
	}
	while (atomic_load(&load->ended) < JOBS)
		sched_yield();
	return NULL;
}

struct pace {
	double clock, cpu; /* ns a job: from one to the next, and of all processors together */
};

static struct pace dispatch_once(unsigned threads, bool queued)
{
	struct load loads[2] = { { .uid = 1000, .queued = queued },
		                 { .uid = 1001, .queued = queued } };
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	for (unsigned i = 1; i < threads; i++)
		need(!pthread_create(&loads[i].thread, NULL, dispatch, &loads[i]), "no thread");
	dispatch(&loads[0]);
	for (unsigned i = 1; i < threads; i++)
		pthread_join(loads[i].thread, NULL);
	return (struct pace){
		(double)(clock_ns(CLOCK_MONOTONIC) - begin) / JOBS / threads,
		(double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / JOBS / threads,
	};
}

/* With one thread and with two. */
static void bench_dispatch(const char *name, bool queued)
{
	double clock[2][RUNS], cpu[2][RUNS];

	add_device("null0=null:threads=2");
	for (unsigned i = 0; i < RUNS; i++) {
		for (unsigned k = 0; k < 2; k++) {
			struct pace pace = dispatch_once(k + 1, queued);
			clock[k][i] = pace.clock;
			cpu[k][i] = pace.cpu;
		}
	}
	for (unsigned k = 0; k < 2; k++)
		printf("%s-%u %.1f\n%s-cpu-%u %.1f\n", name, k + 1, median(clock[k], RUNS),
		       name, k + 1, median(cpu[k], RUNS));
	acr_device_remove_all();
}

static void bench_inline(void)
{
	bench_dispatch("inline", false);
}

static void bench_queued(void)
{
	bench_dispatch("queued", true);
}

/* ---- a device breaks ---- */

static uint64_t last_moved_ns; /* written by the thread that breaks the device */

static void moved(struct acr_job *job, const struct acr_note *report)
{
	(void)job, (void)report;
	last_moved_ns = clock_ns(CLOCK_MONOTONIC);
}

static void nobody_left(struct acr_job *job, int error)
{
	(void)job, (void)error; /* when all devices are removed */
}

struct fall {
	double moved, settled; /* us until the last job was given on, and until all was done */
	double cpu;            /* us of the thread that did it */
};

static struct fall break_once(unsigned n)
{
	const struct acr_alg *alg = acr_alg_find("aes-256-ctr");
	struct acr_account *account = acr_account_get(1000);
	struct acr_device *first, *second;
	struct fall fall;
	uint64_t begin, cpu;

	add_device("first=full");
	for (unsigned i = 0; i < n; i++) {
		struct acr_job *job = job_new(alg, account);
		job->done = nobody_left;
		job->note = moved;
		need(!acr_job_submit(job, false), "nobody takes the job");
		acr_job_unref(job);
	}
	add_device("second=full");
	first = acr_device_find("first");
	second = acr_device_find("second");
	begin = clock_ns(CLOCK_MONOTONIC);
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	acr_device_broken(first, "by the bench");
	fall.cpu = (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu) / 1e3;
	fall.settled = (double)(clock_ns(CLOCK_MONOTONIC) - begin) / 1e3;
	fall.moved = (double)(last_moved_ns - begin) / 1e3;
	need(atomic_load(&second->queued_count) + atomic_load(&second->running_count) == n,
	     "not all moved");
	acr_device_unref(first);
	acr_device_unref(second);
	acr_device_remove_all();
	return fall;
}

static void bench_break(void)
{
	static const unsigned counts[] = { 1000, 10000, 20000 };
	double moved_us[3][RUNS], settled_us[3][RUNS], cpu_us[3][RUNS];

	for (unsigned i = 0; i < RUNS; i++) {
		for (unsigned k = 0; k < 3; k++) {
			struct fall fall = break_once(counts[k]);
			moved_us[k][i] = fall.moved;
			settled_us[k][i] = fall.settled;
			cpu_us[k][i] = fall.cpu;
		}
	}
	for (unsigned k = 0; k < 3; k++) {
		printf("moved-us-%u %.1f\n", counts[k], median(moved_us[k], RUNS));
		printf("settled-us-%u %.1f\n", counts[k], median(settled_us[k], RUNS));
		printf("settled-cpu-us-%u %.1f\n", counts[k], median(cpu_us[k], RUNS));
	}
}

/* ---- sessions that only exist ---- */

static void ignore(struct acr_session *session)
{
	(void)session;
}

static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static double make_session(unsigned number)
{
	struct acr_session *session;
	char name[32];
	uint64_t begin;
	double ns;

	snprintf(name, sizeof name, "idle-%u", number);
	begin = clock_ns(CLOCK_MONOTONIC);
	need(!acr_session_new(name, 1000, 1000, 1, &session), "no session");
	ns = (double)(clock_ns(CLOCK_MONOTONIC) - begin);
	acr_session_unref(session);
	return ns;
}

static void bench_idle(void)
{
	double first[RUNS], last[RUNS], bytes[RUNS], ns[EDGE];

	atomic_store(&acr_settings.user_sessions, IDLE);
	acr_session_changed = ignore;
	acr_session_freed = ignore;
	for (unsigned i = 0; i < RUNS; i++) {
		size_t before = heap_bytes();
		for (unsigned k = 0; k < EDGE; k++)
			ns[k] = make_session(k);
		first[i] = median(ns, EDGE);
		for (unsigned k = EDGE; k < IDLE - EDGE; k++)
			make_session(k);
		for (unsigned k = 0; k < EDGE; k++)
			ns[k] = make_session(IDLE - EDGE + k);
		last[i] = median(ns, EDGE);
		bytes[i] = (double)(heap_bytes() - before) / IDLE;
		acr_sessions_remove_all();
	}
	printf("idle-bytes %.1f\n", median(bytes, RUNS));
	printf("idle-first-ns %.1f\n", median(first, RUNS));
	printf("idle-last-ns %.1f\n", median(last, RUNS));
}

static void print_sizes(void)
{
	printf("size-session %zu\n", sizeof(struct acr_session));
	printf("size-job %zu\n", sizeof(struct acr_job));
	printf("size-attempt %zu\n", sizeof(struct acr_attempt));
	printf("size-queue %zu\n", sizeof(struct acr_queue));
}

/* With a word: that part alone, to be profiled. */
int main(int argc, char **argv)
{
	struct acr_module modules[] = { { "null", acrypto_driver.driver, NULL },
		                        { "full", &full, NULL },
		                        { "least-loaded", NULL, &acrypto_balancer },
		                        { NULL, NULL, NULL } };

	static const struct {
		const char *name;
		void (*run)(void);
	} parts[] = { { "idle", bench_idle },
		      { "inline", bench_inline },
		      { "queued", bench_queued },
		      { "break", bench_break },
		      { "sizes", print_sizes } };

	static_modules = modules;
	acr_settings_init();
	acr_alg_init();
	acr_secret_init();
	acr_log_set_level(ACR_LOG_ERROR);
	need(!acr_balancer_load("least-loaded"), "no balancer");
	make_inputs();
	/* Idle sessions first, on a heap that nothing has torn yet. */
	for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
		if (argc < 2 || !strcmp(argv[1], parts[i].name))
			parts[i].run();
	drop_inputs();
	acr_balancers_free();
	return 0;
}
