"""Fit the location and scale that a flow carries to the data it will learn."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ...bijections._base import AbstractBijection, condition_for
from ...bijections.composites.chain import Chain
from ...bijections.composites.reshape import Reshape
from ...bijections.fitted.regress import Regress
from ...bijections.fitted.standardize import Standardize
from ...bijections.fitted.standardize_condition import StandardizeCondition
from ...bijections.fitted.whiten import Whiten
from ...distributions.pushforward import Pushforward
from ...numerics.moments import Moments, covariance, moments
from ...numerics.safe import compress_tails
from ..loop.result import Flow
from ..rows.rows import Rows, blocks, float_dtype

#: Most columns of which a matrix of correlations is made; beyond, it would cost more than the rest of a flow.
MAX_CORRELATED = 1000
#: Smallest ridge of a regression, relative to the variance of a condition: what is linear but for rounding is left with
#: a scale that float32 can tell from zero.
MIN_RIDGE = 1e-4
#: Smallest variance, relative to the columns', that is kept in any direction.
MIN_VARIANCE = 1e-7

#: One event and its condition, changed on the way from the data into a flow.
Step = Callable[[Any, Any], tuple[Any, Any]]


def standardize(flow: Flow, table: Rows, rows: np.ndarray, of_x: Moments, of_condition: Moments | None) -> Flow:
    """Return `flow` with its unfitted `Standardize`, `Whiten`, `Regress` and `StandardizeCondition` fitted to the data.

    The flow's bijection is walked from the data end through `Chain`, `Reshape` and `StandardizeCondition`.
    Each of them sees the data pulled back through the bijections after it.

    Arguments:
        flow: any distribution; one that is no `Pushforward` is returned unchanged.
        table: the data.
        rows: indices of the training rows.
        of_x: moments of these rows of x, as they are.
        of_condition: the same of the condition.
    """
    if not isinstance(flow, Pushforward):
        return flow
    view = _View(table, rows, of_x, of_condition, ())
    return eqx.tree_at(lambda f: f.bijection, flow, _fit(flow.bijection, view))


@final
@dataclass(frozen=True)
class _View:
    """The training rows as seen through some steps into the flow."""

    table: Rows
    rows: np.ndarray
    of_x: Moments
    of_condition: Moments | None
    steps: tuple[Step, ...]

    def through(self, step: Step) -> "_View":
        return replace(self, steps=(*self.steps, step))

    def moments(self, of_condition: bool) -> Moments | None:
        known = self.of_condition if of_condition else self.of_x
        return moments(self.parts(int(of_condition))) if self.steps else known

    def parts(self, *which: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield blocks (rows, columns) of x (0), the condition (1) or both side by side (0, 1), and the weights."""

        @jax.jit
        def pull_back(*event: Any) -> Any:
            for step in self.steps:
                event = step(*event)
            return jnp.concatenate([event[i].ravel() for i in which])

        pull_back_all = jax.vmap(pull_back)
        for start, block in blocks(self.table.x, self.rows):
            part = self.rows[start : start + len(block)]
            batch = self.table.batches(part, 1.0)
            values = np.asarray(pull_back_all(batch.x, batch.condition), np.float64)
            yield values, batch.weight.astype(np.float64)


def _fit(bijection: AbstractBijection, view: _View) -> AbstractBijection:
    if not _is_pending(bijection):
        return bijection
    if isinstance(bijection, Standardize):
        loc, scale = _loc_scale(view.moments(of_condition=False), bijection.loc, view.table.x)
        return Standardize(loc, scale)
    if isinstance(bijection, Whiten):
        return _whiten(bijection, view)
    if isinstance(bijection, Regress):
        return _regress(bijection, view)
    if isinstance(bijection, StandardizeCondition):
        loc, scale = bijection.loc, bijection.scale
        if not bijection.fitted and view.table.condition is not None:
            loc, scale = _loc_scale(view.moments(of_condition=True), loc, view.table.condition)
        fitted = StandardizeCondition(bijection.bijection, loc, scale)
        inner = _fit(fitted.bijection, view.through(lambda x, c: (x, fitted.standardize(c))))
        return StandardizeCondition(inner, loc, scale)
    if isinstance(bijection, Reshape):
        shape = bijection.bijection.shape
        inner = _fit(bijection.bijection, view.through(lambda x, c: (x.reshape(shape), c)))
        return eqx.tree_at(lambda b: b.bijection, bijection, inner)
    if isinstance(bijection, Chain):
        parts: list[AbstractBijection] = []
        for part in reversed(bijection.bijections):
            part = _fit(part, view)
            view = view.through(lambda x, c, b=part: (b.inverse(x, condition_for(b, c)), c))
            parts.insert(0, part)
        return Chain(parts)
    return bijection


def _whiten(bijection: Whiten, view: _View) -> Whiten:
    """Return the Cholesky factor of the covariance, its correlations scaled down by 1 - (dim / rows)².

    That keeps it positive definite where rows are few: with no more rows than columns there are none.
    Beyond `MAX_CORRELATED` elements it stays the identity.
    """
    dim = bijection.shape[0]
    if dim > MAX_CORRELATED:
        return Whiten(bijection.matrix)
    matrix = covariance(view.parts(0))
    variances = np.where(np.diag(matrix) > 0, np.diag(matrix), 1.0)
    shrunk = np.diag(variances) + (matrix - np.diag(np.diag(matrix))) * (1 - min(1.0, dim / len(view.rows)) ** 2)
    values, vectors = np.linalg.eigh(shrunk / np.sqrt(np.outer(variances, variances)))
    correlations = (vectors * np.maximum(values, MIN_VARIANCE)) @ vectors.T
    factor = np.sqrt(variances)[:, None] * np.linalg.cholesky(correlations)
    return Whiten(jnp.asarray(factor, jnp.result_type(bijection.matrix, float_dtype(view.table.x))))


def _regress(bijection: Regress, view: _View) -> Regress:
    """Return the ridge regression of x on the condition, with a ridge of columns / rows * noise / signal.

    That is the best one if all coefficients together explain the variance that is called signal: the fewer the rows,
    the smaller the coefficients. Noise and signal of each element of x are those of a ridge of columns / rows. Beyond
    `MAX_CORRELATED` columns, and without conditions, it stays the identity.

    Reference:
        "Ridge Regression: Some Simulations", Hoerl, Kennard, Baldwin, 1975.
    """
    dim, columns = bijection.coefficients.shape
    if dim + columns > MAX_CORRELATED or view.table.condition is None:
        return Regress(bijection.coefficients, bijection.intercept)
    seen_view = view.through(lambda x, c: (x, compress_tails(c)))
    loc = moments(seen_view.parts(0, 1)).loc
    joint = covariance(seen_view.parts(0, 1))
    scale = np.sqrt(np.where(np.diag(joint) > 0, np.diag(joint), 1.0))[dim:]
    values, vectors = np.linalg.eigh(joint[dim:, dim:] / np.outer(scale, scale))
    values = np.maximum(values, 0.0)[:, None]
    of_x = vectors.T @ (joint[dim:, :dim] / scale[:, None])

    def solve(ridge: np.ndarray) -> np.ndarray:
        return of_x / (values + np.maximum(ridge, MIN_RIDGE))

    share = columns / len(view.rows)
    signal = (values * np.square(solve(np.full(dim, share)))).sum(axis=0)
    noise = np.maximum(np.diag(joint)[:dim] - signal, 0.0)
    ridge = share * noise / np.maximum(signal, 1e-12)
    coefficients = (vectors @ solve(ridge) / scale[:, None]).T
    intercept = loc[:dim] - coefficients @ loc[dim:]
    dtype = jnp.result_type(bijection.coefficients, float_dtype(view.table.x))
    return Regress(jnp.asarray(coefficients, dtype), jnp.asarray(intercept, dtype))


def _is_pending(bijection: AbstractBijection) -> bool:
    def pending(node: Any) -> bool:
        return isinstance(node, (Standardize, StandardizeCondition, Whiten, Regress)) and not node.fitted

    return any(pending(leaf) for leaf in jax.tree.leaves(bijection, is_leaf=pending))


def _loc_scale(of: Moments | None, like: jax.Array, data: np.ndarray) -> tuple[jax.Array, jax.Array]:
    """Return location and scale as arrays shaped as `like`; a column that does not vary keeps scale one."""
    if of is None:
        return like, jnp.ones_like(like)
    dtype = jnp.result_type(like, float_dtype(data))
    scale = np.where(of.scale > 0, of.scale, 1.0)
    return jnp.asarray(of.loc.reshape(like.shape), dtype), jnp.asarray(scale.reshape(like.shape), dtype)
