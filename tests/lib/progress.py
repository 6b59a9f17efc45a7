# SPDX-License-Identifier: LGPL-2.1-or-later
"""For ./check: which tests run now and how many are done, in the file that ACR_PROGRESS names.

Its first line is "DONE TOTAL", each further one a test that runs."""
import os
import pathlib


class Progress:
    """A pytest plugin; where there are workers, for the process that directs them."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.total, self.done, self.running = 0, 0, []

    def write(self):
        new = self.path.with_suffix(".new")
        new.write_text("\n".join([f"{self.done} {self.total}", *self.running]) + "\n")
        os.replace(new, self.path)

    def pytest_collection_finish(self, session):
        self.total = max(self.total, len(session.items))

    def pytest_runtest_logstart(self, nodeid, location):
        self.running.append(nodeid)
        self.write()

    def pytest_runtest_logfinish(self, nodeid, location):
        self.done += 1
        if nodeid in self.running:
            self.running.remove(nodeid)
        self.write()


class WithWorkers(Progress):
    """The same for pytest-xdist, which tells more."""

    def pytest_xdist_node_collection_finished(self, node, ids):
        self.total = len(ids)


def plugin(config):
    """The plugin for this process; None: nobody wants to know, or it is a worker."""
    path = os.environ.get("ACR_PROGRESS")
    if not path or hasattr(config, "workerinput"):
        return None
    return (WithWorkers if config.pluginmanager.hasplugin("xdist") else Progress)(path)
