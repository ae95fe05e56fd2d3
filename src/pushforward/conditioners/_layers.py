"""What the conditioners share: activations and initial weights."""

import math
from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from .._errors import require, require_count
from .._types import Condition, Key

#: Names instead of functions, so that a model is data and can be saved.
Activation: TypeAlias = Literal["relu", "gelu", "silu", "tanh"]

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
}


def check_settings(hidden: tuple[int, ...], cond_dim: int, activation: str) -> None:
    """Check what every multilayer perceptron is built from."""
    require(len(hidden) > 0, "hidden", "a tuple of at least one layer width", hidden)
    for width in hidden:
        require_count("hidden", width)
    require_count("cond_dim", cond_dim, 0)
    require(activation in ACTIVATIONS, "activation", f"one of {get_args(Activation)}", activation)


def initial_weights(key: Key, fan_out: int, fan_in: int, mask: NDArray[np.bool_] | None = None) -> Array:
    """Draw weights (fan_out, fan_in) of variance 2 / (inputs that a unit sees).

    Reference:
        "Delving Deep into Rectifiers", He, Zhang, Ren, Sun, 2015.
    """
    seen = np.full(fan_out, fan_in) if mask is None else mask.sum(axis=1)
    scale = math.sqrt(2) / np.sqrt(np.maximum(seen, 1))
    return jax.random.normal(key, (fan_out, fan_in)) * jnp.asarray(scale[:, None], float)


def with_condition(x: Float[Array, " n"], condition: Condition) -> Float[Array, " m"]:
    """Return x followed by the condition."""
    return x if condition is None else jnp.concatenate([x, condition.astype(x.dtype)])
