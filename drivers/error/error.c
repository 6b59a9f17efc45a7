/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Computes in software, but every Nth operation fails with a chosen errno. */
#include "common/engine/fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

struct error_device {
	uint64_t every;
	int error; /* negative errno */
	atomic_uint_fast64_t count;
};

/* clang-format off */
#define NAME(e) { #e, e }
/* clang-format on */

static const struct {
	const char *name;
	int number;
} names[] = {
	NAME(EIO),       NAME(ENOMEM),   NAME(ETIMEDOUT), NAME(EINVAL),     NAME(EBADMSG),
	NAME(ENODEV),    NAME(EAGAIN),   NAME(EBUSY),     NAME(EOPNOTSUPP), NAME(EPROTO),
	NAME(ECANCELED), NAME(EMSGSIZE), NAME(ENOSPC),    NAME(ENXIO),      NAME(EFAULT),
	NAME(EPERM),     NAME(EACCES),   NAME(EOVERFLOW), NAME(EREMOTEIO),  NAME(EHWPOISON),
};

static const struct acr_option error_options[] = {
	{ "every", "which operations fail: each Nth, 1 (all) and up", "2" },
	{ "errno", "name of the error, such as EIO, ENOMEM, ETIMEDOUT, EINVAL, EBADMSG",
	  "EIO" },
	{ "threads", "operations at once, 1 to 1024", "1" },
	{ NULL, NULL, NULL },
};

static int parse_errno(struct acr_device *dev, int *error)
{
	const char *text = acr_device_option(dev, "errno");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i].name))
			continue;
		*error = -names[i].number;
		return 0;
	}
	acr_device_explain(dev, "errno=%.32s is not the name of an error that is known here",
	                   text);
	return -EINVAL;
}

static int set_up(struct acr_device *dev, void *own)
{
	struct error_device *error_dev = own;
	int error = acr_device_option_number(dev, "every", 1, UINT64_MAX, &error_dev->every);

	if (!error)
		error = parse_errno(dev, &error_dev->error);
	return error ? error : fault_threads(dev);
}

static int error_probe(struct acr_device *dev)
{
	return fault_probe(dev, sizeof(struct error_device), set_up);
}

static int error_submit(struct acr_device *dev, struct acr_op **ops, unsigned n)
{
	struct error_device *error_dev = acr_device_private(dev);

	for (unsigned i = 0; i < n; i++) {
		bool fail = ++error_dev->count % error_dev->every == 0;

		acr_op_done(ops[i], fail ? error_dev->error : soft_compute(ops[i]));
	}
	return (int)n;
}

static const struct acr_driver error_driver = {
	.name = "error",
	.help = "computes, but every Nth operation fails (for tests)",
	.options = error_options,
	.flags = ACR_DRIVER_SYNC | ACR_DRIVER_FAULT,
	.probe = error_probe,
	.submit = error_submit,
	.state_free = soft_state_free,
	.remove = fault_remove,
};

ACR_REGISTER_DRIVER(error_driver);
