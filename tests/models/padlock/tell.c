/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages, the trace, and the line of statistics; never a key or data. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "model.h"

struct pm_counts pm_counts;

void pm_text_add(struct pm_text *t, const char *words)
{
	while (*words && t->used < sizeof(t->text) - 1)
		t->text[t->used++] = *words++;
}

static void add_number(struct pm_text *t, uint64_t value, unsigned base)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do
		digits[--at] = "0123456789abcdef"[value % base];
	while (value /= base);
	pm_text_add(t, digits + at);
}

void pm_text_number(struct pm_text *t, const char *label, uint64_t value)
{
	pm_text_add(t, label);
	add_number(t, value, 10);
}

void pm_text_hex(struct pm_text *t, const char *label, uint64_t value)
{
	pm_text_add(t, label);
	pm_text_add(t, "0x");
	add_number(t, value, 16);
}

/* One write: lines of many processes in one file stay whole. */
void pm_text_write(struct pm_text *t, int file)
{
	t->text[t->used++] = '\n';
	for (size_t at = 0; at < t->used;) {
		ssize_t n = write(file, t->text + at, t->used - at);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
}

/* Programs close what they do not know, and open other files under the number. */
static void trace_write(struct pm_text *t)
{
	struct stat now;

	if (fstat(pm.trace, &now) || now.st_ino != pm.trace_inode ||
	    now.st_dev != pm.trace_device)
		return;
	pm_text_write(t, pm.trace);
}

void pm_say(const char *words)
{
	struct pm_text t = { .used = 0 };

	pm_text_add(&t, "padlock-model: ");
	pm_text_add(&t, words);
	pm_text_write(&t, STDERR_FILENO);
}

static void end_process(void)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t abort_only;

	pm_tell_totals();
	sigaction(SIGABRT, &plain, NULL);
	sigemptyset(&abort_only);
	sigaddset(&abort_only, SIGABRT);
	sigprocmask(SIG_UNBLOCK, &abort_only, NULL);
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGABRT);
	_exit(134);
}

/*
 * The program did what hardware punishes, or does not define. Counts and traces it; in strict
 * mode tells the sentence and aborts, and does not return.
 */
void pm_violation(const char *sentence)
{
	struct pm_text t = { .used = 0 };

	atomic_fetch_add(&pm_counts.violations, 1);
	pm_text_number(&t, "padlock-model: pid ", (uint64_t)getpid());
	pm_text_add(&t, ": ");
	pm_text_add(&t, pm_self.insn ? pm_self.insn : "?");
	pm_text_add(&t, ": ");
	pm_text_add(&t, sentence);
	if (pm.trace >= 0) {
		struct pm_text copy = t;
		trace_write(&copy);
	}
	if (!pm.strict)
		return;
	if (pm.trace != STDERR_FILENO)
		pm_text_write(&t, STDERR_FILENO);
	end_process();
}

static const char *const end_words[] = {
	[PM_DONE] = "done", [PM_FAULT] = "fault", [PM_GP] = "gp", [PM_UD] = "ud"
};

/* Counts one instruction and traces it if asked to. */
void pm_tell_insn(const struct pm_insn *insn, const struct pm_cpu *before, uint64_t units,
                  enum pm_end end)
{
	struct pm_text t = { .used = 0 };
	size_t row = (size_t)(insn - pm_insns);

	if (end == PM_UD)
		return;
	atomic_fetch_add_explicit(&pm_counts.calls[row], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&pm_counts.units[row], units, memory_order_relaxed);
	if (end != PM_DONE)
		atomic_fetch_add_explicit(&pm_counts.faults, 1, memory_order_relaxed);
	if (pm.trace < 0)
		return;
	pm_text_number(&t, "", (uint64_t)getpid());
	pm_text_number(&t, " ", (uint64_t)syscall(SYS_gettid));
	pm_text_add(&t, " ");
	pm_text_add(&t, insn->name);
	pm_text_number(&t, " units=", units);
	if (insn->run == pm_xcrypt)
		pm_text_hex(&t, " word=",
		            pm_load32((uint8_t[]){ pm_self.ace.word[3], pm_self.ace.word[2],
		                                   pm_self.ace.word[1], pm_self.ace.word[0] }));
	pm_text_hex(&t, " si=", before->si);
	pm_text_hex(&t, " di=", before->di);
	pm_text_add(&t, " ");
	pm_text_add(&t, end_words[end]);
	trace_write(&t);
}

static void add_program(struct pm_text *t)
{
	char path[128];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n < 0 ? 0 : n] = '\0';
	pm_text_add(t, " program=");
	pm_text_add(t, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
}

/* Writes the line of statistics: once a process, at its end; not for the child of a vfork(),
 * whose memory is its parent's. */
void pm_tell_totals(void)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	struct pm_text t = { .used = 0 };
	int file = STDERR_FILENO;

	if (!pm.stats || getpid() != pm.pid || atomic_flag_test_and_set(&told))
		return;
	if (strcmp(pm.stats, "stderr") != 0)
		file = open(pm.stats, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (file < 0)
		return;
	pm_text_number(&t, "pid=", (uint64_t)getpid());
	add_program(&t);
	for (unsigned i = 0; i < PM_INSNS; i++) {
		if (!atomic_load(&pm_counts.calls[i]))
			continue;
		pm_text_add(&t, " ");
		pm_text_add(&t, pm_insns[i].name);
		pm_text_number(&t, "=", atomic_load(&pm_counts.calls[i]));
		pm_text_number(&t, "/", atomic_load(&pm_counts.units[i]));
	}
	pm_text_number(&t, " cpuid=", atomic_load(&pm_counts.cpuids));
	pm_text_number(&t, " reloads=", atomic_load(&pm_counts.reloads));
	pm_text_number(&t, " faults=", atomic_load(&pm_counts.faults));
	pm_text_number(&t, " violations=", atomic_load(&pm_counts.violations));
	pm_text_write(&t, file);
	if (file != STDERR_FILENO)
		close(file);
}

/* Programs end by these as well; exit() does not come here, it runs the destructor. */
void _exit(int status)
{
	if (pm.active)
		pm_tell_totals();
	for (;;)
		syscall(SYS_exit_group, status);
}

void _Exit(int status)
{
	_exit(status);
}

/* In the child of a fork: its counts are its own. */
void pm_tell_fork(void)
{
	pm.pid = getpid();
	for (unsigned i = 0; i < PM_INSNS; i++) {
		atomic_store(&pm_counts.calls[i], 0);
		atomic_store(&pm_counts.units[i], 0);
	}
	atomic_store(&pm_counts.violations, 0);
	atomic_store(&pm_counts.faults, 0);
	atomic_store(&pm_counts.cpuids, 0);
	atomic_store(&pm_counts.reloads, 0);
}
