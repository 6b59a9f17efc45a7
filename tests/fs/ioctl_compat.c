/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ACRYPTO_DIRECT through the system call of 32-bit programs: prints the SHA-256 of "abc".
 * Exits with 77 where the kernel has no such calls. */
#include <acrypto/ioctl.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NR_IOCTL_32 54

struct low { /* all in the first 2 GiB */
	struct acrypto_direct call;
	char src[3];
	unsigned char dst[32];
};

static int ioctl_32(int fd, unsigned long cmd, const void *arg)
{
	long result = NR_IOCTL_32;

	__asm__ volatile("int $0x80"
	                 : "+a"(result)
	                 : "b"((long)fd), "c"(cmd), "d"(arg)
	                 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

static void no_such_calls(int signal)
{
	static const char text[] = "int 0x80 is a fault\n";

	(void)signal;
	_exit(write(2, text, sizeof text - 1) ? 77 : 77);
}

int main(int argc, char **argv)
{
	int fd = open(argc > 1 ? argv[1] : "", O_RDWR), result;
	struct low *low = mmap(NULL, sizeof *low, PROT_READ | PROT_WRITE,
	                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (fd < 0 || low == MAP_FAILED)
		return perror("setting up"), 1;
	low->call.init.version = ACRYPTO_IOCTL_VERSION;
	strcpy(low->call.init.alg, "sha256");
	memcpy(low->src, "abc", 3);
	low->call.src.pointer = ACRYPTO_POINTER(low->src);
	low->call.src.size = 3;
	low->call.dst.pointer = ACRYPTO_POINTER(low->dst);
	low->call.dst.size = sizeof low->dst;
	signal(SIGSEGV, no_such_calls);
	result = ioctl_32(fd, ACRYPTO_DIRECT, &low->call);
	if (result == -ENOSYS)
		return 77;
	if (result)
		return fprintf(stderr, "ioctl: %s\n", strerror(-result)), 1;
	for (unsigned i = 0; i < low->call.dst.size; i++)
		printf("%02x", low->dst[i]);
	puts("");
	return 0;
}
