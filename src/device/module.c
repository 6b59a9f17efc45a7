/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "module.h"

#include "sched/job.h"
#include "base/log.h"
#include "base/settings.h"

#include <dlfcn.h>
#include <glib.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct acr_module {
	atomic_uint refs;
	void *handle;
	union {
		struct acr_driver driver;
		struct acr_balancer balancer;
	};
};

/* What differs between the two kinds. */
static const struct kind {
	const char *word, *symbol, *folder;
	uint32_t magic, api;
	size_t size;
} kinds[] = {
	[ACR_MODULE_DRIVER] = { "driver", "acrypto_driver", "drivers", ACR_DRIVER_MAGIC,
	                        ACR_DRIVER_API, sizeof(struct acr_driver) },
	[ACR_MODULE_BALANCER] = { "balancer", "acrypto_balancer", "lb", ACR_BALANCER_MAGIC,
	                          ACR_BALANCER_API, sizeof(struct acr_balancer) },
};

/* The folder of modules that belongs to the running program: beside it in a build tree, else
 * where it was installed (moved by DESTDIR or not). Returns owned. */
static char *home(const struct kind *kind)
{
	char exe[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
	g_autofree char *beside = NULL, *folder = NULL;

	if (len < 0)
		return g_build_filename(ACR_PKGLIBDIR, kind->folder, NULL);
	exe[len] = 0;
	folder = g_path_get_dirname(exe);
	beside = g_build_filename(folder, kind->folder, NULL);
	if (g_file_test(beside, G_FILE_TEST_IS_DIR))
		return g_steal_pointer(&beside);
	if (g_str_has_suffix(folder, ACR_SBINDIR)) {
		folder[strlen(folder) - strlen(ACR_SBINDIR)] = 0;
		return g_build_filename(*folder ? folder : "/", ACR_PKGLIBDIR, kind->folder,
		                        NULL);
	}
	return g_build_filename(ACR_PKGLIBDIR, kind->folder, NULL);
}

/* All folders to search, in order. */
static char **folders(const struct kind *kind)
{
	const char *path = atomic_load(&acr_settings.module_path);
	g_autoptr(GPtrArray) list = g_ptr_array_new();
	g_auto(GStrv) given = g_strsplit(path ? path : "", ":", -1);

	for (guint i = 0; given[i]; i++) {
		if (!*given[i])
			continue;
		g_ptr_array_add(list, g_strdup(given[i]));
		g_ptr_array_add(list, g_build_filename(given[i], kind->folder, NULL));
	}
	g_ptr_array_add(list, home(kind));
	g_ptr_array_add(list, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
}

/* The sentence for a module that is in none of the folders: those that fit are named in it,
 * and all of them in the log. */
static void explain_missing(const struct kind *kind, const char *name, char **list, char *why)
{
	g_autofree char *all = g_strjoinv(", ", list);
	int len = snprintf(why, ACR_SENTENCE, "there is no %s \"%.40s\" in %s", kind->word,
	                   name, all);

	acr_log(ACR_LOG_WARNING, "module", "there is no %s \"%.40s\" in %s", kind->word, name,
	        all);
	if (len >= ACR_SENTENCE)
		memcpy(why + ACR_SENTENCE - 4, "...", 4);
}

/* Path of a module, owned; NULL: not found, and why says it. */
static char *find(const struct kind *kind, const char *name, char *why)
{
	g_auto(GStrv) list = folders(kind);
	g_autofree char *file = g_strconcat(name, ".so", NULL);

	if (strchr(name, '/'))
		return g_strdup(name);
	for (guint i = 0; list[i]; i++) {
		g_autofree char *flat = g_build_filename(list[i], file, NULL);
		g_autofree char *deep = g_build_filename(list[i], name, file, NULL);
		if (g_file_test(flat, G_FILE_TEST_EXISTS))
			return g_steal_pointer(&flat);
		if (g_file_test(deep, G_FILE_TEST_EXISTS))
			return g_steal_pointer(&deep);
	}
	explain_missing(kind, name, list, why);
	return NULL;
}

/* Both kinds of module descriptor begin alike. */
struct descriptor {
	uint32_t magic, api;
	size_t size;
	const void *table;
};

static const struct descriptor *check(const struct kind *kind, void *handle, const char *path,
                                      char *why)
{
	const struct descriptor *found = dlsym(handle, kind->symbol);

	if (!found || found->magic != kind->magic)
		snprintf(why, ACR_SENTENCE, "%.100s is not an acrypto %s", path, kind->word);
	else if (found->api != kind->api)
		snprintf(why, ACR_SENTENCE, "%.80s has %s API %u, this acryptod has %u", path,
		         kind->word, found->api, kind->api);
	else
		return found;
	return NULL;
}

struct acr_module *acr_module_load(enum acr_module_kind id, const char *name, char *why)
{
	const struct kind *kind = &kinds[id];
	g_autofree char *path = find(kind, name, why);
	const struct descriptor *found;
	struct acr_module *module;
	void *handle;

	if (!path)
		return NULL;
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		snprintf(why, ACR_SENTENCE, "%.*s", ACR_SENTENCE - 1, dlerror());
		return NULL;
	}
	found = check(kind, handle, path, why);
	if (!found) {
		dlclose(handle);
		return NULL;
	}
	module = g_new0(struct acr_module, 1);
	atomic_init(&module->refs, 1);
	module->handle = handle;
	memcpy(&module->driver, found->table, MIN(found->size, kind->size));
	return module;
}

struct acr_module *acr_module_ref(struct acr_module *module)
{
	atomic_fetch_add(&module->refs, 1);
	return module;
}

void acr_module_unref(struct acr_module *module)
{
	if (!module || atomic_fetch_sub(&module->refs, 1) != 1)
		return;
#ifndef ACR_DEBUG /* the sanitizers want to name functions when the program ends */
	dlclose(module->handle);
#endif
	g_free(module);
}

const struct acr_driver *acr_module_driver(const struct acr_module *module)
{
	return &module->driver;
}

const struct acr_balancer *acr_module_balancer(const struct acr_module *module)
{
	return &module->balancer;
}

static void add_name(GHashTable *names, const char *folder, const char *entry)
{
	g_autofree char *name = NULL, *deep = NULL;

	if (g_str_has_suffix(entry, ".so")) {
		name = g_strndup(entry, strlen(entry) - 3);
	} else {
		g_autofree char *file = g_strconcat(entry, ".so", NULL);
		deep = g_build_filename(folder, entry, file, NULL);
		if (g_file_test(deep, G_FILE_TEST_EXISTS))
			name = g_strdup(entry);
	}
	if (name && acr_name_ok(name))
		g_hash_table_add(names, g_steal_pointer(&name));
}

/* A folder of the module path may have modules of both kinds; a file that is no module
 * counts, so that whoever loads it says so. */
static bool is_other_kind(const struct kind *kind, const char *name)
{
	char why[ACR_SENTENCE];
	g_autofree char *path = find(kind, name, why);
	void *handle = path ? dlopen(path, RTLD_LAZY | RTLD_LOCAL) : NULL;
	bool other = false;

	for (size_t i = 0; handle && i < G_N_ELEMENTS(kinds); i++)
		other |= &kinds[i] != kind && dlsym(handle, kinds[i].symbol);
	if (handle)
		dlclose(handle);
	return other;
}

static int compare(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **acr_module_names(enum acr_module_kind id)
{
	g_autoptr(GHashTable) names =
	        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_auto(GStrv) list = folders(&kinds[id]);
	GPtrArray *sorted = g_ptr_array_new();
	GHashTableIter iter;
	gpointer name;

	for (guint i = 0; list[i]; i++) {
		g_autoptr(GDir) dir = g_dir_open(list[i], 0, NULL);
		const char *entry;
		while (dir && (entry = g_dir_read_name(dir)))
			add_name(names, list[i], entry);
	}
	g_hash_table_iter_init(&iter, names);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		if (!is_other_kind(&kinds[id], name))
			g_ptr_array_add(sorted, g_strdup(name));
	g_ptr_array_sort(sorted, compare);
	g_ptr_array_add(sorted, NULL);
	return (char **)g_ptr_array_free(sorted, FALSE);
}
