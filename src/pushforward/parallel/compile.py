"""Compilation of the package's own programs."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from itertools import chain
from typing import Any, Literal, ParamSpec, TypeVar

import jax
import numpy as np
from jax.core import Tracer

P = ParamSpec("P")
T = TypeVar("T")

#: The types of arguments that are traced.
ARRAYS = (jax.Array, np.ndarray, np.generic, jax.ShapeDtypeStruct)
#: The placeholder of an array among the static arguments.
ARRAY = object()


def compiled(fun: Callable[P, T], donate: Literal["all-except-first", "none"] = "none") -> Callable[P, T]:
    """Return `fun` compiled.

    Arrays among the leaves of the arguments are traced; other values of any other leaf compile `fun` anew. It must
    return arrays. `eqx.filter_jit` does the same, but takes a quarter of a millisecond more per call, as long
    as a GPU takes for thousands of densities.

    No compiler options are set: they would not reach a user's own programs, of which these functions become a part.

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
    program = jax.jit(run, static_argnums=(2, 3), donate_argnums=(1,) if donate != "none" else ())

    def bound(args: Any, kwargs: dict[str, Any]) -> tuple[Any, ...]:
        named = {name: kwargs.pop(name) for name in (name_of_first,) if name in kwargs}
        given = ((args[:1], named), (args[1:], kwargs))
        parts, structures = zip(*map(jax.tree.flatten, given), strict=True)
        arrays = [[leaf for leaf in part if isinstance(leaf, ARRAYS)] for part in parts]
        # Types are part of the key, since 1, 1.0 and True are equal.
        static = tuple((None, ARRAY) if isinstance(leaf, ARRAYS) else (type(leaf), leaf) for leaf in chain(*parts))
        return *arrays, structures, static

    @wraps(fun)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return program(*bound(args, kwargs))

    def prepare(*args: P.args, **kwargs: P.kwargs) -> None:
        program.lower(*bound(args, kwargs)).compile()

    vars(call)["prepare"] = prepare
    return call


def prepare(fun: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> None:
    """Compile what `compiled` returned for arguments such as these, without a call; a later call finds the program.

    A `jax.ShapeDtypeStruct` stands for an array of its shape.
    """
    vars(fun)["prepare"](*args, **kwargs)


def is_traced(*trees: Any) -> bool:
    """Return whether JAX is compiling or transforming the code that calls this."""
    # Inside `jax.jit` the result of any operation is traced, even of constants; a negation is a cheap one.
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(trees)) or isinstance(jax.lax.neg(0), Tracer)
