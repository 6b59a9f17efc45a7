# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every algorithm on offer against the known answers of its own standard."""
import collections
import errno

import pytest

import acr
from known_answers import ANSWERS, OCB_ITERATED

pytestmark = pytest.mark.sanitize

PUBLIC_KEY = ("rsa-", "ecdsa-", "ed25519", "ed448", "sm2", "ecdh-", "x25519", "x448", "modexp")

BY_ALG = collections.defaultdict(list)
for answer in ANSWERS:
    BY_ALG[answer.alg].append(answer)

# What some OpenSSL lacks, and nothing else may be missing from `algorithms`: single DES is in
# the legacy provider, the others came after 3.0.
MAY_LACK = {"des-ecb", "des-cbc", "des-cfb", "des-ofb", "aes-128-gcm-siv", "aes-192-gcm-siv",
            "aes-256-gcm-siv", "sm4-gcm", "sm4-ccm", "sm4-xts"}


@pytest.fixture(scope="module")
def offered(daemon):
    """(op, alg) of the `algorithms` file."""
    return {(row["op"], row["alg"])
            for row in acr.rows((daemon.mount / "algorithms").read_text())}


def check(daemon, answer, **more):
    with daemon.session(op=answer.op, alg=answer.alg) as s:
        dst = s.run(answer.files["src"], **more,
                    **{k: v for k, v in answer.files.items() if k != "src"}) \
            if "src" in answer.files else derive(s, answer)
        assert dst == answer.dst, (answer.op, answer.alg, answer.source, more)
        if answer.tag:
            assert s.read("tag") == answer.tag, (answer.alg, answer.source, more)


def derive(s, answer):
    for file, value in answer.files.items():
        s.write(file, value)
    return s.read("dst")


@pytest.mark.parametrize("alg", sorted(BY_ALG))
def test_known_answer(daemon, offered, alg):
    supported = [a for a in BY_ALG[alg] if (a.op, alg) in offered]
    if not supported and alg in MAY_LACK:
        pytest.skip(f"the OpenSSL at hand has no {alg}")
    assert len(supported) == len(BY_ALG[alg]), f"{alg} is not in `algorithms` as it should be"
    for answer in supported:
        check(daemon, answer)


def damaged(answer):
    """The same with one bit of the signature or MAC wrong."""
    sig = bytearray(answer.files["sig"])
    sig[len(sig) // 2] ^= 4
    return {**answer.files, "sig": bytes(sig)}


@pytest.mark.parametrize("alg", sorted(a for a in BY_ALG if any(b.op == "verify" for b in BY_ALG[a])))
def test_one_wrong_bit_does_not_verify(daemon, offered, alg):
    for answer in BY_ALG[alg]:
        if answer.op != "verify" or ("verify", alg) not in offered:
            continue
        files = damaged(answer)
        with daemon.session(op="verify", alg=alg) as s:
            with acr.fails("EBADMSG"):
                s.run(files.pop("src"), **files)
            assert "verify" in s.error()[1]


@pytest.mark.parametrize("alg", sorted(BY_ALG))
def test_known_answer_as_stream(daemon, offered, alg):
    """The same through stream=1, where the algorithm can be cut into parts or kept whole."""
    for answer in BY_ALG[alg]:
        if (answer.op, alg) not in offered:
            pytest.skip(f"the OpenSSL at hand has no {alg}")
        if "src" not in answer.files:
            pytest.skip("takes no input")
        try:
            check(daemon, answer, stream="1")
        except OSError as error:
            # CCM, key wrap, XTS, xor and public keys are not for `stream`, and say so.
            assert alg.endswith(("-ccm", "-wrap", "-wrap-pad", "-xts", "-siv", "xor")) or \
                alg.startswith(PUBLIC_KEY), (alg, error)
            assert error.errno == errno.EINVAL, (alg, error)


def test_every_algorithm_has_an_answer(offered):
    have = {(a.op, a.alg) for a in ANSWERS}
    # What has a random part can't be compared; test_pkey.py makes and checks one of each.
    made = {(op, alg) for op, alg in offered
            if (op == "sign" and alg.startswith(("ecdsa-", "rsa-pss-", "sm2")))
            or (op == "encrypt" and alg.startswith("rsa-oaep-"))}
    missing = {(op, alg) for op, alg in offered if op != "random"} - have - made
    assert not missing, f"add known answers for {sorted(missing)}"
    assert len(offered) > 200


def test_self_computed_answers_are_the_exception():
    """Most algorithms have a published answer; the others say how theirs came about."""
    own = set(BY_ALG) - {a.alg for a in ANSWERS if a.published}
    print(f"{len(ANSWERS)} answers for {len(BY_ALG)} algorithms; computed here, for want of a "
          f"published one: {', '.join(sorted(own))}")
    assert all(len(a.source) > len("self: ") for a in ANSWERS)
    assert len(own) < len(BY_ALG) / 2


@pytest.mark.parametrize("alg", sorted(OCB_ITERATED))
def test_ocb_iterated(daemon, alg):
    """RFC 7253 appendix A: 384 encryptions of 0 to 127 bytes, and a tag over all of them."""
    bits = int(alg.split("-")[1])
    key = bytes(bits // 8 - 1) + b"\x80"
    with daemon.session(alg=alg, key=key) as s:
        def crypt(number, aad, src):
            s.write("iv", number.to_bytes(12, "big"))
            s.write("aad", aad) if aad else s.unlink("aad")
            s.write("src", src)
            return s.read("dst") + s.read("tag")

        out = b""
        for i in range(128):
            zeros = bytes(i)
            out += crypt(3 * i + 1, zeros, zeros)
            out += crypt(3 * i + 2, b"", zeros)
            out += crypt(3 * i + 3, zeros, b"")
        assert crypt(385, out, b"") == OCB_ITERATED[alg]
