# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every example runs, finds its own result right, and leaves no session behind."""
import os
import shutil
import subprocess

import pytest

import acr

EXAMPLES = sorted(p for p in (acr.TOP / "examples").iterdir() if p.is_file())
INTERPRETERS = {".sh": ["sh"], ".py": ["/usr/bin/python3"], ".pl": ["perl"], ".go": ["go", "run"],
                ".js": ["node"]}


def command(example, folder):
    """The words that run an example."""
    if example.suffix == ".c":
        program = folder / example.stem
        subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-I", acr.TOP / "include", "-o", program,
                        example], check=True)
        return [program]
    words = INTERPRETERS[example.suffix]
    if not shutil.which(words[0]):
        pytest.skip(f"no {words[0]} here")
    return [*words, example]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.name)
def test_runs_and_cleans_up(daemon, tmp_path, example):
    done = subprocess.run(command(example, tmp_path), env={**os.environ, "ACRYPTO": str(daemon.mount)},
                          cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert os.listdir(daemon.mount / "sessions") == []
