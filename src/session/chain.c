/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chain.h"

#include <string.h>

static void add_big_endian(uint8_t *counter, size_t size, uint64_t blocks)
{
	for (size_t i = size; i-- > 0 && blocks;) {
		blocks += counter[i];
		counter[i] = (uint8_t)blocks;
		blocks >>= 8;
	}
}

static void add_little_endian(uint8_t *counter, size_t size, uint64_t blocks)
{
	for (size_t i = 0; i < size && blocks; i++) {
		blocks += counter[i];
		counter[i] = (uint8_t)blocks;
		blocks >>= 8;
	}
}

int acr_chain_iv(struct acr_blob **iv, const struct acr_job *job)
{
	unsigned block = job->alg->block;
	size_t whole = job->src_len / block * block;
	const uint8_t *in = whole ? job->src->data + whole - block : NULL;
	const uint8_t *out =
	        whole && job->dst_len >= whole ? job->dst->data + whole - block : NULL;
	const uint8_t *cipher = job->opcode == ACR_DECRYPT ? in : out;
	struct acr_blob *next;
	int error = 0;

	if (!*iv || !in || !out)
		return 0;
	next = acr_blob_new((*iv)->data, (*iv)->len, false, NULL, &error);
	if (!next)
		return error;
	switch (job->alg->pieces) {
	case ACR_PIECES_CBC:
	case ACR_PIECES_CFB:
		memcpy(next->data, cipher, block);
		break;
	case ACR_PIECES_OFB:
		for (unsigned i = 0; i < block; i++)
			next->data[i] = in[i] ^ out[i];
		break;
	case ACR_PIECES_CTR:
		add_big_endian(next->data, next->len, job->src_len / block);
		break;
	case ACR_PIECES_CHACHA: /* a 64-bit block counter stands before the nonce */
		add_little_endian(next->data, 8, job->src_len / block);
		break;
	case ACR_PIECES_NONE:
	case ACR_PIECES_ECB:
	case ACR_PIECES_STATE:
		break;
	}
	acr_blob_unref(*iv);
	*iv = next;
	return 0;
}
