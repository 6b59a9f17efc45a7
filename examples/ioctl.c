/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The binary interface: cc -I../include ioctl.c -o ioctl && ./ioctl
 * The same buffer is encrypted by a session in a few calls, and by one DIRECT call; then what
 * came of both is compared, decrypted in place and compared with the beginning. */
#include <acrypto/ioctl.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char text[] = "It was the best of times, it was the worst of times.";
static unsigned char key[32], iv[12];
static int fd;

/* Every call says in a sentence why it failed. */
static void must(int result, const char *call)
{
	struct acrypto_status status = { 0 };
	int error = errno;

	if (result == 0)
		return;
	ioctl(fd, ACRYPTO_STATUS, &status);
	fprintf(stderr, "%s: %s: %s\n", call, strerror(error), status.sentence);
	exit(1);
}

static struct acrypto_buffer buffer(const void *data, size_t size)
{
	struct acrypto_buffer b = { ACRYPTO_POINTER(data), size };
	return b;
}

static void fill(unsigned type, const void *data, size_t size)
{
	struct acrypto_fill_data in = { 0 };

	in.type = type;
	in.size = size;
	in.pointer = ACRYPTO_POINTER(data);
	must(ioctl(fd, ACRYPTO_FILL_DATA, &in), "ACRYPTO_FILL_DATA");
}

static struct acrypto_session_initializer what(unsigned operation)
{
	struct acrypto_session_initializer init = { 0 };

	init.version = ACRYPTO_IOCTL_VERSION;
	init.operation = operation;
	strcpy(init.alg, "aes-256-gcm");
	return init;
}

/* A session of this descriptor; more requests could follow with the same key. */
static void by_session(unsigned char *out, unsigned char *tag)
{
	struct acrypto_session_alloc alloc = { 0 };
	struct acrypto_session_add add = { 0 };

	alloc.init = what(ACRYPTO_ENCRYPT);
	alloc.src_size = sizeof(text);
	alloc.key_size = sizeof(key);
	alloc.iv_size = sizeof(iv);
	must(ioctl(fd, ACRYPTO_SESSION_ALLOC, &alloc), "ACRYPTO_SESSION_ALLOC");
	fill(ACRYPTO_KEY, key, sizeof(key));
	fill(ACRYPTO_IV, iv, sizeof(iv));
	fill(ACRYPTO_SRC, text, sizeof(text));
	add.dst = buffer(out, sizeof(text));
	add.tag = buffer(tag, 16);
	while (ioctl(fd, ACRYPTO_SESSION_ADD, &add)) /* it goes on waiting after a signal */
		if (errno != EINTR)
			must(-1, "ACRYPTO_SESSION_ADD");
}

static void direct(unsigned operation, const void *in, void *out, unsigned char *tag)
{
	struct acrypto_direct call = { 0 };

	call.init = what(operation);
	call.key = buffer(key, sizeof(key));
	call.iv = buffer(iv, sizeof(iv));
	call.src = buffer(in, sizeof(text));
	call.dst = buffer(out, sizeof(text));
	call.tag = buffer(tag, 16);
	must(ioctl(fd, ACRYPTO_DIRECT, &call), "ACRYPTO_DIRECT");
}

int main(void)
{
	const char *mount = getenv("ACRYPTO") ? getenv("ACRYPTO") : "/acrypto";
	unsigned char one[sizeof(text)], other[sizeof(text)], tag[16], other_tag[16];
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (unsigned char)(i * 7);
	snprintf(path, sizeof(path), "%s/ioctl", mount);
	fd = open(path, O_RDWR);
	if (fd < 0)
		return perror(path), 1;
	by_session(one, tag);
	direct(ACRYPTO_ENCRYPT, text, other, other_tag);
	if (memcmp(one, other, sizeof(one)) || memcmp(tag, other_tag, sizeof(tag)))
		return fputs("the two ways differ\n", stderr), 1;
	direct(ACRYPTO_DECRYPT, one, one, tag);
	if (memcmp(one, text, sizeof(one)))
		return fputs("it does not come back\n", stderr), 1;
	return close(fd);
}
