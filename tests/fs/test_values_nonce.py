# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random IVs, and nonces that serve one encryption only."""
import pytest

import acr
import refs

KEY = bytes(range(32))
ONCE = {"aes-256-gcm": 12, "aes-256-ctr": 16, "aes-256-ofb": 16, "chacha20": 16, "chacha20-poly1305": 12,
        "aes-256-ocb": 12, "aes-256-ccm": 12}
RANDOM = {**ONCE, "aes-256-cbc": 16, "aes-256-cfb": 16}


def nonce(n, size=12):
    return n.to_bytes(size, "big")


def encrypt(session, data=b"message"):
    """One more request with what is there."""
    session.write("src", data)
    return session.read()


def refused(session, iv, data=b"message"):
    """Writing this nonce and encrypting is EEXIST, in whichever step."""
    with acr.fails("EEXIST"):
        session.write("iv", iv)
        encrypt(session, data)
    name, sentence = session.error()
    assert name == "EEXIST" and sentence


@pytest.mark.sanitize
@pytest.mark.parametrize("alg", RANDOM)
def test_a_fresh_iv_each_time(session, alg):
    session.write("alg", alg)
    session.write("key", KEY)
    seen = set()
    for _ in range(20):
        out = encrypt(session)
        used = session.read("iv")
        assert len(used) == RANDOM[alg] and out.startswith(used)
        seen.add(used)
    assert len(seen) == 20


@pytest.mark.sanitize
@pytest.mark.parametrize("alg", ONCE)
def test_a_written_nonce_serves_one_encrypt(session, alg):
    size = ONCE[alg]
    session.write("alg", alg)
    session.write("key", KEY)
    session.write("iv", nonce(1, size))
    first = encrypt(session)
    with acr.fails("EEXIST"):  # no new nonce written
        encrypt(session, b"another")
    assert session.error()[0] == "EEXIST"
    refused(session, nonce(1, size))
    session.write("iv", nonce(2, size))
    assert encrypt(session) != first
    refused(session, nonce(1, size))
    session.unlink("iv")
    out = encrypt(session)
    assert out[:size] not in (nonce(1, size), nonce(2, size))


def test_nothing_is_put_out_after_eexist(session):
    session.run(b"message", alg="aes-256-gcm", key=KEY, iv=nonce(1))
    session.write("src", b"massage")
    for _ in range(2):
        with acr.fails("EEXIST"):
            session.read()
    assert session.text("state") != "done"


def test_a_random_nonce_is_used_up_too(session):
    out = session.run(b"message", alg="aes-256-gcm", key=KEY)
    refused(session, out[:12])


def test_layout_makes_no_difference(session):
    session.run(b"message", alg="aes-256-gcm", key=KEY, iv=nonce(1), layout="combined")
    with acr.fails("EEXIST"):
        encrypt(session)
    session.write("layout", "detached")
    refused(session, nonce(1))


@pytest.mark.parametrize("alg", ["aes-256-cbc", "aes-256-cfb"])
def test_a_mode_without_nonces_may_repeat(session, alg):
    session.write("alg", alg)
    session.write("key", KEY)
    session.write("iv", nonce(1, 16))
    first = encrypt(session)
    assert encrypt(session) == first
    session.write("iv", nonce(1, 16))
    assert encrypt(session) == first


def test_decrypting_repeats_freely(session):
    text, tag = refs.gcm(KEY, nonce(1), b"message")
    for file, value in (("alg", "aes-256-gcm"), ("op", "decrypt"), ("key", KEY), ("iv", nonce(1)), ("tag", tag)):
        session.write(file, value)
    for _ in range(3):
        assert encrypt(session, text) == b"message"


def test_reading_dst_again_is_no_second_encrypt(session):
    first = session.run(b"message", alg="aes-256-gcm", key=KEY, iv=nonce(1))
    session.write("format", "hex")
    assert session.read() == first.hex().encode() + b"\n"


@pytest.mark.sanitize
def test_writing_the_key_forgets(session):
    first = session.run(b"message", alg="aes-256-gcm", key=KEY, iv=nonce(1))
    session.write("key", KEY)
    session.write("iv", nonce(1))
    assert encrypt(session) == first
    refused(session, nonce(1))


def test_1024_written_nonces(session):
    session.write("alg", "aes-256-gcm")
    session.write("key", KEY)
    for n in range(1024):
        session.write("iv", nonce(n))
        encrypt(session, b"")
    refused(session, nonce(5000))
    refused(session, nonce(0))
    session.write("key", KEY)
    session.write("iv", nonce(5000))
    assert encrypt(session) == refs.gcm(KEY, nonce(5000), b"message")[0]


def test_another_session_has_its_own_list(daemon):
    for _ in range(2):
        with daemon.session() as s:
            assert s.run(b"message", alg="aes-256-gcm", key=KEY, iv=nonce(1)) == refs.gcm(KEY, nonce(1), b"message")[0]


def test_changing_the_algorithm_does_not_forget(session):
    session.run(b"message", alg="aes-256-gcm", key=KEY, iv=nonce(1))
    session.write("alg", "aes-256-ocb")
    session.write("alg", "aes-256-gcm")
    refused(session, nonce(1))


def test_the_same_nonce_in_a_stream(session):
    session.write("stream", "1")
    session.run(b"message", alg="aes-256-ctr", key=KEY, iv=nonce(1, 16))
    refused(session, nonce(1, 16))
    session.write("stream", "0")
    refused(session, nonce(1, 16))


@pytest.mark.parametrize("alg", ["aes-256-gcm", "aes-256-cbc"])
def test_decrypt_with_combined_input_shows_the_iv(session, alg):
    """`iv` reads the last one used."""
    out = session.run(b"message", alg=alg, key=KEY)
    iv = session.read("iv")
    session.write("op", "decrypt")
    assert encrypt(session, out) == b"message"
    assert session.read("iv") == iv
