"""Embedding of a tree of arrays."""

from typing import Any, final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._errors import bad, require
from ..._shapes import Shapes, frozen
from ._base import AbstractEmbedding


@final
class TreeEmbedding(AbstractEmbedding):
    """Embedding of a tree: the vectors of its parts, concatenated.

        h = (h_1(c_1), h_2(c_2), ...)

    Arguments:
        parts: embeddings of the parts of the condition: a dictionary by the names of these parts, or a tuple in their
            order. A part may itself be a `TreeEmbedding`.

    Raises:
        ValueError: if there is no part, or a part is no embedding.
    """

    parts: dict[str, AbstractEmbedding] | tuple[AbstractEmbedding, ...]
    in_shape: Shapes = eqx.field(static=True)
    out_dim: int = eqx.field(static=True)

    def __init__(self, parts: dict[str, AbstractEmbedding] | tuple[AbstractEmbedding, ...]):
        require(isinstance(parts, dict | tuple | list) and len(parts) > 0, "parts", "a dictionary or a tuple", parts)
        named = parts if isinstance(parts, dict) else dict(enumerate(parts))
        for name, part in named.items():
            if not isinstance(part, AbstractEmbedding):
                raise bad(f"parts[{name!r}]", "an embedding, such as pf.networks.DeepSet(key, (10, 2))", part)
        # JAX sorts the parts of a dictionary by name.
        self.parts = {name: parts[name] for name in sorted(parts)} if isinstance(parts, dict) else tuple(parts)
        shapes = {name: part.in_shape for name, part in named.items()}
        self.in_shape = frozen(shapes if isinstance(parts, dict) else tuple(shapes.values()))
        self.out_dim = sum(part.out_dim for part in named.values())

    def __call__(self, condition: Any) -> Float[Array, "out_dim *batch"]:
        """Return the concatenated vectors of the parts, for a tree of arrays with batch axes last."""
        names = self.parts if isinstance(self.parts, dict) else range(len(self.parts))
        return jnp.concatenate([self.parts[name](condition[name]) for name in names])  # pyright: ignore
