/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listening, and the round of messages and ticks with one client. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MESSAGES_A_ROUND = 256 }; /* then the card has its turn */

struct vu_server *vu_server_new(const struct vu_card *card, void *context, unsigned timeout_ms)
{
	struct vu_server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->card = card;
	server->context = context;
	server->timeout_ms = timeout_ms;
	server->conn = server->stop_fd = server->pin.event = -1;
	server->in.payload = malloc(VU_MAX_PAYLOAD);
	server->out = malloc(VU_MAX_PAYLOAD);
	if (!server->in.payload || !server->out) {
		vu_server_free(server);
		return NULL;
	}
	vu_dma_guard(server);
	return server;
}

void vu_server_free(struct vu_server *server)
{
	if (!server)
		return;
	vu_server_detach(server);
	vu_dma_guard(NULL);
	free(server->in.payload);
	free(server->out);
	free(server);
}

int vu_server_attach(struct vu_server *server, int fd)
{
	if (server->conn >= 0) {
		close(fd);
		return -EBUSY;
	}
	server->conn = fd;
	server->gone = server->negotiated = false;
	server->client_max_data = VU_MAX_DATA;
	server->card->ops->connected(server->context);
	return 0;
}

static bool hung_up(int fd)
{
	struct pollfd poll_fd = { .fd = fd };

	return poll(&poll_fd, 1, 0) == 1 && poll_fd.revents & POLLHUP;
}

bool vu_client_left(const struct vu_server *server)
{
	return server->left;
}

void vu_server_detach(struct vu_server *server)
{
	if (server->conn < 0)
		return;
	server->left = hung_up(server->conn);
	/* What it sent before it left counts, also when the process is to stop just now. */
	server->gone = server->gone && !server->left;
	while (server->left && vu_drain(server))
		continue;
	vu_message_done(&server->in);
	vu_dma_clear(server);
	vu_irq_clear(server);
	close(server->conn);
	server->conn = -1;
	server->card->ops->disconnected(server->context);
}

unsigned vu_drain(struct vu_server *server)
{
	unsigned n = 0;

	while (!server->gone && n < MESSAGES_A_ROUND) {
		int got = vu_receive(server);

		if (got < 0)
			server->gone = true;
		if (got <= 0)
			break;
		vu_handle(server);
		vu_message_done(&server->in);
		n++;
	}
	return n;
}

bool vu_server_step(struct vu_server *server, uint64_t wait_ns)
{
	uint64_t now, next;

	vu_drain(server);
	next = server->gone ? 0 : server->card->ops->tick(server->context, vu_now());
	now = vu_now();
	if (next != UINT64_MAX)
		next = next > now ? next - now : 0;
	if (!server->gone)
		vu_wait(server, POLLIN, next < wait_ns ? next : wait_ns);
	return !server->gone;
}

int vu_server_run(struct vu_server *server, int listen_fd, int stop_fd)
{
	server->stop_fd = stop_fd;
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = listen_fd, .events = POLLIN },
			{ .fd = stop_fd, .events = POLLIN },
		};
		int fd;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents)
			return 0;
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			return -errno;
		if (fd < 0 || vu_server_attach(server, fd))
			continue;
		while (vu_server_step(server, UINT64_MAX))
			continue;
		vu_server_detach(server);
	}
}

/* Is somebody listening at the address? */
static bool answered(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && !connect(fd, (const struct sockaddr *)address, sizeof(*address));

	if (fd >= 0)
		close(fd);
	return yes;
}

static void remove_stale(const struct sockaddr_un *address)
{
	struct stat st;

	if (!lstat(address->sun_path, &st) && S_ISSOCK(st.st_mode) && !answered(address))
		unlink(address->sun_path);
}

int vu_listen(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, error = 0;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	remove_stale(&address);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	mask = umask(077);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) || listen(fd, 8))
		error = -errno;
	umask(mask);
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}
