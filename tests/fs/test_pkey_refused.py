# SPDX-License-Identifier: LGPL-2.1-or-later
"""Public keys: what is malformed, of the wrong kind or too large is refused with a sentence that
shows nothing of a key; and verifying MACs."""
import base64
import os
import time

import pytest

import acr
import refs_pkey
from known_pkeys import EC_KEYS, EC_OIDS, OWN_RSA
from pkey_tools import Keys
from refs_pkey import CURVES

pytestmark = pytest.mark.sanitize


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("keys"))


def secrets_of(key):
    """Pieces of a key file that no sentence may hold."""
    text = key.decode("latin-1")
    lines = [line for line in text.splitlines() if len(line) > 16 and "-----" not in line]
    return lines + [text[i:i + 8] for i in range(0, len(text) - 8, 64) if "---" not in text[i:i + 8]]


def refused(session, key, src=b"data", expected="EINVAL"):
    """What the sentence says."""
    session.write("key", key)
    session.write("src", src)
    with acr.fails(expected):
        session.read()
    name, sentence = session.error()
    assert name == expected and len(sentence) > 10
    assert not any(piece in sentence for piece in secrets_of(key) if piece.strip()), sentence
    return sentence


# ---- keys ----

ALGS = [("rsa-sha256", "rsa", "sign"), ("rsa-pss-sha256", "rsa", "verify"), ("rsa-oaep-sha1", "rsa", "decrypt"),
        ("ecdsa-prime256v1-sha256", "prime256v1", "sign"), ("ecdsa-prime256v1-sha256", "prime256v1", "verify"),
        ("ed25519", "ed25519", "sign"), ("ed448", "ed448", "verify"), ("sm2", "sm2", "sign"),
        ("ecdh-prime256v1", "prime256v1", "derive"), ("x25519", "x25519", "derive"),
        ("modexp", "rsa", "encrypt")]


def cut(key):
    """Beginnings of a key file, that are none."""
    return [key[:n] for n in (1, 10, len(key) // 2, len(key) * 3 // 4, len(key) - 30)]


@pytest.mark.parametrize("alg, key, op", ALGS)
def test_what_is_no_key(daemon, keys, alg, key, op):
    good, der = keys.private(key), keys.private(key, "-outform", "DER")
    broken = good.replace(b"\n", b"\n!", 3)
    with daemon.session(alg=alg, op=op) as s:
        if op == "verify":
            s.write("sig", bytes(64))
        for bad in (b"-", b"no key at all", bytes(100), b"\x30" * 500, os.urandom(1000), broken,
                    *cut(good), *cut(der),
                    b"-----BEGIN PRIVATE KEY-----\n" * 2000, b"\x30\x84\xff\xff\xff\xff" + bytes(99)):
            assert "key" in refused(s, bad)


def test_a_file_of_64_kib_is_looked_at_and_more_is_refused(daemon, keys):
    with daemon.session(alg="ed25519", key=b"#\n" * 32708 + b"\n" + keys.private("ed25519")) as s:
        assert len(s.run(b"x")) == 64
        with acr.fails("EINVAL"):
            s.write("key", bytes(65537))
        with acr.fails("EINVAL"):
            s.run(b"x")


@pytest.mark.parametrize("alg, key, says", [
    ("rsa-sha256", "prime256v1", "RSA"), ("rsa-sha256", "rsa-pss", "RSA"),
    ("ed25519", "rsa", "Ed25519"), ("ed25519", "ed448", "Ed25519"),
    ("ecdsa-prime256v1-sha256", "secp384r1", "prime256v1"),
    ("ecdsa-prime256v1-sha256", "secp256k1", "prime256v1"),
    ("ecdsa-prime256v1-sha256", "rsa", "elliptic"), ("ecdsa-secp384r1-sha256", "sm2", "secp384r1"),
    ("sm2", "prime256v1", "SM2"), ("x25519", "ed25519", "X25519"),
    ("modexp", "prime256v1", "RSA")])
def test_a_key_of_another_kind(daemon, keys, alg, key, says):
    with daemon.session(alg=alg) as s:
        assert says in refused(s, keys.private(key))


@pytest.mark.parametrize("alg, key, op", [row for row in ALGS if row[2] in ("sign", "decrypt", "derive")])
def test_a_public_key_where_the_private_is_needed(daemon, keys, alg, key, op):
    with daemon.session(alg=alg, op=op) as s:
        for form in ((), ("-outform", "DER")):
            assert "public" in refused(s, keys.public(key, *form))


@pytest.mark.parametrize("alg, key", [("rsa-sha256", "rsa"), ("ecdsa-prime256v1-sha256", "prime256v1"),
                                      ("ed25519", "ed25519")])
def test_an_encrypted_key_is_not_asked_for(daemon, keys, alg, key):
    """No passphrase is asked for: the daemon has a terminal perhaps, but nobody at it."""
    forms = [keys.private(key, "-aes-256-cbc", "-passout", "pass:secret")]
    if key != "ed25519":
        forms.append(keys.private(key, "-aes-256-cbc", "-passout", "pass:secret", "-traditional"))
    with daemon.session(alg=alg) as s:
        for form in forms:
            assert "encrypted" in refused(s, form)


def test_a_peer_of_another_kind(daemon, keys):
    with daemon.session(alg="ecdh-prime256v1") as s:
        for other in ("secp384r1", "secp256k1", "rsa", "x25519"):
            assert refused(s, keys.private("prime256v1"), keys.public(other)).startswith("src ")
        assert refused(s, keys.private("prime256v1"), b"nothing").startswith("src ")


def test_scalars_out_of_range(daemon):
    c = CURVES["prime256v1"]
    with daemon.session(alg="ecdsa-prime256v1-sha256") as s:
        for bad in (0, c.n, c.n + 1, 2**256 - 1):
            assert "range" in refused(s, bad.to_bytes(32, "big"))
        s.write("key", (c.n - 1).to_bytes(32, "big"))
        assert s.run(b"x")


def test_numbers_that_are_no_rsa_key(daemon):
    """Neither crashes nor takes long, and blames the key."""
    for n, e in ((0, 3), (1, 1), (2**2048, 3), (15, 3), (2**2048 - 1, 0), (2**2047 + 1, 2**2047), (-5, 3)):
        key = refs_pkey.sequence(refs_pkey.integer(n) if n >= 0 else b"\x02\x01\xfb", refs_pkey.integer(e))
        for alg, op in (("rsa-sha256", "verify"), ("rsa-pss-sha256", "verify"), ("rsa-oaep-sha1", "encrypt"),
                        ("modexp", "encrypt")):
            with daemon.session(alg=alg, op=op, key=key, sig=bytes(256)) as s:
                raised = acr.errno_of(s.run, b"data")
                # With exponent 0 or 1 encryption is possible, for what it is worth.
                expected = ("EINVAL", "EBADMSG", None if op == "encrypt" else "EINVAL")
                assert raised in expected, (alg, n, e, s.error())


def test_a_key_that_would_take_minutes(daemon):
    huge = 2**40000 + 1
    numbers = (0, huge, 65537, huge, huge, 3, huge, 1, 1)
    with daemon.session(alg="rsa-sha256") as s:
        begun = time.monotonic()
        assert "16384" in refused(s, refs_pkey.sequence(*map(refs_pkey.integer, numbers)))
        assert time.monotonic() - begun < 20
        # The modulus is short, a prime is not; OpenSSL 3.5 takes that for no key at all.
        numbers = (0, OWN_RSA.n, 65537, OWN_RSA.d, OWN_RSA.p, huge, 1, huge, 1)
        assert "16384" in refused(s, refs_pkey.sequence(*map(refs_pkey.integer, numbers)))


def test_an_rsa_key_whose_numbers_no_openssl_takes(daemon):
    der = refs_pkey.sequence(*map(refs_pkey.integer, (0, OWN_RSA.n, 65537)))
    pem = b"-----BEGIN RSA PRIVATE KEY-----\n" + base64.encodebytes(der) + b"-----END RSA PRIVATE KEY-----\n"
    with daemon.session(alg="rsa-sha256") as s:
        for form in (der, pem):
            assert "belong together" in refused(s, form)
        assert "no key in PEM" in refused(s, der[:-1])


def test_a_key_too_short_for_the_digest(daemon):
    """512 bits carry no SHA-512 signature."""
    small = refs_pkey.Rsa.of_primes(2**127 - 1, 2**107 - 1)
    for alg in ("rsa-sha512", "rsa-pss-sha512"):
        with daemon.session(alg=alg) as s:
            assert "short" in refused(s, small.private_der())


# ---- signatures ----

def test_damaged_signatures(daemon, keys):
    c, private = CURVES["prime256v1"], int(EC_KEYS["prime256v1"], 16)
    r, s = refs_pkey.ecdsa_sign(c, "sha256", private, b"data")
    pair = refs_pkey.sequence, refs_pkey.integer
    key = refs_pkey.ec_public_der("prime256v1", EC_OIDS["prime256v1"], c.times(private))

    def der(one, two):
        return pair[0](pair[1](one), pair[1](two))

    with daemon.session(op="verify", alg="ecdsa-p256-sha256", key=key) as session:
        def check(sig, expected):
            session.write("sig", sig)
            session.write("src", b"data")
            assert acr.errno_of(session.read) == expected, sig.hex()

        check(der(r, s), None)
        for bad in (der(s, r), der(0, s), der(r, 0), der(c.n, s), der(r + c.n, s), der(r, s) + b"\0",
                    der(r, s)[:-1], b"\x30", b"\x30\x80", os.urandom(70), bytes(65536), b"hex:"):
            check(bad, "EBADMSG")
        session.write("params", "sigformat=raw")
        check(r.to_bytes(32, "big") + s.to_bytes(32, "big"), None)
        for bad in (der(r, s), r.to_bytes(32, "big"), bytes(64), b"\xff" * 64, bytes(65)):
            check(bad, "EBADMSG")


def test_without_a_signature(daemon, keys):
    with daemon.session(op="verify", alg="ed25519", key=keys.public("ed25519")) as s:
        with acr.fails("EINVAL"):
            s.run(b"data")
        assert "sig" in s.error()[1]
        with acr.fails("EINVAL"):
            s.write("sig", bytes(65537))
        s.write("src", b"data")
        with acr.fails("EINVAL"):
            s.read()
        s.unlink("sig")
        s.write("sig", bytes(64))
        with acr.fails("EBADMSG"):
            s.run(b"data")


def test_sig_reads_back_as_bytes(session):
    session.write("sig", "hex:0102ff\n")
    session.write("format", "hex")
    assert session.read("sig") == b"\1\2\xff"


@pytest.mark.parametrize("form", ["raw", "hex", "base64"])
@pytest.mark.parametrize("stream", [False, True])
def test_valid_is_a_word_in_every_format(daemon, form, stream):
    tag = refs_hmac(b"key", b"data")
    with daemon.session(op="verify", alg="hmac-sha256", key=b"key", sig=tag, format=form) as s:
        if stream:
            s.write("stream", "1")
        assert s.run(b"data") == b"valid\n"
        assert s.size("dst") == (0 if stream else 6)


# ---- what fits together ----

@pytest.mark.parametrize("alg, padding, fits", [
    ("rsa-sha256", "pkcs1", True), ("rsa-sha256", "pss", False), ("rsa-pss-sha256", "pss", True),
    ("rsa-oaep-sha256", "oaep", True), ("rsa-oaep-sha256", "none", False), ("ed25519", "pss", False),
    ("ed25519", "none", True), ("aes-128-cbc", "oaep", False), ("sha256", "pkcs7", False)])
def test_padding_names_the_scheme(session, alg, padding, fits):
    session.write("alg", alg)
    before = session.text("padding")
    if fits:
        session.write("padding", padding)
        assert session.text("padding") == padding == before
        return
    with acr.fails("EINVAL"):
        session.write("padding", padding)
    assert session.text("padding") == before and alg in session.error()[1]


@pytest.mark.parametrize("params", [
    "saltlen=2049", "saltlen=-1", "saltlen=", "saltlen=some", "mgf1=", "mgf1=aes-128-cbc",
    "mgf1=shake128", "digest=none", "sigformat=", "sigformat=pem", "digest", "digest=sha512"])
def test_params_are_checked(session, params):
    session.write("alg", "rsa-pss-sha256")
    session.write("params", "saltlen=32 mgf1=sha1 digest=sha256 sigformat=der")
    with acr.fails("EINVAL"):
        session.write("params", params)
    assert session.text("params") == "saltlen=32 mgf1=sha1 digest=sha256 sigformat=der"


def test_params_before_alg(session):
    session.write("params", "digest=sha512")
    with acr.fails("EINVAL"):
        session.write("alg", "rsa-sha256")
    session.write("alg", "rsa-sha512")
    assert session.text("alg") == "rsa-sha512" and session.text("padding") == "pkcs1"


def test_public_keys_are_not_for_streams(daemon, keys):
    with daemon.session(alg="ed25519", key=keys.private("ed25519")) as s:
        with acr.fails("EINVAL"):
            s.write("stream", "1")
        assert "pieces" in s.error()[1]


@pytest.mark.parametrize("alg, op", [("ed25519", "encrypt"), ("rsa-oaep-sha1", "sign"), ("x25519", "encrypt"),
                                     ("sha256", "verify"), ("aes-128-gcm", "verify"), ("modexp", "derive")])
def test_operations_that_an_algorithm_has_not(session, alg, op):
    session.write("op", op)
    with acr.fails("EOPNOTSUPP"):
        session.write("alg", alg)


# ---- MACs ----

def refs_hmac(key, data):
    return refs_pkey.hmacs.digest(key, data, "sha256")


def test_mac_of_another_length(daemon):
    tag = refs_hmac(b"key", b"data")
    with daemon.session(op="verify", alg="hmac-sha256", key=b"key") as s:
        for length in (0, 1, 16, 31, 33, 64):
            s.write("sig", (tag + tag)[:length] or b"hex:")
            with acr.fails("EINVAL"):
                s.run(b"data")
            assert "taglen" in s.error()[1]
        s.write("taglen", "16")
        s.write("sig", tag[:16])
        assert s.run(b"data") == b"valid\n"
        s.write("sig", tag[16:])
        with acr.fails("EBADMSG"):
            s.run(b"data")
        assert "MAC" in s.error()[1]


def test_gmac_needs_its_nonce_and_may_have_it_twice(daemon):
    files = {"alg": "gmac-aes-128", "key": bytes(16)}
    with daemon.session(iv=bytes(12), **files) as s:
        tag = s.run(b"data")
    with daemon.session(op="verify", sig=tag, **files) as s:
        with acr.fails("EINVAL"):
            s.run(b"data")
        s.write("iv", bytes(12))
        for _ in range(3):
            assert s.run(b"data") == b"valid\n"


def test_kmac_of_a_length(daemon):
    files = {"alg": "kmac-128", "key": bytes(16), "length": "100"}
    with daemon.session(**files) as s:
        tag = s.run(b"data")
    with daemon.session(op="verify", sig=tag, **files) as s:
        assert len(tag) == 100 and s.run(b"data") == b"valid\n"
        s.write("length", "99")
        with acr.fails("EINVAL"):
            s.run(b"data")
        s.write("sig", tag[:99])
        with acr.fails("EBADMSG"):
            s.run(b"data")


def test_a_stage_of_a_route_verifies(daemon, keys):
    """Hash, sign and verify in one session; the key of each is its own."""
    with daemon.session(alg="sha256") as s:
        for number, alg, op in ((2, "ed25519", "sign"), (3, "ed25519", "verify")):
            os.mkdir(s / f"route/{number}")
            s.write(f"route/{number}/alg", alg)
            s.write(f"route/{number}/op", op)
        s.write("route/2/key", keys.private("ed25519"))
        s.write("route/3/key", keys.public("ed25519"))
        s.write("route/3/input", "1")
        s.write("route/3/sig", bytes(64))
        s.write("src", b"data")
        with acr.fails("EBADMSG"):
            s.read()
        assert "stage 3" in s.error()[1]
        signature = s.read("route/2/dst")
        s.write("route/3/sig", signature)
        assert s.run(b"data") == b"valid\n"


def test_pem_is_not_taken_for_hex(daemon, keys):
    """Only `hex:` at the very beginning is."""
    der = keys.private("ed25519", "-outform", "DER")
    with daemon.session(alg="ed25519", key="hex:" + der.hex()) as s:
        assert s.run(b"x")
        with acr.fails("EINVAL"):
            s.run(b"x", key=base64.b64encode(der))
