# SPDX-License-Identifier: LGPL-2.1-or-later
"""The public headers stand alone, and modules made outside the tree work with them."""
import errno
import hashlib
import re
import shutil
import subprocess

import pytest

import acr

INCLUDE = acr.TOP / "include"
HEADERS = sorted((INCLUDE / "acrypto").glob("*.h"))
MODULES = sorted([*(acr.BUILD / "drivers").glob("*/*.so"), *(acr.BUILD / "lb").glob("*.so")])
COMPILERS = [("gcc", "-xc", "-std=c11"), ("g++", "-xc++", "-std=c++11"),
             ("clang", "-xc", "-std=c11")]


@pytest.mark.parametrize("header", HEADERS, ids=lambda p: p.name)
@pytest.mark.parametrize("compiler", COMPILERS, ids=lambda c: c[0])
def test_header_compiles_alone(header, compiler):
    if not shutil.which(compiler[0]):
        pytest.skip(f"no {compiler[0]} here")
    done = subprocess.run([*compiler, "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only",
                           "-I", INCLUDE, "-"], input=f"#include <acrypto/{header.name}>\n",
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_daemon_exports_what_the_headers_declare():
    declared = set()
    for header, start in ("driver.h", "#define ACR_REGISTER_DRIVER"), ("balancer.h", "#define ACR_REGISTER_BAL"):
        text = re.sub(r"/\*.*?\*/", "", (INCLUDE / "acrypto" / header).read_text(), flags=re.S)
        declared |= set(re.findall(r"\b(acr_\w+)\(", text[text.index(start):]))
    listed = set(re.findall(r"^\t(\w+);", (acr.TOP / "src/device/modules.syms").read_text(), re.M))
    assert listed == declared
    symbols = subprocess.run(["nm", "-D", "--defined-only", acr.BUILD / "acryptod"], check=True,
                             capture_output=True, text=True).stdout
    assert declared <= set(re.findall(r" T (\w+)", symbols))


@pytest.mark.parametrize("module", MODULES, ids=lambda p: p.name)
def test_module_exports_its_descriptor_alone(module):
    symbols = subprocess.run(["nm", "-D", "--defined-only", module], check=True,
                             capture_output=True, text=True).stdout
    names = {line.split()[-1] for line in symbols.splitlines()}
    names = {n for n in names if not n.startswith(("__", "_init", "_fini"))}
    names = {n for n in names if not re.fullmatch(r"[a-z]+_debug_\w+", n)}
    assert names in ({"acrypto_driver"}, {"acrypto_balancer"})


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the example modules, each made by its own Makefile."""
    folder = tmp_path_factory.mktemp("modules")
    for source in sorted((acr.TOP / "tests" / "external").iterdir()):
        work = folder / source.name
        shutil.copytree(source, work, ignore=shutil.ignore_patterns("*.so"))
        subprocess.run(["make", "-s", "-C", work, f"CFLAGS=-Wall -Wextra -Werror -I'{INCLUDE}'"],
                       check=True)
        shutil.copy(work / f"{source.name}.so", folder)
    folder.chmod(0o755)
    return folder


def test_external_modules_work(start, built):
    daemon = start("--module-path", str(built), "--device", "x0=xsoft", "--device", "x1=xsoft:threads=2",
                   "--balancer", "first")
    assert "[first]" in (daemon.mount / "lb" / "current").read_text()
    for alg in "sha256", "sha512":
        with daemon.session(alg=alg) as s:
            assert s.run(b"outside" * 1000) == hashlib.new(alg, b"outside" * 1000).digest()
            assert s.status()["device"] == "x0"
            assert "x0 is the first of 2" in s.text("history")
    with daemon.session(alg="sha1", src=b"x") as s, pytest.raises(OSError) as error:
        s.read()
    assert error.value.errno == errno.ENODEV


def test_external_driver_beside_ours(start, built):
    daemon = start("--module-path", str(built), "--device", "soft0=soft", "--device", "x0=xsoft")
    with daemon.session(alg="sha256", device="x0") as s:
        assert s.run(b"bound") == hashlib.sha256(b"bound").digest()
        assert s.status()["device"] == "x0"


def test_a_folder_of_drivers_and_balancers(start, built):
    """Each is found, and none is taken for one of the other kind."""
    daemon = start("--module-path", str(built), "--device", "x0=xsoft")
    assert {"first", "cheapest"} <= set(daemon.text("lb/current").replace("[", "").replace("]", "").split())
    assert "xsoft" not in daemon.log and acr.values(daemon.text("status"))["error"] == "none"


def test_external_balancer_with_a_file(start, built):
    daemon = start("--module-path", str(built), "--device", "x0=xsoft", "--device", "x1=xsoft")
    daemon.write("lb/unload", "cheapest")  # it was found in the module path
    daemon.write("lb/load", str(built / "cheapest.so"))
    daemon.write("lb/current", "cheapest")
    daemon.write("lb/cheapest/prices", "x0 7\nx1 3\n")
    assert daemon.text("lb/cheapest/prices") == "x0 7\nx1 3\n"
    with daemon.session(alg="sha256") as s:
        s.run(b"x")
        assert s.status()["device"] == "x1" and "price 3" in s.text("history")
        daemon.write("lb/cheapest/prices", "x1 9\n")
        s.run(b"x")
        assert s.status()["device"] == "x0"
    with acr.fails("EINVAL"):
        daemon.write("lb/cheapest/prices", "dear")
    assert int(acr.values(daemon.text("lb/cheapest/info"))["process-time-ns"]) > 0
    daemon.write("lb/unload", "cheapest")
    assert not (daemon.mount / "lb/cheapest").exists()


@pytest.mark.parametrize("words, complaint", [
    (["--device", "x0=xsoft:threads=65"], "threads"),
    (["--device", "x0=xsoft:colour=red"], "colour"),
    (["--device", "x0=first"], "first"),
    (["--balancer", "xsoft"], "xsoft"),
    (["--device", "x0=nosuch"], "nosuch"),
    (["--device", "x0=text"], "text"),
])
def test_bad_module_is_refused_by_name(built, words, complaint):
    (built / "text.so").write_text("this is no module\n")
    with pytest.raises(RuntimeError) as error:
        acr.Daemon("--module-path", str(built), *words)
    assert complaint in str(error.value)


def test_missing_module_names_the_folders(built):
    with pytest.raises(RuntimeError) as error:
        acr.Daemon("--module-path", str(built), "--device", "x0=nosuch")
    for folder in built, built / "drivers", acr.BUILD / "drivers":
        assert str(folder) in str(error.value)
