# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line, the configuration file, and what is refused there."""
import os
import pathlib
import re
import select
import signal
import subprocess

import pytest

import acr


def acryptod(*words, seconds=30, **kwargs):
    """Run it to its end: for what must be refused or answered at once."""
    return subprocess.run([str(acr.BUILD / "acryptod"), *map(str, words)], capture_output=True, text=True,
                          timeout=seconds, check=False, stdin=subprocess.DEVNULL, **kwargs)


def refused(*words, says=()):
    """It must end with an error, say why, and leave no mount."""
    done = acryptod(*words)
    assert done.returncode not in (0, None) and done.returncode > 0, done
    said = done.stderr + done.stdout
    for word in says:
        assert re.search(word, said), said
    assert not os.path.ismount(words[-1])
    return said


@pytest.fixture
def mnt(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "mnt").mkdir()
    return tmp_path / "mnt"


# ---- words ----

@pytest.mark.sanitize
def test_help():
    done = acryptod("--help")
    assert done.returncode == 0 and done.stderr == ""
    for word in ("MOUNTPOINT", "--device", "--balancer", "--module-path", "--log-level", "-c", "-f", "-o"):
        assert word in done.stdout


@pytest.mark.sanitize
def test_no_mount_point():
    done = acryptod("-f")
    assert done.returncode > 0 and done.stderr


@pytest.mark.sanitize
@pytest.mark.parametrize("words, says", [
    (["--frobnicate"], ["frobnicate"]),
    (["-o", "frobnicate"], ["frobnicate"]),
    (["--device", "x=nosuch"], ["nosuch"]),
    (["--device", "soft"], ["soft"]),
    (["--device", "x=soft:colour=red"], ["colour"]),
    (["--device", "x=delay:us=soon"], ["soon|us"]),
    (["--device", "x=error:errno=EWHAT"], ["EWHAT|errno"]),
    (["--device", "bad name=soft"], ["bad name"]),
    (["--device", "x=soft", "--device", "x=soft"], ["x"]),
    (["--balancer", "nosuch"], ["nosuch"]),
    (["--log-level", "nosuch"], ["nosuch"]),
    (["-c", "/nonexistent/file"], ["/nonexistent/file"]),
])
@pytest.mark.parametrize("foreground", [True, False], ids=["-f", "background"])
def test_refused_words(mnt, words, says, foreground):
    refused(*(["-f"] if foreground else []), *words, mnt, says=says)


def test_two_mount_points(mnt):
    assert acryptod("-f", mnt, mnt).returncode > 0


@pytest.mark.sanitize
@pytest.mark.parametrize("foreground", [True, False], ids=["-f", "background"])
def test_bad_mount_points(tmp_path, foreground):
    flags = ["-f"] if foreground else []
    refused(*flags, tmp_path / "missing", says=["missing"])
    (tmp_path / "file").write_text("")
    refused(*flags, tmp_path / "file", says=["file"])


def test_a_mount_point_that_is_not_empty(start, tmp_path):
    folder = tmp_path / "full"
    folder.mkdir()
    (folder / "below").write_text("kept")
    d = start(mount=folder)
    assert (folder / "version").exists()
    assert d.stop() == 0
    assert (folder / "below").read_text() == "kept"


def test_a_module_that_is_none(mnt, tmp_path):
    for place in (tmp_path / "mod", tmp_path / "mod/bogus", tmp_path / "mod/drivers/bogus"):
        place.mkdir(parents=True, exist_ok=True)
        (place / "bogus.so").write_bytes(b"not a shared object")
    refused("-f", "--module-path", tmp_path / "mod", "--device", "x=bogus", mnt, says=["bogus"])


# ---- the configuration file ----

@pytest.mark.sanitize
@pytest.mark.parametrize("text, line", [
    ("[daemon]\nnonsense\n", 2),
    ("[daemon\n", 1),
    ("\n# remark\n[daemon]\ncolour=red\n", 4),
    ("[daemon]\n\n[garden]\nroses=3\n", None),
    ("[quota]\nuser-sessions=many\n", 2),
    ("[quota]\nuser-sessions=3\nuser-memory=-1\n", 3),
    ("[daemon]\ndrain=soon\n", 2),
    ("[daemon]\nrequests=0x\n", 2),
    ("[scheduler]\nageing=quick\n", 2),
])
def test_a_bad_line_is_named(mnt, tmp_path, text, line):
    conf = tmp_path / "some.conf"
    conf.write_text(text)
    where = r"some\.conf" if line is None else rf"some\.conf\D{{0,12}}\b{line}\b"
    refused("-f", "-c", conf, mnt, says=[where])


def test_devices_in_the_file(start):
    daemon = start(config="[device one]\ndriver=soft\n\n[device two]\ndriver=delay\nus=100\nwidth=2\n")
    assert {"one", "two"} <= set(os.listdir(daemon.mount / "devices"))
    assert "soft0" not in os.listdir(daemon.mount / "devices")
    assert daemon.text("devices/two/driver").split()[0] == "delay"


def test_the_command_line_wins(start):
    daemon = start("--device", "three=soft", config="[device one]\ndriver=soft\n")
    folders = {n for n in os.listdir(daemon.mount / "devices") if (daemon.mount / "devices" / n).is_dir()}
    assert folders == {"three"}


def test_default_devices(daemon):
    assert "soft0" in os.listdir(daemon.mount / "devices")


def test_a_bad_device_in_the_file(mnt, tmp_path):
    conf = tmp_path / "some.conf"
    conf.write_text("[device x]\ndriver=soft\ncolour=red\n")
    refused("-f", "-c", conf, mnt, says=[r"some\.conf|\bx\b", "colour"])


def test_words_beyond_ascii_in_any_locale(start, tmp_path):
    """GLib would refuse them in the locale C, which a service has."""
    folder = tmp_path / "ein Maß"
    folder.mkdir()
    daemon = start("--module-path", str(folder), "--device", f"d0=delay:us=1,hold={folder}/none",
                   env={"LC_ALL": "C"})
    with daemon.session(alg="sha256", device="d0") as s:
        assert s.run(b"abc").hex().startswith("ba7816bf")


# ---- in the background ----

def test_in_the_background(mnt):
    done = acryptod(mnt)
    pids = acr.daemons_on(mnt)
    try:
        assert done.returncode == 0, done.stderr
        assert (mnt / "version").read_text(), "it must return after the mount works"
        assert len(pids) == 1
        session = mnt / "sessions/one"
        session.mkdir()
        for file, value in (("alg", "sha256"), ("src", "abc")):
            acr.put(session / file, value)
        assert len((session / "dst").read_bytes()) == 32
        assert os.getsid(pids[0]) != os.getsid(0), "it must have left the terminal"
        if os.geteuid() == 0:  # nobody else may see that
            assert os.readlink(f"/proc/{pids[0]}/cwd") == "/"
    finally:
        watch = [os.pidfd_open(p) for p in pids]
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        for fd in watch:
            select.select([fd], [], [], 20)
            os.close(fd)
        acr.unmount(mnt)
    assert not acr.daemons_on(mnt) and not os.path.ismount(mnt)


# ---- another user ----

def test_run_by_a_user(start):
    daemon = start(uid=acr.NOBODY)

    def use():
        with daemon.session(priority="60000", alg="sha256") as s:  # "root" is who runs it
            assert os.stat(s.path).st_uid == acr.NOBODY
            assert acr.errno_of(os.open, s / "key", os.O_RDONLY) in ("EACCES", "EPERM")
            out = s.run(b"abc")
        daemon.write("devices/add", "more=soft\n")
        return out.hex()[:8], sorted(os.listdir(daemon.mount / "devices"))

    digest, devices = acr.as_user(acr.NOBODY, use)
    assert digest == "ba7816bf" and "more" in devices
    with acr.fails("EACCES"):
        os.listdir(daemon.mount)  # the mount is that user's alone
