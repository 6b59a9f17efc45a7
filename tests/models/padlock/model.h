/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The PadLock model: what its files share. README.md tells what the model is and does.
 *
 * All of it runs inside signal handlers, in the middle of any function of the program, malloc
 * included. Hence the rules here: no malloc, no stdio, no locks, and no libcrypto - that one
 * allocates, locks, runs CPUID and may itself execute the instructions that are emulated.
 * So the ciphers and digests are the model's own portable C, with tables that are computed
 * once by the constructor. They are not constant-time: never use the model for real secrets.
 */
#ifndef PADLOCK_MODEL_H
#define PADLOCK_MODEL_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <ucontext.h>

#if defined(__x86_64__)
#define PM_REG(name64, name32) REG_##name64
#elif defined(__i386__)
#define PM_REG(name64, name32) REG_##name32
#else
#error "the PadLock model is for x86 only"
#endif
#define PM_AX PM_REG(RAX, EAX)
#define PM_BX PM_REG(RBX, EBX)
#define PM_CX PM_REG(RCX, ECX)
#define PM_DX PM_REG(RDX, EDX)
#define PM_SI PM_REG(RSI, ESI)
#define PM_DI PM_REG(RDI, EDI)
#define PM_SP PM_REG(RSP, ESP)
#define PM_IP PM_REG(RIP, EIP)

/* State per thread; the model is loaded at start, so there is room for this kind. */
#define PM_THREAD __thread __attribute__((tls_model("initial-exec")))

/* Bits of leaf 0xC0000001, EDX. */
#define PM_CAN_XSTORE 0x0000000Cu
#define PM_CAN_CCS    0x00000030u
#define PM_CAN_ACE    0x000000C0u
#define PM_CAN_ACE2   0x00000300u
#define PM_CAN_PHE    0x00000C00u
#define PM_CAN_PMM    0x00003000u
#define PM_CAN_PHE2   0x06000000u

/* How kinds of CPUs differ beyond their bits. */
#define PM_NO_BLOCK_FORM   1u  /* XSHA has no "-1" form */
#define PM_ZERO_IS_NOTHING 2u  /* finishing XSHA with a length of 0 does nothing */
#define PM_RNG_STATUS      4u  /* XSTORE shows the status register of the generator */
#define PM_ONE_SOURCE      8u  /* the generator has noise source A only */
#define PM_SM4_OLD         16u /* SM4 has ECB and CBC only */
#define PM_ACE2_PRESENT    32u /* ACE2 works though its enabled bit is clear */

/* What the environment chose. Constant once the constructor has run. */
struct pm_settings {
	bool active; /* the model is in place */
	pid_t pid;
	char vendor[13];
	uint32_t signature, edx;
	unsigned quirks;
	bool strict;        /* a violation ends the process */
	bool key_cache;     /* follow the key cache by single steps */
	unsigned steps;     /* so many at most; then an interrupt comes */
	bool dirty;         /* spoil what hardware may spoil */
	bool hide;          /* no AES-NI and the like in leaves 1 and 7 */
	bool cpuid_faults;  /* the kernel makes CPUID fault */
	bool cpuid_patches; /* CPUID is patched in the objects of `patch` */
	unsigned group[5];  /* bytes per fetch: ECB, CBC, CTR, CFB, OFB */
	const char *rng;    /* behaviour of the generator, one of pm_rng_words */
	const char *patch;  /* names of objects, colons between, with * and ? */
	int trace;          /* file, or -1 */
	ino_t trace_inode;  /* of the file that was opened */
	dev_t trace_device;
	const char *stats; /* path, "stderr", or NULL */
};
extern struct pm_settings pm;

/* How an instruction ends. */
enum pm_end {
	PM_DONE,
	PM_FAULT, /* memory is not there: see pm_self.fault; registers show the progress */
	PM_GP,    /* general protection: nothing was done */
	PM_UD,    /* no such instruction on this CPU */
};

/* Registers of one instruction, zero-extended. */
struct pm_cpu {
	union {
		struct {
			uint64_t ax, bx, cx, dx, si, di;
		};
		uint64_t all[6];
	};
	bool narrow; /* 32-bit registers: i386, or the prefix 67 */
};

/* AES: round keys in the byte order of FIPS-197, in the order in which they are used. */
struct pm_aes {
	uint8_t row[15][16];
	unsigned rounds;
};

/* What the ACE unit has loaded: all that it does not look at again before a reload. */
struct pm_loaded {
	bool valid;
	uint64_t word_at, key_at;
	uint8_t word[16];
	uint8_t memory[256]; /* key memory as it was read; key_bytes of it */
	size_t key_bytes;
	struct pm_aes forward, inverse;
};

/* One thread's state. */
struct pm_self {
	siginfo_t fault;      /* of the last pm_read() or pm_write() that fell short */
	const char *insn;     /* being executed, for messages */
	uint64_t resume_iv;   /* IV pointer that an interrupted run has left, or 0 */
	struct pm_loaded ace; /* kept between instructions with pm.key_cache only */
	bool stepping;        /* TF is set to find the next POPF */
	unsigned steps;       /* that may still be made */
	bool pushed;          /* the instruction just stepped was PUSHF */
};
extern PM_THREAD struct pm_self pm_self;

typedef enum pm_end (*pm_emulate)(struct pm_cpu *cpu, unsigned which);

/* An instruction: 0F, then `group`, then `modrm`. */
struct pm_insn {
	const char *name;
	uint8_t prefix, group, modrm;
	uint32_t needs; /* bits of EDX */
	pm_emulate run;
	unsigned which;
};
#define PM_INSNS 14
extern const struct pm_insn pm_insns[PM_INSNS];

/* Counters, for the line of statistics. */
struct pm_counts {
	atomic_ulong calls[PM_INSNS], units[PM_INSNS]; /* units: blocks, or bytes of XSTORE */
	atomic_ulong violations, faults, cpuids, reloads;
};
extern struct pm_counts pm_counts;

/* memory.c: the program's memory. Return the bytes that were not copied; pm_self.fault then
 * tells why. */
size_t pm_read(void *to, uint64_t from, size_t bytes);
size_t pm_write(uint64_t to, const void *from, size_t bytes);
bool pm_memory_fault(const siginfo_t *info, ucontext_t *u);

/* tell.c */
struct pm_text {
	char text[480];
	size_t used;
};
void pm_text_add(struct pm_text *t, const char *words);
void pm_text_number(struct pm_text *t, const char *label, uint64_t value);
void pm_text_hex(struct pm_text *t, const char *label, uint64_t value);
void pm_text_write(struct pm_text *t, int file);
void pm_say(const char *words);
void pm_violation(const char *sentence);
void pm_tell_insn(const struct pm_insn *insn, const struct pm_cpu *before, uint64_t units,
                  enum pm_end end);
void pm_tell_totals(void);
void pm_tell_fork(void);

/* chain.c: handlers of the program. */
void pm_chain_start(void);
void pm_install(int sig, void (*handler)(int, siginfo_t *, void *));
void pm_chain(int sig, siginfo_t *info, ucontext_t *u, bool again);

/* cpuid.c, patch.c */
void pm_cpuid_start(const char *how);
bool pm_cpuid(ucontext_t *u);
void pm_patch_objects(void);
bool pm_is_patched(uint64_t address);

/* trap.c, step.c */
void pm_trap_start(void);
bool pm_can(uint32_t bits);
void pm_step(ucontext_t *u);
void pm_on_trap(int sig, siginfo_t *info, void *context);

/* aes.c, sm4.c, sha.c, sm3.c: no memory of the program, nothing global but tables. */
void pm_aes_start(void);
bool pm_aes_expand(struct pm_aes *to, const uint8_t *key, size_t key_bytes);
void pm_aes_invert(struct pm_aes *to, const struct pm_aes *from);
void pm_aes_revert(struct pm_aes *to, const struct pm_aes *from);
void pm_aes_encrypt(const struct pm_aes *key, const uint8_t in[16], uint8_t out[16]);
void pm_aes_decrypt(const struct pm_aes *key, const uint8_t in[16], uint8_t out[16]);
void pm_sm4_expand(uint32_t to[32], const uint8_t key[16], bool decrypt);
void pm_sm4_block(const uint32_t key[32], const uint8_t in[16], uint8_t out[16]);
void pm_sha1_block(uint32_t state[5], const uint8_t block[64]);
void pm_sha256_block(uint32_t state[8], const uint8_t block[64]);
void pm_sha512_block(uint64_t state[8], const uint8_t block[128]);
void pm_sm3_block(uint32_t state[8], const uint8_t block[64]);

/* The instructions. */
enum pm_end pm_xstore(struct pm_cpu *cpu, unsigned repeated);
enum pm_end pm_xcrypt(struct pm_cpu *cpu, unsigned mode);
enum pm_end pm_xsha(struct pm_cpu *cpu, unsigned algorithm);
enum pm_end pm_xsha_long(struct pm_cpu *cpu, unsigned unused);
enum pm_end pm_ccs_hash(struct pm_cpu *cpu, unsigned unused);
enum pm_end pm_ccs_encrypt(struct pm_cpu *cpu, unsigned unused);
enum pm_end pm_montmul(struct pm_cpu *cpu, unsigned unused);
extern const char *const pm_rng_words[];

/* modes.c: ECB ... OFB over one block cipher, for XCRYPT and CCS_ENCRYPT. */
enum pm_mode { PM_ECB, PM_CBC, PM_CTR, PM_CFB, PM_OFB };
struct pm_run {
	struct pm_cpu *cpu; /* cx, si, di move */
	enum pm_mode mode;
	bool decrypt;
	unsigned group;      /* bytes of one fetch */
	uint64_t iv_at;      /* where the IV goes in the end */
	bool iv_from_output; /* encryption by CBC and CFB leaves the IV memory alone */
	uint8_t iv[16];
	const void *key;
	void (*block)(const void *key, bool decrypt, const uint8_t *in, uint8_t *out);
	uint64_t done; /* blocks */
};
enum pm_end pm_run_mode(struct pm_run *run);

/* Big-endian words. */
static inline uint32_t pm_load32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void pm_store32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline uint32_t pm_left(uint32_t v, unsigned bits)
{
	return v << bits | v >> (32 - bits);
}

#endif
