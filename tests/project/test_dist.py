# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is shipped is what is in git, and it can be configured, anew too."""
import os
import shutil
import subprocess

import pytest

import acr


def output(*words, **kwargs):
    return subprocess.run(words, check=True, capture_output=True, text=True, **kwargs).stdout


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The folder that `make dist` packs."""
    if not (acr.TOP / "Makefile").exists():
        pytest.skip("the source tree is not configured")
    folder = tmp_path_factory.mktemp("dist") / "acrypto"
    output("make", "-s", "-C", acr.TOP, "distdir", f"distdir={folder}")
    return folder


def test_all_of_git_is_shipped(shipped):
    if not shutil.which("git") or not (acr.TOP / ".git").exists():
        pytest.skip("no git here, or no clone")
    tracked = output("git", "-c", f"safe.directory={acr.TOP}", "-C", str(acr.TOP), "ls-files").splitlines()
    there = [name for name in tracked if (acr.TOP / name).exists()]  # one may be deleted, but not committed
    assert [name for name in there if not (shipped / name).exists()] == []


def test_another_configuration_compiles_anew(shipped, tmp_path):
    """Objects hold the folders of the installation."""
    module = "src/device/module.o"

    def configure(prefix):
        output(shipped / "configure", "-q", f"--prefix={prefix}", cwd=tmp_path)

    def make():
        output("make", "-s", module, cwd=tmp_path)
        return os.stat(tmp_path / module).st_mtime_ns

    configure("/first place")
    made = make()
    configure("/first place")
    assert make() == made
    configure("/second")
    assert make() != made and b"/second/lib/acrypto" in (tmp_path / module).read_bytes()
