"""A density of a table as it is: every kind of column, missing cells, and every question asked of one model."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import jax
import numpy as np
from jaxtyping import Float

from ..._architectures import Data
from ..._errors import bad, require
from ..._types import Key
from ...columns import AnyOrder
from ...data import Frame, Schema, holds_images, parse_kinds, read_frame
from .._base import AbstractModel, Evaluation, Path, is_table
from .._given import other_columns
from ..held_out import data_fingerprint, held_out_rows
from ..record import Architecture, Lines, Record, RowCounts, describe_fit
from . import anomalies, comparing, drawing, evaluating, predicting, relating, writing
from .coding import Coding
from .conditions import Given
from .network import default_settings, new_density

#: The name of the architecture, where others have that of a function of `pushforward.flows`.
NAME = "any-order"


@final
@dataclass(frozen=True)
class TableModel(AbstractModel[Frame]):
    """The density of a table as it is: text, counts, dates, angles, amounts that are often zero, and empty cells.

        model = pf.TableModel.build("flights.csv").fit("flights.csv")
        model.sample(jax.random.key(0), 1000, given={"carrier": "AA"})

    One network gives the probability of each column given any others, see `pushforward.columns.AnyOrder`; densities are
    with respect to length for numbers, per unit of the column, and to counting for categories, counts and values that
    many rows share. All methods take and give tables: paths, and data frames of any library.

    Attributes:
        coding: the columns with their kinds, and their marginal distributions.
        flow: the density of cells, in scores.
        reference: what is usual in rows that were held out, for `anomaly`; None before a fit.
        architecture: the sizes of the network.
        record: record of the fit; None if there is none.
    """

    coding: Coding
    flow: AnyOrder
    reference: anomalies.Reference | None = None
    architecture: Architecture | None = None
    record: Record | None = None

    architectures: ClassVar[Data] = "tables"
    default: ClassVar[str] = NAME
    of: ClassVar[str] = "a table"
    rows: ClassVar[str] = "Rows"

    @property
    def schema(self) -> Schema:
        """The columns."""
        return self.coding.schema

    @classmethod
    def holds(cls, path: Path, flow: str | None = None) -> bool:
        """Whether `path` is a table, and no architecture of flows on vectors is asked for."""
        return flow in (None, NAME) and is_table(path)

    @classmethod
    def restore(cls, flow: Any, metadata: Mapping[str, Any]) -> "TableModel | None":
        """Return the model of a density of columns."""
        if not isinstance(flow, AnyOrder) or "coding" not in metadata:
            return None
        coding = Coding.from_json(Schema.from_json(metadata), metadata["coding"])
        reference = anomalies.Reference.from_json(metadata.get("reference"))
        return TableModel(coding, flow, reference, Architecture.from_json(metadata), Record.from_json(metadata))

    @classmethod
    def read_new(
        cls,
        path: Path,
        *,
        columns: Sequence[str] = (),
        exclude: Sequence[str] = (),
        given: Sequence[str] = (),
        weights: str | None = None,
    ) -> Frame:
        """Read the columns to fit a model to; `columns` need not name the columns of `given` and `weights`.

        Arguments:
            path, exclude: as for `pushforward.data.read_frame`.
            columns: names of columns; by default all that are not excluded.
            given, weights: as for `build`.
        """
        extra = other_columns(given, weights)
        asked = (*columns, *(name for name in extra if name not in columns)) if columns else None
        return read_frame(path, columns=asked, exclude=exclude)

    @classmethod
    def build(
        cls,
        data: Any,
        *,
        seed: int = 0,
        flow: str | None = None,
        given: Sequence[str] = (),
        weights: str | None = None,
        kinds: Mapping[str, Any] | Sequence[str] | None = None,
        units: Mapping[str, str] | None = None,
        width: int | None = None,
        depth: int | None = None,
    ) -> "TableModel":
        """Return a model of the columns of a table that is not fitted yet; `model.schema.explain()` shows its kinds.

        Arguments:
            data: what `pushforward.data.read_frame` takes.
            seed: decides the initial weights.
            flow: None, or "any-order".
            given: columns to condition on only: they are not modelled, and may be anything.
            weights: the column of the weights of the rows.
            kinds: kinds of columns, by name, where those found are not right: {"fare": "positive"}, or a list of
                texts as "fare=positive". A TOML file beside the file of the table may hold kinds and units, too.
            units: units of columns, by name.
            width, depth: sizes of the network; by default they depend on the table.

        Raises:
            ValueError: if a name is unknown or repeated, or no column has a density.
        """
        require(flow in (None, NAME), "flow", f"{NAME} for a table of any kinds", flow)
        frame = read_frame(data)
        known = dict(frame.settings.kinds)
        known |= dict(kinds or {}) if isinstance(kinds, Mapping | None) else parse_kinds(kinds)
        all_units = {**frame.settings.units, **(units or {})}
        schema = Schema.infer(frame, kinds=known, given=given, weight=weights, units=all_units)
        coding = Coding.of(schema, frame)
        settings = default_settings(len(frame), len(coding.marginals))
        settings |= {name: value for name, value in (("width", width), ("depth", depth)) if value is not None}
        built = new_density(jax.random.split(jax.random.key(seed))[0], coding, **settings)
        return TableModel(coding, built, None, Architecture.of(NAME, settings, built))

    def fit(
        self,
        data: Any,
        *,
        seed: int = 0,
        test_fraction: float | int = 0.1,
        source: str = "",
        members: int | None = None,
        max_epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | int | None = None,
        **options: Any,
    ) -> "TableModel":
        """Return the model fitted to the rows that are not held out, with the record of the fit.

        Arguments:
            data: the table given to `build`.
            seed: decides which rows are held out, and the fit.
            test_fraction: the share of the rows to hold out, from 0 to below 1.
            source: the name of the data, for the record.
            members, max_epochs, batch_size, options: arguments of `pushforward.train.fit_columns`.
            learning_rate: peak of the learning rate.

        Raises:
            ValueError, NonFiniteError: as `fit_columns` does.
        """
        from .fitting import fitted

        frame = self.schema.read(data)
        train, test = self.split(frame, test_fraction, seed)
        coding = Coding.of(self.schema, frame, train)
        cells, notes = coding.encode(frame)
        for sentence in notes:
            warnings.warn(sentence, UserWarning, stacklevel=2)
        settings = {"members": members, "max_epochs": max_epochs, "batch_size": batch_size, **options}
        key = jax.random.split(jax.random.key(seed))[1]
        result = fitted(key, self.flow, coding, cells[train], self._weights(frame, train), learning_rate, settings)
        record = Record.of(
            result,
            seed=seed,
            test_fraction=test_fraction,
            data=source,
            fingerprint=self._fingerprint(frame),
            rows=RowCounts(len(frame), len(frame), train.size, test.size),
        )
        model = replace(self, coding=coding, flow=result.flow, record=record)
        return replace(model, reference=anomalies.reference_of(model, cells[test if test.size else train]))

    def split(self, data: Frame, test_fraction: float | int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices of the rows to fit and to hold out, in order."""
        return held_out_rows(len(data), test_fraction, seed)

    def log_prob(self, table: Any, given: Given | None = None, missing: bool = False) -> Float[np.ndarray, " rows"]:
        """Return the log-density of the observed cells of each row, in nats and in the units of the table.

        Arguments:
            table: a table with the columns of the model, in any order.
            given: conditions, see `sample`; the columns that they name are not part of the density.
            missing: whether the holes in the table count as an outcome, too.

        Raises:
            ValueError: if a column is missing.
        """
        parts = drawing.log_prob_parts(self, self._frame(table), given, missing)
        return parts.sum(axis=1)

    def contributions(self, table: Any) -> Any:
        """Return a table of what each column adds to the log-density of a row, in the order of the model.

        The sum over a row is its `log_prob`.
        """
        frame = self._frame(table)
        parts = drawing.log_prob_parts(self, frame, None, False)
        columns = {name: parts[:, list(at)].sum(axis=1) for name, at in self.coding.places.items()}
        return drawing.native({name: columns[name] for name in self.schema.event}, frame)

    def anomaly(self, table: Any) -> Any:
        """Return p_value, log_prob, and blame: the names of the cells least expected given all others.

        The p-value is the share of held-out rows that were at least as unlikely, given which cells are missing. A small
        one says that the row is unlike the table. Raises a ValueError if the model is not fitted.
        """
        return anomalies.anomaly(self, self._frame(table))

    def sample(self, key: Key, n: int = 1, given: Given | None = None, missing: bool = False, like: Any = None) -> Any:
        """Draw rows.

        Arguments:
            key: decides the draws.
            n: number of rows, for each row of `given` if that is a table.
            given: conditions by name: a value; a list of values, of which any; or (low, high), a range, with None for
                an open end. Or a table of values, in which cells may be missing. The draws are exact if one column at
                most has a range or a list, and importance resampling beyond that: a warning tells the effective size.
            missing: whether to draw holes as the table has them.
            like: a data frame whose library the result is to have; that of `given`, if it is one, or Arrow.

        Raises:
            ValueError: if a condition is not as stated, or cannot be.
        """
        return drawing.sample(self, key, n, given, missing, like)

    def impute(self, key: Key, table: Any, m: int | None = None, most_likely: bool = False) -> Any:
        """Return the table with its missing cells filled in.

        Arguments:
            key: decides the draws.
            table: a table with the columns of the model, and any others.
            m: number of completed tables, as multiple imputation needs them; None for a single one.
            most_likely: fill in the median of numbers and the likeliest category, given the observed cells, in place of
                draws.

        Returns:
            A table, or a list of m tables.
        """
        return drawing.impute(self, key, self.schema.read(table), m, most_likely)

    def predict(self, target: str, table: Any) -> "predicting.Prediction":
        """Return the distribution of one column given the observed cells of the others, for each row of a table.

        Arguments:
            target: the column.
            table: a table, in which any columns may be left out, and cells be missing.
        """
        return predicting.predict(self, target, self._frame(table, self.schema.names))

    def marginal(self, columns: Sequence[str], table: Any) -> Float[np.ndarray, " rows"]:
        """Return the log-density of some columns alone, for each row of a table."""
        return relating.marginal(self, columns, self._frame(table, self.schema.names))

    def mutual_information(self, key: Key, rows: int = 2000) -> "relating.Relations":
        """Return how much each column tells about each other one, alone and beyond all others, estimated from draws."""
        return relating.relations(self, key, rows)

    def compare(self, key: Key, a: Any, b: Any) -> "comparing.Drift":
        """Test whether two tables are from one distribution, and name the columns that moved.

        Rows that the model was fitted to look likelier than others: compare rows that it has not seen.
        """
        return comparing.compare(self, key, self._frame(a), self._frame(b))

    def read(self, path: Path) -> Frame:
        """Read a table like that of the fit."""
        remedy = f"This model is of the columns {', '.join(self.schema.event)}."
        require(not holds_images(path), "data", "a table", f"`images in {path}`", remedy)
        return self.schema.read(path)

    def evaluate(self, data: Frame) -> Evaluation:
        """Compare the log-likelihood of held-out rows with those of independent columns, a copula, and a tree."""
        return evaluating.evaluate(self, data)

    def sample_to(
        self, output: Path, n: int, seed: int = 0, *, given: Given | None = None, missing: bool = False
    ) -> str:
        """Draw n rows, or n for each row of a table of conditions, and write them in the form of the table.

        Arguments:
            output: a .csv, .parquet or .feather file.
            n: number of rows.
            seed: decides the draws.
            given: conditions, or the path of a table of them.
            missing: whether to draw holes as the table has them.
        """
        return writing.sample_to(self, output, n, seed, given, missing)

    def score_to(self, data: Path, output: Path) -> str:
        """Write a table with the log-densities of its rows in a column log_prob."""
        return writing.score_to(self, data, output)

    def headline(self) -> str:
        """Return the kinds of the columns, with reasons."""
        return self.schema.explain()

    def describe(self) -> Lines:
        """Return a description of the model: pairs of a name and its text."""
        lines, record = [("columns", ", ".join(f"{c.name} ({c.kind.name})" for c in self.schema.columns))], self.record
        if self.schema.given:
            lines.append(("given", ", ".join(self.schema.given)))
        data = "" if record is None else f"{record.data}: {record.rows.read:,} rows, {record.describe_rows()}"
        lines += describe_fit(self.architecture, record, data, evaluating.TITLES, places=3)
        return [*lines, ("units", "log-densities in nats per row: per unit of numbers, probabilities of other values")]

    def metadata(self) -> dict[str, Any]:
        """Return the metadata that are saved with the density and read by `restore`."""
        architecture = {} if self.architecture is None else self.architecture.to_json()
        record = {} if self.record is None else self.record.to_json()
        reference = None if self.reference is None else self.reference.to_json()
        coding = {"coding": self.coding.to_json(), "reference": reference}
        return {"kind": "columns", **self.schema.to_json(), **coding, **architecture, **record}

    def _frame(self, table: Any, absent: Sequence[str] = ()) -> Frame:
        """Return the columns of the model in a table."""
        frame = self.schema.read(table)
        lacking = [n for n in (*self.schema.event, *self.schema.given) if n not in frame.names and n not in absent]
        if lacking:
            raise bad("table", f"a table with the column {lacking[0]}", ", ".join(frame.names))
        return frame

    def _weights(self, frame: Frame, rows: np.ndarray) -> np.ndarray | None:
        weights = self.schema.weights(frame)
        return None if weights is None else weights[rows]

    def _fingerprint(self, frame: Frame) -> str:
        names = [name for name in self.schema.names if name in frame.names and name != self.schema.weight]
        return data_fingerprint(names, self.schema.encode(frame).values)
