"""What stands in a file before the first talk: person, home, papers, languages, work.

Enters: a resident and the clerk. Leaves: records, one list per person. Must never happen: a
phone number that rings somewhere, a mail address that reaches somebody, a street that
exists. Implements the field document, 3.2, 3.3 and chapter 9. Numbers are of the range
(0)30 23125 000 to 999, kept free for fiction (Bundesnetzagentur, notice 148/2021).
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from node.cases.model import Record, counselling_last_day
from node.demo.chance import Chance
from node.demo.records import Clerk
from node.demo.residents import CARE, REFERENCE, Resident
from node.demo.words import COUNTRIES, SCRIPTS

_FICTION: Final = "+493023125"
_LEVELS: Final = ("A0", "A1", "A1", "A2", "A2", "B1", "B1", "B2")
_WORK: Final = (
    *(("none", "SGB_II"),) * 4,
    ("minijob", "mixed"),
    ("part_time", "mixed"),
    *(("full_time", "own_income"),) * 2,
    ("apprenticeship", "own_income"),
    ("measure", "SGB_II"),
)
_ASYLUM: Final = {"AsylG-55": "pending", "AufenthG-60a": "final_negative"}
_FIRST_SEEN: Final = timedelta(days=10)
_COURSE: Final = timedelta(days=400)


def opening_records(resident: Resident, number: int, clerk: Clerk) -> Iterator[Record]:
    """Everything about a person but talks and plans; ``number`` counts the town's cases."""
    chance = clerk.chance.of("file", resident.case)
    yield clerk.write(
        resident, "person", resident.start, _person(resident, number, clerk, chance)
    )
    yield clerk.write(
        resident,
        "household_member",
        resident.start,
        {
            "household": str(resident.household),
            "member": str(resident.case),
            "role": resident.role,
            "valid_from": resident.start.isoformat(),
            "valid_until": _iso(resident.until),
        },
    )
    yield clerk.write(
        resident,
        "responsibility",
        resident.start,
        {
            "responsibility_basis": "private_after_follow_up"
            if resident.housing == "private"
            else "follow_up_housing",
            "valid_from": resident.start.isoformat(),
            "valid_until": _iso(resident.until),
        },
    )
    yield from _care(resident, clerk)
    yield _residence(resident, clerk, chance)
    yield _home(resident, clerk)
    yield from _languages(resident, clerk, chance)
    yield from _work_or_school(resident, clerk, chance)


def _person(
    resident: Resident, number: int, clerk: Clerk, chance: Chance
) -> dict[str, object]:
    own_script = resident.name.own_script
    country = chance.pick(COUNTRIES[resident.language])
    is_reachable = resident.is_adult and not chance.one_in(8)
    arrived = resident.start - timedelta(days=chance.between(200, 900))
    phone = f"{_FICTION}{number:03d}" if is_reachable else ""
    return {
        "family_name": resident.family_name,
        "given_names": resident.name.latin,
        "name_other_script": [{"lang": SCRIPTS[resident.language], "text": own_script}]
        if own_script
        else None,
        "birth_date": resident.birth_text,
        "birth_date_fictitious": resident.is_fictitious or None,
        "birth_country": country,
        "citizenships": [country],
        "gender": "w" if resident.gender == "f" else "m",
        "phones": [phone] if phone else None,
        "emails": [_mail(resident, number)] if phone and chance.one_in(2) else None,
        "preferred_channel": chance.pick(("messenger", "phone")) if phone else None,
        "messenger_allowed": bool(phone) and not chance.one_in(4),
        "counselling_start": resident.clock_start.isoformat(),
        "counselling_max_end": counselling_last_day(resident.clock_start).isoformat(),
        "marital_status": _marital(resident),
        "custody": _custody(resident),
        "guardians": [str(case) for case in resident.parents],
        "origin_country": country,
        "arrival_germany": arrived.isoformat()[:7],
        "arrival_town": resident.start.isoformat()[:7],
        "literacy": "latin" if chance.one_in(2) else "other_script",
        "interpreter_needed": resident.needs_interpreter,
        "birth_year": resident.birth.year,
        "caseworker": str(resident.caseworker),
        "case_number": f"{clerk.place.mark}-{number:04d}",
    }


def _mail(resident: Resident, number: int) -> str:
    """A mailbox under a top level that exists in examples only (RFC 2606)."""
    return f"demo-{resident.gender}{number:03d}@post.example"


def _marital(resident: Resident) -> str | None:
    if not resident.is_adult:
        return None
    return "married" if resident.role == "partner" else "unknown"


def _custody(resident: Resident) -> str | None:
    if resident.is_adult:
        return None
    return "joint" if len(resident.parents) == 2 else "sole"


def _care(resident: Resident, clerk: Clerk) -> Iterator[Record]:
    """The dated history of care (FR-4), each state from the day it began."""
    history = [(resident.start, "in_responsibility")]
    was_seen = resident.talks_until >= resident.start
    seen = min(resident.start + _FIRST_SEEN, resident.last_day)
    if was_seen:
        history.append((seen, "cared_for"))
    known = CARE.get(resident.care.lower())
    if known not in (None, "cared_for"):
        began = resident.talks_until + timedelta(days=1) if was_seen else seen
        history.append((began, known))
    for day, status in history:
        yield clerk.write(
            resident,
            "care_status",
            day,
            {"care_status": status, "valid_from": day.isoformat()},
        )
    if resident.until is not None:
        gone = resident.until + timedelta(days=1)
        is_handed_over = resident.closure == "moved_with_transfer"
        yield clerk.write(
            resident,
            "care_status",
            gone,
            {
                "care_status": "transferred_out" if is_handed_over else "closed",
                "valid_from": gone.isoformat(),
                "closure_reason": resident.closure,
                "closed_on": resident.until.isoformat(),
            },
        )


def _residence(resident: Resident, clerk: Clerk, chance: Chance) -> Record:
    begins = resident.start - timedelta(days=chance.between(30, 400))
    ends = REFERENCE + timedelta(days=chance.between(20, 700))
    return clerk.write(
        resident,
        "residence",
        resident.start,
        {
            "residence": resident.residence,
            "work_permission": "allowed"
            if resident.residence not in _ASYLUM
            else "with_approval",
            "asylum_step": _ASYLUM.get(resident.residence, "recognised"),
            "valid_from": begins.isoformat(),
            "valid_until": ends.isoformat(),
            "authority": "Ausländerbehörde Demo",
        },
    )


def _home(resident: Resident, clerk: Clerk) -> Record:
    """One address per household; shared housing is one house."""
    chance = clerk.chance.of("home", resident.household)
    number = 1 if resident.housing == "follow_up_shared" else chance.between(2, 98)
    return clerk.write(
        resident,
        "accommodation",
        resident.start,
        {
            "housing": resident.housing,
            "move_in": resident.start.isoformat(),
            "move_out": _iso(resident.until),
            "ags": str(clerk.place.ags),
            "rooms": chance.between(1, 4),
            "street": "Demoweg",
            "number": str(number),
            "postcode": clerk.place.postcode,
            "town": clerk.place.name,
        },
    )


def _languages(resident: Resident, clerk: Clerk, chance: Chance) -> Iterator[Record]:
    yield clerk.write(
        resident,
        "language",
        resident.start,
        {"language": resident.language, "lang_kind": "mother_tongue"},
    )
    if not resident.is_adult:
        return
    level = chance.below(len(_LEVELS))
    assessed = resident.start + _COURSE
    has_learned = assessed <= resident.last_day
    steps = [(resident.start, max(0, level - 3))]
    if has_learned:
        steps.append((assessed, level))
    for day, reached in steps:
        yield clerk.write(
            resident,
            "language",
            day,
            {
                "language": "de",
                "lang_kind": "spoken",
                "level": _LEVELS[reached],
                "evidence": "caseworker" if reached < 4 else "DTZ",
                "assessed_on": day.isoformat(),
            },
        )
    if has_learned and level > 2:
        yield clerk.write(
            resident,
            "course",
            assessed,
            {
                "course": "integration_general",
                "valid_from": (resident.start + timedelta(days=30)).isoformat(),
                "valid_until": (assessed - timedelta(days=30)).isoformat(),
                "hours": 600,
                "status": "finished",
                "level": _LEVELS[level],
                "provider": "Demo-Sprachschule",
            },
        )


def _work_or_school(
    resident: Resident, clerk: Clerk, chance: Chance
) -> Iterator[Record]:
    day = resident.start
    if resident.is_adult:
        employment, livelihood = chance.pick(_WORK)
        if resident.residence in _ASYLUM:
            livelihood = "AsylbLG_3"
        yield clerk.write(
            resident,
            "employment",
            day,
            {
                "employment": employment,
                "livelihood": livelihood,
                "valid_from": day.isoformat(),
                "employer": "" if employment == "none" else "Demo-Betrieb",
            },
        )
        return
    age = REFERENCE.year - resident.birth.year
    care = "kindergarten" if age < 6 else "primary" if age < 11 else "secondary"
    yield clerk.write(
        resident,
        "childcare_school",
        day,
        {
            "childcare": care,
            "valid_from": day.isoformat(),
            "facility": "Demo-Kindergarten" if age < 6 else "Demo-Schule",
        },
    )


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
