# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small vfio-user client, for tests of models of cards."""
import contextlib
import errno
import json
import mmap
import os
import select
import socket
import struct
import subprocess
import tempfile
import time

VERSION, DMA_MAP, DMA_UNMAP, GET_INFO, REGION_INFO, IRQ_INFO, SET_IRQS = 1, 2, 3, 4, 5, 7, 8
READ, WRITE, DMA_READ, DMA_WRITE, RESET = 9, 10, 11, 12, 13
REPLY, NO_REPLY, ERROR = 1, 0x10, 0x20
CONFIG = 7
CAPABILITIES = {"capabilities": {"max_msg_fds": 8, "max_data_xfer_size": 1048576, "pgsizes": 4096,
                                 "migration": {"pgsize": 4096}, "write_multiple": True}}


class Model:
    """A model of a card as a process, with a client for it."""

    def __init__(self, program, *args):
        self.dir = tempfile.TemporaryDirectory(prefix="acr-model.")
        self.path = os.path.join(self.dir.name, "socket")
        self.trace_path = os.path.join(self.dir.name, "trace")
        self.err = open(os.path.join(self.dir.name, "err"), "w+", encoding="utf8")
        self.process = subprocess.Popen([program, "--socket", self.path, "--trace", self.trace_path, *args],
                                        stdout=subprocess.PIPE, stderr=self.err, text=True)
        assert "listening" in self.process.stdout.readline(), self.errors

    @property
    def errors(self):
        self.err.flush()
        with open(self.err.name, encoding="utf8") as f:
            return f.read()

    @property
    def trace(self):
        with open(self.trace_path, encoding="utf8") as f:
            return f.read()

    def stop(self):
        """End it; returns its exit status."""
        self.process.terminate()
        status = self.process.wait(60)
        self.process.stdout.close()
        return status

    def clean(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.err.close()
        self.dir.cleanup()


class Client:
    """One connection. Memory is shared by descriptor, or reached by messages if share=False."""

    def __init__(self, path, negotiate=True):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.serial = 0
        self.remote = {}  # address: memory that's asked for by messages
        self.asked = 0
        self.replies = {}
        self.event = None
        if negotiate:
            data = json.dumps(CAPABILITIES).encode() + b"\0"
            answer = self.call(VERSION, struct.pack("=HH", 0, 1) + data)
            self.capabilities = json.loads(answer[4:].rstrip(b"\0"))["capabilities"]

    def close(self):
        self.socket.close()
        if self.event is not None:
            os.close(self.event)
            self.event = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- messages ----

    def send(self, command, payload=b"", flags=0, fds=()):
        self.serial = (self.serial + 1) & 0xffff
        message = struct.pack("=HHIII", self.serial, command, 16 + len(payload), flags, 0) + payload
        sent = socket.send_fds(self.socket, [message], fds) if fds else 0
        self.socket.sendall(message[sent:])
        return self.serial

    def receive_exactly(self, n):
        data = b""
        while len(data) < n:
            piece = self.socket.recv(n - len(data))
            if not piece:
                raise ConnectionError("the server has gone")
            data += piece
        return data

    def receive(self):
        """One message: a reply is kept for wait(), a request is answered."""
        serial, command, size, flags, error = struct.unpack("=HHIII", self.receive_exactly(16))
        payload = self.receive_exactly(size - 16)
        if flags & 0xf == REPLY:
            self.replies[serial] = (error if flags & ERROR else 0, payload)
            return
        self.asked += 1
        address, count = struct.unpack_from("=QQ", payload)
        try:
            base, memory = next((b, m) for b, m in self.remote.items()
                                if b <= address and address + count <= b + len(m))
        except StopIteration:
            self.socket.sendall(struct.pack("=HHIII", serial, command, 16, REPLY | ERROR, errno.EFAULT))
            return
        at = address - base
        answer = payload[:16]
        if command == DMA_READ:
            answer += bytes(memory[at:at + count])
        else:
            memory[at:at + count] = payload[16:]
        self.socket.sendall(struct.pack("=HHIII", serial, command, 16 + len(answer), REPLY, 0) + answer)

    def wait(self, serial):
        while serial not in self.replies:
            self.receive()
        error, payload = self.replies.pop(serial)
        if error:
            raise OSError(error, os.strerror(error))
        return payload

    def call(self, command, payload=b"", fds=()):
        return self.wait(self.send(command, payload, 0, fds))

    def serve(self, done, seconds=60):
        """Answer the server's requests until done() is true; returns what it returned."""
        end = time.monotonic() + seconds
        while True:
            result = done()
            if result or time.monotonic() > end:
                return result
            if select.select([self.socket], [], [], 0.001)[0]:
                self.receive()

    # ---- the device ----

    def read_bytes(self, region, offset, n):
        return self.call(READ, struct.pack("=QII", offset, region, n))[16:]

    def write_bytes(self, region, offset, data, posted=False):
        payload = struct.pack("=QII", offset, region, len(data)) + data
        if posted:
            self.send(WRITE, payload, NO_REPLY)
        else:
            self.call(WRITE, payload)

    def read(self, region, offset, n=4):
        return int.from_bytes(self.read_bytes(region, offset, n), "little")

    def write(self, region, offset, value, n=4, posted=False):
        self.write_bytes(region, offset, value.to_bytes(n, "little"), posted)

    def reset(self):
        self.call(RESET)

    # ---- memory and interrupts ----

    def map(self, address, size, share=True, flags=3):
        """Memory of the client at a bus address."""
        if not share:
            self.remote[address] = bytearray(size)
            self.call(DMA_MAP, struct.pack("=IIQQQ", 32, flags, 0, address, size))
            return self.remote[address]
        fd = os.memfd_create("dma")
        os.ftruncate(fd, size)
        memory = mmap.mmap(fd, size)
        try:
            self.call(DMA_MAP, struct.pack("=IIQQQ", 32, flags, 0, address, size), (fd,))
        finally:
            os.close(fd)
        return memory

    def unmap(self, address, size):
        return self.call(DMA_UNMAP, struct.pack("=IIQQ", 24, 0, address, size))

    def set_irqs(self, flags, count=1, index=0, start=0, data=b"", fds=()):
        self.call(SET_IRQS, struct.pack("=IIIII", 20 + len(data), flags, index, start, count) + data, fds)

    def arm(self):
        """Attach an event to INTx."""
        if self.event is None:
            self.event = os.eventfd(0, os.EFD_NONBLOCK)
        self.set_irqs(4 | 0x20, fds=(self.event,))

    def unmask(self):
        self.set_irqs(1 | 0x10)

    def interrupts(self, seconds=0.0):
        """How often the event was signalled since last asked, waiting so long for the first."""
        if not select.select([self.event], [], [], seconds)[0]:
            return 0
        with contextlib.suppress(BlockingIOError):
            return os.eventfd_read(self.event)
        return 0
