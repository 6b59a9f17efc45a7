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

/* The thread's own; secret memory. */
struct generator {
	struct pool pool;
	uint8_t key[64]; /* 32 of key, 16 of IV */
	size_t left;     /* bytes to be made before the next seeding */
};

static bool digest(const void *data, size_t n, uint8_t out[64])
{
	return EVP_Digest(data, n, out, NULL, EVP_sha512(), NULL);
}

/* state = SHA-512(state, chip's words, kernel's bytes) */
static int seed(struct hifn *hifn, struct generator *generator)
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
		} else if (++same == SAME_MAX || atomic_load(&hifn->random.stop)) {
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
static bool step(struct generator *generator)
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

static bool key_stream(const struct generator *generator, uint8_t *out, size_t n)
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

static int make(struct hifn *hifn, struct generator *generator, struct acr_op *op)
{
	for (size_t done = 0, n; done < op->dst_size; done += n) {
		int error = generator->left ? 0 : seed(hifn, generator);

		if (error)
			return error;
		if (atomic_load(&hifn->random.stop))
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
	while (!atomic_load(&hifn->random.stop)) {
		uint64_t on = hifn_now_ns() - hifn->random.on_ns;

		if (on >= WARM_UP_NS)
			return;
		card_wait_us(hifn->card, 20000);
	}
}

/* Under (h). The next op off the queue; NULL: stop. */
static struct acr_op *next_op(struct hifn *hifn)
{
	struct hifn_random *random = &hifn->random;
	struct acr_op *op;

	while (!random->count && !atomic_load(&random->stop))
		pthread_cond_wait(&random->more, &hifn->lock);
	if (atomic_load(&random->stop))
		return NULL;
	op = random->queue[0];
	random->count--;
	memmove(random->queue, random->queue + 1, random->count * sizeof(random->queue[0]));
	return op;
}

static void *random_thread(void *data)
{
	struct hifn *hifn = data;
	struct generator *generator = acr_secret_alloc(sizeof(*generator));
	struct acr_op *op;

	pthread_mutex_lock(&hifn->lock);
	while ((op = next_op(hifn))) {
		int error = -ENOMEM;

		pthread_mutex_unlock(&hifn->lock);
		if (generator) {
			warm_up(hifn);
			error = make(hifn, generator, op);
		}
		if (error)
			acr_op_explain(op, "the chip gives no random numbers");
		hifn_end(hifn, op, error);
		pthread_mutex_lock(&hifn->lock);
	}
	pthread_mutex_unlock(&hifn->lock);
	acr_secret_free(generator);
	return NULL;
}

int hifn_random_start(struct hifn *hifn)
{
	int error;

	atomic_store(&hifn->random.stop, false);
	error = pthread_create(&hifn->random.thread, NULL, random_thread, hifn);
	hifn->random.started = !error;
	return -error;
}

void hifn_random_stop(struct hifn *hifn)
{
	if (!hifn->random.started)
		return;
	pthread_mutex_lock(&hifn->lock);
	atomic_store(&hifn->random.stop, true);
	pthread_cond_broadcast(&hifn->random.more);
	pthread_mutex_unlock(&hifn->lock);
	pthread_join(hifn->random.thread, NULL);
	hifn->random.started = false;
}

bool hifn_random_take(struct hifn *hifn, struct acr_op *op)
{
	struct hifn_random *random = &hifn->random;

	if (random->count == HIFN_WORKS)
		return false;
	random->queue[random->count++] = op;
	pthread_cond_signal(&random->more);
	return true;
}

bool hifn_random_cancel(struct hifn *hifn, struct acr_op *op)
{
	struct hifn_random *random = &hifn->random;

	for (unsigned i = 0; i < random->count; i++) {
		if (random->queue[i] != op)
			continue;
		random->count--;
		memmove(random->queue + i, random->queue + i + 1,
		        (random->count - i) * sizeof(random->queue[0]));
		return true;
	}
	return false;
}

unsigned hifn_random_take_all(struct hifn *hifn, struct acr_op *ops[HIFN_WORKS])
{
	unsigned n = hifn->random.count;

	memcpy(ops, hifn->random.queue, n * sizeof(ops[0]));
	hifn->random.count = 0;
	return n;
}
