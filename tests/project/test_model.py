# SPDX-License-Identifier: LGPL-2.1-or-later
"""doc/session.pml, the model of what happens to a request: spin looks at every order of its steps.

Each run of the model must pass in full, and each mistake that can be put into it must be found."""
import concurrent.futures
import os
import shutil
import subprocess

import pytest

import acr

MODEL = acr.TOP / "doc" / "session.pml"
RUNS = ["ROOM", "LEAVE", "REFUSE", "CANCEL", "DEADLINE"]
# These are also searched for a run that never ends.
ENDLESS = ["BREAK", "AGAIN", "BIND"]
# A mistake, the run that must find it, and what it is.
MUTANTS = [
    ("SWAP", "CANCEL", "an answer looks at the attempt's state and sets it in two steps"),
    ("RECHECK", "CANCEL", "who has placed a job doesn't look whether it was cancelled meanwhile"),
    ("ORPHAN", "BREAK", "a device breaks and its running job gets no second reference"),
    ("OWNER", "AGAIN", "done() ends the session without a look at session->job"),
    ("STRANDED", "LEAVE", "a job waits though the last device for it has just gone"),
    ("TIMER", "AGAIN", "a late deadline leaves the next request's timer set"),
]
MEMORY_MB = 900  # of one of the two at a time
SECONDS = 600

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * SECONDS),
              pytest.mark.skipif(not shutil.which("spin"), reason="NO SPIN HERE: the model of "
                                 "session states is not checked (Debian's package spin)")]


def make_and_run(folder, words, options=("-DSAFETY",), run=()):
    """What pan says of the model with these words defined."""
    folder.mkdir()
    subprocess.run(["spin", *(f"-D{word}" for word in words), "-a", MODEL], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL)
    # What spin writes is one function of 20,000 lines: optimising takes longer than the run.
    subprocess.run([os.environ.get("CC", "cc"), "-O0", "-w", "-DCOLLAPSE", "-DVECTORSZ=2048",
                    f"-DMEMLIM={MEMORY_MB}", *options, "-o", "pan", "pan.c"], cwd=folder, check=True)
    done = subprocess.run(["./pan", "-m100000", *run], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)
    return done.stdout


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """All of it, two at a time: a future for each."""
    folder = tmp_path_factory.mktemp("model")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = {run: pool.submit(make_and_run, folder / run, [run]) for run in RUNS}
        for mutant, run, _ in MUTANTS:
            jobs[mutant] = pool.submit(make_and_run, folder / mutant, [run, f"MUTANT_{mutant}"])
        for run in ENDLESS:
            jobs[run] = pool.submit(make_and_run, folder / run, [run], ["-DNP"], ["-l"])
        yield jobs
        pool.shutdown(cancel_futures=True)


def passed(text):
    assert "errors: 0" in text, text
    assert "max search depth too small" not in text and "out of memory" not in text, text
    assert "Search not completed" not in text, text


@pytest.mark.parametrize("run", RUNS + ENDLESS)
def test_every_order(checked, run):
    passed(checked[run].result())


@pytest.mark.parametrize("mutant, what", [(mutant, what) for mutant, _, what in MUTANTS])
def test_a_mistake_is_found(checked, mutant, what):
    text = checked[mutant].result()
    assert "errors: 1" in text and "assertion violated" in text, f"not found: {what}\n{text}"
