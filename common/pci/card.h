/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A PCI card driven from user space: the same calls whichever way leads to it.
 *
 * vfio       a card bound to vfio-pci, behind an IOMMU; interrupts
 * vfio-user  a card that another process emulates, over a UNIX socket; interrupts
 * sysfs      a card without an IOMMU, only when asked for in so many words; polled
 *
 * Nothing here knows what kind of card it is, or acryptod. Errors are negative errno; those of
 * card_open() come with a sentence. Numbers are the host's: registers are little-endian words,
 * converted here. */
#ifndef CARD_H
#define CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define CARD_WHY    240 /* bytes of a sentence */
#define CARD_BARS   6
#define CARD_CONFIG 256 /* bytes of configuration space that are looked at */

#define CARD_CONFIG_COMMAND 0x04
#define CARD_CONFIG_STATUS  0x06
#define CARD_COMMAND_MEMORY 0x0002u
#define CARD_COMMAND_MASTER 0x0004u

/* Tables end with a vendor of 0. */
struct card_id {
	uint16_t vendor, device;
};

/* Where the card is. Nothing given: the first that is bound to vfio-pci. */
struct card_where {
	const char *vfio_user; /* path of a socket, or NULL */
	const char *slot;      /* as 0000:03:00.0 or 03:00.0, or NULL */
	bool unsafe_noiommu;   /* no IOMMU keeps the card from the rest of the memory */
};

/* Memory that card and driver share: locked, left out of dumps and of forks, zero at first. */
struct card_dma {
	uint8_t *memory;
	size_t size;  /* bytes */
	uint32_t bus; /* the card's address of it; all of it is below 4 GiB */
	int fd;       /* transport's */
	SLIST_ENTRY(card_dma) next;
};

struct card;

/* Is there a card with one of the ids? Behind a socket none is looked for. why: what is wrong.
 * Context: may sleep. Returns 0; -ENODEV: no such card; -EINVAL. */
int card_look_for(const struct card_id *ids, const struct card_where *where,
                  char why[CARD_WHY]);

/* Find a card with one of the ids, take it, and look at its BARs. why: what went wrong.
 * Context: may sleep. Returns 0; -ENODEV: no such card; -EACCES, -EPERM: no permission;
 * -EBUSY: it or its IOMMU group is another's; -EINVAL, -EPROTO, -EIO and others. */
int card_open(const struct card_id *ids, const struct card_where *where, struct card **card,
              char why[CARD_WHY]);

/* Give everything back: interrupts, memory (wiped), the card. NULL: nothing. No other call
 * may be running. */
void card_close(struct card *card);

/* How messages call it. Returns borrowed. Any thread. */
const char *card_name(const struct card *card);

/* It was pulled out, or the process that emulated it is gone; for good. Any thread. */
bool card_gone(const struct card *card);

/* Bytes of a BAR, 0 where there is none. */
uint64_t card_bar_size(const struct card *card, unsigned bar);

/* One 32-bit register. A card that is gone reads all ones, and writes go nowhere. The order of
 * calls is the order at the card; a write may still be under way when the call returns, a read
 * flushes. Any thread. offset is a multiple of 4 within the BAR. */
uint32_t card_read(struct card *card, unsigned bar, uint32_t offset);
void card_write(struct card *card, unsigned bar, uint32_t offset, uint32_t value);

/* 1, 2 or 4 bytes of configuration space. Returns 0 or a negative errno. */
int card_config_read(struct card *card, unsigned offset, uint32_t *value, unsigned size);
int card_config_write(struct card *card, unsigned offset, uint32_t value, unsigned size);

/* Let registers be reached, and see that it worked: 0 or -EIO. */
int card_set_memory(struct card *card);

/* Turn bus mastering on, and memory space with it, or off; and see that it worked: 0 or -EIO. */
int card_set_master(struct card *card, bool on);

/* Memory for DMA in one piece; freed by card_close(). Returns 0; -ENOMEM, -EPERM: it can't be
 * locked; or what the transport says, with a sentence in why. */
int card_dma_alloc(struct card *card, size_t size, struct card_dma **dma, char why[CARD_WHY]);

/* Interrupts as events: returns an eventfd, owned by the card, that becomes readable with each,
 * or -EOPNOTSUPP: there are none, poll. The line is masked after each until unmasked. */
int card_irq_enable(struct card *card);
void card_irq_unmask(struct card *card);

/* A file descriptor that hangs up (POLLHUP or POLLRDHUP) when the card is gone, or -1. */
int card_hangup_fd(const struct card *card);

/* Let time pass for the card's sake. */
void card_wait_us(const struct card *card, unsigned us);

/* The same from when all that was written has reached it. */
void card_settle_us(struct card *card, unsigned us);

/* What was written to DMA memory is seen by the card before any later write, of memory or
 * register; and reads after it are not older than those before. */
static inline void card_barrier(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb osh" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

#endif
