# SPDX-License-Identifier: LGPL-2.1-or-later
"""No key outside locked memory, and no key or plaintext anywhere once it should be gone.

The daemon's memory is read as root through /proc/PID/mem, every mapping of it, and a core dump
is forced; both are searched for random bytes that were written to the session's files."""
import contextlib
import os
import pathlib
import platform
import re
import shutil
import signal
import stat
import subprocess
import threading

import pytest

import acr
import binary
from known_pkeys import OWN_RSA

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for /proc/PID/mem")

CHUNK = 8 << 20
BIG = 1 << 20


# ---- searching memory ----

def mappings(pid):
    """(start, end, VmFlags, name) of each readable mapping."""
    out, current = [], None
    with open(f"/proc/{pid}/smaps") as smaps:
        for line in smaps:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line)
            if head:
                current = (int(head[1], 16), int(head[2], 16), head[3], head[4])
            elif line.startswith("VmFlags:") and "r" in current[2]:
                out.append((current[0], current[1], set(line.split()[1:]), current[3]))
    return out


def holds(mem, start, end, needles, found, where):
    """Search one mapping in chunks that overlap by the longest needle."""
    overlap = max(map(len, needles.values())) - 1
    at, tail = start, b""
    while at < end:
        try:
            part = os.pread(mem, min(CHUNK, end - at), at)
        except OSError:
            part = b""  # device memory and the like: not ours to read
        if not part:
            return
        data = tail + part
        for name, needle in needles.items():
            if needle in data:
                found.append((name, hex(at - len(tail) + data.find(needle)), where))
        at += len(part)
        tail = data[-overlap:]


def search_memory(pid, needles):
    """(needle's name, address, (VmFlags, mapping's name)) of everything found."""
    found = []
    mem = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        for start, end, flags, name in mappings(pid):
            if name not in ("[vvar]", "[vvar_vclock]", "[vsyscall]"):
                holds(mem, start, end, needles, found, (frozenset(flags), name))
    finally:
        os.close(mem)
    return found


def needles_of(key, *others):
    """What gives a key away: either half of it, as text, and as HMAC's two pads have it."""
    half = len(key) // 2
    needles = {"first half": key[:half], "second half": key[half:],
               "hex text": key.hex().encode()[:32], "HEX text": key.hex().upper().encode()[:32],
               "inner pad": bytes(b ^ 0x36 for b in key), "outer pad": bytes(b ^ 0x5c for b in key)}
    needles.update((f"other {i}", other) for i, other in enumerate(others))
    return needles


def unlocked(found):
    return [(name, address, where) for name, address, where in found if "lo" not in where[0]]


def dumpable(found):
    return [(name, address, where) for name, address, where in found if "dd" not in where[0]]


def assert_gone(daemon, needles):
    # Wiping may follow the answer to rmdir by a moment: the last reference is a worker's.
    found = acr.until(lambda: not search_memory(daemon.pid, needles), seconds=5)
    assert found, search_memory(daemon.pid, needles)


def test_the_search_finds_what_is_there():
    """The search itself: it sees this process's own memory, and whether that is locked."""
    secret = os.urandom(32)
    found = search_memory(os.getpid(), {"secret": secret})
    assert found and unlocked(found)


# ---- keys ----

KEYED = {"aes-256-gcm": 32, "aes-256-cbc": 32, "aes-128-ctr": 16, "aes-256-xts": 64,
         "chacha20-poly1305": 32, "hmac-sha256": 32, "hmac-sha512": 32, "kmac-256": 32,
         "cmac-aes-256": 32, "poly1305": 32, "hkdf-sha256": 32, "pbkdf2-sha256": 32,
         "aes-256-wrap": 32, "des-ede3-cbc": 24, "ed25519": 32, "ed448": 57,
         "ecdsa-prime256v1-sha256": 32}


def use(s, alg, src):
    """One request with whatever the algorithm takes."""
    if alg.startswith(("hkdf", "pbkdf2")):
        return s.read("dst")
    return s.run(src)


@pytest.mark.parametrize("alg", KEYED)
def test_key_is_only_in_locked_memory_and_then_nowhere(daemon, alg):
    key, src = os.urandom(KEYED[alg]), os.urandom(4096)
    needles = needles_of(key)
    with daemon.session(alg=alg, key=key) as s:
        found = search_memory(daemon.pid, needles)
        assert not unlocked(found), "after the write"
        assert not dumpable(found), "after the write"
        assert {"first half", "second half"} <= {name for name, *_ in found}, "not found at all?"
        use(s, alg, src)
        found = search_memory(daemon.pid, needles)
        assert not unlocked(found), "after use"
        assert not dumpable(found), "after use"
        s.unlink("key")
        assert_gone(daemon, needles)
        s.write("key", key)
        use(s, alg, src)
    assert_gone(daemon, needles)


def test_numbers_of_an_rsa_key_are_wiped(daemon):
    """They are needed in other forms than that of the file: words, least significant first."""
    numbers = {f"{name} {order}": number.to_bytes(size, order)[:32]
               for name, number, size in (("p", OWN_RSA.p, 80), ("q", OWN_RSA.q, 80), ("d", OWN_RSA.d, 160))
               for order in ("big", "little")}
    with daemon.session(alg="rsa-sha256", key=OWN_RSA.private_der()) as s:
        s.run(b"data")
        found = search_memory(daemon.pid, numbers)
        assert found and not unlocked(found) and not dumpable(found)
        assert not [name for name, *_ in found if "little" in name], "the file alone is kept"
        s.write("alg", "modexp")
        s.write("op", "decrypt")
        s.run(b"data")
    assert_gone(daemon, numbers)


def test_key_written_as_hex(daemon):
    key = os.urandom(32)
    needles = needles_of(key)
    with daemon.session(alg="aes-256-ctr", key=f"hex:{key.hex()}\n") as s:
        s.run(b"text")
        found = search_memory(daemon.pid, needles)
        assert found and not unlocked(found)
    assert_gone(daemon, needles)


def test_refused_key_is_not_kept(daemon):
    """33 bytes are no AES key; a bad `hex:` is no key either. Both were secrets all the same."""
    key = os.urandom(33)
    with daemon.session(alg="aes-256-cbc") as s:
        for bad in (key, f"hex:{key.hex()}", f"hex:{key.hex()}zz"):
            with pytest.raises(OSError):
                s.write("key", bad)
        assert_gone(daemon, needles_of(key))


def test_key_replaced_reset_and_removed(daemon):
    keys = [os.urandom(32) for _ in range(4)]
    with daemon.session(alg="aes-256-gcm", key=keys[0]) as s:
        s.run(b"one")
        s.write("key", keys[1])
        assert_gone(daemon, needles_of(keys[0]))
        s.run(b"two")
        s.write("ctl", "reset")
        assert_gone(daemon, needles_of(keys[1]))
        s.write("alg", "aes-256-gcm")
        s.write("key", keys[2])
        s.unlink("key")
        assert_gone(daemon, needles_of(keys[2]))
        s.write("key", keys[3])
    assert_gone(daemon, needles_of(keys[3]))


def test_key_of_a_client_that_died(daemon):
    """A client killed between write and close leaves its key to its session, and rmdir wipes it."""
    key = os.urandom(32)
    with daemon.session(alg="aes-256-cbc") as s:
        pid = os.fork()
        if not pid:
            fd = os.open(s / "key", os.O_WRONLY | os.O_TRUNC)
            os.write(fd, key)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(pid, 0)
        assert not unlocked(search_memory(daemon.pid, needles_of(key)))
    assert_gone(daemon, needles_of(key))


@contextlib.contextmanager
def running_stream(daemon, key, src):
    """A stream session with its reader and writer in the middle of it."""
    with daemon.session(alg="aes-256-ctr", key=key, stream="1") as s:
        out = os.open(s / "dst", os.O_RDONLY)
        into = os.open(s / "src", os.O_WRONLY | os.O_TRUNC)
        try:
            feed = threading.Thread(target=os.write, args=(into, src))
            feed.start()
            seen = b""
            while len(seen) < len(src):
                seen += os.read(out, 1 << 16)
            feed.join()
            yield s
        finally:
            os.close(into)
            os.close(out)


def test_stream_that_runs(daemon):
    key, src = os.urandom(32), os.urandom(BIG)
    needles = needles_of(key)
    with running_stream(daemon, key, src):
        found = search_memory(daemon.pid, needles)
        assert found and not unlocked(found) and not dumpable(found)
    assert_gone(daemon, needles | {"plaintext": src[:32], "its end": src[-32:]})


def test_sessions_at_work_side_by_side(daemon):
    keys = {alg: os.urandom(size) for alg, size in KEYED.items()}
    with contextlib.ExitStack() as stack:
        for alg, key in keys.items():
            s = stack.enter_context(daemon.session(alg=alg, key=key))
            use(s, alg, os.urandom(1 << 16))
        needles = {f"{alg} {name}": needle for alg, key in keys.items()
                   for name, needle in needles_of(key).items()}
        assert not unlocked(search_memory(daemon.pid, needles))
    assert_gone(daemon, needles)


# ---- plaintext ----

@pytest.mark.parametrize("alg,size", [("aes-256-gcm", 100), ("aes-256-gcm", BIG),
                                      ("aes-256-cbc", 4096), ("aes-256-ctr", BIG),
                                      ("hmac-sha256", BIG), ("sha256", 100), ("sha3-256", BIG)])
def test_plaintext_is_wiped(daemon, alg, size):
    src = os.urandom(size)
    needles = {"its start": src[:32], "its middle": src[size // 2 - 16:size // 2 + 16],
               "its end": src[-32:]}
    files = {"key": os.urandom(32)} if not alg.startswith("sha") else {}
    with daemon.session(alg=alg, **files) as s:
        s.write("src", src)
        found = search_memory(daemon.pid, needles)
        assert found and not dumpable(found), "while it waits"
        dst = s.read("dst")
        assert not dumpable(search_memory(daemon.pid, needles)), "when it is done"
    assert_gone(daemon, needles)
    if alg.startswith("aes"):
        check_decrypted_is_wiped(daemon, alg, files["key"], dst, needles)


def check_decrypted_is_wiped(daemon, alg, key, dst, needles):
    with daemon.session(alg=alg, op="decrypt", key=key) as s:
        s.run(dst)
        found = search_memory(daemon.pid, needles)
        assert found and not dumpable(found), "decrypted"
    assert_gone(daemon, needles)


def test_derived_key_and_refused_plaintext_are_wiped(daemon):
    with daemon.session(alg="hkdf-sha256", key=os.urandom(32)) as s:
        derived = s.read("dst")
        assert not dumpable(search_memory(daemon.pid, {"derived": derived}))
    assert_gone(daemon, {"derived": derived})
    key, src = os.urandom(32), os.urandom(BIG)
    with daemon.session(alg="aes-256-gcm", key=key) as s:
        both = bytearray(s.run(src))
    both[-1] ^= 1
    with daemon.session(alg="aes-256-gcm", op="decrypt", key=key) as s:
        with pytest.raises(OSError):
            s.run(both)
        assert_gone(daemon, {"unverified": src[:32], "its end": src[-32:]})


# ---- registers ----

@pytest.fixture
def registers(start, tmp_path):
    """A daemon, and a function that gives what its threads' vector registers held, 16 bytes each,
    when they answered. A core has them, too."""
    if platform.machine() != "x86_64" or " xsave " not in pathlib.Path("/proc/cpuinfo").read_text():
        pytest.skip("how to save the vector registers is known for x86-64 with XSAVE")
    library, saved = tmp_path / "reply_registers.so", tmp_path / "saved"
    source = pathlib.Path(__file__).parent / "reply_registers.c"
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-fPIC", "-shared",
                    "-o", library, source], check=True)
    daemon = start(env={"LD_PRELOAD": str(library), "ACR_REGISTERS": str(saved)})

    def held():
        data = saved.read_bytes()
        assert len(data) >= 4096, "no answer was seen"
        return {data[i:i + 16] for i in range(0, len(data), 16)}
    return daemon, held


def test_registers_are_clean_before_an_answer(registers):
    """Who has an answer may take a core at once, before the thread gets further."""
    daemon, held = registers
    key, src = os.urandom(32), os.urandom(3 << 14)
    short = src[-200:]  # memcpy(3) takes other registers for it, if it takes any for both
    for encode in (bytes, lambda k: b"hex:" + k.hex().encode()):
        with daemon.session(alg="aes-256-ctr", key=encode(key)) as s:
            s.run(short)
        with daemon.session(alg="aes-256-ctr", key=encode(key)) as s:
            out = s.run(src)
        with daemon.session(alg="aes-256-ctr", key=encode(key), op="decrypt") as s:
            assert s.run(out) == src
            s.write("format", "hex")
            assert s.read() == src.hex().encode() + b"\n"
    with binary.Binary(daemon) as b:
        b.direct("aes-256-ctr", binary.ENCRYPT, src, key=key, iv=bytes(16))
        b.alloc("hmac-sha256", src=len(src), key=32)
        b.fill(binary.KEY, key)
        b.fill(binary.SRC, src)
        b.add()
    secrets = b" ".join((src, key, src.hex().encode(), key.hex().encode()))
    assert not [piece.hex() for piece in held() if piece in secrets]


# ---- core dumps ----

def start_and_use(start, config, folder):
    """A daemon in a folder of its own, with a session at work, a key and a plaintext."""
    folder.mkdir()
    daemon = start(config=config, wrapper=("prlimit", "--core=unlimited:unlimited", "env", "-C",
                                           str(folder)))
    key, src = os.urandom(32), os.urandom(BIG)
    for alg in ("aes-256-gcm", "hmac-sha256"):
        daemon.session(alg=alg, key=key).run(src)
    waiting = daemon.session(alg="aes-256-cbc", key=key)
    waiting.write("src", src)
    return daemon, needles_of(key) | {"plaintext": src[:32], "its end": src[-32:]}


def limits(daemon):
    with open(f"/proc/{daemon.pid}/limits") as lines:
        line = next(one for one in lines if one.startswith("Max core file size"))
    return line.split()[4:6]


def search_core(path, needles):
    found = []
    with open(path, "rb") as core:
        holds(core.fileno(), 0, os.fstat(core.fileno()).st_size, needles, found, str(path))
    return found


def abort(daemon, folder):
    """SIGABRT; the core that the kernel left in the daemon's folder, or None."""
    os.kill(daemon.pid, signal.SIGABRT)
    daemon.process.wait(60)
    return next(folder.glob("core*"), None)


def test_no_core_unless_asked_for(start, tmp_path):
    daemon, _ = start_and_use(start, None, tmp_path / "d")
    assert limits(daemon)[0] == "0"
    assert abort(daemon, tmp_path / "d") is None


def test_core_that_was_asked_for_holds_no_secret(start, tmp_path):
    daemon, needles = start_and_use(start, "[daemon]\ncore-dumps=yes\n", tmp_path / "d")
    assert limits(daemon)[0] != "0"
    with open("/proc/sys/kernel/core_pattern") as pattern:
        if pattern.read().strip() not in ("core", "core.%p"):
            pytest.skip("the kernel puts cores elsewhere: see the test with gcore")
    core = abort(daemon, tmp_path / "d")
    assert core is not None and core.stat().st_size > 100_000
    assert b"acryptod" in core.read_bytes()
    assert not search_core(core, needles)


@pytest.mark.skipif(not shutil.which("gcore"), reason="gdb's gcore is not installed")
def test_core_made_by_gcore_holds_no_secret(start, tmp_path):
    daemon, needles = start_and_use(start, "[daemon]\ncore-dumps=yes\n", tmp_path / "d")
    subprocess.run(["gcore", "-o", str(tmp_path / "by-gdb"), str(daemon.pid)], check=True,
                   capture_output=True)
    core = next(tmp_path.glob("by-gdb*"))
    assert core.stat().st_size > 100_000
    assert not search_core(core, needles)


def may_read_memory(uid, pid):
    """Whether another process of that user gets at the daemon's memory."""
    return acr.as_user(uid, acr.errno_of, open, f"/proc/{pid}/mem", "rb") is None


def test_not_dumpable_for_its_own_user(start):
    """The daemon of a user can't be read or traced by that user's other processes."""
    uid = acr.NOBODY
    daemon = start(uid=uid)
    assert os.stat(f"/proc/{daemon.pid}/maps").st_uid == 0  # the kernel's mark of it
    assert not may_read_memory(uid, daemon.pid)
    daemon = start(uid=uid, config="[daemon]\ncore-dumps=yes\n")
    assert os.stat(f"/proc/{daemon.pid}/maps").st_uid == uid


# ---- log, and root ----

def test_no_key_in_the_log(start):
    daemon = start("--log-level", "debug")
    key, src = os.urandom(32), os.urandom(1000)
    for alg in KEYED:
        with daemon.session(alg=alg) as s, contextlib.suppress(OSError):
            s.write("key", (key * 2)[:KEYED[alg]])
            use(s, alg, src)
            s.write("key", f"hex:{key.hex()}")
            use(s, alg, src)
    for bad in (key[:31], f"hex:{key.hex()}x"):
        with daemon.session(alg="aes-256-cbc") as s, contextlib.suppress(OSError):
            s.write("key", bad)
    log = daemon.logfile.read_bytes()
    assert log, "nothing logged at debug level"
    for secret in (key, key[:16], src[:16]):
        assert secret not in log
        assert secret.hex().encode() not in log.lower()


def test_root_cannot_read_a_key(daemon):
    with daemon.session(alg="aes-256-cbc", key=os.urandom(32)) as s:
        assert stat.S_IMODE(os.stat(s / "key").st_mode) & 0o444 == 0
        for flags in (os.O_RDONLY, os.O_RDWR):
            with pytest.raises(PermissionError):
                os.open(s / "key", flags)
