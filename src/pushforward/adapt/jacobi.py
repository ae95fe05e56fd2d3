"""Parallel sampling of an autoregressive flow."""

from typing import Any

import jax

from .._errors import require
from ..bijections import Autoregressive, Jacobi
from ..distributions import Pushforward


def jacobi(flow: Pushforward, iterations: int) -> Pushforward:
    """Return the flow with samples by fixed-point iteration: of each map so many parallel passes, not one per element.

    Densities are those of the flow; draws come close to its draws, the closer the more passes. Their error is that of
    `pushforward.evaluate.round_trip`. See `pushforward.bijections.Jacobi`.

    Arguments:
        flow: with autoregressive maps, such as a `tarflow`.
        iterations: passes of each map.

    Raises:
        ValueError: if there is no autoregressive map in the flow.

    Reference:
        "Accelerating Feedforward Computation via Parallel Nonlinear Equation Solving", Song, Meng, Liao, Ermon, 2021.
    """

    def found(node: Any) -> bool:
        return isinstance(node, Autoregressive)

    has_any = any(found(node) for node in jax.tree.leaves(flow, is_leaf=found))
    require(has_any, "flow", "one with autoregressive maps", f"`{type(flow.bijection).__name__} without`")
    return jax.tree.map(lambda node: Jacobi(node, iterations) if found(node) else node, flow, is_leaf=found)
