# SPDX-License-Identifier: LGPL-2.1-or-later
"""devices/: adding, removing, and the files of a device."""
import hashlib
import os
import time

import pytest

import acr

OTHER = acr.NOBODY - 1
CONFIG = acr.PATIENT


def number(daemon, device, file, word):
    """The value whose name has this word, in a `name: value` file of a device."""
    found = [v for k, v in acr.values(daemon.text(f"devices/{device}/{file}")).items() if word in k]
    assert found, f"{file} has no {word}"
    return int(found[0].split()[0])


def until(condition):
    assert acr.until(condition)


def state(daemon, device):
    return daemon.text(f"devices/{device}/state").rstrip("\n")


# ---- add and remove ----

@pytest.mark.sanitize
def test_add_and_remove(daemon):
    daemon.write("devices/add", "extra=delay:us=10,width=2\n")
    assert "extra" in os.listdir(daemon.mount / "devices")
    assert daemon.text("devices/extra/driver").split()[0] == "delay"
    assert state(daemon, "extra") == "ready"
    with daemon.session(alg="sha256", device="extra") as s:
        assert len(s.run(b"abc")) == 32
    daemon.write("devices/remove", "extra\n")
    assert "extra" not in os.listdir(daemon.mount / "devices")
    daemon.write("devices/add", "extra=soft")
    daemon.write("devices/remove", "extra")


@pytest.mark.sanitize
@pytest.mark.parametrize("spec", ["", "x", "x=", "=soft", "x=nosuchdriver", "x=soft:nosuch=1", "x=delay:us=abc",
                                  "x=delay:us=-1", "x=delay:us", "x=error:every=1,errno=EWHAT", "soft0=soft",
                                  "bad/name=soft", ".x=soft", "x" * 65 + "=soft", "x=../soft", "x=delay:us=1,us=2x",
                                  "x=delay:us=1,hold=", "x=delay:us=1,hold=somewhere",
                                  "x=delay:us=99999999999999999999999999"])
def test_bad_words_for_add(daemon, spec):
    before = sorted(os.listdir(daemon.mount / "devices"))
    assert acr.errno_of(daemon.write, "devices/add", spec + "\n") is not None
    assert sorted(os.listdir(daemon.mount / "devices")) == before


@pytest.mark.parametrize("name", ["", "ghost", "../soft0", "soft0 soft0"])
def test_bad_words_for_remove(daemon, name):
    assert acr.errno_of(daemon.write, "devices/remove", name + "\n") is not None
    assert "soft0" in os.listdir(daemon.mount / "devices")


def test_removing_a_device_at_work(daemon):
    """Bound sessions fail; the rest of the daemon goes on."""
    with daemon.held() as (name, _), \
         daemon.session(alg="sha256", device=name, src=b"1") as one, \
         daemon.session(alg="sha256", device=name, src=b"2") as two:
        one.write("ctl", "start")
        one.wait("running")
        two.write("ctl", "start")
        two.wait("queued")
        daemon.write("devices/remove", f"{name}\n")
        assert acr.errno_of(one.read) in (None, "EIO", "ENODEV")
        with acr.fails("ENODEV"):
            two.read()
    with daemon.session() as s:
        assert len(s.run(b"abc", alg="sha256")) == 32


# ---- files ----

@pytest.mark.sanitize
def test_files_of_a_device(daemon):
    assert set(os.listdir(daemon.mount / "devices/soft0")) >= {"driver", "state", "load", "queue", "capabilities",
                                                               "stats", "ctl"}
    assert daemon.text("devices/soft0/driver").split()[0] == "soft"
    for file in ("driver", "state", "load", "queue", "capabilities", "stats"):
        with acr.fails("EACCES", "EPERM"):
            daemon.write(f"devices/soft0/{file}", "x")
    with acr.fails("EACCES", "EPERM"):
        daemon.read("devices/soft0/ctl")


@pytest.mark.sanitize
def test_load_moves(daemon):
    with daemon.held() as (slow, release):
        assert number(daemon, slow, "load", "queued") == number(daemon, slow, "load", "running") == 0
        sessions = [daemon.session(alg="sha256", device=slow, src=b"x" * 1000) for _ in range(3)]
        for s in sessions:
            s.write("ctl", "start")
        until(lambda: number(daemon, slow, "load", "running") == 1)
        assert number(daemon, slow, "load", "queued") == 2
        load = acr.values(daemon.text(f"devices/{slow}/load"))
        assert any("utili" in k for k in load) and any("bytes" in k for k in load)
        for s in sessions[1:]:
            s.write("ctl", "cancel")
        until(lambda: number(daemon, slow, "load", "queued") == 0)
        release()
        sessions[0].read()
        until(lambda: number(daemon, slow, "load", "running") == 0)
        for s in sessions:
            s.close()


@pytest.mark.sanitize
def test_stats_move(daemon):
    with daemon.device("delay:us=0") as name:
        with daemon.session(alg="sha256", device=name) as s:
            for _ in range(7):
                s.run(bytes(100))
        for word in ("started", "finished", "completed"):
            assert number(daemon, name, "stats", word) == 7, word
        assert number(daemon, name, "stats", "failed") == 0
        assert number(daemon, name, "stats", "re-dispatched") == 0
        assert number(daemon, name, "stats", "bytes") >= 700
    with daemon.device("error:every=1,errno=EIO") as name:
        with daemon.session(alg="sha256", device=name) as s:
            assert acr.errno_of(s.run, b"x") == "EIO"
        assert number(daemon, name, "stats", "failed") == 1
        assert number(daemon, name, "stats", "completed") == 0


@pytest.mark.sanitize
def test_capabilities(daemon):
    rows = acr.rows(daemon.text("devices/soft0/capabilities"))
    assert list(rows[0])[:2] == ["op", "alg"] and len(rows[0]) >= 5
    assert {("encrypt", "aes-256-gcm"), ("hash", "sha256")} <= {(r["op"], r["alg"]) for r in rows}


def test_queue_is_in_running_order(daemon):
    with daemon.held(us=1000) as (slow, release):
        first = daemon.session(alg="sha256", device=slow, src=b"x")
        first.write("ctl", "start")
        first.wait("running")
        sessions = [daemon.session(f"prio{p}", alg="sha256", device=slow, priority=p, src=b"x")
                    for p in (10, 60000, 1000, 30000)]
        for s in sessions:
            s.write("ctl", "start")
        text = daemon.text(f"devices/{slow}/queue")
        assert text.startswith("#")
        names = [line.split("\t")[0] for line in text.splitlines()[1:]]
        assert names == ["prio60000", "prio30000", "prio1000", "prio10"]
        release()
        started = {}
        for s in sessions:
            s.read()
            line, = acr.rows(s.text("history"))
            started[s.path.name] = float(line["started"])
        assert sorted(started, key=started.get) == names
        for s in (first, *sessions):
            s.close()


def test_equal_priority_runs_in_order_of_arrival(daemon):
    with daemon.held(us=1000) as (slow, release):
        sessions = [daemon.session(f"turn{n}", alg="sha256", device=slow, src=b"x") for n in range(8)]
        for s in sessions:
            s.write("ctl", "start")
            s.wait("running" if s is sessions[0] else "queued")
        release()
        started = []
        for s in sessions:
            s.read()
            line, = acr.rows(s.text("history"))
            started.append(float(line["started"]))
        assert started == sorted(started)
        for s in sessions:
            s.close()


@pytest.mark.sanitize
def test_another_users_session_has_no_name_in_the_queue(daemon):
    with daemon.held() as (slow, _):
        def make():
            for n, state in enumerate(("running", "queued")):
                s = acr.Session(daemon, f"hidden{n}", alg="sha256", device=slow, src=b"x")
                s.write("ctl", "start")
                s.wait(state)

        def look():
            return [line.split("\t")[0] for line in daemon.text(f"devices/{slow}/queue").splitlines()[1:]]

        acr.as_user(acr.NOBODY, make)
        seen = {uid: acr.as_user(uid, look) for uid in (0, acr.NOBODY, OTHER)}
        assert seen[0] == seen[acr.NOBODY] == ["hidden1"]
        assert seen[OTHER] == ["-"]
        for n in range(2):
            acr.as_user(acr.NOBODY, os.rmdir, daemon.mount / f"sessions/hidden{n}")


# ---- ctl ----

@pytest.mark.sanitize
def test_break_and_repair(daemon):
    with daemon.device("delay:us=0") as name:
        daemon.write(f"devices/{name}/ctl", "break fan stopped\n")
        assert state(daemon, name) == "broken: fan stopped"
        with daemon.session(alg="sha256", device=name) as s:
            assert acr.errno_of(s.run, b"x") == "ENODEV"
            daemon.write(f"devices/{name}/ctl", "repair\n")
            assert state(daemon, name) == "ready"
            assert len(s.run(b"x")) == 32
        daemon.write(f"devices/{name}/ctl", "break\n")
        assert state(daemon, name).startswith("broken")
        daemon.write(f"devices/{name}/ctl", "reset\n")
        assert state(daemon, name) == "ready"


def test_breaking_a_device_with_a_queue(daemon):
    """No bound session is left waiting for a repair; none goes to another device."""
    with daemon.held() as (name, _):
        sessions = [daemon.session(alg="sha256", device=name, src=b"x") for _ in range(3)]
        readers = [acr.Background(acr.errno_of, s.read) for s in sessions]
        for s in sessions:
            s.wait("queued", "running")
        daemon.write(f"devices/{name}/ctl", "break\n")
        got = [r.result() for r in readers]
        assert set(got) <= {None, "EIO", "ENODEV"} and got.count("ENODEV") >= 2
        assert not any("soft0" in s.text("history") for s in sessions)
        for s in sessions:
            s.close()


def test_drain(daemon):
    with daemon.held() as (name, release):
        with daemon.session(alg="sha256", device=name, src=b"x") as s:
            s.write("ctl", "start")
            s.wait("running")
            daemon.write(f"devices/{name}/ctl", "drain\n")
            assert state(daemon, name) == "draining"
            assert s.text("state") == "running"
            release()
            assert len(s.read()) == 32, "what runs is finished"
            assert acr.errno_of(s.run, b"x") == "ENODEV"
            daemon.write(f"devices/{name}/ctl", "repair\n")
            assert state(daemon, name) == "ready"
            assert len(s.run(b"x")) == 32


def test_limit(daemon):
    with daemon.held() as (name, release):
        daemon.write(f"devices/{name}/ctl", "limit hash sha256 3\n")
        row = next(r for r in acr.rows(daemon.text(f"devices/{name}/capabilities"))
                   if (r["op"], r["alg"]) == ("hash", "sha256"))
        assert "3" in row.values()
        sessions = [daemon.session(alg="sha256", device=name, src=b"x") for _ in range(6)]
        for s in sessions:
            s.write("ctl", "start")
        assert number(daemon, name, "load", "queued") <= 3
        release()
        assert len({s.read() for s in sessions}) == 1, "the others wait for room, none is lost"
        for s in sessions:
            s.close()


@pytest.mark.parametrize("word", ["", "explode", "limit", "limit hash", "limit hash sha256", "limit hash sha256 x",
                                  "limit hash rot13 5", "limit hash sha256 -1",
                                  "limit hash sha256 0"])
def test_bad_words_for_ctl(daemon, word):
    with acr.fails("EINVAL", "EOPNOTSUPP"):
        daemon.write("devices/soft0/ctl", word + "\n")
    assert state(daemon, "soft0") == "ready"


# ---- the fault devices themselves ----

@pytest.mark.sanitize
def test_fault_devices_compute_correctly_otherwise(daemon):
    expected = None
    for spec in ("delay:us=1,ns-per-byte=1,width=3", "error:every=1000,errno=EIO", "hang:after=1000",
                 "flip:every=1000", "vanish:after=1000"):
        with daemon.device(spec) as name, daemon.session(alg="sha512", device=name) as s:
            out = s.run(b"abc")
            expected = expected or out
            assert out == expected, spec


def test_error_every_n(daemon):
    with daemon.device("error:every=3,errno=EIO") as name, daemon.session(alg="sha256", device=name) as s:
        got = [acr.errno_of(s.run, b"x") for _ in range(3)]
        assert sorted(got, key=str) == ["EIO", None, None]


def test_flip_is_one_wrong_bit(daemon):
    with daemon.session(alg="sha256") as s:
        right = s.run(b"x")
        with daemon.device("flip:every=1") as name:
            s.write("device", name)
            wrong = s.run(b"x")
            s.unlink("device")
    assert sum(bin(a ^ b).count("1") for a, b in zip(right, wrong)) == 1


def test_a_device_of_some_width_runs_as_many(daemon):
    with daemon.held(width=3) as (name, release):
        sessions = [daemon.session(alg="sha256", device=name, src=b"x") for _ in range(4)]
        for s in sessions:
            s.write("ctl", "start")
        until(lambda: number(daemon, name, "load", "running") == 3)
        assert number(daemon, name, "load", "queued") == 1
        release()
        for s in sessions:
            s.read()
            s.close()


@pytest.mark.sanitize
def test_stats_of_a_cancelled_one(daemon):
    with daemon.device("hang:after=0") as name, daemon.session(alg="sha256", device=name, src=b"abc") as s:
        s.write("ctl", "start")
        s.wait("running")
        assert number(daemon, name, "stats", "finished") == 0
        s.write("ctl", "cancel")
        s.wait("cancelled")
        until(lambda: number(daemon, name, "stats", "finished") == 1)
        for word in ("started", "finished", "cancelled"):
            assert number(daemon, name, "stats", word) == 1, word
        for word in ("completed", "failed", "re-dispatched"):
            assert number(daemon, name, "stats", word) == 0, word


def test_reason_is_one_line_of_the_log(start):
    daemon = start("--device", "a=null", "--device", "soft0=soft")
    daemon.write("devices/a/ctl", "break one\ntwo\x1b[2J three")
    until(lambda: "three" in daemon.log)
    assert [line for line in daemon.log.splitlines() if "three" in line and "one two" in line and "\x1b" not in line]


@pytest.mark.sanitize
def test_a_held_device_answers_when_the_file_is_gone(daemon):
    with daemon.held(width=2) as (name, release):
        sessions = [daemon.session(alg="sha256", device=name, src=b"%d" % n) for n in range(4)]
        readers = [acr.Background(acr.errno_of, s.read) for s in sessions[:3]]
        until(lambda: number(daemon, name, "load", "running") == 2)
        until(lambda: number(daemon, name, "load", "queued") == 1)
        cancelled = next(n for n in range(3) if sessions[n].text("state") == "running")
        sessions[cancelled].write("ctl", "cancel")
        assert readers.pop(cancelled).result() == "ECANCELED"
        left = sessions[:cancelled] + sessions[cancelled + 1:3]
        for s in left:
            s.wait("running")
        time.sleep(0.05)  # many looks for the file
        assert [s.text("state") for s in left] == ["running"] * 2
        release()
        assert [r.result() for r in readers] == [None, None]
        assert sessions[3].read() == hashlib.sha256(b"3").digest(), "and it is as any other now"
        for s in sessions:
            s.close()


def test_what_was_held_still_takes_its_time(daemon):
    with daemon.held(us=100000) as (name, release), daemon.session(alg="sha256", device=name) as s:
        release()
        s.run(b"x")
        assert int(s.status()["process-time-us"]) >= 100000


@pytest.mark.sanitize
def test_removing_a_held_device(daemon):
    with daemon.held() as (name, _), daemon.session(alg="sha256", device=name, src=b"x") as s:
        reader = acr.Background(s.read)
        s.wait("running")
        daemon.write("devices/remove", f"{name}\n")
        with acr.fails("ENODEV"):
            reader.result()
