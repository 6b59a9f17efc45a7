/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balancer.h"

#include "base/epoch.h"
#include "base/log.h"
#include "job.h"
#include "device/module.h"
#include "base/settings.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct acr_balancing {
	const struct acr_balancer *table;
	struct acr_module *module;
	void *data;
	pthread_mutex_t files;       /* its files' callbacks run one at a time; before (lock) */
	atomic_uint users;           /* threads in them; up under (lock) */
	atomic_uint_least64_t asked; /* find_device() calls */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the lists; not of `current` */
static GPtrArray *list;   /* (lock) of struct acr_balancing, the loaded ones */
static GPtrArray *others; /* (lock) those of groups */
static _Atomic(struct acr_balancing *) current; /* replaced under (lock), read inside epochs */

void acr_balancer_choose(struct acr_balancing *lb, const struct acr_lb_session *session,
                         const struct acr_lb_device *devices, unsigned n,
                         struct acr_lb_choice *choice)
{
	*choice = (struct acr_lb_choice){ 0 };
	if (!lb)
		lb = atomic_load(&current);
	if (!lb) {
		snprintf(choice->reason, sizeof choice->reason, "no balancer");
		return;
	}
	atomic_fetch_add_explicit(&lb->asked, 1, memory_order_relaxed);
	if (lb->table->find_device(lb->data, session, devices, n, choice) ||
	    choice->index >= n) {
		*choice = (struct acr_lb_choice){ 0 };
		snprintf(choice->reason, sizeof choice->reason, "%s gave none",
		         lb->table->name);
	}
	choice->reason[sizeof choice->reason - 1] = 0;
}

void acr_balancer_completed(struct acr_balancing *lb, uint64_t device_id,
                            const struct acr_lb_session *session, uint64_t queue_ns,
                            uint64_t process_ns)
{
	if (!lb)
		lb = atomic_load(&current);
	if (lb && lb->table->completed)
		lb->table->completed(lb->data, device_id, session, queue_ns, process_ns);
}

void acr_lb_synchronize(void)
{
	acr_epoch_wait();
}

static void tell_rehash(struct acr_balancing *lb)
{
	if (lb && lb->table->rehash)
		lb->table->rehash(lb->data);
}

void acr_balancer_rehash(void)
{
	pthread_mutex_lock(&lock);
	tell_rehash(atomic_load(&current));
	for (guint i = 0; others && i < others->len; i++)
		tell_rehash(others->pdata[i]);
	pthread_mutex_unlock(&lock);
}

static void tell_forget(gpointer lb, gpointer device_id)
{
	struct acr_balancing *balancing = lb;

	if (balancing->table->forget)
		balancing->table->forget(balancing->data, *(const uint64_t *)device_id);
}

void acr_balancer_forget(uint64_t device_id)
{
	pthread_mutex_lock(&lock);
	if (list)
		g_ptr_array_foreach(list, tell_forget, &device_id);
	if (others)
		g_ptr_array_foreach(others, tell_forget, &device_id);
	pthread_mutex_unlock(&lock);
}

/* Under (lock). */
static struct acr_balancing *find(const char *name)
{
	for (guint i = 0; list && i < list->len; i++) {
		struct acr_balancing *lb = list->pdata[i];
		if (!strcmp(lb->table->name, name))
			return lb;
	}
	return NULL;
}

static void destroy(struct acr_balancing *lb)
{
	if (lb->table->destroy)
		lb->table->destroy(lb->data);
	acr_module_unref(lb->module);
	pthread_mutex_destroy(&lb->files);
	g_free(lb);
}

static bool file_ok(const struct acr_lb_file *file)
{
	static const unsigned modes[] = { 0444, 0644, 0200, 0400, 0600 };
	bool known = false;

	for (size_t i = 0; i < G_N_ELEMENTS(modes); i++)
		known |= file->mode == modes[i];
	return known && acr_name_ok(file->name) && strcmp(file->name, "info") && file->help &&
	       !(file->mode & 0400) == !file->read && !(file->mode & 0200) == !file->write;
}

/* Is the table one that can be used? */
static bool complete(const struct acr_balancer *table)
{
	unsigned count = 0;

	for (const struct acr_lb_file *file = table->files; file && file->name; file++)
		if (!file_ok(file) || ++count > ACR_LB_FILES)
			return false;
	return table->name && acr_name_ok(table->name) && table->help && table->find_device;
}

/* takes module. NULL: why says why, *error is the errno. */
static struct acr_balancing *make(struct acr_module *module, char *why, int *error)
{
	const struct acr_balancer *table = acr_module_balancer(module);
	struct acr_balancing *lb = NULL;

	*error = complete(table) ? 0 : -EINVAL;
	if (*error) {
		snprintf(why, ACR_SENTENCE, "its table is incomplete");
	} else {
		lb = g_new0(struct acr_balancing, 1);
		lb->table = table;
		lb->module = module;
		if (table->create && (*error = table->create(&lb->data)))
			snprintf(why, ACR_SENTENCE, "%s: %s", table->name, g_strerror(-*error));
	}
	if (*error) {
		acr_module_unref(module);
		g_free(lb);
		return NULL;
	}
	pthread_mutex_init(&lb->files, NULL);
	return lb;
}

/* Under (lock). takes module. */
static int add(struct acr_module *module, char *why)
{
	const char *name = acr_module_balancer(module)->name;
	struct acr_balancing *lb;
	int error;

	if (name && find(name)) {
		snprintf(why, ACR_SENTENCE, "the balancer is loaded already");
		acr_module_unref(module);
		return -EEXIST;
	}
	lb = make(module, why, &error);
	if (!lb)
		return error;
	if (!list)
		list = g_ptr_array_new();
	g_ptr_array_add(list, lb);
	if (!atomic_load(&current))
		atomic_store(&current, lb);
	return 0;
}

struct acr_balancing *acr_balancing_new(const char *name, char *why)
{
	struct acr_module *module = acr_module_load(ACR_MODULE_BALANCER, name, why);
	struct acr_balancing *lb = NULL;
	int error;

	if (module)
		lb = make(module, why, &error);
	if (!lb)
		return NULL;
	pthread_mutex_lock(&lock);
	if (!others)
		others = g_ptr_array_new();
	g_ptr_array_add(others, lb);
	pthread_mutex_unlock(&lock);
	return lb;
}

void acr_balancing_free(struct acr_balancing *lb)
{
	if (!lb)
		return;
	pthread_mutex_lock(&lock);
	g_ptr_array_remove(others, lb);
	pthread_mutex_unlock(&lock);
	destroy(lb);
}

const char *acr_balancing_name(const struct acr_balancing *lb)
{
	return lb->table->name;
}

int acr_balancer_load(const char *name)
{
	char why[ACR_SENTENCE];
	struct acr_module *module = acr_module_load(ACR_MODULE_BALANCER, name, why);
	int error = -ENOENT;

	if (module) {
		pthread_mutex_lock(&lock);
		error = add(module, why);
		pthread_mutex_unlock(&lock);
	}
	if (error)
		acr_log(ACR_LOG_ERROR, "balancer", "%s", why);
	else
		acr_log_put_right("balancer");
	return error;
}

int acr_balancer_switch(const char *name)
{
	struct acr_balancing *lb;

	pthread_mutex_lock(&lock);
	lb = find(name);
	if (lb)
		atomic_store(&current, lb);
	pthread_mutex_unlock(&lock);
	if (!lb)
		acr_log(ACR_LOG_ERROR, "balancer", "there is no loaded balancer \"%.64s\"",
		        name);
	else
		acr_log_put_right("balancer");
	return lb ? 0 : -ENOENT;
}

int acr_balancer_unload(const char *name)
{
	struct acr_balancing *lb;
	int error = 0;

	pthread_mutex_lock(&lock);
	lb = find(name);
	if (!lb)
		error = -ENOENT;
	else if (list->len == 1)
		error = -EBUSY;
	if (!error) {
		g_ptr_array_remove(list, lb);
		if (atomic_load(&current) == lb)
			atomic_store(&current, list->pdata[0]);
		acr_epoch_wait();
	}
	pthread_mutex_unlock(&lock);
	/* A thread that is in one of its files found it before it left the list. */
	while (!error && atomic_load(&lb->users))
		g_usleep(1000);
	if (!error)
		destroy(lb);
	else
		acr_log(ACR_LOG_ERROR, "balancer",
		        error == -EBUSY ? "\"%.64s\" is the last balancer and stays"
		                        : "there is no loaded balancer \"%.64s\"",
		        name);
	return error;
}

char **acr_balancer_names(void)
{
	GPtrArray *names = g_ptr_array_new();
	struct acr_balancing *now;

	pthread_mutex_lock(&lock);
	now = atomic_load(&current);
	if (now)
		g_ptr_array_add(names, g_strdup(now->table->name));
	for (guint i = 0; list && i < list->len; i++) {
		struct acr_balancing *lb = list->pdata[i];
		if (lb != now)
			g_ptr_array_add(names, g_strdup(lb->table->name));
	}
	pthread_mutex_unlock(&lock);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

bool acr_balancer_is_current(const char *name)
{
	struct acr_balancing *lb;
	bool is;

	pthread_mutex_lock(&lock);
	lb = atomic_load(&current);
	is = lb && !strcmp(lb->table->name, name);
	pthread_mutex_unlock(&lock);
	return is;
}

/* ---- its files ---- */

/* Hold one, so that it isn't unloaded; NULL: not loaded. No list is locked meanwhile: a
 * balancer may take its time. */
static struct acr_balancing *use(const char *name)
{
	struct acr_balancing *lb;

	pthread_mutex_lock(&lock);
	lb = find(name);
	if (lb)
		atomic_fetch_add(&lb->users, 1);
	pthread_mutex_unlock(&lock);
	if (lb)
		pthread_mutex_lock(&lb->files);
	return lb;
}

static void unuse(struct acr_balancing *lb)
{
	pthread_mutex_unlock(&lb->files);
	atomic_fetch_sub(&lb->users, 1);
}

static const struct acr_lb_file *file_at(const struct acr_balancing *lb, unsigned at)
{
	const struct acr_lb_file *file = lb->table->files;

	while (file && file->name && at--)
		file++;
	return file && file->name ? file : NULL;
}

char *acr_balancer_info(const char *name)
{
	char text[4096] = "";
	struct acr_balancing *lb = use(name);
	GString *result;

	if (!lb)
		return NULL;
	if (lb->table->info)
		lb->table->info(lb->data, text, sizeof text);
	result = g_string_new(NULL);
	g_string_append_printf(result, "name: %s\nhelp: %s\nasked: %" G_GUINT64_FORMAT "\n%s",
	                       lb->table->name, lb->table->help,
	                       (guint64)atomic_load(&lb->asked), text);
	for (const struct acr_lb_file *file = lb->table->files; file && file->name; file++)
		g_string_append_printf(result, "file-%s: %s\n", file->name, file->help);
	unuse(lb);
	return g_string_free(result, FALSE);
}

bool acr_balancer_file(const char *balancer, unsigned at, char *name, unsigned *mode)
{
	const struct acr_lb_file *file = NULL;
	struct acr_balancing *lb;

	pthread_mutex_lock(&lock);
	lb = find(balancer);
	if (lb)
		file = file_at(lb, at);
	if (file) {
		snprintf(name, 70, "%s", file->name);
		*mode = file->mode;
	}
	pthread_mutex_unlock(&lock);
	return file != NULL;
}

void acr_balancer_file_read(const char *balancer, unsigned at, GString *text)
{
	struct acr_balancing *lb = use(balancer);
	const struct acr_lb_file *file = lb ? file_at(lb, at) : NULL;
	size_t size = 4096, len, begin = text->len;

	while (file && file->read) {
		g_string_set_size(text, begin + size);
		len = file->read(lb->data, text->str + begin, size);
		g_string_set_size(text, begin + MIN(len, size - 1));
		if (len < size || size >= (size_t)64 * 1024 * 1024)
			break;
		size = MAX(len + 1, 2 * size); /* it may have grown meanwhile */
	}
	if (lb)
		unuse(lb);
}

int acr_balancer_file_write(const char *balancer, unsigned at, const char *text)
{
	struct acr_balancing *lb = use(balancer);
	const struct acr_lb_file *file = lb ? file_at(lb, at) : NULL;
	int error = lb ? -EACCES : -ENOENT;

	if (file && file->write)
		error = file->write(lb->data, text);
	if (lb)
		unuse(lb);
	return error;
}

void acr_balancers_free(void)
{
	atomic_store(&current, NULL);
	acr_epoch_wait();
	for (guint i = 0; list && i < list->len; i++)
		destroy(list->pdata[i]);
	if (list)
		g_ptr_array_unref(list);
	if (others)
		g_ptr_array_unref(others);
	list = others = NULL;
}
