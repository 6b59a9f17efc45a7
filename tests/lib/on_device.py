# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of drivers share: random keys, what must come of them, and the test vectors on
one device. A test's module names it DEVICE.

ACR_SEED=N repeats a run; the seed is printed. ACR_QUICK shortens the lists of lengths."""
import contextlib
import json
import os
import random

import pytest

import acr
import refs
import test_vectors as vectors

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

try:  # where newer versions have it
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
except ImportError:
    TripleDES = algorithms.TripleDES

QUICK = bool(os.environ.get("ACR_QUICK"))
SEED = int(os.environ.get("ACR_SEED") or random.SystemRandom().randrange(1 << 32))

KEYS = {"des": 8, "des-ede3": 24, "aes-128": 16, "aes-192": 24, "aes-256": 32, "sm4": 16}
LENGTHS = list(range(0, 301, 7 if QUICK else 1))


@pytest.fixture
def rng(request):
    print(f"ACR_SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")


def key_and_iv(rng, alg):
    key = rng.randbytes(KEYS[alg.rsplit("-", 1)[0]])
    return key, b"" if alg.endswith("ecb") else rng.randbytes(8 if alg.startswith("des") else 16)


def is_padded(alg):
    return alg.endswith(("ecb", "cbc"))


def reference(alg, key, iv, data, padded=None):
    """What the cipher makes of the data, from an implementation of its own. padded: None as the
    mode is by itself."""
    name, mode = alg.rsplit("-", 1)
    if name.startswith("des"):
        algorithm = TripleDES(key * (24 // len(key)))
    else:
        algorithm = algorithms.SM4(key) if name == "sm4" else algorithms.AES(key)
    if is_padded(alg) if padded is None else padded:
        data = refs.pad(data, algorithm.block_size // 8)
    mode = modes.ECB() if mode == "ecb" else getattr(modes, mode.upper())(iv)
    encryptor = Cipher(algorithm, mode).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def capabilities(daemon, device):
    return {(row["op"], row["alg"])
            for row in acr.rows(daemon.text(f"devices/{device}/capabilities"))}


def counters(daemon, device):
    return {k: int(v.split()[0])
            for k, v in acr.values(daemon.text(f"devices/{device}/stats")).items()
            if v.split() and v.split()[0].isdigit()}


class Bench(vectors.Bench):
    """Sessions for vectors, all bound to a device."""

    def __init__(self, daemon, device):
        super().__init__(daemon)
        self.device = device

    @contextlib.contextmanager
    def slot(self, *what):
        fresh = what not in self.slots
        with super().slot(*what) as s:
            if fresh:
                s.put("device", self.device.encode())
            yield s


@pytest.fixture(scope="module")
def bench(daemon, request):
    with contextlib.closing(Bench(daemon, request.module.DEVICE)) as b:
        yield b


def check_vectors(daemon, bench, name):
    """The lines of a file whose algorithms the device offers."""
    vectors.need_folder()
    offered = {alg for _, alg in capabilities(daemon, bench.device)}
    text = (acr.VECTORS / f"{name}.jsonl").read_text().splitlines()
    lines = [vectors.Line(i + 1, json.loads(one)) for i, one in enumerate(text)
             if i % vectors.STEP == 0]
    lines = [line for line in lines if line.alg in offered]
    before = counters(daemon, bench.device)["completed"]
    for line in lines:
        vectors.check_of(line)(bench, line)
    print(f"{name}: {len(lines)} lines on {bench.device}")
    assert lines and counters(daemon, bench.device)["completed"] >= before + len(lines)


def some_data(i):
    """The input of the i-th of many sessions."""
    return b"%d " % i * (1 + i * 37 % 400)


def finish_all(sessions):
    """Sessions that were started, each with what must come of it."""
    for s, expected in sessions:
        assert s.read() == expected
        s.close()
