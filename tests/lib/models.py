# SPDX-License-Identifier: LGPL-2.1-or-later
"""Models of cards: processes that serve one over vfio-user."""
import atexit
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import acr
import built


class Hifn:
    """The model of a HIFN 7956 at a socket of its own, strict unless told otherwise."""

    PROGRAM = acr.BUILD / "tests/models/hifn795x/hifn795x-model"
    DRIVER = "hifn795x"

    def __init__(self, *words, strict=True):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="acr-model."))
        self.socket = self.dir / "card"
        self.words = [*(["--strict"] if strict else []), *words]
        self.process = None
        atexit.register(self.abandon)
        self.start()

    def start(self):
        with open(self.dir / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.PROGRAM, "--socket", self.socket, *self.words], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while not self.listens():
            assert self.process.poll() is None and time.monotonic() < end, self.log()
            time.sleep(0.01)

    def listens(self):
        """It has a name before it listens: the flag __SO_ACCEPTCON tells."""
        return any(line.endswith(f" {self.socket}") and line.split()[3] == "00010000"
                   for line in pathlib.Path("/proc/net/unix").read_text().splitlines())

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def spec(self, **options):
        """For --device and devices/add. It has the longest time for an answer: the model is a
        process, which may have to wait for its turn."""
        options = {"timeout_ms": 60000, **options}
        return ",".join([f"{self.DRIVER}:vfio-user={self.socket}",
                         *(f"{k.replace('_', '-')}={v}" for k, v in options.items())])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.socket.unlink()

    def abandon(self):
        """What a test that failed has left."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def stop(self):
        """End it. A strict one that saw something forbidden ends with 1."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        assert status == 0, f"the model ended with {status}:\n{self.log()}"
        shutil.rmtree(self.dir)


class Ce99(Hifn):
    """The model of a CE99C003B, likewise."""

    PROGRAM = acr.BUILD / "tests/models/ce99/ce99-model"
    DRIVER = "ce99"


# ---- a processor with PadLock, for whatever is started with this in its environment ----

def padlock_model():
    """What is preloaded."""
    return built.for_all() / "tests/models/padlock/libpadlock-model.so"


def sanitizers():
    """Runtime libraries that want to be loaded before all else."""
    shown = subprocess.run(["ldd", acr.BUILD / "acryptod"], capture_output=True, text=True,
                           check=True).stdout
    return re.findall(r"=> (\S*lib[at]san\S*)", shown)


def padlock_environment(cpu="all", **settings):
    """Variables for a daemon on such a processor: rng="stuck" is PADLOCK_MODEL_RNG=stuck."""
    left_alone = "handle_segv=0:handle_sigill=0:handle_sigbus=0"
    env = {"LD_PRELOAD": " ".join([*sanitizers(), str(padlock_model())]), "PADLOCK_MODEL": cpu}
    for name in ("ASAN_OPTIONS", "TSAN_OPTIONS"):
        env[name] = ":".join(filter(None, [os.environ.get(name), left_alone]))
    # Like this everywhere, and with what else the daemon loads left as it is.
    settings = {"cpuid": "patch", "strict": 1, **settings}
    return {**env, **{f"PADLOCK_MODEL_{name.upper()}": str(v) for name, v in settings.items()}}
