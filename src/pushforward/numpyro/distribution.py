"""A flow as a NumPyro distribution."""

import copy
from functools import partial
from typing import Any, cast, final

import jax
import jax.numpy as jnp
from jaxtyping import Array
from numpyro.distributions import Distribution
from numpyro.distributions.batch_util import promote_batch_shape
from numpyro.distributions.constraints import Constraint

from .._arrays import as_float
from .._errors import bad
from .._shapes import is_shape
from .._types import ArrayLike, Condition
from ..distributions import AbstractDistribution
from ..distributions._conditions import checked_condition
from ._support import support_of


@final
class FlowDistribution(Distribution):
    """A flow as a NumPyro distribution: a prior, a likelihood or a transition learned from draws.

        numpyro.sample("theta", FlowDistribution(flow))

    It is a JAX pytree whose arrays are those of the flow, and works in `plate`, `expand`, `mask`, `scan`, NUTS and
    SVI. Draws are differentiable with respect to the flow's parameters.

    Arguments:
        flow: any distribution of this package; its `shape` is the event shape.
        condition: shape (..., *flow.cond_shape), for a conditional flow; its leading axes are the batch shape. May
            depend on other sites.
        support: a NumPyro constraint on one event; by default the constraint of `flow.support`, if the flow maps all
            real arrays onto it.
        validate_args: as for every NumPyro distribution.

    Raises:
        ValueError: if `flow` is not a distribution of this package or is conditioned on a tree of arrays, `condition`
            does not fit it or is missing, or the support is not known from the flow.
    """

    pytree_data_fields = ("flow", "condition", "_support", "_added")

    def __init__(
        self,
        flow: AbstractDistribution,
        condition: ArrayLike | None = None,
        *,
        support: Constraint | None = None,
        validate_args: bool | None = None,
    ):
        if not isinstance(flow, AbstractDistribution):
            raise bad("flow", "a distribution of pushforward", flow)
        if flow.cond_shape is not None and not is_shape(flow.cond_shape):
            remedy = "Fix the condition by `pushforward.distributions.Conditioned(flow, condition)`."
            raise bad("flow", "conditioned on one array, or on nothing", f"`cond_shape {flow.cond_shape}`", remedy)
        self.flow = flow
        self.condition, batch_shape = checked_condition(flow.cond_shape, condition)
        self._support = support_of(flow) if support is None else support
        # `scan` and `vmap` add an axis in front of every array; this scalar records the added axes.
        self._added = jnp.zeros(())
        Distribution.__init__(self, batch_shape, flow.shape, validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        """Where the density is positive."""
        support = cast(Constraint, self._support)
        return jax.tree.map(lambda a: a[(0,) * self._added.ndim], support) if self._added.ndim else support

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Array:
        """Return draws, shape (*sample_shape, *batch_shape, *event_shape)."""
        return self.sample_with_intermediates(key, sample_shape)[0]

    def sample_with_intermediates(self, key: Any, sample_shape: tuple[int, ...] = ()) -> tuple[Array, list[Array]]:
        """Return draws and, for `log_prob`, their log-densities, which cost almost nothing here."""
        x, log_prob = _draw(self.flow, self.condition, self._added, key, sample_shape=tuple(sample_shape))
        return x, [log_prob]

    def log_prob(self, value: Any, intermediates: list[Any] | None = None) -> Array:
        """Return the log-density of each event, in nats."""
        if intermediates:
            return intermediates[0]
        value = as_float("value", value)
        batch = value.shape[: value.ndim - self.event_dim]
        value = jnp.broadcast_to(value, jnp.broadcast_shapes(batch, self.batch_shape) + self.event_shape)
        axis = value.ndim - self.event_dim - len(self.batch_shape)
        return _log_prob(self.flow, self.condition, self._added, value, axis=axis)


def _log_prob(flow: AbstractDistribution, condition: Condition, added: Array, value: Array, *, axis: int) -> Array:
    """Return log-densities under flows with axes `added` in front of their arrays, which match `value` from `axis`."""
    if added.ndim == 0:
        return flow.log_prob(value, condition)
    if len(added) == 1:
        flow, condition, added = jax.tree.map(lambda a: a[0], (flow, condition, added))
        return _log_prob(flow, condition, added, value, axis=axis + 1)
    return jax.vmap(partial(_log_prob, axis=axis), (0, 0, 0, axis), axis)(flow, condition, added, value)


def _draw(
    flow: AbstractDistribution, condition: Condition, added: Array, key: Any, *, sample_shape: tuple[int, ...]
) -> tuple[Array, Array]:
    """Return draws and their log-densities from flows with axes `added` in front of their arrays."""
    if added.ndim == 0:
        return flow.sample_and_log_prob(key, sample_shape, condition)
    draw = jax.vmap(partial(_draw, sample_shape=sample_shape), out_axes=len(sample_shape))
    return draw(flow, condition, added, jax.random.split(key, len(added)))


@promote_batch_shape.register(FlowDistribution)
def _promote(d: FlowDistribution) -> Any:
    """Return a distribution that `scan` has changed, with its new batch shape."""
    new = copy.copy(d)
    one = len(d.flow.cond_shape or ())
    new._batch_shape = d._added.shape if d.condition is None else d.condition.shape[: d.condition.ndim - one]
    return new
