# SPDX-License-Identifier: LGPL-2.1-or-later
"""The file `ioctl` and who calls it: memory, threads, signals, other users, namespaces."""
import contextlib
import ctypes
import hashlib
import mmap
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import pytest

import acr
import binary
from binary import DECRYPT, DST, ENCRYPT, IV, KEY, SRC

ABC = hashlib.sha256(b"abc").digest()
K32, IV16 = bytes(range(32)), bytes(range(16))
PAGE = mmap.PAGESIZE
PR_SET_DUMPABLE = 4
CONFIG = acr.PATIENT


@pytest.fixture
def b(daemon):
    with binary.Binary(daemon) as opened:
        yield opened


@pytest.fixture
def slow(daemon):
    """(name, release) of a device that answers nothing until it is released, four at a time."""
    with daemon.held(width=4) as held:
        yield held


@pytest.fixture
def hanging(daemon):
    """A device that never answers; nothing is waited for at the end."""
    with daemon.device("hang:after=0") as name:
        yield name


def address(m):
    return ctypes.addressof(ctypes.c_char.from_buffer(m))


# ---- bad memory ----

@pytest.mark.sanitize
@pytest.mark.parametrize("pointer", [0, 8, 2**47 - 4, 2**63, 2**64 - 2, 2**64 - 1])
def test_pointers_to_nothing(b, pointer):
    b.alloc("sha256", src=100)
    with acr.fails("EFAULT"):
        b.fill(SRC, pointer, 3)
    assert "pointer" in b.sentence()
    d = binary.Direct(binary.initializer("sha256"), binary.Buffer(pointer, 3))
    with acr.fails("EFAULT"):
        binary.call(b.fd, binary.DIRECT, d)
    b.fill(SRC, b"abc")
    if pointer:
        with acr.fails("EFAULT"):
            binary.call(b.fd, binary.SESSION_ADD, binary.Add(binary.Buffer(pointer, 32)))
    assert b.add() == ABC  # a failed store loses nothing


def test_memory_that_ends_half_way(b):
    area = mmap.mmap(-1, 2 * PAGE)
    where = address(area) + PAGE
    assert binary.libc.mprotect(ctypes.c_void_p(where), ctypes.c_size_t(PAGE), 0) == 0
    b.alloc("sha256", src=100)
    with acr.fails("EFAULT"):
        b.fill(SRC, where - 2, 3)
    b.fill(SRC, where - 3, 3)
    assert b.add() == hashlib.sha256(bytes(3)).digest()


def test_memory_that_may_only_be_read(b):
    area = mmap.mmap(-1, PAGE)
    where = address(area)
    assert binary.libc.mprotect(ctypes.c_void_p(where), ctypes.c_size_t(PAGE), 1) == 0
    d = binary.Direct(binary.initializer("sha256"), binary.Buffer(where, 3), binary.Buffer(where, 32))
    with acr.fails("EFAULT"):
        binary.call(b.fd, binary.DIRECT, d)
    assert area[:3] == bytes(3)


def test_a_call_structure_at_a_bad_place(b):
    for cmd in (binary.SESSION_ALLOC, binary.FILL_DATA, binary.SESSION_ADD, binary.DIRECT, binary.STATUS):
        with acr.fails("EFAULT"):
            binary.call(b.fd, cmd, 8)


# ---- threads and processes ----

@pytest.mark.sanitize
def test_many_threads_on_one_descriptor(b):
    def work(i):
        for k in range(40):
            data = bytes([i, k]) * (1 + 97 * k)
            assert b.direct("sha256", src=data) == hashlib.sha256(data).digest()

    workers = [acr.Background(work, i) for i in range(8)]
    for worker in workers:
        worker.result(60)


def test_threads_that_wait_for_one_session(daemon, b, slow):
    name, release = slow
    b.alloc("sha256", src=3, device=name)
    b.fill(SRC, b"abc")
    workers = [acr.Background(b.add) for _ in range(6)]
    assert acr.until(lambda: daemon.waiting() == 6)
    release()
    assert [w.result() for w in workers] == [ABC] * 6
    assert b.status().requests == 1


def test_threads_that_fill_and_submit_at_random(b):
    """Nothing is promised but that each call ends, with a digest of something given or an errno."""
    b.alloc("sha256", src=200000)
    texts = [bytes([i]) * (1 + 60000 * (i % 3)) for i in range(6)]
    good = {hashlib.sha256(t).digest() for t in texts}

    def work(text):
        for _ in range(30):
            with contextlib.suppress(OSError):
                b.fill(SRC, text)
            with contextlib.suppress(OSError):
                assert b.add() in good

    for worker in [acr.Background(work, text) for text in texts]:
        worker.result(60)


def test_a_thread_with_a_number_of_its_own(b):
    """The kernel tells the thread's number, which is no process's."""
    def work():
        assert threading.get_native_id() != os.getpid()
        return b.direct("sha256", src=b"abc")

    assert acr.Background(work).result() == ABC


@pytest.mark.sanitize
def test_fork_after_alloc(b):
    """The session is the description's, the memory that of who calls."""
    b.alloc("sha256", src=100)
    area = binary.memory(b"parent's")
    out = binary.memory(32)

    def child():
        ctypes.memmove(area, b"child's.", 8)
        b.fill(SRC, area)
        b.fill(DST, out)
        with acr.fails("EBUSY"):
            b.alloc("sha256")

    acr.Child(child).result()
    assert bytes(area) == b"parent's"
    b.wait()
    assert bytes(out) == hashlib.sha256(b"child's.").digest()


def test_the_session_ends_with_the_last_descriptor(daemon, hanging):
    opened = binary.Binary(daemon)
    opened.alloc("sha256", src=3, device=hanging)
    opened.fill(SRC, b"abc")
    child = acr.Child(opened.wait)
    assert acr.until(lambda: daemon.waiting() == 1)
    os.close(opened.fd)  # the child's is still there
    assert daemon.waiting() == 1
    child.kill()
    assert acr.until(lambda: daemon.waiting() == 0)
    assert acr.until(lambda: acr.values(daemon.text("status"))["sessions-active"] == "0")


# ---- waiting ----

class Alarm:
    """SIGALRM again and again, with a handler that does nothing and restarts system calls. One
    alone may come before the call that it is for."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __enter__(self):
        self.old = signal.signal(signal.SIGALRM, lambda *_: None)
        signal.siginterrupt(signal.SIGALRM, False)
        signal.setitimer(signal.ITIMER_REAL, self.seconds, self.seconds)

    def __exit__(self, *exc):
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.old)


@pytest.mark.sanitize
def test_a_signal_ends_waiting_and_the_session_goes_on(b, slow):
    name, release = slow
    b.alloc("sha256", src=3, device=name)
    b.fill(SRC, b"abc")
    with Alarm(0.1), acr.fails("EINTR"):
        b.add()
    assert b.status().state == binary.ACTIVE
    release()
    assert b.add() == ABC
    assert b.status().requests == 1


def test_a_signal_ends_direct(b, slow):
    name, release = slow
    with Alarm(0.1), acr.fails("EINTR"):
        b.direct("sha256", src=b"abc", fields={"device": name})
    release()
    assert b.direct("sha256", src=b"abc", fields={"device": name}) == ABC


def test_a_signal_ends_a_read(b, slow):
    name, release = slow
    b.alloc("sha256", src=3, device=name)
    b.fill(SRC, b"abc")
    libc_read = lambda: binary.libc.read(b.fd, binary.memory(64), ctypes.c_size_t(64))  # noqa: E731
    with Alarm(0.1):
        assert libc_read() == -1 and ctypes.get_errno() == 4
    release()
    assert os.read(b.fd, 64) == ABC


@pytest.mark.sanitize
@pytest.mark.parametrize("call", ["add", "direct"])
def test_kill_9_while_waiting(daemon, hanging, call):
    def work():
        with binary.Binary(daemon) as opened:
            if call == "direct":
                opened.direct("sha256", src=b"abc", fields={"device": hanging})
            opened.alloc("sha256", src=3, device=hanging)
            opened.fill(SRC, b"abc")
            opened.add()

    child = acr.Child(work)
    assert acr.until(lambda: daemon.waiting() == 1)
    child.kill()
    assert acr.until(lambda: daemon.waiting() == 0)
    assert acr.until(lambda: acr.values(daemon.text("status"))["sessions-active"] == "0")


def test_kept_calls_are_counted(start):
    daemon = start("--device", "soft0=soft", "--device", "hang0=hang:after=0",
                   config=acr.PATIENT + "[daemon]\nrequests=3\n")
    def work():
        with binary.Binary(daemon) as opened:
            opened.direct("sha256", src=b"abc", fields={"device": "hang0"})

    children = [acr.Child(work) for _ in range(3)]
    assert acr.until(lambda: daemon.waiting() == 3)
    with acr.fails("EAGAIN"):
        work()
    for child in children:
        child.kill()
    assert acr.until(lambda: daemon.waiting() == 0)


def test_the_end_of_the_daemon_ends_waiting(start):
    daemon = start("--device", "hang0=hang:after=0", config=acr.PATIENT + "[daemon]\ndrain=0\n")
    def work():
        with binary.Binary(daemon) as opened:
            opened.direct("sha256", src=b"abc")

    child = acr.Child(work)
    assert acr.until(lambda: daemon.waiting() == 1)
    assert daemon.stop() == 0
    with acr.fails("ECANCELED"):
        child.result()


def test_many_wait_at_once_without_a_thread(daemon, slow):
    name, release = slow

    def threads():
        return len(os.listdir(f"/proc/{daemon.pid}/task"))

    def work(opened):
        return opened.direct("sha256", src=b"abc", fields={"device": name})

    with binary.Binary(daemon) as opened:
        before = threads()
        workers = [acr.Background(work, opened) for _ in range(100)]
        assert acr.until(lambda: daemon.waiting() == 100)
        # A few may have come to copy memory at the same time; they are not who waits.
        assert acr.until(lambda: threads() < before + 40)
        release()
        assert {worker.result(30) for worker in workers} == {ABC}


# ---- who calls ----

@pytest.mark.sanitize
def test_another_user(daemon):
    def work():
        with binary.Binary(daemon) as opened:
            out = opened.direct("aes-256-cbc", ENCRYPT, b"text", key=K32, iv=IV16)
            opened.alloc("aes-256-cbc", DECRYPT, src=100, key=32, iv=16)
            for kind, data in ((KEY, K32), (IV, IV16), (SRC, out)):
                opened.fill(kind, data)
            return opened.add()

    assert acr.as_user(acr.NOBODY, work) == b"text"


def undumpable(function, *args):
    assert binary.libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
    return function(*args)


def test_who_names_its_memory_has_agreed(daemon, b):
    """That a process is not dumpable says what others may do."""
    acr.need_root("look into what is not dumpable")
    assert acr.Child(undumpable, b.direct, "sha256", 0, b"abc").result() == ABC


def test_who_acts_for_two_users_is_not_looked_into(daemon):
    acr.need_root()
    def work():
        with binary.Binary(daemon) as opened:
            os.setresuid(0, acr.NOBODY, 0)
            opened.alloc("sha256", src=3)
            with acr.fails("EPERM"):
                opened.fill(SRC, b"abc")
            assert "inline" in opened.sentence()
            with acr.fails("EPERM"):
                opened.direct("sha256", src=b"abc")
            opened.send(SRC, b"abc")
            with acr.fails("EPERM"):
                opened.add()
            opened.wait()
            return opened.fetch(DST)

    assert acr.Child(work).result() == (ABC, 32)


def test_a_group_for_a_while(daemon):
    acr.need_root()
    def work():
        with binary.Binary(daemon) as opened:
            os.setresgid(0, acr.NOBODY, 0)
            with acr.fails("EPERM"):
                opened.direct("sha256", src=b"abc")

    acr.Child(work).result()


def test_a_daemon_of_a_user(start):
    """It reaches what the system lets a process of that user reach, and the rest goes inline."""
    daemon = start(uid=acr.NOBODY)

    def work(reachable):
        with binary.Binary(daemon) as opened:
            opened.alloc("sha256", src=3)
            if acr.errno_of(opened.fill, SRC, b"abc"):
                assert not reachable
                with acr.fails("EPERM"):
                    opened.fill(SRC, b"abc")
                opened.send(SRC, b"abc")
                with acr.fails("EPERM"):
                    opened.add()
            opened.wait()
            return opened.fetch(DST)[0]

    # A child that only changed its user isn't dumpable: the daemon can't reach it.
    assert acr.as_user(acr.NOBODY, work, False) == ABC
    yama = pathlib.Path("/proc/sys/kernel/yama/ptrace_scope")
    reachable = not yama.exists() or yama.read_text() == "0\n"

    def dumpable():
        assert binary.libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0
        return work(reachable)

    assert acr.as_user(acr.NOBODY, dumpable) == ABC


def test_a_daemon_without_the_right_to_look(start):
    """What a security policy may take even from root; the data then takes the other ways."""
    acr.need_root("take a right away")
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv here")
    daemon = start(wrapper=("setpriv", "--bounding-set=-sys_ptrace"))

    def work():
        with binary.Binary(daemon) as opened:
            with acr.fails("EPERM"):
                opened.direct("sha256", src=b"abc")
            assert "inline" in opened.sentence()
            opened.alloc("sha256", src=3)
            with acr.fails("EPERM"):
                opened.fill(SRC, b"abc")
            opened.send(SRC, b"abc")
            with acr.fails("EPERM"):
                opened.add()
            opened.wait()
            assert opened.fetch(DST) == (ABC, 32)
            return os.read(opened.fd, 64)

    assert work() == ABC
    assert acr.as_user(acr.NOBODY, work) == ABC


# ---- pid namespaces ----

def unshared(*words):
    """Can a process be started in a new pid namespace?"""
    return not acr.quick("unshare", "--pid", "--fork", *words, "true")


CALLER = """
import sys
sys.path.insert(0, sys.argv[1])
import os, pathlib, types
import binary
with binary.Binary(types.SimpleNamespace(mount=pathlib.Path(sys.argv[2]))) as b:
    try:
        print(os.getpid(), b.direct("sha256", src=b"abc").hex())
    except OSError as e:
        print(e.errno, b.sentence())
"""


def test_a_caller_in_a_namespace_below_ours(daemon):
    if not unshared():
        pytest.skip("no new pid namespace may be made here")
    done = subprocess.run(["unshare", "--pid", "--fork", "/usr/bin/python3", "-c", CALLER, acr.TOP / "tests/lib", daemon.mount],
                          capture_output=True, text=True, check=True)
    assert done.stdout == f"1 {ABC.hex()}\n"


def daemon_below(start, *words):
    """A daemon in a pid namespace of its own, and how to end it: unshare passes no signals on."""
    if not unshared(*words):
        pytest.skip("no new pid namespace may be made here")
    daemon = start(wrapper=("unshare", "--pid", "--fork", *words))
    child = int(pathlib.Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()[0])
    return daemon, lambda: os.kill(child, signal.SIGTERM)


def test_a_caller_in_a_foreign_namespace(start):
    daemon, end = daemon_below(start)
    try:
        with binary.Binary(daemon) as b:
            with acr.fails("ESRCH"):
                b.direct("sha256", src=b"abc")
            assert "namespace" in b.sentence() and "inline" in b.sentence()
            b.alloc("sha256", src=3)
            with acr.fails("ESRCH"):
                b.fill(SRC, b"abc")
            b.send(SRC, b"abc")
            with acr.fails("ESRCH"):
                b.add()
            assert os.read(b.fd, 40) == ABC
    finally:
        end()
        daemon.process.wait(20)


def test_a_proc_of_another_namespace_is_not_believed(start):
    """The daemon is in a pid namespace whose /proc it does not see: numbers there mean others."""
    daemon, end = daemon_below(start)
    try:
        pid = int(pathlib.Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()[0])
        done = subprocess.run(["nsenter", "--pid", f"--target={pid}", "/usr/bin/python3", "-c", CALLER,
                               acr.TOP / "tests/lib", daemon.mount], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"nsenter does not work here: {done.stderr}")
        assert done.stdout.startswith("1 acryptod has no /proc")
    finally:
        end()
        daemon.process.wait(20)
