# SPDX-License-Identifier: LGPL-2.1-or-later
"""What else `make install` brings, and that `make uninstall` leaves nothing."""
import os
import pathlib
import re
import subprocess

import pytest

import acr

SAMPLE = acr.TOP / "doc/acryptod.conf.sample"


def make(target, dest):
    subprocess.run(["make", "-s", "-C", acr.BUILD, target, f"DESTDIR={dest}", "prefix=/p"], check=True,
                   stdout=subprocess.DEVNULL)


@pytest.fixture
def installed(tmp_path):
    """Install; gives the folder that stands for the root."""
    if not (acr.BUILD / "Makefile").exists():
        pytest.skip("the build tree has no Makefile")

    make("install", tmp_path)
    return tmp_path


def tree(folder):
    """(files, folders) below it."""
    files, folders = set(), set()
    for parent, below, names in os.walk(folder):
        folders |= {pathlib.Path(parent) / name for name in below}
        files |= {pathlib.Path(parent) / name for name in names}
    return files, folders


def test_uninstall_leaves_nothing(installed):
    files, folders = tree(installed)
    assert files
    make("uninstall", installed)
    left, empty = tree(installed)
    assert left == set()
    # Folders that are everybody's stay, as after any package.
    assert empty == {f for f in folders if "acrypto" not in f.relative_to(installed).as_posix()}


def test_uninstall_leaves_what_is_not_its_own(installed):
    own = installed / "p/etc/acrypto/acryptod.conf"
    own.write_text("[daemon]\n")
    make("uninstall", installed)
    assert tree(installed)[0] == {own}


def test_examples_run_from_where_they_are(installed, daemon):
    folder = installed / "p/share/doc/acrypto/examples"
    names = {p.name for p in (acr.TOP / "examples").iterdir()} - {"hifn-model.sh"} # it shows the build tree's
    assert {p.name for p in folder.iterdir()} == names
    subprocess.run([folder / "first.sh"], env={**os.environ, "ACRYPTO": str(daemon.mount)}, check=True)


def test_the_sample_is_installed_and_starts(installed, start):
    sample = installed / "p/etc/acrypto/acryptod.conf.sample"
    daemon = start(config=sample.read_text())
    assert acr.values(daemon.text("status"))["error"] == "none"


def test_the_sample_has_every_key():
    """That its values are the defaults is tested by unit_settings."""
    rows = re.findall(r'^\t\{ "([a-z]+)", "([a-z-]+)"', (acr.TOP / "src/base/settings.c").read_text(), re.M)
    assert rows
    for group, key in rows:
        part = SAMPLE.read_text().split(f"\n[{group}]\n")[1].split("\n[")[0]
        assert re.search(rf"^# ?{key} = ", part, re.M), key


def test_the_unit_is_there_where_systemd_is(installed):
    words = subprocess.run([acr.BUILD / "config.status", "--config"], capture_output=True, text=True,
                           check=True).stdout
    if "systemdsystemunitdir" in words:
        pytest.skip("this build was configured for another place of the unit")
    unit = installed / "p/lib/systemd/system/acryptod.service"
    assert unit.exists() == os.path.exists("/lib/systemd/systemd")
