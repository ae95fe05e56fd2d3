"""How the learning rate moves over a fit."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import numpy as np
import optax

from ..._errors import bad, require

#: A function of the step, counted from zero.
Schedule: TypeAlias = Callable[[Any], Any]

WARMUP_FRACTION = 0.02
WARMUP_STEPS = 200


def default_schedule(peak: float, steps: int) -> Schedule:
    """Return a linear warm-up over 2 % of the steps, 200 at most, then a cosine decay to zero at the last.

    Reference:
        "SGDR: Stochastic Gradient Descent with Warm Restarts", Loshchilov, Hutter, 2017.
    """
    warmup = min(WARMUP_STEPS, int(WARMUP_FRACTION * steps))
    if warmup == 0:
        return optax.cosine_decay_schedule(peak, steps)
    # The warm-up starts above zero: a step of rate zero would be spent on nothing.
    return optax.warmup_cosine_decay_schedule(peak / (warmup + 1), peak, warmup, steps)


def tabulate(schedule: Schedule) -> Callable[[int, int], np.ndarray]:
    """Return a function (first step, number of steps) -> the learning rates of these steps, float32."""
    rates = jax.jit(jax.vmap(schedule))
    return lambda first, count: np.asarray(rates(np.arange(first, first + count)), np.float32)


def check_settings(
    learning_rate: float | int | Schedule | None,
    optimizer: optax.GradientTransformation | None,
    clip_norm: float | int | None,
) -> None:
    """Raise unless these arguments of a fit are as its documentation says."""
    if optimizer is not None and learning_rate is not None:
        raise bad("learning_rate", "None beside an `optimizer`", learning_rate, "The optimizer has its own.")
    if learning_rate is not None and not callable(learning_rate):
        require(0 < learning_rate < math.inf, "learning_rate", "positive and finite", learning_rate)
    require(clip_norm is None or clip_norm > 0, "clip_norm", "positive or None", clip_norm)
