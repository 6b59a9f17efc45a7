# SPDX-License-Identifier: LGPL-2.1-or-later
"""The vfio-user server under the models: the protocol, and clients that lie."""
import errno
import os
import signal
import socket
import struct
import subprocess
import time

import pytest

import acr
import vfio_client as v
from vfio_client import CONFIG, Client, Model

pytestmark = pytest.mark.sanitize
PROGRAM = acr.BUILD / "tests/models/hifn795x/hifn795x-model"
PUB_MEM = 0x400


@pytest.fixture(scope="module")
def model():
    m = Model(PROGRAM)
    yield m
    assert m.stop() == 0 and m.errors == ""
    assert not os.path.exists(m.path), "the socket is removed"
    m.clean()


@pytest.fixture
def client(model):
    with Client(model.path) as c:
        c.write(CONFIG, 4, 6, 2)
        yield c


def fails(error, call, *args, **kwargs):
    with pytest.raises(OSError) as caught:
        call(*args, **kwargs)
    assert caught.value.errno == error


def still_serves(model):
    with Client(model.path) as c:
        assert c.read(CONFIG, 0) == 0x001d13a3


def version(c, major=0, minor=1, data=b""):
    return c.call(v.VERSION, struct.pack("=HH", major, minor) + data)


# ---- the protocol ----


def test_capabilities_are_a_subset(client):
    assert client.capabilities == {"max_data_xfer_size": 1048576, "max_msg_fds": 8, "pgsizes": 4096}


@pytest.mark.parametrize("data", [b"", b"\0", b"{}\0", b'{"capabilities":{"max_msg_fds":1}}\0', b"}{\0"])
def test_version_answer_is_no_longer_than_the_question(model, data):
    with Client(model.path, negotiate=False) as c:
        answer = version(c, data=data)
        assert answer[:4] == bytes(4) and len(answer) <= 4 + len(data)
        assert len(answer) == 4 or answer.endswith(b"\0")
        assert c.read(CONFIG, 0) == 0x001d13a3


def test_other_major_version_ends_the_connection(model):
    with Client(model.path, negotiate=False) as c:
        with pytest.raises(OSError):
            version(c, major=1)
        with pytest.raises(OSError):
            c.read(CONFIG, 0)
    still_serves(model)


def test_nothing_before_the_version(model):
    with Client(model.path, negotiate=False) as c:
        fails(errno.EINVAL, c.read, CONFIG, 0)
        version(c)
        fails(errno.EINVAL, version, c)
        assert c.read(CONFIG, 0) == 0x001d13a3


def test_device_info(client):
    assert struct.unpack("=IIII", client.call(v.GET_INFO, struct.pack("=IIII", 16, 0, 0, 0))) == (16, 3, 9, 5)
    fails(errno.EINVAL, client.call, v.GET_INFO, struct.pack("=IIII", 15, 0, 0, 0))


def test_region_info(client):
    sizes = []
    for index in range(9):
        answer = client.call(v.REGION_INFO, struct.pack("=IIIIQQ", 32, 0, index, 0, 0, 0))
        argsz, flags, back, caps, size, offset = struct.unpack("=IIIIQQ", answer)
        assert (argsz, back, caps, offset) == (32, index, 0, 0) and flags == (3 if size else 0)
        sizes.append(size)
    assert sizes == [0x1000, 0x2000, 0x8000, 0, 0, 0, 0, 256, 0]
    fails(errno.EINVAL, client.call, v.REGION_INFO, struct.pack("=IIIIQQ", 32, 0, 9, 0, 0, 0))


def test_irq_info(client):
    answers = [struct.unpack("=IIII", client.call(v.IRQ_INFO, struct.pack("=IIII", 16, 0, i, 0)))
               for i in range(5)]
    assert answers == [(16, 7, 0, 1)] + [(16, 0, i, 0) for i in range(1, 5)]
    fails(errno.EINVAL, client.call, v.IRQ_INFO, struct.pack("=IIII", 16, 0, 5, 0))


def test_set_irqs(client):
    client.arm()
    client.set_irqs(1 | 0x20)
    assert client.interrupts(60) == 1, "triggered by hand"
    client.set_irqs(2 | 0x20, data=b"\0")
    assert client.interrupts() == 0
    client.set_irqs(2 | 0x20, data=b"\1")
    assert client.interrupts(60) == 1
    client.set_irqs(1 | 8)
    client.set_irqs(1 | 0x10)
    client.set_irqs(4 | 0x20)
    client.set_irqs(1 | 0x20)
    assert client.interrupts() == 0, "no event is attached any more"
    for index in range(5):
        client.set_irqs(1 | 0x20, count=0, index=index)


@pytest.mark.parametrize("args", [{"flags": 0}, {"flags": 0x21, "index": 1}, {"flags": 0x21, "count": 2},
                                  {"flags": 0x21, "start": 1}, {"flags": 0x22}, {"flags": 0x24 | 0x100},
                                  {"flags": 0x14}, {"flags": 0x27}, {"flags": 0x31}, {"flags": 0x21, "index": 9},
                                  {"flags": 0x21, "count": 0xffffffff}], ids=str)
def test_set_irqs_refused(client, args):
    fails(errno.EINVAL, client.set_irqs, **args)


def test_event_that_is_no_event(client):
    """A full pipe would block whoever writes to it."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    while True:
        try:
            os.write(writer, bytes(65536))
        except BlockingIOError:
            break
    os.set_blocking(writer, True)
    client.set_irqs(4 | 0x20, fds=(writer,))
    client.set_irqs(1 | 0x20)
    assert client.read(CONFIG, 0) == 0x001d13a3
    os.close(reader)
    client.set_irqs(1 | 0x20)
    assert client.read(CONFIG, 0) == 0x001d13a3
    os.close(writer)


def test_many_outstanding_and_posted(client):
    """Answers come in order; posted writes get none and are done before what follows."""
    serials = []
    for i in range(300):
        client.write(1, PUB_MEM + 4 * (i % 16), i, posted=True)
        serials.append(client.send(v.READ, struct.pack("=QII", PUB_MEM + 4 * (i % 16), 1, 4)))
    for i, serial in enumerate(serials):
        assert struct.unpack("=I", client.wait(serial)[16:]) == (i,)
    assert not client.replies


def test_messages_in_pieces(client):
    message = struct.pack("=HHIII", 7, v.READ, 32, 0, 0) + struct.pack("=QII", 0, CONFIG, 4)
    for byte in message:
        client.socket.sendall(bytes([byte]))
        time.sleep(0.001)
    assert client.wait(7)[16:] == bytes.fromhex("a3131d00")


@pytest.mark.parametrize("region,offset,count", [(1, 0x2000, 4), (1, 0x1ffe, 4), (3, 0, 4), (8, 0, 1),
                                                 (9, 0, 4), (0xffffffff, 0, 4), (1, 0, 0),
                                                 (1, 2**64 - 4, 8), (1, 0, 0xffffffff), (7, 255, 2)])
def test_region_bounds(client, region, offset, count):
    fails(errno.EINVAL, client.call, v.READ, struct.pack("=QII", offset, region, count))
    fails(errno.EINVAL, client.call, v.WRITE, struct.pack("=QII", offset, region, count) + bytes(16))


@pytest.mark.parametrize("command", [0, 6, 11, 12, 14, 15, 16, 18, 0xffff])
def test_unknown_command(client, command):
    fails(errno.ENOSYS, client.call, command, bytes(64))


@pytest.mark.parametrize("command", range(2, 11))
def test_payload_too_short(client, command):
    if command != 6:
        fails(errno.EINVAL, client.call, command, bytes(3))


def test_unasked_reply_is_dropped(client):
    client.socket.sendall(struct.pack("=HHIII", 1, v.DMA_READ, 16, v.REPLY, 0))
    assert client.read(CONFIG, 0) == 0x001d13a3


@pytest.mark.parametrize("size", [0, 15, 16 + 2**20 + 65, 0xffffffff])
def test_impossible_size_ends_the_connection(model, size):
    with Client(model.path) as c:
        c.socket.sendall(struct.pack("=HHIII", 1, v.READ, size, 0, 0) + bytes(64))
        with pytest.raises(OSError):
            c.receive()
    still_serves(model)


def test_half_a_message_then_gone(model):
    c = Client(model.path)
    c.socket.sendall(struct.pack("=HHIII", 1, v.WRITE, 5000, 0, 0) + bytes(100))
    c.close()
    still_serves(model)


def test_client_that_takes_no_replies(model):
    """It loses its connection after a while; the next one is served."""
    c = Client(model.path)
    c.socket.settimeout(30)
    with pytest.raises(OSError):
        while True:
            c.send(v.READ, struct.pack("=QII", 0, 1, 0x2000))
    c.close()
    still_serves(model)


# ---- memory ----


def dma_map(c, address, size, fds=(), flags=3, offset=0):
    c.call(v.DMA_MAP, struct.pack("=IIQQQ", 32, flags, offset, address, size), fds)


@pytest.mark.parametrize("address,size", [(0, 0), (0x100, 0x1000), (0, 0x1001), (2**64 - 0x1000, 0x2000)])
def test_map_refused(client, address, size):
    fails(errno.EINVAL, dma_map, client, address, size)


def test_map_overlaps(client):
    for address in (0x3000, 0x1000, 0x8000):
        dma_map(client, address, 0x1000)
    for address, size in ((0x1000, 0x1000), (0x2000, 0x2000), (0, 0x2000), (0, 0x10000)):
        fails(errno.EEXIST, dma_map, client, address, size)
    dma_map(client, 0x4000, 0x4000)
    dma_map(client, 2**64 - 0x1000, 0x1000)
    for address, size in ((0x4000, 0x1000), (0x2000, 0x1000), (0x3000, 0x2000)):
        fails(errno.ENOENT, client.unmap, address, size)
    assert client.unmap(0x4000, 0x4000) == struct.pack("=IIQQ", 24, 0, 0x4000, 0x4000)
    dma_map(client, 0x5000, 0x1000)


def test_map_with_descriptors_that_are_no_memory(client):
    reader, writer = os.pipe()
    with pytest.raises(OSError):
        dma_map(client, 0, 0x1000, (reader,))
    fails(errno.EINVAL, dma_map, client, 0, 0x1000, (reader, writer))
    fd = os.memfd_create("dma")
    fails(errno.EINVAL, dma_map, client, 0, 0x1000, (fd,), offset=1)
    fails(errno.EINVAL, dma_map, client, 0, 0x1000, (fd,), offset=2**63)
    with pytest.raises(OSError):
        dma_map(client, 0, 2**62, (fd,))
    for f in (reader, writer, fd):
        os.close(f)


def open_files(model):
    return len(os.listdir(f"/proc/{model.process.pid}/fd"))


def test_no_descriptor_is_kept(model):
    with Client(model.path) as c:
        c.arm()
        before = open_files(model)
    fds = [os.memfd_create("dma") for _ in range(8)]
    with Client(model.path) as c:
        for _ in range(20):
            c.wait(c.send(v.READ, struct.pack("=QII", 0, CONFIG, 4), fds=fds))
            with pytest.raises(OSError):
                dma_map(c, 0, 0, fds)
            c.arm()
        message = struct.pack("=HHIII", 99, v.READ, 32, 0, 0) + struct.pack("=QII", 0, CONFIG, 4)
        socket.send_fds(c.socket, [message], fds * 8)
        c.wait(99)
        assert c.read(CONFIG, 0) == 0x001d13a3, "all before it is over"
        assert acr.until(lambda: open_files(model) == before)
    for fd in fds:
        os.close(fd)


def test_file_cut_behind_a_mapping(model):
    """The card reads zeros, which no descriptor is; then the memory counts as gone."""
    with Client(model.path) as c:
        c.write(CONFIG, 4, 6, 2)
        fd = os.memfd_create("dma")
        os.ftruncate(fd, 0x2000)
        dma_map(c, 0x100000, 0x2000, (fd,))
        os.ftruncate(fd, 0)
        c.write(0, 4, 2)
        for register in (0x0c, 0x1c, 0x2c, 0x3c):
            c.write(1, register, 0x100000)
        c.write(1, 0x48, 0x10017)
        c.write(1, 0x40, 0x80808080)
        end = time.monotonic() + 60
        while not c.read(1, 0x40) & 0x20202020 and time.monotonic() < end:
            time.sleep(0.001)
        assert c.read(1, 0x40) & 0x20202020, "ABORT"
        os.close(fd)
    still_serves(model)


# ---- memory by messages ----

RING = 0x100000


class Liar(Client):
    """Has memory that the card must ask for, and an answer of its own."""

    def __init__(self, path):
        super().__init__(path)
        self.questions = []

    def receive(self):
        serial, command, size, flags, error = header = struct.unpack("=HHIII", self.receive_exactly(16))
        payload = self.receive_exactly(size - 16)
        if flags & 0xf == v.REPLY:
            self.replies[serial] = (error if flags & v.ERROR else 0, payload)
        else:
            assert command == v.DMA_READ
            self.questions.append((header, struct.unpack("=QQ", payload)))

    def ask(self):
        """Make the card look at its command ring; returns what it asks for."""
        self.write(CONFIG, 4, 6, 2)
        dma_map(self, RING, 0x1000)
        self.write(0, 4, 2)
        for register in (0x0c, 0x1c, 0x2c, 0x3c):
            self.write(1, register, RING)
        self.write(1, 0x48, 0x10017)
        self.write(1, 0x40, 0x80808080)
        while not self.questions:
            self.receive()
        (serial, _, _, _, _), question = self.questions.pop(0)
        assert question == (RING, 4)
        return serial

    def answer(self, serial, payload, flags=v.REPLY, command=v.DMA_READ):
        self.socket.sendall(struct.pack("=HHIII", serial, command, 16 + len(payload), flags, 0) + payload)

    def aborted(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            csr = self.read(1, 0x40)
            if csr & 0x20202020:
                return not csr & 0x80808080
            if self.questions:
                return False
        return False


LIES = {"error": (b"", v.REPLY | v.ERROR), "nothing": (b"", v.REPLY),
        "no data": (struct.pack("=QQ", RING, 4), v.REPLY),
        "short": (struct.pack("=QQ", RING, 4) + bytes(3), v.REPLY),
        "long": (struct.pack("=QQ", RING, 4) + bytes(5000), v.REPLY),
        "other count": (struct.pack("=QQ", RING, 2**63) + bytes(4), v.REPLY),
        "other address": (struct.pack("=QQ", RING + 4, 4) + bytes(4), v.REPLY)}


@pytest.mark.parametrize("lie", LIES)
def test_lies_abort_the_transfer(model, lie):
    with Liar(model.path) as c:
        c.answer(c.ask(), *LIES[lie])
        assert c.aborted()


def test_registers_are_served_while_an_answer_is_waited_for(model):
    with Liar(model.path) as c:
        serial = c.ask()
        assert c.read(1, 0x0c) == RING
        for other in ({"command": v.DMA_WRITE}, {}):
            c.answer(serial if other else serial ^ 1, struct.pack("=QQ", RING, 4) + bytes(4), **other)
        assert c.read(1, 0x40) & 0x80808080 == 0x80808080 and not c.questions, "those were for nobody"
        c.answer(serial, struct.pack("=QQ", RING, 4) + bytes(4))
        while not c.questions:
            c.receive()


def test_unmap_and_reset_while_an_answer_is_waited_for(model):
    with Liar(model.path) as c:
        serial = c.ask()
        c.unmap(RING, 0x1000)
        c.reset()
        assert c.read(1, 0x40) == 0
        c.answer(serial, struct.pack("=QQ", RING, 4) + b"\xff" * 4)
        assert c.read(CONFIG, 0) == 0x001d13a3 and not c.questions
        assert c.read(1, 0x40) == 0, "the ring of a card that was reset isn't aborted"


def test_client_that_never_answers(model):
    with Liar(model.path) as c:
        c.ask()
        assert c.aborted(), "after 5 s"


def test_client_goes_while_asked(model):
    c = Liar(model.path)
    c.ask()
    c.close()
    still_serves(model)


# ---- the process ----


def test_second_client_waits(model):
    with Client(model.path) as first:
        second = Client(model.path, negotiate=False)
        data = b"{}\0"
        serial = second.send(v.VERSION, struct.pack("=HH", 0, 0) + data)
        assert first.read(CONFIG, 0) == 0x001d13a3 and not second.replies
        first.close()
        second.wait(serial)
        second.close()


def test_ends_while_a_client_is_there():
    m = Model(PROGRAM)
    with Client(m.path):
        assert m.stop() == 0
    m.clean()


def test_socket_in_use_and_left_over():
    m = Model(PROGRAM)
    done = subprocess.run([PROGRAM, "--socket", m.path], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Address already in use" in done.stderr
    assert os.stat(m.path).st_mode & 0o777 == 0o700
    os.kill(m.process.pid, signal.SIGKILL)
    m.process.wait()
    with acr.process(PROGRAM, "--socket", m.path, stdout=subprocess.PIPE, text=True) as again:
        assert "listening" in again.stdout.readline()
        again.terminate()
        assert again.wait(60) == 0
    m.clean()


@pytest.mark.parametrize("args", [[], ["--socket"], ["--nonsense"], ["--socket", "x", "y"],
                                  ["--socket", "x", "--device", "7951"]], ids=str)
def test_bad_usage(args):
    assert subprocess.run([PROGRAM, *args], capture_output=True, check=False).returncode == 2


def test_help():
    done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True)
    for word in ("--socket", "--strict", "--trace", "--fault", "lost-irq"):
        assert word in done.stdout
