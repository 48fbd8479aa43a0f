"""The papers inside a sealed export: the letter with the case, and the receipt.

Enters: who writes to whom, the permitted extracts. Leaves: one page of German HTML without
a script and anything from elsewhere, and a text. Must never happen: text of a case that
becomes markup; a value that the extract does not hold. Implements chapter 13
(``brief.html``, ``quittung.txt``), FR-26.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Final

from node.cases.codes import label
from node.cases.dictionary import field_of
from node.cases.extract import Extract
from node.strictjson import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Letter:
    """Who writes to whom about what."""

    sender: str
    body: str
    lines: tuple[str, ...]
    number: str
    on: date
    move_on: date


_STYLE: Final = (
    "@page{margin:20mm}body{font:11pt/1.45 'Fira Sans',sans-serif;max-width:46rem;"
    "margin:2rem auto;padding:0 1rem;color:#171a2b}address{font-style:normal;margin:2rem 0}"
    "h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem;border-bottom:1px solid #bbb}"
    "h3{font-size:1rem;margin:1.2rem 0 .2rem}dl{display:grid;"
    "grid-template-columns:14rem 1fr;gap:.1rem 1rem;margin:0 0 .8rem}dt{color:#555}"
    "dd{margin:0}section.case{break-before:page}.muted{color:#555}"
)
_KINDS: Final[dict[str, str]] = {
    "person": "Person",
    "care_status": "Stand der Betreuung",
    "household_member": "Haushalt",
    "residence": "Aufenthalt",
    "residence_condition": "Wohnsitzauflage",
    "language": "Sprache",
    "course": "Kurs",
    "education": "Bildung",
    "employment": "Arbeit und Lebensunterhalt",
    "childcare_school": "Betreuung und Schule",
    "accommodation": "Wohnung",
    "plan": "Integrationsplan",
    "assessment": "Einschätzung",
    "goal": "Ziel",
    "measure": "Maßnahme",
    "review": "Überprüfung des Plans",
    "contact": "Kontakt",
    "follow_up": "Wiedervorlage",
    "handover_note": "Notiz zur Übergabe",
    "document": "Dokument",
    "protection": "Schutzvermerk",
    "third_person": "Weitere Beteiligte",
}
_FIELDS: Final[dict[str, str]] = {
    "family_name": "Familienname",
    "given_names": "Vornamen",
    "birth_name": "Geburtsname",
    "name_in_document": "Name im Ausweis",
    "aliases": "Weitere Namen",
    "name_other_script": "Name in anderer Schrift",
    "birth_date": "Geburtsdatum",
    "birth_date_fictitious": "Geburtsdatum angenommen",
    "birth_place": "Geburtsort",
    "birth_country": "Geburtsland",
    "citizenships": "Staatsangehörigkeit",
    "gender": "Geschlecht",
    "phones": "Telefon",
    "emails": "E-Mail",
    "messengers": "Messenger",
    "preferred_channel": "Bevorzugter Weg",
    "messenger_allowed": "Messenger erlaubt",
    "counselling_start": "Beratung seit",
    "counselling_max_end": "Beratung längstens bis",
    "former_ids": "Frühere Nummern",
    "marital_status": "Familienstand",
    "needs_unit": "Bedarfsgemeinschaft",
    "custody": "Sorgerecht",
    "guardians": "Sorgeberechtigte",
    "origin_country": "Herkunftsland",
    "arrival_germany": "In Deutschland seit",
    "arrival_town": "In der Kommune seit",
    "last_place_origin": "Letzter Ort im Herkunftsland",
    "literacy": "Lesen und Schreiben",
    "interpreter_needed": "Dolmetschen nötig",
    "valid_from": "Gültig ab",
    "valid_until": "Gültig bis",
    "residence": "Aufenthaltsstatus",
    "work_permission": "Arbeitserlaubnis",
    "asylum_step": "Stand des Asylverfahrens",
    "authority": "Behörde",
    "condition": "Auflage",
    "language": "Sprache",
    "lang_kind": "Art",
    "level": "Niveau",
    "evidence": "Nachweis",
    "assessed_on": "Erhoben am",
    "course": "Kurs",
    "provider": "Träger",
    "hours": "Stunden",
    "status": "Stand",
    "years": "Jahre",
    "country": "Land",
    "recognition": "Anerkennung",
    "completed_on": "Abgeschlossen am",
    "title": "Titel",
    "body": "Stelle",
    "employment": "Beschäftigung",
    "occupation": "Beruf (Schlüssel)",
    "occupation_text": "Beruf",
    "employer": "Arbeitgeber",
    "livelihood": "Lebensunterhalt",
    "childcare": "Betreuung",
    "facility": "Einrichtung",
    "housing": "Wohnform",
    "move_in": "Einzug",
    "move_out": "Auszug",
    "street": "Straße",
    "number": "Hausnummer",
    "postcode": "Postleitzahl",
    "town": "Ort",
    "rooms": "Zimmer",
    "persons": "Personen",
    "start": "Beginn",
    "review_due": "Überprüfung fällig",
    "situation": "Lage",
    "strengths": "Stärken",
    "wishes": "Wünsche",
    "area": "Lebensbereich",
    "need": "Bedarf",
    "text": "Text",
    "goal": "Ziel",
    "horizon": "Zeitraum",
    "target_date": "Ziel bis",
    "reached_on": "Erreicht am",
    "measure_kind": "Art der Maßnahme",
    "bearer": "Wer",
    "due": "Fällig am",
    "done_on": "Erledigt am",
    "reviewed_on": "Überprüft am",
    "participants": "Beteiligte",
    "next_due": "Nächste Überprüfung",
    "date": "Datum",
    "time": "Uhrzeit",
    "minutes": "Minuten",
    "form": "Weg",
    "kind": "Art",
    "initiated_by": "Auf wessen Anstoß",
    "topics": "Themen",
    "interpreter": "Dolmetschen",
    "outcome": "Ergebnis",
    "referred_to": "Vermittelt an",
    "service_name": "Dienst",
    "note": "Notiz",
    "others_present": "Anwesend",
    "doc_kind": "Art des Dokuments",
    "restricted_kind": "Art des Dokuments",
    "issued_on": "Ausgestellt am",
    "issuer": "Ausgestellt von",
    "file_name": "Dateiname",
    "name": "Name",
    "function": "Funktion",
    "organisation": "Organisation",
    "phone": "Telefon",
    "care_status": "Stand",
    "closure_reason": "Grund",
    "closed_on": "Beendet am",
}
_ORDER: Final = {name: place for place, name in enumerate(_FIELDS)}
_UNREADABLE: Final = frozenset(
    {"sha256", "digest", "bytes", "media_type", "plan", "plan_version", "household"}
    | {"member", "split_from", "document", "touched", "concerns", "counted", "isced"}
    | {"goal", "guardians"}
)
"""Numbers of the program; they stand in ``teile/`` for a program."""


def letter_page(
    letter: Letter, extracts: Iterable[Extract], files: Mapping[str, str]
) -> bytes:
    """The letter, and behind it the case in words.

    Args:
        letter: Who writes to whom.
        extracts: What was permitted.
        files: Where the file of a document lies in the archive, by its record.
    """
    cases = "".join(_case(extract, files) for extract in extracts)
    lines = "<br>".join(escape(line) for line in (letter.body, *letter.lines))
    return (
        '<!doctype html><html lang="de"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Übergabe einer Fallakte</title><style>{_STYLE}</style></head><body>"
        f"<p>{escape(letter.sender)}</p><address>{lines}</address>"
        f'<p class="muted">{_day(letter.on)} · Übergabe {letter.number[:8]}</p>'
        "<h1>Übergabe einer Fallakte des Integrationsmanagements</h1>"
        f"<p>Zum {_day(letter.move_on)} ziehen die unten genannten Personen in Ihren"
        " Bereich. Sie haben eingewilligt, dass wir Ihnen die folgenden Angaben"
        " übergeben, oder es gibt dafür eine andere Grundlage; sie liegt in"
        " <em>teile/</em> bei. Andere Angaben wurden nicht übermittelt.</p>"
        "<h2>Bitte tun Sie jetzt dreierlei</h2><ol>"
        "<li>Rufen Sie uns unter der Ihnen bekannten Nummer an und lesen Sie uns den"
        " Code aus <em>quittung.txt</em> vor. Erst dann sind Sie zuständig.</li>"
        "<li>Legen Sie die Akte bei sich ab und bestätigen Sie uns das schriftlich."
        " Erst danach löschen wir unsere Kopie.</li>"
        "<li>Löschen Sie die Datei, wenn Sie nicht zuständig sind, und sagen Sie uns"
        " Bescheid.</li></ol>"
        "<p>Widerruft eine Person ihre Einwilligung, schreiben wir Ihnen.</p>"
        f"{cases}</body></html>\n"
    ).encode()


def receipt(letter: Letter, code: str) -> bytes:
    """The text with the receipt code, which only who opened the file can read."""
    return (
        "QUITTUNG\r\n\r\n"
        f"Übergabe {letter.number[:8]} von {letter.sender}\r\n\r\n"
        f"Code:  {code[:4]} {code[4:]}\r\n\r\n"
        "Bitte lesen Sie diesen Code am Telefon vor. Damit bestätigen Sie, dass Sie die\r\n"
        "Datei öffnen konnten. Ab dann ist Ihre Stelle zuständig.\r\n"
    ).encode()


def _case(extract: Extract, files: Mapping[str, str]) -> str:
    sections = []
    for category, records in sorted(extract.parts.items()):
        shown = "".join(_record(record, files) for record in records)
        if shown:
            title = escape(label("category", category))
            sections.append(f"<h2>{title}</h2>{shown}")
    return f'<section class="case">{"".join(sections)}</section>'


def _record(record: JsonObject, files: Mapping[str, str]) -> str:
    kind, values = str(record["kind"]), record["values"]
    assert isinstance(values, dict)
    shown = sorted(values.keys() - _UNREADABLE, key=_place)
    if kind == "contact":
        # Here ``persons`` are numbers of cases; of a flat they are how many live there.
        shown = [name for name in shown if name != "persons"]
    facts = [
        (_FIELDS.get(name, name), ", ".join(_texts(kind, name, values[name])))
        for name in shown
    ]
    facts = [(name, text) for name, text in facts if text]
    file = files.get(str(record.get("id", "")))
    if file:
        facts.append(("Datei", file))
    if not facts:
        return ""
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts)
    return f"<h3>{escape(_KINDS.get(kind, kind))}</h3><dl>{rows}</dl>"


def _place(name: str) -> tuple[int, str]:
    """Fields in the order of the list above, then the others by name."""
    return (_ORDER.get(name, len(_ORDER)), name)


def _texts(kind: str, name: str, value: Json) -> Iterator[str]:
    """A value in words: codes by their label, days as they are written here."""
    field = field_of(kind, name)
    match value:
        case None | "":
            return
        case bool():
            yield "ja" if value else "nein"
        case list():
            for item in value:
                yield from _texts(kind, name, item)
        case dict():
            for inner in value.values():
                yield from _texts(kind, name, inner)
        case _ if field is not None and field.codes is not None:
            yield label(field.codes, value)
        case str():
            yield _written(value)
        case _:
            yield str(value)


def _written(text: str) -> str:
    try:
        return _day(date.fromisoformat(text))
    except ValueError:
        return text


def _day(day: date) -> str:
    return f"{day:%d.%m.%Y}"
