"""The town's own list: tried without a trace, then taken in as it was tried.

Enters: a list that was read, the repairs a person agreed to, and for taking in the digest
of the trial. Leaves: an ``ImportPlan``; taking in also leaves cases, in one transaction.
Must never happen: an import nobody has seen as a trial; a trial that writes; an entry of a
list that counts as our own work. Implements chapter 7 of the field document (Dry run,
Apply), FR-8, DO-42.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from node.accounts.policy import Actor, require
from node.cases.days import local_day
from node.cases.model import Baton, CaseFile, Origin, PartialDate, Record
from node.cases.townlist import TownList
from node.cases.townplan import ImportPlan, Known, plan_import
from node.cases.townrow import Newcomer, Offer
from node.crypto.keys import Randomness
from node.errors import ConflictError
from node.ids import AccountId, Ags, CaseId, RecordId, uuid7
from node.report.readings import ReadingUnit
from node.strictjson import JsonObject


@dataclass(frozen=True, slots=True)
class ListWish:
    """A list, the repairs a person agreed to, and place names that mean one AGS only."""

    listed: TownList
    accepted: frozenset[Offer]
    places: Mapping[str, Ags]


def try_list(uow: ReadingUnit, wish: ListWish, *, today: date, by: Actor) -> ImportPlan:
    """What would become of the list today; reads everybody's names, writes nothing."""
    require(by, "list.import")
    return _plan(uow, wish, today)


def import_list(
    uow: ReadingUnit,
    wish: ListWish,
    *,
    digest: str,
    at: datetime,
    randomness: Randomness,
    by: Actor,
) -> ImportPlan:
    """Take the list in exactly as its trial showed.

    Args:
        uow: The transaction.
        wish: As for the trial.
        digest: ``ImportPlan.digest`` of the trial.
        at: The instant of the import.
        randomness: For the ids of cases and records.
        by: The caseworker whose cases these become.

    Raises:
        ConflictError: The list, the repairs or the people known here are not those of the
            trial; try again and look again.
    """
    require(by, "list.import")
    with uow:
        plan = _plan(uow, wish, local_day(at))
        if plan.digest != digest:
            raise ConflictError("not the list that was tried")
        writer = _Writer(plan, at, randomness, by.account)
        for newcomer in plan.new:
            file, records = writer.case_of(newcomer)
            uow.cases.open_new(file)
            uow.cases.put(records)
            uow.cases.set_birth_year(file.id, _birth_year(newcomer))
        uow.commit()
    return plan


def _plan(uow: ReadingUnit, wish: ListWish, today: date) -> ImportPlan:
    people = uow.readings.people(list(uow.readings.versions()))
    known = (
        Known(row.case, row.family_name, row.given_names, row.birth, row.household)
        for row in people
    )
    return plan_import(
        wish.listed,
        known,
        today=today,
        accepted=wish.accepted,
        places=wish.places,
    )


def _birth_year(newcomer: Newcomer) -> int | None:
    text = newcomer.person.get("birth_date")
    return PartialDate(text).first.year if text else None


class _Writer:
    """Makes case files and records of one import; one household per name in the list."""

    def __init__(
        self,
        plan: ImportPlan,
        at: datetime,
        randomness: Randomness,
        worker: AccountId | None,
    ) -> None:
        self._at = at
        self._randomness = randomness
        self._worker = worker
        self._homes = dict(plan.joins)

    def case_of(self, newcomer: Newcomer) -> tuple[CaseFile, list[Record]]:
        case = CaseId(self._new_id())
        household = self._household(newcomer.home)
        file = CaseFile(
            id=case,
            epoch=1,
            baton=Baton.ACTIVE,
            version=1,
            opened_on=local_day(self._at),
            household=household,
            caseworker=self._worker,
            responsible_from=newcomer.start,
        )
        blank = Record(
            case=case,
            id=RecordId(self._new_id()),
            kind="",
            values={},
            recorded_at=self._at,
            origin=Origin.LIST,
            recorded_by=self._worker,
        )
        return file, [
            replace(blank, id=RecordId(self._new_id()), kind=kind, values=values)
            for kind, values in self._contents(newcomer, case, household)
        ]

    def _contents(
        self, newcomer: Newcomer, case: CaseId, household: RecordId
    ) -> Iterator[tuple[str, JsonObject]]:
        since = newcomer.start.isoformat()
        yield "person", newcomer.person
        yield (
            "household_member",
            {"household": str(household), "member": str(case), "valid_from": since},
        )
        yield "care_status", {"care_status": "in_responsibility", "valid_from": since}
        yield from newcomer.records
        for title, text in newcomer.left_over:
            yield (
                "follow_up",
                {
                    "due": local_day(self._at).isoformat(),
                    "priority": "normal",
                    "source": "system",
                    "text": f"Aus der Liste zu klären: {title}: {text}",
                    **({"assignee": str(self._worker)} if self._worker else {}),
                },
            )

    def _household(self, home: str) -> RecordId:
        if not home:
            return RecordId(self._new_id())
        if home not in self._homes:
            self._homes[home] = RecordId(self._new_id())
        return self._homes[home]

    def _new_id(self) -> str:
        return uuid7(int(self._at.timestamp() * 1000), self._randomness(10))
