# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names, permissions, and rights judged by who opened a file and who writes to it."""
import contextlib
import grp
import hashlib
import os
import stat

import pytest

import acr

OTHER = acr.NOBODY - 1
RW = "op alg iv aad tag taglen padding layout format length params src stream priority device private deadline".split()
READ, WRITE = ["dst", "state", "history", "status"], ["key", "ctl"]
DENIED = ("EACCES", "EPERM")


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def user_session(daemon, name, uid=acr.NOBODY, **files):
    """A session of another user; returns its path."""
    def make():
        session = acr.Session(daemon, name, **files)
        return str(session.path)
    return acr.as_user(uid, make)


@contextlib.contextmanager
def effective(uid):
    """Be another user for a moment: what a setuid program does."""
    os.setgroups([])
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


# ---- names ----

@pytest.mark.sanitize
@pytest.mark.parametrize("name", ["a", "0", "A.b_c-d", "x" * 64, "9lives", "tmp.XyZ123"])
def test_good_names(daemon, name):
    with daemon.session(name) as s:
        assert s.run(b"abc", alg="sha256") == hashlib.sha256(b"abc").digest()


@pytest.mark.sanitize
@pytest.mark.parametrize("name", [".hidden", "-x", "_x", "x" * 65, "a b", "a:b", "a\nb", "a\tb", "ä", "a%s",
                                  "x" * 255])
def test_bad_names(daemon, name):
    with acr.fails("EINVAL"):
        os.mkdir(daemon.mount / "sessions" / name)
    assert name not in os.listdir(daemon.mount / "sessions")


def test_a_name_is_taken_once(daemon, session):
    with acr.fails("EEXIST"):
        os.mkdir(session.path)


# ---- modes ----

def test_modes_of_the_tree(daemon):
    m = daemon.mount
    assert mode(m / "sessions") == 0o1777
    assert mode(m / "devices") == mode(m / "lb") == 0o755
    for file in ("README", "version", "status", "metrics", "algorithms", "random"):
        assert mode(m / file) & 0o777 == 0o444, file
    assert mode(m / "devices/soft0") == 0o755


@pytest.mark.sanitize
@pytest.mark.parametrize("mask", [0, 0o22, 0o77, 0o777])
def test_a_session_is_0700_whatever_the_umask(daemon, mask):
    old = os.umask(mask)
    try:
        with daemon.session() as s:
            assert mode(s.path) == 0o700
    finally:
        os.umask(old)


@pytest.mark.sanitize
@pytest.mark.parametrize("directory, group, other", [(0o700, 0, 0), (0o770, 6, 0), (0o750, 4, 0), (0o710, 0, 0),
                                                     (0o755, 4, 4), (0o777, 6, 6), (0o500, 0, 0)])
def test_files_are_cut_to_their_directory(session, directory, group, other):
    os.chmod(session.path, directory)
    assert mode(session.path) == directory
    owner = 6 if directory & 0o200 else 4
    cut = owner << 6 | group << 3 | other
    assert {f: oct(mode(session / f)) for f in RW} == dict.fromkeys(RW, oct(0o666 & cut))
    assert {f: oct(mode(session / f)) for f in READ} == dict.fromkeys(READ, oct(0o444 & cut))
    assert {f: oct(mode(session / f)) for f in WRITE} == dict.fromkeys(WRITE, oct(0o222 & cut))


def test_a_session_holds_these_files(session):
    assert set(os.listdir(session.path)) >= {*RW, *READ, *WRITE}
    for file in (*RW, *READ, *WRITE):
        assert stat.S_ISREG(os.stat(session / file).st_mode), file


def test_owner_is_the_maker(daemon):
    path = user_session(daemon, "owned")
    info = os.stat(path)
    assert (info.st_uid, info.st_gid) == (acr.NOBODY, acr.NOBODY)
    assert os.stat(path + "/src").st_uid == acr.NOBODY
    acr.as_user(acr.NOBODY, os.rmdir, path)


# ---- other users ----

@pytest.mark.sanitize
def test_another_user_is_kept_out(daemon):
    path = user_session(daemon, "closed", alg="sha256", src=b"abc")

    def intrude():
        got = {}
        for file in (*RW, *READ):
            got["read " + file] = acr.errno_of(os.open, f"{path}/{file}", os.O_RDONLY)
        for file in (*RW, *WRITE):
            got["write " + file] = acr.errno_of(os.open, f"{path}/{file}", os.O_WRONLY)
        got["list"] = acr.errno_of(os.listdir, path)
        return got

    got = acr.as_user(OTHER, intrude)
    assert got == dict.fromkeys(got, "EACCES")
    with acr.fails(*DENIED):
        acr.as_user(OTHER, os.rmdir, path)
    with acr.fails(*DENIED):
        acr.as_user(OTHER, os.chmod, path, 0o777)
    assert acr.as_user(acr.NOBODY, lambda: open(path + "/dst", "rb").read()) == hashlib.sha256(b"abc").digest()
    acr.as_user(acr.NOBODY, os.rmdir, path)


@pytest.mark.sanitize
def test_sharing_with_a_group(daemon, session):
    acr.need_root("give a session to any group")
    os.chown(session.path, -1, 4242)
    os.chmod(session.path, 0o770)

    def use():
        acr.put(session / "alg", "hmac-sha256")
        acr.put(session / "key", b"k")
        acr.put(session / "src", b"abc")
        assert acr.errno_of(os.open, session / "key", os.O_RDONLY) in DENIED
        return session.read()

    expected = acr.as_user(acr.NOBODY, use, groups=[4242])
    assert len(expected) == 32
    with acr.fails("EACCES"):
        acr.as_user(acr.NOBODY, use)
    os.chmod(session.path, 0o750)
    assert acr.as_user(acr.NOBODY, session.read, groups=[4242]) == expected
    with acr.fails("EACCES"):
        acr.as_user(acr.NOBODY, use, groups=[4242])


def test_chgrp_to_a_foreign_group(daemon):
    path = user_session(daemon, "group")
    with acr.fails("EPERM"):
        acr.as_user(acr.NOBODY, os.chown, path, -1, 4242)
    acr.as_user(acr.NOBODY, os.chown, path, -1, 4242, groups=[4242])
    assert os.stat(path).st_gid == 4242
    acr.as_user(acr.NOBODY, os.rmdir, path)


@pytest.mark.sanitize
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR])
def test_nobody_reads_a_key_not_even_root(session, flags):
    session.write("alg", "aes-256-cbc")
    session.write("key", bytes(32))
    with acr.fails(*DENIED):
        os.open(session / "key", flags)
    os.chmod(session.path, 0o777)
    with contextlib.suppress(OSError):
        os.chmod(session / "key", 0o666)
    with acr.fails(*DENIED):
        os.open(session / "key", flags)


@pytest.mark.parametrize("file", READ)
def test_read_only_means_root_too(session, file):
    for flags in (os.O_WRONLY, os.O_RDWR):
        with acr.fails(*DENIED):
            os.open(session / file, flags)


# ---- nothing else can be made ----

def test_unknown_things_cannot_be_made(session):
    before = sorted(os.listdir(session.path))
    for call in (lambda: os.close(os.open(session / "notes", os.O_CREAT | os.O_WRONLY)),
                 lambda: os.mkdir(session / "folder"),
                 lambda: os.symlink("/etc/passwd", session / "link"),
                 lambda: os.link(session / "alg", session / "alg2"),
                 lambda: os.mkfifo(session / "fifo"),
                 lambda: os.rename(session / "alg", session / "alg2"),
                 lambda: os.rename(session / "alg", session / "op")):
        assert acr.errno_of(call) is not None
    assert sorted(os.listdir(session.path)) == before


def test_nothing_can_be_made_elsewhere(daemon):
    for folder in (".", "sessions", "devices", "lb"):
        path = daemon.mount / folder
        assert acr.errno_of(lambda p=path: os.close(os.open(p / "file", os.O_CREAT | os.O_WRONLY))) is not None
        if folder != "sessions":
            assert acr.errno_of(os.mkdir, path / "folder") is not None
        assert "file" not in os.listdir(path) and "folder" not in os.listdir(path)


def test_a_session_is_not_renamed(daemon, session):
    assert acr.errno_of(os.rename, session.path, session.path.with_name("other")) is not None
    assert session.path.exists() and "other" not in os.listdir(daemon.mount / "sessions")


# ---- rights that only root has ----

@pytest.mark.sanitize
def test_priority_above_the_default(daemon, session):
    session.write("priority", "65535")
    path = user_session(daemon, "eager", priority="10")

    def rise(value):
        acr.put(path + "/priority", value)

    acr.as_user(acr.NOBODY, rise, "1000")
    for value in ("1001", "65535"):
        with acr.fails("EACCES"):
            acr.as_user(acr.NOBODY, rise, value)
    with open(path + "/priority", encoding="ascii") as f:
        assert f.read() == "1000\n"
    acr.as_user(acr.NOBODY, os.rmdir, path)


def test_the_configured_group_may_rise_higher(start):
    daemon = start(config="[daemon]\npriority-group=daemon\n")
    group = grp.getgrnam("daemon").gr_gid
    path = user_session(daemon, "grouped")
    with acr.fails("EACCES"):
        acr.as_user(acr.NOBODY, acr.put, path + "/priority", "1001")
    acr.as_user(acr.NOBODY, lambda: acr.put(path + "/priority", "1001"), groups=[group])
    with open(path + "/priority", encoding="ascii") as f:
        assert f.read() == "1001\n"


@pytest.mark.parametrize("file", ["devices/soft0/ctl", "devices/add", "devices/remove"])
def test_device_control_is_roots(daemon, file):
    with acr.fails(*DENIED):
        acr.as_user(acr.NOBODY, daemon.write, file, "break\n")
    assert daemon.text("devices/soft0/state") == "ready\n"


@pytest.mark.sanitize
def test_roots_descriptor_in_other_hands(daemon):
    """Who writes counts: the descriptor was root's, the writer isn't."""
    path = user_session(daemon, "handed")
    ctl = os.open(daemon.mount / "devices/soft0/ctl", os.O_WRONLY)
    priority = os.open(path + "/priority", os.O_WRONLY)

    def write(fd, value):
        os.write(fd, value)
        os.close(fd)

    with acr.fails(*DENIED):
        acr.as_user(acr.NOBODY, write, ctl, b"break stolen\n")
    with acr.fails(*DENIED):
        acr.as_user(acr.NOBODY, write, priority, b"2000\n")
    os.close(ctl)
    os.close(priority)
    assert daemon.text("devices/soft0/state") == "ready\n"
    with open(path + "/priority", encoding="ascii") as f:
        assert f.read() == "1000\n"
    acr.as_user(acr.NOBODY, os.rmdir, path)


@pytest.mark.sanitize
def test_a_users_descriptor_in_roots_hands(daemon):
    """Who opened counts as well: a setuid program's stdout is the user's."""
    path = user_session(daemon, "lent")

    def lend():
        with effective(acr.NOBODY):
            fd = os.open(path + "/priority", os.O_WRONLY)
        assert os.geteuid() == 0
        os.write(fd, b"2000\n")
        os.close(fd)

    with acr.fails(*DENIED):
        acr.Child(lend).result()
    with open(path + "/priority", encoding="ascii") as f:
        assert f.read() == "1000\n"
    acr.as_user(acr.NOBODY, os.rmdir, path)
