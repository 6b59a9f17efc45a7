/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An encryption and the MAC of its output in one pass: what is offered to a driver and what isn't,
 * and that the route comes to the same whatever the driver makes of it. */
#include "tests/lib/check.h"
#include "session/data.h"
#include "session/route.h"
#include "session/sessions.h"
#include "session/values.h"
#include "device/device.h"
#include "base/secret.h"
#include "session/session.h"
#include "tests/lib/static_modules.h"

#include <errno.h>
#include <stdlib.h>

#define USER 1000
#define LEN  48u

/* ---- a driver: "encrypts" to src ^ 0x5a, and the MAC is the sum of key and input ---- */

enum mode { IGNORE, FUSE, LIE_AND_FAIL, WRITE_AND_GIVE_BACK };

static _Atomic(enum mode) mode;
static atomic_uint offered, macs, failed, given_back;

static void make_mac(uint8_t *mac, size_t size, struct acr_bytes key, const uint8_t *data,
                     size_t len)
{
	uint8_t sum = 1;

	for (size_t i = 0; i < key.len; i++)
		sum = (uint8_t)(sum * 3 + key.data[i]);
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum * 3 + data[i]);
	memset(mac, sum, size);
}

static void follow(struct acr_op *op)
{
	struct acr_follow *next = op->follow;

	CHECK(!next->done && !strcmp(next->alg, "hmac-sha256") && next->cap_data == &macs);
	if (mode != IGNORE) {
		make_mac(next->mac, next->tag_size, next->key, op->dst, op->dst_len);
		next->done = true;
	}
	if (mode == LIE_AND_FAIL || mode == WRITE_AND_GIVE_BACK)
		memset(next->mac, 0xee, sizeof(next->mac));
}

static int compute(struct acr_op *op)
{
	op->dst_len = op->opcode == ACR_MAC ? op->tag_size : op->src.len;
	if (op->opcode == ACR_MAC) {
		atomic_fetch_add(&macs, 1);
		make_mac(op->dst, op->tag_size, op->key, op->src.data, op->src.len);
	} else {
		for (size_t i = 0; i < op->src.len; i++)
			op->dst[i] = op->src.data[i] ^ 0x5a;
	}
	if (op->follow) {
		atomic_fetch_add(&offered, 1);
		follow(op);
	}
	return 0;
}

static int submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	(void)n;
	compute(ops[0]);
	if (mode == WRITE_AND_GIVE_BACK && ops[0]->opcode == ACR_ENCRYPT) {
		mode = IGNORE;
		atomic_fetch_add(&given_back, 1);
		acr_device_ready(dev);
		return 0;
	}
	if (mode == LIE_AND_FAIL && !strcmp(acr_device_name(dev), "d0")) {
		atomic_fetch_add(&failed, 1);
		acr_op_done(ops[0], -EIO);
	} else {
		acr_op_done(ops[0], 0);
	}
	return 1;
}

static int probe(struct acr_device *dev)
{
	static const struct acr_capability caps[] = {
		{ .opcode = ACR_ENCRYPT, .alg = "aes-128-cbc" },
		{ .opcode = ACR_MAC, .alg = "hmac-sha256", .data = &macs, .max_src = 1000 },
		{ .opcode = ACR_HASH, .alg = "sha256" },
	};
	uint64_t alone;
	int error = acr_device_option_number(dev, "alone", 0, 1, &alone);

	for (unsigned i = 0; i < G_N_ELEMENTS(caps) && !error; i++)
		if (!alone || caps[i].opcode != ACR_MAC)
			error = acr_device_add_capability(dev, &caps[i]);
	return error;
}

static const struct acr_option options[] = { { "alone", "", "0" }, { NULL, NULL, NULL } };
static const struct acr_driver drivers[] = {
	{ .name = "both", .options = options, .probe = probe, .submit = submit },
};
static struct acr_module modules[] = { { "both", &drivers[0], NULL }, { 0 } };

/* ---- sessions ---- */

static struct acr_session *session;
static uint8_t input[2048];

static void changed(struct acr_session *one)
{
	(void)one;
}

static void put(unsigned stage, const char *file, const char *value)
{
	CHECK(!acr_value_set(session, stage, (enum acr_value)acr_value_find(file), value,
	                     strlen(value), true));
}

static void add(const char *text)
{
	char why[ACR_SENTENCE], *error = NULL;

	CHECK(!acr_device_add(acr_device_spec_parse(text, &error), false, why));
}

static struct acr_device *device(const char *name)
{
	struct acr_device *dev = acr_device_find(name);

	acr_device_unref(dev); /* nobody removes it meanwhile */
	return dev;
}

/* Encrypt with an IV of its own, then the MAC. */
static void begin(enum mode what)
{
	mode = what;
	offered = macs = failed = given_back = 0;
	CHECK(!acr_session_new("s", USER, USER, 1, &session));
	put(1, "alg", "aes-128-cbc");
	put(1, "key", "0123456789abcdef");
	put(1, "iv", "0123456789abcdef");
	put(1, "padding", "none");
	CHECK(!acr_route_add(session, 2));
	put(2, "alg", "hmac-sha256");
	put(2, "key", "secret");
}

static void write_input(size_t len)
{
	struct acr_writer writer;

	CHECK(!acr_src_open(session, true, true, &writer));
	CHECK(acr_src_write(session, &writer, 0, false, false, input, len) == (ssize_t)len);
	acr_src_close(session, &writer);
}

static bool wait_end(void)
{
	bool bad = false;

	for (unsigned i = 0; i < 20000 && !acr_session_ended(session, &bad); i++)
		g_usleep(1000);
	return !bad && session->state == ACR_DONE;
}

static void check_output(size_t len, size_t size)
{
	uint8_t *out = g_malloc(len), mac[ACR_TAG_MAX];
	struct acr_bytes key = { (const uint8_t *)"secret", 6 };
	struct acr_stage *two = acr_stage_find(session, 2);

	for (size_t i = 0; i < len; i++)
		out[i] = input[i] ^ 0x5a;
	make_mac(mac, size, key, out, len);
	CHECK(two->dst && two->dst->len == size && !memcmp(two->dst->data, mac, size));
	CHECK(session->stage.dst->len == len && !memcmp(session->stage.dst->data, out, len));
	CHECK(two->bytes_in == len && two->bytes_out == size && two->ended && !two->result);
	g_free(out);
}

static void run(size_t len, size_t size)
{
	write_input(len);
	CHECK(!acr_session_start(session));
	if (CHECK(wait_end()))
		check_output(len, size);
}

static bool history_has(const char *text)
{
	g_autoptr(GString) history = g_string_new(NULL);

	pthread_mutex_lock(&session->lock);
	acr_history_text(&session->history, history);
	pthread_mutex_unlock(&session->lock);
	return strstr(history->str, text) != NULL;
}

static void end(void)
{
	CHECK(!acr_session_remove(session));
	acr_session_unref(session);
}

/* ---- tests ---- */

static const struct acr_counters *mac_counters(const char *name)
{
	return &device(name)
	                ->by_alg[ACR_MAC][acr_alg_index(acr_alg_find("hmac-sha256"))]
	                ->counters;
}

static void test_fused(void)
{
	const struct acr_counters *counters = mac_counters("d0");

	begin(FUSE);
	for (unsigned i = 1; i <= 3; i++) {
		run(LEN, 32);
		CHECK(offered == i && !macs);
		CHECK(counters->started == i && counters->finished == i);
		CHECK(counters->completed == i && counters->bytes == i * LEN);
		CHECK(device("d0")->counters.completed == 2 * i);
	}
	CHECK(history_has("2\td0\t") && history_has("\tok\tfused with stage 1\n"));
	CHECK(acr_stage_find(session, 2)->device_name == device("d0")->name);
	put(2, "taglen", "12");
	run(LEN, 12);
	CHECK(!macs);
	end();
}

static void test_route_goes_on(void)
{
	begin(FUSE);
	CHECK(!acr_route_add(session, 3));
	put(3, "alg", "sha256");
	run(LEN, 32);
	CHECK(offered == 1 && !macs && session->last == 3);
	CHECK(acr_stage_find(session, 3)->bytes_in == 32);
	end();
}

/* Only what belongs to the request when the encryption begins. */
static void test_continue(void)
{
	begin(FUSE);
	CHECK(!acr_route_remove(session, 2));
	write_input(LEN);
	CHECK(!acr_session_start(session) && wait_end() && !offered);
	CHECK(!acr_route_add(session, 2));
	put(2, "alg", "hmac-sha256");
	put(2, "key", "secret");
	CHECK(!acr_session_continue(session) && wait_end());
	check_output(LEN, 32);
	CHECK(!offered && macs == 1);
	end();
}

static void test_ignored(void)
{
	begin(IGNORE);
	run(LEN, 32);
	CHECK(offered == 1 && macs == 1 && !history_has("fused"));
	end();
}

/* What a failed attempt claims doesn't count. */
static void test_failed(void)
{
	add("d1=both");
	for (unsigned i = 0; i < 20; i++) {
		begin(LIE_AND_FAIL);
		write_input(LEN);
		CHECK(!acr_session_start(session) && wait_end());
		CHECK(!failed || history_has("EIO"));
		end();
		if (failed)
			break;
	}
	CHECK(failed && offered == 2);
	CHECK(!acr_device_remove("d1"));
}

/* The driver wrote to it, and then didn't take the operation. */
static void test_given_back(void)
{
	begin(WRITE_AND_GIVE_BACK);
	run(LEN, 32);
	CHECK(given_back == 1 && offered == 2 && macs == 1);
	end();
}

static void test_not_offered(void)
{
	static const struct {
		unsigned stage;
		const char *file, *value;
	} cases[] = {
		{ 1, "layout", "combined" },   { 1, "check", "sample 1000" },
		{ 2, "check", "sample 1000" }, { 2, "device", "d0" },
		{ 2, "input", "0" },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		begin(FUSE);
		put(cases[i].stage, cases[i].file, cases[i].value);
		write_input(LEN);
		CHECK(!acr_session_start(session) && wait_end());
		CHECK(!offered && macs == 1);
		end();
	}
	begin(FUSE);
	write_input(1008); /* more than its MAC takes */
	CHECK(!acr_session_start(session) && !wait_end());
	CHECK(!offered && !macs && session->error == -EOPNOTSUPP);
	end();
}

/* Both bound to the same device; and a device that is checked. */
static void test_bound(void)
{
	begin(FUSE);
	put(1, "device", "d0");
	put(2, "device", "d0");
	run(LEN, 32);
	CHECK(offered == 1 && !macs);
	atomic_store(&device("d0")->check, 1000);
	run(LEN, 32);
	CHECK(offered == 1 && macs == 1);
	atomic_store(&device("d0")->check, 0);
	end();
	add("d1=both:alone=1");
	begin(FUSE);
	put(1, "device", "d1");
	run(LEN, 32);
	CHECK(!offered && macs == 1);
	end();
	CHECK(!acr_device_remove("d1"));
}

int main(void)
{
	struct acr_account *account;

	static_modules = modules;
	acr_settings_init();
	acr_alg_init();
	acr_secret_init();
	acr_session_changed = changed;
	account = acr_account_get(USER);
	for (unsigned i = 0; i < sizeof input; i++)
		input[i] = (uint8_t)(i * 7);
	add("d0=both");
	test_fused();
	test_route_goes_on();
	test_continue();
	test_ignored();
	test_given_back();
	test_not_offered();
	test_bound();
	test_failed();
	acr_device_remove_all();
	CHECK(!atomic_load(&account->bytes));
	return checks_end();
}
