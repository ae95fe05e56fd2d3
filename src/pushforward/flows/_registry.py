"""The architectures by name."""

from collections.abc import Callable
from typing import Any, TypeAlias

from .. import flows
from .._architectures import Data, architecture_names
from .._errors import bad, require
from ..distributions import Pushforward

#: A function (key, dim or shape, ...) -> flow.
Architecture: TypeAlias = Callable[..., Pushforward]


def architectures(data: Data) -> dict[str, Architecture]:
    """Return the architectures for one kind of data, by name, found in the folder named after the data.

    Arguments:
        data: "tables", for functions (key, dim, ...), or "images", for functions (key, shape, ...).

    Raises:
        ValueError: if `data` is neither.
    """
    require(data in ("tables", "images"), "data", '"tables" or "images"', data)
    return {name: getattr(flows, name) for name in architecture_names(data)}


def architecture(data: Data, name: Any) -> Architecture:
    """Return one of `architectures(data)`.

    Raises:
        ValueError: if no architecture has this name; the message lists all names.
    """
    known = architectures(data)
    if not isinstance(name, str) or name not in known:
        raise bad("flow", f"one of {', '.join(known)}, the architectures for {data}", name)
    return known[name]
