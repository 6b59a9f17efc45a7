# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the source and the programs are that are tested."""
import atexit
import functools
import os
import pathlib
import shutil
import tempfile

TOP = pathlib.Path(os.environ.get("ACR_SRCDIR", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("ACR_BUILDDIR", TOP))


@functools.cache
def for_all():
    """A copy of the daemon, its modules and what is preloaded: in a folder that every user may
    search, which a clone in a home is not, and whose name has no spaces, as LD_PRELOAD wants."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="acr-built."))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    for file in (BUILD / "acryptod", *BUILD.glob("drivers/*/*.so"), *BUILD.glob("lb/*.so"),
                 *BUILD.glob("tests/models/padlock/*.so")):
        copy = folder / file.relative_to(BUILD)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
        copy.chmod(0o755)
    return folder
