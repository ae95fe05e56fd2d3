"""What a search chooses from: an architecture, its settings, and settings of its fit."""

import inspect
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, final, get_args, get_origin

import jax
import numpy as np

from ..._errors import bad, require_count
from ..._types import Key
from ...bijections import Autoregressive, Invert
from ...distributions import AbstractDistribution, Pushforward
from ...flows import architecture, architectures

#: A function key -> flow.
Builder: TypeAlias = Callable[[Key], AbstractDistribution]

#: The keywords of `pushforward.fit` that a candidate may set: they leave the objective and the rows as they are.
FIT_SETTINGS = (
    *("learning_rate", "decay", "sparsity", "clip_norm", "max_skipped", "average"),
    *("batch_size", "max_epochs", "patience"),
)
#: Numbers of layers, widths of two hidden layers, and decays of weights, that the default candidates have.
LAYERS, WIDTHS, DECAYS = (1, 2, 3, 5), (16, 32, 64, 128, 256), (0.0, 0.1, 0.3)
#: Rows from which the networks are wider by one place in `WIDTHS`, and splines may have twice the bins.
WIDER_FROM = (1000, 5000)


@final
@dataclass(frozen=True)
class Candidate:
    """An architecture for tables by name, with its settings and those of its fit; `pushforward.search` tries it.

        Candidate("nsf", {"layers": 2, "hidden": (64, 64)}, {"decay": 0.1})

    Attributes:
        flow: name of the architecture: one of `pushforward.flows.architectures("tables")`.
        settings: keywords of the architecture; what is left out is as the architecture has it.
        fit: keywords of `pushforward.fit`: `learning_rate`, `decay`, `sparsity`, `clip_norm`, `max_skipped`,
            `average`, `batch_size`, `max_epochs` or `patience`. `max_epochs` is the length of a whole fit.

    Raises:
        ValueError: if there is no such architecture or keyword, or a value is no number, text or tuple of them.
    """

    flow: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    fit: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the names."""
        architecture("tables", self.flow, self.settings)
        for name in self.fit:
            if name not in FIT_SETTINGS:
                remedy = "The rows and the objective are the same for all candidates."
                raise bad("fit", f"of keywords among {', '.join(FIT_SETTINGS)}", name, remedy)
        try:
            json.dumps(self.to_json())
        except TypeError as error:
            remedy = "Pass a function key -> flow in place of the candidate, if only the flow needs it."
            raise bad("settings", "numbers, texts, and tuples of them", f"`{error}`", remedy) from error

    def build(self, key: Key, dim: int, cond_dim: int) -> Pushforward:
        """Return the flow, not fitted yet, for events of `dim` elements and conditions of `cond_dim`."""
        return architecture("tables", self.flow)(key, dim, cond_dim=cond_dim, **self.settings)

    def __str__(self) -> str:
        given = [*self.settings.items(), *self.fit.items()]
        return " ".join([self.flow, *(f"{name}={_shown(value)}" for name, value in given)])

    def to_json(self) -> dict[str, Any]:
        """Return the content as JSON types, which `from_json` reads."""
        settings = {name: list(v) if isinstance(v, tuple) else v for name, v in self.settings.items()}
        return {"flow": self.flow, "settings": settings, "fit": dict(self.fit)}

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "Candidate":
        """Return the candidate that `to_json` described."""
        settings = {name: tuple(v) if isinstance(v, list) else v for name, v in content["settings"].items()}
        return Candidate(content["flow"], settings, dict(content["fit"]))


def candidates_for(
    rows: int,
    dim: int,
    cond_dim: int = 0,
    *,
    most: int | None = 27,
    seed: int = 0,
    fit: Mapping[str, Any] | None = None,
) -> dict[str, Candidate]:
    """Return the candidates that `pushforward.search` tries by default, by name.

    First come all architectures for tables with their own settings, and each other value of `wiring`; those whose
    density is computed element by element are left out. Of the architecture with the most settings, the neural spline
    flow, there follow those of a grid of layers, widths, bins and weight decay. Networks are narrower for fewer rows.

    Arguments:
        rows: number of rows to fit.
        dim, cond_dim: elements of an event, and of a condition, 0 for none.
        most: the most candidates; those of the grid are then drawn at random, which finds good settings with fewer
            fits than a grid if few of the settings matter. None for all.
        seed: decides the draw.
        fit: keywords of `pushforward.fit` that all candidates have, such as {"max_epochs": 50}.

    Raises:
        ValueError: if a number is not positive, or a keyword is none that a candidate may have.

    Reference:
        "Random Search for Hyper-Parameter Optimization", Bergstra, Bengio, 2012.
    """
    from ...train.defaults import defaults_for

    require_count("rows", rows)
    require_count("dim", dim)
    fit = {} if fit is None else dict(fit)
    taken = {name: inspect.signature(build).parameters for name, build in _parallel().items()}
    plain = [
        Candidate(name, settings, fit)
        for name, parameters in taken.items()
        for settings in ({}, *({"wiring": value} for value in _other_values(parameters, "wiring") if dim > 1))
    ]
    plain = sorted(plain, key=lambda candidate: -len(taken[candidate.flow]))
    richest = plain[0].flow
    parameters = taken[richest]
    usual = {name: parameters[name].default for name in _axes(rows, dim + cond_dim) if name in parameters}
    usual_decay = {"decay": defaults_for((dim,)).decay}
    decays = [{}] if "decay" in fit else [{"decay": decay} for decay in DECAYS]
    grid = [
        Candidate(richest, settings, {**decay, **fit})
        for settings in _products({name: v for name, v in _axes(rows, dim + cond_dim).items() if name in parameters})
        for decay in decays
        if (settings, decay or usual_decay) != (usual, usual_decay)
    ]
    if most is not None:
        require_count("most", most)
        rng = np.random.default_rng(seed)
        drawn = rng.permutation(len(grid))[: max(0, most - len(plain))]
        # In the order of the draw: where time ends a search, large and small ones were tried alike.
        grid = [grid[i] for i in drawn]
        plain = plain[:most]
    return {str(candidate): candidate for candidate in (*plain, *grid)}


def seed_of(key: Key) -> int:
    """Return the seed by which a search draws its default candidates."""
    return int(np.asarray(jax.random.key_data(key)).ravel()[-1])


def _parallel() -> dict[str, Callable[..., Pushforward]]:
    """Return the architectures for tables whose density needs one pass of each network."""
    found = {}
    for name, build in architectures("tables").items():
        small = {"layers": 1, "hidden": (2,)}
        known = inspect.signature(build).parameters
        flow = build(jax.random.key(0), 2, **{setting: v for setting, v in small.items() if setting in known})
        inverted = jax.tree.leaves(flow, is_leaf=lambda node: isinstance(node, Invert))
        if not any(isinstance(node, Invert) and isinstance(node.bijection, Autoregressive) for node in inverted):
            found[name] = build
    return found


def _axes(rows: int, inputs: int) -> dict[str, tuple[Any, ...]]:
    """Return the values of each setting in the grid."""
    first = sum(rows >= bound for bound in WIDER_FROM)
    # The network of a single column has no input: its width decides nothing.
    widths = WIDTHS[first : first + 3] if inputs > 1 else WIDTHS[first : first + 1]
    bins = (8, 16) if rows >= WIDER_FROM[0] else (8,)
    return {"layers": LAYERS, "hidden": tuple((width, width) for width in widths), "bins": bins}


def _products(axes: Mapping[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _other_values(parameters: Mapping[str, inspect.Parameter], name: str) -> tuple[Any, ...]:
    """Return the values that a setting may have beside its default, if its type lists them."""
    if name not in parameters or get_origin(parameters[name].annotation) is not Literal:
        return ()
    return tuple(value for value in get_args(parameters[name].annotation) if value != parameters[name].default)


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
