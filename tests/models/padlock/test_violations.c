/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One offence each. */
#include <stdbool.h>
#include <string.h>

#include "insns.h"
#include "schedules.h"

static const char some[] = "000102030405060708090a0b0c0d0e0f";

static void move_word(struct unit *u, struct regs *r)
{
	memmove((uint8_t *)u->word + 4, u->word, 4);
	r->d += 4;
}

static void move_key(struct unit *u, struct regs *r)
{
	(void)u;
	r->b += 8;
}

static void move_iv(struct unit *u, struct regs *r)
{
	(void)u;
	r->a += 1;
}

static void move_source(struct unit *u, struct regs *r)
{
	(void)u;
	r->s += 1;
}

static void move_destination(struct unit *u, struct regs *r)
{
	(void)u;
	r->t += 8;
}

static void overlap(struct unit *u, struct regs *r)
{
	(void)u;
	r->t = r->s + 16;
}

static void high_word(struct unit *u, struct regs *r)
{
	(void)r;
	u->word[3] = 1;
}

static void last_counter(struct unit *u, struct regs *r)
{
	(void)r;
	u->iv[14] = u->iv[15] = 0xff;
}

static void end_page(struct unit *u, struct regs *r)
{
	(void)u;
	r->s = (uintptr_t)end_of_page() - 16 * r->c;
}

static void key_at_end(struct unit *u, struct regs *r)
{
	uint8_t *at = end_of_page() - 240;

	memcpy(at, u->key, 240);
	r->b = (uintptr_t)at;
}

/* Offences of one XCRYPT: blocks by `run`, after a change by `spoil`. */
static const struct offence {
	const char *name;
	insn run;
	uint32_t word;
	const char *schedule;
	size_t blocks;
	void (*spoil)(struct unit *u, struct regs *r);
} offences[] = {
	{ "word-align", do_ecb, 0x00A, NULL, 1, move_word },
	{ "key-align", do_ecb, 0x00A, NULL, 1, move_key },
	{ "iv-align", do_cbc, 0x00A, NULL, 1, move_iv },
	{ "source-align", do_ecb, 0x00A, NULL, 1, move_source },
	{ "target-align", do_ecb, 0x00A, NULL, 1, move_destination },
	{ "align-bit", do_ecb, 0x02A, NULL, 1, move_source },
	{ "word-high", do_ecb, 0x00A, NULL, 1, high_word },
	{ "word-reserved", do_ecb, 0x100A, NULL, 1, NULL },
	{ "word-rounds", do_ecb, 0x00C, NULL, 1, NULL },
	{ "word-size", do_ecb, 0xC8F, NULL, 1, NULL },
	{ "word-inter", do_ecb, 0x10A, NULL, 1, NULL },
	{ "word-digest", do_ecb, 0x01A, NULL, 1, NULL },
	{ "short-key", do_ecb, 0x40C, NULL, 1, NULL },
	{ "raw-key", do_ecb, 0x88E, NULL, 1, NULL },
	{ "turned-key", do_ecb, 0xA8E, encrypt_256, 1, NULL },
	{ "turned-cfb", do_cfb, 0x68C, decrypt_192, 1, NULL },
	{ "overlap", do_cbc, 0x00A, NULL, 4, overlap },
	{ "counter-wrap", do_ctr, 0x00A, NULL, 2, last_counter },
	{ "crypt-ctr", do_ctr, 0x20A, NULL, 1, NULL },
	{ "page-ecb", do_ecb, 0x00A, NULL, 7, end_page },
	{ "page-cbc", do_cbc, 0x00A, NULL, 3, end_page },
	{ "page-ctr", do_ctr, 0x00A, NULL, 1, end_page },
	{ "page-cfb", do_cfb, 0x00A, NULL, 1, end_page },
	{ "page-full", do_ecb, 0x00A, NULL, 8, end_page },
	{ "key-page", do_ecb, 0x88E, encrypt_256, 1, key_at_end },
};

static void offend(const struct offence *o)
{
	struct unit u;
	struct regs r = unit_regs(&u, o->blocks);

	unit_set(&u, o->word, some, some);
	if (o->schedule)
		from_hex(u.key, o->schedule);
	if (o->spoil)
		o->spoil(&u, &r);
	RELOAD();
	o->run(&r);
}

/* Two runs with another key, and the reload in between or not. */
static void two_keys(bool reload)
{
	struct unit u;
	struct regs first = unit_regs(&u, 1), second = first;

	unit_set(&u, 0x00A, some, some);
	RELOAD();
	do_ecb(&first);
	u.key[0] ^= 1;
	if (reload)
		RELOAD();
	do_ecb(&second);
}

static void do_no_reload(void)
{
	two_keys(false);
}
static void do_reload(void)
{
	two_keys(true);
}

static void do_state_align(void)
{
	_Alignas(16) uint8_t state[160] = { 0 };
	struct regs r = { .c = 3, .s = (uintptr_t) "abc", .t = (uintptr_t)state + 4 };

	do_sha1(&r);
}

static void do_state_room(void)
{
	struct regs r = { .c = 3, .s = (uintptr_t) "abc", .t = (uintptr_t)end_of_page() - 32 };

	do_sha1(&r);
}

static void do_sha_done(void)
{
	_Alignas(16) uint8_t state[128] = { 0 };
	struct regs r = { .a = 65, .c = 100, .s = (uintptr_t)state, .t = (uintptr_t)state };

	do_sha256(&r);
}

static void do_sm4_modes(void)
{
	struct unit u = { .word = { 0 } };
	struct regs r = unit_regs(&u, 1);

	r.a = 0x0E0;
	r.d = (uintptr_t)u.iv;
	do_sm4(&r);
}

static void do_sm3_select(void)
{
	_Alignas(16) uint8_t state[128] = { 0 };
	struct regs r = { .b = 0x10, .c = 3, .s = (uintptr_t) "abc", .t = (uintptr_t)state };

	do_sm3(&r);
}

static void do_bits(void)
{
	struct regs r = { .c = 257 };

	do_montmul(&r);
}

static void do_montmul64(void)
{
	struct regs r = { .c = 256 };

	do_montmul_bare(&r);
}

static void do_long_sha(void)
{
	_Alignas(16) uint8_t state[128] = { 0 }, block[128] = { 0 };
	struct regs r = { .c = 1, .s = (uintptr_t)block, .t = (uintptr_t)state };

	do_sha512(&r);
}

static void do_no_memory(void)
{
	struct unit u;
	struct regs r = unit_regs(&u, 1);

	unit_set(&u, 0x00A, some, some);
	r.s = 0x1000;
	do_ecb(&r);
}

static const struct {
	const char *name;
	void (*run)(void);
} others[] = {
	{ "no-reload", do_no_reload },     { "reload", do_reload },
	{ "state-align", do_state_align }, { "state-room", do_state_room },
	{ "sha-done", do_sha_done },       { "sm4-modes", do_sm4_modes },
	{ "sm3-select", do_sm3_select },   { "montmul-bits", do_bits },
	{ "montmul-64", do_montmul64 },    { "sha-512", do_long_sha },
	{ "no-memory", do_no_memory },
};

bool violate(const char *name)
{
	for (size_t i = 0; i < sizeof(offences) / sizeof(offences[0]); i++)
		if (!strcmp(name, offences[i].name)) {
			offend(&offences[i]);
			return true;
		}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(name, others[i].name)) {
			others[i].run();
			return true;
		}
	return false;
}
