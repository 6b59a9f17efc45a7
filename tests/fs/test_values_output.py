# SPDX-License-Identifier: LGPL-2.1-or-later
"""What comes out: layout, format, padding, taglen, length, params; and requests one after another."""
import base64
import hashlib
import hmac
import os

import pytest

import acr
import refs

KEY = bytes(range(32))
IV = bytes(range(100, 116))
DATA = b"The quick brown fox jumps over the lazy dog"


# ---- layout ----

@pytest.mark.sanitize
@pytest.mark.parametrize("written", [False, True], ids=["no iv", "iv"])
@pytest.mark.parametrize("layout", [None, "combined", "detached"])
@pytest.mark.parametrize("alg, size", [("aes-256-cbc", 16), ("aes-256-gcm", 12), ("aes-256-ctr", 16)])
def test_layout(session, alg, size, layout, written):
    session.write("alg", alg)
    session.write("key", KEY)
    if written:
        session.write("iv", IV[:size])
    if layout:
        session.write("layout", layout)
    session.write("src", DATA)
    out = session.read()
    iv = session.read("iv")
    assert len(iv) == size and (not written or iv == IV[:size])
    text, tag = {"aes-256-cbc": lambda: (refs.cbc(KEY, iv, DATA), b""),
                 "aes-256-gcm": lambda: refs.gcm(KEY, iv, DATA),
                 "aes-256-ctr": lambda: (refs.ctr(KEY, iv, DATA), b"")}[alg]()
    combined = layout == "combined" or (layout is None and not written)
    assert out == (iv + text + tag if combined else text)
    if tag:
        assert session.read("tag") == tag


@pytest.mark.parametrize("layout", [None, "combined"])
@pytest.mark.parametrize("alg", ["aes-256-cbc", "aes-256-gcm", "aes-256-ccm", "aes-256-ctr", "aes-256-xts",
                                 "aes-256-ecb", "chacha20-poly1305"])
def test_combined_there_and_back(session, daemon, alg, layout):
    key = KEY + KEY[::-1] if alg.endswith("xts") else KEY
    out = session.run(DATA, alg=alg, key=key)
    with daemon.session(op="decrypt", alg=alg, key=key) as back:
        if layout:
            back.write("layout", layout)
        assert back.run(out) == DATA


def test_combined_input_too_short_for_its_iv(session):
    for size in (0, 1, 15):
        with acr.fails("EINVAL"):
            session.run(bytes(size), alg="aes-256-cbc", op="decrypt", key=KEY)
        assert session.error()[1]


def test_detached_decrypt_needs_iv_and_tag(session):
    text, tag = refs.gcm(KEY, IV[:12], DATA)
    for file, value in (("alg", "aes-256-gcm"), ("op", "decrypt"), ("key", KEY), ("layout", "detached"), ("tag", tag)):
        session.write(file, value)
    with acr.fails("EINVAL", "ENODATA"):
        session.run(text)
    assert "iv" in session.error()[1]
    session.write("iv", IV[:12])
    session.unlink("tag")
    with acr.fails("EINVAL", "ENODATA", "EBADMSG"):
        session.run(text)
    assert "tag" in session.error()[1]
    session.write("tag", tag)
    assert session.run(text) == DATA


# ---- format ----

RENDER = {"raw": bytes, "hex": lambda b: b.hex().encode() + b"\n", "base64": lambda b: base64.b64encode(b) + b"\n"}


@pytest.mark.sanitize
@pytest.mark.parametrize("form", RENDER)
@pytest.mark.parametrize("size", [1, 2, 3, 100, 100_000])
def test_format(session, form, size):
    data = os.urandom(size)
    out = session.run(data, alg="aes-256-gcm", key=KEY, iv=IV[:12], format=form)
    text, tag = refs.gcm(KEY, IV[:12], data)
    assert out == RENDER[form](text)
    assert session.size("dst") == len(out)
    assert session.read("tag") == RENDER[form](tag)
    assert session.read("iv") == RENDER[form](IV[:12])


@pytest.mark.sanitize
def test_format_renders_anew_after_the_end(session):
    session.run(DATA, alg="sha256")
    digest = hashlib.sha256(DATA).digest()
    requests = session.status()["requests"]
    for form in ("hex", "base64", "raw", "hex"):
        session.write("format", form)
        assert session.read() == RENDER[form](digest)
        fd = os.open(session / "dst", os.O_RDONLY)
        assert os.pread(fd, 7, 3) == RENDER[form](digest)[3:10]
        os.close(fd)
    assert session.status()["requests"] == requests, "rendering anew is not another request"


# ---- padding ----

@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 31, 32, 4096])
@pytest.mark.parametrize("alg", ["aes-256-cbc", "aes-256-ecb"])
def test_pkcs7_by_default(session, alg, size):
    data = bytes(range(256)) * 16
    data = data[:size]
    expected = refs.ecb(KEY, data) if alg.endswith("ecb") else refs.cbc(KEY, IV, data)
    session.write("alg", alg)
    if alg.endswith("cbc"):
        session.write("iv", IV)
    assert session.run(data, key=KEY) == expected
    session.write("op", "decrypt")
    assert session.run(expected) == data
    session.write("op", "encrypt")
    session.write("padding", "pkcs7")
    assert session.run(data) == expected


@pytest.mark.sanitize
def test_no_padding(session):
    for file, value in (("alg", "aes-256-cbc"), ("key", KEY), ("iv", IV), ("padding", "none")):
        session.write(file, value)
    for size in (0, 16, 4096):
        assert session.run(bytes(size)) == refs.cbc(KEY, IV, bytes(size), padded=False)
    for size in (1, 15, 17):
        with acr.fails("EINVAL"):
            session.run(bytes(size))
        assert "16" in session.error()[1]


def test_bad_padding(session):
    bad = refs.ecb(KEY, b"0123456789abcde\0", padded=False)
    with acr.fails("EBADMSG"):
        session.run(bad, alg="aes-256-ecb", op="decrypt", key=KEY)
    assert session.size("dst") == 0
    session.write("padding", "none")
    assert session.run(bad) == b"0123456789abcde\0"


# ---- taglen, length, params ----

@pytest.mark.sanitize
@pytest.mark.parametrize("taglen", [4, 8, 12, 13, 14, 15, 16])
def test_taglen_of_gcm(session, taglen):
    text, tag = refs.gcm(KEY, IV[:12], DATA)
    assert session.run(DATA, alg="aes-256-gcm", key=KEY, iv=IV[:12], taglen=taglen) == text
    assert session.read("tag") == tag[:taglen]
    session.write("op", "decrypt")
    session.write("iv", IV[:12])
    session.write("tag", tag[:taglen])
    assert session.run(text) == DATA
    session.unlink("iv")
    session.write("layout", "combined")
    assert session.run(IV[:12] + text + tag[:taglen]) == DATA


@pytest.mark.parametrize("taglen", [3, 5, 17, 1000])
def test_taglen_that_gcm_lacks(session, taglen):
    session.write("src", DATA)
    session.write("key", KEY)
    with acr.fails("EINVAL"):
        session.write("taglen", taglen)
        session.write("alg", "aes-256-gcm")
        session.read()
    assert "tag" in session.error()[1]


@pytest.mark.parametrize("taglen", [None, 4, 16, 32])
def test_taglen_of_a_mac(session, taglen):
    if taglen:
        session.write("taglen", taglen)
    assert session.run(DATA, alg="hmac-sha256", key=KEY) == hmac.digest(KEY, DATA, "sha256")[:taglen]


@pytest.mark.sanitize
@pytest.mark.parametrize("length", [1, 31, 32, 33, 1000, 1_000_000])
def test_length(session, daemon, length):
    session.write("length", length)
    assert session.run(DATA, alg="shake256") == hashlib.shake_256(DATA).digest(length)
    with daemon.session(op="random", length=length) as random:
        assert len(random.read()) == length


def test_random_differs(session):
    session.write("op", "random")
    session.write("length", "32")
    seen = {session.read()}
    for _ in range(5):
        session.write("ctl", "start")
        seen.add(session.read())
    assert all(len(s) == 32 for s in seen)
    assert len(seen) == 6


def test_params(session):
    for file, value in (("alg", "pbkdf2-sha256"), ("key", b"password"), ("iv", b"salt"), ("length", "40")):
        session.write(file, value)
    for n in (1, 1000):
        session.write("params", f"iterations={n}")
        assert session.text("params") == f"iterations={n}"
        session.write("ctl", "start")
        assert session.read() == hashlib.pbkdf2_hmac("sha256", b"password", b"salt", n, 40)
    session.write("alg", "scrypt")
    session.write("params", "n=16 r=8 p=2")
    session.write("ctl", "start")
    assert session.read() == hashlib.scrypt(b"password", salt=b"salt", n=16, r=8, p=2, dklen=40)


def test_params_that_make_no_sense(session):
    session.write("alg", "scrypt")
    session.write("key", b"password")
    session.write("length", "40")
    with acr.fails("EINVAL"):
        session.write("params", "n=17 r=8 p=1")  # not a power of two
        session.read()
    assert session.error()[0] == "EINVAL"


LAST_VECTOR = bytes.fromhex("2101cb9b6a511aaeaddbbe09cf70f881ec568d574a2ffd4dabe5ee9820adaa47"
                            "8e56fd8f4ba5d09ffa1c6d927c40f4c337304049e8a952fbcbf45c6fa77a41a4")


def last_vector(daemon):
    """The last one of RFC 7914, which takes 1 GiB."""
    return daemon.session(alg="scrypt", key=b"pleaseletmein", iv=b"SodiumChloride",
                          params="n=1048576 r=8 p=1", length="64")


def test_scrypt_has_a_limit(daemon):
    with last_vector(daemon) as s:
        assert acr.errno_of(s.read) == "EINVAL"
        assert "256 MiB" in s.error()[1]


def test_scrypt_limit_can_be_raised(start):
    daemon = start(config="[device big]\ndriver=soft\nscrypt-mib=1100\n")
    with last_vector(daemon) as s:
        assert s.read() == LAST_VECTOR


def test_scrypt_limit_must_be_a_number(start):
    daemon = start()
    with acr.fails("EINVAL"):
        daemon.write("devices/add", "x=soft:scrypt-mib=0\n")


# ---- one request after another ----

@pytest.mark.sanitize
def test_src_appended_by_several_opens(session):
    session.write("alg", "sha256")
    session.write("src", b"one,")
    for piece in (b"two,", b"three", b""):
        session.append("src", piece)
    assert session.read("src") == b"one,two,three"
    assert session.size("src") == 13
    assert session.read() == hashlib.sha256(b"one,two,three").digest()


def test_src_written_at_offsets(session):
    session.write("alg", "sha256")
    fd = os.open(session / "src", os.O_RDWR | os.O_TRUNC)
    os.pwrite(fd, b"world", 6)
    os.pwrite(fd, b"hello ", 0)
    assert os.pread(fd, 100, 0) == b"hello world"
    os.close(fd)
    assert session.read() == hashlib.sha256(b"hello world").digest()


def test_truncating_src_starts_a_new_request(session):
    session.run(b"first", alg="sha256")
    os.truncate(session / "src", 0)
    assert session.text("state") in ("new", "ready")
    session.append("src", b"second")
    assert session.read() == hashlib.sha256(b"second").digest()


@pytest.mark.sanitize
def test_same_key_next_request(session):
    for file, value in (("alg", "aes-256-ecb"), ("key", KEY)):
        session.write(file, value)
    for data in (b"one", b"two" * 1000, b"", b"four"):
        assert session.run(data) == refs.ecb(KEY, data)
    assert session.status()["requests"] == "4"


def test_reading_dst_twice(session):
    first = session.run(DATA, alg="aes-256-cbc", key=KEY)
    assert [session.read() for _ in range(3)] == [first] * 3
    assert session.status()["requests"] == "1"


@pytest.mark.sanitize
def test_a_descriptor_of_dst_lives_through_requests(session):
    session.write("alg", "sha256")
    fd = os.open(session / "dst", os.O_RDONLY)
    for data in (b"a", b"b"):
        session.write("src", data)
        assert os.pread(fd, 100, 0) == hashlib.sha256(data).digest()
        os.lseek(fd, 0, os.SEEK_SET)
        assert os.read(fd, 5) + os.read(fd, 100) == hashlib.sha256(data).digest()
        assert os.read(fd, 100) == b""
    session.write("alg", "sha1")
    session.write("src", b"c")
    assert os.pread(fd, 100, 0) == hashlib.sha1(b"c").digest()
    os.close(fd)


def test_src_is_dropped_and_dst_stays(session):
    out = session.run(DATA * 100, alg="sha256")
    assert session.size("src") == 0 and session.read("src") == b""
    session.write("alg", "sha1")  # counts for the next request
    assert session.read() == out
    session.write("src", DATA)
    assert session.read() == hashlib.sha1(DATA).digest()


def test_dst_of_a_failed_request_is_not_the_old_one(session):
    session.run(DATA, alg="aes-256-ecb", key=KEY)
    session.write("op", "decrypt")
    session.write("src", b"not a block")
    for _ in range(2):
        with acr.fails("EINVAL"):
            session.read()
    assert session.text("state") == "failed"


# ---- unlink ----

CHANGED = {"op": "decrypt", "alg": "aes-128-gcm", "taglen": "12", "padding": "none", "layout": "detached",
           "format": "hex", "length": "77", "params": "iterations=5", "stream": "1", "priority": "7",
           "device": "soft0", "private": "p", "aad": "a", "iv": "0123456789ab", "src": "x"}


@pytest.mark.sanitize
@pytest.mark.parametrize("file", CHANGED)
def test_unlink_resets(session, file):
    before = session.read(file)
    session.write(file, CHANGED[file])
    assert session.read(file) != before
    session.unlink(file)
    assert file in os.listdir(session.path)
    assert session.read(file) == before


def test_unlink_of_key_forgets_it(session):
    session.write("alg", "aes-256-ecb")
    session.write("key", KEY)
    session.unlink("key")
    with acr.fails("ENOKEY"):
        session.run(b"x")
    session.write("key", KEY)
    assert session.read() == refs.ecb(KEY, b"x")


def test_unlink_of_src_is_no_input(session):
    session.write("alg", "sha256")
    session.write("src", b"x")
    session.unlink("src")
    assert session.text("state") == "new"
    with acr.fails("ENODATA"):
        session.read()


@pytest.mark.parametrize("file", ["dst", "state", "status", "history", "ctl"])
def test_unlink_of_the_others_changes_nothing(session, file):
    out = session.run(DATA, alg="sha256")

    def contents():
        # Without the times: how a set clock is told in them may change between two looks.
        history = [(r["stage"], r["device"], r["outcome"], r["reason"]) for r in acr.rows(session.text("history"))]
        return {f: session.read(f) for f in ("dst", "state", "alg")}, history

    before = contents()
    session.unlink(file)
    assert contents() == before and before[0]["dst"] == out and len(before[1]) == 1
    assert file in os.listdir(session.path)
