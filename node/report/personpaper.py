"""The copy for the person on paper: everything stored about them, in words.

Enters: holdings that were cleaned of others. Leaves: blocks for the press. Must never
happen: a value that is not in the JSON beside it; a basis without consent that is not said
(FR-21). Implements Art. 15 GDPR, DO-34.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from node.cases.codes import label
from node.cases.days import local_day
from node.cases.dictionary import field_of
from node.cases.model import CATEGORIES, Record
from node.cases.standing import Basis
from node.report.fieldwords import FIELDS, day, place, texts, title_of
from node.report.personcopy import (
    EVIDENCE,
    Holdings,
    Look,
    body_named,
    staff_named,
)
from node.report.sheet import Block, Facts, Heading, Lines, Table, Text

_FOR_PROGRAMS: Final = frozenset(
    {"digest", "sha256", "salt", "plan", "goal", "document", "household", "split_from"}
    | {"member", "translation_of", "concerns", "touched", "results", "persons"}
    | {"guardians", "former_ids", "consent", EVIDENCE}
)
"""Numbers that lead a program from record to record; they stand in the JSON alone."""

_NO_SUBJECT: Final = "Z"
_HOW_LONG: Final = (
    "Nach einer Übergabe noch drei Monate, sonst drei Jahre nach dem Ende des Jahres, in"
    " dem wir zuletzt mit Ihnen zu tun hatten"
)
_RIGHTS: Final = (
    "Ist etwas falsch, sagen Sie es uns. Wir berichtigen es oder sagen Ihnen, warum nicht.",
    "Sie können verlangen, dass wir Daten löschen oder nicht weiter verwenden.",
    "Sie können jede Einwilligung jederzeit widerrufen. Die Beratung hängt nicht davon ab.",
    "Sie können die Daten als Datei mitnehmen.",
    "Sie können sich bei der Aufsichtsbehörde für den Datenschutz beschweren.",
)


def as_blocks(holdings: Holdings, body: str) -> Iterator[Block]:
    """Everything to read; numbers that only programs need stand in the JSON."""
    yield from _opening(holdings, body)
    yield from _content(holdings)
    yield from _answers(holdings)
    yield from _moves(holdings)
    yield from _who(holdings)
    yield from _former(holdings)
    yield Heading("Ihre Rechte")
    yield Lines(_RIGHTS)


def _opening(holdings: Holdings, body: str) -> Iterator[Block]:
    file = holdings.content.file
    came = body_named(holdings, file.came_from)
    yield Text(
        f"{body}: Hier steht, was wir im Integrationsmanagement über Sie gespeichert"
        " haben, wofür, und wer es gesehen oder bekommen hat. Dieselben Angaben liegen als"
        " Datei daten.json in diesem PDF."
    )
    yield Facts(
        (
            ("Wofür", "Beratung und Begleitung im Integrationsmanagement"),
            (
                "Woher",
                f"Von Ihnen selbst und von {came}" if came else "Von Ihnen selbst",
            ),
            ("Seit", day(file.opened_on)),
            ("Zuständig ist jetzt", body_named(holdings, file.handed_to) or ""),
            ("Wie lange", _HOW_LONG),
            ("Gesperrt seit", _day_or_not(file.restricted_on)),
        )
    )


def _content(holdings: Holdings) -> Iterator[Block]:
    """Each record under the subject of its first field."""
    found: dict[str, list[Block]] = {}
    for record in holdings.content.records:
        facts = tuple(_facts(record, holdings))
        if facts:
            blocks = found.setdefault(_subject(record), [])
            blocks += [Heading(title_of(record), 3), Facts(facts)]
    for subject in sorted(found):
        is_known = subject in CATEGORIES
        yield Heading(label("category", subject) if is_known else "Führung der Akte")
        yield from found[subject]


def _facts(record: Record, holdings: Holdings) -> Iterator[tuple[str, str]]:
    for name in sorted(record.values, key=place):
        # Of a flat ``persons`` is how many live there, else it is numbers of cases.
        is_count = name == "persons" and record.kind == "accommodation"
        if name in _FOR_PROGRAMS and not is_count:
            continue
        value = staff_named(name, record.values[name], holdings)
        said = ", ".join(texts(record.kind, name, value))
        if said:
            yield FIELDS.get(name, "Weitere Angaben"), said
    source = body_named(holdings, record.origin_node)
    if source:
        yield "Übernommen aus", source


def _former(holdings: Holdings) -> Iterator[Block]:
    """Of each earlier version what was different from the one that took its place."""
    if not holdings.former:
        return
    yield Heading("Frühere Fassungen")
    later = {record.id: record for record in holdings.content.records}
    said: list[list[Block]] = []
    # Newest first, so that the next version is always known; then told oldest first.
    for former in sorted(
        holdings.former, key=lambda f: (f.superseded_at, f.record.version), reverse=True
    ):
        record, after = former.record, later.get(former.record.id)
        later[record.id] = record
        changed = {
            name: value
            for name, value in record.values.items()
            if after is None or after.values.get(name) != value
        }
        facts = tuple(_facts(replace(record, values=changed), holdings))
        until = day(local_day(former.superseded_at))
        if facts:
            said.append([Heading(f"{title_of(record)}, bis {until}", 3), Facts(facts)])
    for blocks in reversed(said):
        yield from blocks


def _moves(holdings: Holdings) -> Iterator[Block]:
    """Moves that were recorded, and what is still to be done."""
    if holdings.relocations:
        yield Heading("Umzüge")
        yield Table(
            "Umzüge, die wir festgehalten haben",
            ("Zum", "Nach (Gemeindeschlüssel)", "Festgehalten am"),
            [
                (day(r.move_on), str(r.ags), day(local_day(r.recorded_at)))
                for r in holdings.relocations
            ],
        )
    if holdings.tasks:
        yield Heading("Offene Aufgaben")
        yield Lines(
            [f"{day(local_day(task.since))}: {task.text}" for task in holdings.tasks]
        )


def _subject(record: Record) -> str:
    for name in sorted(record.values, key=place):
        known = field_of(record.kind, name)
        if known is not None and known.category in CATEGORIES:
            return known.category or _NO_SUBJECT
    return _NO_SUBJECT


def _answers(holdings: Holdings) -> Iterator[Block]:
    if holdings.consents:
        yield Heading("Ihre Einwilligungen")
    for consent in holdings.consents:
        is_statute = consent.basis is Basis.STATUTE
        what = "Rechtsgrundlage" if is_statute else "Antwort"
        ended = consent.withdrawn_at
        yield Heading(f"{what} vom {day(local_day(consent.recorded_at))}", 3)
        yield Facts(
            (
                (
                    "Ohne Einwilligung nach",
                    (consent.statute or "") if is_statute else "",
                ),
                ("Wofür", label("purpose", consent.purpose)),
                ("An wen", ", ".join(_to(r, holdings) for r in consent.recipients)),
                ("Ja zu", categories_named(consent.categories)),
                ("Gültig", f"{day(consent.valid_from)} bis {day(consent.valid_until)}"),
                (
                    "Sprache",
                    "" if is_statute else label("language", consent.language),
                ),
                ("Abgelehnt am", _day_or_not(consent.declined_on)),
                (
                    "Widersprochen am" if is_statute else "Widerrufen am",
                    day(local_day(ended)) if ended else "",
                ),
            )
        )


def _day_or_not(on: date | None) -> str:
    return day(on) if on else ""


def categories_named(codes: Collection[str]) -> str:
    """Categories in words, in their order."""
    return ", ".join(label("category", code) for code in sorted(codes))


def _to(recipient: str, holdings: Holdings) -> str:
    kind, _, rest = recipient.partition(":")
    match kind:
        case "member":
            return holdings.bodies.get(rest, rest)
        case "ags":
            return f"Stellen mit dem Gemeindeschlüssel {rest}"
    return "die Stelle, die am neuen Ort zuständig ist"


def _who(holdings: Holdings) -> Iterator[Block]:
    yield Heading("Wer hat Ihre Daten bekommen?")
    if holdings.receipts:
        yield Table(
            "Empfänger",
            ("Wann", "Wer", "Was", "Grundlage"),
            [(day(r.on), r.body, r.what, r.ground) for r in holdings.receipts],
        )
    else:
        yield Text("Niemand außerhalb unserer Stelle.")
    if holdings.story:
        yield Heading("Was zwischen den Stellen geschah", 3)
        yield Lines(holdings.story)
    yield Heading("Wer hat Ihre Daten gesehen?")
    yield Table(
        "Wer Ihre Akte geöffnet hat, in den letzten zwei Jahren",
        ("Wann", "Wer", "Was"),
        [(day(on), who, said) for on, who, said in looks_by_day(holdings.looks)],
    )


def looks_by_day(looks: Sequence[Look]) -> list[tuple[date, str, str]]:
    """One line per day, person and act, newest first; a forced one with its reason."""
    counted: dict[tuple[date, str, str], int] = {}
    for look in looks:
        what = f"{look.what}: {look.reason}" if look.reason else look.what
        key = (local_day(look.at), look.who, what)
        counted[key] = counted.get(key, 0) + 1
    return [
        (on, who, f"{what} ({count}-mal)" if count > 1 else what)
        for (on, who, what), count in sorted(counted.items(), reverse=True)
    ]
