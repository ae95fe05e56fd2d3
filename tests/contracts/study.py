"""Everything the contracts want to know of one line of the registry, from few compilations.

One compiled function per direction returns values, log-determinants and all derivatives: the Jacobian with respect
to the event, the condition and every parameter, as pullbacks of the unit vectors. It is compiled once per line
and dtype; the two scales of the parameters and all batches of points go through the same code.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from pushforward._fields import trainable

from ..cases import Case, cast, randomize
from ..conftest import SEED
from ..supports import REAL, Point, Points

#: Bounds: backward error of an inverse, error of a log-determinant relative to 1 + |log-det|.
BACKWARD = {"float32": 1e-4, "float64": 1e-9}
LOG_DET = {"float32": 1e-3, "float64": 1e-8}
#: Rows of every batch: drawn from the bulk, then edge cases, then one row of NaN.
ROWS = 72
BULK = 32
SCALES = (1.0, 3.0)


@dataclass
class Map:
    """One direction of a bijection at a batch of points.

    Attributes:
        near: the rows of ordinary numbers, knots and boundaries.
        inside: these and the rows of numbers up to 1e6.
        outside: the rows that leave the codomain. The last row of all is NaN.
        finite: for each row, whether all derivatives are.
        live: for each parameter, the input and the condition, whether its derivative is nonzero somewhere.
    """

    near: slice
    inside: slice
    outside: slice
    point: NDArray[Any]
    value: NDArray[Any]
    log_det: NDArray[Any]
    jacobian: NDArray[Any]
    finite: NDArray[np.bool_]
    live: dict[str, bool]
    dtypes: set[str]


@dataclass
class Study:
    """A bijection of given dtype and scale of parameters, evaluated in both directions.

    Attributes:
        forward, inverse: at points z of the one side, at points x of the other.
        there: inverse at forward(z); back: forward at inverse(x).
    """

    bijection: Any
    condition: NDArray[Any] | None
    forward: Map
    inverse: Map
    there: Map
    back: Map


def bijection_of(model: Any) -> Any:
    """Return the bijection of a flow, or the bijection itself."""
    return getattr(model, "bijection", model) if hasattr(model, "log_prob") else model


@functools.cache
def made(case: Case) -> Any:
    """Return the model of a line at its initial parameters."""
    return case.make(jax.random.key(SEED))


@functools.cache
def randomized(case: Case, dtype: str, scale: float) -> Any:
    """Return the model of a line at random parameters."""
    return cast(randomize(made(case), jax.random.key(SEED + 1), scale), dtype)


def study(case: Case, dtype: str, scale: float) -> Study:
    """Evaluate one line of bijections or flows at random parameters."""
    return _studies(case, dtype)[SCALES.index(scale)]


@functools.cache
def _studies(case: Case, dtype: str) -> list[Study]:
    """Return the studies of all scales. What is compiled for them is forgotten afterwards, to bound the memory."""
    optimized = dtype == "float32" and not case.composed
    forward, inverse = _compiled(optimized), _compiled(optimized, inverse=True)
    studies = []
    for scale in SCALES:
        bijection = bijection_of(randomized(case, dtype, scale))
        condition = conditions(bijection.cond_shape, dtype)
        z, rows_z = points(case.z, bijection.shape, dtype)
        x, rows_x = points(case.x, bijection.shape, dtype)
        at_z = _map(forward, bijection, rows_z, z, condition)
        at_x = _map(inverse, bijection, rows_x, x, condition)
        there = _map(inverse, bijection, rows_z, at_z.value, condition)
        back = _map(forward, bijection, rows_x, at_x.value, condition)
        studies.append(Study(bijection, condition, at_z, at_x, there, back))
    return studies


def of_shapes(make: Callable[[tuple[int, ...]], Any], shapes: Any) -> Any:
    """Return an array made of the shape, or a tree of them where it is a tree; None of None."""
    if isinstance(shapes, dict):
        return {name: of_shapes(make, part) for name, part in shapes.items()}
    return None if shapes is None else make(shapes)


def points(support: Points, shape: tuple[int, ...], dtype: str) -> tuple[NDArray[Any], tuple[slice, slice, slice]]:
    """Return points of a support, and which rows are near, inside and outside."""
    rng = np.random.default_rng(SEED)
    near = [e for v in support.near for e in _neighbors(v, dtype)]
    outside = list(support.outside)
    far = list(support.far)
    rows = support.draw(rng.standard_normal((ROWS, *shape)))
    size = int(np.prod(shape))
    starts = [BULK, BULK + len(near), ROWS - 1 - len(outside) - len(far), ROWS - 1 - len(outside)]
    assert starts[1] <= starts[2], "ROWS is too small"
    flat = rows.reshape(ROWS, size)
    for start, values in ((starts[0], near), (starts[2], far), (starts[3], outside)):
        for i, value in enumerate(values):
            if i % 2 == 0 or start == starts[3] or np.ndim(value):
                flat[start + i] = value
            else:
                flat[start + i, (i // 2) % size] = value
    flat[-1] = np.nan
    rows = flat.reshape(ROWS, *shape).astype(dtype)
    return rows, (slice(0, starts[2]), slice(0, starts[3]), slice(starts[3], ROWS - 1))


def _neighbors(value: Point, dtype: str) -> list[Any]:
    number = np.asarray(value, dtype)
    below, above = np.nextafter(number, -np.inf, dtype=dtype), np.nextafter(number, np.inf, dtype=dtype)
    return [number, number, below, above]


def conditions(cond_shape: tuple[int, ...] | None, dtype: str) -> NDArray[Any] | None:
    """Return one condition per row, standard normal, but of size 1000 beside the largest points.

    Beside smaller points a large condition would say nothing of the code: x = z + t loses z for a large t.
    """
    if cond_shape is None:
        return None
    draws = np.random.default_rng([SEED, 3]).standard_normal((ROWS, *cond_shape))
    draws[ROWS - 1 - len(REAL.far) : ROWS - 1] *= 1000
    return draws.astype(dtype)


def _map(
    run: Callable[..., Any],
    bijection: Any,
    rows: tuple[slice, slice, slice],
    at: NDArray[Any],
    condition: NDArray[Any] | None,
) -> Map:
    params, static = eqx.partition(bijection, trainable(bijection))
    out, log_det, pulled = run(params, static, at, condition)
    d_params, d_event, d_condition = pulled
    finite = np.isfinite(np.asarray(d_event)).all(axis=tuple(range(1, d_event.ndim)))
    live = {"input": _nonzero(d_event)}
    if d_condition is not None:
        finite &= np.isfinite(np.asarray(d_condition)).all(axis=tuple(range(1, d_condition.ndim)))
        live["condition"] = _nonzero(d_condition)
    for path, leaf in jax.tree_util.tree_leaves_with_path(d_params):
        finite &= np.isfinite(np.asarray(leaf)).all(axis=tuple(range(1, leaf.ndim)))
        if leaf.size:
            live[jax.tree_util.keystr(path)] = _nonzero(leaf)
    n = int(np.prod(bijection.shape))
    jacobian = np.asarray(d_event)[:, :n].reshape(len(at), n, n)
    dtypes = {str(a.dtype) for a in (out, log_det)}
    return Map(*rows, np.asarray(at), np.asarray(out), np.asarray(log_det), jacobian, np.asarray(finite), live, dtypes)


def _nonzero(pulled: jax.Array) -> bool:
    return bool(np.any(np.asarray(pulled)[:BULK] != 0))


def _compiled(optimized: bool, *, inverse: bool = False) -> Callable[..., Any]:
    """Return a compiled function of (parameters, the rest of a bijection, points, conditions).

    Single maps in float32 check the machine code that users run by default; what else is compiled in tests is
    hardly optimized, see `tests/conftest.py`.
    """

    def derivatives(params: Any, static: Any, at: jax.Array, condition: jax.Array | None) -> Any:
        def f(params: Any, event: jax.Array, cond: jax.Array | None) -> tuple[jax.Array, Any]:
            bijection = eqx.combine(params, static)
            go = bijection.inverse_and_log_det if inverse else bijection.forward_and_log_det
            out, log_det = go(event, cond)
            return jnp.concatenate([out.reshape(-1), log_det.reshape(1)]), (out, log_det)

        def one(event: jax.Array, cond: jax.Array | None) -> Any:
            flat, pullback, (out, log_det) = jax.vjp(f, params, event, cond, has_aux=True)
            return out, log_det, jax.vmap(pullback)(jnp.eye(flat.size, dtype=flat.dtype))

        return jax.vmap(one)(at, condition)

    return jax.jit(derivatives, compiler_options={"xla_backend_optimization_level": 3 if optimized else 0})
