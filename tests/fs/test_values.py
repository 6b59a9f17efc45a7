# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a value is: text, bytes, hex, opens and flushes. (Section Values of the contract.)"""
import hashlib
import hmac
import os

import pytest

import acr
import refs

KEY = bytes(range(32))
IV = bytes(range(100, 116))

TEXT = {  # file: a value that is not the default
    "op": "decrypt", "alg": "aes-128-gcm", "taglen": "12", "padding": "none", "layout": "detached",
    "format": "hex", "length": "77", "params": "iterations=5", "stream": "1", "priority": "7",
    "deadline": "5000", "device": "soft0",
}
DEFAULTS = {"stream": "0", "priority": "1000", "format": "raw", "deadline": "0"}


@pytest.mark.sanitize
@pytest.mark.parametrize("file", TEXT)
def test_text_reads_back_with_one_newline(session, file):
    for end in ("", "\n"):
        session.write(file, TEXT[file] + end)
        assert session.read(file) == TEXT[file].encode() + b"\n"
        assert session.size(file) == len(TEXT[file]) + 1


@pytest.mark.parametrize("file", DEFAULTS)
def test_defaults(session, file):
    assert session.text(file) == DEFAULTS[file]


def test_each_write_of_text_is_one_whole_value(session):
    fd = os.open(session / "alg", os.O_WRONLY | os.O_TRUNC)
    os.write(fd, b"aes-128-cbc\n")
    os.write(fd, b"sha256\n")
    os.close(fd)
    assert session.text("alg") == "sha256"


def test_text_in_read_write_mode(session):
    fd = os.open(session / "alg", os.O_RDWR)
    os.write(fd, b"sha256")
    assert os.pread(fd, 100, 0) == b"sha256\n"
    os.close(fd)


@pytest.mark.parametrize("file", [f for f in TEXT if f not in ("device",)])
def test_truncating_text_changes_nothing(session, file):
    session.write(file, TEXT[file])
    os.close(os.open(session / file, os.O_WRONLY | os.O_TRUNC))
    assert session.text(file) == TEXT[file]


@pytest.mark.sanitize
@pytest.mark.parametrize("writes", [[KEY], [KEY[:1], KEY[1:]], [bytes([b]) for b in KEY],
                                    [b"hex:" + KEY.hex().encode()], [b"he", b"x:", KEY.hex().encode(), b"\n"],
                                    [b"hex:" + KEY.hex().upper().encode() + b"\n"]])
def test_one_open_is_one_value(session, writes):
    session.write("alg", "aes-256-ecb")
    fd = os.open(session / "key", os.O_WRONLY | os.O_TRUNC)
    for piece in writes:
        assert os.write(fd, piece) == len(piece)
    os.close(fd)
    assert session.run(b"data") == refs.ecb(KEY, b"data")


def test_a_flush_before_any_write_means_nothing(session):
    """What a shell's `>` does: OPEN, FLUSH, WRITE, FLUSH, RELEASE."""
    session.write("alg", "sha256")
    for file, value in (("key", KEY), ("src", b"abc"), ("alg", b"hmac-sha256")):
        fd = os.open(session / file, os.O_WRONLY | os.O_TRUNC)
        os.close(os.dup(fd))
        os.write(fd, value)
        os.close(fd)
    assert session.read() == hmac.digest(KEY, b"abc", "sha256")


@pytest.mark.sanitize
def test_a_value_is_in_force_at_the_flush(session):
    """A release isn't needed: it comes late."""
    session.write("alg", "hmac-sha256")
    kept = []
    for file, value in (("key", KEY), ("src", b"abc")):
        fd = os.open(session / file, os.O_WRONLY | os.O_TRUNC)
        os.write(fd, value)
        os.close(os.dup(fd))
        kept.append(fd)
    assert session.read() == hmac.digest(KEY, b"abc", "sha256")
    for fd in kept:
        os.close(fd)


def test_a_shorter_value_leaves_nothing_of_the_longer(session):
    session.write("private", b"0123456789")
    session.write("private", b"abc")
    assert session.read("private") == b"abc"
    session.write("alg", "sha3-256")
    session.write("alg", "md5")
    assert session.read("alg") == b"md5\n"


@pytest.mark.parametrize("file", ["key", "iv"])
def test_an_empty_open_keeps_the_value(session, file):
    session.write("alg", "aes-256-cbc")
    session.write("key", KEY)
    session.write("iv", IV)
    os.close(os.open(session / file, os.O_WRONLY | os.O_TRUNC))
    assert session.run(b"x") == refs.cbc(KEY, IV, b"x")


@pytest.mark.sanitize
def test_an_empty_open_of_src_is_an_empty_input(session):
    session.write("alg", "sha256")
    os.close(os.open(session / "src", os.O_WRONLY | os.O_TRUNC))
    assert session.text("state") == "ready"
    assert session.read() == hashlib.sha256().digest()
    session.write("src", b"abc")
    assert session.read() == hashlib.sha256(b"abc").digest()
    os.close(os.open(session / "src", os.O_WRONLY | os.O_TRUNC))
    assert session.read() == hashlib.sha256().digest()


def test_opening_src_without_truncating_is_an_empty_input_too(session):
    session.write("alg", "sha256")
    os.close(os.open(session / "src", os.O_WRONLY))
    assert session.read() == hashlib.sha256().digest()


# ---- hex: ----

@pytest.mark.parametrize("value", [b"hex:" + KEY.hex().encode()[:-1], b"hex:zz" + KEY.hex().encode()[2:],
                                   b"hex:" + b"00 " * 10])
@pytest.mark.parametrize("file", ["key", "iv", "tag"])
def test_bad_hex(session, file, value):
    session.write("alg", "aes-256-gcm")
    with acr.fails("EINVAL"):
        session.write(file, value)
    name, sentence = session.error()
    assert name == "EINVAL" and file in sentence
    assert KEY.hex()[4:20] not in sentence


def test_hex_and_binary_is_binary(session):
    key, iv = b"hex:" + bytes(range(128, 156)), b"hex:" + bytes(12)
    session.write("alg", "aes-256-cbc")
    session.write("key", key)
    session.write("iv", iv)
    assert session.run(b"x") == refs.cbc(key, iv, b"x")


@pytest.mark.sanitize
def test_hex_in_iv_and_tag(session):
    text, tag = refs.gcm(KEY, IV[:12], b"message")
    got = session.run(text, alg="aes-256-gcm", op="decrypt", key=KEY, iv="hex:" + IV[:12].hex() + "\n",
                      tag="hex:" + tag.hex() + "\n")
    assert got == b"message"
    assert session.read("iv") == IV[:12]


def test_no_hex_in_src_aad_private(session):
    text = b"hex:" + b"30" * 4
    assert session.run(text, alg="sha256") == hashlib.sha256(text).digest()
    session.write("private", text)
    assert session.read("private") == text
    got = session.run(b"m", alg="aes-256-gcm", key=KEY, iv=IV[:12], aad=text)
    assert (got, session.read("tag")) == refs.gcm(KEY, IV[:12], b"m", text)


# ---- st_size ----

@pytest.mark.parametrize("file", [*TEXT, "state", "status", "history"])
def test_sizes(session, file):
    assert session.size(file) == len(session.read(file))
    if file in TEXT:
        session.write(file, TEXT[file])
        assert session.size(file) == len(session.read(file)) > 1


@pytest.mark.sanitize
def test_size_of_src_and_dst(session):
    session.write("alg", "sha256")
    assert session.size("src") == session.size("dst") == 0
    for n in (0, 1, 5000, 200_000):
        session.write("src", bytes(n))
        assert session.size("src") == n
        assert session.size("dst") in (0, 32)
        session.read()
        assert session.size("dst") == 32
    for form, size in (("hex", 65), ("base64", 45), ("raw", 32)):
        session.write("format", form)
        assert session.size("dst") == size == len(session.read())


def test_no_size_for_a_stream_and_random(session, daemon):
    session.write("alg", "sha256")
    session.write("stream", "1")
    session.write("src", b"abc")
    session.read()
    assert session.size("src") == session.size("dst") == 0
    assert os.stat(daemon.mount / "random").st_size == 0


# ---- what a sentence says ----

@pytest.mark.sanitize
@pytest.mark.parametrize("file, alg", [("key", "aes-256-gcm"), ("key", "des-ede3-cbc"), ("iv", "aes-256-cbc"),
                                       ("iv", "chacha20-poly1305"), ("tag", "aes-256-gcm")])
def test_a_sentence_names_the_length_of_secrets_only(session, file, alg):
    value = b"ThisIsSecretMaterial!"
    session.write("alg", alg)
    session.write("op", "decrypt")
    with acr.fails("EINVAL"):
        session.write(file, value)
    name, sentence = session.error()
    assert name == "EINVAL" and file in sentence and str(len(value)) in sentence
    everything = session.read("status") + session.read("history")
    for shown in (value, value.hex().encode(), value[:6], value[:6].hex().encode()):
        assert shown not in everything


@pytest.mark.parametrize("file", ["alg", "op", "padding", "layout", "format", "params", "device", "priority"])
def test_a_sentence_cuts_and_escapes(session, file):
    for value in (b"x" * 200, b"y\nstate: done", b"\x1b[2J\xff\xfe"):
        with acr.fails("EINVAL", "EOPNOTSUPP", "ENODEV"):
            session.write(file, value)
        raw = session.read("status")
        assert b"x" * 65 not in raw and b"\x1b" not in raw
        raw.decode("ascii" if b"\xff" in value else "utf-8")
        assert session.status()["state"] == "new"
        assert [line.split(b":")[0] for line in raw.splitlines()].count(b"state") == 1


@pytest.mark.parametrize("file", ["alg", "op", "padding", "params", "private", "device", "priority"])
def test_a_huge_value_is_refused(session, file):
    with acr.fails("EINVAL", "EOPNOTSUPP", "ENODEV"):
        session.write(file, b"a" * 100_000)
    assert len(session.read("status")) < 4096
