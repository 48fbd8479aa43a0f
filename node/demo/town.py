"""Two towns of invented people, as values.

Enters: a seed and a day. Leaves: a ``Demo``: for Wehr and Bad Säckingen their accounts,
case files with records, documents and consents, and what is left of an erased case. Must
never happen: a clock, a database, a name that is not of the vocabulary; two builds of one
seed that differ. Implements the field document, chapter 9; DO-1, DO-45.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final

from node.accounts.model import Account, Role
from node.cases.model import Baton, CaseFile, Record
from node.demo.casefiles import opening_records
from node.demo.chance import Chance
from node.demo.figures import (
    SAECKINGEN_PLANS,
    SAECKINGEN_TALKS,
    WEHR_PLANS,
    WEHR_TALKS,
)
from node.demo.plans import plan_records
from node.demo.records import Clerk, Place
from node.demo.register import Demo, DemoCase, DemoTown
from node.demo.residents import REFERENCE, Resident, families, populate
from node.demo.shifting import shift
from node.demo.talks import Wanted, contact_records
from node.demo.words import phrases, rows
from node.ids import AccountId, Ags, CaseId, MemberId

WEHR: Final = Place(
    MemberId("08337116-stadt-wehr"), Ags("08337116"), "Wehr", "79664", "W"
)
SAECKINGEN: Final = Place(
    MemberId("08337096-stadt-bad-saeckingen"),
    Ags("08337096"),
    "Bad Säckingen",
    "79713",
    "S",
)
_STAFF: Final = (
    ("fachkraft", Role.CASEWORKER),
    ("freigabe", Role.APPROVER),
    ("verwaltung", Role.ADMINISTRATOR),
    ("pruefung", Role.AUDITOR),
    ("fachkraft2", Role.CASEWORKER),
)


def build_demo(seed: int, as_of: date = REFERENCE) -> Demo:
    """Both towns as they stand on the last Monday up to this day.

    The same seed gives the same demo, value by value; without a day it is that of the
    reference day, at which the field document's numbers hold.
    """
    weeks = (as_of - REFERENCE).days // 7
    chance = Chance(b"staffelstab demo %d" % seed)
    return Demo(
        wehr=shift(_wehr(chance.of("wehr")), weeks),
        saeckingen=shift(_saeckingen(chance.of("saeckingen")), weeks),
        monday=REFERENCE + timedelta(weeks=weeks),
    )


def _wehr(chance: Chance) -> DemoTown:
    accounts = _accounts(WEHR, 4, chance)
    residents = populate(rows("wehr"), _caseworkers(accounts), chance)
    clerk = Clerk(WEHR, chance)
    ahorn = next(r for r in residents if r.tree == "Ahorn" and not r.is_present)
    records = [
        record
        for number, resident in enumerate(residents, 1)
        for record in opening_records(resident, number, clerk)
    ]
    records += plan_records(residents, WEHR_PLANS, clerk)
    records += contact_records(
        residents,
        WEHR_TALKS,
        _wanted(residents, ahorn),
        alone=frozenset({ahorn.case}),
        clerk=clerk,
    )
    return DemoTown(WEHR, accounts, _cases(residents, records))


def _saeckingen(chance: Chance) -> DemoTown:
    accounts = _accounts(SAECKINGEN, 5, chance)
    residents = populate(rows("saeckingen"), _caseworkers(accounts), chance)
    clerk = Clerk(SAECKINGEN, chance)
    records = [
        record
        for number, resident in enumerate(residents, 301)
        for record in opening_records(resident, number, clerk)
    ]
    records += plan_records(residents, SAECKINGEN_PLANS, clerk)
    records += contact_records(
        residents, SAECKINGEN_TALKS, (), alone=frozenset(), clerk=clerk
    )
    return DemoTown(SAECKINGEN, accounts, _cases(residents, records))


def _accounts(place: Place, count: int, chance: Chance) -> tuple[Account, ...]:
    birds = chance.of("staff").shuffled(phrases("staff"))
    return tuple(
        Account(
            id=AccountId.of(chance.of("account", login).bytes(16)),
            login=login,
            name=f"Demo {bird}",
            roles=frozenset({role}),
            active_from=date(2018, 5, 2),
            email=f"{login}@{place.slug}.example",
        )
        for (login, role), (bird,) in zip(_STAFF[:count], birds, strict=False)
    )


def _caseworkers(accounts: Iterable[Account]) -> Sequence[AccountId]:
    return [a.id for a in accounts if Role.CASEWORKER in a.roles]


def _wanted(residents: Sequence[Resident], ahorn: Resident) -> list[Wanted]:
    """What must be among the entries so that the care rate is what it is (FR-5)."""
    window = date(2020, 3, 16)
    wanted = [Wanted((ahorn,), ahorn.start, ahorn.last_day, "talk")] * 6
    for family in families(residents).values():
        cared_for = tuple(r for r in family if r.is_present and r.care == "c")
        if cared_for:
            first = max(window, cared_for[0].start)
            wanted.append(Wanted(cared_for, first, REFERENCE))
        lost = tuple(r for r in family if r.is_present and r.care == "o")
        if lost:
            wanted.append(Wanted(lost, lost[0].start, lost[0].talks_until))
        # A contact alone does not make somebody cared for.
        wanted += [
            Wanted((r,), window, REFERENCE)
            for r in family
            if r.is_present and r.care.isupper()
        ]
    return wanted


def _cases(
    residents: Sequence[Resident], records: Iterable[Record]
) -> tuple[DemoCase, ...]:
    by_case: dict[CaseId, list[Record]] = {r.case: [] for r in residents}
    for record in records:
        by_case[record.case].append(record)
    return tuple(
        DemoCase(
            file=_file(resident),
            records=tuple(sorted(by_case[resident.case], key=lambda r: r.recorded_at)),
            birth_year=resident.birth.year,
        )
        for resident in residents
    )


def _file(resident: Resident) -> CaseFile:
    return CaseFile(
        id=resident.case,
        epoch=1,
        baton=Baton.ACTIVE,
        version=1,
        opened_on=resident.start,
        household=resident.household,
        caseworker=resident.caseworker,
        responsible_from=resident.start,
        responsible_until=resident.until,
    )
