"""Maximum likelihood: minimize the forward Kullback-Leibler divergence, E_data[-log p(x | condition)]."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from ...._errors import bad, require
from ...._types import Event, Key, Scalar, Scalars
from ....distributions._base import AbstractDistribution
from ...explain import explain
from ...loop.fingerprint import tree_digest
from ...rows.batch import Batch, float_events
from ...rows.checks import check_whole_numbers
from ...rows.rows import Rows
from ._base import AbstractDataObjective

#: The noise added to x: uniform in [0, 1), normal of a standard deviation, or draws of a distribution.
Noise: TypeAlias = Literal["uniform"] | float | int | AbstractDistribution | None
#: A random change of an event.
Augment: TypeAlias = Callable[[Key, Event], Event]


@final
class WithDequantizer(eqx.Module):
    """A flow and the distribution of the noise added to its events, trained together."""

    flow: AbstractDistribution
    dequantizer: AbstractDistribution


@final
@dataclass(frozen=True)
class Learned:
    """Stands for noise whose distribution is part of the model."""


@final
@dataclass(frozen=True)
class MaximumLikelihood(AbstractDataObjective):
    """The mean negative log-likelihood, of events with noise if `noise` is given.

        Σ_i w_i (log q(u | x_i) - log p(x_i + u | c_i)),   u ~ q

    Each use of a training row adds new noise to it; a validation row has the same noise in every epoch. If the noise is
    not learned, log q is left out, since the flow learns the density of the sum.

    Arguments:
        noise: None for none; "uniform" for u uniform in [0, 1), which makes whole numbers continuous; a number, the
            standard deviation of normal noise; or a distribution of u in (0, 1), of the event's shape and conditioned
            on the event, such as `pushforward.adapt.dequantizer`, which is trained with the flow.
        augment: a random change (key, event) -> event of an event before each use for training; None for none.
        drop_condition: probability with which the condition of a row is replaced by zeros in training, from 0 to
            below 1; `pushforward.adapt.guide` needs a flow trained so.

    Reference:
        "A note on the evaluation of generative models", Theis, van den Oord, Bethge, 2016 (uniform noise); "Flow++",
        Ho, Chen, Srinivas, Duan, Abbeel, 2019 (noise that is learned).
    """

    noise: Noise | Learned = None
    augment: Augment | None = None
    drop_condition: float | int = 0.0

    def __post_init__(self) -> None:
        """Check the arguments."""
        noise = self.noise
        if not (noise is None or isinstance(noise, AbstractDistribution | Learned) or noise == "uniform"):
            number = isinstance(noise, float | int) and not isinstance(noise, bool)
            rule = '"uniform", a positive number, a distribution or None'
            require(number and 0 < noise < math.inf, "noise", rule, noise)
        require(0 <= self.drop_condition < 1, "drop_condition", "from 0 to below 1", self.drop_condition)

    @property
    def noisy(self) -> bool:
        """Whether there is noise."""
        return self.noise is not None

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments, with digests of functions and distributions."""
        of_numbers = self.noise is None or isinstance(self.noise, (str, float, int))
        return {
            "noise": self.noise if of_numbers else tree_digest(self.noise),
            "augment": tree_digest(self.augment),
            "drop_condition": self.drop_condition,
        }

    def check(self, flow: AbstractDistribution, table: Rows) -> None:
        """Raise a ValueError if there is no condition to drop, or the noise does not suit the events."""
        if self.drop_condition and flow.cond_shape is None:
            raise bad("drop_condition", "0 for an unconditional flow", self.drop_condition)
        if isinstance(self.noise, AbstractDistribution):
            shape, given = flow.shape, self.noise
            rule = f'a distribution of events of shape {shape}, conditioned on {shape}, "uniform", a number or None'
            found = f"`events of shape {given.shape}, conditioned on {given.cond_shape}`"
            require(given.shape == given.cond_shape == shape, "noise", rule, found)
        if isinstance(self.noise, AbstractDistribution | str):
            check_whole_numbers(table)

    def start_events(self, x: Array, key: Key) -> Array:
        """Return events with noise, which is uniform if it is to be learned."""
        noise = "uniform" if isinstance(self.noise, AbstractDistribution) else self.noise
        return replace(self, noise=noise).add_noise(None, float_events(x), key)[0]

    def prepare(self, flow: AbstractDistribution) -> tuple[eqx.Module, AbstractDataObjective]:
        """Return the flow, with the noise that is to be learned if there is any, and the objective."""
        if isinstance(self.noise, AbstractDistribution):
            return WithDequantizer(flow, self.noise), replace(self, noise=Learned())
        return flow, self

    def loss(self, model: Any, batch: Batch, key: Key) -> Scalar:
        """Return Σ_i w_i (-log p(x_i | c_i)) over the rows of a batch, or of a part of one, in nats."""
        x, condition = float_events(batch.x), batch.condition
        key_noise, key_augment, key_drop = jax.random.split(key, 3)
        if self.augment is not None:
            x = jax.vmap(self.augment)(jax.random.split(key_augment, len(x)), x)
        if self.drop_condition > 0:
            condition = _without_some(condition, jax.random.bernoulli(key_drop, self.drop_condition, (len(x),)))
        return -jnp.sum(batch.weight * self._log_prob(model, x, condition, key_noise))

    def row_losses(self, model: Any, batch: Batch, key: Key) -> Scalars:
        """Return -log p(x | condition) of each row."""
        return -self._log_prob(model, float_events(batch.x), batch.condition, key)

    def explain(self, model: Any, batch: Batch, rows: np.ndarray) -> str:
        """Name the first part of the flow that makes a batch, with noise, non-finite."""
        x = self.add_noise(model, float_events(batch.x), jax.random.key(0))[0]
        return explain(self.finish(model)[0], replace(batch, x=x), rows)

    def finish(self, model: Any) -> tuple[AbstractDistribution, AbstractDistribution | None]:
        """Return the flow, and the noise if it was learned."""
        return (model.flow, model.dequantizer) if isinstance(self.noise, Learned) else (model, None)

    def add_noise(self, model: Any, x: Array, key: Key) -> tuple[Array, Scalars | None]:
        """Return x + u, and log q(u | x) if the noise is learned; then `model` is a `WithDequantizer`."""
        if isinstance(self.noise, Learned):
            u, log_q = model.dequantizer.sample_and_log_prob(key, (), x)
            return x + u.astype(x.dtype), log_q
        if self.noise == "uniform":
            return x + jax.random.uniform(key, x.shape, x.dtype), None
        if isinstance(self.noise, float | int):
            return x + self.noise * jax.random.normal(key, x.shape, x.dtype), None
        return x, None

    def _log_prob(self, model: Any, x: Array, condition: PyTree, key: Key) -> Scalars:
        noisy, log_q = self.add_noise(model, x, key)
        log_p = self.finish(model)[0].log_prob(noisy, condition)
        return log_p if log_q is None else log_p - log_q


def _without_some(condition: PyTree, dropped: Array) -> PyTree:
    """Return conditions with zeros for the rows that are dropped."""
    return jax.tree.map(lambda c: jnp.where(dropped.reshape((-1,) + (1,) * (c.ndim - 1)), 0.0, c), condition)


def choose_objective(given: AbstractDataObjective | None, by_keywords: MaximumLikelihood) -> AbstractDataObjective:
    """Return the given objective, or the one built from the keywords of a fit.

    Raises:
        ValueError: if `given` is not an objective, or keywords were given as well.
    """
    if given is None:
        return by_keywords
    rule = "an objective of pf.train, such as pf.train.MaximumLikelihood()"
    require(isinstance(given, AbstractDataObjective), "objective", rule, given)
    for name, value in {"noise": None, "augment": None, "drop_condition": 0}.items():
        if getattr(by_keywords, name) is not value and getattr(by_keywords, name) != value:
            raise bad(name, "left out beside `objective`", getattr(by_keywords, name), "Put it there.")
    return given
