/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One client of the soak: sessions at random, one after another, each result judged.
 *
 * client SESSIONS-FOLDER NAME COUNT SEED SURE,SURE[,SHAKY...]
 *
 * The two SURE devices work all the time, the SHAKY ones break, hang, fail, come and go.
 * Sessions are called NAME-0, NAME-1, ... A line for each goes to standard output when it has
 * ended: "ok", an errno's name if what the session asked for explains it, or "BAD" and the
 * reason, behind the session's name. Exit status 0: all were tried.
 *
 * An errno is explained by what the session itself asked for, and by nothing else: a session
 * that is not bound must succeed whatever happens to the SHAKY devices. */
#include "answers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGES      16
#define SURE        2
#define DEVICES_MAX 32
#define HUNG_S      120 /* after that a session counts as lost */
#define OUT_MAX     ((size_t)1 << 20)
#define ENDS_EARLY  3 /* percent of sessions that are cancelled, and as many removed */

enum act { NOTHING, CANCEL, REMOVE };

struct stage {
	const struct row *row;
	unsigned char key[32], iv[16];
	bool decrypt, combined;
	int input, input2;  /* -1: not written */
	const char *device; /* NULL: not bound */
};

struct plan {
	struct stage stages[STAGES];
	unsigned count;
	struct bytes src, want;
	bool damaged, stream, polls;
	enum act act;
	unsigned priority, deadline_ms;
	const char *check; /* NULL: not written */
	unsigned private_len;
};

static const char *devices[DEVICES_MAX];
static unsigned device_count;
static uint64_t seed;
static char reason[200]; /* why the present session is BAD */

static uint32_t chance(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

static bool percent(unsigned n)
{
	return chance(100) < n;
}

static void fill(unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (unsigned char)chance(256);
}

/* ---- what a session is to do ---- */

/* Small ones are frequent, some have many KiB. */
static size_t random_size(void)
{
	return chance(2u << chance(18));
}

static void plan_stage(struct plan *plan, unsigned at)
{
	struct stage *stage = &plan->stages[at];

	do
		stage->row = &rows[chance(ROWS)];
	while (at == 0 && stage->row->kind == XOR && plan->stream);
	fill(stage->key, sizeof stage->key);
	fill(stage->iv, sizeof stage->iv);
	stage->combined =
	        stage->row->kind == AEAD || (stage->row->kind == CIPHER && percent(50));
	stage->input = at && percent(25) ? (int)chance(at + 1) : -1;
	stage->input2 = at && stage->row->kind == XOR && percent(50) ? (int)chance(at + 1) : -1;
	if (percent(8))
		stage->device = devices[chance(device_count)];
}

/* What a stage makes of its input. */
static struct bytes answer(const struct stage *stage, struct bytes in, struct bytes second)
{
	const struct row *row = stage->row;
	struct bytes out, whole;

	if (row->kind == XOR)
		return stage->input2 < 0 ? exclusive_or(in, stage->key, row->key)
		                         : exclusive_or(in, second.data, second.len);
	if (row->kind == HASH || row->kind == MAC)
		return digest(row, stage->key, in);
	out = encrypt(row, stage->key, stage->iv, in);
	if (!stage->combined)
		return out;
	whole = join(stage->iv, row->iv, out);
	bytes_free(&out);
	return whole;
}

/* The first stage decrypts: what it would encrypt becomes the input. */
static void turn_round(struct plan *plan)
{
	struct stage *stage = &plan->stages[0];
	struct bytes none = { NULL, 0 }, sealed = answer(stage, plan->src, none);

	stage->decrypt = true;
	plan->want = plan->src;
	plan->src = sealed;
	if (stage->row->kind == AEAD && percent(20)) {
		plan->damaged = true;
		sealed.data[chance((uint32_t)sealed.len)] ^= (unsigned char)(1u << chance(8));
	}
}

/* Outputs of all stages; the last is what we want. */
static void work_out(struct plan *plan)
{
	struct bytes outs[STAGES + 1] = { plan->src };

	for (unsigned i = 0; i < plan->count; i++) {
		struct stage *stage = &plan->stages[i];
		struct bytes in = outs[stage->input < 0 ? (int)i : stage->input];

		/* A second operand of no bytes is nothing to be repeated. */
		if (stage->input2 >= 0 && !outs[stage->input2].len)
			stage->input2 = -1;
		outs[i + 1] = answer(stage, in, outs[stage->input2 < 0 ? 0 : stage->input2]);
	}
	plan->want = outs[plan->count];
	for (unsigned i = 1; i < plan->count; i++)
		bytes_free(&outs[i]);
}

static struct plan make_plan(void)
{
	struct plan plan = { .count = 1, .priority = 1000 };

	plan.stream = percent(10);
	if (!plan.stream && percent(20))
		plan.count = 2 + chance(percent(10) ? STAGES - 1 : 3);
	for (unsigned i = 0; i < plan.count; i++)
		plan_stage(&plan, i);
	plan.src = bytes_room(random_size());
	fill(plan.src.data, plan.src.len);
	if (plan.count == 1 && plan.stages[0].row->iv && percent(40)) {
		plan.stages[0].combined = true;
		turn_round(&plan);
	} else {
		work_out(&plan);
	}
	plan.polls = percent(20);
	if (percent(30))
		plan.priority = chance(65536);
	if (percent(5))
		plan.deadline_ms = 1 + chance(percent(50) ? 10 : 3000);
	if (percent(5))
		plan.check = percent(50) ? "always" : "sample 2";
	if (percent(10))
		plan.private_len = 1 + chance(1024);
	if (percent(2 * ENDS_EARLY))
		plan.act = percent(50) ? CANCEL : REMOVE;
	return plan;
}

static void drop_plan(struct plan *plan)
{
	bytes_free(&plan->src);
	bytes_free(&plan->want);
}

/* ---- doing it ---- */

/* One value into one file. 0, or an errno. */
static int put(int folder, const char *file, const void *data, size_t len)
{
	int fd = openat(folder, file, O_WRONLY | O_TRUNC | O_CLOEXEC), error = 0;
	const char *from = data;

	if (fd < 0)
		return errno;
	while (len && !error) {
		ssize_t n = write(fd, from, len);
		error = n < 0 ? errno : 0;
		from += n < 0 ? 0 : n;
		len -= n < 0 ? 0 : (size_t)n;
	}
	if (close(fd) && !error)
		error = errno;
	return error;
}

static int put_text(int folder, const char *file, const char *text)
{
	return put(folder, file, text, strlen(text));
}

static int put_number(int folder, const char *file, int value)
{
	char text[16];

	snprintf(text, sizeof text, "%d", value);
	return put_text(folder, file, text);
}

/* Pieces of a stream; the window has room for all of it. */
static int put_pieces(int folder, struct bytes src)
{
	int fd = openat(folder, "src", O_WRONLY | O_TRUNC | O_CLOEXEC), error = 0;

	if (fd < 0)
		return errno;
	for (size_t at = 0; at < src.len && !error;) {
		size_t most = 1 + chance(65536), left = src.len - at;
		ssize_t n = write(fd, src.data + at, most < left ? most : left);
		error = n < 0 ? errno : 0;
		at += n < 0 ? 0 : (size_t)n;
	}
	if (close(fd) && !error)
		error = errno;
	return error;
}

static int set_stage(int folder, const struct stage *stage)
{
	int error = put_text(folder, "alg", stage->row->alg);

	if (!error && stage->decrypt)
		error = put_text(folder, "op", "decrypt");
	if (!error && stage->row->key && stage->input2 < 0)
		error = put(folder, "key", stage->key, stage->row->key);
	if (!error && stage->row->iv && !stage->decrypt)
		error = put(folder, "iv", stage->iv, stage->row->iv);
	if (!error && stage->row->iv)
		error = put_text(folder, "layout", stage->combined ? "combined" : "detached");
	if (!error && stage->input >= 0)
		error = put_number(folder, "input", stage->input);
	if (!error && stage->input2 >= 0)
		error = put_number(folder, "input2", stage->input2);
	if (!error && stage->device)
		error = put_text(folder, "device", stage->device);
	return error;
}

static int set_stages(int session, const struct plan *plan)
{
	int error = set_stage(session, &plan->stages[0]);

	for (unsigned i = 1; i < plan->count && !error; i++) {
		char path[24];
		int folder;

		snprintf(path, sizeof path, "route/%u", i + 1);
		if (mkdirat(session, path, 0700))
			return errno;
		folder = openat(session, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (folder < 0)
			return errno;
		error = set_stage(folder, &plan->stages[i]);
		close(folder);
	}
	return error;
}

static int set_up(int session, const struct plan *plan)
{
	unsigned char private_area[1024];
	int error = set_stages(session, plan);

	if (!error && plan->stream)
		error = put_text(session, "stream", "1");
	if (!error && plan->priority != 1000)
		error = put_number(session, "priority", (int)plan->priority);
	if (!error && plan->deadline_ms)
		error = put_number(session, "deadline", (int)plan->deadline_ms);
	if (!error && plan->check)
		error = put_text(session, "check", plan->check);
	if (!error && plan->private_len) {
		fill(private_area, plan->private_len);
		error = put(session, "private", private_area, plan->private_len);
	}
	if (!error)
		error = plan->stream ? put_pieces(session, plan->src)
		                     : put(session, "src", plan->src.data, plan->src.len);
	return error;
}

/* All of dst, by poll or by blocking reads. 0, or an errno. */
static int get(int dst, bool polls, struct bytes *out)
{
	for (;;) {
		struct pollfd wait = { .fd = dst, .events = POLLIN };
		ssize_t n;

		if (polls && poll(&wait, 1, -1) < 0)
			return errno;
		n = read(dst, out->data + out->len, OUT_MAX - out->len);
		if (n < 0 && errno == EAGAIN && polls)
			continue;
		if (n <= 0)
			return n < 0 ? errno : 0;
		out->len += (size_t)n;
	}
}

/* Start it, and end it before its time. */
static int interfere(int sessions, int session, const char *name, enum act act)
{
	int error = act == NOTHING ? 0 : put_text(session, "ctl", "start");

	if (error || act == NOTHING)
		return error;
	if (act == CANCEL)
		return put_text(session, "ctl", "cancel");
	return unlinkat(sessions, name, AT_REMOVEDIR) ? errno : 0;
}

static int use(int sessions, int session, const char *name, const struct plan *plan,
               struct bytes *out)
{
	int flags = O_RDONLY | O_CLOEXEC | (plan->polls ? O_NONBLOCK : 0), dst, error;

	error = set_up(session, plan);
	if (error)
		return error;
	dst = openat(session, "dst", flags);
	if (dst < 0)
		return errno;
	error = interfere(sessions, session, name, plan->act);
	if (!error)
		error = get(dst, plan->polls, out);
	close(dst);
	return error;
}

/* ---- judging it ---- */

static bool bound_to_shaky(const struct plan *plan)
{
	for (unsigned i = 0; i < plan->count; i++)
		for (unsigned k = SURE; k < device_count; k++)
			if (plan->stages[i].device == devices[k])
				return true;
	return false;
}

/* Did the session ask for something that may end so? */
static bool explained(const struct plan *plan, int error)
{
	switch (error) {
	case EBADMSG:
		return plan->damaged;
	case ETIMEDOUT:
		return plan->deadline_ms > 0;
	case ECANCELED:
		return plan->act != NOTHING;
	case ENODEV:
	case EIO:
		return bound_to_shaky(plan);
	default:
		return false;
	}
}

static bool judge(const struct plan *plan, int error, const struct bytes *out)
{
	if (error) {
		snprintf(reason, sizeof reason, "%s", strerrorname_np(error));
		return explained(plan, error);
	}
	if (plan->damaged) {
		snprintf(reason, sizeof reason, "a damaged input was accepted");
		return false;
	}
	if (out->len == plan->want.len && !memcmp(out->data, plan->want.data, out->len)) {
		snprintf(reason, sizeof reason, "ok");
		return true;
	}
	snprintf(reason, sizeof reason, "wrong bytes, %zu instead of %zu", out->len,
	         plan->want.len);
	return false;
}

static void describe(const struct plan *plan)
{
	const struct stage *first = &plan->stages[0];

	printf(" (%u stages, %s, %zu bytes, device %s, deadline %u, act %d, stream %d, poll %d, "
	       "check %s)",
	       plan->count, first->row->alg, plan->src.len,
	       first->device ? first->device : "any", plan->deadline_ms, plan->act,
	       plan->stream, plan->polls, plan->check ? plan->check : "-");
}

/* What the session itself says, for who looks at a BAD one. */
static void show(int session)
{
	static const char *const files[] = { "status", "history" };
	char text[4096];

	for (unsigned i = 0; i < 2; i++) {
		int fd = openat(session, files[i], O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);
		for (ssize_t k = 0; k < n; k++)
			text[k] = text[k] == '\n' ? '|' : text[k];
		printf(" %.*s", (int)(n < 0 ? 0 : n), text);
		if (fd >= 0)
			close(fd);
	}
}

static void one(int sessions, const char *name)
{
	static unsigned char room[OUT_MAX];
	struct bytes out = { room, 0 };
	struct plan plan = make_plan();
	int session, error;
	bool good;

	alarm(HUNG_S);
	if (mkdirat(sessions, name, 0700) ||
	    (session = openat(sessions, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		printf("%s BAD mkdir: %s\n", name, strerrorname_np(errno));
		drop_plan(&plan);
		return;
	}
	error = use(sessions, session, name, &plan, &out);
	good = judge(&plan, error, &out);
	printf("%s %s%s", name, good ? "" : "BAD ", error == EINTR ? "no end" : reason);
	if (!good) {
		describe(&plan);
		show(session);
	}
	close(session);
	if (plan.act != REMOVE && unlinkat(sessions, name, AT_REMOVEDIR))
		printf(" BAD rmdir: %s", strerrorname_np(errno));
	printf("\n");
	fflush(stdout);
	drop_plan(&plan);
}

static void too_late(int sig)
{
	(void)sig; /* a waiting call ends with EINTR */
}

static void read_devices(char *list)
{
	char *rest;

	for (char *name = strtok_r(list, ",", &rest); name && device_count < DEVICES_MAX;
	     name = strtok_r(NULL, ",", &rest))
		devices[device_count++] = name;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = too_late };
	int sessions;

	if (argc != 6) {
		fprintf(stderr, "usage: client FOLDER NAME COUNT SEED SURE,SURE[,SHAKY...]\n");
		return 2;
	}
	sessions = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	seed = strtoull(argv[4], NULL, 10) * 2 + 1;
	read_devices(argv[5]);
	if (sessions < 0 || device_count < SURE)
		return 2;
	sigaction(SIGALRM, &action, NULL);
	for (int i = 0; i < 16; i++)
		chance(2); /* small seeds begin with small numbers */
	for (long i = 0, count = atol(argv[3]); i < count; i++) {
		char name[64];

		snprintf(name, sizeof name, "%s-%ld", argv[2], i);
		one(sessions, name);
	}
	return 0;
}
