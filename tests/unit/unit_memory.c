/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory and what is charged for it: secrets, pages, buffers, accounts; and bytes as text. */
#include "base/buf.h"
#include "base/encode.h"
#include "base/pages.h"
#include "base/secret.h"
#include "base/settings.h"
#include "tests/lib/check.h"

#include <errno.h>
#include <glib.h>
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

int main(void)
{
	acr_settings_init();
	acr_secret_init();
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
	return checks_end();
}
