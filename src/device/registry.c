/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The set of devices: made, found and removed. */
#include "device.h"

#include "base/epoch.h"
#include "group.h"
#include "health.h"
#include "base/lock.h"
#include "base/log.h"
#include "module.h"
#include "sched/sched.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic(struct acr_device_set *) current;
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER; /* one change at a time */
static atomic_uint_least64_t last_id;

const struct acr_device_set *acr_devices(void)
{
	static const struct acr_device_set none;
	const struct acr_device_set *set = atomic_load(&current);

	return set ? set : &none;
}

/* Publish a set and free the old one. Under `changing`. */
static void publish(struct acr_device_set *set)
{
	struct acr_device_set *old;

	acr_group_link(set);
	old = atomic_exchange(&current, set);
	acr_epoch_wait();
	free(old);
}

static struct acr_device_set *copy_set(const struct acr_device_set *from, unsigned room)
{
	struct acr_device_set *set =
	        malloc(sizeof *set + room * (sizeof set->devices[0] + sizeof set->parents[0]));

	if (!set)
		abort(); /* control path, a few hundred bytes */
	set->count = from->count;
	set->parents = (int *)(set->devices + room); /* filled in when it is published */
	memcpy(set->devices, from->devices, from->count * sizeof set->devices[0]);
	return set;
}

static struct acr_device *find_in(const struct acr_device_set *set, const char *name)
{
	for (unsigned i = 0; i < set->count; i++)
		if (!strcmp(set->devices[i]->spec->name, name))
			return set->devices[i];
	return NULL;
}

struct acr_device *acr_device_find(const char *name)
{
	struct acr_device *dev;

	acr_epoch_enter();
	dev = find_in(acr_devices(), name);
	if (dev)
		acr_device_ref(dev);
	acr_epoch_leave();
	return dev;
}

static void unref_device(void *dev)
{
	acr_device_unref(dev);
}

GPtrArray *acr_device_list(void)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(unref_device);
	const struct acr_device_set *set;

	/* GLib may sleep for memory: only take references inside the epoch. */
	pthread_mutex_lock(&changing);
	set = acr_devices();
	for (unsigned i = 0; i < set->count; i++)
		g_ptr_array_add(list, acr_device_ref(set->devices[i]));
	pthread_mutex_unlock(&changing);
	return list;
}

/* ---- making one ---- */

static const char *unknown_option(const struct acr_driver *driver,
                                  const struct acr_device_spec *spec)
{
	for (unsigned i = 0; spec->keys && spec->keys[i]; i++) {
		const struct acr_option *option = driver->options;
		while (option && option->name && strcmp(option->name, spec->keys[i]))
			option++;
		if (!option || !option->name)
			return spec->keys[i];
	}
	return NULL;
}

static void device_free(struct acr_device *dev)
{
	acr_queue_clear(&dev->queue);
	acr_queue_clear(&dev->long_queue);
	acr_queue_clear(&dev->overflow);
	pthread_mutex_destroy(&dev->lock);
	pthread_mutex_destroy(&dev->control);
	pthread_cond_destroy(&dev->work);
	pthread_cond_destroy(&dev->long_work);
	pthread_cond_destroy(&dev->left);
	g_ptr_array_unref(dev->caps);
	acr_group_free(dev->group);
	acr_device_spec_free(dev->spec);
	acr_module_unref(dev->module);
	free(dev);
}

static struct acr_device *device_new(struct acr_device_spec *spec, struct acr_module *module)
{
	struct acr_device *dev = calloc(1, sizeof *dev);
	pthread_condattr_t attr;

	if (!dev)
		abort(); /* control path */
	atomic_init(&dev->refs, 1);
	dev->free = device_free;
	dev->id = atomic_fetch_add(&last_id, 1) + 1;
	dev->spec = spec;
	dev->name = g_intern_string(spec->name);
	dev->module = module;
	dev->driver = module ? acr_module_driver(module) : acr_group_driver(spec->driver);
	dev->caps = g_ptr_array_new_with_free_func(g_free);
	dev->width = dev->batch = 1;
	TAILQ_INIT(&dev->running);
	TAILQ_INIT(&dev->taken_back);
	acr_lock_init(&dev->lock);
	pthread_mutex_init(&dev->control, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&dev->work, &attr);
	pthread_cond_init(&dev->long_work, &attr);
	pthread_cond_init(&dev->left, &attr);
	pthread_condattr_destroy(&attr);
	acr_queue_init(&dev->queue, (double)acr_settings.ageing / 1000);
	acr_queue_init(&dev->long_queue, (double)acr_settings.ageing / 1000);
	acr_queue_init(&dev->overflow, (double)acr_settings.ageing / 1000);
	dev->sampled_ns = acr_now_ns();
	return dev;
}

/* probe() and start; the reason of a failure in why. */
static int bring_up(struct acr_device *dev, char *why)
{
	const char *unknown = unknown_option(dev->driver, dev->spec);
	int error;

	if (unknown) {
		snprintf(why, ACR_SENTENCE, "driver %s has no option \"%.64s\"",
		         dev->spec->driver, unknown);
		return -EINVAL;
	}
	error = dev->driver->probe(dev);
	if (error) {
		snprintf(why, ACR_SENTENCE, "%s",
		         dev->explain[0] ? dev->explain : g_strerror(-error));
		return error;
	}
	error = dev->group ? 0 : acr_device_start(dev);
	if (!error)
		return 0;
	snprintf(why, ACR_SENTENCE, "can't start its threads: %s", g_strerror(-error));
	if (dev->driver->remove)
		dev->driver->remove(dev);
	return error;
}

/* Under `changing`. */
static int add(struct acr_device_spec *spec, char *why)
{
	struct acr_module *module = NULL;
	struct acr_device_set *set;
	struct acr_device *dev;
	bool group = acr_group_driver(spec->driver) != NULL;
	int error;

	if (find_in(acr_devices(), spec->name))
		snprintf(why, ACR_SENTENCE, "there is a device %s already", spec->name);
	else if (!group)
		module = acr_module_load(ACR_MODULE_DRIVER, spec->driver, why);
	if (find_in(acr_devices(), spec->name) || (!group && !module)) {
		error = find_in(acr_devices(), spec->name) ? -EEXIST : -ENOENT;
		acr_device_spec_free(spec);
		return error;
	}
	dev = device_new(spec, module);
	error = bring_up(dev, why);
	if (error) {
		acr_device_unref(dev);
		return error;
	}
	set = copy_set(acr_devices(), acr_devices()->count + 1);
	set->devices[set->count++] = dev;
	publish(set);
	return 0;
}

int acr_device_add(struct acr_device_spec *spec, bool quiet, char *why)
{
	g_autofree char *name = g_strdup(spec->name);
	int error;

	pthread_mutex_lock(&changing);
	error = add(spec, why);
	pthread_mutex_unlock(&changing);
	if (!error) {
		acr_log(ACR_LOG_INFO, name, "added");
		acr_log_put_right(name);
		acr_sched_rehash();
	} else if (!quiet || error != -ENODEV) {
		acr_log(ACR_LOG_ERROR, name, "%s", why);
	}
	return error;
}

/* ---- and away ---- */

static void take_down(struct acr_device *dev)
{
	bool stopped;

	acr_device_retire(dev);
	acr_health_stop(dev);
	pthread_mutex_lock(&dev->control);
	stopped = acr_device_stop(dev);
	if (stopped && dev->driver->remove)
		dev->driver->remove(dev);
	pthread_mutex_unlock(&dev->control);
	if (stopped)
		acr_device_unref(dev);
	else
		acr_log(ACR_LOG_ERROR, dev->name,
		        "a thread hangs in its driver, so its memory and "
		        "its module stay until the daemon ends");
}

int acr_device_remove(const char *name)
{
	struct acr_device_set *set;
	struct acr_device *dev;

	pthread_mutex_lock(&changing);
	dev = find_in(acr_devices(), name);
	if (dev) {
		unsigned at = 0;
		set = copy_set(acr_devices(), acr_devices()->count);
		while (set->devices[at] != dev)
			at++;
		set->count--;
		memmove(set->devices + at, set->devices + at + 1,
		        (set->count - at) * sizeof set->devices[0]);
		publish(set);
	}
	pthread_mutex_unlock(&changing);
	if (!dev)
		return -ENOENT;
	acr_balancer_forget(dev->id);
	take_down(dev);
	acr_sched_rehash();
	return 0;
}

void acr_device_remove_all(void)
{
	for (;;) {
		g_autoptr(GPtrArray) list = acr_device_list();
		struct acr_device *dev;

		if (!list->len)
			return;
		dev = list->pdata[0];
		acr_device_remove(dev->spec->name);
	}
}

/* ---- about all of them ---- */

void acr_devices_sample(void)
{
	g_autoptr(GPtrArray) list = acr_device_list();
	uint64_t now = acr_now_ns();

	for (guint i = 0; i < list->len; i++) {
		struct acr_device *dev = list->pdata[i];
		const struct acr_attempt *attempt;
		uint64_t busy = atomic_load(&dev->busy_ns), running = 0;
		double share;

		/* What runs now counts up to now; what of it was counted before is in
		 * sampled_busy. */
		pthread_mutex_lock(&dev->lock);
		TAILQ_FOREACH(attempt, &dev->running, link)
			running += now - MIN(attempt->started_ns, now);
		pthread_mutex_unlock(&dev->lock);
		share = (double)(busy + running - MIN(dev->sampled_busy, busy + running)) *
		        100.0 / ((double)(now - dev->sampled_ns + 1) * dev->width);
		atomic_store(&dev->utilisation, (unsigned)CLAMP(share, 0, 100));
		dev->sampled_busy = busy + running;
		dev->sampled_ns = now;
		acr_device_watch(dev);
		acr_health_watch(dev);
	}
}

char *acr_devices_offering(enum acr_opcode opcode, const struct acr_alg *alg)
{
	g_autoptr(GPtrArray) list = acr_device_list();
	GString *names = g_string_new(NULL);

	for (guint i = 0; i < list->len; i++) {
		struct acr_device *dev = list->pdata[i];
		if (dev->by_alg[opcode][acr_alg_index(alg)] ||
		    (dev->group && acr_group_offers(dev, opcode, alg)))
			g_string_append_printf(names, "%s%s", names->len ? "," : "",
			                       dev->spec->name);
	}
	return g_string_free(names, FALSE);
}

void acr_devices_set_ageing(double ageing)
{
	g_autoptr(GPtrArray) list = acr_device_list();

	acr_waiting_set_ageing(ageing);
	for (guint i = 0; i < list->len; i++) {
		struct acr_device *dev = list->pdata[i];
		pthread_mutex_lock(&dev->lock);
		acr_queue_set_ageing(&dev->queue, ageing);
		acr_queue_set_ageing(&dev->long_queue, ageing);
		acr_queue_set_ageing(&dev->overflow, ageing);
		pthread_mutex_unlock(&dev->lock);
	}
}
