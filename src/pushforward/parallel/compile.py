"""Compilation of the package's own programs, with the options that suit them."""

from collections.abc import Callable
from functools import lru_cache, wraps
from itertools import chain
from typing import Any, Literal, ParamSpec, TypeVar

import jax
import numpy as np
from jax.core import Tracer

P = ParamSpec("P")
T = TypeVar("T")

#: XLA on CPU hands reductions and what is around them to a library, which for sums over a few rows of a large array
#: takes twice as long as XLA's own code: a step of training of a spline flow is a quarter faster without.
CPU_OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": ""}

#: What is traced.
ARRAYS = (jax.Array, np.ndarray, np.generic)
#: Where an array belongs among what a program is compiled for.
ARRAY = object()


def compiled(fun: Callable[P, T], donate: Literal["all-except-first", "none"] = "none") -> Callable[P, T]:
    """Return `fun` compiled, with the options of this machine where it is not part of a program.

    Arrays among the leaves of the arguments are traced, and it is compiled anew for other values of all other leaves;
    it returns arrays. `eqx.filter_jit` does that, too, but takes a quarter of a millisecond more for each call, as long
    as a GPU takes for thousands of densities.

    JAX takes options for a whole program only, so inside a user's `jax.jit`, `jax.grad` or `jax.vmap` there are none.

    Arguments:
        fun: of trees.
        donate: "all-except-first" for arrays of all arguments but the first, which is given by position, to be used up.
    """
    takes_trees: Callable[..., T] = fun

    def run(first: list[Any], others: list[Any], structures: tuple[Any, Any], static: tuple[Any, ...]) -> T:
        arrays = iter((*first, *others))
        leaves = [next(arrays) if leaf is ARRAY else leaf for _, leaf in static]
        split = structures[0].num_leaves
        args = jax.tree.unflatten(structures[0], leaves[:split])
        more, kwargs = jax.tree.unflatten(structures[1], leaves[split:])
        return takes_trees(*args, *more, **kwargs)

    run.__name__ = run.__qualname__ = fun.__name__
    settings: dict[str, Any] = {"static_argnums": (2, 3), "donate_argnums": (1,) if donate != "none" else ()}
    plain = jax.jit(run, **settings)

    @lru_cache
    def tuned(backend: str) -> Callable[..., T]:
        return jax.jit(run, compiler_options=_options(backend), **settings)

    @wraps(fun)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        parts, structures = zip(*map(jax.tree.flatten, (args[:1], (args[1:], kwargs))), strict=True)
        arrays = [[leaf for leaf in part if isinstance(leaf, ARRAYS)] for part in parts]
        # With their types, since 1, 1.0 and True are equal.
        static = tuple((None, ARRAY) if isinstance(leaf, ARRAYS) else (type(leaf), leaf) for leaf in chain(*parts))
        program = plain if is_traced(arrays) else tuned(jax.default_backend())
        return program(*arrays, structures, static)

    return call


@lru_cache
def _options(backend: str) -> dict[str, Any]:
    """Return the options, none if this version of XLA does not know them or computes elsewhere."""
    if backend != "cpu":
        return {}
    try:
        jax.jit(lambda x: x, compiler_options=CPU_OPTIONS).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        # The option is experimental: another version of XLA may not know it, which is no reason to fail.
        return {}
    return CPU_OPTIONS


def is_traced(*trees: Any) -> bool:
    """Return whether this is part of a program that is being compiled, or differentiated."""
    # Inside `jax.jit` the result of any operation is traced, also of constants; this one is quickly done.
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(trees)) or isinstance(jax.lax.neg(0), Tracer)
