/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pages.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define MIN_SHIFT  15 /* 32 KiB, the smallest size handed out */
#define MAX_SHIFT  20 /* 1 MiB, the largest size that is kept */
#define KEEP       (MAX_SHIFT - MIN_SHIFT + 1)
#define KEEP_BYTES ((size_t)2 * 1024 * 1024) /* of each size */
#define HUGE       ((size_t)4 * 1024 * 1024) /* from here, ask for huge pages */
#define STEP       ((size_t)1 * 1024 * 1024)

/* Free pages of one size, linked through their first word. */
static struct {
	void *list;
	size_t count;
} kept[KEEP];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf */

/* Index in kept[] of a size, or KEEP for larger ones. */
static unsigned kept_index(size_t size)
{
	unsigned i = 0;

	while (i < KEEP && size > (size_t)1 << (MIN_SHIFT + i))
		i++;
	return i;
}

size_t acr_pages_round(size_t size)
{
	unsigned i = kept_index(size);
	return i < KEEP ? (size_t)1 << (MIN_SHIFT + i) : (size + STEP - 1) & ~(STEP - 1);
}

static void advise(void *pages, size_t size)
{
	madvise(pages, size, MADV_DONTDUMP);
	if (size >= HUGE)
		madvise(pages, size, MADV_HUGEPAGE);
}

void *acr_pages_alloc(size_t size)
{
	unsigned i = kept_index(size);
	void **pages = NULL;

	if (i < KEEP) {
		pthread_mutex_lock(&lock);
		pages = kept[i].list;
		if (pages) {
			kept[i].list = *pages;
			kept[i].count--;
		}
		pthread_mutex_unlock(&lock);
	}
	if (pages) {
		*pages = NULL;
		return pages;
	}
	pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return NULL;
	advise(pages, size);
	return pages;
}

void *acr_pages_grow(void *pages, size_t old_size, size_t size)
{
	void *moved = mremap(pages, old_size, size, MREMAP_MAYMOVE);

	if (moved == MAP_FAILED)
		return NULL;
	advise(moved, size);
	return moved;
}

void acr_pages_free(void *pages, size_t size, size_t used)
{
	unsigned i = kept_index(size);
	bool keep = false;

	if (i < KEEP) {
		explicit_bzero(pages, used < size ? used : size);
		pthread_mutex_lock(&lock);
		keep = (kept[i].count + 1) * size <= KEEP_BYTES;
		if (keep) {
			*(void **)pages = kept[i].list;
			kept[i].list = pages;
			kept[i].count++;
		}
		pthread_mutex_unlock(&lock);
	}
	if (!keep)
		munmap(pages, size);
}

void acr_pages_trim(void)
{
	for (unsigned i = 0; i < KEEP; i++) {
		void *list;

		pthread_mutex_lock(&lock);
		list = kept[i].list;
		kept[i].list = NULL;
		kept[i].count = 0;
		pthread_mutex_unlock(&lock);
		while (list) {
			void *next = *(void **)list;
			munmap(list, (size_t)1 << (MIN_SHIFT + i));
			list = next;
		}
	}
}
