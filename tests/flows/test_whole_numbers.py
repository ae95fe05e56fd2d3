"""NumPy's integers, such as a `shape` of an array holds after arithmetic, are whole numbers like any other."""

from collections.abc import Callable
from typing import Any

import jax
import jaxtyping
import numpy as np
import pytest

import pushforward as pf

KEY = jax.random.key(0)


def _models(whole: Callable[[int], Any]) -> dict[str, Callable[[], Any]]:
    """Return constructors of models of which every whole number is made by `whole`."""
    i, image = whole, (whole(2), whole(2), whole(1))
    hidden, order = (i(4), i(4)), (i(1), i(0))
    images = {"levels": i(4), "cond_dim": i(2)}
    return {
        "autoregressive": lambda: pf.flows.nsf(KEY, i(2), cond_dim=i(1), layers=i(2), hidden=hidden, bins=i(3)),
        "coupling": lambda: pf.flows.real_nvp(KEY, i(2), layers=i(1), hidden=hidden),
        "image": lambda: pf.flows.glow(
            KEY, image, scales=i(1), steps=i(1), width=i(4), blocks=i(1), bins=i(3), **images
        ),
        "patches": lambda: pf.flows.tarflow(
            KEY, image, patch=i(1), blocks=i(2), layers=i(1), width=i(4), heads=i(2), **images
        ),
        "order": lambda: pf.networks.MaskedMLP(KEY, i(2), i(3), hidden=hidden, order=order),
        "reflections": lambda: pf.bijections.Householder(KEY, i(3), i(2)),
    }


@pytest.mark.parametrize("name", _models(int))
def test_integers_of_numpy_make_the_same_model(name: str, monkeypatch: pytest.MonkeyPatch):
    expected = _models(int)[name]()
    # Users run without the checks of annotations.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    made = _models(np.int64)[name]()
    assert jax.tree.structure(made) == jax.tree.structure(expected)
    assert "np.int64" not in repr(jax.tree.structure(made))
