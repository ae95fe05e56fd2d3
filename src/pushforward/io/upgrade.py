"""Upgrade of models of earlier formats to today's classes.

A file names classes and fields. Where these have changed since the file was written, this module rewrites its tree,
class by class; arrays keep their paths and values.
"""

from collections.abc import Callable
from typing import Any

from .errors import FileFormatError

Fields = dict[str, Any]


def upgraded(tree: Any, version: int) -> Any:
    """Return the tree of a file of an earlier format version as it would be written today.

    Raises:
        FileFormatError: if the tree is nested too deeply.
    """
    try:
        return _from_2(tree) if version == 2 else tree
    except RecursionError:
        raise FileFormatError("its tree is nested too deeply") from None


def _from_2(node: Any) -> Any:
    """Upgrade format 2, of package version 0.1, with `conditioners` for networks and a class of image couplings."""
    if isinstance(node, list):
        return [_from_2(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _from_2(value) for key, value in node.items()}
    name, fields = node.get("class"), node.get("fields")
    if not isinstance(name, str) or not isinstance(fields, dict):
        return node
    new = _FROM_2.get(name)
    if new is not None:
        name, fields = new(fields)
    return {**node, "class": name.replace("conditioners.", "networks."), "fields": fields}


def _split(name: str, **fields: Any) -> Fields:
    return {"split": {"class": f"bijections.{name}", "fields": fields}}


def _conv_coupling(fields: Fields) -> tuple[str, Fields]:
    kept = {name: value for name, value in fields.items() if name not in ("mask", "other")}
    other = fields.get("other")
    split = _split("Checkerboard", other=other)
    if fields.get("mask") == "channels":
        split = _split("Halves", axis=2, other=other)
    return "bijections.Coupling", {**kept, **split}


#: Old name -> (old fields) -> new name and fields.
_FROM_2: dict[str, Callable[[Fields], tuple[str, Fields]]] = {
    "bijections.Coupling": lambda fields: ("bijections.Coupling", {**fields, **_split("Halves", axis=0, other=False)}),
    "bijections.ConvCoupling": _conv_coupling,
    "bijections.Elementwise": lambda fields: ("bijections.Elementwise", {**fields, "conditioner": None}),
    "bijections.ConvElementwise": lambda fields: ("bijections.Elementwise", {**fields, "params": None}),
}
