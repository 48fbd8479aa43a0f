"""Titles of columns: under which words offices keep which field.

Enters: the titles of a list. Leaves: which field each column is taken for, and which
columns are months. Must never happen: two columns for one field; a field whose meaning was
guessed from what stands below. Implements chapter 7 of the field document (Map).
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from node.strictjson import encode

# Field -> titles under which offices keep it, folded to letters and digits.
_TITLES: Final[Mapping[str, str]] = {
    "family_name": "nachname familienname famname zuname",
    "given_names": "vorname vornamen rufname",
    "full_name": "name nachnamevorname namevorname familiennamevorname person klient"
    " klientin teilnehmer",
    "birth_name": "geburtsname geborene mädchenname",
    "birth_date": "geburtsdatum geburtdatum gebdatum gebdat geb geburtstag geborenam",
    "birth_place": "geburtsort geburtort gebort",
    "birth_country": "geburtsland geburtland",
    "gender": "geschlecht mw mwd",
    "marital_status": "familienstand famstand",
    "citizenship": "staatsangehörigkeit staatsangehörigkeiten nationalität stang",
    "origin_country": "herkunftsland herkunft",
    "language": "sprache sprachen muttersprache",
    "german_level": "deutschniveau sprachniveau deutschkenntnisse niveaudeutsch",
    "household": "haushalt haushaltsnr haushaltnr haushaltsnummer haushaltnummer"
    " hhnr familie familienr familiennr familiennummer haushaltfamilienr",
    "role": "rolle stellung stellungimhaushalt rolleimhaushalt",
    "street": "straße strasse straßehausnummer straßehausnr straßenr",
    "number": "hausnummer hausnr",
    "postcode": "plz postleitzahl",
    "town": "ort wohnort",
    "ags": "ags gemeindeschlüssel amtlichergemeindeschlüssel gemeindekennziffer gkz",
    "housing": "unterbringung unterkunft wohnform unterbringungsart",
    "move_in": "einzug einzugsdatum eingezogenam",
    "phone": "telefon telefonnummer tel handy handynummer mobil mobilnummer mobiltelefon",
    "email": "email emailadresse mail mailadresse",
    "residence": "status aufenthalt statusaufenthalt aufenthaltsstatus aufenthaltstitel",
    "residence_until": "gültigbis befristetbis titelgültigbis aufenthaltbis"
    " aufenthaltstitelgültigbis",
    "arrival_town": "zuzug zuzugsdatum zugezogenam zuzugam",
    "arrival_germany": "einreise einreisedatum",
    "counselling_start": "betreuungsbeginn beratungsbeginn betreutseit betreuungseit",
    "case_number": "aktenzeichen fallnummer az",
    "talk_date": "datum gesprächsdatum beratungsdatum kontaktdatum kontaktam gesprächam"
    " gesprächvom beratungam datumgespräch datumkontakt",
    "talk_form": "form art kontaktart kontaktform gesprächsform artdeskontakts"
    " artdesgesprächs",
    "talk_minutes": "minuten min dauer dauermin dauerinminuten dauerinmin",
    "talk_topic": "thema themen anliegen",
    "talk_note": "notiz notizen bemerkung bemerkungen inhalt gesprächsnotiz",
}
FIELDS: Final = tuple(_TITLES)
"""Every field a column can be, in the order in which pages offer them."""
_FIELD_OF: Final = {
    title: field for field, titles in _TITLES.items() for title in titles.split()
}
REPEATABLE: Final = frozenset({"phone", "email"})
NAMES: Final = frozenset({"family_name", "given_names", "full_name"})
TALK: Final = frozenset(field for field in FIELDS if field.startswith("talk_"))
_MONTH: Final = re.compile(
    r"(?:januar|jan|februar|feb|märz|mär|mrz|april|apr|mai|juni|jun|juli|jul|august|aug"
    r"|september|sept|sep|oktober|okt|november|nov|dezember|dez)\.?[ /-]?"
    r"(?:\d{4}|\d{2})?|(?:0?[1-9]|1[0-2])[./-](?:\d{4})|\d{4}-(?:0[1-9]|1[0-2])"
)
_FEWEST_MONTHS: Final = 3


def folded(title: str) -> str:
    """A title as letters and digits, lower case."""
    plain = unicodedata.normalize("NFC", title).lower()
    return "".join(letter for letter in plain if letter.isalnum())


def clean(text: str) -> str:
    """Composed letters (NFC), single blanks; a hard blank is a blank."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def known_titles(cells: Iterable[str]) -> frozenset[str]:
    """The fields that these cells name."""
    return frozenset(_FIELD_OF[t] for t in map(folded, cells) if t in _FIELD_OF)


def joined_title(upper: str, lower: str) -> str:
    """Two lines of titles as one: both if that names a field, else the one that does."""
    both = clean(f"{upper.removesuffix('-')} {lower}") if upper and lower else ""
    for title in (both, lower, upper):
        if folded(title) in _FIELD_OF:
            return title
    return both or lower or upper


def months_in(titles: Sequence[str]) -> frozenset[int]:
    """The places of columns that are months; fewer than three are none."""
    places = [n for n, t in enumerate(titles) if _MONTH.fullmatch(t.lower())]
    return frozenset(places) if len(places) >= _FEWEST_MONTHS else frozenset()


def named_fields(titles: Sequence[str]) -> dict[int, str]:
    """Place of a column -> the field its title names; one field may be named twice."""
    months = months_in(titles)
    found = {
        place: _FIELD_OF[name]
        for place, name in enumerate(map(folded, titles))
        if name in _FIELD_OF and place not in months
    }
    # "Name" beside "Vorname" is the family name; alone it is both.
    if "given_names" in found.values() and "family_name" not in found.values():
        found = {p: "family_name" if f == "full_name" else f for p, f in found.items()}
    if "family_name" in found.values():
        found = {p: f for p, f in found.items() if f != "full_name"}
    # Without a day nothing is a talk: a remark in a list of people is just that.
    if "talk_date" not in found.values():
        found = {p: f for p, f in found.items() if f not in TALK}
    return found


def proposed_fields(titles: Sequence[str]) -> dict[int, str]:
    """As ``named_fields``; of two columns for one field the first is proposed."""
    found: dict[int, str] = {}
    for place, field in named_fields(titles).items():
        if field in REPEATABLE or field not in found.values():
            found[place] = field
    return found


def doubled(fields: Mapping[int, str]) -> frozenset[str]:
    """Fields that two columns claim."""
    single = [field for field in fields.values() if field not in REPEATABLE]
    return frozenset(field for field in single if single.count(field) > 1)


def fingerprint(titles: Sequence[str]) -> bytes:
    """SHA-256 over the folded titles: the same list of another month has the same."""
    return hashlib.sha256(encode([folded(title) for title in titles])).digest()
