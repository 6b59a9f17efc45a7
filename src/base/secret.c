/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A slab allocator: chunks of 64 KiB, aligned to their size, each cut into slots of one size
 * class. The chunk of a pointer is found by masking it; what is too large for a slot gets a
 * mapping of its own that starts with the same header. */
#include "secret.h"

#include "lock.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <unistd.h>

#define CHUNK        ((size_t)64 * 1024)
#define CHUNK_HEAD   ((size_t)128)        /* room for struct chunk, keeps slots aligned to 64 */
#define UNLOCKED_BIG ((size_t)256 * 1024) /* OpenSSL's work areas above this are not keys */

static const uint32_t class_sizes[] = { 64,   128,  192,  256,  384,  512,  768,   1024,
	                                1536, 2048, 3072, 4096, 6144, 8192, 12288, 16320 };
#define CLASSES (sizeof class_sizes / sizeof class_sizes[0])

struct arena;

struct chunk {
	uint32_t class; /* index, or CLASSES: one big allocation */
	size_t bytes;   /* mapped */
	struct arena *arena;
	uint32_t used, total;     /* (c) slots */
	void *free;               /* (c) list of free slots through their first word */
	LIST_ENTRY(chunk) usable; /* (c) in the class's list of chunks with free slots */
};
_Static_assert(sizeof(struct chunk) <= CHUNK_HEAD, "the header must fit");

struct arena {
	bool locked;
	atomic_size_t bytes;
	struct {
		pthread_mutex_t lock;      /* (c), a leaf: nothing is taken under it */
		LIST_HEAD(, chunk) usable; /* (c) chunks with free slots */
	} classes[CLASSES];
};

static struct arena secret_arena = { .locked = true }, private_arena;
static bool lockable;

int acr_secret_guard(void *start, size_t size)
{
	madvise(start, size, MADV_DONTDUMP);
	return mlock(start, size) ? -errno : 0;
}

/* Map bytes at an address that is a multiple of CHUNK. */
static void *map_aligned(size_t bytes)
{
	size_t room = bytes + CHUNK;
	char *raw =
	        mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *start;

	if (raw == MAP_FAILED)
		return NULL;
	start = (char *)(((uintptr_t)raw + CHUNK - 1) & ~(CHUNK - 1));
	if (start > raw)
		munmap(raw, (size_t)(start - raw));
	if (raw + room > start + bytes)
		munmap(start + bytes, (size_t)(raw + room - (start + bytes)));
	return start;
}

static struct chunk *chunk_new(struct arena *arena, uint32_t class, size_t bytes)
{
	struct chunk *chunk = map_aligned(bytes);

	if (!chunk)
		return NULL;
	madvise(chunk, bytes, MADV_DONTDUMP);
	if (arena->locked) {
		madvise(chunk, bytes, MADV_WIPEONFORK);
		if (mlock(chunk, bytes)) {
			munmap(chunk, bytes);
			return NULL;
		}
	}
	chunk->class = class;
	chunk->bytes = bytes;
	chunk->arena = arena;
	atomic_fetch_add(&arena->bytes, bytes);
	return chunk;
}

static void chunk_delete(struct chunk *chunk)
{
	atomic_fetch_sub(&chunk->arena->bytes, chunk->bytes);
	munmap(chunk, chunk->bytes); /* the kernel wipes what it takes back */
}

static struct chunk *slots_new(struct arena *arena, uint32_t class)
{
	struct chunk *chunk = chunk_new(arena, class, CHUNK);
	uint32_t size = class_sizes[class];

	if (!chunk)
		return NULL;
	chunk->total = (uint32_t)((CHUNK - CHUNK_HEAD) / size);
	for (uint32_t i = chunk->total; i-- > 0;) {
		void **slot = (void **)((char *)chunk + CHUNK_HEAD + (size_t)i * size);
		*slot = chunk->free;
		chunk->free = slot;
	}
	return chunk;
}

static void *slot_take(struct arena *arena, uint32_t class)
{
	pthread_mutex_t *lock = &arena->classes[class].lock;
	struct chunk *chunk;
	void **slot = NULL;

	pthread_mutex_lock(lock);
	chunk = LIST_FIRST(&arena->classes[class].usable);
	if (!chunk) {
		chunk = slots_new(arena, class);
		if (chunk)
			LIST_INSERT_HEAD(&arena->classes[chunk->class].usable, chunk, usable);
	}
	if (chunk) {
		slot = chunk->free;
		chunk->free = *slot;
		if (++chunk->used == chunk->total)
			LIST_REMOVE(chunk, usable);
		*slot = NULL;
	}
	pthread_mutex_unlock(lock);
	return slot;
}

static void slot_give(struct chunk *chunk, void *pointer)
{
	struct arena *arena = chunk->arena;
	pthread_mutex_t *lock = &arena->classes[chunk->class].lock;
	struct chunk *first;
	void **slot = pointer;

	explicit_bzero(pointer, class_sizes[chunk->class]);
	pthread_mutex_lock(lock);
	*slot = chunk->free;
	chunk->free = slot;
	if (chunk->used-- == chunk->total)
		LIST_INSERT_HEAD(&arena->classes[chunk->class].usable, chunk, usable);
	first = LIST_FIRST(&arena->classes[chunk->class].usable);
	/* Give an empty chunk back unless it is the last usable one of its class. */
	if (!chunk->used && (first != chunk || LIST_NEXT(chunk, usable)))
		LIST_REMOVE(chunk, usable);
	else
		chunk = NULL;
	pthread_mutex_unlock(lock);
	if (chunk)
		chunk_delete(chunk);
}

static void *arena_alloc(struct arena *arena, size_t size)
{
	struct chunk *chunk;
	size_t page;

	for (uint32_t class = 0; class < CLASSES; class ++)
		if (size <= class_sizes[class])
			return slot_take(arena, class);
	if (size > SIZE_MAX / 2)
		return NULL;
	page = (size_t)sysconf(_SC_PAGESIZE);
	chunk = chunk_new(arena, CLASSES, (size + CHUNK_HEAD + page - 1) & ~(page - 1));
	return chunk ? (char *)chunk + CHUNK_HEAD : NULL;
}

static struct chunk *chunk_of(const void *pointer)
{
	return (struct chunk *)((uintptr_t)pointer & ~(CHUNK - 1));
}

static size_t usable_size(const struct chunk *chunk)
{
	return chunk->class == CLASSES ? chunk->bytes - CHUNK_HEAD : class_sizes[chunk->class];
}

#ifdef __SANITIZE_ADDRESS__
/* Under AddressSanitizer every allocation is malloc's, so that overruns are seen. */
#include <malloc.h>
#include <stdlib.h>

static void *checked_alloc(size_t size)
{
	void *pointer = aligned_alloc(64, (size + 63) / 64 * 64 + (size ? 0 : 64));
	if (pointer)
		memset(pointer, 0, size);
	return pointer;
}

void *acr_secret_alloc(size_t size)
{
	return checked_alloc(size);
}

void *acr_private_alloc(size_t size)
{
	return checked_alloc(size);
}

void acr_secret_free(void *pointer)
{
	if (pointer)
		explicit_bzero(pointer, malloc_usable_size(pointer));
	free(pointer);
}
#else
void *acr_secret_alloc(size_t size)
{
	return arena_alloc(&secret_arena, size);
}

void *acr_private_alloc(size_t size)
{
	return arena_alloc(&private_arena, size);
}

void acr_secret_free(void *pointer)
{
	struct chunk *chunk = chunk_of(pointer);

	if (!pointer)
		return;
	if (chunk->class == CLASSES)
		chunk_delete(chunk);
	else
		slot_give(chunk, pointer);
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
	struct arena *arena = lockable && size <= UNLOCKED_BIG ? &secret_arena : &private_arena;

	(void)file, (void)line;
	return size ? arena_alloc(arena, size) : NULL;
}

static void crypto_free(void *pointer, const char *file, int line)
{
	(void)file, (void)line;
	acr_secret_free(pointer);
}

static void *crypto_realloc(void *pointer, size_t size, const char *file, int line)
{
	size_t old;
	void *fresh;

	if (!pointer)
		return crypto_malloc(size, file, line);
	old = usable_size(chunk_of(pointer));
	if (size && size <= old)
		return pointer;
	fresh = crypto_malloc(size, file, line);
	if (fresh)
		memcpy(fresh, pointer, old);
	if (fresh || !size)
		acr_secret_free(pointer);
	return fresh;
}
#endif

void acr_secret_init(void)
{
	void *trial;

	for (uint32_t i = 0; i < CLASSES; i++) {
		acr_lock_init(&secret_arena.classes[i].lock);
		acr_lock_init(&private_arena.classes[i].lock);
	}
	trial = arena_alloc(&secret_arena, 64);
	lockable = trial != NULL;
#ifndef __SANITIZE_ADDRESS__
	acr_secret_free(trial);
	CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free);
#else
	(void)slot_give, (void)chunk_of, (void)usable_size;
#endif
}

#ifdef __x86_64__
void acr_secret_scrub(void)
{
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vzeroall" ::
		                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
		                           "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
		                           "xmm12", "xmm13", "xmm14", "xmm15");
	else
		__asm__ volatile(
		        "pxor %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1; pxor %%xmm2, %%xmm2;"
		        "pxor %%xmm3, %%xmm3; pxor %%xmm4, %%xmm4; pxor %%xmm5, %%xmm5;"
		        "pxor %%xmm6, %%xmm6; pxor %%xmm7, %%xmm7; pxor %%xmm8, %%xmm8;"
		        "pxor %%xmm9, %%xmm9; pxor %%xmm10, %%xmm10; pxor %%xmm11, %%xmm11;"
		        "pxor %%xmm12, %%xmm12; pxor %%xmm13, %%xmm13; pxor %%xmm14, %%xmm14;"
		        "pxor %%xmm15, %%xmm15" ::
		                : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
		                  "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
		                  "xmm14", "xmm15");
	if (__builtin_cpu_supports("avx512f"))
		__asm__ volatile(
		        ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, "
		        "30, 31\n\tvpxorq %zmm\\n, %zmm\\n, %zmm\\n\n\t.endr");
}
#else
void acr_secret_scrub(void)
{
	/* Zeros of every kind of size go through the registers that memcpy() uses for it. The
	 * pointer keeps the calls in place. */
	static const uint8_t zeros[1024];
	static const size_t sizes[] = { 16, 32, 64, 96, 128, 192, 256, 512, 1024 };
	static void *(*volatile copy)(void *to, const void *from, size_t size) = memcpy;
	uint8_t sink[1024];

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		copy(sink, zeros, sizes[i]);
}
#endif

bool acr_secret_lockable(void)
{
	return lockable;
}

size_t acr_secret_bytes_locked(void)
{
	return atomic_load(&secret_arena.bytes);
}
