"""What was typed into a sheet of details, as values again; and two tabs at once.

Enters: a sheet, what is stored, what was sent. Leaves: the values to store, and one sentence
for each field that needs mending. Must never happen: a stored value that nobody touched
changes, or is held against our rules (FR-26, DO-29); something typed that is lost because
another tab was faster. Implements SC-10, SC-11.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.cases.codes import code_list
from node.ids import Ags
from node.strictjson import Json
from node.web.forms import Form
from node.web.language import Words, msgid
from node.web.placenames import place_words, search_places
from node.web.recordfields import Look, Sheet, Slot
from node.web.recordtexts import PARTS, Around, items, label_of, shown_slot
from node.web.typed import typed_day, typed_partial

_SHORT: Final = 200
_LONG: Final = 2000
_DIGITS: Final = 6

_MISSING: Final = msgid("Please fill this in.")
_TOO_LONG: Final = msgid("Please shorten the text to %(num)s characters.")
_NO_DAY: Final = msgid("Please write the day like 03.12.2026.")
_NO_PARTIAL: Final = msgid("Please write the date like 07.03.1994, 03.1994 or 1994.")
_NO_NUMBER: Final = msgid("Please write a whole number.")
_NO_CODE: Final = msgid("Please choose from the list.")
_NO_PLACE: Final = msgid(
    "Please write the municipality as it is called, or its number of eight digits."
)
_SEVERAL_PLACES: Final = msgid(
    "Several places are called so. Please write: %(places)s."
)
_PERIODS: Final = (("valid_from", "valid_until"), ("move_in", "move_out"))


@dataclass(frozen=True, slots=True)
class Typed:
    """What a form says: the values to store, and what needs mending by field."""

    values: Mapping[str, Json]
    errors: Mapping[str, str]
    changed: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Sent:
    """One field as it was sent, over what is stored."""

    slot: Slot
    form: Form
    before: Json
    around: Around

    @property
    def text(self) -> str:
        return self.form.text(self.slot.name).strip()

    def wrong(self, sentence: str, **filled: str) -> "_WrongError":
        said = self.around.words.gettext(sentence)
        return _WrongError(said % filled if filled else said)


class _WrongError(Exception):
    """What was typed cannot be stored; carries the sentence."""


def typed(
    sheet: Sheet, stored: Mapping[str, Json], form: Form, around: Around
) -> Typed:
    """Lay what was typed over what is stored; untouched fields are not looked at."""
    values = dict(stored)
    errors: dict[str, str] = {}
    changed = set()
    for slot in sheet.slots:
        is_missing = slot.needed and not stored
        if not _is_touched(slot, stored, form, around) and not is_missing:
            continue
        changed.add(slot.name)
        try:
            value = _READ[slot.look](_Sent(slot, form, stored.get(slot.name), around))
        except _WrongError as wrong:
            errors[first_field(slot)] = str(wrong)
            continue
        if value not in ("", [], None, False):
            values[slot.name] = value
        elif slot.needed:
            errors[first_field(slot)] = around.words.gettext(_MISSING)
        else:
            values.pop(slot.name, None)
    if not errors:
        errors |= _together(values, changed, around.words)
    return Typed(values, errors, frozenset(changed))


def joined(
    sheet: Sheet,
    base: Mapping[str, Json],
    theirs: Mapping[str, Json],
    form: Form,
    around: Around,
) -> Form:
    """What somebody typed over an older state, laid over the present one (SC-11).

    Fields that they did not touch read as the other version has them.
    """
    values = {n: v for n, v in form.values.items() if n.startswith("_")}
    for slot in sheet.slots:
        if _is_touched(slot, base, form, around):
            values |= {n: t for n, t in form.values.items() if _belongs(n, slot)}
        else:
            values |= shown_slot(slot, theirs.get(slot.name), around)
    return Form(values)


def differing(
    sheet: Sheet, mine: Form, theirs: Mapping[str, Json], around: Around
) -> tuple[Slot, ...]:
    """The fields in which a form differs from what is stored."""
    return tuple(s for s in sheet.slots if _is_touched(s, theirs, mine, around))


def changes_said(
    sheet: Sheet, stored: Mapping[str, Json], form: Form, around: Around
) -> list[str]:
    """What somebody typed and could not save, in words, to take along."""
    lines = []
    for slot in differing(sheet, form, stored, around):
        texts = [t for n, ts in form.values.items() if _belongs(n, slot) for t in ts]
        if slot.look in {Look.CODE, Look.CODES}:
            texts = [around.words.code(t, slot.codes) for t in _filled(texts)]
        if filled := ", ".join(_filled(texts)):
            lines.append(f"{label_of(sheet, slot.name, around.words)}: {filled}")
    return ["\n".join(lines)] if lines else []


def first_field(slot: Slot) -> str:
    """The field of the form at which the sentence about it stands."""
    parts = PARTS.get(slot.look)
    if parts:
        return f"{slot.name}-0-{parts[0]}"
    return f"{slot.name}-0" if slot.look is Look.CODES else slot.name


def _belongs(name: str, slot: Slot) -> bool:
    return name == slot.name or name.startswith(f"{slot.name}-")


def _is_touched(
    slot: Slot, stored: Mapping[str, Json], form: Form, around: Around
) -> bool:
    before = shown_slot(slot, stored.get(slot.name), around)
    names = {*before, *(name for name in form.values if _belongs(name, slot))}
    return any(
        _filled(form.all(name)) != _filled(before.get(name, ())) for name in names
    )


def _filled(texts: Sequence[str]) -> list[str]:
    return [text.strip() for text in texts if text.strip()]


def _together(
    values: Mapping[str, Json], changed: set[str], words: Words
) -> Iterator[tuple[str, str]]:
    """Rules between fields; only for what was touched."""
    for first, last in _PERIODS:
        begins, ends = str(values.get(first) or ""), str(values.get(last) or "")
        known = min(len(begins), len(ends))
        if {first, last} & changed and ends[:known] < begins[:known]:
            yield last, words.gettext("The end lies before the beginning.")
    is_closed = values.get("care_status") == "closed"
    if "care_status" in changed and is_closed and not values.get("closure_reason"):
        yield "closure_reason", words.gettext("Please add: why it was closed.")
    is_longer = "clock_extension" in changed and values.get("clock_extension")
    if is_longer and not values.get("clock_extension_reason"):
        yield "clock_extension_reason", words.gettext("Please add: the reason.")
    has_moved = values.get("status") in ("postponed", "adapted")
    if {"status", "reason"} & changed and has_moved and not values.get("reason"):
        sentence = words.gettext("Please add: why the goal is postponed or adapted.")
        yield "reason", sentence
    names = {"family_name", "given_names"}
    if names & changed and not any(values.get(name) for name in names):
        sentence = words.gettext(
            "Please add: family name or given names. One of the two is enough."
        )
        yield "family_name", sentence


def _short(sent: _Sent, text: str, most: int = _SHORT) -> str:
    if len(text) > most:
        raise sent.wrong(_TOO_LONG, num=sent.around.words.number(most))
    return text


def _text(sent: _Sent) -> Json:
    return _short(sent, sent.text)


def _long(sent: _Sent) -> Json:
    return _short(sent, sent.text, _LONG)


def _a_day(sent: _Sent, text: str) -> str:
    day = typed_day(text)
    if text and day is None:
        raise sent.wrong(_NO_DAY)
    return day.isoformat() if day else ""


def _day(sent: _Sent) -> Json:
    return _a_day(sent, sent.text)


def _partial(sent: _Sent) -> Json:
    found = typed_partial(sent.text) if sent.text else ""
    if found is None:
        raise sent.wrong(_NO_PARTIAL)
    return found


def _number(sent: _Sent) -> Json:
    text = sent.text
    if text and not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise sent.wrong(_NO_NUMBER)
    return int(text) if text else None


def _yes(sent: _Sent) -> Json:
    return sent.text == "yes"


def _code(sent: _Sent) -> Json:
    return _a_code(sent, sent.slot.codes, sent.text, items(sent.before))


def _a_code(sent: _Sent, name: str, code: str, before: Sequence[str]) -> str:
    """A code of the list, or one that stood there before (FR-26)."""
    if code and code not in before and code not in code_list(name).codes:
        raise sent.wrong(_NO_CODE)
    return code


def _codes(sent: _Sent) -> Json:
    name, before = sent.slot.name, items(sent.before)
    chosen = [t for n, t in sent.form.values.items() if n.startswith(f"{name}-")]
    codes = _filled([text for texts in chosen for text in texts])
    return [
        _a_code(sent, sent.slot.codes, code, before) for code in dict.fromkeys(codes)
    ]


def _lines(sent: _Sent) -> Json:
    return [_short(sent, line) for line in _filled(sent.text.split("\n"))]


def _place(sent: _Sent) -> Json:
    """The number of a place; a name finds it, and never routes (FR-27)."""
    text, places = sent.text, sent.around.places
    if not text or (Ags.pattern.fullmatch(text) and Ags(text) in places):
        return text
    may_be = search_places(places, text)
    exact = [pair for pair in may_be if text == place_words(*pair)]
    found = exact or may_be
    if not found:
        raise sent.wrong(_NO_PLACE)
    if len(found) > 1:
        named = "; ".join(place_words(*pair) for pair in found[:3])
        raise sent.wrong(_SEVERAL_PLACES, places=named)
    return str(found[0][0])


def _scale(sent: _Sent) -> Json:
    if sent.text not in {"", "1", "2", "3"}:
        raise sent.wrong(_NO_CODE)
    return int(sent.text) if sent.text else None


def _members(sent: _Sent) -> Json:
    known = {case for case, _ in sent.around.members} | set(items(sent.before))
    return [case for case in sent.form.all(sent.slot.name) if case in known]


def _guardians(sent: _Sent) -> Json:
    inside = [c for c in sent.form.all(sent.slot.name) if c in _known(sent)]
    return [*inside, *_entries(sent)]


def _known(sent: _Sent) -> set[str]:
    before = sent.before if isinstance(sent.before, list) else []
    return {case for case, _ in sent.around.members} | {
        item for item in before if isinstance(item, str)
    }


def _entries(sent: _Sent) -> list[Json]:
    parts, name = PARTS[sent.slot.look], sent.slot.name
    found: list[Json] = []
    number = 0
    while f"{name}-{number}-{parts[0]}" in sent.form.values:
        entry = {p: sent.form.text(f"{name}-{number}-{p}").strip() for p in parts}
        number += 1
        if any(entry.values()):
            found.append(_entry(sent, entry))
    return found


def _entry(sent: _Sent, entry: Mapping[str, str]) -> Json:
    read = dict(entry)
    if sent.slot.look is Look.PAUSES:
        read["from"], read["until"] = (
            _a_day(sent, entry["from"]),
            _a_day(sent, entry["until"]),
        )
        if not read["from"]:
            raise sent.wrong(_NO_DAY)
    return {name: _short(sent, text) for name, text in read.items() if text}


_READ: Final[Mapping[Look, Callable[[_Sent], Json]]] = {
    Look.TEXT: _text,
    Look.LONG: _long,
    Look.DAY: _day,
    Look.PARTIAL: _partial,
    Look.NUMBER: _number,
    Look.YES: _yes,
    Look.CODE: _code,
    Look.CODES: _codes,
    Look.LINES: _lines,
    Look.PLACE: _place,
    Look.SCALE: _scale,
    Look.MEMBERS: _members,
    Look.SCRIPTS: _entries,
    Look.MESSENGERS: _entries,
    Look.PAUSES: _entries,
    Look.GUARDIANS: _guardians,
}
