# SPDX-License-Identifier: LGPL-2.1-or-later
"""stream=1: src and dst are the ends of a pipe. What goes through it."""
import base64
import hashlib
import hmac
import os

import pytest

import acr
import refs

KEY = bytes(range(32))
IV = bytes(range(100, 116))
MIB = 1 << 20
SIZES = [0, 1, 15, 16, 17, 4095, 4096, 65535, 65536, 65537, 131072, MIB - 1, MIB, MIB + 1, 5 * MIB + 3]


def pattern(size):
    """Bytes in which a lost or swapped piece shows."""
    block = hashlib.shake_128(b"pattern").digest(65521)
    return (block * (size // len(block) + 1))[:size]


def feed(fd, data, piece=1 << 16):
    """Write all of the data in pieces, and close."""
    try:
        for at in range(0, len(data), piece):
            write_all(fd, memoryview(data)[at:at + piece])
    finally:
        os.close(fd)


def write_all(fd, data):
    view = memoryview(data)
    while len(view):
        view = view[os.write(fd, view):]


def feeding(session, data, piece=1 << 16):
    """A writer for a new request: it has opened src when this returns."""
    fd = os.open(session / "src", os.O_WRONLY | os.O_TRUNC)
    return acr.Background(feed, fd, data, piece)


def through(session, data, piece=1 << 16):
    """Writer and reader at once; the output."""
    writer = feeding(session, data, piece)
    out = session.read()
    writer.result()
    return out


@pytest.fixture
def stream(session):
    session.write("stream", "1")
    return session


@pytest.mark.sanitize
@pytest.mark.parametrize("size", SIZES)
def test_ctr_of_every_size(stream, size):
    data = pattern(size)
    for file, value in (("alg", "aes-256-ctr"), ("key", KEY), ("iv", IV)):
        stream.write(file, value)
    assert through(stream, data) == refs.ctr(KEY, IV, data)
    assert stream.text("state") == "done"
    status = stream.status()
    assert (status["bytes-in"], status["bytes-out"]) == (str(size), str(size))


@pytest.mark.parametrize("piece", [1, 7, 1000, 4096, 100_001])
def test_pieces_of_every_size(stream, piece):
    data = pattern(min(piece * 300, 2 * MIB))
    for file, value in (("alg", "aes-256-cbc"), ("key", KEY), ("iv", IV)):
        stream.write(file, value)
    assert through(stream, data, piece) == refs.cbc(KEY, IV, data)


@pytest.mark.sanitize
@pytest.mark.parametrize("size", SIZES)
def test_cbc_with_padding_both_ways(daemon, size):
    data = pattern(size)
    expected = refs.cbc(KEY, IV, data)
    with daemon.session(stream="1", alg="aes-256-cbc", key=KEY, iv=IV) as s:
        assert through(s, data) == expected
        s.write("op", "decrypt")
        s.write("iv", IV)
        assert through(s, expected) == data


@pytest.mark.parametrize("alg", ["aes-128-ecb", "aes-128-cbc", "aes-128-cfb", "aes-128-ofb", "aes-128-ctr",
                                 "chacha20", "des-ede3-cbc", "aes-128-gcm", "chacha20-poly1305", "aes-128-ocb"])
@pytest.mark.parametrize("size", [0, 5, 300_003])
def test_a_stream_is_the_same_as_a_whole_request(daemon, alg, size):
    """And the whole request decrypts what the stream made, combined: iv first, tag last."""
    key = {"d": KEY[:24], "c": KEY}.get(alg[0], KEY[:16])
    data = pattern(size)
    with daemon.session(stream="1", alg=alg, key=key) as s, daemon.session(op="decrypt", alg=alg, key=key) as whole:
        out = through(s, data)
        assert out.startswith(s.read("iv"))
        assert whole.run(out) == data
        with daemon.session(stream="1", op="decrypt", alg=alg, key=key) as back:
            assert through(back, out) == data


@pytest.mark.sanitize
@pytest.mark.parametrize("size", [0, 1, 100, 2 * MIB + 1])
def test_hashes_and_macs(daemon, size):
    data = pattern(size)
    for alg, expected in (("sha256", hashlib.sha256(data).digest()), ("sha3-512", hashlib.sha3_512(data).digest()),
                          ("hmac-sha512", hmac.digest(KEY, data, "sha512")),
                          ("md5", hashlib.md5(data).digest())):
        with daemon.session(stream="1", alg=alg) as s:
            if alg.startswith("hmac"):
                s.write("key", KEY)
            assert through(s, data) == expected


@pytest.mark.sanitize
def test_the_reader_may_come_first(stream):
    """As in `cat dst > out & cat file > src`: the writer's O_TRUNC belongs to this request."""
    data = pattern(300_000)
    for file, value in (("alg", "aes-256-cbc"), ("key", KEY), ("iv", IV)):
        stream.write(file, value)
    reader = acr.Background(stream.read)
    stream.wait("queued", "running")
    stream.write("src", data)
    assert reader.result() == refs.cbc(KEY, IV, data)


@pytest.mark.sanitize
@pytest.mark.parametrize("form, render", [("hex", lambda b: b.hex().encode() + b"\n"),
                                          ("base64", lambda b: base64.b64encode(b) + b"\n")])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 65537, MIB + 1])
def test_format(stream, form, render, size):
    data = pattern(size)
    for file, value in (("alg", "aes-256-ctr"), ("key", KEY), ("iv", IV), ("format", form)):
        stream.write(file, value)
    out = through(stream, data, 10_007)
    expected = render(refs.ctr(KEY, IV, data))
    assert out == expected or (size == 0 and out.strip() == b"")


def test_gcm_encrypt_detached(stream):
    data = pattern(700_001)
    for file, value in (("alg", "aes-256-gcm"), ("key", KEY), ("iv", IV[:12]), ("aad", b"header")):
        stream.write(file, value)
    assert (through(stream, data), stream.read("tag")) == refs.gcm(KEY, IV[:12], data, b"header")


def test_one_session_many_requests(stream):
    for file, value in (("alg", "aes-256-cbc"), ("key", KEY)):
        stream.write(file, value)
    for size in (10, 200_000, 0, 65536):
        data = pattern(size)
        stream.write("iv", IV)
        assert through(stream, data) == refs.cbc(KEY, IV, data)
    assert stream.status()["requests"] == "4"


def test_back_to_whole_requests(stream):
    stream.write("alg", "sha256")
    assert through(stream, b"abc") == hashlib.sha256(b"abc").digest()
    stream.write("stream", "0")
    assert stream.run(b"abcd") == hashlib.sha256(b"abcd").digest()
    assert stream.read() == hashlib.sha256(b"abcd").digest()


# ---- AEAD decryption shows nothing before the tag has verified ----

@pytest.mark.sanitize
@pytest.mark.parametrize("alg", ["aes-256-gcm", "chacha20-poly1305", "aes-256-ocb"])
@pytest.mark.parametrize("size", [1, 100_000, 3 * MIB])
def test_aead_decrypt_holds_back(daemon, alg, size):
    data = pattern(size)
    with daemon.session(alg=alg, key=KEY) as s:
        sealed = s.run(data)
    with daemon.session(stream="1", op="decrypt", alg=alg, key=KEY) as s:
        src = os.open(s / "src", os.O_WRONLY | os.O_TRUNC)
        fds = [os.open(s / "dst", os.O_RDONLY | os.O_NONBLOCK) for _ in range(2)]
        writer = acr.Background(write_all, src, sealed[:-1])
        for fd in fds:
            with acr.fails("EAGAIN"):
                os.read(fd, 1 << 20)
        writer.result()
        for fd in fds:
            with acr.fails("EAGAIN"):
                os.read(fd, 1 << 20)
        assert s.status()["bytes-out"] == "0"
        write_all(src, sealed[-1:])
        with acr.fails("EAGAIN"):  # the end hasn't come
            os.read(fds[0], 1 << 20)
        os.close(src)
        assert s.read() == data
        for fd in fds:
            os.close(fd)


@pytest.mark.sanitize
@pytest.mark.parametrize("damage", ["tag", "first", "iv", "cut"])
@pytest.mark.parametrize("size", [1, 2 * MIB])
def test_aead_decrypt_of_a_forgery(daemon, damage, size):
    data = pattern(size)
    with daemon.session(alg="aes-256-gcm", key=KEY) as s:
        sealed = bytearray(s.run(data))
    if damage == "cut":
        del sealed[-1:]
    else:
        sealed[{"tag": -1, "first": 12, "iv": 0}[damage]] ^= 1
    with daemon.session(stream="1", op="decrypt", alg="aes-256-gcm", key=KEY) as s:
        other = os.open(s / "dst", os.O_RDONLY | os.O_NONBLOCK)
        writer = feeding(s, bytes(sealed))
        with acr.fails("EBADMSG"):
            s.read()
        acr.errno_of(writer.result)  # may have been told as well
        for again in (lambda: os.read(other, 100), s.read):
            with acr.fails("EBADMSG"):
                again()
        assert s.error()[0] == "EBADMSG" and s.text("state") == "failed"
        assert s.status()["bytes-out"] == "0"
        os.close(other)


# ---- what can't be a stream ----

@pytest.mark.sanitize
@pytest.mark.parametrize("alg, size", [("aes-256-xts", 64), ("aes-256-ccm", 32), ("aes-256-wrap", 32),
                                       ("aes-128-wrap-pad", 16)])
@pytest.mark.parametrize("order", ["stream alg key", "alg key stream"])
def test_refused_with_a_sentence(session, alg, size, order):
    value = {"stream": "1", "alg": alg, "key": pattern(size)}

    def attempt():
        for file in order.split():
            session.write(file, value[file])
        session.write("src", bytes(32))
        session.read()

    assert acr.Background(acr.errno_of, attempt).result() in ("EINVAL", "EOPNOTSUPP")
    assert "stream" in session.error()[1]


def test_bad_padding_in_a_stream(stream):
    bad = refs.ecb(KEY, pattern(65536) + b"0123456789abcde\0", padded=False)
    for file, value in (("alg", "aes-256-ecb"), ("op", "decrypt"), ("key", KEY)):
        stream.write(file, value)
    writer = feeding(stream, bad)
    with acr.fails("EBADMSG"):
        stream.read()
    acr.errno_of(writer.result)
    assert stream.text("state") == "failed"


def test_a_part_of_a_block_at_the_end(stream):
    for file, value in (("alg", "aes-256-cbc"), ("op", "decrypt"), ("key", KEY), ("iv", IV)):
        stream.write(file, value)
    writer = feeding(stream, bytes(100))
    with acr.fails("EINVAL", "EBADMSG"):
        stream.read()
    acr.errno_of(writer.result)


@pytest.mark.sanitize
def test_the_mode_may_change_after_the_end(daemon):
    """What was made stays readable; `stream` counts for the next request."""
    with daemon.session(alg="sha256", stream="1") as s:
        with pytest.raises(OSError):
            os.close(os.open(s / "dst", os.O_WRONLY))
        s.write("src", b"abc")
        digest = s.read()
        assert len(digest) == 32
        s.write("stream", "0")
        assert s.read() in (b"", digest)  # each byte of a stream goes to one reader, once
        assert s.size("dst") == 0
        assert s.run(b"abc") == digest
        s.write("stream", "1")
        assert s.read() == digest
