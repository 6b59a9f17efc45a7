/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the model lives in a program: signals, threads, forks, memory that is not there. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "insns.h"
#include "tests/lib/check.h"

static const char plain[] = "00112233445566778899aabbccddeeff";
static const char secret[] = "69c4e0d86a7b0430d8cdb78070b4c55a";

static bool ecb_works(void)
{
	struct unit u;
	struct regs r = unit_regs(&u, 1);
	uint8_t want[16];

	unit_set(&u, 0x00A, plain, plain);
	from_hex(want, secret);
	RELOAD();
	do_ecb(&r);
	return !memcmp(u.out, want, 16);
}

uint8_t *end_of_page(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *start = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
	                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (start == MAP_FAILED || munmap(start + page, page))
		exit(3);
	return start + page;
}

/* ---- handlers ---- */

static volatile sig_atomic_t seen_signal, seen_code;
static void *volatile seen_address;
static uintptr_t volatile seen_count;
static sigjmp_buf back;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	seen_signal = sig;
	seen_code = info->si_code;
	seen_address = info->si_addr;
#if defined(__x86_64__)
	seen_count = (uintptr_t)u->uc_mcontext.gregs[REG_RCX];
#else
	seen_count = (uintptr_t)u->uc_mcontext.gregs[REG_ECX];
#endif
	siglongjmp(back, 1);
}

static void handle(int sig)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO }, now;

	sigfillset(&action.sa_mask);
	CHECK(!sigaction(sig, &action, NULL));
	CHECK(!sigaction(sig, NULL, &now) && now.sa_sigaction == on_signal);
}

/* The program's own SIGILL and SIGSEGV, with the model working on before and after. */
void case_handlers(void)
{
	volatile int *volatile nowhere = (volatile int *)16;

	handle(SIGILL);
	handle(SIGSEGV);
	CHECK(ecb_works());
	if (!sigsetjmp(back, 1))
		__asm__ volatile("ud2");
	CHECK(seen_signal == SIGILL);
	CHECK(ecb_works());
	if (!sigsetjmp(back, 1))
		*nowhere = 1;
	CHECK(seen_signal == SIGSEGV && seen_address == (void *)16);
	CHECK(ecb_works());
	if (!sigsetjmp(back, 1))
		raise(SIGSEGV);
	CHECK(seen_code <= 0);
	CHECK(signal(SIGILL, SIG_DFL) != SIG_DFL);
	CHECK(ecb_works());
}

/* Of three blocks the third is not there: two are done, and the program is told where. */
void case_progress(void)
{
	struct unit u;
	struct regs r = unit_regs(&u, 3);

	unit_set(&u, 0x00A, plain, plain);
	r.s = (uintptr_t)end_of_page() - 32;
	memcpy((void *)r.s, u.in, 16);
	handle(SIGSEGV);
	RELOAD();
	if (!sigsetjmp(back, 1))
		do_ecb(&r);
	uint8_t want[16];
	from_hex(want, secret);
	CHECK(seen_signal == SIGSEGV && seen_code == SEGV_MAPERR);
	CHECK(seen_address == (void *)(r.s + 32));
	CHECK(seen_count == 1);
	CHECK(!memcmp(u.out, want, 16));
}

static void repair(int sig, siginfo_t *info, void *context)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	(void)sig;
	(void)context;
	if (mmap((void *)((uintptr_t)info->si_addr & ~(page - 1)), page, PROT_READ | PROT_WRITE,
	         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		_exit(4);
}

/* A handler that brings the page: the instruction goes on, CBC with its IV in the output. */
void case_restart(void)
{
	struct sigaction action = { .sa_sigaction = repair, .sa_flags = SA_SIGINFO };
	struct unit u, v;
	struct regs r = unit_regs(&u, 4), whole = unit_regs(&v, 4);
	uint8_t *out = end_of_page() - 40; /* unaligned: ALIGN */

	unit_set(&u, 0x02A, plain, plain);
	memset(u.in, 7, 64);
	v = u;
	RELOAD();
	do_cbc(&whole);
	CHECK(!sigaction(SIGSEGV, &action, NULL));
	r.t = (uintptr_t)out;
	RELOAD();
	do_cbc(&r);
	CHECK(r.c == 0 && r.t == (uintptr_t)out + 64 && r.a == (uintptr_t)out + 48);
	CHECK(!memcmp(out, v.out, 64));
}

/* ---- threads, masks, processes ---- */

static void *thread(void *unused)
{
	sigset_t all;

	(void)unused;
	sigfillset(&all);
	CHECK(!pthread_sigmask(SIG_BLOCK, &all, NULL));
	for (unsigned i = 0; i < 50; i++)
		CHECK(ecb_works());
	return NULL;
}

/* Made after the start, with all signals blocked. */
void case_threads(void)
{
	pthread_t threads[8];
	unsigned started = 0;

	for (unsigned i = 0; i < 8; i++)
		started += !pthread_create(&threads[i], NULL, thread, NULL);
	CHECK(started == 8);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}

static atomic_uint ticks;

static void on_alarm(int sig)
{
	int kept = errno;

	(void)sig;
	atomic_fetch_add(&ticks, ecb_works());
	errno = kept;
}

/* A timer's handler runs instructions between those of the program. */
void case_timer(void)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct itimerspec often = { .it_value.tv_nsec = 1000000,
		                    .it_interval.tv_nsec = 1000000 };
	timer_t timer;

	sigfillset(&action.sa_mask);
	CHECK(!sigaction(SIGALRM, &action, NULL));
	CHECK(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK(!timer_settime(timer, 0, &often, NULL));
	while (atomic_load(&ticks) < 20)
		if (!CHECK(ecb_works()))
			break;
	timer_delete(timer);
}

static int status_of(pid_t child)
{
	int status = -1;

	waitpid(child, &status, 0);
	return status;
}

void case_fork(void)
{
	pid_t child = fork();

	if (!child)
		_exit(!ecb_works());
	CHECK(status_of(child) == 0);
	CHECK(ecb_works());
}

/* Programs reset the handlers of such a child, which has the parent's memory. */
void case_vfork(void)
{
	struct sigaction reset = { .sa_handler = SIG_DFL };
	pid_t child;

	handle(SIGILL);
	child = vfork();
	if (!child) {
		sigaction(SIGILL, &reset, NULL);
		_exit(0);
	}
	CHECK(status_of(child) == 0);
	if (!sigsetjmp(back, 1))
		__asm__ volatile("ud2");
	CHECK(seen_signal == SIGILL);
	CHECK(ecb_works());
}

void case_exec(void)
{
	pid_t child = fork();

	if (!child) {
		execl("/proc/self/exe", "test_padlock_model", "ecb", (char *)NULL);
		_exit(9);
	}
	CHECK(status_of(child) == 0);
}

/* ---- CPUID as the kernel makes it fault: the same signal, at the same place, by hand ---- */

#if defined(__x86_64__)
void case_fault(void)
{
	siginfo_t info = { .si_signo = SIGSEGV, .si_code = SI_KERNEL };
	long a = SYS_rt_tgsigqueueinfo, b, c, d = SIGSEGV;
	long process = getpid(), thread_id = syscall(SYS_gettid);
	register long r10 __asm__("r10") = (long)&info;

	/* The signal is taken when the call returns, with RIP at CPUID and AX = 0: leaf 0. */
	__asm__ volatile("syscall\n\tcpuid"
	                 : "+a"(a), "=b"(b), "=c"(c), "+d"(d)
	                 : "D"(process), "S"(thread_id), "r"(r10)
	                 : "r11", "memory");
	printf("%.4s%.4s%.4s\n", (char *)&b, (char *)&d, (char *)&c);
}
#else
void case_fault(void)
{
	printf("only for x86-64\n");
}
#endif

int program_end(void)
{
	return checks_end();
}
