"""The classes that a file may name: exactly the exports of the six mathematical subpackages."""

import inspect

import equinox as eqx

from .. import bijections, columns, distributions, networks, supports, univariate

_FLOORS = {
    "supports": supports,
    "univariate": univariate,
    "networks": networks,
    "bijections": bijections,
    "distributions": distributions,
    "columns": columns,
}


def public_classes() -> dict[str, type[eqx.Module]]:
    """Return the concrete module classes by their public path, such as `bijections.Chain`."""
    return {
        f"{floor}.{name}": value
        for floor, module in _FLOORS.items()
        for name, value in vars(module).items()
        if not name.startswith("_") and _is_concrete(value)
    }


def _is_concrete(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, eqx.Module) and not inspect.isabstract(value)
