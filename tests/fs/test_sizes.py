# SPDX-License-Identifier: LGPL-2.1-or-later
"""st_size of dst before there is a dst: exact where the parameters fix it, else the longest that
it can be, and 0 where the request could not start."""
import os

import pytest

import acr
import pkey_tools

def private_key(name):
    return pkey_tools.openssl("genpkey", "-algorithm", *pkey_tools.KEYS[name])


pytestmark = pytest.mark.sanitize
CONFIG = acr.PATIENT
KEY = b"0123456789abcdef"
PREPARED = {
    "hash": dict(alg="sha256"),
    "hash-hex": dict(alg="sha512", format="hex"),
    "xof": dict(alg="shake128", length="1000"),
    "xof-default": dict(alg="shake256", format="base64"),
    "cbc": dict(alg="aes-128-cbc", key=KEY),
    "cbc-detached": dict(alg="aes-128-cbc", key=KEY, iv=KEY),
    "cbc-unpadded": dict(alg="aes-128-cbc", key=KEY, padding="none"),
    "ecb": dict(alg="aes-128-ecb", key=KEY, format="base64"),
    "ctr": dict(alg="aes-128-ctr", key=KEY),
    "gcm": dict(alg="aes-128-gcm", key=KEY),
    "gcm-detached": dict(alg="aes-128-gcm", key=KEY, iv=b"012345678901"),
    "gcm-short-tag": dict(alg="aes-128-gcm", key=KEY, taglen="12", layout="combined"),
    "wrap": dict(alg="aes-128-wrap", key=KEY),
    "wrap-pad": dict(alg="aes-128-wrap-pad", key=KEY),
    "xor": dict(alg="xor", key=KEY),
    "hmac": dict(alg="hmac-sha256", key=KEY),
    "hmac-short": dict(alg="hmac-sha256", key=KEY, taglen="20", format="hex"),
    "kmac": dict(alg="kmac-128", key=KEY, length="77"),
    "gmac": dict(alg="gmac-aes-128", key=KEY, iv=b"012345678901"),
}
LENGTHS = [16, 48, 65_536]


@pytest.mark.parametrize("name", PREPARED)
@pytest.mark.parametrize("length", LENGTHS)
def test_exact(session, name, length):
    for file, value in PREPARED[name].items():
        session.write(file, value)
    session.write("src", os.urandom(length))
    size = session.size("dst")
    assert session.text("state") == "ready", "to look at it starts nothing"
    assert size == len(session.read()) == session.size("dst")


@pytest.mark.parametrize("name", ["ctr", "gcm", "gcm-short-tag", "wrap", "xor", "cbc-unpadded"])
@pytest.mark.parametrize("length", LENGTHS)
def test_decryption_of_fixed_length(session, name, length):
    encrypted = session.run(os.urandom(length), **PREPARED[name])
    session.write("op", "decrypt")
    session.write("src", encrypted)
    assert session.size("dst") == length == len(session.read())


@pytest.mark.parametrize("length", range(16, 33))
@pytest.mark.parametrize("name", ["cbc", "wrap-pad"])
def test_the_longest(session, name, length):
    encrypted = session.run(os.urandom(length), **PREPARED[name])
    session.write("op", "decrypt")
    session.write("src", encrypted)
    most = len(encrypted) - (16 + 1 if name == "cbc" else 8)
    assert session.size("dst") == most >= length
    assert len(session.read()) == length == session.size("dst")


@pytest.mark.parametrize("files, size", [
    (dict(op="random", length="1000"), 1000), (dict(op="random", length="10", format="hex"), 21),
    (dict(alg="hkdf-sha256", key=KEY), 32), (dict(alg="hkdf-sha512", key=KEY, length="100"), 100),
    (dict(alg="pbkdf2-sha256", key=KEY, params="iterations=1000", length="20"), 20),
    (dict(alg="scrypt", key=KEY, params="n=16 r=1 p=1"), 64),
])
def test_without_input(session, files, size):
    for file, value in files.items():
        session.write(file, value)
    assert session.size("dst") == size == len(session.read())


@pytest.mark.parametrize("files", [
    {}, {"src": b"x"}, {"alg": "sha256"}, {"alg": "aes-128-cbc", "src": b"x"},
    {"alg": "aes-128-cbc", "key": KEY, "padding": "none", "src": b"x"},
    {"alg": "aes-128-gcm", "key": KEY, "op": "decrypt", "src": b"short"},
    {"alg": "sha256", "stream": "1", "src": b"x"}, {"op": "random"},
    {"alg": "hmac-sha256", "key": KEY, "op": "verify", "src": b"x"},
])
def test_what_cannot_start(session, files):
    for file, value in files.items():
        session.write(file, value)
    before = session.read("status")
    assert session.size("dst") == 0
    assert session.read("status") == before, "to ask for a size is no failure"


def test_a_nonce_that_was_used(session):
    session.run(b"one", **PREPARED["gcm-detached"])
    session.write("src", b"two")
    assert session.size("dst") == 0
    with acr.fails("EEXIST"):
        session.read()


def test_a_device_that_is_gone(daemon, session):
    with daemon.device("soft") as name:
        session.write("alg", "sha256")
        session.write("device", name)
        session.write("src", b"abc")
        assert session.size("dst") == 32
    assert session.size("dst") == 0


def test_while_it_runs(daemon):
    with daemon.held() as (slow, release), daemon.session(alg="sha256", device=slow, src=b"abc") as s:
        s.write("ctl", "start")
        assert s.size("dst") == 32
        s.write("ctl", "cancel")
        assert s.size("dst") == 0


def test_verification(session):
    mac = session.run(b"abc", alg="hmac-sha256", key=KEY)
    session.write("op", "verify")
    session.write("format", "hex")
    session.write("sig", mac)
    session.write("src", b"abc")
    assert session.size("dst") == 6 and session.read() == b"valid\n"
    session.write("sig", bytes(32))
    session.write("src", b"abc")
    with acr.fails("EBADMSG"):
        session.read()
    assert session.size("dst") == 0


@pytest.mark.parametrize("alg, params, key, size", [
    ("ecdsa-p256-sha256", "sigformat=raw", "prime256v1", 64), ("ecdsa-p384-sha384", "sigformat=raw", "secp384r1", 96),
    ("ed25519", None, "ed25519", 64), ("ed448", None, "ed448", 114),
])
def test_signatures_of_fixed_length(session, alg, params, key, size):
    session.write("alg", alg)
    session.write("key", private_key(key))
    session.write("op", "sign")
    if params:
        session.write("params", params)
    session.write("src", b"abc")
    assert session.size("dst") == size == len(session.read())


def test_signatures_in_der(session):
    session.write("alg", "ecdsa-p256-sha256")
    session.write("key", private_key("prime256v1"))
    session.write("op", "sign")
    session.write("src", b"abc")
    assert session.size("dst") == 73 >= len(session.read()) == session.size("dst")


def test_routes(daemon):
    with daemon.session(**PREPARED["cbc-detached"]) as s:
        for stage, files in ((2, dict(alg="aes-128-ctr", key=KEY, layout="combined")),
                             (3, dict(alg="sha256", format="hex", input="1"))):
            os.mkdir(s / f"route/{stage}")
            for file, value in files.items():
                s.write(f"route/{stage}/{file}", value)
        s.write("src", bytes(20))
        sizes = [s.size(f"{where}dst") for where in ("", "route/1/", "route/2/", "route/3/")]
        assert sizes == [65, 32, 48, 65]
        s.read()
        assert sizes == [s.size(f"{where}dst") for where in ("", "route/1/", "route/2/", "route/3/")]
        s.unlink("route/3/alg")
        s.write("src", bytes(20))
        assert s.size("dst") == s.size("route/2/dst") == 0
