"""The names of the architectures, without importing one."""

import os
import pkgutil
from typing import Literal, TypeAlias

#: The kind of data that an architecture is for, and the name of the folder of `flows` that holds the architecture.
Data: TypeAlias = Literal["tables", "images"]


def architecture_names(data: Data) -> tuple[str, ...]:
    """Return the names of the architectures for tables or for images: the names of the files in `flows/<data>`."""
    folder = os.path.join(os.path.dirname(__file__), "flows", data)
    return tuple(sorted(module.name for module in pkgutil.iter_modules([folder]) if not module.name.startswith("_")))
