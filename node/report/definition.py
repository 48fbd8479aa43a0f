"""Reports are data: what a definition says, and the one reader of it.

Enters: the bytes of a YAML file in ``definitions/``. Leaves: a ``Definition``. Must never
happen: an entry that is silently ignored (an unknown one is an error that names it), a rate
made of plans and persons (FR-5). A new layout is a new file. Implements the field document,
chapter 5 (definitions).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from node.errors import ConfigError, NotFoundError

LAND: Final = "auswertung-zeitraum"
"""The built-in proof for the Land."""

_ORDER: Final = (LAND, "betreuung", "gespraeche", "ziele", "uebergaben")
_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_MOST_BYTES: Final = 64 * 1024

SPLITS: Final[Mapping[str, frozenset[str]]] = {
    "responsible": frozenset({"language"}),
    "cared_for": frozenset(),
    "not_cared_for": frozenset({"reason"}),
    "arrivals": frozenset(),
    "departures": frozenset(),
    "closures": frozenset({"closure"}),
    "level_changes": frozenset(),
    "limit_soon": frozenset(),
    "over_limit": frozenset(),
    "plans_created": frozenset(),
    "plans_updated": frozenset(),
    "plans_in_force": frozenset(),
    "plans_reviewed": frozenset(),
    "talks": frozenset({"form", "topic", "duration", "interpreter", "month"}),
    "talk_persons": frozenset(),
    "contacts": frozenset({"form"}),
    "coordination": frozenset({"form"}),
    "attempts": frozenset({"form"}),
    "referrals": frozenset({"service", "outcome"}),
    "goals": frozenset({"status", "area"}),
    "goals_reached": frozenset(),
    "goals_settled": frozenset(),
    "transfers_out": frozenset(),
    "transfers_out_persons": frozenset(),
    "transfers_in": frozenset(),
    "transfers_in_persons": frozenset(),
    "refused": frozenset({"refusal"}),
    "days_to_grant": frozenset(),
}
"""Every indicator, and by what it can be divided."""

RATES: Final = frozenset(
    {
        ("cared_for", "responsible"),
        ("goals_reached", "goals_settled"),
        ("plans_reviewed", "plans_in_force"),
    }
)
"""The rates there are; plans by persons is none of them (FR-5, DO-2)."""


@unique
class Audience(StrEnum):
    """For whom a report is."""

    INTERNAL = "internal"
    COUNCIL = "council"
    LAND = "land"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Label:
    """A text of a definition in both languages of the pages."""

    de: str
    en: str

    def of(self, language: str) -> str:
        """The text in one language; any other gets German."""
        return self.en if language == "en" else self.de


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """One column: an indicator, perhaps divided; or the ratio of two others.

    ``window_months`` None is the setting of this office.
    """

    id: str
    label: Label
    indicator: str = ""
    by: str = ""
    measure: str = ""
    window_months: int | None = None
    ratio: tuple[str, str] | None = None
    percent_digits: int = 1


@dataclass(frozen=True, slots=True)
class Definition:
    """A report as its file describes it; ``digest`` is the SHA-256 of the file."""

    id: str
    version: int
    title: Label
    about: Label
    audience: Audience
    rows: str
    columns: tuple[ColumnRule, ...]
    below: int
    exact_totals: frozenset[str]
    digest: bytes

    def column(self, name: str) -> ColumnRule:
        """One column.

        Raises:
            NotFoundError: There is none of this name.
        """
        for rule in self.columns:
            if rule.id == name:
                return rule
        raise NotFoundError("column")


def definitions() -> Sequence[Definition]:
    """Every report, the proof for the Land first."""
    folder = files("node.report").joinpath("definitions")
    names = {
        item.name.removesuffix(".yaml")
        for item in folder.iterdir()
        if item.name.endswith(".yaml")
    }
    later = sorted(names.difference(_ORDER))
    return [definition(name) for name in (*_ORDER, *later) if name in names]


@cache
def definition(name: str) -> Definition:
    """One report.

    Raises:
        NotFoundError: There is no such file.
        ConfigError: It says something that this program does not know.
    """
    path = files("node.report").joinpath("definitions", f"{name}.yaml")
    if not _NAME.fullmatch(name) or not path.is_file():
        raise NotFoundError("report")
    found = read_definition(path.read_bytes())
    if found.id != name:
        raise ConfigError(f"{name}: the entry id says {found.id}")
    return found


# -- Reading -----------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML without repeated names, references and marks."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node)
        if key in found:
            raise ConfigError(f"{key}: stands there twice")
        found[key] = loader.construct_object(value_node, deep=True)
    return found


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_definition(data: bytes) -> Definition:
    """Read a definition strictly.

    Raises:
        ConfigError: No YAML, an entry that is missing, unknown or of another kind; the
            message names it.
    """
    if len(data) > _MOST_BYTES:
        raise ConfigError("a definition has at most 64 KiB")
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(data)):
            raise ConfigError("references are not allowed in a definition")
        loaded = yaml.load(data, _Loader)  # noqa: S506 - a safe loader, made stricter
    except yaml.YAMLError:
        raise ConfigError("this is no YAML") from None
    top = _Entry("", loaded)
    top.only("id version title about audience period rows columns suppress")
    if top.text("period") != "required":
        raise ConfigError("period: only required is known")
    suppress = top.entry("suppress")
    suppress.only("below exact_totals")
    columns = tuple(_column(item) for item in top.entries("columns"))
    names = [rule.id for rule in columns]
    if len(set(names)) < len(names):
        raise ConfigError("columns: two have one id")
    exact = frozenset(suppress.texts("exact_totals"))
    if not exact <= set(names):
        raise ConfigError(f"exact_totals: {min(exact - set(names))} is no column")
    audience = top.one_of("audience", tuple(Audience))
    if exact and audience != Audience.LAND:
        raise ConfigError("exact_totals: only for the audience land")
    _check_ratios(columns)
    return Definition(
        id=top.name("id"),
        version=top.number("version"),
        title=top.label("title"),
        about=top.label("about"),
        audience=Audience(audience),
        rows=top.one_of("rows", ("caseworker", "total")),
        columns=columns,
        below=suppress.number("below"),
        exact_totals=exact,
        digest=hashlib.sha256(data).digest(),
    )


def _column(item: "_Entry") -> ColumnRule:
    item.only("id label indicator by measure window ratio percent_digits")
    name, label = item.name("id"), item.label("label")
    if item.has("ratio"):
        item.only("id label ratio percent_digits")
        parts = item.texts("ratio")
        if len(parts) != 2:
            raise ConfigError(f"{name}: a ratio has two parts")
        digits = item.number("percent_digits") if item.has("percent_digits") else 1
        return ColumnRule(
            name, label, ratio=(parts[0], parts[1]), percent_digits=digits
        )
    indicator = item.one_of("indicator", tuple(SPLITS))
    by = item.one_of("by", tuple(SPLITS[indicator])) if item.has("by") else ""
    measure = ""
    if indicator == "days_to_grant":
        measure = item.one_of("measure", ("median", "maximum"))
    elif item.has("measure"):
        raise ConfigError(f"{name}: measure belongs to days_to_grant")
    return ColumnRule(
        name,
        label,
        indicator=indicator,
        by=by,
        measure=measure,
        window_months=_months(item) if item.has("window") else None,
    )


def _months(item: "_Entry") -> int:
    found = re.fullmatch(r"P([1-9][0-9]?)M", item.text("window"), re.ASCII)
    if found is None:
        raise ConfigError("window: written like P12M")
    return int(found[1])


def _check_ratios(columns: Sequence[ColumnRule]) -> None:
    known = {rule.id: rule for rule in columns if not rule.ratio and not rule.measure}
    for rule in columns:
        if rule.ratio is None:
            continue
        for part in rule.ratio:
            if part not in known:
                raise ConfigError(f"{rule.id}: {part} is no column of numbers")
        pair = (known[rule.ratio[0]].indicator, known[rule.ratio[1]].indicator)
        if pair not in RATES:
            raise ConfigError(f"{rule.id}: there is no rate {pair[0]} by {pair[1]}")


class _Entry:
    """A part of a definition, asked for by name."""

    def __init__(self, place: str, value: object) -> None:
        if not isinstance(value, dict):
            raise ConfigError(f"{place or 'the file'}: names with values are expected")
        self._place, self._value = place, value

    def only(self, names: str) -> None:
        """No other name than these stands here."""
        for name in self._value:
            if name not in names.split():
                raise ConfigError(f"{self._place}{name}: is not known here")

    def has(self, name: str) -> bool:
        return name in self._value

    def text(self, name: str) -> str:
        value = self._value.get(name)
        if not isinstance(value, str) or not value.strip():
            raise ConfigError(f"{self._place}{name}: a text is expected")
        return value

    def name(self, name: str) -> str:
        value = self.text(name)
        if not _NAME.fullmatch(value):
            raise ConfigError(f"{self._place}{name}: small letters, digits, hyphens")
        return value

    def number(self, name: str) -> int:
        value = self._value.get(name)
        if type(value) is not int or not 0 <= value < 10_000:
            raise ConfigError(f"{self._place}{name}: a number is expected")
        return value

    def one_of(self, name: str, allowed: Sequence[str]) -> str:
        value = self.text(name)
        if value not in allowed:
            raise ConfigError(f"{self._place}{name}: {value} is not known here")
        return value

    def texts(self, name: str) -> list[str]:
        value = self._value.get(name, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise ConfigError(f"{self._place}{name}: a list of texts is expected")
        return value

    def entry(self, name: str) -> "_Entry":
        return _Entry(f"{name}.", self._value.get(name))

    def entries(self, name: str) -> list["_Entry"]:
        value = self._value.get(name)
        if not isinstance(value, list) or not value:
            raise ConfigError(f"{self._place}{name}: a list is expected")
        return [_Entry(f"{name} {n}: ", item) for n, item in enumerate(value, 1)]

    def label(self, name: str) -> Label:
        label = self.entry(name)
        label.only("de en")
        return Label(label.text("de"), label.text("en"))
