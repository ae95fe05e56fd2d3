"""How a fit changes parameters."""

import math
from dataclasses import dataclass, fields, replace
from typing import Any, final

import optax

from .._errors import bad, require, require_count
from .loop.schedule import Schedule


@final
@dataclass(frozen=True)
class Optimization:
    """How a fit changes parameters: keywords of `fit`, `fit_density` and `fit_source` as one object.

    Arguments:
        learning_rate: a number, the peak of a warm-up and a cosine decay over the length of the fit; or a schedule, a
            function of the step; None for the default of the fit. Must be None with an `optimizer`, which has its own.
        optimizer: any optax optimizer; None for Adam with decoupled weight decay.
        decay: weight decay: each step scales the weights of networks by 1 - learning rate * decay. 0 for none, None for
            the default of the fit. Must be None with an `optimizer`, which has its own.
        sparsity: each step moves the weights by which the layers of perceptrons multiply their inputs towards zero, by
            up to learning rate * sparsity, and weights between layers by less, so that those of no use become zero.
            Must be 0 with an `optimizer`.
        clip_norm: largest global norm of a gradient, beyond which it is scaled down; None for no limit.
        average: decay of an exponential moving average of the parameters, such as 0.999. The average is validated and
            returned in place of the parameters; 0 for no average, None for the default of the fit.
        max_skipped: the most steps in a row that may be skipped because the loss or gradient is not finite.
    """

    learning_rate: float | int | Schedule | None = None
    optimizer: optax.GradientTransformation | None = None
    decay: float | int | None = None
    sparsity: float | int = 0
    clip_norm: float | int | None = 5.0
    average: float | int | None = None
    max_skipped: int = 20

    def __post_init__(self) -> None:
        """Check the arguments."""
        rate = self.learning_rate
        if self.optimizer is not None and rate is not None:
            raise bad("learning_rate", "None beside an `optimizer`", rate, "The optimizer has its own.")
        if self.optimizer is not None and self.decay is not None:
            raise bad("decay", "None beside an `optimizer`", self.decay, "Use optax.adamw, for example.")
        require(0 <= self.sparsity < math.inf, "sparsity", "0 or positive", self.sparsity)
        if self.optimizer is not None and self.sparsity:
            raise bad("sparsity", "0 beside an `optimizer`", self.sparsity, "It changes the steps of Adam.")
        require(self.decay is None or 0 <= self.decay < math.inf, "decay", "0 or positive, or None", self.decay)
        if rate is not None and not callable(rate):
            require(0 < rate < math.inf, "learning_rate", "positive and finite", rate)
        require(self.clip_norm is None or self.clip_norm > 0, "clip_norm", "positive or None", self.clip_norm)
        require_count("max_skipped", self.max_skipped, 0)
        average = self.average
        require(average is None or 0 <= average < 1, "average", "a decay from 0 to below 1, or None", average)


def choose_optimization(given: Optimization | None, default: Optimization, **keywords: Any) -> Optimization:
    """Return the given optimization, or build one from keywords.

    Arguments:
        given: the argument `optimization` of a fit.
        default: holds the values of keywords that were not given.
        **keywords: arguments of the fit that are named like the fields.

    Raises:
        ValueError: if one of them is not as stated, or was given beside `given`.
    """
    made = replace(default, **keywords)
    if given is None:
        return made
    for field in fields(Optimization):
        value = getattr(made, field.name)
        if value is not getattr(default, field.name) and value != getattr(default, field.name):
            raise bad(field.name, "left out beside `optimization`", value, "Put it there.")
    return given
