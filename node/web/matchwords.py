"""What pages say about pairs of cases, differences and edits.

Enters: grounds, bands, fields, records. Leaves: words. Must never happen: a percentage; a
difference told by colour alone (SC-54). Implements flow F of the screens.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from node.accounts.policy import Actor
from node.cases.differences import HOME, HOUSEHOLD, PLAN, Change, Choice, Difference
from node.cases.matching import Band, Ground
from node.cases.matchports import KnownPair
from node.cases.merging import items_of
from node.cases.model import Record
from node.cases.unmerging import Edit
from node.report.casepage import day_of
from node.report.people import People
from node.strictjson import Json
from node.web.language import Words, msgid
from node.web.wording import fact_label, fact_value

_GROUNDS: Final[Mapping[Ground, str]] = {
    Ground.FORMER_ID: msgid("one case was merged into the other at another office"),
    Ground.NAME_EQUAL: msgid("same name"),
    Ground.NAME_SPELLING: msgid("same name but for the spelling"),
    Ground.NAME_NEAR: msgid("similar name"),
    Ground.BIRTH_EQUAL: msgid("same birth date"),
    Ground.BIRTH_SWAPPED: msgid("day and month of birth swapped"),
    Ground.BIRTH_DIGIT: msgid("birth date differs in one digit"),
    Ground.BIRTH_YEAR: msgid("year of birth fits, the day is not known for certain"),
    Ground.BIRTH_UNKNOWN: msgid("birth date missing in one case"),
    Ground.PHONE: msgid("same phone number"),
    Ground.HOUSEHOLD: msgid("another member of the household fits too"),
}
_BANDS: Final = {Band.STRONG: msgid("strong"), Band.POSSIBLE: msgid("possible")}
_CHANGES: Final = {Change.NEW: msgid("new"), Change.CHANGED: msgid("changed")}
_RECORDS: Final = {
    HOME: msgid("Present home"),
    HOUSEHOLD: msgid("Household"),
    PLAN: msgid("Integration plan in force"),
}
_KINDS: Final[Mapping[str, str]] = {
    "person": msgid("Person"),
    "contact": msgid("Contact"),
    "plan": msgid("Integration plan"),
    "goal": msgid("Goal of the plan"),
    "measure": msgid("Measure for a goal"),
    "review": msgid("Review of the plan"),
    "follow_up": msgid("Something to look at again"),
    "document": msgid("Document"),
}
_HOME_FIELDS: Final = ("street", "number", "postcode", "town", "housing", "move_in")
_PLAN_FIELDS: Final = ("start", "status")


def band_word(band: Band, words: Words) -> str:
    """How likely it is, in a word."""
    return words.gettext(_BANDS[band])


def ground_words(grounds: Iterable[Ground], words: Words) -> str:
    """Why two cases were brought together, as a sentence."""
    said = "; ".join(words.gettext(_GROUNDS[ground]) for ground in grounds)
    return said[:1].upper() + said[1:]


def change_word(change: Change, words: Words) -> str:
    """How a field differs."""
    return words.gettext(_CHANGES[change])


def field_label(field: str, words: Words) -> str:
    """What a line of the table is called."""
    if field in _RECORDS:
        return words.gettext(_RECORDS[field])
    return fact_label(field, words) or words.gettext(msgid("Further entry"))


def field_value(
    field: str,
    value: Json,
    record: Record | None,
    words: Words,
    fellows: Mapping[str, int] | None = None,
) -> str:
    """A field of one side in words.

    Args:
        field: A field of the person, or the kind of a whole record.
        value: What it holds.
        record: The record of the person, which knows the code lists.
        words: The reader's language.
        fellows: Per household how many others live there.
    """
    if field == HOUSEHOLD:
        count = (fellows or {}).get(str(value), 0)
        return words.ngettext(
            "with %(num)s other person", "with %(num)s other people", count
        ) % {"num": words.number(count)}
    if field in {HOME, PLAN} and isinstance(value, Mapping):
        fields = _HOME_FIELDS if field == HOME else _PLAN_FIELDS
        return _record_words(field, value, fields, record, words)
    if record is None or value in (None, "", [], {}):
        return ""
    shown = Record(record.case, record.id, "person", {field: value}, record.recorded_at)
    return fact_value(shown, field, words)


def _record_words(
    kind: str,
    values: Mapping[str, Json],
    fields: Sequence[str],
    record: Record | None,
    words: Words,
) -> str:
    if record is None:
        return ""
    shown = Record(record.case, record.id, kind, values, record.recorded_at)
    parts = [fact_value(shown, name, words) for name in fields if values.get(name)]
    return ", ".join(parts)


def result_words(
    difference: Difference,
    choice: Choice,
    sides: tuple[Record | None, Record | None],
    words: Words,
    fellows: Mapping[str, int],
) -> str:
    """What a field holds afterwards."""
    here, there = (
        field_value(difference.field, value, side, words, fellows)
        for value, side in zip((difference.here, difference.there), sides, strict=True)
    )
    match choice:
        case Choice.HERE:
            return here or words.gettext(msgid("nothing"))
        case Choice.THERE:
            return there or words.gettext(msgid("nothing"))
        case Choice.BOTH:
            both = [*items_of(here), *items_of(there)]
            return ", ".join(dict.fromkeys(str(text) for text in both))


def united_words(united: Mapping[str, int], consents: int, words: Words) -> list[str]:
    """What comes over by itself, counted."""
    contacts, papers = united.get("contact", 0), united.get("document", 0)
    others = sum(united.values()) - contacts - papers
    counted = (
        (contacts, words.ngettext("%(num)s contact", "%(num)s contacts", contacts)),
        (papers, words.ngettext("%(num)s document", "%(num)s documents", papers)),
        (consents, words.ngettext("%(num)s consent", "%(num)s consents", consents)),
        (
            others,
            words.ngettext("%(num)s further entry", "%(num)s further entries", others),
        ),
    )
    return [said % {"num": words.number(count)} for count, said in counted if count]


def edit_words(edit: Edit, words: Words) -> str:
    """An edit of the days between merge and undo, in words."""
    record = edit.record
    kind = words.gettext(_KINDS.get(record.kind, msgid("Further entry")))
    if record.kind == "person":
        base = edit.base or {}
        names = [n for n in record.values if record.values[n] != base.get(n)]
        said = [
            f"{fact_label(n, words)} {fact_value(record, n, words)}"
            for n in names
            if fact_label(n, words)
        ]
        return ": ".join([kind, ", ".join(said)]) if said else kind
    day = day_of(record, "date") or day_of(record, "due") or day_of(record, "start")
    said = [words.day(day)] if day else []
    said += [t for t in (record.text("title"), record.text("text")) if t][:1]
    word = (
        words.gettext(msgid("new"))
        if edit.base is None
        else change_word(Change.CHANGED, words)
    )
    return f"{' '.join([kind, *said])} ({word})"


def match_lines(
    pairs: Iterable[KnownPair], people: People, words: Words, me: Actor
) -> list[tuple[str, str, str]]:
    """Who, where, what: the lines of somebody's worklist, each pair once."""
    lines = []
    for known in pairs:
        persons = people.among(known.pair.key)
        mine = next((p for p in persons if me.owns(p.caseworker)), None)
        if mine is not None:
            said = words.gettext(msgid("Perhaps here twice (%(band)s)")) % {
                "band": band_word(known.pair.band, words)
            }
            lines.append((mine.name, f"/cases/{mine.case}/match", said))
    return lines
