"""Stored details as the texts of a form.

Enters: a sheet and what is stored. Leaves: every field of the form as it reads before
anybody types; choices with the codes that only a peer knows among them. Must never happen:
a stored value that the form cannot give back unchanged (FR-26, DO-29).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final

from node.cases.codes import code_list
from node.ids import Ags
from node.strictjson import Json
from node.web.forms import Form
from node.web.language import Words, msgid
from node.web.placenames import place_words
from node.web.recordfields import Look, Sheet, Slot
from node.web.typed import shown_day, typed_day, typed_partial
from node.web.wording import fact_label, partial_day, value_words

_MONTH: Final = len("2026-12")
_SCRIPTS: Final = (
    *("ar-Arab", "fa-Arab", "prs-Arab", "ps-Arab", "ckb-Arab", "ur-Arab"),
    *("ti-Ethi", "am-Ethi", "uk-Cyrl", "ru-Cyrl"),
)
"""Names in other scripts: language and script (BCP 47)."""
_SCALES: Final[Mapping[str, tuple[str, str, str]]] = {
    "importance": (msgid("a little"), msgid("rather"), msgid("very")),
    "need": (msgid("a little"), msgid("some"), msgid("much")),
    "own_estimate": (msgid("a little"), msgid("some"), msgid("much")),
}
# Lists of entries: the parts of each, in the order of the form.
PARTS: Final[Mapping[Look, tuple[str, ...]]] = MappingProxyType(
    {
        Look.SCRIPTS: ("lang", "text"),
        Look.MESSENGERS: ("service", "handle"),
        Look.PAUSES: ("from", "until", "code"),
        Look.GUARDIANS: ("name", "body"),
    }
)
_PART_LABELS: Final[Mapping[str, str]] = {
    "lang": msgid("Language and script"),
    "text": msgid("Name in this script"),
    "service": msgid("Service"),
    "handle": msgid("Name or number there"),
    "from": msgid("From"),
    "until": msgid("Until"),
    "code": msgid("Reason"),
    "name": msgid("Name"),
    "body": msgid("Office or address"),
}
_HINTS: Final[Mapping[Look, str]] = {
    Look.DAY: msgid("Like 03.12.2026"),
    Look.PARTIAL: msgid("Like 07.03.1994. The year alone is enough."),
    Look.LINES: msgid("One per line"),
    Look.PLACE: msgid("Name of the municipality"),
}
_HINTS_OF: Final[Mapping[str, str]] = {
    "health_note": msgid("No diagnoses. Only what one must know to help."),
    "reason": msgid("Needed if the goal is postponed or adapted."),
    "sign": msgid("How do we notice that it is reached?"),
    "target_date": msgid("Not needed. A later day is never a failure."),
    "clock_extension": msgid("A fourth year, where there is a reason for it."),
}


@dataclass(frozen=True, slots=True)
class Around:
    """What a form needs to know of the case: the day, places, who lives there too."""

    on: date
    words: Words
    places: Mapping[Ags, str] = field(default_factory=dict)
    members: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One field as the template shows it.

    ``entries`` are the names of the fields of a list, each with its label and options.
    """

    name: str
    look: str
    label: str
    is_needed: bool
    hint: str = ""
    options: Sequence[tuple[str, str]] = ()
    entries: Sequence[Sequence[tuple[str, str, Sequence[tuple[str, str]]]]] = ()


def shown(
    sheet: Sheet, values: Mapping[str, Json], around: Around
) -> dict[str, tuple[str, ...]]:
    """Every field of the form, as it reads before anybody types."""
    return {
        name: texts
        for slot in sheet.slots
        for name, texts in shown_slot(slot, values.get(slot.name), around).items()
    }


def shown_slot(slot: Slot, value: Json, around: Around) -> dict[str, tuple[str, ...]]:
    """The fields of the form that one field of the record has."""
    if slot.look in PARTS:
        return _shown_entries(slot, value)
    if slot.look is Look.CODES:
        codes = [*items(value), ""]
        return {f"{slot.name}-{n}": (code,) for n, code in enumerate(codes)}
    if slot.look is Look.MEMBERS:
        return {slot.name: tuple(items(value))}
    text = _shown_text(slot, value, around)
    return {slot.name: (text,) if text else ()}


def _shown_text(slot: Slot, value: Json, around: Around) -> str:
    match slot.look:
        case Look.YES:
            return "yes" if value is True else ""
        case Look.DAY | Look.PARTIAL:
            return _typed_date(str(value or ""))
        case Look.LINES:
            return "\n".join(items(value))
        case Look.PLACE:
            return _place_text(str(value or ""), around)
        case _:
            return "" if value is None else str(value)


def items(value: Json) -> list[str]:
    """A list of texts, or the one text that stands for it."""
    if value in (None, "", []):
        return []
    return [str(item) for item in (value if isinstance(value, list) else [value])]


def asked(sheet: Sheet, form: Form, around: Around) -> list[Asked]:
    """The fields of a sheet for its template, with what a form holds by now."""
    return [_asked(sheet, slot, form, around) for slot in sheet.slots]


def label_of(sheet: Sheet, name: str, words: Words) -> str:
    """What a field is called on this sheet."""
    own = _LABELS.get((sheet.id, name))
    return words.gettext(own) if own else fact_label(name, words)


_LABELS: Final[Mapping[tuple[str, str], str]] = {
    ("goal", "text"): msgid("Goal in the person's words"),
    ("goal", "target_date"): msgid("Wished for by"),
    ("goal", "reason"): msgid("Reason"),
    ("measure", "text"): msgid("What is done"),
    ("assessment", "text"): msgid("In words"),
    ("assessment", "own_estimate"): msgid("How the person sees it: need"),
    ("care", "valid_from"): msgid("Since"),
    ("third", "name"): msgid("Name"),
}


def _asked(sheet: Sheet, slot: Slot, form: Form, around: Around) -> Asked:
    words = around.words
    label = label_of(sheet, slot.name, words)
    hint = _HINTS_OF.get(slot.name, "") or _HINTS.get(slot.look, "")
    if (sheet.id, slot.name) == ("protection", "reason"):
        hint = ""
    entries: list[list[tuple[str, str, Sequence[tuple[str, str]]]]] = []
    parts = PARTS.get(slot.look, ())
    number = 0
    while (
        f"{slot.name}-{number}-{parts[0]}" if parts else f"{slot.name}-{number}"
    ) in form.values:
        if parts:
            entries.append(
                [
                    (
                        f"{slot.name}-{number}-{part}",
                        words.gettext(_PART_LABELS[part]),
                        _part_options(slot, part, form, number, around),
                    )
                    for part in parts
                ]
            )
        else:
            name = f"{slot.name}-{number}"
            entries.append([(name, label, _codes(slot.codes, form.text(name), around))])
        number += 1
    return Asked(
        name=slot.name,
        look=str(slot.look),
        label=label,
        is_needed=slot.needed,
        hint=words.gettext(hint) if hint else "",
        options=_options(slot, form, around),
        entries=entries,
    )


def _options(slot: Slot, form: Form, around: Around) -> Sequence[tuple[str, str]]:
    words = around.words
    match slot.look:
        case Look.CODE:
            return _codes(slot.codes, form.text(slot.name), around)
        case Look.SCALE:
            scale = _SCALES[slot.name]
            return [(str(n), words.gettext(w)) for n, w in enumerate(scale, start=1)]
        case Look.MEMBERS | Look.GUARDIANS:
            known = {case for case, _ in around.members}
            stranger = words.gettext("a person whose case is not here")
            others = [(c, stranger) for c in form.all(slot.name) if c not in known]
            return [*around.members, *others]
        case _:
            return ()


def _codes(name: str, present: str, around: Around) -> Sequence[tuple[str, str]]:
    """The codes that are offered now, and the present one, whoever made it up."""
    words = around.words
    found = [
        (c.code, words.code(c.code, name)) for c in code_list(name).offered(around.on)
    ]
    if name in {"language", "country"}:
        found.sort(key=lambda pair: pair[1].casefold())
    if present and present not in {code for code, _ in found}:
        found.append((present, words.code(present, name)))
    return found


def _part_options(
    slot: Slot, part: str, form: Form, number: int, around: Around
) -> Sequence[tuple[str, str]]:
    words = around.words
    present = form.text(f"{slot.name}-{number}-{part}")
    if part == "code":
        return _codes("interruption", present, around)
    if part == "lang":
        tags = [*_SCRIPTS, *([present] if present not in (*_SCRIPTS, "") else [])]
        return [(tag, words.code(tag.partition("-")[0], "language")) for tag in tags]
    return ()


def _typed_date(text: str) -> str:
    """A stored date as people type it; a month or a year, or what a peer sent, too."""
    day = typed_day(text)
    if day is not None:
        return shown_day(day)
    if typed_partial(text) == text and len(text) == _MONTH:
        return f"{text[5:]}.{text[:4]}"
    return text


def _place_text(text: str, around: Around) -> str:
    name = around.places.get(Ags(text)) if Ags.pattern.fullmatch(text) else None
    return place_words(Ags(text), name) if name else text


def _shown_entries(slot: Slot, value: Json) -> dict[str, tuple[str, ...]]:
    """Each entry of a list, and an empty one below."""
    parts = PARTS[slot.look]
    listed = value if isinstance(value, list) else [value] if value else []
    found: dict[str, tuple[str, ...]] = {}
    if slot.look is Look.GUARDIANS:
        inside = [str(item) for item in listed if isinstance(item, str)]
        found[slot.name] = tuple(inside)
        listed = [item for item in listed if not isinstance(item, str)]
    for number, item in enumerate([*listed, {}]):
        entry = item if isinstance(item, Mapping) else {parts[-1]: str(item)}
        for part in parts:
            text = str(entry.get(part) or "")
            is_day = slot.look is Look.PAUSES and part != "code"
            name = f"{slot.name}-{number}-{part}"
            found[name] = (_typed_date(text) if is_day else text,)
    return found


def said(slot: Slot, value: Json, around: Around) -> str:
    """A stored field in words, for somebody who only reads."""
    words, names = around.words, dict(around.members)
    match slot.look:
        case Look.PLACE:
            return _place_text(str(value or ""), around)
        # A peer may send True or 1.0, which equal 1 and are shown as they came.
        case Look.SCALE if type(value) is int and value in (1, 2, 3):
            return words.gettext(_SCALES[slot.name][value - 1])
        case Look.MEMBERS | Look.GUARDIANS | Look.PAUSES | Look.SCRIPTS:
            listed = value if isinstance(value, list) else [value] if value else []
            return ", ".join(_entry_said(item, names, words) for item in listed)
        case _:
            return value_words(value, slot.codes or None, words)


def _entry_said(item: Json, names: Mapping[str, str], words: Words) -> str:
    if not isinstance(item, Mapping):
        stranger = words.gettext("a person whose case is not here")
        return names.get(str(item), stranger)
    if "from" in item:
        begins, ends = (partial_day(str(item.get(n) or ""), words) for n in _SPAN)
        code = item.get("code")
        why = f" ({words.code(code, 'interruption')})" if code else ""
        return f"{begins} \N{EN DASH} {ends}{why}"
    return ", ".join(str(item[n]) for n in ("text", "name", "body") if item.get(n))


_SPAN: Final = ("from", "until")
