# SPDX-License-Identifier: LGPL-2.1-or-later
"""Blocking, poll and its kin, O_NONBLOCK, signals."""
import ctypes
import hashlib
import os
import select
import signal
import subprocess
import time

import pytest

import acr

ABC = hashlib.sha256(b"abc").digest()
BAD = select.POLLIN | select.POLLERR
CONFIG = acr.PATIENT


@pytest.fixture
def slow(daemon):
    """A session, not started, whose device answers nothing before slow.release()."""
    with daemon.held() as (name, release), \
         daemon.session(alg="sha256", device=name, src=b"abc") as s:
        s.release = release
        yield s


@pytest.fixture
def endless(daemon):
    """A stream session: it waits for its writer for as long as it takes."""
    with daemon.session(stream="1", alg="sha256") as s:
        yield s


@pytest.fixture
def failing(daemon):
    """A session that fails with failing.fail(), as its device breaks."""
    with daemon.device("hang:after=0") as name, \
         daemon.session(alg="sha256", device=name, src=b"abc") as s:
        s.fail = lambda: daemon.write(f"devices/{name}/ctl", "break\n")
        yield s


class Opened:
    """A descriptor for a with statement."""

    def __init__(self, path, flags=os.O_RDONLY):
        self.fd = os.open(path, flags)

    def __enter__(self):
        return self.fd

    def __exit__(self, *exc):
        os.close(self.fd)


def poll(fd, milliseconds, events=select.POLLIN):
    """The events that came, 0 for none."""
    p = select.poll()
    p.register(fd, events)
    got = p.poll(milliseconds)
    return got[0][1] if got else 0


# ---- blocking ----

@pytest.mark.sanitize
def test_reading_dst_blocks_until_done(slow):
    reader = acr.Background(slow.read)
    slow.wait("running")
    reader.join(0.3)
    assert reader.is_alive() and slow.text("state") == "running"
    slow.release()
    assert reader.result() == ABC


def test_many_readers_of_one_dst(daemon, slow):
    readers = [acr.Background(slow.read) for _ in range(10)]
    assert acr.until(lambda: daemon.waiting() == 10)
    slow.release()
    assert [r.result() for r in readers] == [ABC] * 10
    assert slow.status()["requests"] == "1"


def test_reading_state_and_status_never_blocks(endless):
    reader = acr.Background(endless.read)
    endless.wait("queued", "running")
    for file in ("state", "status", "history", "alg", "iv"):
        begin = time.monotonic()
        endless.read(file)
        assert time.monotonic() - begin < 5
    endless.write("src", b"abc")
    assert reader.result() == ABC


# ---- poll, select, epoll ----

@pytest.mark.sanitize
def test_poll_of_dst_starts_the_session(slow):
    with Opened(slow / "dst") as fd:
        assert poll(fd, 0) == 0
        slow.wait("queued", "running")
        assert poll(fd, 0) == 0
        slow.release()
        assert poll(fd, 30_000) == select.POLLIN
        assert slow.text("state") == "done"
        assert os.read(fd, 100) == ABC


@pytest.mark.parametrize("file", ["state", "status"])
def test_poll_of_state_and_status(slow, file):
    with Opened(slow / file) as fd:
        assert poll(fd, 100) == 0
        assert slow.text("state") == "ready", "only dst starts a session"
        slow.write("ctl", "start")
        assert poll(fd, 0) == 0
        slow.release()
        assert poll(fd, 30_000) == select.POLLIN
        assert slow.text("state") == "done"


@pytest.mark.sanitize
@pytest.mark.parametrize("file", ["dst", "state", "status"])
def test_poll_of_a_failure(failing, file):
    failing.write("ctl", "start")
    with Opened(failing / file) as fd:
        assert poll(fd, 0) == 0
        failing.fail()
        assert poll(fd, 30_000) == BAD
        assert failing.text("state") == "failed"
        assert poll(fd, 0) == BAD


@pytest.mark.parametrize("how", ["select", "epoll"])
def test_select_and_epoll(slow, how):
    with Opened(slow / "dst") as fd:
        if how == "select":
            assert select.select([fd], [], [], 0)[0] == []
            slow.release()
            assert select.select([fd], [], [], 30)[0] == [fd]
        else:
            with select.epoll() as e:
                e.register(fd, select.EPOLLIN)
                assert e.poll(0) == []
                slow.release()
                assert e.poll(30) == [(fd, select.EPOLLIN)]
        assert os.read(fd, 100) == ABC


def test_one_epoll_for_many_sessions(daemon):
    with daemon.device("delay:us=20000,width=4") as name, select.epoll() as e:
        sessions = {}
        for n in range(20):
            s = daemon.session(alg="sha256", device=name, src=b"%d" % n)
            fd = os.open(s / "dst", os.O_RDONLY | os.O_NONBLOCK)
            sessions[fd] = (s, hashlib.sha256(b"%d" % n).digest())
            e.register(fd, select.EPOLLIN | select.EPOLLONESHOT)
        end = time.monotonic() + 60
        while sessions and time.monotonic() < end:
            for fd, events in e.poll(5):
                s, expected = sessions.pop(fd)
                assert events == select.EPOLLIN and os.read(fd, 100) == expected
                os.close(fd)
                s.close()
        assert not sessions


def test_poll_sees_removal(endless):
    with Opened(endless / "dst") as fd:
        waiting = acr.Background(poll, fd, 30_000)
        endless.wait("queued", "running")
        endless.close()
        assert waiting.result() & (select.POLLERR | select.POLLHUP)


def test_poll_after_a_new_request(daemon, slow):
    slow.release()
    with Opened(slow / "dst") as fd, daemon.held() as (name, release):
        assert poll(fd, 30_000) == select.POLLIN
        slow.write("device", name)
        slow.write("src", b"abcd")
        assert poll(fd, 0) == 0
        release()
        assert poll(fd, 30_000) == select.POLLIN
        assert os.pread(fd, 100, 0) == hashlib.sha256(b"abcd").digest()


@pytest.mark.sanitize
def test_nonblocking_dst(slow):
    with Opened(slow / "dst", os.O_RDONLY | os.O_NONBLOCK) as fd:
        with acr.fails("EAGAIN"):
            os.read(fd, 100)
        assert slow.text("state") in ("queued", "running"), "a non-blocking read starts it as well"
        with acr.fails("EAGAIN"):
            os.read(fd, 100)
        slow.release()
        assert poll(fd, 30_000) == select.POLLIN
        assert os.read(fd, 100) == ABC
        assert os.read(fd, 100) == b""


def test_nonblocking_dst_of_a_failure(failing):
    with Opened(failing / "dst", os.O_RDONLY | os.O_NONBLOCK) as fd:
        with acr.fails("EAGAIN"):
            os.read(fd, 100)
        failing.fail()
        assert poll(fd, 30_000) == BAD
        with acr.fails("ENODEV"):
            os.read(fd, 100)


def test_poll_of_a_deadline(daemon):
    with daemon.device("hang:after=0") as name, \
         daemon.session(alg="sha256", device=name, deadline="100", src=b"abc") as s, Opened(s / "dst") as fd:
        assert poll(fd, 30_000) == BAD
        assert s.text("state") == "failed"
        with acr.fails("ETIMEDOUT"):
            os.read(fd, 100)


# ---- signals ----

def interrupted_read(path, restart):
    """read(2) with a handler for SIGUSR1; what it returned and its errno."""
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.siginterrupt(signal.SIGUSR1, not restart)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(path, os.O_RDONLY)
    buffer = ctypes.create_string_buffer(100)
    acr.Child.send("reading")
    count = libc.read(fd, buffer, 100)
    return count, acr.ERRNO_NAMES.get(ctypes.get_errno()) if count < 0 else None


@pytest.mark.sanitize
@pytest.mark.parametrize("restart", [False, True], ids=["plain", "SA_RESTART"])
def test_a_signal_ends_the_wait_not_the_session(endless, restart):
    child = acr.Child(interrupted_read, endless / "dst", restart)
    child.receive()
    endless.wait("queued", "running")
    os.kill(child.pid, signal.SIGUSR1)
    assert child.result() == (-1, "EINTR")
    assert endless.text("state") in ("queued", "running")
    endless.write("src", b"abc")
    assert endless.read() == ABC


def test_a_signal_while_the_device_works(slow):
    child = acr.Child(interrupted_read, slow / "dst", True)
    child.receive()
    slow.wait("running")
    os.kill(child.pid, signal.SIGUSR1)
    assert child.result() == (-1, "EINTR")
    slow.release()
    assert slow.read() == ABC
    assert slow.status()["requests"] == "1"


@pytest.mark.sanitize
def test_kill_9_of_a_blocked_reader(endless):
    with acr.process("cat", endless / "dst", stdout=subprocess.DEVNULL) as reader:
        endless.wait("queued", "running")
        reader.kill()
        assert reader.wait(30) == -signal.SIGKILL
    assert endless.text("state") in ("queued", "running")
    endless.write("src", b"abc")
    assert endless.read() == ABC


def test_a_reader_with_timeout(endless):
    done = subprocess.run(["timeout", "0.2", "cat", endless / "dst"], capture_output=True, timeout=60, check=False)
    assert done.returncode == 124


# ---- ending a wait from elsewhere ----

@pytest.mark.sanitize
def test_rmdir_gives_open_descriptors_ecanceled(endless):
    with Opened(endless / "dst") as dst, Opened(endless / "state") as state, \
         Opened(endless / "src", os.O_WRONLY) as src, Opened(endless / "private", os.O_WRONLY) as private:
        reader = acr.Background(os.read, dst, 100)
        endless.wait("queued", "running")
        endless.close()
        for call in (reader.result, lambda: os.read(dst, 100), lambda: os.read(state, 100),
                     lambda: os.write(src, b"x"), lambda: os.write(private, b"x")):
            with acr.fails("ECANCELED"):
                call()


def test_removing_src_cancels(slow):
    reader = acr.Background(slow.read)
    slow.wait("running")
    slow.unlink("src")
    with acr.fails("ECANCELED"):
        reader.result()
    assert slow.text("state") not in ("queued", "running", "done")
    slow.release()
    assert slow.run(b"abc") == ABC


@pytest.mark.parametrize("file", ["key", "alg", "iv"])
def test_removing_a_parameter_cancels(daemon, file):
    with daemon.held() as (name, _), \
         daemon.session(alg="aes-256-cbc", key=bytes(32), iv=bytes(16), device=name, src=b"abc") as s:
        reader = acr.Background(s.read)
        s.wait("running")
        s.unlink(file)
        with acr.fails("ECANCELED"):
            reader.result()


def test_removing_what_never_changes_does_not_cancel(slow):
    slow.write("ctl", "start")
    for file in ("dst", "state", "status", "history", "ctl"):
        slow.unlink(file)
    assert slow.text("state") in ("queued", "running")
    slow.release()
    assert slow.read() == ABC


def test_a_session_outlives_its_client(daemon):
    """A client that dies mid-way leaves its session directory, and nothing else."""
    path = acr.Child(lambda: str(daemon.session("orphan", alg="sha256", src=b"abc").path)).result()
    assert os.listdir(daemon.mount / "sessions").count("orphan") == 1
    with open(path + "/dst", "rb") as f:
        assert f.read() == ABC
    os.rmdir(path)
