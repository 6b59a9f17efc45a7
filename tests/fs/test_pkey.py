# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signatures, RSA encryption and key agreement, exchanged with the command `openssl` both ways."""
import pytest

import acr
import refs_pkey
from known_pkeys import EC_KEYS, EC_OIDS, OWN_RSA, SM2_KEY, SM2_OID, SM2_PUBLIC
from pkey_tools import SIGNATURES, Keys, openssl
from refs_pkey import CURVES, DIGESTS

pytestmark = pytest.mark.sanitize

DATA = b"What is signed here.\n" * 99


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("keys"))


def with_params(session, params):
    if params:
        session.write("params", params)
    return session


def verifies(daemon, alg, key, data, sig, params="", **files):
    """True, or False for EBADMSG."""
    with daemon.session(op="verify", alg=alg, key=key, sig=sig or b"hex:", **files) as s:
        raised = acr.errno_of(with_params(s, params).run, data)
        assert raised in (None, "EBADMSG"), s.error()
        if raised is None:
            assert s.read() == b"valid\n"
        return raised is None


# ---- signatures ----

@pytest.mark.parametrize("alg, key, params, words", SIGNATURES)
def test_openssl_verifies_ours(daemon, keys, alg, key, params, words):
    with daemon.session(alg=alg, key=keys.private(key)) as s:
        assert s.text("op") == "sign"
        keys.verify(key, DATA, with_params(s, params).run(DATA), words)
        if words:  # pkeyutl takes no empty file
            keys.verify(key, b"", s.run(b""), words)


@pytest.mark.parametrize("alg, key, params, words", SIGNATURES)
def test_we_verify_those_of_openssl(daemon, keys, alg, key, params, words):
    signature = keys.sign(key, DATA, words)
    for form in ((), ("-outform", "DER")):
        assert verifies(daemon, alg, keys.public(key, *form), DATA, signature, params)
    assert verifies(daemon, alg, keys.private(key), DATA, signature, params)
    assert not verifies(daemon, alg, keys.public(key), DATA + b"x", signature, params)
    assert not verifies(daemon, alg, keys.public(key), DATA, signature[:-1], params)
    assert not verifies(daemon, alg, keys.public(key), DATA, signature + b"\0", params)
    assert not verifies(daemon, alg, keys.public(key), DATA, b"", params)


@pytest.mark.parametrize("form", [("-outform", "DER"), ("-traditional",),
                                  ("-traditional", "-outform", "DER")], ids=" ".join)
@pytest.mark.parametrize("alg, key", [("rsa-sha256", "rsa"), ("ecdsa-prime256v1-sha256", "prime256v1")])
def test_every_form_of_a_private_key(daemon, keys, alg, key, form):
    with daemon.session(alg=alg, key=keys.private(key, *form)) as s:
        keys.verify(key, DATA, s.run(DATA), ("-sha256",))


def test_curve_parameters_may_stand_before_the_key(daemon, keys):
    file = openssl("ecparam", "-name", "prime256v1", "-genkey")
    assert b"BEGIN EC PARAMETERS" in file
    with daemon.session(alg="ecdsa-prime256v1-sha256", key=b"a comment\n" + file) as s:
        sig = s.run(DATA)
    public = openssl("pkey", "-pubout", data=file)
    assert verifies(daemon, "ecdsa-prime256v1-sha256", public, DATA, sig)


# ---- what is made here, checked without OpenSSL ----

@pytest.mark.parametrize("digest", DIGESTS)
@pytest.mark.parametrize("curve", EC_KEYS)
def test_ecdsa_is_right(daemon, curve, digest):
    c, private = CURVES[curve], int(EC_KEYS[curve], 16)
    point = c.times(private)
    key = refs_pkey.ec_private_der(curve, EC_OIDS[curve], private)
    with daemon.session(alg=f"ecdsa-{curve}-{digest}", key=key) as s:
        assert refs_pkey.ecdsa_verify(c, digest, point, DATA, *refs_pkey.integers(s.run(DATA)))
    raw = bytes.fromhex(EC_KEYS[curve])
    with daemon.session(alg=f"ecdsa-{curve}-{digest}", key=raw, params="sigformat=raw") as s:
        sig = s.run(DATA)
        assert len(sig) == 2 * c.size
        assert refs_pkey.ecdsa_verify(c, digest, point, DATA, *(
            int.from_bytes(half, "big") for half in (sig[:c.size], sig[c.size:])))


@pytest.mark.parametrize("digest", DIGESTS)
def test_rsa_with_a_random_part_is_right(daemon, digest):
    size = len(refs_pkey.digest(digest, b""))
    with daemon.session(alg=f"rsa-pss-{digest}", key=OWN_RSA.private_der()) as s:
        one, two = s.run(DATA), s.run(DATA)
        assert one != two and refs_pkey.pss_verify(OWN_RSA, digest, DATA, one, size)
    with daemon.session(alg=f"rsa-oaep-{digest}", key=OWN_RSA.public_der()) as s:
        assert s.text("op") == "encrypt"
        one, two = s.run(b"to be hidden"), s.run(b"to be hidden")
        assert one != two and refs_pkey.oaep_decrypt(OWN_RSA, digest, one) == b"to be hidden"


@pytest.mark.parametrize("aad, identity", [(None, b"1234567812345678"), (b"alice@example", b"alice@example")])
def test_sm2_is_right(daemon, aad, identity):
    c = CURVES["SM2"]
    files = {"aad": aad} if aad else {}
    with daemon.session(alg="sm2", key=refs_pkey.ec_private_der("SM2", SM2_OID, SM2_KEY), **files) as s:
        sig = s.run(DATA)
    r, t = refs_pkey.integers(sig)
    point = c.times(SM2_KEY)
    at = c.add(c.times(t), c.times((r + t) % c.n, point))
    assert (refs_pkey.sm2_hash(point, DATA, identity) + at[0]) % c.n == r
    assert verifies(daemon, "sm2", SM2_PUBLIC, DATA, sig, **files)
    assert not verifies(daemon, "sm2", SM2_PUBLIC, DATA, sig, aad=b"somebody else")


# ---- encryption ----

OAEP = [("sha1", ""), ("sha256", ""), ("sha512", ""), ("sha256", "mgf1=sha1"), ("sha3-256", "")]


@pytest.mark.parametrize("digest, params", OAEP)
@pytest.mark.parametrize("label", [None, b"a label"])
def test_oaep_both_ways(daemon, keys, digest, params, label):
    words = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", f"rsa_oaep_md:{digest}", "-pkeyopt",
             f"rsa_mgf1_md:{params[5:] or digest}"]
    if label:
        words += ["-pkeyopt", f"rsa_oaep_label:{label.hex()}"]
    files = {"aad": label} if label else {}
    with daemon.session(alg=f"rsa-oaep-{digest}", key=keys.public("rsa"), **files) as s:
        sealed = with_params(s, params).run(b"secret")
    assert openssl("pkeyutl", "-decrypt", "-inkey", keys.path("rsa"), *words, data=sealed) == b"secret"
    sealed = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", keys.public_path("rsa"), *words,
                     data=b"other secret")
    with daemon.session(alg=f"rsa-oaep-{digest}", op="decrypt", key=keys.private("rsa"), **files) as s:
        assert with_params(s, params).run(sealed) == b"other secret"
        for bad in (sealed[:-1], b"", sealed[:-1] + bytes([sealed[-1] ^ 1]), b"\xff" * len(sealed)):
            with acr.fails("EBADMSG"):
                s.run(bad)
                assert ("padding" if len(bad) == len(sealed) else "at once") in s.error()[1]
        s.write("aad", b"another label")
        with acr.fails("EBADMSG"):
            s.run(sealed)


def test_oaep_limit_is_said(daemon, keys):
    with daemon.session(alg="rsa-oaep-sha256", key=keys.public("rsa")) as s:
        assert len(s.run(bytes(190))) == 256
        with acr.fails("EINVAL"):
            s.run(bytes(191))
        assert "190" in s.error()[1]
    with daemon.session(alg="rsa-oaep-sha512", key=keys.public("rsa1")) as s:
        with acr.fails("EINVAL"):
            s.run(b"")
        assert "too short" in s.error()[1]


# ---- key agreement ----

@pytest.mark.parametrize("alg, key", [
    ("ecdh-prime256v1", "prime256v1"), ("ecdh-secp384r1", "secp384r1"), ("ecdh-secp521r1", "secp521r1"),
    ("ecdh-secp256k1", "secp256k1"), ("ecdh-p256", "prime256v1"), ("x25519", "x25519"), ("x448", "x448")])
def test_agreement_with_openssl(daemon, keys, alg, key):
    theirs = openssl("pkeyutl", "-derive", "-inkey", keys.path(key), "-peerkey",
                     keys.public_path(key + "+peer"))
    with daemon.session(alg=alg, key=keys.private(key)) as s:
        assert s.text("op") == "derive" and s.text("state") == "new"
        for form in ((), ("-outform", "DER")):
            assert s.run(keys.public(key + "+peer", *form)) == theirs
        s.write("key", keys.private(key + "+peer", "-outform", "DER"))
        assert s.run(keys.public(key)) == theirs


@pytest.mark.parametrize("alg, key", [("ecdh-prime256v1", "prime256v1"), ("x25519", "x25519")])
def test_agreement_takes_src(daemon, keys, alg, key):
    """Unlike other derivations: it waits for src, and says so."""
    with daemon.session(alg=alg, key=keys.private(key)) as s:
        assert s.text("state") == "new"
        with acr.fails("ENODATA"):
            s.read()
        s.write("src", keys.public(key))
        assert s.text("state") == "ready"
        assert len(s.read()) == 32
        with acr.fails("EINVAL"):
            s.write("length", "16")


def test_a_point_may_be_bare(daemon):
    c, private = CURVES["prime256v1"], int(EC_KEYS["prime256v1"], 16)
    x, y = peer = c.times(99)
    shared = c.times(private, peer)[0].to_bytes(32, "big")
    with daemon.session(alg="ecdh-prime256v1", key=bytes.fromhex(EC_KEYS["prime256v1"])) as s:
        assert s.run(c.pack(peer)) == shared
        assert s.run(bytes([2 + (y & 1)]) + x.to_bytes(32, "big")) == shared
        for bad in (c.pack((x, y ^ 1)), b"\4" + bytes(64), c.pack(peer)[:-1], b"\0", bytes([5]) + bytes(32)):
            with acr.fails("EINVAL"):
                s.run(bad)
            assert s.error()[1].startswith("src ")


@pytest.mark.parametrize("alg, size", [("x25519", 32), ("x448", 56)])
def test_a_secret_of_zero_is_refused(daemon, keys, alg, size):
    with daemon.session(alg=alg, key=keys.private(alg)) as s:
        with acr.fails("EINVAL"):
            s.run(bytes(size))
        assert "low order" in s.error()[1]


# ---- modular exponentiation ----

def test_modexp_is_bare_rsa(daemon, keys):
    block = b"\0" + bytes(range(255))
    with daemon.session(alg="modexp", key=keys.public("rsa")) as s:
        sealed = s.run(block)
        words = ("-pkeyopt", "rsa_padding_mode:none")
        assert openssl("pkeyutl", "-decrypt", "-inkey", keys.path("rsa"), *words, data=sealed) == block
        s.write("key", keys.private("rsa", "-outform", "DER"))
        s.write("op", "decrypt")
        assert s.run(sealed) == block


@pytest.mark.parametrize("modulus, exponent", [(2**64, 3), (1, 3), (2**16384 + 1, 3)],
                         ids=["even", "one", "too long"])
def test_modexp_refuses_a_modulus(daemon, modulus, exponent):
    key = refs_pkey.sequence(refs_pkey.integer(modulus), refs_pkey.integer(exponent))
    with daemon.session(alg="modexp", key=key) as s:
        with acr.fails("EINVAL"):
            s.run(b"\2")
        assert "modulus" in s.error()[1] or "16384" in s.error()[1]


def test_modexp_goes_to_16384_bits(daemon):
    modulus = 2**16383 + 1
    key = refs_pkey.sequence(refs_pkey.integer(modulus), refs_pkey.integer(65537))
    with daemon.session(alg="modexp", key=key) as s:
        assert int.from_bytes(s.run(b"\x7b"), "big") == pow(123, 65537, modulus)
        assert s.run(b"") == bytes(2048)
