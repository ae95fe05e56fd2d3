"""What a map by a network is made of, checked before its shapes are read."""

from typing import Any

from ..._errors import require
from ...univariate._base import AbstractUnivariate


def require_parts(conditioner: Any, kind: type, univariate: Any) -> None:
    """Raise unless a conditioner is of a kind, and `univariate` a univariate map.

    Raises:
        ValueError: if one is not, such as a class in place of an object.
    """
    for name, value, of in (("conditioner", conditioner, kind), ("univariate", univariate, AbstractUnivariate)):
        remedy = f"Call it: {value.__name__}(...)." if isinstance(value, type) else ""
        given = f"`{value.__name__ if isinstance(value, type) else type(value).__name__}`"
        require(isinstance(value, of), name, f"an object of a class that derives from {of.__name__}", given, remedy)
