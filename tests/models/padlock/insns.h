/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the tests of the model: the instructions themselves, and memory to run them on. */
#ifndef PADLOCK_TEST_INSNS_H
#define PADLOCK_TEST_INSNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Registers before and after. */
struct regs {
	uintptr_t a, b, c, d, s, t; /* t: DI */
};

#define INSN(name, bytes)                                                                      \
	static inline void name(struct regs *r)                                                \
	{                                                                                      \
		__asm__ volatile(".byte " bytes                                                \
		                 : "+a"(r->a), "+b"(r->b), "+c"(r->c), "+d"(r->d), "+S"(r->s), \
		                   "+D"(r->t)                                                  \
		                 :                                                             \
		                 : "memory", "cc");                                            \
	}
INSN(do_xstore, "0x0f,0xa7,0xc0")
INSN(do_rep_xstore, "0xf3,0x0f,0xa7,0xc0")
INSN(do_ecb, "0xf3,0x0f,0xa7,0xc8")
INSN(do_cbc, "0xf3,0x0f,0xa7,0xd0")
INSN(do_ctr, "0xf3,0x0f,0xa7,0xd8")
INSN(do_cfb, "0xf3,0x0f,0xa7,0xe0")
INSN(do_ofb, "0xf3,0x0f,0xa7,0xe8")
INSN(do_sm4, "0xf3,0x0f,0xa7,0xf0")
INSN(do_sha1, "0xf3,0x0f,0xa6,0xc8")
INSN(do_sha256, "0xf3,0x0f,0xa6,0xd0")
INSN(do_sha384, "0xf3,0x0f,0xa6,0xd8")
INSN(do_sha512, "0xf3,0x0f,0xa6,0xe0")
INSN(do_sm3, "0xf3,0x0f,0xa6,0xe8")
INSN(do_montmul_bare, "0xf3,0x0f,0xa6,0xc0")
INSN(do_cpuid, "0x0f,0xa2")
#if defined(__x86_64__)
INSN(do_montmul, "0x67,0xf3,0x0f,0xa6,0xc0")
INSN(do_ecb_narrow, "0x67,0xf3,0x0f,0xa7,0xc8")
#define RELOAD()                                                                               \
	__asm__ volatile("leaq -128(%%rsp), %%rsp\npushfq\npopfq\nleaq 128(%%rsp), %%rsp"      \
	                 :                                                                     \
	                 :                                                                     \
	                 : "memory", "cc")
#else
INSN(do_montmul, "0xf3,0x0f,0xa6,0xc0")
INSN(do_ecb_narrow, "0xf3,0x0f,0xa7,0xc8")
#define RELOAD() __asm__ volatile("pushfl\npopfl" ::: "memory", "cc")
#endif

typedef void (*insn)(struct regs *r);

/* All that one XCRYPT needs. */
struct unit {
	_Alignas(16) uint8_t iv[16];
	uint32_t word[4];
	uint8_t key[256];
	uint8_t in[512], out[512];
};

/* Reads hexadecimal digits up to the first other character. Returns the bytes. */
static inline size_t from_hex(uint8_t *to, const char *hex)
{
	size_t n = 0;

	for (; *hex && *hex != ' '; n++, hex += 2) {
		unsigned v = 0;
		for (unsigned i = 0; i < 2; i++)
			v = v * 16 +
			    (unsigned)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);
		to[n] = (uint8_t)v;
	}
	return n;
}

/* The key 00 01 02 ..., the word, a message of bytes from hex. */
static inline void unit_set(struct unit *u, uint32_t word, const char *iv, const char *text)
{
	for (unsigned i = 0; i < sizeof(u->key); i++)
		u->key[i] = i < 16 ? (uint8_t)i : 0;
	u->word[0] = word;
	u->word[1] = u->word[2] = u->word[3] = 0;
	from_hex(u->iv, iv);
	from_hex(u->in, text);
}

static inline struct regs unit_regs(struct unit *u, size_t blocks)
{
	return (struct regs){ .a = (uintptr_t)u->iv,
		              .b = (uintptr_t)u->key,
		              .c = blocks,
		              .d = (uintptr_t)u->word,
		              .s = (uintptr_t)u->in,
		              .t = (uintptr_t)u->out };
}

/* Of test_violations.c: commits the offence of that name. False if there is none. */
bool violate(const char *name);

/* Of test_program.c. */
void case_handlers(void);
void case_progress(void);
void case_restart(void);
void case_threads(void);
void case_timer(void);
void case_fork(void);
void case_vfork(void);
void case_exec(void);
void case_fault(void);
int program_end(void); /* its own count of checks */

/* Two pages, of which the second is not there. Returns the end of the first. */
uint8_t *end_of_page(void);

#endif
