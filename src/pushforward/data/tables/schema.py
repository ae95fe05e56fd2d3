"""The schema of a table: names, roles, kinds and units of its columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, final

from ..._errors import bad, require

#: The role of a column in a density: part of the event, part of the condition, or weight of the row.
Role: TypeAlias = Literal["event", "given", "weight"]
#: The kind of the values of a column.
Kind: TypeAlias = Literal["continuous"]


@final
@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: its name in the table.
        role: "event", "given" (part of the condition) or "weight" (of the row).
        kind: kind of its values; "continuous" means real numbers with a density.
        unit: unit of its values, such as "m/s"; None if it is not known.
    """

    name: str
    role: Role = "event"
    kind: Kind = "continuous"
    unit: str | None = None


@final
@dataclass(frozen=True)
class Schema:
    """The columns of a density p(event | given), and the column of the weights of the rows.

    Attributes:
        columns: at least one event column and at most one weight column, with distinct names.
    """

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        """Check that the columns fit together."""
        names = [column.name for column in self.columns]
        require(len(set(names)) == len(names), "columns", "columns of different names", names)
        require(bool(self.event), "columns", "at least one that is neither given nor a weight", names)
        weights = [column.name for column in self.columns if column.role == "weight"]
        require(len(weights) < 2, "columns", "columns of which one at most is a weight", weights)

    @staticmethod
    def of(
        event: Sequence[str],
        given: Sequence[str] = (),
        weight: str | None = None,
        units: Mapping[str, str] | None = None,
    ) -> "Schema":
        """Return the schema of continuous columns.

        Arguments:
            event, given, weight: names of columns by role.
            units: units of any of these columns, by name.

        Raises:
            ValueError: if a name is repeated, or a unit belongs to no column.
        """
        units = {} if units is None else units
        weights = () if weight is None else (weight,)
        unknown = sorted(set(units) - {*event, *given, *weights})
        require(not unknown, "units", "units of columns of the model", unknown)
        by_role: list[tuple[Role, Sequence[str]]] = [("event", event), ("given", given), ("weight", weights)]
        return Schema(tuple(Column(name, role, unit=units.get(name)) for role, names in by_role for name in names))

    @property
    def event(self) -> tuple[str, ...]:
        """The names of the columns of the event."""
        return tuple(column.name for column in self.columns if column.role == "event")

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the columns of the condition."""
        return tuple(column.name for column in self.columns if column.role == "given")

    @property
    def weight(self) -> str | None:
        """The name of the column of the weights, if there is one."""
        return next((column.name for column in self.columns if column.role == "weight"), None)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns, in the order event, condition, weight."""
        return (*self.event, *self.given, *([] if self.weight is None else [self.weight]))

    @property
    def units(self) -> dict[str, str]:
        """The known units, by the names of the columns."""
        return {column.name: column.unit for column in self.columns if column.unit is not None}

    def to_json(self) -> dict[str, Any]:
        """Return names by role, and the known units if any, as JSON types, which `from_json` reads."""
        out = {"columns": list(self.event), "given": list(self.given), "weights": self.weight}
        return {**out, "units": self.units} if self.units else out

    @staticmethod
    def from_json(content: Mapping[str, Any], dim: int, cond_dim: int) -> "Schema":
        """Return the schema of a density of `dim` columns given `cond_dim`.

        Arguments:
            content: the result of `to_json`, or a part of it; unnamed columns are called x0, x1, ... in the event and
                c0, c1, ... in the condition.
            dim, cond_dim: numbers of columns.

        Raises:
            ValueError: if the number of names is not `dim` or `cond_dim`, or a unit belongs to no column.
        """
        event = _names(content, "columns", [f"x{i}" for i in range(dim)])
        given = _names(content, "given", [f"c{i}" for i in range(cond_dim)])
        weight, units = content.get("weights"), content.get("units", {})
        require(weight is None or isinstance(weight, str), "weights", "the name of a column or None", weight)
        if not isinstance(units, dict) or not all(isinstance(unit, str) for unit in units.values()):
            raise bad("units", "a dictionary from names of columns to units", units)
        return Schema.of(event, given, weight, units)


def _names(content: Mapping[str, Any], key: str, default: list[str]) -> list[str]:
    names = content.get(key, default)
    ok = isinstance(names, list) and len(names) == len(default) and all(isinstance(name, str) for name in names)
    remedy = f'Save it with `pf.save(path, flow, {{"{key}": [...]}})`.'
    require(ok, "model", f"saved with {len(default)} names of {key}", names, remedy)
    return names
