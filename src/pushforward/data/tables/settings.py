"""What a user says of columns: kinds and units, on the command line, in Python, or in a file beside the table."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, final

from ..._errors import bad, require
from .facts import ColumnFacts
from .files import PathLike
from .kinds import AbstractKind, kind_named

#: A kind as users set it: its name, {"kind": name, option: value, ...}, or the kind itself.
KindSetting: TypeAlias = str | Mapping[str, Any] | AbstractKind


@final
@dataclass(frozen=True)
class Settings:
    """Kinds and units that a user has set, by the names of columns."""

    kinds: Mapping[str, KindSetting] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)


def settings_beside(path: PathLike) -> Settings:
    """Return the settings in the file beside a table: weather.toml beside weather.csv; none if there is no such file.

        [kinds]
        fare = "positive"
        wind_dir = {kind = "periodic", period = 360}
        [units]
        fare = "GBP"

    Raises:
        ValueError: if the file is not of this form.
    """
    path = Path(path)
    beside = path.with_name(path.name.removesuffix(".gz")).with_suffix(".toml")
    if not beside.is_file():
        return Settings()
    try:
        content = tomllib.loads(beside.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{beside} is not a readable toml file: {error}") from error
    unknown = sorted(set(content) - {"kinds", "units"})
    require(not unknown, str(beside), "a file with the tables [kinds] and [units]", unknown)
    kinds, units = content.get("kinds", {}), content.get("units", {})
    for name, setting in kinds.items():
        _name_of(name, setting)
    texts = isinstance(units, dict) and all(isinstance(unit, str) for unit in units.values())
    require(texts, str(beside), "a file with units as text", units)
    return Settings(kinds, units)


def parse_kinds(texts: Sequence[str]) -> dict[str, KindSetting]:
    """Return the kinds of columns as the command line gives them.

    Arguments:
        texts: each "fare=positive", or with options `wind_dir={kind="periodic", period=360}`.

    Raises:
        ValueError: if one is not of this form.
    """
    out: dict[str, KindSetting] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        require(bool(equals and name and value), "kinds", "COLUMN=KIND", text, "For example fare=positive.")
        setting: Any = value.strip()
        if setting.startswith("{"):
            try:
                setting = tomllib.loads(f"kind = {setting}")["kind"]
            except tomllib.TOMLDecodeError:
                raise bad("kinds", 'COLUMN={kind="KIND", OPTION=VALUE}', text) from None
        _name_of(name, setting)
        out[name.strip()] = setting
    return out


def kind_of(facts: ColumnFacts, setting: KindSetting) -> AbstractKind:
    """Return the kind that a user has set for a column; what the user leaves open is found in the column.

    Raises:
        ValueError: if there is no such kind or option.
    """
    kind = type(setting) if isinstance(setting, AbstractKind) else kind_named(_name_of(facts.name, setting))
    if facts.family not in kind.families:
        columns = f"{kind.name} for columns of type {' or '.join(kind.families)}"
        example = f", such as {facts.observed[0].as_py()!r}" if facts.rows else ""
        raise bad("kinds", columns, f"`{facts.name}` of type {facts.type}{example}")
    if isinstance(setting, AbstractKind):
        return setting
    options = {} if isinstance(setting, str) else {k: v for k, v in setting.items() if k != "kind"}
    return kind.of(facts, **options)


def _name_of(column: str, setting: Any) -> str:
    name = setting.get("kind") if isinstance(setting, Mapping) else setting
    if not isinstance(name, str):
        raise bad("kinds", f"the name of a kind, or {{kind = NAME, ...}}, for {column}", setting)
    kind_named(name)
    return name
