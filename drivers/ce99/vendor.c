/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The vendor's library, by the names under which its calls are publicly known. How wide their
 * arguments are is not: they are taken for ints, and pointers to bytes. None has ever been seen
 * for Linux; whoever wraps an old one, or a new card, can offer these six functions. */
#include "backends.h"

#include <acrypto/driver.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define BUFFER_BYTES 16384u /* of one call; no limit of the vendor's is known */
#define VENDOR_SLOTS 3u     /* that a public program uses; how many there are is not known */

/* Names as dlsym() wants them, in the order of struct calls. */
static const char *const names[] = { "ceiInit",      "ceiClear",   "ceiLoadKey",
	                             "ceiDeleteKey", "ceiEncrypt", "ceiDecrypt" };

struct calls {
	int (*init)(void);
	int (*clear)(void);
	int (*load_key)(int slot, const void *key);
	int (*delete_key)(int slot);
	int (*encrypt)(int key, int mode, void *iv, void *data, int count);
	int (*decrypt)(int key, int mode, void *iv, void *data, int count);
};

_Static_assert(sizeof(struct calls) == sizeof(names) / sizeof(names[0]) * sizeof(void *),
               "each call has a name");

struct own {
	void *library;
	struct calls calls;
	uint8_t *buffer;
	SLIST_ENTRY(own) link; /* open_lock */
};

/* All that are open: a library has one card, and keeps it in variables of its own. */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static SLIST_HEAD(, own) all_open;

static int vendor_init(void *self)
{
	const struct own *own = self;

	return own->calls.init();
}

static int vendor_clear(void *self)
{
	const struct own *own = self;

	return own->calls.clear();
}

static int vendor_load_key(void *self, unsigned slot, const uint8_t *key)
{
	const struct own *own = self;

	return own->calls.load_key((int)slot, key);
}

static int vendor_delete_key(void *self, unsigned slot)
{
	const struct own *own = self;

	return own->calls.delete_key((int)slot);
}

/* In ECB the IV is passed, too, as the vendor's calls want it. */
static int vendor_crypt(void *self, struct chip_run *run)
{
	const struct own *own = self;

	return (run->decrypt ? own->calls.decrypt : own->calls.encrypt)(
	        (int)run->key, (int)run->mode, run->iv, own->buffer, (int)run->n);
}

static void vendor_close(void *self)
{
	struct own *own = self;

	pthread_mutex_lock(&open_lock);
	SLIST_REMOVE(&all_open, own, own, link);
	pthread_mutex_unlock(&open_lock);
	acr_secret_free(own->buffer);
	dlclose(own->library);
	free(own);
}

static const struct chip_backend vendor_backend = {
	.name = "vendor library",
	.init = vendor_init,
	.clear = vendor_clear,
	.load_key = vendor_load_key,
	.delete_key = vendor_delete_key,
	.crypt = vendor_crypt,
	.close = vendor_close,
};

/* Under open_lock. The same library gives the same handle, by whatever path. */
static bool is_open(const void *library)
{
	const struct own *own;

	SLIST_FOREACH(own, &all_open, link)
		if (own->library == library)
			return true;
	return false;
}

static int find_calls(struct own *own, const char *path, char why[CARD_WHY])
{
	void *found[sizeof(names) / sizeof(names[0])];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		found[i] = dlsym(own->library, names[i]);
		if (found[i])
			continue;
		snprintf(why, CARD_WHY, "%s has no %s", path, names[i]);
		return -ENOEXEC;
	}
	memcpy(&own->calls, found, sizeof(found));
	return 0;
}

static int load_library(struct own *own, const char *path, char why[CARD_WHY])
{
	/* A bare name would be looked for in folders that others may have named. */
	if (path[0] != '/') {
		snprintf(why, CARD_WHY, "vendor-library=%s must be a full path", path);
		return -EINVAL;
	}
	own->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!own->library) {
		snprintf(why, CARD_WHY, "%s", dlerror());
		return -ENOENT;
	}
	return find_calls(own, path, why);
}

static int keep(struct own *own, const char *path, char why[CARD_WHY])
{
	int error = 0;

	pthread_mutex_lock(&open_lock);
	if (is_open(own->library)) {
		snprintf(why, CARD_WHY, "%s serves another device, and can but one", path);
		error = -EBUSY;
	} else {
		SLIST_INSERT_HEAD(&all_open, own, link);
	}
	pthread_mutex_unlock(&open_lock);
	return error;
}

int ce99_vendor_open(struct chip *chip, const char *path, char why[CARD_WHY])
{
	struct own *own = calloc(1, sizeof(*own));
	int error = -ENOMEM;

	snprintf(why, CARD_WHY, "no memory");
	if (own)
		own->buffer = acr_secret_alloc(BUFFER_BYTES);
	if (own && own->buffer)
		error = load_library(own, path, why);
	if (!error)
		error = keep(own, path, why);
	if (!error) {
		*chip = (struct chip){ .backend = &vendor_backend,
			               .self = own,
			               .buffer = own->buffer,
			               .buffer_size = BUFFER_BYTES,
			               .slot_count = VENDOR_SLOTS,
			               .slots = chip->slots };
		return 0;
	}
	if (own) {
		acr_secret_free(own->buffer);
		if (own->library)
			dlclose(own->library);
		free(own);
	}
	return error;
}
