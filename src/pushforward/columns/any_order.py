"""The density of a column given any others, for every column of a table."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._errors import require, require_count
from .._types import Key
from ..networks.subsets._base import AbstractSubsetNetwork
from ..parallel.compile import compiled
from ..parallel.members import for_each
from .heads._base import AbstractHead

#: Cells of rows: for each row and part its lowest and highest score, and the logarithm of d score / d value.
Table: TypeAlias = Float[Any, "rows parts 3"]
#: Which parts of rows are seen.
Seen: TypeAlias = Bool[Any, "rows parts"]
#: Rows of one call of a compiled program: one of these.
SIZES = (64, 1024, 8192)
ROWS = SIZES[-1]


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

    def log_probs(self, cells: Table, seen: Seen) -> Float[np.ndarray, "rows parts"]:
        """Return log p(part | seen parts) of every part of each row, in nats; NaN where it is missing.

        The numbers of seen parts mean nothing.

        Arguments:
            cells: the rows.
            seen: which parts are given; a part that is missing is not seen.
        """
        seen = np.asarray(seen, bool) & ~np.isnan(cells[..., 0])
        found = in_chunks(partial(_log_probs, self), np.nan_to_num(cells), seen)[0]
        return np.where(np.isnan(cells[..., 0]), np.nan, found)

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
        given = np.zeros(observed.shape, bool) if given is None else np.asarray(given, bool) & observed
        order = np.asarray(self.order if order is None else order, np.int32)
        return in_chunks(partial(_chain, self, order), np.nan_to_num(cells), given, observed & ~given)[0]

    def sample(
        self, key: Key, cells: Table, given: Seen, order: Sequence[int] | None = None
    ) -> Float[np.ndarray, "rows parts"]:
        """Return rows of scores in which the parts that are not given are drawn, given the others.

        Arguments:
            key: decides the draws.
            cells: one row for each draw.
            given: which of its parts are given.
            order: of the draws; that of the model by default.
        """
        given = np.asarray(given, bool) & ~np.isnan(cells[..., 0])
        order = np.asarray(self.order if order is None else order, np.int32)
        keys = jax.random.split(key, -(-len(cells) // ROWS) or 1)
        draws = [
            in_chunks(partial(_draws, self, order, k), np.nan_to_num(part), kept)[0]
            for k, part, kept in zip(keys, _pieces(cells), _pieces(given), strict=True)
        ]
        return np.concatenate(draws)

    def cdf(self, cells: Table, seen: Seen, part: int, scores: Float[Any, "rows k"]) -> Float[np.ndarray, "rows k"]:
        """Return the probability that a part has a score up to each of k scores, given the seen parts of its row."""
        seen = np.asarray(seen, bool) & ~np.isnan(cells[..., 0])
        return in_chunks(partial(_cdf, self, part), np.nan_to_num(cells), seen, np.asarray(scores))[0]

    def quantiles(
        self, cells: Table, seen: Seen, part: int, levels: Float[Any, "rows k"]
    ) -> Float[np.ndarray, "rows k"]:
        """Return the scores of a part that have these levels of probability below them, given the seen parts."""
        seen = np.asarray(seen, bool) & ~np.isnan(cells[..., 0])
        return in_chunks(partial(_quantiles, self, part), np.nan_to_num(cells), seen, np.asarray(levels))[0]


def in_chunks(program: Any, *rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return what a compiled program gives for arrays of rows, a bounded number of rows at a time.

    They are padded to one of a few sizes, so that few programs are compiled.
    """
    count = len(rows[0])
    dtype = jnp.result_type(float)
    found: list[tuple[np.ndarray, ...]] = []
    for start in range(0, max(count, 1), ROWS):
        part = [a[start : start + ROWS] for a in rows]
        size = len(part[0])
        wanted = next(bucket for bucket in SIZES if bucket >= size)
        padded = [np.concatenate([a, np.zeros((wanted - size, *a.shape[1:]), a.dtype)]) for a in part]
        padded = [a if a.dtype == bool else a.astype(dtype) for a in padded]
        result = program(*padded)
        result = result if isinstance(result, tuple) else (result,)
        found.append(tuple(np.asarray(a)[:size] for a in result))
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def _pieces(a: np.ndarray) -> list[np.ndarray]:
    return [a[start : start + ROWS] for start in range(0, max(len(a), 1), ROWS)]


def member_log_probs(
    heads: Sequence[AbstractHead], network: AbstractSubsetNetwork, cells: Array, seen: Array
) -> Float[Array, "parts n"]:
    """Return log p(part | seen parts) of one network; cells (parts, 3, n), without NaN, and seen (parts, n)."""
    params = network(_features(heads, cells), seen)
    log_probs: list[Array] = [cells[0, 0]] * len(heads)
    for parts in _families(heads):
        stacked = jnp.stack([params[part] for part in parts])
        for part, found in zip(parts, jax.vmap(heads[parts[0]].log_prob)(stacked, cells[np.array(parts)]), strict=True):
            log_probs[part] = found
    return jnp.stack(log_probs)


def _families(heads: Sequence[AbstractHead]) -> list[tuple[int, ...]]:
    """Return the numbers of the parts whose heads one program can compute, for each such program."""
    families: dict[Any, list[int]] = {}
    for part, head in enumerate(heads):
        families.setdefault(head.family, []).append(part)
    return [tuple(parts) for parts in families.values()]


def _features(heads: Sequence[AbstractHead], cells: Float[Array, "parts 3 n"]) -> list[Float[Array, "f n"]]:
    """Return the features of all parts."""
    features: list[Array] = [cells[0]] * len(heads)
    for parts in _families(heads):
        for part, found in zip(parts, jax.vmap(heads[parts[0]].features)(cells[np.array(parts)]), strict=True):
            features[part] = found
    return features


def _of_members(model: AnyOrder, f: Any, *state: Any) -> Any:
    """Return f(network, *state) of each member, stacked; f of the network alone if there is one, with an axis."""
    arrays, rest = eqx.partition(model.network, eqx.is_array)
    if model.members == 1:
        return jax.tree.map(lambda a: a[None], f(model.network, *jax.tree.map(lambda a: a[0], state)))
    return for_each(lambda arrays, *state: f(eqx.combine(arrays, rest), *state), arrays, *state)


def _mean(log_probs: Float[Array, "members *more"]) -> Float[Array, "*more"]:
    """Return the logarithm of the mean probability over members."""
    if len(log_probs) == 1:
        return log_probs[0]
    top = log_probs.max(0)
    top = jnp.where(jnp.isfinite(top), top, 0)
    return top + jnp.log(jnp.exp(log_probs - top).mean(0))


def _turned(cells: Array, seen: Array) -> tuple[Array, Array]:
    """Return cells (parts, 3, n) and seen (parts, n) of rows."""
    return jnp.moveaxis(cells, 0, -1), seen.T


@compiled
def _log_probs(model: AnyOrder, cells: Array, seen: Array) -> Array:
    cells, seen = _turned(cells, seen)
    return _mean(_of_members(model, lambda network: member_log_probs(model.heads, network, cells, seen))).T


def _after(model: AnyOrder, cells: Array, seen: Array) -> Any:
    """Return the states of the members after the seen parts."""
    features = _features(model.heads, cells)
    return _of_members(model, lambda network: network.start(features, seen))


#: (states, result of the step): of a step of `_steps`.
Step: TypeAlias = tuple[Any, Array]


def _steps(
    model: AnyOrder, order: Array, states: Any, more: Any, f: Callable[[AbstractHead, Array, Array, Any], Any]
) -> Float[Array, "t n"]:
    """Take a step for each part of an order, and return the result of each.

    Arguments:
        model: the model.
        order: numbers of parts.
        states: of the members, at the start.
        more: arrays with an axis in front, of which each step receives its own.
        f: (head, its parameters, number of the part, more) -> the cell to see after the step, where it is to be seen,
            and the result.
    """
    families = _families(model.heads)
    family, place = np.zeros(len(model.heads), np.int32), np.zeros(len(model.heads), np.int32)
    for number, parts in enumerate(families):
        for which, part in enumerate(parts):
            family[part], place[part] = number, which

    def branch(parts: tuple[int, ...]) -> Any:
        heads = model.heads[parts[0]].alike([model.heads[part] for part in parts])

        def of(states: Any, read: Any, part: Array, own: Any) -> Step:
            which = jnp.asarray(place)[part]
            head = heads[0] if len(parts) == 1 else jax.tree.map(lambda *a: jnp.stack(a)[which], *heads)
            params = _of_members(model, lambda network, read: network.params_of(read, parts, which), read)
            cell, where, result = f(head, params, part, own)

            def see(network: AbstractSubsetNetwork, state: Any) -> Any:
                return network.see(state, parts, which, head.features(cell), where)

            return _of_members(model, see, states), result

        return of

    branches = [branch(parts) for parts in families]

    def step(states: Any, of_step: tuple[Array, Any]) -> Step:
        part, own = of_step
        read = _of_members(model, lambda network, state: network.read(state), states)
        return jax.lax.switch(jnp.asarray(family)[part], branches, states, read, part, own)

    return jax.lax.scan(step, states, (order, more))[1]


@compiled
def _chain(model: AnyOrder, order: Int[np.ndarray, " t"], cells: Array, given: Array, wanted: Array) -> Array:
    cells, given = _turned(cells, given)
    wanted = wanted.T

    def step(head: AbstractHead, params: Array, part: Array, more: None) -> tuple[Array, Array, Array]:
        del more
        cell, where = cells[part], wanted[part]
        found = _mean(jax.vmap(lambda p: head.log_prob(p, cell))(params))
        return cell, where, jnp.where(where, found, 0)

    found = _steps(model, jnp.asarray(order), _after(model, cells, given), None, step)
    return jnp.zeros(cells.shape[::2], found.dtype).at[jnp.asarray(order)].set(found).T


@compiled
def _draws(model: AnyOrder, order: Int[np.ndarray, " t"], key: Key, cells: Array, given: Array) -> Array:
    cells, given = _turned(cells, given)
    n = cells.shape[-1]

    def step(head: AbstractHead, params: Array, part: Array, key: Key) -> tuple[Array, Array, Array]:
        key_member, key_score = jax.random.split(key)
        own = params[0]
        if model.members > 1:
            which = jax.random.randint(key_member, (n,), 0, model.members)
            own = jnp.take_along_axis(params, which[None, None], 0)[0]
        score = head.draw(key_score, own)
        return head.cell(score), ~given[part], jnp.where(given[part], cells[part, 0], score)

    keys = jax.random.split(key, len(order))
    scores = _steps(model, jnp.asarray(order), _after(model, cells, given), keys, step)
    # Parts outside the order are given.
    return cells[:, 0].at[jnp.asarray(order)].set(scores).T


def _params(model: AnyOrder, part: int, cells: Array, seen: Array) -> Float[Array, "members p n"]:
    """Return the parameters of one part, given the seen parts of rows."""
    states = _after(model, *_turned(cells, seen))

    def of(network: AbstractSubsetNetwork, state: Any) -> Array:
        return network.params_of(network.read(state), (part,), jnp.zeros((), jnp.int32))

    return _of_members(model, of, states)


@compiled
def _cdf(model: AnyOrder, part: int, cells: Array, seen: Array, scores: Array) -> Array:
    return _mean_cdf(model, part, _params(model, part, cells, seen), scores.T).T


def _mean_cdf(model: AnyOrder, part: int, params: Array, scores: Float[Array, "k n"]) -> Float[Array, "k n"]:
    head = model.heads[part]
    # A loop, not one row of the program for each: of 128 levels that compiled for fifteen seconds.
    return jax.lax.map(lambda s: jax.vmap(lambda p: head.cdf(p, s))(params).mean(0), scores)


@compiled
def _quantiles(model: AnyOrder, part: int, cells: Array, seen: Array, levels: Array) -> Array:
    params = _params(model, part, cells, seen)
    wanted = levels.T
    ends = model.heads[part].ends
    low, high = (jnp.full(wanted.shape, end, wanted.dtype) for end in ends)

    def halve(_: int, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = 0.5 * (low + high)
        below = _mean_cdf(model, part, params, middle) < wanted
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    return jax.lax.fori_loop(0, 48, halve, (low, high))[1].T
