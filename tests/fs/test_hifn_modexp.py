# SPDX-License-Identifier: LGPL-2.1-or-later
"""The public-key engine of the HIFN's model: powers modulo a number."""
import os
import subprocess

import pytest

import acr
import models
from on_device import QUICK, counters, rng
from refs_pkey import integer, sequence
from test_hifn import DEVICE, daemon, model, state

pytestmark = pytest.mark.sanitize

__all__ = ["daemon", "model", "rng"]  # fixtures

CONFIG = acr.PATIENT
SIZES = [512, 1024, 1536, 2048, 2560, 3072]  # bits that the engine takes


def key_of(modulus, exponent):
    return sequence(integer(modulus), integer(exponent))


def number(rng, bits):
    """Odd, of just so many bits."""
    return rng.getrandbits(bits) | 1 << bits - 1 | 1


@pytest.mark.parametrize("bits", SIZES)
def test_powers(daemon, rng, bits):
    """As Python and soft say; all lengths of exponents, bases above the modulus too."""
    before = counters(daemon, DEVICE)["completed"]
    exponents = [1, 2, 3, 65537, 1 << bits - 1, (1 << bits) - 1]
    exponents += [rng.getrandbits(rng.randrange(2, bits)) | 1 for _ in range(2 if QUICK else 12)]
    with daemon.session(alg="modexp", device="hifn0") as hifn, \
            daemon.session(alg="modexp", device="soft0") as soft:
        for exponent in exponents:
            modulus = number(rng, bits)
            base = rng.choice([0, 1, modulus - 1, modulus, modulus + 1, rng.getrandbits(bits)])
            data = base.to_bytes(bits // 8 + 1, "big").lstrip(b"\0")
            made = []
            for s in hifn, soft:
                s.write("key", key_of(modulus, exponent))
                made.append(s.run(data))
            assert made[0] == made[1], (modulus, exponent, base)
            assert int.from_bytes(made[0], "big") == pow(base, exponent, modulus)
            assert len(made[0]) == bits // 8
    assert counters(daemon, DEVICE)["completed"] == before + len(exponents)


def test_the_vector_from_silicon_is_a_modulus_that_users_may_not_have(daemon):
    """It is even, as the tests at bring-up use it."""
    with daemon.session(alg="modexp", device="hifn0", key=key_of(1 << 1535, 4)) as s:
        with acr.fails("EOPNOTSUPP"):
            s.run(b"\x80" + bytes(3) + b"\xff" * 188)
        assert "odd moduli" in s.error()[1]


@pytest.mark.parametrize("modulus, exponent", [
    (2**1000 + 1, 3), (2**3583 + 1, 3), (2**4095 + 1, 3), (2**1023 + 1, 0), (2**1023 + 1, 2**1024)],
    ids=["1001 bits", "3584 bits", "4096 bits", "zero", "longer than the modulus"])
def test_soft_takes_what_the_engine_cannot(daemon, modulus, exponent):
    failed = counters(daemon, DEVICE)["failed"]
    with daemon.session(alg="modexp", key=key_of(modulus, exponent)) as s:
        for _ in range(5):  # whichever is asked first
            assert int.from_bytes(s.run(b"\7"), "big") == pow(7, exponent, modulus)
    with daemon.session(alg="modexp", key=key_of(modulus, exponent), device="hifn0") as s:
        with acr.fails("EOPNOTSUPP"):
            s.run(b"\7")
        assert "moduli" in s.error()[1]
    assert counters(daemon, DEVICE)["failed"] == failed and state(daemon) == "ready"


def test_rsa_keys(daemon, tmp_path):
    """Private and public, PEM and DER."""
    pem, der = tmp_path / "key.pem", tmp_path / "key.der"
    for words in (["genrsa", "-out", pem, "1024"], ["rsa", "-in", pem, "-outform", "DER", "-out", der]):
        subprocess.run(["openssl", *map(str, words)], check=True, stderr=subprocess.DEVNULL)
    public = subprocess.run(["openssl", "rsa", "-in", str(pem), "-pubout"], check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    block = b"\0" + os.urandom(127)
    for private in pem.read_bytes(), der.read_bytes():
        with daemon.session(alg="modexp", device="hifn0", key=public) as s:
            sealed = s.run(block)
            s.write("key", private)
            s.write("op", "decrypt")
            assert s.run(sealed) == block
    with daemon.session(alg="modexp", device="hifn0", key=b"no key") as s:
        with acr.fails("EOPNOTSUPP"):
            s.run(block)
        assert "no RSA key" in s.error()[1]


def test_limits_are_listed(daemon):
    """Where users look before they bind a session to the card."""
    of_card = {(row["op"], row["alg"]): row["limits"] for row in acr.rows(daemon.text(f"devices/{DEVICE}/capabilities"))}
    of_all = {(row["op"], row["alg"]): row["limits"] for row in acr.rows(daemon.text("algorithms"))}
    assert "odd moduli" in of_card["encrypt", "modexp"] and of_card["encrypt", "aes-128-cbc"] == "-"
    assert of_card["hash", "md5"].startswith("at most 262140")
    for what in ("encrypt", "modexp"), ("hash", "md5"):
        assert of_all[what] == f"{DEVICE}: {of_card[what]}"
    assert of_all["hash", "sha256"] == "-"


def test_what_only_a_device_that_is_broken_could_take(daemon):
    """The devices that are left work, but can't do it: that is said, and no device is blamed."""
    daemon.write("devices/soft0/ctl", "break\n")
    try:
        with daemon.session(alg="md5") as s:
            assert s.run(b"short")
            with acr.fails("EOPNOTSUPP"):
                s.run(bytes(262141))
            assert "at most 262140 bytes for md5, not 262141" in s.error()[1]
        with daemon.session(alg="md5", stream="1") as s:
            s.write("ctl", "start")
            with acr.fails("EOPNOTSUPP"):
                s.run(bytes(4 << 20))
            assert "as a whole" in s.error()[1]
    finally:
        daemon.write("devices/soft0/ctl", "repair\n")


def test_beside_other_work(daemon, rng):
    """Powers, random numbers and ciphers at once; the two units aside share a reset and a thread."""
    modulus, sessions = number(rng, 1024), []
    for i in range(30):
        s = daemon.session(alg="modexp", device="hifn0", key=key_of(modulus, 65537),
                           src=b"%d" % (i + 1))
        s.write("ctl", "start")
        sessions.append((s, pow(int.from_bytes(b"%d" % (i + 1), "big"), 65537, modulus)))
        r = daemon.session(op="random", device="hifn0", length=500)
        r.write("ctl", "start")
        sessions.append((r, None))
    with daemon.session(alg="aes-128-cbc", device="hifn0", key=bytes(16), iv=bytes(16)) as s:
        assert len(s.run(bytes(100000))) == 100016
    for s, expected in sessions:
        made = s.read()
        assert len(made) == 500 if expected is None else int.from_bytes(made, "big") == expected
        s.close()


def test_nothing_is_left_in_the_engine(start, rng, tmp_path):
    """Each word that was written to its memory is written again, with zeros, at the end."""
    model = models.Hifn("--trace", str(tmp_path / "trace"))
    daemon = start("--device", f"hifn0={model.spec()}")
    size = os.path.getsize(tmp_path / "trace")
    with daemon.session(alg="modexp", key=key_of(number(rng, 512), 65537)) as s:
        s.run(b"\7")
    assert daemon.stop() == 0
    model.stop()
    last = {}
    for line in (tmp_path / "trace").read_text()[size:].splitlines():
        if line.startswith("W PUB_MEM") or line.startswith("W PK"):
            place, value = line.split(" = ")
            last[place] = int(value.split()[0], 16)
    assert len(last) >= 4 * 16 and not any(last.values())
