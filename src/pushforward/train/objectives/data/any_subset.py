"""The likelihood of the parts of a row that are hidden, given a random subset of the others."""

from dataclasses import dataclass
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from ...._errors import require
from ...._types import Key, Scalar, Scalars
from ....columns.any_order import AnyOrder
from ....columns.programs import member_log_probs
from ...rows.batch import Batch
from ...rows.rows import Rows
from ._base import AbstractDataObjective


@final
@dataclass(frozen=True)
class AnySubset(AbstractDataObjective):
    """The mean negative log-likelihood of a row in a random order of its parts, estimated from one step of the order.

        Σ_i w_i  d / (d - k)  Σ_{j hidden} -log p(x_ij | x_iS),   k uniform in 0, ..., d - 1,   S of k random parts

    Its expectation is the mean over all orders of the negative log-density of a row, in nats in the units of the data;
    where cells are missing, about that of the observed cells.

    Arguments:
        targets: the d parts that are modelled; the others are always seen.

    Reference:
        "A Deep and Tractable Density Estimator", Uria, Murray, Larochelle, 2014; "Autoregressive Diffusion Models",
        Hoogeboom, Gritsenko, Bastings, Poole, van den Berg, Salimans, 2022.
    """

    targets: tuple[int, ...]

    @property
    def noisy(self) -> bool:
        """False: cells are used as they are."""
        return False

    @property
    def settings(self) -> dict[str, Any]:
        """The parts that are modelled."""
        return {"objective": "AnySubset", "targets": self.targets}

    def check(self, flow: Any, table: Rows) -> None:
        """Raise a ValueError if there is nothing to model."""
        require(bool(self.targets), "targets", "at least one part", self.targets)

    def start_events(self, x: Array, key: Key) -> Array:
        """Return the cells as they are."""
        return x

    def prepare(self, flow: Any) -> tuple[eqx.Module, AbstractDataObjective]:
        """Return the model and this objective."""
        return flow, self

    def loss(self, model: AnyOrder, batch: Batch, key: Key) -> Scalar:
        """Return the weighted sum of the rows' losses."""
        return jnp.sum(batch.weight * self.row_losses(model, batch, key))

    def row_losses(self, model: AnyOrder, batch: Batch, key: Key) -> Scalars:
        """Return the loss of each row, for one random subset."""
        cells = jnp.moveaxis(jnp.asarray(batch.x), 0, -1)
        observed = ~jnp.isnan(cells[:, 0])
        hidden, weight = self._hidden(key, *observed.shape)
        cells = jnp.where(observed[:, None], cells, 0)
        found = member_log_probs(model.heads, model.network, cells, observed & ~hidden)
        ones = jnp.ones(len(found), found.dtype)
        return -weight.astype(found.dtype) * (ones @ jnp.where(hidden & observed, found, 0))

    def explain(self, model: AnyOrder, batch: Batch, rows: np.ndarray) -> str:
        """Return which parts are not finite."""
        found = np.asarray(self.row_losses(model, batch, jax.random.key(0)))
        wrong = rows[~np.isfinite(found) & (rows >= 0)]
        return f"The likelihood is not finite in row {wrong[0]}." if wrong.size else "Only a gradient is not finite."

    def finish(self, model: AnyOrder) -> tuple[Any, None]:
        """Return the model."""
        return model, None

    def _hidden(self, key: Key, parts: int, n: int) -> tuple[Bool[Array, "parts n"], Scalars]:
        """Return which parts are hidden in each of n rows, and the factor of their likelihood."""
        d = len(self.targets)
        key_count, key_rank = jax.random.split(key)
        # All numbers are equally frequent in a batch, whose rows are in random order.
        count = (jnp.arange(n) + jax.random.randint(key_count, (), 0, d)) % d
        u = jax.random.uniform(key_rank, (d, n))
        rank = jnp.sum((u[:, None] < u[None]).astype(jnp.int32), axis=0)
        hidden = jnp.zeros((parts, n), bool).at[np.asarray(self.targets)].set(rank >= count)
        return hidden, d / (d - count)
