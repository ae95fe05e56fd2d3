"""The contract of a kind: what the values of a column mean, and the numbers that stand for them."""

import dataclasses
import difflib
import typing
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, cast, final

import jax
import numpy as np
from jaxtyping import Bool, Float

from ...._errors import bad, require
from ....supports import AbstractSupport
from ..facts import ArrowColumn, ColumnFacts


@final
@dataclasses.dataclass(frozen=True)
class Part:
    """A column of numbers that stands for a column of a table, or for a piece of it, such as the weekday of a date.

    Attributes:
        suffix: the name of the piece; "" if there is only one.
        support: the set of the numbers, of shape ().
        atoms: numbers with a probability of their own, in the support or outside.
        named: whether numbers are the places of values that have names, so that one outside stands for no value.
    """

    suffix: str
    support: AbstractSupport
    atoms: tuple[float, ...] = ()
    named: bool = False

    def holds(self, values: Float[np.ndarray, " rows"]) -> Bool[np.ndarray, " rows"]:
        """Return which numbers are atoms or in the support, in double precision; NaN, a missing cell, is held."""
        # Each new shape costs a compilation: powers of two are few.
        padded = np.full(1 << (len(values) - 1).bit_length() if len(values) else 1, np.nan)
        padded[: len(values)] = values
        with jax.enable_x64(True):
            outside = np.asarray(self.support.outside(jax.device_put(padded)))[: len(values)]
        return ~outside | np.isin(values, self.atoms)

    @property
    def impossible(self) -> float:
        """A finite number that is not held, of density zero.

        Raises:
            ValueError: if each number is held.
        """
        for number in (-1.0, -1e18):
            if not self.holds(np.array([number]))[0]:
                return number
        raise bad("support", "a set that leaves numbers out", self.support.rule)


@final
@dataclasses.dataclass(frozen=True)
class Found:
    """A kind that fits a column.

    Attributes:
        kind: the kind.
        reason: what in the column speaks for it.
        sure: how sure, from 0 to 1; of several kinds that fit the surest is taken.
    """

    kind: "AbstractKind"
    reason: str
    sure: float


class AbstractKind(ABC):
    """What the values of a column mean.

    A subclass is a frozen dataclass with fields of JSON types, one of them `type`, the name of the column's Arrow type.
    """

    #: The name of the kind in files and on the command line.
    name: ClassVar[str]
    #: The families of Arrow types that a column of the kind may have.
    families: ClassVar[tuple[str, ...]]
    type: str

    @property
    @abstractmethod
    def parts(self) -> tuple[Part, ...]:
        """The columns of numbers that stand for the column."""

    @property
    @abstractmethod
    def rule(self) -> str:
        """The values that a cell may have, in words that can follow "is not"."""

    @abstractmethod
    def encode(self, column: ArrowColumn, name: str) -> Float[np.ndarray, "rows parts"]:
        """Return the numbers of each cell, NaN where it is missing; numbers that no part holds where it cannot be.

        Arguments:
            column: a `pyarrow.Array` of `type`, or of one that can be read as such.
            name: of the column, for errors.

        Raises:
            ValueError: if the column has another type.
        """

    @abstractmethod
    def decode(self, values: Float[np.ndarray, "rows parts"]) -> ArrowColumn:
        """Return the column of `type` that such numbers stand for: the inverse of `encode`."""

    @classmethod
    @abstractmethod
    def of(cls, facts: ColumnFacts, **options: Any) -> "AbstractKind":
        """Return the kind for a column that the user says is of this kind.

        Arguments:
            facts: of the column.
            options: fields to set, instead of finding them in the column.
        """

    @classmethod
    @abstractmethod
    def infer(cls, facts: ColumnFacts) -> Found | None:
        """Return the kind for a column, with the reason, or None if it does not look like this kind."""

    @property
    def measure(self) -> str:
        """The measure that densities refer to: "lebesgue", "counting", or both for several parts or atoms."""
        measures = [part.support.measure for part in self.parts] + ["counting" for part in self.parts if part.atoms]
        return " x ".join(dict.fromkeys(measures))

    def to_json(self) -> dict[str, Any]:
        """Return the name of the kind and its fields as JSON types, which `kind_from_json` reads."""
        fields = dataclasses.fields(self)  # pyright: ignore[reportArgumentType]
        return {"kind": self.name, **{f.name: _json(getattr(self, f.name)) for f in fields}}


def all_kinds() -> dict[str, type[AbstractKind]]:
    """Return the kinds by name."""
    return {kind.name: kind for kind in AbstractKind.__subclasses__()}


def kind_named(name: str) -> type[AbstractKind]:
    """Return the kind of a name.

    Raises:
        ValueError: if there is none; the message names similar ones.
    """
    kinds = all_kinds()
    if name not in kinds:
        close = difflib.get_close_matches(name, kinds, n=2)
        remedy = f"Did you mean {' or '.join(close)}?" if close else ""
        raise bad("kinds", f"one of {', '.join(sorted(kinds))}", name, remedy)
    return kinds[name]


def kind_from_json(content: Mapping[str, Any]) -> AbstractKind:
    """Return the kind that `AbstractKind.to_json` has written."""
    fields = {key: _tuples(value) for key, value in content.items() if key != "kind"}
    return kind_named(content["kind"])(**fields)


def with_options(kind: Any, options: Mapping[str, Any]) -> Any:
    """Return a kind with fields that the user has set.

    Raises:
        ValueError: if it has no such field.
    """
    known = {f.name: f.type for f in dataclasses.fields(kind) if f.name != "type"}
    values = {}
    for option, value in options.items():
        if option not in known:
            remedy = f"It has {', '.join(known)}." if known else "It has none."
            raise bad("kinds", f"settings that the kind {kind.name} has", option, remedy)
        values[option] = _of_type(option, _tuples(value), known[option])
    return dataclasses.replace(kind, **values)


def _of_type(option: str, value: Any, wanted: Any) -> Any:
    """Return what a user has set for a field, whole numbers as floats where the field holds such."""
    types: tuple[Any, ...] = (wanted, *typing.get_args(wanted))
    if typing.get_origin(wanted) is tuple:
        require(isinstance(value, tuple), option, "a list", value)
        return tuple(map(float, value)) if float in types else value
    if value is None and type(None) in types:
        return None
    if float in types or int in types:
        rule = "a number" if float in types else "a whole number"
        require(isinstance(value, int | float) and not isinstance(value, bool), option, rule, value)
        require(float in types or value == round(cast("float", value)), option, rule, value)
        return (float if float in types else int)(cast("float", value))
    return value


def _json(value: Any) -> Any:
    return [_json(v) for v in value] if isinstance(value, tuple) else value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
