# SPDX-License-Identifier: LGPL-2.1-or-later
"""splice(2) and sendfile(2) read through the kernel's page cache and go by its idea of st_size:
they must get what read(2) gets, and nothing that was true once."""
import hashlib
import os
import select
import signal

import pytest

import acr

pytestmark = pytest.mark.sanitize
CONFIG = acr.PATIENT
KEY = b"0123456789abcdef"


def digest(data):
    return hashlib.sha256(data).digest()


def sent(fd, at=0, most=1 << 20):
    """What sendfile() gives from an offset, to the end."""
    out = os.memfd_create("sent")
    try:
        while done := os.sendfile(out, fd, at, most):
            at += done
        return os.pread(out, 1 << 20, 0)
    finally:
        os.close(out)


def spliced(fd):
    """The same by splice(), with the descriptor's own position."""
    reader, writer = os.pipe()
    try:
        data = b""
        while done := os.splice(fd, writer, 65536):
            data += os.read(reader, done)
        return data
    finally:
        os.close(reader)
        os.close(writer)


class Opened:
    """A descriptor that is kept over requests."""

    def __init__(self, path, flags=os.O_RDONLY):
        self.path, self.flags = path, flags

    def __enter__(self):
        self.fd = os.open(self.path, self.flags)
        return self.fd

    def __exit__(self, *exc):
        os.close(self.fd)


@pytest.mark.parametrize("get", [sent, spliced])
@pytest.mark.parametrize("size", [0, 3, 4096, 200_000])
def test_first_read(session, get, size):
    """Nothing has read dst before: its size is known all the same."""
    data = os.urandom(size)
    session.write("alg", "aes-128-ctr")
    session.write("key", KEY)
    session.write("iv", KEY)
    session.write("src", data)
    with Opened(session / "dst") as fd:
        got = get(fd)
    assert len(got) == size and got == session.read()


@pytest.mark.parametrize("get", [sent, spliced])
@pytest.mark.parametrize("size", [1, 15, 16, 4080, 100_000])
def test_shorter_than_its_size(session, get, size):
    """The padding that is removed was part of st_size."""
    data = os.urandom(size)
    encrypted = session.run(data, alg="aes-128-cbc", key=KEY)
    session.write("op", "decrypt")
    session.write("src", encrypted)
    with Opened(session / "dst") as fd:
        assert os.fstat(fd).st_size == len(encrypted) - 17  # IV, and a byte at least
        assert get(fd) == data


def test_shorter_than_its_size_while_others_look(daemon):
    """A stat beside a waiting splice makes the kernel deaf for the short answer: without care it
    fills up with zeros."""
    data = os.urandom(5000)
    with daemon.held() as (slow, release), daemon.session(alg="aes-128-cbc", key=KEY) as s:
        encrypted = s.run(data)
        s.write("device", slow)
        s.write("op", "decrypt")
        s.write("src", encrypted)
        with Opened(s / "dst") as fd:
            reader = acr.Background(spliced, fd)
            s.wait("queued", "running")
            for _ in range(20):
                assert s.size("dst") == len(encrypted) - 17
            release()
            assert reader.result() == data


def test_the_next_request(session):
    session.write("alg", "sha256")
    session.write("src", b"one")
    with Opened(session / "dst") as fd:
        assert sent(fd) == digest(b"one")
        session.write("src", b"two")
        assert sent(fd) == os.pread(fd, 100, 0) == digest(b"two")


def test_new_format(session):
    session.run(b"abc", alg="sha256", format="hex")
    with Opened(session / "dst") as fd:
        assert sent(fd) == digest(b"abc").hex().encode() + b"\n"
        session.write("format", "raw")
        os.fstat(fd)
        assert sent(fd) == digest(b"abc")


@pytest.mark.parametrize("end", ["rmdir", "reset", "unlink"])
def test_nothing_is_left(session, end):
    session.run(b"abc", alg="sha256")
    with Opened(session / "dst") as fd:
        assert sent(fd) == digest(b"abc")
        if end == "rmdir":
            session.close()
        elif end == "reset":
            session.write("ctl", "reset")
        else:
            session.unlink("src")
        with acr.fails("ECANCELED" if end == "rmdir" else "EINVAL" if end == "reset" else "ENODATA"):
            sent(fd)


@pytest.mark.parametrize("file, before, after", [
    ("state", b"ready\n", b"done\n"), ("op", b"hash\n", b"mac\n"), ("alg", b"sha256\n", b"hmac-sha256\n"),
])
def test_files_of_text(session, file, before, after):
    session.write("alg", "sha256")
    session.write("src", b"abc")
    with Opened(session / file) as fd:
        assert sent(fd) == before
        assert sent(fd) == before  # this time from the page
        if file == "state":
            session.read()
        else:
            session.write("alg", "hmac-sha256")
        os.fstat(fd)
        assert sent(fd) == after


def test_state_while_it_moves(daemon):
    """While the request runs its state is nobody's to keep; programs fall back to read(2)."""
    with daemon.held() as (slow, release), daemon.session(alg="sha256", device=slow, src=b"abc") as s:
        with Opened(s / "state") as fd:
            assert sent(fd) == b"ready\n"
            s.write("ctl", "start")
            with acr.fails("EINVAL"):
                sent(fd)
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            assert not poll.poll(0)
            release()
            assert poll.poll(30_000)
            os.fstat(fd)
            assert sent(fd) == b"done\n"


@pytest.mark.parametrize("file", ["status", "metrics", "lb/current", "random"])
def test_what_moves_by_itself(daemon, file):
    with Opened(daemon.mount / file) as fd, acr.fails("EINVAL"):
        sent(fd) if file != "random" else spliced(fd)


def test_no_size_and_no_data(daemon, session):
    """st_size is 0, but who asks gets the error, and not the end of the file."""
    session.write("alg", "sha256")
    with Opened(session / "dst") as fd, acr.fails("ENODATA"):
        sent(fd)
    assert session.size("dst") == 0
    session.write("stream", "1")
    with Opened(session / "dst") as fd, acr.fails("EINVAL"):
        spliced(fd)
    assert session.size("dst") == 0 and os.stat(daemon.mount / "random").st_size == 0


def test_beside_a_waiting_reader(daemon):
    """Who waits in sendfile can be killed at once; who lists, looks, opens or removes never waits
    for him."""
    with daemon.held() as (slow, _), daemon.session(alg="sha256", device=slow, src=b"abc") as s:
        fd = os.open(s / "dst", os.O_RDONLY)
        readers = [acr.Child(sent, fd) for _ in range(2)]
        s.wait("queued", "running")
        assert acr.until(daemon.waiting)
        for words in (["ls", "-l", s.path], ["stat", s / "dst"], ["sh", "-c", f": < {s / 'dst'}"],
                      ["chmod", "700", s.path]):
            assert acr.quick(*words) == 0
        with acr.fails("EBUSY"):
            s.write("format", "hex")
        os.kill(readers[0].pid, signal.SIGKILL)
        readers[0].wait()
        assert acr.quick("rmdir", s.path) == 0
        with acr.fails("ECANCELED"):
            readers[1].result()
        os.close(fd)


def test_from_session_to_session(daemon):
    """copy_file_range within the mount is a splice, too."""
    with daemon.session(alg="sha256", src=b"abc") as one, daemon.session(alg="sha256") as two:
        with Opened(one / "dst") as source, Opened(two / "src", os.O_WRONLY | os.O_TRUNC) as to:
            assert os.copy_file_range(source, to, 1000) == 32
        assert two.read() == digest(digest(b"abc"))


def test_many_at_a_time(daemon):
    """Every reader has what was true when he asked, however many change it."""
    def work(i):
        with daemon.session(alg="sha256") as s, Opened(s / "dst") as fd, Opened(s / "state") as state:
            for k in range(60):
                data = f"{i} {k}".encode()
                s.write("src", data)
                os.fstat(fd)
                assert sent(fd) == digest(data)
                os.fstat(state)
                assert sent(state) == b"done\n"

    for child in [acr.Child(work, i) for i in range(8)]:
        child.result(120)
