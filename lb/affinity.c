/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices of their own for some processes, users or sessions that name themselves so; the rest
 * shares the rest. The administrator writes the rules into lb/affinity/rules.
 *
 * find_device() reads the list of rules without a lock. A thread that replaces it waits for
 * all readers before freeing the old one. */
#include "words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 65 /* longest name of a device, and the final 0 */

/* In the order in which they are asked: the more special rule comes first. */
enum kind { PID, PRIVATE, UID, KINDS };
static const char *const kind_names[KINDS] = { "pid", "private", "uid" };

struct rule {
	enum kind kind;
	uint32_t number;  /* of PID and UID */
	const char *text; /* of PRIVATE; in the list's own copy */
	char device[NAME_SIZE];
};

struct rules {
	char *text; /* cut into pieces */
	char *shown;
	unsigned count;
	struct rule rules[];
};

struct affinity {
	_Atomic(struct rules *) rules; /* NULL: none */
	atomic_uint_least64_t by_rule, by_wish, others, missed;
};

static int affinity_create(void **data)
{
	*data = calloc(1, sizeof(struct affinity));
	return *data ? 0 : -ENOMEM;
}

static void rules_free(struct rules *rules)
{
	if (!rules)
		return;
	free(rules->text);
	free(rules->shown);
	free(rules);
}

static void affinity_destroy(void *data)
{
	struct affinity *affinity = data;

	rules_free(atomic_load(&affinity->rules));
	free(affinity);
}

/* ---- choosing ---- */

/* The first line of the private area. */
static struct acr_bytes first_line(const struct acr_lb_session *session)
{
	struct acr_bytes line = session->private_area;

	for (size_t i = 0; i < line.len; i++)
		if (!line.data[i] || line.data[i] == '\n')
			line.len = i;
	return line;
}

static bool is_text(struct acr_bytes line, const char *text)
{
	return line.len == strlen(text) && !memcmp(line.data, text, line.len);
}

static bool matches(const struct rule *rule, const struct acr_lb_session *session)
{
	switch (rule->kind) {
	case PID:
		return session->pid > 0 && (uint32_t)session->pid == rule->number;
	case PRIVATE:
		return session->private_area.len && is_text(first_line(session), rule->text);
	default:
		return session->uid == rule->number;
	}
}

static double load(const struct acr_lb_device *device)
{
	return (double)(device->queued + device->running) / (device->width ? device->width : 1);
}

static bool better(const struct acr_lb_device *devices, unsigned n, unsigned i, unsigned best)
{
	return best == n || load(&devices[i]) < load(&devices[best]);
}

static bool reserved(const struct rules *rules, const char *device)
{
	for (unsigned i = 0; rules && i < rules->count; i++)
		if (!strcmp(rules->rules[i].device, device))
			return true;
	return false;
}

/* The least loaded of the devices that rules of one kind give this session. n: none is there;
 * *wanted: but there is a rule. */
static unsigned by_rule(const struct rules *rules, enum kind kind,
                        const struct acr_lb_session *session,
                        const struct acr_lb_device *devices, unsigned n, bool *wanted)
{
	unsigned best = n;

	for (unsigned r = 0; rules && r < rules->count; r++) {
		const struct rule *rule = &rules->rules[r];

		if (rule->kind != kind || !matches(rule, session))
			continue;
		*wanted = true;
		for (unsigned i = 0; i < n; i++)
			if (!strcmp(devices[i].name, rule->device) &&
			    better(devices, n, i, best))
				best = i;
	}
	return best;
}

/* What a private area that begins with device=NAME asks for, unless it is somebody's own. */
static unsigned by_wish(const struct rules *rules, const struct acr_lb_session *session,
                        const struct acr_lb_device *devices, unsigned n)
{
	static const char word[] = "device=";
	struct acr_bytes line = first_line(session);
	size_t len = sizeof(word) - 1;

	if (line.len < len || memcmp(line.data, word, len))
		return n;
	line.data += len;
	line.len -= len;
	for (unsigned i = 0; i < n; i++)
		if (is_text(line, devices[i].name) && !reserved(rules, devices[i].name))
			return i;
	return n;
}

/* The least loaded; free ones only, or all. */
static unsigned least(const struct rules *rules, const struct acr_lb_device *devices,
                      unsigned n, bool all)
{
	unsigned best = n;

	for (unsigned i = 0; i < n; i++)
		if ((all || !reserved(rules, devices[i].name)) && better(devices, n, i, best))
			best = i;
	return best;
}

static void count(atomic_uint_least64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void say_load(struct words *words, double score)
{
	words_text(words, ", load ");
	words_decimal(words, (uint64_t)(score * 100), 2);
}

/* Without a rule, or where none of its devices is there. */
static void choose_other(struct affinity *affinity, const struct rules *rules, bool wanted,
                         const struct acr_lb_session *session,
                         const struct acr_lb_device *devices, unsigned n,
                         struct acr_lb_choice *choice)
{
	unsigned best = by_wish(rules, session, devices, n);
	struct words words = words_begin(choice);

	if (wanted)
		words_text(&words, "its own is not there; ");
	if (best < n) {
		count(&affinity->by_wish);
		words_text(&words, "a wish of its private area");
	} else {
		count(&affinity->others);
		best = least(rules, devices, n, false);
		words_text(&words, best < n ? "for everybody" : "all are reserved");
		if (best == n)
			best = least(rules, devices, n, true);
	}
	say_load(&words, load(&devices[best]));
	choice->index = best;
}

static int affinity_find_device(void *data, const struct acr_lb_session *session,
                                const struct acr_lb_device *devices, unsigned n,
                                struct acr_lb_choice *choice)
{
	struct affinity *affinity = data;
	const struct rules *rules = atomic_load(&affinity->rules);
	struct words words;
	bool wanted = false;

	for (unsigned kind = 0; kind < KINDS; kind++) {
		unsigned best = by_rule(rules, (enum kind)kind, session, devices, n, &wanted);

		if (best == n)
			continue;
		choice->index = best;
		choice->score = load(&devices[best]);
		words = words_begin(choice);
		words_text(&words, "rule by ");
		words_text(&words, kind_names[kind]);
		say_load(&words, choice->score);
		count(&affinity->by_rule);
		return 0;
	}
	if (wanted)
		count(&affinity->missed);
	choose_other(affinity, rules, wanted, session, devices, n, choice);
	choice->score = load(&devices[choice->index]);
	return 0;
}

/* ---- the file `rules` ---- */

/* A whole number to the end of the text. */
static bool number(const char *text, uint32_t *value)
{
	char *end;
	unsigned long long found;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	found = strtoull(text, &end, 10);
	*value = (uint32_t)found;
	return !errno && !*end && found <= UINT32_MAX;
}

/* "KIND WHAT DEVICE". Returns what is wrong, NULL: nothing. */
static const char *parse(char *line, struct rule *rule)
{
	char *what = strchr(line, ' '), *device = strrchr(line, ' ');
	unsigned kind = 0;

	if (!what || device == what)
		return "must be pid NUMBER DEVICE, uid NUMBER DEVICE or private TEXT DEVICE";
	*what++ = 0;
	*device++ = 0;
	while (kind < KINDS && strcmp(kind_names[kind], line))
		kind++;
	if (kind == KINDS)
		return "must begin with pid, uid or private";
	rule->kind = (enum kind)kind;
	rule->text = what;
	if (!*device || strlen(device) >= NAME_SIZE)
		return "must end with the name of a device";
	memcpy(rule->device, device, strlen(device) + 1);
	if (kind != PRIVATE && !number(what, &rule->number))
		return "has no number after pid or uid";
	return NULL;
}

/* NULL: no memory, or what is wrong was logged; *error says which. */
static struct rules *parse_all(const char *text, int *error)
{
	struct rules *rules;
	unsigned lines = 1, at = 0;
	char *save = NULL;

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	rules = calloc(1, sizeof(*rules) + lines * sizeof(rules->rules[0]));
	*error = -ENOMEM;
	if (!rules)
		return NULL;
	rules->text = strdup(text);
	rules->shown = strdup(text);
	if (!rules->text || !rules->shown) {
		rules_free(rules);
		return NULL;
	}
	for (char *line = rules->text; line; line = save) {
		const char *wrong = NULL;

		at++;
		save = strchr(line, '\n');
		if (save)
			*save++ = 0;
		if (*line && *line != '#')
			wrong = parse(line, &rules->rules[rules->count++]);
		if (wrong) {
			acr_log(ACR_LOG_ERROR, "affinity", "line %u of the rules %s", at,
			        wrong);
			*error = -EINVAL;
			rules_free(rules);
			return NULL;
		}
	}
	return rules;
}

static int affinity_write_rules(void *data, const char *text)
{
	struct affinity *affinity = data;
	int error;
	struct rules *rules = parse_all(text, &error), *old;

	if (!rules)
		return error;
	old = atomic_exchange(&affinity->rules, rules);
	acr_lb_synchronize();
	rules_free(old);
	return 0;
}

static size_t affinity_read_rules(void *data, char *text, size_t size)
{
	struct affinity *affinity = data;
	const struct rules *rules = atomic_load(&affinity->rules);
	const char *shown = rules ? rules->shown : "";

	return (size_t)snprintf(text, size, *shown ? "%s\n" : "%s", shown);
}

static size_t affinity_info(void *data, char *text, size_t size)
{
	struct affinity *affinity = data;
	const struct rules *rules = atomic_load(&affinity->rules);
	int n = snprintf(text, size,
	                 "rules: %u\nby-rule: %" PRIu64 "\nby-wish: %" PRIu64
	                 "\nothers: %" PRIu64 "\nmissed: %" PRIu64 "\n",
	                 rules ? rules->count : 0, (uint64_t)atomic_load(&affinity->by_rule),
	                 (uint64_t)atomic_load(&affinity->by_wish),
	                 (uint64_t)atomic_load(&affinity->others),
	                 (uint64_t)atomic_load(&affinity->missed));

	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size ? size - 1 : 0;
}

/* Rules name users and what they say in private. */
static const struct acr_lb_file affinity_files[] = {
	{ "rules", "lines of: pid NUMBER DEVICE, uid NUMBER DEVICE, private TEXT DEVICE", 0600,
	  affinity_read_rules, affinity_write_rules },
	{ 0 },
};

static const struct acr_balancer affinity = {
	.name = "affinity",
	.help = "devices of their own for some processes, users or sessions",
	.create = affinity_create,
	.destroy = affinity_destroy,
	.find_device = affinity_find_device,
	.info = affinity_info,
	.files = affinity_files,
};

ACR_REGISTER_BALANCER(affinity);
