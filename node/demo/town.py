"""Two towns of invented people, as values.

Enters: a seed and a day. Leaves: a ``Demo``: for Wehr and Bad Säckingen their accounts and
case files with records, documents and consents, and the handovers between them. Must never
happen: a clock, a database, a name that is not of the vocabulary; two builds of one seed
that differ. Implements the field document, chapter 9; DO-1, DO-45.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from node.accounts.model import Account, Role
from node.cases.consent import Consent
from node.cases.model import Baton, CaseFile, Record
from node.demo.answers import EVERYDAY, NOTES, answer, ordinary_answers
from node.demo.casefiles import opening_records
from node.demo.chance import Chance
from node.demo.figures import (
    SAECKINGEN_PLANS,
    SAECKINGEN_TALKS,
    WEHR_PLANS,
    WEHR_TALKS,
)
from node.demo.handovers import hand_over
from node.demo.papers import Paper, documents, flags_and_helpers, follow_ups
from node.demo.plans import plan_records
from node.demo.records import Clerk, Place
from node.demo.register import Demo, DemoCase, DemoTown, Handover
from node.demo.residents import REFERENCE, STORIES, Resident, families, populate
from node.demo.shifting import shift, shift_handover
from node.demo.talks import Wanted, contact_records
from node.demo.words import phrases, rows
from node.ids import AccountId, Ags, CaseId, MemberId, RecordId

__all__ = [
    "MURG",
    "SAECKINGEN",
    "WEHR",
    "Demo",
    "DemoCase",
    "DemoTown",
    "Handover",
    "build_demo",
    "shift",
]

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
MURG: Final = Place(
    MemberId("08337-landkreis-waldshut"), Ags("08337076"), "Murg", "79730", "L"
)
"""Where story 4 goes; its district answers for it, and has no node in the demo."""

_STAFF: Final = (
    ("fachkraft", Role.CASEWORKER),
    ("freigabe", Role.APPROVER),
    ("verwaltung", Role.ADMINISTRATOR),
    ("pruefung", Role.AUDITOR),
    ("fachkraft2", Role.CASEWORKER),
)
_CARE_WINDOW: Final = date(2020, 3, 16)
_FIRST_NUMBER_SAECKINGEN: Final = 301
_ASKED: Final = REFERENCE - timedelta(days=10)


def build_demo(seed: int, as_of: date = REFERENCE) -> Demo:
    """Both towns as they stand on the last Monday up to this day.

    The same seed gives the same demo, value by value; without a day it is that of the
    reference day, at which the field document's numbers hold.
    """
    weeks = (as_of - REFERENCE).days // 7
    chance = Chance(b"staffelstab demo %d" % seed)
    staff = _accounts(SAECKINGEN, 5, chance.of("saeckingen"))
    worker = _caseworkers(staff)[0]
    wehr, handovers, movers = _wehr(chance.of("wehr"), worker)
    saeckingen = _saeckingen(chance.of("saeckingen"), staff, handovers, movers)
    return Demo(
        wehr=shift(wehr, weeks),
        saeckingen=shift(saeckingen, weeks),
        handovers=tuple(shift_handover(handover, weeks) for handover in handovers),
        monday=REFERENCE + timedelta(weeks=weeks),
    )


def _wehr(
    chance: Chance, worker: AccountId
) -> tuple[DemoTown, tuple[Handover, ...], tuple[Resident, ...]]:
    """The town, its handovers, and who moved with them."""
    accounts = _accounts(WEHR, 4, chance)
    residents = populate(rows("wehr"), _caseworkers(accounts), chance)
    clerk = Clerk(WEHR, chance)
    ahorn = next(r for r in residents if r.tree == "Ahorn" and not r.is_present)
    papers = list(documents(residents, clerk))
    records = [
        *_opening(residents, 1, clerk),
        *plan_records(residents, WEHR_PLANS, clerk),
        *contact_records(
            residents,
            WEHR_TALKS,
            [*_wanted(residents), *_wanted_for_stories(residents, ahorn)],
            alone=frozenset({ahorn.case}),
            clerk=clerk,
        ),
        *follow_ups(residents, clerk),
        *flags_and_helpers(residents, clerk),
        *_new_home_in_murg(residents, clerk),
    ]
    plain = [r for r in residents if r.tree not in STORIES]
    consents = [
        *ordinary_answers(plain, clerk),
        *_story_answers(residents, papers, clerk),
    ]
    cases = {
        case.file.id: case for case in _cases(residents, records, papers, consents)
    }
    movers = tuple(r for r in residents if r.closure == "moved_with_transfer")
    handovers = tuple(
        hand_over(
            [cases[r.case] for r in home],
            home[0].last_day + timedelta(days=1),
            sender=WEHR,
            recipient=SAECKINGEN,
            worker=worker,
        )
        for home in families(movers).values()
    )
    cases |= {case.file.id: case for h in handovers for case in h.after}
    return DemoTown(WEHR, accounts, tuple(cases.values())), handovers, movers


def _saeckingen(
    chance: Chance,
    accounts: tuple[Account, ...],
    handovers: Sequence[Handover],
    movers: Sequence[Resident],
) -> DemoTown:
    own = populate(rows("saeckingen"), _caseworkers(accounts), chance)
    newcomers = [_newcomer(r, _caseworkers(accounts)[0]) for r in movers]
    everybody = (*own, *newcomers)
    clerk = Clerk(SAECKINGEN, chance)
    papers = list(documents(own, clerk))
    records = [
        *_opening(own, _FIRST_NUMBER_SAECKINGEN, clerk),
        *plan_records(own, SAECKINGEN_PLANS, clerk),
        *contact_records(
            everybody,
            SAECKINGEN_TALKS,
            _wanted(everybody),
            alone=frozenset(),
            clerk=clerk,
        ),
        *follow_ups(own, clerk),
    ]
    consents = [
        *ordinary_answers(own, clerk),
        # Story 5 goes back with what came with him, so he is asked about that.
        *(
            answer(r, _ASKED, EVERYDAY, clerk=clerk)
            for r in newcomers
            if r.tree == "Ahorn"
        ),
    ]
    came = {case.file.id: case for h in handovers for case in h.arrived}
    cases = (
        replace(
            came[case.file.id],
            records=came[case.file.id].records + case.records,
            consents=case.consents,
        )
        if case.file.id in came
        else case
        for case in _cases(everybody, records, papers, consents)
    )
    return DemoTown(SAECKINGEN, accounts, tuple(cases))


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


def _newcomer(resident: Resident, worker: AccountId) -> Resident:
    """Somebody who moved here from Wehr, as this town sees them."""
    return replace(
        resident,
        start=resident.last_day + timedelta(days=1),
        until=None,
        closure=None,
        care="c",
        plan=".",
        talks_until=REFERENCE,
        caseworker=worker,
    )


def _opening(
    residents: Sequence[Resident], first: int, clerk: Clerk
) -> Iterable[Record]:
    for number, resident in enumerate(residents, first):
        yield from opening_records(resident, number, clerk)


def _wanted(residents: Sequence[Resident]) -> Iterable[Wanted]:
    """What must be among the entries so that the care rate is what it is (FR-5)."""
    for family in families(r for r in residents if r.is_present).values():
        cared_for = tuple(r for r in family if r.care == "c")
        if cared_for:
            first = max(_CARE_WINDOW, cared_for[0].start)
            yield Wanted(cared_for, first, REFERENCE)
        lost = tuple(r for r in family if r.care == "o")
        if lost:
            yield Wanted(lost, lost[0].start, lost[0].talks_until)
        for resident in family:
            # A contact alone does not make somebody cared for.
            if resident.care.isupper():
                yield Wanted((resident,), _CARE_WINDOW, REFERENCE)


def _wanted_for_stories(
    residents: Sequence[Resident], ahorn: Resident
) -> Iterable[Wanted]:
    """Story 5's six talks, and story 2's note about two of whom one stays (DO-16)."""
    for _ in range(6):
        yield Wanted((ahorn,), ahorn.start, ahorn.last_day, "talk")
    goes, stays = (
        next(r for r in residents if r.tree == "Linde" and r.role == role)
        for role in ("head", "sibling")
    )
    (note,) = phrases("note", "mixed")[0]
    first, last = date(2020, 10, 1), date(2021, 2, 26)
    yield Wanted((goes, stays), first, last, "talk", note)


def _new_home_in_murg(residents: Sequence[Resident], clerk: Clerk) -> Iterable[Record]:
    """Story 4's couple has told us where it will live."""
    move_in = (REFERENCE + timedelta(days=14)).isoformat()
    for resident in residents:
        if resident.tree == "Buche":
            yield clerk.write(
                resident,
                "accommodation",
                REFERENCE - timedelta(days=3),
                {
                    "housing": "private",
                    "move_in": move_in,
                    "ags": str(MURG.ags),
                    "street": "Demoweg",
                    "number": "7",
                    "postcode": MURG.postcode,
                    "town": MURG.name,
                },
            )


def _story_answers(
    residents: Sequence[Resident], papers: Sequence[Paper], clerk: Clerk
) -> Iterable[Consent]:
    """Who moved or is about to move said yes; one brother said no."""
    for resident in residents:
        has_moved = resident.closure == "moved_with_transfer"
        is_waiting = resident.tree in STORIES - {"Ahorn"} and resident.is_present
        if not has_moved and not is_waiting:
            continue
        day = resident.last_day - timedelta(days=10) if has_moved else _ASKED
        if resident.role == "sibling":
            yield answer(resident, day, frozenset(), clerk=clerk)
            continue
        notes = {NOTES} if resident.tree == "Linde" else set[str]()
        yield answer(
            resident,
            day,
            EVERYDAY | notes,
            clerk=clerk,
            documents=[p.record.id for p in papers if p.record.case == resident.case],
            announce_by_name=resident.tree == "Buche",
        )


def _cases(
    residents: Sequence[Resident],
    records: Iterable[Record],
    papers: Iterable[Paper],
    consents: Iterable[Consent],
) -> Iterable[DemoCase]:
    files: dict[CaseId, dict[RecordId, bytes]] = {r.case: {} for r in residents}
    by_case: dict[CaseId, list[Record]] = {r.case: [] for r in residents}
    for paper in papers:
        by_case[paper.record.case].append(paper.record)
        files[paper.record.case][paper.record.id] = paper.content
    for record in records:
        by_case[record.case].append(record)
    said: Mapping[CaseId, list[Consent]] = {r.case: [] for r in residents}
    for consent in consents:
        said[consent.case].append(consent)
    for resident in residents:
        yield DemoCase(
            file=_file(resident),
            records=tuple(sorted(by_case[resident.case], key=lambda r: r.recorded_at)),
            consents=tuple(said[resident.case]),
            files=files[resident.case],
            birth_year=resident.birth.year,
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
