"""Checks of the user's log-density before and after a fit, and explanations of its failures."""

import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...._errors import bad, require
from ...._types import Event, Key, Scalar, Scalars
from ....distributions._base import AbstractDistribution
from ....distributions.pushforward import Pushforward
from ...loop.result import FitResult, NonFiniteError

#: log p of one event, known up to a constant.
LogDensity: TypeAlias = Callable[[Event], Scalar]

#: Number of draws that are checked.
DRAWS = 1024
#: Largest share of them that may have density zero: a step with such a draw is skipped.
MAX_ZERO = 0.01
#: Advice for a density that is zero where a flow has mass.
SUPPORT = (
    "Put the flow onto the support of the density (pf.adapt.constrain), or use objective=pf.train.ForwardKL(), which "
    "can do with zeros."
)


def checked_log_density(log_density: Any, shape: tuple[int, ...], dtype: Any) -> LogDensity:
    """Return a log-density as a hashable function of one event, after a check of its result.

    Raises:
        ValueError: unless it maps one event of `shape` to a number by JAX operations. An error that the function raises
            is passed on, with a note.
    """
    require(callable(log_density), "log_density", "a function of one event", log_density)
    try:
        out = jax.eval_shape(log_density, jax.ShapeDtypeStruct(shape, dtype))
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError) as error:
        remedy = "Compute with jax.numpy instead of numpy, and with jnp.where instead of `if`."
        raise bad("log_density", "made of JAX operations", f"`{type(error).__name__}`", remedy) from error
    except Exception as error:
        error.add_note(f"This comes from `log_density`, called with one event, an array of shape {shape}, {dtype}.")
        raise
    is_number = isinstance(out, jax.ShapeDtypeStruct) and out.shape == () and jnp.issubdtype(out.dtype, jnp.number)
    if not is_number or jnp.issubdtype(out.dtype, jnp.complexfloating):
        shown = f"`shape {out.shape}, {out.dtype}`" if isinstance(out, jax.ShapeDtypeStruct) else f"`{out}`"
        remedy = "It is called with one event, not with a batch: sum the terms."
        raise bad("log_density", "a function that returns one real number", shown, remedy)
    # The cache of compiled steps hashes the log-density; a module that holds arrays is not hashable.
    return log_density if _is_hashable(log_density) else (lambda event: log_density(event))


def evaluate_batch(log_density: LogDensity, x: Float[Array, "n ..."]) -> Scalars:
    """Return log p of each of n events, in the dtype of the events."""
    return jax.vmap(log_density)(x).astype(x.dtype)


@eqx.filter_jit
def _look(
    flow: AbstractDistribution, log_density: LogDensity, key: Key
) -> tuple[Float[Array, "n ..."], Scalars, Scalars]:
    x, log_q = flow.sample_and_log_prob(key, (DRAWS,))
    return x, log_q, evaluate_batch(log_density, x)


def check_start(flow: AbstractDistribution, log_density: LogDensity, key: Key, *, zeros: bool) -> None:
    """Check the log-density at draws of the start.

    Arguments:
        flow: the initial flow.
        log_density: the target.
        key: random key for the draws.
        zeros: whether the objective allows events of density zero.

    Raises:
        ValueError: if it is NaN or +inf at a draw, or -inf at every draw; also, without `zeros`, if it is -inf at more
            than a hundredth of the draws, since the objective is then infinite.
    """
    x, _, log_p = map(np.asarray, _look(flow, log_density, key))
    for wrong, word in ((np.isnan(log_p), "NaN"), (np.isposinf(log_p), "+inf")):
        if wrong.any():
            remedy = f"It is so at {_shown(x[wrong][0])}. A density is finite; -inf stands for zero."
            raise bad(
                "log_density", "finite or -inf", f"`{word} at {wrong.sum()} of {DRAWS} draws` of the start", remedy
            )
    zero = np.isneginf(log_p)
    if zero.all() or (zero.mean() > MAX_ZERO and not zeros):
        remedy = f"It is so at {_shown(x[zero][0])}. {SUPPORT}"
        rule = "finite where the flow has mass"
        raise bad("log_density", rule, f"`-inf at {zero.sum()} of {DRAWS} draws` of the start", remedy)


def check_end(result: FitResult[Pushforward], log_density: LogDensity, key: Key, steps: int) -> None:
    """Check the log-density at draws of the fitted flow, and say so if steps were skipped.

    A fit skips steps with NaN, and so the flow learns to avoid the places of NaN; no loss shows this.

    Raises:
        NonFiniteError: if it is NaN or +inf at a draw.
    """
    log_p = np.asarray(_look(result.flow, log_density, key)[2])
    if (np.isnan(log_p) | np.isposinf(log_p)).any():
        cause = explain_target(result.flow, log_density, key)
        raise NonFiniteError(f"The fitted flow has mass where there is no density. {cause}", result)
    if result.skipped_steps > MAX_ZERO * steps:
        warnings.warn(
            f"{result.skipped_steps} of {steps} steps were skipped, because the log-density or its gradient was not "
            "finite at a draw: the fit keeps away from there, and may be wrong.",
            UserWarning,
            stacklevel=3,
        )


def explain_target(flow: AbstractDistribution, log_density: LogDensity, key: Key) -> str:
    """Return a sentence that says which values, or gradients, are non-finite at draws of a flow."""
    x, log_q, log_p = map(np.asarray, _look(flow, log_density, key))
    for wrong, what in (
        (~np.isfinite(x).reshape((DRAWS, -1)).all(axis=1), "Draws of the flow are"),
        (~np.isfinite(log_q), "The flow's own log-density is"),
    ):
        if wrong.any():
            return f"{what} not finite in {wrong.sum()} of {DRAWS} cases: it diverged."
    wrong = np.isnan(log_p) | np.isposinf(log_p)
    wrong = wrong if wrong.any() else ~np.isfinite(log_p)
    if wrong.any():
        remedy = f" {SUPPORT}" if np.isneginf(log_p[wrong][0]) else ""
        at = f"at {_shown(x[wrong][0])}, and not finite at {wrong.sum()} of {DRAWS} draws"
        return f"`log_density` is {log_p[wrong][0]} {at}.{remedy}"
    grads = np.asarray(jax.jit(jax.vmap(jax.grad(lambda e: log_density(e).astype(e.dtype))))(x))
    wrong = ~np.isfinite(grads).reshape((DRAWS, -1)).all(axis=1)
    if wrong.any():
        return (
            f"The gradient of `log_density` is not finite at {wrong.sum()} of {DRAWS} draws, first at "
            f"{_shown(x[wrong][0])}: look for sqrt, log or a division behind a jnp.where."
        )
    return f"At {DRAWS} other draws the log-density and its gradient are finite."


def _shown(event: np.ndarray) -> str:
    values = ", ".join(f"{v:.4g}" for v in event.ravel()[:6])
    return f"x = [{values}{', ...' if event.size > 6 else ''}]"


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
