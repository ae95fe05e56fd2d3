"""What a line of the registry is."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import equinox as eqx
import jax
import pytest

from pushforward._fields import trainable

from ..supports import REAL, Points


def excused(case: "Case", dtype: str, scale: float, error: float, bound: float) -> None:
    """Report an error up to three times its bound as an expected failure, where the line lists the reason."""
    reason = case.known.get(f"{dtype}-{scale}")
    if reason is not None and bound < error <= 3 * bound:
        pytest.xfail(f"{error:.1e} > {bound:.0e}: {reason}")


@dataclass(frozen=True)
class Case:
    """One line.

    Attributes:
        name: "PublicName:variant", unique.
        make: builds the object from a key.
        z, x: the supports of the two sides of a bijection, and points to try there; x of a support those of its own.
        start: what the map is before training: "identity", or None where it is nothing in particular.
        dead: parameters, by how their path ends, whose gradient is zero by construction, each with the reason.
        composed: several networks in a row, of which each amplifies the rounding of the ones before it.
        known: contracts that this line cannot keep, each with the reason.
    """

    name: str
    make: Callable[[jax.Array], Any]
    z: Points = REAL
    x: Points = REAL
    start: str | None = None
    composed: bool = False
    dead: Mapping[str, str] = field(default_factory=dict, hash=False)
    known: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def subject(self) -> str:
        """The public name that the line stands for."""
        return self.name.split(":")[0]


def randomize(tree: Any, key: jax.Array, scale: float) -> Any:
    """Return `tree` with random parameters of the given scale.

    Every trainable array of two or more axes is drawn from N(0, scale² / fan_in), fan_in being the length of its
    last axis, so that a layer keeps the size of what passes through; every trainable vector or number is drawn
    from N(0, scale²). What is trained is decided by `pushforward._fields.trainable`.
    """
    params, static = eqx.partition(tree, trainable(tree))
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(key, max(len(leaves), 1))

    def draw(key: jax.Array, leaf: jax.Array) -> jax.Array:
        spread = scale / math.sqrt(max(leaf.shape[-1], 1)) if leaf.ndim > 1 else scale
        return spread * jax.random.normal(key, leaf.shape, leaf.dtype)

    drawn = [draw(k, leaf) for k, leaf in zip(keys, leaves, strict=False)]
    return eqx.combine(jax.tree.unflatten(structure, drawn), static)


def cast(tree: Any, dtype: str) -> Any:
    """Return `tree` with every floating-point array in `dtype`."""
    return jax.tree.map(lambda a: a.astype(dtype) if eqx.is_inexact_array(a) else a, tree)
