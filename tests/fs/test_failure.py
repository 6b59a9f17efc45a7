# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices that fail, hang, vanish and lie: what becomes of them and of the sessions."""
import hashlib
import os
import signal
import time

import acr
import pytest
from acr import until

DATA = bytes(range(256)) * 40
DIGEST = hashlib.sha256(DATA).digest()


def state(daemon, name):
    return daemon.text(f"devices/{name}/state").strip()


def outcomes(session):
    return [(r["device"], r["outcome"]) for r in acr.rows(session.text("history") + "\n")]


def ctl(daemon, name, words):
    daemon.write(f"devices/{name}/ctl", words + "\n")


def stat(daemon, name, word):
    return int(acr.values(daemon.text(f"devices/{name}/stats"))[word])


def fail_often(daemon, device):
    """11 requests that fail: over half of the last 20."""
    with daemon.session(alg="sha256", device=device) as s:
        for _ in range(11):
            assert acr.errno_of(s.run, b"x") == "EIO"


# ---- errors and quarantine ----

def test_one_failure_moves_and_condemns_nobody(daemon):
    with daemon.device("error:every=1") as bad, daemon.session(alg="sha256") as s:
        ctl(daemon, "soft0", "break for a moment")
        try:
            assert acr.errno_of(s.run, DATA) == "EIO"
        finally:
            ctl(daemon, "soft0", "repair")
        assert state(daemon, bad) == "ready"
        for _ in range(30):
            assert s.run(DATA) == DIGEST
        assert "soft0" in s.status()["device"]


def test_the_one_that_works_is_found_behind_any_number_that_fail(start):
    bad = [f"e{i}=error:every=1" for i in range(20)]
    daemon = start(*[w for d in bad for w in ("--device", d)], "--device", "good=soft",
                   "--balancer", "round-robin")
    for _ in range(3):
        with daemon.session(alg="sha256") as s:
            assert s.run(DATA) == DIGEST
            tried = outcomes(s)
            assert tried[-1] == ("good", "ok") and {o for _, o in tried[:-1]} <= {"EIO"}
            assert len({d for d, _ in tried}) == len(tried)


def test_over_half_of_20_is_quarantine(daemon):
    with daemon.device("error:every=1") as bad:
        with daemon.session(alg="sha256", device=bad) as s:
            for _ in range(10):
                assert acr.errno_of(s.run, b"x") == "EIO"
            assert state(daemon, bad) == "ready"
            assert acr.errno_of(s.run, b"x") == "EIO"
            assert state(daemon, bad) == "broken: quarantined: 11 of its last 20 requests failed"
            assert acr.errno_of(s.run, b"x") == "ENODEV"
            ctl(daemon, bad, "repair")
            assert state(daemon, bad) == "ready"
            assert acr.errno_of(s.run, b"x") == "EIO"


@pytest.mark.parametrize("name", ["EINVAL", "EBADMSG", "EOPNOTSUPP", "EAGAIN"])
def test_results_and_refusals_are_no_failures(daemon, name):
    with daemon.device(f"error:every=1,errno={name}") as bad:
        with daemon.session(alg="sha256", device=bad) as s:
            for _ in range(25):
                assert acr.errno_of(s.run, b"x") == ("EIO" if name == "EAGAIN" else name)
        assert state(daemon, bad) == "ready"


def test_a_device_that_stays_bad_stays_away(daemon):
    with daemon.device("error:every=1") as bad:
        fail_often(daemon, bad)
        # It fails its tests, too.
        assert until(lambda: stat(daemon, bad, "started") > 11)
        assert state(daemon, bad).startswith("broken: quarantined")


def test_who_lies_in_the_tests_stays_away(daemon):
    with daemon.device("flip:every=4") as liar:
        with daemon.session(alg="sha256", check="always", device=liar) as s:
            assert [s.run(DATA) for _ in range(4)] == [DIGEST] * 4
        assert state(daemon, liar).startswith("broken: quarantined: wrong result")
        # Each fourth answer of the tests is wrong, so it never passes.
        assert until(lambda: stat(daemon, liar, "started") >= 8)
        assert state(daemon, liar).startswith("broken: quarantined")


def test_back_in_service(daemon):
    """240 of 241 are right: it passes its tests."""
    with daemon.device("flip:every=241") as dev:
        with daemon.session(alg="sha256", device=dev) as s:
            for _ in range(240):
                assert s.run(DATA) == DIGEST
            s.write("check", "always")
            assert s.run(DATA) == DIGEST
            # On a slow day its tests may be over by now; the log keeps it.
            assert f"{dev}: quarantined: wrong result" in daemon.log
            assert until(lambda: state(daemon, dev) == "ready")
            assert s.run(DATA) == DIGEST
    assert "back in service" in daemon.log


def test_what_ctl_broke_stays_broken(daemon):
    with daemon.device("delay:us=0") as dev:
        ctl(daemon, dev, "break out of order")
        assert not until(lambda: state(daemon, dev) != "broken: out of order", 2.5)


# ---- hanging and vanishing ----

def test_a_hanging_device_is_found(daemon):
    with daemon.device("hang:after=25,width=3") as dev:
        with daemon.session(alg="sha256", device=dev) as s:
            for _ in range(25):
                s.run(b"x")
        sessions = [daemon.session(alg="sha256", device=dev, src=DATA) for _ in range(2)]
        readers = [acr.Background(acr.errno_of, s.read) for s in sessions]
        assert until(lambda: state(daemon, dev) != "ready")
        assert state(daemon, dev).startswith("broken: no answer for")
        for s, reader in zip(sessions, readers):  # bound: ENODEV, and no other device
            assert reader.result() == "ENODEV"
            assert not any(d == "soft0" for d, _ in outcomes(s))
            s.close()


def test_a_hanging_device_is_found_though_nobody_waits_for_it(start):
    daemon = start("--device", "h=hang:after=5", "--device", "soft0=soft",
                   "--balancer", "least-loaded")
    with daemon.session(alg="sha256", device="h") as s:
        for _ in range(5):
            assert s.run(DATA) == DIGEST
    ends = []
    with daemon.session(alg="sha256", deadline="150") as s:
        while len(ends) < 100 and not state(daemon, "h").startswith("broken: "):
            ends.append(acr.errno_of(s.run, DATA))
        assert "ETIMEDOUT" in ends and set(ends) <= {"ETIMEDOUT", None}
        assert until(lambda: acr.errno_of(s.run, DATA) is None), "it went on to get every request"
    assert state(daemon, "h").startswith("broken: "), "only known answers bring it back"


def test_a_slow_device_whose_requests_are_cancelled_stays(start):
    """The watchdog's time passes while requests are cancelled, but not between two answers."""
    daemon = start("--device", "slow=delay:us=20000,width=4", config="[scheduler]\nwatchdog=3\n")
    with daemon.session(alg="sha256", src=b"x") as answered, \
            daemon.session(alg="sha256", src=b"x") as cancelled:
        end = time.monotonic() + 4
        while time.monotonic() < end:
            cancelled.write("ctl", "start")
            cancelled.wait("running", "done")
            cancelled.write("ctl", "cancel")
            cancelled.write("src", b"x")
            answered.run(b"x")
    assert state(daemon, "slow") == "ready"


def test_sessions_of_a_hanging_device_go_on_elsewhere(start):
    daemon = start("--device", "h0=hang:after=10", config="[scheduler]\nwatchdog=4\n")
    with daemon.session(alg="sha256") as s:
        for _ in range(10):
            s.run(b"x")
    sessions = [daemon.session(alg="sha256", src=DATA) for _ in range(5)]
    for s in sessions:
        s.write("ctl", "start")
    daemon.write("devices/add", "soft0=soft\n")
    for s in sessions:
        assert s.read() == DIGEST
    assert state(daemon, "h0").startswith("broken: no answer for")
    assert any(("h0", "moved") in outcomes(s) for s in sessions)


def test_long_computations_are_no_hang(daemon):
    """Seconds where the same algorithm took microseconds before."""
    with daemon.session(alg="pbkdf2-sha256", key=b"k", iv=b"salt", length="32") as s:
        s.write("params", "iterations=1")
        for _ in range(3):
            s.read()
        s.write("params", "iterations=9000000")
        assert len(s.read()) == 32
    assert state(daemon, "soft0") == "ready"


def test_a_vanished_device(daemon):
    with daemon.device("vanish:after=3") as dev:
        with daemon.session(alg="sha256", device=dev) as s:
            for _ in range(3):
                assert s.run(DATA) == DIGEST
            assert acr.errno_of(s.run, DATA) in ("ENODEV", "EIO")
        assert state(daemon, dev) == "broken: vanished"
        with daemon.session(alg="sha256") as s:
            assert s.run(DATA) == DIGEST


# ---- check ----

def test_check_always_never_shows_a_lie(daemon):
    with daemon.device("flip:every=1") as liar:
        for _ in range(3):
            with daemon.session(alg="sha256", device=liar) as s:
                assert s.run(DATA) != DIGEST, "it does lie"
                s.write("check", "always")
                assert s.run(DATA) == DIGEST
                assert state(daemon, liar).startswith("broken: quarantined: wrong result, found by")
                seen = outcomes(s)
            assert (liar, "wrong") in seen and ("soft0", "differs") in seen
            ctl(daemon, liar, "repair")


def test_check_of_a_device(daemon):
    with daemon.device("flip:every=3") as liar:
        assert daemon.text(f"devices/{liar}/check") == "never\n"
        daemon.write(f"devices/{liar}/check", "always\n")
        assert daemon.text(f"devices/{liar}/check") == "always\n"
        with daemon.session(alg="aes-256-gcm", key=bytes(32), iv=bytes(12), device=liar) as s:
            right = None
            for _ in range(9):
                s.write("key", bytes(32))
                s.write("iv", bytes(12))
                got = s.run(DATA), s.read("tag")
                right = right or got
                assert got == right
                if state(daemon, liar) != "ready":
                    ctl(daemon, liar, "repair")
        daemon.write(f"devices/{liar}/check", "sample 2\n")
        assert daemon.text(f"devices/{liar}/check") == "sample 2\n"
        for word in ("sometimes", "sample 0", ""):
            with acr.fails("EINVAL"):
                daemon.write(f"devices/{liar}/check", word + "\n")


def test_check_of_a_device_is_for_root_to_change(daemon):
    path = daemon.mount / "devices/soft0/check"
    assert acr.as_user(acr.NOBODY, path.read_text) == "never\n"
    with acr.fails("EACCES"):
        acr.as_user(acr.NOBODY, acr.put, path, "always\n")


@pytest.mark.parametrize("value", ["never", "always", "sample 1", "sample 1000000"])
def test_check_reads_what_was_written(session, value):
    assert session.text("check") == "never"
    session.write("check", value + "\n")
    assert session.text("check") == value
    session.unlink("check")
    assert session.text("check") == "never"


@pytest.mark.parametrize("value", ["", "sample", "sample 0", "sample 1000001", "sample x", "yes"])
def test_bad_values_of_check(session, value):
    with acr.fails("EINVAL"):
        session.write("check", value + "\n")
    assert "never, always or sample N" in session.error()[1]


def test_always_with_nobody_to_ask(daemon, session):
    """soft0 is alone: what nobody can confirm is not shown."""
    session.write("alg", "sha256")
    session.write("check", "always")
    assert acr.errno_of(session.run, DATA) == "ENODEV"
    assert "no other device can confirm" in session.error()[1]
    session.write("check", "sample 1")
    assert session.run(DATA) == DIGEST
    session.write("check", "always")
    with daemon.device("delay:us=0") as other:
        assert session.run(DATA) == DIGEST
        assert sorted(outcomes(session)[-2:], key=lambda o: o[1]) == [
            (other if session.status()["device"] == "soft0" else "soft0", "checked"),
            (session.status()["device"], "ok")]


def test_random_numbers_are_not_compared(daemon, session):
    session.write("op", "random")
    session.write("length", "64")
    session.write("check", "always")
    assert len(session.read()) == 64
    assert [o for _, o in outcomes(session)] == ["ok"]


def test_sample(daemon):
    with daemon.device("delay:us=0") as other:
        with daemon.session(alg="sha256", device=other, check="sample 3") as s:
            before = stat(daemon, "soft0", "started")
            for _ in range(9):
                assert s.run(DATA) == DIGEST
            assert stat(daemon, "soft0", "started") - before == 3
            assert [o for d, o in outcomes(s) if d == "soft0"] == ["checked"] * 3


def test_checks_do_not_count_for_nonces(daemon):
    with daemon.device("delay:us=0"), daemon.session(alg="aes-128-ctr", key=bytes(16), check="always") as s:
        for n in range(5):
            s.write("iv", bytes(15) + bytes([n]))
            assert len(s.run(DATA)) == len(DATA)
        with acr.fails("EEXIST"):
            s.run(DATA)


@pytest.mark.parametrize("alg,files", [
    ("sha256", {}), ("hmac-sha1", {"key": b"k" * 20}),
    ("aes-128-cbc", {"key": b"k" * 16, "iv": b"i" * 16}),
    ("aes-256-gcm", {"key": b"k" * 32, "iv": b"i" * 12}),
    ("chacha20-poly1305", {"key": b"k" * 32, "iv": b"i" * 12}),
])
def test_streams_are_checked_piece_by_piece(daemon, alg, files):
    """Never a wrong byte: the right ones, or an error."""
    data = os.urandom(3 << 20)
    with daemon.session(alg=alg, **files) as s:
        right = s.run(data)
    for every in (1, 7):
        with daemon.device(f"flip:every={every}") as liar:
            with daemon.session(alg=alg, stream="1", check="always", device=liar, **files) as s:
                reader = acr.Background(s.read)
                error = acr.errno_of(s.write, "src", data)
                got = acr.errno_of(reader.result)
                assert got in (None, "EIO", "ENODEV"), got
                assert error in (None, "EIO", "ENODEV", "EBUSY", "ECANCELED", "EPIPE"), error
                if got is None:
                    assert reader.value == right


def test_streams_of_honest_devices(daemon):
    data = os.urandom(3 << 20)
    with daemon.device("delay:us=0"):
        for alg in ("sha256", "sha3-512"):
            with daemon.session(alg=alg, stream="1", check="always") as s:
                reader = acr.Background(s.read)
                s.write("src", data)
                assert reader.result() == hashlib.new(alg.replace("sha3-", "sha3_"), data).digest()
                assert {"ok", "checked"} == {o for _, o in outcomes(s)}


def test_each_stage_has_its_own_check(daemon):
    with daemon.device("flip:every=1") as liar, daemon.session(alg="sha256") as s:
        os.mkdir(s / "route/2")
        for file, value in (("alg", "sha512"), ("device", liar), ("check", "always")):
            acr.put(s / "route/2" / file, value)
        assert (s / "route/2/check").read_text() == "always\n"
        assert s.text("check") == (s / "route/1/check").read_text().strip() == "never"
        assert s.run(DATA) == hashlib.sha512(DIGEST).digest()
        assert state(daemon, liar).startswith("broken: quarantined: wrong result")


def test_a_checked_request_can_be_cancelled_removed_and_be_too_late(start):
    daemon = start("--device", "first=delay:us=0", "--device", "witness=hang:after=0", config=acr.PATIENT)

    def asked(running):
        return until(lambda: f"running: {running}\n" in daemon.text("devices/witness/load"))

    s = daemon.session(alg="sha256", device="first", check="always", src=DATA)
    reader = acr.Background(acr.errno_of, s.read)
    assert asked(1)
    s.write("ctl", "cancel")
    assert reader.result() == "ECANCELED"
    assert asked(0)
    s.write("deadline", "100")
    assert acr.errno_of(s.run, DATA) == "ETIMEDOUT"
    assert asked(0)
    s.write("deadline", "0")
    s.write("src", DATA)
    reader = acr.Background(acr.errno_of, s.read)
    assert asked(1)
    s.close()
    assert reader.result() == "ECANCELED"
    assert asked(0)


# ---- order ----

def test_what_moves_keeps_its_order(start):
    """Nothing ends by itself here: only what is queued moves, when a second device comes."""
    daemon = start("--device", "a=delay:us=600000000", config=acr.PATIENT)
    sessions = [daemon.session(f"s{n:02}", alg="sha256", src=b"x") for n in range(20)]
    for s in sessions:
        s.write("ctl", "start")
        s.wait("running" if s is sessions[0] else "queued")
    daemon.write("devices/add", "b=delay:us=600000000\n")
    queues = {d: [r["session"] for r in acr.rows(daemon.text(f"devices/{d}/queue"))] for d in "ab"}
    assert len(queues["b"]) > 5
    for names in queues.values():
        assert names == sorted(names)
    for s in sessions:
        s.close()


# ---- never twice ----

def test_random_numbers_are_not_made_again_elsewhere(daemon):
    with daemon.device("error:every=1") as bad:
        with daemon.session(op="random", length="16", device=bad) as s:
            assert acr.errno_of(s.read) == "EIO"
            assert "must not be done twice" in s.error()[1]
            assert outcomes(s) == [(bad, "EIO")]


def test_the_daemon_ends_with_a_device_in_quarantine(start):
    daemon = start("--device", "soft0=soft", "--device", "bad=error:every=1")
    fail_often(daemon, "bad")
    assert state(daemon, "bad").startswith("broken: quarantined")
    assert daemon.stop(signal.SIGTERM) == 0


# ---- history ----

@pytest.mark.parametrize("device", ["hang:after=0", "delay:us=0,hold={dir}/held"])
def test_an_attempt_that_was_cancelled_is_told_of(start, device):
    daemon = start("--device", f"d={device}", config=acr.PATIENT)
    daemon.hold("held")
    with daemon.session(alg="sha256", src=b"x") as running, \
            daemon.session(alg="sha256", src=b"x") as queued, \
            daemon.session(alg="sha256", deadline="50") as late:
        running.write("ctl", "start")
        running.wait("running")
        queued.write("ctl", "start")
        assert acr.errno_of(late.run, b"x") == "ETIMEDOUT"
        queued.write("ctl", "cancel")
        running.write("ctl", "cancel")
        for s, ran in ((running, True), (queued, False), (late, False)):
            line, = acr.rows(s.text("history") + "\n")
            assert (line["device"], line["outcome"]) == ("d", "cancelled")
            assert (line["started"] != "-") == ran
            assert s.status()["device"] == "d"


@pytest.mark.parametrize("how, sentence", [("break", "broke"), ("drain", "is draining"),
                                           ("remove", "was removed")])
def test_the_sentence_says_what_befell_the_device(start, how, sentence):
    daemon = start("--device", "d=hang:after=0", config=acr.PATIENT)
    with daemon.session(alg="sha256", src=b"x") as running, \
            daemon.session(alg="sha256", src=b"x") as queued:
        running.write("ctl", "start")
        running.wait("running")
        queued.write("ctl", "start")
        if how == "remove":
            daemon.write("devices/remove", "d\n")
        else:
            ctl(daemon, "d", how)
        assert acr.errno_of(queued.read) == "ENODEV"
        assert queued.error()[1] == f"device d {sentence} and no other could take over"
