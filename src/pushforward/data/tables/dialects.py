"""How a file of separated values is written: compression, encoding, separator, header; and its cells as text."""

import csv
import gzip
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, final

from ..._errors import bad

#: pyarrow is imported by the functions that use it, so that `import pushforward` stays fast.
ArrowTable: TypeAlias = Any

#: What may stand between two cells, the most usual first.
SEPARATORS = (",", ";", "\t", "|")
#: Characters and records of the file that decide on its separator.
SNIFFED_CHARACTERS, SNIFFED_RECORDS = 1_000_000, 500
#: A first line of some spreadsheets, which names the separator.
_SEP_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@final
@dataclass(frozen=True)
class Dialect:
    """How a file of separated values is written.

    Attributes:
        separator: the character between two cells.
        encoding: of the text, by its name in Python.
        compressed: whether the file is packed by gzip.
    """

    separator: str = ","
    encoding: str = "utf-8"
    compressed: bool = False


def read_text_cells(path: Path) -> tuple[ArrowTable, Dialect]:
    """Read a file of separated values with every cell as text, and the header as it stands.

    Names may be empty or repeated. A header that names one column less than the rows have leaves the first unnamed, as
    R writes the names of rows.

    Returns:
        A `pyarrow.Table` of text without missing cells, and how the file is written.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it has no header.
        pyarrow.ArrowInvalid: if a row has too few or too many cells; the message has its number.
    """
    import pyarrow as pa
    import pyarrow.csv

    content = path.read_bytes()
    compressed = content[:2] == b"\x1f\x8b"
    if compressed:
        content = gzip.decompress(content)
    text, encoding = _decoded(content)
    separator = _separator(text)
    if _SEP_LINE.match(text):
        text = text.split("\n", 1)[1]
    records = _records(text[:SNIFFED_CHARACTERS], separator, 2)
    names = records[0] if records else []
    if not names:
        raise ValueError(f"{path} is empty: it has no columns.")
    if all(_is_number(name) for name in names):
        remedy = "Add a first line that names the columns."
        raise bad(str(path), "a CSV file with a header line", separator.join(names), remedy)
    if len(records) > 1 and len(names) > 1 and len(records[1]) == len(names) + 1:
        text, names = separator + text, ["", *names]
    options: dict[str, Any] = {
        "parse_options": pyarrow.csv.ParseOptions(
            delimiter=separator,
            newlines_in_values=True,
            # In a file of one column, an empty line is a missing value.
            ignore_empty_lines=len(names) > 1,
        ),
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), null_values=[], strings_can_be_null=False
        ),
    }
    buffer = pa.py_buffer(text.encode())
    del text
    try:
        table = pyarrow.csv.read_csv(pa.BufferReader(buffer), **options)
    except pa.ArrowInvalid:
        # Read again with a single thread, which is slow but knows the number of the row at fault.
        alone = pyarrow.csv.ReadOptions(use_threads=False)
        table = pyarrow.csv.read_csv(pa.BufferReader(buffer), alone, **options)
    return table, Dialect(separator, encoding, compressed)


def write_text_cells(path: Path, names: list[str], columns: list[list[str | None]], dialect: Dialect) -> None:
    """Write columns of text in a dialect; None is an empty cell.

    pyarrow's own writer puts every text cell in quotes, which would change the cells of the input file.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n", delimiter=dialect.separator)
    writer.writerow(names)
    writer.writerows(zip(*columns, strict=True))
    try:
        content = out.getvalue().encode(dialect.encoding)
    except UnicodeEncodeError:  # A cell that the encoding of the input cannot hold.
        content = out.getvalue().encode()
    path.write_bytes(gzip.compress(content, mtime=0) if dialect.compressed else content)


def _decoded(content: bytes) -> tuple[str, str]:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding), encoding
    head = content[:4000]
    if head.count(0) > len(head) // 4:  # UTF-16 without a mark: every second byte of plain letters is zero.
        encoding = "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
        return content.decode(encoding), encoding
    for encoding in ("utf-8", "cp1252"):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1"), "latin-1"


def _separator(text: str) -> str:
    """Return the separator under which most records have as many cells as the header; of equals the one with most."""
    named = _SEP_LINE.match(text)
    if named:
        return named[1]
    best, separator = (0.0, 0), ","
    for candidate in SEPARATORS:
        records = _records(text[:SNIFFED_CHARACTERS], candidate, SNIFFED_RECORDS)
        cells = len(records[0]) if records else 0
        if cells < 2:
            continue
        counts = Counter(len(record) for record in records[1:] if record)
        # One more cell than names: names of rows, as R writes them.
        agree = max(counts[cells], counts[cells + 1]) / max(sum(counts.values()), 1) if counts else 1.0
        if (agree, cells) > best:
            best, separator = (agree, cells), candidate
    if best == (0.0, 0):
        # One column: no separator may cut its cells, such as those with a decimal comma.
        return next((mark for mark in SEPARATORS if mark not in text[:SNIFFED_CHARACTERS]), ",")
    return separator


def _records(text: str, separator: str, most: int) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    records: list[list[str]] = []
    try:
        for record in reader:
            records.append(record)
            if len(records) == most:
                break
    except csv.Error:  # A field longer than the reader allows: quotes that are not meant as such.
        pass
    return records


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
