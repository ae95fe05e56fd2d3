"""Fixtures of the tests of training."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(params=[1, 3])
def devices(request: pytest.FixtureRequest) -> Iterator[int]:
    """Let so many devices share a batch of any size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["pushforward.train.fit"], "CPU_SHARE", 10**9 if request.param == 1 else 1)
        yield request.param


@pytest.fixture(params=[1, 3])
def density_devices(request: pytest.FixtureRequest) -> Iterator[int]:
    """Let so many devices share the draws of a batch of any size."""
    with pytest.MonkeyPatch.context() as patch:
        least = 10**9 if request.param == 1 else 1
        patch.setattr(sys.modules["pushforward.train.fit_density"], "CPU_SHARE", least)
        yield request.param
