/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A chip in the test's own process, for what a whole model can't be used for: the state of rings
 * between two steps, and lies. It does as little as the driver needs: it follows the rings when
 * CSR is written, checks what it finds, and computes with OpenSSL. */
#ifndef HIFN_FAKE_H
#define HIFN_FAKE_H

#include "card_fake.h"

#include "drivers/hifn795x/hifn.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum fake_fault {
	FAKE_NONE,
	FAKE_ABORT,   /* DMA abort instead of the next command */
	FAKE_HANG,    /* nothing is done */
	FAKE_VANISH,  /* registers read all ones */
	FAKE_INVALID, /* the next command is refused, its result is all zeros */
	FAKE_OVERRUN, /* DSTOVERRUN in the next result */
	FAKE_SHORT,   /* output shorter than the room */
	FAKE_STINGY,  /* one input byte is left */
	FAKE_CUT,     /* R_OVER: the result is not written */
	FAKE_KEEP,    /* source and command descriptors are not given back */
	FAKE_WRONG,   /* the next result has a wrong bit */
};

#define FAKE_LAZY 64

enum { FAKE_COMMAND, FAKE_SOURCE, FAKE_RESULT, FAKE_DEST };

struct fake_chip {
	struct fake_card card; /* first */
	uint32_t bar0[HIFN_BAR0_BYTES / 4], bar1[HIFN_BAR1_BYTES / 4];
	uint32_t at[4]; /* bus address of the next descriptor */
	uint32_t status;
	unsigned unlocked; /* right words so far */
	uint32_t expected_word;
	bool level_weak;
	enum fake_fault fault;
	unsigned jumps[4], commands,
	        strange; /* what was seen; strange: not as the driver must */
	uint32_t random;
	bool powerless;         /* the public-key engine never ends */
	unsigned powers;        /* of it */
	uint32_t last_power[2]; /* lengths and operation */
	uint8_t last_command[HIFN_COMMAND_MAX];
	uint8_t stored[64][32]; /* cipher keys of the contexts */
	bool forgetful;         /* all of them are one */
	unsigned stored_uses;
	bool lazy;  /* computes on no more than FAKE_LAZY bytes: enough for the self-test */
	bool parts; /* a MAC made along with an encryption is wrong */
	unsigned combined; /* commands of both */
	unsigned last_sources, last_dests, last_length;
};

static unsigned fake_contexts; /* of the next device */

/* The next entry of a ring, behind jumps; NULL: none is valid. */
static uint32_t *fake_entry(struct fake_chip *chip, unsigned ring)
{
	for (unsigned jumps = 0; jumps < 2; jumps++) {
		uint32_t *entry = (uint32_t *)fake_memory(&chip->card, chip->at[ring], 8);

		if (!entry || !(entry[0] & D_VALID))
			return NULL;
		if (!(entry[0] & D_JUMP))
			return entry;
		if (entry[0] != (D_VALID | D_JUMP | D_MASKDONE))
			chip->strange++;
		entry[0] &= ~D_VALID;
		chip->at[ring] = entry[1];
		chip->jumps[ring]++;
	}
	return NULL;
}

static void fake_give_back(struct fake_chip *chip, unsigned ring, uint32_t *entry)
{
	if (chip->fault != FAKE_KEEP || ring == FAKE_RESULT || ring == FAKE_DEST)
		entry[0] &= ~D_VALID;
	chip->at[ring] += 8;
}

/* Collect the source; bytes, or -1. */
static int fake_gather(struct fake_chip *chip, uint8_t *data, size_t room)
{
	size_t n = 0;
	uint32_t *entry;
	bool last;

	chip->last_sources = 0;
	do {
		uint32_t length;
		const uint8_t *from;

		entry = fake_entry(chip, FAKE_SOURCE);
		if (!entry)
			return -1;
		length = entry[0] & D_LENGTH;
		from = fake_memory(&chip->card, entry[1], length);
		if (!from || entry[1] % 4 || !length || n + length > room)
			return -1;
		memcpy(data + n, from, length);
		n += length;
		last = entry[0] & D_LAST;
		fake_give_back(chip, FAKE_SOURCE, entry);
		chip->last_sources++;
	} while (!last);
	return (int)n;
}

/* Room left, or -1: the descriptors don't take what the command says. */
static int fake_scatter(struct fake_chip *chip, const uint8_t *data, size_t n, uint32_t said)
{
	uint32_t *entry, left = 0, room = 0;
	bool last;

	chip->last_dests = 0;
	do {
		uint32_t length, used;
		uint8_t *to;

		entry = fake_entry(chip, FAKE_DEST);
		if (!entry)
			return -1;
		length = entry[0] & D_LENGTH;
		to = fake_memory(&chip->card, entry[1], length);
		last = entry[0] & D_LAST;
		if (!to || entry[1] % 4 || !length || length % 4)
			return -1;
		used = length < n ? length : (uint32_t)n;
		memcpy(to, data, used);
		data += used;
		n -= used;
		left += length - used;
		room += length;
		fake_give_back(chip, FAKE_DEST, entry);
		chip->last_dests++;
	} while (!last);
	return n || room != said ? -1 : (int)left;
}

static uint32_t fake_get16(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8;
}

/* Fetched once: fetching costs more than computing. */
static const EVP_CIPHER *fake_cipher(uint32_t masks)
{
	static const char *const names[4] = { "DES-EDE3", "AES-128", "AES-192", "AES-256" };
	static const char *const modes[4] = { "ECB", "CBC", "CFB", "OFB" };
	static EVP_CIPHER *fetched[4][4];
	unsigned cipher = (masks & 3) == CRYPT_AES ? 1 + (masks >> 9 & 3) % 3 : 0;
	unsigned mode = masks >> 3 & 3;
	char name[32];

	snprintf(name, sizeof(name), "%s-%s", names[cipher], modes[mode]);
	if (!fetched[cipher][mode])
		fetched[cipher][mode] = EVP_CIPHER_fetch(NULL, name, NULL);
	return fetched[cipher][mode];
}

/* One command on data in place. Bytes of result after the base, or -1. DES is done as 3DES with
 * three equal keys, so that no legacy provider is needed. */
static int fake_crypt(struct fake_chip *chip, const uint8_t *command, uint8_t *data, uint32_t n)
{
	/* A MAC's part and key come before the cipher's. */
	bool both = fake_get16(command) & BASE_MAC;
	const uint8_t *part = command + (both ? 16 : 8);
	const uint8_t *given = part + 8 + (both ? HIFN_MAC_KEY : 0);
	uint32_t masks = fake_get16(part);
	const EVP_CIPHER *cipher = fake_cipher(masks);
	bool des = (masks & 3) == CRYPT_DES;
	size_t key_size = des ? 8 : (size_t)EVP_CIPHER_get_key_length(cipher);
	uint8_t key[32],
	        *stored = chip->stored[chip->forgetful ? 0 : fake_get16(command + 2) & 63];
	bool brought = masks & CRYPT_NEW_KEY;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int done = 0;

	if (fake_get16(part + 4) + (masks >> 14 << 16) != n)
		return -1;
	if (brought)
		memcpy(stored, given, key_size);
	chip->stored_uses += !brought;
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = stored[i % key_size];
	if (!EVP_CipherInit_ex(ctx, cipher, NULL, key, given + (brought ? key_size : 0),
	                       !(fake_get16(command) & BASE_DECODE)) ||
	    !EVP_CIPHER_CTX_set_padding(ctx, 0) ||
	    !EVP_CipherUpdate(ctx, data, &done, data, (int)n) || done != (int)n)
		done = -1;
	EVP_CIPHER_CTX_free(ctx);
	return done < 0 ? -1 : 4;
}

static int fake_mac(const uint8_t *command, const uint8_t *data, uint32_t n, uint8_t *result)
{
	uint32_t masks = fake_get16(command + 8);
	uint32_t count = fake_get16(command + 12) + (masks >> 14 << 16);
	bool both = fake_get16(command) & BASE_CRYPT;
	const EVP_MD *md = masks & MAC_MD5 ? EVP_md5() : EVP_sha1();
	unsigned size = 0;

	if (both ? count > n : count != n)
		return -1;
	if (masks & MAC_HASH)
		EVP_Digest(data, count, result + 12, &size, md, NULL);
	else
		HMAC(md, command + (both ? 24 : 16), HIFN_MAC_KEY, data, count, result + 12,
		     &size);
	return (int)size + 4;
}

/* Encrypts before it makes a MAC, and is asked for nothing else. */
static int fake_compute(struct fake_chip *chip, const uint8_t *command, uint8_t *data,
                        uint32_t n, uint8_t *result)
{
	uint32_t masks = fake_get16(command);
	int cipher = 0, mac = 0;

	if (masks & BASE_MAC && masks & BASE_DECODE)
		return -1;
	if (masks & BASE_CRYPT)
		cipher = fake_crypt(chip, command, data, n);
	if (masks & BASE_MAC)
		mac = fake_mac(command, data, n, result);
	chip->combined += cipher && mac;
	result[12] ^= cipher && chip->parts;
	return cipher < 0 || mac < 0 ? -1 : cipher + mac;
}

/* Run the oldest command. False: it is not all there, or can't be. */
static bool fake_run_one(struct fake_chip *chip)
{
	static uint8_t data[HIFN_COUNT_MAX + 1];
	uint32_t *command_entry = fake_entry(chip, FAKE_COMMAND);
	uint32_t *result_entry = fake_entry(chip, FAKE_RESULT);
	uint8_t result[64] = { 0 }, *command, *to;
	int n, left, size;

	if (!command_entry || !result_entry || !fake_entry(chip, FAKE_SOURCE) ||
	    !fake_entry(chip, FAKE_DEST))
		return false;
	chip->last_length = command_entry[0] & D_LENGTH;
	command = fake_memory(&chip->card, command_entry[1], HIFN_COMMAND_MAX);
	to = fake_memory(&chip->card, result_entry[1], HIFN_RESULT_BYTES);
	if (!command || !to)
		return false;
	memcpy(chip->last_command, command, sizeof(chip->last_command));
	n = fake_gather(chip, data, sizeof(data));
	if (n < 0 ||
	    (uint32_t)n != fake_get16(command + 4) + (fake_get16(command + 2) >> 14 << 16)) {
		chip->strange++;
		return false;
	}
	if (chip->lazy && n > FAKE_LAZY)
		size = 4;
	else
		size = fake_compute(chip, command, data, (uint32_t)n, result);
	if (chip->fault == FAKE_WRONG)
		data[0] ^= 1, result[12] ^= 1;
	left = fake_scatter(chip, data, (size_t)n,
	                    fake_get16(command + 6) +
	                            ((fake_get16(command + 2) >> 12 & 3) << 16));
	if (size < 0 || left < 0 || left > 3) {
		chip->strange++;
		return false;
	}
	if (chip->fault == FAKE_INVALID) {
		chip->bar0[PUISR / 4] |= PU_CMDINVAL;
		chip->status |= CSR_ENGINE;
		memset(result, 0, sizeof(result));
	}
	if (chip->fault == FAKE_OVERRUN)
		result[1] = RESULT_DSTOVERRUN >> 8;
	if (chip->fault == FAKE_SHORT)
		result[6] = 4;
	if (chip->fault == FAKE_STINGY)
		result[8] = RESULT_NOT_ZERO;
	if (chip->fault == FAKE_CUT)
		chip->status |= CSR_R_OVER;
	else
		memcpy(to, result, (size_t)size + 8);
	fake_give_back(chip, FAKE_COMMAND, command_entry);
	fake_give_back(chip, FAKE_RESULT, result_entry);
	if (chip->fault != FAKE_KEEP)
		chip->fault = FAKE_NONE;
	chip->status |= CSR_R_DONE;
	chip->commands++;
	return true;
}

static void fake_engine(struct fake_chip *chip)
{
	if (chip->bar1[CNFG / 4] != CNFG_RUN || !(chip->bar1[CSR / 4] & CSR_ENABLE) ||
	    chip->fault == FAKE_HANG || chip->fault == FAKE_VANISH)
		return;
	if (chip->fault == FAKE_ABORT) {
		chip->status |= CSR_S_ABORT;
		return;
	}
	while (fake_run_one(chip))
		continue;
}

static void fake_unlock_word(struct fake_chip *chip, uint32_t value)
{
	if (!(chip->bar1[CNFG / 4] & 0x800))
		chip->strange++;
	if (!value) {
		chip->expected_word = chip->bar1[UNLOCK_SEED / 4];
		chip->unlocked = 0;
		return;
	}
	chip->expected_word = hifn_unlock_step(chip->expected_word);
	chip->unlocked += value == chip->expected_word;
}

static BIGNUM *fake_number(struct fake_chip *chip, unsigned unit, size_t size)
{
	return BN_lebin2bn((uint8_t *)chip->bar1 + PUB_MEM + unit * 64, (int)size, NULL);
}

/* Modular exponentiation at once; the numbers lie as the host has them, little-endian. */
static void fake_power(struct fake_chip *chip, uint32_t operation)
{
	uint32_t lengths = chip->bar1[PUB_FIFO_OPLEN / 4];
	size_t size = (lengths & 0xff) * 4;
	unsigned result = (operation >> 8 & 63) + (unsigned)size / 64;
	BIGNUM *base = fake_number(chip, operation & 63, size);
	BIGNUM *exponent = fake_number(chip, operation >> 8 & 63, size);
	BIGNUM *modulus = fake_number(chip, operation >> 16 & 63, size);
	BN_CTX *ctx = BN_CTX_new();

	chip->last_power[0] = lengths;
	chip->last_power[1] = operation;
	if (chip->bar1[PUB_MODE / 4] != PUB_ENHANCED || operation >> 24 != 12 || size % 64 ||
	    (unsigned)BN_num_bits(modulus) != 8 * size)
		chip->strange++;
	else if (!chip->powerless) {
		BN_mask_bits(exponent, (int)(lengths >> 8 & 0xfff) + 1);
		BN_mod_exp(base, base, exponent, modulus, ctx);
		BN_bn2lebinpad(base, (uint8_t *)chip->bar1 + PUB_MEM + result * 64, (int)size);
		chip->bar1[PUB_STATUS / 4] |= PUB_DONE;
		chip->powers++;
	}
	BN_free(base);
	BN_free(exponent);
	BN_free(modulus);
	BN_CTX_free(ctx);
}

static void fake_write1(struct fake_chip *chip, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case CSR:
		chip->status &= ~(value & 0x3e3e3f3fu);
		if (value & CSR_ENABLE)
			chip->bar1[CSR / 4] |= CSR_ENABLE;
		if (value & CSR_DISABLE)
			chip->bar1[CSR / 4] &= ~CSR_ENABLE;
		return;
	case CRAR:
	case SRAR:
	case RRAR:
	case DRAR:
		chip->at[offset >> 4] = value;
		break;
	case UNLOCK_WORD:
		fake_unlock_word(chip, value);
		break;
	case PUB_RESET:
		value = 0;
		chip->bar1[PUB_MODE / 4] = chip->bar1[PUB_STATUS / 4] = 0;
		break;
	case PUB_STATUS:
		value = chip->bar1[PUB_STATUS / 4] & ~value;
		break;
	case PUB_FIFO_OP:
		fake_power(chip, value);
		break;
	}
	chip->bar1[offset / 4] = value;
}

static uint32_t fake_read0(struct fake_chip *chip, uint32_t offset)
{
	if (offset == PUSTAT && chip->bar0[PUCNFG / 4] & PUCNFG_CHIPID)
		return (chip->unlocked < 12 ? 0 : chip->level_weak ? 0x10u : 0x11u) << 8 | 0x20;
	if (offset == PUCTRL || offset == PUCTRL2)
		return 0;
	return chip->bar0[offset / 4];
}

static uint32_t fake_read1(struct fake_chip *chip, uint32_t offset)
{
	if (offset == CSR)
		return chip->status;
	if (offset == RNG_DATA && chip->bar1[RNG_CONFIG / 4] & 1)
		return chip->random = chip->random * 1664525 + 1013904223;
	return chip->bar1[offset / 4];
}

static uint32_t fake_read_word(struct fake_chip *chip, unsigned bar, uint32_t offset)
{
	if (chip->fault == FAKE_VANISH)
		return UINT32_MAX;
	return bar ? fake_read1(chip, offset) : fake_read0(chip, offset);
}

static void fake_write_word(struct fake_chip *chip, unsigned bar, uint32_t offset,
                            uint32_t value)
{
	if (bar == 0 && offset == PUISR)
		chip->bar0[PUISR / 4] &= ~value;
	else if (bar == 0)
		chip->bar0[offset / 4] = value;
	else
		fake_write1(chip, offset, value);
	if (bar == 1 && (offset == CSR || offset == CNFG))
		fake_engine(chip);
}

static void fake_init(struct fake_chip *chip)
{
	memset(chip, 0, sizeof(*chip));
	chip->bar1[UNLOCK_SEED / 4] = 0x12345678;
	chip->random = 1;
	chip->card.bar_size[0] = HIFN_BAR0_BYTES;
	chip->card.bar_size[1] = HIFN_BAR1_BYTES;
}

/* A device on the fake chip, without threads: the test reaps. NULL if it didn't come up; the
 * reason is in dev->explained. */
static struct hifn *fake_device(struct acr_device *dev, struct fake_chip *chip)
{
	struct hifn *hifn = calloc(1, sizeof(*hifn));
	char why[CARD_WHY];
	struct card *card;

	fake_next = &chip->card;
	hifn->dev = dev;
	hifn->irq = hifn->timer = -1;
	hifn->timeout_ns = 2000000000u;
	hifn->pll = PLL_EXT | PLL_ND(1);
	hifn->context_count = fake_contexts;
	if (hifn_contexts_make(hifn))
		abort();
	pthread_mutex_init(&hifn->lock, NULL);
	pthread_cond_init(&hifn->aside.more, NULL);
	hifn->works = acr_secret_alloc(HIFN_WORKS * sizeof(*hifn->works));
	dev->private_data = hifn;
	if (!fake_card_open(&card, why) && !hifn_start(hifn, card)) {
		hifn->running = true;
		return hifn;
	}
	acr_secret_free(hifn->contexts);
	acr_secret_free(hifn->works);
	free(hifn);
	return NULL;
}

static void fake_remove(struct hifn *hifn)
{
	hifn->running = false;
	hifn_down(hifn);
	acr_secret_free(hifn->contexts);
	acr_secret_free(hifn->works);
	pthread_mutex_destroy(&hifn->lock);
	pthread_cond_destroy(&hifn->aside.more);
	free(hifn);
}

#endif
