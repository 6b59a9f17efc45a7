/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The key cache of the ACE unit. Between an XCRYPT and the next load of the flags the unit
 * does not look at its key and control word again. To see that load, the thread runs by single
 * steps (TF), and each instruction is looked at before it runs:
 *
 *   PUSHF      its image gets bit 30 set (a key is loaded), and TF clear
 *   POPF, IRET the unit forgets; stepping ends; TF and bit 30 of the image are cleared
 *   SYSCALL    of those that block signals, make threads or processes: the watch ends, since
 *              a single step with SIGTRAP blocked would kill the thread. The unit forgets.
 *
 * It costs a signal per instruction. So it ends after a number of them (pm.steps): on hardware
 * an interrupt would come.
 */
#include <sys/syscall.h>

#include "model.h"

#define FLAG_TF      0x100u
#define FLAG_LOADED  0x40000000u
#define OPCODE_PUSHF 0x9c
#define OPCODE_POPF  0x9d
#define OPCODE_IRET  0xcf

static const long ending_calls[] = { SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_clone,
	                             SYS_clone3,         SYS_fork,         SYS_vfork,
	                             SYS_execve,         SYS_exit };

static void set_stepping(ucontext_t *u, bool on)
{
	pm_self.stepping = on;
	pm_self.pushed = false;
	pm_self.ace.valid = pm_self.ace.valid && on;
	if (on)
		u->uc_mcontext.gregs[PM_REG(EFL, EFL)] |= FLAG_TF;
	else
		u->uc_mcontext.gregs[PM_REG(EFL, EFL)] &= ~(greg_t)FLAG_TF;
}

/* The image of the flags on top of the stack. */
static void change_image(const ucontext_t *u, unsigned long clear, unsigned long set)
{
	uint64_t top = (unsigned long)u->uc_mcontext.gregs[PM_SP];
	unsigned long image;

	if (pm_read(&image, top, sizeof(image)))
		return;
	image = (image & ~clear) | set;
	pm_write(top, &image, sizeof(image));
}

static bool is_ending_call(const uint8_t code[2], const ucontext_t *u)
{
	long number = (long)u->uc_mcontext.gregs[PM_AX];

	if (!((code[0] == 0x0f && code[1] == 0x05) || (code[0] == 0x0f && code[1] == 0x34) ||
	      (code[0] == 0xcd && code[1] == 0x80)))
		return false;
	for (size_t i = 0; i < sizeof(ending_calls) / sizeof(ending_calls[0]); i++)
		if (number == ending_calls[i])
			return true;
	return false;
}

/* What the thread does next decides whether to step on. */
static void look(ucontext_t *u)
{
	uint8_t code[3] = { 0 };
	uint64_t ip = (unsigned long)u->uc_mcontext.gregs[PM_IP];
	const uint8_t *at = code;

	pm_read(code, ip, sizeof(code));
	if (*at == 0x66 || (sizeof(long) == 8 && (*at & 0xf0) == 0x40))
		at++;
	set_stepping(u, true);
	pm_self.pushed = *at == OPCODE_PUSHF;
	if (*at == OPCODE_POPF)
		change_image(u, FLAG_TF | FLAG_LOADED, 0);
	if (*at == OPCODE_POPF || *at == OPCODE_IRET || is_ending_call(at, u) ||
	    !pm_self.steps--)
		set_stepping(u, false);
}

/* Behind an emulated instruction: starts the watch if a key is loaded now. */
void pm_step(ucontext_t *u)
{
	if (pm.key_cache && pm_self.ace.valid) {
		if (!pm_self.stepping)
			pm_self.steps = pm.steps;
		look(u);
	} else if (pm_self.stepping) {
		set_stepping(u, false);
	}
}

/* A step of the model's, or a trap of the program's or its debugger's. */
void pm_on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	if (info->si_code != TRAP_TRACE) {
		pm_chain(sig, info, u, true);
		return;
	}
	if (!pm_self.stepping) { /* TF came out of an old image of the flags */
		set_stepping(u, false);
		return;
	}
	if (pm_self.pushed)
		change_image(u, FLAG_TF, FLAG_LOADED);
	look(u);
}
