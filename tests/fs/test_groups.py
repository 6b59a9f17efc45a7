# SPDX-License-Identifier: LGPL-2.1-or-later
"""Groups: devices that are made of devices, with a balancer of their own."""
import os
import re

import pytest

import acr

CONFIG = acr.PATIENT


def words(*specs):
    return [w for spec in specs for w in ("--device", spec)]


@pytest.fixture(scope="module")
def pool():
    """Two cards in a pool beside one that is alone."""
    d = acr.Daemon(*words("a=delay:us=0,width=2", "b=delay:us=0,width=3", "alone=soft",
                          "pool=group:members=a+b,balancer=round-robin"))
    yield d
    assert d.stop() == 0


@pytest.fixture
def whole(pool):
    """The pool as it was, after a test that breaks or removes something."""
    yield pool
    for name, spec in ("a", "delay:us=0,width=2"), ("b", "delay:us=0,width=3"), ("alone", "soft"), \
            ("pool", "group:members=a+b,balancer=round-robin"):
        if name not in os.listdir(pool.mount / "devices"):
            pool.write("devices/add", f"{name}={spec}")
        pool.write(f"devices/{name}/ctl", "repair")


def state(daemon, device):
    return daemon.text(f"devices/{device}/state").rstrip("\n")


def run(daemon, **files):
    """(device, reason) of one request."""
    with daemon.session(alg="sha256", **files) as s:
        assert len(s.run(b"abc")) == 32
        line = acr.rows(s.text("history"))[-1]
        return line["device"], line["reason"]


def runs(daemon, count=12, **files):
    return {run(daemon, **files)[0] for _ in range(count)}


# ---- choosing ----

def test_group_is_chosen_as_one_device(pool):
    pool.write("lb/current", "round-robin")
    try:
        chosen = [run(pool) for _ in range(8)]
    finally:
        pool.write("lb/current", "least-loaded")
    assert [d for d, _ in chosen].count("alone") == 4, "members are offered beside the group"
    assert {d for d, _ in chosen} == {"a", "b", "alone"}
    for device, reason in chosen:
        assert bool(re.match(r"pool: round-robin: turn \d of 2", reason)) == (device != "alone")


def test_bound_to_the_group(pool):
    assert runs(pool, device="pool") == {"a", "b"}
    device, reason = run(pool, device="a")
    assert device == "a" and reason == "bound"


def test_a_bound_session_stays_inside(whole):
    whole.write("devices/a/ctl", "break")
    assert runs(whole, 6, device="pool") == {"b"}
    whole.write("devices/b/ctl", "break")
    assert state(whole, "pool") == "broken: no member works"
    assert runs(whole, 3) == {"alone"}
    with whole.session(alg="sha256", device="pool", src=b"x") as s:
        with acr.fails("ENODEV"):
            s.read()
        assert "pool" in s.error()[1]
    whole.write("devices/b/ctl", "repair")
    assert state(whole, "pool") == "ready"
    assert runs(whole, 6, device="pool") == {"b"}


def test_redispatch_inside(start):
    daemon = start(*words("a=delay:us=0,hold={dir}/held", "b=delay:us=0", "alone=soft", "pool=group:members=a+b"))
    daemon.hold("held")
    daemon.write("devices/b/ctl", "break")
    sessions = [daemon.session(alg="sha256", device="pool", src=b"x") for _ in range(5)]
    for s in sessions:
        s.write("ctl", "start")
    sessions[0].wait("running")
    daemon.write("devices/b/ctl", "repair")
    daemon.write("devices/a/ctl", "break")
    for s in sessions:
        assert len(s.read()) == 32
        history = acr.rows(s.text("history"))
        assert history[-1]["device"] == "b" and history[-1]["reason"].startswith("pool: least-loaded: ")
    assert acr.rows(sessions[0].text("history"))[0]["outcome"] == "moved"


def test_a_failing_member_is_passed_by(start):
    daemon = start(*words("a=error:every=1,errno=EIO", "b=delay:us=0", "pool=group:members=a+b,balancer=round-robin"))
    for _ in range(4):
        assert run(daemon, device="pool")[0] == "b"
    daemon.write("devices/remove", "b")
    with daemon.session(alg="sha256", device="pool", src=b"x") as s, acr.fails("EIO"):
        s.read()


def test_full_members_make_sessions_wait(start):
    daemon = start(*words("a=delay:us=0,hold={dir}/held", "b=delay:us=0,hold={dir}/held", "pool=group:members=a+b"))
    release = daemon.hold("held")
    for card in "ab":
        daemon.write(f"devices/{card}/ctl", "limit hash sha256 1")
    sessions = [daemon.session(alg="sha256", device="pool", src=b"x") for _ in range(10)]
    for s in sessions:
        s.write("ctl", "start")
    assert acr.until(lambda: acr.values(daemon.text("status"))["sessions-waiting"] == "6"), "two run, two are queued"
    release()
    for s in sessions:
        assert len(s.read()) == 32
    assert int(acr.values(daemon.text("status"))["sessions-waiting"]) == 0


def test_waiting_sessions_end_with_the_group(start):
    daemon = start(*words("a=delay:us=0,hold={dir}/held", "pool=group:members=a"))
    release = daemon.hold("held")
    daemon.write("devices/a/ctl", "limit hash sha256 1")
    sessions = [daemon.session(alg="sha256", device="pool", src=b"x") for _ in range(6)]
    for s in sessions:
        s.write("ctl", "start")
    sessions[0].wait("running")
    daemon.write("devices/remove", "pool")
    release()
    assert len(sessions[0].read()) == 32
    for s in sessions[1:]:
        with acr.fails("ENODEV"):
            s.read()


def test_a_pool_learns_by_itself(start):
    daemon = start(*words("a=delay:us=2000", "b=delay:us=1000000", "pool=group:members=a+b,balancer=rate"))
    with daemon.session(alg="sha256", device="pool") as s:
        for _ in range(30):
            s.run(b"x")
        history = acr.rows(s.text("history"))
    devices = [r["device"] for r in history]
    assert devices.count("a") > 20 and "b" in devices
    assert re.match(r"pool: rate: done in \d", history[-1]["reason"])


def test_groups_nest(start):
    daemon = start(*words("a=delay:us=0", "b=delay:us=0", "c=delay:us=0", "inner=group:members=a+b,balancer=round-robin",
                          "outer=group:members=inner+c,balancer=round-robin"))
    seen = [run(daemon) for _ in range(8)]
    assert {d for d, _ in seen} == {"a", "b", "c"}
    for device, reason in seen:
        assert reason.startswith("outer: round-robin: " if device == "c" else "outer: inner: round-robin: ")
    assert runs(daemon, 6, device="inner") == {"a", "b"}
    daemon.write("devices/inner/ctl", "drain")
    assert runs(daemon, 4, device="outer") == {"c"}
    assert state(daemon, "outer") == "ready" and state(daemon, "inner") == "draining"


# ---- members ----

def test_members_leave_and_return(whole):
    whole.write("devices/remove", "a")
    assert runs(whole, 6, device="pool") == {"b"}
    whole.write("devices/remove", "b")
    assert state(whole, "pool") == "broken: no member works"
    whole.write("devices/add", "a=soft")
    assert runs(whole, 6, device="pool") == {"a"}
    whole.write("devices/remove", "pool")
    assert "pool" not in os.listdir(whole.mount / "devices")
    whole.write("lb/current", "round-robin")
    assert runs(whole, 6) == {"a", "alone"}
    whole.write("lb/current", "least-loaded")
    whole.write("devices/remove", "a")


@pytest.mark.parametrize("spec, complaint", [
    ("p=group", "members="), ("p=group:members=nosuch", '"nosuch"'), ("p=group:members=alone+alone", "twice"),
    ("p=group:members=alone+p", "itself"), ("p=group:members=a", "member of pool already"),
    ("p=group:members=alone,balancer=nosuch", "nosuch"), ("p=group:members=alone,colour=red", "colour"),
    ("p=group:members=", "members"), ("p=group:members=alone+", '""'),
])
def test_bad_groups_are_refused(pool, spec, complaint):
    before = sorted(os.listdir(pool.mount / "devices"))
    assert acr.errno_of(pool.write, "devices/add", spec) is not None
    assert complaint in pool.log.splitlines()[-1]
    assert sorted(os.listdir(pool.mount / "devices")) == before


def test_cycles_are_refused(start):
    daemon = start(*words("a=soft", "b=soft", "p=group:members=a", "q=group:members=p"))
    daemon.write("devices/remove", "a")
    for spec in "a=group:members=q", "a=group:members=b+p":
        with acr.fails("EINVAL"):
            daemon.write("devices/add", spec)
    assert "would have it as a member" in daemon.log
    daemon.write("devices/add", "a=soft")
    assert state(daemon, "q") == "ready"


# ---- its files ----

def test_files_of_a_group(pool):
    assert pool.text("devices/pool/driver") == "group\n"
    load = acr.values(pool.text("devices/pool/load"))
    assert load["members"] == "a b" and load["balancer"] == "round-robin" and load["queued"] == "0"
    rows = acr.rows(pool.text("devices/pool/capabilities"))
    assert {(r["op"], r["alg"]) for r in rows} == {(r["op"], r["alg"])
                                                   for r in acr.rows(pool.text("devices/a/capabilities"))}
    before = acr.values(pool.text("devices/pool/stats"))
    run(pool, device="pool")
    after = acr.values(pool.text("devices/pool/stats"))
    assert int(after["completed"]) == int(before["completed"]) + 1
    assert float(after["process-time-us-p50"]) > 0
    row = next(r for r in acr.rows(pool.text("algorithms")) if r["alg"] == "sha256" and r["op"] == "hash")
    assert sorted(row["devices"].split(",")) == ["a", "alone", "b", "pool"]
    assert 'acrypto_device_up{device="pool",driver="group"} 1' in pool.text("metrics")
    assert 'acrypto_device_queued{device="pool"' not in pool.text("metrics")


def test_queue_is_merged_in_order(start):
    daemon = start(*words("a=delay:us=600000000", "b=delay:us=600000000",
                          "pool=group:members=a+b"))
    sessions = [daemon.session(f"s{p}", alg="sha256", device="pool", src=b"x", priority=p)
                for p in (3000, 4000, 10, 60000, 1000, 30000, 20)]
    for s in sessions:
        s.write("ctl", "start")
        s.wait("running" if s in sessions[:2] else "queued")
    names = [r["session"] for r in acr.rows(daemon.text("devices/pool/queue"))]
    assert names == ["s60000", "s30000", "s1000", "s20", "s10"]
    load = acr.values(daemon.text("devices/pool/load"))
    assert load["queued"] == "5" and load["running"] == "2"
    for s in sessions:
        s.write("ctl", "cancel")


def test_ctl_of_a_group(whole):
    whole.write("devices/pool/ctl", "break for the test")
    assert state(whole, "pool") == "broken: for the test"
    assert state(whole, "a") == "ready", "its members are not broken"
    assert runs(whole, 3) == {"alone"} and run(whole, device="a")[0] == "a"
    with whole.session(alg="sha256", device="pool", src=b"x") as s, acr.fails("ENODEV"):
        s.read()
    whole.write("devices/pool/ctl", "repair")
    whole.write("devices/pool/ctl", "drain")
    assert state(whole, "pool") == "draining"
    whole.write("devices/pool/ctl", "reset")
    assert runs(whole, 6, device="pool") == {"a", "b"}
    with acr.fails("EOPNOTSUPP"):
        whole.write("devices/pool/ctl", "limit hash sha256 5")
    assert "limit its members" in whole.log
    with acr.fails("EOPNOTSUPP"):
        whole.write("devices/pool/check", "always")
    assert "write check of its members" in whole.log


def test_breaking_a_group_moves_what_it_placed(start):
    daemon = start(*words("a=delay:us=0,hold={dir}/held", "alone=delay:us=1000", "pool=group:members=a"))
    release = daemon.hold("held")
    daemon.write("devices/alone/ctl", "break")
    sessions = [daemon.session(alg="sha256", src=b"x") for _ in range(4)]
    for s in sessions:
        s.write("ctl", "start")
    sessions[0].wait("running")
    daemon.write("devices/alone/ctl", "repair")
    daemon.write("devices/pool/ctl", "break")
    for s in sessions[1:]:
        assert len(s.read()) == 32
        assert acr.rows(s.text("history"))[-1]["device"] == "alone"
    assert sessions[0].text("state") == "running"
    release()
    assert len(sessions[0].read()) == 32


def test_null_inside_a_group_takes_nothing_unasked(start):
    daemon = start(*words("n=null", "pool=group:members=n"))
    for files in {}, {"device": "pool"}:
        with daemon.session(alg="sha256", src=b"x", **files) as s, acr.fails("ENODEV"):
            s.read()
    run(daemon, device="n")


def test_group_from_the_configuration_file(start):
    daemon = start(config="[device a]\ndriver=soft\n[device b]\ndriver=soft\n"
                          "[device pool]\ndriver=group\nmembers=a+b\nbalancer=rate\n")
    assert runs(daemon, 4) <= {"a", "b"} and run(daemon)[1].startswith("pool: rate: ")
