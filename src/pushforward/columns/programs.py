"""The programs of any-order densities: every part given a subset, one part after the other, draws, quantiles.

A model is an `AnyOrder`. Parts whose heads are of one family share a program.
"""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._types import Key
from ..networks.subsets._base import AbstractSubsetNetwork
from ..parallel.compile import compiled
from ..parallel.members import for_each
from .heads._base import AbstractHead

#: Uniform random numbers of a draw: two of the head, and one that chooses the member.
UNIFORM = 3


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


def _features(heads: Sequence[AbstractHead], cells: Float[Array, "parts 3 n"]) -> list[Float[Array, "_ n"]]:
    """Return the features of all parts."""
    features: list[Array] = [cells[0]] * len(heads)
    for parts in _families(heads):
        for part, found in zip(parts, jax.vmap(heads[parts[0]].features)(cells[np.array(parts)]), strict=True):
            features[part] = found
    return features


def _of_members(model: Any, f: Any, *state: Any) -> Any:
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
def log_probs(model: Any, cells: Array, seen: Array) -> Array:
    """Return log p(part | seen parts) of every part of rows: see `AnyOrder.log_probs`."""
    cells, seen = _turned(cells, seen)
    return _mean(_of_members(model, lambda network: member_log_probs(model.heads, network, cells, seen))).T


def _after(model: Any, cells: Array, seen: Array) -> Any:
    """Return the states of the members after the seen parts."""
    features = _features(model.heads, cells)
    return _of_members(model, lambda network: network.start(features, seen))


def _of_part(model: Any, part: Array, f: Callable[..., Any], *args: Any) -> Any:
    """Return f(head, parts, which, *args) of a part whose number is known when the program runs.

    `parts` are those of its family, and `which` is its place among them.
    """
    families = _families(model.heads)
    family, place = np.zeros(len(model.heads), np.int32), np.zeros(len(model.heads), np.int32)
    for number, parts in enumerate(families):
        for which, one in enumerate(parts):
            family[one], place[one] = number, which

    def branch(parts: tuple[int, ...]) -> Any:
        heads = model.heads[parts[0]].alike([model.heads[part] for part in parts])

        def of(*args: Any) -> Any:
            which = jnp.asarray(place)[part]
            head = heads[0] if len(parts) == 1 else jax.tree.map(lambda *a: jnp.stack(a)[which], *heads)
            return f(head, parts, which, *args)

        return of

    return jax.lax.switch(jnp.asarray(family)[part], [branch(parts) for parts in families], *args)


def _params_of(model: Any, read: Any, parts: tuple[int, ...], which: Array) -> Float[Array, "members p n"]:
    """Return the parameters of a part."""
    return _of_members(model, lambda network, read: network.params_of(read, parts, which), read)


def _read(model: Any, states: Any) -> Any:
    """Return what the parameters of all parts are computed from, of each member."""
    return _of_members(model, lambda network, state: network.read(state), states)


def _steps(
    model: Any,
    order: Array,
    first: Array,
    states: Any,
    more: Any,
    f: Callable[[AbstractHead, Array, Array, Any], tuple[Array, Array, Array]],
) -> Float[Array, "t n"]:
    """Take a step for each part of an order, and return the result of each.

    Arguments:
        model: the model.
        order: numbers of parts.
        first: the number of the first step; the results of those before it are zero.
        states: of the members, at the start.
        more: arrays with an axis in front, of which each step receives its own.
        f: (head, its parameters, number of the part, more) -> the cell to see after the step, where it is to be seen,
            and the result.
    """

    def step(t: Array, carry: tuple[Any, Array]) -> tuple[Any, Array]:
        states, results = carry
        part = order[t]

        def of(head: AbstractHead, parts: tuple[int, ...], which: Array, states: Any, read: Any, own: Any) -> Any:
            cell, where, result = f(head, _params_of(model, read, parts, which), part, own)

            def see(network: AbstractSubsetNetwork, state: Any) -> Any:
                return network.see(state, parts, which, head.features(cell), where)

            return _of_members(model, see, states), result

        own = jax.tree.map(lambda a: a[t], more)
        states, result = _of_part(model, part, of, states, _read(model, states), own)
        return states, results.at[t].set(result)

    n = jax.tree.leaves(states)[0].shape[-1]
    results = jnp.zeros((len(order), n), jax.tree.leaves(states)[0].dtype)
    return jax.lax.fori_loop(first, len(order), step, (states, results))[1]


@compiled
def chain(model: Any, order: Any, first: Any, cells: Array, given: Array, wanted: Array) -> Array:
    """Return what each part adds to a density from a step of the order on: see `AnyOrder.log_prob_parts`."""
    cells, given = _turned(cells, given)
    wanted = wanted.T

    def step(head: AbstractHead, params: Array, part: Array, more: None) -> tuple[Array, Array, Array]:
        del more
        cell, where = cells[part], wanted[part]
        return cell, where, jnp.where(where, _mean(jax.vmap(lambda p: head.log_prob(p, cell))(params)), 0)

    found = _steps(model, jnp.asarray(order), first, _after(model, cells, given), None, step)
    return jnp.zeros(cells.shape[::2], found.dtype).at[jnp.asarray(order)].set(found).T


@compiled
def draws(model: Any, order: Any, first: Any, key: Key, cells: Array, given: Array, wanted: Array) -> Array:
    """Return scores, of the parts from a step of the order on: see `AnyOrder.sample`."""
    cells, given = _turned(cells, given)
    wanted = wanted.T

    def step(head: AbstractHead, params: Array, part: Array, uniform: Array) -> tuple[Array, Array, Array]:
        score = _draw(head, uniform, params)
        return head.cell(score), wanted[part], jnp.where(wanted[part], score, cells[part, :2].mean(0))

    uniform = jax.random.uniform(key, (len(order), UNIFORM, cells.shape[-1]), cells.dtype)
    scores = _steps(model, jnp.asarray(order), first, _after(model, cells, given), uniform, step)
    # Parts outside the order are given; the middle of a cell lies in it.
    return cells[:, :2].mean(1).at[jnp.asarray(order)].set(scores).T


def _draw(head: AbstractHead, uniform: Float[Array, "u n"], params: Float[Array, "members p n"]) -> Float[Array, " n"]:
    """Return a draw of each event, of a member chosen at random."""
    own = params[0]
    if len(params) > 1:
        which = (uniform[2] * len(params)).astype(jnp.int32)
        own = jnp.take_along_axis(params, which[None, None], 0)[0]
    return head.draw(uniform[:2], own)


@compiled
def conditionals(model: Any, part: Any, cells: Array, seen: Array) -> Float[Array, "n members p"]:
    """Return the parameters of a part given the seen parts of rows; zeros follow where others have more."""
    states = _after(model, *_turned(cells, seen))
    most = max(head.num_params for head in model.heads)

    def of(head: AbstractHead, parts: tuple[int, ...], which: Array, read: Any) -> Array:
        return jnp.pad(_params_of(model, read, parts, which), ((0, 0), (0, most - head.num_params), (0, 0)))

    return jnp.moveaxis(_of_part(model, jnp.asarray(part), of, _read(model, states)), -1, 0)


@compiled
def log_prob_of(model: Any, part: Any, params: Array, cells: Array) -> Float[Array, " n"]:
    """Return log p(cell) of a part, of parameters (n, members, p) as of `conditionals`; cells (n, 3)."""

    def of(head: AbstractHead, parts: Any, which: Any, params: Array, cells: Array) -> Array:
        del parts, which
        return _mean(jax.vmap(lambda p: head.log_prob(p[: head.num_params], cells))(params))

    return _of_part(model, jnp.asarray(part), of, jnp.moveaxis(params, 0, -1), cells.T)


@compiled
def draws_of(model: Any, part: Any, key: Key, params: Array) -> tuple[Float[Array, " n"], Float[Array, "n 3"]]:
    """Return scores of a part and the cells that hold them, of parameters as of `conditionals`."""

    uniform = jax.random.uniform(key, (UNIFORM, len(params)), params.dtype)

    def of(head: AbstractHead, parts: Any, which: Any, params: Array) -> tuple[Array, Array]:
        del parts, which
        score = _draw(head, uniform, params[:, : head.num_params])
        return score, head.cell(score).T

    return _of_part(model, jnp.asarray(part), of, jnp.moveaxis(params, 0, -1))


def _params(model: Any, part: int, cells: Array, seen: Array) -> Float[Array, "members p n"]:
    """Return the parameters of one part, given the seen parts of rows."""
    states = _after(model, *_turned(cells, seen))

    def of(network: AbstractSubsetNetwork, state: Any) -> Array:
        return network.params_of(network.read(state), (part,), jnp.zeros((), jnp.int32))

    return _of_members(model, of, states)


@compiled
def cdf(model: Any, part: int, cells: Array, seen: Array, scores: Array) -> Array:
    """Return probabilities: see `AnyOrder.cdf`."""
    return _mean_cdf(model, part, _params(model, part, cells, seen), scores.T).T


def _mean_cdf(model: Any, part: int, params: Array, scores: Float[Array, "k n"]) -> Float[Array, "k n"]:
    head = model.heads[part]
    # A loop, not one row of the program for each: of 128 levels that compiled for fifteen seconds.
    return jax.lax.map(lambda s: jax.vmap(lambda p: head.cdf(p, s))(params).mean(0), scores)


@compiled
def nodes(model: Any, part: int, cells: Array, seen: Array) -> tuple[Array, Array]:
    """Return scores and weights: see `AnyOrder.nodes`."""
    params = _params(model, part, cells, seen)
    scores, weights = jax.vmap(model.heads[part].nodes)(params)
    n = params.shape[-1]
    return scores.reshape((-1, n)).T, weights.reshape((-1, n)).T / len(params)


@compiled
def quantiles(model: Any, part: int, cells: Array, seen: Array, levels: Array) -> Array:
    """Return scores, found by bisection: see `AnyOrder.quantiles`."""
    params = _params(model, part, cells, seen)
    wanted = levels.T
    ends = model.heads[part].ends
    low, high = (jnp.full(wanted.shape, end, wanted.dtype) for end in ends)

    def halve(_: Any, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = 0.5 * (low + high)
        below = _mean_cdf(model, part, params, middle) < wanted
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    return jax.lax.fori_loop(0, 48, halve, (low, high))[1].T
