/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The constructor: what the environment asks for. It is the first to run (-z initfirst),
 * so that libraries of the program probe the CPU that is played; environ is not set then,
 * and the arguments of the constructor are used.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model.h"

struct pm_settings pm;

static const char centaur[] = "CentaurHauls", shanghai[] = "  Shanghai  ";

/* Kinds of CPUs. Bits that the model can not do - SM2, RNG2, RSA - are never claimed. */
static const struct person {
	const char *name, *vendor;
	uint32_t signature, edx;
	unsigned quirks;
} persons[] = {
	{ "nano", centaur, 0x6F8, 0x3FCC, 0 },
	{ "nano2", centaur, 0x6F2, 0x3FCC, 0 },
	{ "c7", centaur, 0x6A9, 0x3FCC, PM_NO_BLOCK_FORM | PM_RNG_STATUS },
	{ "c3", centaur, 0x698, 0x00CC, PM_RNG_STATUS },
	{ "c3-rng", centaur, 0x693, 0x000C, PM_RNG_STATUS | PM_ONE_SOURCE },
	{ "c3-old", centaur, 0x690, 0x0000, 0 },
	{ "zhaoxin", shanghai, 0x10690, 0x3DFC, PM_ZERO_IS_NOTHING | PM_SM4_OLD },
	{ "yongfeng", shanghai, 0x507B3, 0x3DFC, PM_ZERO_IS_NOTHING },
	{ "shijidadao", shanghai, 0x607B1, 0x06003CFC, PM_ZERO_IS_NOTHING },
	{ "server", shanghai, 0x707B0, 0x06003DFC, PM_ZERO_IS_NOTHING },
	{ "all", centaur, 0x6F8, 0x06003FFC, 0 },
};

static char **environment;

/* The value of PADLOCK_MODEL<name>, or the default. */
static const char *value(const char *name, const char *otherwise)
{
	static const char prefix[] = "PADLOCK_MODEL";
	size_t n = strlen(name);

	for (char **e = environment; e && *e; e++) {
		const char *rest = *e + sizeof(prefix) - 1;
		if (!strncmp(*e, prefix, sizeof(prefix) - 1) && !strncmp(rest, name, n) &&
		    rest[n] == '=')
			return rest + n + 1;
	}
	return otherwise;
}

static bool is_on(const char *name, bool otherwise)
{
	const char *word = value(name, otherwise ? "1" : "0");

	return *word && strcmp(word, "0") != 0;
}

/* A program under a model that is not what was asked for proves nothing: so it does not run. */
static _Noreturn void refuse(const char *name, const char *word)
{
	struct pm_text t = { .used = 0 };

	pm_text_add(&t, "padlock-model: PADLOCK_MODEL");
	pm_text_add(&t, name);
	pm_text_add(&t, " can not be ");
	pm_text_add(&t, word);
	pm_text_write(&t, STDERR_FILENO);
	_exit(125);
}

static uint32_t number(const char *name, uint32_t otherwise)
{
	const char *word = value(name, NULL);
	char *end;
	unsigned long n;

	if (!word)
		return otherwise;
	n = strtoul(word, &end, 0);
	if (end == word || *end || n > UINT32_MAX)
		refuse(name, word);
	return (uint32_t)n;
}

static void choose_vendor(const char *otherwise)
{
	static const char *const known[][2] = { { "centaur", centaur },
		                                { "shanghai", shanghai },
		                                { "via", "VIA VIA VIA " } };
	const char *word = value("_VENDOR", NULL);

	memcpy(pm.vendor, otherwise, 12);
	if (!word)
		return;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(word, known[i][0])) {
			memcpy(pm.vendor, known[i][1], 12);
			return;
		}
	if (strlen(word) != 12)
		refuse("_VENDOR", word);
	memcpy(pm.vendor, word, 12);
}

static void choose_person(const char *name)
{
	const struct person *p = persons, *end = p + sizeof(persons) / sizeof(persons[0]);

	while (p < end && strcmp(p->name, name) != 0)
		p++;
	if (p == end)
		refuse("", name);
	pm.signature = number("_SIGNATURE", p->signature);
	pm.edx = number("_EDX", p->edx);
	pm.quirks = p->quirks;
	choose_vendor(p->vendor);
	if (!memcmp(pm.vendor, shanghai, 12))
		pm.quirks |= PM_ACE2_PRESENT;
}

/* ECB,CBC,CTR in bytes; CFB and OFB fetch block by block. */
static void choose_groups(const char *word)
{
	static const enum pm_mode order[] = { PM_ECB, PM_CBC, PM_CTR };
	const char *p = strcmp(word, "none") ? word : "16,16,16";
	char *end;

	pm.group[PM_CFB] = pm.group[PM_OFB] = 16;
	for (unsigned i = 0; i < 3; i++) {
		unsigned long n = strtoul(p, &end, 10);
		if (n < 16 || n > 128 || n % 16 || *end != (i < 2 ? ',' : '\0'))
			refuse("_PREFETCH", word);
		pm.group[order[i]] = (unsigned)n;
		p = end + 1;
	}
}

static const char *choose_word(const char *name, const char *const words[])
{
	const char *word = value(name, words[0]);

	for (unsigned i = 0; words[i]; i++)
		if (!strcmp(word, words[i]))
			return words[i];
	refuse(name, word);
}

/* Programs count on getting the low numbers. */
static int high_number(int file)
{
	int high = file < 0 ? -1 : fcntl(file, F_DUPFD_CLOEXEC, 900);

	if (high < 0)
		return file;
	close(file);
	return high;
}

static void open_trace(const char *path)
{
	struct stat opened;

	pm.trace = -1;
	if (!path || !*path)
		return;
	if (!strcmp(path, "stderr"))
		pm.trace = STDERR_FILENO;
	else
		pm.trace = high_number(
		        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666));
	if (fstat(pm.trace, &opened))
		refuse("_TRACE", path);
	pm.trace_inode = opened.st_ino;
	pm.trace_device = opened.st_dev;
}

static void choose(void)
{
	choose_person(value("", "nano"));
	choose_groups(value("_PREFETCH", "128,64,32"));
	pm.strict = is_on("_STRICT", false);
	pm.steps = number("_KEY_CACHE", 0);
	pm.key_cache = pm.steps;
	pm.dirty = is_on("_DIRTY", false);
	pm.hide = is_on("_HIDE", true);
	pm.rng = choose_word("_RNG", pm_rng_words);
	pm.patch = value("_PATCH", "*padlock*");
	pm.stats = value("_STATS", NULL);
	open_trace(value("_TRACE", NULL));
}

static __attribute__((constructor)) void start(int argc, char **argv, char **envp)
{
	static const char *const ways[] = { "auto", "fault", "patch", "none", NULL };

	(void)argc;
	(void)argv;
	environment = envp;
	if (!strcmp(value("", "nano"), "off"))
		return;
	choose();
	pm_aes_start();
	pm_chain_start();
	pm_trap_start();
	pm.pid = getpid();
	pm.active = true;
	pthread_atfork(NULL, NULL, pm_tell_fork);
	pm_cpuid_start(choose_word("_CPUID", ways));
}

static __attribute__((destructor)) void stop(void)
{
	if (pm.active)
		pm_tell_totals();
}
