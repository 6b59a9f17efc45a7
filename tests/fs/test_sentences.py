# SPDX-License-Identifier: LGPL-2.1-or-later
"""The first mistakes that people make, and what `status` says of them: as long as they aren't put
right, and no longer."""
import os
import shutil
import subprocess

import pytest

import acr

pytestmark = pytest.mark.sanitize

KEY = bytes(range(32))


def shell(session, command):
    """Its exit status; errors go nowhere, as in a script."""
    return subprocess.run(["sh", "-c", command], cwd=session.path, stderr=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, check=False, timeout=60).returncode


# ---- a refused value is explained until it is put right ----

def test_a_short_key_is_explained_after_any_of_the_next_steps(session):
    """The shell's `>` sees no error, so the commonest first mistake shows later, or never."""
    session.write("alg", "aes-256-cbc")
    said = "key has 5 bytes, aes-256-cbc takes 32 bytes"
    assert shell(session, "printf short > key") == 0
    assert said in session.error()[1]
    for step in ("echo data > src", "cat dst", "echo 5 > priority", "cat dst", "echo more > src", "rm iv"):
        shell(session, step)
        name, sentence = session.error()
        assert name == "EINVAL" and said in sentence, step
    session.write("key", KEY)
    assert session.status()["error"] == "none" and session.run(b"data")


def test_a_long_key_too(session):
    session.write("alg", "aes-128-cbc")
    shell(session, "head -c 100 /dev/zero > key; echo data > src; cat dst")
    assert "100 bytes" in session.error()[1] and "at most 16" in session.error()[1]
    session.unlink("key")
    assert session.status()["error"] == "none"


def test_a_key_that_was_there_before_its_algorithm(session):
    session.write("key", b"short")
    with acr.fails("EINVAL"):
        session.write("alg", "aes-256-cbc")
    shell(session, "cat dst")
    assert "key has 5 bytes" in session.error()[1] and "alg" in session.error()[1]
    session.write("key", KEY)
    shell(session, "cat dst")
    assert "write the algorithm to alg first" == session.error()[1]


def test_two_bad_files(session):
    """Each is told in turn."""
    session.write("alg", "aes-256-cbc")
    shell(session, "printf short > key; printf short > iv; echo data > src; cat dst")
    assert "key" in session.error()[1]
    session.write("key", KEY)
    assert "iv has 5 bytes, aes-256-cbc takes 16 bytes" in session.error()[1]
    session.unlink("iv")
    assert session.status()["error"] == "none" and session.run(b"data")


def test_what_was_missing_and_is_there_now(session):
    shell(session, "cat dst")
    assert session.error()[0] == "EINVAL"
    session.write("alg", "sha256")
    assert session.status()["error"] == "none"
    shell(session, "cat dst")
    assert session.error()[0] == "ENODATA"
    session.write("src", b"data")
    assert session.status()["error"] == "none" and session.text("state") == "ready"


def test_the_daemon_s_error_goes_away_too(daemon):
    def error():
        return acr.values(daemon.text("status"))["error"]

    for file, bad, good in (("devices/add", "spoiled", "s1=delay:us=1"), ("devices/remove", "s2", "s1"),
                            ("lb/current", "none", "least-loaded"), ("devices/soft0/ctl", "mend", "repair")):
        with pytest.raises(OSError):
            daemon.write(file, bad + "\n")
        assert error() != "none", file
        daemon.write(file, good + "\n")
        assert error() == "none", file
    with pytest.raises(OSError):
        daemon.write("devices/add", "s3=delay:us=never\n")
    assert error().startswith("s3:")
    daemon.write("devices/soft0/ctl", "repair\n")
    assert error().startswith("s3:")  # another one's success puts nothing right
    daemon.write("devices/add", "s3=delay:us=1\n")
    assert error() == "none"
    daemon.write("devices/remove", "s3\n")


# ---- algorithms ----

@pytest.mark.parametrize("written, meant", [
    ("aes256", "aes-256-gcm"), ("sha-256", "sha256"), ("aes-256", "aes-256-gcm"), ("aes256cbc", "aes-256-cbc"),
    ("hmac", "hmac-sha256"), ("sha-3-256", "sha3-256"), ("hmacsha512", "hmac-sha512"), ("ed-25519", "ed25519"),
    ("chacha20_poly1305", "chacha20-poly1305"), ("rsa", "rsa-sha256"), ("pbkdf2", "pbkdf2-sha256"),
    ("aes-265-gcm", "aes-256-gcm")])
def test_an_unknown_algorithm_suggests_the_nearest(session, written, meant):
    with acr.fails("EOPNOTSUPP"):
        session.write("alg", written)
    sentence = session.error()[1]
    assert written in sentence and "algorithms" in sentence
    assert f"perhaps you mean {meant}:" in sentence


def test_nothing_is_suggested_that_is_far_away(session):
    for written in "enigma", "x", "\x01", "q" * 900:
        with acr.fails("EOPNOTSUPP"):
            session.write("alg", written)
        assert "perhaps" not in session.error()[1]


def test_capitals_are_taken(session):
    session.write("alg", "AES-256-CBC\n")
    assert session.text("alg") == "aes-256-cbc"


# ---- hex digits without hex: ----

@pytest.mark.parametrize("alg, file, size", [("aes-256-cbc", "key", 32), ("aes-256-cbc", "iv", 16),
                                             ("aes-256-gcm", "tag", 16), ("chacha20", "key", 32)])
def test_bare_hex_digits_are_noticed(session, alg, file, size):
    session.write("alg", alg)
    for digits in (os.urandom(size).hex(), os.urandom(size).hex().upper() + "\n"):
        with acr.fails("EINVAL"):
            session.write(file, digits)
        assert "write hex: before them" in session.error()[1]
        assert digits.strip() not in session.text("status")
        session.write(file, "hex:" + digits)
    for other in ("g" * 2 * size, "0" * (2 * size + 2), "0" * (2 * size - 1)):
        with acr.fails("EINVAL"):
            session.write(file, other)
        assert "hex:" not in session.error()[1] or file == "tag"


def test_a_mac_in_hex_digits_is_noticed(daemon):
    with daemon.session(alg="hmac-sha256", key=KEY, format="hex") as s:
        made = s.run(b"data")
        for sig, hint in ((made, True), (b"x" * 64, False)):
            with acr.fails("EINVAL"):
                s.run(b"data", op="verify", sig=sig)
            assert ("write hex: before them" in s.error()[1]) == hint


# ---- numbers in words ----

@pytest.mark.parametrize("files, src, says", [
    ({"alg": "aes-256-wrap", "key": KEY}, 8, "at least 16 bytes"),
    ({"alg": "aes-128-xts", "key": KEY}, 15, "at least 16 bytes"),
    ({"alg": "aes-128-xts", "key": KEY}, (16 << 20) + 1, "at most 16 MiB"),
    ({"alg": "aes-256-ccm", "key": KEY, "iv": bytes(13)}, 65536, "at most 65535 bytes"),
    ({"alg": "modexp", "key": KEY}, 2049, "at most 2048 bytes")])
def test_sizes_are_said_in_words(daemon, files, src, says):
    with daemon.session(**files) as s:
        with acr.fails("EINVAL"):
            s.run(bytes(src))
        assert says in s.error()[1]


@pytest.mark.parametrize("file, value, says", [
    ("deadline", "x", "2^32 - 1"), ("length", "x", "2^30"), ("priority", "x", "65535"),
    ("params", "iterations=x", "50 million"), ("params", "n=x", "2^30")])
def test_bounds_are_said_in_words(session, file, value, says):
    with acr.fails("EINVAL"):
        session.write(file, value)
    assert f"to {says}, not" in session.error()[1]


# ---- empty keys, and adding to a value ----

def test_an_empty_key_is_told_how(session):
    """Linux doesn't tell the daemon of a write of no bytes, and an open that writes nothing changes
    nothing: a file that is missing must not give an empty key."""
    session.write("alg", "hmac-sha256")
    for nothing in ("printf '' > key", "cat /nonexistent > key"):
        shell(session, nothing)
        session.write("src", b"abc")
        with acr.fails("ENOKEY"):
            session.read()
        assert "or hex: for an empty one" in session.error()[1]
    shell(session, "printf hex: > key")
    assert len(session.run(b"abc")) == 32
    session.unlink("key")
    session.write("alg", "aes-256-cbc")
    with acr.fails("ENOKEY"):
        session.run(b"abc")
    assert "hex:" not in session.error()[1]


@pytest.mark.parametrize("file", ["key", "iv", "tag", "sig", "aad", "private"])
def test_adding_to_a_value_is_refused(session, file):
    session.write(file, b"one value")
    assert shell(session, f"printf more >> {file}") != 0
    assert ">>" in session.error()[1]
    if file != "key":
        assert session.read(file) == b"one value"
    assert shell(session, f"printf other > {file}") == 0


def test_adding_to_a_text_replaces_it(session):
    """As in sysfs: each write is one whole value."""
    assert shell(session, "echo sha1 > alg; echo sha256 >> alg") == 0
    assert session.text("alg") == "sha256"


# ---- what other programs encrypted ----

GPG = bytes.fromhex("8c0d040903021122334455667788") + bytes(40)
PUBLIC = bytes.fromhex("85010c03") + bytes(300)


@pytest.mark.parametrize("begins, says", [
    (b"Salted__" + bytes(40), "openssl enc"), (b"age-encryption.org/v1\n-> X25519", "age -d"),
    (b"-----BEGIN PGP MESSAGE-----\n\n", "gpg -d"), (GPG, "gpg -d"), (PUBLIC, "gpg -d"),
    (bytes.fromhex("c32e040903021122") + bytes(40), "gpg -d")])
@pytest.mark.parametrize("stream", ["0", "1"])
def test_a_file_of_another_program_is_noticed_and_not_refused(daemon, begins, says, stream):
    with daemon.session(alg="aes-256-ctr", key=KEY, op="decrypt", iv=bytes(16), stream=stream) as s:
        s.write("src", begins)
        assert says in s.status()["hint"]
        assert len(s.read()) == len(begins)
        s.write("stream", "0")
        s.write("op", "encrypt")
        s.run(begins)
        assert "hint" not in s.status()
        s.write("op", "decrypt")
        s.run(b"of our own: " + begins)
        assert "hint" not in s.status()


def test_what_gpg_and_openssl_make_is_noticed(daemon, tmp_path):
    (tmp_path / "file").write_bytes(b"data")
    makers = {"openssl": ["openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-pass", "pass:x", "-in", "file"],
              "gpg": ["gpg", "--homedir", ".", "--batch", "--passphrase", "x", "-c", "-o", "-", "file"]}
    missing = [name for name in makers if not shutil.which(name)]
    for name in makers.keys() - set(missing):
        made = subprocess.run(makers[name], cwd=tmp_path, capture_output=True, check=True).stdout
        with daemon.session(alg="aes-256-cbc", key=KEY, op="decrypt", src=made) as s:
            assert name in s.status()["hint"]
    if missing:
        pytest.skip(f"not tried with {missing}, which are not here")
