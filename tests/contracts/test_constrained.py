"""Simplexes, increasing vectors and correlation matrices in floating point, where sums and gaps round away."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import bijections as b
from pushforward import supports as s

from ..conftest import SEED

MAPS = [b.StickBreaking(100), b.Ordered(100), b.CorrelationCholesky(15)]
each_map = pytest.mark.parametrize("bijection", MAPS, ids=lambda m: type(m).__name__)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def _wild(dim: int, dtype: str) -> jax.Array:
    """Return draws of scale 1 to 1e5, and equal elements of both signs."""
    rng = np.random.default_rng(SEED)
    rows = [scale * rng.standard_normal((20, dim)) for scale in (1.0, 5.0, 30.0, 1e3, 1e5)]
    return jnp.asarray(np.concatenate([*rows, [np.full(dim, v) for v in (0.0, 8.0, -8.0, 40.0, -40.0)]]), dtype)


@each_map
@each_dtype
def test_every_image_is_in_the_support_with_finite_gradients(bijection: Any, dtype: str):
    @jax.jit
    @jax.vmap
    def there_and_back(z: jax.Array) -> Any:
        (x, log_det), pull = jax.vjp(bijection.forward_and_log_det, z)
        (again, back), pull_back = jax.vjp(bijection.inverse_and_log_det, x)
        ones = (jnp.ones_like(x), jnp.ones_like(log_det))
        return x, log_det, again, back, pull(ones), pull_back(ones)

    results = there_and_back(_wild(bijection.shape[0], dtype))
    for leaf in jax.tree.leaves(results):
        assert leaf.dtype == dtype
        assert np.all(np.isfinite(leaf))


def test_equal_parts_and_no_correlation_at_zero():
    simplex, cholesky = b.StickBreaking(100), b.CorrelationCholesky(5)
    parts = jax.jit(lambda z: s.Simplex(100).parts(simplex.forward(z)))(jnp.zeros(100, "float32"))
    np.testing.assert_allclose(parts, 1 / 101, rtol=1e-5)
    matrix = jax.jit(lambda z: s.CorrelationCholesky(5).correlation(cholesky.forward(z)))(jnp.zeros(10))
    np.testing.assert_array_equal(matrix, np.eye(5))


def test_log_det_of_many_parts_in_float32():
    """Of log-densities of several thousand nats, as many digits as the dtype has."""
    simplex, z = b.StickBreaking(100), _wild(100, "float32")
    _, log_det = jax.jit(jax.vmap(simplex.forward_and_log_det))(z)
    after = np.arange(100, 0, -1)
    logit = np.asarray(z, float) - np.log(after)
    expected = -(np.logaddexp(0, -logit) + after * np.logaddexp(0, logit)).sum(axis=1)
    np.testing.assert_allclose(log_det, expected, rtol=2e-6)


def test_tiny_parts_keep_their_digits():
    simplex = b.StickBreaking(3)
    z = jnp.asarray([[-60.0, -70.0, 0.0], [-80.0, 1.0, -50.0]], "float32")
    again = jax.jit(jax.vmap(lambda z: simplex.inverse(simplex.forward(z))))(z)
    np.testing.assert_allclose(again, z, rtol=1e-5, atol=1e-5)


def test_last_part_is_exact():
    """1 - Σ x by plain sums in float32 is wrong by up to 1e-6: all digits of a last part that small."""
    rng = np.random.default_rng(SEED)
    x = rng.dirichlet([0.1] * 101, 200)[:, :100].astype("float32")
    x[:100] /= x[:100].sum(axis=1, keepdims=True) * np.float32(1 + 2e-6)
    last = np.asarray(s.Simplex(100).parts(x))[:, -1]
    exact = [1 - math.fsum(row) for row in x.tolist()]
    np.testing.assert_allclose(last, exact, rtol=1e-6, atol=1e-13)
    np.testing.assert_array_equal(s.Simplex(100).parts(x[0])[:-1], x[0])


def test_diagonal_of_a_factor_is_accurate():
    """Squares rounded to float32 would leave no digit of the diagonal here."""
    rng = np.random.default_rng(SEED)
    directions = rng.standard_normal((200, 3))
    rows = directions / np.linalg.norm(directions, axis=1, keepdims=True) * np.sqrt(1 - 2e-6)
    x = np.concatenate([np.zeros((200, 3)), rows], axis=1).astype("float32")
    factor = np.asarray(s.CorrelationCholesky(4).factor(x))
    exact = [1 - math.fsum(v**2 for v in row) for row in x[:, 3:].tolist()]
    np.testing.assert_allclose(factor[:, 3, 3] ** 2, exact, atol=1e-9)
    np.testing.assert_array_equal(factor[:, 3, :3], x[:, 3:])
    assert np.all(factor[:, *np.triu_indices(4, 1)] == 0)


@each_dtype
def test_correlation_matrices_near_singular(dtype: str):
    cholesky, onto = s.CorrelationCholesky(15), b.CorrelationCholesky(15)
    matrices = np.asarray(jax.jit(lambda z: cholesky.correlation(jax.vmap(onto.forward)(z)))(_wild(105, dtype)))
    assert matrices.dtype == dtype
    assert np.all(matrices[:, range(15), range(15)] == 1)
    np.testing.assert_array_equal(matrices, matrices.swapaxes(-1, -2))
    assert np.abs(matrices).max() <= 1
    assert np.linalg.eigvalsh(matrices.astype(float)).min() >= -50 * np.finfo(dtype).eps


def test_density_of_the_correlations_themselves():
    """C_ij for j < i as a function of the event, by autodiff."""
    cholesky, onto = s.CorrelationCholesky(4), b.CorrelationCholesky(4)
    below = np.tril_indices(4, -1)

    @jax.jit
    def at(z: jax.Array) -> Any:
        x = jax.vmap(onto.forward)(z)
        jacobian = jax.vmap(jax.jacobian(lambda x: cholesky.correlation(x)[below]))(x)
        return x, cholesky.correlation(x), jnp.linalg.slogdet(jacobian)[1], cholesky.correlation_log_det(x)

    x, matrices, expected, log_det = at(jnp.asarray(np.random.default_rng(SEED).standard_normal((5, 6))))
    np.testing.assert_allclose(log_det, expected, rtol=1e-9)
    # The recipe of the class's documentation gives the events back.
    again = np.linalg.cholesky(np.asarray(matrices))[:, *below]
    np.testing.assert_allclose(again, x, rtol=1e-9)


@each_dtype
def test_no_ties(dtype: str):
    """Gaps far below the spacing of numbers, at zero, at ±1 and far out."""
    ordered, gaps = b.Ordered(7), np.array([-1e3, -50.0, -17.0, -1e5, 0.5, -200.0])
    z = jnp.asarray([[first, *gaps] for first in (0.0, 1e-38, -1.0, 1.0, 1e6, -1e6)], dtype)
    x, log_det = jax.jit(jax.vmap(ordered.forward_and_log_det))(z)
    _, back = jax.jit(jax.vmap(ordered.inverse_and_log_det))(x)
    assert np.all(np.diff(x, axis=1) > 0)
    assert np.all(np.isfinite(back))
    np.testing.assert_allclose(log_det, -np.logaddexp(0, -gaps).sum(), rtol=1e-6)


@pytest.mark.parametrize(
    ("bijection", "x"),
    [
        (b.StickBreaking(2), [[0.5, 0.5], [0.0, 0.5], [1e38, 0.1], [np.inf, 0.1], [0.1, -np.inf], [-1e38, 1e38]]),
        (b.Ordered(2), [[1.0, 1.0], [1e38, -1e38], [np.inf, 0.0]]),
        (b.CorrelationCholesky(3), [[1.0, 0.0, 0.0], [0.1, 0.6, -0.8], [1e38, 0.1, 0.1], [0.0, 0.1, np.inf]]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_density_on_the_boundary_and_beyond(bijection: Any, x: list[list[float]]):
    _, log_det = jax.jit(jax.vmap(bijection.inverse_and_log_det))(jnp.asarray(x, "float32"))
    np.testing.assert_array_equal(log_det, -np.inf)


@pytest.mark.parametrize(
    "bijection", [b.Sigmoid((3,), -1.0, 2.0), b.NormalCDF((3,), -1.0, 2.0)], ids=lambda m: type(m).__name__
)
def test_gradients_with_respect_to_the_ends_of_an_interval_exist(bijection: Any):
    """A loop that differentiates all arrays, as `equinox.filter_grad` does, meets constants, too."""
    z = jnp.array([-200.0, 0.3, 200.0])
    slopes = eqx.filter_grad(lambda m: m.forward_and_log_det(z)[0].sum())(bijection)
    np.testing.assert_allclose(slopes.low + slopes.high, 1.0)


@pytest.mark.parametrize("make", [b.StickBreaking, b.Ordered, b.CorrelationCholesky], ids=lambda m: m.__name__)
def test_program_is_of_one_size(make: Any):
    """What is traced, and so compiled, does not grow with the number of elements."""

    def steps(bijection: Any) -> list[int]:
        z = jnp.zeros((*bijection.shape, 5))
        return [len(jax.make_jaxpr(go)(z, None).eqns) for go in (bijection._forward_batch, bijection._inverse_batch)]

    assert steps(make(3)) == steps(make(12))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: b.StickBreaking(0), "`dim` must be a positive integer; got 0."),
        (lambda: b.Ordered(0), "`dim` must be a positive integer; got 0."),
        (lambda: b.CorrelationCholesky(1), "`size` must be an integer of at least 2; got 1."),
    ],
)
def test_errors(call: Any, sentence: str):
    with pytest.raises(ValueError, match="must be") as caught:
        call()
    assert str(caught.value) == sentence
