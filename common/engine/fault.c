/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault.h"

#include <errno.h>
#include <stdlib.h>

int fault_probe(struct acr_device *dev, size_t size,
                int (*set_up)(struct acr_device *dev, void *own))
{
	void *own = calloc(1, size);
	int error;

	if (!own)
		return -ENOMEM;
	error = set_up(dev, own);
	if (!error)
		error = soft_add_capabilities(dev);
	if (error)
		free(own);
	else
		acr_device_set_private(dev, own);
	return error;
}

void fault_remove(struct acr_device *dev)
{
	free(acr_device_private(dev));
	soft_release();
}

int fault_threads(struct acr_device *dev)
{
	uint64_t threads;
	int error = acr_device_option_number(dev, "threads", 1, 1024, &threads);

	if (!error)
		acr_device_set_width(dev, (unsigned)threads, 1);
	return error;
}

int fault_required(struct acr_device *dev, const char *name, uint64_t max, uint64_t *value)
{
	if (acr_device_option(dev, name))
		return acr_device_option_number(dev, name, 0, max, value);
	acr_device_explain(dev, "%s=N is required", name);
	return -EINVAL;
}
