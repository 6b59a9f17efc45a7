/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer: any sequence of what a client can do with a session: values written, read and
 * removed, src written, dst read, start, cancel, reset, with the software engine linked in.
 * Whatever was done, the state is one of the known words, and with the session all memory
 * charged to its owner is given back. Most of it runs in the calling thread, so that it is
 * repeatable.
 *
 * The input is a program: one byte says what to do, the bytes behind it are the operands. The
 * commonest values stand in a table, because a fuzzer would hardly ever spell them. */
#include "device/device.h"
#include "session/data.h"
#include "session/route.h"
#include "session/sessions.h"
#include "session/status.h"
#include "session/values.h"
#include "base/secret.h"
#include "session/session.h"

#include "tests/lib/static_modules.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define ASSERT(condition) ((condition) ? (void)0 : abort())
#define USER              1000
#define LENGTH_MAX        4096 /* longer outputs only cost time */

extern const struct acr_driver_module acrypto_driver;

static const char *const words[] = {
	"aes-256-cbc",
	"aes-128-gcm",
	"aes-192-ctr",
	"aes-256-ccm",
	"aes-128-ofb",
	"aes-256-cfb",
	"aes-128-ecb",
	"aes-256-wrap-pad",
	"aes-128-xts",
	"chacha20",
	"chacha20-poly1305",
	"des-cbc",
	"sha256",
	"shake128",
	"md5",
	"hmac-sha256",
	"cmac-aes-128",
	"gmac-aes-128",
	"kmac-128",
	"poly1305",
	"hkdf-sha256",
	"encrypt",
	"decrypt",
	"hash",
	"mac",
	"sign",
	"verify",
	"random",
	"derive",
	"pkcs7",
	"none",
	"combined",
	"detached",
	"raw",
	"hex",
	"base64",
	"0",
	"1",
	"4",
	"12",
	"16",
	"17",
	"32",
	"4096",
	"iterations=2",
	"n=16 r=1 p=1",
	"soft0",
	"gone",
	"xor",
	"2",
	"hex:00112233445566778899aabbccddeeff",
	"hex:0",
	"hex:\xff",
	"0123456789abcdef0123456789abcdef",
	"0123456789abcdef",
	"0123456789ab",
	"",
	"ed25519",
	"x25519",
	"ecdsa-p256-sha256",
	"ecdh-prime256v1",
	"rsa-sha256",
	"rsa-pss-sha1",
	"rsa-oaep-sha1",
	"modexp",
	"sm2",
	"pss",
	"oaep",
	"saltlen=16 mgf1=sha1",
	"sigformat=raw r=2",
	"hex:3007020201f1020105",
	"valid",
	"hex:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
	"-----END PUBLIC KEY-----\n",
};

struct program {
	const uint8_t *data;
	size_t size;
	struct acr_session *session;
	struct acr_writer writers[8]; /* descriptors of src */
	unsigned open;                /* how many */
	unsigned read;                /* the request that the descriptor of dst reads */
	unsigned stage;               /* whose files it uses */
};

static void changed(struct acr_session *session)
{
	ASSERT(session);
}

static uint8_t next(struct program *program)
{
	if (!program->size)
		return 0;
	program->size--;
	return *program->data++;
}

/* An operand: a word of the table, or as many of the program's own bytes as it says. */
static const void *operand(struct program *program, size_t *len)
{
	uint8_t which = next(program);
	const void *own = program->data;

	if (which < G_N_ELEMENTS(words)) {
		*len = strlen(words[which]);
		return words[which];
	}
	*len = MIN((size_t)(which - G_N_ELEMENTS(words)), program->size);
	program->data += *len;
	program->size -= *len;
	return *len ? own : "";
}

/* ---- what a client does ---- */

static void set_value(struct program *program)
{
	enum acr_value value = (enum acr_value)(next(program) % ACR_VALUES);
	size_t len;
	const void *data = operand(program, &len);

	if (value == ACR_V_PARAMS && !memmem(data, len, "=2", 2) &&
	    !memmem(data, len, "=16", 3))
		return; /* the costs that these parameters can ask for are meant to be high */
	if (value == ACR_V_DEADLINE)
		return; /* a session that a timer ends is not repeatable */
	if (acr_value_is_text(value) ||
	    !acr_value_may_begin(program->session, program->stage, value, data, len))
		acr_value_set(program->session, program->stage, value, data, len,
		              next(program) & 1);
}

static void get_value(struct program *program)
{
	enum acr_value value = (enum acr_value)(next(program) % ACR_VALUES);
	struct acr_blob *blob = acr_value_get(program->session, program->stage, value);

	ASSERT(blob);
	ASSERT(!acr_value_is_text(value) || (blob->len && blob->data[blob->len - 1] == '\n'));
	acr_blob_unref(blob);
}

static void reset_value(struct program *program)
{
	acr_value_reset(program->session, program->stage,
	                (enum acr_value)(next(program) % ACR_VALUES));
}

static void open_src(struct program *program)
{
	struct acr_writer writer = { 0 };

	if (program->open < G_N_ELEMENTS(program->writers) &&
	    !acr_src_open(program->session, next(program) & 1, next(program) & 1, &writer))
		program->writers[program->open++] = writer;
}

static void close_src(struct program *program)
{
	unsigned i;

	if (!program->open)
		return;
	i = next(program) % program->open;
	acr_src_close(program->session, &program->writers[i]);
	program->writers[i] = program->writers[--program->open];
}

static void write_src(struct program *program)
{
	uint8_t how = next(program);
	uint64_t offset = (uint64_t)next(program) << (how >> 4) % 6;
	size_t len;
	const void *data = operand(program, &len);
	ssize_t done;

	if (!program->open)
		return;
	done = acr_src_write(program->session, &program->writers[how % program->open], offset,
	                     how & 1, how & 2, data, len);
	ASSERT(done < 0 || (size_t)done <= len);
}

static void truncate_src(struct program *program)
{
	uint64_t low = next(program), size = low << (next(program) % 6);
	int error = acr_src_truncate(program->session, size);
	struct acr_buf *src = acr_src_get(program->session);

	ASSERT(error || (src ? src->len : 0) == size || program->session->stream_mode);
	acr_buf_unref(src);
}

/* Do all stages ask for outputs of a length that the fuzzer has time for? */
static bool modest(struct acr_session *session)
{
	for (unsigned i = 1; i <= acr_route_highest(session); i++)
		if (acr_stage_find(session, i) &&
		    acr_stage_find(session, i)->length > LENGTH_MAX)
			return false;
	return true;
}

static void read_dst(struct program *program)
{
	uint64_t offset = next(program), len = (uint64_t)next(program) << 4;
	struct acr_piece piece = { 0 };
	uint8_t *text;

	if (!modest(program->session))
		return;
	if (next(program) & 1)
		program->read = 0; /* as a descriptor that reads from the start again */
	if (acr_dst_read(program->session, next(program) & 1 ? program->stage : 0,
	                 &program->read, offset, (size_t)len, &piece))
		return;
	ASSERT(piece.len <= len);
	text = malloc(piece.len + 1);
	ASSERT(text);
	if (piece.buf)
		acr_piece_copy(&piece, text);
	free(text);
	acr_piece_drop(&piece);
}

static void start(struct program *program)
{
	if (modest(program->session))
		acr_session_start(program->session);
}

static void go_on(struct program *program)
{
	if (modest(program->session))
		acr_session_continue(program->session);
}

static void choose_stage(struct program *program)
{
	program->stage = next(program) % 4;
}

static void add_stage(struct program *program)
{
	acr_route_add(program->session, next(program) % 5);
}

static void remove_stage(struct program *program)
{
	acr_route_remove(program->session, next(program) % 5);
}

static void cancel(struct program *program)
{
	acr_session_cancel(program->session);
}

/* What most clients do. */
static void whole_request(struct program *program)
{
	size_t len;
	const void *data = operand(program, &len);
	struct acr_writer writer = { 0 };

	if (!acr_src_open(program->session, true, true, &writer)) {
		acr_src_write(program->session, &writer, 0, false, false, data, len);
		acr_src_close(program->session, &writer);
	}
	read_dst(program);
}

static void reset(struct program *program)
{
	acr_session_reset(program->session);
}

static void look(struct program *program)
{
	GString *text = g_string_new(NULL);
	bool failed;

	acr_session_status(program->session, text);
	acr_stage_status(program->session, program->stage, text);
	acr_history_text(&program->session->history, text);
	acr_dst_size(program->session, program->stage);
	acr_src_writable(program->session);
	acr_dst_readable(program->session, 0, &failed);
	acr_session_ended(program->session, &failed);
	g_string_free(text, TRUE);
}

static void (*const actions[])(struct program *program) = {
	set_value, set_value,    set_value, set_value,    get_value,     reset_value,
	open_src,  close_src,    write_src, write_src,    truncate_src,  read_dst,
	start,     cancel,       reset,     look,         whole_request, whole_request,
	go_on,     choose_stage, add_stage, remove_stage,
};

/* Sessions that are ready for an input, to begin with. */
static const struct {
	const char *alg, *key;
} ready[] = {
	{ "aes-256-cbc",
	  "hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" },
	{ "aes-128-gcm", "hex:000102030405060708090a0b0c0d0e0f" },
	{ "aes-128-ctr", "hex:000102030405060708090a0b0c0d0e0f" },
	{ "chacha20", "hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" },
	{ "aes-128-wrap", "hex:000102030405060708090a0b0c0d0e0f" },
	{ "sha256", NULL },
	{ "hmac-sha1", "hex:00" },
	{ "shake128", NULL },
	{ "gmac-aes-128", "hex:000102030405060708090a0b0c0d0e0f" },
	{ "kmac-128", "hex:00010203" },
	{ "hkdf-sha256", "hex:00" },
	{ "ed25519", "hex:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60" },
	{ "x25519", "hex:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60" },
	{ "modexp", "hex:3007020201f1020105" },
};

/* The first byte of a program: where it begins. */
static void begin(struct program *program)
{
	uint8_t first = next(program);
	size_t which = first % (G_N_ELEMENTS(ready) + 1);
	struct acr_session *session = program->session;

	if (which == G_N_ELEMENTS(ready))
		return;
	ASSERT(!acr_value_set(session, 1, ACR_V_ALG, ready[which].alg, strlen(ready[which].alg),
	                      false));
	if (ready[which].key)
		ASSERT(!acr_value_set(session, 1, ACR_V_KEY, ready[which].key,
		                      strlen(ready[which].key), false));
	if (first & 128)
		acr_value_set(session, 1, ACR_V_STREAM, "1", 1, false);
	if (first & 64 && acr_alg_has_op(session->stage.alg, ACR_DECRYPT))
		ASSERT(!acr_value_set(session, 1, ACR_V_OP, "decrypt", 7, false));
}

/* ---- what must hold ---- */

static void check_session(struct acr_session *session)
{
	static const char *const states[] = { "new",  "ready",  "queued",    "running",
		                              "done", "failed", "cancelled", NULL };

	ASSERT(g_strv_contains(states, acr_session_state_name(session)));
	pthread_mutex_lock(&session->lock);
	ASSERT((session->state == ACR_ACTIVE) == (acr_session_active() == 1));
	ASSERT(session->state == ACR_ACTIVE || !session->job);
	ASSERT(!session->error || (session->error < 0 && strerrorname_np(-session->error)));
	pthread_mutex_unlock(&session->lock);
}

/* Long inputs run in the device's thread, which may have to end what was cancelled. */
static void check_given_back(struct acr_account *account, size_t before)
{
	for (int i = 0; i < 5000 && atomic_load(&account->bytes); i++)
		g_usleep(1000);
	ASSERT(!atomic_load(&account->bytes) && acr_account_total() == before);
}

static struct acr_module module[] = { { "soft", NULL, NULL }, { 0 } };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char why[ACR_SENTENCE], *error = NULL;

	(void)argc, (void)argv;
	module[0].driver = acrypto_driver.driver;
	static_modules = module;
	acr_settings_init();
	acr_settings.memory = acr_settings.user_memory = 16 << 20;
	acr_settings.window = 4096;
	acr_alg_init();
	acr_secret_init();
	acr_session_changed = changed;
	ASSERT(!acr_device_add(acr_device_spec_parse("soft0=soft:threads=1", &error), false,
	                       why));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct program program = { .data = data, .size = size, .stage = 1 };
	struct acr_account *account = acr_account_get(USER);
	size_t before = acr_account_total();

	ASSERT(!acr_session_new("fuzz", USER, USER, 1, &program.session));
	begin(&program);
	while (program.size) {
		actions[next(&program) % G_N_ELEMENTS(actions)](&program);
		check_session(program.session);
	}
	while (program.open)
		close_src(&program);
	ASSERT(!acr_session_remove(program.session));
	check_given_back(account, before);
	ASSERT(!acr_session_active() && !acr_session_count());
	acr_session_unref(program.session);
	ASSERT(!atomic_load(&account->sessions));
	return 0;
}
