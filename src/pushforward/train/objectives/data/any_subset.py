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

#: Shares of the rows in which the parts that are seen are the first of the order, and in which marks are parts.
IN_ORDER, WITH_MARKS = 1 / 3, 1 / 2


@final
@dataclass(frozen=True)
class AnySubset(AbstractDataObjective):
    """The mean negative log-likelihood of a row in a random order of its parts, estimated from one step of the order.

        Σ_i w_i  d / (d - k)  Σ_{j hidden} -log p(x_ij | x_iS),   k uniform in 0, ..., d - 1,   S of k random parts

    Its expectation is the mean over all orders of the negative log-density of a row, in nats in the units of the data;
    where cells are missing, about that of the observed cells. In a third of the rows S is the beginning of one order,
    that of densities and draws, which most of what is asked of a model begins with.

    A mark tells whether a cell is missing. In half of the rows marks are among the parts, and seen wherever S asks for
    what they mark: else rows without a cell would be too frequent among those in which it is not seen. In the other
    half marks are neither seen nor modelled, as in the density of the observed cells.

    Arguments:
        targets: the d parts that are modelled; the others are always seen.
        order: the order of the targets in densities and draws; by default as they are.
        marks: for each part that is a mark, itself and the parts that it marks.

    Reference:
        "A Deep and Tractable Density Estimator", Uria, Murray, Larochelle, 2014; "Autoregressive Diffusion Models",
        Hoogeboom, Gritsenko, Bastings, Poole, van den Berg, Salimans, 2022.
    """

    targets: tuple[int, ...]
    order: tuple[int, ...] = ()
    marks: tuple[tuple[int, tuple[int, ...]], ...] = ()

    @property
    def noisy(self) -> bool:
        """False: cells are used as they are."""
        return False

    @property
    def settings(self) -> dict[str, Any]:
        """The parts that are modelled, their order, and the marks."""
        return {"objective": "AnySubset", "targets": self.targets, "order": self.order, "marks": self.marks}

    def check(self, flow: Any, table: Rows) -> None:
        """Raise a ValueError if there is nothing to model."""
        require(bool(self.targets), "targets", "at least one part", self.targets)
        known = sorted(self.order) == sorted(self.targets) or not self.order
        require(known, "order", f"the targets {self.targets} in any order", self.order)
        marked = [part for mark, parts in self.marks for part in (mark, *parts)]
        others = set(self.targets) - {mark for mark, _ in self.marks}
        require(set(marked) <= set(self.targets), "marks", f"of the targets {self.targets}", self.marks)
        require(bool(others), "targets", "at least one part that is no mark", self.targets)

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
        hidden, judged, weight = self._hidden(key, *observed.shape)
        cells = jnp.where(observed[:, None], cells, 0)
        found = member_log_probs(model.heads, model.network, cells, observed & ~hidden)
        ones = jnp.ones(len(found), found.dtype)
        return -weight.astype(found.dtype) * (ones @ jnp.where(judged & observed, found, 0))

    def explain(self, model: AnyOrder, batch: Batch, rows: np.ndarray) -> str:
        """Return which parts are not finite."""
        found = np.asarray(self.row_losses(model, batch, jax.random.key(0)))
        wrong = rows[~np.isfinite(found) & (rows >= 0)]
        return f"The likelihood is not finite in row {wrong[0]}." if wrong.size else "Only a gradient is not finite."

    def finish(self, model: AnyOrder) -> tuple[Any, None]:
        """Return the model."""
        return model, None

    def _hidden(self, key: Key, parts: int, n: int) -> tuple[Bool[Array, "parts n"], Bool[Array, "parts n"], Scalars]:
        """Return which parts are hidden in each of n rows, which of these are judged, and the factor of their loss."""
        targets, d = np.asarray(self.targets), len(self.targets)
        is_mark = np.isin(targets, [mark for mark, _ in self.marks])
        key_count, key_rank, key_order, key_marks = jax.random.split(key, 4)
        with_marks = jax.random.bernoulli(key_marks, WITH_MARKS, (n,))
        left_out = is_mark[:, None] & ~with_marks
        own = jnp.where(with_marks, d, d - int(is_mark.sum()))
        # All numbers are equally frequent in a batch, whose rows are in random order.
        count = (jnp.arange(n) + jax.random.randint(key_count, (), 0, d)) % own
        place = [(self.order or self.targets).index(part) / d for part in self.targets]
        in_order = jax.random.bernoulli(key_order, IN_ORDER, (n,))
        u = jnp.where(in_order, jnp.asarray(place)[:, None], jax.random.uniform(key_rank, (d, n)))
        u = jnp.where(left_out, 2.0, u)
        rank = jnp.sum((u[:, None] < u[None]).astype(jnp.int32), axis=0)
        hidden = jnp.zeros((parts, n), bool).at[targets].set((rank >= count) | left_out)
        judged = hidden.at[targets].set(hidden[targets] & ~left_out)
        for mark, marked in self.marks:
            told = with_marks & ~hidden[np.asarray(marked)].all(axis=0)
            hidden, judged = (which.at[mark].set(which[mark] & ~told) for which in (hidden, judged))
        return hidden, judged, own / (own - count)
