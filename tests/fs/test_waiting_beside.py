# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing hangs behind a blocked reader or writer."""
import contextlib
import os
import select
import subprocess
import time

import pytest

import acr

CONFIG = acr.PATIENT
COMMANDS = {
    "ls": ["ls", "-la", "{dir}"],
    "ls sessions": ["ls", "-l", "{dir}/.."],
    "stat src": ["stat", "{dir}/src"],
    "stat dst": ["stat", "{dir}/dst"],
    "stat": ["stat", "{dir}"],
    "rm src": ["rm", "-f", "{dir}/src"],
    "rm dst": ["rm", "-f", "{dir}/dst"],
    "rm key": ["rm", "-f", "{dir}/key"],
    "rmdir": ["rmdir", "{dir}"],
    "rm -rf": ["rm", "-rf", "{dir}"],
    "chmod": ["chmod", "750", "{dir}"],
    "chmod src": ["chmod", "600", "{dir}/src"],
    "chmod dst": ["chmod", "400", "{dir}/dst"],
    "truncate": ["truncate", "-s", "0", "{dir}/src"],
    "touch": ["touch", "{dir}/src"],
    "open src": ["sh", "-c", "exec 3<>{dir}/src"],
    "append to src": ["sh", "-c", "exec 3>>{dir}/src"],
    "open dst": ["sh", "-c", "exec 3<{dir}/dst"],
    "find": ["find", "{dir}", "-size", "+1000k"],
    "cat status": ["cat", "{dir}/status", "{dir}/state"],
    "cancel": ["sh", "-c", "echo cancel > {dir}/ctl"],
    "reset": ["sh", "-c", "echo reset > {dir}/ctl"],
}
MUST_WORK = {"ls", "stat", "ls sessions", "stat src", "stat dst", "rm src", "rm dst", "rm key", "rmdir", "rm -rf",
             "chmod", "open dst", "find", "cat status", "cancel", "reset"}
ENDS = {"rmdir", "rm -rf", "cancel", "reset", "rm src", "rm key"}


def client(*words, shell=None):
    """A process that blocks on a session; killed at the end, whatever happened."""
    return acr.process(*(["sh", "-c", shell, "sh", *words] if shell else words), stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


def blocked_in(process, number, path):
    """Wait until this single process sleeps in the system call of this number, on a descriptor of this file."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError, IndexError), open(f"/proc/{process.pid}/syscall", encoding="ascii") as f:
            words = f.read().split()
            if words[0] == str(number) and os.readlink(f"/proc/{process.pid}/fd/{int(words[1], 16)}") == str(path):
                return
        time.sleep(0.002)
    raise AssertionError("the client never blocked")


def full(session):
    """Fill the window of a stream until it stays full; the descriptor, which holds the stream open."""
    fd = os.open(session / "src", os.O_WRONLY | os.O_NONBLOCK)
    for _ in range(1 << 14):
        try:
            os.write(fd, bytes(65536))
        except BlockingIOError:
            if not select.select([], [fd], [], 0.1)[1]:
                return fd
    os.close(fd)
    raise AssertionError("the window has no end")


# Numbers of the two system calls.
READ, WRITE = 0, 1
if os.uname().machine in ("aarch64", "riscv64"):
    READ, WRITE = 63, 64


@pytest.mark.sanitize
@pytest.mark.parametrize("command", COMMANDS)
def test_beside_a_blocked_reader(daemon, command):
    with daemon.session(stream="1", alg="hmac-sha256", key=b"k") as s, client("cat", str(s / "dst")) as reader:
        s.wait("queued", "running")
        blocked_in(reader, READ, s / "dst")
        status = acr.quick(*[w.format(dir=s.path) for w in COMMANDS[command]])
        assert status == 0 or command not in MUST_WORK
        if command in ENDS:
            assert reader.wait(30) != 0


@pytest.mark.sanitize
@pytest.mark.parametrize("command", COMMANDS)
def test_beside_a_blocked_writer(daemon, command):
    with daemon.session(stream="1", alg="aes-256-ctr", key=bytes(32)) as s:
        fd = full(s)
        try:
            # Holds the inode's lock in the kernel for as long as the daemon doesn't answer.
            with client("dd", "if=/dev/zero", f"of={s / 'src'}", "bs=1M", "conv=notrunc") as writer:
                blocked_in(writer, WRITE, s / "src")
                status = acr.quick(*[w.format(dir=s.path) for w in COMMANDS[command]])
                assert status == 0 or command not in MUST_WORK
                if command in ENDS and command != "rm key":  # which passes by: nothing runs yet
                    assert writer.wait(30) != 0
        finally:
            os.close(fd)


def test_beside_a_hung_device(daemon):
    """Also where it is the device that never answers."""
    for command in ("ls", "stat dst", "rm dst", "chmod", "cat status", "rm src", "rmdir"):
        with daemon.device("hang:after=0") as hang, \
             daemon.session(alg="sha256", device=hang, src=b"abc") as s, client("cat", str(s / "dst")) as reader:
            blocked_in(reader, READ, s / "dst")
            assert acr.quick(*[w.format(dir=s.path) for w in COMMANDS[command]]) == 0, command
            if command in ENDS:
                assert reader.wait(30) != 0


@pytest.mark.sanitize
def test_kill_9_of_a_blocked_writer(daemon):
    with daemon.session(stream="1", alg="aes-256-ctr", key=bytes(32)) as s:
        fd = full(s)  # so that the writer's first write waits already
        with client("/dev/zero", str(s.path), shell='exec cat "$1" >> "$2"/src') as writer:
            blocked_in(writer, WRITE, s / "src")
            writer.kill()
            assert writer.wait(30) == -9
        os.close(fd)
        out = s.read()  # what was written before, and then the end
        assert len(out) > 65536 and len(out) % 65536 == 16  # with the iv in front


def test_other_sessions_go_on(daemon):
    with daemon.session(stream="1", alg="sha256") as s, client("cat", str(s / "dst")) as reader:
        blocked_in(reader, READ, s / "dst")
        for _ in range(20):
            with daemon.session() as other:
                assert len(other.run(b"abc", alg="sha256")) == 32


def test_many_blocked_readers(daemon):
    """More than the kernel's usual max_background, by one process."""
    sessions = [daemon.session(stream="1", alg="sha256") for _ in range(60)]
    readers = [acr.Background(s.read) for s in sessions]
    for s in sessions:
        s.wait("queued", "running")
    with daemon.session() as other:
        assert len(other.run(b"abc", alg="sha256")) == 32
    for s in sessions:
        s.write("src", b"abc")
    assert len({r.result() for r in readers}) == 1
    for s in sessions:
        s.close()
