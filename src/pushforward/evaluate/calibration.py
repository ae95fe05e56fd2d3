"""Tests of the margins of a density: simulation-based calibration and probability integral transforms."""

from dataclasses import dataclass
from typing import Literal, final

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._arrays import as_float
from .._errors import bad, require, require_key
from .._types import ArrayLike, Key
from ..bijections._base import AbstractBijection, inverse_batch
from ..distributions._base import AbstractDistribution
from ..distributions.normal import StandardNormal
from ..distributions.pushforward import Pushforward, require_pushforward
from ..parallel.compile import compiled
from ._pairs import checked_pairs, draws, require_conditional
from ._uniformity import SIGNIFICANCE, Levels, departures, uniformity

Finding = Literal["calibrated", "overconfident", "underconfident", "biased", "miscalibrated"]

#: Standard errors beyond which a departure in mean or variance is named as the fault.
CLEAR = 2.0

_METHODS = {
    "sbc": ("Simulation-based calibration", "parameter"),
    "pit": ("The probability integral transform", "column"),
    "base": ("The probability integral transform of the base", "element"),
}


@final
@dataclass(frozen=True, eq=False)
class Calibration:
    """A test whether the ranks or PIT values of truths are uniform on (0, 1) in each column, as under calibration.

    Attributes:
        method: "sbc", "pit" or "base": `sbc_ranks`, `pit` and `exact_pit`, or `base_pit`.
        values: shape (rows, columns), in (0, 1). With draws: (rank + 1/2) / (num_draws + 1).
        num_draws: number of draws for each row; None for values without draws.
        levels: shape (levels,).
        shares: shape (levels, columns), share of values below each level.
        low, high: shape (levels,), a band in which the shares of all columns stay with probability 95 % if all
            columns are calibrated.
        p_values: shape (columns,), p-values times the number of columns (Bonferroni): if all columns are calibrated,
            the smallest is below 0.05 with a probability of 5 %.
    """

    method: Literal["sbc", "pit", "base"]
    values: Float[np.ndarray, "rows columns"]
    num_draws: int | None
    levels: Levels
    shares: Float[np.ndarray, "levels columns"]
    low: Levels
    high: Levels
    p_values: Float[np.ndarray, " columns"]

    @property
    def ranks(self) -> Int[np.ndarray, "rows columns"]:
        """The number of draws below each truth, 0, ..., num_draws.

        Raises:
            ValueError: if the values do not come from draws.
        """
        if self.num_draws is None:
            raise bad("num_draws", "the number of draws", None, "These values were found without draws.")
        return np.floor(self.values * (self.num_draws + 1)).astype(np.int64)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """For each column: calibrated, overconfident, underconfident, biased, or else miscalibrated."""
        columns = zip(self.p_values, *departures(self.values), strict=True)
        return tuple("calibrated" if p > SIGNIFICANCE else direction(mean, var) for p, mean, var in columns)

    def __str__(self) -> str:
        title, column = _METHODS[self.method]
        rows, columns = self.values.shape
        findings = self.findings
        wrong = [j for j, finding in enumerate(findings) if finding != "calibrated"]
        said = f"{title}, {rows:,} rows: "
        if not wrong:
            of = f", the smallest of {columns} {column}s, corrected for their number" if columns > 1 else ""
            return f"{said}calibrated as far as these can show (p = {self.p_values.min():.2g}{of})."
        parts = [f"{column} {j} is {self._describe(j)}" for j in wrong[:5]]
        more = f"; {len(wrong) - 5} more" if len(wrong) > 5 else ""
        rest = f"; no departure in the other {columns - len(wrong)}" if len(wrong) < columns else ""
        return f"{said}{'; '.join(parts)}{more}{rest}."

    def _describe(self, column: int) -> str:
        side = "low" if self.values[:, column].mean() > 0.5 else "high"
        words = {
            "overconfident": "overconfident (too narrow",
            "underconfident": "underconfident (too wide",
            "biased": f"biased (its density lies too {side}",
            "miscalibrated": "miscalibrated (in shape",
        }
        return f"{words[self.findings[column]]}, p = {self.p_values[column]:.2g})"


def sbc_ranks(
    key: Key, posterior: AbstractDistribution, theta: ArrayLike, x: ArrayLike, num_draws: int = 399
) -> Calibration:
    """Rank each true parameter among draws of its posterior: simulation-based calibration.

        r_ij = #{l : θ_lj < θ_ij},   θ_l ~ q(θ | x_i),   uniform on 0, ..., num_draws if q is the posterior

    The test checks one parameter at a time, averaged over all x. It can miss a wrong correlation, or errors of opposite
    sign in different regions of x, and a posterior that ignores x, the prior, passes.

    Arguments:
        key: random key for the draws.
        posterior: a conditional density q(θ | x).
        theta: shape (pairs, *posterior.shape), drawn from the prior.
        x: shape (pairs, *posterior.cond_shape), each simulated with its own row of `theta`.
        num_draws: number of draws for each pair. Histograms are even if num_draws + 1 has many divisors.

    Raises:
        ValueError: if an argument is not as stated, or a draw is not finite.

    Reference:
        "Validating Bayesian Inference Algorithms with Simulation-Based Calibration", Talts, Betancourt, Simpson,
        Vehtari, Gelman, 2018.
    """
    require_conditional(posterior)
    return _by_draws("sbc", ("posterior", "theta", "x"), key, posterior, theta, x, num_draws)


def pit(
    key: Key,
    density: AbstractDistribution,
    x: ArrayLike,
    condition: ArrayLike | None = None,
    *,
    num_draws: int = 399,
) -> Calibration:
    """Return the probability integral transform of each column, F_j(x_ij | c_i), estimated by draws of the density.

    The values are uniform on (0, 1) if the margins of the density, given the conditions, agree with the data. The test
    checks one column at a time, averaged over all conditions, as `sbc_ranks` does for pairs of a simulation.

    Arguments:
        key: random key for the draws.
        density: p(x | c), or p(x).
        x: rows that the density has not been fitted to, shape (rows, *density.shape).
        condition: shape (rows, *density.cond_shape), or None for an unconditional density.
        num_draws: number of draws for each row; values are (rank + 1/2) / (num_draws + 1).

    Raises:
        ValueError: if an argument is not as stated, or a draw is not finite.

    Reference:
        "Probabilistic Forecasts, Calibration and Sharpness", Gneiting, Balabdaoui, Raftery, 2007.
    """
    return _by_draws("pit", ("density", "x", "condition"), key, density, x, condition, num_draws)


def exact_pit(values: ArrayLike) -> Calibration:
    """Test probability integral transforms that are known without draws: F(y_i | x_i), uniform under calibration.

    Arguments:
        values: in [0, 1], shape (rows,), or (rows, targets).

    Raises:
        ValueError: if a value is not in [0, 1].
    """
    given = np.asarray(values, np.float64)
    given = given[:, None] if given.ndim == 1 else given
    right = given.ndim == 2 and given.size > 0 and bool(((given >= 0) & (given <= 1)).all())
    require(right, "values", "numbers in [0, 1], a row for each observation", values)
    return _result("pit", np.clip(given, 1e-12, 1 - 1e-12), None)


def base_pit(flow: Pushforward, x: ArrayLike, condition: ArrayLike | None = None) -> Calibration:
    """Return the probability integral transform of the base, Φ(z_ij) with z_i = f⁻¹(x_i; c_i), without draws.

    If the flow is correct, the z are standard normal and independent. For a single autoregressive layer, Φ(z_j) is the
    transform of the conditional density p(x_j | x_<j, c), so that the test finds the first wrong element in the order
    of the layer. For other flows, an element of z does not belong to a column.

    Arguments:
        flow: a flow with a `StandardNormal` base.
        x: rows that the flow has not been fitted to, shape (rows, *flow.shape).
        condition: shape (rows, *flow.cond_shape), or None for an unconditional flow.

    Raises:
        ValueError: if an argument is not as stated, or a row is outside the support of the flow.

    Reference:
        "Remarks on a Multivariate Transformation", Rosenblatt, 1952.
    """
    from scipy.special import ndtr

    require_pushforward(flow)
    require(isinstance(flow.base, StandardNormal), "flow", "one of a StandardNormal base", type(flow.base).__name__)
    rows, given = checked_pairs(("flow", "x", "condition"), flow, x, condition)
    given = None if given is None else as_float("condition", given)
    z, log_det = (np.asarray(a, np.float64) for a in _to_base(flow.bijection, as_float("x", rows), given))
    wrong = int((~np.isfinite(z).all(axis=1) | ~np.isfinite(log_det)).sum())
    require(wrong == 0, "x", "within the support of the flow", f"`{wrong:,} rows that are not, or map to NaN`")
    return _result("base", ndtr(z), None)


def direction(mean: float, variance: float) -> Finding:
    """Return the fault, given the differences of mean and variance from uniform values, in standard errors."""
    if max(abs(mean), abs(variance)) < CLEAR:
        return "miscalibrated"
    if abs(mean) > abs(variance):
        return "biased"
    return "overconfident" if variance > 0 else "underconfident"


def _by_draws(
    method: Literal["sbc", "pit"],
    names: tuple[str, str, str],
    key: Key,
    density: AbstractDistribution,
    truth: ArrayLike,
    given: ArrayLike | None,
    num_draws: int,
) -> Calibration:
    require_key(key)
    truth, given = checked_pairs(names, density, truth, given)
    ranks = np.zeros(truth.shape, np.int64)
    for block in draws(names[0], density.sample, key, num_draws, truth, given):
        ranks += (block < truth).sum(axis=0)
    return _result(method, (ranks.reshape(len(ranks), -1) + 0.5) / (num_draws + 1), int(num_draws))


def _result(
    method: Literal["sbc", "pit", "base"], values: Float[np.ndarray, "rows columns"], num_draws: int | None
) -> Calibration:
    test = uniformity(values, num_draws)
    return Calibration(method, values, num_draws, test.levels, test.shares, test.low, test.high, test.p_values)


@compiled
def _to_base(bijection: AbstractBijection, x: Array, condition: Array | None) -> tuple[Array, Array]:
    """Return z, shape (rows, elements), and log-determinants, which are non-finite outside the support."""
    last = None if condition is None else jnp.moveaxis(condition, 0, -1)
    z, log_det = inverse_batch(bijection, jnp.moveaxis(x, 0, -1), last)
    return jnp.moveaxis(z, -1, 0).reshape(len(x), -1), log_det
