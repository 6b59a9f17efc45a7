/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SIGILL, SIGSEGV and SIGBUS: finds the instruction, runs it, puts the result back. */
#include <errno.h>
#include <string.h>

#include "model.h"

PM_THREAD struct pm_self pm_self;

const struct pm_insn pm_insns[PM_INSNS] = {
	{ "xstore", 0x00, 0xa7, 0xc0, PM_CAN_XSTORE, pm_xstore, false },
	{ "rep-xstore", 0xf3, 0xa7, 0xc0, PM_CAN_XSTORE, pm_xstore, true },
	{ "xcrypt-ecb", 0xf3, 0xa7, 0xc8, PM_CAN_ACE, pm_xcrypt, PM_ECB },
	{ "xcrypt-cbc", 0xf3, 0xa7, 0xd0, PM_CAN_ACE, pm_xcrypt, PM_CBC },
	{ "xcrypt-ctr", 0xf3, 0xa7, 0xd8, PM_CAN_ACE2, pm_xcrypt, PM_CTR },
	{ "xcrypt-cfb", 0xf3, 0xa7, 0xe0, PM_CAN_ACE, pm_xcrypt, PM_CFB },
	{ "xcrypt-ofb", 0xf3, 0xa7, 0xe8, PM_CAN_ACE, pm_xcrypt, PM_OFB },
	{ "ccs-encrypt", 0xf3, 0xa7, 0xf0, PM_CAN_CCS, pm_ccs_encrypt, 0 },
	{ "montmul", 0xf3, 0xa6, 0xc0, PM_CAN_PMM, pm_montmul, 0 },
	{ "xsha1", 0xf3, 0xa6, 0xc8, PM_CAN_PHE, pm_xsha, 1 },
	{ "xsha256", 0xf3, 0xa6, 0xd0, PM_CAN_PHE, pm_xsha, 256 },
	{ "xsha384", 0xf3, 0xa6, 0xd8, PM_CAN_PHE2, pm_xsha_long, 0 },
	{ "xsha512", 0xf3, 0xa6, 0xe0, PM_CAN_PHE2, pm_xsha_long, 0 },
	{ "ccs-hash", 0xf3, 0xa6, 0xe8, PM_CAN_CCS, pm_ccs_hash, 0 },
};

/* Present and enabled; Zhaoxin has ACE2 with its enabled bit clear. */
bool pm_can(uint32_t bits)
{
	uint32_t have = pm.edx & bits;

	if (bits == PM_CAN_ACE2 && (pm.quirks & PM_ACE2_PRESENT))
		return have != 0;
	return have == bits;
}

/* NULL if the bytes at IP are none of the instructions that this CPU has. */
static const struct pm_insn *decode(uint64_t ip, unsigned *length, bool *narrow)
{
	uint8_t code[5], prefix = 0;
	size_t have = sizeof(code) - pm_read(code, ip, sizeof(code)), at = 0;

	for (; at < 2 && at < have; at++) {
		if (code[at] == 0x67 && sizeof(long) == 8 && !*narrow)
			*narrow = true;
		else if ((code[at] == 0xf3 || code[at] == 0xf2) && !prefix)
			prefix = code[at];
		else
			break;
	}
	if (at + 3 > have || code[at] != 0x0f)
		return NULL;
	*length = (unsigned)at + 3;
	for (const struct pm_insn *i = pm_insns; i < pm_insns + PM_INSNS; i++)
		if (i->prefix == prefix && i->group == code[at + 1] && i->modrm == code[at + 2])
			return pm_can(i->needs) ? i : NULL;
	return NULL;
}

static const int places[6] = { PM_AX, PM_BX, PM_CX, PM_DX, PM_SI, PM_DI };

static void load_registers(uint64_t values[6], const ucontext_t *u, bool narrow)
{
	for (unsigned i = 0; i < 6; i++) {
		values[i] = (unsigned long)u->uc_mcontext.gregs[places[i]];
		if (narrow)
			values[i] = (uint32_t)values[i];
	}
}

/* Only what changed: 32-bit forms leave the upper half of other registers alone. */
static void store_registers(ucontext_t *u, const uint64_t before[6], const uint64_t after[6])
{
	for (unsigned i = 0; i < 6; i++)
		if (before[i] != after[i])
			u->uc_mcontext.gregs[places[i]] = (greg_t)after[i];
}

static void general_protection(ucontext_t *u)
{
	siginfo_t info = { .si_signo = SIGSEGV, .si_code = SI_KERNEL };

	pm_chain(SIGSEGV, &info, u, false);
}

/* With IP at the instruction, and registers that let it go on: as hardware does it. */
static void memory_fault(ucontext_t *u)
{
	siginfo_t info = pm_self.fault;

	pm_chain(info.si_signo, &info, u, false);
}

/* Blocks or bytes that an instruction has done: what its pointers and counts say. */
static uint64_t units_done(const struct pm_insn *insn, const struct pm_cpu *before,
                           const struct pm_cpu *after)
{
	if (insn->run == pm_xstore)
		return after->di - before->di;
	if (insn->run == pm_xcrypt || insn->run == pm_ccs_encrypt)
		return before->cx - after->cx;
	if (insn->run == pm_montmul)
		return 1;
	if (insn->run == pm_xsha_long)
		return (after->si - before->si) / 128;
	return (after->si - before->si + 63) / 64;
}

static bool execute(ucontext_t *u)
{
	struct pm_cpu before = { .narrow = sizeof(long) == 4 }, after;
	unsigned length;
	uint64_t ip = (unsigned long)u->uc_mcontext.gregs[PM_IP];
	const struct pm_insn *insn = decode(ip, &length, &before.narrow);
	enum pm_end end;

	if (!insn)
		return false;
	load_registers(before.all, u, before.narrow);
	after = before;
	pm_self.insn = insn->name;
	end = insn->run(&after, insn->which);
	pm_tell_insn(insn, &before, units_done(insn, &before, &after), end);
	if (end == PM_UD)
		return false;
	if (end == PM_GP) {
		general_protection(u);
		return true;
	}
	store_registers(u, before.all, after.all);
	if (end == PM_DONE)
		u->uc_mcontext.gregs[PM_IP] += (greg_t)length;
	else
		memory_fault(u);
	return true;
}

static void on_ill(int sig, siginfo_t *info, void *context)
{
	int kept = errno;
	ucontext_t *u = context;
	uint64_t ip = (unsigned long)u->uc_mcontext.gregs[PM_IP];

	if (info->si_code > 0 && ((pm_is_patched(ip) && pm_cpuid(u)) || execute(u)))
		pm_step(u);
	else
		pm_chain(sig, info, u, true);
	errno = kept;
}

/* CPUID faults as a #GP, with its own bytes at IP. */
static bool is_cpuid_fault(const siginfo_t *info, const ucontext_t *u)
{
	uint8_t code[2];
	uint64_t ip = (unsigned long)u->uc_mcontext.gregs[PM_IP];

	return info->si_signo == SIGSEGV && info->si_code == SI_KERNEL &&
	       !pm_read(code, ip, sizeof(code)) && code[0] == 0x0f && code[1] == 0xa2;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	int kept = errno;
	ucontext_t *u = context;

	if (info->si_code > 0 && pm_memory_fault(info, u)) {
		errno = kept;
		return;
	}
	if (is_cpuid_fault(info, u) && pm_cpuid(u))
		pm_step(u);
	else
		pm_chain(sig, info, u, true);
	errno = kept;
}

void pm_trap_start(void)
{
	pm_install(SIGILL, on_ill);
	pm_install(SIGSEGV, on_fault);
	pm_install(SIGBUS, on_fault);
	if (pm.key_cache)
		pm_install(SIGTRAP, pm_on_trap);
}
