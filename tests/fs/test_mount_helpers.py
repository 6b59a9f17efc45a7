# SPDX-License-Identifier: LGPL-2.1-or-later
"""mount(8) and lines of fstab: what acryptod(8) says about the start of the system."""
import os
import re
import shutil
import subprocess

import pytest

import acr

# $1: the mount point, $2: a folder with a program acryptod. mount(8) gives its helpers the default PATH.
SETUP = r"""
mnt=$1 fstab=$2/fstab
mount --bind "$2" /usr/local/sbin
cd /
on_it() { findmnt -n -o SOURCE,FSTYPE,OPTIONS "$mnt"; }
"""

PAGE = (acr.TOP / "doc/acryptod.8").read_text()


@pytest.fixture
def sh(tmp_path):
    """Run a script in a mount namespace of its own; gives its output."""
    if os.getuid() or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("no mount namespace can be made here")
    if not shutil.which("mount.fuse3", path="/sbin:/usr/sbin"):
        pytest.skip("there is no mount.fuse3")
    if not os.path.isdir("/usr/local/sbin"):
        pytest.skip("there is no /usr/local/sbin that could be covered")
    (tmp_path / "mnt").mkdir()
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/acryptod"
    program.write_text(f'#!/bin/sh\nexec "{acr.BUILD}/acryptod" -c /dev/null "$@"\n')
    program.chmod(0o755)

    def run(script):
        words = ["unshare", "-m", "sh", "-euc", SETUP + script, "sh", tmp_path / "mnt", tmp_path / "bin"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert acr.until(lambda: not acr.daemons_on(tmp_path / "mnt")), "a daemon outlives its mount"
        return done.stdout

    return run


def the_lines():
    """Lines of fstab in the manual, for /acrypto."""
    lines = re.findall(r"^(acrypto\S*[ \t]+/acrypto[ \t].*)$", PAGE, re.M)
    assert len(lines) == 3
    return lines


@pytest.mark.parametrize("line", the_lines())
def test_a_line_of_fstab(sh, line):
    """It mounts, once only, and lets nobody gain rights by devices or set-uid files."""
    out = sh(f"echo '{line}' | sed \"s|/acrypto|$mnt|\" > \"$fstab\"" + r"""
mount -T "$fstab" "$mnt"
mount -T "$fstab" -a
on_it
cat "$mnt/version"
umount "$mnt"
""")
    source, kind, options = out.splitlines()[0].split()
    assert source == line.split()[0] and kind == "fuse.acrypto"
    assert {"nosuid", "nodev", "allow_other", "default_permissions"} <= set(options.split(","))
    assert "driver-api: " in out


def test_the_readme_has_one_of_them():
    line = re.search(r"```fstab\n(.*)\n```", (acr.TOP / "README.md").read_text())[1]
    assert line.split() in [one.split() for one in the_lines()]


@pytest.mark.parametrize("words", ["-t fuse3 acryptod", "-t fuse3 acryptod#", "-t fuse.acryptod acrypto",
                                   "-t fuse acryptod#acrypto"])
def test_by_mount(sh, words):
    options = "user,nofail,relatime,noatime,lazytime,nodiratime,defaults,exec,x-systemd.automount,comment=a"
    for more in ("", f"-o {options}", "-o dev,suid"):
        out = sh(f'mount {words} "$mnt" {more}; on_it; umount "$mnt"')
        assert {"nosuid", "nodev"} <= set(out.split()[2].split(","))


def test_the_helper_by_hand(sh):
    """It passes on what mount(8) would have kept to itself."""
    out = sh('/sbin/mount.fuse3 acryptod# "$mnt" -o defaults,_netdev,group,X-mount.mkdir; on_it; umount "$mnt"')
    assert out.split()[:2] == ["acryptod#", "fuse.acrypto"]


def test_a_failure_is_mounts(sh):
    assert "refused" in sh('mount -t fuse3 acryptod "$mnt" -o frobnicate 2>&1 || echo refused')


def test_two_places_are_no_source(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    done = subprocess.run([acr.BUILD / "acryptod", "-o", "rw", tmp_path / "one", tmp_path / "two"], text=True,
                          capture_output=True, check=False)
    assert done.returncode == 2 and "one MOUNTPOINT only" in done.stderr


def test_the_dead_mount_of_a_unit(sh):
    """What the unit runs first must not fail on what a killed daemon leaves."""
    first = re.search(r"^ExecStartPre=(-?)(.*)$", (acr.TOP / "doc/acryptod.service.in").read_text(), re.M)
    assert first[2] == "mkdir -p /acrypto"
    out = sh(r"""
acryptod=$(/usr/local/sbin/acryptod -f "$mnt" >/dev/null 2>&1 & echo $!)
until [ -e "$mnt/version" ]; do sleep 0.05; done
kill -9 $acryptod
while kill -0 $acryptod 2>/dev/null; do sleep 0.05; done
mkdir -p "$mnt" 2>/dev/null || echo it fails
/usr/local/sbin/acryptod "$mnt" 2>&1 && umount "$mnt"
""")
    assert first[1] == "-" or "it fails" not in out
