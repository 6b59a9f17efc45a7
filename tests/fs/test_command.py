# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command `acrypto`: what it prints, and that it always removes its session."""
import hashlib
import hmac
import os
import pwd
import re
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
    names = {line.split()[0] for line in acrypto("devices").stdout.decode().splitlines()[1:]}
    assert names == {n for n in os.listdir(daemon.mount / "devices") if (daemon.mount / "devices" / n).is_dir()}


def test_sessions(daemon):
    def shown():
        done = subprocess.run([acr.BUILD / "acrypto", "sessions"], check=True, capture_output=True,
                              env={**os.environ, "ACRYPTO": str(daemon.mount)})
        return [line.split() for line in done.stdout.decode().splitlines()]

    me = pwd.getpwuid(os.getuid()).pw_name
    with daemon.session("mine", alg="sha256") as s:
        heads, row = shown()
        assert heads == ["name", "state", "op", "alg", "device", "owner", "age"]
        assert row[:6] == ["mine", "new", "hash", "sha256", "-", me] and re.fullmatch(r"\d+s", row[6])
        s.run(b"x")
        assert shown()[1][:6] == ["mine", "done", "hash", "sha256", "soft0", me]
    with daemon.session("bound", alg="sha256", device="soft0"):
        assert shown()[1][4] == "soft0"


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
    assert done.stdout == b"" and done.stderr.startswith(b"acrypto: EBADMSG: ")


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


@pytest.mark.parametrize("alg", ["hkdf-sha256", "pbkdf2-sha256", "scrypt"])
def test_no_empty_salt_by_accident(acrypto, alg):
    words = ["run", "-a", alg, "-k", "key", "-l", "20"]
    done = acrypto(*words, status=1)
    assert done.stdout == b"" and b"-i" in done.stderr and b"salt" in done.stderr
    assert len(acrypto(*words, "-i", "").stdout) == 20


def test_an_agreement_takes_the_key_of_the_other(acrypto, tmp_path):
    """Standard input is the peer's key, and no salt is asked for."""
    for name in ("mine", "other"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "x25519", "-out", tmp_path / name], check=True)
        subprocess.run(["openssl", "pkey", "-in", tmp_path / name, "-pubout", "-out", tmp_path / f"{name}.pub"],
                       check=True)
    secrets = {acrypto("run", "-a", "x25519", "-k", a, data=(tmp_path / f"{b}.pub").read_bytes()).stdout
               for a, b in (("mine", "other"), ("other", "mine"))}
    assert len(secrets) == 1 and len(secrets.pop()) == 32


@pytest.mark.parametrize("stream", [[], ["-s"]], ids=["whole", "stream"])
def test_verify(acrypto, tmp_path, stream):
    words = ["run", "-a", "hmac-sha256", "-k", "key", *stream]
    (tmp_path / "mac").write_bytes(acrypto(*words, data=b"text").stdout)
    done = acrypto(*words, "-o", "verify", "-S", "mac", data=b"text")
    assert (done.stdout, done.stderr) == (b"valid\n", b"")
    done = acrypto(*words, "-o", "verify", "-S", "mac", data=b"test", status=1)
    assert done.stdout == b"" and done.stderr.startswith(b"acrypto: EBADMSG: ")
    done = acrypto(*words, "-o", "verify", data=b"text", status=1)
    assert b"-S" in done.stderr


@pytest.mark.parametrize("words, sentence", [
    (["-a", "aes-256-cbc", "-i", "00"], r"-i: EINVAL: .*16 bytes"),
    (["-i", "00", "-a", "aes-256-cbc"], r"-i: EINVAL: .*16 bytes"),
    (["-a", "rot13"], r"-a: EOPNOTSUPP"),
    (["-a", "aes-256-cbc"], r"ENOKEY: .*key: -k"),
    (["-o", "random"], r"EINVAL: .*length: -l"),
    ([], r"EINVAL: .*alg: -a"),
    (["-a", "sha256", "-d", "nosuch"], r"ENODEV"),
    (["-a", "sha256", "-k", "/nonexistent"], r"-k /nonexistent: No such file"),
    (["-a", "sha256", "-k", "/proc"], r"-k /proc: Is a directory"),
])
def test_errors_are_told_in_words(acrypto, words, sentence):
    done = acrypto("run", *words, data=b"x", status=1)
    assert re.match(f"acrypto: {sentence}", done.stderr.decode()) and done.stdout == b""


@pytest.mark.parametrize("words, sentence", [
    (["run", "-a", "sha256", "stray"], "stray"),
    (["run", "-Z"], "-Z is no option"),
    (["run", "-a"], "-a needs a value"),
    (["frobnicate"], "frobnicate: no such command"),
    (["status", "stray"], "stray"),
    ([], "a command is needed"),
    (["-m"], "requires an argument"),
])
def test_a_command_line_that_cannot_be_understood(words, sentence):
    done = subprocess.run([acr.BUILD / "acrypto", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and sentence in done.stderr and done.stdout == ""


def test_version(daemon):
    done = subprocess.run([acr.BUILD / "acrypto", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"acrypto {acr.values(daemon.text('version'))['version']}\n"


def run_with(daemon, words, **where):
    done = subprocess.run([acr.BUILD / "acrypto", "-m", daemon.mount, *words], stderr=subprocess.PIPE, text=True,
                          timeout=60, check=False, **where)
    assert os.listdir(daemon.mount / "sessions") == []
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", [["run", "-a", "sha256"], ["run", "-a", "sha256", "-s"], ["status"],
                                   ["--version"]])
def test_output_that_takes_nothing(daemon, words):
    with open("/dev/full", "wb") as full:
        got = run_with(daemon, words, stdin=subprocess.DEVNULL, stdout=full)
    assert got == (1, "acrypto: standard output: No space left on device\n")


@pytest.mark.parametrize("stream", [[], ["-s"]], ids=["whole", "stream"])
def test_input_that_gives_nothing(daemon, stream):
    folder = os.open("/", os.O_RDONLY)
    got = run_with(daemon, ["run", "-a", "sha256", *stream], stdin=folder, stdout=subprocess.DEVNULL)
    os.close(folder)
    assert got == (1, "acrypto: standard input: Is a directory\n")


def test_not_a_mount(tmp_path):
    done = subprocess.run([acr.BUILD / "acrypto", "-m", tmp_path, "status"], capture_output=True,
                          check=False)
    assert done.returncode == 1 and b"-m names the mount point" in done.stderr


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("stream", [[], ["-s"]], ids=["whole", "stream"])
def test_signal_removes_the_session(daemon, sig, stream):
    words = [acr.BUILD / "acrypto", "-m", daemon.mount, "run", "-a", "sha256", *stream]
    with acr.process(*words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        # What it has taken from the pipe shows that it has made the session.
        process.stdin.write(bytes(1 << 20))
        process.stdin.flush()
        process.send_signal(sig)
        assert process.wait(20) == 128 + sig
    assert os.listdir(daemon.mount / "sessions") == []


def test_closed_output_removes_the_session(daemon):
    words = [acr.BUILD / "acrypto", "-m", daemon.mount, "run", "-o", "random", "-l", "100000000"]
    reading, writing = os.pipe()
    with acr.process(*words, stdout=writing) as process:
        os.close(writing)
        assert select.select([reading], [], [], 60)[0]
        os.close(reading)
        assert process.wait(60) == 128 + signal.SIGPIPE
    assert os.listdir(daemon.mount / "sessions") == []
