"""The least rows of a batch that a device receives: with fewer the exchange costs more than it spares."""

from dataclasses import dataclass
from typing import Literal, final

import jax

#: Events whose density is evaluated, or that are drawn, on CPU.
SHARE = 1024


@final
@dataclass(frozen=True)
class Share:
    """The least rows for each device, on CPU and elsewhere."""

    cpu: int
    other: int


#: Of a step of training: rows of a table, events of several axes, draws of a fit to a log-density, and observations of
#: a fit to a source, each of which is compared with many draws.
TRAINING = {
    "vectors": Share(128, 4096),
    "images": Share(16, 16),
    "density": Share(128, 4096),
    "source": Share(16, 128),
}
#: What a step of training computes.
Kind = Literal["vectors", "images", "density", "source"]


def least_rows(kind: Kind) -> int:
    """Return the least rows of a step of training that a device receives."""
    share = TRAINING[kind]
    return share.cpu if jax.default_backend() == "cpu" else share.other
