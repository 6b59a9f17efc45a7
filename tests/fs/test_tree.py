# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files beside the sessions: README, version, status, metrics, algorithms, random."""
import os
import re

import pytest
from prometheus_client import parser

import acr

KEY = bytes(range(32))


def table(daemon, file):
    """A list as dictionaries, its form checked."""
    text = daemon.text(file)
    lines = text.splitlines()
    assert text.endswith("\n") and lines[0].startswith("#")
    columns = lines[0].lstrip("# ").split("\t")
    assert len(set(columns)) == len(columns)
    for line in lines[1:]:
        assert len(line.split("\t")) == len(columns), line
    return acr.rows(text)


def metrics(daemon):
    """{(sample name, labels as a sorted tuple): value}."""
    samples = {}
    for family in parser.text_string_to_metric_families(daemon.text("metrics")):
        assert family.name.startswith("acrypto_"), family.name
        assert family.documentation and family.type != "unknown", family.name
        for s in family.samples:
            key = (s.name, tuple(sorted(s.labels.items())))
            assert key not in samples, f"{key} twice"
            samples[key] = s.value
    return samples


@pytest.mark.sanitize
def test_the_top(daemon):
    names = set(os.listdir(daemon.mount))
    assert names >= {"README", "version", "status", "metrics", "algorithms", "random", "sessions", "devices", "lb"}
    with acr.fails("ENOENT"):
        os.stat(daemon.mount / "nothing")


@pytest.mark.sanitize
@pytest.mark.parametrize("file", ["README", "version", "status", "metrics", "algorithms"])
def test_files_are_read_whole_or_in_parts(daemon, file):
    whole = daemon.read(file)
    assert whole.endswith(b"\n") and b"\0" not in whole
    if file in ("README", "version", "algorithms"):  # the others move
        fd = os.open(daemon.mount / file, os.O_RDONLY)
        out = b""
        while piece := os.read(fd, 100):
            out += piece
        os.close(fd)
        assert out == whole and os.stat(daemon.mount / file).st_size in (0, len(whole))


@pytest.mark.parametrize("file", ["README", "version", "status", "metrics", "algorithms", "random"])
def test_files_are_not_written(daemon, file):
    with acr.fails("EACCES", "EPERM"):
        daemon.write(file, "x")
    assert acr.errno_of(os.unlink, daemon.mount / file) is not None
    assert os.path.exists(daemon.mount / file)


def test_readme(daemon):
    text = daemon.text("README")
    lines = text.splitlines()
    assert len(lines) <= 25 and max(map(len, lines)) <= 80, "one screen"
    for word in ("mktemp -d", "> alg", "> key", "> src", "dst"):
        assert word in text


def test_version(daemon):
    assert re.search(r"\d+\.\d+", daemon.text("version"))


def test_status(daemon):
    status = acr.values(daemon.text("status"))
    assert len(status) >= 4
    before = daemon.text("status")
    with daemon.session(alg="sha256") as s:
        s.run(b"abc")
        assert daemon.text("status") != before


@pytest.mark.sanitize
def test_metrics_parse_and_move(daemon):
    before = metrics(daemon)
    with daemon.session(alg="sha256") as s:
        for _ in range(5):
            s.run(b"abc")
        after = metrics(daemon)
    assert len(after) > 5
    assert any(after[k] >= before.get(k, 0) + 5 for k in after), "five requests must show"
    for (name, labels), value in before.items():
        if name.endswith(("_total", "_count", "_bucket", "_sum")):
            assert after[(name, labels)] >= value


@pytest.mark.sanitize
def test_nothing_world_readable_names_a_session_or_a_user(daemon):
    name = "very-private-name"
    with daemon.session(name, alg="sha256", src=b"x", device="soft0", private=b"private-bytes") as s:
        s.read()

        def look():
            seen = b""
            for folder, _, files in os.walk(daemon.mount):
                if folder.startswith(str(daemon.mount / "sessions")):
                    continue
                for file in files:
                    path = os.path.join(folder, file)
                    if file not in ("random", "ioctl") and acr.errno_of(os.open, path, os.O_RDONLY) is None:
                        with open(path, "rb") as f:
                            seen += f.read()
            return seen

        seen = acr.as_user(acr.NOBODY, look)
        assert len(seen) > 1000
        for word in (name.encode(), b"private-bytes", b"nobody"):
            assert word not in seen


# ---- algorithms ----

@pytest.mark.sanitize
def test_algorithms(daemon):
    listed = table(daemon, "algorithms")
    assert list(listed[0])[:2] == ["op", "alg"]
    pairs = {(row["op"], row["alg"]) for row in listed}
    assert len(pairs) == len(listed)
    assert pairs >= {("encrypt", "aes-256-gcm"), ("decrypt", "aes-256-gcm"), ("encrypt", "aes-128-xts"),
                     ("hash", "sha3-256"), ("mac", "hmac-sha256"), ("mac", "gmac-aes-256"), ("derive", "scrypt"),
                     ("encrypt", "des-ede3-cbc"), ("encrypt", "sm4-ctr"), ("hash", "blake2b512")}
    for row in listed:
        assert any("soft0" in value for value in row.values()), row


def test_algorithms_show_their_limits(daemon):
    row = next(r for r in table(daemon, "algorithms") if (r["op"], r["alg"]) == ("encrypt", "aes-256-xts"))
    cells = " ".join(row.values())
    assert "16777216" in cells or "16 MiB" in cells
    assert "64" in cells, "key bytes"


@pytest.mark.sanitize
def test_every_listed_algorithm_can_be_chosen(daemon):
    for row in table(daemon, "algorithms"):
        if row["alg"] not in ("", "-"):
            with daemon.session(alg=row["alg"], op=row["op"]) as s:
                assert (s.text("alg"), s.text("op")) == (row["alg"], row["op"])


def test_what_is_not_listed_is_not_there(daemon):
    names = {row["alg"] for row in table(daemon, "algorithms")}
    for alg, key in (("aes-192-xts", 48), ("aes-256-gcm-siv", 32), ("sm4-gcm", 16), ("md4", 16), ("rc4", 16)):
        if alg not in names:
            with daemon.session() as s, acr.fails("EOPNOTSUPP", "ENODEV"):
                s.write("alg", alg)
                s.write("key", bytes(range(key)))
                s.write("src", bytes(16))
                s.read()


# ---- random ----

@pytest.mark.sanitize
def test_random(daemon):
    with open(daemon.mount / "random", "rb", buffering=0) as f:
        first, second = f.read(4096), f.read(4096)
    assert len(first) == len(second) == 4096 and first != second
    assert daemon_bytes(daemon, 4096) not in (first, second)
    ones = sum(bin(b).count("1") for b in daemon_bytes(daemon, 1 << 20))
    assert abs(ones - (1 << 22)) < 20_000, "half of the bits should be set"


def daemon_bytes(daemon, count):
    out = b""
    with open(daemon.mount / "random", "rb", buffering=0) as f:
        while len(out) < count:
            piece = f.read(count - len(out))
            assert piece, "random has no end"
            out += piece
    return out


def test_random_is_for_everyone(daemon):
    assert len(acr.as_user(acr.NOBODY, daemon_bytes, daemon, 1000)) == 1000


def test_no_fault_device_feeds_random(start):
    for spec in ("n=null", "f=flip:every=1", "d=delay:us=0"):
        daemon = start("--device", spec)
        with acr.fails("ENODEV"):
            daemon.read("random")


def test_null_as_the_only_device_is_said_loudly(start):
    daemon = start("--device", "n0=null")
    assert "null" in daemon.text("status") and acr.until(lambda: "null" in daemon.log)
    with daemon.session() as s:
        s.run(bytes(100), alg="aes-256-ctr", key=KEY)
        assert s.status()["device"] == "n0"
    daemon.write("devices/add", "soft1=soft\n")
    with daemon.session() as s:
        s.run(bytes(100), alg="aes-256-ctr", key=KEY)
        assert s.status()["device"] == "soft1", "null takes only what is bound to it now"
        s.write("device", "n0")
        s.run(bytes(100))
        assert s.status()["device"] == "n0"


# ---- lb ----

@pytest.mark.sanitize
def test_lb_current(daemon):
    def words():
        return daemon.text("lb/current").split()
    current = [w for w in words() if w.startswith("[")]
    assert len(current) == 1 and current[0].endswith("]")
    name = current[0].strip("[]")
    daemon.write("lb/current", name + "\n")
    assert f"[{name}]" in words()
    with acr.fails("EINVAL", "ENOENT"):
        daemon.write("lb/current", "no-such-balancer\n")
    assert f"[{name}]" in words()
    assert os.path.isdir(daemon.mount / "lb" / name)
    assert os.listdir(daemon.mount / "lb" / name)
    with acr.fails("EACCES", "EPERM"):
        acr.as_user(acr.NOBODY, daemon.write, "lb/current", name)


def test_the_last_balancer_stays(start):
    daemon = start()
    names = [w.strip("[]") for w in daemon.text("lb/current").split()]
    for name in names[:-1]:
        daemon.write("lb/unload", name + "\n")
    with acr.fails("EBUSY"):
        daemon.write("lb/unload", names[-1] + "\n")
    assert daemon.text("lb/current").split() == [f"[{names[-1]}]"]
    with acr.fails("EINVAL", "ENOENT"):
        daemon.write("lb/load", "no-such-balancer\n")
    for name in names[:-1]:
        daemon.write("lb/load", name + "\n")
    assert sorted(w.strip("[]") for w in daemon.text("lb/current").split()) == sorted(names)
    assert daemon.text("lb/current").count("[") == 1


@pytest.mark.parametrize("file", ["load", "unload"])
def test_lb_modules_are_roots(daemon, file):
    with acr.fails("EACCES", "EPERM"):
        acr.as_user(acr.NOBODY, daemon.write, "lb/" + file, "least-loaded")
