"""The contract of the supports, and what maps and distributions say of theirs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward import bijections as b
from pushforward import supports as s

from ..cases import ADAPT, BIJECTIONS, FLOWS, IMAGES, SUPPORTS, Case
from ..conftest import SEED
from ..supports import Point, Points
from .study import bijection_of, made

DRAWS = 8

each_case = pytest.mark.parametrize("case", SUPPORTS + IMAGES, ids=lambda case: case.name)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def events(values: tuple[Point, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Return events of numbers, or events as they are."""
    full = [np.broadcast_to(np.asarray(v, float), shape) for v in values]
    return np.stack(full) if full else np.zeros((0, *shape))


def inside(points: Points, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return draws and ordinary events of a support."""
    draws = points.draw(np.random.default_rng(SEED).standard_normal((DRAWS, *shape)))
    return np.concatenate([draws, events(points.near + points.far, shape)]).astype(dtype)


def outside(points: Points, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return events outside a support."""
    return events(points.outside, shape).astype(dtype)


@each_case
@each_dtype
def test_membership(case: Case, dtype: str):
    support = made(case)
    within, beyond = inside(case.x, support.shape, dtype), outside(case.x, support.shape, dtype)
    assert support.contains(within).all()
    assert not support.contains(beyond).any()
    assert support.contains(within[None]).shape == (1, len(within))
    # Where a number is missing the density is NaN and not zero; no such event is in the set.
    for value in (np.nan, np.inf):
        within.reshape(len(within), -1)[:, 0] = value
        assert not support.contains(within).any()
    within.reshape(len(within), -1)[:, 0] = np.nan
    assert not support.outside(jnp.moveaxis(within, 0, -1)).any()


@each_case
def test_a_batch_is_its_events(case: Case):
    support = made(case)
    x = np.concatenate([inside(case.x, support.shape, "float64")[:2], outside(case.x, support.shape, "float64")[:2]])
    batch = jnp.moveaxis(x, 0, -1)
    for go in (support.outside, support.features):
        each = np.stack([go(jnp.asarray(event)) for event in x], axis=-1)
        np.testing.assert_array_equal(go(batch), each)
        np.testing.assert_array_equal(go(batch[..., None]), each[..., None])


@each_case
@each_dtype
def test_features(case: Case, dtype: str):
    support = made(case)
    x = inside(case.x, support.shape, dtype)
    features = support.features(jnp.moveaxis(x, 0, -1))
    assert features.shape == (support.num_features, len(x))
    assert features.dtype == dtype
    assert np.isfinite(features).all()


def test_what_networks_see():
    np.testing.assert_array_equal(s.Categories(3, (2,)).features(jnp.array([2.0, 0.0])), [0, 0, 1, 1, 0, 0])
    assert np.isnan(s.Categories(3).features(jnp.array(jnp.nan))).all()
    np.testing.assert_allclose(s.Circle(360.0).features(jnp.array([0.0, 90.0])), [[1, 0], [0, 1]], atol=1e-6)
    product = s.Product([s.Positive((1,)), s.Circle(24.0, (1,))])
    np.testing.assert_allclose(product.features(jnp.array([7.0, 12.0])), [7, -1, 0], atol=1e-6)


@each_case
def test_words(case: Case):
    support = made(case)
    assert support.explain(inside(case.x, support.shape, "float64")[0]) == ""
    for event in outside(case.x, support.shape, "float64"):
        assert ", not " in support.explain(event)
    assert support.explain(np.full(support.shape, np.nan)).endswith("is nan, not a finite number")


@pytest.mark.parametrize(
    ("support", "x", "words"),
    [
        (s.Positive(), -1.0, "it is -1.0, not positive"),
        (s.Interval(0, [1.0, 1.0]), [0.5, 1.0], "element 1 is 1, not in (0, 1)"),
        (s.Interval(0, [1.0, 2.0]), [0.5, 2.0], "element 1 is 2, not between the ends of its interval"),
        (s.Ordered(2), [2.0, 1.0], "it is [2.0, 1.0], not increasing"),
        (s.IntegerRange(0, 9), 9.5, "it is 9.5, not a whole number from 0 to 9"),
        (s.IntegerRange(1), 0.0, "it is 0.0, not a whole number of at least 1"),
        (s.Circle(360.0, (1, 1)), [[360.0]], "element (0, 0) is 360, not an angle of [0, 360)"),
        (
            s.Product([s.Real((1,)), s.Positive((2,)), s.Ordered(2)]),
            [1.0, 2.0, -3.0, 1.0, 1.0],
            "in part 1, element 1 is -3, not positive; in part 2, it is [1.0, 1.0], not increasing",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_sentences(support: Any, x: Any, words: str):
    assert support.explain(x) == words


@each_case
def test_bijection_from_the_line(case: Case):
    support = made(case)
    if "onto" in case.known:
        with pytest.raises(ValueError, match="`support` must be one that all real arrays can be mapped onto; got"):
            b.onto(support)
        return
    bijection = b.onto(support)
    assert b.image(bijection, s.Real(support.shape)).equals(support)
    z = np.random.default_rng(SEED).standard_normal((DRAWS, *support.shape)) * 3
    assert support.contains(jax.vmap(bijection.forward)(z)).all()
    if len(beyond := outside(case.x, support.shape, "float64")):
        np.testing.assert_array_equal(jax.vmap(bijection.inverse_and_log_det)(beyond)[1], -np.inf)


@each_case
def test_file_round_trip(case: Case):
    loaded = pf.io.from_bytes(pf.io.to_bytes(made(case)))
    assert loaded.equals(made(case))


@pytest.mark.parametrize("case", BIJECTIONS + FLOWS + ADAPT, ids=lambda case: case.name)
def test_image_of_a_map(case: Case):
    """A map that is bounded says so: what no map onto a support is part of puts real arrays onto all real arrays."""
    bijection = bijection_of(made(case))
    found = b.image(bijection, case.z.of(bijection.shape))
    assert isinstance(found, s.Real) == (not case.x.outside) or "image" in case.known
    assert found.contains(inside(case.x, bijection.shape, "float64")).all()
    assert not found.contains(outside(case.x, bijection.shape, "float64")).any()


def test_image_of_what_is_bounded():
    twice = b.Standardize([0.0, 0.0], [2.0, 2.0])
    shifted = b.image(b.Chain([b.LULinear(2), b.Exp((2,)), twice, twice]), s.Real((2,)))
    assert isinstance(shifted, b.Image)
    assert (
        shifted.rule == "what Standardize makes of an event that is what Standardize makes of an event that is positive"
    )
    sides = b.image(b.Concatenate([b.Exp((1,)), b.Ordered(2)]), s.Real((3,)))
    assert sides.equals(s.Product([s.Positive((1,)), s.Ordered(2)]))
    assert b.image(b.Concatenate([b.Invert(b.Exp((1,))), b.Invert(b.Ordered(2))]), sides).equals(s.Real((3,)))
    assert isinstance(b.image(b.Reshape(b.Exp((4,)), (2, 2)), s.Real((2, 2))), b.Image)
    conditional = pf.flows.real_nvp(jax.random.key(0), 2, cond_dim=1, layers=1, hidden=(4,)).bijection
    with pytest.raises(ValueError, match=r"`bijection` must be unconditional; got `cond_shape \(1,\)`\. The support"):
        b.image(b.Chain([b.Exp((2,)), conditional]), s.Real((2,)))
    with pytest.raises(ValueError, match=r"`support` must be of the map's shape \(2,\); got \(3,\)"):
        b.image(twice, s.Real((3,)))


def test_support_of_a_mixture():
    d = pf.distributions
    same = d.Mixture([d.Uniform([0.0], [1.0]), d.Uniform([0.0], [1.0])])
    assert same.support.equals(s.Interval([0.0], [1.0]))
    apart = d.Mixture([d.Uniform(0.0, 1.0), d.Uniform(2.0, 3.0)])
    np.testing.assert_array_equal(apart.support.contains([0.5, 1.5, 2.5]), [True, False, True])
    np.testing.assert_array_equal(apart.log_prob([0.5, 1.5, 2.5]) > -np.inf, [True, False, True])


def test_supports_inside_a_program():
    """What is not known while it is traced is no reason to fail, and no two unknown supports are taken for one."""

    @jax.jit
    def go(high: Any, x: Any) -> Any:
        support = b.image(b.Sigmoid((), 0.0, high), s.Real())
        return support.contains(x), support.equals(s.Interval(0.0, high + 1.0)), support.equals(support)

    inside_it, equal, same = go(2.0, jnp.array([1.0, 3.0]))
    np.testing.assert_array_equal(inside_it, [True, False])
    assert not equal
    assert same


def test_whole_numbers_of_numpy():
    two = np.int64(2)
    whole = [
        s.Ordered(two),
        s.Simplex(two),
        s.Sphere(two - 1),
        s.CorrelationCholesky(two),
        s.IntegerRange(two, two + 1),
    ]
    whole += [s.Categories(two), s.Product([s.Real((2,))], np.int32(0)), s.Real((two,))]
    for support in whole:
        assert pf.io.from_bytes(pf.io.to_bytes(support)).equals(support)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: s.Interval(1.0, 1.0),
            "`low` must be finite and below `high`, finite too; got `low = 1.0, high = 1.0`.",
        ),
        (lambda: s.Simplex(0), "`dim` must be a positive integer; got 0."),
        (lambda: s.Ordered(0), "`dim` must be a positive integer; got 0."),
        (lambda: s.Sphere(0), "`dim` must be a positive integer; got 0."),
        (lambda: s.CorrelationCholesky(1), "`size` must be an integer of at least 2; got 1."),
        (lambda: s.IntegerRange(3, 2), "`high` must be at least `low`, 3; got 2."),
        (lambda: s.IntegerRange(True), "`low` must be an integer; got True."),
        (lambda: s.Categories(0), "`categories` must be a positive integer; got 0."),
        (lambda: s.Categories(["a", "a"]), "`categories` must be names that differ; got ['a', 'a']."),
        (lambda: s.Circle(0.0), "`period` must be positive and finite; got 0.0."),
        (lambda: s.Product([]), "`supports` must be at least one support; got ()."),
        (
            lambda: s.Product([s.Real((2,)), s.Real((2, 1))]),
            "`supports` must be of shapes that agree but on axis 0; got [(2,), (2, 1)].",
        ),
        (
            lambda: s.Union([s.Real(), s.IntegerRange()]),
            "`supports` must be of one measure; got ['lebesgue', 'counting'].",
        ),
        (lambda: s.Real((2,)).contains(np.zeros(3)), "`x` must be of trailing shape (2,); got `shape (3,)`."),
        (lambda: s.Real((2,)).explain(np.zeros(3)), "`x` must be one event, of shape (2,); got `shape (3,)`."),
        (lambda: s.Simplex(2).parts(np.zeros(3)), "`x` must be of shape (..., 2); got `shape (3,)`."),
        (lambda: s.CorrelationCholesky(3).factor(np.zeros(2)), "`x` must be of shape (..., 3); got `shape (2,)`."),
    ],
)
def test_errors(call: Any, sentence: str):
    with pytest.raises(ValueError, match="must be") as caught:
        call()
    assert str(caught.value) == sentence
