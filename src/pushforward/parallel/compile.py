"""Compilation of the package's own programs, with the options that suit them."""

from collections.abc import Callable
from functools import lru_cache, wraps
from inspect import signature
from itertools import chain
from typing import Any, Literal, ParamSpec, TypeVar

import jax
import numpy as np
from jax.core import Tracer

P = ParamSpec("P")
T = TypeVar("T")

#: XLA on CPU hands reductions and operations around them to a library, which takes twice as long as XLA's own code for
#: sums over a few rows of a large array: a training step of a spline flow is a quarter faster without it.
CPU_OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": ""}

#: The types of arguments that are traced.
ARRAYS = (jax.Array, np.ndarray, np.generic)
#: The placeholder of an array among the static arguments.
ARRAY = object()


def compiled(fun: Callable[P, T], donate: Literal["all-except-first", "none"] = "none") -> Callable[P, T]:
    """Return `fun` compiled, with the options for this machine outside other JAX programs.

    Arrays among the leaves of the arguments are traced; other values of any other leaf compile `fun` anew. It must
    return arrays. `eqx.filter_jit` does the same, but takes a quarter of a millisecond more per call, as long
    as a GPU takes for thousands of densities.

    JAX takes options for whole programs only, so none are used inside a user's `jax.jit`, `jax.grad` or `jax.vmap`.

    Arguments:
        fun: a function of trees.
        donate: "all-except-first" to donate the arrays of all arguments but the first, by place or by name.
    """
    takes_trees: Callable[..., T] = fun
    name_of_first = next(iter(signature(fun).parameters), "")

    def run(first: list[Any], others: list[Any], structures: tuple[Any, Any], static: tuple[Any, ...]) -> T:
        arrays = iter((*first, *others))
        leaves = [next(arrays) if leaf is ARRAY else leaf for _, leaf in static]
        split = structures[0].num_leaves
        args, named = jax.tree.unflatten(structures[0], leaves[:split])
        more, kwargs = jax.tree.unflatten(structures[1], leaves[split:])
        return takes_trees(*args, *more, **named, **kwargs)

    run.__name__ = run.__qualname__ = fun.__name__
    settings: dict[str, Any] = {"static_argnums": (2, 3), "donate_argnums": (1,) if donate != "none" else ()}
    plain = jax.jit(run, **settings)

    @lru_cache
    def tuned(backend: str) -> Callable[..., T]:
        return jax.jit(run, compiler_options=_options(backend), **settings)

    @wraps(fun)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        named = {name: kwargs.pop(name) for name in (name_of_first,) if name in kwargs}
        given = ((args[:1], named), (args[1:], kwargs))
        parts, structures = zip(*map(jax.tree.flatten, given), strict=True)
        arrays = [[leaf for leaf in part if isinstance(leaf, ARRAYS)] for part in parts]
        # Types are part of the key, since 1, 1.0 and True are equal.
        static = tuple((None, ARRAY) if isinstance(leaf, ARRAYS) else (type(leaf), leaf) for leaf in chain(*parts))
        program = plain if is_traced(arrays) else tuned(jax.default_backend())
        return program(*arrays, structures, static)

    return call


@lru_cache
def _options(backend: str) -> dict[str, Any]:
    """Return the options of a backend; none off CPU, or if this version of XLA does not know them."""
    if backend != "cpu":
        return {}
    try:
        jax.jit(lambda x: x, compiler_options=CPU_OPTIONS).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        # The option is experimental: another version of XLA may not know it, which is no reason to fail.
        return {}
    return CPU_OPTIONS


def is_traced(*trees: Any) -> bool:
    """Return whether JAX is compiling or transforming the code that calls this."""
    # Inside `jax.jit` the result of any operation is traced, even of constants; a negation is a cheap one.
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(trees)) or isinstance(jax.lax.neg(0), Tracer)
