"""The smallest number of rows for which a device is used: with fewer, communication costs more than sharing saves."""

from dataclasses import dataclass
from typing import Literal, final

import jax

#: For events that are evaluated or drawn on CPU.
SHARE = 1024


@final
@dataclass(frozen=True)
class Share:
    """The smallest number of rows for each device, on CPU and elsewhere."""

    cpu: int
    other: int


#: For a training step: rows of a table, events with several axes, draws in a fit to a log-density, and observations in
#: a fit to a source, each of which is compared with many draws.
TRAINING = {
    "vectors": Share(128, 4096),
    "images": Share(16, 16),
    "density": Share(128, 4096),
    "source": Share(16, 128),
}
#: The kind of a training step.
Kind = Literal["vectors", "images", "density", "source"]


def least_rows(kind: Kind) -> int:
    """Return the smallest number of rows of a training step for which a device is used."""
    share = TRAINING[kind]
    return share.cpu if jax.default_backend() == "cpu" else share.other
