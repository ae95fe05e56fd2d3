"""The density of a number given features: several candidates, and their weights."""

import math
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, final

import jax
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from ...data import Frame, Schema
from ...distributions import Mixture, ResidualMixture
from ...io import from_bytes, to_bytes
from ...parallel.compile import compiled
from ...parallel.members import for_each
from ...supports import IntegerRange, Interval, Positive, Real
from ...train import Optimization
from ...train.fit_folds import fit_folds
from ...train.members import stack
from .candidates import Candidate, candidates, folds_of
from .inputs import Coded, Inputs
from .prediction import Logistics, StackPrediction
from .scales import Scale
from .stages import Stage, Stages, fit_stage
from .target import FARTHEST, Target

#: The fewest different values of a number that is modelled so.
FEWEST = 10
#: Networks see features, with columns of zeros, in multiples of so many: tables that differ little share a program.
MULTIPLE = 16
#: Rows that are predicted at once at most.
ROWS = 4096
#: Steps of the weights' search.
STEPS = 200


@final
@dataclass(frozen=True)
class Member:
    """A candidate that is fitted.

    Attributes:
        scale: of the number.
        stages: the first predictions.
        pieces: whether the networks see piecewise-linear features.
        flow: the equal mixture of the networks of all folds.
    """

    scale: Scale
    stages: Stages
    pieces: bool
    flow: Mixture

    def predict(self, coded: Coded) -> Logistics:
        """Return the density of new rows."""
        # Small trees keep threads waiting for each other for longer than they work.
        with threadpool_limits(1):
            predicted = self.stages.predict(coded)
        condition = condition_of(*predicted, coded, self.pieces)
        return Logistics(self.scale, *_mixtures(self.flow, condition))

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "flow": to_bytes(self.flow, {})}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({**state, "flow": from_bytes(state["flow"])})


@final
@dataclass(frozen=True)
class StackedDensity:
    """The density p(y | x) of a number: candidates weighted by the likelihood of rows that they have not seen.

    Attributes:
        target: the number.
        inputs: the coding of the features.
        members: the candidates.
        weights: of the candidates; their sum is one.
        log_likelihood: mean over the rows, each by networks that have not seen it, with these weights.
    """

    target: Target
    inputs: Inputs
    members: tuple[Member, ...]
    weights: Float[np.ndarray, " members"]
    log_likelihood: float

    def predict(self, name: str, frame: Frame) -> StackPrediction:
        """Return the distribution of the target, of this name, in each row of a table of features."""
        coded = self.inputs.code(frame)
        parts = [
            replace(part, log_weights=part.log_weights + np.log(weight))
            for member, weight in zip(self.members, self.weights, strict=True)
            for part in [member.predict(coded)]
        ]
        return StackPrediction(self.target, tuple(parts))


def is_stackable(schema: Schema, y: np.ndarray) -> bool:
    """Return whether the event of a schema is one number, of enough different values, given features."""
    parts = [part for name in schema.event for part in schema.parts[schema.places[name]]]
    if len(parts) != 1 or not schema.given:
        return False
    return isinstance(parts[0].support, Real | Positive | Interval | IntegerRange) and len(np.unique(y)) >= FEWEST


def fit_stack(
    schema: Schema,
    frame: Frame,
    y: Float[np.ndarray, " rows"],
    weights: Float[np.ndarray, " rows"] | None,
    seed: int,
    settings: Mapping[str, Any],
) -> StackedDensity:
    """Return the density of a number given the other columns of a table.

    Arguments:
        schema: of the table; the number is its event.
        frame: the table.
        y: the number in each row.
        weights: of the rows; rows of weight zero are left out.
        seed: decides folds and fits.
        settings: arguments of `FlowRegressor`; those that are None have their defaults.
    """
    if weights is not None:
        used = np.flatnonzero(weights)
        frame, y, weights = frame.take(used), y[used], weights[used]
    known = {name: value for name, value in settings.items() if value is not None}
    own_weights = np.ones(len(y)) if weights is None else weights / weights.mean()
    features = Schema(tuple(replace(c, role="event") for c in schema.columns if c.role == "given"))
    inputs = Inputs.of(features, frame)
    coded = inputs.code(frame)
    folds = np.random.default_rng(seed).permutation(len(y)) % min(
        max(known.get("members", folds_of(len(y))), 2), len(y)
    )
    target = Target.of(schema, y, own_weights)
    fits = _Fits(coded, target, y, own_weights, folds, inputs.categories, seed, known, {}, Lock())
    tried = candidates(len(y))
    # The steps of small networks leave all cores but one idle.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, len(tried))) as pool:
        found = list(pool.map(fits.fit, tried, range(len(tried))))
    log_probs = np.stack([log_prob for _, log_prob in found], axis=1)
    shares = mixture_weights(log_probs, own_weights)
    reached = float(np.average(np.asarray(logsumexp(log_probs, axis=1, b=shares)), weights=own_weights))
    return StackedDensity(target, inputs, tuple(member for member, _ in found), shares, reached)


@final
@dataclass(frozen=True)
class _Fits:
    """What the fits of all candidates share.

    Attributes:
        coded, target, y, weights, folds, categories, seed: the rows, and arguments of `fit_stage`.
        settings: of the user.
        stages: the stages so far, by scale and name.
        lock: held while a stage is fitted.
    """

    coded: Coded
    target: Target
    y: Float[np.ndarray, " rows"]
    weights: Float[np.ndarray, " rows"]
    folds: Int[np.ndarray, " rows"]
    categories: tuple[bool, ...]
    seed: int
    settings: Mapping[str, Any]
    stages: dict[Any, Stage]
    lock: Any

    def fit(self, candidate: Candidate, number: int) -> tuple[Member, Float[np.ndarray, " rows"]]:
        """Return a candidate that is fitted, and the log-density of each row by networks that have not seen it."""
        at, n = self.target.intervals(self.y), len(self.y)
        center = self.target.centers(at)
        make = Scale.logarithm if candidate.logarithm and self.target.marginal is None else Scale.plain
        scale = make(center, self.weights)
        z = scale.scores(center)
        low, high = (
            scale.scores(np.clip(end, -FARTHEST, FARTHEST)) if self.target.marginal else z for end in (at.low, at.high)
        )
        middle, width = 0.5 * (low + high), high - low
        stages = Stages.of([self._stage(name, scale, z) for name in candidate.stages], z, self.weights)
        condition = condition_of(*stages.own(n), self.coded, candidate.pieces, width)
        batch_size = self.settings.get("batch_size", candidate.batch_size)
        passes = math.ceil(candidate.steps / math.ceil(n / batch_size))
        passes = min(passes, self.settings.get("max_epochs", passes))
        key, key_fit = jax.random.split(jax.random.fold_in(jax.random.key(self.seed), number))
        sizes = {name: self.settings.get(name, getattr(candidate, name)) for name in ("width", "depth")}
        start = ResidualMixture(key, condition.shape[1] - 2, stages.scale, **sizes)
        rate = self.settings.get("learning_rate", candidate.learning_rate)
        found = fit_folds(
            key_fit,
            start,
            middle.astype(np.float32),
            condition,
            self.folds,
            self.weights if np.ptp(self.weights) else None,
            optimization=Optimization(learning_rate=rate, decay=candidate.decay, average=0.995, clip_norm=1.0),
            batch_size=batch_size,
            max_passes=passes,
        )
        member = Member(scale, stages, candidate.pieces, found.result.flow)
        wide = width > 0
        per_unit = np.log(np.where(wide, width, 1.0)) - self.target.log_step
        slope = np.where(wide, per_unit, scale.log_slope(center) + at.log_slope)
        return member, found.log_prob + slope

    def _stage(self, name: Any, scale: Scale, z: np.ndarray) -> Stage:
        # The threads of one library would wait for those of another.
        with self.lock, threadpool_limits(1):
            if (scale, name) not in self.stages:
                arguments = self.coded, z, self.weights, self.folds, self.categories, self.seed
                self.stages[scale, name] = fit_stage(name, *arguments)
            return self.stages[scale, name]


def condition_of(
    location: Float[np.ndarray, " rows"],
    predictions: Float[np.ndarray, "rows m"],
    coded: Coded,
    pieces: bool,
    width: Any = 0.0,
) -> Float[np.ndarray, "rows condition"]:
    """Return what networks see: the first prediction, features made of all predictions, and those of the table."""
    columns = [location[:, None], predictions, coded.plain, *([coded.pieces] if pieces else [])]
    count = sum(column.shape[1] for column in columns) - 1
    padding = np.zeros((len(location), -count % MULTIPLE))
    columns.insert(1, np.broadcast_to(width, len(location))[:, None])
    return np.concatenate([*columns, padding], axis=1, dtype=np.float32)


def mixture_weights(
    log_probs: Float[np.ndarray, "rows members"], weights: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " members"]:
    """Return the weights of densities for which rows are likeliest, with one more row of each density.

        maximize Σ_i w_i log Σ_c π_c p_c(y_i) + Σ_c log π_c

    Reference:
        "Using Stacking to Average Bayesian Predictive Distributions", Yao, Vehtari, Simpson, Gelman, 2018.
    """
    scaled = np.exp(log_probs - log_probs.max(axis=1, keepdims=True))
    shares = np.full(log_probs.shape[1], 1 / log_probs.shape[1])
    for _ in range(STEPS):
        each = scaled * shares
        shares = (weights[:, None] * each / each.sum(axis=1, keepdims=True)).sum(axis=0) + 1
        shares /= shares.sum()
    return shares


def _mixtures(flow: Mixture, condition: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return log-weights, locations and log-scales of all components, of shape (rows, components)."""
    count, stacked = len(flow.components), stack(flow.components)
    found = []
    for start in range(0, max(len(condition), 1), ROWS):
        some = condition[start : start + ROWS]
        # Each number of rows would cost a compilation: powers of two are few.
        padded = np.zeros((1 << max(len(some) - 1, 0).bit_length(), condition.shape[1]), np.float32)
        padded[: len(some)] = some
        arrays = _of_members(stacked, jax.device_put(padded.T))
        found.append([np.asarray(a, np.float64).reshape(-1, len(padded)).T[: len(some)] for a in arrays])
    weights, locations, scales = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return weights - np.log(count), locations, scales


@compiled
def _of_members(stacked: Any, condition: Array) -> Any:
    return for_each(lambda member: member.mixture(condition), stacked)
