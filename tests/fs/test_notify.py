# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a service manager is told, and what the unit needs of it."""
import os
import socket
import subprocess

import pytest

import acr


@pytest.fixture(params=["file", "abstract"])
def manager(request, tmp_path):
    """A listening socket and the name that the daemon is given for it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        name = str(tmp_path / "notify") if request.param == "file" else f"@acr-test-{os.getpid()}"
        s.bind(name.replace("@", "\0"))
        s.settimeout(30)
        yield s, name


def test_ready_and_stopping(manager, start):
    listener, name = manager
    daemon = start(env={"NOTIFY_SOCKET": name})
    assert listener.recv(1000) == b"READY=1"
    assert daemon.stop() == 0
    assert listener.recv(1000) == b"STOPPING=1"


def test_ready_means_that_the_mount_works(manager, start, tmp_path):
    listener, name = manager
    starting = acr.Background(lambda: start(env={"NOTIFY_SOCKET": name}, mount=tmp_path / "mnt"))
    assert listener.recv(1000) == b"READY=1"
    assert (tmp_path / "mnt/version").exists()
    starting.result(60)


def test_unmounted_before_it_is_told(start, tmp_path):
    """A daemon that is not yet past its start must end, too, when its mount is taken away."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(tmp_path / "notify"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler:
            filler.connect(str(tmp_path / "notify"))
            filler.setblocking(False)
            assert acr.until(lambda: acr.errno_of(filler.send, b"x") == "EAGAIN")
        daemon = start(env={"NOTIFY_SOCKET": str(tmp_path / "notify")}, config="[daemon]\nthreads=2\n")
        threads = len(os.listdir(f"/proc/{daemon.pid}/task"))
        subprocess.run(["umount", daemon.mount], check=True)
        assert acr.until(lambda: len(os.listdir(f"/proc/{daemon.pid}/task")) <= threads - 2)
        s.setblocking(False)
        while acr.errno_of(s.recv, 1000) is None:
            pass
        assert daemon.process.wait(30) == 0


@pytest.mark.parametrize("name", ["nowhere", "/nonexistent/socket", "@nobody-listens", "/" + "x" * 200])
def test_a_bad_address_is_logged_alone(start, name):
    daemon = start(env={"NOTIFY_SOCKET": name})
    assert acr.until(lambda: "NOTIFY_SOCKET" in daemon.log)
    assert daemon.stop() == 0


def test_the_unit_waits_for_it():
    unit = (acr.TOP / "doc/acryptod.service.in").read_text()
    assert "\nType=notify\n" in unit and "acryptod -f " in unit
