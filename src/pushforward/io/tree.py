"""A model as JSON and named arrays, and back.

The JSON mirrors the model: a module is `{"class": "bijections.Chain", "fields": {...}}`, an array is
`{"array": "float32", "shape": [3, 4]}` and is found under its path in the tree, such as
`bijection.bijections.0.conditioner.weights.1`. A tuple is a JSON list; `{"list": [...]}`,
`{"dict": [[key, value], ...]}` and `{"float": "nan"}` stand for values that JSON lacks.
"""

import dataclasses
import inspect
import math
from typing import Any

import equinox as eqx
import jax
import numpy as np

from .._errors import bad
from .._shapes import Named
from .arrays import from_numpy, is_weak, to_numpy
from .errors import FileFormatError
from .registry import public_classes

_PLAIN = "None, a bool, an int, a float, a string, or a tuple, list or dictionary of these"
_FOREIGN = (
    "Use the package's own parts, or keep this model with `equinox.tree_serialise_leaves` and the code that builds it."
)


def describe(model: eqx.Module) -> tuple[Any, dict[str, np.ndarray]]:
    """Return the JSON of `model`, and its arrays by path.

    Raises:
        ValueError: if a part is neither of a class that the package exports, nor an array, nor a plain value.
    """
    names = {cls: name for name, cls in reversed(public_classes().items())}
    arrays: dict[str, np.ndarray] = {}

    def visit(value: Any, path: str, static: bool) -> Any:
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            return value if math.isfinite(value) else {"float": str(value)}
        if kind in (tuple, list):
            items = [visit(v, _join(path, i), static) for i, v in enumerate(value)]
            return items if kind is tuple else {"list": items}
        if kind in (dict, Named):
            items = value.items()
            return {"dict": [[visit(k, path, True), visit(v, _join(path, k), static)] for k, v in items]}
        if static and isinstance(value, np.generic):
            return visit(value.item(), path, True)
        where = f"model.{path}" if path else "model"
        if isinstance(value, eqx.Module):
            if kind not in names:
                given = f"`{kind.__module__}.{kind.__qualname__}`"
                raise bad(where, "an object of a class that pushforward exports", given, _FOREIGN)
            # A field that the object does not hold itself is a default of its class.
            held = [f for f in _fields(kind) if f.name in vars(value)]
            fields = {f.name: visit(getattr(value, f.name), _join(path, f.name), static or _is_static(f)) for f in held}
            return {"class": names[kind], "fields": fields}
        if static or not isinstance(value, (jax.Array, np.ndarray, np.generic)):
            raise bad(where, _PLAIN if static else f"a module, an array, {_PLAIN}", value)
        if path in arrays:
            raise bad(where, "the only part with this path", "`two arrays`")
        arrays[path] = array = to_numpy(value, where)
        node = {"array": array.dtype.name, "shape": list(array.shape)}
        return {**node, "weak": True} if is_weak(value) else node

    return visit(model, "", False), arrays


def rebuild(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return the model of a JSON tree, with JAX arrays.

    No `__init__` runs: the fields are set as the tree gives them, and `__check_init__` checks them.

    Raises:
        FileFormatError: if the tree and the arrays do not form a model of this package.
    """
    classes = public_classes()
    unused = dict(arrays)

    def visit(node: Any, path: str, static: bool) -> Any:
        if node is None or isinstance(node, (bool, int, float, str)):
            return node
        if isinstance(node, list):
            return tuple(visit(v, _join(path, i), static) for i, v in enumerate(node))
        match node:
            case {"class": str(name), "fields": dict(fields), **rest} if not rest:
                if name not in classes:
                    raise FileFormatError(f"{_quote(name)} is not a class that pushforward exports")
                declared = {f.name: f for f in _fields(classes[name])}
                needed = {f.name for f in declared.values() if f.default is dataclasses.MISSING}
                if not needed <= fields.keys() <= declared.keys():
                    raise FileFormatError(f"the fields of {_at(path)} are not those of `{name}`")
                values = {k: visit(v, _join(path, k), static or _is_static(declared[k])) for k, v in fields.items()}
                return _build(classes[name], values, path)
            case {"list": list(items), **rest} if not rest:
                return [visit(v, _join(path, i), static) for i, v in enumerate(items)]
            case {"dict": list(items), **rest} if not rest and all(_is_pair(item) for item in items):
                keys = [visit(key, path, True) for key, _ in items]
                values = [visit(item[1], _join(path, k), static) for k, item in zip(keys, items, strict=True)]
                try:
                    # A static field needs a hash, which `Named` has.
                    return (Named if static else dict)(zip(keys, values, strict=True))
                except TypeError:
                    raise FileFormatError(f"{_at(path)} has a key that cannot be one") from None
            case {"float": ("nan" | "inf" | "-inf") as text, **rest} if not rest:
                return float(text)
            case {"array": str(dtype), "shape": list(shape), **rest} if rest in ({}, {"weak": True}):
                if static or path not in unused:
                    raise FileFormatError(f"{_at(path)} names an array that is not there")
                array = unused.pop(path)
                if array.dtype.name != dtype or list(array.shape) != shape:
                    raise FileFormatError(f"the array {_at(path)} is not of the shape and dtype that it names")
                return from_numpy(array, bool(rest), path)
        raise FileFormatError(f"{_at(path)} is not of a form that pushforward writes")

    try:
        model = visit(tree, "", False)
    except RecursionError:
        raise FileFormatError("its tree is nested too deeply") from None
    if not isinstance(model, eqx.Module):
        raise FileFormatError("its tree is not that of a model")
    if unused:
        raise FileFormatError(f"it holds an array that its tree does not name, {_quote(min(unused))}")
    return model


def _build(cls: type[eqx.Module], values: dict[str, Any], path: str) -> eqx.Module:
    module = object.__new__(cls)
    types = {f.name: f.type for f in _fields(cls)}
    for name, value in values.items():
        expected = types[name]
        if inspect.isclass(expected) and issubclass(expected, eqx.Module) and not isinstance(value, expected):
            raise FileFormatError(f"{_at(_join(path, name))} is not an `{expected.__name__}`")
        object.__setattr__(module, name, value)
    try:
        for parent in cls.__mro__:
            if "__check_init__" in vars(parent):
                vars(parent)["__check_init__"](module)
    except Exception as error:
        raise FileFormatError(f"the fields of {_at(path)} do not fit together ({error})") from error
    return module


def _fields(cls: type[eqx.Module]) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls)  # pyright: ignore[reportArgumentType]


def _is_static(field: dataclasses.Field[Any]) -> bool:
    return field.metadata.get("static", False)


def _is_pair(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2


def _join(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


def _at(path: str) -> str:
    return _quote(path) if path else "the model"


def _quote(name: str) -> str:
    return f"`{name}`" if len(name) <= 100 else f"`{name[:97]}...`"
