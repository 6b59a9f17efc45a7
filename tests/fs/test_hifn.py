# SPDX-License-Identifier: LGPL-2.1-or-later
"""The HIFN driver with the model of the chip, which is strict: anything that a driver must not do
fails the tests."""
import contextlib
import hashlib
import hmac
import os

import pytest

import acr
import models
from on_device import (LENGTHS, QUICK, bench, capabilities, check_vectors, counters, finish_all,
                       is_padded, key_and_iv, reference, rng, some_data)

pytestmark = pytest.mark.sanitize

__all__ = ["bench", "rng"]  # fixtures

CONFIG = acr.PATIENT
DEVICE = "hifn0"
BLOCK, PASS, LONGEST = 8192, 131072, 262140  # bytes: a descriptor, a command, a MAC
CIPHERS = [f"{c}-{m}" for c in ("des", "des-ede3", "aes-128", "aes-192", "aes-256")
           for m in ("ecb", "cbc", "cfb", "ofb")]
FILES = ("aes-cbc-pkcs5 aes-cbc aes-cfb aes-ecb aes-ofb des-cbc des-cfb des-ecb des-ede3-cbc "
         "des-ede3-cfb des-ede3-ecb des-ede3-ofb des-ofb hmac sha1").split()


@pytest.fixture(scope="module")
def model():
    m = models.Hifn()
    yield m
    m.stop()


@pytest.fixture(scope="module")
def daemon(model):
    """The card as hifn0, beside soft0. Ends before the model."""
    d = acr.Daemon("--device", f"{DEVICE}={model.spec()}", "--device", "soft0=soft", config=CONFIG)
    yield d
    assert d.stop() == 0, "acryptod did not end cleanly"


def state(daemon, device=DEVICE):
    return daemon.text(f"devices/{device}/state").split()[0].rstrip(":")


def load(daemon, name):
    return int(acr.values(daemon.text(f"devices/{DEVICE}/load"))[name].split()[0])


# ---- what it computes ----

def test_capabilities(daemon):
    expected = {(op, c) for c in CIPHERS for op in ("encrypt", "decrypt")}
    expected |= {("hash", "md5"), ("hash", "sha1"), ("random", "-")}
    expected |= {("encrypt", "modexp"), ("decrypt", "modexp")}
    expected |= {(op, mac) for mac in ("hmac-md5", "hmac-sha1") for op in ("mac", "verify")}
    assert capabilities(daemon, DEVICE) == expected
    assert state(daemon) == "ready"


@pytest.mark.parametrize("name", FILES)
def test_vectors(daemon, bench, name):
    check_vectors(daemon, bench, name)


def pair(daemon, alg, key, iv, **more):
    """Sessions that encrypt and decrypt on the card."""
    both = []
    for op in ("encrypt", "decrypt"):
        s = daemon.session(device=DEVICE, alg=alg, op=op, key=key, **more)
        if iv:
            s.write("iv", iv)
        both.append(s)
    return both


def around(*limits, step=1):
    return [n + d for n in limits for d in range(-17, 18, step)]


LIMITS = [BLOCK - 1, BLOCK, BLOCK + 1] if QUICK else \
    around(BLOCK) + around(2 * BLOCK, 65536, PASS, 2 * PASS, 3 * PASS, step=4)


@pytest.mark.parametrize("alg", CIPHERS)
def test_every_length(daemon, rng, alg):
    key, iv = key_and_iv(rng, alg)
    padded = is_padded(alg)
    block = 16 if "aes" in alg else 8
    one, two = pair(daemon, alg, key, iv)
    with one, two:
        for n in LENGTHS + LIMITS:
            data = rng.randbytes(n)
            if alg.endswith("ofb"):  # a nonce serves once under a key; written again it is new
                one.write("key", key)
                one.write("iv", iv)
            made = one.run(data)
            assert made == reference(alg, key, iv, data, padded), n
            assert two.run(made) == data, n
    if not padded:
        return
    one, two = pair(daemon, alg, key, iv, padding="none")
    with one, two:
        for n in LENGTHS:
            data = rng.randbytes(n)
            if n % block:
                with acr.fails("EINVAL"):
                    one.run(data)
                continue
            made = one.run(data)
            assert made == reference(alg, key, iv, data, False), n
            assert two.run(made) == data, n


@pytest.mark.parametrize("alg", ["md5", "sha1"])
def test_every_length_of_a_digest(daemon, rng, alg):
    lengths = LENGTHS + [n for n in LIMITS if n <= LONGEST] + [LONGEST - n for n in range(4)]
    key = rng.randbytes(20)
    with daemon.session(device=DEVICE, alg=alg) as plain, \
         daemon.session(device=DEVICE, alg=f"hmac-{alg}", key=key) as keyed:
        for n in lengths:
            data = rng.randbytes(n)
            assert plain.run(data) == hashlib.new(alg, data).digest(), n
            assert keyed.run(data) == hmac.new(key, data, alg).digest(), n
        for session in plain, keyed:  # not for this device, and bound to it
            with acr.fails("EOPNOTSUPP"):
                session.run(bytes(LONGEST + 1))
            assert f"at most {LONGEST} bytes" in session.error()[1] and session.text("state") == "failed"


def test_mac_keys_and_lengths(daemon, rng):
    for alg in "md5", "sha1":
        size = hashlib.new(alg).digest_size
        for n in (0, 1, 16, 63, 64, 65, 100, 1000):
            key = rng.randbytes(n)
            with daemon.session(device=DEVICE, alg=f"hmac-{alg}", key=key or "hex:") as s:
                for taglen in (1, 12, size):
                    expected = hmac.new(key, b"some data", alg).digest()[:taglen]
                    assert s.run(b"some data", taglen=taglen) == expected


def test_padding_that_does_not_verify(daemon, rng):
    key, iv = key_and_iv(rng, "aes-128-cbc")
    with daemon.session(device=DEVICE, alg="aes-128-cbc", op="decrypt", key=key, iv=iv) as s:
        for end in (b"\0", b"\x11", b"\x01\x02", b"\x10" * 15, b"\xff" * 16):
            plain = bytes(32 - len(end)) + end
            with acr.fails("EBADMSG"):
                s.run(reference("aes-128-cbc", key, iv, plain, False))


def test_random_comparison_with_soft(daemon, rng):
    for _ in range(20 if QUICK else 300):
        alg = rng.choice(CIPHERS)
        key, iv = key_and_iv(rng, alg)
        data = rng.randbytes(int(400000 ** rng.random()))
        made = []
        for device in DEVICE, "soft0":
            if ("encrypt", alg) not in capabilities(daemon, device):
                pytest.skip(f"soft has no {alg}: OpenSSL's legacy provider is not installed")
            with daemon.session(device=device, alg=alg, key=key) as s:
                if iv:
                    s.write("iv", iv)
                made.append(s.run(data))
        assert made[0] == made[1], (alg, len(data))


def test_stream(daemon, rng):
    """Pieces of a stream chain as one."""
    key, iv = key_and_iv(rng, "aes-256-cbc")
    data = rng.randbytes(3_000_001 if not QUICK else 300_001)
    with daemon.session(device=DEVICE, alg="aes-256-cbc", key=key, iv=iv, stream=1,
                        deadline=60000) as s:
        writer = acr.Background(s.write, "src", data)
        assert s.read() == reference("aes-256-cbc", key, iv, data, True)
        writer.result()


def test_random_numbers(daemon):
    with daemon.session(device=DEVICE, op="random", length=100000) as s:
        one = s.read()
    with daemon.session(device=DEVICE, op="random", length=100000) as s:
        two = s.read()
    assert len(one) == len(two) == 100000 and one != two
    ones = sum(bin(byte).count("1") for byte in one)
    assert abs(ones - 400000) < 4000  # nine standard deviations


# ---- many at once ----

def start_all(daemon, count, data, **files):
    """Sessions that are on their way, and what each must give."""
    sessions = []
    for i in range(count):
        s = daemon.session(alg="sha1", src=data(i), **files)
        s.write("ctl", "start")
        sessions.append((s, hashlib.sha1(data(i)).digest()))
    return sessions


def test_64_in_flight(start):
    model = models.Hifn("--fault", "slow=400000")
    daemon = start("--device", f"{DEVICE}={model.spec()}")
    sessions = start_all(daemon, 200, lambda i: b"%d" % i * 3000)
    most = 0

    def at_once():
        nonlocal most
        most = max(most, load(daemon, "running"))
        return most == 64
    assert acr.until(at_once), most
    finish_all(sessions)
    assert daemon.stop() == 0
    model.stop()


def test_two_cards(start):
    """Each takes some of the work."""
    cards = [models.Hifn("--fault", "slow=100000") for _ in range(2)]
    words = [w for i, card in enumerate(cards) for w in ("--device", f"hifn{i}={card.spec()}")]
    daemon = start(*words)
    finish_all(start_all(daemon, 50, lambda i: b"%d" % i * 2000))
    done = [counters(daemon, f"hifn{i}")["completed"] for i in range(2)]
    assert sum(done) == 50 and min(done) > 0, done
    assert daemon.stop() == 0
    for card in cards:
        card.stop()


def test_polled(start):
    model = models.Hifn()
    daemon = start("--device", f"{DEVICE}={model.spec(poll_us=50)}")
    finish_all(start_all(daemon, 100, some_data))
    assert daemon.stop() == 0
    model.stop()


@pytest.mark.parametrize("contexts", [1, 8, 63])
def test_remembered_keys(start, rng, contexts):
    """Few keys again and again, and more than the chip remembers, in flight together."""
    model = models.Hifn()
    daemon = start("--device", f"{DEVICE}={model.spec(contexts=contexts)}")
    keys = {alg: [key_and_iv(rng, alg) for _ in range(5)] for alg in CIPHERS}
    sessions = []
    for _ in range(40 if QUICK else 400):
        alg = rng.choice(CIPHERS)
        key, iv = rng.choice(keys[alg])
        data = rng.randbytes(rng.randrange(1, 3000))
        s = daemon.session(alg=alg, key=key, src=data, **({"iv": iv} if iv else {}))
        s.write("ctl", "start")
        sessions.append((s, reference(alg, key, iv, data)))
    finish_all(sessions)
    assert "remember" not in daemon.log
    assert daemon.stop() == 0
    model.stop()


# ---- what goes wrong ----

def test_bring_up(start, tmp_path):
    """The chip is reset before it may use the bus, and what is waited for has arrived before."""
    model = models.Hifn("--trace", str(tmp_path / "trace"))
    daemon = start("--device", f"hifn0={model.spec()}")
    assert daemon.stop() == 0
    model.stop()
    lines = (tmp_path / "trace").read_text().splitlines()
    lines = lines[:lines.index("operation")]
    masters = [i for i, line in enumerate(lines)
               if line.startswith("W config 0x04") and int(line.split("=")[1], 0) & 4]
    writes = [i for i, line in enumerate(lines) if line.startswith("W CNFG = 0x00000004")]
    assert len(masters) == len(writes) == 1 and masters > writes
    waited = ["W CNFG = 0x00000007", "W CNFG = 0x00000004", "W CNFG = 0x00000807", "W UNLOCK_SECRET2",
              "W RRAR", "W PLL = 0x00000402", "W PLL = 0x00000c03"]
    for word in waited:
        i = next(i for i, line in enumerate(lines) if line.startswith(word))
        assert lines[i + 1].startswith("R config"), word


def works(daemon, device=DEVICE):
    with daemon.session(alg="sha1", device=device) as s:
        return s.run(b"abc") == hashlib.sha1(b"abc").digest()


@contextlib.contextmanager
def faulty(start, fault, **options):
    """A daemon on a card with a fault, and on soft."""
    model = models.Hifn("--fault", fault)
    daemon = start("--device", f"{DEVICE}={model.spec(**options)}", "--device", "soft0=soft")
    yield daemon, model
    assert daemon.stop() == 0
    model.stop()


def test_lost_interrupts(start):
    with faulty(start, "lost-irq=1") as (daemon, _):
        finish_all(start_all(daemon, 50, some_data, device=DEVICE))
        assert state(daemon) == "ready"


def test_short_outputs_are_done_elsewhere(start):
    """The chip says that it wrote less: the result is not believed, the device stays."""
    with faulty(start, "wrong-length=50") as (daemon, _):
        finish_all(start_all(daemon, 2000 if not QUICK else 300, some_data))
        assert state(daemon) == "ready"
        failed = sum(acr.errno_of(works, daemon) == "EIO" for _ in range(100))
        assert failed in (1, 2, 3) and counters(daemon, DEVICE)["failed"] >= failed


# 45 operations are the test at the start; what is counted since a reset begins with them.
@pytest.mark.parametrize("fault,word", [("dma-abort=100", "aborted"), ("stuck-ring=100", "hangs"),
                                        ("vanish=100", "gone")])
def test_faults_break_the_device(start, fault, word):
    with faulty(start, fault, timeout_ms=2000 if word == "hangs" else 60000) as (daemon, model):
        sessions = start_all(daemon, 200, some_data)
        with contextlib.suppress(OSError):  # it may be broken by now
            for i in range(100):
                s = daemon.session(alg="sha1", src=b"more %d" % i, device=DEVICE)
                sessions.append((s, hashlib.sha1(b"more %d" % i).digest()))
                s.write("ctl", "start")
        assert acr.until(lambda: state(daemon) == "broken")
        assert word in daemon.text(f"devices/{DEVICE}/state")
        for s, expected in sessions:
            bound = s.text("device") == DEVICE
            try:
                assert s.read() == expected
            except OSError as e:
                assert bound and acr.ERRNO_NAMES[e.errno] in ("EIO", "ENODEV"), e
            s.close()
        if word == "gone":  # no reset helps: another card is put in
            assert acr.errno_of(daemon.write, f"devices/{DEVICE}/ctl", "repair\n") is not None
            model.kill()
            model.start()
        daemon.write(f"devices/{DEVICE}/ctl", "repair\n")
        assert state(daemon) == "ready" and works(daemon)


def test_no_key_stays_in_a_broken_card(start, tmp_path):
    """A reset lets it take the commands that overwrite them."""
    trace = tmp_path / "trace"
    model = models.Hifn("--fault", "dma-abort=100", "--trace", str(trace))
    daemon = start("--device", f"hifn0={model.spec()}", "--device", "soft0=soft")
    for _ in range(100):
        with contextlib.suppress(OSError), daemon.session(
                alg="aes-256-cbc", key=b"k" * 32, iv=bytes(16), device="hifn0") as s:
            s.run(b"data")
    assert state(daemon) == "broken"
    assert daemon.stop() == 0
    model.stop()
    seen = trace.read_text()
    assert b"k" * 32 in bytes.fromhex("".join(
        line.split(":")[1] for line in seen.splitlines() if line.startswith("  command, ")))
    assert "DMA is aborted" in seen and "still holds a key" not in seen


def test_model_is_killed(start):
    """Nothing is lost of what was queued on both, and the card comes back with its process."""
    model = models.Hifn("--fault", "slow=1000000")
    daemon = start("--device", f"{DEVICE}={model.spec()}", "--device", "soft0=soft:threads=1",
                   "--balancer", "round-robin")
    sessions = start_all(daemon, 300 if QUICK else 5000, some_data)
    model.kill()
    assert acr.until(lambda: state(daemon) == "broken")
    finish_all(sessions)
    assert acr.errno_of(daemon.write, f"devices/{DEVICE}/ctl", "repair\n") is not None
    assert state(daemon) == "broken"
    model.start()
    daemon.write(f"devices/{DEVICE}/ctl", "repair\n")
    assert state(daemon) == "ready" and works(daemon)
    assert daemon.stop() == 0
    model.stop()


def test_no_card(daemon):
    for spec in ("hifn795x:vfio-user=/nonexistent", "hifn795x:slot=ffff:ff:1f.7", "hifn795x",
                 "hifn795x:slot=zz", "hifn795x:unsafe-noiommu=1", "hifn795x:pll=ext7",
                 "hifn795x:vfio-user=/nonexistent,poll-us=x"):
        assert acr.errno_of(daemon.write, "devices/add", f"none={spec}\n") is not None, spec
    assert "none" not in os.listdir(daemon.mount / "devices")
