# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command `acrypto`: what it prints, and that it always removes its session."""
import hashlib
import hmac
import os
import select
import signal
import subprocess

import pytest

import acr

KEY = bytes(range(32))


@pytest.fixture
def acrypto(daemon, tmp_path):
    """Run it with words; returns the finished process."""
    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "aad").write_bytes(b"header")

    def run(*words, data=b"", status=0):
        done = subprocess.run([acr.BUILD / "acrypto", "-m", daemon.mount, *words], input=data,
                              cwd=tmp_path, capture_output=True, timeout=60, check=False)
        assert done.returncode == status, done.stderr
        assert os.listdir(daemon.mount / "sessions") == []
        return done

    return run


def test_lists(acrypto, daemon):
    assert acrypto("status").stdout.decode().splitlines()
    assert "soft0" in acrypto("devices").stdout.decode()
    assert "aes-256-gcm" in acrypto("algorithms").stdout.decode()
    with daemon.session("mine", alg="sha256"):
        shown = subprocess.run([acr.BUILD / "acrypto", "sessions"], check=True, capture_output=True,
                               env={**os.environ, "ACRYPTO": str(daemon.mount)}).stdout.decode()
    assert shown.splitlines()[1].split()[:4] == ["mine", "new", "hash", "sha256"]


@pytest.mark.parametrize("stream", [[], ["-s"]], ids=["whole", "stream"])
@pytest.mark.parametrize("size", [0, 1, 100_000, 5_000_000])
def test_hash(acrypto, size, stream):
    data = os.urandom(size)
    assert acrypto("run", "-a", "sha256", *stream, data=data).stdout == hashlib.sha256(data).digest()
    text = acrypto("run", "-a", "hmac-sha512", "-k", "key", "-f", "hex", *stream, data=data).stdout
    assert text.decode() == hmac.new(KEY, data, "sha512").hexdigest() + "\n"


@pytest.mark.parametrize("stream", [[], ["-s"]], ids=["whole", "stream"])
def test_aead_round_trip(acrypto, stream):
    data = os.urandom(3_000_000)
    words = ["run", "-a", "aes-256-gcm", "-k", "key", "-A", "aad", *stream]
    sealed = acrypto(*words, data=data).stdout
    assert len(sealed) == 12 + len(data) + 16
    assert acrypto(*words, "-o", "decrypt", data=sealed).stdout == data
    broken = sealed[:-1] + bytes([sealed[-1] ^ 1])
    done = acrypto(*words, "-o", "decrypt", data=broken, status=1)
    assert done.stdout == b"" and done.stderr.startswith(b"acrypto: dst: EBADMSG")


def test_own_iv_gives_the_tag_apart(acrypto):
    words = ["run", "-a", "aes-256-gcm", "-k", "key", "-i", "00" * 12]
    done = acrypto(*words, data=b"text")
    tag = done.stderr.decode().removeprefix("tag: ").strip()
    assert len(done.stdout) == 4 and len(tag) == 32
    assert acrypto(*words, "-o", "decrypt", "-t", tag, data=done.stdout).stdout == b"text"


def test_no_input_is_read_where_none_is_taken(acrypto):
    assert len(acrypto("run", "-o", "random", "-l", "100").stdout) == 100
    derived = acrypto("run", "-a", "pbkdf2-sha256", "-k", "key", "-i", "01" * 16, "-p", "iterations=1000",
                      "-l", "20").stdout
    assert derived == hashlib.pbkdf2_hmac("sha256", KEY, bytes([1] * 16), 1000, 20)


@pytest.mark.parametrize("words, sentence", [
    (["-a", "aes-256-cbc", "-i", "00"], b"16 bytes"),
    (["-a", "rot13"], b"EOPNOTSUPP"),
    (["-a", "aes-256-cbc"], b"ENOKEY"),
    (["-a", "sha256", "-d", "nosuch"], b"ENODEV"),
    (["-a", "sha256", "-k", "/nonexistent"], b"/nonexistent"),
    (["-a", "sha256", "stray"], b"stray"),
    (["-Z"], b"--help"),
])
def test_errors_are_told_in_words(acrypto, words, sentence):
    done = acrypto("run", *words, data=b"x", status=1)
    assert sentence in done.stderr and done.stdout == b""


def test_not_a_mount(tmp_path):
    done = subprocess.run([acr.BUILD / "acrypto", "-m", tmp_path, "status"], capture_output=True,
                          check=False)
    assert done.returncode == 1 and b"-m names the mount point" in done.stderr


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("stream", [[], ["-s"]], ids=["whole", "stream"])
def test_signal_removes_the_session(daemon, sig, stream):
    words = [acr.BUILD / "acrypto", "-m", daemon.mount, "run", "-a", "sha256", *stream]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        # What it has taken from the pipe shows that it has made the session.
        process.stdin.write(bytes(1 << 20))
        process.stdin.flush()
        process.send_signal(sig)
        assert process.wait(20) == 128 + sig
    assert os.listdir(daemon.mount / "sessions") == []


def test_closed_output_removes_the_session(daemon):
    words = [acr.BUILD / "acrypto", "-m", daemon.mount, "run", "-o", "random", "-l", "100000000"]
    reading, writing = os.pipe()
    with subprocess.Popen(words, stdout=writing) as process:
        os.close(writing)
        assert select.select([reading], [], [], 60)[0]
        os.close(reading)
        assert process.wait(60) == 128 + signal.SIGPIPE
    assert os.listdir(daemon.mount / "sessions") == []
