#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of `make bench`: acrypto beside a real peer in the same run, five runs each in turn,
medians and the ratio of the medians. Nothing here passes or fails."""
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
import acr  # noqa: E402
import balancers  # noqa: E402
import binary  # noqa: E402
import core  # noqa: E402

RUNS = 5
KEY, IV = bytes(range(32)), bytes(range(16))
MIB = 1 << 20


def timed(function):
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def compare(name, unit, ours, theirs, peer):
    """ours and theirs return a figure where more is better; they take turns."""
    a, b = [], []
    for _ in range(RUNS):
        a.append(ours())
        b.append(theirs())
    x, y = statistics.median(a), statistics.median(b)
    print(f"| {name} | {x:,.0f} {unit} | {y:,.0f} {unit} | {peer} | {x / y:.2f} |", flush=True)


def round_trips(path, n=5000):
    """Small reads a second on one descriptor."""
    fd = os.open(path, os.O_RDONLY)
    seconds = timed(lambda: [os.pread(fd, 16, 0) for _ in range(n)])
    os.close(fd)
    return n / seconds


def cbc_session(daemon, src):
    with daemon.session(alg="aes-256-cbc", key=KEY, iv=IV) as s:
        return s.run(src)


def sessions(daemon, n=300):
    return n / timed(lambda: [cbc_session(daemon, b"x" * 1000) for _ in range(n)])


def openssl_starts(n=50):
    words = ["openssl", "enc", "-aes-256-cbc", "-K", KEY.hex(), "-iv", IV.hex()]
    return n / timed(lambda: [subprocess.run(words, input=b"x" * 1000, capture_output=True, check=True)
                              for _ in range(n)])


def requests(daemon, n=1000):
    """Further requests in one session: open, write, read, with the key kept."""
    with daemon.session(alg="aes-256-cbc", key=KEY, iv=IV) as s:
        return n / timed(lambda: [s.run(b"x" * 1000) for _ in range(n)])


def direct(daemon, n=2000):
    """Whole requests on our own memory by ACRYPTO_DIRECT, key included."""
    kept = [binary.memory(data) for data in (b"x" * 1000, bytes(1008), KEY, IV)]
    request = binary.Direct(binary.initializer("aes-256-cbc", binary.ENCRYPT), *map(binary.buffer, kept))
    with binary.Binary(daemon) as opened:
        return n / timed(lambda: [binary.call(opened.fd, binary.DIRECT, request) for _ in range(n)])


def stream(daemon, alg, file, size):
    """cat FILE > src beside cat dst > /dev/null, in MB/s."""
    with daemon.session(alg=alg, key=KEY, iv=IV, stream="1") as s:
        def run():
            with subprocess.Popen(f"exec cat {s / 'dst'} > /dev/null", shell=True) as reader:
                subprocess.run(f"exec cat {file} > {s / 'src'}", shell=True, check=True)
                reader.wait()
        return size / timed(run) / 1e6


def whole(daemon, alg, data):
    buffer = bytearray(MIB)

    def run(s):
        s.write("src", data)
        fd = os.open(s / "dst", os.O_RDONLY)
        while os.readv(fd, [buffer]):
            pass
        os.close(fd)

    with daemon.session(alg=alg, key=KEY, iv=IV) as s:
        return len(data) / timed(lambda: run(s)) / 1e6


def openssl_enc(alg, file, size):
    words = ["openssl", "enc", f"-{alg}", "-K", KEY.hex(), "-iv", IV.hex(), "-in", str(file),
             "-out", "/dev/null"]
    return size / timed(lambda: subprocess.run(words, check=True)) / 1e6


def openssl_speed(alg):
    """MB/s of one thread on 16 KiB blocks."""
    out = subprocess.run(["openssl", "speed", "-seconds", "1", "-bytes", "16384", "-evp", alg],
                         capture_output=True, text=True, check=True).stdout
    return float(re.search(r"([0-9.]+)k\s*$", out.strip()).group(1)) / 1e3


def null_dispatch(daemon, n=2000):
    """The way through the daemon without the crypto."""
    with daemon.session(alg="aes-256-cbc", key=KEY, iv=IV, device="null0") as s:
        return n / timed(lambda: [s.run(b"x" * 1000) for _ in range(n)])


def main():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        folder = pathlib.Path(folder)
        bare = folder / "bare"
        bare.mkdir()
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "fuse3"], capture_output=True,
                               text=True, check=True).stdout.split()
        subprocess.run(["cc", "-O2", HERE / "bare_fuse.c", "-o", folder / "bare_fuse", *flags], check=True)
        peer = subprocess.Popen([folder / "bare_fuse", bare])
        daemon = acr.Daemon("--device", "soft0=soft", "--device", "null0=null")
        try:
            while not (bare / "file").exists():
                time.sleep(0.01)
            table(daemon, bare, folder)
        finally:
            daemon.stop()
            subprocess.run(["umount", bare], check=False)
            peer.wait()
    print()
    core.tables()
    idle_sessions()


def resident(daemon):
    with open(f"/proc/{daemon.pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def make_idle(daemon, numbers):
    """Microseconds that each mkdir took."""
    return [timed(lambda i=i: os.mkdir(daemon.mount / f"sessions/{i}")) * 1e6 for i in numbers]


def idle_sessions(n=100000, edge=1000):
    """What mkdir takes in an empty daemon and, in turn with it, in one that has many sessions."""
    few, many = acr.Daemon(), acr.Daemon()
    try:
        empty = resident(many)
        make_idle(many, range(edge, n))
        held = (resident(many) - empty) / (n - edge)
        first, last = zip(*((*make_idle(few, [i]), *make_idle(many, [i])) for i in range(edge)))
    finally:
        few.stop()
        many.stop()
    print(f"\n| {n:,} idle sessions, through the mount | first {edge:,} | last {edge:,} | ratio | bound |\n"
          "|---|---:|---:|---:|---|")
    core.row("mkdir, median", statistics.median(first), statistics.median(last), "us", 1.5)
    print(f"\nResident memory of the daemon for each: {held:,.0f} bytes.")


def table(daemon, bare, folder):
    size = 512 * MIB
    file = folder / "data"
    file.write_bytes(os.urandom(MIB) * (size // MIB))
    data = os.urandom(MIB) * 64
    print("| what | acrypto | peer | which peer | ratio |\n|---|---:|---:|---|---:|")
    with daemon.session() as s:
        compare("small reads", "/s", lambda: round_trips(s / "alg"), lambda: round_trips(bare / "file"),
                "a bare FUSE filesystem")
    compare("whole session, 1 kB: mkdir ... rmdir", "/s", lambda: sessions(daemon), openssl_starts,
            "openssl enc, one process each")
    compare("further request in a session, 1 kB", "/s", lambda: requests(daemon),
            lambda: null_dispatch(daemon), "the same bound to the null device")
    compare("ACRYPTO_DIRECT, 1 kB", "/s", lambda: direct(daemon), lambda: requests(daemon),
            "a further request in a session")
    for alg in ("aes-256-ctr", "aes-256-cbc"):
        compare(f"stream, 512 MiB, {alg}", "MB/s", lambda: stream(daemon, alg, file, size),
                lambda: openssl_enc(alg, file, size), "openssl enc, file to /dev/null")
        compare(f"one request, 64 MiB, {alg}", "MB/s", lambda: whole(daemon, alg, data),
                lambda: openssl_speed(alg), "openssl speed, in memory")
    balancers.rows(compare, timed)


if __name__ == "__main__":
    main()
