# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual pages are well-formed and say what the programs say."""
import os
import re
import shutil
import subprocess

import pytest

import acr

PAGES = sorted((acr.TOP / "doc").glob("*.[178]"))
ALIASES = [p for p in PAGES if p.read_text().startswith(".so ")]
HEADINGS = ["NAME", "SYNOPSIS", "DESCRIPTION", "PARAMETERS", "CAPABILITIES", "LIMITS", "SECURITY",
            "EXAMPLE", "SEE ALSO"]
LATER = {"keyname", "io"}  # files of later versions


def page(name):
    """Text of a page, or of the one that it is an alias of."""
    text = (acr.TOP / "doc" / name).read_text()
    alias = re.match(r"\.so man\d/(\S+)", text)
    return page(alias[1]) if alias else text


def words_of(macro, text):
    """All words that the page marks with the macro, as in `.It Cm us , ns-per-byte`."""
    found = set()
    for line in text.splitlines():
        if not line.startswith("."):
            continue
        marked = False
        for word in line[1:].split():
            if re.fullmatch(r"[A-Z][a-z]", word):
                marked = word == macro or (marked and word in ("Ns",))
            elif marked:
                found.add(word)
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_page_is_clean(path):
    if not shutil.which("mandoc"):
        pytest.skip("no mandoc here")
    if path in ALIASES:
        target = path.read_text().split("/")[1].strip()
        assert path.with_suffix("").name in (acr.TOP / "doc" / target).read_text()
        return
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", path], capture_output=True, text=True,
                          check=False)
    assert done.stdout == "" and done.returncode == 0


@pytest.mark.parametrize("path", [p for p in PAGES if p not in ALIASES], ids=lambda p: p.name)
def test_page_has_the_house_headings(path):
    assert re.findall(r"^\.Sh (.*)", path.read_text(), re.M) == HEADINGS


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_page_refers_to_pages_that_exist(path):
    for name, section in re.findall(r"^\.Xr (acrypto\S*) (\d)", page(path.name), re.M):
        assert (acr.TOP / "doc" / f"{name}.{section}").exists()


def options_of_page(text):
    return {"-" + w for w in words_of("Fl", text) if re.match(r"-?[A-Za-z]", w)}


def test_daemon_options_are_documented():
    shown = subprocess.run([acr.BUILD / "acryptod", "--help"], capture_output=True, text=True,
                           check=True).stdout
    offered = set(re.findall(r"(?:^|[\s\[,|])(--?[A-Za-z][a-z-]*)", shown))
    assert offered
    parameters = page("acryptod.8").split(".Sh PARAMETERS")[1].split(".Ss")[0]
    assert offered == options_of_page(parameters)


def test_command_options_are_documented():
    shown = subprocess.run([acr.BUILD / "acrypto", "--help"], capture_output=True, text=True,
                           check=True).stdout
    offered = set(re.findall(r"(?:^ |,) (--?[A-Za-z][a-z]*)", shown, re.M))
    assert {"-m", "-k", "--version"} <= offered
    assert offered == options_of_page(page("acrypto.1").split(".Sh PARAMETERS")[1])
    for command in re.findall(r"^  ([a-z]+) ", shown, re.M):
        assert command in page("acrypto.1")


def test_configuration_keys_are_documented():
    rows = re.findall(r'^\t\{ "([a-z]+)", "([a-z-]+)"', (acr.TOP / "src/base/settings.c").read_text(), re.M)
    assert rows
    documented = words_of("Cm", page("acryptod.8"))
    for group, key in rows:
        assert f".It Bq {group}\n" in page("acryptod.8")
        assert key in documented, key


def module_sources():
    return [p for p in sorted((acr.TOP / "drivers").glob("*/*.c")) if "acr_option" in p.read_text()]


@pytest.mark.parametrize("source", module_sources(), ids=lambda p: p.stem)
def test_driver_options_are_documented(source):
    table = re.search(r"struct acr_option \w+\[\] = \{(.*?)\n\};", source.read_text(), re.S)
    names = set(re.findall(r'\{ "([a-z-]+)",', table[1]))
    parameters = page(f"acrypto-{source.parent.name}.7").split(".Sh PARAMETERS")[1].split(".Sh")[0]
    assert names <= words_of("Cm", parameters)


def test_group_options_are_documented():
    names = re.findall(r'\{ "([a-z-]+)",', (acr.TOP / "src/device/group.c").read_text())
    assert set(names) and set(names) <= words_of("Cm", page("acrypto-group.7").split(".Sh PARAMETERS")[1].split(".Sh")[0])


def test_balancers_files_are_documented(daemon):
    for name in (n.name for n in (daemon.mount / "lb").iterdir() if n.is_dir()):
        for file in set(os.listdir(daemon.mount / "lb" / name)) - {"info"}:
            assert f"lb/{name}/{file}" in page(f"acrypto-{name}.7")


def test_every_module_has_a_page():
    modules = [p.parent.name for p in (acr.TOP / "drivers").glob("*/*.c")]
    modules += [p.stem for p in (acr.TOP / "lb").glob("*.c")]
    for name in modules:
        assert (acr.TOP / "doc" / f"acrypto-{name}.7").exists(), name


def test_session_files_are_documented(session):
    documented = words_of("Pa", page("acrypto.7").split(".Sh PARAMETERS")[1].split(".Ss")[0])
    assert set(os.listdir(session.path)) - LATER == documented & set(os.listdir(session.path))
    assert {w for w in re.findall(r"^\.It Pa (\w+)$", page("acrypto.7").split(".Sh PARAMETERS")[1]
                                  .split(".Ss")[0], re.M)} <= set(os.listdir(session.path))


def test_tree_is_documented(daemon):
    documented = {w.rstrip("/") for w in words_of("Pa", page("acrypto.7"))}
    for name in os.listdir(daemon.mount):
        assert name in documented | {"keys"}
    for name in os.listdir(daemon.mount / "devices" / "soft0"):
        assert name in documented | LATER


def test_states_and_errors_are_documented():
    errors = words_of("Er", page("acrypto.7"))
    assert errors >= {"EINVAL", "EOPNOTSUPP", "ENODEV", "EIO", "ENOKEY", "EACCES", "ENODATA", "EBADMSG",
                      "EBUSY", "EEXIST", "EAGAIN", "ECANCELED", "ETIMEDOUT", "EDQUOT", "ENOSPC"}


def test_readme_example_works(daemon, tmp_path):
    block = re.search(r"```sh\n(.*?)```", (acr.TOP / "README.md").read_text(), re.S)[1]
    (tmp_path / "report.pdf").write_bytes(b"%PDF of some length\n" * 999)
    subprocess.run(["sh", "-euc", block.replace("/acrypto/", f"{daemon.mount}/")], check=True,
                   env={**os.environ, "HOME": str(tmp_path)}, timeout=60)
    assert (tmp_path / "report.pdf.enc").stat().st_size == 12 + 19980 + 16


def first_example(text):
    """Its lines, from the session's directory to the output, wherever its files are."""
    lines = [re.sub(r"\S*/", "", line.strip(' "\\n')) for line in text.splitlines()]
    start = next(i for i, line in enumerate(lines) if line.startswith("echo aes-"))
    return [line.replace('"', "") for line in lines[start:start + 4]]


def test_the_first_example_is_one(daemon):
    """README, the mount's README and the example agree; the manual has the contract's, with CBC."""
    readme = first_example((acr.TOP / "README.md").read_text())
    assert readme == ["echo aes-256-gcm > alg", "cat report.key > key", "cat report.pdf > src",
                      "cat dst > report.pdf.enc"]
    assert readme == first_example(daemon.text("README"))
    assert readme == first_example((acr.TOP / "examples/first.sh").read_text())
    assert [line.replace("gcm", "cbc") for line in readme] == first_example(page("acrypto.7"))


def test_every_test_file_is_in_the_readme():
    listed = set(re.findall(r"^- `(\w+)`", (acr.TOP / "tests/README.md").read_text(), re.M))
    files = [p for folder in ("fs", "unit", "models", "project", "fuzz")
             for p in (acr.TOP / "tests" / folder).glob("*_*.*")]
    tests = {p.stem for p in files if re.fullmatch(r"test_\w+\.py|(unit|fuzz)_\w+\.c", p.name)}
    assert tests == listed, f"tests/README.md needs a line for {tests - listed}, none for {listed - tests}"
