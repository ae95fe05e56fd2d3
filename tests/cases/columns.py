"""The heads of columns, their marginals, networks of subsets, and densities of rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pushforward import columns as c
from pushforward import networks as n
from pushforward import supports as s

from ._case import Case

HEADS = [
    Case("Levels:three", lambda key: c.Levels(np.log([0.5, 0.3, 0.2]))),
    Case("Levels:one", lambda key: c.Levels([0.0])),
    Case("Line:", lambda key: c.Line()),
    Case("Line:one", lambda key: c.Line(components=1)),
    Case("Line:atoms", lambda key: c.Line([-1e5, -0.5, 0.5], [-0.5, 0.5, 1.5])),
    Case("Line:apart", lambda key: c.Line([-2.0, 1.0], [-1.0, 1.25], components=3)),
    Case("Turn:", lambda key: c.Turn()),
    Case("Turn:atoms", lambda key: c.Turn([0.1, 0.4, 0.9], [0.3, 0.6, 1.1], components=4)),
]


def _subsets(key: jax.Array, heads: list[Any]) -> n.SubsetMLP:
    return n.SubsetMLP(key, [h.num_features for h in heads], [h.num_params for h in heads], width=12, depth=1)


def _any_order(key: jax.Array, members: int = 1) -> c.AnyOrder:
    heads = [c.Levels(np.zeros(3)), c.Line([-1.0, 0.5], [0.5, 2.0], 2), c.Line(components=2), c.Turn(components=2)]
    networks = [_subsets(k, heads) for k in jax.random.split(key, members)]
    network = networks[0] if members == 1 else jax.tree.map(lambda *a: jnp.stack(a), *networks)
    return c.AnyOrder(heads, network, (2, 0, 3, 1), members)


DENSITIES = [
    Case("AnyOrder:", _any_order),
    Case("AnyOrder:members", lambda key: _any_order(key, 2)),
]
COLUMNS = HEADS + DENSITIES
SUBSETS = [
    Case("SubsetMLP:", lambda key: n.SubsetMLP(key, (2, 1, 3), (4, 2, 2), width=7, depth=2)),
    Case("SubsetMLP:one", lambda key: n.SubsetMLP(key, (1,), (3,), width=5, depth=1)),
]


@dataclass(frozen=True)
class Observations:
    """A line of the marginals.

    Attributes:
        name: "Marginal:variant".
        support: of the values.
        draw: (generator, number) -> values.
        atoms: values with a probability.
        outside: values that cannot be.
    """

    name: str
    support: s.AbstractSupport
    draw: Callable[[np.random.Generator, int], np.ndarray]
    atoms: tuple[float, ...] = ()
    outside: tuple[float, ...] = ()

    @property
    def subject(self) -> str:
        """The public name that the line stands for."""
        return self.name.split(":")[0]


def _inflated(rng: np.random.Generator, size: int) -> np.ndarray:
    return np.where(rng.uniform(size=size) < 0.6, 0.0, rng.exponential(size=size))


MARGINALS = [
    Observations("LevelShares:", s.Categories(4), lambda r, k: r.integers(0, 3, k).astype(float), (), (4.0, -1.0, 0.5)),
    Observations("NumberRanks:normal", s.Real(), lambda r, k: r.normal(5, 2, k)),
    Observations("NumberRanks:cauchy", s.Real(), lambda r, k: r.standard_cauchy(k)),
    Observations("NumberRanks:offset", s.Real(), lambda r, k: 1e7 + 1e-3 * r.normal(size=k)),
    Observations("NumberRanks:positive", s.Positive(), lambda r, k: np.exp(2 * r.normal(size=k)), (), (0.0, -1.0)),
    Observations("NumberRanks:interval", s.Interval(0.0, 1.0), lambda r, k: r.beta(0.5, 0.5, k), (), (-0.1, 1.1)),
    Observations("NumberRanks:zero-inflated", s.Positive(), _inflated, (0.0,), (-1.0,)),
    Observations("NumberRanks:capped", s.Real(), lambda r, k: np.minimum(r.normal(size=k), 0.5), (0.5,)),
    Observations("NumberRanks:atoms-only", s.Positive(), lambda r, k: r.choice([0.0, 2.5, 10.0], k), (0.0, 2.5, 10.0)),
    Observations("NumberRanks:count", s.IntegerRange(0), lambda r, k: r.poisson(3, k).astype(float), (), (-1.0, 0.5)),
    Observations("NumberRanks:sparse-count", s.IntegerRange(0), lambda r, k: r.integers(0, 10**6, k).astype(float)),
    Observations(
        "NumberRanks:amount",
        s.IntegerRange(0),
        lambda r, k: np.where(r.uniform(size=k) < 0.8, 0, r.integers(0, 10**5, k)) * 1.0,
    ),
    Observations("NumberRanks:whole", s.IntegerRange(-(2**53)), lambda r, k: np.round(r.normal(0, 50, k))),
    Observations(
        "NumberRanks:bounded-count", s.IntegerRange(1, 9), lambda r, k: r.integers(1, 10, k) * 1.0, (), (10.0,)
    ),
    Observations("AngleRanks:", s.Circle(360.0), lambda r, k: np.mod(r.normal(10, 40, k), 360), (), (360.0, -1.0)),
    Observations("AngleRanks:lattice", s.Circle(24.0), lambda r, k: np.mod(np.round(r.normal(1, 4, k)), 24)),
    Observations(
        "AngleRanks:atom", s.Circle(1.0), lambda r, k: np.where(r.uniform(size=k) < 0.3, 0.0, r.uniform(size=k)), (0.0,)
    ),
]
