"""The architectures by name."""

import inspect
from collections.abc import Callable, Iterable
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


def architecture(data: Data, name: Any, settings: Iterable[str] = ()) -> Architecture:
    """Return one of `architectures(data)`.

    Arguments:
        data: "tables" or "images".
        name: name of the architecture.
        settings: names of keywords that it will receive.

    Raises:
        ValueError: if no architecture has this name, in which case the message lists all names, or it has no such
            setting.
    """
    known = architectures(data)
    if not isinstance(name, str) or name not in known:
        raise bad("flow", f"one of {', '.join(known)}, the architectures for {data}", name)
    taken = inspect.signature(known[name]).parameters
    for setting in settings:
        require(setting in taken, setting, f"left out: `{name}` has no such setting", "`a value`")
    return known[name]
