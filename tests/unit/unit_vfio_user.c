/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* drivers/pci: a card behind a socket, against a server of the test's own that keeps to the
 * protocol or does not; the reactor; and what is said where there is no card. */
#include "tests/lib/check.h"
#include "vfio_user_server.h"

#include "common/pci/inner.h"
#include "common/pci/reactor.h"
#include "common/pci/vfio_user_wire.h"

#include <liburing.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

static const struct card_id ids[] = { { 0x13a3, 0x0020 }, { 0, 0 } };
static struct server server;

static unsigned open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int open_card(struct card **card, char why[CARD_WHY])
{
	const struct card_where where = { .vfio_user = server.path };

	return card_open(ids, &where, card, why);
}

/* ---- by the book ---- */

static void check_registers(struct card *card)
{
	uint32_t value = 0;

	CHECK(card_bar_size(card, 0) == SERVER_BYTES && card_bar_size(card, 1) == SERVER_BYTES);
	CHECK(card_bar_size(card, 2) == 0 && card_bar_size(card, 99) == 0);
	card_write(card, 0, 0x10, 0x12345678);
	card_write(card, 1, 0x10, 0x9abcdef0);
	CHECK(card_read(card, 0, 0x10) == 0x12345678 && card_read(card, 1, 0x10) == 0x9abcdef0);
	CHECK(server.posted == 2 && server.bars[0][0x10] == 0x78);
	CHECK(card_read(card, 0, SERVER_BYTES) == UINT32_MAX); /* outside: never sent */
	CHECK(card_read(card, 2, 0) == UINT32_MAX && card_read(card, 0, 2) == UINT32_MAX);
	CHECK(!card_gone(card));
	CHECK(!card_config_read(card, 0, &value, 4) && value == 0x002013a3);
	CHECK(!card_config_write(card, 0x41, 0xaa, 1) && server.config[0x41] == 0xaa);
	CHECK(!card_set_master(card, true) && server.config[4] == 6);
	CHECK(!card_set_master(card, false) && server.config[4] == 2);
}

static void check_dma(struct card *card)
{
	struct card_dma *dma, *more;
	char why[CARD_WHY];

	CHECK(!card_dma_alloc(card, 10000, &dma, why));
	CHECK(dma->size == 12288 && dma->bus == 0x00100000 && server.memory_bus == dma->bus);
	memset(dma->memory, 0x77, dma->size);
	CHECK(server.memory && server.memory[12287] == 0x77);
	server.memory[5] = 0x55;
	CHECK(dma->memory[5] == 0x55);
	munmap(server.memory, server.memory_size);
	CHECK(!card_dma_alloc(card, 4096, &more, why) && more->bus == dma->bus + dma->size);
	memcpy(more->memory + 64, "\x11\x22\x33\x44", 4);
	/* The server asks for memory instead of mapping it; the last time outside of it. */
	atomic_store(&server.spoil, SPOIL_ASK);
	atomic_store(&server.spoil_at, server.replies + 1);
	CHECK(card_read(card, 0, 0x10) == 0x12345678);
	CHECK(!memcmp(more->memory + 64, "\1\2\3\4", 4) && server.asked_error == EFAULT);
}

static void check_interrupt(struct card *card)
{
	uint64_t one = 1, count = 0;
	int fd = card_irq_enable(card);

	CHECK(fd >= 0 && server.irq >= 0);
	CHECK(write(server.irq, &one, sizeof(one)) == sizeof(one));
	CHECK(read(fd, &count, sizeof(count)) == sizeof(count) && count == 1);
	card_irq_unmask(card);
	CHECK(server.unmasks == 1);
}

static void test_by_the_book(void)
{
	unsigned before = open_files();
	char why[CARD_WHY];
	struct card *card;

	server_start(&server);
	if (CHECK(!open_card(&card, why))) {
		CHECK(strstr(card_name(card), server.path));
		check_registers(card);
		check_dma(card);
		check_interrupt(card);
		card_close(card);
	}
	server_end(&server);
	CHECK(open_files() == before);
}

/* ---- what is left behind ---- */

#define SECRET       "never on a stack"
#define SECRET_BYTES 2048
#define STACK_BYTES  (4 << 20) /* sanitizers need more than most */

static void *ask_for_memory(void *data)
{
	const int *fd = data;
	uint8_t message[4096] = { 0 };
	struct server_header asked, mine = { .id = 7, .command = 11, .size = 32 };
	int none = -1;

	if (server_receive(*fd, &asked, sizeof(asked), &none) ||
	    server_receive(*fd, message, asked.size - sizeof(asked), &none))
		return NULL;
	memcpy(message, &mine, sizeof(mine));
	server_put(message + 16, 0x1000, 8);
	server_put(message + 24, SECRET_BYTES, 8);
	if (send(*fd, message, 32, MSG_NOSIGNAL) != 32 ||
	    server_receive(*fd, message, 32 + SECRET_BYTES, &none) ||
	    !CHECK(!memcmp(message + 32, SECRET, 16)))
		return NULL;
	asked.flags = 1;
	asked.size = sizeof(asked);
	send(*fd, &asked, sizeof(asked), MSG_NOSIGNAL);
	return NULL;
}

static void *request(void *data)
{
	uint8_t in[16];
	size_t got;

	return (void *)(intptr_t)vfio_user_request(data, VFIO_USER_DEVICE_RESET, NULL, 0, -1,
	                                           in, sizeof(in), &got);
}

/* A server that maps nothing is sent keys, which don't stay on the sender's stack. */
static void test_nothing_stays_on_the_stack(void)
{
	uint8_t memory[SECRET_BYTES], *stack;
	struct card_dma dma = { .memory = memory, .size = sizeof(memory), .bus = 0x1000 };
	struct card card = { .dma = { &dma } };
	struct vfio_user user = { .card = &card, .patience_ms = 5000 };
	pthread_t server_thread, client;
	pthread_attr_t attributes;
	void *error = NULL;
	int pair[2];

	for (unsigned i = 0; i < SECRET_BYTES; i += 16)
		memcpy(memory + i, SECRET, 16);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	             0);
	user.fd = pair[0];
	pthread_mutex_init(&user.request, NULL);
	pthread_mutex_init(&user.send, NULL);
	pthread_attr_init(&attributes);
	CHECK(!pthread_attr_setstack(&attributes, stack, STACK_BYTES));
	CHECK(!pthread_create(&server_thread, NULL, ask_for_memory, &pair[1]));
	CHECK(!pthread_create(&client, &attributes, request, &user));
	pthread_join(client, &error);
	pthread_join(server_thread, NULL);
	CHECK(!error && !memmem(stack, STACK_BYTES, SECRET, 16));
	pthread_attr_destroy(&attributes);
	munmap(stack, STACK_BYTES);
	vfio_user_disconnect(&user);
	close(pair[1]);
}

/* A server that dies: all ones for ever, quickly, and a hang-up that can be waited for. */
static void test_death(void)
{
	struct pollfd poll_fd;
	char why[CARD_WHY];
	struct card *card;

	server_start(&server);
	CHECK(!open_card(&card, why));
	poll_fd = (struct pollfd){ .fd = card_hangup_fd(card), .events = POLLRDHUP };
	CHECK(poll(&poll_fd, 1, 0) == 0);
	shutdown(server.fd, SHUT_RDWR);
	CHECK(poll(&poll_fd, 1, 5000) == 1);
	CHECK(card_read(card, 0, 0x10) == UINT32_MAX && card_gone(card));
	card_write(card, 0, 0x10, 1);
	CHECK(card_read(card, 0, 0x10) == UINT32_MAX);
	CHECK(card_set_master(card, true) == -EIO);
	card_close(card);
	server_end(&server);
}

static void test_silence(void)
{
	char why[CARD_WHY];
	struct card *card;

	server_start(&server);
	CHECK(!open_card(&card, why));
	((struct vfio_user *)card->state)->patience_ms = 20;
	atomic_store(&server.spoil, SPOIL_SILENCE);
	atomic_store(&server.spoil_at, server.replies + 1);
	CHECK(card_read(card, 0, 0) == UINT32_MAX && card_gone(card));
	card_close(card);
	server_end(&server);
}

/* Whatever reply is spoilt in whatever way, it is an error or harmless; never more than
 * that. */
static void test_spoilt_replies(void)
{
	unsigned before = open_files(), refused = 0;

	for (unsigned how = SPOIL_ID; how < SPOIL_SILENCE; how++) {
		for (unsigned at = 1; at <= 16; at++) {
			struct card_dma *dma;
			char why[CARD_WHY];
			struct card *card;

			server_start(&server);
			server.seed = how * 100 + at;
			atomic_store(&server.spoil, how);
			atomic_store(&server.spoil_at, at);
			if (!open_card(&card, why)) {
				if (!card_dma_alloc(card, 4096, &dma, why))
					card_irq_enable(card);
				card_read(card, 1, 0x10);
				card_close(card);
			} else {
				CHECK(why[0]);
				refused++;
			}
			server_end(&server);
		}
	}
	CHECK(refused > 50);
	CHECK(open_files() == before);
}

static void test_garbage(void)
{
	unsigned rounds = getenv("ACR_QUICK") ? 200 : 2000;

	for (unsigned seed = 1; seed <= rounds; seed++) {
		char why[CARD_WHY];
		struct card *card;

		server_start(&server);
		server.seed = seed;
		atomic_store(&server.spoil, SPOIL_GARBAGE);
		atomic_store(&server.spoil_at, 1 + seed % 13);
		if (!open_card(&card, why)) {
			card_read(card, 0, 0);
			card_close(card);
		}
		server_end(&server);
	}
	CHECK(true); /* still here */
}

/* ---- no card ---- */

static void check_refused(struct card_where where, int error, const char *word)
{
	char why[CARD_WHY];
	struct card *card;
	int got = card_open(ids, &where, &card, why);

	if (!CHECK(got == error && strstr(why, word)))
		printf("  %d: %s\n", got, why);
}

static void test_no_card(void)
{
	char path[300];

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = 0;
	check_refused((struct card_where){ .vfio_user = "/tmp/acrypto-unit-nobody" }, -ENOENT,
	              "nobody serves");
	check_refused((struct card_where){ .vfio_user = path }, -ENAMETOOLONG, "nobody serves");
	check_refused((struct card_where){ .vfio_user = "/a", .slot = "03:00.0" }, -EINVAL,
	              "either");
	check_refused((struct card_where){ .slot = "nonsense" }, -EINVAL, "is not like");
	check_refused((struct card_where){ .slot = "0000:03:00.0x" }, -EINVAL, "is not like");
	check_refused((struct card_where){ .slot = "00:20.0" }, -EINVAL, "is not like");
	check_refused((struct card_where){ .slot = "ffff:ff:1f.7" }, -ENODEV, "ffff:ff:1f.7");
	check_refused((struct card_where){ .slot = "ff:1f.7" }, -ENODEV, "0000:ff:1f.7");
	check_refused((struct card_where){ .unsafe_noiommu = true }, -EINVAL, "slot=");
	check_refused((struct card_where){ .slot = "ffff:ff:1f.7", .unsafe_noiommu = true },
	              -ENODEV, "no card");
	check_refused((struct card_where){ 0 }, -ENODEV, "vfio-pci");
}

static void test_other_card(void)
{
	server_start(&server);
	server_put(server.config, 0x12348086, 4);
	check_refused((struct card_where){ .vfio_user = server.path }, -ENODEV, "8086:1234");
	server_end(&server);
}

/* ---- the reactor ---- */

struct seen {
	int fd;
	atomic_uint calls;
	unsigned most; /* calls before it wants no more */
};

static bool see(void *data, short events)
{
	struct seen *seen = data;
	uint64_t count;

	CHECK(events & POLLIN);
	CHECK(read(seen->fd, &count, sizeof(count)) == sizeof(count));
	return atomic_fetch_add(&seen->calls, 1) + 1 < seen->most;
}

static bool wait_for_calls(struct seen *seen, unsigned calls)
{
	for (unsigned i = 0; i < 5000 && atomic_load(&seen->calls) < calls; i++)
		usleep(1000);
	return atomic_load(&seen->calls) == calls;
}

static bool uring_permitted(void)
{
	struct io_uring ring;

	if (io_uring_queue_init(2, &ring, 0))
		return false;
	io_uring_queue_exit(&ring);
	return true;
}

static void test_reactor(bool uring)
{
	struct reactor *reactor = reactor_new();
	struct seen one = { eventfd(0, EFD_NONBLOCK), 0, 1000 };
	struct seen two = { eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE), 0, 3 };
	uint64_t add = 1;

	if (!uring)
		reactor_forbid_uring(reactor);
	else if (!uring_permitted())
		printf("SKIPPED: io_uring is not permitted here, poll(2) is tested twice\n");
	CHECK(!reactor_watch(reactor, one.fd, POLLIN, see, &one));
	CHECK(!reactor_watch(reactor, two.fd, POLLIN, see, &two));
	CHECK(!reactor_start(reactor));
	for (unsigned i = 1; i <= 50; i++) {
		CHECK(write(one.fd, &add, sizeof(add)) == sizeof(add));
		CHECK(wait_for_calls(&one, i));
	}
	/* Five at once: called as long as there is something to read, until it wants no
	 * more. */
	add = 5;
	CHECK(write(two.fd, &add, sizeof(add)) == sizeof(add));
	CHECK(wait_for_calls(&two, 3));
	CHECK(write(one.fd, &add, sizeof(add)) == sizeof(add));
	CHECK(wait_for_calls(&one, 51) && two.calls == 3);
	reactor_stop(reactor);
	close(one.fd);
	close(two.fd);
}

static void test_reactor_limits(void)
{
	struct reactor *reactor = reactor_new();
	unsigned n = 0;

	while (!reactor_watch(reactor, 0, POLLIN, see, NULL))
		n++;
	CHECK(n == REACTOR_WATCHES - 1);
	reactor_stop(reactor); /* never started */
	reactor_stop(NULL);
}

int main(void)
{
	test_by_the_book();
	test_nothing_stays_on_the_stack();
	test_death();
	test_silence();
	test_spoilt_replies();
	test_garbage();
	test_no_card();
	test_other_card();
	test_reactor(true);
	test_reactor(false);
	test_reactor_limits();
	return checks_end();
}
