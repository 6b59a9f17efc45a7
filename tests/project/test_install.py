# SPDX-License-Identifier: LGPL-2.1-or-later
"""`make install DESTDIR=` gives a tree that runs where it is, and that modules can be made for."""
import hashlib
import os
import pathlib
import shutil
import subprocess

import pytest

import acr


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The installed prefix below a scratch folder."""
    if not (acr.BUILD / "Makefile").exists():
        pytest.skip("the build tree has no Makefile")
    dest = tmp_path_factory.mktemp("dest")
    subprocess.run(["make", "-s", "-C", acr.BUILD, "install", f"DESTDIR={dest}"], check=True,
                   stdout=subprocess.DEVNULL)
    makefile = (acr.BUILD / "Makefile").read_text()
    prefix = next(line.split(" = ")[1] for line in makefile.splitlines() if line.startswith("prefix = "))
    return pathlib.Path(f"{dest}{prefix}")


def test_runs_from_where_it_is(start, installed, monkeypatch):
    monkeypatch.setattr(acr, "BUILD", installed / "sbin")
    daemon = start(config="[daemon]\ncore-dumps=yes\n")  # else only root may see its maps
    maps = pathlib.Path(f"/proc/{daemon.pid}/maps").read_text()
    assert f"{installed}/lib/acrypto/drivers/soft.so" in maps
    assert f"{installed}/lib/acrypto/lb/least-loaded.so" in maps
    done = subprocess.run([installed / "bin" / "acrypto", "-m", daemon.mount, "run", "-a", "sha256"],
                          input=b"installed", capture_output=True, check=True)
    assert done.stdout == hashlib.sha256(b"installed").digest()


def test_all_modules_are_there(installed):
    names = {p.name for p in (installed / "lib/acrypto").glob("*/*.so")}
    built = [*(acr.BUILD / "drivers").glob("*/*.so"), *(acr.BUILD / "lb").glob("*.so")]
    assert names == {p.name for p in built} and names


def test_modules_can_be_made_for_it(installed, tmp_path):
    if not shutil.which("pkg-config"):
        pytest.skip("no pkg-config here")
    work = tmp_path / "xsoft"
    shutil.copytree(acr.TOP / "tests/external/xsoft", work, ignore=shutil.ignore_patterns("*.so"))
    root = str(installed).removesuffix("/usr/local") # what DESTDIR was
    env = {**os.environ, "PKG_CONFIG_PATH": str(installed / "lib/pkgconfig"),
           "PKG_CONFIG_SYSROOT_DIR": root}
    env.pop("CFLAGS", None)
    subprocess.run(["make", "-s", "-C", work], env=env, check=True)
    assert (work / "xsoft.so").exists()


def test_headers_are_there(installed):
    ours = {p.name for p in (acr.TOP / "include/acrypto").glob("*.h")}
    assert {p.name for p in (installed / "include/acrypto").glob("*.h")} == ours


def test_pages_are_there(installed):
    ours = {p.name for p in (acr.TOP / "doc").glob("*.[178]")}
    assert {p.name for p in (installed / "share/man").glob("man*/*")} == ours
