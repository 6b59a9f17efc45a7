# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which file calls which, read from the objects in the build tree: where the rooms have doors.

A file calls another one if it uses a global symbol that the other one defines; data counts like
functions. A circle is a set of files in which each can reach each other one by such calls: none
of them can be understood, or tested, without all of them."""
import subprocess

import pytest

from acr import BUILD, TOP


def symbols(folder):
    """{file: (symbols defined, symbols used)} of the objects of a folder, by "folder/file.c"."""
    found = {}
    for source in sorted((TOP / folder).glob("*.c")):
        made = BUILD / folder / (source.stem + ".o")
        if not made.exists():  # of a module that this machine can't build, or built otherwise
            continue
        lines = subprocess.run(["nm", "-g", "--format=posix", made], stdout=subprocess.PIPE,
                               check=True, text=True).stdout.splitlines()
        words = [line.split() for line in lines]
        found[f"{folder}/{source.name}"] = ({w[0] for w in words if w[1] != "U"},
                                            {w[0] for w in words if w[1] == "U"})
    assert found, f"no objects in {BUILD / folder}"
    return found


def calls(files):
    """{file: the files that it calls} from what symbols() gives."""
    home = {symbol: file for file, (defined, _) in files.items() for symbol in defined}
    return {file: {home[symbol] for symbol in used if symbol in home} - {file}
            for file, (_, used) in files.items()}


def circles(graph):
    """The circles of a graph that calls() gives, each a sorted list of files, largest first."""
    def reached(start):
        seen, ahead = set(), [start]
        while ahead:
            new = graph[ahead.pop()] - seen
            seen |= new
            ahead += new
        return seen

    reach = {file: reached(file) for file in graph}
    found = {tuple(sorted(other for other in reach[file] if file in reach[other]))
             for file in graph if file in reach[file]}
    return sorted(map(list, found), key=len, reverse=True)


@pytest.mark.parametrize("graph, expected", [
    ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
    ({"a": {"b"}, "b": {"a"}, "c": {"a"}}, [["a", "b"]]),
    ({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}}, [["a", "b", "c"], ["d", "e"]]),
])
def test_circles_are_found(graph, expected):
    assert circles(graph) == expected


def test_calls_are_found():
    files = {"a.c": ({"one", "two"}, {"three", "malloc"}), "b.c": ({"three"}, {"one", "three"})}
    assert calls(files) == {"a.c": {"b.c"}, "b.c": {"a.c"}}


# Folder: the sizes of its circles, which may only become smaller.
SIZES = {"fsops": []}


@pytest.mark.parametrize("folder", SIZES)
def test_circles_of_a_folder(folder):
    found = circles(calls(symbols(folder)))
    assert [len(circle) for circle in found] == SIZES[folder], found
