/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A library with the vendor's calls, as the driver ce99 loads one: a card in software. It has as
 * many key registers as CE99_VENDOR_KEYS says (3), and fails as CE99_VENDOR_FAULT says:
 *
 *	CALL:STATUS        each such call, as in ceiEncrypt:-7
 *	CALL:STATUS:AFTER  the same after so many that went well
 *	CALL:hang:AFTER    the call after so many doesn't return
 *
 * Both are looked at in each call. What no caller may do ends the process with a sentence. */
#include "tests/lib/ce99_des.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int ceiInit(void);
EXPORT int ceiClear(void);
EXPORT int ceiLoadKey(int slot, const void *key);
EXPORT int ceiDeleteKey(int slot);
EXPORT int ceiEncrypt(int key, int mode, void *iv, void *data, int count);
EXPORT int ceiDecrypt(int key, int mode, void *iv, void *data, int count);

static uint8_t keys[16][8];
static bool loaded[16];
static bool started;
static int inside, fault_calls;

__attribute__((destructor)) static void drop(void)
{
	ce99_des_drop();
}

/* The library is not for threads, like most of its age. */
static void enter(void)
{
	if (__atomic_exchange_n(&inside, 1, __ATOMIC_ACQUIRE)) {
		fprintf(stderr, "ce99-vendor: two calls at once\n");
		abort();
	}
}

static int leave(int status)
{
	__atomic_store_n(&inside, 0, __ATOMIC_RELEASE);
	return status;
}

static int key_count(void)
{
	const char *words = getenv("CE99_VENDOR_KEYS");

	return words ? atoi(words) : 3;
}

/* What the fault makes of a call; 0: nothing. */
static int fault(const char *call)
{
	const char *words = getenv("CE99_VENDOR_FAULT");
	size_t n = strlen(call);
	const char *after;

	if (!words || strncmp(words, call, n) || words[n] != ':')
		return 0;
	words += n + 1;
	after = strchr(words, ':');
	if (fault_calls++ < (after ? atoi(after + 1) : 0))
		return 0;
	while (!strncmp(words, "hang", 4))
		pause();
	return atoi(words);
}

int ceiInit(void)
{
	int status;

	enter();
	status = fault("ceiInit");
	memset(loaded, 0, sizeof(loaded));
	started = !status;
	return leave(status);
}

int ceiClear(void)
{
	int status;

	enter();
	status = fault("ceiClear");
	memset(loaded, 0, sizeof(loaded));
	memset(keys, 0, sizeof(keys));
	return leave(status);
}

int ceiLoadKey(int slot, const void *key)
{
	int status;

	enter();
	status = fault("ceiLoadKey");
	if (!status && !started)
		status = -3;
	if (!status && (slot < 0 || slot >= key_count()))
		status = -4;
	if (!status) {
		memcpy(keys[slot], key, sizeof(keys[slot]));
		loaded[slot] = true;
	}
	return leave(status);
}

int ceiDeleteKey(int slot)
{
	int status;

	enter();
	status = fault("ceiDeleteKey");
	if (!status && slot >= 0 && slot < 16) {
		memset(keys[slot], 0, sizeof(keys[slot]));
		loaded[slot] = false;
	}
	return leave(status);
}

static bool all_loaded(unsigned number)
{
	return loaded[number & 15] &&
	       (number < 16 || (loaded[number >> 4 & 15] && loaded[number >> 8 & 15]));
}

static int run(int key, int mode, void *iv, void *data, int count, bool decrypt)
{
	unsigned number = (unsigned)key;

	if (!started)
		return -3;
	if (mode < 0 || mode > 3 || number > 0xfff || count <= 0 || count % 8 || !iv || !data) {
		fprintf(stderr, "ce99-vendor: key %d, mode %d, %d bytes\n", key, mode, count);
		abort();
	}
	if (!all_loaded(number))
		return -6;
	if (ce99_des((const uint8_t(*)[8])keys, number, (unsigned)mode, decrypt, iv, data,
	             (size_t)count))
		return 0;
	return decrypt ? -8 : -7;
}

int ceiEncrypt(int key, int mode, void *iv, void *data, int count)
{
	int status;

	enter();
	status = fault("ceiEncrypt");
	return leave(status ? status : run(key, mode, iv, data, count, false));
}

int ceiDecrypt(int key, int mode, void *iv, void *data, int count)
{
	int status;

	enter();
	status = fault("ceiDecrypt");
	return leave(status ? status : run(key, mode, iv, data, count, true));
}
