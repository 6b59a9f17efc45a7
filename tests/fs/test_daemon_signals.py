# SPDX-License-Identifier: LGPL-2.1-or-later
"""How a daemon ends, reloads, and comes back after it was killed."""
import contextlib
import os
import signal
import subprocess
import time

import pytest

import acr


def waiting_reader(daemon, **files):
    """A session that waits for its writer for ever, and its reader."""
    session = daemon.session(stream="1", alg="sha256", **files)
    reader = acr.Background(acr.errno_of, session.read)
    session.wait("queued", "running")
    return reader


def is_ending(daemon):
    """Waits until it takes no new sessions, as it does once it has seen the signal."""
    return acr.until(lambda: acr.errno_of(daemon.session) == "ECANCELED")


@pytest.mark.sanitize
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_daemon_ends_at_once(start, sig):
    daemon = start()
    with daemon.session(alg="sha256") as s:
        s.run(b"abc")
    begin = time.monotonic()
    daemon.process.send_signal(sig)
    assert daemon.process.wait(20) == 0
    assert time.monotonic() - begin < 10
    assert not os.path.ismount(daemon.mount)


@pytest.mark.sanitize
def test_what_runs_is_finished(start):
    daemon = start("--device", "d0=delay:us=0,hold={dir}/held", config=acr.PATIENT + "[daemon]\ndrain=100\n")
    release = daemon.hold("held")
    session = daemon.session(alg="sha256", src=b"abc")
    reader = acr.Background(session.read)
    session.wait("running")
    daemon.process.send_signal(signal.SIGTERM)
    assert is_ending(daemon)
    release()
    assert len(reader.result()) == 32
    assert daemon.process.wait(20) == 0


@pytest.mark.sanitize
def test_the_rest_is_cancelled(start):
    daemon = start(config="[daemon]\ndrain=1\n")
    readers = [waiting_reader(daemon) for _ in range(3)]
    daemon.process.send_signal(signal.SIGTERM)
    assert [r.result() for r in readers] == ["ECANCELED"] * 3
    assert daemon.process.wait(20) == 0
    assert not os.path.ismount(daemon.mount)


def test_a_hung_device_does_not_stop_the_end(start):
    daemon = start("--device", "h0=hang:after=0", config="[daemon]\ndrain=1\n")
    session = daemon.session(alg="sha256", src=b"abc")
    reader = acr.Background(acr.errno_of, session.read)
    session.wait("running")
    daemon.process.send_signal(signal.SIGTERM)
    assert reader.result() in ("ECANCELED", "EIO", "ENODEV")
    assert daemon.process.wait(20) == 0


@pytest.mark.sanitize
def test_a_second_signal_skips_the_wait(start):
    daemon = start(config="[daemon]\ndrain=100\n")
    reader = waiting_reader(daemon)
    daemon.process.send_signal(signal.SIGTERM)
    assert is_ending(daemon)
    reader.join(0.3)
    assert reader.is_alive() and daemon.process.poll() is None, "the first one waits"
    daemon.process.send_signal(signal.SIGTERM)
    assert reader.result() == "ECANCELED"
    assert daemon.process.wait(20) == 0


def test_open_files_do_not_stop_the_end(start):
    daemon = start()
    s = daemon.session(alg="sha256")
    with contextlib.suppress(OSError), open(s / "alg", "rb", buffering=0) as f:
        os.chdir(s.path)
        try:
            daemon.process.send_signal(signal.SIGTERM)
            assert daemon.process.wait(20) == 0
            assert acr.errno_of(f.read) is not None
        finally:
            os.chdir("/")
    assert not os.path.ismount(daemon.mount)


@pytest.mark.sanitize
def test_reload(start):
    daemon = start(config="[quota]\nuser-sessions=1\n")

    def make(names):
        for name in names:
            acr.Session(daemon, name)

    with acr.fails("EDQUOT"):
        acr.as_user(acr.NOBODY, make, ["a", "b"])
    (daemon.dir / "conf").write_text("[quota]\nuser-sessions=2\n")
    daemon.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 30
    while acr.errno_of(acr.as_user, acr.NOBODY, make, ["b"]):
        assert time.monotonic() < end, "the new limit never came into force"
        time.sleep(0.05)
    with acr.fails("EDQUOT"):
        acr.as_user(acr.NOBODY, make, ["c"])


def test_a_bad_file_at_reload_changes_nothing(start):
    daemon = start(config="[quota]\nuser-sessions=1\n")
    (daemon.dir / "conf").write_text("[quota]\nuser-sessions=2\nuser-memory=lots\n")
    before = len(daemon.log)
    daemon.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 30
    while "conf" not in daemon.log[before:]:
        assert time.monotonic() < end, "nothing in the log about it"
        time.sleep(0.01)
    assert daemon.process.poll() is None

    def make():
        for name in ("a", "b"):
            acr.Session(daemon, name)

    with acr.fails("EDQUOT"):
        acr.as_user(acr.NOBODY, make)


def test_reload_without_a_file(start):
    daemon = start()
    daemon.process.send_signal(signal.SIGHUP)
    with daemon.session() as s:
        assert len(s.run(b"abc", alg="sha256")) == 32
    assert daemon.process.poll() is None


@pytest.mark.sanitize
def test_the_next_start_recovers_a_dead_mount(start):
    first = start()
    session = first.session(stream="1", alg="sha256")
    reader = acr.Background(acr.errno_of, session.read)
    session.wait("queued", "running")
    first.process.kill()
    first.process.wait(20)
    assert reader.result() is not None
    with acr.fails("ENOTCONN"):
        os.stat(first.mount)
    second = start(mount=first.mount)
    assert os.listdir(second.mount / "sessions") == []
    with second.session() as s:
        assert len(s.run(b"abc", alg="sha256")) == 32
    assert second.stop() == 0
    assert os.path.isdir(first.mount) and not os.path.ismount(first.mount)


@pytest.mark.sanitize
def test_a_second_daemon_on_the_same_mount_is_refused(daemon):
    session = daemon.session(alg="sha256", src=b"abc")
    for flags in (["-f"], []):
        done = subprocess.run([str(acr.BUILD / "acryptod"), *flags, str(daemon.mount)], capture_output=True, text=True,
                              timeout=30, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode > 0
        assert str(daemon.mount) in done.stderr + done.stdout
    assert len(session.read()) == 32, "the first one isn't disturbed"
    session.close()
