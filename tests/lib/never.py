# SPDX-License-Identifier: LGPL-2.1-or-later
"""Memory that never comes: a page of a FUSE filesystem whose server answers no read, or one kept
away by userfaultfd."""
import contextlib
import ctypes
import mmap
import os
import signal
import struct
import tempfile
import time

import pytest

import acr
import binary

PAGE = mmap.PAGESIZE
LOOKUP, GETATTR, OPEN, READ, RELEASE, FLUSH, INIT = 1, 3, 14, 15, 18, 25, 26
UNANSWERED = (2, 36, 42)  # FORGET, INTERRUPT and BATCH_FORGET
ENOSYS = 38
MS_NOSUID_NODEV = 6
MNT_DETACH = 2
SIZE = 1 << 28
ROOT, FILE = 1, 2
USERFAULTFD_NEW, UFFDIO_API, UFFDIO_REGISTER = 0xAA00, 0xC018AA3F, 0xC020AA00


def attributes(node):
    mode = 0o40755 if node == ROOT else 0o100666
    return struct.pack("=6Q10I", node, SIZE, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, PAGE, 0)


def answer(code, node):
    """What the server says, None: that it can't."""
    if code == INIT:
        return struct.pack("=4I2H2I2H8I", 7, 31, 0, 0, 16, 12, PAGE, 1, 0, 0, *[0] * 8)
    if code == LOOKUP:
        return struct.pack("=4Q2I", FILE, 0, 3600, 3600, 0, 0) + attributes(FILE)
    if code == GETATTR:
        return struct.pack("=Q2I", 3600, 0, 0) + attributes(node)
    if code == OPEN:
        return struct.pack("=Q2I", 0, 2, 0)  # FOPEN_KEEP_CACHE: else a further open waits for the page
    return b"" if code in (RELEASE, FLUSH) else None


def serve(fd, delay):
    while True:
        try:
            request = os.read(fd, 1 << 20)
        except OSError:
            return
        _, code, unique, node = struct.unpack_from("=2I2Q", request)
        reply = answer(code, node)
        if code == READ and delay:
            time.sleep(delay)
            reply = bytes(struct.unpack_from("=I", request, 56)[0])
        if code in UNANSWERED or code == READ and not delay:
            continue
        error = 0 if reply is not None else -ENOSYS
        with contextlib.suppress(OSError):  # nobody may be waiting for it any more
            os.write(fd, struct.pack("=IiQ", 16 + len(reply or b""), error, unique) + (reply or b""))


def address(area):
    return ctypes.addressof(ctypes.c_char.from_buffer(area))


class Filesystem:
    """A mount with one file, `page`, that everybody may open and map, and nobody ever reads. Who
    waits for a page of it can't be killed. With a delay each page comes after so many seconds."""

    def __init__(self, delay=None):
        acr.need_root()
        if acr.errno_of(lambda: os.close(os.open("/dev/fuse", os.O_RDWR))):
            pytest.skip("/dev/fuse can't be opened here")
        self.folder = tempfile.mkdtemp(prefix="acr-never.")
        fd = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={fd},rootmode=40755,user_id=0,group_id=0,allow_other".encode()
        if binary.libc.mount(b"never", self.folder.encode(), b"fuse", MS_NOSUID_NODEV, options):
            raise OSError(ctypes.get_errno(), "mount")
        self.server = os.fork()
        if not self.server:
            serve(fd, delay)
            os._exit(0)
        os.close(fd)

    def pages(self, count):
        """Addresses in the memory of who calls, and what keeps them."""
        fd = os.open(os.path.join(self.folder, "page"), os.O_RDWR)
        area = mmap.mmap(fd, SIZE)
        area.madvise(mmap.MADV_RANDOM)
        return [address(area) + i * PAGE for i in range(count)], (fd, area)

    def close(self):
        """The server ends: who waits for it has an error."""
        if self.server:
            os.kill(self.server, signal.SIGKILL)
            os.waitpid(self.server, 0)
            binary.libc.umount2(self.folder.encode(), MNT_DETACH)
            os.rmdir(self.folder)
            self.server = 0


class Userfaultfd:
    """The same by userfaultfd, of which root has opened the device for everybody."""

    def __init__(self):
        error = acr.errno_of(lambda: os.close(os.open("/dev/userfaultfd", os.O_RDWR)))
        if error:
            pytest.skip(f"no userfaultfd here, by which a page can be kept away: {error}")
        self.device = os.open("/dev/userfaultfd", os.O_RDWR)

    def pages(self, count):
        fd = binary.libc.ioctl(self.device, USERFAULTFD_NEW, os.O_CLOEXEC)
        area = mmap.mmap(-1, SIZE)
        for cmd, values in ((UFFDIO_API, (0xAA, 0, 0)), (UFFDIO_REGISTER, (address(area), SIZE, 1, 0))):
            binary.call(fd, cmd, (ctypes.c_uint64 * len(values))(*values))
        return [address(area) + i * PAGE for i in range(count)], (fd, area)

    def close(self):
        if self.device >= 0:
            os.close(self.device)
            self.device = -1
