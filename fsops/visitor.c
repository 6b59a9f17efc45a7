/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Three kinds of processes: the daemon, the *maker*, which it forks at the start, and the
 * visitors, which the maker forks when the daemon asks for one. The maker is as small as
 * the daemon was before it had threads or secrets, so its copies are cheap and hold
 * nothing. All of them end with the daemon, by the end of file of a socket, or when the
 * maker is gone. */
#include "visitor.h"

#include "base/log.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

enum { SOCKET, AREA, PROCESS, GIVEN }; /* the descriptors of a new visitor */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* one question at a time */
static int maker = -1;                                   /* the socket to it */

/* ---- a visitor ---- */

static void visit_all(int socket, void *area)
{
	struct fs_round round;

	while (recv(socket, &round, sizeof round, 0) == sizeof round) {
		struct iovec here = { area, round.len };
		int64_t answer = round.write ? process_vm_writev(round.thread, &here, 1,
		                                                 round.there, round.count, 0)
		                             : process_vm_readv(round.thread, &here, 1,
		                                                round.there, round.count, 0);
		if (answer < 0)
			answer = errno == EAGAIN ? -EFAULT : -errno;
		if (send(socket, &answer, sizeof answer, 0) != sizeof answer)
			break;
	}
	_exit(0);
}

/* ---- the maker ---- */

/* The other ends of fds are the child's. Returns its number or a negative errno. */
static int32_t make(int control, int fds[GIVEN])
{
	int pair[2];
	void *area;
	pid_t pid;

	fds[AREA] = memfd_create("acrypto-visitor", MFD_CLOEXEC);
	if (fds[AREA] < 0 || ftruncate(fds[AREA], FS_AREA) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	fds[SOCKET] = pair[0];
	area = mmap(NULL, FS_AREA, PROT_READ | PROT_WRITE, MAP_SHARED, fds[AREA], 0);
	pid = area == MAP_FAILED ? -1 : fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "acrypto-visitor");
		close(control);
		close(fds[AREA]);
		close(fds[SOCKET]);
		visit_all(pair[1], area);
	}
	if (pid > 0)
		fds[PROCESS] = (int)syscall(SYS_pidfd_open, pid, 0);
	if (area != MAP_FAILED)
		munmap(area, FS_AREA);
	close(pair[1]);
	return pid < 0 || fds[PROCESS] < 0 ? -errno : (int32_t)pid;
}

/* A message about a visitor: its number, and its descriptors beside it. */
struct news {
	int32_t pid;
	struct iovec text;
	struct msghdr message;
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int[GIVEN]))];
};

static struct msghdr *news_message(struct news *news)
{
	news->text = (struct iovec){ &news->pid, sizeof news->pid };
	news->message = (struct msghdr){ .msg_iov = &news->text,
		                         .msg_iovlen = 1,
		                         .msg_control = news->room,
		                         .msg_controllen = sizeof news->room };
	return &news->message;
}

static bool tell(int control, int32_t pid, const int fds[GIVEN])
{
	struct news news = { .pid = pid };
	struct msghdr *message = news_message(&news);
	struct cmsghdr *head = CMSG_FIRSTHDR(message);

	*head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int[GIVEN])),
		                  .cmsg_level = SOL_SOCKET,
		                  .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(head), fds, sizeof(int[GIVEN]));
	if (pid < 0)
		message->msg_controllen = 0;
	return sendmsg(control, message, MSG_NOSIGNAL) > 0;
}

static void close_all(const int fds[GIVEN])
{
	for (int i = 0; i < GIVEN; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* Nothing of the daemon's surroundings is kept: what hangs must not hold it. */
static void leave_surroundings(int control)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	dup2(control, 3);
	close_range(4, ~0u, 0);
	if (chdir("/"))
		_exit(1);
}

/* Signals for a whole group are meant for the daemon, which ends us. */
static void make_all(int control)
{
	static const int ignored[] = { SIGCHLD, SIGHUP, SIGINT, SIGPIPE, SIGTERM };
	char question;

	for (size_t i = 0; i < G_N_ELEMENTS(ignored); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, "acrypto-maker");
	prctl(PR_SET_DUMPABLE, 0);
	leave_surroundings(control);
	while (recv(3, &question, 1, 0) == 1) {
		int fds[GIVEN] = { -1, -1, -1 };
		int32_t pid = make(3, fds);
		bool told = tell(3, pid, fds);
		close_all(fds);
		if (!told)
			break;
	}
	_exit(0);
}

/* ---- the daemon ---- */

int fs_visitors_start(void)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	pid = fork();
	if (!pid)
		make_all(pair[1]);
	close(pair[1]);
	maker = pair[0];
	return pid < 0 ? -errno : 0;
}

void fs_visitors_end(void)
{
	pthread_mutex_lock(&lock);
	close(maker);
	maker = -1;
	pthread_mutex_unlock(&lock);
}

/* Ask the maker. Its number, or a value below 1. */
static int32_t ask(int fds[GIVEN])
{
	struct news news = { 0 };
	struct msghdr *message = news_message(&news);
	struct cmsghdr *head;
	bool answered;

	pthread_mutex_lock(&lock);
	answered = send(maker, "", 1, MSG_NOSIGNAL) == 1 &&
	           recvmsg(maker, message, MSG_CMSG_CLOEXEC) == sizeof news.pid;
	pthread_mutex_unlock(&lock);
	if (!answered)
		acr_log(ACR_LOG_ERROR, "visit",
		        "the process acrypto-maker is gone: calls with pointers fail from now on");
	head = answered ? CMSG_FIRSTHDR(message) : NULL;
	if (!head || head->cmsg_len != CMSG_LEN(sizeof(int[GIVEN])))
		return -1;
	memcpy(fds, CMSG_DATA(head), sizeof(int[GIVEN]));
	return news.pid;
}

struct fs_visitor *fs_visitor_new(void)
{
	struct fs_visitor *visitor = calloc(1, sizeof *visitor);
	const struct timeval quick = { .tv_usec = FS_QUICK_MS * 1000 };
	int fds[GIVEN] = { -1, -1, -1 };
	int32_t pid = visitor ? ask(fds) : -1;
	void *area =
	        pid < 1 ? MAP_FAILED
	                : mmap(NULL, FS_AREA, PROT_READ | PROT_WRITE, MAP_SHARED, fds[AREA], 0);

	if (area == MAP_FAILED) {
		close_all(fds);
		free(visitor);
		return NULL;
	}
	close(fds[AREA]);
	acr_secret_guard(area, FS_AREA);
	setsockopt(fds[SOCKET], SOL_SOCKET, SO_RCVTIMEO, &quick, sizeof quick);
	visitor->pid = pid;
	visitor->socket = fds[SOCKET];
	visitor->process = fds[PROCESS];
	visitor->area = area;
	return visitor;
}

/* It fails only if the process is gone, which the answer tells. */
void fs_visitor_send(struct fs_visitor *visitor, const struct fs_round *round)
{
	send(visitor->socket, round, sizeof *round, MSG_NOSIGNAL);
}

int64_t fs_visitor_answer(struct fs_visitor *visitor, bool wait)
{
	int64_t answer;
	ssize_t len = recv(visitor->socket, &answer, sizeof answer, wait ? 0 : MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	return len == sizeof answer ? answer : -EPIPE;
}

bool fs_visitor_has_answer(const struct fs_visitor *visitor)
{
	struct pollfd socket = { .fd = visitor->socket, .events = POLLIN };

	return poll(&socket, 1, 0) > 0;
}

/* `PID (NAME) STATE`; the name is ours. */
bool fs_visitor_blocked(const struct fs_visitor *visitor)
{
	char name[32], text[64] = "";
	const char *state;
	ssize_t len = -1;
	int fd;

	snprintf(name, sizeof name, "/proc/%d/stat", visitor->pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, sizeof text - 1);
		close(fd);
	}
	state = len > 0 ? strrchr(text, ')') : NULL;
	return !state || !state[1] || state[2] != 'R';
}

void fs_visitor_kill(struct fs_visitor *visitor)
{
	syscall(SYS_pidfd_send_signal, visitor->process, SIGKILL, NULL, 0);
	explicit_bzero(visitor->area, FS_AREA);
}

void fs_visitor_free(struct fs_visitor *visitor)
{
	munmap(visitor->area, FS_AREA);
	close(visitor->socket);
	close(visitor->process);
	free(visitor);
}
