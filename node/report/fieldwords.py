"""What kinds of records and their fields are called on paper, and their values in words.

Enters: a field with its value. Leaves: German, as letters and copies for a person say it.
Must never happen: a field of the dictionary without a word; text that becomes markup here
or elsewhere. Implements FR-26 (what we do not know is shown as it came).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from node.cases.codes import label
from node.cases.dictionary import field_of
from node.cases.model import Record
from node.strictjson import Json

KINDS: Final[Mapping[str, str]] = {
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
    "side_note": "Notiz neben der Akte",
    "correction": "Antrag auf Berichtigung",
    "erasure_wish": "Antrag auf Löschung",
    "statute_use": "Rechtsgrundlage statt Einwilligung",
    "restriction": "Sperre auf Wunsch der Person",
    "hold": "Löschsperre für ein Verfahren",
    "consent_evidence": "Beleg einer Einwilligung",
    "responsibility": "Zuständigkeit",
}
FIELDS: Final[Mapping[str, str]] = {
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
    "case_number": "Aktenzeichen",
    "azr_number": "AZR-Nummer",
    "birth_year": "Geburtsjahr",
    "caseworker": "Fachkraft",
    "deputies": "Vertretung",
    "legal_hold": "Sperre der Löschung",
    "set_on": "Gesetzt am",
    "until": "Gilt bis",
    "clock_interruptions": "Unterbrechungen der Beratung",
    "clock_extension": "Verlängerung der Beratung",
    "clock_extension_on": "Verlängert am",
    "clock_extension_reason": "Grund der Verlängerung",
    "health_note": "Gesundheit",
    "accessibility": "Barrierefreiheit",
    "responsibility_basis": "Grund der Zuständigkeit",
    "household": "Haushalt (Nummer)",
    "split_from": "Getrennt von (Nummer)",
    "member": "Mitglied (Nummer)",
    "role": "Rolle",
    "document_no": "Nummer des Dokuments",
    "ags": "Gemeindeschlüssel",
    "ars": "Regionalschlüssel",
    "land": "Land",
    "lifted_by": "Aufgehoben durch",
    "lift_asked_by": "Aufhebung erbeten von",
    "lift_asked_at": "Aufhebung erbeten am",
    "lift_reason": "Grund der Aufhebung",
    "lift_second": "Aufhebung bestätigt von",
    "skill": "Fertigkeit",
    "break_off_reason": "Abgebrochen wegen",
    "isced": "Bildungsstufe",
    "extra": "Zusatz",
    "care_of": "Bei",
    "rent": "Miete",
    "notice_until": "Gekündigt zum",
    "plan": "Plan (Nummer)",
    "plan_version": "Fassung des Plans",
    "ended_on": "Beendet am",
    "end_reason": "Grund des Endes",
    "agreed_on": "Vereinbart am",
    "agreed_form": "Vereinbart durch",
    "agreed_language": "Vereinbart auf",
    "agreed_interpreter": "Dolmetschen bei der Vereinbarung",
    "document": "Dokument (Nummer)",
    "own_estimate": "Eigene Einschätzung",
    "importance": "Wichtigkeit",
    "reason": "Grund",
    "sign": "Woran wir es merken",
    "results": "Ergebnisse je Ziel",
    "touched": "Berührte Ziele",
    "counted": "Zählweise",
    "priority": "Dringlichkeit",
    "source": "Anlass",
    "hand_over": "Zur Übergabe",
    "assignee": "Zuständig",
    "media_type": "Dateityp",
    "bytes": "Größe in Byte",
    "concerns": "Betrifft (Nummer)",
    "concerns_text": "Betrifft",
    "sha256": "Prüfsumme",
    "original_seen": "Original gesehen",
    "translation_of": "Übersetzung von (Nummer)",
    "transfer_default": "Zur Übergabe vorgemerkt",
    "digest": "Prüfsumme der Ablage",
    "protection": "Schutz",
    "consent": "Einwilligung (Nummer)",
    "salt": "Zufallswert",
    "voided_on": "Gestrichen am",
    "void_reason": "Grund der Streichung",
    "decision": "Entscheidung",
    "decided_on": "Entschieden am",
    "decision_reason": "Begründung",
    "ground": "Rechtsgrund",
    "asked_at": "Erbeten am",
    "asked_by": "Erbeten von",
    "seen": "Prüfwert der gesehenen Akte",
    "statute": "Paragraf",
    "recipients": "An wen",
    "categories": "Bereiche",
    "documents": "Dokumente",
    "secrecy_release": "Von der Schweigepflicht entbunden",
    "agreed_at": "Zugestimmt am",
    "agreed_by": "Zugestimmt von",
    "restricted_on": "Gesperrt am",
    "lifted_on": "Sperre aufgehoben am",
}

_MONTH: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)
_ORDER: Final = {name: place for place, name in enumerate(FIELDS)}


def place(name: str) -> tuple[int, str]:
    """Fields in the order of the list above, then the others by name."""
    return (_ORDER.get(name, len(_ORDER)), name)


def texts(kind: str, name: str, value: Json) -> Iterator[str]:
    """A value in words: codes by their label, days as they are written here."""
    field = field_of(kind, name)
    match value:
        case None | "":
            return
        case bool():
            yield "ja" if value else "nein"
        case list():
            for item in value:
                yield from texts(kind, name, item)
        case {"text": said}:
            # A name in another script, with the language it is written in.
            yield from texts(kind, name, said)
        case dict():
            for inner in value.values():
                yield from texts(kind, name, inner)
        case _ if field is not None and field.codes is not None:
            yield label(field.codes, value)
        case str():
            yield written(value)
        case _:
            yield str(value)


def title_of(record: Record) -> str:
    """What a record is, and its day."""
    on = record.text("date") or record.recorded_at.date().isoformat()
    return f"{KINDS.get(record.kind, 'Weitere Angaben')}, {written(on)}"


def written(text: str) -> str:
    """A text; a day, or a month if no more is known, as it is written here."""
    month = _MONTH.fullmatch(text)
    if month is not None:
        return f"{month[2]}.{month[1]}"
    try:
        return day(date.fromisoformat(text))
    except ValueError:
        return text


def day(value: date) -> str:
    """A day, like ``03.12.2026``."""
    return f"{value:%d.%m.%Y}"
