/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's memory: which addresses there are, and access to those that it shares. */
#include "internal.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The server whose mappings the signal handler may repair. */
static struct vu_server *guarded;

/* A client can cut the file behind a mapping at any time: put zeros in its place. */
static void on_bus_error(int signal_number, siginfo_t *info, void *context)
{
	const uint8_t *at = info->si_addr;

	(void)context;
	for (size_t i = 0; guarded && i < guarded->dma.n; i++) {
		struct vu_mapping *map = &guarded->dma.maps[i];

		if (!map->memory || at < map->memory || at >= map->memory + map->size)
			continue;
		map->damaged = 1;
		if (mmap(map->memory, map->size, PROT_READ | PROT_WRITE,
		         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
		         0) != MAP_FAILED)
			return;
	}
	signal(signal_number, SIG_DFL);
}

void vu_dma_guard(struct vu_server *server)
{
	struct sigaction action = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO };

	guarded = server;
	if (server)
		sigaction(SIGBUS, &action, NULL);
}

/* Index of the first mapping that ends behind the address. */
static size_t position(const struct vu_dma *dma, uint64_t address)
{
	size_t low = 0, high = dma->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct vu_mapping *map = &dma->maps[middle];

		if (map->address + (map->size - 1) < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct vu_mapping *vu_dma_find(struct vu_dma *dma, uint64_t address)
{
	size_t i = position(dma, address);

	return i < dma->n && dma->maps[i].address <= address ? &dma->maps[i] : NULL;
}

static int share(struct vu_mapping *map, uint64_t offset, int fd)
{
	int protection = (map->flags & VU_MAP_READABLE ? PROT_READ : 0) |
	                 (map->flags & VU_MAP_WRITABLE ? PROT_WRITE : 0);
	void *memory;

	if (map->size > SIZE_MAX || offset > INT64_MAX)
		return -EINVAL;
	memory = mmap(NULL, (size_t)map->size, protection, MAP_SHARED, fd, (off_t)offset);
	if (memory == MAP_FAILED)
		return -errno;
	map->memory = memory;
	return 0;
}

static int make_room(struct vu_dma *dma)
{
	size_t room = dma->room ? dma->room * 2 : 16;
	struct vu_mapping *maps;

	if (dma->n < dma->room)
		return 0;
	if (dma->n >= VU_MAX_MAPS)
		return -ENOSPC;
	maps = realloc(dma->maps, room * sizeof(*maps));
	if (!maps)
		return -ENOMEM;
	dma->maps = maps;
	dma->room = room;
	return 0;
}

int vu_dma_add(struct vu_server *server, const struct vu_dma_map *request, int fd)
{
	struct vu_dma *dma = &server->dma;
	struct vu_mapping map = {
		.address = request->address,
		.size = request->size,
		.flags = request->flags,
	};
	uint64_t last = map.address + (map.size - 1);
	size_t at = position(dma, map.address);
	int error;

	if (!map.size || last < map.address || (map.address | map.size) % VU_PAGE ||
	    map.flags & ~(uint32_t)(VU_MAP_READABLE | VU_MAP_WRITABLE))
		return -EINVAL;
	if (at < dma->n && dma->maps[at].address <= last)
		return -EEXIST;
	error = make_room(dma);
	if (!error && fd >= 0)
		error = share(&map, request->offset, fd);
	if (error)
		return error;
	memmove(&dma->maps[at + 1], &dma->maps[at], (dma->n - at) * sizeof(map));
	dma->maps[at] = map;
	dma->n++;
	return 0;
}

static void forget(struct vu_mapping *map)
{
	if (map->memory)
		munmap(map->memory, (size_t)map->size);
}

int vu_dma_remove(struct vu_server *server, const struct vu_dma_unmap *request)
{
	struct vu_dma *dma = &server->dma;
	struct vu_mapping *map = vu_dma_find(dma, request->address);

	if (request->flags)
		return -EINVAL;
	if (!map || map->address != request->address || map->size != request->size)
		return -ENOENT;
	forget(map);
	dma->n--;
	memmove(map, map + 1, (size_t)(&dma->maps[dma->n] - map) * sizeof(*map));
	return 0;
}

void vu_dma_clear(struct vu_server *server)
{
	for (size_t i = 0; i < server->dma.n; i++)
		forget(&server->dma.maps[i]);
	free(server->dma.maps);
	server->dma = (struct vu_dma){ 0 };
}

/* The mapping that may be accessed at an address, or NULL. */
static struct vu_mapping *allowed(struct vu_server *server, uint64_t address, bool write)
{
	struct vu_mapping *map = vu_dma_find(&server->dma, address);
	uint32_t needed = write ? VU_MAP_WRITABLE : VU_MAP_READABLE;

	return map && map->flags & needed && !map->damaged ? map : NULL;
}

/* Access bytes that may lie in several mappings. The mapping is looked up anew for each
 * piece: the client may take it away while an answer is waited for. */
static int access_pieces(struct vu_server *server, uint64_t address, uint8_t *bytes, size_t n,
                         bool write)
{
	while (n) {
		struct vu_mapping *map = allowed(server, address, write);
		uint64_t inside = map ? address - map->address : 0;
		size_t piece = map && map->size - inside < n ? (size_t)(map->size - inside) : n;
		int error = 0;

		if (!map)
			return -EFAULT;
		if (!map->memory)
			error = vu_remote_access(server, address, bytes, piece, write);
		else if (write)
			memcpy(map->memory + inside, bytes, piece);
		else
			memcpy(bytes, map->memory + inside, piece);
		if (error)
			return error;
		address += piece;
		bytes += piece;
		n -= piece;
	}
	return 0;
}

int vu_dma_read(struct vu_server *server, uint64_t address, void *bytes, size_t n)
{
	return access_pieces(server, address, bytes, n, false);
}

int vu_dma_write(struct vu_server *server, uint64_t address, const void *bytes, size_t n)
{
	/* Only read from: the pointer is shared with the other direction. */
	return access_pieces(server, address, (uint8_t *)(uintptr_t)bytes, n, true);
}

/* Where a word lies in shared memory, or NULL: in one piece only if it's aligned. */
static uint32_t *word(struct vu_server *server, uint64_t address, bool write)
{
	struct vu_mapping *map = allowed(server, address, write);

	return map && map->memory && address % 4 == 0
	               ? (uint32_t *)(void *)(map->memory + (address - map->address))
	               : NULL;
}

int vu_dma_load32(struct vu_server *server, uint64_t address, uint32_t *value)
{
	uint32_t *at = word(server, address, false);
	int error;

	if (at) {
		*value = le32toh(__atomic_load_n(at, __ATOMIC_ACQUIRE));
		return 0;
	}
	error = vu_dma_read(server, address, value, sizeof(*value));
	*value = error ? 0 : le32toh(*value);
	return error;
}

int vu_dma_store32(struct vu_server *server, uint64_t address, uint32_t value)
{
	uint32_t *at = word(server, address, true);

	value = htole32(value);
	if (!at)
		return vu_dma_write(server, address, &value, sizeof(value));
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
	return 0;
}
