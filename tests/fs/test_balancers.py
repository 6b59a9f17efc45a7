# SPDX-License-Identifier: LGPL-2.1-or-later
"""lb/: the balancers, their files, and switching them with sessions in flight."""
import os
import re

import pytest

import acr

SHIPPED = ["least-loaded", "rate", "affinity", "round-robin"]


@pytest.fixture(scope="module")
def three():
    """A daemon with three devices that are alike."""
    d = acr.Daemon(*(w for n in range(3) for w in ("--device", f"card{n}=delay:us=100,width=4")))
    yield d
    assert d.stop() == 0


@pytest.fixture
def balancer(three):
    """Switch to a balancer for the test."""
    yield lambda name: three.write("lb/current", name + "\n")
    three.write("lb/current", "least-loaded\n")
    three.write("lb/affinity/rules", "# none\n")


def last_line(session):
    return acr.rows(session.text("history"))[-1]


def run_one(daemon, **files):
    with daemon.session(alg="sha256", **files) as s:
        assert len(s.run(b"abc")) == 32
        return last_line(s)


def test_shipped_ones_are_loaded(three):
    words = three.text("lb/current").split()
    assert words[0] == "[least-loaded]"
    assert sorted(w.strip("[]") for w in words) == sorted(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_reason_tells_the_score(three, balancer, name):
    balancer(name)
    for _ in range(3):
        line = run_one(three)
        assert re.search(r"\d|try", line["reason"]), line
    info = acr.values(three.text(f"lb/{name}/info"))
    assert info["name"] == name and int(info["asked"]) >= 3


# ---- files ----

def test_files_and_their_modes(three):
    assert sorted(os.listdir(three.mount / "lb/rate")) == ["curve", "info"]
    assert sorted(os.listdir(three.mount / "lb/affinity")) == ["info", "rules"]
    assert os.listdir(three.mount / "lb/least-loaded") == ["info"]
    modes = {f: os.stat(three.mount / "lb" / f).st_mode & 0o777
             for f in ("rate/curve", "affinity/rules", "rate/info")}
    assert modes == {"rate/curve": 0o444, "affinity/rules": 0o600, "rate/info": 0o444}
    assert "file-curve" in three.text("lb/rate/info")


def test_only_root_writes_and_reads_rules(three):
    path = three.mount / "lb/affinity/rules"
    three.write("lb/affinity/rules", "uid 65534 card0\n")
    assert acr.as_user(acr.NOBODY, acr.errno_of, acr.put, path, b"uid 65534 card1") == "EACCES"
    assert acr.as_user(acr.NOBODY, acr.errno_of, open, path) == "EACCES"
    assert acr.as_user(acr.NOBODY, lambda: os.stat(path).st_size) == 0
    assert three.text("lb/affinity/rules") == "uid 65534 card0\n"
    with acr.fails("EACCES"):
        three.write("lb/rate/curve", "x")
    three.write("lb/affinity/rules", "# none\n")


# ---- affinity ----

def test_rule_for_a_process(three, balancer):
    balancer("affinity")
    three.write("lb/affinity/rules", f"pid {os.getpid()} card2\n")
    for _ in range(6):
        line = run_one(three)
        assert line["device"] == "card2" and "pid" in line["reason"]
    others = {acr.as_user(0, lambda: run_one(three)["device"]) for _ in range(6)}
    assert "card2" not in others


def test_rule_for_a_user(three, balancer):
    balancer("affinity")
    three.write("lb/affinity/rules", f"uid {acr.NOBODY} card1\n")
    assert {acr.as_user(acr.NOBODY, lambda: run_one(three)["device"]) for _ in range(4)} == {"card1"}
    assert "card1" not in {run_one(three)["device"] for _ in range(8)}


def test_rule_by_private_area_and_wish(three, balancer):
    balancer("affinity")
    three.write("lb/affinity/rules", "private my own job card1\n")
    assert run_one(three, private="my own job\nand more")["device"] == "card1"
    assert run_one(three, private="my own job 2")["device"] != "card1"
    line = run_one(three, private="device=card2")
    assert line["device"] == "card2" and "wish" in line["reason"]
    assert run_one(three, private="device=card1")["device"] != "card1", "it is reserved"
    assert run_one(three, private="device=nosuch")["device"] != "card1"


def test_without_its_device_a_rule_gives_way(three, balancer):
    balancer("affinity")
    three.write("lb/affinity/rules", f"pid {os.getpid()} absent\n")
    line = run_one(three)
    assert line["device"] != "absent" and "not there" in line["reason"]
    everything = "".join(f"uid 77{n} card{n}\n" for n in range(3))
    three.write("lb/affinity/rules", everything)
    assert "all are reserved" in run_one(three)["reason"]


@pytest.mark.parametrize("rules, word", [("pid 5", "must be"), ("pid x card0", "number"), ("gid 5 card0", "begin"),
                                         ("uid -1 card0", "number"), ("uid 4294967296 card0", "number"),
                                         ("uid 5 card0\npid 6 ", "line 2"), (f"uid 5 {'x' * 70}", "name")])
def test_bad_rules_change_nothing(three, rules, word):
    three.write("lb/affinity/rules", "uid 4 card1\n")
    with acr.fails("EINVAL"):
        three.write("lb/affinity/rules", rules)
    assert word in three.log.splitlines()[-1]
    assert three.text("lb/affinity/rules") == "uid 4 card1\n"
    three.write("lb/affinity/rules", "# none\n")


def test_rules_move_what_is_queued(start):
    daemon = start("--device", "slow=hang:after=0", "--device", "other=delay:us=1000",
                   "--balancer", "affinity", config=acr.PATIENT)
    daemon.write("lb/affinity/rules", f"uid {os.getuid()} slow\n")
    sessions = [daemon.session(alg="sha256", src=b"x") for _ in range(4)]
    for s in sessions:
        s.write("ctl", "start")
    sessions[0].wait("running")
    assert int(acr.values(daemon.text("devices/slow/load"))["queued"]) == 3
    daemon.write("lb/affinity/rules", f"uid {os.getuid()} other\n")
    assert int(acr.values(daemon.text("devices/slow/load"))["queued"]) == 0
    for s in sessions[1:]:
        assert len(s.read()) == 32
    assert [last_line(s)["device"] for s in sessions[1:]] == ["other"] * 3
    assert sessions[0].text("state") == "running", "what runs stays"
    sessions[0].write("ctl", "cancel")


# ---- rate ----

def test_curve_is_learned(start):
    daemon = start("--device", "a=delay:us=3000", "--device", "b=delay:us=1000000,ns-per-byte=100",
                   "--balancer", "rate", config=acr.PATIENT)
    with daemon.session(alg="sha256") as s:
        for n in range(40):
            s.run(bytes(100 * (n % 5)))
        reasons = [r["reason"] for r in acr.rows(s.text("history"))]
    text = daemon.text("lb/rate/curve")
    assert text.startswith("# device\top\talg\tfixed-us\tns-per-byte\tsamples\n")
    curve = {r["device"]: r for r in acr.rows(text)}
    assert set(curve) == {"a", "b"}
    assert all(r["op"] == "hash" and r["alg"] == "sha256" for r in curve.values())
    assert int(curve["a"]["samples"]) > 25 > int(curve["b"]["samples"]) >= 1
    assert float(curve["a"]["fixed-us"]) > 1000
    assert any(r.startswith("done in") for r in reasons) and any("try" in r for r in reasons)


def test_a_removed_device_leaves_the_curve(start):
    daemon = start("--device", "a=delay:us=0", "--device", "b=delay:us=0", "--balancer", "rate")
    for _ in range(4):
        run_one(daemon)
    daemon.write("devices/remove", "a\n")
    assert {r["device"] for r in acr.rows(daemon.text("lb/rate/curve"))} <= {"b"}


# ---- coming and going ----

def test_switching_in_flight(three):
    """Sessions go on while the balancer is switched, unloaded and loaded."""
    sessions = [three.session(alg="sha256") for _ in range(200)]
    try:
        for n, s in enumerate(sessions):
            s.write("src", b"%d" % n)
            s.write("ctl", "start")
            three.write("lb/current", SHIPPED[n % 4])
            if n % 20 == 0:
                three.write("lb/unload", SHIPPED[n % 4])
                current = re.search(r"\[(.*?)\]", three.text("lb/current"))[1]
                assert current != SHIPPED[n % 4] and current in SHIPPED
                three.write("lb/load", SHIPPED[n % 4])
        for s in sessions:
            assert len(s.read()) == 32
            assert s.status()["state"] == "done"
    finally:
        for s in sessions:
            s.close()
        three.write("lb/current", "least-loaded")


def test_files_go_with_their_balancer(three):
    with open(three.mount / "lb/rate/curve", "rb", buffering=0) as curve:
        assert curve.read(10)
        three.write("lb/unload", "rate")
        assert "rate" not in os.listdir(three.mount / "lb")
        assert not (three.mount / "lb/rate/curve").exists()
        assert os.pread(curve.fileno(), 10, 0) == b""
    three.write("lb/load", "rate")
    assert (three.mount / "lb/rate/curve").exists()


def test_more_devices_than_a_screen_holds(start):
    """Each of a hundred has its turn."""
    names = [f"d{n}" for n in range(100)]
    daemon = start("--balancer", "round-robin", *(w for name in names for w in ("--device", f"{name}=delay:us=0")))
    seen = {run_one(daemon)["device"] for _ in names}
    assert seen == set(names)
