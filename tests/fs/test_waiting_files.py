# SPDX-License-Identifier: LGPL-2.1-or-later
"""ctl, state, status, history, deadline."""
import hashlib
import os

import pytest

import acr

KEY = bytes(32)
CONFIG = acr.PATIENT


@pytest.mark.sanitize
def test_state_words_of_a_cipher(session):
    assert session.text("state") == "new"
    session.write("alg", "aes-256-cbc")
    assert session.text("state") == "new"
    session.write("key", KEY)
    assert session.text("state") == "new"
    session.write("src", b"x")
    assert session.text("state") == "ready"
    session.read()
    assert session.text("state") == "done"
    session.write("src", b"y")
    assert session.text("state") == "ready"
    session.write("ctl", "reset")
    assert session.text("state") == "new"


def test_ready_without_src_in_a_stream(session):
    session.write("stream", "1")
    session.write("alg", "hmac-sha256")
    assert session.text("state") == "new"
    session.write("key", KEY)
    assert session.text("state") == "ready"


def test_state_words_at_work(daemon):
    with daemon.held() as (slow, release):
        with daemon.session(alg="sha256", device=slow, src=b"1") as one, \
             daemon.session(alg="sha256", device=slow, src=b"2") as two:
            one.write("ctl", "start")
            assert one.wait("running") == "running"
            two.write("ctl", "start")
            assert two.text("state") == "queued"
            two.write("ctl", "cancel")
            assert two.wait("cancelled") == "cancelled"
            assert one.text("state") == "running"
            release()
            assert one.wait("done") == "done"
            assert one.read() == hashlib.sha256(b"1").digest()


def test_state_failed(session):
    with acr.fails("EINVAL"):
        session.run(b"x", alg="aes-256-cbc", key=KEY, padding="none")
    assert session.text("state") == "failed"
    assert session.status()["state"] == "failed"
    session.write("padding", "pkcs7")
    assert len(session.run(b"x")) == 32
    assert session.text("state") == "done"


@pytest.mark.sanitize
def test_start_returns_at_once(daemon):
    with daemon.held() as (slow, release), daemon.session(alg="sha256", device=slow, src=b"abc") as s:
        s.write("ctl", "start\n")
        assert s.text("state") in ("queued", "running")
        release()
        assert s.read() == hashlib.sha256(b"abc").digest()


@pytest.mark.parametrize("files, errno", [
    ({}, "EINVAL ENODATA EOPNOTSUPP"), ({"alg": "sha256"}, "ENODATA"), ({"alg": "hmac-sha256", "src": b"x"}, "ENOKEY"),
    ({"alg": "aes-256-cbc", "key": KEY}, "ENODATA"),
])
def test_start_gives_the_errno(session, files, errno):
    for file, value in files.items():
        session.write(file, value)
    with acr.fails(*errno.split()):
        session.write("ctl", "start")
    with acr.fails(*errno.split()):
        session.read()
    assert session.error()[0] in errno.split()


@pytest.mark.parametrize("word", ["", "go", "starts", "start now", "START", pytest.param("x" * 5000, id="long")])
def test_unknown_ctl_words(session, word):
    session.write("alg", "sha256")
    session.write("src", b"abc")
    with acr.fails("EINVAL"):
        session.write("ctl", word + "\n")
    assert session.text("state") == "ready"


def test_start_twice(daemon):
    with daemon.held() as (slow, release), daemon.session(alg="sha256", device=slow, src=b"abc") as s:
        s.write("ctl", "start")
        with acr.fails("EBUSY"):
            s.write("ctl", "start")
        release()
        assert s.read() == hashlib.sha256(b"abc").digest()


@pytest.mark.sanitize
@pytest.mark.parametrize("word", ["cancel", "reset"])
def test_cancel_and_reset_end_a_blocked_reader(daemon, word):
    with daemon.held() as (slow, _), daemon.session(alg="sha256", device=slow, src=b"abc") as s:
        reader = acr.Background(s.read)
        s.wait("running")
        s.write("ctl", word)
        with acr.fails("ECANCELED"):
            reader.result(10)
        if word == "cancel":
            assert s.wait("cancelled") == "cancelled"
            with acr.fails("ECANCELED"):
                s.read()
            assert s.text("alg") == "sha256"
            assert s.error()[0] == "ECANCELED"
            s.write("device", "soft0")
        else:
            assert s.text("state") == "new" and s.text("device") == ""
            s.write("alg", "sha256")
            s.write("device", "soft0")
        assert s.run(b"next") == hashlib.sha256(b"next").digest()


def test_reset_is_as_new(session, daemon):
    with daemon.session() as fresh:
        new = {f: fresh.read(f) for f in os.listdir(fresh.path)
               if f in ("op", "alg", "iv", "aad", "taglen", "padding", "layout", "format", "length", "params",
                        "src", "stream", "priority", "device", "private", "deadline", "state")}
    for file, value in (("alg", "aes-256-gcm"), ("key", KEY), ("iv", b"0" * 12), ("aad", b"a"), ("taglen", "12"),
                        ("format", "hex"), ("layout", "combined"), ("priority", "5"), ("device", "soft0"),
                        ("private", b"p"), ("deadline", "10000"), ("params", "n=16")):
        session.write(file, value)
    session.run(b"x")
    session.write("ctl", "reset")
    assert {f: session.read(f) for f in new} == new
    session.write("alg", "aes-256-gcm")
    session.write("src", b"x")
    with acr.fails("ENOKEY"):
        session.read()


def test_cancel_with_nothing_to_cancel(session):
    """No error that a script would have to expect, and no harm."""
    session.write("alg", "sha256")
    session.write("src", b"abc")
    acr.errno_of(session.write, "ctl", "cancel")
    session.write("src", b"abc")
    assert session.read() == hashlib.sha256(b"abc").digest()


@pytest.mark.sanitize
def test_deadline(daemon):
    with daemon.held() as (slow, _), \
         daemon.session(alg="sha256", device=slow, deadline="100", src=b"abc") as s:
        with acr.fails("ETIMEDOUT"):
            s.read()
        assert s.text("state") == "failed"
        name, sentence = s.error()
        assert name == "ETIMEDOUT" and sentence
        s.write("deadline", "0")
        s.write("device", "soft0")
        assert s.run(b"abc") == hashlib.sha256(b"abc").digest()


def test_deadline_of_a_queued_session(daemon):
    with daemon.held() as (slow, release):
        with daemon.session(alg="sha256", device=slow, src=b"1") as one, \
             daemon.session(alg="sha256", device=slow, src=b"2", deadline="100") as two:
            one.write("ctl", "start")
            one.wait("running")
            with acr.fails("ETIMEDOUT"):
                two.read()
            assert one.text("state") == "running"
            release()
            assert one.read() == hashlib.sha256(b"1").digest()


def test_a_deadline_that_is_met(session):
    assert session.run(b"abc", alg="sha256", deadline="60000") == hashlib.sha256(b"abc").digest()


@pytest.mark.sanitize
def test_status_fields(session, daemon):
    session.run(bytes(1000), alg="aes-256-cbc", key=KEY, iv=bytes(16))
    status = session.status()
    assert list(status)[:9] == ["state", "error", "device", "stage", "bytes-in", "bytes-out", "queue-time-us",
                                "process-time-us", "requests"]
    assert status["state"] == "done" and status["device"] == "soft0"
    assert (status["bytes-in"], status["bytes-out"], status["requests"]) == ("1000", "1008", "1")
    assert int(status["queue-time-us"]) >= 0 and int(status["process-time-us"]) >= 0
    session.run(b"x")
    assert session.status()["requests"] == "2"
    with daemon.device("delay:us=50000") as slow:
        session.write("device", slow)
        session.run(b"x")
        assert session.status()["device"] == slow
        assert 50_000 <= int(session.status()["process-time-us"]) < 50_000_000
        session.unlink("device")


def test_no_error_is_left_after_success(session):
    with acr.fails("EINVAL"):
        session.write("priority", "x")
    session.run(b"abc", alg="sha256")
    assert "EINVAL" not in session.status()["error"]


@pytest.mark.sanitize
def test_history(session, daemon):
    head = session.read("history").decode().splitlines()
    assert len(head) == 1
    columns = head[0].lstrip("# ").split("\t")
    assert head[0].startswith("#") and len(columns) >= 7
    assert columns[:6] == ["stage", "device", "queued", "started", "ended", "outcome"]
    session.run(b"abc", alg="sha256")
    with daemon.device("error:every=1,errno=EIO") as bad:
        session.write("device", bad)
        with acr.fails("EIO"):
            session.run(b"abc")
        session.unlink("device")
        lines = acr.rows(session.text("history"))
        assert [line["device"] for line in lines] == ["soft0", bad]
    assert all(line["stage"] == "1" for line in lines)
    assert lines[0]["outcome"] != lines[1]["outcome"]
    session.run(b"abc")
    assert len(acr.rows(session.text("history"))) == 3


def test_history_keeps_256(session):
    session.write("alg", "sha256")
    for _ in range(300):
        session.run(b"abc")
    assert len(acr.rows(session.text("history"))) == 256
    assert session.status()["requests"] == "300"
