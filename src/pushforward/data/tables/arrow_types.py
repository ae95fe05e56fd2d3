"""Types of Arrow by name, so that a saved schema can hold them."""

import re
from typing import Any, TypeAlias

#: A `pyarrow.DataType`.
ArrowType: TypeAlias = Any

_ZONED = re.compile(r"timestamp\[(\w+), tz=(.+)\]")
_DECIMAL = re.compile(r"decimal(32|64|128|256)\((\d+), (\d+)\)")
_DICTIONARY = re.compile(r"dictionary<values=(.+), indices=(\w+), ordered=(\d)>")


def type_named(name: str) -> ArrowType:
    """Return the type whose `str` is `name`.

    Raises:
        ValueError: if there is no such type.
    """
    import pyarrow as pa

    if found := _ZONED.fullmatch(name):
        return pa.timestamp(found[1], found[2])
    if found := _DECIMAL.fullmatch(name):
        return getattr(pa, f"decimal{found[1]}")(int(found[2]), int(found[3]))
    if found := _DICTIONARY.fullmatch(name):
        return pa.dictionary(type_named(found[2]), type_named(found[1]), ordered=found[3] == "1")
    return pa.type_for_alias(name)


def family(kind: ArrowType) -> str:
    """Return "number", "boolean", "text", "date", "timestamp", "time", "duration", "null" or "nested"."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return family(kind.value_type)
    tests = {
        "number": (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal),
        "boolean": (pa.types.is_boolean,),
        "text": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
        "date": (pa.types.is_date,),
        "timestamp": (pa.types.is_timestamp,),
        "time": (pa.types.is_time,),
        "duration": (pa.types.is_duration,),
        "null": (pa.types.is_null,),
    }
    return next((name for name, checks in tests.items() if any(check(kind) for check in checks)), "nested")
