/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where CPUID can not be made to fault, it is replaced by UD2, of the same length, in the
 * loaded objects whose names were given: at start, and after each dlopen(). The two bytes also
 * occur inside of other instructions, so those before them must look like what compilers and
 * people write before a CPUID. Constructors of an object that is opened later run too early.
 */
#include <dlfcn.h>
#include <fnmatch.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "model.h"

#define MOST_SITES 256u

static uintptr_t sites[MOST_SITES];
static atomic_uint site_count;

bool pm_is_patched(uint64_t address)
{
	unsigned n = atomic_load_explicit(&site_count, memory_order_acquire);

	for (unsigned i = 0; i < n; i++)
		if (sites[i] == address)
			return true;
	return false;
}

/* ADD ... MOV between registers: 00LLL0x1 of arithmetic, TEST, XCHG, MOV. */
static bool is_register_operation(uint8_t opcode)
{
	return (opcode < 0x40 && (opcode & 7) <= 3) || (opcode >= 0x84 && opcode <= 0x8b);
}

/* MOV or LEA with a memory operand: how many bytes its ModRM byte and what follows take. */
static size_t memory_operand_bytes(uint8_t modrm)
{
	size_t sib = (modrm & 7) == 4 && modrm < 0xc0;

	if (modrm >= 0xc0)
		return 0;
	if (modrm >= 0x80 || (modrm & 0xc7) == 5)
		return 5 + sib;
	return (modrm >= 0x40 ? 2 : 1) + sib;
}

static bool ends_with_move(const uint8_t *at)
{
	for (size_t bytes = 1; bytes <= 6; bytes++) {
		const uint8_t *opcode = at - bytes - 1;
		if ((*opcode == 0x89 || *opcode == 0x8b || *opcode == 0x8d) &&
		    memory_operand_bytes(opcode[1]) == bytes)
			return true;
	}
	return false;
}

/* `at` has 8 bytes before it. */
static bool looks_like_cpuid(const uint8_t *at)
{
	if ((at[-5] & 0xf8) == 0xb8) /* MOV r32, imm32 */
		return true;
	if (at[-1] >= 0xc0 && is_register_operation(at[-2]))
		return true;
	if (at[-3] == 0xc1 && at[-2] >= 0xc0) /* shift by a constant */
		return true;
	return (at[-1] & 0xf8) == 0x50 || ends_with_move(at); /* PUSH */
}

static void replace(const uint8_t *at, int protection)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)at & ~(page - 1);
	size_t bytes = (uintptr_t)at + 2 - from;
	unsigned n = atomic_load(&site_count);

	if (n == MOST_SITES ||
	    mprotect((void *)from, bytes, PROT_READ | PROT_WRITE | PROT_EXEC)) {
		pm_say("a CPUID can not be patched: too many of them, or code is not writable");
		return;
	}
	if (!pm_is_patched((uintptr_t)at)) {
		sites[n] = (uintptr_t)at;
		atomic_store_explicit(&site_count, n + 1, memory_order_release);
	}
	((uint8_t *)(uintptr_t)at)[1] = 0x0b;
	mprotect((void *)from, bytes, protection);
}

static void patch_segment(const uint8_t *start, size_t bytes, int protection)
{
	const uint8_t *end = start + bytes;

	for (const uint8_t *at = start + 8; at + 2 <= end; at++) {
		at = memchr(at, 0x0f, (size_t)(end - 1 - at));
		if (!at)
			return;
		if (at[1] == 0xa2 && looks_like_cpuid(at))
			replace(at, protection);
	}
}

static bool is_named(const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path, *p = pm.patch;
	char pattern[64];

	while (*p) {
		size_t n = strcspn(p, ":");
		if (n < sizeof(pattern)) {
			memcpy(pattern, p, n);
			pattern[n] = '\0';
			if (fnmatch(pattern, name, 0) == 0)
				return true;
		}
		p += n + (p[n] == ':');
	}
	return false;
}

static bool is_model(const struct dl_phdr_info *object)
{
	Dl_info me;

	return dladdr(&pm, &me) && (uintptr_t)me.dli_fbase == object->dlpi_addr;
}

/* The loader's lock is held. */
static int patch_object(struct dl_phdr_info *object, size_t size, void *own_name)
{
	const char *name = object->dlpi_name;

	(void)size;
	if (!*name)
		name = own_name;
	if (is_model(object) || !is_named(name))
		return 0;
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &object->dlpi_phdr[i];
		int protection = (h->p_flags & PF_W ? PROT_WRITE : 0) | PROT_READ | PROT_EXEC;
		if (h->p_type == PT_LOAD && (h->p_flags & PF_X) && (h->p_flags & PF_R) &&
		    h->p_filesz > 10)
			patch_segment((const uint8_t *)object->dlpi_addr + h->p_vaddr,
			              h->p_filesz, protection);
	}
	return 0;
}

void pm_patch_objects(void)
{
	char own_name[256];
	ssize_t n = readlink("/proc/self/exe", own_name, sizeof(own_name) - 1);

	own_name[n < 0 ? 0 : n] = '\0';
	dl_iterate_phdr(patch_object, own_name);
}

/* To the loader the caller is then the model: a name without a slash is not looked for in the
 * RUNPATH of the true caller. Without patches the call is passed on as it came. */
void *dlopen(const char *file, int mode)
{
	static void *(*real)(const char *, int);
	void *object;

	if (!real)
		real = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
	if (!pm.cpuid_patches)
		return real(file, mode);
	object = real(file, mode);
	if (object)
		pm_patch_objects();
	return object;
}
