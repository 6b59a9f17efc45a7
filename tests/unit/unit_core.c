/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The small parts of the core, each alone: the table of algorithms, words, heaps, timers,
 * histograms and nonces. Memory is in unit_memory. */
#include "alg/alg.h"
#include "tests/lib/check.h"
#include "base/heap.h"
#include "session/nonce.h"
#include "base/secret.h"
#include "session/sessions.h"
#include "base/settings.h"
#include "base/stats.h"
#include "base/timer.h"
#include "base/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MiB ((size_t)1024 * 1024)

/* ---- algorithms ---- */

static void check_row(const struct acr_alg *alg)
{
	char text[ACR_SIZES];

	CHECK(acr_alg_find(alg->name) == alg);
	CHECK(alg->ops && alg->ops < 1u << ACR_OPCODES);
	CHECK(acr_alg_has_op(alg, acr_alg_default_op(alg)));
	CHECK(alg->block >= 1 && alg->block <= 64); /* streams keep one block at hand */
	CHECK(alg->key_min <= alg->key_max && alg->iv_min <= alg->iv_max);
	CHECK(alg->in_min <= alg->in_max &&
	      alg->out <= (alg->out_max ? alg->out_max : UINT32_MAX));
	CHECK(!alg->iv_max || alg->flags & ACR_ALG_SALT || acr_alg_iv_ok(alg, alg->iv_default));
	CHECK(alg->iv_default <= 256); /* room for a fresh one */
	CHECK(!alg->tags == !alg->tag_default);
	CHECK(!alg->tags || acr_alg_tag_ok(alg, alg->tag_default));
	CHECK(!alg->key_max ||
	      (acr_alg_key_ok(alg, alg->key_min) && acr_alg_key_ok(alg, alg->key_max)));
	CHECK(!acr_alg_key_ok(alg, (size_t)alg->key_max + 1));
	CHECK(!acr_alg_tag_ok(alg, 0) && !acr_alg_tag_ok(alg, ACR_TAG_MAX + 1));
	/* Of public keys alone the output varies without `length`. */
	CHECK(!(alg->flags & ACR_ALG_XOF) == !alg->out_max || alg->kind == ACR_KIND_SIGN ||
	      alg->kind == ACR_KIND_PKCRYPT);
	CHECK(alg->out || alg->out_max || alg->kind == ACR_KIND_CIPHER ||
	      alg->kind == ACR_KIND_AEAD || alg->kind == ACR_KIND_WRAP);
	CHECK(!alg->digest || acr_alg_find(alg->digest)->kind == ACR_KIND_HASH);
	CHECK(!(alg->flags & ACR_ALG_PADS) || (alg->in_step == alg->block && alg->block > 1));
	acr_alg_tag_sizes(alg, text);
	CHECK(*text && strlen(text) < ACR_SIZES - 1 && (alg->tags || !strcmp(text, "none")));
	acr_alg_key_sizes(alg, text);
	CHECK(*text);
	acr_alg_iv_sizes(alg, text);
	CHECK(*text);
}

static void test_algorithms(void)
{
	acr_alg_init();
	CHECK(acr_alg_count() > 100 && acr_alg_count() <= ACR_ALGS);
	CHECK(acr_alg_find("") == acr_alg_row(0) && acr_alg_has_op(acr_alg_row(0), ACR_RANDOM));
	CHECK(!acr_alg_find("aes-256") && !acr_alg_find("AES-256-CBC"));
	CHECK(acr_alg_find("ecdsa-p256-sha1") == acr_alg_find("ecdsa-prime256v1-sha1"));
	CHECK(acr_alg_find("ecdh-p521") == acr_alg_find("ecdh-secp521r1"));
	CHECK(acr_alg_find("ecdh-p521") && !acr_alg_find("ecdsa-p256-") &&
	      !acr_alg_find("ecdsa-p256"));
	for (unsigned i = 0; i < acr_alg_count(); i++) {
		CHECK(acr_alg_index(acr_alg_row(i)) == i);
		check_row(acr_alg_row(i));
	}
	for (int op = 0; op < ACR_OPCODES; op++)
		CHECK(acr_opcode_find(acr_opcode_name((enum acr_opcode)op)) == op);
	CHECK(acr_opcode_find("") == -1 && acr_opcode_find("hashes") == -1);
}

static void test_tag_sizes(void)
{
	char text[ACR_SIZES];

	acr_alg_tag_sizes(acr_alg_find("aes-128-gcm"), text);
	CHECK(!strcmp(text, "4, 8, 12-16 bytes"));
	acr_alg_tag_sizes(acr_alg_find("aes-128-ccm"), text);
	CHECK(!strcmp(text, "4, 6, 8, 10, 12, 14, 16 bytes"));
	acr_alg_tag_sizes(acr_alg_find("hmac-sha512"), text);
	CHECK(!strcmp(text, "1-64 bytes"));
	acr_alg_key_sizes(acr_alg_find("aes-256-xts"), text);
	CHECK(!strcmp(text, "64 bytes"));
	acr_alg_key_sizes(acr_alg_find("sha256"), text);
	CHECK(!strcmp(text, "none"));
}

/* ---- numbers in words ---- */

static void test_words(void)
{
	static const struct {
		uint64_t number;
		const char *bytes, *number_text;
	} known[] = {
		{ 0, "0 bytes", "0" },
		{ 1, "1 byte", "1" },
		{ 65535, "65535 bytes", "65535" },
		{ 65536, "64 KiB", "2^16" },
		{ 70000, "70000 bytes", "70000" },
		{ 16 * MiB, "16 MiB", "2^24" },
		{ 2048ull * MiB - 1, "2 GiB less 1 byte", "2^31 - 1" },
		{ 65536ull * MiB - 32, "64 GiB less 32 bytes", "68719476704" },
		{ 50000000, "50000000 bytes", "50 million" },
		{ UINT32_MAX, "4 GiB less 1 byte", "2^32 - 1" },
	};
	char text[ACR_WORDS];

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
		CHECK(!strcmp(acr_words_bytes(known[i].number, text), known[i].bytes));
		CHECK(!strcmp(acr_words_number(known[i].number, text), known[i].number_text));
	}
}

/* ---- heaps ---- */

static void test_heap(void)
{
	struct acr_heap_node nodes[200] = { 0 };
	struct acr_heap heap = { 0 };
	uint64_t seed = 99;
	double last = 1e9;
	uint64_t last_tie = 0;

	CHECK(!acr_heap_top(&heap));
	for (int round = 0; round < 5000; round++) {
		struct acr_heap_node *node = &nodes[chance(&seed, 200)];
		double key = chance(&seed, 20);
		if (!node->index)
			CHECK(acr_heap_add(&heap, node, key, chance(&seed, 1000000)));
		else if (chance(&seed, 2))
			acr_heap_change(&heap, node, key, chance(&seed, 1000000));
		else
			acr_heap_remove(&heap, node);
		CHECK(!node->index || heap.items[node->index - 1].node == node);
	}
	while (heap.count) {
		struct acr_heap_node *top = acr_heap_top(&heap);
		CHECK(top->key < last || (top->key == last && top->tie >= last_tie));
		last = top->key;
		last_tie = top->tie;
		acr_heap_remove(&heap, top);
		CHECK(!top->index);
	}
	acr_heap_clear(&heap);
}

/* ---- timers ---- */

#define TIMERS 50

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct acr_timer timers[TIMERS];
	int order[TIMERS], expired;
} timing = { .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER };

static void timer_expired(struct acr_timer *timer)
{
	pthread_mutex_lock(&timing.lock);
	timing.order[timing.expired++] = (int)(timer - timing.timers);
	pthread_cond_signal(&timing.more);
	pthread_mutex_unlock(&timing.lock);
}

static void test_timers(void)
{
	uint64_t now = acr_now_ns();
	int last = -1;

	CHECK(!acr_timers_start());
	for (int i = TIMERS - 1; i >= 0; i--) {
		timing.timers[i].expired = timer_expired;
		CHECK(acr_timer_set(&timing.timers[i],
		                    now + 100000000u + (uint64_t)i * 100000u));
	}
	/* Odd ones are withdrawn long before their time. */
	for (int i = 1; i < TIMERS; i += 2) {
		CHECK(acr_timer_cancel(&timing.timers[i]));
		CHECK(!acr_timer_cancel(&timing.timers[i]));
	}
	pthread_mutex_lock(&timing.lock);
	while (timing.expired < TIMERS / 2)
		pthread_cond_wait(&timing.more, &timing.lock);
	for (int i = 0; i < timing.expired; i++) {
		CHECK(timing.order[i] % 2 == 0 && timing.order[i] > last);
		last = timing.order[i];
	}
	pthread_mutex_unlock(&timing.lock);
	CHECK(acr_now_ns() >= now + 100000000u && !acr_timer_cancel(&timing.timers[0]));
	/* The end comes first for this one. */
	CHECK(acr_timer_set(&timing.timers[0], acr_now_ns() + 3600ull * 1000000000u));
	acr_timers_stop();
	CHECK(timing.expired == TIMERS / 2);
}

static void changed(struct acr_session *session)
{
	(void)session;
}

/* The deadline of a request that has ended gets the lock when the next request is active and
 * late, too: that one fails, and its own timer must not stay behind to be set a second time. */
static void test_late_deadline(void)
{
	struct acr_session *session = acr_session_anonymous(1000, 1);

	if (!CHECK(session))
		return;
	acr_session_changed = changed;
	acr_session_ref(session); /* the first timer's, which has just gone off */
	session->state = ACR_ACTIVE;
	session->deadline_at = acr_now_ns();
	acr_session_ref(session);
	CHECK(acr_timer_set(&session->deadline, acr_now_ns() + 3600ull * 1000000000u));
	session->deadline.expired(&session->deadline);
	CHECK(session->state == ACR_FAILED && session->result == -ETIMEDOUT);
	CHECK(!acr_timer_cancel(&session->deadline));
	CHECK(atomic_load(&session->refs) == 1);
	acr_session_unref(session);
}

/* ---- statistics ---- */

static void test_histogram(void)
{
	static struct acr_hist hist;
	atomic_uint_least64_t average = 0;

	CHECK(!acr_hist_count(&hist) && !acr_hist_percentile(&hist, 0.5));
	for (uint64_t ns = 1; ns <= 100000; ns++)
		acr_hist_add(&hist, ns);
	CHECK(acr_hist_count(&hist) == 100000 && hist.sum_ns == 5000050000u);
	for (int percent = 1; percent <= 100; percent++) {
		uint64_t found = acr_hist_percentile(&hist, percent / 100.0);
		/* The upper bound of a bucket: at most a quarter too high. */
		CHECK(found >= (uint64_t)percent * 1000 &&
		      found <= (uint64_t)percent * 1250 + 4);
	}
	CHECK(acr_hist_below(&hist, 0) == 0 && acr_hist_below(&hist, 3) == 3);
	CHECK(acr_hist_below(&hist, UINT64_MAX) == 100000);
	acr_hist_add(&hist, UINT64_MAX); /* into the last bucket */
	acr_hist_add(&hist, 0);
	CHECK(acr_hist_count(&hist) == 100002);
	CHECK(acr_hist_percentile(&hist, 1) >= 1ull << 40);
	acr_average_add(&average, 1000);
	CHECK(average == 1000);
	for (int i = 0; i < 100; i++)
		acr_average_add(&average, 8000);
	CHECK(average > 7900 && average <= 8000);
}

/* ---- nonces ---- */

static struct acr_bytes bytes_of(const void *data, size_t len)
{
	return (struct acr_bytes){ data, len };
}

static void test_nonces(void)
{
	struct acr_account *account = acr_account_get(1000);
	struct acr_nonces *list = NULL;
	uint8_t zeros[128] = { 0 };
	uint64_t number = 0;

	/* Of the same bytes, but not as many. */
	for (size_t len = 1; len <= sizeof zeros; len++)
		CHECK(!acr_nonces_add(&list, bytes_of(zeros, len), false, account));
	CHECK(acr_nonces_add(&list, bytes_of(zeros, 12), false, account) == -EEXIST);
	CHECK(acr_nonces_add(&list, bytes_of(zeros, 12), true, account) == -EEXIST);
	/* One that was not used after all may be used. */
	CHECK(!acr_nonces_add(&list, bytes_of("once", 4), true, account));
	acr_nonces_undo(list);
	CHECK(!acr_nonces_add(&list, bytes_of("once", 4), true, account));
	for (number = 1; number < ACR_WRITTEN_NONCES; number++)
		CHECK(!acr_nonces_add(&list, bytes_of(&number, sizeof number), true, account));
	CHECK(acr_nonces_add(&list, bytes_of(&number, sizeof number), true, account) ==
	      -EEXIST);
	for (; number < 20000; number++)
		CHECK(!acr_nonces_add(&list, bytes_of(&number, sizeof number), false, account));
	for (number = 1; number < 20000; number += 97)
		CHECK(acr_nonces_add(&list, bytes_of(&number, sizeof number), false, account) ==
		      -EEXIST);
	CHECK(account->bytes > 20000 * sizeof(uint64_t));
	acr_nonces_free(list);
	acr_nonces_free(NULL);
	CHECK(!account->bytes);
}

/* Whatever a balancer's reason is, a line stays a line of seven columns. */
static void test_history_lines(void)
{
	const struct acr_note report = { .device = "d0",
		                         .outcome = "ok",
		                         .reason = "a\tb\nc\x1b[2Jd" };
	struct acr_account *account = acr_account_get(1);
	struct acr_history history = { 0 };
	g_autoptr(GString) text = g_string_new(NULL);

	acr_history_add(&history, 1, &report, account);
	acr_history_text(&history, text);
	CHECK(g_str_has_suffix(text->str, "\n1\td0\t-\t-\t-\tok\ta b c [2Jd\n"));
	acr_history_clear(&history, account);
}

int main(void)
{
	acr_settings_init();
	acr_secret_init();
	test_algorithms();
	test_tag_sizes();
	test_words();
	test_heap();
	test_timers();
	test_late_deadline();
	test_histogram();
	test_nonces();
	test_history_lines();
	return checks_end();
}
