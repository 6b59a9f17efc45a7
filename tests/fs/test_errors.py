# SPDX-License-Identifier: LGPL-2.1-or-later
"""The contract's table of errors, row by row, as a user would meet them."""
import contextlib
import os
import threading
import time

import pytest

import acr
import refs

KEY = bytes(range(32))
IV = bytes(range(100, 116))
CONFIG = acr.PATIENT
MIB = 1 << 20


def check(session, name, *words):
    """`status` must say this errno and a sentence with these words."""
    assert session.text("state") != "done"
    got, sentence = session.error()
    assert got == name
    assert len(sentence) > 12 and "\n" not in sentence
    for word in words:
        assert word in sentence, sentence


def fail(session, name, *words, **files):
    """Set the files and run: the read of dst fails with that errno and sentence."""
    with acr.fails(name):
        for file, value in files.items():
            session.write(file, value)
        session.read()
    check(session, name, *words)


# ---- EINVAL ----

@pytest.mark.sanitize
@pytest.mark.parametrize("alg, file, size, word", [
    ("aes-128-cbc", "key", 15, "16"), ("aes-128-cbc", "key", 17, "16"), ("aes-256-gcm", "key", 16, "32"),
    ("aes-256-xts", "key", 32, "64"), ("des-ede3-cbc", "key", 16, "24"), ("chacha20-poly1305", "key", 31, "32"),
    ("cmac-aes-128", "key", 32, "16"), ("poly1305", "key", 16, "32"),
    ("aes-128-cbc", "iv", 12, "16"), ("aes-128-ctr", "iv", 8, "16"), ("des-cbc", "iv", 16, "8"),
    ("chacha20-poly1305", "iv", 8, "12"), ("aes-128-ccm", "iv", 6, "7"), ("aes-128-ccm", "iv", 14, "13"),
    ("aes-256-gcm", "tag", 17, "16"), ("aes-256-gcm", "tag", 3, "4"),
])
def test_a_wrong_length(session, alg, file, size, word):
    session.write("alg", alg)
    if file == "tag":
        session.write("op", "decrypt")
    with acr.fails("EINVAL"):
        session.write(file, b"\xaa" * size)
    check(session, "EINVAL", file, word, str(size))


@pytest.mark.parametrize("alg, key, size", [
    ("aes-256-xts", 64, 15), ("aes-256-xts", 64, 0), ("aes-256-xts", 64, 16 * MIB + 1), ("aes-256-wrap", 32, 8),
    ("aes-256-wrap", 32, 17), ("aes-256-wrap-pad", 32, 0)])
def test_a_wrong_length_of_src(session, alg, key, size):
    fail(session, "EINVAL", alg=alg, key=bytes(range(key)), src=bytes(size))


@pytest.mark.parametrize("op, size", [("decrypt", 15), ("decrypt", 0)])
def test_less_than_a_tag_or_block(session, op, size):
    fail(session, "EINVAL", op=op, alg="aes-256-gcm", key=KEY, src=bytes(size))


def test_no_alg(session):
    with acr.fails("EINVAL", "EOPNOTSUPP"):
        session.write("src", b"x")
        session.read()
    assert "alg" in session.error()[1]


# ---- EOPNOTSUPP ----

@pytest.mark.sanitize
@pytest.mark.parametrize("alg", ["rot13", "aes", "aes-256", "aes-257-cbc", "../alg", "aes-256-cbc "])
def test_an_unknown_algorithm(session, alg):
    with acr.fails("EOPNOTSUPP"):
        session.write("alg", alg)
    check(session, "EOPNOTSUPP")
    assert session.text("state") == "new"


@pytest.mark.parametrize("alg, op", [("sha256", "encrypt"), ("aes-256-cbc", "hash"), ("hmac-sha256", "decrypt"),
                                     ("hkdf-sha256", "mac"), ("aes-256-cbc", "derive")])
def test_an_operation_that_it_lacks(session, alg, op):
    session.write("alg", alg)
    fail(session, "EOPNOTSUPP", op, op=op, src=b"x")


# ---- ENODEV and EIO ----

@pytest.mark.sanitize
def test_enodev_no_such_device(session):
    fail(session, "ENODEV", "ghost0", alg="sha256", src=b"x", device="ghost0")


def test_enodev_the_bound_device_is_gone(daemon, session):
    with daemon.device("delay:us=0") as name:
        session.write("device", name)
    fail(session, "ENODEV", name, alg="sha256", src=b"x")
    session.unlink("device")
    assert len(session.run(b"x")) == 32


@pytest.mark.sanitize
def test_enodev_the_bound_device_is_broken(daemon, session):
    with daemon.device("delay:us=0") as name:
        daemon.write(f"devices/{name}/ctl", "break pulled out\n")
        fail(session, "ENODEV", name, alg="sha256", src=b"x", device=name)
        daemon.write(f"devices/{name}/ctl", "repair\n")
        assert len(session.run(b"x")) == 32
        session.unlink("device")


def test_enodev_no_device_left(start):
    daemon = start("--device", "only0=soft")
    daemon.write("devices/only0/ctl", "break\n")
    with daemon.session() as s:
        fail(s, "ENODEV", alg="sha256", src=b"x")
    with acr.fails("ENODEV"):
        daemon.read("random")
    daemon.write("devices/only0/ctl", "repair\n")
    with daemon.session() as s:
        assert len(s.run(b"x", alg="sha256")) == 32


@pytest.mark.sanitize
@pytest.mark.parametrize("name", ["EIO", "ENOMEM"])
def test_eio_the_device_failed(daemon, session, name):
    with daemon.device(f"error:every=1,errno={name}") as bad:
        fail(session, "EIO", bad, alg="sha256", src=b"x", device=bad)
        session.unlink("device")


def test_eio_the_device_vanished(daemon, session):
    """Bound, with an attempt begun."""
    with daemon.device("vanish:after=0") as gone:
        with acr.fails("EIO", "ENODEV"):
            session.run(b"x", alg="sha256", device=gone)
        assert session.error()[0] in ("EIO", "ENODEV")
        session.unlink("device")


# ---- ENOKEY, EACCES, ENODATA ----

@pytest.mark.sanitize
@pytest.mark.parametrize("alg", ["aes-256-cbc", "aes-128-gcm", "cmac-aes-128", "chacha20"])
def test_enokey(session, alg):
    fail(session, "ENOKEY", "key", alg=alg, src=b"x")
    with acr.fails("ENOKEY"):
        session.write("ctl", "start")


def test_eacces(daemon):
    def make():
        return str(acr.Session(daemon, "private-one").path)
    path = acr.as_user(acr.NOBODY, make)
    with acr.fails("EACCES"):
        acr.as_user(acr.NOBODY - 1, acr.put, path + "/alg", "sha256")
    acr.as_user(acr.NOBODY, os.rmdir, path)


@pytest.mark.sanitize
@pytest.mark.parametrize("alg, key", [("sha256", None), ("aes-256-cbc", KEY), ("hmac-sha256", KEY)])
def test_enodata(session, alg, key):
    session.write("alg", alg)
    if key:
        session.write("key", key)
    fail(session, "ENODATA", "src")
    with acr.fails("ENODATA"):
        session.write("ctl", "start")
    session.append("src", b"x")
    assert session.read()


# ---- EBADMSG ----

@pytest.mark.sanitize
@pytest.mark.parametrize("alg", ["aes-128-gcm", "aes-128-ccm", "aes-128-ocb"])
@pytest.mark.parametrize("at", [0, 12, -16, -1])
def test_ebadmsg_tag(session, alg, at):
    sealed = bytearray(session.run(b"message", alg=alg, key=KEY[:16]))
    sealed[at] ^= 0x80
    session.write("op", "decrypt")
    fail(session, "EBADMSG", "tag", src=bytes(sealed))
    assert session.size("dst") == 0
    sealed[at] ^= 0x80
    assert session.run(bytes(sealed)) == b"message"


def test_ebadmsg_aad(session):
    text, tag = refs.gcm(KEY, IV[:12], b"message", b"aad")
    fail(session, "EBADMSG", op="decrypt", alg="aes-256-gcm", key=KEY, iv=IV[:12], tag=tag, aad=b"AAD", src=text)
    session.write("iv", IV[:12])
    session.write("aad", b"aad")
    assert session.run(text) == b"message"


def test_ebadmsg_padding(session):
    bad = refs.ecb(KEY, bytes(16), padded=False)
    fail(session, "EBADMSG", "padding", op="decrypt", alg="aes-256-ecb", key=KEY, src=bad)


def test_ebadmsg_key_unwrap(session):
    wrapped = bytearray(session.run(bytes(32), alg="aes-256-wrap", key=KEY))
    wrapped[3] ^= 1
    session.write("op", "decrypt")
    fail(session, "EBADMSG", src=bytes(wrapped))


# ---- EBUSY, EEXIST, EAGAIN, ECANCELED, ETIMEDOUT ----

def test_eexist(session):
    session.run(b"x", alg="aes-256-gcm", key=KEY, iv=IV[:12])
    fail(session, "EEXIST", "iv", src=b"y")


@pytest.mark.sanitize
def test_ebusy_and_eagain_and_ecanceled(daemon, session):
    with daemon.held() as (slow, _):
        for file, value in (("alg", "sha256"), ("device", slow), ("src", b"x")):
            session.write(file, value)
        session.write("ctl", "start")
        with acr.fails("EBUSY"):
            session.write("alg", "sha1")
        with acr.fails("EBUSY"):
            session.append("src", b"more")
        fd = os.open(session / "dst", os.O_RDONLY | os.O_NONBLOCK)
        with acr.fails("EAGAIN"):
            os.read(fd, 10)
        session.write("ctl", "cancel")
        session.wait("cancelled")
        with acr.fails("ECANCELED"):
            os.read(fd, 10)
        os.close(fd)
        check(session, "ECANCELED")
        session.unlink("device")


def test_etimedout(daemon, session):
    with daemon.device("hang:after=0") as hang:
        fail(session, "ETIMEDOUT", alg="sha256", device=hang, deadline="50", src=b"x")
        session.unlink("device")


def test_too_many_requests_of_one_user(start):
    daemon = start(config="[daemon]\nrequests=4\n")

    def crowd():
        sessions = [daemon.session(stream="1", alg="sha256") for _ in range(5)]
        ended, done = [], threading.Event()

        def read(s):
            fd = os.open(s / "dst", os.O_RDONLY)  # readall() would hide EAGAIN
            ended.append(acr.errno_of(os.read, fd, 100))
            with contextlib.suppress(OSError):
                os.close(fd)
            done.set()

        readers = [acr.Background(read, s) for s in sessions]
        assert done.wait(10), "five requests wait where four may"
        first, end = list(ended), time.monotonic() + 10
        while sum(s.text("state") in ("queued", "running") for s in sessions) < 4:
            assert time.monotonic() < end, "the others don't wait"
        for s in sessions:
            s.close()
        for r in readers:
            r.result()
        return first, sorted(ended, key=str)

    first, all_of_them = acr.as_user(acr.NOBODY, crowd)
    assert first == ["EAGAIN"]
    assert all_of_them == ["EAGAIN"] + ["ECANCELED"] * 4
    with daemon.session() as s:  # another user isn't concerned
        assert len(s.run(b"x", alg="sha256")) == 32


# ---- EDQUOT and ENOSPC ----

def memory_falls_to(daemon, most):
    """Waits for it: the last reference to what isn't needed any more may be a worker's."""
    return acr.until(lambda: int(acr.values(daemon.text("status"))["memory-bytes"]) <= most)


def test_edquot_memory(start):
    daemon = start(config=f"[quota]\nuser-memory={4 * MIB}\n")

    def hoard():
        with daemon.session(alg="sha256", src=b"a" * MIB) as s:
            got = acr.errno_of(s.append, "src", bytes(16 * MIB))
            name, sentence = s.error()
            kept = s.size("src")
        assert memory_falls_to(daemon, 0)
        with daemon.session(alg="sha256", stream="1") as s:
            writer = acr.Background(s.write, "src", bytes(16 * MIB))
            digest = s.read()
            writer.result()
        return got, name, sentence, kept, digest

    got, name, sentence, kept, digest = acr.as_user(acr.NOBODY, hoard)
    assert got == name == "EDQUOT" and "stream" in sentence
    assert MIB <= kept <= 4 * MIB, "what was accepted before stays"
    assert len(digest) == 32, "the advice must work"
    with daemon.session() as s:  # uid 0 is held by the daemon's limit only
        assert len(s.run(bytes(16 * MIB), alg="sha256")) == 32


def test_quota_is_given_back(start):
    daemon = start(config=f"[quota]\nuser-memory={4 * MIB}\n")

    def again():
        for _ in range(10):
            with daemon.session() as s:
                s.run(bytes(MIB), alg="aes-256-ctr", key=KEY)
            assert memory_falls_to(daemon, 0)
        with daemon.session() as s:
            for _ in range(10):
                s.run(bytes(MIB), alg="aes-256-ctr", key=KEY)
                assert memory_falls_to(daemon, 3 * MIB // 2), "more than dst is kept"
        return True

    assert acr.as_user(acr.NOBODY, again)


def test_edquot_sessions(start):
    daemon = start(config="[quota]\nuser-sessions=3\n")

    def make():
        sessions = [daemon.session() for _ in range(3)]
        got = acr.errno_of(daemon.session)
        sessions.pop().close()
        sessions.append(daemon.session())
        for s in sessions:
            s.close()
        return got

    assert acr.as_user(acr.NOBODY, make) == "EDQUOT"
    many = [daemon.session() for _ in range(10)]
    for s in many:
        s.close()


def test_enospc(start):
    daemon = start(config=f"[daemon]\nmemory={16 * MIB}\n")
    with daemon.session(alg="sha256") as s:
        with acr.fails("ENOSPC"):
            s.write("src", bytes(32 * MIB))
        check(s, "ENOSPC", "stream")
        assert 0 < s.size("src") <= 16 * MIB
        s.unlink("src")
        assert len(s.run(bytes(MIB))) == 32
