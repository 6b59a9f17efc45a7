# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which file calls which, read from the objects in the build tree: where the rooms have doors.

A file calls another one if it uses a global symbol that the other one defines; data counts like
functions. A circle is a set of files in which each can reach each other one by such calls: none
of them can be understood, or tested, without all of them."""
import functools
import subprocess

import pytest

from acr import BUILD, TOP


@functools.cache
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


def room_symbols(*rooms):
    """symbols() of several folders together."""
    return {file: both for room in rooms for file, both in symbols(room).items()}


ROOMS = ["base", "alg", "queue", "device", "sched", "session", "report"]
SRC = [f"src/{room}" for room in ROOMS]

# Folders: the most that their circles may have. Devices and the scheduler hand
# jobs to each other; a session, the set of them and streams know each other; a group's report is
# made of its members'.
SIZES = {("fsops",): [], tuple(SRC): [15, 3, 2]}


@pytest.mark.parametrize("folders", SIZES, ids=lambda folders: folders[0].split("/")[0])
def test_circles_of_folders(folders):
    found = circles(calls(room_symbols(*folders)))
    sizes = [len(circle) for circle in found]
    assert len(sizes) <= len(SIZES[folders]), found
    assert all(size <= most for size, most in zip(sizes, SIZES[folders])), found


# Which rooms of src a room may call: those before it in ROOMS, and these.
BESIDE = {"device": {"sched"}}
# And these it may not, though they come before it.
NEVER = {"alg": {"base"}, "queue": {"alg"}}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_call_downwards(room):
    """base, alg and queue call nothing above themselves; neither device nor sched calls session."""
    called = {(file, other) for file, others in calls(room_symbols(*SRC)).items()
              if file.startswith(f"src/{room}/") for other in others}
    allowed = {room, *ROOMS[:ROOMS.index(room)], *BESIDE.get(room, ())} - NEVER.get(room, set())
    assert not {pair for pair in called if pair[1].split("/")[1] not in allowed}


def test_core_knows_no_front_end():
    graph = calls(room_symbols(*SRC, "fsops"))
    assert not {(file, other) for file, others in graph.items() if file.startswith("src/")
                for other in others if other.startswith("fsops/")}
