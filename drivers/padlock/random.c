/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random numbers. The unit's bytes, of which three quarters of a bit each are counted as random,
 * are watched as SP 800-90B wants it and become the seed of a deterministic generator, together
 * with the kernel's: the result is never worse than either. */
#include "insn.h"
#include "padlock.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <openssl/evp.h>

#define TRIES     20u
#define PAUSE_NS  10000
#define RAW       96u    /* bytes a seed: 576 bits of entropy for 512 that are kept */
#define RESEED    65536u /* bytes made from one seed */
#define TRY_BYTES 1024u  /* that are watched before the first use, SP 800-90B 4.3 */

/* The status word. */
#define STATUS_COUNT   0x1fu
#define STATUS_ENABLED 0x40u
#define STATUS_FAULTS  0x7c00u /* DC bias, raw bits, string filter on or failed */

/* For 6 bits in a byte, and one false alarm in 2^30: SP 800-90B 4.4.1 and 4.4.2. */
#define REPEATED_MAX 5u
#define WINDOW       512u
#define SEEN_MAX     30u

struct padlock_random {
	pthread_mutex_t lock;
	unsigned divisor;
	bool status;
	bool failed; /* not used any more */
	struct padlock_health health;
	size_t left; /* bytes to be made before the next seeding */
	struct {
		uint8_t state[64]; /* one digest of SHA-512 */
		uint8_t raw[RAW];
		uint8_t kernel[32];
	} pool;
};

bool padlock_health_note(struct padlock_health *health, uint8_t byte)
{
	bool good;

	health->repeated = health->repeated && byte == health->last ? health->repeated + 1 : 1;
	health->last = byte;
	good = health->repeated <= REPEATED_MAX;
	if (!health->at) {
		health->watched = byte;
		health->seen = 0;
	}
	health->seen += byte == health->watched;
	health->at = (health->at + 1) % WINDOW;
	return good && health->seen <= SEEN_MAX;
}

static bool status_is_good(uint32_t status)
{
	return status & STATUS_ENABLED && !(status & STATUS_FAULTS);
}

/* What one XSTORE gives, or nothing in a while: -EIO. */
static int store_once(unsigned divisor, bool has_status, uint8_t buffer[16])
{
	const struct timespec pause = { 0, PAUSE_NS };

	for (unsigned i = 0; i < TRIES; i++) {
		uint32_t status = padlock_xstore(buffer, divisor);
		unsigned count = status & STATUS_COUNT;

		if (has_status && !status_is_good(status))
			return -EIO;
		if (count)
			return count == 8u >> divisor ? (int)count : -EIO;
		nanosleep(&pause, NULL);
	}
	return -EIO;
}

/* n bytes of the unit. Returns 0 or -EIO. */
static int gather(unsigned divisor, bool has_status, struct padlock_health *health,
                  uint8_t *out, size_t n)
{
	uint8_t buffer[16] __attribute__((aligned(16)));
	int count = 0;

	while (n && count >= 0) {
		count = store_once(divisor, has_status, buffer);
		for (int i = 0; i < count && n; i++, n--) {
			if (!padlock_health_note(health, buffer[i])) {
				count = -EIO;
				break;
			}
			*out++ = buffer[i];
		}
	}
	explicit_bzero(buffer, sizeof(buffer));
	return count < 0 ? count : 0;
}

bool padlock_random_try(unsigned divisor, bool has_status)
{
	struct padlock_health health = { 0 };
	uint8_t bytes[TRY_BYTES];
	bool good = !gather(divisor, has_status, &health, bytes, sizeof(bytes));

	explicit_bzero(bytes, sizeof(bytes));
	return good;
}

static bool digest(const void *data, size_t n, uint8_t out[64])
{
	return EVP_Digest(data, n, out, NULL, EVP_sha512(), NULL);
}

/* state = SHA-512(state, the unit's bytes, the kernel's). Under the lock. */
static int seed(struct padlock_random *random)
{
	int error =
	        gather(random->divisor, random->status, &random->health, random->pool.raw, RAW);

	if (error) {
		random->failed = true;
		return error;
	}
	if (getrandom(random->pool.kernel, sizeof(random->pool.kernel), 0) !=
	            sizeof(random->pool.kernel) ||
	    !digest(&random->pool, sizeof(random->pool), random->pool.state))
		return -ENOMEM;
	random->left = RESEED;
	return 0;
}

/* A key and IV for the next n bytes, which can't be told from the state afterwards. Under the
 * lock. */
static int next_key(struct padlock_random *random, size_t n, uint8_t key[64])
{
	uint8_t in[sizeof(random->pool.state) + 1];
	int error = random->left < n ? seed(random) : 0;
	bool good;

	if (error)
		return error;
	memcpy(in, random->pool.state, sizeof(random->pool.state));
	in[sizeof(in) - 1] = 1;
	good = digest(in, sizeof(in), key);
	in[sizeof(in) - 1] = 2;
	good = good && digest(in, sizeof(in), random->pool.state);
	explicit_bzero(in, sizeof(in));
	random->left -= n;
	return good ? 0 : -ENOMEM;
}

static int key_stream(const uint8_t key[64], uint8_t *out, size_t n)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int written = 0;
	bool good;

	memset(out, 0, n);
	good = ctx && EVP_EncryptInit_ex(ctx, EVP_aes_256_ctr(), NULL, key, key + 32) &&
	       EVP_EncryptUpdate(ctx, out, &written, out, (int)n);
	EVP_CIPHER_CTX_free(ctx);
	return good ? 0 : -ENOMEM;
}

/* Once; the device goes on without. Under the lock. */
static void tell_failure(const struct padlock_random *random, const char *device, int error)
{
	if (error == -EIO && random->failed)
		acr_log(ACR_LOG_WARNING, device,
		        "the processor's random numbers are not fit for use: it gives no more "
		        "of them until it is reset");
}

int padlock_random(struct padlock_random *random, struct acr_op *op, const char *device)
{
	uint8_t key[64];
	int error = 0;

	for (size_t done = 0, n; done < op->dst_size && !error; done += n) {
		n = op->dst_size - done;
		if (n > RESEED)
			n = RESEED;
		pthread_mutex_lock(&random->lock);
		if (random->failed) {
			error = -EOPNOTSUPP;
		} else {
			error = next_key(random, n, key);
			tell_failure(random, device, error);
		}
		pthread_mutex_unlock(&random->lock);
		if (!error)
			error = key_stream(key, op->dst + done, n);
	}
	explicit_bzero(key, sizeof(key));
	if (error) {
		acr_op_explain(op, "the processor gives no random numbers");
		return error == -EIO ? -EOPNOTSUPP : error;
	}
	op->dst_len = op->dst_size;
	return 0;
}

void padlock_random_reset(struct padlock_random *random)
{
	pthread_mutex_lock(&random->lock);
	random->failed = false;
	random->left = 0;
	memset(&random->health, 0, sizeof(random->health));
	pthread_mutex_unlock(&random->lock);
}

struct padlock_random *padlock_random_new(unsigned divisor, bool has_status)
{
	struct padlock_random *random = acr_secret_alloc(sizeof(*random));

	if (!random)
		return NULL;
	memset(random, 0, sizeof(*random));
	pthread_mutex_init(&random->lock, NULL);
	random->divisor = divisor;
	random->status = has_status;
	return random;
}

void padlock_random_free(struct padlock_random *random)
{
	if (!random)
		return;
	pthread_mutex_destroy(&random->lock);
	acr_secret_free(random);
}
