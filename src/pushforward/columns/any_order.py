"""The density of a column given any others, for every column of a table."""

from collections.abc import Sequence
from functools import partial
from typing import Any, TypeAlias, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from .._errors import require, require_count
from .._methods import method
from .._types import Key
from ..networks.subsets._base import AbstractSubsetNetwork
from . import programs
from .chunks import ROWS, in_chunks, pieces
from .heads._base import AbstractHead
from .prefixes import walk

#: Cells of rows: for each row and part its lowest and highest score, and the logarithm of d score / d value.
Table: TypeAlias = Float[Any, "rows parts 3"]
#: Which parts of rows are seen.
Seen: TypeAlias = Bool[Any, "rows parts"]


@final
class AnyOrder(eqx.Module):
    """The probability of each part of a row given any of the others, from one network; a density of whole rows, too.

        p(x_i | x_S) = mean_m head_i(x_i; network_m(x_S, S)),     p(x) = Π_t p(x_{order[t]} | x_{order[:t]})

    Each conditional sums to one, so that p(x) is a density whatever the order; the density of some columns is the
    product over these alone. Other orders give other densities, which agree the better the better the network has
    learned. Rows are *cells* here, see `AbstractHead`; a part that is missing is NaN, and is left out of the product.

    Arguments:
        heads: the densities, one for each part.
        network: from the seen parts to the parameters of every head. Of several members, its arrays have an axis in
            front, and the members' probabilities are averaged.
        order: the order of the parts in the density of a row; by default 0, 1, ....
        members: number of networks.

    Raises:
        ValueError: if the network does not fit the heads, or the order is not one.

    Reference:
        "A Deep and Tractable Density Estimator", Uria, Murray, Larochelle, 2014; "Autoregressive Diffusion Models",
        Hoogeboom, Gritsenko, Bastings, Poole, van den Berg, Salimans, 2022; "Arbitrary Conditional Distributions with
        Energy", Strauss, Oliva, 2021.
    """

    heads: tuple[AbstractHead, ...]
    network: AbstractSubsetNetwork
    order: tuple[int, ...] = eqx.field(static=True)
    members: int = eqx.field(static=True)

    def __init__(
        self,
        heads: Sequence[AbstractHead],
        network: AbstractSubsetNetwork,
        order: Sequence[int] | None = None,
        members: int = 1,
    ):
        self.heads = tuple(heads)
        self.network = network
        self.order = tuple(range(len(self.heads))) if order is None else tuple(int(i) for i in order)
        self.members = require_count("members", members)

    def __check_init__(self) -> None:
        """Check that the parts fit together."""
        parts = len(self.heads)
        sizes = tuple(h.num_features for h in self.heads), tuple(h.num_params for h in self.heads)
        found = self.network.num_features, self.network.num_params
        require(found == sizes, "network", f"of the features and parameters of the heads, {sizes}", f"`{found}`")
        require(sorted(self.order) == list(range(parts)), "order", f"a permutation of 0, ..., {parts - 1}", self.order)

    @method
    def log_probs(self, cells: Table, seen: Seen) -> Float[np.ndarray, "rows parts"]:
        """Return log p(part | seen parts) of every part of each row, in nats; NaN where it is missing.

        The numbers of seen parts mean nothing.

        Arguments:
            cells: the rows.
            seen: which parts are given; a part that is missing is not seen.
        """
        seen = np.asarray(seen, bool) & ~np.isnan(cells[..., 0])
        found = in_chunks(partial(programs.log_probs, self), _filled(cells), seen)[0]
        return np.where(np.isnan(cells[..., 0]), np.nan, found)

    @method
    def log_prob_parts(
        self, cells: Table, given: Seen | None = None, order: Sequence[int] | None = None
    ) -> Float[np.ndarray, "rows parts"]:
        """Return what each part of a row adds to its log-density given some parts: the rows' sums are log-densities.

        Arguments:
            cells: the rows; NaN where missing.
            given: which parts are conditions; none by default.
            order: the order of the others; that of the model by default.

        Returns:
            Log-probabilities in nats; zero for parts that are missing or given.
        """
        observed = ~np.isnan(cells[..., 0])
        known = np.zeros(observed.shape, bool) if given is None else np.asarray(given, bool) & observed
        steps = np.asarray(self.order if order is None else order, np.int32)
        cells, wanted = _filled(cells), observed & ~known
        found = np.zeros(observed.shape, jnp.result_type(float))

        def act(part: Any, params: np.ndarray, prefix: np.ndarray) -> None:
            program = partial(programs.log_prob_of, self, part)
            for rows in pieces(np.flatnonzero(wanted[:, part])):
                found[rows, part] = in_chunks(program, params[prefix[rows]], cells[rows, part])[0]
                known[rows, part] = True

        done = walk(self, cells, known, steps, act)
        if done < len(steps):
            rest = in_chunks(partial(programs.chain, self, steps, np.int32(done)), cells, known, wanted & ~known)[0]
            found = np.where(wanted & ~known, rest, found)
        return found

    @method
    def sample(
        self, key: Key, cells: Table, given: Seen, order: Sequence[int] | None = None, missing: Seen | None = None
    ) -> Float[np.ndarray, "rows parts"]:
        """Return rows of scores in which the parts that are not given are drawn, given the others.

        Arguments:
            key: decides the draws.
            cells: one row for each draw.
            given: which of its parts are given.
            order: of the draws; that of the model by default.
            missing: parts that stay missing, NaN: neither drawn nor seen by others.
        """
        given = np.asarray(given, bool) & ~np.isnan(cells[..., 0])
        wanted = ~given if missing is None else ~given & ~np.asarray(missing, bool)
        steps = np.asarray(self.order if order is None else order, np.int32)
        cells, known = _filled(cells), given.copy()
        scores = cells[..., :2].mean(axis=-1)
        key_shared, key_rest = jax.random.split(key)

        def act(part: Any, params: np.ndarray, prefix: np.ndarray) -> None:
            keys = jax.random.split(jax.random.fold_in(key_shared, part), -(-len(cells) // ROWS))
            for key, rows in zip(keys, pieces(np.flatnonzero(wanted[:, part])), strict=False):
                program = partial(programs.draws_of, self, part, key)
                scores[rows, part], cells[rows, part] = in_chunks(program, params[prefix[rows]])
            known[:, part] |= wanted[:, part]

        done = walk(self, cells, known, steps, act)
        if done < len(steps):
            keys = jax.random.split(key_rest, -(-len(cells) // ROWS) or 1)
            draws = [
                in_chunks(partial(programs.draws, self, steps, np.int32(done), k), *own)[0]
                for k, *own in zip(keys, pieces(cells), pieces(known), pieces(wanted & ~known), strict=True)
            ]
            scores = np.where(known, scores, np.concatenate(draws))
        return np.where(given | wanted, scores, np.nan)

    @method
    def cdf(self, cells: Table, seen: Seen, part: int, scores: Float[Any, "rows k"]) -> Float[np.ndarray, "rows k"]:
        """Return the probability that a part has a score up to each of k scores, given the seen parts of its row."""
        seen = np.asarray(seen, bool) & ~np.isnan(cells[..., 0])
        return in_chunks(partial(programs.cdf, self, part), _filled(cells), seen, np.asarray(scores))[0]

    @method
    def nodes(
        self, cells: Table, seen: Seen, part: int
    ) -> tuple[Float[np.ndarray, "rows k"], Float[np.ndarray, "rows k"]]:
        """Return scores and weights: the mean of g(score) of a part, given the seen ones, is about Σ_k w_k g(s_k)."""
        seen = np.asarray(seen, bool) & ~np.isnan(cells[..., 0])
        scores, weights = in_chunks(partial(programs.nodes, self, part), _filled(cells), seen)
        return scores, weights

    @method
    def quantiles(
        self, cells: Table, seen: Seen, part: int, levels: Float[Any, "rows k"]
    ) -> Float[np.ndarray, "rows k"]:
        """Return the scores of a part that have these levels of probability below them, given the seen parts."""
        seen = np.asarray(seen, bool) & ~np.isnan(cells[..., 0])
        return in_chunks(partial(programs.quantiles, self, part), _filled(cells), seen, np.asarray(levels))[0]


def _filled(cells: np.ndarray) -> np.ndarray:
    """Return cells with zeros in place of NaN; -inf, of a value that cannot be, stays."""
    return np.where(np.isnan(cells), 0.0, cells)
