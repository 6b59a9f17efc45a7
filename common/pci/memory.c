/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory that a card may reach. Keys and data lie in it, so it is locked and never dumped. */
#include "inner.h"

#include <errno.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static int make_file(struct card *card, struct card_dma *dma)
{
	dma->fd = memfd_create("acrypto-dma", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (dma->fd < 0)
		return card_explain(card, -errno, "no memory file: %s", strerror(errno));
	/* Who gets the file could shorten it under our feet: that would be SIGBUS. */
	if (ftruncate(dma->fd, (off_t)dma->size) ||
	    fcntl(dma->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		int error = -errno;
		close(dma->fd);
		return card_explain(card, error, "no memory file of %zu bytes: %s", dma->size,
		                    strerror(-error));
	}
	return 0;
}

int card_memory_make(struct card *card, struct card_dma *dma, bool memfd, bool huge)
{
	int flags =
	        (memfd ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS) | (huge ? MAP_HUGETLB : 0);
	int error = memfd ? make_file(card, dma) : 0;

	if (error)
		return error;
	dma->memory = mmap(NULL, dma->size, PROT_READ | PROT_WRITE, flags, dma->fd, 0);
	if (dma->memory == MAP_FAILED) {
		dma->memory = NULL;
		error = card_explain(card, -errno,
		                     huge ? "no free huge page: see nr_hugepages in "
		                            "/proc/sys/vm (%s)"
		                          : "no memory for DMA: %s",
		                     strerror(errno));
	} else if (mlock(dma->memory, dma->size)) {
		error = card_explain(card, -EPERM,
		                     "%zu bytes for DMA can't be locked, since keys "
		                     "go through them: raise the limit of locked memory",
		                     dma->size);
	} else {
		madvise(dma->memory, dma->size, MADV_DONTDUMP);
		madvise(dma->memory, dma->size, MADV_DONTFORK);
		return 0;
	}
	card_memory_drop(dma);
	return error;
}

void card_memory_drop(struct card_dma *dma)
{
	if (dma->memory) {
		explicit_bzero(dma->memory, dma->size);
		munmap(dma->memory, dma->size);
	}
	if (dma->fd >= 0)
		close(dma->fd);
	dma->memory = NULL;
	dma->fd = -1;
}
