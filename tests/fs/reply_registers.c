/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preloaded into acryptod: whenever it sends something to the kernel's FUSE, what the vector
 * registers of its thread hold is appended to the file named by ACR_REGISTERS, as XSAVE writes
 * it: IMAGE bytes each time. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define IMAGE  4096
#define VECTOR 0xe6 /* SSE, AVX and the three parts of AVX-512 */

static int out = -1;

__attribute__((constructor)) static void open_out(void)
{
	const char *path = getenv("ACR_REGISTERS");

	if (path)
		out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Compiled without vector registers: they are to be as the caller left them. */
__attribute__((target("general-regs-only"))) ssize_t writev(int fd, const struct iovec *iov,
                                                            int count)
{
	_Alignas(64) volatile uint64_t image[IMAGE / 8];

	for (unsigned i = 0; i < IMAGE / 8; i++)
		image[i] = 0;
	__asm__ volatile("xsave %0" : "+m"(image) : "a"(VECTOR), "d"(0));
	if (out >= 0)
		syscall(SYS_write, out, image, IMAGE);
	return syscall(SYS_writev, fd, iov, count);
}
