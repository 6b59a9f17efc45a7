/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random numbers. What the chip's generator gives is far from random in each bit (at worst 0.06
 * bits of entropy in one), so many words of it are condensed into the seed of a deterministic
 * generator, together with the kernel's: the result is never worse than either. */
#include "hifn.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/evp.h>

#define WARM_UP_NS UINT64_C(400000000)
#define SPACING_US 3u     /* 256 clocks of at least 100 MHz */
#define SEED_WORDS 320u   /* 614 bits at worst, for 512 that are kept */
#define SAME_MAX   64u    /* equal words in a row are the latch's doing; so many are a fault */
#define RESEED     65536u /* bytes made from one seed */

struct pool {
	uint8_t state[64]; /* one digest of SHA-512 */
	uint32_t words[SEED_WORDS];
	uint8_t kernel[32];
};

struct hifn_generator {
	struct pool pool;
	uint8_t key[64]; /* 32 of key, 16 of IV */
	size_t left;     /* bytes to be made before the next seeding */
};

static bool digest(const void *data, size_t n, uint8_t out[64])
{
	return EVP_Digest(data, n, out, NULL, EVP_sha512(), NULL);
}

/* state = SHA-512(state, chip's words, kernel's bytes) */
static int seed(struct hifn *hifn, struct hifn_generator *generator)
{
	struct pool *pool = &generator->pool;
	unsigned n = 0, same = 0;
	uint32_t before = card_read(hifn->card, 1, RNG_DATA);

	while (n < SEED_WORDS) {
		uint32_t word;

		card_wait_us(hifn->card, SPACING_US);
		word = card_read(hifn->card, 1, RNG_DATA);
		if (word != before) {
			pool->words[n++] = before = word;
			same = 0;
		} else if (++same == SAME_MAX || atomic_load(&hifn->aside.stop)) {
			return -EIO;
		}
	}
	if (getrandom(pool->kernel, sizeof(pool->kernel), 0) != sizeof(pool->kernel) ||
	    !digest(pool, sizeof(*pool), pool->state))
		return -EIO;
	generator->left = RESEED;
	return 0;
}

/* What is made can't be told from the state afterwards. */
static bool step(struct hifn_generator *generator)
{
	struct pool *pool = &generator->pool;
	uint8_t in[sizeof(pool->state) + 1];
	bool good;

	memcpy(in, pool->state, sizeof(pool->state));
	in[sizeof(in) - 1] = 1;
	good = digest(in, sizeof(in), generator->key);
	in[sizeof(in) - 1] = 2;
	good = good && digest(in, sizeof(in), pool->state);
	explicit_bzero(in, sizeof(in));
	return good;
}

static bool key_stream(const struct hifn_generator *generator, uint8_t *out, size_t n)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int written = 0;
	bool good;

	memset(out, 0, n);
	good = ctx &&
	       EVP_EncryptInit_ex(ctx, EVP_aes_256_ctr(), NULL, generator->key,
	                          generator->key + 32) &&
	       EVP_EncryptUpdate(ctx, out, &written, out, (int)n);
	EVP_CIPHER_CTX_free(ctx);
	return good;
}

static int make(struct hifn *hifn, struct hifn_generator *generator, struct acr_op *op)
{
	for (size_t done = 0, n; done < op->dst_size; done += n) {
		int error = generator->left ? 0 : seed(hifn, generator);

		if (error)
			return error;
		if (atomic_load(&hifn->aside.stop))
			return -ENODEV;
		n = op->dst_size - done;
		if (n > generator->left)
			n = generator->left;
		if (!step(generator) || !key_stream(generator, op->dst + done, n))
			return -EIO;
		generator->left -= n;
	}
	op->dst_len = op->dst_size;
	return 0;
}

static void warm_up(const struct hifn *hifn)
{
	while (!atomic_load(&hifn->aside.stop)) {
		uint64_t on = hifn_now_ns() - hifn->aside.on_ns;

		if (on >= WARM_UP_NS)
			return;
		card_wait_us(hifn->card, 20000);
	}
}

struct hifn_generator *hifn_generator_new(void)
{
	return acr_secret_alloc(sizeof(struct hifn_generator));
}

void hifn_generator_free(struct hifn_generator *generator)
{
	acr_secret_free(generator);
}

int hifn_random(struct hifn *hifn, struct hifn_generator *generator, struct acr_op *op)
{
	int error = -ENOMEM;

	if (generator) {
		warm_up(hifn);
		error = make(hifn, generator, op);
	}
	if (error)
		acr_op_explain(op, "the chip gives no random numbers");
	return error;
}
