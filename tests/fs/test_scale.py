# SPDX-License-Identifier: LGPL-2.1-or-later
"""Much at once: 10 GiB in one stream, 1,000 sessions, 200 processes, 200 waiting reads.

ACR_QUICK shortens all of it for builds under sanitizers (and says so); ACR_SEED repeats a run."""
import concurrent.futures
import hashlib
import hmac
import os
import pathlib
import random
import subprocess
import threading
import time

import pytest

import acr

ciphers = pytest.importorskip("cryptography.hazmat.primitives.ciphers",
                              reason="python3-cryptography is not installed")
aead = pytest.importorskip("cryptography.hazmat.primitives.ciphers.aead")

pytestmark = [pytest.mark.sanitize, pytest.mark.slow, pytest.mark.alone]

QUICK = bool(os.environ.get("ACR_QUICK"))
SEED = int(os.environ.get("ACR_SEED") or random.SystemRandom().randrange(1 << 30))
MiB, GiB = 1 << 20, 1 << 30
RSS_LIMIT = 64 * MiB
HERE = pathlib.Path(__file__).parent


def scaled(full, quick, what):
    """The full count, or a shortened one that is printed."""
    if QUICK:
        print(f"ACR_QUICK: {quick} instead of {full} {what}")
    return quick if QUICK else full


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Compile one of the C helpers beside this file."""
    folder = tmp_path_factory.mktemp("bin")

    def build(name):
        program = folder / name
        if not program.exists():
            subprocess.run([os.environ.get("CC", "cc"), "-O2", "-std=gnu11", "-Wall", "-Wextra",
                            "-o", program, HERE / f"{name}.c", "-pthread"], check=True)
        folder.parent.chmod(0o755)
        folder.chmod(0o755)
        return program

    return build


def memory(daemon, field):
    """VmRSS or VmHWM in bytes."""
    with open(f"/proc/{daemon.pid}/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith(field + ":"))


def descriptors(daemon):
    acr.need_root("count the daemon's descriptors")
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))


def threads(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/task"))


def assert_nothing_left(daemon, before):
    """No session, and as many descriptors and threads as before, once the last reply is out."""
    assert os.listdir(daemon.mount / "sessions") == []
    gone = acr.until(lambda: descriptors(daemon) <= before[0] and threads(daemon) <= before[1])
    assert gone, f"(descriptors, threads) {before} -> {descriptors(daemon), threads(daemon)}"


def crypt(key, mode, data):
    """AES in a mode of python3-cryptography."""
    return ciphers.Cipher(ciphers.algorithms.AES(key), mode).encryptor().update(data)


def ctr(key, iv, data):
    return crypt(key, ciphers.modes.CTR(iv), data)


# ---- one very long stream ----

def keystream(key, iv, offset, size):
    """AES-CTR of zeros, from a byte offset that is a multiple of 16."""
    counter = (int.from_bytes(iv, "big") + offset // 16) % (1 << 128)
    return ctr(key, counter.to_bytes(16, "big"), bytes(size))


def read_and_check(path, key, iv, total):
    """Read a stream of encrypted zeros to its end; compare the first and last MiB and some
    in between. Returns the bytes read."""
    buffer, at = bytearray(MiB), 0
    checks = {i * (total // 16) // MiB * MiB for i in range(16)} | {total - MiB}
    with open(path, "rb", buffering=0) as f:
        while True:
            filled = 0
            while filled < MiB and (n := f.readinto(memoryview(buffer)[filled:])):
                filled += n
            if at in checks:
                assert buffer[:filled] == keystream(key, iv, at, filled), f"wrong from {at} on"
                checks.discard(at)
            at += filled
            if filled < MiB:
                assert not checks, checks
                return at


LONG = GiB if QUICK else 10 * GiB
SLOWEST = 8 * MiB  # bytes a second; ten times that on an idle machine


@pytest.mark.timeout(LONG // SLOWEST)
def test_long_stream_in_little_memory(start):
    acr.need_root("have the daemon's memory counted anew")
    total = scaled(10 * GiB, LONG, "bytes of stream")
    daemon = start()
    key, iv = os.urandom(32), os.urandom(15) + b"\xff"
    # Not clear_refs alone: a first request loads what every later one needs.
    with daemon.session(alg="aes-256-ctr", key=key) as s:
        s.run(bytes(MiB))
    with open(f"/proc/{daemon.pid}/clear_refs", "w") as f:
        f.write("5")
    with daemon.session(alg="aes-256-ctr", key=key, iv=iv, stream="1") as s:
        begin = time.monotonic()
        with acr.process("dd", "if=/dev/zero", f"of={s / 'src'}", "bs=1M", "status=none",
                         f"count={total // MiB}") as writer:
            got = read_and_check(s / "dst", key, iv, total)
            writer.wait(60)
        took = time.monotonic() - begin
        assert writer.returncode == 0 and got == total
        status = s.status()
        assert (status["bytes-in"], status["bytes-out"]) == (str(total), str(total))
    peak = memory(daemon, "VmHWM")
    print(f"{total / GiB:.0f} GiB in {took:.1f} s, {total / MiB / took:.0f} MiB/s, peak RSS "
          f"{peak / MiB:.1f} MiB")
    assert QUICK or peak < RSS_LIMIT


# ---- many sessions at once ----

def test_a_thousand_sessions_at_once(daemon):
    count = scaled(1000, 200, "sessions")
    before = descriptors(daemon), threads(daemon)
    key, base = os.urandom(32), os.urandom(MiB)
    made = []

    def data(i):
        return i.to_bytes(8, "big") + base[8:]

    def work(i, s):
        """Read, check and end one; the IV of each is its own."""
        assert s.read("dst") == ctr(key, i.to_bytes(16, "big"), data(i)), i
        s.close()

    try:
        for i in range(count):
            made.append(daemon.session(alg="aes-256-ctr", key=key, iv=i.to_bytes(16, "big"),
                                       src=data(i)))
        assert len(os.listdir(daemon.mount / "sessions")) == count
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for one in [pool.submit(work, i, s) for i, s in enumerate(made)]:
                one.result()
    finally:
        for s in made:
            s.__exit__()
    # Worker threads may stay, but not one for each session.
    assert os.listdir(daemon.mount / "sessions") == []
    assert acr.until(lambda: descriptors(daemon) <= before[0] + 4), (before, descriptors(daemon))
    assert acr.until(lambda: threads(daemon) < before[1] + 64)


# ---- many processes ----

def cases_text(rng, each):
    """What stress_sessions reads: answers computed here, without the daemon."""
    lines = []

    def case(op, alg, src, dst, key=b"", iv=b"", tag=b""):
        lines.append(" ".join([op, alg] + [part.hex() or "-" for part in (key, iv, tag, src)] +
                              ["?" if dst is None else dst.hex() or "-"]))

    for _ in range(each):
        size = rng.choice([rng.randrange(65537), rng.randrange(4096), rng.randrange(64)])
        src, key, iv = rng.randbytes(size), rng.randbytes(32), rng.randbytes(16)
        for mode in ("ctr", "ofb", "cfb"):
            dst = crypt(key, getattr(ciphers.modes, mode.upper())(iv), src)
            case("encrypt", f"aes-256-{mode}", src, dst, key, iv)
            case("decrypt", f"aes-256-{mode}", dst, src, key, iv)
        both = aead.AESGCM(key).encrypt(iv[:12], src, None)
        case("decrypt", "aes-256-gcm", both[:-16], src, key, iv[:12], both[-16:])
        both = aead.ChaCha20Poly1305(key).encrypt(iv[:12], src, None)
        case("decrypt", "chacha20-poly1305", iv[:12] + both, src, key)
        for alg in ("aes-256-cbc", "aes-256-gcm", "aes-256-ctr", "camellia-256-cbc"):
            case("encrypt", alg, src, None, key)
        for name in ("sha256", "sha3-512", "blake2b512"):
            python = {"sha3-512": "sha3_512", "blake2b512": "blake2b"}.get(name, name)
            case("hash", name, src, hashlib.new(python, src).digest())
            case("mac", f"hmac-{name}", src, hmac.new(key, src, python).digest(), key)
    return "\n".join(lines) + "\n"


@pytest.fixture
def cases(tmp_path):
    """A file of cases that other users may read."""
    print(f"ACR_SEED={SEED}")
    folder = tmp_path
    while folder != pathlib.Path("/") and folder.stat().st_uid == os.getuid():
        if not folder.stat().st_mode & 1:
            folder.chmod(0o755)
        folder = folder.parent
    path = tmp_path / "cases"
    path.write_text(cases_text(random.Random(SEED), 6))
    path.chmod(0o644)
    return path


def stress(program, daemon, cases, processes, sessions, *device, **kwargs):
    words = [program, daemon.mount / "sessions", cases, str(processes), str(sessions), str(SEED)]
    return subprocess.run([*words, *device], capture_output=True, text=True, check=False, **kwargs)


def test_two_hundred_processes(daemon, compiled, cases):
    program = compiled("stress_sessions")
    processes = scaled(200, 40, "processes")
    sessions = scaled(100, 20, "sessions each")
    # Once at full breadth, so that what the daemon keeps for good (workers, say) is there.
    assert stress(program, daemon, cases, processes, 1).returncode == 0
    before = descriptors(daemon), threads(daemon)
    begin = time.monotonic()
    run = stress(program, daemon, cases, processes, sessions)
    took = time.monotonic() - begin
    assert run.returncode == 0, f"ACR_SEED={SEED}\n{run.stdout[-3000:]}{run.stderr[-500:]}"
    print(f"{processes * sessions} sessions in {took:.1f} s: {processes * sessions / took:.0f}/s")
    assert_nothing_left(daemon, before)


# ---- many reads that wait ----

USER, OTHER = 65534, 65533


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to act as two users")
@pytest.mark.parametrize("device", ["hang0", "-"], ids=["hanging-device", "stream"])
@pytest.mark.parametrize("way", ["threads", "aio", "uring"])
def test_waiting_reads_of_one_user_disturb_no_other(start, compiled, cases, way, device):
    """200 reads of `dst` wait for a device that hangs, or for streams nobody writes to."""
    count = 200
    daemon = start("--device", "soft0=soft", "--device", "hang0=hang:after=0")
    reader, program = compiled("waiting_reads"), compiled("stress_sessions")
    with acr.process(reader, way, daemon.mount / "sessions", count, device, user=USER, group=USER,
                     extra_groups=[], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                     text=True) as waiting:
        first = waiting.stdout.readline()
        if not first and waiting.wait(60) == 77:
            pytest.skip(f"this kernel or its settings don't allow {way}")
        assert first == "waiting\n"
        run = stress(program, daemon, cases, 1, 100, "soft0", user=OTHER, group=OTHER,
                     extra_groups=[], timeout=60)
        assert run.returncode == 0, run.stdout[-3000:]
        out, _ = waiting.communicate(timeout=30)
        print(f"{way} {device}: {int(out)} of {count} reads had ended meanwhile")
        # aio: the kernel answers an O_DIRECT read beyond st_size, 0 here, by itself. The
        # watchdog may take a hanging device away; a stream waits for its writer for ever.
        assert way == "aio" or device != "-" or int(out) == 0
    remove_all(daemon)


def remove_all(daemon):
    """Every session goes at once, whatever waited for it."""
    begin = time.monotonic()
    for name in os.listdir(daemon.mount / "sessions"):
        os.rmdir(daemon.mount / "sessions" / name)
    assert time.monotonic() - begin < 30


def test_killed_waiting_clients_leave_only_their_sessions(start, compiled):
    """`kill -9` of 200 waiting threads works at once; no descriptor stays behind."""
    daemon = start("--device", "soft0=soft", "--device", "hang0=hang:after=0")
    before = descriptors(daemon)
    with acr.process(compiled("waiting_reads"), "threads", daemon.mount / "sessions", 200, "-",
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE) as waiting:
        assert waiting.stdout.readline() == b"waiting\n"
        begin = time.monotonic()
        waiting.kill()
        waiting.wait(30)
        assert time.monotonic() - begin < 30
    assert len(os.listdir(daemon.mount / "sessions")) == 200
    remove_all(daemon)
    assert acr.until(lambda: descriptors(daemon) <= before), (before, descriptors(daemon))


def test_parallel_readers_of_one_stream_share_it(daemon):
    """Each byte goes to exactly one of four readers; none is lost or seen twice."""
    size = 32 * MiB
    key, iv = os.urandom(32), bytes(16)
    parts, lock = [], threading.Lock()
    with daemon.session(alg="aes-256-ctr", key=key, iv=iv, stream="1") as s:
        def read():
            with open(s / "dst", "rb", buffering=0) as f:
                while part := f.read(1 << 16):
                    with lock:
                        parts.append(part)

        readers = [threading.Thread(target=read) for _ in range(4)]
        for one in readers:
            one.start()
        s.write("src", bytes(size))
        for one in readers:
            one.join()
    assert sum(map(len, parts)) == size
    stream = keystream(key, iv, 0, size)
    blocks = {stream[i:i + 16] for i in range(0, size, 16)}
    got = {part[i:i + 16] for part in parts if len(part) % 16 == 0
           for i in range(0, len(part), 16)}
    assert got <= blocks
