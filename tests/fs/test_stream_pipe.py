# SPDX-License-Identifier: LGPL-2.1-or-later
"""stream=1: src and dst are the ends of a pipe. How the pipe behaves."""
import contextlib
import ctypes
import fcntl
import hashlib
import os
import select
import signal
import subprocess

import pytest

import acr
import refs

KEY = bytes(range(32))
IV = bytes(range(100, 116))
MIB = 1 << 20
FAR = 1 << 30  # no window is that large


@pytest.fixture
def pipe(daemon):
    with daemon.session(stream="1", alg="aes-256-ctr", key=KEY, iv=IV) as s:
        yield s


@contextlib.contextmanager
def opened(path, flags):
    fd = os.open(path, flags)
    try:
        yield fd
    finally:
        with contextlib.suppress(OSError):
            os.close(fd)


def writer_of(session, flags=0):
    return opened(session / "src", os.O_WRONLY | flags)


def reader_of(session, flags=0):
    return opened(session / "dst", os.O_RDONLY | flags)


def poll(fd, events, milliseconds):
    p = select.poll()
    p.register(fd, events)
    got = p.poll(milliseconds)
    return got[0][1] if got else 0


def fill(fd, piece=65536):
    """Write zeros without blocking until the window stays full; how many went in."""
    os.set_blocking(fd, False)
    total = 0
    while total < FAR:
        try:
            total += os.write(fd, bytes(piece))
        except BlockingIOError:
            if not poll(fd, select.POLLOUT, 100) & select.POLLOUT:
                return total
    raise AssertionError("the window has no end")


def drain(fd, size):
    """Read that many bytes, blocking."""
    out = b""
    while len(out) < size:
        piece = os.read(fd, size - len(out))
        assert piece, "the end came too early"
        out += piece
    return out


# ---- back-pressure ----

@pytest.mark.sanitize
def test_a_full_window_stops_the_writer(pipe):
    with writer_of(pipe) as src, reader_of(pipe) as dst:
        total = fill(src)
        assert total > 0
        with acr.fails("EAGAIN"):
            os.write(src, b"x" * 65536)
        assert poll(src, select.POLLOUT, 0) & select.POLLOUT == 0
        out = b""
        while not poll(src, select.POLLOUT, 1000 if len(out) == total else 0) & select.POLLOUT:
            assert len(out) < total, "all is read and there is still no room"
            out += os.read(dst, 65536)
        total += os.write(src, bytes(100))
        os.close(src)
        out += drain(dst, total - len(out))
        assert os.read(dst, 100) == b""
        assert out == refs.ctr(KEY, IV, bytes(total))


@pytest.mark.sanitize
def test_a_blocked_writer_goes_on_when_there_is_room(pipe):
    with writer_of(pipe) as src, reader_of(pipe) as dst:
        total = fill(src)
        os.set_blocking(src, True)
        writer = acr.Background(os.write, src, bytes(1000))
        writer.join(0.2)
        assert writer.is_alive(), "it should wait for a reader"
        got = drain(dst, total)
        count = writer.result()
        assert 0 < count <= 1000
        os.close(src)
        got += drain(dst, count)
        assert got == refs.ctr(KEY, IV, bytes(total + count)) and os.read(dst, 1) == b""


@pytest.mark.sanitize
def test_a_reader_waits_for_the_writer(pipe):
    with reader_of(pipe) as dst:
        reader = acr.Background(os.read, dst, 100)
        pipe.wait("queued", "running")
        reader.join(0.1)
        assert reader.is_alive()
        with writer_of(pipe) as src:
            os.write(src, bytes(1000))
            assert reader.result() == refs.ctr(KEY, IV, bytes(100))
            assert drain(dst, 900) == refs.ctr(KEY, IV, bytes(1000))[100:]


def test_the_window_is_of_bounded_memory(pipe):
    with writer_of(pipe) as src:
        assert fill(src) <= 64 * MIB


def test_a_hash_takes_any_amount_without_a_reader_of_dst(daemon):
    """It has no output to wait for: only a start is needed."""
    with daemon.session(stream="1", alg="sha256") as s:
        s.write("ctl", "start")
        with writer_of(s) as src:
            for _ in range(100):
                os.write(src, bytes(MIB))
        assert s.read() == hashlib.sha256(bytes(100 * MIB)).digest()


# ---- poll and O_NONBLOCK ----

@pytest.mark.sanitize
def test_poll_follows_the_bytes(pipe):
    with writer_of(pipe) as src, reader_of(pipe, os.O_NONBLOCK) as dst:
        assert poll(dst, select.POLLIN, 50) == 0
        with acr.fails("EAGAIN"):
            os.read(dst, 100)
        assert poll(src, select.POLLOUT, 0) & select.POLLOUT
        os.write(src, bytes(160))
        assert poll(dst, select.POLLIN, 30_000) & select.POLLIN
        assert drain(dst, 160) == refs.ctr(KEY, IV, bytes(160))
        assert poll(dst, select.POLLIN, 50) == 0
        os.close(src)
        assert poll(dst, select.POLLIN, 30_000) & select.POLLIN, "the end is readable"
        assert os.read(dst, 100) == b""


def test_epoll_of_both_ends(pipe):
    data = os.urandom(3 * MIB)
    out, at = b"", 0
    with writer_of(pipe, os.O_NONBLOCK) as src, reader_of(pipe, os.O_NONBLOCK) as dst, select.epoll() as e:
        e.register(src, select.EPOLLOUT)
        e.register(dst, select.EPOLLIN)
        while len(out) < len(data):
            events = e.poll(30)
            assert events, "neither end can go on"
            for fd, _ in events:
                with contextlib.suppress(BlockingIOError):
                    if fd == src:
                        at += os.write(src, data[at:at + 300_000])
                        if at == len(data):
                            e.unregister(src)
                            os.close(src)
                    else:
                        out += os.read(dst, 1 << 20)
    assert out == refs.ctr(KEY, IV, data)


# ---- the end of the input ----

@pytest.mark.sanitize
def test_a_flush_is_not_the_end(pipe):
    with writer_of(pipe) as src, reader_of(pipe, os.O_NONBLOCK) as dst:
        os.write(src, b"one")
        os.close(os.dup(src))
        assert poll(dst, select.POLLIN, 30_000)
        out = os.read(dst, 100)
        with acr.fails("EAGAIN"):
            os.read(dst, 100)
        os.write(src, b"two")
        os.close(src)
        os.set_blocking(dst, True)
        assert out + drain(dst, 6 - len(out)) == refs.ctr(KEY, IV, b"onetwo")
        assert os.read(dst, 100) == b""


def test_the_last_of_two_writers_ends_it(pipe):
    with writer_of(pipe) as first, writer_of(pipe) as second, reader_of(pipe, os.O_NONBLOCK) as dst:
        os.write(first, b"one")
        os.write(second, b"two")
        os.close(first)
        assert poll(dst, select.POLLIN, 30_000)
        os.set_blocking(dst, True)
        out = drain(dst, 6)
        os.set_blocking(dst, False)
        with acr.fails("EAGAIN"):
            os.read(dst, 100)
        os.write(second, b"three")
        os.close(second)
        os.set_blocking(dst, True)
        out += drain(dst, 5)
        assert out == refs.ctr(KEY, IV, b"onetwothree") and os.read(dst, 100) == b""


def test_one_writer_opened_for_both(pipe):
    """O_RDWR is a writer too."""
    fd = os.open(pipe / "src", os.O_RDWR)
    os.write(fd, b"data")
    os.close(fd)
    assert pipe.read() == refs.ctr(KEY, IV, b"data")


def test_a_shell_group_is_one_writer(pipe):
    script = '{ printf one; printf two; head -c 200000 /dev/zero; } > "$1"/src & cat "$1"/dst; wait'
    out = subprocess.run(["sh", "-c", script, "sh", pipe.path], capture_output=True, timeout=60, check=True).stdout
    assert out == refs.ctr(KEY, IV, b"onetwo" + bytes(200_000))


def test_fork_shares_the_writer(pipe):
    with writer_of(pipe) as src:
        child = acr.Child(lambda: os.write(src, b"from the child "))
        child.result()
        os.write(src, b"and the parent")
    assert pipe.read() == refs.ctr(KEY, IV, b"from the child and the parent")


# ---- a pipe, not a file ----

@pytest.mark.sanitize
@pytest.mark.parametrize("file, flags", [("dst", os.O_RDONLY), ("src", os.O_WRONLY)])
def test_not_seekable(pipe, file, flags):
    with opened(pipe / file, flags) as fd:
        with acr.fails("ESPIPE"):
            os.lseek(fd, 0, os.SEEK_SET)


@pytest.mark.sanitize
def test_each_byte_goes_to_one_reader(pipe):
    data = os.urandom(100_000)
    with writer_of(pipe) as src:
        os.write(src, data)
    out, turn = b"", 0
    with reader_of(pipe) as one, reader_of(pipe) as two:
        while piece := os.read((one, two)[turn], 777):
            out += piece
            turn = 1 - turn
        assert os.read(one, 1) == os.read(two, 1) == b""
    assert out == refs.ctr(KEY, IV, data)


def test_readers_at_once_share_the_bytes(pipe):
    readers = [acr.Background(pipe.read) for _ in range(4)]
    pipe.wait("queued", "running")
    with writer_of(pipe) as src:
        for _ in range(50):
            os.write(src, bytes(10_000))
    assert sum(len(r.result()) for r in readers) == 500_000


# ---- signals ----

def interrupted_write(path):
    """Fill the window, then block in write(2) until a signal ends it; its errno."""
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.siginterrupt(signal.SIGUSR1, False)  # SA_RESTART
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(path, os.O_WRONLY)
    fill(fd)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_NONBLOCK)
    acr.Child.send("full")
    while libc.write(fd, bytes(65536), 65536) > 0:
        pass
    return acr.ERRNO_NAMES.get(ctypes.get_errno())


@pytest.mark.sanitize
def test_a_signal_ends_a_blocked_write(pipe):
    child = acr.Child(interrupted_write, pipe / "src")
    child.receive()
    for _ in range(1500):  # one that comes before the call blocks is lost
        os.kill(child.pid, signal.SIGUSR1)
        if child.reader.poll(0.02):
            break
    assert child.result() == "EINTR"
    out = pipe.read()  # the child is gone, so this is the end
    assert len(out) > 0 and out == refs.ctr(KEY, IV, bytes(len(out)))


@pytest.mark.sanitize
def test_kill_9_of_the_reader_leaves_the_rest(pipe):
    with writer_of(pipe) as src:
        os.write(src, bytes(100_000))
        with acr.process("cat", pipe / "dst", stdout=subprocess.PIPE) as cat:
            got = b""
            while len(got) < 100_000:
                got += os.read(cat.stdout.fileno(), 65536)
            cat.kill()
            assert cat.wait(30) == -signal.SIGKILL
        os.write(src, b"rest")
    assert pipe.read() == refs.ctr(KEY, IV, bytes(100_000) + b"rest")[100_000:]


def test_cancel_ends_both_ends(daemon, pipe):
    with writer_of(pipe) as src:
        fill(src)
        os.set_blocking(src, True)
        writer = acr.Background(os.write, src, bytes(1000))
        assert acr.until(lambda: daemon.waiting() == 1)
        pipe.write("ctl", "cancel")
        with acr.fails("ECANCELED"):
            writer.result()
        with acr.fails("ECANCELED"):
            pipe.read()


def test_a_slow_device_in_a_stream(daemon):
    """The device is what limits the speed, and the bytes are the same."""
    with daemon.device("delay:us=2000") as slow, \
         daemon.session(stream="1", alg="aes-256-cbc", key=KEY, iv=IV, device=slow) as s:
        data = os.urandom(500_000)
        writer = acr.Background(s.write, "src", data)
        assert s.read() == refs.cbc(KEY, IV, data)
        writer.result()
        assert s.status()["device"] == slow
