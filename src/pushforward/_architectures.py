"""The names of the architectures, without importing one."""

import os
import pkgutil
from typing import Literal, TypeAlias

#: What an architecture is for: the folder of `flows` that holds it.
Data: TypeAlias = Literal["tables", "images"]


def architecture_names(data: Data) -> tuple[str, ...]:
    """Return the names of the architectures for tables or for images: each has a file of its name in that folder."""
    folder = os.path.join(os.path.dirname(__file__), "flows", data)
    return tuple(sorted(module.name for module in pkgutil.iter_modules([folder]) if not module.name.startswith("_")))
