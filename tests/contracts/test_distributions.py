"""The contract of the distributions and of the flows."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward._fields import trainable

from ..cases import ADAPT, DISTRIBUTIONS, FLOWS, Case, cast, randomize
from ..conftest import SEED
from .study import made, of_shapes

CASES = DISTRIBUTIONS + FLOWS + ADAPT
DTYPES = ("float32", "float64")
DRAWS = 64
AGREE = {"float32": 1e-3, "float64": 1e-8}

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
each_distribution = pytest.mark.parametrize("case", DISTRIBUTIONS, ids=lambda case: case.name)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


@functools.cache
def _model(case: Case, dtype: str, scale: float = 1.0) -> Any:
    """Return a flow at random parameters, a plain distribution at those of its line."""
    model = made(case)
    return cast(randomize(model, jax.random.key(SEED), scale) if case.composed else model, dtype)


def _condition(model: Any, dtype: str) -> Any:
    rng = np.random.default_rng(SEED)
    return of_shapes(lambda shape: jnp.asarray(rng.standard_normal((DRAWS, *shape)), dtype), model.cond_shape)


def _at(condition: Any, index: Any) -> Any:
    return jax.tree.map(lambda a: a[index], condition)


@functools.cache
def _draws(case: Case, dtype: str) -> tuple[jax.Array, jax.Array, Any]:
    """Return draws, their log-densities and their conditions."""
    model = _model(case, dtype)
    condition = _condition(model, dtype)
    shape = (DRAWS,) if condition is None else ()
    x, log_prob = model.sample_and_log_prob(jax.random.key(SEED), shape, condition)
    return x.astype(dtype), log_prob, condition


@functools.cache
def _gradients(case: Case, dtype: str) -> tuple[Any, Any, Any]:
    """Return the gradients of the sum of the draws' log-densities by parameters, draws and conditions."""
    model = _model(case, dtype)
    x, _, condition = _draws(case, dtype)
    params, static = eqx.partition(model, trainable(model))

    def total(params: Any, x: jax.Array, condition: Any) -> jax.Array:
        return jnp.sum(eqx.combine(params, static).log_prob(x, condition))

    # Their size, and that they are finite, is all that is asked: no optimization, whose time is most of a compilation.
    quick = {"xla_backend_optimization_level": 0}
    return jax.jit(jax.grad(total, (0, 1, 2)), compiler_options=quick)(params, x, condition)


@each_case
@each_dtype
def test_log_prob_of_a_draw_is_the_one_that_came_with_it(case: Case, dtype: str):
    """Rounding of x moves log p by its gradient."""
    model = _model(case, dtype)
    x, log_prob, condition = _draws(case, dtype)
    assert x.shape == (DRAWS, *model.shape)
    assert log_prob.shape == (DRAWS,)
    again = np.asarray(model.log_prob(x, condition))
    assert again.dtype == dtype
    assert np.all(np.isfinite(again))
    allowed = AGREE[dtype] * (1 + np.abs(again))
    if case.composed:
        slope, size = (np.abs(np.asarray(a)).reshape(DRAWS, -1) for a in (_gradients(case, dtype)[1], x))
        allowed += 16 * np.finfo(dtype).eps * slope.sum(axis=1) * (1 + size.max(axis=1))
    assert np.all(np.abs(again - log_prob) <= allowed)


@each_case
def test_sample_gives_the_draws_of_sample_and_log_prob(case: Case):
    model = _model(case, "float64")
    x, _, condition = _draws(case, "float64")
    shape = (DRAWS,) if condition is None else ()
    np.testing.assert_array_equal(model.sample(jax.random.key(SEED), shape, condition), x)
    assert np.unique(np.asarray(x).reshape(DRAWS, -1)[:, -1]).size == DRAWS


@each_distribution
def test_leading_axes_broadcast(case: Case):
    model = _model(case, "float64")
    x, _, condition = _draws(case, "float64")
    one = _at(condition, 0)
    whole = model.log_prob(x[:6].reshape(2, 3, *model.shape), one)
    assert whole.shape == (2, 3)
    np.testing.assert_allclose(whole[1, 2], model.log_prob(x[5], one), rtol=1e-10)
    if condition is not None:
        crossed = model.log_prob(x[:3], _at(condition, np.s_[:2, None]))
        assert crossed.shape == (2, 3)
        np.testing.assert_allclose(crossed[1, 2], model.log_prob(x[2], _at(condition, 1)), rtol=1e-10)
        assert model.sample(jax.random.key(0), (4,), _at(condition, np.s_[:2])).shape == (4, 2, *model.shape)
    assert model.log_prob(x[:0], one).shape == (0,)
    assert model.sample(jax.random.key(0), 5, one).shape == (5, *model.shape)


@each_case
def test_gradients_are_finite_and_none_is_idle(case: Case):
    if case.subject == "Uniform":
        pytest.skip("the density of a uniform distribution is constant")
    for path, leaf in jax.tree_util.tree_leaves_with_path(_gradients(case, "float64")):
        name = jax.tree_util.keystr(path)
        assert np.all(np.isfinite(leaf)), name
        if leaf.size and not name.endswith(tuple(case.dead)):
            assert np.any(np.asarray(leaf) != 0), name


@each_case
@each_dtype
def test_density_far_out_is_finite_or_zero_and_nan_stays_nan(case: Case, dtype: str):
    model = _model(case, dtype)
    far = np.resize([1e6, -1e6, 30.0, -30.0, 0.0, 1e-30, np.nan, np.nan], DRAWS)
    x = np.broadcast_to(far.reshape(-1, *[1] * len(model.shape)), (DRAWS, *model.shape))
    log_prob = np.asarray(model.log_prob(jnp.asarray(x, dtype), _condition(model, dtype)))
    np.testing.assert_array_equal(np.isnan(log_prob), np.isnan(far))
    assert np.all(log_prob[~np.isnan(far)] < np.inf)


@each_case
def test_wrong_shapes_are_refused_by_name(case: Case):
    model = made(case)
    condition = of_shapes(np.zeros, model.cond_shape)
    if model.shape:
        with pytest.raises(ValueError, match="`x` must be") as caught:
            model.log_prob(np.zeros((*model.shape[:-1], model.shape[-1] + 1)), condition)
        assert str(model.shape) in str(caught.value)
        assert str((*model.shape[:-1], model.shape[-1] + 1)) in str(caught.value)
    wrong = [np.zeros(9)] if condition is None else [None, np.zeros(9)]
    for given in wrong:
        with pytest.raises(ValueError, match="`condition` must be"):
            model.log_prob(np.zeros(model.shape), given)
        with pytest.raises(ValueError, match="`condition` must be"):
            model.sample(jax.random.key(0), (2,), given)
    for bad_shape in ((-1,), (2.0,), (True,)):
        with pytest.raises((ValueError, TypeError), match="sample_shape"):
            model.sample(jax.random.key(0), bad_shape, condition)


@each_case
def test_file_round_trip_keeps_every_bit_of_log_prob(case: Case, tmp_path: Any):
    model = _model(case, "float32")
    x, _, condition = _draws(case, "float32")
    pf.save(tmp_path / "model.pf", model)
    loaded = pf.load(tmp_path / "model.pf")
    before, after = (m.log_prob(x, condition) for m in (model, loaded))
    np.testing.assert_array_equal(np.asarray(after), np.asarray(before))


#: Flows that end at the values of pixels, by a map without parameters, the last of their chain; and those that change
#: another flow, or live on an interval.
OF_PIXELS = ("nice_image", "real_nvp_image", "glow", "tarflow")
ELSEWHERE = ("constrain", "temper", "guide", "jacobi", "dequantizer")


@pytest.mark.parametrize("case", [c for c in FLOWS if c.subject in OF_PIXELS], ids=lambda case: case.name)
def test_flow_of_images_starts_at_the_scale_of_pixels(case: Case):
    """At its initial parameters, with the way to pixels taken off, it permutes or turns the elements and no more."""
    bijection = made(case).bijection
    x, _, condition = _draws(case, "float64")
    for i in (0, 1):
        event, given = np.asarray(x)[i], None if condition is None else condition[i]
        pixels, log_det_of_pixels = bijection.bijections[-1].inverse_and_log_det(event)
        z, log_det = bijection.inverse_and_log_det(event, given)
        np.testing.assert_allclose(np.linalg.norm(z), np.linalg.norm(pixels), rtol=1e-12)
        np.testing.assert_allclose(log_det, log_det_of_pixels, rtol=1e-12)


@pytest.mark.parametrize(
    "case", [c for c in FLOWS if c.subject not in (*OF_PIXELS, *ELSEWHERE)], ids=lambda case: case.name
)
def test_flow_starts_at_its_base(case: Case):
    """At its initial parameters a flow permutes the elements and no more."""
    flow = made(case)
    x, condition = _draws(case, "float64")[::2]
    np.testing.assert_allclose(flow.log_prob(x, condition), flow.base.log_prob(x), rtol=1e-12)


@each_case
def test_density_integrates_to_one(case: Case):
    """By the trapezoidal rule on u, x = m + s sinh(u): dense in the bulk, far into power-law tails."""
    model = _model(case, "float64", 0.5)
    if np.prod(model.shape) > 2:
        pytest.skip("quadrature is for one and two dimensions")
    one = of_shapes(np.ones, model.cond_shape)
    draws = np.asarray(model.sample(jax.random.key(SEED), 2000, one)).reshape(2000, -1)
    dim = draws.shape[1]
    bounded = {"Uniform", "Pushforward"} & {case.subject}
    u = np.linspace(-9, 9, 20001) if dim == 1 else np.linspace(-5, 5, 701)
    axes, weights = [], []
    for column in draws.T:
        m, s = np.median(column), np.std(column) / (1 if dim == 1 else 2)
        axes.append(m + s * np.sinh(u))
        weights.append(s * np.cosh(u) * (u[1] - u[0]))
    grid = np.stack([g.reshape(-1) for g in np.meshgrid(*axes, indexing="ij")], -1).reshape(-1, *model.shape)
    weight = functools.reduce(np.multiply.outer, weights).reshape(-1)
    total = float(np.sum(np.exp(np.asarray(model.log_prob(grid, one))) * weight))
    # The trapezoidal rule is of first order at the jump at the end of a support.
    assert abs(total - 1) <= (1e-2 if bounded else 1e-3)


@each_case
@each_dtype
def test_draws_are_in_the_support(case: Case, dtype: str):
    assert _model(case, dtype).support.contains(_draws(case, dtype)[0]).all()
