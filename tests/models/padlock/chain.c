/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program's own handlers. The kernel always has the model's for SIGILL, SIGSEGV, SIGBUS
 * and SIGTRAP; what the program asks for is kept here and called for what is not the model's.
 * The same signals can not be blocked: the kernel kills a thread that faults with its signal
 * blocked, and a daemon may well block all signals in its threads.
 */
#include <dlfcn.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "model.h"

typedef int (*sigaction_call)(int, const struct sigaction *, struct sigaction *);
typedef int (*mask_call)(int, const sigset_t *, sigset_t *);

static sigaction_call real_sigaction;
static mask_call real_pthread_sigmask, real_sigprocmask;

/* Handlers are read by signal handlers of all threads: so an entry is never changed, a new
 * one takes its place, and the slots are used again only after 63 more changes. */
#define SLOTS 64u
static struct theirs {
	int sig;
	atomic_uint claimed, current;
	struct sigaction slot[SLOTS];
} theirs[] = { { .sig = SIGILL }, { .sig = SIGSEGV }, { .sig = SIGBUS }, { .sig = SIGTRAP } };
#define OWNED (sizeof(theirs) / sizeof(theirs[0]))

/* Others may call before the constructor has run. */
static void find_real(void)
{
	if (real_sigaction)
		return;
	real_pthread_sigmask = (mask_call)dlsym(RTLD_NEXT, "pthread_sigmask");
	real_sigprocmask = (mask_call)dlsym(RTLD_NEXT, "sigprocmask");
	real_sigaction = (sigaction_call)dlsym(RTLD_NEXT, "sigaction");
}

static struct theirs *owned(int sig)
{
	for (size_t i = 0; pm.active && i < OWNED; i++)
		if (theirs[i].sig == sig && (sig != SIGTRAP || pm.key_cache))
			return &theirs[i];
	return NULL;
}

static sigset_t without_owned(const sigset_t *set)
{
	sigset_t out = *set;

	for (size_t i = 0; i < OWNED; i++)
		if (owned(theirs[i].sig))
			sigdelset(&out, theirs[i].sig);
	return out;
}

/* Returns what was there before. */
static struct sigaction put(struct theirs *t, const struct sigaction *action)
{
	unsigned slot = (atomic_fetch_add(&t->claimed, 1) + 1) % SLOTS;

	t->slot[slot] = *action;
	return t->slot[atomic_exchange(&t->current, slot)];
}

int sigaction(int sig, const struct sigaction *action, struct sigaction *old)
{
	struct theirs *t = owned(sig);
	struct sigaction copy, before;

	find_real();
	if (!t) {
		if (!action)
			return real_sigaction(sig, NULL, old);
		copy = *action;
		copy.sa_mask = without_owned(&action->sa_mask);
		return real_sigaction(sig, &copy, old);
	}
	before = t->slot[atomic_load(&t->current)];
	/* The child of a vfork() resets its handlers, in its parent's memory. */
	if (action && getpid() == pm.pid)
		before = put(t, action);
	if (old)
		*old = before;
	return 0;
}

static sighandler_t set_handler(int sig, sighandler_t handler, int flags)
{
	struct sigaction action = { .sa_flags = flags }, old;

	action.sa_handler = handler;
	sigemptyset(&action.sa_mask);
	return sigaction(sig, &action, &old) ? SIG_ERR : old.sa_handler;
}

sighandler_t signal(int sig, sighandler_t handler)
{
	return set_handler(sig, handler, SA_RESTART);
}

sighandler_t __sysv_signal(int sig, sighandler_t handler);
sighandler_t __sysv_signal(int sig, sighandler_t handler)
{
	return set_handler(sig, handler, (int)(SA_RESETHAND | SA_NODEFER));
}

sighandler_t sysv_signal(int sig, sighandler_t handler)
{
	return __sysv_signal(sig, handler);
}

static int change_mask(mask_call real, int how, const sigset_t *set, sigset_t *old)
{
	sigset_t allowed;

	if (!set || how == SIG_UNBLOCK)
		return real(how, set, old);
	allowed = without_owned(set);
	return real(how, &allowed, old);
}

int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	find_real();
	return change_mask(real_pthread_sigmask, how, set, old);
}

int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	find_real();
	return change_mask(real_sigprocmask, how, set, old);
}

/* With everything else blocked: the program sees an instruction, not the middle of one. */
void pm_install(int sig, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER }, old;

	action.sa_sigaction = handler;
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < OWNED; i++)
		sigdelset(&action.sa_mask, theirs[i].sig);
	sigdelset(&action.sa_mask, SIGFPE);
	sigdelset(&action.sa_mask, SIGABRT);
	real_sigaction(sig, &action, &old);
	for (size_t i = 0; i < OWNED; i++)
		if (theirs[i].sig == sig)
			theirs[i].slot[0] = old;
}

void pm_chain_start(void)
{
	sigset_t mine;

	find_real();
	sigemptyset(&mine);
	for (size_t i = 0; i < OWNED; i++)
		sigaddset(&mine, theirs[i].sig);
	real_sigprocmask(SIG_UNBLOCK, &mine, NULL);
}

static void call_handler(struct theirs *t, int sig, siginfo_t *info, ucontext_t *u)
{
	struct sigaction action = t->slot[atomic_load(&t->current)];
	sigset_t mask = without_owned(&action.sa_mask), kept;
	static const struct sigaction plain = { .sa_handler = SIG_DFL };

	sigorset(&mask, &mask, &u->uc_sigmask);
	mask = without_owned(&mask);
	real_pthread_sigmask(SIG_SETMASK, &mask, &kept);
	if (action.sa_flags & (int)SA_RESETHAND)
		put(t, &plain);
	if (action.sa_flags & SA_SIGINFO)
		action.sa_sigaction(sig, info, u);
	else
		action.sa_handler(sig);
	real_pthread_sigmask(SIG_SETMASK, &kept, NULL);
}

/* The instruction can not be run again to raise the signal: it is sent. */
static void die(int sig, siginfo_t *info)
{
	pm_tell_totals();
	syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), sig, info);
	_exit(128 + sig);
}

/*
 * Hands a signal to the program as if the model were not there.
 * again  true if the return to u raises it once more by itself
 */
void pm_chain(int sig, siginfo_t *info, ucontext_t *u, bool again)
{
	static const struct sigaction plain = { .sa_handler = SIG_DFL };
	struct theirs *t = owned(sig);
	sighandler_t handler = t ? t->slot[atomic_load(&t->current)].sa_handler : SIG_DFL;

	if (handler == SIG_IGN && info->si_code <= 0)
		return;
	if (handler != SIG_IGN && handler != SIG_DFL) {
		call_handler(t, sig, info, u);
		return;
	}
	real_sigaction(sig, &plain, NULL);
	if (!again || info->si_code <= 0)
		die(sig, info);
	pm_tell_totals();
}
