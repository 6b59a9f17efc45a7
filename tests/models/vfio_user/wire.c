/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole messages in and out of a stream socket, with the descriptors that come along. */
#include "internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

uint64_t vu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Keep the descriptors of a control message, as many as there is room for. */
static void take_fds(struct vu_message *message, struct msghdr *from)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(from); c; c = CMSG_NXTHDR(from, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (message->n_fds < VU_MAX_FDS)
				message->fds[message->n_fds++] = fd;
			else
				close(fd);
		}
	}
}

static ssize_t receive_some(struct vu_server *server, void *bytes, size_t n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 2 * VU_MAX_FDS)];
	} control;
	struct iovec piece = { bytes, n };
	struct msghdr message = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;

	do
		got = recvmsg(server->conn, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? -EAGAIN : -errno;
	take_fds(&server->in, &message);
	return got ? got : -ENOTCONN;
}

/* How many bytes the message in server->in has in all, as far as known. */
static size_t whole(const struct vu_message *in)
{
	return in->have < sizeof(in->header) ? sizeof(in->header) : in->header.size;
}

int vu_receive(struct vu_server *server)
{
	struct vu_message *in = &server->in;

	while (in->have < sizeof(in->header) || in->have < whole(in)) {
		uint8_t *to = in->have < sizeof(in->header)
		                      ? (uint8_t *)&in->header + in->have
		                      : in->payload + (in->have - sizeof(in->header));
		ssize_t got = receive_some(server, to, whole(in) - in->have);

		if (got < 0)
			return got == -EAGAIN ? 0 : (int)got;
		in->have += (size_t)got;
		/* A size that can't be: where the next message begins is unknown. */
		if (in->have == sizeof(in->header) &&
		    (in->header.size < sizeof(in->header) ||
		     in->header.size - sizeof(in->header) > VU_MAX_PAYLOAD))
			return -EPROTO;
	}
	return 1;
}

void vu_message_done(struct vu_message *message)
{
	for (unsigned i = 0; i < message->n_fds; i++) {
		if (message->fds[i] >= 0)
			close(message->fds[i]);
	}
	message->n_fds = 0;
	message->have = 0;
}

bool vu_wait(struct vu_server *server, short events, uint64_t wait_ns)
{
	struct pollfd fds[] = {
		{ .fd = server->conn, .events = events },
		{ .fd = server->stop_fd, .events = POLLIN },
	};
	/* A deadline of centuries is none: some kernels refuse seconds that overflow. */
	uint64_t seconds = wait_ns / 1000000000u;
	struct timespec limit = {
		.tv_sec = seconds > 86400 ? 86400 : (time_t)seconds,
		.tv_nsec = (long)(wait_ns % 1000000000u),
	};

	if (ppoll(fds, 2, &limit, NULL) <= 0)
		return false;
	if (fds[1].revents)
		server->gone = true;
	return fds[0].revents != 0;
}

static size_t advance(struct iovec *pieces, size_t n, size_t done)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		size_t here = pieces[i].iov_len < done ? pieces[i].iov_len : done;

		if (!here) {
			left += pieces[i].iov_len;
			continue;
		}
		pieces[i].iov_base = (uint8_t *)pieces[i].iov_base + here;
		pieces[i].iov_len -= here;
		done -= here;
		left += pieces[i].iov_len;
	}
	return left;
}

int vu_send(struct vu_server *server, struct vu_header *header, const void *first,
            size_t n_first, const void *second, size_t n_second)
{
	struct iovec pieces[] = {
		{ header, sizeof(*header) },
		{ (void *)(uintptr_t)first, n_first },
		{ (void *)(uintptr_t)second, n_second },
	};
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 3 };
	size_t left = sizeof(*header) + n_first + n_second;

	header->size = (uint32_t)left;
	while (left && !server->gone) {
		ssize_t sent = sendmsg(server->conn, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent >= 0)
			left = advance(pieces, 3, (size_t)sent);
		else if (errno == EAGAIN)
			/* A client that takes no replies would hold up the card for ever. */
			server->gone =
			        !vu_wait(server, POLLOUT, server->timeout_ms * 1000000ull);
		else if (errno != EINTR)
			server->gone = true;
	}
	return server->gone ? -ENOTCONN : 0;
}
