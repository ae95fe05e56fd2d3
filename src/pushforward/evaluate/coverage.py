"""Expected coverage of credible regions: highest-density regions, and balls around random points."""

from dataclasses import dataclass
from typing import Literal, final

import jax
import numpy as np
from jaxtyping import Float

from .._errors import require, require_key
from .._types import ArrayLike, Key
from ..distributions._base import AbstractDistribution
from ._pairs import checked_pairs, draws, require_conditional
from ._uniformity import SIGNIFICANCE, Levels, departures, uniformity
from .calibration import CLEAR, Finding, direction


@final
@dataclass(frozen=True, eq=False)
class Coverage:
    """Share of truths inside the credible regions of a density, for each credibility level.

    Attributes:
        method: "hpd" or "tarp": `expected_coverage` or `tarp`.
        levels: credibility levels, shape (levels,).
        coverage: share of truths inside the region of each level; the level itself if the density is calibrated.
        low, high: a band in which the whole curve stays with probability 95 % if the density is calibrated.
        p_value: p-value of the whole curve.
        values: shape (pairs,), the level above which the region contains the truth of each pair.
        num_draws: number of draws for each pair.
    """

    method: Literal["hpd", "tarp"]
    levels: Levels
    coverage: Levels
    low: Levels
    high: Levels
    p_value: float
    values: Float[np.ndarray, " pairs"]
    num_draws: int

    @property
    def finding(self) -> Finding:
        """Calibrated, overconfident, underconfident, biased, or else miscalibrated."""
        if self.p_value > SIGNIFICANCE:
            return "calibrated"
        mean, variance = (float(d[0]) for d in departures(self.values[:, None]))
        if self.method == "tarp":
            return direction(mean, variance)
        # Regions may be too small at all levels, too large at all levels, or each at some levels.
        if abs(mean) < max(CLEAR, abs(variance)):
            return "miscalibrated"
        return "overconfident" if mean > 0 else "underconfident"

    def __str__(self) -> str:
        title = {"hpd": "Coverage of highest-density regions", "tarp": "TARP coverage"}[self.method]
        words = {
            "calibrated": "calibrated as far as these can show",
            "overconfident": "overconfident, regions hold the truth too seldom (too narrow, or misplaced)",
            "underconfident": "underconfident, regions hold the truth too often (too wide)",
            "biased": "biased, truths lie on one side of the draws as seen from the reference points",
            "miscalibrated": "miscalibrated, regions of some levels are too small, of others too large",
        }
        if self.method == "tarp":
            words["overconfident"] = "overconfident, draws crowd on one side of the truth (too narrow, or misplaced)"
            words["underconfident"] = "underconfident, draws scatter further than the truth (too wide)"
        return f"{title}, {self.values.size:,} pairs: {words[self.finding]} (p = {self.p_value:.2g})."


def expected_coverage(
    key: Key, posterior: AbstractDistribution, theta: ArrayLike, x: ArrayLike, *, num_draws: int = 399
) -> Coverage:
    """Return the share of pairs whose truth lies in the highest-density region of each level.

        C(1 - α) = P(θ in the smallest region of mass 1 - α of q(· | x)),   1 - α for the posterior

    The test checks all parameters together by one number, the rank of log q(θ | x) among its values at draws. A curve
    below the diagonal shows overconfidence. The test does not see the direction of an error: bias also shows as
    overconfidence, and a posterior that ignores x, the prior, passes.

    Arguments:
        key: random key for the draws.
        posterior: a conditional density q(θ | x).
        theta: shape (pairs, *posterior.shape), drawn from the prior.
        x: shape (pairs, *posterior.cond_shape), each simulated with its own row of `theta`.
        num_draws: number of draws for each pair.

    Raises:
        ValueError: if an argument is not as stated, a draw is not finite, or the density of a truth is NaN.

    Reference:
        "A Trust Crisis In Simulation-Based Inference? Your Posterior Approximations Can Be Unfaithful", Hermans,
        Delaunoy, Rozet, Wehenkel, Begy, Louppe, 2022.
    """
    truth, given = _pairs(key, posterior, theta, x)
    draw_key, tie_key = jax.random.split(key)
    of_truth = np.asarray(posterior.log_prob(truth, given))
    wrong = int(np.isnan(of_truth).sum())
    require(wrong == 0, "theta", "of a density that is a number", f"`NaN in {wrong:,} of {len(truth):,} rows`")
    above, equal = np.zeros(len(truth), np.int64), np.zeros(len(truth), np.int64)
    for _, log_prob in draws("posterior", posterior.sample_and_log_prob, draw_key, num_draws, truth, given):
        above += (log_prob > of_truth).sum(axis=0)
        equal += (log_prob == of_truth).sum(axis=0)
    # Where a density is flat, the smallest region is not unique; ties are broken at random.
    above += np.floor(np.asarray(jax.random.uniform(tie_key, (len(truth),))) * (equal + 1)).astype(np.int64)
    return _result("hpd", above, num_draws)


def tarp(
    key: Key,
    posterior: AbstractDistribution,
    theta: ArrayLike,
    x: ArrayLike,
    *,
    num_draws: int = 399,
    references: ArrayLike | None = None,
) -> Coverage:
    """Return the coverage of balls around random points (TARP: tests of accuracy with random points), from draws alone.

        f_i = share of draws of q(θ | x_i) nearer to r_i than θ_i,   uniform if q is the posterior, for all r_i

    Distances are Euclidean, with each parameter in units of the range of `theta`. By default, the points r_i are
    uniform in the bounding box of `theta` and do not depend on x, so that a posterior that ignores x, the prior,
    passes. It fails with `references` that depend on x.

    Arguments:
        key: random key for the draws and the points.
        posterior: a conditional density q(θ | x).
        theta: shape (pairs, *posterior.shape), drawn from the prior.
        x: shape (pairs, *posterior.cond_shape), each simulated with its own row of `theta`.
        num_draws: number of draws for each pair.
        references: r, shape of `theta`; any function of x and random numbers, but not of `theta`.

    Raises:
        ValueError: if an argument is not as stated, or a draw is not finite.

    Reference:
        "Sampling-Based Accuracy Testing of Posterior Estimators for General Inference", Lemos, Coogan, Hezaveh,
        Perreault-Levasseur, 2023.
    """
    truth, given = _pairs(key, posterior, theta, x)
    draw_key, point_key = jax.random.split(key)
    low, width = truth.min(axis=0), np.ptp(truth, axis=0)
    if references is None:
        points = low + width * np.asarray(jax.random.uniform(point_key, truth.shape))
    else:
        points = checked_pairs(("posterior", "references", "x"), posterior, references, x)[0]
    unit = np.where(width > 0, width, 1)

    def distance(parameters: np.ndarray) -> np.ndarray:
        scaled = ((parameters - points) / unit).reshape(*parameters.shape[: parameters.ndim - truth.ndim + 1], -1)
        return (scaled**2).sum(axis=-1)

    of_truth, nearer = distance(truth), np.zeros(len(truth), np.int64)
    for block in draws("posterior", posterior.sample, draw_key, num_draws, truth, given):
        nearer += (distance(block) < of_truth).sum(axis=0)
    return _result("tarp", nearer, num_draws)


def _pairs(
    key: Key, posterior: AbstractDistribution, theta: ArrayLike, x: ArrayLike
) -> tuple[np.ndarray, np.ndarray | None]:
    require_key(key)
    require_conditional(posterior)
    return checked_pairs(("posterior", "theta", "x"), posterior, theta, x)


def _result(method: Literal["hpd", "tarp"], ranks: np.ndarray, num_draws: int) -> Coverage:
    values = (ranks + 0.5) / (num_draws + 1)
    test = uniformity(values[:, None], num_draws)
    p_value = float(test.p_values[0])
    return Coverage(method, test.levels, test.shares[:, 0], test.low, test.high, p_value, values, int(num_draws))
