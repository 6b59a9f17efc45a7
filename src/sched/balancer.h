/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loaded balancers and the current one, and those that groups of devices have for
 * themselves. */
#ifndef ACR_BALANCERS_H
#define ACR_BALANCERS_H

#include <acrypto/balancer.h>
#include <glib.h>

/* A balancer with data of its own. */
struct acr_balancing;

/* Ask one, NULL: the current one. Falls back to the first device. Any thread, inside an
 * epoch. */
void acr_balancer_choose(struct acr_balancing *lb, const struct acr_lb_session *session,
                         const struct acr_lb_device *devices, unsigned n,
                         struct acr_lb_choice *choice);

/* An operation has ended well: let it learn, NULL: the current one. Any thread, inside an
 * epoch. */
void acr_balancer_completed(struct acr_balancing *lb, uint64_t device_id,
                            const struct acr_lb_session *session, uint64_t queue_ns,
                            uint64_t process_ns);

/* Control threads. 0; -ENOENT: no such module or balancer, -EEXIST: loaded already, -EINVAL:
 * not a balancer, -EBUSY: the last one. The reason is logged. */
int acr_balancer_load(const char *name_or_path);
int acr_balancer_unload(const char *name);
int acr_balancer_switch(const char *name);

/* One that is in no list, for a group of devices. Returns owned, NULL with the reason in why
 * (ACR_SENTENCE bytes). Control threads. */
struct acr_balancing *acr_balancing_new(const char *name, char *why);
/* No find_device() or completed() of it may be running. NULL is fine. */
void acr_balancing_free(struct acr_balancing *lb);
const char *acr_balancing_name(const struct acr_balancing *lb);

/* Tell the current one, and those of groups, that devices have changed. */
void acr_balancer_rehash(void);
/* Tell all of them that a device is gone. Control threads. */
void acr_balancer_forget(uint64_t device_id);

/* Names of the loaded ones, the current one first; owned (g_strfreev). */
char **acr_balancer_names(void);
bool acr_balancer_is_current(const char *name);
/* "name: value" lines about one, owned (g_free), NULL: not loaded. */
char *acr_balancer_info(const char *name);

/* The files of one, by their place in its table. Control threads. */
#define ACR_LB_FILES 250
/* Name (70 bytes) and permission bits; false: none at this place. */
bool acr_balancer_file(const char *balancer, unsigned at, char *name, unsigned *mode);
/* Append what it reads. */
void acr_balancer_file_read(const char *balancer, unsigned at, GString *text);
int acr_balancer_file_write(const char *balancer, unsigned at, const char *text);

void acr_balancers_free(void);

#endif
