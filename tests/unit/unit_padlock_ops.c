/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations of the PadLock driver between pages that are not there, on the model of the
 * processors: the program starts itself anew with the model preloaded, once for each of them. */
#include "drivers/padlock/padlock.h"

#include "tests/lib/check.h"
#include "tests/lib/driver_host.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Below ACR_BUILDDIR: LD_PRELOAD takes no spaces, which the folder's own name may have. */
#define MODEL   "./tests/models/padlock/libpadlock-model.so"
#define PAGE    4096u
#define ROOM    (4 * PAGE)
#define LONGEST 300u

/* What each can do by itself; the test at the start must not fall back to less. */
static const struct processor {
	const char *name;
	bool counts, sm4_modes, hash_blocks;
} processors[] = {
	{ "nano", true, false, true },       { "nano2", true, false, true },
	{ "c7", true, false, false },        { "c3", false, false, false },
	{ "zhaoxin", true, false, true },    { "yongfeng", true, true, true },
	{ "shijidadao", false, true, true },
};

#define COUNT (sizeof(processors) / sizeof(processors[0]))

/* ---- what driver_host.h has not ---- */

static size_t area_bytes;

void acr_device_set_area(struct acr_device *dev, size_t area_size)
{
	(void)dev;
	area_bytes = area_size;
}

void acr_op_set_state(struct acr_op *op, void *state)
{
	op->state = state;
}

/* ---- memory that ends where a page is missing ---- */

/* The byte behind it is the first of a page that is not there. */
static uint8_t *guarded_end(void)
{
	uint8_t *start = mmap(NULL, ROOM + PAGE, PROT_READ | PROT_WRITE,
	                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (start == MAP_FAILED || mprotect(start + ROOM, PAGE, PROT_NONE)) {
		perror("mmap");
		exit(1);
	}
	return start + ROOM;
}

static uint8_t *src_end, *dst_end, *area_end, key[64], iv[16];
static struct acr_device dev;

/* An area of the driver's size, as the core would give, with nothing behind it. */
static void *fresh_area(void)
{
	uint8_t *area = area_end - (area_bytes + 63) / 64 * 64;

	memset(area, 0, area_bytes);
	return area;
}

static int complete(struct host_op *one)
{
	struct acr_op *op = &one->op;

	op->driver_area = fresh_area();
	atomic_store(&one->ends, 0);
	CHECK(acrypto_driver.driver->submit(&dev, &op, 1) == 1);
	CHECK(atomic_load(&one->ends) == 1);
	return atomic_load(&one->error);
}

/* ---- against OpenSSL ---- */

static int reference(const char *alg, bool padded, const uint8_t *in, size_t n, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int done = 0, last = 0;

	EVP_EncryptInit_ex(ctx, EVP_get_cipherbyname(alg), NULL, key, iv);
	EVP_CIPHER_CTX_set_padding(ctx, padded);
	CHECK(EVP_EncryptUpdate(ctx, out, &done, in, (int)n));
	CHECK(EVP_EncryptFinal_ex(ctx, out + done, &last));
	EVP_CIPHER_CTX_free(ctx);
	return done + last;
}

static bool in_blocks(const struct padlock_row *row)
{
	return row->mode == PADLOCK_ECB || row->mode == PADLOCK_CBC;
}

static struct host_op crypt_op(const struct padlock_cap *cap, enum acr_opcode opcode,
                               bool padded, size_t n)
{
	return (struct host_op){ .op = {
		                         .opcode = opcode,
		                         .cap_data = cap,
		                         .alg = cap->row->alg,
		                         .flags = ACR_OP_WHOLE,
		                         .padding = padded ? ACR_PAD_PKCS7 : ACR_PAD_NONE,
		                         .key = { key, cap->row->key },
		                         .iv = { iv, cap->row->mode == PADLOCK_ECB
		                                             ? 0
		                                             : sizeof(iv) },
		                         .src = { src_end - n, n },
		                 } };
}

/* Both ways; what it writes fits exactly, but for the padding that is taken off. */
static void check_cipher(const struct padlock_cap *cap, bool padded, size_t n)
{
	static uint8_t plain[ROOM], expected[ROOM];
	size_t size;
	struct host_op one = crypt_op(cap, ACR_ENCRYPT, padded, n);

	for (size_t i = 0; i < n; i++)
		plain[i] = (uint8_t)(i * 7 + n);
	size = (size_t)reference(cap->row->alg, padded, plain, n, expected);
	memcpy(src_end - n, plain, n);
	one.op.dst = dst_end - size;
	one.op.dst_size = size;
	CHECK(complete(&one) == 0);
	CHECK(one.op.dst_len == size && !memcmp(one.op.dst, expected, size));

	one = crypt_op(cap, ACR_DECRYPT, padded, size);
	memcpy(src_end - size, expected, size);
	one.op.dst_size = padded ? size - 1 : size;
	one.op.dst = dst_end - one.op.dst_size;
	CHECK(complete(&one) == 0);
	CHECK(one.op.dst_len == n && !memcmp(one.op.dst, plain, n));
}

static void check_ciphers(const struct padlock_cap *cap)
{
	static const size_t longer[] = { 511, 512, 513, 1024 + 16, 4096, 4096 + 80, 8192 - 48 };
	bool padded = in_blocks(cap->row);

	for (size_t n = 0; n <= LONGEST; n++) {
		check_cipher(cap, padded, n);
		if (padded && n % PADLOCK_BLOCK == 0)
			check_cipher(cap, false, n);
	}
	for (unsigned i = 0; i < sizeof(longer) / sizeof(longer[0]); i++)
		check_cipher(cap, padded, longer[i]);
}

/* Across the unit's own counter, and across all of it. */
static void check_counters(const struct padlock_cap *cap)
{
	uint8_t before[sizeof(iv)];

	memcpy(before, iv, sizeof(iv));
	for (unsigned carried = 0; carried < 2; carried++) {
		memset(iv, carried ? 0xff : 0x17, 14);
		for (unsigned low = 0; low < 40; low++) {
			iv[14] = 0xff;
			iv[15] = (uint8_t)(0xff - low);
			for (size_t n = 1; n <= LONGEST; n += 13)
				check_cipher(cap, false, n);
		}
	}
	memcpy(iv, before, sizeof(iv));
}

static void expect_digest(const struct padlock_row *row, size_t n, uint8_t *out)
{
	const char *name = row->kind == PADLOCK_HMAC ? row->alg + 5 : row->alg;
	const EVP_MD *md = EVP_get_digestbyname(name);

	if (row->kind == PADLOCK_HMAC)
		HMAC(md, key, 20, src_end - n, n, out, NULL);
	else
		EVP_Digest(src_end - n, n, out, NULL, md, NULL);
}

static struct host_op digest_op(const struct padlock_cap *cap, const uint8_t *src, size_t n)
{
	bool keyed = cap->row->kind == PADLOCK_HMAC;
	unsigned size = cap->row->digest->size;

	return (struct host_op){ .op = {
		                         .opcode = keyed ? ACR_MAC : ACR_HASH,
		                         .cap_data = cap,
		                         .alg = cap->row->alg,
		                         .flags = ACR_OP_WHOLE,
		                         .key = { key, keyed ? 20 : 0 },
		                         .src = { src, n },
		                         .dst = dst_end - size,
		                         .dst_size = size,
		                         .tag_size = size,
		                 } };
}

/* In two parts; what the first leaves serves twice. */
static void check_parts(const struct padlock_cap *cap, size_t first, size_t n,
                        const uint8_t *expected)
{
	struct host_op one = digest_op(cap, src_end - n, first);
	void *state;

	one.op.flags = ACR_OP_FIRST;
	CHECK(complete(&one) == 0 && one.op.state);
	state = one.op.state;
	for (unsigned i = 0; i < 2; i++) {
		one = digest_op(cap, src_end - n + first, n - first);
		one.op.flags = ACR_OP_LAST;
		one.op.state = state;
		CHECK(complete(&one) == 0);
		CHECK(!memcmp(one.op.dst, expected, one.op.dst_len) && one.op.dst_len);
	}
	acrypto_driver.driver->state_free(state);
}

static void check_digests(const struct padlock_cap *cap)
{
	bool parts = !(cap->ways & PADLOCK_FINISH);
	uint8_t expected[EVP_MAX_MD_SIZE];

	for (size_t n = 0; n <= LONGEST; n++) {
		struct host_op one = digest_op(cap, src_end - n, n);

		memset(src_end - n, (int)n, n);
		expect_digest(cap->row, n, expected);
		CHECK(complete(&one) == 0);
		CHECK(one.op.dst_len == cap->row->digest->size &&
		      !memcmp(one.op.dst, expected, one.op.dst_len));
		for (size_t first = 0; parts && first <= n; first += 1 + n / 5)
			check_parts(cap, first, n, expected);
	}
}

/* What could harm nobody but a careless core is refused. */
static void check_refusals(const struct padlock_cap *cap)
{
	struct host_op one = crypt_op(cap, ACR_ENCRYPT, false, 17);

	one.op.dst = dst_end - 32;
	one.op.dst_size = 32;
	CHECK(complete(&one) == (in_blocks(cap->row) ? -EINVAL : 0));
	one = crypt_op(cap, ACR_ENCRYPT, false, 32);
	one.op.dst = dst_end - 31;
	one.op.dst_size = 31;
	CHECK(complete(&one) == -EINVAL);
	one.op.dst_size = 0;
	one.op.key.len--;
	CHECK(complete(&one) == -EINVAL);
	one = crypt_op(cap, ACR_ENCRYPT, false, 32);
	one.op.iv.len++;
	one.op.dst = dst_end - 32;
	one.op.dst_size = 32;
	CHECK(complete(&one) == -EINVAL);
}

static unsigned expected_ways(const struct processor *processor, const struct padlock_row *row)
{
	bool native = in_blocks(row);

	if (row->digest)
		return processor->hash_blocks ? 0 : PADLOCK_FINISH;
	if (row->kind == PADLOCK_SM4)
		return native || processor->sm4_modes ? 0 : PADLOCK_BY_ECB;
	native = row->mode != PADLOCK_CTR;
#ifdef __x86_64__
	native = native || processor->counts;
#endif
	return (native ? 0 : PADLOCK_BY_ECB) | (row->key > 16 ? PADLOCK_SOFT_KEY : 0);
}

static void check_row(const struct processor *processor, const struct padlock_cap *cap)
{
	CHECK(cap->ways == expected_ways(processor, cap->row));
	if (cap->row->digest) {
		check_digests(cap);
		return;
	}
	check_ciphers(cap);
	check_refusals(cap);
	if (cap->row->mode == PADLOCK_CTR)
		check_counters(cap);
}

/* All that this processor, which the model plays, can do. */
static int under_model(const struct processor *processor)
{
	const struct padlock_row *before = NULL;

	src_end = guarded_end();
	dst_end = guarded_end();
	area_end = guarded_end();
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 13 + 5);
	for (unsigned i = 0; i < sizeof(iv); i++)
		iv[i] = (uint8_t)(0xf0 + i);
	CHECK(acrypto_driver.driver->probe(&dev) == 0);
	CHECK(dev.caps_count > 30 && area_bytes);
	for (unsigned i = 0; i < dev.caps_count; i++) {
		const struct padlock_cap *cap = dev.caps[i].data;

		/* Random numbers have none; ciphers and HMACs come twice. */
		if (cap && cap->row != before)
			check_row(processor, cap);
		before = cap ? cap->row : NULL;
	}
	acrypto_driver.driver->remove(&dev);
	return checks_end();
}

/* ---- starting anew ---- */

/* The library of this process that has such a name, or "". */
static void loaded_library(const char *name, char *path, size_t size)
{
	char line[512], *slash;
	FILE *maps = fopen("/proc/self/maps", "r");

	*path = 0;
	while (maps && !*path && fgets(line, sizeof(line), maps)) {
		line[strcspn(line, "\n")] = 0;
		slash = strchr(line, '/');
		if (slash && strstr(slash, name))
			snprintf(path, size, "%s", slash);
	}
	if (maps)
		fclose(maps);
}

/* Sanitizers want to be first, and to leave the model its signals. */
static void preload(void)
{
	static const char leave[] = "handle_segv=0:handle_sigill=0:handle_sigbus=0";
	char asan[512], tsan[512], all[2048];

	loaded_library("/libasan", asan, sizeof(asan));
	loaded_library("/libtsan", tsan, sizeof(tsan));
	snprintf(all, sizeof(all), "%s %s %s", asan, tsan, MODEL);
	setenv("LD_PRELOAD", all, 1);
	setenv("ASAN_OPTIONS", leave, 1);
	setenv("TSAN_OPTIONS", leave, 1);
}

static bool passes_on(char *self, unsigned processor)
{
	char number[2] = { (char)('0' + processor), 0 };
	char *words[] = { self, number, NULL };
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		preload();
		setenv("PADLOCK_MODEL", processors[processor].name, 1);
		setenv("PADLOCK_MODEL_STRICT", "1", 1);
		setenv("PADLOCK_MODEL_CPUID", "patch", 1);
		execv("/proc/self/exe", words);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	printf("%s: status 0x%x\n", processors[processor].name, (unsigned)status);
	return status == 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return under_model(&processors[(argv[1][0] - '0') % COUNT]);
	if (chdir(ACR_BUILDDIR) || access(MODEL, R_OK)) {
		printf("THE DRIVER'S OPERATIONS ARE NOT TESTED: there is no %s\n", MODEL);
		return 77;
	}
	for (unsigned i = 0; i < COUNT; i++)
		CHECK(passes_on(argv[0], i));
	return checks_end();
}
