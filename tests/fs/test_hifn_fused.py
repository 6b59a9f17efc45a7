# SPDX-License-Identifier: LGPL-2.1-or-later
"""Routes that encrypt and make a MAC of the outcome: the card does both in one command. The model
of the chip is strict, and its trace tells what it was given."""
import hmac
import os
import re

import pytest

import acr
import models
from on_device import LENGTHS, QUICK, counters, key_and_iv, reference, rng
from test_hifn import CIPHERS, DEVICE, PASS, daemon, model

pytestmark = pytest.mark.sanitize

__all__ = ["daemon", "model", "rng"]  # fixtures

CONFIG = acr.PATIENT
MACS = ["hmac-md5", "hmac-sha1"]


def route(daemon, alg, key, iv, mac, mac_key, **more):
    """A session of two stages. With the IV written the output is the bare ciphertext."""
    s = daemon.session(alg=alg, key=key, **({"iv": iv} if iv else {}), **more)
    two = s.path / "route/2"
    two.mkdir()
    for file, value in {"alg": mac, "key": mac_key, **({"device": more["device"]} if "device" in more
                                                       else {})}.items():
        acr.put(two / file, value)
    return s


def again(s, alg, key, iv, data):
    """One request more; returns ciphertext and MAC."""
    if alg.endswith("ofb"):  # a nonce serves once under a key; written again it is new
        s.write("key", key)
    if iv:
        s.write("iv", iv)
    made = s.run(data)
    return (s.path / "route/1/dst").read_bytes(), made


def fused(s):
    lines = acr.rows(s.read("history").decode())
    return lines[-1]["stage"] == "2" and lines[-1]["reason"] == "fused with stage 1"


@pytest.mark.parametrize("alg", CIPHERS)
def test_every_length(daemon, rng, alg):
    """As an implementation of its own says; nothing is done twice."""
    key, iv = key_and_iv(rng, alg)
    before, requests = counters(daemon, DEVICE), 0
    lengths = LENGTHS[::1 if QUICK else 3] + [8191, 8192, 8193, PASS - 17, PASS - 1]
    for mac in MACS:
        mac_key = rng.randbytes(rng.choice([1, 20, 64, 65]))
        with route(daemon, alg, key, iv, mac, mac_key, device="hifn0") as s:
            for n in lengths:
                data = rng.randbytes(n)
                secret, made = again(s, alg, key, iv, data)
                assert secret == reference(alg, key, iv, data), n
                assert made == hmac.new(mac_key, secret, mac[5:]).digest(), n
                assert fused(s) == bool(secret), n
                requests += 1
    after = counters(daemon, DEVICE)
    assert after["completed"] - before["completed"] == 2 * requests
    assert after["failed"] == before["failed"]


def test_too_long_for_one_pass(daemon, rng):
    key, iv = key_and_iv(rng, "aes-128-cbc")
    with route(daemon, "aes-128-cbc", key, iv, "hmac-sha1", b"k", device="hifn0") as s:
        for n in PASS - 16, PASS - 15, PASS, PASS + 1:
            secret, made = again(s, "aes-128-cbc", key, iv, rng.randbytes(n))
            assert made == hmac.new(b"k", secret, "sha1").digest()
            assert fused(s) == (len(secret) <= PASS)


def test_same_as_soft(daemon, rng):
    """Where nobody can do both at once, the route is the same in two steps."""
    for mac in MACS:
        made = []
        key, iv = key_and_iv(rng, "aes-256-cbc")
        data = rng.randbytes(5000)
        for device in "hifn0", "soft0":
            with route(daemon, "aes-256-cbc", key, iv, mac, b"secret", device=device) as s:
                made.append(again(s, "aes-256-cbc", key, iv, data))
                assert fused(s) == (device == "hifn0")
        assert made[0] == made[1]


def test_shortened_mac_and_what_is_told(daemon, rng):
    key, iv = key_and_iv(rng, "aes-128-cbc")
    with route(daemon, "aes-128-cbc", key, iv, "hmac-sha1", b"k", device="hifn0") as s:
        acr.put(s.path / "route/2/taglen", 12)
        secret, made = again(s, "aes-128-cbc", key, iv, b"some data")
        assert made == hmac.new(b"k", secret, "sha1").digest()[:12]
        told = acr.values((s.path / "route/2/status").read_text())
        assert told["device"] == "hifn0" and told["state"] == "done"
        assert told["bytes-in"] == "16" and told["bytes-out"] == "12"


def test_output_with_an_iv_is_not_fused(daemon, rng):
    """The MAC covers the IV too, which the card doesn't put out."""
    key, _ = key_and_iv(rng, "aes-128-cbc")
    with route(daemon, "aes-128-cbc", key, None, "hmac-sha1", b"k", device="hifn0") as s:
        secret, made = again(s, "aes-128-cbc", key, None, b"some data")
        assert len(secret) == 32 and made == hmac.new(b"k", secret, "sha1").digest()
        assert not fused(s)


def operations(trace):
    """Masks of the commands that the chip was given."""
    return [bytes.fromhex(found)[::-1].hex() for found in
            re.findall(r"^  command, \d+ bytes: (.. ..)", trace, re.MULTILINE)]


@pytest.mark.parametrize("contexts", [0, 8])
def test_one_command(start, rng, tmp_path, contexts):
    """0x0c00: cipher and MAC. Then commands that need one of both, under the same keys."""
    model = models.Hifn("--trace", str(tmp_path / "trace"))
    daemon = start("--device", f"hifn0={model.spec(contexts=contexts)}")
    key, iv = key_and_iv(rng, "aes-128-cbc")
    with route(daemon, "aes-128-cbc", key, iv, "hmac-sha1", b"k") as s, \
            daemon.session(alg="aes-128-cbc", key=key, iv=iv) as plain:
        for i in range(5):
            size = os.path.getsize(tmp_path / "trace")
            secret, made = again(s, "aes-128-cbc", key, iv, b"x" * i)
            assert made == hmac.new(b"k", secret, "sha1").digest()
            assert plain.run(b"x" * i) == secret
            acr.until(lambda: len(operations((tmp_path / "trace").read_text()[size:])) >= 2)
            assert operations((tmp_path / "trace").read_text()[size:]) == ["0c00", "0800"]
    assert daemon.stop() == 0
    model.stop()


def test_many_at_once(start, rng):
    """Fused and plain commands side by side, with lost interrupts."""
    model = models.Hifn("--fault", "lost-irq=3")
    daemon = start("--device", f"hifn0={model.spec()}", "--device", "soft0=soft:threads=1",
                   "--balancer", "round-robin")
    sessions = []
    for i in range(40 if QUICK else 400):
        alg = rng.choice([c for c in CIPHERS if c.startswith("aes")])
        key, iv = key_and_iv(rng, alg)
        data = rng.randbytes(rng.randrange(3000))
        s = route(daemon, alg, key, iv, rng.choice(MACS), b"k" * (1 + i % 80), src=data)
        mac = (s.path / "route/2/alg").read_text().strip()
        s.write("ctl", "start")
        secret = reference(alg, key, iv, data)
        sessions.append((s, hmac.new(b"k" * (1 + i % 80), secret, mac[5:]).digest()))
    for s, expected in sessions:
        assert s.read() == expected
        s.close()
    assert daemon.stop() == 0
    model.stop()
