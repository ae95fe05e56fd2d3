"""Autoregressive sampling by parallel fixed-point iteration."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp

from ..._errors import require_count
from ..._types import Conditions, Events, Scalars
from .._base import AbstractBatchBijection
from .autoregressive import Autoregressive


@final
class Jacobi(AbstractBatchBijection):
    """An autoregressive map whose `forward` solves x = u(z; params(x)) by k parallel passes of the network.

        x⁰ = z,   x^(j+1) = u(z; params(x^j, condition)),   f(z) = x^k

    After k passes the first k elements, or tokens, are exact, so k = dim gives the map itself. With fewer passes the
    other elements have an error, which `pushforward.evaluate.round_trip` measures, since `inverse` is exact. Where
    elements depend weakly on distant earlier elements, as patches of images do, a few passes suffice, and each uses
    the machine better than a step for one element.

    Arguments:
        bijection: the autoregressive map.
        iterations: k.

    Reference:
        "Accelerating Feedforward Computation via Parallel Nonlinear Equation Solving", Song, Meng, Liao, Ermon, 2021.
    """

    bijection: Autoregressive
    iterations: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, bijection: Autoregressive, iterations: int):
        iterations = require_count("iterations", iterations)
        self.bijection = bijection
        self.iterations = iterations
        self.shape = bijection.shape
        self.cond_shape = bijection.cond_shape

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        conditioner, univariate = self.bijection.conditioner, self.bijection.univariate

        def improve(x: Events, _: None) -> tuple[Events, Events]:
            x, log_derivative = univariate.forward_and_log_derivative(z, conditioner(x, condition))
            return x, log_derivative.sum(axis=tuple(range(log_derivative.ndim - 1)))

        dtype = jnp.result_type(z, *(a.dtype for a in jax.tree.leaves(conditioner) if eqx.is_inexact_array(a)))
        x, log_dets = jax.lax.scan(improve, z.astype(dtype), length=self.iterations)
        return x, log_dets[-1]

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        return self.bijection._inverse_batch(x, condition)
