/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "group.h"

#include "base/epoch.h"
#include "sched/sched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int index_of(const struct acr_device_set *set, const struct acr_device *dev)
{
	for (unsigned i = 0; i < set->count; i++)
		if (set->devices[i] == dev)
			return (int)i;
	return -1;
}

static const struct acr_device *by_name(const struct acr_device_set *set, const char *name)
{
	for (unsigned i = 0; i < set->count; i++)
		if (!strcmp(set->devices[i]->spec->name, name))
			return set->devices[i];
	return NULL;
}

/* ---- making one; under the lock that lets the set change ---- */

/* Is a group of this name, that there isn't yet, expected anywhere inside dev? */
static bool leads_to(const struct acr_device_set *set, const struct acr_device *dev,
                     const char *name)
{
	if (!dev || !dev->group)
		return false;
	for (char **member = dev->group->members; *member; member++)
		if (!strcmp(*member, name) || leads_to(set, by_name(set, *member), name))
			return true;
	return false;
}

/* The group that has this member, there or not. */
static const struct acr_device *owner_of(const struct acr_device_set *set, const char *member)
{
	for (unsigned i = 0; i < set->count; i++) {
		const struct acr_group *group = set->devices[i]->group;
		if (group && g_strv_contains((const char *const *)group->members, member))
			return set->devices[i];
	}
	return NULL;
}

static int check_member(struct acr_device *dev, char **members, unsigned at)
{
	const struct acr_device_set *set = acr_devices();
	const char *name = members[at];
	const struct acr_device *owner = owner_of(set, name);

	if (!strcmp(name, dev->spec->name))
		acr_device_explain(dev, "a group can't have itself as a member");
	else if (!by_name(set, name))
		acr_device_explain(dev, "there is no device \"%.64s\" to be a member", name);
	else if (leads_to(set, by_name(set, name), dev->spec->name))
		acr_device_explain(dev, "its member %s would have it as a member", name);
	else if (owner)
		acr_device_explain(dev, "%s is a member of %s already", name,
		                   owner->spec->name);
	else if (g_strv_contains((const char *const *)members + at + 1, name))
		acr_device_explain(dev, "%s is named twice", name);
	else
		return 0;
	return -EINVAL;
}

static int group_probe(struct acr_device *dev)
{
	const char *text = acr_device_option(dev, "members");
	g_auto(GStrv) members = g_strsplit(text ? text : "", "+", -1);
	char why[ACR_SENTENCE];
	struct acr_balancing *lb;

	if (!members[0]) {
		acr_device_explain(dev, "members=NAME[+NAME...] is required");
		return -EINVAL;
	}
	for (unsigned i = 0; members[i]; i++)
		if (check_member(dev, members, i))
			return -EINVAL;
	lb = acr_balancing_new(acr_device_option(dev, "balancer"), why);
	if (!lb) {
		acr_device_explain(dev, "%s", why);
		return -EINVAL;
	}
	dev->group = g_new0(struct acr_group, 1);
	dev->group->members = g_steal_pointer(&members);
	dev->group->lb = lb;
	acr_waiting_add_place(&dev->group->waiting);
	return 0;
}

/* Nobody is offered work through it any more; a job that is bound to it may still hold it. */
static void group_remove(struct acr_device *dev)
{
	acr_balancing_free(dev->group->lb);
	dev->group->lb = NULL;
}

static int group_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	(void)dev, (void)ops, (void)n;
	return 0; /* it has no queue that anything could be taken from */
}

const struct acr_driver *acr_group_driver(const char *name)
{
	static const struct acr_option options[] = {
		{ "members", "names of devices, separated by +; required", NULL },
		{ "balancer", "who chooses among them", "least-loaded" },
		{ NULL, NULL, NULL },
	};
	static const struct acr_driver driver = {
		.name = "group",
		.help = "other devices, with a balancer of their own",
		.options = options,
		.flags = ACR_DRIVER_SYNC, /* it never keeps anything: nothing to be watched */
		.probe = group_probe,
		.submit = group_submit,
		.remove = group_remove,
	};

	return strcmp(name, driver.name) ? NULL : &driver;
}

void acr_group_free(struct acr_group *group)
{
	if (!group)
		return;
	acr_waiting_remove_place(&group->waiting);
	g_strfreev(group->members);
	g_free(group);
}

/* ---- membership ---- */

void acr_group_link(struct acr_device_set *set)
{
	set->groups = 0;
	for (unsigned i = 0; i < set->count; i++) {
		const struct acr_device *owner = owner_of(set, set->devices[i]->spec->name);

		set->groups += set->devices[i]->group != NULL;
		set->parents[i] = owner ? index_of(set, owner) : -1;
	}
}

bool acr_group_contains(const struct acr_device *group, const struct acr_device *dev)
{
	const struct acr_device_set *set;
	int at;

	acr_epoch_enter();
	set = acr_devices();
	for (at = index_of(set, dev); at >= 0; at = set->parents[at])
		if (set->parents[at] >= 0 && set->devices[set->parents[at]] == group)
			break;
	acr_epoch_leave();
	return at >= 0;
}

/* Inside an epoch. alg NULL: anything. */
static bool works(const struct acr_device_set *set, const struct acr_device *dev,
                  enum acr_opcode opcode, const struct acr_alg *alg)
{
	int at;

	if (atomic_load(&dev->state) != ACR_READY)
		return false;
	if (!dev->group)
		return !alg || dev->by_alg[opcode][acr_alg_index(alg)];
	at = index_of(set, dev);
	for (unsigned i = 0; at >= 0 && i < set->count; i++)
		if (set->parents[i] == at && works(set, set->devices[i], opcode, alg))
			return true;
	return false;
}

bool acr_group_offers(const struct acr_device *group, enum acr_opcode opcode,
                      const struct acr_alg *alg)
{
	bool found;

	acr_epoch_enter();
	found = works(acr_devices(), group, opcode, alg);
	acr_epoch_leave();
	return found;
}

bool acr_device_works(const struct acr_device *dev)
{
	return acr_group_offers(dev, ACR_ENCRYPT, NULL);
}
