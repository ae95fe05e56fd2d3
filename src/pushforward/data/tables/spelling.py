"""How the cells of a column are spelled in a file of text: numbers, yes and no, dates, missing cells; and back."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias, final

import numpy as np
from jaxtyping import Bool

from . import moments
from .arrow_types import ArrowType, family

#: A `pyarrow.Array` or `ChunkedArray`.
ArrowColumn: TypeAlias = Any

#: Pairs of words for yes and no.
TRUTHS = (("true", "false"), ("yes", "no"), ("t", "f"), ("y", "n"))
#: What may stand between each three digits of a number, besides the mark of the other use.
_GROUPING = (" ", "\u00a0", "\u202f", "'", "’")


@final
@dataclass(frozen=True)
class Spelling:
    """How the cells of a column are written.

    Attributes:
        missing: the word for a missing cell.
        decimal, thousands: the decimal mark, and the mark between each three digits.
        places: decimals that each number has; None if they differ.
        point: whether whole numbers are written as 1.0.
        words: the words for true and false.
        moment: the pattern of dates and times, in the codes of `strftime`.
        zone: the zone at the end of each, such as "Z" or "+02:00".
    """

    missing: str = ""
    decimal: str = "."
    thousands: str = ""
    places: int | None = None
    point: bool = True
    words: tuple[str, str] = ("true", "false")
    moment: str = ""
    zone: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what differs from the defaults, as JSON types."""
        default = asdict(Spelling())
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items() if v != default[k]}

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "Spelling":
        """Return the spelling that `to_json` has written."""
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
        return Spelling(**fields)


def number_marks(texts: ArrowColumn) -> list[tuple[str, str]]:
    """Return the decimal and thousands marks under which each of some texts is a number; () where nothing is marked.

    Codes such as 007 are no numbers.
    """
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute  # its functions are made at run time, so type checkers do not know them
    if pc.any(pc.match_substring_regex(texts, r"^[+-]?0\d")).as_py():
        return []
    fits: list[tuple[str, str]] = []
    try:
        texts.cast(pa.float64())
        fits.append((".", ""))
    except pa.ArrowInvalid:
        pass
    sample = texts[:20].to_pylist()
    for decimal, other in ((".", ","), (",", ".")):
        for thousands in ("", other, *_GROUPING):
            if (decimal, thousands) == (".", ""):
                continue
            pattern = _number(decimal, thousands)
            marked = thousands or decimal
            if all(re.fullmatch(pattern, text) for text in sample) and (
                pc.all(pc.match_substring_regex(texts, f"^(?:{pattern})$")).as_py()
                and pc.all(pc.match_substring_regex(texts, "[0-9]")).as_py()
                and pc.any(pc.match_substring(texts, marked)).as_py()
            ):
                fits.append((decimal, thousands))
    return fits


def numbers(texts: ArrowColumn, decimal: str, thousands: str) -> ArrowColumn:
    """Return texts as integers if all are whole and short enough, else as floats.

    Raises:
        pyarrow.ArrowInvalid: if one is not a number under these marks.
    """
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute
    if thousands:
        texts = pc.replace_substring(texts, thousands, "")
    if decimal != ".":
        texts = pc.replace_substring(texts, decimal, ".")
    if pc.all(pc.match_substring_regex(texts, r"^[+-]?\d{1,18}$")).as_py():
        return pc.utf8_ltrim(texts, "+").cast(pa.int64())
    return texts.cast(pa.float64())


def number_spelling(texts: ArrowColumn, decimal: str, thousands: str) -> Spelling:
    """Return how texts that are numbers under these marks are written."""
    import pyarrow.compute

    pc: Any = pyarrow.compute
    places = None
    if not pc.any(pc.match_substring_regex(texts, "[eEnN]")).as_py():
        where = pc.find_substring(texts, decimal)
        lengths = pc.if_else(pc.less(where, 0), 0, pc.subtract(pc.subtract(pc.utf8_length(texts), where), 1))
        ends = pc.min_max(lengths).as_py()
        places = ends["max"] if ends["min"] == ends["max"] and ends["max"] else None
    point = pc.any(pc.match_substring_regex(texts, rf"\d{re.escape(decimal)}0$")).as_py()
    return Spelling(decimal=decimal, thousands=thousands, places=places, point=bool(point))


def truth_words(texts: ArrowColumn) -> tuple[str, str] | None:
    """Return the words for true and false, as they are written, if texts hold no others; one may do for true, false."""
    found = {text.lower(): text for text in texts.to_pylist()} if len(texts) <= 12 else {}
    for pair in TRUTHS:
        if found and set(found) <= set(pair) and (len(found) == 2 or pair == TRUTHS[0]):
            yes, no = found.get(pair[0]), found.get(pair[1])
            if yes is None or no is None:  # The word that does not occur takes the capitals of the one that does.
                case = str.upper if (yes or no or "").isupper() else str.title if (yes or no or "").istitle() else str
                yes, no = yes or case(pair[0]), no or case(pair[1])
            return yes, no
    return None


def read_texts(
    texts: ArrowColumn, kind: ArrowType, spelling: Spelling
) -> tuple[ArrowColumn, Bool[np.ndarray, " rows"]]:
    """Return texts, none of them missing, as values of a type, and which could be read; the others are missing.

    Arguments:
        texts: a `pyarrow.Array` of text.
        kind: a type of numbers, booleans, dates or times.
        spelling: how they are written.
    """
    import pyarrow as pa

    of = family(kind)
    if of == "number":
        return numbers(texts, spelling.decimal, spelling.thousands), np.ones(len(texts), bool)
    if of == "boolean":
        cells = np.array([text.lower() for text in texts.to_pylist()], object)
        pairs = ([spelling.words[0].lower(), "1"], [spelling.words[1].lower(), "0"])
        yes, no = (np.isin(cells, pair) for pair in pairs)
        return pa.array(yes, mask=~(yes | no)), yes | no
    values, ok = moments.parse(texts, spelling.moment)
    if of in ("timestamp", "date") and not moments.has_time(spelling.moment):
        return pa.array(values.astype("datetime64[D]"), mask=~ok).cast(kind), ok
    exact = pa.array(values, pa.int64(), mask=~ok)
    if of == "timestamp":
        return exact.cast(pa.timestamp("ns", kind.tz)).cast(kind, safe=False), ok
    return exact.cast(pa.time64("ns")).cast(kind, safe=False), ok


def write_texts(column: ArrowColumn, spelling: Spelling) -> list[Any]:
    """Return the cells of a column as they are written in a file."""
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    of = family(column.type)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    if of == "number":
        cells = _numbers(column, spelling)
    elif of == "boolean":
        cells = [None if cell is None else spelling.words[0 if cell else 1] for cell in column.to_pylist()]
    elif of in ("date", "timestamp", "time") and spelling.moment:
        if moments.has_time(spelling.moment):
            exact = column.cast(
                pa.time64("ns") if of == "time" else pa.timestamp("ns", getattr(column.type, "tz", None))
            )
            values = exact.cast(pa.int64())
        else:
            values = column.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
        whole = pc.fill_null(values, 0).to_numpy(zero_copy_only=False)
        cells = moments.write(whole, spelling.moment, spelling.zone)
    elif of == "timestamp" and column.type.tz is None:
        cells = [None if cell is None else cell.replace(" ", "T") for cell in column.cast(pa.string()).to_pylist()]
    else:
        cells = column.cast(pa.string()).to_pylist()
    return [spelling.missing if gone else cell for gone, cell in zip(missing.tolist(), cells, strict=True)]


def _numbers(column: ArrowColumn, spelling: Spelling) -> list[Any]:
    import pyarrow as pa

    if pa.types.is_floating(column.type):
        if spelling.places is None:
            # The shortest text that is read as the same number of the same precision.
            values = column.to_numpy(zero_copy_only=False)
            cells = [repr(x.item()) if values.dtype == np.float64 else str(x) for x in values]
            if not spelling.point:
                cells = [cell.removesuffix(".0") for cell in cells]
        else:
            cells = [None if x is None else f"{x:.{spelling.places}f}" for x in column.to_pylist()]
    else:
        cells = column.cast(pa.string()).to_pylist()
    if spelling.thousands:
        cells = [None if cell is None else _grouped(cell) for cell in cells]
    if (spelling.decimal, spelling.thousands) == (".", ""):
        return cells
    swap = {".": spelling.decimal, ",": spelling.thousands}
    return [None if cell is None else "".join(swap.get(c, c) for c in cell) for cell in cells]


def _grouped(number: str) -> str:
    found = re.fullmatch(r"([+-]?)(\d+)(.*)", number)
    return number if found is None else f"{found[1]}{int(found[2]):,}{found[3]}"


def _number(decimal: str, thousands: str) -> str:
    """Return the expression of numbers with these marks; a number in groups of three begins with 1 to 9."""
    grouped = rf"[1-9]\d{{0,2}}(?:{re.escape(thousands)}\d{{3}})+|" if thousands else ""
    return rf"[+-]?(?:{grouped}\d+)?(?:{re.escape(decimal)}\d+)?(?:[eE][+-]?\d+)?"
