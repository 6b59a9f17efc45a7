/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The software device: OpenSSL on the processor's own cores. */
#include "common/engine/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static const struct acr_option soft_options[] = {
	{ "threads", "operations at once, 1 to 1024; not given: the number of processors",
	  NULL },
	{ "scrypt-mib", "memory that one scrypt may take in MiB, 1 to 1048576", "256" },
	{ NULL, NULL, NULL },
};

static int soft_probe(struct acr_device *dev)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t threads = online < 1 ? 1 : online > 1024 ? 1024 : (uint64_t)online;
	struct soft_limits *limits;
	uint64_t mib;
	int error = acr_device_option_number(dev, "scrypt-mib", 1, 1 << 20, &mib);

	if (!error && acr_device_option(dev, "threads"))
		error = acr_device_option_number(dev, "threads", 1, 1024, &threads);
	if (error)
		return error;
	limits = malloc(sizeof *limits);
	if (!limits)
		return -ENOMEM;
	limits->scrypt_memory = mib << 20;
	acr_device_set_private(dev, limits);
	acr_device_set_width(dev, (unsigned)threads, 1);
	error = soft_add_capabilities(dev);
	if (error)
		free(limits);
	return error;
}

static int soft_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		ops[i]->driver_data = acr_device_private(dev);
		acr_op_done(ops[i], soft_compute(ops[i]));
	}
	return (int)n;
}

static void soft_remove(struct acr_device *dev)
{
	soft_release();
	free(acr_device_private(dev));
}

static const struct acr_driver soft = {
	.name = "soft",
	.help = "computes in software, with OpenSSL",
	.options = soft_options,
	.flags = ACR_DRIVER_SYNC | ACR_DRIVER_INLINE,
	.probe = soft_probe,
	.submit = soft_submit,
	.state_free = soft_state_free,
	.remove = soft_remove,
};

ACR_REGISTER_DRIVER(soft);
