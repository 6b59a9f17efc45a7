/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loaded balancers and the current one. */
#ifndef ACR_BALANCERS_H
#define ACR_BALANCERS_H

#include <acrypto/balancer.h>
#include <glib.h>

/* Ask the current balancer. Falls back to the first device. Any thread, inside an epoch. */
void acr_balancer_choose(const struct acr_lb_session *session,
			 const struct acr_lb_device *devices, unsigned n,
			 struct acr_lb_choice *choice);

/* An operation has ended well: let the current balancer learn. Any thread, no epoch. */
void acr_balancer_completed(uint64_t device_id, const struct acr_lb_session *session,
			    uint64_t queue_ns, uint64_t process_ns);

/* Control threads. 0; -ENOENT: no such module or balancer, -EEXIST: loaded already, -EINVAL:
 * not a balancer, -EBUSY: the last one. The reason is logged. */
int acr_balancer_load(const char *name_or_path);
int acr_balancer_unload(const char *name);
int acr_balancer_switch(const char *name);

/* Tell the current one that devices have changed. */
void acr_balancer_rehash(void);

/* Names of the loaded ones, the current one first; owned (g_strfreev). */
char **acr_balancer_names(void);
/* "name: value" lines about one, owned (g_free), NULL: not loaded. */
char *acr_balancer_info(const char *name);

void acr_balancers_free(void);

#endif
