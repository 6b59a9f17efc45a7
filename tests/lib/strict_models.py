# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures of the tests that drive a card's model by themselves, and what a strict model says.
A test's module names its model PROGRAM."""
import re

import pytest

from vfio_client import Model


@pytest.fixture
def model(request):
    """Start models with arguments of one's own; all are ended with the test."""
    models = []

    def start(*args):
        models.append(Model(request.module.PROGRAM, *args))
        return models[-1]

    yield start
    for m in models:
        m.clean()


@pytest.fixture
def strict(model):
    """A strict model that must have nothing to say."""
    m = model("--strict")
    yield m
    assert m.stop() == 0
    assert m.errors == "strict: 0 violations\n"


def told(model):
    """The sentences of a strict model, which must end with failure."""
    assert model.stop() == 1
    lines = model.errors.splitlines()
    assert lines[-1] == f"strict: {len(lines) - 1} violations"
    return [re.sub(r"^strict: (.*)\.$", r"\1", line) for line in lines[:-1]]
