# SPDX-License-Identifier: LGPL-2.1-or-later
"""A short run of the soak; `make soak` is the long one. ACR_SEED repeats what was chosen."""
import os
import sys

import pytest

import acr

sys.path.insert(0, str(acr.TOP / "tests" / "soak"))
import soak  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.alone]

SESSIONS = 1500 if os.environ.get("ACR_QUICK") else 3000


@pytest.mark.sanitize
@pytest.mark.timeout(900)
def test_soak():
    if os.environ.get("ACR_QUICK"):
        print(f"ACR_QUICK: {SESSIONS} sessions instead of 3000")
    seed = os.environ.get("ACR_SEED")
    assert soak.soak(SESSIONS, seed=int(seed) if seed else None) == []


@pytest.mark.sanitize
@pytest.mark.timeout(900)
def test_soak_with_cards():
    """The same with two HIFN cards, a CE99 card and PadLock, models all of them."""
    seed = os.environ.get("ACR_SEED")
    assert soak.soak(SESSIONS // 2, seed=int(seed) if seed else None, with_cards=True) == []
