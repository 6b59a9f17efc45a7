/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The small parts of the core, each alone: memory and what is charged for it, the table of
 * algorithms, texts, words, heaps, timers, histograms and nonces. */
#include "alg/alg.h"
#include "base/encode.h"
#include "session/sessions.h"
#include "base/buf.h"
#include "tests/lib/check.h"
#include "base/heap.h"
#include "session/nonce.h"
#include "base/pages.h"
#include "base/secret.h"
#include "session/session.h"
#include "base/settings.h"
#include "base/stats.h"
#include "base/timer.h"
#include "base/words.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define CHECKED_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHECKED_MALLOC 1
#endif
#endif

#define KiB ((size_t)1024)
#define MiB (1024 * KiB)

static bool all_are(const void *data, uint8_t byte, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((const volatile uint8_t *)data)[i] != byte)
			return false;
	return true;
}

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

/* ---- secret memory ---- */

static void test_secret_sizes(void)
{
	static const size_t sizes[] = { 0,    1,    63,    64,    65,    128,   1000, 1024,
		                        4096, 8192, 16320, 16321, 65536, 99999, MiB };

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		for (int secret = 0; secret < 2; secret++) {
			uint8_t *p = secret ? acr_secret_alloc(sizes[i])
			                    : acr_private_alloc(sizes[i]);
			if (!CHECK(p != NULL))
				continue;
			CHECK((uintptr_t)p % 64 == 0);
			CHECK(all_are(p, 0, sizes[i]));
			memset(p, 0xa5, sizes[i]);
			acr_secret_free(p);
		}
	}
	acr_secret_free(NULL);
}

/* Slots are handed out again clean. The neighbour keeps the memory of both in place. */
static void test_secret_wiped(void)
{
	uint8_t *stays = acr_secret_alloc(300), *goes = acr_secret_alloc(300), *again;

	if (!CHECK(stays && goes))
		return;
	memset(stays, 0x11, 300);
	memset(goes, 0x5a, 300);
	acr_secret_free(goes);
#ifndef CHECKED_MALLOC
	CHECK(all_are(goes + sizeof(void *), 0, 300 - sizeof(void *)));
	again = acr_secret_alloc(300);
	CHECK(again == goes);
#else
	again = acr_secret_alloc(300);
#endif
	CHECK(again && all_are(again, 0, 300));
	CHECK(all_are(stays, 0x11, 300));
	acr_secret_free(again);
	acr_secret_free(stays);
}

/* Many threads, many sizes: nobody finds another's bytes. */
static void *use_secrets(void *data)
{
	uint64_t seed = *(uint64_t *)data;
	struct {
		uint8_t *p;
		size_t n;
	} held[64] = { 0 };
	bool good = true;

	for (int i = 0; i < 20000; i++) {
		size_t at = chance(&seed, 64);
		good = good && all_are(held[at].p, (uint8_t)at, held[at].n);
		acr_secret_free(held[at].p);
		held[at].n = chance(&seed, i % 50 ? 700 : 40000);
		held[at].p = acr_private_alloc(held[at].n);
		good = good && held[at].p && all_are(held[at].p, 0, held[at].n);
		if (held[at].p)
			memset(held[at].p, (int)at, held[at].n);
	}
	for (size_t at = 0; at < 64; at++)
		acr_secret_free(held[at].p);
	CHECK(good);
	return NULL;
}

static void test_secret_threads(void)
{
	pthread_t threads[4];
	uint64_t seeds[4] = { 1, 22, 333, 4444 };

	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], NULL, use_secrets, &seeds[i]));
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

/* What many allocations took is given back, but for a chunk of each size. */
static void test_secret_given_back(void)
{
	void *held[200];
	size_t before = acr_secret_bytes_locked();

	for (int i = 0; i < 200; i++)
		CHECK((held[i] = acr_secret_alloc(4000)) != NULL);
	for (int i = 0; i < 200; i++)
		acr_secret_free(held[i]);
	CHECK(acr_secret_bytes_locked() <= before + 64 * KiB);
}

static void test_hex(void)
{
	uint8_t out[4] = { 0 };
	char digit[3] = "0x";

	CHECK(acr_hex_decode("00fFa9Bc", 4, out) && !memcmp(out, "\x00\xff\xa9\xbc", 4));
	CHECK(acr_hex_decode("", 0, out));
	for (int c = 0; c < 256; c++) {
		char *end;
		bool good;
		digit[0] = '1';
		digit[1] = (char)c;
		good = c && strchr("0123456789abcdefABCDEF", c);
		CHECK(acr_hex_decode(digit, 1, out) == good);
		CHECK(!good || out[0] == strtoul(digit, &end, 16));
		digit[0] = (char)c;
		digit[1] = '1';
		CHECK(acr_hex_decode(digit, 1, out) == good);
	}
}

/* ---- pages and buffers ---- */

static void test_pages(void)
{
	static const size_t sizes[] = { 1, 32 * KiB, 33 * KiB, MiB, MiB + 1, 5 * MiB };

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		size_t size = acr_pages_round(sizes[i]);
		uint8_t *pages = acr_pages_alloc(size), *more;

		CHECK(size >= sizes[i] && acr_pages_round(size) == size);
		if (!CHECK(pages && all_are(pages, 0, size)))
			continue;
		memset(pages, 0x77, size);
		more = acr_pages_grow(pages, size, acr_pages_round(2 * size));
		CHECK(more && all_are(more, 0x77, size) &&
		      all_are(more + size, 0, acr_pages_round(2 * size) - size));
		acr_pages_free(more, acr_pages_round(2 * size), size);
		pages = acr_pages_alloc(size); /* perhaps used before: wiped all the same */
		CHECK(pages && all_are(pages, 0, size));
		acr_pages_free(pages, size, 0);
	}
	acr_pages_trim();
}

static void test_blobs(struct acr_account *account)
{
	size_t before = acr_account_total();
	struct acr_blob *blob, *empty;
	int error = 1;

	blob = acr_blob_new("0123456789", 10, true, account, &error);
	CHECK(blob && !error && account->bytes == 10 && acr_account_total() == before + 10);
	CHECK(acr_blob_bytes(blob).len == 10 && !memcmp(acr_blob_bytes(blob).data, "01234", 5));
	empty = acr_blob_new(NULL, 0, false, NULL, &error);
	CHECK(empty && !empty->len);
	acr_blob_unref(empty);
	CHECK(acr_blob_ref(blob) == blob && !acr_blob_ref(NULL));
	acr_blob_unref(blob);
	CHECK(account->bytes == 10);
	acr_blob_unref(blob);
	acr_blob_unref(NULL);
	CHECK(!acr_blob_bytes(NULL).len);
	CHECK(!account->bytes && acr_account_total() == before);
	blob = acr_blob_new(NULL, acr_settings.user_memory + 1, false, account, &error);
	CHECK(!blob && error == -EDQUOT && !account->bytes);
}

static void test_buffers(struct acr_account *account)
{
	static const size_t sizes[] = { 1, 100, 16 * KiB, 16 * KiB + 1, 100 * KiB, 3 * MiB };
	struct acr_buf *buf = acr_buf_new(account);
	size_t at = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		uint8_t last = (uint8_t)(i + 1);
		/* A gap, then one byte. */
		CHECK(!acr_buf_write(buf, sizes[i] - 1, &last, 1));
		CHECK(buf->len == sizes[i] && buf->data[sizes[i] - 1] == last);
		CHECK(all_are(buf->data + at, 0, sizes[i] - 1 - at));
		CHECK(account->bytes == sizes[i] && buf->charged == sizes[i]);
		at = sizes[i];
	}
	CHECK(buf->data[0] == 1 && buf->data[99] == 2 && buf->data[16 * KiB] == 4);
	CHECK(!acr_buf_reserve(buf, 10) && buf->len == at);
	CHECK(acr_buf_write(buf, acr_settings.user_memory, "x", 1) == -EDQUOT);
	CHECK(acr_buf_write(buf, SIZE_MAX, "x", 1) == -ENOSPC);
	CHECK(acr_buf_reserve(buf, SIZE_MAX / 2) == -ENOSPC);
	CHECK(buf->len == at && account->bytes == at);
	/* Shortened and lengthened again: nothing old comes back. */
	buf->len = 50;
	CHECK(!acr_buf_write(buf, 150, "", 0) && buf->len == 150 &&
	      all_are(buf->data + 50, 0, 100));
	CHECK(acr_buf_ref(buf) == buf);
	acr_buf_unref(buf);
	acr_buf_unref(buf);
	acr_buf_unref(NULL);
	CHECK(!account->bytes);
}

static void test_accounts(void)
{
	size_t before = acr_account_total(), limit = acr_settings.user_memory;
	struct acr_account *user = acr_account_get(1000), *root = acr_account_get(0);

	CHECK(user && root && user != root);
	CHECK(acr_account_get(1000) == user);
	CHECK(!acr_account_charge(user, limit) && acr_account_charge(user, 1) == -EDQUOT);
	CHECK(!acr_account_charge(root, limit) &&
	      acr_account_charge(root, SIZE_MAX / 2) == -ENOSPC);
	CHECK(acr_account_charge(NULL, SIZE_MAX) == -ENOSPC && root->bytes == limit);
	acr_account_release(user, limit);
	acr_account_release(root, limit);
	acr_settings.user_sessions = acr_settings.requests = 2;
	CHECK(!acr_account_add_session(user) && !acr_account_add_session(user));
	CHECK(acr_account_add_session(user) == -EDQUOT && !acr_account_add_session(root));
	CHECK(!acr_account_add_request(user) && !acr_account_add_request(user));
	CHECK(acr_account_add_request(user) == -EAGAIN);
	for (int i = 0; i < 2; i++) {
		acr_account_drop_session(user);
		acr_account_drop_request(user);
	}
	acr_account_drop_session(root);
	acr_settings_init();
	test_blobs(user);
	test_buffers(user);
	CHECK(!user->bytes && !user->sessions && !user->requests);
	CHECK(!root->bytes && acr_account_total() == before);
}

/* ---- texts ---- */

static void check_rendered(enum acr_format format, const uint8_t *data, size_t len,
                           const char *whole)
{
	size_t size = (size_t)acr_format_length(format, len);
	uint8_t out[512];

	CHECK(size == strlen(whole) + 1);
	for (size_t offset = 0; offset <= size; offset++) {
		for (size_t n = 0; n <= size - offset; n += 1 + n / 3) {
			bool newline = n && offset + n == size;
			memset(out, 0xee, sizeof out);
			acr_format_render(format, data, len, offset, out, n);
			if (memcmp(out, whole + offset, n - newline) || out[n] != 0xee ||
			    (newline && out[n - 1] != '\n')) {
				CHECK(false);
				return;
			}
		}
	}
	CHECK(true);
}

static void test_texts(void)
{
	uint8_t data[64];

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 37 + 200);
	for (size_t len = 0; len <= sizeof data; len++) {
		g_autofree char *base64 = g_base64_encode(data, len);
		char hex[2 * sizeof data + 1] = "";
		for (size_t i = 0; i < len; i++)
			snprintf(hex + 2 * i, 3, "%02x", data[i]);
		check_rendered(ACR_FORMAT_HEX, data, len, hex);
		check_rendered(ACR_FORMAT_BASE64, data, len, base64);
		CHECK(acr_format_length(ACR_FORMAT_RAW, len) == len);
	}
	CHECK(acr_format_length(ACR_FORMAT_BASE64, 1ull << 40) > 1ull << 40);
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
	if (CHECK(acr_secret_lockable())) {
		test_secret_sizes();
		test_secret_wiped();
	}
	test_secret_threads();
	test_secret_given_back();
	test_hex();
	test_pages();
	test_accounts();
	test_texts();
	test_heap();
	test_timers();
	test_late_deadline();
	test_histogram();
	test_nonces();
	test_history_lines();
	return checks_end();
}
