"""Parallel sampling of an autoregressive flow."""

from typing import Any

import jax

from .._errors import require
from ..bijections import Autoregressive, Jacobi
from ..distributions import Pushforward


def jacobi(flow: Pushforward, iterations: int) -> Pushforward:
    """Return the flow with samples by fixed-point iteration: a few parallel passes per map, not one per element.

    Densities do not change. Draws approximate the draws of the flow, better with more passes;
    `pushforward.evaluate.round_trip` shows their error. See `pushforward.bijections.Jacobi`.

    Arguments:
        flow: a flow with autoregressive maps, such as a `tarflow`.
        iterations: number of passes per map.

    Raises:
        ValueError: if there is no autoregressive map in the flow.

    Reference:
        "Accelerating Feedforward Computation via Parallel Nonlinear Equation Solving", Song, Meng, Liao, Ermon, 2021.
    """

    def found(node: Any) -> bool:
        return isinstance(node, Autoregressive)

    has_any = any(found(node) for node in jax.tree.leaves(flow, is_leaf=found))
    require(has_any, "flow", "one with autoregressive maps", f"`{type(flow).__name__} without`")
    return jax.tree.map(lambda node: Jacobi(node, iterations) if found(node) else node, flow, is_leaf=found)
