"""The learning rate over a fit."""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import numpy as np
import optax

#: A function of the step, counted from zero.
Schedule: TypeAlias = Callable[[Any], Any]

WARMUP_FRACTION = 0.02
WARMUP_STEPS = 200


def default_schedule(peak: float, steps: int) -> Schedule:
    """Return a linear warm-up over 2 % of the steps, at most 200, then a cosine decay to zero at the last step.

    Reference:
        "SGDR: Stochastic Gradient Descent with Warm Restarts", Loshchilov, Hutter, 2017.
    """
    warmup = min(WARMUP_STEPS, int(WARMUP_FRACTION * steps))
    if warmup == 0:
        return optax.cosine_decay_schedule(peak, steps)
    # The warm-up starts above zero: a step of rate zero would be wasted.
    return optax.warmup_cosine_decay_schedule(peak / (warmup + 1), peak, warmup, steps)


def tabulate(schedule: Schedule) -> Callable[[int, int], np.ndarray]:
    """Return a function (first step, number of steps) -> the learning rates of these steps, float32."""
    rates = jax.jit(jax.vmap(schedule))
    return lambda first, count: np.asarray(rates(np.arange(first, first + count)), np.float32)
