"""Columns of text, as a CSV file holds them, as columns of numbers, dates, yes and no, or text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, final

import numpy as np

from . import moments
from .arrow_types import ArrowType, type_named
from .dialects import Dialect
from .spelling import ArrowColumn, Spelling, number_marks, number_spelling, read_texts, truth_words

#: A `pyarrow.Table`.
ArrowTable: TypeAlias = Any

#: Cells that mean "no value" in any column, in any capitals.
MISSING = ("", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "?")
#: Cells that mean it where the other cells are no text: in a column of text they may be levels.
DOUBTFUL = ("none", "-", "--", ".", "missing")


@final
@dataclass(frozen=True)
class Known:
    """What is known of a column from another table: the type by its name in Arrow, and the spelling."""

    type: str
    spelling: Spelling


@final
@dataclass(frozen=True)
class _Guess:
    """The different cells of a column, and what they could be.

    Attributes:
        codes: for each row the place of its cell in `cells`.
        cells: the different cells.
        counts: rows of each.
        missing, doubtful: which of the cells mean "no value", and which do only if the others are no text.
        rest: the cells that are neither.
        marks: decimal and thousands marks under which `rest` are numbers.
        patterns: that `rest` follow as dates or times.
        words: for true and false.
    """

    codes: np.ndarray
    cells: ArrowColumn
    counts: np.ndarray
    missing: np.ndarray
    doubtful: np.ndarray
    rest: ArrowColumn
    marks: list[tuple[str, str]]
    patterns: list[str]
    words: tuple[str, str] | None


def typed(
    table: ArrowTable, dialect: Dialect, known: Mapping[str, Known], missing: Sequence[str] | None
) -> tuple[ArrowTable, dict[str, Spelling], dict[str, dict[str, int]], tuple[str, ...]]:
    """Return a table of text with the types that its cells spell; and spellings, words for missing cells, and notes.

    A mark that reads two ways, as the comma of 1,234 or the day of 03/04/2013, is read as the other columns have it.

    Arguments:
        table: columns of text without missing cells.
        dialect: of the file.
        known: types and spellings of columns, which are not guessed; where a cell does not fit, the column stays text.
        missing: the words for missing cells; by default the usual ones, with judgement.
    """
    import pyarrow as pa

    guesses = {name: _guess(table[name], missing) for name in table.column_names}
    comma = _decimal_comma(guesses, dialect)
    first = _day_first(guesses)
    columns, spellings, words, notes = {}, {}, {}, []
    for name, guess in guesses.items():
        column = None
        if name in known:
            column = _as_known(guess, known[name])
        if column is not None:
            columns[name], spellings[name], words[name] = column, known[name].spelling, {}
            continue
        kind, spelling, said = _decided(guess, comma, first)
        notes += [sentence.format(name=name) for sentence in said]
        levels = kind is None and len(guess.rest) > 0
        absent = guess.missing if levels else guess.missing | guess.doubtful
        spelling = replace(spelling, missing=_word(guess, absent))
        if kind is None:
            kept = [f"{guess.cells[int(i)].as_py()!r} ({guess.counts[i]:,})" for i in np.flatnonzero(guess.doubtful)]
            if kept and levels:
                notes.append(f"{name}: {', '.join(kept)} kept as text, not as a missing cell.")
            values = guess.cells.filter(pa.array(~absent))
        else:
            values = read_texts(guess.rest, kind, spelling)[0]
        columns[name], spellings[name] = _spread(guess, absent, values), spelling
        words[name] = {guess.cells[int(i)].as_py(): int(guess.counts[i]) for i in np.flatnonzero(absent)}
    return pa.table(columns), spellings, words, tuple(notes)


def read_as(column: ArrowColumn, kind: ArrowType, spelling: Spelling) -> tuple[ArrowColumn, np.ndarray]:
    """Return a column of text as one of numbers, booleans, dates or times; and which cells are none.

    Arguments:
        column: text, with missing cells or words for them.
        kind: the type.
        spelling: how the cells are written.
    """
    import pyarrow as pa

    guess = _guess(column.fill_null(""), None)
    absent, spelling = guess.missing | guess.doubtful, _marked(guess, spelling)
    try:
        values, ok = read_texts(guess.rest, kind, spelling)
    except pa.ArrowInvalid:
        one = [_is_read(guess.rest[i : i + 1], kind, spelling) for i in range(len(guess.rest))]
        ok = np.array(one)
        values = read_texts(guess.rest.filter(pa.array(ok)), kind, spelling)[0]
        values = values.take(pa.array(np.cumsum(ok) - 1, mask=~ok))
    if not ok.all() and guess.patterns:  # The whole column is written in another form than before.
        values, ok = read_texts(guess.rest, kind, replace(spelling, moment=guess.patterns[0]))
    wrong = np.zeros(len(absent), bool)
    wrong[~absent] = ~ok
    return _spread(guess, absent, values), wrong[guess.codes]


def _marked(guess: _Guess, spelling: Spelling) -> Spelling:
    """Return a spelling with the marks of thousands that the cells have, for numbers with its decimal mark."""
    marks = next((marks for marks in guess.marks if marks[0] == spelling.decimal), (guess.marks or [None])[0])
    return spelling if marks is None else replace(spelling, decimal=marks[0], thousands=marks[1])


def _is_read(texts: ArrowColumn, kind: ArrowType, spelling: Spelling) -> bool:
    import pyarrow as pa

    try:
        return bool(read_texts(texts, kind, spelling)[1].all())
    except pa.ArrowInvalid:
        return False


def _guess(column: ArrowColumn, missing: Sequence[str] | None) -> _Guess:
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute  # its functions are made at run time, so type checkers do not know them
    trimmed = pc.utf8_trim_whitespace(
        column if isinstance(column, pa.Array) else column.combine_chunks()
    ).dictionary_encode()
    cells, codes = trimmed.dictionary, trimmed.indices.to_numpy()
    lower = pc.utf8_lower(cells)
    words = MISSING if missing is None else ("", *(word.lower() for word in missing))
    gone = pc.is_in(lower, pa.array(words, lower.type)).to_numpy(zero_copy_only=False)
    doubtful = pc.is_in(lower, pa.array(DOUBTFUL, lower.type)).to_numpy(zero_copy_only=False) & ~gone
    if missing is not None:
        doubtful = np.zeros_like(doubtful)
    rest = cells.filter(pa.array(~gone & ~doubtful))
    marks, patterns, truth = [], [], None
    if len(rest):
        marks = number_marks(rest)
        truth = None if marks else truth_words(rest)
        patterns = [] if marks or truth else moments.patterns_of(rest)
    return _Guess(codes, cells, np.bincount(codes, minlength=len(cells)), gone, doubtful, rest, marks, patterns, truth)


def _decided(guess: _Guess, comma: bool, first: bool | None) -> tuple[ArrowType | None, Spelling, list[str]]:
    """Return the type of a column (None: text), its spelling, and notes with a place for the name of the column."""
    import pyarrow as pa

    if not len(guess.rest):
        return None, Spelling(), []
    if guess.marks:
        chosen = next((marks for marks in guess.marks if (marks[0] == ",") == comma), guess.marks[0])
        said = []
        if len({thousands for _, thousands in guess.marks}) > 1 and chosen != (".", ""):
            example = guess.rest[0].as_py()
            meaning = "decimal comma" if chosen[0] == "," and not chosen[1] else "mark of thousands"
            said.append(f"{{name}}: the mark in {example!r} can be read two ways; it is taken for a {meaning}.")
        return pa.float64(), number_spelling(guess.rest, *chosen), said
    if guess.words is not None:
        return pa.bool_(), Spelling(words=guess.words), []
    if not guess.patterns:
        return None, Spelling(), []
    pattern, said = guess.patterns[0], []
    if moments.is_ambiguous(guess.patterns):
        if first is not None:
            pattern = next(pattern for pattern in guess.patterns if moments.day_first(pattern) == first)
        order = "day" if moments.day_first(pattern) else "month"
        said.append(
            f"{{name}}: day and month of {guess.rest[0].as_py()!r} cannot be told apart; the {order} is read first."
        )
    zone, zoned = "", None
    if moments.has_zone(pattern):
        zones = moments.zones_of(guess.rest, pattern)
        zone, zoned = (zones[0], "UTC") if len(zones) == 1 else ("Z", "UTC")
        if len(zones) > 1:
            said.append(f"{{name}}: times of {len(zones)} zones ({', '.join(zones[:3])}) are read as UTC.")
    if not moments.has_time(pattern):
        kind = pa.date32()
    elif moments.has_date(pattern):
        kind = pa.timestamp(moments.unit_of(pattern), zoned)
    else:
        unit = moments.unit_of(pattern)
        kind = pa.time32(unit) if unit in ("s", "ms") else pa.time64(unit)
    return kind, Spelling(moment=pattern, zone=zone), said


def _as_known(guess: _Guess, known: Known) -> ArrowColumn | None:
    """Return a column as another table has it, or None if a cell does not fit."""
    import pyarrow as pa

    kind = type_named(known.type)
    if pa.types.is_string(kind):
        absent = guess.missing
        return _spread(guess, absent, guess.cells.filter(pa.array(~absent)))
    try:
        values, ok = read_texts(guess.rest, kind, _marked(guess, known.spelling))
        values = values.cast(kind)
    except pa.ArrowInvalid:
        return None
    if not ok.all():
        return None
    return _spread(guess, guess.missing | guess.doubtful, values)


def _spread(guess: _Guess, absent: np.ndarray, values: ArrowColumn) -> ArrowColumn:
    """Return a column from the values of its different cells, missing where the cell is absent."""
    import pyarrow as pa

    places = np.cumsum(~absent) - 1
    return values.take(pa.array(places[guess.codes], pa.int64(), mask=absent[guess.codes]))


def _word(guess: _Guess, absent: np.ndarray) -> str:
    """Return the most usual word for a missing cell."""
    return guess.cells[int(np.argmax(np.where(absent, guess.counts, -1)))].as_py() if absent.any() else ""


def _decimal_comma(guesses: Mapping[str, _Guess], dialect: Dialect) -> bool:
    """Return whether commas are decimal marks, by the columns that read one way only, else by the separator."""
    import pyarrow.compute

    pc: Any = pyarrow.compute
    votes = set()
    for guess in guesses.values():
        decimals = {decimal for decimal, _ in guess.marks}
        if len(decimals) == 1:
            votes |= {mark for mark in decimals if pc.any(pc.match_substring(guess.rest, mark)).as_py()}
    return "," in votes or (not votes and dialect.separator == ";")


def _day_first(guesses: Mapping[str, _Guess]) -> bool | None:
    """Return whether the day comes before the month, by the columns that read one way only; None if there is none."""
    sure = [
        guess.patterns[0] for guess in guesses.values() if guess.patterns and not moments.is_ambiguous(guess.patterns)
    ]
    votes = {
        moments.day_first(pattern) for pattern in sure if not pattern.startswith("%Y") and moments.has_date(pattern)
    }
    return True in votes if votes else None
