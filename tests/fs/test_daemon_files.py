# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which configuration file is in force where none is named, in a mount namespace with folders of its own."""
import os
import re
import subprocess

import pytest

import acr
import built

DOCUMENTED = "/etc/acrypto/acryptod.conf"
GOOD = "[quota]\nuser-sessions=77\n"
GARBAGE = "this is not a configuration\n"

# $1: the mount point, $2: the daemon, then pairs of a folder to cover and what it gets.
SCRIPT = r"""
mnt=$1 daemon=$2
shift 2
while [ $# -gt 0 ]; do
	mount --bind "$2" "$1"
	shift 2
done
"$daemon" "$mnt" || exit
grep ^configuration: "$mnt/status"
umount "$mnt"
"""


def own_file():
    """The place that this build looks at first, as --help says."""
    shown = subprocess.run([acr.BUILD / "acryptod", "--help"], capture_output=True, text=True,
                           check=True).stdout
    return re.search(r"\(default (\S+/acryptod\.conf)", shown)[1]


@pytest.fixture
def run(tmp_path):
    """Start a daemon where the given files, by path, are the only configuration there is."""
    if os.getuid() or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("no mount namespace can be made here")

    def start(**texts):
        (tmp_path / "mnt").mkdir()
        words = ["unshare", "-m", "sh", "-euc", SCRIPT, "sh", tmp_path / "mnt", acr.BUILD / "acryptod"]
        for path, key in ((own_file(), "own"), (DOCUMENTED, "documented")):
            etc = os.path.dirname(os.path.dirname(path))
            if not os.path.isdir(etc):
                pytest.skip(f"there is no {etc} that could be covered")
            copy = tmp_path / etc.replace("/", "_")
            if not copy.exists():
                (copy / "acrypto").mkdir(parents=True)
                words += [etc, copy]
            if key in texts:
                (copy / "acrypto/acryptod.conf").write_text(texts[key])
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert acr.until(lambda: not acr.daemons_on(tmp_path / "mnt")), "a daemon outlives its mount"
        return done

    return start


def test_none(run):
    done = run()
    assert (done.returncode, done.stdout) == (0, "configuration: none\n"), done.stderr


def test_the_documented_one(run):
    done = run(documented=GOOD)
    assert (done.returncode, done.stdout) == (0, f"configuration: {DOCUMENTED}\n"), done.stderr


def test_the_one_of_the_build(run):
    done = run(own=GOOD)
    assert (done.returncode, done.stdout) == (0, f"configuration: {own_file()}\n"), done.stderr


def test_of_both_the_one_of_the_build(run):
    if own_file() == DOCUMENTED:
        pytest.skip("this build has one place alone")
    done = run(own=GOOD, documented=GOOD)
    assert (done.returncode, done.stdout) == (0, f"configuration: {own_file()}\n"), done.stderr


@pytest.mark.parametrize("which", ["own", "documented"])
def test_garbage_is_refused(run, which):
    done = run(**{which: GARBAGE})
    path = own_file() if which == "own" else DOCUMENTED
    assert done.returncode == 1 and f"{path}:1:" in done.stderr


def test_the_one_that_is_named(start):
    daemon = start(config=GOOD)
    assert acr.values(daemon.text("status"))["configuration"] == str(daemon.dir / "conf")


def test_an_absent_card_is_silent():
    """Also where nothing can be locked; a card behind vfio-pci would be told of here."""
    acr.need_root("start it as another user")
    # It makes its devices, and ends because that is no place to mount on.
    words = ["sh", "-c", 'ulimit -l 0; exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"', "sh",
             built.for_all() / "acryptod", "-f", "-c", "/dev/null", "/proc/version"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == "acryptod: error: mount: /proc/version: not a directory\n"
