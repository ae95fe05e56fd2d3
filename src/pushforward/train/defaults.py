"""The defaults of a fit: learning rate, batch size and length, by the kind of data."""

import math
from dataclasses import dataclass
from typing import final

from .._errors import require, require_count
from ..parallel.share import Kind


@final
@dataclass(frozen=True)
class Defaults:
    """The defaults of one kind of fit.

    Attributes:
        kind: how devices share the batches.
        learning_rate: the peak of the default schedule.
        batch_size: rows of one step.
        steps: steps of a fit, within the bounds on the number of epochs.
        min_epochs, max_epochs: these bounds.
        decay, average: of the weights; see `Optimization`.
        members: number of new flows, as long as they are not large.
    """

    kind: Kind
    learning_rate: float
    batch_size: int
    steps: int
    min_epochs: int
    max_epochs: int
    decay: float = 0.0
    average: float = 0.0
    members: int = 1

    def epochs(self, per_epoch: int) -> int:
        """Return the largest number of epochs, each of `per_epoch` steps."""
        return min(max(math.ceil(self.steps / per_epoch), self.min_epochs), self.max_epochs)


#: For vectors; for events of several axes, such as images, whose networks are deeper; for sources.
VECTORS = Defaults("vectors", 5e-3, 512, 1500, 5, 400, decay=0.1, average=0.99, members=3)
IMAGES = Defaults("images", 1e-3, 64, 1500, 5, 400)
SOURCE = Defaults("source", 2e-3, 64, 1000, 3, 200)
#: For the columns of a table, each given any others.
COLUMNS = Defaults("vectors", 2e-3, 512, 5000, 5, 1000, decay=0.02, average=0.998)
#: Parameters that the flows of a fit have together at most, if their number is a default: larger flows are fewer.
MAX_PARAMETERS = 2_000_000
#: The peak of the default schedule of a fit to a log-density.
DENSITY_LEARNING_RATE = 2e-3


def defaults_for(shape: tuple[int, ...]) -> Defaults:
    """Return the defaults for events of a shape."""
    return IMAGES if len(shape) > 1 else VECTORS


@final
@dataclass(frozen=True)
class Length:
    """The length of a fit to rows, and the share of rows that validate it.

    Attributes:
        batch_size: the most rows of one step.
        max_epochs: the most passes over the rows, or None for the default.
        patience: number of epochs without a better validation loss after which the fit stops.
        val_fraction: share of the rows kept for validation.
    """

    batch_size: int
    max_epochs: int | None
    patience: int
    val_fraction: float | int

    def __post_init__(self) -> None:
        """Check the numbers."""
        require(0 <= self.val_fraction < 1, "val_fraction", "from 0 to below 1", self.val_fraction)
        require_count("batch_size", self.batch_size)
        require_count("patience", self.patience)
        if self.max_epochs is not None:
            require_count("max_epochs", self.max_epochs)

    def steps_per_epoch(self, rows: int) -> int:
        """Return the number of batches that the rows make."""
        return math.ceil(rows / self.batch_size)

    def epochs(self, rows: int, defaults: Defaults) -> int:
        """Return the largest number of passes over the rows."""
        return defaults.epochs(self.steps_per_epoch(rows)) if self.max_epochs is None else self.max_epochs
