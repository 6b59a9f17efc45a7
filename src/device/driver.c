/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What <acrypto/driver.h> promises to drivers, as far as it is about one device or op. */
#include "device.h"

#include "module.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_MAX      65536u
#define SYNC_WIDTH_MAX 1024u
#define SYNC_BATCH_MAX 256u
#define AREA_MAX       65536u

const char *acr_device_name(const struct acr_device *dev)
{
	return dev->spec->name;
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
	const struct acr_option *option = dev->driver->options;

	for (unsigned i = 0; dev->spec->keys && dev->spec->keys[i]; i++)
		if (!strcmp(dev->spec->keys[i], name))
			return dev->spec->values[i];
	for (; option && option->name; option++)
		if (!strcmp(option->name, name))
			return option->default_value;
	return NULL;
}

int acr_device_option_number(struct acr_device *dev, const char *name, uint64_t min,
                             uint64_t max, uint64_t *value)
{
	const char *text = acr_device_option(dev, name);
	char *end;

	if (!text) {
		acr_device_explain(dev, "option %s= is missing", name);
		return -EINVAL;
	}
	errno = 0;
	*value = strtoull(text, &end, 10);
	if (errno || *end || !g_ascii_isdigit(*text) || *value < min || *value > max) {
		acr_device_explain(
		        dev, "option %s=%.32s must be a whole number from %llu to %llu", name,
		        text, (unsigned long long)min, (unsigned long long)max);
		return -EINVAL;
	}
	return 0;
}

int acr_device_add_capability(struct acr_device *dev, const struct acr_capability *cap)
{
	const struct acr_alg *alg = acr_alg_find(cap->alg);
	struct acr_capstat *stat;

	if (!alg || (unsigned)cap->opcode >= ACR_OPCODES || !acr_alg_has_op(alg, cap->opcode)) {
		acr_device_explain(dev, "unknown capability \"%.64s\"", cap->alg);
		return -EINVAL;
	}
	stat = g_new0(struct acr_capstat, 1);
	stat->cap = *cap;
	stat->cap.alg = alg->name;
	stat->alg = alg;
	stat->format = g_intern_string(cap->state);
	atomic_init(&stat->queue_length, cap->queue_length
	                                         ? cap->queue_length
	                                         : (unsigned)acr_settings.queue_length);
	g_ptr_array_add(dev->caps, stat);
	dev->by_alg[cap->opcode][acr_alg_index(alg)] = stat;
	return 0;
}

int acr_device_add_all_capabilities(struct acr_device *dev, const struct acr_capability *tmpl)
{
	int count = 0;

	for (unsigned row = 0; row < acr_alg_count(); row++) {
		for (unsigned op = 0; op < ACR_OPCODES; op++) {
			struct acr_capability cap = *tmpl;
			cap.opcode = (enum acr_opcode)op;
			cap.alg = acr_alg_row(row)->name;
			if (acr_alg_row(row)->pieces != ACR_PIECES_STATE)
				cap.state = NULL;
			if (acr_alg_has_op(acr_alg_row(row), cap.opcode))
				count += acr_device_add_capability(dev, &cap) == 0;
		}
	}
	return count;
}

void acr_device_set_width(struct acr_device *dev, unsigned width, unsigned batch)
{
	bool sync = dev->driver->flags & ACR_DRIVER_SYNC;

	dev->width = CLAMP(width, 1, sync ? SYNC_WIDTH_MAX : WIDTH_MAX);
	dev->batch = CLAMP(batch, 1, sync ? SYNC_BATCH_MAX : MIN(dev->width, SYNC_BATCH_MAX));
}

void acr_device_set_units(struct acr_device *dev, unsigned units)
{
	dev->units = MAX(units, 1);
}

void acr_device_set_flush(struct acr_device *dev, unsigned flush_us)
{
	dev->flush_us = flush_us;
}

void acr_device_set_area(struct acr_device *dev, size_t area_size)
{
	dev->area_size = MIN(area_size, AREA_MAX);
}

void acr_device_explain(struct acr_device *dev, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(dev->explain, sizeof dev->explain, format, args);
	va_end(args);
}

void acr_op_took(struct acr_op *op, uint64_t ns)
{
	((struct acr_attempt *)op)->took_ns = ns;
}

void acr_op_explain(struct acr_op *op, const char *sentence)
{
	struct acr_attempt *attempt = (struct acr_attempt *)op;

	acr_say(&attempt->sentence, "%s", sentence);
}

struct acr_state *acr_state_ref(struct acr_state *state)
{
	if (state)
		atomic_fetch_add(&state->refs, 1);
	return state;
}

void acr_state_unref(struct acr_state *state)
{
	if (!state || atomic_fetch_sub(&state->refs, 1) != 1)
		return;
	if (state->free)
		state->free(state->data);
	acr_module_unref(state->module);
	free(state);
}

void acr_op_set_state(struct acr_op *op, void *data)
{
	struct acr_attempt *attempt = (struct acr_attempt *)op;
	struct acr_device *dev = attempt->device;
	struct acr_state *state = calloc(1, sizeof *state);

	acr_state_unref(attempt->state_out);
	attempt->state_out = state;
	if (!state) { /* the part counts as failed, see acr_sched_ended() */
		dev->driver->state_free(data);
		return;
	}
	atomic_init(&state->refs, 1);
	state->data = data;
	state->free = dev->driver->state_free;
	state->module = acr_module_ref(dev->module);
	state->format = attempt->cap->format;
}
