/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loading drivers and balancers. A module is named by its file's name without ".so", or by a
 * path; it is looked for in DIR and in DIR/NAME for each DIR of the module path, then where
 * the program was installed or built. */
#ifndef ACR_MODULE_H
#define ACR_MODULE_H

#include <acrypto/balancer.h>

struct acr_module;

enum acr_module_kind { ACR_MODULE_DRIVER, ACR_MODULE_BALANCER };

/* Returns owned, or NULL with the reason in why (ACR_SENTENCE bytes). Control threads. */
struct acr_module *acr_module_load(enum acr_module_kind kind, const char *name, char *why);
struct acr_module *acr_module_ref(struct acr_module *module);
/* The last reference unloads it. Any thread. NULL is fine. */
void acr_module_unref(struct acr_module *module);

/* The table as this daemon knows it: fields that an older module lacks are NULL. */
const struct acr_driver *acr_module_driver(const struct acr_module *module);
const struct acr_balancer *acr_module_balancer(const struct acr_module *module);

/* Names of the modules of a kind that can be found, sorted, NULL-terminated, owned by the
 * caller (g_strfreev). */
char **acr_module_names(enum acr_module_kind kind);

#endif
