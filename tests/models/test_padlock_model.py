# SPDX-License-Identifier: LGPL-2.1-or-later
"""tests/models/padlock: the CPU that is played, by itself and under OpenSSL's own engine."""
import hashlib
import os
import platform
import re
import signal
import subprocess

import pytest

import acr
import models

FOLDER = acr.BUILD / "tests/models/padlock"
MODEL = models.padlock_model()
PROGRAM = FOLDER / "test_padlock_model"
KEY = bytes(range(7, 39))
IV = bytes(range(100, 114)) + b"\xff\xf0"  # the low 16 bits wrap after 16 blocks

pytestmark = pytest.mark.skipif(platform.machine() not in ("x86_64", "i686"),
                                reason="PadLock is a unit of x86 CPUs")


def environment(preload=True, **settings):
    """Variables for a program under the model: strict="1" is PADLOCK_MODEL_STRICT=1."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PADLOCK", "LD_PRELOAD"))}
    if preload:
        env["LD_PRELOAD"] = str(MODEL)
    env["PADLOCK_MODEL_CPUID"] = "patch"
    for name, value in settings.items():
        env["PADLOCK_MODEL" + ("_" + name.upper() if name != "cpu" else "")] = str(value)
    return env


def run(*words, **settings):
    return subprocess.run([PROGRAM, *words], env=environment(**settings), capture_output=True,
                          text=True, check=False, timeout=120)


def passes(*words, **settings):
    done = run(*words, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


# ---- known answers ----

ACE = ["ecb", "modes"]
ACE2 = [*ACE, "counter", "unaligned"]
KNOWN = {
    "nano": [*ACE2, "sha", "sha-empty", "sha-blocks", "xstore", "rep-xstore", "montmul"],
    "nano2": [*ACE2, "sha-blocks"],
    "c7": [*ACE2, "sha", "sha-empty", "sha-no-blocks", "xstore", "rep-xstore", "montmul"],
    "c3": [*ACE, "xstore", "rep-xstore"],
    "c3-rng": ["xstore", "rep-xstore"],
    "zhaoxin": [*ACE2, "sha", "sha-empty-ignored", "sha-blocks", "sm3", "sm4-old"],
    "yongfeng": [*ACE2, "sha", "sha-empty-ignored", "sm3", "sm4", "montmul"],
    "shijidadao": [*ACE, "sha", "sha-long", "sm3", "sm4"],
    "server": [*ACE2, "sha", "sha-long", "sm3", "sm4", "montmul"],
    "all": [*ACE2, "sha", "sha-empty", "sha-blocks", "sha-long", "sm3", "sm4", "montmul"],
}


@pytest.mark.parametrize("cpu", KNOWN)
@pytest.mark.parametrize("more", [{}, {"strict": 1, "dirty": 1}, {"strict": 1, "key_cache": 2000}],
                         ids=["plain", "dirty", "key-cache"])
def test_known_answers(cpu, more):
    if "counter" in KNOWN[cpu] and more:  # its wrap within a run is an offence
        passes(*(c for c in KNOWN[cpu] if c != "counter"), cpu=cpu, **more)
    else:
        passes(*KNOWN[cpu], cpu=cpu, **more)


def test_padding_of_all_lengths():
    shown = passes("lengths", cpu="all", strict=1).stdout.splitlines()
    for name in ("sha1", "sha256", "sm3"):
        if name not in hashlib.algorithms_available:
            continue
        got = [line.split()[1] for line in shown if line.startswith(name + " ")]
        assert got == [hashlib.new(name, bytes(range(n))).hexdigest() for n in range(1, 257)]


@pytest.mark.parametrize("cpu,case", [
    ("off", "ecb"), ("c3-old", "xstore"), ("c3-rng", "ecb"), ("c3", "counter"), ("c3", "sha"),
    ("c3", "montmul"), ("nano", "sm3"), ("nano", "sm4"), ("nano", "sha-512"),
    ("shijidadao", "counter"), ("all", "montmul-64")])
def test_what_a_cpu_has_not_is_illegal(cpu, case):
    assert run(case, cpu=cpu).returncode == -signal.SIGILL


def test_bits_decide_and_both_of_a_pair_are_needed():
    passes("ecb", cpu="nano", edx="0xC0")
    for edx in ("0x40", "0x80", "0"):
        assert run("ecb", cpu="nano", edx=edx).returncode == -signal.SIGILL
    assert run("counter", cpu="nano", edx="0x1C0").returncode == -signal.SIGILL
    passes("counter", cpu="yongfeng", edx="0x1C0")  # Zhaoxin shows ACE2 without its enable


# ---- CPUID ----

def cpuid(**settings):
    return dict(line.split(": ") for line in passes("cpuid", **settings).stdout.splitlines()
                if ": " in line)


def test_cpuid_shows_the_cpu():
    shown = cpuid(cpu="nano2")
    assert shown["0"].split()[1:] == ["746e6543", "736c7561", "48727561"]
    assert shown["1"].split()[0] == "6f2"
    assert shown["c0000000"].split()[0] == "c0000001"
    assert shown["c0000001"] == "6f2 0 0 3fcc"
    ecx = int(shown["1"].split()[2], 16)
    assert not ecx & (1 << 25 | 1 << 1 | 1 << 28 | 1 << 30)  # AES, PCLMUL, AVX, RDRAND


def test_cpuid_can_be_overridden():
    shown = cpuid(vendor="shanghai", edx="0x3dcc", signature="0x507b3")
    assert shown["0"].split()[1:] == ["68532020", "20206961", "68676e61"]
    assert shown["c0000001"] == "507b3 0 0 3dcc"


def test_cpuid_without_its_emulation_is_the_true_one():
    assert cpuid(cpuid="none", cpu="nano")["1"].split()[0] != "6f8"


def test_faulting_cpuid_or_a_sentence():
    done = passes("cpuid", cpu="nano", cpuid="fault", patch="")
    if "can not make CPUID fault" in done.stderr:
        pytest.skip("no CPUID faulting here: " + done.stderr.strip())
    assert "c0000001: 6f8 0 0 3fcc" in done.stdout


def test_handler_of_the_fault():
    """Where CPU and kernel lack the fault, the same signal at a CPUID does as well."""
    assert passes("fault", cpu="nano").stdout.startswith("CentaurHauls")


# ---- in a program ----

@pytest.mark.parametrize("case", ["handlers", "progress", "restart", "threads", "timer", "fork",
                                  "vfork", "exec"])
@pytest.mark.parametrize("more", [{"strict": 1}, {"key_cache": 500}], ids=["strict", "key-cache"])
def test_in_a_program(case, more):
    passes(case, cpu="nano", **more)


GP, DIES, LIVES = -signal.SIGSEGV, -signal.SIGSEGV, 0
OFFENCES = {
    "word-align": (GP, "control word is not aligned"),
    "key-align": (GP, "key is not aligned"),
    "iv-align": (GP, "IV is not aligned"),
    "source-align": (GP, "source is not aligned"),
    "target-align": (GP, "destination is not aligned"),
    "word-high": (GP, "reserved bits 127:32"),
    "word-reserved": (GP, "reserved bits 31:12"),
    "word-rounds": (GP, "ROUND and KSIZE"),
    "word-size": (GP, "KSIZE of the control word is 3"),
    "word-inter": (GP, "INTER"),
    "word-digest": (GP, "DGEST or CIPHR"),
    "short-key": (LIVES, "KEYGN is 0"),
    "raw-key": (LIVES, "holds no expanded key"),
    "turned-key": (LIVES, "schedule is for encryption"),
    "turned-cfb": (LIVES, "schedule is for decryption"),
    "overlap": (LIVES, "overlap"),
    "counter-wrap": (LIVES, "16-bit counter wraps"),
    "crypt-ctr": (LIVES, "CRYPT is 1"),
    "page-ecb": (DIES, "fetches whole groups"),
    "page-cbc": (DIES, "fetches whole groups"),
    "page-ctr": (DIES, "fetches whole groups"),
    "key-page": (DIES, "16 round keys"),
    "state-align": (GP, "state is not aligned"),
    "state-room": (LIVES, "128 bytes of memory"),
    "sha-done": (GP, "multiple of 64"),
    "sm4-modes": (GP, "exactly one mode"),
    "sm3-select": (GP, "0x20"),
    "montmul-bits": (GP, "multiple of 128"),
}

STRICT_ONLY = {"raw-key", "turned-key", "turned-cfb", "state-room"}  # these looks cost time


@pytest.mark.parametrize("offence", OFFENCES)
def test_offence(offence):
    plain, sentence = OFFENCES[offence]
    done = run(offence, cpu="all", stats="stderr")
    assert done.returncode == plain
    assert ("survived" in done.stdout) == (plain == LIVES)
    assert ("violations=0" in done.stderr) == (offence in STRICT_ONLY), done.stderr
    done = run(offence, cpu="all", strict=1)
    assert done.returncode == -signal.SIGABRT and "survived" not in done.stdout
    assert re.fullmatch(r"padlock-model: pid \d+: \S+: .*\n", done.stderr)
    assert sentence in done.stderr


@pytest.mark.parametrize("case", ["page-cfb", "page-full", "reload", "align-bit"])
def test_no_offence(case):
    assert "survived" in passes(case, cpu="all", strict=1, key_cache=2000).stdout


def test_align_bit_needs_ace2():
    done = run("align-bit", cpu="c3", strict=1)
    assert done.returncode == -signal.SIGABRT and "no ACE2" in done.stderr


def test_prefetch_can_be_chosen():
    assert "survived" in passes("page-ecb", cpu="nano", strict=1, prefetch="none").stdout
    assert "survived" in passes("page-ctr", cpu="nano", strict=1, prefetch="16,64,16").stdout
    assert run("page-cbc", cpu="nano", prefetch="16,64,16").returncode == DIES


def test_memory_that_is_not_there_is_a_fault_of_the_program():
    assert run("no-memory", cpu="nano", strict=1).returncode == -signal.SIGSEGV


def test_missing_reload_is_found():
    assert "survived" in passes("no-reload", cpu="nano", strict=1).stdout  # nobody looks
    done = run("no-reload", cpu="nano", strict=1, key_cache=2000)
    assert done.returncode == -signal.SIGABRT and "another key" in done.stderr
    done = passes("no-reload", cpu="nano", key_cache=2000, stats="stderr")
    assert "reloads=1 " in done.stderr and "violations=1" in done.stderr


# ---- the generator ----

@pytest.mark.parametrize("cpu,rng,status", [
    ("c7", "good", 0x348), ("c3-rng", "good", 0x148), ("nano", "good", 8), ("nano", "empty", 0),
    ("c7", "failed", 0xC340), ("c7", "biased", 0x748), ("c7", "off", 0x300)])
def test_status_of_the_generator(cpu, rng, status):
    shown = passes("status", cpu=cpu, rng=rng).stdout.split()
    assert int(shown[1], 16) == status


def test_stuck_generator():
    assert "data 5a5a" in passes("status", cpu="nano", rng="stuck").stdout
    assert any("data 5a5a" not in passes("status", cpu="nano").stdout for _ in range(3))


def test_slow_generator_gives_at_times():
    assert run("xstore", cpu="nano", rng="slow").returncode == 1
    passes("rep-xstore", cpu="nano", rng="slow")


# ---- settings, statistics, trace ----

@pytest.mark.parametrize("settings", [
    {"cpu": "pentium"}, {"edx": "many"}, {"vendor": "intel"}, {"prefetch": "17,16,16"},
    {"prefetch": "128"}, {"rng": "bad"}, {"cpuid": "perhaps"}, {"trace": "/no/such/folder/t"}],
    ids=lambda s: "-".join(*s.items()))
def test_wrong_settings_are_refused(settings):
    done = run("ecb", **settings)
    assert done.returncode == 125 and "can not be" in done.stderr


def statistics(path):
    """Per line: {name: (calls, units)} of the instructions, {name: n} of the rest."""
    rows = []
    for line in path.read_text().splitlines():
        row = {}
        for name, value in (w.split("=", 1) for w in line.split()):
            row[name] = tuple(map(int, value.split("/"))) if re.fullmatch(r"\d+/\d+", value) \
                else value
        rows.append(row)
    return rows


def test_statistics(tmp_path):
    passes("ecb", "sha", cpu="nano", stats=tmp_path / "s")
    passes("fork", cpu="nano", stats=tmp_path / "s")
    first, child, parent = statistics(tmp_path / "s")
    assert first["xcrypt-ecb"] == (6, 6) and first["xsha1"] == (1, 1)
    assert child["xcrypt-ecb"] == parent["xcrypt-ecb"] == (1, 1)
    assert first["program"] == PROGRAM.name and child["pid"] != parent["pid"]


def test_trace_has_a_line_each_and_no_data(tmp_path):
    passes("modes", cpu="nano", trace=tmp_path / "t")
    lines = (tmp_path / "t").read_text().splitlines()
    assert len(lines) == 5
    assert all(re.fullmatch(r"\d+ \d+ xcrypt-(cbc|cfb|ofb) units=2 word=0x2?0?a "
                            r"si=0x[0-9a-f]+ di=0x[0-9a-f]+ done", line) for line in lines), lines


def test_exports_only_what_it_takes_over():
    shown = subprocess.run(["nm", "-D", "--defined-only", MODEL], capture_output=True, text=True,
                           check=True).stdout
    assert {line.split()[2] for line in shown.splitlines()} == {
        "sigaction", "signal", "sysv_signal", "__sysv_signal", "pthread_sigmask", "sigprocmask",
        "dlopen", "_exit", "_Exit"}


# ---- OpenSSL's engine ----

def openssl(words, data, **settings):
    done = subprocess.run(["openssl", *words], env=environment(**settings), input=data,
                          capture_output=True, check=False, timeout=120)
    return done


def has_engine():
    done = openssl(["engine", "padlock"], b"", preload=False)
    return done.returncode == 0 and b"padlock" in done.stdout


@pytest.fixture
def engine():
    if not has_engine():
        pytest.skip("this openssl has no PadLock engine: nothing by others runs on the model")


def encrypt(cipher, data, *more, engine=True, **settings):
    words = ["enc", "-" + cipher, "-K", KEY[:int(cipher.split("-")[1]) // 8].hex(), "-nopad"]
    if not cipher.endswith("ecb"):
        words += ["-iv", IV.hex()]
    done = openssl(words + (["-engine", "padlock"] if engine else []) + list(more), data,
                   preload=engine, **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


BLOCKS = [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 256, 257, 512, 4096]
CPUS = {"nano": {"cpu": "nano"}, "shanghai": {"cpu": "yongfeng", "edx": "0x3dcc"}}


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("mode", ["ecb", "cbc", "cfb", "ofb", "ctr"])
@pytest.mark.parametrize("bits", [128, 192, 256])
def test_openssl_engine(engine, tmp_path, cpu, mode, bits):
    cipher = f"aes-{bits}-{mode}"
    stream = mode in ("cfb", "ofb", "ctr")
    sizes = [16 * n for n in BLOCKS if cpu == "nano" or n in (1, 9, 257)]
    sizes += [17, 100, 65535] if stream and cpu == "nano" else []
    source = os.urandom(65536)
    for size in sizes:
        stats = tmp_path / f"{size}"
        settings = {"strict": 1, "stats": stats, **CPUS[cpu]}
        plain = source[:size]
        secret = encrypt(cipher, plain, engine=False)
        assert encrypt(cipher, plain, **settings) == secret, size
        assert encrypt(cipher, secret, "-d", **settings) == plain, size
        for row in statistics(stats):
            blocks = sum(v[1] for k, v in row.items() if k.startswith("xcrypt-"))
            assert blocks >= size // 16, (size, row)
            assert row["violations"] == "0"
            assert row["xcrypt-" + mode][0] > 0


@pytest.mark.parametrize("cipher", ["aes-128-cbc", "aes-256-ctr", "aes-192-cfb", "aes-128-ofb",
                                    "aes-256-ecb"])
def test_openssl_engine_reloads_its_keys(engine, cipher):
    data = os.urandom(2048)
    assert encrypt(cipher, data, strict=1, key_cache=3000) == encrypt(cipher, data, engine=False)


def test_openssl_engine_needs_the_model(engine):
    shown = openssl(["engine", "-t", "padlock"], b"", preload=False).stdout
    if b"[ available ]" in shown:
        pytest.skip("this CPU has a PadLock of its own")
    assert b"[ unavailable ]" in shown
    for way in ("patch", "auto"):
        shown = openssl(["engine", "-t", "padlock"], b"", cpuid=way).stdout
        assert b"[ available ]" in shown and b"no-RNG, ACE" in shown


def test_openssl_is_unchanged_where_the_engine_is_not_asked_for():
    data = os.urandom(1000)
    done = openssl(["dgst", "-sha256", "-r"], data, strict=1)
    assert done.stdout == openssl(["dgst", "-sha256", "-r"], data, preload=False).stdout


# ---- the daemon ----

def test_daemon_lives_under_the_model(start, tmp_path):
    if re.search("^CFLAGS = .*-fsanitize=", (acr.BUILD / "Makefile").read_text(), re.M):
        pytest.skip("a daemon with a sanitizer: its runtime must be loaded before the model")
    settings = environment(cpu="nano", strict=1, stats=tmp_path / "s")
    daemon = start(env={k: v for k, v in settings.items() if k.startswith(("LD_", "PADLOCK"))})
    with daemon.session(alg="sha256") as s:
        assert s.run(b"abc").hex().startswith("ba7816bf")
    assert daemon.stop() == 0
    assert [r["program"] for r in statistics(tmp_path / "s")].count("acryptod") >= 1
