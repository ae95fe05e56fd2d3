"""Dates and times as text: which pattern a column follows, its cells as numbers, and back."""

import datetime
import itertools
import re
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Int

#: An array of text of pyarrow, without missing cells.
Texts: TypeAlias = Any

#: Nanoseconds.
SECOND = 1_000_000_000
DAY = 86_400 * SECOND

_DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d"),
    *("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y"),
    *("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"),
)
_TIMES = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")
_MONTHS = [datetime.date(2001, month, 1).strftime("%B").lower() for month in range(1, 13)]
_CODES = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d{2})",
    "m": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{1,2})",
    "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<I>\d{1,2})",
    "M": r"(?P<M>\d{2})",
    "S": r"(?P<S>\d{2})",
    "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[aApP]\.?[mM]\.?)",
    "b": r"(?P<b>[A-Za-z]{3})",
    "B": r"(?P<B>[A-Za-z]{3,9})",
    "z": r"(?P<z>Z| ?UTC| ?[+-]\d{2}:?\d{2})",
}
#: What `%-d` says: the number without a leading zero. `%3f` says three digits.
_CODE = re.compile(r"%(-|\d)?([YymdHIMSfpbBz])")


def patterns_of(texts: Texts) -> list[str]:
    """Return the patterns, in the codes of `strftime`, that each of some texts follows; the ISO forms come first.

    Several fit if the day and the month cannot be told apart, as in 03/04/2013.
    """
    sample = texts[:20].to_pylist()
    if not all(4 <= len(text) <= 40 and any(c.isdigit() for c in text) for text in sample):
        return []
    fitting = (p for p in _candidates() if all(_regex(p).fullmatch(text) for text in sample))
    return [_with_widths(p, texts) for p in fitting if parse(texts, p)[1].all()]


def is_ambiguous(patterns: list[str]) -> bool:
    """Return whether some patterns disagree on which number is the day."""
    return len({day_first(pattern) for pattern in patterns}) > 1


def day_first(pattern: str) -> bool:
    """Return whether the day comes before the month."""
    order = [code for _, code in _CODE.findall(pattern) if code in "dmbB"]
    return bool(order) and order[0] == "d"


def has_date(pattern: str) -> bool:
    """Return whether a pattern has a date."""
    return any(code in "Yy" for _, code in _CODE.findall(pattern))


def has_time(pattern: str) -> bool:
    """Return whether a pattern has a time of day."""
    return any(code in "HI" for _, code in _CODE.findall(pattern))


def has_zone(pattern: str) -> bool:
    """Return whether a pattern has a zone."""
    return any(code == "z" for _, code in _CODE.findall(pattern))


def unit_of(pattern: str) -> str:
    """Return the unit of Arrow that holds the times of a pattern: "s", "ms", "us" or "ns"."""
    digits = next((int(width or 9) for width, code in _CODE.findall(pattern) if code == "f"), 0)
    return ("s", "ms", "us", "ns")[-(-digits // 3)]


def zones_of(texts: Texts, pattern: str) -> list[str]:
    """Return the different zones that texts of a pattern name, as they are written."""
    return sorted(set(_fields(texts, pattern)["z"].to_pylist()))


def parse(texts: Texts, pattern: str) -> tuple[Int[np.ndarray, " rows"], Bool[np.ndarray, " rows"]]:
    """Return nanoseconds since 1970 (or midnight, without a date), in UTC if a zone is given, and which texts parse.

    A text that does not follow the pattern, or names no day or time that exists, does not parse.
    """
    fields = _fields(texts, pattern)
    ok = fields["whole"]
    numbers = {key: _int(values) for key, values in fields.items() if key in "YymdHIMS"}
    total = np.zeros(len(texts), np.int64)
    if has_date(pattern):
        year = numbers.get("Y")
        if year is None:
            year = numbers["y"] + np.where(numbers["y"] < 69, 2000, 1900)  # as POSIX has it
        month = _months(fields["b"] if "b" in fields else fields["B"]) if {"b", "B"} & set(fields) else numbers["m"]
        day = numbers["d"]
        ok = ok & (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
        first = (np.where(ok, year, 1970) - 1970) * 12 + np.where(ok, month, 1) - 1
        days = first.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + day - 1
        follow = (first + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        # Nanoseconds in 64 bits reach from 1678 to 2262; what lies beyond is held by dates alone.
        ok = ok & (days < follow) & ((np.abs(days) < 106_000) | (not has_time(pattern)))
        if not has_time(pattern):
            return np.where(ok, days, 0), ok
        total += np.where(ok, days, 0) * DAY
    hour = numbers["H"] if "H" in numbers else numbers["I"] % 12
    if "p" in fields:
        hour = hour + 12 * np.array([text[:1] in "pP" and text != "" for text in fields["p"].to_pylist()])
        ok = ok & (numbers["I"] >= 1) & (numbers["I"] <= 12)
    minute, second = numbers["M"], numbers.get("S", np.zeros(len(texts), np.int64))
    ok = ok & (hour < 24) & (minute < 60) & (second < 60)
    total += ((hour * 60 + minute) * 60 + second) * SECOND
    if "f" in fields:
        total += np.array([int(text.ljust(9, "0")) if text else 0 for text in fields["f"].to_pylist()], np.int64)
    if "z" in fields:
        total -= np.array([zone_seconds(text) for text in fields["z"].to_pylist()], np.int64) * SECOND
    return np.where(ok, total, 0), ok


def zone_seconds(zone: str) -> int:
    """Return the offset of a zone such as "Z", "UTC" or "+02:00" from UTC, in seconds."""
    digits = zone.strip().replace(":", "")
    if digits[:1] not in ("+", "-"):
        return 0
    return (1 if digits[0] == "+" else -1) * (int(digits[1:3]) * 3600 + int(digits[3:5]) * 60)


def write(values: Int[np.ndarray, " rows"], pattern: str, zone: str = "") -> list[str]:
    """Return the text of days (a pattern without a time) or nanoseconds since 1970, in UTC; the inverse of `parse`."""
    if not has_time(pattern):
        dates, rest = values.astype("datetime64[D]"), np.zeros_like(values)
    else:
        values = values + zone_seconds(zone) * SECOND
        dates, rest = (values // DAY).astype("datetime64[D]"), values % DAY
    pieces: list[Any] = []
    end = 0
    for found in _CODE.finditer(pattern):
        pieces += [itertools.repeat(pattern[end : found.start()]), _written(found[2], found[1], dates, rest, zone)]
        end = found.end()
    pieces.append(itertools.repeat(pattern[end:], len(values)))
    return ["".join(cell) for cell in zip(*pieces, strict=False)]


def _written(code: str, width: str | None, dates: np.ndarray, rest: np.ndarray, zone: str) -> Any:
    months = dates.astype("datetime64[M]").astype(np.int64)
    if code in "bB":
        names = np.array([name.capitalize()[: 3 if code == "b" else 9] for name in _MONTHS])
        return names[months % 12].tolist()
    if code == "z":
        return itertools.repeat(zone)
    seconds = rest // SECOND
    if code == "p":
        return np.where(seconds >= 43_200, "PM", "AM").tolist()
    if code == "f":
        digits = int(width or 9)
        return [f"{n:09d}"[:digits] for n in (rest % SECOND).tolist()]
    number = {
        "Y": lambda: months // 12 + 1970,
        "y": lambda: (months // 12 + 1970) % 100,
        "m": lambda: months % 12 + 1,
        "d": lambda: (dates - dates.astype("datetime64[M]")).astype(np.int64) + 1,
        "H": lambda: seconds // 3600,
        "I": lambda: (seconds // 3600 - 1) % 12 + 1,
        "M": lambda: seconds // 60 % 60,
        "S": lambda: seconds % 60,
    }[code]()
    form = "{:04d}" if code == "Y" else "{:d}" if width == "-" else "{:02d}"
    return map(form.format, number.tolist())


@cache
def _candidates() -> tuple[str, ...]:
    moments = [f"{d}{gap}{t}" for d in _DATES for gap in (" ", "T") for t in _TIMES]
    return (*_DATES, *_TIMES, *moments, *(f"{moment}%z" for moment in moments))


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    pieces, end = [], 0
    for found in _CODE.finditer(pattern):
        pieces += [re.escape(pattern[end : found.start()]), _CODES[found[2]]]
        end = found.end()
    return re.compile("".join(pieces) + re.escape(pattern[end:]))


def _fields(texts: Texts, pattern: str) -> dict[str, Any]:
    """Return the pieces of each text by their codes, "" where it does not follow the pattern, and whether ("whole")."""
    import pyarrow.compute

    pc: Any = pyarrow.compute  # its functions are made at run time, so type checkers do not know them
    found = pc.extract_regex(texts, f"^(?:{_regex(pattern).pattern})$")
    whole = found.is_valid().to_numpy(zero_copy_only=False)
    codes = [code for _, code in _CODE.findall(pattern)]
    return {code: pc.struct_field(found, code).fill_null("") for code in codes} | {"whole": whole}


def _int(texts: Texts) -> Int[np.ndarray, " rows"]:
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute
    return pc.if_else(pc.equal(texts, ""), "0", texts).cast(pa.int64()).to_numpy(zero_copy_only=False)


def _months(texts: Texts) -> Int[np.ndarray, " rows"]:
    known = {name: 1 + i for i, name in enumerate(_MONTHS)} | {name[:3]: 1 + i for i, name in enumerate(_MONTHS)}
    return np.array([known.get(text.lower(), 0) for text in texts.to_pylist()], np.int64)


def _with_widths(pattern: str, texts: Texts) -> str:
    """Return a pattern with the widths of its numbers as the texts have them: `%-d` for 3, `%3f` for .125."""
    fields = _fields(texts, pattern)
    lengths = {code: {len(text) for text in fields[code].to_pylist()} for code in "mdHIf" if code in fields}
    for code, found in lengths.items():
        if code == "f":
            pattern = pattern.replace("%f", f"%{max(found)}f")
        elif 1 in found:
            pattern = pattern.replace(f"%{code}", f"%-{code}")
    return pattern
