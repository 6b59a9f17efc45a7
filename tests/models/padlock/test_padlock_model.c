/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Raw instructions for tests/models/test_padlock_model.py, which preloads the model:
 *	test_padlock_model CASE...
 * Each case prints what fails; the status tells whether one did. A name of test_violations.c
 * commits that offence, and prints "survived" if the CPU lets it pass.
 */
#include <string.h>
#include <sys/mman.h>

#include "insns.h"
#include "schedules.h"
#include "tests/lib/check.h"

static const char two_blocks[] =
        "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f";
static const char some_iv[] = "0f0e0d0c0b0a09080706050403020100";

static bool same(const void *got, const char *hex)
{
	uint8_t want[512];
	size_t n = from_hex(want, hex);

	return !memcmp(got, want, n);
}

/* ---- ACE ---- */

static void one_ecb(uint32_t word, const char *schedule, const char *in, const char *out)
{
	struct unit u;
	struct regs r = unit_regs(&u, 1);

	unit_set(&u, word, some_iv, in);
	if (schedule)
		from_hex(u.key, schedule);
	RELOAD();
	do_ecb(&r);
	CHECK(same(u.out, out));
	CHECK(r.c == 0 && r.s == (uintptr_t)u.in + 16 && r.t == (uintptr_t)u.out + 16);
	CHECK(r.a == (uintptr_t)u.iv && r.b == (uintptr_t)u.key && r.d == (uintptr_t)u.word);
	CHECK(same(u.iv, some_iv));
}

static void case_ecb(void)
{
	static const char plain[] = "00112233445566778899aabbccddeeff";
	static const char c128[] = "69c4e0d86a7b0430d8cdb78070b4c55a";
	static const char c192[] = "dda97ca4864cdfe06eaf70a0ec0d7191";
	static const char c256[] = "8ea2b7ca516745bfeafc49904b496089";

	one_ecb(0x00A, NULL, plain, c128);
	one_ecb(0x20A, NULL, c128, plain);
	one_ecb(0x48C, encrypt_192, plain, c192);
	one_ecb(0x68C, decrypt_192, c192, plain);
	one_ecb(0x88E, encrypt_256, plain, c256);
	one_ecb(0xA8E, decrypt_256, c256, plain);
}

/* Where the next IV is found: in the output by RAX, or in the IV memory. */
static void one_mode(insn run, uint32_t word, const char *in, const char *out, const char *iv,
                     bool in_output)
{
	struct unit u;
	struct regs r = unit_regs(&u, 2);

	unit_set(&u, word, some_iv, in);
	RELOAD();
	run(&r);
	CHECK(same(u.out, out));
	CHECK(r.c == 0 && r.s == (uintptr_t)u.in + 32 && r.t == (uintptr_t)u.out + 32);
	CHECK(r.a == (uintptr_t)(in_output ? u.out + 16 : u.iv));
	CHECK(same((const void *)r.a, iv));
	CHECK(!in_output || same(u.iv, some_iv));
}

static void case_modes(void)
{
	static const char cbc[] =
	        "16628846f7334843bc7321cc7966168040f11ffaa504ce70a66fff9c5ac6f072";
	static const char cfb[] =
	        "20b8dba1f0193d9f8c865667a07377955247b76a48d42077cec17dde864b9e20";
	static const char ofb[] =
	        "20b8dba1f0193d9f8c865667a0737795f42f1f2c1307d6421cad914009d98e44";

	one_mode(do_cbc, 0x00A, two_blocks, cbc, cbc + 32, true);
	one_mode(do_cbc, 0x20A, cbc, two_blocks, cbc + 32, false);
	one_mode(do_cfb, 0x00A, two_blocks, cfb, cfb + 32, true);
	one_mode(do_cfb, 0x20A, cfb, two_blocks, cfb + 32, false);
	one_mode(do_ofb, 0x00A, two_blocks, ofb, "e40e2d6f4762a0c584042b8bd534704b", false);
}

/* 16 bits, and no carry. In place, as all drivers do it at times. */
static void case_counter(void)
{
	struct unit u;
	struct regs r = unit_regs(&u, 4);

	unit_set(&u, 0x00A, "0000000000000000000000000000fffe", "00");
	memset(u.in, 0, sizeof(u.in));
	r.t = r.s;
	RELOAD();
	do_ctr(&r);
	CHECK(same(u.in, "625d9436484956e4743904ac378377eb6a36aad978af5e3163cc18e891fd8ed4"
	                 "c6a13b37878f5b826f4f8162a1c8d879"));
	CHECK(same(u.iv, "00000000000000000000000000000002"));
	CHECK(r.a == (uintptr_t)u.iv);
}

/* ALIGN lets data lie anywhere; no blocks are no work. */
static void case_unaligned(void)
{
	struct unit u;
	struct regs r = unit_regs(&u, 1), nothing = unit_regs(&u, 0);

	unit_set(&u, 0x02A, some_iv, "00");
	from_hex(u.in + 3, two_blocks);
	memset(u.out, 0, sizeof(u.out));
	r.s += 3;
	r.t += 5;
	RELOAD();
	do_ecb(&nothing);
	CHECK(same(u.out, "00000000000000000000000000000000"));
	do_ecb(&r);
	CHECK(same(u.out + 5, "69c4e0d86a7b0430d8cdb78070b4c55a00"));
}

/* ---- digests ---- */

static const char sha1_start[] = "0123456789abcdeffedcba9876543210f0e1d2c3";
static const char sha256_start[] =
        "67e6096a85ae67bb72f36e3c3af54fa57f520e518c68059babd9831f19cde05b";

/* The digest of little-endian words, which is their bytes swapped. */
static bool same_swapped(const uint8_t *state, size_t word, const char *hex)
{
	uint8_t swapped[64];

	for (size_t i = 0; i < sizeof(swapped); i++)
		swapped[i] = state[i / word * word + word - 1 - i % word];
	return same(swapped, hex);
}

static struct regs digest(insn run, uint8_t *state, const char *start, const void *data,
                          uintptr_t a, uintptr_t c)
{
	struct regs r = {
		.a = a, .b = 0x20, .c = c, .s = (uintptr_t)data, .t = (uintptr_t)state
	};

	if (start)
		from_hex(state, start);
	run(&r);
	CHECK(r.t == (uintptr_t)state && r.b == 0x20);
	return r;
}

static void case_sha(void)
{
	_Alignas(16) uint8_t state[128];
	struct regs r = digest(do_sha1, state, sha1_start, "abc", 0, 3);

	CHECK(same_swapped(state, 4, "a9993e364706816aba3e25717850c26c9cd0d89d"));
	CHECK(r.a == 3 && r.c == 3);
	digest(do_sha256, state, sha256_start, "abc", 0, 3);
	CHECK(same_swapped(state, 4,
	                   "ba7816bf8f01cfea414140de5dae2223"
	                   "b00361a396177a9cb410ff61f20015ad"));
}

/* Zhaoxin's does nothing. */
static void case_sha_empty(void)
{
	_Alignas(16) uint8_t state[128];

	digest(do_sha1, state, sha1_start, "", 0, 0);
	CHECK(same_swapped(state, 4, "da39a3ee5e6b4b0d3255bfef95601890afd80709"));
	digest(do_sha256, state, sha256_start, "", 0, 0);
	CHECK(same_swapped(state, 4,
	                   "e3b0c44298fc1c149afbf4c8996fb924"
	                   "27ae41e4649b934ca495991b7852b855"));
}

static void case_sha_empty_ignored(void)
{
	_Alignas(16) uint8_t state[128];

	digest(do_sha1, state, sha1_start, "", 0, 0);
	CHECK(same(state, sha1_start));
}

static void case_sha_blocks(void)
{
	_Alignas(16) uint8_t state[128];
	char a[128];
	struct regs r;

	memset(a, 'a', sizeof(a));
	r = digest(do_sha1, state, sha1_start, a, (uintptr_t)-1, 1);
	CHECK(same_swapped(state, 4, "da4968eb2e377c1f884e8f5283524bebe74ebdbd"));
	CHECK(r.a == (uintptr_t)-1 && r.c == 0 && r.s == (uintptr_t)a + 64);
	r = digest(do_sha1, state, NULL, a + 64, 64, 100);
	CHECK(same_swapped(state, 4, "7f9000257a4918d7072655ea468540cdcbd42e0c"));
	CHECK(r.a == 100 && r.s == (uintptr_t)a + 100);
	digest(do_sha256, state, sha256_start, a, (uintptr_t)-1, 1);
	CHECK(same_swapped(state, 4,
	                   "df5bb81ce81e0626fb45a8944fd40f31"
	                   "b25e6816d6d499c1ab90492900635e66"));
}

/* A C7 takes no notice of the "-1" form. */
static void case_sha_no_blocks(void)
{
	_Alignas(16) uint8_t state[128];
	char a[64];

	memset(a, 'a', sizeof(a));
	digest(do_sha1, state, sha1_start, a, (uintptr_t)-1, 1);
	CHECK(same(state, sha1_start));
}

/* `abc`, padded by software: the only form. */
static void case_sha_long(void)
{
	static const char start384[] =
	        "d89e05c15d9dbbcb07d57c362a299a6217dd70305a01599139590ef7"
	        "d8ec2f15310bc0ff6726336711155868874ab48e"
	        "a78ff9640d2e0cdba44ffabe1d48b547";
	static const char start512[] =
	        "08c9bcf367e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f"
	        "3af54fa5d182e6ad7f520e511f6c3e2b8c68059b"
	        "6bbd41fbabd9831f79217e1319cde05b";
	_Alignas(16) uint8_t state[128];
	uint8_t block[128] = { 'a', 'b', 'c', 0x80, [127] = 24 };
	struct regs r = digest(do_sha384, state, start384, block, 0, 1);

	CHECK(same_swapped(state, 8,
	                   "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"
	                   "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"));
	CHECK(r.c == 0 && r.s == (uintptr_t)block + 128);
	digest(do_sha512, state, start512, block, 0, 1);
	CHECK(same_swapped(state, 8,
	                   "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee6"
	                   "4b55d39a2192992a274fc1a836ba3c23a3feebbd"
	                   "454d4423643ce80e2a9ac94fa54ca49f"));
}

static const char sm3_start[] = "7380166f4914b2b9172442d7da8a0600"
                                "a96f30bc163138aae38dee4db0fb0e4e";

static void case_sm3(void)
{
	static const char abc[] = "66c7f0f462eeedd9d1f2d46bdc10e4e2"
	                          "4167c4875cf2f7a2297da02b8f4ba8e0";
	_Alignas(16) uint8_t state[128];
	uint8_t block[64] = { 'a', 'b', 'c', 0x80, [63] = 24 };
	struct regs r = digest(do_sm3, state, sm3_start, "abc", 0, 3);

	CHECK(same(state, abc));
	CHECK(r.a == 3 && r.c == 3);
	r = digest(do_sm3, state, sm3_start, block, (uintptr_t)-1, 1);
	CHECK(same(state, abc));
	CHECK(r.a == (uintptr_t)-1 && r.c == 0);
}

/* Digests of 0, 1, 2 ... bytes by the form that pads, for the caller to compare. */
static void case_lengths(void)
{
	static const struct {
		insn run;
		size_t word, bytes;
		const char *name, *start;
	} rows[] = {
		{ do_sha1, 4, 20, "sha1", sha1_start },
		{ do_sha256, 4, 32, "sha256", sha256_start },
		{ do_sm3, 1, 32, "sm3", sm3_start },
	};
	_Alignas(16) uint8_t state[128];
	uint8_t data[256];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	for (size_t row = 0; row < 3; row++)
		for (size_t n = 1; n <= sizeof(data); n++) {
			digest(rows[row].run, state, rows[row].start, data, 0, n);
			printf("%s ", rows[row].name);
			for (size_t i = 0, w = rows[row].word; i < rows[row].bytes; i++)
				printf("%02x", state[i / w * w + w - 1 - i % w]);
			printf("\n");
		}
}

/* ---- SM4 ---- */

static const char sm4_plain[] =
        "0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff";

static void sm4(struct unit *u, uint32_t value, const char *in)
{
	struct regs r = { .a = value,
		          .b = (uintptr_t)u->key,
		          .c = 2,
		          .d = (uintptr_t)u->iv,
		          .s = (uintptr_t)u->in,
		          .t = (uintptr_t)u->out };

	unit_set(u, 0, "000102030405060708090a0b0c0d0e0f", in);
	from_hex(u->key, "0123456789abcdeffedcba9876543210");
	do_sm4(&r);
	CHECK(r.a == value && r.c == 0 && r.d == (uintptr_t)u->iv);
	CHECK(r.s == (uintptr_t)u->in + 32 && r.t == (uintptr_t)u->out + 32);
}

static const struct {
	uint32_t value;
	const char *out;
} sm4_rows[] = {
	{ 0x060, "681edf34d206965e86b3e94f536e424609325c4853832dcb9337a5984f671b9a" },
	{ 0x0A0, "a9a268883a336315bac0c9c9ff350ab127a3cee659f1bc0a7d973daeb5512e34" },
	{ 0x120, "07bbd906b40da542d4514d1a97fccb7ab1b22573d2af27c7815f21abae9a7cc2" },
	{ 0x220, "07bbd906b40da542d4514d1a97fccb7af3fe607ff3d63c0ae9c6462f11fe06df" },
	{ 0x420, "07bbd906b40da542d4514d1a97fccb7a6f162f7804f69a765208b95e4ddd43e5" },
};

static void case_sm4(void)
{
	struct unit u;

	for (size_t i = 0; i < sizeof(sm4_rows) / sizeof(sm4_rows[0]); i++) {
		sm4(&u, sm4_rows[i].value, sm4_plain);
		CHECK(same(u.out, sm4_rows[i].out));
		if (sm4_rows[i].value == 0x0A0)
			CHECK(same(u.iv, sm4_rows[i].out + 32));
		sm4(&u, sm4_rows[i].value | 1, sm4_rows[i].out);
		CHECK(same(u.out, sm4_plain));
	}
}

/* First parts have ECB and CBC only; a known answer tells. */
static void case_sm4_old(void)
{
	struct unit u;

	sm4(&u, 0x0A0, sm4_plain);
	CHECK(same(u.out, sm4_rows[1].out));
	sm4(&u, 0x420, sm4_plain);
	CHECK(!same(u.out, sm4_rows[4].out));
}

/* ---- the generator ---- */

static void case_xstore(void)
{
	for (uintptr_t divisor = 0; divisor < 4; divisor++) {
		_Alignas(16) uint8_t out[16] = { 0 };
		struct regs r = { .d = divisor, .t = (uintptr_t)out };
		do_xstore(&r);
		CHECK((r.a & 0x1f) == 8u >> divisor);
		CHECK(r.t == (uintptr_t)out + (8u >> divisor));
		CHECK(same(out + (divisor ? 4 : 8), "0000000000000000"));
	}
}

static void case_rep_xstore(void)
{
	uint8_t out[128] = { 0 }, none[32] = { 0 };
	struct regs r = { .c = 100, .d = 3, .t = (uintptr_t)out };

	do_rep_xstore(&r);
	CHECK(r.c == 0 && r.t == (uintptr_t)out + 100);
	CHECK(memcmp(out, none, 32) && memcmp(out + 68, none, 32));
	CHECK(!memcmp(out + 107, none, 21));
}

/* Prints the status word of one XSTORE. */
static void case_status(void)
{
	_Alignas(16) uint8_t out[16] = { 0 };
	struct regs r = { .t = (uintptr_t)out };

	do_xstore(&r);
	printf("status %lx data %02x%02x\n", (unsigned long)r.a, out[0], out[7]);
}

/* ---- MONTMUL, modulo 2^256 - 189 ---- */

struct montmul {
	uint32_t parameters[6];
	uint32_t a[12], b[12], t[12], m[12], scratch[8];
};

/* B = 3 x 2^256 mod M takes the factor 2^-256 away: the result is 3 A. */
static void case_montmul(void)
{
	struct montmul *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
	                         MAP_PRIVATE | MAP_ANONYMOUS |
#ifdef MAP_32BIT
	                                 MAP_32BIT,
#else
	                                 0,
#endif
	                         -1, 0);
	struct regs r = { .c = 256, .s = (uintptr_t)p };
	uint32_t *vectors[] = { p->a, p->b, p->t, p->m, p->scratch };
	uint32_t inverse = 1;

	if (!CHECK(p != MAP_FAILED))
		return;
	memset(p->m, 0xff, 32);
	p->m[0] = 0u - 189;
	for (unsigned i = 0; i < 5; i++) /* Newton: 1/M mod 2^32 */
		inverse *= 2 - p->m[0] * inverse;
	p->parameters[0] = 0u - inverse;
	for (unsigned i = 0; i < 5; i++)
		p->parameters[1 + i] = (uint32_t)(uintptr_t)vectors[i];
	p->a[0] = 1000;
	p->b[0] = 189 * 3; /* 3 x 2^256 mod M */
	do_montmul(&r);
	/* Or one M more. */
	CHECK((p->t[0] == 3000 && !p->t[7]) || (p->t[0] == 3000 - 189 && p->t[8] == 1));
}

/* ---- CPUID ---- */

static void case_cpuid(void)
{
	static const uint32_t leaves[] = { 0, 1, 7, 0xC0000000, 0xC0000001 };

	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		struct regs r = { .a = leaves[i] };
		do_cpuid(&r);
		printf("%x: %x %x %x %x\n", leaves[i], (unsigned)r.a, (unsigned)r.b,
		       (unsigned)r.c, (unsigned)r.d);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "ecb", case_ecb },
	{ "modes", case_modes },
	{ "counter", case_counter },
	{ "unaligned", case_unaligned },
	{ "sha", case_sha },
	{ "sha-empty", case_sha_empty },
	{ "sha-empty-ignored", case_sha_empty_ignored },
	{ "sha-blocks", case_sha_blocks },
	{ "sha-no-blocks", case_sha_no_blocks },
	{ "sha-long", case_sha_long },
	{ "sm3", case_sm3 },
	{ "lengths", case_lengths },
	{ "sm4", case_sm4 },
	{ "sm4-old", case_sm4_old },
	{ "xstore", case_xstore },
	{ "rep-xstore", case_rep_xstore },
	{ "status", case_status },
	{ "montmul", case_montmul },
	{ "cpuid", case_cpuid },
	{ "handlers", case_handlers },
	{ "progress", case_progress },
	{ "restart", case_restart },
	{ "threads", case_threads },
	{ "timer", case_timer },
	{ "fork", case_fork },
	{ "vfork", case_vfork },
	{ "exec", case_exec },
	{ "fault", case_fault },
};

static bool run(const char *name)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strcmp(cases[i].name, name)) {
			cases[i].run();
			return true;
		}
	return false;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (run(argv[i]))
			continue;
		if (!CHECK(violate(argv[i])))
			continue;
		printf("survived\n");
		fflush(stdout);
	}
	return checks_end() | program_end();
}
