/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The device that will be done first, by what operations have cost so far.
 *
 * For each device and capability it learns a line, fixed cost + cost per byte (curve.h). Work
 * that waits counts with what was expected of it when it was placed. So a device that is slow
 * to start and one that is slow per byte share the work where that is best, and nobody sets a
 * threshold. What was never measured, or not for long, is tried now and then.
 *
 * Where the session would have to wait anyhow, which device is done first is the wrong
 * question: asked of one after the other, it fills each device with whatever comes. Then the
 * session goes where it adds least to the sum of the squared waiting times. That sorts by the
 * *ratio* of the costs, as the best static split does, with the waiting times as the prices
 * that adjust themselves.
 *
 * Curves are in a hash table of fixed size. find_device() reads it without locks and takes a
 * free slot by compare-and-swap; completed() drops its sample when another thread is at the
 * same curve. Slots are emptied by forget() and when all is freed, and never moved. */
#include <acrypto/balancer.h>

#include "curve.h"
#include "words.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define SLOTS      4096u /* a power of two */
#define PROBES     32u   /* slots that one key may be in */
#define CANDIDATES 256u  /* devices that are looked at: all that the core shows */
#define TRY_LATER  16u   /* choices that a first try waits for when the device is busy */
#define TRY_AGAIN                                                                              \
	32u        /* and that pass after a try that has brought nothing yet, doubled each
			 * time */
#define STALE 256u /* choices after which a device that is as good is tried again */

#define KEY_FREE  0u /* never used: the search ends here */
#define KEY_TAKEN 1u /* someone is filling it */
#define KEY_GONE  2u /* may be used anew */

struct slot {
	_Alignas(64) atomic_uint_least64_t key; /* device << 8 | op + 8, or KEY_* */
	_Atomic(const char *) alg;
	struct curve curve;
	atomic_uint_least64_t seen;     /* times it was among those to choose from, about */
	atomic_uint_least64_t taken_at; /* `seen` when it was last chosen */
	atomic_uint tries;              /* choices to measure, without a measurement so far */
	char name[72];                  /* (busy) of the device */
};

struct rate {
	struct slot *slots;
	atomic_uint_least64_t placed, tried, learned, dropped;
};

/* What is thought of one device. */
struct view {
	struct slot *slot; /* NULL: the table is full */
	double cost, wait; /* ns; cost 0: no idea */
	bool knows;        /* measured at about this size */
};

static void add(atomic_uint_least64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static int rate_create(void **data)
{
	struct rate *rate = calloc(1, sizeof(*rate));

	if (!rate)
		return -ENOMEM;
	rate->slots = aligned_alloc(64, SLOTS * sizeof(*rate->slots));
	if (!rate->slots) {
		free(rate);
		return -ENOMEM;
	}
	memset(rate->slots, 0, SLOTS * sizeof(*rate->slots));
	*data = rate;
	return 0;
}

static void rate_destroy(void *data)
{
	struct rate *rate = data;

	free(rate->slots);
	free(rate);
}

/* ---- the table ---- */

static uint64_t key_of(uint64_t device_id, enum acr_opcode opcode)
{
	return device_id << 8 | ((unsigned)opcode + 8);
}

static unsigned hash(uint64_t key, const char *alg)
{
	uint64_t h = (key ^ (uint64_t)(uintptr_t)alg * UINT64_C(0x9e3779b97f4a7c15)) *
	             UINT64_C(0xd6e8feb86659fd93);

	return (unsigned)(h >> 40);
}

/* Where a key is, or NULL with *free: the first slot that it could have, NULL for none. */
static struct slot *find(struct rate *rate, uint64_t key, const char *alg, struct slot **unused)
{
	unsigned at = hash(key, alg);

	*unused = NULL;
	for (unsigned i = 0; i < PROBES; i++) {
		struct slot *slot = &rate->slots[(at + i) % SLOTS];
		uint64_t found = atomic_load_explicit(&slot->key, memory_order_acquire);

		if (found == key &&
		    atomic_load_explicit(&slot->alg, memory_order_relaxed) == alg)
			return slot;
		if ((found == KEY_FREE || found == KEY_GONE) && !*unused)
			*unused = slot;
		if (found == KEY_FREE)
			break;
	}
	return NULL;
}

/* Fill a slot for a device that is seen for the first time. NULL: another thread was faster. */
static struct slot *occupy(struct slot *slot, uint64_t key, const char *alg, const char *name)
{
	uint64_t old = atomic_load(&slot->key);
	bool taken;

	if (old != KEY_FREE && old != KEY_GONE)
		return NULL;
	if (atomic_flag_test_and_set_explicit(&slot->curve.busy, memory_order_acquire))
		return NULL;
	taken = atomic_compare_exchange_strong(&slot->key, &old, KEY_TAKEN);
	if (taken) {
		curve_clear(&slot->curve);
		atomic_store(&slot->seen, 0);
		atomic_store(&slot->taken_at, 0);
		atomic_store(&slot->tries, 0);
		atomic_store(&slot->alg, alg);
		snprintf(slot->name, sizeof(slot->name), "%s", name);
		atomic_store_explicit(&slot->key, key, memory_order_release);
	}
	atomic_flag_clear_explicit(&slot->curve.busy, memory_order_release);
	return taken ? slot : NULL;
}

static struct slot *slot_of(struct rate *rate, const struct acr_lb_session *session,
                            const struct acr_lb_device *device)
{
	uint64_t key = key_of(device->id, session->opcode);
	struct slot *unused, *slot = find(rate, key, session->alg, &unused);

	if (!slot && unused)
		slot = occupy(unused, key, session->alg, device->name);
	return slot;
}

/* ---- choosing ---- */

static unsigned width(const struct acr_lb_device *device)
{
	return device->width ? device->width : 1;
}

static uint64_t sessions(const struct acr_lb_device *device)
{
	return device->queued + device->running;
}

/* What the core has measured, for want of a curve; 0: nothing. */
static double guess(const struct acr_lb_session *session, const struct acr_lb_device *device)
{
	double mean = (double)device->mean_ns;

	if (!device->bytes_per_s || !session->bytes)
		return mean;
	return (mean + (double)session->bytes * 1e9 / (double)device->bytes_per_s) / 2;
}

/* Until a new session would start: the work that is there, shared by the slots; of what is
 * running about half is done. */
static double wait_for(const struct acr_lb_device *device, struct curve_line line)
{
	double work = (double)device->predicted_ns +
	              (double)device->unpredicted * (double)line.fixed_ns +
	              (double)device->unpredicted_bytes * (double)line.ns_per_byte;
	double all = (double)sessions(device);

	if (sessions(device) < width(device))
		return 0;
	return work * (1 - (double)device->running / all / 2) / width(device);
}

static struct view look(struct rate *rate, const struct acr_lb_session *session,
                        const struct acr_lb_device *device)
{
	struct view view = { .slot = slot_of(rate, session, device) };
	struct curve_line line = { 0, 0 };

	if (view.slot) {
		uint64_t seen = atomic_load_explicit(&view.slot->seen, memory_order_relaxed);
		/* Not one step: two threads may count as one. */
		atomic_store_explicit(&view.slot->seen, seen + 1, memory_order_relaxed);
	}
	if (view.slot &&
	    atomic_load_explicit(&view.slot->curve.samples, memory_order_acquire)) {
		line = atomic_load_explicit(&view.slot->curve.line, memory_order_relaxed);
		view.cost = curve_cost(line, (double)session->bytes);
		view.knows = curve_knows(&view.slot->curve, session->bytes);
	} else {
		view.cost = guess(session, device);
		line.fixed_ns = (float)view.cost;
		view.knows = !view.slot; /* nothing could be learned from a try */
	}
	view.wait = wait_for(device, line);
	return view;
}

static double finish(const struct view *view)
{
	double ns = view->wait + view->cost;

	return ns < 1 ? 1 : ns;
}

/* Is it time to try this one, just to know? best is NULL where nobody is known. */
static bool due(const struct view *view, const struct acr_lb_device *device,
                const struct view *best)
{
	uint64_t passed, needed = 0;
	unsigned tries;

	if (!view->slot)
		return false;
	passed = atomic_load_explicit(&view->slot->seen, memory_order_relaxed) -
	         atomic_load_explicit(&view->slot->taken_at, memory_order_relaxed);
	if (view->knows)
		/* The worse it seems, the rarer: all such tries together cost 1/STALE. */
		return best && (double)passed * finish(best) > STALE * finish(view);
	tries = atomic_load_explicit(&view->slot->tries, memory_order_relaxed);
	if (tries)
		needed = (uint64_t)TRY_AGAIN << (tries < 17 ? tries - 1 : 16);
	else if (sessions(device) >= width(device))
		needed = TRY_LATER;
	return passed >= needed;
}

/* Only one of several threads that find it due at the same time. */
static bool claim(const struct view *view)
{
	uint64_t at = atomic_load(&view->slot->taken_at);
	uint64_t seen = atomic_load(&view->slot->seen);

	if (at == seen || !atomic_compare_exchange_strong(&view->slot->taken_at, &at, seen))
		return false;
	if (!view->knows)
		atomic_fetch_add(&view->slot->tries, 1);
	return true;
}

static bool less_loaded(const struct acr_lb_device *a, const struct acr_lb_device *b)
{
	return sessions(a) * width(b) < sessions(b) * width(a);
}

/* What a session adds to the square of the waiting time, from (wait + cost)^2 - wait^2. */
static double burden(const struct view *view, const struct acr_lb_device *device)
{
	double cost = view->cost / width(device);

	return cost * (2 * view->wait + cost);
}

/* All that are known are busy, first among them the one that will be done first: the one where
 * the session is the least burden. */
static unsigned least_burden(const struct view *views, const struct acr_lb_device *devices,
                             unsigned n, unsigned best)
{
	for (unsigned i = 0; i < n; i++)
		if (views[i].cost > 0 &&
		    burden(&views[i], &devices[i]) < burden(&views[best], &devices[best]))
			best = i;
	return best;
}

/* The one that will be done first; where nothing is known, the one with the least load. */
static unsigned first_done(const struct view *views, const struct acr_lb_device *devices,
                           unsigned n)
{
	unsigned best = 0;

	for (unsigned i = 1; i < n; i++) {
		const struct view *a = &views[i], *b = &views[best];
		bool known = a->cost > 0, best_known = b->cost > 0;

		if (known != best_known ? known
		    : known             ? finish(a) < finish(b)
		                        : less_loaded(&devices[i], &devices[best]))
			best = i;
	}
	return best;
}

/* One that is to be tried, or n. */
static unsigned one_to_try(const struct view *views, const struct acr_lb_device *devices,
                           unsigned n, unsigned best)
{
	const struct view *first = views[best].cost > 0 ? &views[best] : NULL;
	unsigned found = n;

	for (unsigned i = 0; i < n; i++)
		if (i != best && due(&views[i], &devices[i], first) &&
		    (found == n || less_loaded(&devices[i], &devices[found])))
			found = i;
	return found < n && claim(&views[found]) ? found : n;
}

/* Milliseconds. */
static void say_ms(struct words *words, const char *before, double ns)
{
	words_text(words, before);
	words_decimal(words, (uint64_t)(ns * 1e-3), 3);
}

static void explain(const struct view *view, bool is_try, struct acr_lb_choice *choice)
{
	struct words words = words_begin(choice);

	if (!is_try && view->cost > 0) {
		say_ms(&words, "done in ", finish(view));
		say_ms(&words, " ms: ", view->wait);
		say_ms(&words, " waiting, ", view->cost);
		words_text(&words, " working");
		return;
	}
	words_text(&words, view->cost <= 0 ? "a try: never measured"
	                   : view->knows   ? "a try after long"
	                                   : "a try at this size");
	if (view->cost > 0) {
		say_ms(&words, ", perhaps done in ", finish(view));
		words_text(&words, " ms");
	}
}

static int rate_find_device(void *data, const struct acr_lb_session *session,
                            const struct acr_lb_device *devices, unsigned n,
                            struct acr_lb_choice *choice)
{
	struct rate *rate = data;
	struct view views[CANDIDATES], *chosen;
	unsigned best, other;

	if (!n)
		return -EINVAL;
	if (n > CANDIDATES)
		n = CANDIDATES;
	for (unsigned i = 0; i < n; i++)
		views[i] = look(rate, session, &devices[i]);
	best = first_done(views, devices, n);
	if (views[best].wait > 0)
		best = least_burden(views, devices, n, best);
	other = n > 1 ? one_to_try(views, devices, n, best) : n;
	choice->index = other < n ? other : best;
	chosen = &views[choice->index];
	if (other == n && chosen->slot)
		atomic_store_explicit(
		        &chosen->slot->taken_at,
		        atomic_load_explicit(&chosen->slot->seen, memory_order_relaxed),
		        memory_order_relaxed);
	choice->cost_ns = (uint64_t)chosen->cost;
	choice->score = finish(chosen) * 1e-6;
	explain(chosen, other < n, choice);
	add(&rate->placed);
	if (other < n)
		add(&rate->tried);
	return 0;
}

/* ---- learning ---- */

static void rate_completed(void *data, uint64_t device_id, const struct acr_lb_session *session,
                           uint64_t queue_ns, uint64_t process_ns)
{
	struct rate *rate = data;
	uint64_t key = key_of(device_id, session->opcode);
	struct slot *unused, *slot = find(rate, key, session->alg, &unused);
	unsigned bit = 1u << curve_class(session->bytes);

	(void)queue_ns;
	if (!slot)
		return;
	if (atomic_flag_test_and_set_explicit(&slot->curve.busy, memory_order_acquire)) {
		add(&rate->dropped);
		return;
	}
	/* It may have been given to another device a moment ago. */
	if (atomic_load(&slot->key) == key) {
		curve_learn(&slot->curve, session->bytes, process_ns);
		if (!(atomic_load_explicit(&slot->curve.sizes, memory_order_relaxed) & bit)) {
			atomic_fetch_or(&slot->curve.sizes, bit);
			atomic_store(&slot->tries, 0);
		}
		add(&rate->learned);
	}
	atomic_flag_clear_explicit(&slot->curve.busy, memory_order_release);
}

static void rate_forget(void *data, uint64_t device_id)
{
	struct rate *rate = data;

	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *slot = &rate->slots[i];
		uint64_t key = atomic_load(&slot->key);

		if (key > KEY_GONE && key >> 8 == device_id)
			atomic_compare_exchange_strong(&slot->key, &key, KEY_GONE);
	}
}

/* ---- what it shows ---- */

static const char *const op_names[ACR_OPCODES] = { "encrypt", "decrypt", "hash",   "mac",
	                                           "sign",    "verify",  "random", "derive" };

struct row {
	char name[72];
	const char *op, *alg;
	struct curve_line line;
	uint64_t samples;
};

static bool read_slot(struct slot *slot, struct row *row)
{
	uint64_t key, samples;

	if (atomic_load(&slot->key) <= KEY_GONE)
		return false;
	while (atomic_flag_test_and_set_explicit(&slot->curve.busy, memory_order_acquire))
		sched_yield();
	key = atomic_load(&slot->key);
	samples = atomic_load(&slot->curve.samples);
	if (key > KEY_GONE && samples) {
		const char *alg = atomic_load(&slot->alg);

		*row = (struct row){ .op = op_names[(key & 255) - 8],
			             .alg = *alg ? alg : "-",
			             .line = atomic_load(&slot->curve.line),
			             .samples = samples };
		memcpy(row->name, slot->name, sizeof(row->name));
	}
	atomic_flag_clear_explicit(&slot->curve.busy, memory_order_release);
	return key > KEY_GONE && samples;
}

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (!order)
		order = strcmp(x->op, y->op);
	return order ? order : strcmp(x->alg, y->alg);
}

static size_t rate_read_curve(void *data, char *text, size_t size)
{
	struct rate *rate = data;
	struct row *rows = calloc(SLOTS, sizeof(*rows));
	unsigned count = 0;
	size_t len = (size_t)snprintf(text, size,
	                              "# device\top\talg\tfixed-us\tns-per-byte\tsamples\n");

	for (unsigned i = 0; rows && i < SLOTS; i++)
		count += read_slot(&rate->slots[i], &rows[count]);
	if (rows)
		qsort(rows, count, sizeof(*rows), compare);
	for (unsigned i = 0; i < count; i++)
		len += (size_t)snprintf(
		        len < size ? text + len : NULL, len < size ? size - len : 0,
		        "%s\t%s\t%s\t%.3f\t%.3f\t%" PRIu64 "\n", rows[i].name, rows[i].op,
		        rows[i].alg, (double)rows[i].line.fixed_ns * 1e-3,
		        (double)rows[i].line.ns_per_byte, rows[i].samples);
	free(rows);
	return len;
}

static size_t rate_info(void *data, char *text, size_t size)
{
	struct rate *rate = data;
	int n = snprintf(
	        text, size,
	        "placed: %" PRIu64 "\ntries: %" PRIu64 "\nlearned: %" PRIu64
	        "\ndropped: %" PRIu64 "\n",
	        (uint64_t)atomic_load(&rate->placed), (uint64_t)atomic_load(&rate->tried),
	        (uint64_t)atomic_load(&rate->learned), (uint64_t)atomic_load(&rate->dropped));

	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size ? size - 1 : 0;
}

static const struct acr_lb_file rate_files[] = {
	{ "curve", "what each operation costs on each device, as learned", 0444,
	  rate_read_curve, NULL },
	{ 0 },
};

static const struct acr_balancer rate = {
	.name = "rate",
	.help = "the device that will be done first, by measured costs",
	.create = rate_create,
	.destroy = rate_destroy,
	.find_device = rate_find_device,
	.completed = rate_completed,
	.info = rate_info,
	.forget = rate_forget,
	.files = rate_files,
};

ACR_REGISTER_BALANCER(rate);
