# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random keys, data and lengths against `openssl` and Python's hashlib and hmac.

ACR_SEED=N repeats a run; the seed is printed. ACR_QUICK shortens the list of lengths."""
import hashlib
import hmac
import os
import random
import subprocess
import threading

import pytest

import acr

aead = pytest.importorskip("cryptography.hazmat.primitives.ciphers.aead",
                           reason="python3-cryptography is not installed")

pytestmark = pytest.mark.sanitize

SEED = int(os.environ.get("ACR_SEED") or random.SystemRandom().randrange(1 << 32))
QUICK = bool(os.environ.get("ACR_QUICK"))
KiB, MiB = 1 << 10, 1 << 20
DEADLINE_MS = 60_000

# Every boundary and its neighbours: blocks of ciphers and digests, pages, what FUSE carries in
# one request, and the longest.
EDGES = [0, 8, 16, 64, 128, 136, 4 * KiB] if QUICK else \
    [0, 8, 16, 64, 128, 136, 4 * KiB, 64 * KiB, 128 * KiB, MiB, 5 * MiB]
LENGTHS = sorted({n + d for n in EDGES for d in (-1, 0, 1) if n + d >= 0})

# name: key bytes, IV bytes. `openssl enc` pads block modes as acrypto does.
CIPHERS = {"aes-128-cbc": (16, 16), "aes-256-cbc": (32, 16), "aes-192-ecb": (24, 0),
           "aes-128-ctr": (16, 16), "aes-256-ctr": (32, 16), "aes-256-cfb": (32, 16),
           "aes-128-ofb": (16, 16), "chacha20": (32, 16), "des-ede3-cbc": (24, 8),
           "des-ede3-cfb": (24, 8), "des-ede3-ofb": (24, 8), "camellia-256-cbc": (32, 16),
           "camellia-128-ctr": (16, 16), "aria-192-cfb": (24, 16), "aria-256-cbc": (32, 16),
           "sm4-cbc": (16, 16), "sm4-ctr": (16, 16), "sm4-ofb": (16, 16)}
HASHES = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha512-224", "sha512-256",
          "sha3-224", "sha3-256", "sha3-384", "sha3-512", "blake2b512", "blake2s256", "sm3",
          "shake128", "shake256"]
MACS = {"cmac-aes-128": 16, "cmac-aes-256": 32, "cmac-des-ede3": 24, "gmac-aes-128": 16,
        "gmac-aes-256": 32, "kmac-128": 32, "kmac-256": 64, "poly1305": 32}
AEADS = {"aes-128-gcm": (16, aead.AESGCM), "aes-192-gcm": (24, aead.AESGCM),
         "aes-256-gcm": (32, aead.AESGCM), "aes-128-ccm": (16, aead.AESCCM),
         "aes-256-ccm": (32, aead.AESCCM), "aes-128-ocb": (16, aead.AESOCB3),
         "aes-256-ocb": (32, aead.AESOCB3), "chacha20-poly1305": (32, aead.ChaCha20Poly1305)}
NO_STREAM = ("-ccm", "-xts")


@pytest.fixture(scope="module", autouse=True)
def print_seed(record_testsuite_property):
    record_testsuite_property("seed", SEED)
    print(f"ACR_SEED={SEED}")


@pytest.fixture
def rng(request):
    """Random numbers that depend on the seed and the test alone."""
    return random.Random(f"{SEED} {request.node.name}")


def lengths(rng, extra=6):
    """Every boundary, and some lengths in between, short ones more often."""
    top = EDGES[-1]
    return LENGTHS + [int(top ** rng.random()) for _ in range(extra)]


def openssl(words, data, folder):
    """What an `openssl` command makes of the data."""
    (folder / "in").write_bytes(data)
    command, *rest = words
    run = subprocess.run(["openssl", command, "-in", str(folder / "in"), *rest],
                         capture_output=True, check=False)
    assert run.returncode == 0, f"openssl {words}: {run.stderr.decode()}"
    return run.stdout


def through(s, src, stream):
    """src through the session; with a stream, reading while a thread still writes."""
    s.write("stream", str(stream))
    if not stream:
        return s.run(src)
    s.write("deadline", DEADLINE_MS)  # a stream that sticks is to fail, not to hang the run
    errors = []

    def feed():
        try:
            s.write("src", src)
        except OSError as e:
            errors.append(e)

    writer = threading.Thread(target=feed)
    writer.start()
    try:
        dst = s.read("dst")
    finally:
        writer.join()
    assert not errors, errors
    return dst


def ways(alg):
    return (0,) if alg.endswith(NO_STREAM) else (0, 1)


def same(ours, theirs, what):
    """Compare without printing megabytes."""
    assert len(ours) == len(theirs), (SEED, what, len(ours), len(theirs))
    if ours != theirs:
        at = next(i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b)
        pytest.fail(f"ACR_SEED={SEED} {what}: differs from byte {at} on")


@pytest.mark.parametrize("alg", CIPHERS)
def test_cipher(daemon, tmp_path, rng, alg):
    key_size, iv_size = CIPHERS[alg]
    todo = lengths(rng)
    # Each cipher takes a third of the lengths, so that all of them meet all kinds of ciphers,
    # and the longest, which is several times what a stream keeps in memory.
    for n in [*rng.sample(todo, len(todo) // 3), EDGES[-1]]:
        key, iv, src = rng.randbytes(key_size), rng.randbytes(iv_size), rng.randbytes(n)
        words = ["enc", f"-{alg}", "-K", key.hex()] + (["-iv", iv.hex()] if iv else [])
        theirs = openssl(words, src, tmp_path)
        for stream in ways(alg):
            files = {"iv": iv} if iv else {}
            with daemon.session(alg=alg, key=key, **files) as s:
                same(through(s, src, stream), theirs, (alg, n, stream))
            with daemon.session(alg=alg, op="decrypt", key=key, **files) as s:
                same(through(s, theirs, stream), src, (alg, "decrypt", n, stream))


@pytest.mark.parametrize("alg", ["aes-128-xts", "aes-256-xts"])
def test_xts(daemon, rng, alg):
    """`openssl enc` refuses XTS, so against python3-cryptography."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    for n in [n for n in lengths(rng) if n >= 16]:
        key, iv = rng.randbytes(int(alg[4:7]) // 4), rng.randbytes(16)
        src = rng.randbytes(n)
        context = Cipher(algorithms.AES(key), modes.XTS(iv)).encryptor()
        theirs = context.update(src) + context.finalize()
        with daemon.session(alg=alg, key=key, iv=iv) as s:
            same(s.run(src), theirs, (alg, n))
            s.write("op", "decrypt")
            same(s.run(theirs), src, (alg, "decrypt", n))


def digest(alg, data=b""):
    """hashlib's object for our name of a digest."""
    names = {"blake2b512": "blake2b", "blake2s256": "blake2s", "shake128": "shake_128",
             "shake256": "shake_256"}
    return hashlib.new(names.get(alg, alg.replace("-", "_")), data)


@pytest.mark.parametrize("alg", HASHES)
def test_hash(daemon, rng, alg):
    for n in lengths(rng):
        src = rng.randbytes(n)
        files, size = {}, ()
        if alg.startswith("shake"):
            size = (rng.choice([1, 16, 32, 64, 137, 4097]),)
            files["length"] = size[0]
        theirs = digest(alg, src).digest(*size)
        for stream in ways(alg):
            with daemon.session(alg=alg, **files) as s:
                same(through(s, src, stream), theirs, (alg, n, stream))


@pytest.mark.parametrize("alg", [h for h in HASHES if not h.startswith("shake")])
def test_hmac(daemon, rng, alg):
    todo = lengths(rng)
    for n in rng.sample(todo, len(todo) // 2):
        # Keys shorter than, as long as and longer than a digest's block.
        key, src = rng.randbytes(rng.choice([1, 20, 63, 64, 65, 128, 129, 300])), rng.randbytes(n)
        theirs = hmac.new(key, src, lambda data=b"": digest(alg, data)).digest()
        for stream in ways(alg):
            with daemon.session(alg=f"hmac-{alg}", key=key) as s:
                same(through(s, src, stream), theirs, (alg, n, stream))


def openssl_mac(alg, key, iv):
    """The words of `openssl mac` for a MAC."""
    name, _, rest = alg.partition("-")
    words = ["mac", "-binary", "-macopt", f"hexkey:{key.hex()}"]
    if name == "kmac":
        return words + ["KMAC-" + rest]
    if name == "cmac":
        return words + ["-cipher", rest + "-cbc", "CMAC"]
    if name == "gmac":
        return words + ["-macopt", f"hexiv:{iv.hex()}", "-cipher", rest + "-gcm", "GMAC"]
    return words + ["POLY1305"]


@pytest.mark.parametrize("alg", MACS)
def test_mac(daemon, tmp_path, rng, alg):
    todo = lengths(rng)
    for n in rng.sample(todo, len(todo) // 2):
        key, src = rng.randbytes(MACS[alg]), rng.randbytes(n)
        iv = rng.randbytes(12) if alg.startswith("gmac") else b""
        theirs = openssl(openssl_mac(alg, key, iv), src, tmp_path)
        for stream in ways(alg):
            with daemon.session(alg=alg, key=key, **({"iv": iv} if iv else {})) as s:
                same(through(s, src, stream), theirs, (alg, n, stream))


@pytest.mark.parametrize("alg", AEADS)
def test_aead(daemon, rng, alg):
    key_size, make = AEADS[alg]
    for n in lengths(rng, extra=2):
        # A CCM nonce of 11 bytes leaves 4 for the message's length.
        nonce = rng.randbytes(11 if alg.endswith("ccm") else 12)
        key, src = rng.randbytes(key_size), rng.randbytes(n)
        aad = rng.randbytes(rng.choice([0, 1, 15, 16, 17, 300]))
        theirs = make(key).encrypt(nonce, src, aad)
        for stream in ways(alg):
            check_aead(daemon, alg, key, nonce, aad, src, theirs, stream)


def check_aead(daemon, alg, key, nonce, aad, src, theirs, stream):
    files = {"key": key, **({"aad": aad} if aad else {})}
    what = (alg, len(src), len(aad), stream)
    with daemon.session(alg=alg, iv=nonce, **files) as s:
        same(through(s, src, stream) + s.read("tag"), theirs, what)
    with daemon.session(alg=alg, op="decrypt", iv=nonce, tag=theirs[-16:], **files) as s:
        same(through(s, theirs[:-16], stream), src, ("decrypt", *what))
    # Without an IV: dst is iv, ciphertext, tag, and goes back the same way.
    with daemon.session(alg=alg, **files) as s:
        both = through(s, src, stream)
        iv = s.read("iv")
    assert both.startswith(iv)
    with daemon.session(alg=alg, op="decrypt", **files) as s:
        same(through(s, both, stream), src, ("combined", *what))
    make = AEADS[alg][1]
    same(make(key).decrypt(iv, both[len(iv):], aad or None), src, ("theirs", *what))
