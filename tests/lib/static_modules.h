/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stands in for src/device/module.c in programs that link drivers and balancers into themselves: the
 * including file says which ones there are. */
#ifndef ACR_STATIC_MODULES_H
#define ACR_STATIC_MODULES_H

#include "sched/job.h"
#include "device/module.h"

#include <stdio.h>
#include <string.h>

struct acr_module {
	const char *name;
	const struct acr_driver *driver;
	const struct acr_balancer_module *balancer;
};

/* The one that is linked in, if any. */
extern const struct acr_balancer_module acrypto_balancer;

/* Ends with a NULL name. */
static struct acr_module *static_modules;

struct acr_module *acr_module_load(enum acr_module_kind kind, const char *name, char *why)
{
	for (struct acr_module *module = static_modules; module->name; module++)
		if (!strcmp(module->name, name) &&
		    (kind == ACR_MODULE_DRIVER ? module->driver != NULL
		                               : module->balancer != NULL))
			return module;
	snprintf(why, ACR_SENTENCE, "there is no module \"%.64s\"", name);
	return NULL;
}

struct acr_module *acr_module_ref(struct acr_module *module)
{
	return module;
}

void acr_module_unref(struct acr_module *module)
{
	(void)module;
}

const struct acr_driver *acr_module_driver(const struct acr_module *module)
{
	return module->driver;
}

const struct acr_balancer *acr_module_balancer(const struct acr_module *module)
{
	return module->balancer->balancer;
}

#endif
