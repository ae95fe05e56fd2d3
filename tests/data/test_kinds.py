"""The contract of kinds: found in columns that are theirs, exact there and back, saved as JSON, missing cells kept."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest

from pushforward.data import kinds
from pushforward.data.tables.facts import ColumnFacts

pc: Any = pyarrow.compute  # its functions are made at run time, so type checkers do not know them
RNG = np.random.default_rng(0)
N = 400
REAL = RNG.normal(size=N)
#: Dates before 1970, a leap day, the first and the last day.
DAYS = [date(1969, 12, 31), date(1600, 2, 29), date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31), date(2013, 5, 7)]
#: Both times of the hour that is told twice in autumn, and one in spring, in UTC.
NIGHTS = [datetime(2021, 10, 31, 0, 30), datetime(2021, 10, 31, 1, 30), datetime(2021, 3, 28, 1, 0)]


def _seconds(low: float, high: float, unit: str) -> pa.Array:
    scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    return pa.array(RNG.integers(int(low * scale), int(high * scale), N))


@dataclass(frozen=True)
class Line:
    """A column that is of a kind; `named` says what it is called, `set_by` how a user asks for what is not found."""

    kind: str
    column: Any
    named: str = "x"
    set_by: dict[str, Any] | None = None


LINES = {
    "real": Line("continuous", pa.array([*REAL, -0.0, 5e-324, 1e300, -1e300])),
    "real32": Line("continuous", pa.array(REAL.astype(np.float32))),
    "spiky": Line("continuous", pa.array(np.where(RNG.random(N) > 0.3, REAL, 0.5))),
    "fare": Line("positive", pa.array(np.where(REAL > 1, 0, np.exp(REAL)))),
    "decimal": Line("positive", pa.array([Decimal(i * i * 7 + 1).scaleb(-2) for i in range(N)], pa.decimal128(12, 2))),
    "share": Line("bounded", pa.array([0.0, *RNG.uniform(size=N), 1.0])),
    "above": Line("bounded", pa.array(5 + np.exp(REAL)), set_by={"low": 5}),
    "count": Line("integer", pa.array(RNG.poisson(3, N), pa.uint8())),
    "large": Line("integer", pa.array([-(2**53), 2**53, 2**53 - 1, *RNG.integers(-(2**52), 2**52, N).tolist()])),
    "whole floats": Line("integer", pa.array(np.round(1e4 * REAL))),
    "tenths": Line("rounded", pa.array(np.round(REAL, 1))),
    "tenths32": Line("rounded", pa.array(np.round(REAL, 1).astype(np.float32))),
    "quarters": Line("rounded", pa.array(np.round(4 * REAL) / 4 + 100)),
    "tens": Line("rounded", pa.array(10 * RNG.poisson(6, N))),
    "knots": Line("rounded", pa.array(1.15078 * RNG.poisson(6, N))),
    "flag": Line("boolean", pa.array(REAL > 0)),
    "zero or one": Line("boolean", pa.array((REAL > 0).astype(np.int16))),
    "town": Line("categorical", pa.array(RNG.choice(["Oslo", "Ærø", "none", "a,b"], N))),
    "large text": Line("categorical", pa.array(RNG.choice(["a", "b"], N), pa.large_string())),
    "categories": Line("categorical", pa.DictionaryArray.from_arrays(pa.array([1, 0, 1] * 9), ["b", "a", "unused"])),
    "numbered": Line("categorical", pa.DictionaryArray.from_arrays(pa.array([1, 0, 1] * 9), [7, 3])),
    "sizes": Line("ordinal", pa.DictionaryArray.from_arrays(pa.array([2, 0, 1] * 9), ["S", "M", "L"], ordered=True)),
    "grades": Line("ordinal", pa.array(["low", "high"] * 9), set_by={"levels": ["low", "mid", "high"]}),
    "day": Line("date", pa.array(DAYS)),
    "midnight": Line("date", pa.array([datetime(d.year, d.month, d.day) for d in DAYS], pa.timestamp("ms"))),
    "month": Line("date", pa.array([date(1969 + i // 12, 1 + i % 12, 1) for i in range(30)])),
    "moment": Line("datetime", _seconds(-1e9, 2e9, "ns").cast(pa.timestamp("ns"))),
    "zoned": Line("datetime", pa.array(NIGHTS, pa.timestamp("us", "UTC")).cast(pa.timestamp("us", "Europe/Oslo"))),
    "hourly": Line("datetime", pa.array([datetime(1968, 2, 28) + timedelta(hours=i) for i in range(99)])),
    "time": Line("time", _seconds(0, 86_400, "us").cast(pa.time64("us"))),
    "minutes": Line("time", pa.array(RNG.integers(0, 1440, N) * 60, pa.int32()).cast(pa.time32("s"))),
    "wait": Line("duration", _seconds(0, 1e6, "ns").cast(pa.duration("ns"))),
    "days off": Line("duration", pa.array([timedelta(days=i % 5 - 1) for i in range(N)])),
    "wind": Line("periodic", pa.array(RNG.integers(0, 37, N) * 10), "wind_dir"),
    "north": Line("periodic", pa.array(RNG.integers(1, 37, N) * 10), "heading"),
    "phase": Line("periodic", pa.array(RNG.uniform(-np.pi, np.pi, N)), "phase"),
    "hour": Line("periodic", pa.array(RNG.integers(0, 24, N), pa.int8()), "hour"),
    "months": Line("periodic", pa.array(RNG.integers(1, 13, N)), "birthMonth"),
}

each_line = pytest.mark.parametrize("line", LINES.values(), ids=LINES)


def test_every_kind_has_a_line():
    assert {line.kind for line in LINES.values()} == set(kinds.all_kinds())


def _kind(line: Line) -> kinds.AbstractKind:
    facts = ColumnFacts(line.named, line.column)
    if line.set_by is not None:
        return kinds.kind_named(line.kind).of(facts, **line.set_by)
    found = [f for f in (kind.infer(facts) for kind in kinds.all_kinds().values()) if f is not None]
    best = max(found, key=lambda f: f.sure)
    assert best.reason
    return best.kind


@each_line
def test_a_kind_is_found_and_exact_there_and_back(line):
    kind = _kind(line)
    assert kind.name == line.kind
    gap = pa.array([True] * (len(line.column) - 1) + [False])
    column = pc.if_else(gap, line.column, pa.scalar(None, line.column.type))  # the last cell is missing
    if pa.types.is_dictionary(line.column.type):
        codes = pc.if_else(gap, line.column.indices, None)
        column = pa.DictionaryArray.from_arrays(codes, line.column.dictionary, ordered=line.column.type.ordered)
    values = kind.encode(column, line.named)
    assert values.shape == (len(column), len(kind.parts))
    assert values.dtype == np.float64
    assert np.isnan(values[-1]).all()
    assert not np.isnan(values[:-1]).any()
    for part, numbers in zip(kind.parts, values.T, strict=True):
        assert part.support.shape == ()
        assert part.holds(numbers).all()
    again = kind.decode(values)
    assert again.type == column.type
    assert again.equals(column)
    assert len(kind.decode(values[:0])) == 0
    assert kind.rule
    assert kind.measure


@each_line
def test_a_kind_is_saved(line):
    kind = _kind(line)
    assert kinds.kind_from_json(json.loads(json.dumps(kind.to_json()))) == kind
    facts = ColumnFacts(line.named, line.column)
    assert kinds.kind_named(line.kind).of(facts, **(line.set_by or {})) == kind, "set by name it is the kind found"


def test_atoms_are_values_that_many_rows_share():
    assert _kind(LINES["spiky"]).parts[0].atoms == (0.5,)
    assert _kind(LINES["fare"]).parts[0].atoms == (0.0,)
    assert _kind(LINES["share"]).parts[0].atoms == (0.0, 1.0)
    assert _kind(LINES["real"]).parts[0].atoms == ()
    # Three digits: no lattice, and most rows share their number; a number of one row is no atom.
    digits = np.array([float(f"{x:.3g}") for x in np.exp(3 * RNG.normal(size=20_000))])
    values, counts = np.unique(digits, return_counts=True)
    assert _kind(Line("positive", pa.array(digits))).parts[0].atoms == tuple(values[counts > 1])


def test_numbers_that_stand_for_missing_cells_are_pointed_out():
    for number in (-999.0, 9999.0):
        (sentence,) = ColumnFacts("temp", pa.array([*REAL, number, number])).suspicions
        assert sentence.startswith(f"temp: {number:g} in 2 rows lies apart")
    assert ColumnFacts("temp", pa.array(REAL)).suspicions == ()


def test_both_ends_of_a_turn_are_one_point_or_two():
    kind = _kind(LINES["wind"])
    assert kind.encode(pa.array([0, 360, 10]), "wind_dir").tolist() == [[0], [36], [1]]
    circle = kinds.Periodic(period=360.0)
    assert circle.encode(pa.array([-90.0, 360.0, 725.0]), "angle").tolist() == [[270], [0], [5]]


def test_rare_levels_are_pooled():
    names = [f"level {i:03}" for i in range(300)]
    column = pa.array(names[:256] * 2 + names[256:])
    found = kinds.Categorical.infer(ColumnFacts("x", column))
    assert found is not None
    assert "the 44 rarest are pooled to one, 44 rows" in found.reason
    kind = found.kind
    codes = kind.encode(column, "x")[:, 0]
    assert (codes[512:] == 256).all()
    assert kind.parts[0].holds(codes).all()
    assert kind.decode(codes[:, None])[512].as_py() == "(other)"
