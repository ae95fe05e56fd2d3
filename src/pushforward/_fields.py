"""The trainable arrays of a model.

Every floating-point array in a tree is a parameter, except arrays in a field declared with
`metadata=FIXED`: constants such as the bounds of a support or a location fitted in closed form. The
declaration belongs to the class, so no wrapper surrounds the array.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import equinox as eqx
import jax
from jax.tree_util import DictKey, GetAttrKey, SequenceKey
from jaxtyping import PyTree

#: `eqx.field(metadata=FIXED)` declares a field whose arrays are saved and moved but never trained.
FIXED: Mapping[str, bool] = MappingProxyType({"trainable": False})


def trainable(tree: PyTree) -> PyTree[bool]:
    """Mark each leaf of `tree`: is it a floating-point array outside every `FIXED` field?

    The result has the structure of `tree`; `eqx.partition(tree, trainable(tree))` splits off the parameters.
    """

    def mark(path: tuple[Any, ...], leaf: Any) -> bool:
        node = tree
        for key in path:
            if isinstance(key, GetAttrKey):
                if dataclasses.is_dataclass(node):
                    field = next(f for f in dataclasses.fields(node) if f.name == key.name)
                    if not field.metadata.get("trainable", True):
                        return False
                node = getattr(node, key.name)
            elif isinstance(key, SequenceKey):
                node = node[key.idx]
            elif isinstance(key, DictKey):
                node = node[key.key]
        return eqx.is_inexact_array(leaf)

    return jax.tree_util.tree_map_with_path(mark, tree)
