"""Objectives and settings as objects are the keywords of the same names."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import pushforward as pf
from pushforward.train import MaximumLikelihood, Optimization

from .helpers import gaussian

TINY: dict[str, Any] = {"max_epochs": 2, "progress": False}


def test_objects_and_keywords_are_the_same_fit(key, rng):
    x = rng.poisson(9.0, size=(80, 2))
    by_keywords = pf.fit(key, gaussian(), x, noise="uniform", average=0.9, clip_norm=1.0, learning_rate=0.01, **TINY)
    optimization = Optimization(average=0.9, clip_norm=1.0, learning_rate=0.01)
    objective = MaximumLikelihood("uniform")
    by_objects = pf.fit(key, gaussian(), x, objective=objective, optimization=optimization, **TINY)
    assert by_keywords.history == by_objects.history


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": MaximumLikelihood(), "noise": "uniform"}, "`noise` must be left out beside `objective`"),
        ({"optimization": Optimization(), "clip_norm": 1.0}, "`clip_norm` must be left out beside `optimization`"),
        ({"optimization": Optimization(), "optimizer": optax.sgd(0.1)}, "`optimizer` must be left out beside"),
    ],
)
def test_both_are_refused(key, settings, message):
    with pytest.raises(ValueError, match=message):
        pf.fit(key, gaussian(), np.eye(3, 2), **settings)


def test_optimization_serves_all_fits(key, rng):
    chosen = Optimization(learning_rate=1e-3, average=0.9)
    settings: dict[str, Any] = {"optimization": chosen, "progress": False}

    def log_density(x):
        return -0.5 * jnp.sum(x**2)

    density = pf.fit_density(key, gaussian(), log_density, steps=2, batch_size=16, **settings)
    assert np.isfinite(density.history["train"]).all()
    normal = pf.distributions.Normal(np.zeros(2), np.ones(2))
    source = pf.fit_source(
        key, normal, lambda x, t: log_density(x - t), rng.normal(size=(40, 2)), max_epochs=1, **settings
    )
    assert np.isfinite(source.history["train"]).all()
