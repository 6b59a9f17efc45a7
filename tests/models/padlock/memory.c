/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program's memory, which may not be there. All accesses go through one `rep movsb`; a
 * fault on exactly that instruction is ended behind it by pm_memory_fault(), with the count of
 * what is missing in CX. So a bad pointer becomes a fault of the emulated instruction.
 */
#include "model.h"

extern const char pm_copy_at[], pm_copy_on[];
size_t pm_copy(void *to, const void *from, size_t bytes);

__asm__(".text\n"
        ".hidden pm_copy\n.hidden pm_copy_at\n.hidden pm_copy_on\n"
        ".globl pm_copy\n.globl pm_copy_at\n.globl pm_copy_on\n"
        ".type pm_copy, @function\n"
        "pm_copy:\n"
#if defined(__x86_64__)
        "mov %rdx, %rcx\n"
        "pm_copy_at: rep movsb\n"
        "pm_copy_on: mov %rcx, %rax\n"
#else
        "push %esi\npush %edi\n"
        "mov 12(%esp), %edi\nmov 16(%esp), %esi\nmov 20(%esp), %ecx\n"
        "pm_copy_at: rep movsb\n"
        "pm_copy_on: mov %ecx, %eax\n"
        "pop %edi\npop %esi\n"
#endif
        "ret\n"
        ".size pm_copy, . - pm_copy\n");

size_t pm_read(void *to, uint64_t from, size_t bytes)
{
	return pm_copy(to, (const void *)(uintptr_t)from, bytes);
}

size_t pm_write(uint64_t to, const void *from, size_t bytes)
{
	return pm_copy((void *)(uintptr_t)to, from, bytes);
}

/* True if the fault was one of pm_copy(): it is noted, and the copy ends short. */
bool pm_memory_fault(const siginfo_t *info, ucontext_t *u)
{
	if (u->uc_mcontext.gregs[PM_IP] != (greg_t)(uintptr_t)pm_copy_at)
		return false;
	pm_self.fault = *info;
	u->uc_mcontext.gregs[PM_IP] = (greg_t)(uintptr_t)pm_copy_on;
	return true;
}
