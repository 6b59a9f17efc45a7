/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many reads of `dst` at once that have to wait.
 *
 * waiting_reads threads|aio|uring SESSIONS-FOLDER COUNT DEVICE|-
 *
 * Makes COUNT sessions, bound to DEVICE, or with "-" streams that nobody writes to, and reads
 * all of them: each in a thread, by io_submit(2), or through io_uring. Says "waiting" when the
 * reads are under way; at the end of its standard input it says how many have ended. Exit
 * status 77: this kernel or its settings don't allow the way asked for. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT_MAX  1024
#define READ_BYTES 4096
#define SKIP       77

static int fds[COUNT_MAX];
static unsigned char *buffers; /* COUNT_MAX * READ_BYTES, aligned for O_DIRECT */
static unsigned count;
static atomic_uint ended;

static int put(int session, const char *file, const void *data, size_t len)
{
	int fd = openat(session, file, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (write(fd, data, len) != (ssize_t)len) {
		close(fd);
		return -1;
	}
	return close(fd);
}

/* A session whose dst will not come soon. Returns a descriptor of dst, or -1. */
static int make_session(int sessions, unsigned number, const char *device, int flags)
{
	static const unsigned char key[32] = { 1 };
	char name[32];
	int s, fd;

	snprintf(name, sizeof(name), "w%u", number);
	if (mkdirat(sessions, name, 0700))
		return -1;
	s = openat(sessions, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s < 0 || put(s, "alg", "aes-256-ctr", 11) || put(s, "key", key, sizeof(key)))
		return -1;
	/* With an IV of ours dst has nothing to give yet; else it would begin with the IV. */
	if (put(s, "iv", key, 16))
		return -1;
	if (strcmp(device, "-") ? put(s, "device", device, strlen(device)) ||
	                                  put(s, "src", key, sizeof(key))
	                        : put(s, "stream", "1", 1))
		return -1;
	fd = openat(s, "dst", O_RDONLY | O_CLOEXEC | flags);
	close(s);
	return fd;
}

static void *reader(void *arg)
{
	size_t i = (size_t)(uintptr_t)arg;

	(void)!read(fds[i], buffers + i * READ_BYTES, READ_BYTES);
	atomic_fetch_add(&ended, 1);
	return NULL;
}

static int start_threads(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	for (unsigned i = 0; i < count; i++)
		if (pthread_create(&thread, &attr, reader, (void *)(uintptr_t)i))
			return 1;
	return 0;
}

static aio_context_t aio;

static int start_aio(void)
{
	static struct iocb blocks[COUNT_MAX];

	if (syscall(SYS_io_setup, count, &aio))
		return SKIP;
	for (unsigned i = 0; i < count; i++) {
		struct iocb *one = &blocks[i];

		one->aio_fildes = (uint32_t)fds[i];
		one->aio_lio_opcode = IOCB_CMD_PREAD;
		one->aio_buf = (uintptr_t)(buffers + (size_t)i * READ_BYTES);
		one->aio_nbytes = READ_BYTES;
		if (syscall(SYS_io_submit, aio, 1, &one) != 1)
			return 1;
	}
	return 0;
}

static void count_aio(void)
{
	static struct io_event events[COUNT_MAX];
	struct timespec none = { 0, 0 };
	long n = syscall(SYS_io_getevents, aio, 0, count, events, &none);

	atomic_fetch_add(&ended, n > 0 ? (unsigned)n : 0);
}

static struct io_uring_params ring;
static unsigned char *ring_memory; /* submission and completion ring in one mapping */

static uint32_t *ring_word(uint32_t offset)
{
	return (uint32_t *)(void *)(ring_memory + offset);
}

static void queue_read(struct io_uring_sqe *sqe, unsigned i)
{
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_READ;
	sqe->flags = IOSQE_ASYNC; /* in a worker at once, as a read of this kind would end up */
	sqe->fd = fds[i];
	sqe->addr = (uintptr_t)(buffers + (size_t)i * READ_BYTES);
	sqe->len = READ_BYTES;
	ring_word(ring.sq_off.array)[i] = i;
}

static int start_uring(void)
{
	int fd = (int)syscall(SYS_io_uring_setup, count, &ring);
	uint32_t workers[2] = { count, count };
	struct io_uring_sqe *sqes;
	size_t size;

	if (fd < 0)
		return SKIP;
	size = ring.sq_off.array + ring.sq_entries * sizeof(uint32_t);
	if (size < ring.cq_off.cqes + ring.cq_entries * sizeof(struct io_uring_cqe))
		size = ring.cq_off.cqes + ring.cq_entries * sizeof(struct io_uring_cqe);
	ring_memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
	                   IORING_OFF_SQ_RING);
	sqes = mmap(NULL, ring.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE,
	            MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
	if (!(ring.features & IORING_FEAT_SINGLE_MMAP) || ring_memory == MAP_FAILED ||
	    sqes == MAP_FAILED ||
	    syscall(SYS_io_uring_register, fd, IORING_REGISTER_IOWQ_MAX_WORKERS, workers, 2))
		return SKIP;
	for (unsigned i = 0; i < count; i++)
		queue_read(&sqes[i], i);
	__atomic_store_n(ring_word(ring.sq_off.tail), count, __ATOMIC_RELEASE);
	return syscall(SYS_io_uring_enter, fd, count, 0, 0, NULL, 0) != (long)count;
}

static void count_uring(void)
{
	atomic_fetch_add(&ended,
	                 __atomic_load_n(ring_word(ring.cq_off.tail), __ATOMIC_ACQUIRE));
}

static const struct way {
	const char *name;
	int flags; /* for opening dst: io_submit waits unless the file is opened so */
	int (*start)(void);
	void (*count)(void);
} ways[] = {
	{ "threads", 0, start_threads, NULL },
	{ "aio", O_DIRECT, start_aio, count_aio },
	{ "uring", 0, start_uring, count_uring },
};

static const struct way *find_way(const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].name, name))
			return &ways[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct way *way = argc == 5 ? find_way(argv[1]) : NULL;
	int sessions, error;

	count = way ? (unsigned)atoi(argv[3]) : 0;
	if (!count || count > COUNT_MAX) {
		fprintf(stderr,
		        "usage: waiting_reads threads|aio|uring FOLDER COUNT DEVICE|-\n");
		return 2;
	}
	sessions = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	buffers = aligned_alloc(READ_BYTES, COUNT_MAX * READ_BYTES);
	if (sessions < 0 || !buffers)
		return 1;
	for (unsigned i = 0; i < count; i++) {
		fds[i] = make_session(sessions, i, argv[4], way->flags);
		if (fds[i] < 0) {
			fprintf(stderr, "session %u: %s\n", i, strerror(errno));
			return 1;
		}
	}
	error = way->start();
	if (error)
		return error;
	puts("waiting");
	fflush(stdout);
	while (getchar() != EOF)
		;
	if (way->count)
		way->count();
	printf("%u\n", atomic_load(&ended));
	fflush(stdout);
	_exit(0);
}
