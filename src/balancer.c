/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balancer.h"

#include "epoch.h"
#include "job.h"
#include "module.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct loaded {
	const struct acr_balancer *table;
	struct acr_module *module;
	void *data;
	atomic_uint_least64_t asked; /* find_device() calls */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the list; not of `current` */
static GPtrArray *list;                                  /* (lock) of struct loaded */
static _Atomic(struct loaded *) current; /* replaced under (lock), read inside epochs */

void acr_balancer_choose(const struct acr_lb_session *session,
			 const struct acr_lb_device *devices, unsigned n,
			 struct acr_lb_choice *choice)
{
	struct loaded *lb = atomic_load(&current);

	choice->index = 0;
	if (!lb) {
		snprintf(choice->reason, sizeof choice->reason, "no balancer");
		return;
	}
	atomic_fetch_add_explicit(&lb->asked, 1, memory_order_relaxed);
	if (lb->table->find_device(lb->data, session, devices, n, choice) || choice->index >= n) {
		choice->index = 0;
		snprintf(choice->reason, sizeof choice->reason, "%s gave none", lb->table->name);
	}
	choice->reason[sizeof choice->reason - 1] = 0;
}

void acr_balancer_completed(uint64_t device_id, const struct acr_lb_session *session,
			    uint64_t queue_ns, uint64_t process_ns)
{
	struct loaded *lb;

	acr_epoch_enter();
	lb = atomic_load(&current);
	if (lb && lb->table->completed)
		lb->table->completed(lb->data, device_id, session, queue_ns, process_ns);
	acr_epoch_leave();
}

void acr_balancer_rehash(void)
{
	struct loaded *lb;

	pthread_mutex_lock(&lock);
	lb = atomic_load(&current);
	if (lb && lb->table->rehash)
		lb->table->rehash(lb->data);
	pthread_mutex_unlock(&lock);
}

/* Under (lock). */
static struct loaded *find(const char *name)
{
	for (guint i = 0; list && i < list->len; i++) {
		struct loaded *lb = list->pdata[i];
		if (!strcmp(lb->table->name, name))
			return lb;
	}
	return NULL;
}

static void destroy(struct loaded *lb)
{
	if (lb->table->destroy)
		lb->table->destroy(lb->data);
	acr_module_unref(lb->module);
	g_free(lb);
}

/* Under (lock). takes module. */
static int add(struct acr_module *module, char *why)
{
	const struct acr_balancer *table = acr_module_balancer(module);
	struct loaded *lb;
	int error = 0;

	if (!table->name || !table->find_device)
		error = -EINVAL;
	else if (find(table->name))
		error = -EEXIST;
	if (error) {
		snprintf(why, ACR_SENTENCE, error == -EEXIST ? "the balancer is loaded already"
							     : "its table is incomplete");
		acr_module_unref(module);
		return error;
	}
	lb = g_new0(struct loaded, 1);
	lb->table = table;
	lb->module = module;
	if (table->create && (error = table->create(&lb->data))) {
		snprintf(why, ACR_SENTENCE, "%s: %s", table->name, g_strerror(-error));
		acr_module_unref(module);
		g_free(lb);
		return error;
	}
	if (!list)
		list = g_ptr_array_new();
	g_ptr_array_add(list, lb);
	if (!atomic_load(&current))
		atomic_store(&current, lb);
	return 0;
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
	return error;
}

int acr_balancer_switch(const char *name)
{
	struct loaded *lb;

	pthread_mutex_lock(&lock);
	lb = find(name);
	if (lb)
		atomic_store(&current, lb);
	pthread_mutex_unlock(&lock);
	if (!lb)
		acr_log(ACR_LOG_ERROR, "balancer", "there is no loaded balancer \"%.64s\"", name);
	return lb ? 0 : -ENOENT;
}

int acr_balancer_unload(const char *name)
{
	struct loaded *lb;
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
	if (!error)
		destroy(lb);
	else
		acr_log(ACR_LOG_ERROR, "balancer", error == -EBUSY
			? "\"%.64s\" is the last balancer and stays"
			: "there is no loaded balancer \"%.64s\"", name);
	return error;
}

char **acr_balancer_names(void)
{
	GPtrArray *names = g_ptr_array_new();
	struct loaded *now;

	pthread_mutex_lock(&lock);
	now = atomic_load(&current);
	if (now)
		g_ptr_array_add(names, g_strdup(now->table->name));
	for (guint i = 0; list && i < list->len; i++) {
		struct loaded *lb = list->pdata[i];
		if (lb != now)
			g_ptr_array_add(names, g_strdup(lb->table->name));
	}
	pthread_mutex_unlock(&lock);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

char *acr_balancer_info(const char *name)
{
	char text[4096] = "";
	char *result = NULL;
	struct loaded *lb;

	pthread_mutex_lock(&lock);
	lb = find(name);
	if (lb) {
		if (lb->table->info)
			lb->table->info(lb->data, text, sizeof text);
		result = g_strdup_printf("name: %s\nhelp: %s\nasked: %" G_GUINT64_FORMAT "\n%s",
					 lb->table->name, lb->table->help,
					 (guint64)atomic_load(&lb->asked), text);
	}
	pthread_mutex_unlock(&lock);
	return result;
}

void acr_balancers_free(void)
{
	atomic_store(&current, NULL);
	acr_epoch_wait();
	for (guint i = 0; list && i < list->len; i++)
		destroy(list->pdata[i]);
	if (list)
		g_ptr_array_unref(list);
	list = NULL;
}
