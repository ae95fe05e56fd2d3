"""Fixtures of the tests of training."""

from collections.abc import Iterator

import pytest

from pushforward.parallel import share


@pytest.fixture(params=[1, 3])
def devices(request: pytest.FixtureRequest) -> Iterator[int]:
    """Let so many devices share a batch of any size."""
    with pytest.MonkeyPatch.context() as patch:
        least = 10**9 if request.param == 1 else 1
        patch.setitem(share.TRAINING, "vectors", share.Share(least, least))
        yield request.param


@pytest.fixture(params=[1, 3])
def density_devices(request: pytest.FixtureRequest) -> Iterator[int]:
    """Let so many devices share the draws of a batch of any size."""
    with pytest.MonkeyPatch.context() as patch:
        least = 10**9 if request.param == 1 else 1
        patch.setitem(share.TRAINING, "density", share.Share(least, least))
        yield request.param
