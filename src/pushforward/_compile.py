"""Compilation of the package's own programs, with the options that suit them."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, Literal, ParamSpec, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer

P = ParamSpec("P")
T = TypeVar("T")

#: XLA on CPU hands reductions and what is around them to a library, which for sums over a few rows of a large array
#: takes twice as long as XLA's own code: a step of training of a spline flow is a quarter faster without.
CPU_OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": ""}


def compiled(fun: Callable[P, T], donate: Literal["all-except-first", "none"] = "none") -> Callable[P, T]:
    """Return `fun` compiled by `eqx.filter_jit`, with the options of this machine where it is not part of a program.

    JAX takes options for a whole program only, so inside a user's `jax.jit`, `jax.grad` or `jax.vmap` there are none.
    """
    plain = eqx.filter_jit(fun, donate=donate)

    @lru_cache
    def tuned(backend: str) -> Callable[P, T]:
        # Passed on to `jax.jit`; the annotations of Equinox leave it out.
        options: Any = {"compiler_options": _options(backend)}
        return eqx.filter_jit(fun, donate=donate, **options)

    @wraps(fun)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return (plain if is_traced(args, kwargs) else tuned(jax.default_backend()))(*args, **kwargs)

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
    # Inside `jax.jit` the result of any operation is traced, also of constants.
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(trees)) or isinstance(jnp.zeros(()), Tracer)
