"""The bijections."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from pushforward import bijections as b
from pushforward import flows as f
from pushforward import networks as c
from pushforward import univariate as u

from ..supports import CENTRAL, MODERATE, POSITIVE, cholesky_factors, increasing, interval, simplex
from ._case import Case
from .networks import SEES_NOTHING, SMALL, transformer
from .univariate import spline

CONDITIONING = (
    "at random parameters the Jacobian has condition number 1e5 and more: the last digits of z are whole units of x"
)
EMPTY = "the strict triangle of a 1 x 1 matrix is empty"
AMPLIFIED = (
    "one element's rounding enters the next element's spline through the network: error 1.06e-4 where 1e-4 is asked "
    "for, and 1.4e-3 in the log-determinant where 1e-3 is; float64 keeps its bounds"
)
ONE = "a vector of one element is increasing, whatever it is"
UNFITTED = "its coefficients are zero until it is fitted"


def layers(n: int, make: Callable[[jax.Array], Any]) -> Callable[[jax.Array], list[Any]]:
    """Return a function that builds n of what `make` builds."""
    return lambda key: [make(k) for k in jax.random.split(key, n)]


def coupling(
    key: jax.Array,
    dim: int = 3,
    univariate: Any = None,
    cond_dim: int = 0,
    hidden: tuple[int, ...] = SMALL,
    **more: Any,
) -> b.Coupling:
    """Return a small coupling of a vector, affine unless said otherwise."""
    univariate = univariate or u.Affine()
    return b.Coupling.mlp(key, univariate, dim, cond_dim=cond_dim, network=c.MLPSettings(hidden, **more))


def autoregressive(
    key: jax.Array,
    dim: int = 3,
    univariate: Any = None,
    cond_dim: int = 0,
    order: tuple[int, ...] | None = None,
    hidden: tuple[int, ...] = SMALL,
    **more: Any,
) -> b.Autoregressive:
    """Return a small autoregressive map, affine unless said otherwise."""
    network = c.MLPSettings(hidden, **more)
    return b.Autoregressive.mlp(key, univariate or u.Affine(), dim, cond_dim=cond_dim, order=order, network=network)


def _scales(key: jax.Array) -> Any:
    """Return Glow less its map to pixels, which at random parameters of 16 elements leaves a determinant no digit."""
    flow: Any = f.glow(key, (4, 4, 1), scales=2, steps=1, width=4, cond_dim=2)
    return flow.bijection.bijections[0]


def _conv_coupling(key: jax.Array, shape: tuple[int, int, int], split: Any, cond_dim: int = 0) -> b.Coupling:
    (height, width, seen), (_, _, moved) = split.shapes(shape)
    network = c.ConvNet(key, (height, width, seen), (height, width, moved, 2), width=4, blocks=1, cond_dim=cond_dim)
    return b.Coupling(network, u.Affine(), split, shape)


def _turned(key: jax.Array) -> b.Chain:
    return b.Chain([autoregressive(key), b.Permute.reverse(3)])


def _deep(key: jax.Array) -> b.Chain:
    parts: list[Any] = []
    for k in jax.random.split(key, 4):
        parts += [coupling(k, cond_dim=2), b.LULinear(3), b.Permute.random(k, 3)]
    return b.Chain(parts)


def _nested(key: jax.Array) -> b.Chain:
    one, two = jax.random.split(key)
    inner = b.Chain([b.Elementwise(u.Affine(), (4,)), b.Invert(coupling(one, 4, cond_dim=2))])
    return b.Chain([b.Reshape(inner, (2, 2)), b.Invert(b.Reshape(autoregressive(two, 4), (2, 2)))])


NO_SCALE = {".weights[0]": SEES_NOTHING}
NOISE = [[1.0, 0.0, 0.0], [0.5, 2.0, 0.0], [-3.0, 0.1, 0.3]]

BIJECTIONS = [
    Case("Identity:", lambda key: b.Identity((3,)), start="identity"),
    Case("Identity:scalar", lambda key: b.Identity(()), start="identity"),
    Case("Flip:", lambda key: b.Flip(4)),
    Case("Flip:one", lambda key: b.Flip(1)),
    Case("Permute:given", lambda key: b.Permute([2, 0, 3, 1])),
    Case("Permute:reverse", lambda key: b.Permute.reverse(4)),
    Case("Permute:random", lambda key: b.Permute.random(key, 5)),
    Case("Reshape:conditional", lambda key: b.Reshape(coupling(key, 4, cond_dim=2), (2, 2)), start="identity"),
    Case("Reshape:scalar", lambda key: b.Reshape(b.Elementwise(u.Affine(), (1,)), ()), start="identity"),
    Case("Elementwise:shift", lambda key: b.Elementwise(u.Shift(), (2, 2)), start="identity"),
    Case("Elementwise:affine", lambda key: b.Elementwise(u.Affine(), (3,)), start="identity"),
    Case("Elementwise:affine-scalar", lambda key: b.Elementwise(u.Affine(), ()), start="identity"),
    Case("Elementwise:spline", lambda key: b.Elementwise(spline(), (2,)), start="identity"),
    Case("Coupling:affine", lambda key: coupling(key, 4), start="identity"),
    Case("Coupling:affine-one", lambda key: coupling(key, 1), start="identity"),
    Case("Coupling:affine-one-conditional", lambda key: coupling(key, 1, cond_dim=2), start="identity"),
    Case(
        "Coupling:shift-conditional",
        lambda key: coupling(key, 5, u.Shift(), cond_dim=2),
        start="identity",
    ),
    Case(
        "Coupling:residual",
        lambda key: coupling(key, hidden=(6, 6, 6), residual=True, activation="tanh"),
        start="identity",
    ),
    Case(
        "Coupling:spline-conditional",
        lambda key: coupling(key, 3, spline(), cond_dim=2),
        start="identity",
    ),
    Case("Autoregressive:affine", lambda key: autoregressive(key, 4), start="identity"),
    Case("Autoregressive:affine-one", lambda key: autoregressive(key, 1), start="identity", dead=NO_SCALE),
    Case("Autoregressive:affine-one-conditional", lambda key: autoregressive(key, 1, cond_dim=2), start="identity"),
    Case(
        "Autoregressive:blocks",
        lambda key: autoregressive(key, 34, u.Shift(), cond_dim=1, hidden=(36, 40)),
        start="identity",
    ),
    Case("Autoregressive:narrow", lambda key: autoregressive(key, 6, hidden=(2, 3)), start="identity"),
    Case(
        "Autoregressive:residual-order-conditional",
        lambda key: autoregressive(key, 4, cond_dim=2, hidden=(7, 7, 7), residual=True, order=(2, 0, 3, 1)),
        start="identity",
    ),
    Case(
        "Autoregressive:spline",
        lambda key: autoregressive(key, 3, spline()),
        start="identity",
        known={"float32-3.0": AMPLIFIED},
    ),
    Case(
        "Autoregressive:transformer-conditional",
        lambda key: b.Autoregressive(transformer(key, 3, 2, 1, cond_dim=2, order=(2, 0, 1), layers=1), u.Shift()),
        start="identity",
    ),
    Case(
        "Jacobi:transformer-conditional",
        lambda key: b.Jacobi(b.Autoregressive(transformer(key, 2, 2, 2, cond_dim=2, layers=1), u.Affine()), 2),
        start="identity",
    ),
    Case("Coupling:channels", lambda key: _conv_coupling(key, (2, 2, 3), b.Halves(2)), start="identity"),
    Case(
        "Coupling:other-channels-conditional",
        lambda key: _conv_coupling(key, (1, 2, 3), b.Halves(2, other=True), cond_dim=2),
        start="identity",
    ),
    Case(
        "Coupling:other-checkerboard-conditional",
        lambda key: _conv_coupling(key, (3, 2, 1), b.Checkerboard(other=True), cond_dim=2),
        start="identity",
    ),
    Case(
        "Elementwise:network-conditional",
        lambda key: b.Elementwise(u.Affine(), (2, 2, 1), c.ConvNet(key, (2, 2, 2), (2, 2, 1, 2), width=4, blocks=1)),
        start="identity",
    ),
    Case("ActNorm:", lambda key: b.ActNorm((2, 1, 3)), start="identity"),
    Case("ActNorm:vector", lambda key: b.ActNorm((3,), [1.0, -20.0, 0.0], [0.1, 3.0, 1.0], fitted=True)),
    Case("Conv1x1:", lambda key: b.Conv1x1(key, (2, 1, 3))),
    Case("Conv1x1:one", lambda key: b.Conv1x1(key, (2, 1)), dead={".lower": EMPTY, ".upper": EMPTY}),
    Case("Squeeze:", lambda key: b.Squeeze(b.Elementwise(u.Affine(), (1, 2, 4))), start="identity"),
    Case("Squeeze:scales-conditional", _scales, composed=True),
    Case("Squeeze:three", lambda key: b.Squeeze(b.Conv1x1(key, (1, 1, 9)), 3), composed=True),
    Case("LULinear:", lambda key: b.LULinear(4), start="identity"),
    Case(
        "LULinear:one",
        lambda key: b.LULinear(1),
        start="identity",
        dead={".lower": EMPTY, ".upper": EMPTY},
    ),
    Case("Householder:", lambda key: b.Householder(key, 4)),
    Case("Householder:few", lambda key: b.Householder(key, 5, 2)),
    Case("Householder:one", lambda key: b.Householder(key, 1, 1), dead={".vectors": "H is -1 whatever v is"}),
    Case("TriangularAffine:lower", lambda key: b.TriangularAffine(jnp.arange(3.0), jnp.asarray(NOISE))),
    Case(
        "TriangularAffine:upper",
        lambda key: b.TriangularAffine(jnp.zeros(3), jnp.asarray(NOISE).T, lower=False),
    ),
    Case("Exp:", lambda key: b.Exp((3,)), z=MODERATE, x=POSITIVE),
    Case("Softplus:", lambda key: b.Softplus((3,)), z=MODERATE, x=POSITIVE),
    Case("Sigmoid:", lambda key: b.Sigmoid((3,)), z=MODERATE, x=interval(0.0, 1.0)),
    Case("Sigmoid:interval", lambda key: b.Sigmoid((2,), -3.0, [1.0, 1.0]), z=MODERATE, x=interval(-3.0, 1.0)),
    Case("NormalCDF:", lambda key: b.NormalCDF((3,)), z=CENTRAL, x=interval(0.0, 1.0)),
    Case("NormalCDF:interval", lambda key: b.NormalCDF((2,), -3.0, [1.0, 1.0]), z=CENTRAL, x=interval(-3.0, 1.0)),
    Case("Tanh:", lambda key: b.Tanh((2, 2)), z=CENTRAL, x=interval(-1.0, 1.0)),
    Case("Ordered:", lambda key: b.Ordered(3), z=MODERATE, x=increasing(3)),
    Case("Ordered:one", lambda key: b.Ordered(1), start="identity", known={"image": ONE}),
    Case("StickBreaking:", lambda key: b.StickBreaking(3), z=MODERATE, x=simplex(3)),
    Case("StickBreaking:one", lambda key: b.StickBreaking(1), z=MODERATE, x=interval(0.0, 1.0)),
    Case("CorrelationCholesky:", lambda key: b.CorrelationCholesky(4), z=CENTRAL, x=cholesky_factors(4)),
    Case("CorrelationCholesky:two", lambda key: b.CorrelationCholesky(2), z=CENTRAL, x=interval(-1.0, 1.0)),
    Case("Standardize:", lambda key: b.Standardize([1.0, -200.0], [0.01, 30.0])),
    Case("Standardize:unfitted", lambda key: b.Standardize.unfitted((3,)), start="identity"),
    Case(
        "StandardizeCondition:",
        lambda key: b.StandardizeCondition(coupling(key, cond_dim=2), [1.0, -2.0], [0.1, 3.0]),
        start="identity",
    ),
    Case(
        "TukeyH:",
        lambda key: b.TukeyH([1.0, -20.0, 0.0], [0.1, 3.0, 1.0], [1.0, 0.0, 0.0], [0.5, 0.3, 0.0]),
        z=MODERATE,
    ),
    Case("TukeyH:unfitted", lambda key: b.TukeyH.unfitted((3,)), start="identity"),
    Case("Regress:", lambda key: b.Regress([[1.0, -3.0], [0.0, 20.0], [0.5, 0.0]], [2.0, -1.0, 0.0])),
    Case("Regress:unfitted", lambda key: b.Regress.unfitted(3, 2), start="identity", dead={"condition": UNFITTED}),
    Case("Whiten:", lambda key: b.Whiten(NOISE)),
    Case("Whiten:unfitted", lambda key: b.Whiten.unfitted(3), start="identity"),
    Case("Chain:one", lambda key: b.Chain([b.LULinear(3)]), start="identity"),
    Case("Chain:deep-conditional", _deep, composed=True, known={"literal": CONDITIONING}),
    Case("Chain:nested-conditional", _nested, start="identity", composed=True),
    Case(
        "Chain:to-positive",
        lambda key: b.Chain([b.Elementwise(u.Affine(), (2,)), b.Softplus((2,))]),
        z=MODERATE,
        x=POSITIVE,
    ),
    Case("Invert:exp", lambda key: b.Invert(b.Exp((3,))), z=POSITIVE, x=MODERATE),
    Case("Invert:autoregressive-conditional", lambda key: b.Invert(autoregressive(key, cond_dim=2)), start="identity"),
    Case("Stack:autoregressive", lambda key: b.Stack(layers(4, _turned)(key)), composed=True),
    Case(
        "Stack:unrolled",
        lambda key: b.Stack(layers(9, coupling)(key), unroll=True),
        start="identity",
        composed=True,
    ),
    Case(
        "Stack:conditional",
        lambda key: b.Stack(layers(3, lambda k: coupling(k, cond_dim=2))(key)),
        start="identity",
        composed=True,
    ),
    Case("Stack:one", lambda key: b.Stack([b.LULinear(3)]), start="identity"),
    Case(
        "Concatenate:conditional",
        lambda key: b.Concatenate([coupling(key, 2, cond_dim=2), b.LULinear(3), b.Identity((1,))]),
        start="identity",
    ),
    Case(
        "Concatenate:axis",
        lambda key: b.Concatenate([b.Exp((2, 1)), b.Softplus((2, 2))], axis=-1),
        z=MODERATE,
        x=POSITIVE,
    ),
]

#: What passes through a coupling, of an event of the shape beside it.
SPLITS = [
    (Case("Halves:", lambda key: b.Halves()), (5,)),
    (Case("Halves:channels", lambda key: b.Halves(2, other=True)), (2, 3, 3)),
    (Case("Checkerboard:", lambda key: b.Checkerboard()), (3, 2, 2)),
    (Case("Checkerboard:other", lambda key: b.Checkerboard(other=True)), (2, 2, 1)),
]
