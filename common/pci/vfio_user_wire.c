/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages to and from a vfio-user server, which is not to be trusted with our lives: what it
 * sends is measured before it is believed, and file descriptors that it sends are closed. */
#include "vfio_user_wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 5000
#define SEND_MS     1000
#define FDS_MAX     8
/* A reply may come after some requests of the server's own, but not after any number. */
#define STRANGERS_MAX 4096

int vfio_user_connect(struct vfio_user *user, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int error;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	user->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (user->fd < 0)
		return -errno;
	if (connect(user->fd, (struct sockaddr *)&address, sizeof(address))) {
		error = -errno;
		close(user->fd);
		return error;
	}
	user->patience_ms = PATIENCE_MS;
	user->next_id = 0;
	pthread_mutex_init(&user->request, NULL);
	pthread_mutex_init(&user->send, NULL);
	return 0;
}

void vfio_user_disconnect(struct vfio_user *user)
{
	close(user->fd);
	pthread_mutex_destroy(&user->request);
	pthread_mutex_destroy(&user->send);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- sending ---- */

static int wait_for(int fd, short event, uint64_t until_ms)
{
	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = event };
		uint64_t now = now_ms();
		int ready = poll(&poll_fd, 1, now < until_ms ? (int)(until_ms - now) : 0);

		if (ready > 0)
			return 0;
		if (!ready)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static void attach_fd(struct msghdr *message, char *control, size_t room, int fd)
{
	struct cmsghdr *head;

	message->msg_control = control;
	message->msg_controllen = room;
	head = CMSG_FIRSTHDR(message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
}

/* Drop the first n bytes of the two pieces. */
static void advance(struct iovec *parts, size_t n)
{
	for (unsigned i = 0; i < 2; i++) {
		size_t step = n < parts[i].iov_len ? n : parts[i].iov_len;

		parts[i].iov_base = (char *)parts[i].iov_base + step;
		parts[i].iov_len -= step;
		n -= step;
	}
}

static int send_message(struct vfio_user *user, const struct vfio_user_header *header,
                        const void *payload, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fd))] = { 0 };
	struct iovec parts[2] = { { (void *)header, sizeof(*header) },
		                  { (void *)payload, header->size - sizeof(*header) } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	uint64_t until = now_ms() + SEND_MS;
	size_t left = header->size;
	int error = 0;

	if (fd >= 0)
		attach_fd(&message, control, sizeof(control), fd);
	pthread_mutex_lock(&user->send);
	while (left && !error) {
		ssize_t sent = sendmsg(user->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent > 0) {
			left -= (size_t)sent;
			advance(parts, (size_t)sent);
			message.msg_control = NULL; /* went with the first bytes */
			message.msg_controllen = 0;
		} else if (errno == EAGAIN) {
			error = wait_for(user->fd, POLLOUT, until);
		} else if (errno != EINTR) {
			error = -errno;
		}
	}
	pthread_mutex_unlock(&user->send);
	return error;
}

int vfio_user_post(struct vfio_user *user, enum vfio_user_command command, const void *out,
                   size_t size)
{
	const struct vfio_user_header header = { .command = (uint16_t)command,
		                                 .size = (uint32_t)(sizeof(header) + size),
		                                 .flags = VFIO_USER_NO_REPLY };

	return send_message(user, &header, out, -1);
}

/* ---- receiving ---- */

static void close_attached(struct msghdr *message)
{
	for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head;
	     head = CMSG_NXTHDR(message, head)) {
		int fds[FDS_MAX];
		size_t bytes = head->cmsg_len - CMSG_LEN(0);

		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
			continue;
		if (bytes > sizeof(fds))
			bytes = sizeof(fds);
		memcpy(fds, CMSG_DATA(head), bytes);
		for (size_t i = 0; i < bytes / sizeof(int); i++)
			close(fds[i]);
	}
}

/* All of n bytes, or an error. */
static int receive(struct vfio_user *user, void *data, size_t n, uint64_t until_ms)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof(int))];

	while (n) {
		struct iovec part = { data, n };
		struct msghdr message = { .msg_iov = &part,
			                  .msg_iovlen = 1,
			                  .msg_control = control,
			                  .msg_controllen = sizeof(control) };
		int error = wait_for(user->fd, POLLIN, until_ms);
		ssize_t got;

		if (error)
			return error;
		got = recvmsg(user->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (got > 0) {
			close_attached(&message);
			data = (char *)data + got;
			n -= (size_t)got;
		} else if (!got) {
			return -ECONNRESET;
		} else if (errno != EINTR && errno != EAGAIN) {
			return -errno;
		}
	}
	return 0;
}

/* Memory of ours at the card's address, or NULL. */
static uint8_t *find_memory(const struct card *card, const struct vfio_user_dma *dma)
{
	const struct card_dma *one;

	SLIST_FOREACH(one, &card->dma, next)
		if (dma->address >= one->bus && dma->address - one->bus <= one->size &&
		    dma->count <= one->size - (dma->address - one->bus))
			return one->memory + (dma->address - one->bus);
	return NULL;
}

/* A server that didn't map our memory asks for it. Returns the size of the reply's payload, in
 * payload, or a negative errno for the server. */
static int serve_dma(struct vfio_user *user, const struct vfio_user_header *header,
                     uint8_t *payload)
{
	struct vfio_user_dma dma;
	size_t size = header->size - sizeof(*header);
	bool reads = header->command == VFIO_USER_DMA_READ;
	uint8_t *memory;

	if (size < sizeof(dma) || (!reads && header->command != VFIO_USER_DMA_WRITE))
		return -EINVAL;
	memcpy(&dma, payload, sizeof(dma));
	memory = find_memory(user->card, &dma);
	if (!memory)
		return -EFAULT;
	if (dma.count > VFIO_USER_MAX_PAYLOAD - sizeof(dma) ||
	    size != sizeof(dma) + (reads ? 0 : dma.count))
		return -EINVAL;
	if (reads)
		memcpy(payload + sizeof(dma), memory, dma.count);
	else
		memcpy(memory, payload + sizeof(dma), dma.count);
	return (int)(sizeof(dma) + (reads ? dma.count : 0));
}

static int answer(struct vfio_user *user, const struct vfio_user_header *header,
                  uint8_t *payload)
{
	struct vfio_user_header reply = { .id = header->id,
		                          .command = header->command,
		                          .flags = VFIO_USER_REPLY };
	int size = serve_dma(user, header, payload);

	if (header->flags & VFIO_USER_NO_REPLY)
		return 0;
	if (size < 0) {
		reply.flags |= VFIO_USER_ERROR;
		reply.error = (uint32_t)-size;
		size = 0;
	}
	reply.size = (uint32_t)(sizeof(reply) + (size_t)size);
	return send_message(user, &reply, payload, -1);
}

/* The next message: header and, of a known length, payload. */
static int receive_message(struct vfio_user *user, struct vfio_user_header *header,
                           uint8_t payload[VFIO_USER_MAX_PAYLOAD], uint64_t until_ms)
{
	int error = receive(user, header, sizeof(*header), until_ms);

	if (error)
		return error;
	if (header->size < sizeof(*header) ||
	    header->size - sizeof(*header) > VFIO_USER_MAX_PAYLOAD)
		return -EPROTO;
	return receive(user, payload, header->size - sizeof(*header), until_ms);
}

/* Under request. payload: room for one message. */
static int await_reply(struct vfio_user *user, const struct vfio_user_header *asked,
                       uint8_t payload[VFIO_USER_MAX_PAYLOAD], void *in, size_t room,
                       size_t *got)
{
	uint64_t until = now_ms() + user->patience_ms;
	struct vfio_user_header header;

	for (unsigned strangers = 0; strangers < STRANGERS_MAX; strangers++) {
		int error = receive_message(user, &header, payload, until);

		if (error)
			return error;
		if ((header.flags & VFIO_USER_TYPE) == VFIO_USER_REPLY)
			break;
		error = answer(user, &header, payload);
		if (error)
			return error;
	}
	if ((header.flags & VFIO_USER_TYPE) != VFIO_USER_REPLY || header.id != asked->id ||
	    header.command != asked->command)
		return -EPROTO;
	if (header.flags & VFIO_USER_ERROR)
		return header.error > 0 && header.error < 4096 ? -(int)header.error : -EIO;
	*got = header.size - sizeof(header);
	if (*got > room)
		return -EPROTO;
	memcpy(in, payload, *got);
	return 0;
}

int vfio_user_request(struct vfio_user *user, enum vfio_user_command command, const void *out,
                      size_t size, int fd, void *in, size_t room, size_t *got)
{
	struct vfio_user_header header = { .command = (uint16_t)command,
		                           .size = (uint32_t)(sizeof(header) + size) };
	uint8_t payload[VFIO_USER_MAX_PAYLOAD];
	int error;

	pthread_mutex_lock(&user->request);
	header.id = ++user->next_id;
	error = send_message(user, &header, out, fd);
	if (!error)
		error = await_reply(user, &header, payload, in, room, got);
	pthread_mutex_unlock(&user->request);
	/* A server that asks for DMA memory gets what is in it: keys. */
	explicit_bzero(payload, sizeof(payload));
	return error;
}
