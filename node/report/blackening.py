"""What tells of others, and the copy without it.

Enters: everything of one person, names of people who may be meant, what was ticked. Leaves:
passages to look at, and the holdings without those that were ticked. Must never happen: a
text that nobody was shown although it may speak of somebody else; a number of another case
that stays; a sentence that is black now and legible in an earlier version. Implements DO-34,
Art. 15(4) GDPR.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from node import strictjson
from node.cases.dictionary import FOREIGN, field_of, named_cases, without_cases
from node.cases.model import Record
from node.ids import RecordId
from node.report.fieldwords import FIELDS, title_of
from node.report.personcopy import EVIDENCE, Holdings, evidence_of
from node.strictjson import Json

BLACK: Final = "[geschwärzt]"
_OTHERS: Final = "third_person"
_PROOF: Final = "consent_evidence"
_LONGEST_WORD: Final = 100
"""What is longer without a blank is a picture or a number, no sentence."""

_SENTENCE: Final = re.compile(r"(?<=[.!?;\n])\s+")
_BLANK: Final = re.compile(r"\s")
_WORD: Final = re.compile(r"\w{3,}")
_Place = tuple[str, str]
"""A record and a field of it, whatever the version."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence that may speak of somebody else.

    ``is_likely`` says that it names one of the others, or stands where others stand.
    """

    id: str
    where: str
    text: str
    is_likely: bool


def passages(holdings: Holdings, others: Iterable[str]) -> tuple[Passage, ...]:
    """What somebody must look at before it is handed out, in the order of the copy.

    A sentence that stands in several versions of a field is shown once.

    Args:
        holdings: Everything of the person.
        others: Names of other people who may be meant, in any spelling that is stored.
    """
    person = holdings.content.person
    own = _words([str(v) for v in person.values.values()]) if person else frozenset()
    named = _words(others) - own
    found: dict[tuple[_Place, str], Passage] = {}
    for at, place, record, sentence in _every_sentence(holdings):
        is_about = record.kind == _OTHERS or _names_others(record)
        is_likely = is_about or bool(_words([sentence]) & named)
        if is_likely or _is_open_text(record, place[1]):
            where = f"{title_of(record)}: {_label(place[1])}"
            shown = Passage(at, where, sentence, is_likely)
            found.setdefault((place, sentence), shown)
    return tuple(found.values())


def _every_sentence(
    holdings: Holdings,
) -> Iterator[tuple[str, _Place, Record, str]]:
    """Every sentence that could be black: its id, its place, its record."""
    for number, record in _all_records(holdings):
        for name, value in record.values.items():
            if not _may_be_shared(record, name):
                continue
            for count, sentence in enumerate(_sentences(value)):
                if len(sentence) <= _LONGEST_WORD or _BLANK.search(sentence):
                    place = (str(record.id), name)
                    yield f"{number}.{name}.{count}", place, record, sentence


def _all_records(holdings: Holdings) -> Iterator[tuple[str, Record]]:
    """The records by a number of their own; evidence of a consent is read as one more."""
    for record in holdings.content.records:
        yield str(record.id), record
    for consent in holdings.consents:
        said = evidence_of(consent).items()
        made = Record(
            holdings.content.file.id,
            RecordId(str(consent.id)),
            _PROOF,
            {name: value for name, value in said if name.startswith(EVIDENCE)},
            consent.recorded_at,
        )
        yield str(consent.id), made
    for former in holdings.former:
        yield f"{former.record.id}-{former.record.version}", former.record


def _label(name: str) -> str:
    return FIELDS.get(name) or FIELDS[EVIDENCE if name.startswith(EVIDENCE) else "text"]


def _may_be_shared(record: Record, name: str) -> bool:
    """Whether a field may hold words about somebody else: every text but of oneself."""
    known = field_of(record.kind, name)
    if record.kind == "person":
        return name in {FOREIGN, "health_note", "clock_extension_reason"}
    if record.kind == _PROOF:
        return name.startswith(EVIDENCE)
    return known is None or (not known.clear and known.codes is None)


def _is_open_text(record: Record, name: str) -> bool:
    """A text that somebody must read even if no name stands out."""
    known = field_of(record.kind, name)
    return (
        name == FOREIGN
        or record.kind in {_OTHERS, _PROOF}
        or (known is not None and known.shared)
    )


def _names_others(record: Record) -> bool:
    return bool(named_cases(record.kind, record.values) - {str(record.case)})


def _words(texts_: Iterable[str]) -> frozenset[str]:
    return frozenset(w.casefold() for text in texts_ for w in _WORD.findall(text))


def _sentences(value: Json) -> Iterator[str]:
    """The sentences of all texts in a value, in their order."""
    match value:
        case str():
            yield from _SENTENCE.split(value)
        case list():
            for inner in value:
                yield from _sentences(inner)
        case dict():
            for inner in value.values():
                yield from _sentences(inner)


# -- The copy without it -----------------------------------------------------------------


def without(holdings: Holdings, black: Collection[str]) -> Holdings:
    """The holdings with the ticked passages replaced, and no number of another case.

    The same words in the same field are replaced in every version.
    """
    gone: dict[_Place, set[str]] = {}
    for at, place, _, sentence in _every_sentence(holdings):
        if at in black:
            gone.setdefault(place, set()).add(sentence)
    records = tuple(_cleaned(r, gone) for r in holdings.content.records)
    consents = tuple(
        replace(
            consent,
            guardians=(),
            evidence=strictjson.encode(
                {
                    name: _blackened(value, gone.get((str(consent.id), name), ()))
                    for name, value in evidence_of(consent).items()
                }
            ),
        )
        for consent in holdings.consents
    )
    former = tuple(replace(f, record=_cleaned(f.record, gone)) for f in holdings.former)
    content = replace(holdings.content, records=records)
    return replace(holdings, content=content, consents=consents, former=former)


def _cleaned(record: Record, gone: Mapping[_Place, Collection[str]]) -> Record:
    others = named_cases(record.kind, record.values) - {str(record.case)}
    values: dict[str, Json] = {}
    for name, value in record.values.items():
        known = field_of(record.kind, name)
        kept = without_cases(value, others) if known and known.names_cases else value
        values[name] = _blackened(kept, gone.get((str(record.id), name), ()))
    return replace(record, values=values)


def _blackened(value: Json, gone: Collection[str]) -> Json:
    """The value with those sentences replaced."""
    if not gone:
        return value
    match value:
        case str():
            said = _SENTENCE.split(value)
            return " ".join(
                BLACK if sentence in gone else sentence for sentence in said
            )
        case list():
            return [_blackened(inner, gone) for inner in value]
        case dict():
            return {key: _blackened(inner, gone) for key, inner in value.items()}
    return value
