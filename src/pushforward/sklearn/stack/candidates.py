"""The densities that are fitted beside each other."""

from dataclasses import dataclass
from typing import final

from .stages import Name

#: The most rows for which a Gaussian process is fitted, and models of both scales.
FEW = 2000
#: From so many rows on networks are fitted for longer.
MANY = 10_000
#: From so many rows on there are fewer folds, and no forests, which would cost the most time and memory.
VERY_MANY = 50_000


@final
@dataclass(frozen=True)
class Candidate:
    """One way to fit p(y | x): a network that sees features, and errs around first predictions or from scratch.

    Attributes:
        logarithm: whether y is modelled on the scale of its logarithm.
        stages: the models that predict y first.
        pieces: whether the network sees piecewise-linear features.
        width, depth: of the network.
        learning_rate, decay: of its fit.
        batch_size, steps: of its fit.
    """

    logarithm: bool
    stages: tuple[Name, ...]
    pieces: bool
    width: int
    depth: int
    learning_rate: float
    decay: float
    batch_size: int
    steps: int


def folds_of(n: int) -> int:
    """Return the number of folds of n rows."""
    return 5 if n <= VERY_MANY else 3


def candidates(n: int) -> tuple[Candidate, ...]:
    """Return the densities for n rows.

    They, and their settings, come from trials on five UCI tables, whose figures are therefore no independent test of
    the choice. More than 1000 steps of a network alone gain 0.02 nats on one of them and take twice as long.
    """
    alone, after = min(max(n // 4, 600), 1000), min(max(n // 8, 200), 600)
    if n > MANY:
        alone, after = min(max(n // 10, 1000), 3000), min(max(n // 20, 600), 1800)

    def network(pieces: bool) -> Candidate:
        return Candidate(False, (), pieces, 128, 2, 4e-3, 0.1, 256 if n > 1500 else 128, alone)

    def around(stages: tuple[Name, ...], pieces: bool, logarithm: bool = False) -> Candidate:
        return Candidate(logarithm, stages, pieces, 64, 1, 1e-3, 0.02, 128, after)

    if n > FEW:
        return around(("boosting", "forest") if n <= VERY_MANY else ("boosting",), False), network(True), network(False)
    all_stages: tuple[Name, ...] = ("process", "boosting", "forest")
    return (
        around(all_stages, False),
        network(True),
        network(False),
        around(all_stages, True, logarithm=True),
        around(("forest",), True),
    )
