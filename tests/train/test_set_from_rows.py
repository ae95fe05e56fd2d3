"""Location and scale are fitted from the data end of a flow."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

from pushforward.bijections import (
    Autoregressive,
    Chain,
    Concatenate,
    Exp,
    Identity,
    Invert,
    LULinear,
    Regress,
    Reshape,
    Stack,
    Standardize,
    StandardizeCondition,
    TukeyH,
    Whiten,
)
from pushforward.distributions import Conditioned, Mixture, Pushforward, StandardNormal
from pushforward.networks import MLPSettings
from pushforward.train.rows.rows import Rows
from pushforward.train.start.rows import RowsData
from pushforward.train.start.set_from_rows import set_from_rows
from pushforward.univariate import Affine

from .helpers import flow_of


def standardized(flow: Any, x: Any, condition: Any = None, weights: Any = None) -> Any:
    return set_from_rows(flow, Rows(x, condition, weights), np.arange(len(x)), np.random.default_rng(0))


def test_at_the_data_end(rng):
    x = rng.normal(size=(300, 2)) * [1e30, 1e-30] + [1e30, 0]
    fitted = standardized(flow_of(Identity((2,)), Standardize.unfitted((2,))), x).bijection.bijections[1]
    np.testing.assert_allclose(fitted.loc, x.mean(axis=0))
    np.testing.assert_allclose(fitted.scale, x.std(axis=0))
    assert fitted.fitted


def test_weighted(rng):
    x, w = rng.normal(size=(300, 2)), rng.uniform(size=300)
    fitted = standardized(flow_of(Standardize.unfitted((2,))), x, weights=w).bijection.bijections[0]
    np.testing.assert_allclose(fitted.loc, np.average(x, axis=0, weights=w))


def test_behind_other_bijections(rng, monkeypatch):
    monkeypatch.setattr("pushforward.train.rows.rows.BLOCK_ELEMENTS", 100)
    x = np.exp(rng.normal(size=(300, 2)) * [3, 0.1] + [5, -2])
    flow = flow_of(Chain([Standardize.unfitted((2,)), Identity((2,))]), Exp((2,)))
    fitted = standardized(flow, x).bijection.bijections[0].bijections[0]
    np.testing.assert_allclose(fitted.loc, np.log(x).mean(axis=0))
    np.testing.assert_allclose(fitted.scale, np.log(x).std(axis=0))


def test_through_a_reshape(rng):
    x = rng.normal(size=(300, 2, 2)) + np.arange(4).reshape(2, 2)
    flow = flow_of(Reshape(Standardize.unfitted((4,)), (2, 2)))
    fitted = standardized(flow, x).bijection.bijections[0].bijection
    np.testing.assert_allclose(fitted.loc, x.mean(axis=0).ravel())


def test_conditions(key, rng):
    x, c = rng.normal(size=(300, 2)) + 7, rng.normal(size=(300, 1)) * 1e6 + 1e7
    layer = Autoregressive.mlp(key, Affine(), 2, cond_dim=1, network=MLPSettings((4,)))
    inner = Chain([layer, Standardize.unfitted((2,))])
    flow = Pushforward(StandardNormal((2,)), StandardizeCondition.unfitted(inner))
    fitted = standardized(flow, x, c).bijection
    np.testing.assert_allclose(fitted.loc, c.mean(axis=0))
    np.testing.assert_allclose(fitted.scale, c.std(axis=0))
    np.testing.assert_allclose(fitted.bijection.bijections[1].loc, x.mean(axis=0))
    assert fitted.fitted
    assert fitted.bijection.bijections[1].fitted


def test_a_constant_condition_keeps_its_scale(key, rng):
    layer = Autoregressive.mlp(key, Affine(), 2, cond_dim=1, network=MLPSettings((4,)))
    flow = Pushforward(StandardNormal((2,)), StandardizeCondition.unfitted(layer))
    fitted = standardized(flow, rng.normal(size=(30, 2)), np.full((30, 1), 5.0)).bijection
    assert (float(fitted.loc[0]), float(fitted.scale[0])) == (5.0, 1.0)


def test_heavy_tails_next_to_the_data(rng):
    """The columns are set one by one; the maps behind see what they leave."""
    x = np.stack([rng.standard_cauchy(4000), rng.normal(size=4000) + 9, rng.pareto(1.0, 4000)], axis=1)
    flow = standardized(flow_of(Standardize.unfitted((3,)), TukeyH.unfitted((3,))), x)
    frame, tails = flow.bijection.bijections
    np.testing.assert_allclose(tails.left, [1.0, 0.0, 0.0], atol=0.25)
    np.testing.assert_allclose(tails.right, [1.0, 0.0, 1.0], atol=0.25)
    assert (float(tails.loc[1]), float(tails.scale[1])) == (0.0, 1.0)
    np.testing.assert_allclose(frame.loc[1], x[:, 1].mean())
    z = np.asarray(jax.vmap(flow.bijection.inverse)(x))
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-6)
    assert np.abs(z).max() < 8


def test_without_heavy_tails_nothing_is_left_of_them(rng):
    x = rng.normal(size=(4000, 2)) + 5
    light = standardized(flow_of(Standardize.unfitted((2,)), TukeyH.unfitted((2,))), x)
    assert isinstance(light.bijection.bijections[1], Identity)
    assert eqx.tree_equal(
        light.bijection.bijections[0], standardized(flow_of(Standardize.unfitted((2,))), x).bijection.bijections[0]
    )


def test_heavy_tails_of_a_map_that_runs_backwards(rng):
    x = rng.standard_cauchy((4000, 2))
    backwards = standardized(flow_of(Standardize.unfitted((2,)), Invert(TukeyH.unfitted((2,)))), x)
    forwards = standardized(flow_of(Standardize.unfitted((2,)), TukeyH.unfitted((2,))), x)
    np.testing.assert_allclose(backwards.log_prob(x[:20]), forwards.log_prob(x[:20]), rtol=1e-12)
    light = standardized(flow_of(Invert(TukeyH.unfitted((2,)))), rng.normal(size=(1000, 2)))
    assert isinstance(light.bijection.bijections[0].bijection, Identity)


def test_a_condition_with_heavy_tails_has_its_median_and_quartiles(rng):
    c = np.stack([10 + rng.standard_cauchy(4000), rng.normal(size=4000)], axis=1)
    layer = Autoregressive.mlp(jax.random.key(0), Affine(), 1, cond_dim=2, network=MLPSettings((4,)))
    flow = Pushforward(StandardNormal((1,)), StandardizeCondition.unfitted(layer))
    fitted = standardized(flow, rng.normal(size=(4000, 1)), c).bijection
    np.testing.assert_allclose(fitted.loc, [10, c[:, 1].mean()], atol=0.1)
    np.testing.assert_allclose(fitted.scale, [1.2, c[:, 1].std()], atol=0.15)


def test_many_rows_are_seen_in_part(rng):
    table = Rows(rng.normal(size=(250_000, 1)), None)
    values, weights = RowsData(table, np.arange(250_000), np.arange(10)).observed()
    assert len(values) == len(weights) == 100_000
    np.testing.assert_array_equal(values[[0, -1], 0], table.x[[0, 249_997], 0])


def test_what_is_fitted_is_kept(rng):
    x = rng.normal(size=(30, 2)) + 4
    flow = flow_of(Standardize(np.zeros(2), np.full(2, 3.0)))
    assert eqx.tree_equal(standardized(flow, x), flow)
    normal = StandardNormal((2,))
    assert standardized(normal, x) is normal


def test_whitened_behind_the_standardization(rng):
    mixing = np.array([[2.0, 0.0, 0.0], [5.0, 0.1, 0.0], [-3.0, 0.2, 1.0]])
    x = rng.normal(size=(4000, 3)) @ mixing.T * [1e6, 1.0, 1e-6] + [1e7, 0, 0]
    w = rng.uniform(size=4000)
    fitted = standardized(flow_of(Whiten.unfitted(3), Standardize.unfitted((3,))), x, weights=w)
    z = np.asarray(jax.vmap(fitted.bijection.inverse)(x))
    np.testing.assert_allclose(np.cov(z.T, aweights=w, ddof=0), np.eye(3), atol=0.01)


def test_whitened_with_fewer_rows_than_columns(rng):
    x = rng.normal(size=(4, 6))
    fitted = standardized(flow_of(Whiten.unfitted(6), Standardize.unfitted((6,))), x)
    assert np.isfinite(np.asarray(fitted.log_prob(x))).all()


def regressed(dim: int, cond_dim: int, x: Any, c: Any, weights: Any = None) -> Any:
    frame = Chain([Whiten.unfitted(dim), Regress.unfitted(dim, cond_dim), Standardize.unfitted((dim,))])
    return standardized(Pushforward(StandardNormal((dim,)), StandardizeCondition.unfitted(frame)), x, c, weights)


def test_whitened_around_the_regression_line(rng):
    c = rng.normal(size=(4000, 2)) * [1e6, 1e-3] + [1e7, 0]
    noise = rng.normal(size=(4000, 3)) @ [[1.0, 0.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    x = 1e3 * (c @ [[1e-6, -3e-6, 0.0], [2e3, 0.0, 0.0]] + 0.1 * noise)
    w = rng.uniform(size=4000)
    fitted = regressed(3, 2, x, c, w)
    z = np.asarray(jax.vmap(fitted.bijection.inverse)(x, c))
    joint = np.cov(np.hstack([z, c / [1e6, 1e-3]]).T, aweights=w, ddof=0)
    np.testing.assert_allclose(joint[:3], np.eye(3, 5), atol=0.03)
    np.testing.assert_allclose(np.average(z, axis=0, weights=w), 0.0, atol=1e-3)


def test_what_the_condition_explains_wholly(rng):
    c = rng.normal(size=(1000, 1))
    x = np.hstack([3 * c, rng.normal(size=(1000, 1))]).astype(np.float32)
    fitted = regressed(2, 1, x, c)
    z = np.asarray(jax.vmap(fitted.bijection.inverse)(x, c))
    back = np.asarray(jax.vmap(fitted.bijection.forward)(z, c))
    np.testing.assert_allclose(z.std(axis=0), 1.0, atol=0.01)
    np.testing.assert_allclose(back, x, rtol=1e-5, atol=1e-5)


def test_one_column_given_a_condition(rng):
    c = rng.normal(size=(1000, 1))
    x = 5 * c + 0.1 * rng.normal(size=(1000, 1))
    z = np.asarray(jax.vmap(regressed(1, 1, x, c).bijection.inverse)(x, c))
    assert abs(z.std() - 1) < 0.01


def test_regression_on_more_columns_than_rows(rng):
    x, c = rng.normal(size=(20, 2)), rng.normal(size=(30, 40))
    fitted = regressed(2, 40, x, c[:20])
    # Nothing is explained; least squares without a ridge would hit all rows and miss new ones by far.
    line = np.asarray(jax.vmap(fitted.bijection.forward)(np.zeros((30, 2)), c))
    assert np.abs(line[20:]).max() < 2


def test_regression_on_a_constant_and_on_equal_columns(rng):
    c = np.repeat(rng.normal(size=(300, 1)), 3, axis=1) * [1.0, 1.0, 0.0] + 4
    x = c[:, :1] + 0.1 * rng.normal(size=(300, 2))
    fitted = regressed(2, 3, x, c).bijection.bijection.bijections[1]
    coefficients = np.asarray(fitted.coefficients)
    np.testing.assert_allclose(coefficients[:, 0], coefficients[:, 1], rtol=1e-4)
    assert (coefficients[:, 2] == 0).all()


def test_one_wrong_cell_of_a_condition_moves_no_event_far(rng):
    c = rng.normal(size=(1000, 1))
    x = np.hstack([3 * c, -c]) + 0.1 * rng.normal(size=(1000, 2))
    fitted = regressed(2, 1, x, c)
    assert np.abs(np.asarray(fitted.bijection.forward(np.zeros(2), np.array([1e4])))).max() < 200


@pytest.mark.parametrize(
    "around",
    [
        lambda b: Chain([b]),
        lambda b: Concatenate([b]),
        lambda b: Stack([b]),
        lambda b: Invert(Invert(b)),
        lambda b: Invert(b),
        lambda b: Reshape(Reshape(b, (2, 2)), (4,)),
    ],
    ids=["Chain", "Concatenate", "Stack", "Invert-Invert", "Invert", "Reshape"],
)
def test_wherever_it_stands(rng, around):
    """It stayed the identity in `Concatenate`, `Stack` and `Invert`, without a word: a loss of 8,383,968 for 13.49."""
    x = rng.normal(size=(300, 4)) + np.array([0, 3000, 0, 3000])
    flow = standardized(flow_of(LULinear(4), around(Standardize.unfitted((4,)))), x)
    z = np.asarray(jax.vmap(flow.bijection.inverse)(x))
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-9)


def test_in_the_base_of_a_flow(rng):
    x = np.exp(rng.normal(size=(300, 2)) + 7)
    flow = Pushforward(flow_of(Standardize.unfitted((2,))), Exp((2,)))
    base = standardized(flow, x).base
    np.testing.assert_allclose(base.bijection.bijections[0].loc, np.log(x).mean(axis=0))


def test_in_the_components_of_a_mixture(rng):
    x = rng.normal(size=(300, 2)) + 50
    flow = standardized(Mixture([flow_of(Standardize.unfitted((2,))), StandardNormal((2,))]), x)
    np.testing.assert_allclose(flow.components[0].bijection.bijections[0].loc, x.mean(axis=0))


def test_a_map_that_rows_do_not_reach_is_named(rng):
    """The rows are no data of a conditional density at one condition."""
    unfitted = Pushforward(StandardNormal((2,)), Regress.unfitted(2, 1))
    flow = Conditioned(unfitted, [0.5])
    with pytest.raises(ValueError, match=r"`flow.distribution.bijection, a Regress"):
        standardized(flow, rng.normal(size=(30, 2)))
