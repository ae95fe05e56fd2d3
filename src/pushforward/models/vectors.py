"""A density of named columns of a table."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import jax
import numpy as np
from jaxtyping import Float

from .._architectures import Data
from .._errors import require, require_count
from .._shapes import is_shape
from .._types import Key
from ..data import Schema, Table, add_column, format_of, holds_images, read_table, require_writable, write_table
from ..data.tables.files import read_arrow
from ..flows import architecture
from ._base import AbstractModel, Evaluation, Flow, Path, is_table
from ._comparison import BY_HALF, BY_HELD_OUT, TITLES, compare, comparison_text
from ._fitting import fit_or_search
from ._given import condition_rows, other_columns
from .held_out import copies_in, data_fingerprint, held_out_rows
from .record import Architecture, Lines, Record, RowCounts, Score, describe_fit


@final
@dataclass(frozen=True)
class VectorModel(AbstractModel[Table]):
    """A density of the columns of a table, conditional on others if there are any.

        model = pf.models.VectorModel.build(table, given=["pressure"]).fit(table)

    Attributes:
        schema: the columns, in the order of the flow's event and condition: names, roles, kinds, units.
        flow: the density of one row, in the units of the table.
        architecture: the architecture of the flow; None if it is not known.
        record: record of the fit; None if there is none.
    """

    schema: Schema
    flow: Flow
    architecture: Architecture | None = None
    record: Record | None = None

    architectures: ClassVar[Data] = "tables"
    default: ClassVar[str] = "nsf"
    of: ClassVar[str] = "a table of numbers"
    rows: ClassVar[str] = "Rows"

    @classmethod
    def holds(cls, path: Path, flow: str | None = None) -> bool:
        """Whether `path` is a table, and an architecture of flows on vectors is asked for."""
        return flow is not None and is_table(path)

    @classmethod
    def restore(cls, flow: Any, metadata: Mapping[str, Any]) -> "VectorModel | None":
        """Return the model of a flow on vectors, conditional on a vector or unconditional."""
        given = getattr(flow, "cond_shape", None) or (0,)
        if not isinstance(flow, Flow) or len(flow.shape) != 1 or not is_shape(given) or len(given) != 1:
            return None
        schema = Schema.from_json(metadata, flow.shape[0], given[0])
        return VectorModel(schema, flow, Architecture.from_json(metadata), Record.from_json(metadata))

    @classmethod
    def read_new(
        cls,
        path: Path,
        *,
        columns: Sequence[str] = (),
        exclude: Sequence[str] = (),
        given: Sequence[str] = (),
        weights: str | None = None,
        strict: bool = False,
    ) -> Table:
        """Read the columns to fit a model to; `columns` need not name the columns of `given` and `weights`.

        Arguments:
            path, exclude, strict: as for `pushforward.data.read_table`.
            columns: names of columns; by default all that are not excluded.
            given, weights: as for `build`.

        Raises:
            OSError, ValueError: as `read_table` does, and if `given` and `weights` are excluded.
        """
        extra = other_columns(given, weights)
        clash = sorted(set(extra) & set(exclude))
        require(not clash, "exclude", "free of the columns of --given and --weights", clash)
        asked = (*columns, *(name for name in extra if name not in columns)) if columns else None
        return read_table(path, asked, exclude, strict)

    @classmethod
    def build(
        cls,
        data: Any,
        *,
        seed: int = 0,
        flow: str | None = None,
        given: Sequence[str] = (),
        weights: str | None = None,
        layers: int | None = None,
        hidden: Sequence[int] | None = None,
        units: Mapping[str, str] | None = None,
    ) -> "VectorModel":
        """Return a model of the columns of a table that is not fitted yet.

        Warnings name the columns that have spikes, are missing in most rows, or have few rows.

        Arguments:
            data: a table or a data frame; the event is all its columns that are neither `given` nor `weights`.
            seed: decides the initial weights.
            flow: one of `pushforward.flows.architectures("tables")`; "nsf" by default.
            given: columns to condition on.
            weights: the column of the weights of the rows.
            layers, hidden: arguments of the architecture; its own defaults by default.
            units: units of columns, by name.

        Raises:
            ValueError: if a name is unknown or repeated, no column is left, or a weight is negative.
        """
        data, extra = Table.of(data), other_columns(given, weights)
        data.columns(extra)
        event = tuple(name for name in data.names if name not in extra)
        require(bool(event), "columns", "at least one that is not in --given or --weights", list(data.names))
        if weights is not None:
            low = float(data.columns([weights]).min())
            require(low >= 0, "weights", "a column without negative values", f"`{low:g}` in {weights}")
        for sentence in (*data.advice, *data.select(event).notes()):
            warnings.warn(sentence, UserWarning, stacklevel=2)
        name = cls.default if flow is None else flow
        options: dict[str, Any] = {} if layers is None else {"layers": layers}
        options |= {} if hidden is None else {"hidden": tuple(hidden)}
        key = jax.random.split(jax.random.key(seed))[0]
        built = architecture("tables", name, options)(key, len(event), cond_dim=len(given), **options)
        return VectorModel(Schema.of(event, given, weights, units), built, Architecture.of(name, options, built))

    def fit(
        self,
        data: Any,
        *,
        seed: int = 0,
        test_fraction: float = 0.1,
        source: str = "",
        search: bool = False,
        minutes: float | None = None,
        **options: Any,
    ) -> "VectorModel":
        """Return the model fitted to the rows that are not held out, with the record of the fit.

        Arguments:
            data: a table or a data frame with the columns of the model.
            seed: decides which rows are held out, and the fit.
            test_fraction: the share of the rows to hold out, from 0 to below 1.
            source: the name of the data, for the record.
            search, minutes: choose another architecture by `pushforward.search`, within so many minutes.
            options: arguments of `pushforward.fit` such as `max_epochs`, or of `pushforward.search`.

        Raises:
            ValueError, NonFiniteError: as `pushforward.fit` or `pushforward.search` does; messages name the columns.
        """
        data = Table.of(data)
        train, test = self.split(data, test_fraction, seed)
        some = data.take(train)
        given = some.select(self.schema.given) if self.schema.given else None
        key = jax.random.split(jax.random.key(seed))[1]
        start, rows = (self.flow, self.architecture), (some.select(self.schema.event), given, self._weights(some))
        result, architecture, tried = fit_or_search(key, start, rows, search, minutes, options)
        record = Record.of(
            result,
            seed=seed,
            test_fraction=test_fraction,
            data=source,
            fingerprint=self._fingerprint(data),
            rows=RowCounts(data.rows_read, len(data), train.size, test.size),
            search=tried,
        )
        return replace(self, flow=result.flow, architecture=architecture, record=record)

    def split(self, data: Table, test_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices of the rows to fit and to hold out, in order; copies of a row stay on the same side."""
        known = self.record is None or self.record.copies_together
        groups = copies_in(data.columns(self._columns())) if known else None
        return held_out_rows(len(data), test_fraction, seed, groups)

    def log_prob(self, table: Any) -> Float[np.ndarray, " rows"]:
        """Return the log-density of each row, in nats and in the units of the table.

        Arguments:
            table: a table or a data frame with the columns of the model, in any order; it may have others.

        Raises:
            ValueError: if a column is missing.
        """
        return np.asarray(self.flow.log_prob(*self._pairs(Table.of(table))))

    def sample(self, key: Key, n: int, given: Table | Mapping[str, float] | Path | None = None) -> Table:
        """Draw rows.

        Arguments:
            key: decides the draws.
            n: number of rows, for each row of `given`.
            given: the conditions: values by name, a table, or a file with these columns.

        Returns:
            The columns of the event and, if there are any, of the condition. Draws of the same condition are adjacent.

        Raises:
            ValueError: if `given` is not as stated.
        """
        require_count("n", n)
        condition = condition_rows(self.schema.given, given)
        if condition is None:
            return Table(self.schema.event, np.asarray(self.flow.sample(key, (n,))))
        repeated = np.repeat(condition, n, axis=0)
        drawn = np.asarray(self.flow.sample(key, (), repeated))
        rows = np.concatenate([drawn, repeated.astype(drawn.dtype)], axis=1)
        return Table((*self.schema.event, *self.schema.given), rows)

    def read(self, path: Path) -> Table:
        """Read the columns of the model, and the column of the weights if the file has it.

        Raises:
            OSError, ValueError: as `pushforward.data.read_table` does, and if `path` holds images.
        """
        self._require_table(path)
        weight, columns = self.schema.weight, list(self._columns())
        if weight is not None:
            if weight in read_arrow(path).column_names:
                columns.append(weight)
            else:
                warnings.warn(f"{path} has no column {weight}: every row counts the same.", UserWarning, stacklevel=2)
        return read_table(path, columns=columns)

    def evaluate(self, data: Table) -> Evaluation:
        """Compare the flow with a Gaussian and a kernel density estimate by the log-likelihood of held-out rows.

        If `data` is the table of the fit, these are the rows that the fit held out, and the two baselines are fitted on
        the rows of the fit. Any other table is split in two: the baselines are fitted on one half, and all three are
        evaluated on the other half.

        Raises:
            ValueError: if another table has fewer than four rows.
        """
        record = self.record
        seed = 0 if record is None else record.seed
        if record is not None and record.rows.held_out and record.fingerprint == self._fingerprint(data):
            train, test = self.split(data, record.test_fraction, seed)
            judged = BY_HELD_OUT
        else:
            require(len(data) >= 4, "data", "a table of at least four complete rows", len(data))
            train, test = self.split(data, 0.5, seed)
            judged = BY_HALF
        (x, condition), weights = self._pairs(data), self._weights(data)
        rows = {"": x, "_condition": condition, "_weights": weights}
        results = compare(self.flow, rows, train, test, seed)
        scores = {name: Score(result.mean, result.standard_error) for name, result in results.items()}
        return Evaluation(scores, judged, comparison_text(results), TITLES)

    def sample_to(
        self, output: Path, n: int, seed: int = 0, *, given: Table | Mapping[str, float] | Path | None = None
    ) -> str:
        """Draw n rows, or n for each row of conditions, and write them with the names of the columns.

        Arguments:
            output: a .csv, .parquet, .feather, .npz or .npy file.
            n: number of rows.
            seed: decides the draws.
            given: the conditions: values by name, a table, or a file with these columns.
        """
        format_of(output)
        require_writable(output)
        rows = self.sample(jax.random.key(seed), n, given)
        write_table(output, rows)
        return f"{len(rows):,} rows of {', '.join(self.schema.event)} written to {output}."

    def score_to(self, data: Path, output: Path) -> str:
        """Write a table with the log-densities of its rows in a column log_prob, with the rows in their order.

        Arguments:
            data: a file with the columns of the model.
            output: a .csv, .parquet, .feather, .npz or .npy file.
        """
        format_of(output)
        require_writable(output)
        table = self.read_columns(data)
        log_prob = self.log_prob(table)
        add_column(data, output, "log_prob", log_prob, table)
        dropped = table.rows_read - len(table)
        if dropped:
            warnings.warn(f"{dropped:,} rows with a missing value have an empty log_prob.", UserWarning, stacklevel=2)
        wrong = int((~np.isfinite(log_prob)).sum())
        if wrong:
            warnings.warn(f"{wrong:,} rows have a log-density that is not finite.", UserWarning, stacklevel=2)
        return f"{data}: {table.report().rstrip('.')}; mean {log_prob.mean():.4f} nats per row. Written to {output}."

    def read_columns(self, path: Path) -> Table:
        """Read the columns of event and condition from a file, which needs no weights."""
        self._require_table(path)
        return read_table(path, columns=self._columns())

    def headline(self) -> str:
        """Return a line that names the columns of the density."""
        given = f", given {', '.join(self.schema.given)}" if self.schema.given else ""
        return f"Columns: {', '.join(self.schema.event)}{given}."

    def describe(self) -> Lines:
        """Return a description of the model: pairs of a name and its text."""
        lines, record = [("columns", ", ".join(map(self._with_unit, self.schema.event)))], self.record
        if self.schema.given:
            lines.append(("given", ", ".join(map(self._with_unit, self.schema.given))))
        data = ""
        if record is not None:
            lines.append(("weights", self.schema.weight or "none"))
            counts = f"{record.rows.read:,} rows, {record.rows.complete:,} complete"
            data = f"{record.data}: {counts}, {record.describe_rows()}"
        lines += describe_fit(self.architecture, record, data, TITLES, places=3)
        return [*lines, ("units", "log-densities and losses in nats per row, of data in the units of the table")]

    def metadata(self) -> dict[str, Any]:
        """Return the metadata that are saved with the flow and read by `restore`."""
        architecture = {} if self.architecture is None else self.architecture.to_json()
        record = {} if self.record is None else self.record.to_json()
        return {"kind": "table", **self.schema.to_json(), **architecture, **record}

    def _columns(self) -> tuple[str, ...]:
        return (*self.schema.event, *self.schema.given)

    def _with_unit(self, name: str) -> str:
        return f"{name} [{self.schema.units[name]}]" if name in self.schema.units else name

    def _pairs(self, table: Table) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the events and the conditions of a table."""
        return table.columns(self.schema.event), table.columns(self.schema.given) if self.schema.given else None

    def _weights(self, table: Table) -> np.ndarray | None:
        """Return the weights of the rows, if the model and the table have any."""
        weight = self.schema.weight
        return table.columns([weight])[:, 0] if weight is not None and weight in table.names else None

    def _fingerprint(self, table: Table) -> str:
        """Return the fingerprint of the columns of the model, wherever they stand in the table."""
        known = table.select([name for name in self.schema.names if name in table.names])
        return data_fingerprint(known.names, known.values)

    def _require_table(self, path: Path) -> None:
        remedy = f"This model is of the columns {', '.join(self.schema.event)}."
        require(not holds_images(path), "data", "a table", f"`images in {path}`", remedy)
