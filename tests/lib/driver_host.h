/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The core's side of <acrypto/driver.h> for tests of one driver: one device, which remembers
 * what it was told. */
#ifndef DRIVER_HOST_H
#define DRIVER_HOST_H

#include <acrypto/driver.h>

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct acr_driver_module acrypto_driver;

#define HOST_CAPS    128
#define HOST_OPTIONS 8

struct acr_device {
	void *private_data;
	struct acr_capability caps[HOST_CAPS];
	unsigned caps_count, width;
	const char *options[HOST_OPTIONS][2]; /* given ones; ends with NULL */
	char explained[256], broken[256];
	atomic_uint broken_count, ready_count;
};

/* Ops of the tests carry their end with them. */
struct host_op {
	struct acr_op op; /* first */
	atomic_int ends;
	atomic_int error;
	const char *sentence;
	uint64_t took_ns;
};

static char host_logged[256];

const char *acr_device_name(const struct acr_device *dev)
{
	(void)dev;
	return "unit";
}

void acr_device_set_private(struct acr_device *dev, void *private_data)
{
	dev->private_data = private_data;
}

void *acr_device_private(const struct acr_device *dev)
{
	return dev->private_data;
}

const char *acr_device_option(const struct acr_device *dev, const char *name)
{
	const struct acr_option *option = acrypto_driver.driver->options;

	for (unsigned i = 0; i < HOST_OPTIONS && dev->options[i][0]; i++)
		if (!strcmp(dev->options[i][0], name))
			return dev->options[i][1];
	for (; option && option->name; option++)
		if (!strcmp(option->name, name))
			return option->default_value;
	return NULL;
}

int acr_device_option_number(struct acr_device *dev, const char *name, uint64_t min,
                             uint64_t max, uint64_t *value)
{
	*value = strtoull(acr_device_option(dev, name), NULL, 10);
	return *value < min || *value > max ? -EINVAL : 0;
}

int acr_device_add_capability(struct acr_device *dev, const struct acr_capability *cap)
{
	if (dev->caps_count == HOST_CAPS)
		return -EINVAL;
	dev->caps[dev->caps_count++] = *cap;
	return 0;
}

void acr_device_set_width(struct acr_device *dev, unsigned width, unsigned batch)
{
	(void)batch;
	dev->width = width;
}

void acr_device_explain(struct acr_device *dev, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(dev->explained, sizeof(dev->explained), format, args);
	va_end(args);
}

void acr_device_broken(struct acr_device *dev, const char *reason)
{
	if (!atomic_fetch_add(&dev->broken_count, 1))
		snprintf(dev->broken, sizeof(dev->broken), "%s", reason);
}

void acr_device_ready(struct acr_device *dev)
{
	atomic_fetch_add(&dev->ready_count, 1);
}

void acr_op_done(struct acr_op *op, int error)
{
	struct host_op *own = (struct host_op *)op;

	atomic_store(&own->error, error);
	atomic_fetch_add(&own->ends, 1);
}

void acr_device_set_units(struct acr_device *dev, unsigned units)
{
	(void)dev, (void)units;
}

void acr_op_took(struct acr_op *op, uint64_t ns)
{
	((struct host_op *)op)->took_ns = ns;
}

void acr_op_explain(struct acr_op *op, const char *sentence)
{
	struct host_op *own = (struct host_op *)op;

	own->sentence = sentence; /* only an op of the host's has this */
}

void *acr_secret_alloc(size_t size)
{
	return calloc(1, size);
}

void acr_secret_free(void *pointer)
{
	free(pointer);
}

void acr_log(enum acr_log_level level, const char *module, const char *format, ...)
{
	va_list args;

	(void)level;
	(void)module;
	va_start(args, format);
	vsnprintf(host_logged, sizeof(host_logged), format, args);
	va_end(args);
}

#endif
