# SPDX-License-Identifier: LGPL-2.1-or-later
"""`make bench` still works: its programs are made, and its parts give figures, whatever these are."""
import subprocess
import sys

import pytest

import acr

sys.path.insert(0, str(acr.TOP / "tests" / "bench"))
import bench  # noqa: E402


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def programs():
    """Folder of the programs that are linked from the core."""
    subprocess.run(["make", "-s", "-C", acr.BUILD, "tests/bench/core", "tests/bench/queue"], check=True)
    return acr.BUILD / "tests" / "bench"


@pytest.mark.parametrize("part, figure", [("sizes", "size-job"), ("idle", "idle-bytes"), ("inline", "inline-1"),
                                          ("queued", "queued-cpu-2"), ("break", "moved-us-10000")])
def test_core_gives_figures(programs, part, figure):
    done = subprocess.run([programs / "core", part], capture_output=True, text=True, check=True)
    figures = dict(line.split() for line in done.stdout.splitlines())
    assert float(figures[figure]) > 0


@pytest.mark.parametrize("part", [bench.sessions, bench.requests, bench.direct, bench.null_dispatch])
def test_rates(start, part):
    assert part(start("--device", "soft0=soft", "--device", "null0=null"), 3) > 0


def test_streams_and_peers(start, tmp_path):
    file = tmp_path / "data"
    file.write_bytes(bytes(bench.MIB))
    daemon = start()
    assert bench.stream(daemon, "aes-256-ctr", file, bench.MIB) > 0
    assert bench.whole(daemon, "aes-256-ctr", bytes(bench.MIB)) > 0
    assert bench.openssl_starts(2) > 0 and bench.openssl_enc("aes-256-ctr", file, bench.MIB) > 0


def test_idle_sessions_through_the_mount(capsys):
    bench.idle_sessions(300, 50)
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("| mkdir"))
    assert row.count("|") == 6
