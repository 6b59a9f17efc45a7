/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exclusive or with a second operand, which is repeated over the input: what stands before and
 * after a block cipher to make it a tweakable one. The operand comes as `aad` where it is the
 * output of another stage, else as the key. */
#include "internal.h"

#include <errno.h>

static bool xor_fetch(struct soft_cap *cap)
{
	return cap->row; /* needs nothing of OpenSSL */
}

static void xor_drop(struct soft_cap *cap)
{
	(void)cap;
}

static int xor_compute(struct acr_op *op, const struct soft_cap *cap)
{
	struct acr_bytes with = op->aad.len ? op->aad : op->key;

	(void)cap;
	if (!with.len)
		return soft_refuse(op, "the second operand is empty");
	if (op->dst_size < op->src.len)
		return soft_refuse(op, "the output does not fit");
	for (size_t i = 0, at = 0; i < op->src.len; i++, at = at + 1 == with.len ? 0 : at + 1)
		op->dst[i] = op->src.data[i] ^ with.data[at];
	op->dst_len = op->src.len;
	return 0;
}

const struct soft_family soft_xor_family = {
	.opcodes = 1u << ACR_ENCRYPT | 1u << ACR_DECRYPT,
	.fetch = xor_fetch,
	.drop = xor_drop,
	.compute = xor_compute,
};
