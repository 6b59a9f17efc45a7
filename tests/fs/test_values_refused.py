# SPDX-License-Identifier: LGPL-2.1-or-later
"""Refused values: a bad key, iv or tag counts as bad; other files keep what they had."""
import os
import subprocess

import pytest

import acr
import refs

KEY = bytes(range(32))
IV = bytes(range(100, 116))
CONFIG = acr.PATIENT
BAD = {  # file: a value that aes-256-gcm or aes-256-cbc can't take
    "key": b"k" * 31, "iv": b"n" * 129, "tag": b"t" * 17,
}


def decrypting(session):
    """A session that would decrypt b"message"."""
    text, tag = refs.gcm(KEY, IV[:12], b"message")
    for file, value in (("alg", "aes-256-gcm"), ("op", "decrypt"), ("key", KEY), ("iv", IV[:12]),
                        ("tag", tag), ("src", text)):
        session.write(file, value)
    return {"key": KEY, "iv": IV[:12], "tag": tag}


@pytest.mark.sanitize
@pytest.mark.parametrize("file", BAD)
def test_a_refused_secret_file_counts_as_bad(session, file):
    good = decrypting(session)
    with acr.fails("EINVAL"):
        session.write(file, BAD[file])
    for _ in range(2):
        with acr.fails("EINVAL"):
            session.write("ctl", "start")
        with acr.fails("EINVAL"):
            session.read()
    name, sentence = session.error()
    assert name == "EINVAL" and file in sentence
    session.write(file, good[file])
    assert session.read() == b"message"


@pytest.mark.parametrize("file", BAD)
def test_removing_a_bad_file_forgets_it(session, file):
    decrypting(session)
    with acr.fails("EINVAL"):
        session.write(file, BAD[file])
    session.unlink(file)
    # Nothing of the old value is used: without it this can't be done.
    expected = {"key": ("ENOKEY",), "iv": ("EINVAL", "EBADMSG", "ENODATA"), "tag": ("EINVAL", "EBADMSG", "ENODATA")}
    session.write("src", b"\0" * 7)
    with acr.fails(*expected[file]):
        session.read()


def test_a_shell_does_not_see_it_but_dst_does(session):
    """printf's close is not looked at; the old key must not be used."""
    session.write("alg", "aes-256-cbc")
    session.write("key", KEY)
    subprocess.run(["sh", "-c", 'printf short > "$1"/key', "sh", session.path], timeout=20, check=False,
                   stderr=subprocess.DEVNULL)
    session.write("src", b"x")
    with acr.fails("EINVAL"):
        session.read()


def test_a_bad_iv_removed_is_a_random_one(session):
    session.write("alg", "aes-256-cbc")
    session.write("key", KEY)
    with acr.fails("EINVAL"):
        session.write("iv", b"short")
    session.write("src", b"x")
    with acr.fails("EINVAL"):
        session.read()
    session.unlink("iv")
    out = session.read()
    assert out == out[:16] + refs.cbc(KEY, out[:16], b"x")


@pytest.mark.sanitize
@pytest.mark.parametrize("file, good, bad, errno", [
    ("alg", "aes-128-cbc", "aes-128-nonsense", "EOPNOTSUPP"),
    ("alg", "aes-128-cbc", "AES-128-CBX", "EOPNOTSUPP"),
    ("op", "decrypt", "destroy", "EINVAL EOPNOTSUPP"),
    ("padding", "none", "some", "EINVAL"),
    ("layout", "detached", "scattered", "EINVAL"),
    ("format", "hex", "octal", "EINVAL"),
    ("stream", "1", "2", "EINVAL"),
    ("stream", "1", "yes", "EINVAL"),
    ("taglen", "8", "-1", "EINVAL"),
    ("taglen", "8", "8.5", "EINVAL"),
    ("length", "100", "many", "EINVAL"),
    ("length", "100", "99999999999999999999999", "EINVAL"),
    ("params", "n=1024", "n=x", "EINVAL"),
    ("params", "n=1024", "colour=red", "EINVAL"),
    ("params", "n=1024", "n", "EINVAL"),
    ("priority", "5", "65536", "EINVAL"),
    ("priority", "5", "-1", "EINVAL"),
    ("priority", "5", "5 6", "EINVAL"),
    ("priority", "5", "0x10", "EINVAL"),
    ("deadline", "5", "soon", "EINVAL"),
    ("deadline", "5", "-5", "EINVAL"),
    ("device", "soft0", "so/ft", "EINVAL ENODEV"),
])
def test_other_files_keep_their_value(session, file, good, bad, errno):
    session.write(file, good)
    with acr.fails(*errno.split()):
        session.write(file, bad)
    assert session.text(file) == good
    name, sentence = session.error()
    assert name in errno.split() and len(sentence) > 10


def test_private_keeps_its_value_too(session):
    session.write("private", b"p" * 1024)
    with acr.fails("EINVAL"):
        session.write("private", b"q" * 1025)
    assert session.read("private") == b"p" * 1024


def test_a_refused_parameter_does_not_spoil_the_session(session):
    session.write("alg", "aes-256-cbc")
    session.write("key", KEY)
    session.write("iv", IV)
    for file, bad in (("alg", "aes-512-cbc"), ("padding", "x"), ("format", "x"), ("priority", "x")):
        with acr.fails("EINVAL", "EOPNOTSUPP"):
            session.write(file, bad)
    assert session.run(b"data") == refs.cbc(KEY, IV, b"data")


# ---- any order ----

@pytest.mark.sanitize
@pytest.mark.parametrize("order", ["alg key iv src", "src iv key alg", "key alg src iv", "iv src alg key"])
def test_parameters_in_any_order(session, order):
    value = {"alg": "aes-256-cbc", "key": KEY, "iv": IV, "src": b"some data"}
    for file in order.split():
        session.write(file, value[file])
    assert session.text("state") == "ready"
    assert session.read() == refs.cbc(KEY, IV, b"some data")


@pytest.mark.parametrize("file, value", [("key", KEY[:16]), ("iv", IV[:12])])
def test_what_alg_finds_unfit_is_named(session, file, value):
    session.write(file, value)
    with acr.fails("EINVAL"):
        session.write("alg", "aes-256-cbc")
    name, sentence = session.error()
    assert name == "EINVAL" and file in sentence
    session.write("alg", "aes-128-gcm")
    assert session.text("alg") == "aes-128-gcm"


def test_op_checked_when_alg_is_known(session):
    session.write("op", "decrypt")
    session.write("src", b"x")
    raised = acr.errno_of(session.write, "alg", "sha256") or acr.errno_of(session.read)
    assert raised == "EOPNOTSUPP"
    assert session.error()[0] == "EOPNOTSUPP"


@pytest.mark.parametrize("alg, op", [("aes-128-cbc", "encrypt"), ("sha256", "hash"), ("hmac-sha256", "mac"),
                                     ("hkdf-sha256", "derive")])
def test_op_follows_alg(session, alg, op):
    session.write("alg", "sha1")
    assert session.text("op") == "hash"
    session.write("alg", alg)
    assert session.text("op") == op


# ---- EBUSY ----

PARAMETERS = {"op": "decrypt", "alg": "aes-256-cbc", "key": KEY, "iv": IV, "aad": b"a", "padding": "none",
              "layout": "detached", "length": "5", "params": "n=16", "stream": "1", "device": "soft0"}


@pytest.mark.parametrize("queued", [False, True], ids=["running", "queued"])
def test_changing_while_at_work_is_ebusy(daemon, queued):
    with daemon.held() as (slow, release):
        with daemon.session(alg="sha256", device=slow, src=b"1") as first, \
             daemon.session(alg="aes-256-cbc", device=slow, key=KEY, iv=IV, src=b"two") as second:
            first.write("ctl", "start")
            busy = second if queued else first
            if queued:
                first.wait("running")
                second.write("ctl", "start")
            busy.wait("queued" if queued else "running")
            got = {f: acr.errno_of(busy.write, f, v) for f, v in PARAMETERS.items()}
            got["src"] = acr.errno_of(acr.put, busy / "src", b"more", os.O_APPEND)
            assert busy.text("state") == ("queued" if queued else "running")
            assert got == dict.fromkeys(got, "EBUSY")
            expected = {f: busy.text(f) for f in ("alg", "op")}
            release()
            busy.read()
            assert expected == {f: busy.text(f) for f in ("alg", "op")}


def test_others_are_free_after_the_end(session):
    session.run(b"x", alg="sha256", format="hex")
    for file, value in (("alg", "sha1"), ("priority", "5"), ("format", "raw")):
        session.write(file, value)
        assert session.text(file) == value
