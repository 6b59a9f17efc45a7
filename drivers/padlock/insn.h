/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The instructions themselves, as bytes: assemblers disagree about their names. They leave their
 * progress in the registers, so that they can be interrupted; hence the operands that are in and
 * out. Any thread. None of them may be executed unless CPUID says that it is there and enabled. */
#ifndef PADLOCK_INSN_H
#define PADLOCK_INSN_H

#include <stddef.h>
#include <stdint.h>

/* The unit keeps key and control word and looks at them again only after the flags were loaded.
 * That is done in the same breath as the instruction: between them nothing of the compiler's can
 * come. PUSHF writes below the stack pointer, where x86-64 has its red zone. */
#ifdef __x86_64__
#define PADLOCK_RELOAD "leaq -128(%%rsp),%%rsp\n\tpushfq\n\tpopfq\n\tleaq 128(%%rsp),%%rsp\n\t"
#else
#define PADLOCK_RELOAD "pushfl\n\tpopfl\n\t"
#endif

/* iv, control and key are aligned to 16 bytes; 256 bytes at key can be read. iv is read and
 * written, and not used by ECB. Returns where the IV for what follows is. */
#define PADLOCK_XCRYPT(NAME, BYTE)                                                             \
	static inline const void *padlock_xcrypt_##NAME(void *iv, const void *control,         \
	                                                const void *key, const void *src,      \
	                                                void *dst, size_t blocks)              \
	{                                                                                      \
		__asm__ volatile(PADLOCK_RELOAD ".byte 0xf3, 0x0f, 0xa7, " BYTE                \
		                 : "+a"(iv), "+S"(src), "+D"(dst), "+c"(blocks)                \
		                 : "d"(control), "b"(key)                                      \
		                 : "memory", "cc");                                            \
		return iv;                                                                     \
	}

PADLOCK_XCRYPT(ecb, "0xc8")
PADLOCK_XCRYPT(cbc, "0xd0")
PADLOCK_XCRYPT(ctr, "0xd8")
PADLOCK_XCRYPT(cfb, "0xe0")
PADLOCK_XCRYPT(ofb, "0xe8")

/* SM4. key: 16 bytes, which the unit expands; iv is read and written. */
static inline void padlock_ccs_encrypt(void *iv, size_t control, const void *key,
                                       const void *src, void *dst, size_t blocks)
{
	__asm__ volatile(PADLOCK_RELOAD ".byte 0xf3, 0x0f, 0xa7, 0xf0"
	                 : "+a"(control), "+S"(src), "+D"(dst), "+c"(blocks)
	                 : "d"(iv), "b"(key)
	                 : "memory", "cc");
}

/* state: 128 bytes, aligned to 16. done and count: as the form of the instruction wants them. */
#define PADLOCK_XSHA(NAME, BYTE)                                                               \
	static inline void padlock_xsha_##NAME(void *state, const void *src, size_t done,      \
	                                       size_t count)                                   \
	{                                                                                      \
		__asm__ volatile(".byte 0xf3, 0x0f, 0xa6, " BYTE                               \
		                 : "+a"(done), "+c"(count), "+S"(src), "+D"(state)             \
		                 :                                                             \
		                 : "memory", "cc");                                            \
	}

PADLOCK_XSHA(1, "0xc8")
PADLOCK_XSHA(256, "0xd0")
PADLOCK_XSHA(384, "0xd8")
PADLOCK_XSHA(512, "0xe0")

/* SM3, of which the unit has the same two forms. */
static inline void padlock_ccs_hash(void *state, const void *src, size_t done, size_t count)
{
	__asm__ volatile(".byte 0xf3, 0x0f, 0xa6, 0xe8"
	                 : "+a"(done), "+c"(count), "+S"(src), "+D"(state)
	                 : "b"((size_t)0x20)
	                 : "memory", "cc");
}

/* Random bytes, if there are any; it does not wait. buffer: 16 bytes, aligned to 16, of which
 * more may be written than count. Returns the status word. */
static inline uint32_t padlock_xstore(void *buffer, unsigned divisor)
{
	size_t status = 0;

	__asm__ volatile(".byte 0x0f, 0xa7, 0xc0"
	                 : "+a"(status), "+D"(buffer)
	                 : "d"((size_t)divisor)
	                 : "memory", "cc");
	return (uint32_t)status;
}

#endif
