# SPDX-License-Identifier: LGPL-2.1-or-later
"""The driver ce99 with the model of the card, which is strict: anything that a driver must not do
fails the tests. And with a library that has the vendor's calls."""
import contextlib
import os

import pytest

import acr
import models
from on_device import (LENGTHS, QUICK, bench, capabilities, check_vectors, finish_all, is_padded,
                       key_and_iv, reference, rng, some_data)

pytestmark = pytest.mark.sanitize

__all__ = ["bench", "rng"]  # fixtures

CONFIG = acr.PATIENT
LIBRARY = acr.BUILD / "tests/vendor/ce99-vendor.so"
FIFO, DMA = 512, 65528  # bytes of a run
CIPHERS = [f"{c}-{m}" for c in ("des", "des-ede3") for m in ("ecb", "cbc", "cfb", "ofb")]
SELF_TEST = 56  # operations, each time the card comes up; the model counts from its reset
DEVICE = "ce99-0"


@pytest.fixture(scope="module")
def model():
    m = models.Ce99()
    yield m
    m.stop()


@pytest.fixture(scope="module")
def daemon(model):
    """The card as ce99-0, beside soft0. Ends before the model."""
    d = acr.Daemon("--device", f"{DEVICE}={model.spec()}", "--device", "soft0=soft",
                   "--log-level", "info", config=CONFIG)
    yield d
    assert d.stop() == 0, "acryptod did not end cleanly"


def state(daemon):
    return daemon.text(f"devices/{DEVICE}/state").split()[0].rstrip(":")


def prepared(daemon, alg, key, iv, **more):
    s = daemon.session(alg=alg, key=key, **more)
    if iv:
        s.write("iv", iv)
    return s


# ---- what it computes ----

def test_capabilities(daemon):
    assert capabilities(daemon, DEVICE) == {(op, c) for c in CIPHERS for op in ("encrypt", "decrypt")}
    assert state(daemon) == "ready"
    assert "interrupts" in daemon.log and "not verified on silicon" in daemon.log


@pytest.mark.parametrize("name", CIPHERS)
def test_vectors(daemon, bench, name):
    check_vectors(daemon, bench, name)


LIMITS = [n + d for n in (FIFO, DMA, 2 * DMA) for d in ((0, 1) if QUICK else range(-9, 10, 3))]


def check_lengths(daemon, rng, alg, lengths):
    """Both ways, with the padding that is the mode's own, and where there is one without it."""
    key, iv = key_and_iv(rng, alg)
    for padding in ("pkcs7", "none") if is_padded(alg) else ("none",):
        one, two = (prepared(daemon, alg, key, iv, device=DEVICE, op=op, padding=padding)
                    for op in ("encrypt", "decrypt"))
        with one, two:
            for n in lengths:
                data = rng.randbytes(n)
                if is_padded(alg) and padding == "none" and n % 8:
                    with acr.fails("EINVAL"):
                        one.run(data)
                    continue
                if alg.endswith("ofb"):  # a nonce serves once; written again it is new
                    one.write("key", key)
                    one.write("iv", iv)
                made = one.run(data)
                assert made == reference(alg, key, iv, data, padding == "pkcs7"), n
                assert two.run(made) == data, n


@pytest.mark.parametrize("alg", CIPHERS)
def test_every_length(daemon, rng, alg):
    check_lengths(daemon, rng, alg, LENGTHS + LIMITS)


@pytest.mark.parametrize("options", [{"path": "fifo"}, {"path": "dma"}, {"poll_us": 50},
                                     {"keep_keys_ms": 0}, {"key_registers": 3}], ids=str)
def test_every_way(start, rng, options):
    model = models.Ce99()
    daemon = start("--device", f"{DEVICE}={model.spec(**options)}")
    for alg in CIPHERS:
        check_lengths(daemon, rng, alg, range(0, 1200, 97 if QUICK else 31))
    assert daemon.stop() == 0
    model.stop()


@pytest.mark.parametrize("words", ["--without fifo", "--without dma", "--without interrupt",
                                   "--slots 3", "--slots 2"])
def test_lesser_cards(start, rng, words):
    model = models.Ce99(*words.split())
    daemon = start("--device", f"{DEVICE}={model.spec()}")
    algs = {alg for _, alg in capabilities(daemon, DEVICE)}
    assert algs == {c for c in CIPHERS if words != "--slots 2" or "ede3" not in c}
    for alg in sorted(algs):
        check_lengths(daemon, rng, alg, [5, 8, 64, 72, 1000, 70000])
    assert daemon.stop() == 0
    model.stop()


def test_two_key_3des(daemon, rng):
    """The third key is the first, and not the second."""
    one, two = rng.randbytes(8), rng.randbytes(8)
    for key in (one + two + one, one + two + two, one + one + two, one * 3):
        with prepared(daemon, "des-ede3-cbc", key, bytes(8), device=DEVICE) as s:
            assert s.run(b"some data") == reference("des-ede3-cbc", key, bytes(8), b"some data")


def test_padding_that_does_not_verify(daemon, rng):
    key, iv = key_and_iv(rng, "des-ede3-cbc")
    with prepared(daemon, "des-ede3-cbc", key, iv, device=DEVICE, op="decrypt") as s:
        for end in (b"\0", b"\x09", b"\x01\x02", b"\x08" * 7, b"\xff" * 8):
            with acr.fails("EBADMSG"):
                s.run(reference("des-ede3-cbc", key, iv, bytes(24 - len(end)) + end, False))


def test_random_comparison_with_soft(daemon, rng):
    offered = capabilities(daemon, "soft0")
    algs = [c for c in CIPHERS if ("encrypt", c) in offered]
    for _ in range(20 if QUICK else 300):
        alg = rng.choice(algs)
        key, iv = key_and_iv(rng, alg)
        data = rng.randbytes(int(400000 ** rng.random()))
        made = []
        for device in DEVICE, "soft0":
            with prepared(daemon, alg, key, iv, device=device) as s:
                made.append(s.run(data))
        assert made[0] == made[1], (alg, len(data))


def test_stream(daemon, rng):
    """Pieces of a stream chain as one."""
    key, iv = key_and_iv(rng, "des-ede3-cbc")
    data = rng.randbytes(100_001 if QUICK else 1_000_001)
    with prepared(daemon, "des-ede3-cbc", key, iv, device=DEVICE, stream=1, deadline=60000) as s:
        writer = acr.Background(s.write, "src", data)
        assert s.read() == reference("des-ede3-cbc", key, iv, data)
        writer.result()


# ---- many at once ----

def start_all(daemon, count, data, rng, **files):
    """Sessions that are on their way, under few keys, and what each must give."""
    sessions, keys = [], [rng.randbytes(24) for _ in range(7)]
    for i in range(count):
        key, iv = rng.choice(keys), rng.randbytes(8)
        s = prepared(daemon, "des-ede3-cbc", key, iv, src=data(i), **files)
        s.write("ctl", "start")
        sessions.append((s, reference("des-ede3-cbc", key, iv, data(i))))
    return sessions


def test_many_keys_at_once(daemon, rng):
    """More than the card has registers for, in flight together."""
    sessions = []
    for _ in range(60 if QUICK else 600):
        alg = rng.choice(CIPHERS)
        key, iv = key_and_iv(rng, alg)
        data = rng.randbytes(rng.randrange(3000))
        s = prepared(daemon, alg, key, iv, device=DEVICE, src=data)
        s.write("ctl", "start")
        sessions.append((s, reference(alg, key, iv, data)))
    finish_all(sessions)


def test_cancelled(start, rng):
    """In the queue, in the driver and in the chip; what stays is done right."""
    model = models.Ce99("--fault", "slow=200000")
    daemon = start("--device", f"{DEVICE}={model.spec()}")
    sessions = start_all(daemon, 60, lambda i: b"%d" % i * 3000, rng)
    for i, (s, _) in enumerate(sessions):
        if i % 3 == 0:
            with contextlib.suppress(OSError):  # it may be done by now
                s.write("ctl", "cancel")
    for i, (s, expected) in enumerate(sessions):
        if i % 3:
            assert s.read() == expected
        s.close()
    assert daemon.stop() == 0
    model.stop()


# ---- what goes wrong ----

def works(daemon):
    with prepared(daemon, "des-ede3-cbc", bytes(24), bytes(8), device=DEVICE) as s:
        return s.run(b"abc") == reference("des-ede3-cbc", bytes(24), bytes(8), b"abc")


def was_quarantined(daemon):
    """By the log: tests that it passes may have it back in service a second later."""
    return f"{DEVICE}: quarantined: " in daemon.log


@contextlib.contextmanager
def faulty(start, fault, **options):
    """A daemon on a card with a fault, and on soft."""
    model = models.Ce99("--fault", fault)
    daemon = start("--device", f"{DEVICE}={model.spec(**options)}", "--device", "soft0=soft",
                   "--balancer", "round-robin")
    yield daemon, model
    assert daemon.stop() == 0
    model.stop()


def test_lost_interrupts(start, rng):
    with faulty(start, "lost-irq=1") as (daemon, _):
        finish_all(start_all(daemon, 50, some_data, rng, device=DEVICE))
        assert state(daemon) == "ready"


@pytest.mark.parametrize("fault,blamed", [
    ("wrong-length=70", False), ("dma-abort=90", True), ("bad-status=1@90", False),
    ("bad-status=4@25", False), ("bad-status=5@25", True), ("bad-status=6@90", False),
    ("bad-status=7@90", True), ("bad-status=8@90", True), ("bad-status=9@90", True)])
def test_done_elsewhere(start, rng, fault, blamed):
    """The card fails operations: each is done by another device. Where the card is to blame, and
    fails them all, the daemon puts it into quarantine."""
    with faulty(start, fault) as (daemon, _):
        finish_all(start_all(daemon, 200, some_data, rng))
        assert was_quarantined(daemon) == blamed
        assert blamed or state(daemon) == "ready"


@pytest.mark.parametrize("fault,word", [(f"stalled={SELF_TEST + 20}", "hangs"),
                                        (f"stuck={SELF_TEST + 20}", "hangs"),
                                        (f"vanish={SELF_TEST + 20}", "gone"),
                                        (f"bad-status=2@{SELF_TEST + 20}", "gone"),
                                        (f"bad-status=3@{1}", "")])
def test_faults_break_the_device(start, rng, fault, word):
    with faulty(start, fault, timeout_ms=2000 if word == "hangs" else 60000) as (daemon, model):
        if fault.startswith("bad-status=3"):  # not ready when it is to come back
            assert works(daemon)
            assert acr.errno_of(daemon.write, f"devices/{DEVICE}/ctl", "reset\n") is not None
            assert state(daemon) == "broken"
            return
        sessions = start_all(daemon, 100, some_data, rng)
        with contextlib.suppress(OSError):  # it may be broken by now
            sessions += start_all(daemon, 100, some_data, rng, device=DEVICE)
        assert acr.until(lambda: state(daemon) == "broken")
        assert word in daemon.text(f"devices/{DEVICE}/state")
        for s, expected in sessions:
            bound = s.text("device") == DEVICE
            try:
                assert s.read() == expected
            except OSError as e:
                assert bound and acr.ERRNO_NAMES[e.errno] in ("EIO", "ENODEV"), e
            s.close()
        if fault.startswith("vanish"):  # no reset helps: another card is put in
            assert acr.errno_of(daemon.write, f"devices/{DEVICE}/ctl", "repair\n") is not None
            model.kill()
            model.start()
        daemon.write(f"devices/{DEVICE}/ctl", "repair\n")
        assert state(daemon) == "ready" and works(daemon)


def test_model_is_killed(start, rng):
    """Nothing is lost of what was queued on both, and the card comes back with its process."""
    model = models.Ce99("--fault", "slow=500000")
    daemon = start("--device", f"{DEVICE}={model.spec()}", "--device", "soft0=soft:threads=1",
                   "--balancer", "round-robin")
    sessions = start_all(daemon, 300 if QUICK else 2000, some_data, rng)
    assert state(daemon) == "ready"
    model.kill()
    assert acr.until(lambda: state(daemon) == "broken")
    finish_all(sessions)
    assert acr.errno_of(daemon.write, f"devices/{DEVICE}/ctl", "repair\n") is not None
    model.start()
    daemon.write(f"devices/{DEVICE}/ctl", "repair\n")
    assert state(daemon) == "ready" and works(daemon)
    assert daemon.stop() == 0
    model.stop()


def test_killed_while_idle(start):
    model = models.Ce99()
    daemon = start("--device", f"{DEVICE}={model.spec()}", "--device", "soft0=soft")
    assert works(daemon)
    model.kill()
    assert acr.until(lambda: state(daemon) == "broken")
    assert "gone" in daemon.text(f"devices/{DEVICE}/state")
    assert daemon.stop() == 0
    model.start()
    model.stop()


@pytest.mark.parametrize("fault", ["wrong-signature", "wrong-signature=ffffffff", "wrong-layout=2"])
def test_another_card_is_left_alone(daemon, fault):
    """The strict model tells of anything that was written."""
    model = models.Ce99("--fault", fault)
    assert acr.errno_of(daemon.write, "devices/add", f"other={model.spec()}\n") is not None
    assert "other" not in os.listdir(daemon.mount / "devices")
    model.stop()


def test_no_card(daemon):
    for spec in ("ce99:vfio-user=/nonexistent", "ce99:slot=ffff:ff:1f.7", "ce99", "ce99:slot=zz",
                 "ce99:unsafe-noiommu=1", "ce99:vendor-library=/nonexistent",
                 f"ce99:vendor-library={LIBRARY},slot=0000:03:00.0",
                 "ce99:vfio-user=/nonexistent,path=up", "ce99:vfio-user=/nonexistent,poll-us=x"):
        assert acr.errno_of(daemon.write, "devices/add", f"none={spec}\n") is not None, spec
    assert "none" not in os.listdir(daemon.mount / "devices")


# ---- the vendor's calls ----

def test_vendor_library(start, rng):
    daemon = start("--device", f"{DEVICE}=ce99:vendor-library={LIBRARY}")
    assert capabilities(daemon, DEVICE) == {(op, c) for c in CIPHERS for op in ("encrypt", "decrypt")}
    for alg in CIPHERS:
        check_lengths(daemon, rng, alg, [*range(0, 40, 3 if QUICK else 1), 16384, 16385, 50000])
    finish_all(start_all(daemon, 100, some_data, rng))
    with acr.fails("EBUSY"):  # it has one card, and that is taken
        daemon.write("devices/add", f"two=ce99:vendor-library={LIBRARY}\n")
    daemon.write("devices/remove", f"{DEVICE}\n")
    daemon.write("devices/add", f"two=ce99:vendor-library={LIBRARY}\n")
    assert daemon.stop() == 0


@pytest.mark.parametrize("fault,word", [
    ("ceiEncrypt:-7:60", "quarantined"), ("ceiLoadKey:-5:40", "quarantined"),
    ("ceiLoadKey:-4:25", ""), ("ceiEncrypt:-6:60", ""), ("ceiEncrypt:-2:60", "gone"),
    ("ceiEncrypt:-3:60", "not initialised")])
def test_vendor_library_fails(start, rng, fault, word):
    daemon = start("--device", f"{DEVICE}=ce99:vendor-library={LIBRARY}", "--device", "soft0=soft",
                   "--balancer", "round-robin", env={"CE99_VENDOR_FAULT": fault})
    finish_all(start_all(daemon, 200, some_data, rng))
    assert was_quarantined(daemon) == (word == "quarantined")
    if word != "quarantined":
        assert state(daemon) == ("broken" if word else "ready")
        assert word in daemon.text(f"devices/{DEVICE}/state")
    assert daemon.stop() == 0
