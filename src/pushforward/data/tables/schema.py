"""The schema of a table: names, roles, kinds and units of its columns."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
from jaxtyping import Float, Int

from ..._errors import bad, require
from .column import Column, Role
from .frame import Frame, read_frame
from .inference import inferred
from .kinds import Part
from .left_out import LeftOut
from .names import position
from .settings import KindSetting
from .texts import Known


@final
@dataclass(frozen=True)
class Impossible:
    """Cells of one column that cannot be: their density is zero.

    Attributes:
        column: its name.
        row: the first such row, from 0.
        value: the cell of this row.
        count: the number of such cells.
        rule: what cells may be.
    """

    column: str
    row: int
    value: Any
    count: int
    rule: str

    def __str__(self) -> str:
        """Return a sentence for the user; rows are counted from 1."""
        return self.said("the density is zero")

    def said(self, consequence: str) -> str:
        """Return a sentence for the user that says what follows."""
        more = f", one of {self.count:,} such cells" if self.count > 1 else ""
        return f"{self.column} is {self.value!r} in row {self.row + 1}{more}, not {self.rule}: {consequence}."


@final
@dataclass(frozen=True)
class Cells:
    """A table as numbers.

    Attributes:
        values: the parts of all columns side by side, NaN where a cell is missing.
        impossible: what is said of cells that cannot be, for each column that has any.
        empty: the rows without any observed cell of the event, from 0; their log-density is 0.
    """

    values: Float[np.ndarray, "rows parts"]
    impossible: tuple[Impossible, ...] = ()
    empty: Int[np.ndarray, " empty"] = field(default_factory=lambda: np.arange(0))

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user on cells that cannot be and rows without a cell."""
        return self.notes_given(())

    def notes_given(self, conditions: Collection[str]) -> tuple[str, ...]:
        """Return the notes where some columns are conditions: cells of these that cannot be are taken as missing."""
        as_missing = "it is taken as missing"
        notes = [cells.said(as_missing) if cells.column in conditions else str(cells) for cells in self.impossible]
        if self.empty.size:
            rows = f"row {self.empty[0] + 1}" + (f" and {self.empty.size - 1:,} more" if self.empty.size > 1 else "")
            notes.append(f"All cells are missing in {rows}: the log-density is 0.")
        return tuple(notes)


@final
@dataclass(frozen=True)
class Schema:
    """The columns of a density p(event | given), and the column of the weights of the rows.

    Attributes:
        columns: at least one event column and at most one weight column, with distinct names.
        left_out: the columns of the table that have no place in the density, with reasons.
        notes: sentences for the user on numbers that may stand for missing cells.
    """

    columns: tuple[Column, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

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

    @staticmethod
    def infer(
        table: Any,
        *,
        kinds: Mapping[str, KindSetting] | None = None,
        given: Sequence[str] = (),
        weight: str | None = None,
        exclude: Sequence[str] = (),
        units: Mapping[str, str] | None = None,
    ) -> "Schema":
        """Return the schema of a table, with the kind of each column and why; `explain` shows it.

        Arguments:
            table: what `read_frame` takes, or its result.
            kinds: kinds of columns, by name: "positive", {"kind": "periodic", "period": 360}, or a kind.
            given, weight: names of columns by role.
            exclude: names of columns to leave out.
            units: units of columns, by name.

        Raises:
            ValueError: if a name is unknown, a cell is not of the kind that is set, or no column has a density.
        """
        frame = read_frame(table)
        return Schema(*inferred(frame, kinds or {}, given, weight, exclude, units or {}))

    def explain(self) -> str:
        """Return a table of the columns: kind, missing cells, and why; then the columns that are left out."""
        rows = [("column", "kind", "missing", "because")]
        for column in self.columns:
            role = "" if column.role == "event" else f" ({column.role})"
            rows.append((column.name + role, column.kind.name, f"{column.missing:,}", column.reason))
        rows += [(column.name, "left out", "", column.reason) for column in self.left_out]
        widths = [max(len(row[j]) for row in rows) for j in range(3)]
        lines = ["  ".join((*map(str.ljust, row, widths), row[3])).rstrip() for row in rows]
        return "\n".join((*lines, *self.notes))

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of all columns but the weight, in the order of the columns."""
        return tuple(part for column in self._coded for part in column.kind.parts)

    @property
    def places(self) -> dict[str, slice]:
        """The places of the parts of each column among all parts."""
        out, start = {}, 0
        for column in self._coded:
            out[column.name] = slice(start, start := start + len(column.kind.parts))
        return out

    @property
    def known(self) -> dict[str, Known]:
        """The types and spellings of the columns that were cells of a file of text, for `read_frame`."""
        columns = [c for c in self.columns if c.spelling is not None and c.text is None]
        return {c.name: Known(c.kind.type, c.spelling) for c in columns if c.spelling is not None}

    def read(self, source: Any) -> Frame:
        """Read a table as the table of the schema was read: what `read_frame` takes."""
        return read_frame(source, known=self.known)

    def encode(self, table: Any, *, absent: Collection[str] = ()) -> Cells:
        """Return a table as numbers: the parts of all columns but the weight, side by side.

        Arguments:
            table: what `read_frame` takes, or its result; it may have other columns.
            absent: names of columns that the table may lack: all their cells are missing.

        Raises:
            ValueError: if a column is missing or of another type.
        """
        frame, places = self.read(table), self.places
        values = np.full((len(frame), len(self.parts)), np.nan)
        impossible, empty = [], np.ones(len(frame), bool)
        for column in self._coded:
            if column.name in absent and column.name not in frame.names:
                continue
            position(column.name, frame.names)
            cells = frame.table[column.name].combine_chunks()
            numbers, wrong = column.encode(cells)
            values[:, places[column.name]] = numbers
            if column.role == "event":
                empty &= np.isnan(numbers).all(axis=1)
            if wrong.any():
                row = int(np.argmax(wrong))
                count = int(wrong.sum())
                impossible.append(Impossible(column.name, row, cells[row].as_py(), count, column.kind.rule))
        return Cells(values, tuple(impossible), np.flatnonzero(empty))

    def decode(self, values: Float[np.ndarray, "rows parts"], like: Frame | None = None) -> Frame:
        """Return the table that such numbers stand for: the inverse of `encode`.

        Arguments:
            values: the parts of all columns but the weight.
            like: a table whose library, or whose dialect of a file, the result is to have.

        Raises:
            ValueError: if the number of parts is wrong.
        """
        import pyarrow as pa

        right = values.ndim == 2 and values.shape[1] == len(self.parts)
        require(right, "values", f"of shape (rows, {len(self.parts)})", f"`shape {values.shape}`")
        places = self.places
        columns = {c.name: c.decode(np.asarray(values[:, places[c.name]], np.float64)) for c in self._coded}
        spellings = {c.name: c.spelling for c in self._coded if c.spelling is not None and c.text is None}
        frame = Frame(pa.table(columns), spellings)
        return frame if like is None else replace(frame, dialect=like.dialect, like=like.like)

    def weights(self, table: Any) -> Float[np.ndarray, " rows"] | None:
        """Return the weights of the rows of a table; None if there are none.

        Raises:
            ValueError: if a weight is negative or missing.
        """
        column = next((column for column in self.columns if column.role == "weight"), None)
        frame = self.read(table)
        if column is None or column.name not in frame.names:
            return None
        weights = column.encode(frame.table[column.name].combine_chunks())[0][:, 0]
        wrong = ~(weights >= 0)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise bad(column.name, "weights without negative or missing values", f"`{weights[row]}` in row {row + 1}")
        return weights

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
        """Return names by role, the known units if any, and what is known of columns, as JSON types for `from_json`."""
        out: dict[str, Any] = {"columns": list(self.event), "given": list(self.given), "weights": self.weight}
        if self.units:
            out["units"] = self.units
        if self != Schema.of(self.event, self.given, self.weight, self.units):
            left_out = {column.name: column.reason for column in self.left_out}
            columns = [column.to_json() for column in self.columns]
            out["schema"] = {"columns": columns, "left_out": left_out, "notes": list(self.notes)}
        return out

    @staticmethod
    def from_json(content: Mapping[str, Any], dim: int | None = None, cond_dim: int | None = None) -> "Schema":
        """Return the schema of a density.

        Arguments:
            content: the result of `to_json`, or a part of it; unnamed columns are called x0, x1, ... in the event and
                c0, c1, ... in the condition, and are continuous.
            dim, cond_dim: numbers of columns of the event and of the condition, for a schema of continuous columns.

        Raises:
            ValueError: if the number of names is not `dim` or `cond_dim`, or a unit belongs to no column.
        """
        if "schema" in content:
            known = content["schema"]
            left_out = tuple(LeftOut(name, reason) for name, reason in known["left_out"].items())
            return Schema(tuple(map(Column.from_json, known["columns"])), left_out, tuple(known["notes"]))
        event = _names(content, "columns", [f"x{i}" for i in range(dim or 0)])
        given = _names(content, "given", [f"c{i}" for i in range(cond_dim or 0)])
        weight, units = content.get("weights"), content.get("units", {})
        require(weight is None or isinstance(weight, str), "weights", "the name of a column or None", weight)
        if not isinstance(units, dict) or not all(isinstance(unit, str) for unit in units.values()):
            raise bad("units", "a dictionary from names of columns to units", units)
        return Schema.of(event, given, weight, units)

    @property
    def _coded(self) -> tuple[Column, ...]:
        """The columns that have parts: all but the weight."""
        return tuple(column for column in self.columns if column.role != "weight")


def _names(content: Mapping[str, Any], key: str, default: list[str]) -> list[str]:
    names = content.get(key, default)
    ok = isinstance(names, list) and len(names) == len(default) and all(isinstance(name, str) for name in names)
    remedy = f'Save it with `pf.save(path, flow, {{"{key}": [...]}})`.'
    require(ok, "model", f"saved with {len(default)} names of {key}", names, remedy)
    return names
