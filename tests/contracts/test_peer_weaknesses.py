"""One test for each numerical weakness found in other packages that a part of this one could share.

Each docstring says what breaks, and where it was seen.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward import bijections as b
from pushforward import distributions as d
from pushforward import univariate as u
from pushforward._fields import trainable

from ..cases import cast, randomize
from ..conftest import SEED

KEY = jax.random.key(SEED)
DTYPES = ("float32", "float64")
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


def _spline_points(dtype: str, scale: float, n: int, bins: int = 8) -> tuple[u.RationalQuadratic, jax.Array, jax.Array]:
    spline = u.RationalQuadratic(bins=bins, bound=3.0)
    rng = np.random.default_rng(SEED)
    params = jnp.asarray(scale * rng.standard_normal((n, spline.num_params)), dtype)
    return spline, jnp.asarray(rng.uniform(-3, 3, n), dtype), params


@pytest.mark.parametrize("scale", [3.0, 6.0])
def test_spline_root_with_a_negative_discriminant(scale: float):
    """Unclamped sqrt(b² - 4ac): NaN, or an assertion (zuko, flowjax, nflows #87, normflows, FrEIA)."""
    spline, x, params = _spline_points("float32", scale, 100_000)
    z, log_derivative = jax.jit(spline.inverse_and_log_derivative)(x, params)
    assert np.all(np.isfinite(z))
    assert np.all(np.isfinite(log_derivative))


@pytest.mark.parametrize(("scale", "bound"), [(1.0, 1e-4), (3.0, 1e-4)])
def test_spline_inverse_without_a_perturbed_denominator(scale: float, bound: float):
    """A constant added to the denominator of the root: backward error 1e-3 to 1e-2 in float32 (bijx)."""
    spline, x, params = _spline_points("float32", scale, 100_000)
    z, _ = jax.jit(spline.inverse_and_log_derivative)(x, params)
    again, _ = jax.jit(spline.forward_and_log_derivative)(z, params)
    assert np.max(np.abs(np.asarray(again) - np.asarray(x)) / (1 + np.abs(np.asarray(x)))) <= bound


@each_dtype
def test_spline_gradient_at_a_double_root_and_at_knots(dtype: str):
    """Gradient of a square root at zero; NaN gradients at knots and out of bounds (distrax tests, flowjax #239)."""
    spline = u.RationalQuadratic(bins=4, bound=2.0)
    knots = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, -7.0, 7.0], dtype)
    beside = [np.nextafter(knots, np.inf, dtype=dtype), np.nextafter(knots, -np.inf, dtype=dtype)]
    at = jnp.asarray(np.concatenate([knots, *beside]))

    def total(at: jax.Array, params: jax.Array) -> jax.Array:
        z, log_derivative = spline.inverse_and_log_derivative(at, jnp.tile(params, (at.size, 1)))
        return jnp.sum(z + log_derivative)

    gradient = jax.jit(jax.grad(total, (0, 1)))
    # Steep and flat slopes at the knots of equal bins: the quadratic has a double root at an end of a bin.
    for slope in (-40.0, -8.0, 0.0, 8.0, 40.0):
        for leaf in gradient(at, jnp.zeros(spline.num_params, dtype).at[8:].set(slope)):
            assert np.all(np.isfinite(leaf)), slope


@each_dtype
def test_spline_derivative_is_right_at_a_knot(dtype: str):
    """A clip of the position in a bin halves or drops the derivative where it is attained, at the knots."""
    spline = u.RationalQuadratic(bins=4, bound=2.0)
    at = jnp.asarray([-2.0, -1.0, 0.0, 1.0, 2.0], dtype)
    params = jnp.zeros(spline.num_params, dtype).at[8:].set(jnp.asarray([1.0, -1.0, 2.0], dtype))
    for go in (spline.forward_and_log_derivative, spline.inverse_and_log_derivative):
        slope = jax.jit(jax.vmap(jax.grad(lambda v, go=go: go(v, params)[0])))(at)
        log_derivative = jax.jit(jax.vmap(lambda v, go=go: go(v, params)[1]))(at)
        np.testing.assert_allclose(np.log(slope), log_derivative, atol=1e-5)


@pytest.mark.parametrize("bound", [32.0, 1e3, 1e5])
def test_spline_of_a_large_domain_at_its_upper_end(bound: float):
    """The last knot moved by 1e-6, lost in float32 beyond 32: index out of range (nflows, normflows)."""
    spline = u.RationalQuadratic(bins=8, bound=bound)
    end = np.float32(bound)
    at = jnp.asarray([end, np.nextafter(end, np.float32(0)), np.nextafter(end, np.float32(np.inf)), -end])
    params = jnp.asarray(np.random.default_rng(SEED).standard_normal((4, spline.num_params)), "float32")
    for go in (spline.forward_and_log_derivative, spline.inverse_and_log_derivative):
        value, _ = go(at, params)
        np.testing.assert_allclose(value, at, rtol=1e-4)


@pytest.mark.parametrize("go_inverse", [False, True])
def test_spline_has_no_domain_to_leave(go_inverse: bool):
    """InputOutsideDomain while training (nflows); a mask by the wrong knots (FrEIA); [0, 1] only (bijx)."""
    spline = u.RationalQuadratic(bins=8, bound=3.0)
    at = jnp.asarray([-1e6, -3.5, 3.5, 1e6], "float32")
    params = jnp.asarray(3 * np.random.default_rng(SEED).standard_normal((4, spline.num_params)), "float32")
    go = spline.inverse_and_log_derivative if go_inverse else spline.forward_and_log_derivative
    value, log_derivative = go(at, params)
    np.testing.assert_array_equal(value, at)
    np.testing.assert_array_equal(log_derivative, 0)


def test_spline_settings_reach_the_spline():
    """Minimum bin and slope accepted, stored and not used (bijx)."""
    params = jnp.asarray(3 * np.random.default_rng(SEED).standard_normal(23))
    at = jnp.asarray(0.7)
    values = {
        float(u.RationalQuadratic(**settings).forward_and_log_derivative(at, params)[0])
        for settings in [dict[str, Any](), {"min_bin": 0.1}, {"min_slope": 0.5}, {"bound": 2.0}]
    }
    assert len(values) == 4


@each_dtype
def test_bounded_log_scale_keeps_its_gradient(dtype: str):
    """A clamped log-scale has no gradient (nflows coupling.py:225), an unbounded one overflows (normflows)."""
    affine = u.Affine()
    raw = jnp.asarray([-1e4, -50.0, 0.0, 50.0, 1e4], dtype)

    def log_scale(raw: jax.Array) -> jax.Array:
        return affine.forward_and_log_derivative(jnp.ones((), dtype), jnp.stack([jnp.zeros((), dtype), raw]))[1]

    slope = jax.vmap(jax.grad(log_scale))(raw)
    assert np.all(np.asarray(slope) > 0)
    assert np.all(np.abs(jax.vmap(log_scale)(raw)) <= affine.max_log_scale)


@pytest.mark.parametrize("z", [9.5, 12.0, 17.0, 40.0, 90.0])
def test_log_det_of_saturated_maps_in_float32(z: float):
    """log(1 - y²) is -15.94 for -17.61 at 9.5 and -inf at 12 (nflows); log y + log(1 - y) is -inf at 17 (bijx)."""
    at = jnp.asarray([z, -z], "float32")
    exact = np.float64(z)
    _, log_det = b.Tanh((2,)).forward_and_log_det(at)
    np.testing.assert_allclose(log_det, 4 * (np.log(2) - exact - np.log1p(np.exp(-2 * exact))), rtol=1e-6)
    _, log_det = b.Sigmoid((2,)).forward_and_log_det(at)
    np.testing.assert_allclose(log_det, 2 * (-exact - 2 * np.log1p(np.exp(-exact))), rtol=1e-6)


@pytest.mark.parametrize(
    "bijection",
    [b.Tanh((2,)), b.Sigmoid((2,)), b.Sigmoid((2,), -5.0, 1.0), b.NormalCDF((2,)), b.NormalCDF((2,), -5.0, 1.0)],
    ids=["tanh", "sigmoid", "interval", "normal-cdf", "normal-cdf-interval"],
)
@pytest.mark.parametrize("far", [50.0, 1000.0])
@each_dtype
def test_saturated_values_can_be_inverted(bijection: Any, far: float, dtype: str):
    """arctanh(±1) = inf, logit(0) and logit(1): a draw that rounded to an end has no density (flowjax, distrax #7)."""
    bijection = cast(bijection, dtype)
    at = jnp.asarray([far, -far], dtype)
    x, _ = bijection.forward_and_log_det(at)
    z, log_det = bijection.inverse_and_log_det(x)
    assert np.all(np.isfinite(z))
    assert np.isfinite(log_det)
    gradient = jax.grad(lambda x: bijection.inverse_and_log_det(x)[1])(x)
    assert np.all(np.isfinite(gradient))
    again, _ = bijection.forward_and_log_det(z)
    np.testing.assert_allclose(again, x, rtol=1e-6, atol=1e-6)


@each_dtype
def test_softplus_neither_overflows_nor_cancels(dtype: str):
    """log(1 + exp z) is inf at 89, log(exp x - 1) is -inf at 1e-8 (pzflow, normflows planar)."""
    softplus = b.Softplus((1,))
    for z in (-80.0, -20.0, 0.0, 20.0, 89.0, 1e4, 1e6):
        x, log_det = softplus.forward_and_log_det(jnp.asarray([z], dtype))
        assert np.isfinite(x[0])
        assert np.isfinite(log_det)
        if z > -20:
            np.testing.assert_allclose(softplus.inverse(x), [z], rtol=1e-5)
    for x in (1e-30, 1e-8, 1e-3, 1.0, 100.0, 1e6):
        z, log_det = softplus.inverse_and_log_det(jnp.asarray([x], dtype))
        np.testing.assert_allclose(softplus.forward(z), [x], rtol=1e-4)
        assert np.isfinite(log_det)


@pytest.mark.parametrize(
    ("bijection", "x"),
    [
        (b.Exp(()), [0.0, -1.0]),
        (b.Softplus(()), [0.0, -1.0]),
        (b.Sigmoid((), -1.0, 2.0), [-1.0, 2.0, -5.0, 1e6]),
        (b.NormalCDF((), -1.0, 2.0), [-1.0, 2.0, -5.0, 1e6]),
        (b.Tanh(()), [1.0, -1.0, 4.0]),
    ],
    ids=["exp", "softplus", "sigmoid", "normal-cdf", "tanh"],
)
def test_outside_the_support_the_density_is_zero_and_nan_is_nan(bijection: Any, x: list[float]):
    """NaN reported as -inf hides a failure (flowjax, pzflow); a support that is ignored (normflows UniformGaussian)."""
    flow = d.Pushforward(d.StandardNormal(()), bijection)
    assert np.all(np.asarray(flow.log_prob(np.array(x))) == -np.inf)
    assert np.isnan(flow.log_prob(np.nan))
    gradient = jax.vmap(jax.grad(flow.log_prob))(jnp.asarray(x))
    assert np.all(np.isfinite(gradient))


def test_uniform_has_no_floor_outside_its_support():
    """-1e10 instead of -inf outside (sbibm); NaN turned into a number."""
    assert np.asarray(d.Uniform(0.0, 1.0).log_prob(np.array([-0.1, 1.1]))).tolist() == [-np.inf, -np.inf]
    assert np.isnan(d.Uniform(0.0, 1.0).log_prob(np.nan))


@pytest.mark.parametrize("make", [pf.flows.maf, pf.flows.iaf, pf.flows.nice, pf.flows.real_nvp])
@pytest.mark.parametrize("cond_dim", [0, 2])
def test_one_dimension(make: Any, cond_dim: int):
    """The modulus by dim - 1 in the degrees of a masked network is zero for one element (flowjax)."""
    flow = randomize(make(KEY, 1, cond_dim=cond_dim, layers=2, hidden=(4,)), KEY, 1.0)
    condition = np.ones(cond_dim) if cond_dim else None
    x, log_prob = flow.sample_and_log_prob(KEY, (3,), condition)
    np.testing.assert_allclose(flow.log_prob(x, condition), log_prob, rtol=1e-9)


def test_gradient_with_respect_to_the_condition_goes_through_both_directions():
    """A condition given by keyword to a custom derivative, or cut off, has no gradient (flowjax)."""
    bijection = b.Autoregressive.mlp(KEY, u.Affine(), 3, cond_dim=2, network=pf.networks.MLPSettings((8,)))
    bijection = randomize(bijection, KEY, 1.0)
    event, condition = jnp.ones(3), jnp.ones(2)
    for go in (bijection.forward, bijection.inverse):
        gradient = jax.grad(lambda c, go=go: go(event, c).sum())(condition)
        assert np.all(np.asarray(gradient) != 0)


def test_inverse_has_no_search_interval():
    """Bisection on [-10, 10] (zuko) or ±20 (nflows) saturates silently beyond it."""
    bijection = randomize(b.Autoregressive.mlp(KEY, u.Affine(), 3, network=pf.networks.MLPSettings((8,))), KEY, 1.0)
    for size in (1e2, 1e4, 1e6):
        z = jnp.asarray([size, -size, size])
        np.testing.assert_allclose(bijection.inverse(bijection.forward(z)), z, rtol=1e-9)


def test_coupling_does_not_evaluate_what_passes_through():
    """A map evaluated on the elements that a mask then discards: NaN gradients through `where` (distrax)."""
    bijection = randomize(b.Coupling.mlp(KEY, u.Affine(), 4, network=pf.networks.MLPSettings((8,))), KEY, 1.0)
    huge = jnp.asarray([1e-30, 1e-30, 1.0, 1.0])
    gradient = jax.grad(lambda z: bijection.forward_and_log_det(z)[1])(huge)
    assert np.all(np.isfinite(gradient))


def test_log_det_sums_over_dimensions_and_scales():
    """log(scale ** dim) and log(1 / prod(scale)) overflow (pzflow, normflows); a mean, not a sum (TarFlow)."""
    dim = 200
    for scale in (1e-30, 1e30):
        bijection = b.Standardize(np.zeros(dim, "float32"), np.full(dim, scale, "float32"))
        _, log_det = bijection.forward_and_log_det(np.zeros(dim, "float32"))
        np.testing.assert_allclose(log_det, dim * np.log(scale), rtol=1e-5)


def test_linear_diagonal_cannot_vanish():
    """An unconstrained LU diagonal reaches zero, where the map has no inverse (zuko)."""
    linear = eqx.tree_at(lambda m: m.diagonal, b.LULinear(3), jnp.asarray([-30.0, 0.0, 30.0]))
    z = jnp.asarray([1.0, -2.0, 3.0])
    x, log_det = linear.forward_and_log_det(z)
    assert np.isfinite(log_det)
    np.testing.assert_allclose(linear.inverse(x), z, rtol=1e-6)


def test_householder_of_a_zero_vector_is_the_identity():
    """v vᵀ / |v|² of a zero vector is 0 / 0, and of a tiny or huge one under- or overflows."""
    for size in (0.0, 1e-30, 1e-5, 1e30):
        reflection = b.Householder(KEY, 3, 1)
        vectors = (size * jnp.asarray([[1.0, 2.0, -2.0]])).astype("float32")
        reflection = eqx.tree_at(lambda m: m.vectors, reflection, vectors)
        z = jnp.asarray([1.0, -1.0, 0.5], "float32")
        x = reflection.forward(z)
        np.testing.assert_allclose(np.linalg.norm(x), np.linalg.norm(z), rtol=1e-5)
        params, static = eqx.partition(reflection, trainable(reflection))
        gradient = jax.grad(lambda m, static=static, z=z: eqx.combine(m, static).forward(z)[0])(params)
        assert np.all(np.isfinite(gradient.vectors))


@each_dtype
def test_log_dets_are_arrays_of_the_dtype(dtype: str):
    """An integer 0 for a log-determinant, float32 accumulators under float64 (normflows)."""
    event = jnp.ones(3, dtype)
    maps = [
        b.Identity((3,)),
        b.Permute.reverse(3),
        b.Elementwise(u.Shift(), (3,)),
        b.LULinear(3),
        b.Householder(KEY, 3),
    ]
    for bijection in (*maps, b.Chain(maps)):
        for go in (cast(bijection, dtype).forward_and_log_det, cast(bijection, dtype).inverse_and_log_det):
            _, log_det = go(event)
            assert isinstance(log_det, jax.Array)
            assert log_det.dtype == dtype
            assert log_det.shape == ()


def test_inputs_are_not_changed():
    """A shift applied in place to the caller's tensor (normflows); in-place knots (nflows)."""
    x = np.array([0.5, -0.5, 2.0])
    kept = x.copy()
    flow = randomize(pf.flows.real_nvp(KEY, 3, layers=1, hidden=(4,)), KEY, 1.0)
    flow.log_prob(x)
    flow.bijection.forward(x)
    np.testing.assert_array_equal(x, kept)


def test_a_result_does_not_depend_on_its_batch_mates():
    """An error norm or a step size taken over the whole batch couples its rows (zuko, flowjax root finding)."""
    flow = randomize(pf.flows.maf(KEY, 3, layers=2, hidden=(8,)), KEY, 1.0)
    x = np.random.default_rng(SEED).standard_normal((5, 3))
    wild = np.concatenate([x, np.full((1, 3), 1e6), np.full((1, 3), np.nan)])
    np.testing.assert_allclose(flow.log_prob(wild)[:5], flow.log_prob(x), rtol=1e-12)


@pytest.mark.parametrize("make", [pf.flows.nsf, pf.flows.maf, pf.flows.real_nvp], ids=lambda make: make.__name__)
def test_a_row_far_out_leaves_the_gradient_usable(make: Any):
    """One wrong cell, 110 standard deviations out, amplified by each layer: a gradient whose square overflows.

    Optimizers square gradients, so that every batch with this row would be skipped, and the row never learned. (Seen
    here: a wind speed of 1048 mph in the weather table.)
    """
    for seed in range(3):
        flow = randomize(make(jax.random.key(seed), 4, hidden=(64, 64)), jax.random.key(seed + 10), 1.0)
        params, static = eqx.partition(cast(flow, "float32"), trainable(flow))

        @jax.jit
        def squares(params: Any, x: jax.Array, static: Any = static) -> jax.Array:
            grads = jax.grad(lambda params: eqx.combine(params, static).log_prob(x))(params)
            return jnp.sum(jnp.stack([jnp.vdot(g, g) for g in jax.tree.leaves(grads)]))

        assert squares(params, jnp.full(4, 110.0, jnp.float32)) < 1e30


@each_dtype
def test_tails_of_student_t_and_logistic(dtype: str):
    """exp and squares that overflow far out: inf or NaN for a density that is small (bijx log cosh, normflows)."""
    at = jnp.asarray([1e2, 1e6, -1e6, 1e20, -1e30], dtype)
    for distribution in (d.StudentT(3.0), d.Logistic(0.0, 1.0)):
        distribution = cast(distribution, dtype)
        log_prob = jax.vmap(distribution.log_prob)(at)
        assert np.all(np.isfinite(log_prob))
        assert np.all(np.isfinite(jax.vmap(jax.grad(distribution.log_prob))(at)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_draw_has_the_dtype_of_the_parameters(dtype: str):
    """Noise drawn in the default dtype turns a float32 model into a float64 one (device and dtype leaks: normflows)."""
    for distribution in (
        d.Normal(0.0, 1.0),
        d.MultivariateNormal([0.0], [[1.0]]),
        pf.flows.real_nvp(KEY, 2, hidden=(4,)),
    ):
        x = cast(distribution, dtype).sample(KEY, (2,))
        assert x.dtype == dtype, type(distribution).__name__
