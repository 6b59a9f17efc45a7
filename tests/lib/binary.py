# SPDX-License-Identifier: LGPL-2.1-or-later
"""include/acrypto/ioctl.h for the tests: its structures, and calls that raise OSError."""
import contextlib
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
U32, U64 = ctypes.c_uint32, ctypes.c_uint64
IMPLIED, ENCRYPT, DECRYPT, HASH, MAC, SIGN, VERIFY, RANDOM, DERIVE = range(9)
SRC, DST, KEY, IV, AAD, TAG, SIG = range(1, 8)
COMBINED, DETACHED = 1, 2
BY_FILE = 1
NONE, IDLE, ACTIVE, DONE, FAILED = range(5)
INLINE_MAX = 8192


class Initializer(ctypes.Structure):
    _fields_ = [(n, U32) for n in ("version", "operation", "priority", "flags", "tag_size",
                                   "deadline_ms")] + \
               [("alg", ctypes.c_char * 64), ("device", ctypes.c_char * 64),
                ("padding", ctypes.c_char * 16), ("params", ctypes.c_char * 128)]


class Alloc(ctypes.Structure):
    _fields_ = [("init", Initializer), ("src_size", U64), ("dst_size", U64), ("key_size", U32),
                ("iv_size", U32)]


class FillData(ctypes.Structure):
    _fields_ = [("type", U32), ("flags", U32), ("size", U64), ("pointer", U64)]


class Buffer(ctypes.Structure):
    _fields_ = [("pointer", U64), ("size", U64)]


class Add(ctypes.Structure):
    _fields_ = [("dst", Buffer), ("tag", Buffer), ("iv", Buffer), ("flags", U64)]


class Direct(ctypes.Structure):
    _fields_ = [("init", Initializer)] + \
               [(n, Buffer) for n in ("src", "dst", "key", "iv", "aad", "tag", "sig")]


class Inline(ctypes.Structure):
    _fields_ = [("type", U32), ("size", U32), ("offset", U64), ("total", U64),
                ("data", ctypes.c_uint8 * INLINE_MAX)]


class Status(ctypes.Structure):
    _fields_ = [(n, U32) for n in ("version", "state", "error", "reserved")] + \
               [(n, U64) for n in ("requests", "bytes_in", "bytes_out", "queue_ns", "process_ns")] + \
               [("device", ctypes.c_char * 64), ("sentence", ctypes.c_char * 256)]


def number(direction, serial, structure):
    return direction << 30 | ctypes.sizeof(structure) << 16 | 0xAC << 8 | serial


SESSION_ALLOC = number(1, 1, Alloc)
FILL_DATA = number(1, 2, FillData)
SESSION_ADD = number(3, 3, Add)
DIRECT = number(3, 4, Direct)
FILL_INLINE = number(1, 5, Inline)
FETCH_INLINE = number(3, 6, Inline)
STATUS = number(2, 7, Status)


def call(fd, cmd, argument):
    """One ioctl, never repeated."""
    pointer = argument if isinstance(argument, int) else ctypes.addressof(argument)
    if libc.ioctl(fd, ctypes.c_ulong(cmd), ctypes.c_void_p(pointer)):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def memory(data):
    """The bytes, or that many zeros, in memory of our own."""
    if isinstance(data, int):
        return (ctypes.c_uint8 * max(data, 1))()
    return (ctypes.c_uint8 * max(len(data), 1)).from_buffer_copy(bytes(data) or b"\0")


def buffer(data, size=None):
    """A Buffer; data is memory() or an address."""
    if data is None:
        return Buffer()
    if isinstance(data, int):
        return Buffer(data, size)
    return Buffer(ctypes.addressof(data), ctypes.sizeof(data) if size is None else size)


def initializer(alg, operation=IMPLIED, **fields):
    init = Initializer(version=1, operation=operation, alg=alg.encode())
    for name, value in fields.items():
        setattr(init, name, value.encode() if isinstance(value, str) else value)
    return init


class Binary:
    """One open description of `ioctl`."""

    def __init__(self, daemon, flags=os.O_RDWR):
        self.fd = os.open(daemon.mount / "ioctl", flags)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        with contextlib.suppress(OSError):  # a daemon that has ended answers no flush
            os.close(self.fd)

    def alloc(self, alg, operation=IMPLIED, src=0, dst=0, key=0, iv=0, **fields):
        call(self.fd, SESSION_ALLOC, Alloc(initializer(alg, operation, **fields), src, dst, key, iv))

    def fill(self, kind, data, size=None, flags=0):
        if isinstance(data, (bytes, bytearray)):
            size, data = len(data) if size is None else size, memory(data)
        b = buffer(data, size)
        call(self.fd, FILL_DATA, FillData(kind, flags, b.size, b.pointer))

    def by_file(self, kind, size=0):
        call(self.fd, FILL_DATA, FillData(kind, BY_FILE, size, 0))

    def add(self, room=1 << 20, tag=0, iv=0):
        """dst, or (dst, tag, iv) where room for these is given."""
        out, tags, ivs = memory(room), memory(tag), memory(iv)
        add = Add(buffer(out, room), buffer(tags, tag) if tag else Buffer(),
                  buffer(ivs, iv) if iv else Buffer())
        call(self.fd, SESSION_ADD, add)
        dst = bytes(out)[:add.dst.size]
        if not tag and not iv:
            return dst
        return dst, bytes(tags)[:add.tag.size], bytes(ivs)[:add.iv.size]

    def wait(self):
        """ADD that stores nothing; the size of the result."""
        add = Add()
        call(self.fd, SESSION_ADD, add)
        return add.dst.size

    def fill_inline(self, kind, data, offset=0, total=None):
        i = Inline(kind, len(data), offset, len(data) if total is None else total)
        ctypes.memmove(i.data, bytes(data), min(len(data), INLINE_MAX))
        call(self.fd, FILL_INLINE, i)

    def send(self, kind, data):
        """A value of any size, inline."""
        for at in range(0, max(len(data), 1), INLINE_MAX):
            self.fill_inline(kind, data[at:at + INLINE_MAX], at, len(data))

    def fetch(self, kind, offset=0, size=INLINE_MAX):
        """(bytes from offset, size of all)"""
        i = Inline(kind, size, offset)
        call(self.fd, FETCH_INLINE, i)
        return bytes(i.data)[:i.size], i.total

    def direct(self, alg, operation=IMPLIED, src=b"", room=None, tag=0, flags=0, fields=None, **inputs):
        """dst, or (dst, tag) where room for a tag is given; inputs are key, iv, aad, sig, tag_in."""
        kept = {name: memory(data) for name, data in inputs.items()}
        source, out = memory(src), memory(len(src) + 64 if room is None else room)
        tags = memory(inputs.get("tag_in", tag))
        d = Direct(initializer(alg, operation, flags=flags, **(fields or {})), buffer(source, len(src)),
                   buffer(out, len(src) + 64 if room is None else room))
        for name, where in kept.items():
            setattr(d, "tag" if name == "tag_in" else name, buffer(where, len(inputs[name])))
        if tag:
            d.tag = buffer(tags)
        call(self.fd, DIRECT, d)
        dst = bytes(out)[:d.dst.size]
        return (dst, bytes(tags)[:d.tag.size]) if tag else dst

    def status(self):
        s = Status()
        call(self.fd, STATUS, s)
        return s

    def sentence(self):
        return self.status().sentence.decode()
