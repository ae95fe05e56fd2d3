"""The shapes of the arrays of a tree: one shape, or dictionaries and tuples of shapes."""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeAlias, TypeVar, final

from ._errors import bad

T = TypeVar("T")

#: The shape of an array, as (50, 3); or of a tree of arrays, as {"values": (50, 3), "mask": (50,)} or ((50, 3), (4,)).
#: Few classes take a tree; this annotation marks them, and classes for arrays are annotated with `tuple[int, ...]`.
Shapes: TypeAlias = Any


@final
class Named(dict[str, Any]):
    """An immutable dictionary with a hash, which JAX needs to compile a program for it."""

    def __hash__(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]  # mutable objects have none
        return hash(frozenset(self.items()))

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("This dictionary cannot be changed.")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse  # pyright: ignore


def frozen(shapes: Shapes) -> Shapes:
    """Return the same shapes with a hash."""
    if isinstance(shapes, dict):
        return Named({name: frozen(part) for name, part in shapes.items()})
    return shapes if is_shape(shapes) else tuple(frozen(part) for part in shapes)


def is_shape(shapes: Shapes) -> bool:
    """Return whether `shapes` is the shape of one array."""
    return isinstance(shapes, tuple) and all(isinstance(n, int) for n in shapes)


def leaf_shapes(shapes: Shapes) -> Iterator[tuple[int, ...]]:
    """Yield the shape of each array, in JAX's order of the leaves of such a tree."""
    if is_shape(shapes):
        yield shapes
    else:
        parts = [shapes[name] for name in sorted(shapes)] if isinstance(shapes, dict) else shapes
        for part in parts:
            yield from leaf_shapes(part)


def map_shapes(f: Callable[[str, tuple[int, ...], Any], T], name: str, shapes: Shapes, tree: Any) -> Any:
    """Return the tree of f(name, shape, array), after a check that `tree` and `shapes` have the same parts.

    Arguments:
        f: receives the name of a part, such as `condition["mask"]`, its shape, and the part of `tree`.
        name: of the tree.
        shapes: of its arrays.
        tree: a dictionary if `shapes` is a dictionary, a tuple or a list if `shapes` is a tuple of shapes.

    Raises:
        ValueError: if a part is missing or not in `shapes`; the message names the parts.
    """
    if is_shape(shapes):
        return f(name, shapes, tree)
    kind, stated = (dict, "dictionary") if isinstance(shapes, dict) else ((tuple, list), "tuple")
    if not isinstance(tree, kind):
        raise bad(
            name, f"a {stated} of arrays of trailing shapes {shapes}", None if tree is None else f"`{_kind(tree)}`"
        )
    parts = shapes if isinstance(shapes, dict) else dict(enumerate(shapes))
    given = tree if isinstance(tree, dict) else dict(enumerate(tree))
    if parts.keys() != given.keys():
        raise bad(name, f"a {stated} of the parts {_listed(parts)}", f"`{_listed(given) or 'none'}`")
    mapped = {key: map_shapes(f, f"{name}[{_quoted(key)}]", part, given[key]) for key, part in parts.items()}
    return mapped if isinstance(shapes, dict) else tuple(mapped.values())


def _listed(parts: dict[Any, Any]) -> str:
    return ", ".join(map(_quoted, parts))


def _quoted(key: Any) -> str:
    return f'"{key}"' if isinstance(key, str) else str(key)


def _kind(tree: Any) -> str:
    return f"an array of shape {tree.shape}" if hasattr(tree, "shape") else f"a {type(tree).__name__}"
