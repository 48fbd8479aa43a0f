"""What the people of the demo answered when they were asked.

Enters: a resident, a day, categories. Leaves: ``Consent`` values with the bytes that were
agreed to. Must never happen: an answer that ends after the counselling clock; a minor who
is spoken for by one of two. Implements FR-12, FR-20, FR-23, DO-14 and the field document,
3.5.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from node import strictjson
from node.cases.consent import RESPONSIBLE_AT_NEW_PLACE, Basis, Consent, GivenBy
from node.cases.model import SENSITIVE, counselling_last_day
from node.demo.chance import Chance
from node.demo.records import Clerk, office_hours
from node.demo.residents import REFERENCE, Resident
from node.ids import ConsentId, RecordId
from node.strictjson import JsonObject

EVERYDAY: Final = frozenset(
    {"K01", "K02", "K03", "K04", "K05", "K06", "K07", "K08", "K10", "K11", "K13", "K16"}
)
"""What most people say yes to: nothing sensitive."""

NOTES: Final = "K12"
TEXT_VERSION: Final = "demo-1"

_YEAR: Final = timedelta(days=364)
_MARGIN: Final = timedelta(days=7)
"""A shift through time moves the end of the clock by a day at most."""


def answer(
    resident: Resident,
    day: date,
    categories: frozenset[str],
    *,
    clerk: Clerk,
    documents: Iterable[RecordId] = (),
    announce_by_name: bool = False,
) -> Consent:
    """One answer, given on this day; without categories it is a no."""
    chance = clerk.chance.of("consent", resident.case, day.isoformat())
    end = min(day + _YEAR, counselling_last_day(resident.clock_start) - _MARGIN)
    given_by = GivenBy.SELF
    if not resident.is_adult:
        is_joint = len(resident.parents) == 2
        given_by = GivenBy.BOTH_GUARDIANS if is_joint else GivenBy.GUARDIAN
    return with_evidence(
        Consent(
            id=ConsentId.of(chance.bytes(16)),
            case=resident.case,
            given_by=given_by,
            guardians=resident.parents,
            basis=Basis.CONSENT,
            purpose="relocation",
            recipients=(RESPONSIBLE_AT_NEW_PLACE,),
            categories=categories,
            documents=frozenset(documents) if categories else frozenset(),
            valid_from=day,
            valid_until=end if categories else day,
            recorded_at=office_hours(day),
            recorded_by=resident.caseworker,
            language="de",
            form="screen",
            text_version=TEXT_VERSION,
            evidence=b"",
            digest=b"",
            salt=chance.bytes(32),
            announce_by_name=announce_by_name,
            declined_on=None if categories else day,
        )
    )


def with_evidence(consent: Consent) -> Consent:
    """The consent with the canonical JSON of what was agreed to, and its SHA-256."""
    said: JsonObject = {
        "v": 1,
        "consent": str(consent.id),
        "case": str(consent.case),
        "given_by": str(consent.given_by),
        "purpose": consent.purpose,
        "recipients": sorted(consent.recipients),
        "categories": sorted(consent.categories),
        "documents": sorted(str(document) for document in consent.documents),
        "valid_from": consent.valid_from.isoformat(),
        "valid_until": consent.valid_until.isoformat(),
        "announce_by_name": consent.announce_by_name,
        "language": consent.language,
        "form": consent.form,
        "text_version": consent.text_version,
        "evidence_kind": "demo",
    }
    evidence = strictjson.encode(said)
    return replace(consent, evidence=evidence, digest=hashlib.sha256(evidence).digest())


def ordinary_answers(residents: Sequence[Resident], clerk: Clerk) -> Iterator[Consent]:
    """What people outside the stories answered: half were asked, one in ten said no."""
    chance = clerk.chance.of("ordinary answers")
    for household in _asked(residents, chance):
        says_no = chance.one_in(10)
        asked = chance.between(30, 300)
        extra = frozenset({NOTES}) if chance.one_in(4) else frozenset()
        for resident in household:
            if resident.care != "c" or resident.start > REFERENCE - timedelta(days=300):
                continue
            day = REFERENCE - timedelta(days=asked)
            categories = frozenset() if says_no else (EVERYDAY - SENSITIVE) | extra
            yield answer(resident, day, categories, clerk=clerk)


def _asked(
    residents: Sequence[Resident], chance: Chance
) -> Iterator[tuple[Resident, ...]]:
    """Half of the households that are present."""
    homes: dict[RecordId, list[Resident]] = {}
    for resident in residents:
        if resident.is_present:
            homes.setdefault(resident.household, []).append(resident)
    return (tuple(home) for home in homes.values() if chance.one_in(2))
