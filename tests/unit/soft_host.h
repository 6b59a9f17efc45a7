/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the software engine needs of its host, without a daemon, and what its unit tests share.
 * One program includes it once. */
#ifndef ACR_SOFT_HOST_H
#define ACR_SOFT_HOST_H

#include "common/engine/engine.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CAPS 1024

struct acr_device {
	struct acr_capability caps[MOST_CAPS];
	unsigned n;
};

static struct acr_device device;
static atomic_uint passed, failed;

/* ---- the host ---- */

const char *acr_device_name(const struct acr_device *dev)
{
	(void)dev;
	return "unit";
}

int acr_device_add_capability(struct acr_device *dev, const struct acr_capability *cap)
{
	if (dev->n == MOST_CAPS)
		return -EINVAL;
	dev->caps[dev->n++] = *cap;
	return 0;
}

void acr_device_explain(struct acr_device *dev, const char *format, ...)
{
	(void)dev;
	(void)format;
}

static _Thread_local const char *explained;
static _Thread_local void *next_state;

void acr_op_explain(struct acr_op *op, const char *sentence)
{
	(void)op;
	explained = sentence;
}

void acr_op_set_state(struct acr_op *op, void *state)
{
	(void)op;
	next_state = state;
}

void acr_log(enum acr_log_level level, const char *module, const char *format, ...)
{
	(void)level;
	(void)module;
	(void)format;
}

/* ---- helpers ---- */

static void check(bool good, const char *what, const char *alg)
{
	if (good) {
		passed++;
		return;
	}
	failed++;
	printf("FAILED: %s: %s\n", alg, what);
}

static const struct acr_capability *offer(enum acr_opcode opcode, const char *alg)
{
	for (unsigned i = 0; i < device.n; i++)
		if (device.caps[i].opcode == opcode && !strcmp(device.caps[i].alg, alg))
			return &device.caps[i];
	return NULL;
}

struct buffer {
	uint8_t data[256];
	size_t len;
};

static struct acr_bytes bytes_of(struct buffer *buffer, const char *text)
{
	buffer->len = 0;
	if (*text == '\'') {
		buffer->len = strlen(text + 1);
		memcpy(buffer->data, text + 1, buffer->len);
	}
	for (; *text != '\'' && *text; text += 2)
		sscanf(text, "%2hhx", &buffer->data[buffer->len++]);
	return (struct acr_bytes){ buffer->len ? buffer->data : NULL, buffer->len };
}

static struct acr_op op_for(const struct acr_capability *cap)
{
	return (struct acr_op){ .opcode = cap->opcode,
		                .alg = cap->alg,
		                .cap_data = cap->data,
		                .flags = ACR_OP_WHOLE };
}

/* An exact allocation, so that the sanitizer sees a byte too many. */
static void give_room(struct acr_op *op, size_t size)
{
	op->dst = malloc(size ? size : 1);
	memset(op->dst, 0xa5, size ? size : 1);
	op->dst_size = size;
}

static bool all_zero(const uint8_t *data, size_t n)
{
	uint8_t any = 0;

	while (n--)
		any |= *data++;
	return !any;
}

/* room: bytes at dst. sentence: whether one is due. */
static void expect(struct acr_op op, size_t room, int error, const char *what)
{
	explained = NULL;
	give_room(&op, room);
	check(soft_compute(&op) == error && !op.dst_len && all_zero(op.dst, room), what,
	      op.alg);
	check(error == -EOPNOTSUPP || explained, "says why", op.alg);
	free(op.dst);
}

#endif
