/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPUID of the CPU that is played, and the kernel's help to catch the instruction. */
#include <cpuid.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "model.h"

#define SET_CPUID                                                                              \
	0x1012 /* of arch_prctl: 0 makes CPUID fault in this thread and its children */
#define LAST_CENTAUR_LEAF 0xC0000001u

enum { EAX, EBX, ECX, EDX };

/* Units that such a CPU has not, and that libraries would prefer. Leaf 1, ECX. */
#define HIDDEN_ECX                                                                             \
	(bit_PCLMUL | bit_SSSE3 | bit_FMA | bit_MOVBE | bit_AES | bit_XSAVE | bit_OSXSAVE |    \
	 bit_AVX | bit_F16C | bit_RDRND)

static bool set_faulting(bool on)
{
	return syscall(SYS_arch_prctl, SET_CPUID, on ? 0L : 1L) == 0;
}

static void native(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	if (pm.cpuid_faults)
		set_faulting(false);
	__cpuid_count(leaf, subleaf, out[EAX], out[EBX], out[ECX], out[EDX]);
	if (pm.cpuid_faults)
		set_faulting(true);
}

static uint32_t vendor_word(unsigned part)
{
	uint32_t word;

	memcpy(&word, pm.vendor + 4 * part, 4);
	return word;
}

static void answer_features(uint32_t out[4])
{
	out[EAX] = pm.signature;
	if (pm.hide)
		out[ECX] &= ~(uint32_t)HIDDEN_ECX;
}

static void answer(uint32_t leaf, uint32_t out[4])
{
	if (leaf == 0) {
		out[EBX] = vendor_word(0);
		out[EDX] = vendor_word(1);
		out[ECX] = vendor_word(2);
	} else if (leaf == 1) {
		answer_features(out);
	} else if (leaf == 7 && pm.hide) {
		memset(out, 0, 16);
	} else if (leaf == 0xC0000000u) {
		memset(out, 0, 16);
		out[EAX] = LAST_CENTAUR_LEAF;
	} else if (leaf == LAST_CENTAUR_LEAF) {
		memset(out, 0, 16);
		out[EAX] = pm.signature;
		out[EDX] = pm.edx;
	}
}

/* Emulates the CPUID at IP. */
bool pm_cpuid(ucontext_t *u)
{
	greg_t *regs = u->uc_mcontext.gregs;
	uint32_t leaf = (uint32_t)regs[PM_AX], out[4];

	native(leaf, (uint32_t)regs[PM_CX], out);
	answer(leaf, out);
	regs[PM_AX] = (greg_t)out[EAX];
	regs[PM_BX] = (greg_t)out[EBX];
	regs[PM_CX] = (greg_t)out[ECX];
	regs[PM_DX] = (greg_t)out[EDX];
	regs[PM_IP] += 2;
	atomic_fetch_add_explicit(&pm_counts.cpuids, 1, memory_order_relaxed);
	return true;
}

/* how: auto, fault, patch or none. */
void pm_cpuid_start(const char *how)
{
	bool automatic = strcmp(how, "auto") == 0;

	if (automatic || strcmp(how, "fault") == 0) {
		pm.cpuid_faults = set_faulting(true);
		if (pm.cpuid_faults)
			return;
		pm_say("this kernel or CPU can not make CPUID fault (ARCH_SET_CPUID): only the "
		       "objects named in PADLOCK_MODEL_PATCH see the model's CPUID");
	}
	pm.cpuid_patches = automatic || strcmp(how, "patch") == 0;
	if (pm.cpuid_patches)
		pm_patch_objects();
}
