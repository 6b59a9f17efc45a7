# SPDX-License-Identifier: LGPL-2.1-or-later
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import acr  # noqa: E402
import progress  # noqa: E402
import watchdog  # noqa: E402

pytest.register_assert_rewrite("on_device", "strict_models")


def pytest_configure(config):
    config.pluginmanager.register(watchdog.Watchdog(config))
    if seen := progress.plugin(config):
        config.pluginmanager.register(seen)


@pytest.fixture(scope="module")
def daemon(request):
    """A daemon with the default device, shared by the tests of one file, whose CONFIG it has."""
    d = acr.Daemon(config=getattr(request.module, "CONFIG", None))
    yield d
    assert d.stop() == 0, "acryptod did not end cleanly"


@pytest.fixture
def start(request):
    """Start daemons with arguments of one's own; all are ended with the test. Without a config
    they have the file's CONFIG."""
    running = []

    def make(*args, **kwargs):
        d = acr.Daemon(*args, **{"config": getattr(request.module, "CONFIG", None), **kwargs})
        running.append(d)
        return d

    yield make
    for d in running:
        d.stop()


@pytest.fixture
def session(daemon):
    """An empty session."""
    with daemon.session() as s:
        yield s
