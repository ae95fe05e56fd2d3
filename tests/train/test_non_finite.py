"""Non-finite steps are skipped, counted, bounded and explained."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from pushforward.bijections import Chain, Identity, Invert, LULinear, Reshape, Stack, Standardize, StandardizeCondition
from pushforward.distributions import Pushforward, StandardNormal
from pushforward.flows import maf
from pushforward.train import NonFiniteError, fit
from pushforward.train.explain import explain
from pushforward.train.rows.batch import Batch

from .helpers import BrokenGradient, LogScaleAbove, flow_of

#: One large step turns `LogScaleAbove.theta`, which starts at 1, negative: NaN above the threshold.
WILD: dict[str, Any] = {"optimizer": optax.sgd(100.0), "clip_norm": None, "progress": False}


def rows(rng: np.random.Generator, n: int = 40) -> np.ndarray:
    """Return rows below 5 but for element (7, 1), which is 6."""
    x = np.clip(rng.normal(size=(n, 2)), -4, 4)
    x[7, 1] = 6.0
    return x


def test_non_finite_steps_are_skipped_and_counted(key, rng, devices):
    flow = flow_of(Identity((2,)), LogScaleAbove(1.0, 5.0))
    result = fit(key, flow, rows(rng), batch_size=10, max_epochs=5, val_fraction=0, **WILD)
    assert result.skipped_steps >= 4
    theta = float(result.flow.bijection.bijections[1].theta)
    assert np.isfinite(theta)
    assert np.isfinite(result.history["train"]).all()


def test_too_many_in_a_row_stop_the_fit_and_are_explained(key, rng, devices):
    flow = flow_of(Identity((2,)), LogScaleAbove(1.0, 5.0))
    with pytest.raises(NonFiniteError) as caught:
        fit(key, flow, rows(rng), max_epochs=50, val_fraction=0, max_skipped=4, **WILD)
    message = str(caught.value)
    assert "in 5 steps in a row" in message
    assert "non-finite value is `bijection.bijections[1]` (LogScaleAbove), in row 7 of `x`." in message
    result = caught.value.result
    assert result.skipped_steps == 5
    assert np.isfinite(float(result.flow.bijection.bijections[1].theta))
    assert result.best_epoch == len(result.history["train"]) - 1 == 4


def test_the_streak_reaches_over_epochs_and_stops_inside_one(key, rng):
    flow = flow_of(LogScaleAbove(1.0, -np.inf))
    with pytest.raises(NonFiniteError, match=r"stopped in epoch 1: .* in 3 steps") as caught:
        fit(key, flow, rows(rng), max_epochs=50, batch_size=4, max_skipped=2, **WILD)
    assert caught.value.result.skipped_steps == 3
    assert caught.value.result.best_epoch == -1
    assert eqx.tree_equal(caught.value.result.flow, flow)


def test_a_broken_gradient_is_explained(key, rng, devices):
    flow = flow_of(LULinear(2), BrokenGradient(), Standardize.unfitted((2,)))
    message = r"non-finite gradient is `bijection.bijections\[1\]` \(BrokenGradient\)\."
    with pytest.raises(NonFiniteError, match=message):
        fit(key, flow, rows(rng), max_epochs=50, max_skipped=3, progress=False)


def test_a_rate_that_is_not_finite_skips_its_step(key, rng):
    flow = maf(key, 2, layers=1, hidden=(4,))
    result = fit(
        key,
        flow,
        rows(rng),
        batch_size=10,
        max_epochs=3,
        learning_rate=lambda step: jnp.where(step == 2, jnp.nan, 1e-3),
        progress=False,
    )
    assert result.skipped_steps == 1
    assert np.isfinite(result.history["train"]).all()


def batch_of(x: np.ndarray, condition: np.ndarray | None = None) -> Batch:
    return Batch(np.ones(len(x)), x, condition)


def test_the_path_goes_through_composites(rng):
    broken, fine = LogScaleAbove(-1.0, 5.0), LogScaleAbove(1.0, 5.0)
    x = rows(rng)
    lines = np.arange(len(x)) + 100
    stack = Stack([Chain([Identity((2,)), broken]), Chain([Identity((2,)), fine])])
    flow = flow_of(Identity((2,)), Invert(Invert(stack)))
    expected = "`bijection.bijections[1].bijection.bijection.layers()[0].bijections[1]` (LogScaleAbove), in row 107"
    assert expected in explain(flow, batch_of(x), lines)
    reshaped = flow_of(Reshape(Chain([broken, Identity((2,))]), (2, 1)))
    assert "`bijection.bijections[0].bijection.bijections[0]` (LogScaleAbove)" in explain(
        reshaped, batch_of(x[..., None]), lines
    )


def test_inside_invert_the_order_is_the_other(rng):
    x = rows(rng)
    flow = flow_of(Invert(Chain([LogScaleAbove(-1.0, 0.0), LogScaleAbove(-2.0, 0.0)])))
    expected = "`bijection.bijections[0].bijection.bijections[0]` (LogScaleAbove), in 40 rows of `x`, first 0, 1"
    assert expected in explain(flow, batch_of(x), np.arange(len(x)))


def test_conditional_and_blameless(key, rng):
    flow = maf(key, 2, cond_dim=1, layers=1, hidden=(4,))
    assert isinstance(flow.bijection, StandardizeCondition)
    batch = batch_of(rows(rng), rng.normal(size=(40, 1)))
    assert "No single part is at fault" in explain(flow, batch, np.arange(40))


def test_the_base_is_named(rng):
    flow = Pushforward(StandardNormal((2,)), Identity((2,)))
    x = rows(rng)
    x[3] = 1e200
    assert "`base` (StandardNormal), in row 3" in explain(flow, batch_of(x), np.arange(len(x)))
