# SPDX-License-Identifier: LGPL-2.1-or-later
"""No test holds up a run for ever: times that grow with the machine's load, and an end by force.

pytest-timeout raises in the test that takes too long. Where even its `finally` hangs then, this
kills what the test has started. If that doesn't help either, it names the test and ends pytest."""
import contextlib
import os
import pathlib
import signal
import sys
import threading

import pytest

GRACE = 60  # seconds that a test has for its `finally`, times the slowness


def slowness():
    """How much more time than on an idle machine everything gets: by the load of each processor,
    and by what ./check says of a build (ACR_SLOWNESS)."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return max(1, load) * float(os.environ.get("ACR_SLOWNESS") or 1)


def children(pid):
    """The processes that a process has started, and those that these have."""
    parents = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
        except OSError:
            continue  # it has ended meanwhile
    found = parents.get(pid, [])
    for child in found:
        found += parents.get(child, [])
    return found


def kill_children():
    for pid in children(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Watchdog:
    """A pytest plugin."""

    def __init__(self, config):
        self.factor = slowness()
        self.capture = config.pluginmanager.getplugin("capturemanager")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        usual = float(config.getini("timeout"))
        for item in items:
            mark = item.get_closest_marker("timeout")
            seconds = (mark.args[0] if mark else usual) * self.factor
            item.add_marker(pytest.mark.timeout(seconds), append=False)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item):
        over = threading.Event()
        seconds = item.get_closest_marker("timeout").args[0]
        threading.Thread(target=self.watch, args=[item.nodeid, seconds, over], daemon=True).start()
        yield
        over.set()

    def watch(self, nodeid, seconds, over):
        grace = GRACE * self.factor
        if over.wait(seconds + grace):
            return
        self.say(f"{nodeid} has not ended {grace:.0f} s after its time: killing what it has started")
        kill_children()
        if not over.wait(grace):
            self.say(f"{nodeid} HANGS: ending all")
            kill_children()
            os._exit(1)

    def say(self, sentence):
        if self.capture:
            self.capture.suspend_global_capture(in_=True)
        print("\n" + sentence, file=sys.stderr, flush=True)
