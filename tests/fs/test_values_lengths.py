# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long a MAC is, which taglen and length say alike; and nonces in the combined layout."""
import hmac
import os

import pytest

import acr
import binary

pytestmark = pytest.mark.sanitize

KEY = bytes(range(32))
# NIST's KMAC128 of "abc" with 16 bytes; with another length all bytes are others.
KMAC16 = bytes.fromhex("18c41bcd2aa6b4f027a46c033d7bff24")


@pytest.mark.parametrize("file", ["taglen", "length"])
def test_one_rule_for_all_macs(daemon, file):
    other = {"taglen": "length", "length": "taglen"}[file]
    with daemon.session(alg="kmac-128", key=KEY, **{file: 16}) as s:
        assert s.text(other) == s.text(file) == "16"
        assert s.run(b"abc") == KMAC16
        assert s.run(b"abc", op="verify", sig=KMAC16) == b"valid\n"
    with daemon.session(alg="hmac-sha256", key=KEY, **{file: 16}) as s:
        made = hmac.digest(KEY, b"abc", "sha256")[:16]
        assert s.text(other) == "16" and s.run(b"abc") == made
        assert s.run(b"abc", op="verify", sig=made) == b"valid\n"


def test_without_either_a_mac_has_its_full_length(daemon):
    with daemon.session(alg="kmac-128", key=KEY) as s:
        assert s.text("taglen") == s.text("length") == "32" and len(s.run(b"abc")) == 32
    with daemon.session(alg="hmac-sha256", key=KEY) as s:
        assert s.text("taglen") == s.text("length") == "32"


def test_two_lengths_that_differ(daemon):
    with daemon.session(alg="kmac-128", key=KEY, taglen=16) as s:
        with acr.fails("EINVAL"):
            s.write("length", "20")
        assert "taglen is 16 and length 20" in s.error()[1]
        assert s.run(b"abc") == KMAC16
        s.write("length", "16")
        assert s.run(b"abc") == KMAC16
        s.write("taglen", "20")  # what was written later may be put right later
        with acr.fails("EINVAL"):
            s.run(b"abc")
        s.unlink("taglen")
        assert s.run(b"abc") == KMAC16


@pytest.mark.parametrize("alg, good, bad", [("hmac-sha256", 32, 33), ("cmac-aes-256", 1, 17),
                                            ("gmac-aes-256", 8, 9), ("kmac-128", 1 << 20, (1 << 20) + 1)])
def test_lengths_that_a_mac_has(daemon, alg, good, bad):
    with daemon.session(alg=alg, key=KEY) as s:
        with acr.fails("EINVAL"):
            s.write("length", bad)
        assert len(s.run(b"abc", length=good)) == good


def test_direct_takes_the_length_from_tag_size(daemon):
    """Not from the room of a dst that nothing is written to."""
    with binary.Binary(daemon) as b:
        def direct(room, tag_size=0, operation=binary.IMPLIED, **inputs):
            return b.direct("kmac-128", operation, b"abc", room, fields={"tag_size": tag_size}, key=KEY, **inputs)

        assert direct(16) == direct(100, 16) == KMAC16
        long = direct(100)
        for room in (6, 64, 200):
            assert direct(room, 16, binary.VERIFY, sig=KMAC16) == b"valid\n"
            assert direct(room, 100, binary.VERIFY, sig=long) == b"valid\n"


# ---- the combined layout ----

@pytest.mark.parametrize("alg, key, size", [("aes-256-gcm", KEY, 16), ("aes-256-ccm", KEY, 13), ("aes-256-ocb", KEY, 15)])
def test_no_combined_output_that_could_not_be_taken_apart(daemon, alg, key, size):
    iv = os.urandom(size)
    with daemon.session(alg=alg, key=key, iv=iv, layout="combined") as s:
        with acr.fails("EINVAL"):
            s.run(b"data")
        assert f"{size} bytes" in s.error()[1] and "12" in s.error()[1] and "detached" in s.error()[1]
        sealed = iv + s.run(b"data", layout="detached") + s.read("tag")
    with daemon.session(alg=alg, key=key, op="decrypt", layout="combined", iv=bytes(size)) as s:
        assert s.run(sealed) == b"data"  # of elsewhere: the iv that was written tells its length alone
