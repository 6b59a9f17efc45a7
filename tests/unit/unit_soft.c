/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The software engine alone: no daemon, the host functions it needs are in soft_host.h. Known answers,
 * parts against wholes, and everything that must fail. */
#include "soft_host.h"
#include "unit_soft_vectors.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 8192
/* ---- known answers ---- */

struct texts {
	struct buffer key, iv, aad, src, dst, tag;
};

static struct acr_op op_of_vector(const struct vector *v, const struct acr_capability *cap,
                                  struct texts *t)
{
	struct acr_op op = op_for(cap);

	op.key = bytes_of(&t->key, v->key);
	op.iv = bytes_of(&t->iv, v->iv);
	op.aad = bytes_of(&t->aad, v->aad);
	op.src = bytes_of(&t->src, v->src);
	bytes_of(&t->dst, v->dst);
	bytes_of(&t->tag, v->tag);
	op.numbers = v->numbers;
	op.tag_size = v->opcode == ACR_MAC ? t->dst.len : t->tag.len;
	return op;
}

/* And back; with a bit of the tag, or of what was wrapped, wrong it must be refused. */
static void test_decrypt(const struct vector *v, struct texts *t)
{
	const struct acr_capability *cap = offer(ACR_DECRYPT, v->alg);
	struct acr_op op = op_of_vector(v, cap, t);
	bool wrap = strstr(v->alg, "-wrap");

	op.src = (struct acr_bytes){ t->dst.data, t->dst.len };
	op.tag = (struct acr_bytes){ t->tag.data, t->tag.len };
	give_room(&op, t->dst.len);
	check(!soft_compute(&op) && op.dst_len == t->src.len &&
	              !memcmp(op.dst, t->src.data, t->src.len),
	      "decrypts", v->source);
	if (t->tag.len || wrap) {
		(wrap ? t->dst.data : t->tag.data)[1] ^= 4;
		memset(op.dst, 0xa5, op.dst_size);
		check(soft_compute(&op) == -EBADMSG, "refuses one wrong bit", v->source);
		check(!op.dst_len && all_zero(op.dst, op.dst_size), "leaves nothing",
		      v->source);
	}
	free(op.dst);
}

static void test_vector(const struct vector *v)
{
	const struct acr_capability *cap = offer(v->opcode, v->alg);
	struct texts texts;
	struct acr_op op;

	if (!cap) {
		printf("not offered here: %s (%s)\n", v->alg, v->source);
		return;
	}
	op = op_of_vector(v, cap, &texts);
	give_room(&op, texts.dst.len);
	check(!soft_compute(&op) && op.dst_len == texts.dst.len &&
	              !memcmp(op.dst, texts.dst.data, texts.dst.len) &&
	              !memcmp(op.tag_out, texts.tag.data, texts.tag.len),
	      "gives the known answer", v->source);
	free(op.dst);
	if (v->opcode == ACR_ENCRYPT)
		test_decrypt(v, &texts);
}

/* ---- everything that is offered ---- */

static const uint8_t fixed[ROOM + 64] = { 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
	                                  12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
	                                  23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
	                                  34, 35, 36, 37, 38, 39, 40, 41, 42, 43 };

static size_t key_size(const char *alg)
{
	static const struct {
		const char *part;
		size_t bytes;
	} sizes[] = {
		{ "hmac-", 32 },   { "kmac-", 32 },   { "chacha", 32 },  { "poly1305", 32 },
		{ "ede3", 24 },    { "des-", 8 },     { "sm4-xts", 32 }, { "sm4-", 16 },
		{ "128-xts", 32 }, { "256-xts", 64 }, { "128", 16 },     { "192", 24 },
		{ "256", 32 },     { "xor", 5 },
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (strstr(alg, sizes[i].part))
			return sizes[i].bytes;
	return 0;
}

static size_t iv_size(const char *alg)
{
	if (strstr(alg, "-ecb") || strstr(alg, "-wrap"))
		return 0;
	if (strstr(alg, "des-"))
		return 8;
	if (strstr(alg, "gcm") || strstr(alg, "ccm") || strstr(alg, "ocb") ||
	    strstr(alg, "-poly") || strstr(alg, "gmac"))
		return 12;
	return 16;
}

static bool is_aead(const char *alg)
{
	return iv_size(alg) == 12 && !strstr(alg, "gmac");
}

static struct acr_op generic_op(const struct acr_capability *cap, size_t src_len)
{
	struct acr_op op = op_for(cap);

	op.key = (struct acr_bytes){ fixed, key_size(cap->alg) };
	op.iv = (struct acr_bytes){ fixed + 3, iv_size(cap->alg) };
	op.src = (struct acr_bytes){ src_len ? fixed + 1 : NULL, src_len };
	if (is_aead(cap->alg)) {
		op.aad = (struct acr_bytes){ fixed + 5, 21 };
		op.tag_size = 16;
	}
	return op;
}

static void test_round_trip(const struct acr_capability *cap, size_t n,
                            enum acr_padding padding)
{
	const struct acr_capability *back = offer(ACR_DECRYPT, cap->alg);
	struct acr_op there = generic_op(cap, n), again;

	there.padding = padding;
	give_room(&there, n + 16);
	if (soft_compute(&there)) {
		check(false, "encrypts", cap->alg);
		free(there.dst);
		return;
	}
	again = generic_op(back, n);
	again.padding = padding;
	again.src = (struct acr_bytes){ there.dst_len ? there.dst : NULL, there.dst_len };
	again.tag = (struct acr_bytes){ there.tag_out, there.tag_size };
	give_room(&again, there.dst_len);
	check(!soft_compute(&again) && again.dst_len == n && !memcmp(again.dst, fixed + 1, n),
	      "comes back", cap->alg);
	if (is_aead(cap->alg)) {
		there.tag_out[15] ^= 0x80;
		check(soft_compute(&again) == -EBADMSG && all_zero(again.dst, again.dst_size),
		      "refuses a wrong tag", cap->alg);
	}
	free(there.dst);
	free(again.dst);
}

static void test_round_trips(const struct acr_capability *cap)
{
	bool pads = strstr(cap->alg, "-ecb") || strstr(cap->alg, "-cbc");

	test_round_trip(cap, 64, ACR_PAD_NONE);
	test_round_trip(cap, ROOM, ACR_PAD_NONE);
	for (size_t n = 0; pads && n <= 33; n++)
		test_round_trip(cap, n, ACR_PAD_PKCS7);
	if (pads || strstr(cap->alg, "-wrap") || strstr(cap->alg, "-xts"))
		return;
	for (size_t n = 0; n <= 33; n++)
		test_round_trip(cap, n, ACR_PAD_NONE);
}

static size_t result_size(const struct acr_capability *cap, size_t n)
{
	if (cap->opcode == ACR_ENCRYPT)
		return n;
	return strstr(cap->alg, "kmac") || strstr(cap->alg, "shake") ? 100 : 64;
}

/* One part, done twice from the same state: the second must give the same. */
static int part(struct acr_op *op, void **state, uint8_t *dst, const char *alg)
{
	struct acr_op repeat = *op;
	uint8_t *other = malloc(ROOM);
	void *first_state = NULL;
	int error;

	op->state = repeat.state = *state;
	op->dst = dst;
	repeat.dst = other;
	error = soft_compute(op);
	if (!(op->flags & ACR_OP_LAST))
		first_state = next_state;
	if (!error) {
		error = soft_compute(&repeat);
		check(!error && repeat.dst_len == op->dst_len &&
		              !memcmp(other, dst, op->dst_len) &&
		              !memcmp(op->tag_out, repeat.tag_out, sizeof(op->tag_out)),
		      "repeats a part", alg);
		if (!error && !(op->flags & ACR_OP_LAST))
			soft_state_free(next_state);
	}
	free(other);
	soft_state_free(*state);
	*state = first_state;
	return error;
}

/* The whole input in random parts, some of them empty. Returns 0 with *whole filled in. */
static int in_parts(const struct acr_capability *cap, const struct acr_op *whole, uint8_t *dst,
                    size_t *dst_len, uint8_t *tag)
{
	void *state = NULL;
	size_t at = 0;
	int error = 0;

	*dst_len = 0;
	for (bool first = true, last = false; !last && !error; first = false) {
		size_t left = whole->src.len - at;
		size_t n = rand() % 3 ? (size_t)rand() % (left + 1)
		                      : (size_t)rand() % 20 % (left + 1);
		struct acr_op op = *whole;

		last = n == left && rand() % 2;
		op.flags = (first ? ACR_OP_FIRST : 0) | (last ? ACR_OP_LAST : 0);
		op.src = (struct acr_bytes){ whole->src.data + at, n };
		op.dst_size = cap->opcode == ACR_ENCRYPT ? n + 16 : last ? whole->dst_size : 0;
		error = part(&op, &state, dst + *dst_len, cap->alg);
		at += n;
		*dst_len += op.dst_len;
		memcpy(tag, op.tag_out, ACR_TAG_MAX);
	}
	soft_state_free(state);
	return error;
}

static size_t mac_size(const char *alg)
{
	if (strstr(alg, "hmac"))
		return 16; /* the shortest, MD5's */
	return strstr(alg, "ede3") ? 8 : 16;
}

static void test_parts(const struct acr_capability *cap)
{
	struct acr_op whole = generic_op(cap, 3000), mac;
	uint8_t *dst = malloc(ROOM), tag[ACR_TAG_MAX];
	size_t dst_len;

	if (cap->opcode == ACR_MAC || cap->opcode == ACR_VERIFY)
		whole.tag_size = mac_size(cap->alg);
	if (strstr(cap->alg, "kmac"))
		whole.aad = (struct acr_bytes){ fixed + 5, 21 };
	mac = whole;
	give_room(&mac, whole.tag_size);
	if (cap->opcode == ACR_VERIFY) {
		mac.opcode = ACR_MAC;
		check(!soft_compute(&mac), "makes what is verified", cap->alg);
		whole.sig = (struct acr_bytes){ mac.dst, mac.dst_len };
	}
	give_room(&whole, result_size(cap, 3000));
	check(!soft_compute(&whole), "computes a whole", cap->alg);
	for (int i = 0; i < 4; i++)
		check(!in_parts(cap, &whole, dst, &dst_len, tag) && dst_len == whole.dst_len &&
		              !memcmp(dst, whole.dst, dst_len) &&
		              !memcmp(tag, whole.tag_out, sizeof(tag)),
		      "parts equal the whole", cap->alg);
	free(mac.dst);
	free(whole.dst);
	free(dst);
}

static void test_offers(void)
{
	for (unsigned i = 0; i < device.n; i++) {
		const struct acr_capability *cap = &device.caps[i];

		if (cap->opcode == ACR_ENCRYPT && !strstr(cap->alg, "rsa-") &&
		    strcmp(cap->alg, "modexp"))
			test_round_trips(cap);
		if (cap->state)
			test_parts(cap);
	}
}

/* ---- what must fail ---- */

static void test_bad_blocks(void)
{
	struct acr_op op = generic_op(offer(ACR_DECRYPT, "aes-128-cbc"), 32);

	op.padding = ACR_PAD_PKCS7;
	expect(op, 32, -EBADMSG, "bad padding");
	op.src.len = 31;
	expect(op, 32, -EINVAL, "half a block to decrypt");
	op.src.len = 0;
	expect(op, 16, -EINVAL, "nothing to decrypt");
	op = generic_op(offer(ACR_ENCRYPT, "aes-128-cbc"), 31);
	expect(op, 32, -EINVAL, "half a block to encrypt without padding");
	op.src.len = 32;
	expect(op, 31, -EINVAL, "no room");
	op.iv.len = 8;
	expect(op, 32, -EINVAL, "short iv");
	op = generic_op(offer(ACR_ENCRYPT, "aes-128-xts"), 15);
	expect(op, 15, -EINVAL, "15 bytes for XTS");
	op.src.len = 16;
	op.key.data = fixed + 100;
	expect(op, 16, -EINVAL, "equal XTS keys");
}

static void test_bad_aead(void)
{
	struct acr_op op = generic_op(offer(ACR_DECRYPT, "aes-128-ccm"), 16);

	op.tag = (struct acr_bytes){ fixed, 16 };
	expect(op, 16, -EBADMSG, "wrong CCM tag");
	op.iv.len = 14;
	expect(op, 16, -EINVAL, "14-byte CCM nonce");
	op = generic_op(offer(ACR_DECRYPT, "aes-128-gcm"), 16);
	op.tag = (struct acr_bytes){ fixed, 4 };
	expect(op, 16, -EBADMSG, "wrong short GCM tag");
	op.flags = ACR_OP_FIRST;
	expect(op, 16, -EOPNOTSUPP, "AEAD decryption in parts");
	op = generic_op(offer(ACR_ENCRYPT, "aes-128-ccm"), 16);
	op.flags = ACR_OP_FIRST;
	expect(op, 16, -EOPNOTSUPP, "CCM in parts");
	op = generic_op(offer(ACR_DECRYPT, "aes-128-wrap"), 16);
	expect(op, 16, -EINVAL, "unwrapping 16 bytes");
	op.src.len = 24;
	expect(op, 16, -EBADMSG, "unwrapping garbage");
	op = generic_op(offer(ACR_ENCRYPT, "aes-128-wrap"), 17);
	expect(op, 32, -EINVAL, "wrapping 17 bytes");
}

static void test_bad_rest(void)
{
	struct acr_op op = generic_op(offer(ACR_MAC, "hmac-sha256"), 16);

	op.tag_size = 33;
	expect(op, 64, -EINVAL, "33 bytes of HMAC-SHA256");
	op = generic_op(offer(ACR_MAC, "kmac-128"), 16);
	op.aad = (struct acr_bytes){ fixed, 513 };
	expect(op, 32, -EINVAL, "long KMAC custom string");
	op = op_for(offer(ACR_DERIVE, "scrypt"));
	op.numbers = (struct acr_numbers){ .n = 1 << 20, .r = 8, .p = 1 };
	expect(op, 64, -EINVAL, "scrypt in 1 GiB");
	op.numbers = (struct acr_numbers){ .n = 1000, .r = 8, .p = 1 };
	expect(op, 64, -EINVAL, "scrypt with n = 1000");
	op.numbers = (struct acr_numbers){ .n = UINT64_C(1) << 63, .r = UINT64_MAX, .p = 2 };
	expect(op, 64, -EINVAL, "scrypt beyond 64 bits");
	op = op_for(offer(ACR_DERIVE, "pbkdf2-sha256"));
	expect(op, 32, -EINVAL, "no iterations");
	op = op_for(offer(ACR_DERIVE, "hkdf-sha256"));
	expect(op, 255 * 32 + 1, -EINVAL, "256 digests of HKDF");
	op.aad = (struct acr_bytes){ fixed, 512 };
	give_room(&op, 16);
	check(!soft_compute(&op), "takes 512 bytes of info", op.alg);
	free(op.dst);
	op.cap_data = NULL;
	expect(op, 16, -EOPNOTSUPP, "no capability");
}

static void test_empty_keys(void)
{
	static const char *const algs[] = { "hkdf-sha256", "pbkdf2-sha256", "scrypt" };
	struct acr_op op;

	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		op = op_for(offer(ACR_DERIVE, algs[i]));
		op.numbers = (struct acr_numbers){ .iterations = 2, .n = 16, .r = 8, .p = 1 };
		give_room(&op, 32);
		check(!soft_compute(&op) && op.dst_len == 32, "takes an empty key", algs[i]);
		free(op.dst);
	}
	op = op_for(offer(ACR_MAC, "hmac-sha256"));
	op.tag_size = 32;
	give_room(&op, 32);
	/* HMAC_SHA256("", "") */
	check(!soft_compute(&op) && op.dst[0] == 0xb6 && op.dst[1] == 0x13,
	      "takes an empty key", "hmac-sha256");
	free(op.dst);
}

static void test_random(void)
{
	struct acr_op op = op_for(offer(ACR_RANDOM, ""));

	give_room(&op, 100000);
	check(!soft_compute(&op) && op.dst_len == 100000 &&
	              memcmp(op.dst, op.dst + 50000, 50000),
	      "makes bytes", "random");
	free(op.dst);
	give_room(&op, 0);
	check(!soft_compute(&op) && !op.dst_len, "makes no bytes", "random");
	free(op.dst);
}

/* ---- many threads, one engine ---- */

static void *hammer(void *error)
{
	for (int i = 0; i < 50 && !*(int *)error; i++)
		for (size_t j = 0; j < sizeof(vectors) / sizeof(vectors[0]); j++) {
			const struct acr_capability *cap =
			        offer(vectors[j].opcode, vectors[j].alg);
			struct texts texts;
			struct acr_op op;

			if (!cap || vectors[j].opcode == ACR_DERIVE)
				continue;
			op = op_of_vector(&vectors[j], cap, &texts);
			give_room(&op, texts.dst.len);
			if (soft_compute(&op) || memcmp(op.dst, texts.dst.data, texts.dst.len))
				*(int *)error = 1;
			free(op.dst);
		}
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[4];
	int errors[4] = { 0 };

	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, hammer, &errors[i]))
			abort();
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		check(!errors[i], "right in every thread", "all");
	}
}

int main(void)
{
	/* Twice: the engine goes down with its last device, and comes back. */
	check(!soft_add_capabilities(&device), "starts", "engine");
	soft_release();
	device.n = 0;
	check(!soft_add_capabilities(&device), "starts again", "engine");
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		test_vector(&vectors[i]);
	test_offers();
	test_bad_blocks();
	test_bad_aead();
	test_bad_rest();
	test_empty_keys();
	test_random();
	test_threads();
	soft_release();
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
