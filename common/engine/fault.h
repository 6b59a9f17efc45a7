/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the fault drivers share: devices that compute in software until their fault shows. */
#ifndef FAULT_H
#define FAULT_H

#include "engine.h"

/* probe() of a fault device: makes `size` zeroed bytes the device's own
 * (acr_device_private()), lets set_up() read the options into them, and declares all that
 * the engine can do. 0, -ENOMEM or what set_up() returns; then nothing is left. */
int fault_probe(struct acr_device *dev, size_t size,
                int (*set_up)(struct acr_device *dev, void *own));

/* remove(): frees what fault_probe() made. */
void fault_remove(struct acr_device *dev);

/* For set_up(): the option `threads`, 1 to 1024, becomes the width. 0 or -EINVAL, explained. */
int fault_threads(struct acr_device *dev);

/* For set_up(): a number whose option must be given. As above. */
int fault_required(struct acr_device *dev, const char *name, uint64_t max, uint64_t *value);

#endif
