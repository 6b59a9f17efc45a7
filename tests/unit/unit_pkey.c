/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public-key part of the software engine alone: known answers of each family, everything
 * that must fail and leave nothing, and many threads with keys of many types at once. */
#include "soft_host.h"

#include <pthread.h>

#define ED_SECRET "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define ED_PUBLIC "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define ED_SIG                                                                                       \
	"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c" \
	"f9b46bd25bf5f0595bbe24655141438e7a100b"
#define P256_SECRET "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
#define P256_PUBLIC                                                                                  \
	"0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e9" \
	"5628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define P256_SIG                                                                                     \
	"efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6" \
	"e29f65f3e900dbb9aff4064dc4ab2f843acda8"
#define VALID_HEX "76616c69640a"

static const struct vector {
	const char *source;
	enum acr_opcode opcode;
	const char *alg, *key, *src, *sig, *dst;
	enum acr_sigformat sigformat;
} vectors[] = {
	{ "RFC 8032 7.1 test 1", ACR_SIGN, "ed25519", ED_SECRET, "", "", ED_SIG, ACR_SIG_DER },
	{ "RFC 8032 7.1 test 1", ACR_VERIFY, "ed25519", ED_PUBLIC, "", ED_SIG, VALID_HEX,
	  ACR_SIG_DER },
	{ "RFC 6979 A.2.5", ACR_VERIFY, "ecdsa-prime256v1-sha256", P256_PUBLIC, "'sample",
	  P256_SIG, VALID_HEX, ACR_SIG_RAW },
	{ "RFC 5903 8.1", ACR_DERIVE, "ecdh-prime256v1",
	  "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
	  "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e815785"
	  "4c13c58d6aac23f046ada30f8353e74f33039872ab",
	  "", "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de", ACR_SIG_DER },
	{ "RFC 7748 5.2", ACR_DERIVE, "x25519",
	  "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
	  "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", "",
	  "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552", ACR_SIG_DER },
	/* SEQUENCE { 497, 5 }: 65^5 modulo 497 is 389 */
	{ "arithmetic", ACR_ENCRYPT, "modexp", "3007020201f1020105", "41", "", "0185",
	  ACR_SIG_DER },
};

struct texts {
	struct buffer key, src, sig, dst;
};

static struct acr_op op_of(const struct vector *v, struct texts *t)
{
	const struct acr_capability *cap = offer(v->opcode, v->alg);
	struct acr_op op;

	check(cap, "is offered", v->alg);
	if (!cap)
		exit(1);
	op = op_for(cap);
	op.key = bytes_of(&t->key, v->key);
	op.src = bytes_of(&t->src, v->src);
	op.sig = bytes_of(&t->sig, v->sig);
	bytes_of(&t->dst, v->dst);
	op.pkey.digest = strstr(v->alg, "sha256") ? "sha256" : NULL;
	op.pkey.sigformat = v->sigformat;
	return op;
}

static bool gives(const struct vector *v)
{
	struct texts texts;
	struct acr_op op = op_of(v, &texts);
	bool good;

	give_room(&op, texts.dst.len);
	good = !soft_compute(&op) && op.dst_len == texts.dst.len &&
	       !memcmp(op.dst, texts.dst.data, texts.dst.len);
	free(op.dst);
	return good;
}

static void test_vectors(void)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		check(gives(&vectors[i]), "gives the known answer", vectors[i].source);
}

/* ---- what must fail ---- */

/* Any bit of a signature, and any length but its own. */
static void test_bad_signatures(const struct vector *v)
{
	struct texts texts;
	struct acr_op op = op_of(v, &texts);

	give_room(&op, texts.dst.len);
	for (size_t bit = 0; bit < texts.sig.len * 8; bit++) {
		texts.sig.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		check(soft_compute(&op) == -EBADMSG && !op.dst_len &&
		              all_zero(op.dst, op.dst_size),
		      "one wrong bit does not verify", v->alg);
		texts.sig.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (op.sig.len = 0; op.sig.len < texts.sig.len; op.sig.len++)
		check(soft_compute(&op) == -EBADMSG, "a part does not verify", v->alg);
	free(op.dst);
}

/* Every beginning of a key, and every byte of it damaged: no key, another key, no crash. */
static void test_bad_keys(const struct vector *v)
{
	struct texts texts;
	struct acr_op op = op_of(v, &texts);
	int error;

	give_room(&op, 2048);
	for (op.key.len = 0; op.key.len < texts.key.len; op.key.len++) {
		explained = NULL;
		check(soft_compute(&op) == -EINVAL && explained, "a part is no key", v->alg);
	}
	for (size_t i = 0; i < texts.key.len; i++) {
		texts.key.data[i] ^= 0x81;
		error = soft_compute(&op);
		check(!error || error == -EINVAL || error == -EBADMSG, "is a bad key at most",
		      v->alg);
		texts.key.data[i] ^= 0x81;
	}
	check(!soft_compute(&op) && op.dst_len == texts.dst.len, "the good key is still good",
	      v->alg);
	free(op.dst);
}

static void test_bad(void)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		test_bad_keys(&vectors[i]);
		if (vectors[i].opcode == ACR_VERIFY)
			test_bad_signatures(&vectors[i]);
	}
}

static void test_no_room(void)
{
	struct texts texts;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct acr_op op = op_of(&vectors[i], &texts);
		expect(op, texts.dst.len - 1, -EINVAL, "no room");
	}
}

/* ---- what can be repeated ---- */

static void test_once(void)
{
	for (unsigned i = 0; i < device.n; i++)
		check(!(device.caps[i].flags & ACR_CAP_ONCE) ==
		              (device.caps[i].opcode != ACR_RANDOM),
		      "only random bytes can't be made again", device.caps[i].alg);
}

/* ---- many threads ---- */

static void *hammer(void *unused)
{
	size_t wrong = 0;

	(void)unused;
	for (size_t round = 0; round < 40; round++)
		for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
			wrong += !gives(&vectors[i]);
	return wrong ? &device : NULL;
}

static void test_threads(void)
{
	pthread_t threads[4];
	void *wrong;

	for (size_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, hammer, NULL);
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], &wrong);
		check(!wrong, "many threads at once", "pkey");
	}
}

int main(void)
{
	check(!soft_add_capabilities(&device), "starts", "engine");
	test_vectors();
	soft_release();
	device.n = 0;
	check(!soft_add_capabilities(&device), "starts again", "engine");
	test_vectors();
	test_bad();
	test_no_room();
	test_once();
	test_threads();
	soft_release();
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
