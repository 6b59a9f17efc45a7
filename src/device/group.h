/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Groups: devices that are made of other devices, with a balancer of their own.
 *
 * A group has neither queue nor threads. Membership goes by name, so members may leave and
 * come back; each published set of devices says which member is in which group at that time. */
#ifndef ACR_GROUP_H
#define ACR_GROUP_H

#include "sched/balancer.h"
#include "device.h"

struct acr_group {
	char **members;             /* names */
	struct acr_balancing *lb;   /* read inside epochs, through a set that has the group */
	struct acr_waiting waiting; /* sessions bound to the group, while no member has room */
};

/* The "driver" of all groups; it is in no module. NULL: not the name of that. */
const struct acr_driver *acr_group_driver(const char *name);
void acr_group_free(struct acr_group *group); /* NULL is fine */

/* Fill in which device is in which group. Before the set is published. */
void acr_group_link(struct acr_device_set *set);

/* Any thread, no epoch, no locks needed: */
bool acr_group_contains(const struct acr_device *group, const struct acr_device *dev);
/* Does a member that works offer this? */
bool acr_group_offers(const struct acr_device *group, enum acr_opcode opcode,
                      const struct acr_alg *alg);
/* Does it take work; of a group: does any member? */
bool acr_device_works(const struct acr_device *dev);

/* Choose a device for a job, within the group that it is bound to, and from there inwards.
 * Inside an epoch. choice: the reason, and the cost. Returns borrowed, NULL: none, with *full
 * true if one could do it when its queue has room again. */
struct acr_device *acr_choose(const struct acr_device_set *set, const struct acr_job *job,
                              struct acr_lb_choice *choice, bool *full);
/* What chance a job has that is bound to no single device: none, when there is room, at once.
 * Any thread, no epoch. */
enum acr_chance { ACR_CHANCE_NONE, ACR_CHANCE_LATER, ACR_CHANCE_NOW };
enum acr_chance acr_choose_chance(const struct acr_job *job);
/* A device has done a job well: let its group and the current balancer learn. */
void acr_choose_learn(const struct acr_device *dev, const struct acr_job *job);

/* ---- group_report.c: as the functions without "group" in report.h ---- */

void acr_report_group_load(struct acr_device *group, GString *text);
void acr_report_group_queue(struct acr_device *group, uint32_t uid, bool all, GString *text);
void acr_report_group_capabilities(struct acr_device *group, GString *text);
/* Add up what its members have counted. */
void acr_report_group_sum(struct acr_device *group, struct acr_counters *counters,
                          struct acr_hist *process, struct acr_hist *queue);

#endif
